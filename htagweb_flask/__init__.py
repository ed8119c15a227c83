"""Hosts htag apps on Flask and any WSGI server."""

from typing import TYPE_CHECKING, Any

from .errors import (
    AppError,
    BadMessage,
    ConfigError,
    Gone,
    HtagError,
    PoolError,
    Refused,
    SequenceGap,
    Stale,
    TooLarge,
)
from .expose import htag_expose

if TYPE_CHECKING:
    from .extension import Htag, handle, htag_blueprint
    from .web.pools import Pool, pools

__version__ = "0.1.0"

__all__ = [
    "AppError",
    "BadMessage",
    "ConfigError",
    "Gone",
    "Htag",
    "HtagError",
    "Pool",
    "PoolError",
    "Refused",
    "SequenceGap",
    "Stale",
    "TooLarge",
    "__version__",
    "handle",
    "htag_blueprint",
    "htag_expose",
    "pools",
]


def __getattr__(name: str) -> Any:
    """Loads the web side when it is asked for: the pool imports this package too, and never Flask."""
    if name in ("Htag", "handle", "htag_blueprint"):
        from . import extension

        return getattr(extension, name)
    if name in ("Pool", "pools"):
        from .web import pools

        return getattr(pools, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
