"""What an instance asks of an htag generation, and what it offers to it."""

from __future__ import annotations

import contextlib
import functools
import html
import inspect
import json
import logging
import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qs

import msgspec

from ...errors import AppError, HtagError, trace_of
from ...protocol import Render, RequestInfo
from ...session import Snapshot

__all__ = [
    "Adapter",
    "Host",
    "InitArguments",
    "boot_block",
    "encode_payload",
    "query_arguments",
    "silence",
    "told",
]

logger = logging.getLogger(__name__)

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class Host(Protocol):
    """The instance, as an adapter sees it."""

    whom: str
    session: Snapshot
    debug: bool
    strict: bool
    """Whether its pages are under a policy that lets only marked scripts run: see :mod:`.strict`."""

    @property
    def emission(self) -> int:
        """The number of what is emitted next, for whichever client; a page that is rendered is an emission,
        too. So an adapter can say whether a page has seen what it draws now."""

    def emit(self, payload: bytes, to: str | None = None, but: str | None = None) -> bool:
        """Puts *payload* in the outbox of every client, of client *to*, or of all *but* one.

        Returns whether at least one of them can be pushed to.
        """

    def exit(self) -> None:
        """Ends the instance, after what is being answered."""


class Adapter(ABC):
    """Translates between an instance and one htag app tree. Lives in the thread and loop of the instance."""

    generation: ClassVar[int]
    overlapping: ClassVar[bool]
    """Whether interactions may overlap at their awaits; else they run one after the other."""

    @classmethod
    def quicken(cls) -> None:
        """Makes this generation faster, in the whole process, where nobody can see it. Before the app is
        imported."""
        return  # most need no help

    @classmethod
    @abstractmethod
    def prepare(cls, app: type) -> type:
        """Makes *app* ready to be hosted, once per process. Raises AppError when it is no app."""

    @classmethod
    def renewal(cls, query: str) -> tuple[str, bool]:
        """*query* without what asks for a new instance, and whether it does."""
        return query, False

    @abstractmethod
    def __init__(self, app: type, host: Host, request: RequestInfo) -> None:
        """Builds the tree (``init`` of the app runs). Raises AppError when that fails."""

    @abstractmethod
    async def before_page(self, request: RequestInfo, first: bool) -> None:
        """A page of this tree is about to be rendered, for the *first* time or again (F5, another tab)."""

    @abstractmethod
    def page(self, message: Render, cursor: int) -> str:
        """The whole page. What must run with it is its boot payload, numbered *cursor*.

        Raises AppError when the app cannot be rendered.
        """

    @abstractmethod
    async def attached(self) -> None:
        """A page has shown that it is there (first stream, poll or interaction)."""

    @abstractmethod
    async def interact(self, message: bytes, client: str, seen: int) -> None:
        """Runs one interaction and emits what comes of it. Errors of the app are emitted as htag shows them.
        The page asked for it when it had *seen* all emissions up to that number.

        Raises BadMessage when the message is none, and Stale when the page does not offer it.
        """

    @abstractmethod
    def failed(self, message: bytes, client: str, error: HtagError) -> None:
        """The interaction was cancelled, which htag does not tell: emits *error* as it shows others."""

    @abstractmethod
    def snapshot(self) -> bytes:
        """A payload that renders the whole body again."""

    @abstractmethod
    async def left(self, client: str) -> None:
        """The page *client* is closed."""

    @abstractmethod
    async def close(self) -> None:
        """The instance ends."""


def encode_payload(payload: dict[str, Any]) -> bytes:
    """*payload* as JSON. Lone surrogates, which are not valid UTF-8, are escaped."""
    try:
        return msgspec.json.encode(payload)
    except (UnicodeEncodeError, TypeError):
        return json.dumps(payload, default=str).encode()


def boot_block(message: Render, generation: int, cursor: int, payload: dict[str, Any] | None) -> str:
    """The head's first elements: what the client must know, and the client itself."""
    boot = {
        **message.boot,
        "generation": generation,
        "transport": message.transport,
        "cursor": cursor,
        "payloads": [payload] if payload else [],
    }
    integrity = f' integrity="{message.integrity}"' if message.integrity else ""
    nonce = f' nonce="{message.nonce}"' if message.nonce else ""
    # In a script element only "<" can end the data ("</script>", "<!--"): JSON allows to write it escaped.
    data = encode_payload(boot).decode().replace("<", "\\u003c")
    return (
        f'<script type="application/json" id="htag-boot">{data}</script>'
        f'<script src="{html.escape(message.script)}"{integrity}{nonce}></script>'
    )


def query_arguments(query: str) -> Arguments:
    """The arguments for ``init`` in a query string, as htag 1 reads them.

    "x" is positional, "k=v" is a keyword, "k=" gives None; the last of two equal keys wins; ";" is data.
    Keys that htag reads as something else than data (``js``, and those that start with "_") are dropped.
    """
    args: list[str] = []
    kwargs: dict[str, Any] = {}
    for item in query.split("&"):
        key, equal, value = item.partition("=")
        if equal and not value:
            kwargs[key] = None
        elif equal and key:
            ((key, values),) = parse_qs(item, separator="&").items()
            kwargs[key] = values[0]
        elif item and not equal:
            args.append(parse_qs(f"x={item}", separator="&")["x"][0])
    return tuple(args), {k: v for k, v in kwargs.items() if k and k != "js" and not k.startswith("_")}


class InitArguments:
    """The arguments of a query for the ``init`` of *app*, when its signature accepts them.

    ``init`` is wrapped once, because no generation of htag can be given arguments safely: htag 1 calls
    ``init`` a second time, without arguments, after any TypeError in it, and shows its errors in a page of
    its own; htag 2 sets every keyword as an attribute of the tag, which could be any.
    """

    def __init__(self, app: type, inherited: Callable[..., Any] | None = None) -> None:
        self._app = app
        self._root = threading.local()
        init = inspect.getattr_static(app, "init", None)
        self._init = init if inspect.isfunction(init) and init is not inherited else None
        if self._init is not None:
            setattr(app, "init", self._wrapped(self._init))  # noqa: B010 - app is any class

    def fitting(self, query: str) -> Arguments:
        """The arguments of *query*, or none when ``init`` does not accept them."""
        arguments: Arguments = query_arguments(query)
        if self._init is None:
            return (), {}
        try:
            inspect.signature(self._init).bind(None, *arguments[0], **arguments[1])
        except TypeError:
            return (), {}
        return arguments

    @contextlib.contextmanager
    def building(self, arguments: Arguments | None = None) -> Iterator[None]:
        """This thread builds a root tag inside; its ``init`` is called with *arguments*, if given.

        Raises AppError with the error of ``init``, whatever htag made of it.
        """
        root = self._root
        root.expected, root.arguments, root.error = True, arguments, None
        try:
            yield
        except Exception as error:
            raise app_error("init", root.error or error) from error
        finally:
            root.expected = False
        if root.error is not None:
            raise app_error("init", root.error) from root.error

    def _wrapped(self, init: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(init)
        def wrapper(tag: Any, *args: Any, **kwargs: Any) -> Any:
            root = self._root
            if type(tag) is not self._app or not getattr(root, "expected", False):
                return init(tag, *args, **kwargs)
            root.expected = False
            if root.arguments is not None:
                args, kwargs = root.arguments
            try:
                return init(tag, *args, **kwargs)
            except Exception as error:
                root.error = error
                raise _InitFailed from error

        return wrapper


class _InitFailed(Exception):
    """Not a TypeError, whatever init raised: htag 1 would run init again."""


def app_error(where: str, error: BaseException) -> AppError:
    """*error* of the app's own code, with its traceback."""
    return AppError(f"{where}: {type(error).__name__}: {error}", trace_of(error))


def told(host: Host, trace: str) -> str:
    """What a page is told of an error in a callback: its *trace* in debug, else a number that the log has."""
    reference = secrets.token_hex(4)
    logger.error("[%s] %s failed in a callback\n%s", reference, host.whom, trace)
    return trace if host.debug else f"This did not work. The log of the server says more, at {reference}."


def silence(module: ModuleType, *words: str) -> None:
    """Keeps a module of htag from printing, and from logging what starts with one of *words*: what it says so
    of errors of apps, we say better."""
    vars(module)["print"] = lambda *_, **__: None
    module.logger.addFilter(lambda record: not str(record.msg).startswith(words))
