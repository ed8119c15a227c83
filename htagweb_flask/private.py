"""Files that their owner alone can read. They are there whole or not at all, whoever reads them meanwhile."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator

__all__ = ["make_private", "write_private"]


def write_private(path: str, text: str, lasting: bool = False) -> None:
    """Writes *text* to *path*, with mode 0600, in the place of what is there. What is *lasting* survives a
    power cut, too, which takes some milliseconds. Raises OSError."""
    with _draft(path, text, lasting) as draft:
        os.replace(draft, path)


def make_private(path: str, text: str) -> bool:
    """The same, lasting, where there is no such file yet: whether that was so. Of processes that race for it,
    one makes it. Raises OSError."""
    with _draft(path, text, lasting=True) as draft:
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    return True


@contextlib.contextmanager
def _draft(path: str, text: str, lasting: bool) -> Iterator[str]:
    draft = f"{path}.{secrets.token_hex(4)}"
    try:
        with open(draft, "w", opener=lambda name, flags: os.open(name, flags | os.O_EXCL, 0o600)) as file:
            file.write(text)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        yield draft
    finally:
        with contextlib.suppress(FileNotFoundError):  # where it has become the file
            os.unlink(draft)
