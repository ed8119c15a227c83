"""An app that looks at its own process, and does in it what a fork may have broken.

ALONE_IMPORTS   file to which each import of this module adds the number of its process
ALONE_THREAD    if set, the import starts a thread
ALONE_FILES     how many files a process of the pool may have open
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import resource
import subprocess
import sys
import threading
from typing import Any

from flask import Flask
from htag import Tag

from htagweb_flask import htag_blueprint

if "ALONE_IMPORTS" in os.environ:
    with open(os.environ["ALONE_IMPORTS"], "a") as file:
        file.write(f"{os.getpid()} ")
if "ALONE_THREAD" in os.environ:
    threading.Thread(target=threading.Event().wait, name="from the import", daemon=True).start()
if "ALONE_FILES" in os.environ and "htagweb_flask.pool.worker" in sys.modules:
    most = int(os.environ["ALONE_FILES"])
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Alone(Tag.App):
    def init(self, who: str = "") -> None:
        self.count = 0
        self.word = Tag.p(who, _class="word")
        self += [self.word, Tag.p(f"pid {os.getpid()}", _class="pid")]
        self += Tag.p(f"kept {self.state.get('kept', 0)}", _class="kept")
        for name in ("more", "keep", "chance", "log", "child", "later_child", "thread"):
            self += Tag.button(name, _onclick=getattr(self, name))

    def more(self, ev: Any) -> None:
        self.count += 1
        self.word.clear(f"clicks {self.count}")

    def keep(self, ev: Any) -> None:
        self.state["kept"] = self.state.get("kept", 0) + 1

    def chance(self, ev: Any) -> None:
        self.word.clear(f"{random.random()}")  # noqa: S311

    def log(self, ev: Any) -> None:
        logging.getLogger("alone").warning("logged in %s", os.getpid())
        self.word.clear("logged")

    def child(self, ev: Any) -> None:
        done = subprocess.run([sys.executable, "-c", "raise SystemExit(7)"], check=False)  # noqa: S603
        self.word.clear(f"status {done.returncode}")

    async def later_child(self, ev: Any) -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "raise SystemExit(8)")
        self.word.clear(f"status {await process.wait()}")

    def thread(self, ev: Any) -> None:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()
        self.word.clear(f"{sorted(one.name.split('-')[0] for one in threading.enumerate())}")


app = Flask(__name__)
app.register_blueprint(htag_blueprint(Alone))
app.register_blueprint(htag_blueprint(Alone, scope="tab"), url_prefix="/tab")
app.register_blueprint(htag_blueprint(Alone, isolation="shared", workers=1), url_prefix="/shared")
app.register_blueprint(htag_blueprint(Alone, preload="app"), url_prefix="/imported")
app.register_blueprint(htag_blueprint(Alone, preload="none"), url_prefix="/anew")
