"""A worker of the pool in this process, without sockets: apps run on their adapter, in real instances."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from htagweb_flask.errors import HtagError, from_wire
from htagweb_flask.pool.adapters import adapter_class
from htagweb_flask.pool.config import WorkerConfig
from htagweb_flask.pool.worker import Worker
from htagweb_flask.protocol import (
    Batch,
    Changed,
    Delta,
    Failure,
    Interact,
    Leave,
    Message,
    Poll,
    Render,
    RequestInfo,
    Saved,
    failure,
)
from htagweb_flask.protocol import Page as RenderedPage
from htagweb_flask.session import merge, pack_all
from tests.http_client import Page
from tests.http_session import Answer
from tests.support import wait_until

__all__ = ["Stage", "Tab"]

TIMEOUT = 10
FAST = os.environ.get("HTAG_FAST") != "0"
URLS = {verb: f"/_htag/{verb}" for verb in ("call", "stream", "poll", "leave")}

if FAST:
    adapter_class().quicken()  # as a worker does, before its app is imported


class Tab(Page):
    """A page of a stage."""

    user: Any  # the stage takes the place of a browser

    def poll(self, wait: float = 0, connection: Any = None) -> dict[str, Any]:
        return self._accept(self.post("poll", {"cursor": self.cursor, "wait": wait}), "poll")

    def collect(self, text: str) -> None:
        """Polls until the page shows *text*."""
        wait_until(lambda: self.has(text) or (self.poll(2), self.has(text))[1], TIMEOUT, f"{text!r}", every=0)

    def reload(self) -> Tab:
        self.leave()
        found: Tab = self.user.open(self.url.partition("?")[2])
        return found


class Stage:
    """Hosts *app* for one browser: its session is kept here, as a web process keeps it in the store."""

    def __init__(
        self,
        app: type,
        *,
        scope: str = "session",
        debug: bool = False,
        timeout: float = 60,
        instances: int = 5000,
        parano: bool = False,
    ) -> None:
        self.session: dict[str, Any] = {}
        self.app = app
        #: Set when the worker wants to leave for a new one.
        self.left = threading.Event()
        self.link = secrets.token_hex(4)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stage")
        self._thread.start()
        # A class of its own, as an adapter keeps what it knows of its app: a real worker has but one.
        adapter = type("Adapter", (adapter_class(),), {})
        config = WorkerConfig(
            run_dir="",
            kind="unix",
            secret="",
            slot="stage-0",
            app=f"{app.__module__}:{app.__qualname__}",
            scope=scope,
            isolation="shared",
            preload="none",
            instances=instances,
            session_instances=5000,
            idle_timeout=600,
            interaction_timeout=timeout,
            worker_memory=0,
            max_rate=1e6,
            max_queue=32,
            parano=parano,
            key_file="",
            debug=debug,
            reload=False,
            fast=FAST,
        )
        try:
            self.worker: Worker = self.run(
                lambda: Worker(config, adapter.prepare(app), time.time_ns(), adapter, self.left.set)
            )
        except BaseException:
            self._stop()
            raise
        self.run(lambda: self.worker.listen(self))

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: Any) -> None:
        instances = list(self.worker._instances)
        self.run(self.worker.end)
        self._stop()
        wait_until(lambda: all(one._loop.is_closed() for one in instances), TIMEOUT, "instances have ended")

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT)
        self._loop.close()

    def run(self, call: Callable[[], Any]) -> Any:
        """Calls it in the thread of the worker."""

        async def inside() -> Any:
            return call()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(TIMEOUT)

    @property
    def instances(self) -> int:
        """How many instances are alive."""
        return sum(not one.ended for one in self.worker._instances)

    def ask(self, message: Message) -> Message:
        """The reply of the worker. Raises the error that it replies."""
        future: Future[Message] = Future()

        def handle() -> None:
            try:
                self.worker.handle(message, future.set_result)
            except HtagError as error:  # as the listener does
                future.set_result(failure(error))

        self._loop.call_soon_threadsafe(handle)
        reply = future.result(TIMEOUT)
        if isinstance(reply, Failure):
            raise from_wire(reply.code, reply.text, reply.trace)
        if isinstance(reply, Batch | RenderedPage) and reply.delta:
            self.store(reply.delta)
            self.tell(Saved(self.link, reply.delta.number))
        return reply

    def tell(self, message: Message) -> None:
        self._loop.call_soon_threadsafe(self.worker.handle, message, lambda reply: None)

    def store(self, delta: Delta) -> None:
        merge(self.session, delta)

    def send(self, message: Message) -> None:
        """What the worker tells its supervisor: changes of a session that no answer takes along."""
        if isinstance(message, Changed):
            self.store(message.delta)
            self.tell(Saved(message.link, message.delta.number))

    def open(self, query: str = "", *, transport: str = "sse", **request: Any) -> Tab:
        """Loads the page. Raises AppError when it cannot be built or rendered."""
        reply = self.ask(self.rendering(secrets.token_hex(8), query, transport=transport, **request))
        assert isinstance(reply, RenderedPage)
        answer = Answer(200, http.client.HTTPMessage(), reply.html)
        return Tab(self, f"http://stage.test/{query and '?'}{query}", answer)

    def rendering(self, client: str, query: str = "", *, transport: str = "sse", **request: Any) -> Render:
        """The message that asks for the page of *client*."""
        info = {
            "method": "GET",
            "scheme": "http",
            "host": "stage.test",
            "port": 80,
            "root_path": "",
            "path": "/",
            "query": query,
            "client": ("127.0.0.1", 4000),
            "headers": [("Host", "stage.test"), ("Cookie", "taste=sweet")],
            **request,
        }
        boot = {"token": client, "urls": URLS, "debug": False}
        packed = pack_all(self.session)
        return Render(
            client=client,
            link=self.link,
            sid="sid",
            request=RequestInfo(**info),
            session=packed,
            loaded=time.monotonic(),
            renew=True,
            transport=transport,
            script="/_htag/client.js",
            boot=boot,
        )

    # -- what a page asks of its browser

    def same_origin(self) -> dict[str, str]:
        return {}

    def request(self, _method: str, url: str, body: Any, headers: dict[str, str]) -> Answer:
        client, verb = headers.get("X-Htag") or "", url.rpartition("/")[2]
        if verb == "leave":
            message: Message = Leave(body.decode())
        elif verb == "poll":
            message = Poll(client, body["cursor"], body["wait"], hidden=body.get("hidden", False))
        else:
            message = Interact(client, body if isinstance(body, bytes) else json.dumps(body).encode())
        try:
            reply = self.ask(message)
        except HtagError as error:
            return Answer(error.status, http.client.HTTPMessage(), error.code.encode())
        if isinstance(reply, Batch):
            data = reply.body or b'{"first":%d,"payloads":[]}' % (reply.last + 1)
            return Answer(200, http.client.HTTPMessage(), data)
        return Answer(204, http.client.HTTPMessage(), b"")
