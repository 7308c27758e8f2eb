"""Reading a registry that may be damaged: one record that cannot be read must not hide the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from pteri.app.ports import Claim, ClaimKind, RecordUnreadable, Store, StoreUnavailable
from pteri.core.ids import TenantId

__all__ = ["CarefulReader", "Unreadable"]

T = TypeVar("T")
AfterT = TypeVar("AfterT")

_NOBODY: Final = (TenantId("pteri"), Claim(ClaimKind.LOGIN, "fsck"))


class Unreadable(Exception):
    """The database answers, and this record of it cannot be read."""


class CarefulReader:
    """Tells a bad record from a bad database.

    ``guesses``: a record that fails while others do not counts as a bad one. Without that only one that was read and
    means nothing: a table that somebody has locked for an hour fails like one that is damaged.
    """

    def __init__(self, store: Store, *, guesses: bool = True) -> None:
        self._store, self._guesses = store, guesses

    async def read(self, read: Callable[[], Awaitable[T]]) -> T:
        """What ``read`` reads; ``Unreadable``, or ``StoreUnavailable`` where nothing can be read."""
        try:
            return await read()
        except StoreUnavailable as error:
            self._check_damage(error)
            # A read that decodes nothing tells which it is: it fails with the database.
            await self._store.owner(*_NOBODY)
        try:
            return await read()
        except StoreUnavailable as error:
            self._check_damage(error)
            raise Unreadable from error

    def _check_damage(self, error: StoreUnavailable) -> None:
        if not self._guesses and not isinstance(error, RecordUnreadable):
            raise error

    async def page(
        self, read: Callable[[AfterT, int], Awaitable[list[T]]], after: AfterT, limit: int
    ) -> list[T] | None:
        """A page, shorter where something in it cannot be read; ``None`` when that is the first thing in it."""
        try:
            return await self.read(lambda: read(after, limit))
        except Unreadable:
            return None if limit == 1 else await self.page(read, after, max(1, limit // 8))
