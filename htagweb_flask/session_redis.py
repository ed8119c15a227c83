"""Sessions in a Redis: read, changed and written in one step, whoever else writes at the same time, on this
machine or another one.

Redis compares what is there with what the change was made from, and takes the change only if that is the
same. What this process has written last is tried first: mostly nobody else has written since, and one message
does it all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .errors import StoreError

__all__ = ["RedisSessions"]

SWAP = """
local stored = redis.call('GET', KEYS[1]) or ''
if stored ~= ARGV[1] then return stored end
local milliseconds = tonumber(ARGV[3])
if ARGV[4] == 'keep' then
    local left = redis.call('PTTL', KEYS[1])
    if left > 0 then milliseconds = left end
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', milliseconds)
if KEYS[1] ~= KEYS[2] then redis.call('DEL', KEYS[1]) end
return 1
"""

ATTEMPTS = 100
"""How often others may be faster: those of this machine take turns, so it is one attempt for each machine."""

KNOWN = 1000
"""Sessions of which a web process knows what it has written last."""

SMALL = 16 * 1024
"""Bytes of the largest one that it remembers: 16 MB in all."""


class RedisSessions:
    """The records behind Flask-Session's interface for Redis. Every method raises what the client raises."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._swap = client.register_script(SWAP)
        self._known: OrderedDict[str, bytes] = OrderedDict()

    def change(
        self,
        key: str,
        edit: Callable[[bytes | None], bytes | None],
        seconds: float,
        prolong: bool = True,
        to: str = "",
    ) -> bool:
        """Puts what *edit* makes of the record *key* in its place, or in that of *to*, for *seconds* (not
        *prolong*: until it would have ended). *edit* may be called several times; None is for no record, and
        when it returns None there is no change, and False is returned. Raises StoreError when others are
        faster all the time."""
        stored = self._known.pop(key, None) or self._client.get(key) or None
        for _ in range(ATTEMPTS):
            value = edit(stored)
            if value is None:
                return False
            keep = "" if prolong else "keep"
            found = self._swap([key, to or key], [stored or b"", value, int(seconds * 1000), keep])
            if found == 1:
                self._remember(to or key, value)
                return True
            stored = found or None
        raise StoreError("others change the same session all the time")

    def _remember(self, key: str, value: bytes) -> None:
        if len(value) <= SMALL:
            self._known[key] = value
        if len(self._known) > KNOWN:
            self._known.popitem(last=False)
