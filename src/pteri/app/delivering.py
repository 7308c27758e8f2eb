"""Notices go to the addresses that their owner named (law 5, docs/spec section 9.3).

A delivery is over when another machine has taken the letter, and not before: killed between the two, it is sent again,
under the same id. What does not go waits, longer each time, and does not stand in the way of others.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from pteri.app.committing import settled
from pteri.app.deployment import Deployment
from pteri.app.halting import steady_time
from pteri.app.letters import letter_text, subject
from pteri.app.linking import freeze_link
from pteri.app.ports import Courier, CourierUnavailable, Letter, LetterRefused, LetterRejected
from pteri.app.warned import opened_address
from pteri.core.ids import AccountId, Digest, TenantId
from pteri.domain.account import Account
from pteri.domain.addresses import Address
from pteri.domain.records import Delivery, Notice
from pteri.domain.reminding import is_to_be_told

__all__ = ["GaveUp", "deliver_what_is_due"]

_BATCH: Final = 50
_MOST_IN_A_LETTER: Final = 20
_FIRST_PAUSE_S: Final = 60
_LONGEST_PAUSE_S: Final = 3600

_Due = list[tuple[Delivery, Notice]]


class GaveUp(StrEnum):
    """Why notices do not go to an address. The operator hears of it; the owner still reads them on the phones."""

    TOO_LATE = "TOO_LATE"
    REJECTED = "REJECTED"


_HearsOfLost = Callable[[int, GaveUp], None]


async def deliver_what_is_due(deployment: Deployment, courier: Courier, at: int, *, gave_up: _HearsOfLost) -> bool:
    """Send some letters that are due by ``at``; whether more may be waiting.

    ``gave_up`` hears of how many notices will never go to an address, and why.

    Whoever named an address first hears first: of the addresses of one account the oldest.
    """
    # Nothing is late, or over, that only a wrong clock has made so.
    at = steady_time(deployment.clock, at)
    due = await deployment.store.deliveries(at, _BATCH)
    by_account: dict[tuple[TenantId, AccountId], _Due] = defaultdict(list)
    for delivery, notice in due:
        by_account[delivery.tenant, delivery.account].append((delivery, notice))
    for place, waiting in by_account.items():
        goes_on = await _AnAccount(deployment, courier, at, gave_up).deliver(*place, waiting)
        if not goes_on:
            return False
    return len(due) == _BATCH


class _AnAccount:
    """The letters of one account."""

    def __init__(self, deployment: Deployment, courier: Courier, at: int, gave_up: _HearsOfLost) -> None:
        self._deployment, self._courier, self._at, self._gave_up = deployment, courier, at, gave_up

    async def deliver(self, tenant: TenantId, account_id: AccountId, waiting: _Due) -> bool:
        """Whether the courier is there."""
        store = self._deployment.store
        stored = await store.account(tenant, account_id)
        assert stored is not None
        account, _ = settled(stored, self._at)
        site = self._deployment.tenants.get(tenant)
        hearing = [each for each in await store.addresses(tenant, account_id) if each.channel in account.channels]
        wanted: dict[Digest, _Due] = {address.channel: [] for address in hearing if site is not None}
        over: list[Delivery] = []
        late = 0
        for delivery, notice in waiting:
            is_late = self._at >= delivery.gives_up_at
            late += is_late
            is_over = notice.reminder and not is_to_be_told(notice, account, self._at)
            if is_late or is_over or delivery.channel not in wanted:
                over.append(delivery)
            else:
                wanted[delivery.channel].append((delivery, notice))
        if over:
            await store.delivered(over, [])
        if late:
            self._gave_up(late, GaveUp.TOO_LATE)
        for address in hearing:
            if (due := wanted.get(address.channel)) and not await self._sent(account, address, due[:_MOST_IN_A_LETTER]):
                return False
        return True

    async def _sent(self, account: Account, address: Address, due: _Due) -> bool:
        """Whether the courier is there, whatever becomes of the letter."""
        deliveries = [delivery for delivery, _ in due]
        is_there = True
        try:
            await self._courier.send(self._letter(account, address, [notice for _, notice in due]))
        except LetterRejected:
            # Asked again and again it would say the same, and take less and less of what we send to others.
            await self._deployment.store.delivered(deliveries, [])
            self._gave_up(len(deliveries), GaveUp.REJECTED)
        except LetterRefused:
            await self._deployment.store.delivered([], [_later(each, self._at) for each in deliveries])
        except CourierUnavailable:
            # Perhaps it is this letter that makes it fall silent: others come first when it is back.
            await self._deployment.store.delivered([], [_later(each, self._at) for each in deliveries])
            is_there = False
        else:
            await self._deployment.store.delivered(deliveries, [])
        return is_there

    def _letter(self, account: Account, address: Address, notices: Sequence[Notice]) -> Letter:
        domain = self._deployment.tenants[account.tenant].domain
        named = "\n".join((account.tenant, account.id, address.channel, *sorted(notice.id for notice in notices)))
        return Letter(
            id=f"{hashlib.sha256(named.encode()).hexdigest()[:32]}@{domain}",
            to=opened_address(self._deployment, address).removeprefix("mailto:"),
            subject=subject(domain),
            text=letter_text(domain, notices, freeze_link(self._deployment, address, notices, self._at)),
            at=self._at,
        )


def _later(delivery: Delivery, at: int) -> Delivery:
    pause_s = min(_FIRST_PAUSE_S * 2 ** min(delivery.attempts, 10), _LONGEST_PAUSE_S)
    next_at = min(at + pause_s, delivery.gives_up_at)
    return msgspec.structs.replace(delivery, next_at=next_at, attempts=delivery.attempts + 1)
