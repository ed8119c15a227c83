"""A thousand instances in one worker: no pause is felt, and nothing of those that have ended is kept."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from typing import Any

import pytest
from htag import Tag

from htagweb_flask.pool import resources, worker
from htagweb_flask.pool.resources import Heap
from tests.adapters.stage import Stage
from tests.support import GENERATION, ROOT, wait_until

resource = pytest.importorskip("resource")

MANY = 1000


class App(Tag.body if GENERATION == 1 else Tag.div):
    """A small app."""

    imports: list[Any] = []

    def init(self) -> None:
        self.n = 0
        self.shown = Tag.b("0")
        self += self.shown
        self += Tag.button("more", _onclick=self.more)

    def more(self, ev: Any) -> None:
        self.n += 1
        self.shown.clear(str(self.n))


class Pauses:
    """The collections of the garbage collector: CPU seconds of each."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._start = 0.0

    def __call__(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._start = time.thread_time()
        else:
            self.seconds.append(time.thread_time() - self._start)


@pytest.fixture
def pauses() -> Any:
    found = Pauses()
    gc.callbacks.append(found)
    yield found
    gc.callbacks.remove(found)


@pytest.fixture
def files() -> Any:
    """Room for the descriptors of all loops."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] != resource.RLIM_INFINITY and limits[1] < 4 * MANY:
        pytest.skip("the system allows too few open files")
    resources.allow_files()
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.slow
@pytest.mark.usefixtures("files")
def test_no_pause_is_felt_with_a_thousand_instances(pauses: Pauses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "QUIET", 1e9)  # nobody ever rests
    with Stage(App, scope="tab") as stage:
        heap = stage.run(lambda: Heap(stage._loop, stage.worker))
        try:
            pauses.seconds.clear()
            for _ in range(MANY):
                tab = stage.open()
                tab.click("more")
            assert stage.instances == MANY
            wait_until(lambda: gc.get_count()[2] < resources.ROUNDS, 10, "what is new is settled")
            # What else runs on a machine has its share in these times: not the longest is looked at, but one
            # of fifty.
            assert sorted(pauses.seconds)[-len(pauses.seconds) // 50 - 1] < 0.05
            # Which objects a collection looks at does not depend on the machine: few of those that there are.
            settled, others = gc.get_freeze_count(), len(gc.get_objects())
            assert settled > 50 * MANY
            assert others < settled / 2
            assert heap._settled  # all objects were looked at once, when there was none
        finally:
            stage.run(heap.close)


def test_what_has_ended_is_gone_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "LEAST", 1)
    monkeypatch.setattr(resources, "LOOK", 0.01)
    monkeypatch.setattr(resources, "ROUNDS", 0)
    monkeypatch.setattr(resources, "YOUNG", 10)
    monkeypatch.setattr(resources, "QUIET", 0.0)
    monkeypatch.setattr(worker, "SWEEP", 0.05)

    class Cycle:
        """Something that only a collection finds."""

        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            ended.append(True)

    class Heavy(App):
        def init(self) -> None:
            super().init()
            self.cycle = Cycle()

    ended: list[bool] = []
    with Stage(Heavy, scope="tab") as stage:
        heap = stage.run(lambda: Heap(stage._loop, stage.worker))
        try:
            tab = stage.open()
            stage.run(gc.freeze)
            tab.leave()

            def collected() -> bool:
                stage.open().leave()
                return bool(ended)

            wait_until(collected, 20, "its end")
        finally:
            stage.run(heap.close)


def test_the_limit_of_open_files_is_raised() -> None:
    code = (
        "import resource; from htagweb_flask.pool.resources import allow_files\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard)); allow_files()\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
