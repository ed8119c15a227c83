"""The Python environments of the stacks: made once under ``benchmarks/.venvs`` and kept until something that
they are made from changes."""

from __future__ import annotations

import json
import subprocess
import sys

from .server import BENCHMARKS

ROOT = BENCHMARKS.parent
DIRECTORY = BENCHMARKS / ".venvs"
OURS = ("--editable", f"{ROOT}[gevent,redis]")
REQUIREMENTS: dict[str, tuple[str, ...]] = {
    "client": ("uvloop",),
    "htagweb": ("htagweb==1.0.0", "htag==1.0.0"),  # brings uvicorn 0.30 with uvloop, httptools and websockets
    "htag1": ("htag==1.0.0", *OURS),
    "htag2": ("htag>=2,<3", *OURS),
}
SHOWN = (
    "htag",
    "htagweb",
    "flask",
    "gunicorn",
    "gevent",
    "uvicorn",
    "starlette",
    "websockets",
    "uvloop",
    "httptools",
)


def ensure(name: str) -> str:
    """The Python of an environment, which is made first if it is not there or is out of date."""
    folder = DIRECTORY / name
    wanted = REQUIREMENTS[name]
    python, stamp = str(folder / "bin" / "python"), folder / "made-from.json"
    project = (ROOT / "pyproject.toml").read_text() if wanted[-2:] == OURS else ""
    made_from = json.dumps([sys.version, wanted, project])
    if not stamp.exists() or stamp.read_text() != made_from:
        print(f"making the environment {name}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted], check=True
        )
        stamp.write_text(made_from)
    return python


def versions(python: str) -> dict[str, str]:
    """The versions of Python and of the packages that matter, in one environment."""
    code = (
        "import importlib.metadata, json, platform\n"
        "found = {d.metadata['Name'].lower(): d.version for d in importlib.metadata.distributions()}\n"
        f"shown = {{name: found[name] for name in {SHOWN!r} if name in found}}\n"
        "print(json.dumps({'Python': platform.python_version(), **shown}))\n"
    )
    run = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return dict(json.loads(run.stdout))
