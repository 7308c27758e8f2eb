"""A store that gives little at a time: whatever reads a whole registry then has many places to be killed at."""

from __future__ import annotations

from typing import Any

__all__ = ["ShortPages"]

_PAGES = frozenset({"log", "accounts", "claims", "entries", "kept"})


class ShortPages:
    """The same as ``inner``, ``most`` rows a page where all of something is read."""

    def __init__(self, inner: Any, most: int = 3) -> None:
        self._inner, self._most = inner, most

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in {"book", "anchors"}:
            return ShortPages(found, self._most)
        if name not in _PAGES:
            return found

        async def page(after: object, limit: int) -> object:
            return await found(after, min(limit, self._most))

        return page
