"""The log of a server that somebody looks at while he writes an app: a line for each error.

All of its processes write to one terminal; each error is told by the one in which it happens.
"""

from __future__ import annotations

import logging
import os
import re

__all__ = ["FORMAT", "THREAD", "OneLine", "set_up"]

FORMAT = "HTAG_LOG_FORMAT"
"""The environment variable that says "line" to all processes of such a server."""

THREAD = "htag-"
"""The names of threads of instances begin so, and end with that of the instance."""

_PLACE = re.compile(r'^ *File "(.+)", line (\d+)', re.MULTILINE)


class OneLine(logging.Formatter):
    """Of a traceback it tells the error, and the place in the code of the app where it happened."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s  %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """See logging."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        found = list(_PLACE.finditer(text))
        if found:  # the error is told after the last of its places
            rest = text[found[-1].end() :].splitlines()[1:]
            told = next((line for line in rest if line.strip() and not line.startswith(" ")), "")
        else:
            lines = [line for line in text.splitlines() if line.strip()]
            told = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
        places = [match.groups() for match in found if not _is_library(match[1])]
        if places:
            path, line = places[-1]
            told = f"{os.path.relpath(path) if os.path.isabs(path) else path}:{line}  {told}"
        return f"{self.formatTime(record, self.datefmt)}  {told}"


class _Lines(logging.Formatter):
    """What is logged in the thread of an instance, by an app or by htag, says of which."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(process)d] %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """See logging."""
        name = (record.threadName or "").partition(THREAD)[2]
        if name and name not in record.message:
            record.message = f"{name}: {record.message}"
        return super().formatMessage(record)


def _is_library(path: str) -> bool:
    return path.startswith("<") or f"{os.sep}site-packages{os.sep}" in path or path.startswith(_HERE)


_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep


def set_up(level: str) -> None:
    """Has this process write its log: warnings of anybody, and of ours those of *level*."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine() if os.environ.get(FORMAT) == "line" else _Lines())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.getLogger("htagweb_flask").setLevel(level)
