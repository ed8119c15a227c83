"""Runs the checks that are named and sums them up: check.py lint js htag1 sealed2 -- PYTEST-ARGUMENTS

All run, also after a failure: one run shows all that is wrong. The last line is the sum, also left in
test-results/summary.txt; the exit status is 1 when anything failed.

htag1 and htag2 are the whole suite with that generation of htag; sealed1 and sealed2 are its scenarios in the
browser once more, with parano for all apps.

Two suites run at the same time, so that a test may fail for want of a processor. A few tests that
failed are run again, alone and twice; if all pass both times they count as passed, and are named as unsteady.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "test-results"


@dataclass
class Count:
    """What a check found. A linter is one check: passed or failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Count) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


def run(
    title: str, command: list[str | Path], env: dict[str, str] | None = None, log: Path | None = None
) -> int:
    """The status of a command, whose output goes to the terminal, or to *log*."""
    print(f"\n=== {title}" + (f", in {log.relative_to(ROOT)}" if log else ""), flush=True)
    words, environ = [str(part) for part in command], {**os.environ, **(env or {})}
    if log is None:
        return subprocess.call(words, cwd=ROOT, env=environ)
    with log.open("wb") as file:
        return subprocess.call(words, cwd=ROOT, env=environ, stdout=file, stderr=file)


def one(status: int) -> Count:
    return Count(failed=1) if status else Count(passed=1)


def lint(_: list[str]) -> Count:
    total = one(run("ruff", [sys.executable, "-m", "ruff", "check", "."]))
    total.add(one(run("mypy", [sys.executable, "-m", "mypy"])))
    total.add(one(run("bandit", [sys.executable, "-m", "bandit", "-q", "-r", "htagweb_flask"])))
    return total


def javascript(_: list[str]) -> Count:
    """The tests of the browser's side, on Node's own runner. The files are named, as Node's rules differ."""
    files = sorted((ROOT / "tests" / "js").glob("**/*.test.*js"))
    node = shutil.which("node")
    if not files or (node is None and os.environ.get("MISSING") == "skip"):
        print("\n=== JavaScript: nothing to run")
        return Count(skipped=len(files))
    if node is None:
        print("\n=== JavaScript: Node is not installed")
        return Count(failed=1)
    print("\n=== JavaScript", flush=True)
    done = subprocess.run([node, "--test", *map(str, files)], cwd=ROOT, capture_output=True, text=True)
    print(done.stdout if done.returncode else "\n".join(done.stdout.splitlines()[-8:]), done.stderr)
    found = {word: int(number) for word, number in re.findall(r"^\W*(pass|fail) (\d+)$", done.stdout, re.M)}
    failed = found.get("fail", 0) or int(done.returncode != 0)
    return Count(passed=found.get("pass", 0), failed=failed)


@dataclass(frozen=True)
class Suite:
    """Tests with one generation of htag."""

    name: str
    generation: int
    tests: tuple[str, ...] = ()
    sealed: bool = False

    def all(self, arguments: list[str]) -> Count:
        """Its tests, of which those that failed are left in its cache."""
        log, cache = (RESULTS / f"{self.name}.{end}" for end in ("log", "cache"))
        shutil.rmtree(cache, ignore_errors=True)
        title = f"pytest, {self.name}"
        status = self.run(title, ["-o", f"cache_dir={cache}", *self.tests, *arguments], log)
        # What was asked for may be in another suite alone.
        count = Count() if arguments and status == NO_TESTS else counted(self.report(), status)
        print(f"\n=== {title}\n{log.read_text(errors='replace')}", flush=True)
        return count

    def again(self, first: Count) -> Count:
        """The count once the failed tests were run again, alone and twice; many are no accident."""
        found = RESULTS / f"{self.name}.cache" / "v" / "cache" / "lastfailed"
        if not 0 < first.failed <= MOST_AGAIN or not found.exists():
            return first
        names = list(json.loads(found.read_text()))
        for turn in ("once more", "and once more"):
            title = f"{self.name}: {len(names)} failed, {turn}"
            status = self.run(title, ["-p", "no:cacheprovider", *names], mark="-again")
            if counted(self.report("-again"), status) != Count(passed=len(names)):
                return first
        print("\n".join([f"\n=== {self.name}: unsteady, passed when run again", *names]), flush=True)
        return Count(passed=first.passed + first.failed, skipped=first.skipped)

    def run(self, title: str, arguments: list[str], log: Path | None = None, mark: str = "") -> int:
        """The status of pytest in the environment of the generation."""
        python = ROOT / f".venv-htag{self.generation}" / "bin" / "python"
        report = self.report(mark)
        report.unlink(missing_ok=True)
        # What is missing on this machine fails a test here (see tests/support.py), unless one asked to skip.
        env = {} if os.environ.get("MISSING") == "skip" else {"CI": "1"}
        if self.sealed:
            env["PARANO"] = "1"
        return run(title, [python, "-m", "pytest", f"--junitxml={report}", *arguments], env, log)

    def report(self, mark: str = "") -> Path:
        return RESULTS / f"{self.name}{mark}.xml"


def progress(stop: threading.Event) -> None:
    """Says every now and then how far the suites are."""
    while not stop.wait(30):
        found = {}
        for log in sorted(RESULTS.glob("*.log")):
            found[log.stem] = (re.findall(r"\[ *(\d+%)\]", log.read_text(errors="replace")) or ["0%"])[-1]
        print("   ".join(f"{name} {share}" for name, share in found.items()), flush=True)


def counted(report: Path, status: int) -> Count:
    """The figures of a JUnit report; a run that failed without a failed test counts as one."""
    total = Count()
    if report.exists():
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            figures = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
            total.failed += figures["failures"] + figures["errors"]
            total.skipped += figures["skipped"]
            total.passed += figures["tests"] - figures["failures"] - figures["errors"] - figures["skipped"]
    if status and not total.failed:
        total.failed = 1
    return total


CHECKS = {"lint": lint, "js": javascript}
IN_BROWSER = ("tests/web",)
SUITES = {
    suite.name: suite
    for suite in (
        Suite("htag1", 1),
        Suite("htag2", 2),
        Suite("sealed1", 1, IN_BROWSER, sealed=True),
        Suite("sealed2", 2, IN_BROWSER, sealed=True),
    )
}
SIDE_BY_SIDE = 2
MOST_AGAIN = 8
NO_TESTS = 5  # the status of pytest


def main() -> int:
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    names, arguments = sys.argv[1:split], sys.argv[split + 1 :]
    RESULTS.mkdir(exist_ok=True)
    for old in RESULTS.glob("*.log"):
        old.unlink()
    start = time.monotonic()
    counts = {name: CHECKS[name](arguments) for name in names if name not in SUITES}
    stop = threading.Event()
    # Two at the same time: most of their tests wait for something.
    with ThreadPoolExecutor(SIDE_BY_SIDE) as together:
        suites = {name: together.submit(SUITES[name].all, arguments) for name in names if name in SUITES}
        watching = threading.Thread(target=progress, args=(stop,), daemon=True)
        watching.start()
        counts |= {name: running.result() for name, running in suites.items()}
        stop.set()
    for name in SUITES.keys() & counts.keys():
        counts[name] = SUITES[name].again(counts[name])
    total, lines = Count(), [f"{name:8} {counts[name]}" for name in names]
    for count in counts.values():
        total.add(count)
    print("\n=== Sum")
    print("\n".join(lines))
    print(f"in {time.monotonic() - start:.0f} seconds")
    (RESULTS / "summary.txt").write_text(f"{total}\n")
    print(total, flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
