"""Waiting for a descriptor, in a way that gevent's patching makes cooperative."""

from __future__ import annotations

import select
import time

from .base import Watch

__all__ = ["wait_readable"]


def wait_readable(descriptor: int, timeout: float, watch: Watch | None = None) -> None:
    """Returns when *descriptor* can be read. Raises TimeoutError after *timeout* seconds, or what *watch*
    raises."""
    until = time.monotonic() + timeout
    other = watch.fileno() if watch else -1
    while True:
        left = max(0.0, until - time.monotonic())
        found = _readable(descriptor, other, min(watch.interval, left) if watch else left)
        if descriptor in found:
            return
        if watch:
            watch.check()
        if other in found:
            other = -1  # the browser has sent something else: this tells nothing more
        if time.monotonic() >= until:
            raise TimeoutError


def _readable(one: int, other: int, timeout: float) -> list[int]:
    """Which of the descriptors can be read (*other* may be -1), within *timeout* seconds."""
    wanted = [one, other] if other >= 0 else [one]
    if not hasattr(select, "poll"):  # Windows
        return select.select(wanted, [], [], timeout)[0]
    poll = select.poll()  # select() takes no descriptor above 1,023
    for descriptor in wanted:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(timeout * 1000)]
