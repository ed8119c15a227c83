"""htagweb 1.0.0 serving the app named by BENCH_APP.

At start and stop htagweb kills each process whose pid stands in ``FOLDER/*/*/PID``, and FOLDER is the
machine's temporary directory: it is moved to BENCH_DIR, so that nothing of this machine is in its reach.
"""

from __future__ import annotations

import os

from htagweb import Runner
from htagweb.fifo import AsyncStream

from bench.apps import APPS

AsyncStream.FOLDER = os.environ["BENCH_DIR"]
asgi_app = Runner(APPS[os.environ["BENCH_APP"]])
