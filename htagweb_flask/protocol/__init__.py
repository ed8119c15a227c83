"""What web processes and the pool say to each other: typed messages, and their frames."""

from __future__ import annotations

from .frames import MAX_FRAME, Decoder, Message, encode
from .pages import Batch, Interact, Leave, Page, Poll, Render, RequestInfo
from .processes import VERSION, Alive, Done, EnsureWorker, Failure, Hello, WorkerLeaves, WorkerReady, failure
from .sessions import Changed, Changes, Collect, Company, Delta, Keep, Kept, Part, Patched, Saved

__all__ = [
    "MAX_FRAME",
    "VERSION",
    "Alive",
    "Batch",
    "Changed",
    "Changes",
    "Collect",
    "Company",
    "Decoder",
    "Delta",
    "Done",
    "EnsureWorker",
    "Failure",
    "Hello",
    "Interact",
    "Keep",
    "Kept",
    "Leave",
    "Message",
    "Page",
    "Part",
    "Patched",
    "Poll",
    "Render",
    "RequestInfo",
    "Saved",
    "WorkerLeaves",
    "WorkerReady",
    "encode",
    "failure",
]
