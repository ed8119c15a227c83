"""``tag.state`` for htag 2, as htag 1 has it."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from ...session import Snapshot

__all__ = ["StateOfTag"]


class _State(MutableMapping[str, Any]):
    """``tag.state`` as htag 1 has it: a dict in the session, one per class of tag."""

    def __init__(self, session: Snapshot, key: str) -> None:
        self._session = session
        self._key = key

    def __getitem__(self, key: str) -> Any:
        return self._session.get(self._key, {})[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._session.assign(self._key, key, value)

    def __delitem__(self, key: str) -> None:
        values = self._session.get(self._key, {})
        del values[key]
        if not values:
            del self._session[self._key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._session.get(self._key, {})))

    def __len__(self) -> int:
        return len(self._session.get(self._key, {}))

    def load(self, values: dict[str, Any]) -> None:
        """Replaces all values, as htag 1's ``state.load()``."""
        self.clear()
        self.update(values)

    def export(self) -> dict[str, Any]:
        """All values, as htag 1's ``state.export()``."""
        return dict(self)


class StateOfTag:
    """The default ``state`` of htag 2 tags. Not a data descriptor: a class or an instance that has its own
    ``state`` keeps it."""

    def __get__(self, tag: Any, owner: type) -> Any:
        if tag is None:
            return self
        request = tag.request
        if request is None:
            raise AttributeError("state")
        kind = type(tag)
        return _State(request.session, f"{kind.__module__}.{kind.__qualname__}")
