"""Notices whose time has come get their place in what a relying party reads (law 5, docs/spec section 9.3).

Nothing in a request waits for it. It reads what the database says is left to do, and can be killed on any line.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from pteri.app.callers import ClientAsking, client_call
from pteri.app.committing import settled
from pteri.app.deployment import Deployment
from pteri.app.halting import steady_time
from pteri.core import ids, wire
from pteri.core.errors import Code, Malformed
from pteri.core.ids import AccountId, TenantId
from pteri.domain.account import Account
from pteri.domain.records import Delivery, Notice, Telling
from pteri.domain.reminding import is_to_be_told

__all__ = ["GIVES_UP_S", "feed", "tell_of_what_is_due"]

_BATCH: Final = 100
_BATCH_MEANWHILE: Final = 5000
"""While the clock is wrong: reminders that are not due stand in the way of what is."""
_PAGE: Final = 100
_PLACE_BYTES: Final = 8
GIVES_UP_S: Final = 3 * 86400
"""For how long a notice is offered to an address that does not take it."""


async def tell_of_what_is_due(deployment: Deployment, at: int) -> bool:
    """Deal with some notices whose time has come by ``at``; whether more may be waiting.

    A reminder of what waits no more is dealt with, too: it gets no place.
    """
    steady_at = steady_time(deployment.clock, at)
    is_steady = steady_at == at
    found = await deployment.store.untold(max(at, steady_at), _BATCH if is_steady else _BATCH_MEANWHILE)
    # While the clock is wrong, what happens has its instants, and is told; what only reminds waits for the right one.
    due = [notice for notice in found if not notice.reminder or notice.at <= steady_at]
    by_account: dict[tuple[TenantId, AccountId], list[Notice]] = defaultdict(list)
    for notice in due:
        by_account[notice.tenant, notice.account].append(notice)
    for (tenant, account_id), notices in by_account.items():
        stored = await deployment.store.account(tenant, account_id)
        assert stored is not None
        account, _ = settled(stored, steady_at)
        await deployment.store.tell(tenant, [_telling(deployment, notice, account, steady_at) for notice in notices])
    return is_steady and len(found) == _BATCH


def _telling(deployment: Deployment, notice: Notice, account: Account, at: int) -> Telling:
    channels = () if deployment.courier is None else account.channels
    return Telling(
        account.id,
        notice.id,
        not notice.reminder or is_to_be_told(notice, account, at),
        tuple(
            Delivery(notice.tenant, account.id, notice.id, channel, at, gives_up_at=at + GIVES_UP_S)
            for channel in channels
        ),
    )


async def feed(deployment: Deployment, asking: ClientAsking, after: str | None) -> wire.Feed:
    """What happened to the accounts of this tenant, in the one order that there is, after this cursor."""
    call = client_call(deployment, asking)
    place = 0 if after is None else _place(after)
    found = await deployment.store.told(call.tenant.id, place, _PAGE)
    return wire.Feed(
        notices=tuple(
            wire.NoticeTold(
                at=notice.at,
                kind=notice.kind,
                account=notice.account,
                phone=notice.phone,
                until=notice.until,
                case=notice.case,
                reminder=notice.reminder,
            )
            for _, notice in found
        ),
        cursor=_cursor(found[-1][0] if found else place),
        more=len(found) == _PAGE,
    )


def _cursor(place: int) -> str:
    return ids.to_base64url(place.to_bytes(_PLACE_BYTES, "big"))


def _place(cursor: str) -> int:
    raw = ids.from_base64url(cursor)
    place = int.from_bytes(raw, "big")
    # Bounded before it is asked for: a database has a largest number.
    if len(raw) != _PLACE_BYTES or place >= 2**63:
        raise Malformed(Code.FIELD, "not a cursor of this feed")
    return place
