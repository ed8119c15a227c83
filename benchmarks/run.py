"""Compare htagweb_flask with htagweb, with htag alone and with a bare Flask POST, in alternating rounds.

    python benchmarks/run.py              5 rounds, some 15 minutes, writes benchmarks/RESULTS.md
    python benchmarks/run.py --quick      does it all work? 1 short round, printed only
    python benchmarks/run.py --stacks htagweb,host-htag1-w1 --apps counter --rounds 3 --output -

The environments of the stacks are made at the first run, under benchmarks/.venvs. It needs Linux (/proc),
listens on the loopback only, and ends every process that it has started.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shlex
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from bench.environments import ensure, versions
from bench.live import live_stacks, measure_live
from bench.measure import QUICK, Plan, measure_bare, measure_stack
from bench.report import Results, live_section, render
from bench.server import BENCHMARKS, ServerFailed
from bench.stacks import APP_NAMES, Stack, all_stacks


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, help="alternating rounds (default 5, with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="one short round, few clients: does it work?")
    parser.add_argument("--stacks", help="names of stacks, comma separated (default: all)")
    parser.add_argument("--apps", default=",".join(APP_NAMES), help="names of apps, comma separated")
    parser.add_argument("--clients", type=int, help="pages that click at the same time")
    parser.add_argument("--live", help="numbers of live instances, as 0,1000,5000 (default 0,100,1000)")
    parser.add_argument("--only-live", action="store_true", help="measure live instances alone, print them")
    parser.add_argument("--seconds", type=float, help="duration of each measure of clicks")
    parser.add_argument("--option", action="append", default=[], help="of our blueprint, as workers=2 (JSON)")
    parser.add_argument("--python", action="append", default=[], help="as htag1=PATH: not one made here")
    parser.add_argument("--output", help="file of the report, - for the standard output (default RESULTS.md)")
    return parser.parse_args()


def plan_of(args: argparse.Namespace) -> Plan:
    """How much to measure."""
    base = QUICK if args.quick else Plan()
    chosen = {"rounds": args.rounds, "clients": args.clients, "seconds": args.seconds}
    return Plan(**{**vars(base), **{name: value for name, value in chosen.items() if value}})


def stacks_of(args: argparse.Namespace) -> list[Stack]:
    """The chosen stacks; exits if one is unknown."""
    options = dict(option.split("=", 1) for option in args.option)
    stacks = all_stacks({name: json.loads(value) for name, value in options.items()})
    names = args.stacks.split(",") if args.stacks else [stack.name for stack in stacks]
    unknown = set(names) - {stack.name for stack in stacks} | set(args.apps.split(",")) - set(APP_NAMES)
    if unknown:
        known = ", ".join([*(stack.name for stack in stacks), *APP_NAMES])
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; known: {known}")
    return [stack for stack in stacks if stack.name in names]


async def measure_one(results: Results, stack: Stack, app: str, python: str, plan: Plan, label: str) -> None:
    """Add one sample; a failure is reported and the others go on."""
    print(label, file=sys.stderr, flush=True)
    sample = None
    try:
        sample = await measure_stack(stack, python, app, plan)
    except ServerFailed as error:
        print(f"failed: {error}", file=sys.stderr, flush=True)
        results.failures.append(f"{label}: {str(error).splitlines()[0][:200]}")
    results.samples.setdefault((stack.name, app), []).append(sample)


async def measure_all(stacks: list[Stack], apps: list[str], pythons: dict[str, str], plan: Plan) -> Results:
    """Run every stack with every app in each round; the stacks take turns in being the first."""
    results = Results()
    for number in range(plan.rounds):
        turn = number % len(stacks)
        for app in apps:
            for stack in stacks[turn:] + stacks[:turn]:
                if app in stack.apps:
                    label = f"round {number + 1}, {stack.name}, {app}"
                    await measure_one(results, stack, app, pythons[stack.environment], plan, label)
            for generation in generations(stacks):
                bare = measure_bare(pythons[f"htag{generation}"], app, plan)
                results.bare.setdefault((generation, app), []).append(bare)
    return results


async def measure_lives(results: Results, args: argparse.Namespace, pythons: dict[str, str]) -> Results:
    """Add what pages and clicks cost beside live instances."""
    default = "0,20" if args.quick else "0,100,1000"
    counts = [int(count) for count in (args.live or default).split(",")]
    for app in args.apps.split(","):
        for stack in live_stacks():
            if stack.environment in pythons:
                print(f"live instances, {stack.name}, {app}", file=sys.stderr, flush=True)
                try:
                    live = await measure_live(stack, pythons[stack.environment], app, counts)
                    results.live[stack.name, app] = live
                except ServerFailed as error:
                    results.failures.append(f"live, {stack.name}, {app}: {str(error).splitlines()[0][:200]}")
    return results


async def measure_both(args: argparse.Namespace, stacks: list[Stack], pythons: dict[str, str]) -> Results:
    """All that was asked for."""
    results = Results()
    if not args.only_live:
        results = await measure_all(stacks, args.apps.split(","), pythons, plan_of(args))
    return await measure_lives(results, args, pythons)


def generations(stacks: list[Stack]) -> list[int]:
    """The htag generations that the stacks run."""
    return sorted({stack.generation for stack in stacks} - {0})


def prepare(args: argparse.Namespace, stacks: list[Stack]) -> dict[str, str]:
    """The Python of each environment that is needed; goes on in the load client's own environment."""
    given = dict(choice.split("=", 1) for choice in args.python)
    needed = {"client", *(stack.environment for stack in stacks), *(f"htag{g}" for g in generations(stacks))}
    pythons = {name: given.get(name) or ensure(name) for name in sorted(needed)}
    if os.path.abspath(sys.executable) != os.path.abspath(pythons["client"]):
        os.execv(pythons["client"], [pythons["client"], *sys.argv])
    return pythons


def run(measures: Coroutine[Any, Any, Results]) -> Results:
    """Run on uvloop if it is there, with room for all connections; SIGTERM ends it as Ctrl-C does."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        import uvloop
    except ImportError:
        return asyncio.run(measures)
    results: Results = uvloop.run(measures)
    return results


def shown_arguments(argv: list[str]) -> list[str]:
    """The arguments without those that only name places on this machine."""
    hidden = ("--python", "--output")
    pairs = zip(["", *argv], argv, strict=False)
    return [word for previous, word in pairs if previous not in hidden and not word.startswith(hidden)]


def main() -> None:
    """Measure and report."""
    args = arguments()
    stacks, plan = stacks_of(args), plan_of(args)
    pythons = prepare(args, stacks)
    try:
        results = run(measure_both(args, stacks, pythons))
    except KeyboardInterrupt:
        sys.exit("interrupted: every server has been ended, nothing is written")
    if args.only_live:
        print("\n\n".join([*live_section(results), *results.failures]))
        sys.exit(1 if results.failures else 0)
    command = shlex.join(["python", "benchmarks/run.py", *shown_arguments(sys.argv[1:])])
    found = {name: versions(python) for name, python in pythons.items()}
    text = render(results, stacks, plan, command, found)
    output = args.output or ("-" if args.quick else str(BENCHMARKS / "RESULTS.md"))
    if output == "-":
        print(text)
    else:
        Path(output).write_text(text)
    sys.exit(1 if results.failures else 0)


if __name__ == "__main__":
    main()
