"""What a broker is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ..protocol import Message

__all__ = ["Broker", "Slot", "Watch"]


@dataclass(frozen=True)
class Slot:
    """A worker by name, and what it takes to start it."""

    name: str
    app: str
    options: tuple[tuple[str, str | int | float | bool], ...]


class Watch(ABC):
    """Something that can make a reply needless while it is waited for."""

    interval: float
    """Seconds between two looks at it."""

    @abstractmethod
    def fileno(self) -> int:
        """A descriptor that becomes readable when it has to be looked at before; -1: there is none."""

    @abstractmethod
    def check(self) -> None:
        """Looks at it. What this raises ends the wait."""


class Broker(ABC):
    """Carries messages to the pool."""

    renews = True
    """Whether an app whose code has changed gets new processes, which import it anew."""

    @abstractmethod
    def call(self, slot: Slot, message: Message, timeout: float, watch: Watch | None = None) -> Message:
        """The reply of *slot*'s worker, which is started for a Render or a Handshake when it does not run.
        With *watch*, the wait may end without a reply.

        Raises Gone when the worker does not run, and the message is about an instance of it; PoolError when
        the pool cannot be reached or does not answer within *timeout* seconds; and the error that the pool
        replied: AppError, Full, Gone, BadMessage, SequenceGap.
        """

    @abstractmethod
    def tell(self, slot: Slot, message: Message) -> None:
        """Has *slot*'s worker hear a message that wants no reply: before what is called next, or a moment
        later. Whether it arrives is unknown: one that has ended needs it no more."""

    @abstractmethod
    def pool(self, message: Message, timeout: float, start: bool = True) -> Message:
        """The reply of the pool itself, which is started if it must be and *start* allows it.

        Raises PoolError when it cannot be reached or does not answer within *timeout* seconds.
        """
