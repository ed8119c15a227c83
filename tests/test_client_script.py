"""The script that pages load: what it is made of, and that it stays small."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess

import pytest

from htagweb_flask.web import shell
from htagweb_flask.web.client_script import PIECES, script
from tests.support import ROOT, unavailable

STATIC = ROOT / "htagweb_flask" / "static"
LIMIT = 15_000
"""Bytes that a page may load, compressed."""

SEALING_LIMIT = 18_000
"""Bytes more, where all is sealed."""


def test_vendored_files_are_those_that_were_recorded() -> None:
    folder = STATIC / "vendor"
    recorded = json.loads((folder / "versions.json").read_text())
    names = {name for library in recorded.values() for name in library["sha256"]}
    assert {file.name for file in folder.iterdir()} == {*names, "versions.json"}
    for library in recorded.values():
        for name, digest in library["sha256"].items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_what_is_recorded_is_what_the_lock_file_names() -> None:
    folder = ROOT / "scripts" / "vendor"
    recorded = json.loads((STATIC / "vendor" / "versions.json").read_text())
    lock = json.loads((folder / "package-lock.json").read_text())["packages"]
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    assert wanted == {name: library["version"] for name, library in recorded.items()}
    for name, library in recorded.items():
        locked = lock[f"node_modules/{name}"]
        assert locked["version"] == library["version"]
        assert locked["integrity"].startswith("sha512-")
        assert "resolved" not in locked  # it would name a registry


def test_the_script_is_small() -> None:
    assert len(gzip.compress(script(), 6)) < LIMIT


def test_what_seals_is_small_and_names_its_authors() -> None:
    served = shell.script()
    assert len(gzip.compress(served, 6)) < SEALING_LIMIT
    for library in ("noble-ciphers", "noble-curves"):  # their licence wants to be named
        assert f"{library} - MIT License (c)".encode() in served


BOTH = pytest.mark.parametrize(
    ("code", "names"), [(script(), PIECES), (shell.script(), shell.PIECES)], ids=["client", "shell"]
)


@BOTH
def test_only_comments_and_indentation_are_left_out(code: bytes, names: tuple[str, ...]) -> None:
    served = list(filter(None, code.decode().splitlines()[2:-1]))
    pieces = [(STATIC / piece).read_text().splitlines() for piece in names]
    lines = [line.lstrip().partition(" // ")[0].rstrip() for piece in pieces for line in piece]
    for line in lines:  # within a text it would be no comment
        assert line.startswith("*") or not line.count('"') % 2, line
        assert not line.count("`") % 2, line
    remaining = iter(lines)
    assert all(line in remaining for line in served)  # in that order
    left_out = [line for line in lines if line and line not in set(served)]
    assert left_out
    inside = False
    for line in left_out:
        inside = inside or line.startswith("/*")
        assert inside or line.startswith("//")
        inside = inside and not line.endswith("*/")


@BOTH
def test_the_script_is_valid_and_leaves_no_names_behind(code: bytes, names: tuple[str, ...]) -> None:
    node = shutil.which("node") or unavailable("Node")
    program = f"""
        const before = new Set(Object.getOwnPropertyNames(globalThis));
        globalThis.document = {{ getElementById: () => null }};
        (0, eval)({json.dumps(code.decode())});
        console.log(Object.getOwnPropertyNames(globalThis).filter((name) => !before.has(name)).join());
    """
    done = subprocess.run([node, "-e", program], capture_output=True, text=True)
    assert done.stdout.strip() == "document", done.stderr
