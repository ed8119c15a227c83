"""Adapters: the only files that import htag, one per generation.

A third generation is one more file here, and the contract suite run over it.
"""

from __future__ import annotations

import importlib
import importlib.util

from ...errors import ConfigError
from .base import Adapter, Host

__all__ = ["Adapter", "Host", "adapter_class", "generation"]


def generation() -> int:
    """The generation of the installed htag, 1 or 2. Raises ConfigError when there is none."""
    if importlib.util.find_spec("htag") is None:
        raise ConfigError("htag is not installed where the pool runs: pip install htag")
    # Not hasattr(Tag, "App"): the metaclass of htag 1 answers True to any name.
    if importlib.util.find_spec("htag.render") is not None:
        return 1
    if importlib.util.find_spec("htag.runner") is not None:
        return 2
    raise ConfigError("this version of htag is not supported: install htag 1.0 or htag 2")


def adapter_class() -> type[Adapter]:
    """The adapter of the installed generation."""
    module = importlib.import_module(f".htag{generation()}", __name__)
    found: type[Adapter] = module.ADAPTER
    return found
