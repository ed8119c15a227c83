"""Apps are imported by their name, where their instances will live."""

from __future__ import annotations

from ..appref import AppRef
from ..errors import AppError, HtagError, trace_of

__all__ = ["load"]


def load(app: str) -> type:
    """The class that *app* names. Raises AppError for whatever its module raises."""
    try:
        return AppRef.parse(app).load()
    except HtagError:
        raise
    except BaseException as error:  # sys.exit() at import, too
        text = f"import of {AppRef.parse(app).module}: {type(error).__name__}: {error}"
        raise AppError(text, trace_of(error)) from None
