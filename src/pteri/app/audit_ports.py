"""What the audit of all accounts needs of the registry: its place, and the accounts that it halted (docs/spec 9.9).

* *one writer wins*: of two that keep a place of one version, one does;
* *halted is halted*: a commit that changes a halted account, or answers a challenge of it, is refused as a conflict;
* *once*: an account is halted once, until somebody lifts it; *durable*: as the registry.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from pteri.core.ids import AccountId, TenantId

__all__ = ["AuditBook", "AuditPlace", "Halt", "Pace"]


class Pace(msgspec.Struct, frozen=True):
    """``every_s``: from the beginning of a round to that of the next. ``rate``: events a second, and no more."""

    every_s: int = 3600
    rate: int = 100


class AuditPlace(msgspec.Struct, frozen=True, kw_only=True):
    """How far a round has come. ``version`` counts the changes of this record from 1.

    ``account``: the last one that was looked at, and ``None`` before the first; ``accounts``: how many were.
    ``ended_at``: Unix second in which the round ended, ``None`` while it is under way.
    """

    version: int
    started_at: int
    account: tuple[TenantId, AccountId] | None = None
    accounts: int = 0
    ended_at: int | None = None


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """An account that nobody changes until an operator lifts this. ``code``, ``detail``: what was found first."""

    tenant: TenantId
    account: AccountId
    at: int
    code: str
    detail: str


class AuditBook(Protocol):
    """See the promises above. Raises ``StoreUnavailable`` when the database fails."""

    async def place(self) -> AuditPlace | None:
        """How far the newest round has come; ``None`` before the first."""
        ...

    async def keep(self, place: AuditPlace) -> bool:
        """Whether this is the place now; false when the one before it is not of the version before."""
        ...

    async def accounts(self, after: tuple[str, str] | None, limit: int) -> list[tuple[TenantId, AccountId]]:
        """Keys of accounts in order, after the given one: they are there whatever stands in the record."""
        ...

    async def halt(self, halt: Halt) -> bool:
        """Whether the account was not halted before; it is now."""
        ...

    async def lift(self, tenant: TenantId, account: AccountId) -> bool:
        """Whether it was halted; it is not any more."""
        ...

    async def halts(self, after: tuple[str, str] | None, limit: int) -> list[Halt]:
        """Those that are halted, in order of (tenant, account)."""
        ...
