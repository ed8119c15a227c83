"""Fuzzes a target: python -m tests.fuzz.run TARGET RUNS NEW [LIBFUZZER-OPTIONS...]

It begins with the corpus of the target in tests/fuzz/corpus; inputs that reach something new, and one that
is a finding ("crash-..."), go into the folder NEW. Ends with status 0 after so many runs without a finding.
Those that are worth it are copied into the corpus by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

from tests.fuzz.mutate import MUTATORS

with atheris.instrument_imports(include=["htagweb_flask", "itsdangerous"]):
    from tests.fuzz.targets import TARGETS

FOLDER = Path(__file__).parent

#: Bytes of an input. Of those that are whole trees of values, many small ones say more than few large ones.
LENGTHS = {"constants": 100}

LIMITS = ["-len_control=0", "-mutate_depth=1", "-timeout=5", "-rss_limit_mb=1000"]


def main(name: str, runs: str, new: str, *options: str) -> None:
    """Does not return."""
    Path(new).mkdir(parents=True, exist_ok=True)
    limits = [f"-max_len={LENGTHS.get(name, 200)}", f"-runs={runs}", *LIMITS]
    found = [f"-artifact_prefix={new}/", f"-dict={FOLDER / 'json.dict'}"]
    arguments = [sys.argv[0], *limits, *found, *options, new, str(FOLDER / "corpus" / name)]
    atheris.Setup(arguments, TARGETS[name], custom_mutator=MUTATORS.get(name))
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
