"""How long things live: over F5, beside other tabs, with other queries, after exit()."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint
from tests.apps.web_kit import LOG, button, named, push, run_script

#: What has been destroyed, in the process that holds the instances: see HTAG_WORKERS.
DESTROYED: list[str] = []


class Memory(Tag.App):
    """Nothing is stored: what it knows is in the instance."""

    statics = [LOG]

    def init(self, name: str = "nobody") -> None:
        self.count = 0
        self.shown = named("count", "0", kind="output")
        self += [self.shown, named("name", name), button("more", self.more)]
        self += [button("later", self.later), button("leave", lambda ev: self.exit())]

    def more(self, ev: Any) -> None:
        self.count += 1
        self.shown.clear(f"{self.count}")

    def later(self, ev: Any) -> None:
        self.task = asyncio.ensure_future(self.more_later())

    async def more_later(self) -> None:
        self.count += 1
        self.shown.clear(f"{self.count}")
        run_script(self.shown, f"ran({self.count})")
        await push(self.shown)


class Mounts(Tag.App):
    """htag 2: tells what happens to it."""

    def init(self) -> None:
        self.told = named("told", f"init {self.query}")
        self += [self.told, button("more", self.tell), button("destroyed", self.count_destroyed)]

    @property
    def query(self) -> str:
        return str(dict(self.request.query_params))

    def tell(self, ev: Any) -> None:
        self.told += f"; click {self.query}"

    def count_destroyed(self, ev: Any) -> None:
        self.told.clear(f"destroyed {len(DESTROYED)}")

    def on_mount(self) -> None:
        self.told += f"; mount {self.query}"

    def on_unmount(self) -> None:
        self.told += "; unmount"

    def on_destroy(self) -> None:
        DESTROYED.append("Mounts")


class Greeting(Tag.App):
    """htag 2: a mount that takes its time, in the way that the query names."""

    statics = [LOG]

    def init(self) -> None:
        self.shown = named("shown", "0", kind="output")
        self += [self.shown, button("fine", lambda ev: None)]

    def on_mount(self) -> Any:
        return getattr(self, self.request.query_params["kind"])("mount")

    def on_unmount(self) -> Any:
        return getattr(self, self.request.query_params["kind"])("unmount")

    def show(self, what: str, step: int) -> None:
        self.shown.clear(f"{what} {step}")
        self.call_js(f"ran('{what} {step}')")

    def generator(self, what: str) -> Iterator[None]:
        self.show(what, 1)
        yield
        self.show(what, 2)

    async def asynchronous(self, what: str) -> AsyncIterator[None]:
        self.show(what, 1)
        yield
        await asyncio.sleep(0.05)
        self.show(what, 2)

    async def coroutine(self, what: str) -> None:
        self.show(what, 1)
        await asyncio.sleep(0.05)
        self.show(what, 2)


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Memory), url_prefix="/memory")
app.register_blueprint(htag_blueprint(Memory, scope="tab"), url_prefix="/own")
app.register_blueprint(htag_blueprint(Memory, transport="none", idle_timeout=1), url_prefix="/idle")
app.register_blueprint(htag_blueprint(Mounts), url_prefix="/mounts")
for transport in ("sse", "longpoll", "none"):
    app.register_blueprint(htag_blueprint(Greeting, transport=transport), url_prefix=f"/greeting-{transport}")


@app.get("/elsewhere")
def elsewhere() -> str:
    return "<!doctype html><title>elsewhere</title><link rel=icon href='data:,'>another page"
