"""Entry of the pool: ``python -m htagweb_flask.pool`` (supervisor), ``... worker`` and ``... template``.

The configuration comes as JSON on standard input, from the process that starts this one.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import sys
from typing import Any

from .. import log
from ..placement import SAFE_PATH, SECRET
from ..private import write_private
from . import loops, process, supervisor, template
from .config import PoolConfig, WorkerConfig


def _say(word: dict[str, Any]) -> None:
    """One line for the web process that waits, and no more: what apps print goes to the error log."""
    os.write(1, json.dumps(word).encode() + b"\n")  # not by way of a buffer, which may never be read
    os.dup2(2, 1)


def _supervise() -> int:
    told = sys.stdin.read()
    if not told:
        return 1  # who has started it is gone
    given = json.loads(told)
    log.set_up(given.pop("log"))
    os.environ["HTAG_LOG"] = logging.getLevelName(logging.getLogger("htagweb_flask").level)
    config = PoolConfig(**given)
    secret = secrets.token_urlsafe(32)
    path = os.path.join(config.run_dir, SECRET)
    try:
        write_private(path, secret)
        loops.run(supervisor.run(config, secret, lambda: _say({"ready": os.getpid()})))
    except BrokenPipeError:
        return 1  # who has started it is gone
    except OSError as error:
        with contextlib.suppress(BrokenPipeError):
            _say({"error": f"{error} (in {config.run_dir}: set HTAG_RUN_DIR)"})
        return 1
    return 0


def main() -> int:
    """Runs a process of the pool. Returns its exit status."""
    if sys.argv[1:] and os.environ.get("PYTHONSAFEPATH") == SAFE_PATH:
        del os.environ["PYTHONSAFEPATH"]
    if sys.argv[1:] == ["worker"]:
        given = json.load(sys.stdin)
        log.set_up(os.environ.get("HTAG_LOG", "WARNING"))
        return process.run(WorkerConfig(**given))
    if sys.argv[1:] == ["template"]:
        log.set_up(os.environ.get("HTAG_LOG", "WARNING"))
        config = template.Template().run()
        return process.run(config) if config else 0
    return _supervise()


if __name__ == "__main__":
    sys.exit(main())
