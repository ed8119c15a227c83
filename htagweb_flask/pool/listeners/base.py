"""What a listener serves, whatever it listens to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from ...errors import HtagError
from ...protocol import Message, failure

__all__ = ["Messages", "Send", "answering", "serve"]

logger = logging.getLogger(__name__)

Send = Callable[[Message], None]


class Messages(Protocol):
    """Who answers messages."""

    def handle(self, message: Message, reply: Send) -> None:
        """Answers *message* by calling *reply* once, from any thread. May raise any of our errors instead."""


def serve(who: Messages, message: Message, send: Send) -> None:
    """Has *who* answer *message*, and sends the reply, or the error."""
    # A reply that nobody waits for would be taken for that of the next message.
    reply = send if message.wants_reply else _drop
    answering(lambda: who.handle(message, reply), reply)


def answering(work: Callable[[], None], reply: Send) -> None:
    """Does *work*, which calls *reply* sooner or later; where it raises an error, that is the reply."""
    try:
        work()
    except HtagError as error:
        reply(failure(error))
    except Exception as error:
        logger.exception("a message failed")
        reply(failure(error))


def _drop(_: Message) -> None:
    pass
