"""Mutation testing: how many small mistakes in the code that guards a site do its tests find? mutants.py

What is changed, and which tests are asked, stands in pyproject.toml (tool.mutmut). Prints a table, and ends
with status 1 when fewer than 85 % are found in one of the files. ``mutmut show NAME`` shows a mutant.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOWEST = 0.85

#: Statuses of pytest, and those that mutmut gives: 33 no test runs the line; 24, 36 and 152 too long, -11 and
#: -9 the process died.
SURVIVED = {0, 33}


def counted() -> dict[str, Counter[str]]:
    """By file: how many mutants were found, and how many not."""
    found: dict[str, Counter[str]] = {}
    for meta in sorted((ROOT / "mutants").rglob("*.meta")):
        name = str(meta.relative_to(ROOT / "mutants").with_suffix(""))
        for status in json.loads(meta.read_text())["exit_code_by_key"].values():
            kind = "not run" if status is None else "survived" if status in SURVIVED else "found"
            found.setdefault(name, Counter())[kind] += 1
    return found


def main() -> int:
    mutmut = str(Path(sys.executable).with_name("mutmut"))
    status = subprocess.call([mutmut, "run", "--max-children", "1"], cwd=ROOT, env={**os.environ, "CI": "1"})
    worst, total = 1.0, Counter[str]()
    print(f"\n{'file':52} found  of")
    for name, counts in counted().items():
        total += counts
        worst = min(worst, counts["found"] / counts.total())
        print(f"{name:52} {counts['found']:5} {counts.total():4}  {counts['found'] / counts.total():.0%}")
    print(f"{'all':52} {total['found']:5} {total.total():4}  {total['found'] / total.total():.0%}")
    return int(bool(status) or worst < LOWEST)


if __name__ == "__main__":
    sys.exit(main())
