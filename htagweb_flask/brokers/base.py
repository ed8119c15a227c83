"""What a broker is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from ..protocol import Message

__all__ = ["Broker", "Slot"]


@dataclass(frozen=True)
class Slot:
    """A worker by name, and what it takes to start it."""

    name: str
    app: str
    options: tuple[tuple[str, str | int | float | bool], ...]


class Broker(ABC):
    """Carries messages to the pool."""

    @abstractmethod
    def call(self, slot: Slot, message: Message, timeout: float) -> Message:
        """The reply of *slot*'s worker, which is started when it does not run.

        Raises PoolError when the pool cannot be reached or does not answer within *timeout* seconds, and
        the error that the pool replied: AppError, Gone, BadMessage, SequenceGap.
        """

    @abstractmethod
    def pool(self, message: Message, timeout: float, start: bool = True) -> Message:
        """The reply of the pool itself, which is started if it must be and *start* allows it.

        Raises PoolError when it cannot be reached or does not answer within *timeout* seconds.
        """
