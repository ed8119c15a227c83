"""What web processes and the pool say to each other: typed messages, and their frames."""

from __future__ import annotations

from .frames import MAX_FRAME, Decoder, Message, encode
from .listing import ClientState, InstanceState, Kill, Killed, PoolState, Stop, Survey, WorkerState
from .pages import Batch, Interact, Leave, Page, Poll, Render, RequestInfo
from .processes import (
    VERSION,
    Alive,
    Done,
    EnsureWorker,
    Failure,
    Hello,
    WorkerLeaves,
    WorkerReady,
    WorkerUse,
    failure,
)
from .sessions import Changed, Changes, Collect, Company, Delta, Keep, Kept, Part, Patched, Saved

__all__ = [
    "MAX_FRAME",
    "VERSION",
    "Alive",
    "Batch",
    "Changed",
    "Changes",
    "ClientState",
    "Collect",
    "Company",
    "Decoder",
    "Delta",
    "Done",
    "EnsureWorker",
    "Failure",
    "Hello",
    "InstanceState",
    "Interact",
    "Keep",
    "Kept",
    "Kill",
    "Killed",
    "Leave",
    "Message",
    "Page",
    "Part",
    "Patched",
    "Poll",
    "PoolState",
    "Render",
    "RequestInfo",
    "Saved",
    "Stop",
    "Survey",
    "WorkerLeaves",
    "WorkerReady",
    "WorkerState",
    "WorkerUse",
    "encode",
    "failure",
]
