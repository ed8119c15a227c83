"""The command line that benchmarks of one generation have in common."""

from __future__ import annotations

import argparse

from .environments import ensure

__all__ = ["parser_of", "python_of"]


def parser_of(doc: str | None, quick: str) -> argparse.ArgumentParser:
    """A benchmark with this *doc* has ``--quick`` (said to be *quick*), ``--htag`` and ``--python``."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--htag", choices=("1", "2"), default="2", help="generation")
    parser.add_argument("--python", help="an environment that is there already")
    return parser


def python_of(args: argparse.Namespace) -> str:
    """The interpreter that was asked for, or one of an environment that is made."""
    return str(args.python or ensure(f"htag{args.htag}"))
