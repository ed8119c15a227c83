"""The clock of the machine is set, by an hour in both directions: nobody notices.

That nothing that waits looks at the time of day is seen in the source, too (test_layers.py).
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable
from pathlib import Path

from tests.server.desk import QUICK, SOON, Anywhere, done, number, press, word
from tests.servers import Server
from tests.support import ROOT

HOUR = 3600
PUSHES = 20

#: Python imports it at each start: its time of day differs by what is in a file.
SHIM = """
import os, time

def shifted(real, unit):
    def now():
        try:
            with open(os.environ["CLOCK_FILE"]) as file:
                return real() + int(file.read() or 0) * unit
        except OSError:
            return real()
    return now

time.time = shifted(time.time, 1)
time.time_ns = shifted(time.time_ns, 10**9)
"""


def test_nobody_notices_that_the_clock_is_set(
    live: Callable[..., Server], either: dict[str, str], tmp_path: Path
) -> None:
    """Streams go on, instances whose page is closed are kept, who is quiet is not taken for hung."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(SHIM)
    env = {
        **QUICK,
        **either,
        "HTAG_WORKERS": "1",
        "HTAG_IDLE_TIMEOUT": "1200",
        "CLOCK_FILE": str(clock),
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
    }
    server = live("gunicorn-gevent", "tests.apps.faulty:app", workers=2, env=env, options=SOON)
    page, left = Anywhere(server.url).open("/"), Anywhere(server.url).open("/")
    press(left, "hit")
    left.leave()
    processes = server.pool_processes()
    with page.stream() as stream:
        for index, shift in enumerate((HOUR, -HOUR)):
            clock.write_text(str(shift))
            assert abs(number_of_seconds(server) - time.time() - shift) < 60, "the web process is shifted"
            press(page, "now")
            assert abs(number(page, "now") - time.time() - shift) < 60, "the pool is shifted"
            time.sleep(5.5)  # all that looks every now and then has looked: nothing tells that it has
            press(page, "tick", n=PUSHES)
            page.wait_for(lambda index=index: len(done(page, "pushed")) == PUSHES * (index + 1))
    assert done(page, "pushed") == list(range(1, PUSHES + 1)) * 2
    assert stream.connections == 1, "it was never cut"
    again = left.user.open("/")
    assert word(again, "hits") == "hits 1", "the instance was kept"
    assert server.pool_processes() == processes


def number_of_seconds(server: Server) -> float:
    """The time of day of a web process, in seconds."""
    date = email.utils.parsedate_to_datetime(Anywhere(server.url).get("/nowhere").headers["Date"])
    return date.timestamp()
