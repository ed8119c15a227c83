"""Every error of htagweb_flask: one tree, each with the HTTP status and the code it has on the wire.

A subclass means a different *reaction* of the caller: show a page, tell the browser to stop,
ask for a fresh render, or fix the code. ``trace`` carries a traceback across processes; it reaches a
browser only in debug. ``retry`` says after how many seconds another try makes sense, 0 where nobody knows.
"""

from __future__ import annotations

import os
import traceback

__all__ = [
    "Altered",
    "AppError",
    "BadMessage",
    "ConfigError",
    "Foreign",
    "Full",
    "Gone",
    "HtagError",
    "Locked",
    "PoolError",
    "Refused",
    "Replayed",
    "Retired",
    "SequenceGap",
    "Stale",
    "StoreError",
    "TooLarge",
    "TooMany",
    "from_wire",
    "trace_of",
]


class HtagError(Exception):
    """Base class of all errors raised here."""

    code = "error"
    status = 500
    retry = 0.0

    def __init__(self, message: str = "", trace: str = "", retry: float = 0.0) -> None:
        super().__init__(message)
        self.trace = trace
        self.retry = retry or self.retry


class ConfigError(HtagError, ValueError):
    """A wrong target, option or setting: raised where the developer wrote it, and names the cure."""

    code = "config"


class AppError(HtagError):
    """The developer's app cannot be imported, or failed in its ``init`` or while it was rendered."""

    code = "app"


class PoolError(HtagError):
    """The pool cannot be started or reached."""

    code = "pool"
    status = 503


class Full(PoolError):
    """There is no room for another instance: a matter of time, or of what the user has open."""

    code = "full"
    retry = 30.0


class StoreError(HtagError):
    """The session storage cannot be reached or written."""

    code = "store"
    status = 503
    retry = 2.0


class Refused(HtagError):
    """A request without a valid token, or from a foreign origin."""

    code = "refused"
    status = 403


class Foreign(Refused):
    """Parano: the session is that of another browser, or of this one at another address."""

    code = "foreign"


class Locked(Refused):
    """Parano: the server demands a secret, and this page knows of none."""

    code = "locked"


class BadMessage(HtagError):
    """The request is not what a page of ours sends."""

    code = "bad"
    status = 400


class Altered(BadMessage):
    """What was sealed was changed on its way, or was not sealed for this channel: no reason is given."""

    code = "altered"


class Replayed(HtagError):
    """A sealed record that was opened before: the page seals the same message in another one."""

    code = "replayed"
    status = 425  # RFC 8470, section 5.2: Too Early


class SequenceGap(HtagError):
    """An interaction came before the ones that precede it."""

    code = "gap"
    status = 409


class Gone(HtagError):
    """The instance behind this page does not exist any more."""

    code = "gone"
    status = 410


class Stale(HtagError):
    """The page asks for what the instance does not offer to it: it is told what there is."""

    code = "stale"
    status = 410


class Retired(Gone):
    """The process takes no new page, or has left after it did not: its successor does."""

    code = "retired"


class TooLarge(HtagError):
    """A body or frame over its limit."""

    code = "large"
    status = 413


class TooMany(HtagError):
    """More interactions than an instance takes: again after a second."""

    code = "many"
    status = 429
    retry = 1.0


_KINDS = (
    HtagError,
    ConfigError,
    AppError,
    PoolError,
    Full,
    StoreError,
    Refused,
    Foreign,
    Locked,
    BadMessage,
    Altered,
    Replayed,
    SequenceGap,
    Gone,
    Stale,
    Retired,
    TooLarge,
    TooMany,
)
_BY_CODE: dict[str, type[HtagError]] = {kind.code: kind for kind in _KINDS}


def trace_of(error: BaseException) -> str:
    """The traceback of *error*, from where it leaves our own code: that of an app is what its author looks
    for."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename.startswith((_OURS, "<frozen ")):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))


_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def from_wire(code: str, message: str, trace: str = "", retry: float = 0.0) -> HtagError:
    """The error that another process sent as (code, message, trace, retry)."""
    return _BY_CODE.get(code, HtagError)(message, trace, retry)
