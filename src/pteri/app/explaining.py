"""One recorded decision, found by its place or by its request, with everything that is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pteri.app.deployment import Deployment
from pteri.app.replaying import CannotReplay, Replayed, Replaying, WhyNot
from pteri.app.walking import accounts_in_order, events_in_order
from pteri.audit.rechecking import Fault, Unchecked, recheck
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, RequestId, TenantId
from pteri.domain.account import Account
from pteri.domain.records import RecordedEvent

__all__ = ["FoundCase", "NoSuchCase", "find_event", "find_request"]

_TELL_EVERY: Final = 500


class NoSuchCase(Exception):
    """Nothing in the registry is called so. The message says what was looked for."""


@dataclass(frozen=True, slots=True)
class FoundCase:
    """An event with the case that policy saw, or why there is none.

    ``proof``: what is wrong with its evidence or cannot be checked, from verifying both signatures again; empty where
    everything holds, or where there is no evidence.
    """

    recorded: RecordedEvent
    seen: Replayed | WhyNot
    proof: tuple[str, ...]


async def find_event(deployment: Deployment, account: AccountId, seq: int, tenant: TenantId | None) -> FoundCase:
    """The event at this place of an account. ``NoSuchCase`` where there is none."""
    for name in deployment.tenants if tenant is None else (tenant,):
        stored = await deployment.store.account(name, account)
        if stored is not None:
            found = await _found(deployment, stored, lambda event: event.seq == seq)
            if not found and seq <= stored.version:
                raise NoSuchCase(f"event {seq} of account {account} cannot be read: run pteri fsck")
            if not found:
                raise NoSuchCase(f"account {account} has {stored.version} events, and none is number {seq}")
            return found[0]
    raise NoSuchCase(f"there is no account {account}")


async def find_request(deployment: Deployment, request: RequestId, tell: Callable[[int], None]) -> FoundCase:
    """What policy decided of this request; where it did not, the first event of it. ``NoSuchCase``.

    Quick while its challenge is kept, which is a day; later every account is looked at, and ``tell`` hears how many.
    """
    for tenant in deployment.tenants:
        challenge, stored = await deployment.store.challenge_and_account(tenant, request)
        found = None if stored is None else await _of_request(deployment, stored, request)
        if found is not None:
            return found
        if challenge is not None:
            raise NoSuchCase(f"request {request} is not decided, or waits for its code and is sealed until that comes")
    looked_at = 0
    async for stored in accounts_in_order(deployment.store):
        if (found := await _of_request(deployment, stored, request)) is not None:
            return found
        looked_at += 1
        if looked_at % _TELL_EVERY == 0:
            tell(looked_at)
    raise NoSuchCase(
        f"no event is of request {request}. What nobody signed, what waits for its code, and what was refused for its "
        "form is not recorded"
    )


async def _of_request(deployment: Deployment, stored: Account, request: RequestId) -> FoundCase | None:
    found = await _found(deployment, stored, lambda recorded: recorded.event.request == request)
    decided = (case for case in found if isinstance(case.seen, Replayed))
    return next(decided, found[0] if found else None)


async def _found(deployment: Deployment, stored: Account, wanted: Callable[[RecordedEvent], bool]) -> list[FoundCase]:
    """The wanted events of this account; those of one request are few."""
    site = deployment.tenants.get(stored.tenant)
    replaying, found = Replaying(site=site), []
    async for recorded in events_in_order(deployment.store, stored.tenant, stored.id, until=stored.version):
        if isinstance(recorded, int):
            continue
        proof = _proof(deployment, replaying, recorded) if wanted(recorded) else ()
        seen = replaying.take(recorded)
        if wanted(recorded):
            found.append(FoundCase(recorded, seen, () if seen is CannotReplay.HISTORY_BROKEN else proof))
    return found


def _proof(deployment: Deployment, replaying: Replaying, recorded: RecordedEvent) -> tuple[str, ...]:
    site = deployment.tenants.get(recorded.tenant)
    try:
        checked = list(recheck(recorded, replaying.past.before, tenant=site, rules=deployment.rules))
    except ProtocolError as error:
        return (f"{Fault.UNREADABLE}: {error.detail} ({error.code})",)
    return tuple(said.value if isinstance(said, Unchecked) else f"{said[0]}: {said[1]}" for said in checked)
