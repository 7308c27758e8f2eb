"""The pull loop that goes round all accounts, and halts one that is not the fold of what was signed (docs/spec 9.9).

Its place is a row: whoever is killed goes on from the last account that was kept. It works at a rate that is set, a few
events at a time. What differs is looked at a second time, from its beginning, before anybody is halted: an account may
have changed in between its readings. Nobody is halted but the account that differs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from pteri.app.account_audit import AccountAudit, mismatches
from pteri.app.audit_ports import AuditPlace, Halt, Pace
from pteri.app.deployment import Deployment
from pteri.app.findings import Finding
from pteri.core.ids import AccountId, TenantId
from pteri.domain.reminding import ends_of_waits

__all__ = ["Auditing", "Lifted", "lift", "look_at"]

_PIECE: Final = 8
"""Events between two pauses: some milliseconds, for which a request of this process may wait."""
_TURN_S: Final = 1
"""A turn is so many seconds of work at the rate that is set, and then its place is kept."""
_PAGE: Final = 100
_BESIDE_EVENTS: Final = 2
"""What is read of an account beside its events costs about as much as so many of them."""

_MOST_DETAIL: Final = 500

replace = msgspec.structs.replace
Key = tuple[TenantId, AccountId]


async def look_at(deployment: Deployment, tenant: TenantId, account: AccountId) -> list[Finding]:
    """By what this account is not the fold of what was signed, looked at in one go."""
    audit = AccountAudit(deployment, tenant, account)
    while not audit.is_over:
        await audit.step(_PIECE)
    return mismatches(audit.findings)


class Lifted(msgspec.Struct, frozen=True):
    """What became of a halt that somebody wanted to lift: ``done``, or why not.

    ``findings``: what is still wrong with the account. ``waits``: when each change ends that waits in it, Unix seconds,
    soonest first: nobody could object to these while it was halted. Neither: it was not halted.
    """

    done: bool
    findings: tuple[Finding, ...] = ()
    waits: tuple[int, ...] = ()


async def lift(deployment: Deployment, tenant: TenantId, account: AccountId, *, though_waits: bool) -> Lifted:
    """Let it go on, if it is what was signed, and nothing waits in it, or that is known (``though_waits``)."""
    if found := await look_at(deployment, tenant, account):
        return Lifted(done=False, findings=tuple(found))
    stored = await deployment.store.account(tenant, account)
    waits = () if stored is None else tuple(sorted(ends_of_waits(stored, deployment.clock.now()).values()))
    if waits and not though_waits:
        return Lifted(done=False, waits=waits)
    return Lifted(done=await deployment.store.audits.lift(tenant, account), waits=waits)


@dataclass(slots=True)
class Auditing:
    """One worker. Any number of them do no harm; a lease lets one work.

    ``pause`` waits so many seconds. ``tell`` hears of each account that was halted now, and ``tell_round`` of each
    round that is over.
    """

    deployment: Deployment
    pace: Pace
    pause: Callable[[float], Awaitable[None]]
    tell: Callable[[Halt], None]
    tell_round: Callable[[AuditPlace], None] = lambda _: None
    _at: AuditPlace | None = field(default=None, init=False)
    """The place that this worker saw or kept last."""
    _has_begun: bool = field(default=False, init=False)
    _queue: list[Key] = field(default_factory=list, init=False)
    _audit: AccountAudit | None = field(default=None, init=False)
    _is_second_look: bool = field(default=False, init=False)

    async def turn(self, at: int) -> bool:
        """One bounded piece of a round; whether more is left now. Raises ``StoreUnavailable`` only."""
        place = await self._place(at)
        if place is None:
            return False
        left = self.pace.rate * _TURN_S
        while left > 0:
            key = await self._next(place)
            if key is None:
                place = replace(place, ended_at=max(at, place.started_at))
                break
            try:
                done = await self._step(key, at)
            except BaseException:
                # Half a look is none: gone on with, it would miss what the database did not say, and call that damage.
                self._audit, self._is_second_look = None, False
                raise
            if self._audit is None:
                self._queue.pop(0)
                place = replace(place, account=key, accounts=place.accounts + 1)
            left -= done
            await self.pause(done / self.pace.rate)
        kept = replace(place, version=place.version + 1)
        began = self._at is None or self._at.ended_at is not None
        if not began and _where(kept) == _where(self._at):
            return True  # one account takes longer than a turn
        is_kept = await self.deployment.store.audits.keep(kept)
        self._has_begun = True
        if not is_kept:
            return True  # another worker came further: the next turn goes on from there
        self._at = kept
        if kept.ended_at is not None:
            self.tell_round(kept)
        return kept.ended_at is None

    async def _place(self, at: int) -> AuditPlace | None:
        """Where this turn begins; ``None`` while no round is due. The first turn of a process begins one at once."""
        stored = await self.deployment.store.audits.place()
        if _where(stored) != _where(self._at):
            self._forget()
        self._at = stored
        if stored is not None and stored.ended_at is None:
            return stored
        if stored is not None and self._has_begun and 0 <= at - stored.started_at < self.pace.every_s:
            return None
        return AuditPlace(version=0 if stored is None else stored.version, started_at=at)

    async def _next(self, place: AuditPlace) -> Key | None:
        """The account that is looked at now; ``None`` after the last one."""
        if not self._queue:
            self._queue = await self.deployment.store.audits.accounts(place.account, _PAGE)
        return self._queue[0] if self._queue else None

    async def _step(self, key: Key, at: int) -> int:
        """A few events of this account, and what follows when it was looked at; how much work it was."""
        audit = self._audit = self._audit or AccountAudit(self.deployment, *key)
        done = await audit.step(_PIECE)
        if not audit.is_over:
            return done
        found = mismatches(audit.findings)
        self._audit, is_second_look = None, self._is_second_look
        self._is_second_look = bool(found) and not is_second_look
        if self._is_second_look:
            self._audit = AccountAudit(self.deployment, *key)
        elif found:
            await self._halt(key, found[0], at)
        return done + _BESIDE_EVENTS

    async def _halt(self, key: Key, why: Finding, at: int) -> None:
        halt = Halt(tenant=key[0], account=key[1], at=at, code=why.code, detail=why.detail[:_MOST_DETAIL])
        if await self.deployment.store.audits.halt(halt):
            self.tell(halt)

    def _forget(self) -> None:
        """What was begun is not what comes next: another worker came further."""
        self._audit, self._is_second_look = None, False
        self._queue.clear()


def _where(place: AuditPlace | None) -> tuple[object, ...] | None:
    """Two workers that are at one place do not disturb each other: an account that both look at is done by one."""
    return None if place is None else (place.started_at, place.account, place.ended_at)
