"""What is told to a worker without a reply, on its way: it goes with the next call, or a moment later.

A message of its own costs both sides a wake-up, which is more than storing what a click has changed.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Callable

__all__ = ["Teller"]

MOMENT = 0.01
"""Seconds that it waits for a call at most: the user's next change may come by another web process, and waits
for it."""


class Teller:
    """Frames on their way to workers, by slot."""

    def __init__(self, send: Callable[[str, bytes], None]) -> None:
        """*send* sends frames to a slot. It is called in a thread of the teller's own."""
        self._send = send
        self._frames: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._some = threading.Event()
        self._pid = os.getpid()
        threading.Thread(target=self._run, name="htag-teller", daemon=True).start()
        atexit.register(self._last)

    def tell(self, slot: str, frame: bytes) -> None:
        """Has *frame* sent, by :meth:`take` or in a moment."""
        with self._lock:
            self._frames[slot] = self._frames.get(slot, b"") + frame
        if not self._some.is_set():
            self._some.set()

    def take(self, slot: str) -> bytes:
        """The frames that go before one that is sent to *slot* right now."""
        if slot not in self._frames:
            return b""
        with self._lock:
            return self._frames.pop(slot, b"")

    def _run(self) -> None:
        while True:
            self._some.wait()
            self._some.clear()
            time.sleep(MOMENT)
            self._flush()

    def _flush(self) -> None:
        for slot in list(self._frames):
            frames = self.take(slot)
            if frames:
                self._send(slot, frames)

    def _last(self) -> None:
        if self._pid == os.getpid():
            self._flush()
