"""What re-keying needs of the registry (docs/spec section 9.8). It changes spellings and seals, and no history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from pteri.domain.addresses import Address
from pteri.domain.kept_line import KeptLine

if TYPE_CHECKING:
    from pteri.app.ports import Claimed

__all__ = ["KeyBook", "RegisteredKey"]


class RegisteredKey(msgspec.Struct, frozen=True):
    """A deployment key that something in this database was, or may be, made with. ``number``: 1 for the first.

    ``mark`` knows the key again and tells nothing of it. ``retired``: nothing needs it any more, for ever.
    """

    number: int
    name: str
    mark: str
    retired: bool = False


class KeyBook(Protocol):
    """Every method can be repeated and has its effect once. Raises ``StoreUnavailable`` when the database fails."""

    async def registered(self) -> list[RegisteredKey]:
        """The keys of this database in the order of their numbers; none where it has only ever had one."""
        ...

    async def register(self, keys: Sequence[RegisteredKey]) -> None:
        """Add these, all or none; one that is there stays as it is."""
        ...

    async def retire(self, name: str) -> None:
        """Nothing needs this key any more."""
        ...

    async def claim(self, claimed: Sequence[Claimed]) -> int:
        """Give accounts that are there other spellings of what they have; how many of these they have now.

        One that another account has stays with it. One that the account has already is labelled with its key.
        """
        ...

    async def logins_only_elsewhere(self, keys: Sequence[str]) -> int:
        """How many accounts have no login under any of these keys: they would not be found without the others."""
        ...

    async def lines_under_others(self, key: str, after: tuple[str, str], limit: int) -> list[KeptLine]:
        """Kept lines that are not under this key, in order of (tenant, account), after this one."""
        ...

    async def rekey_line(self, before: KeptLine, after: KeptLine) -> bool:
        """Whether ``after`` stands in the place of ``before``; false changes nothing: it was another by then."""
        ...

    async def addresses_under_others(self, header: bytes, after: tuple[str, str, str], limit: int) -> list[Address]:
        """Kept addresses sealed with another beginning, in order of (tenant, account, channel), after this one."""
        ...

    async def rekey_address(self, before: Address, after: Address) -> bool:
        """Whether the seal of ``after`` stands in the place of that of ``before``; false changes nothing."""
        ...
