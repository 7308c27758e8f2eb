"""The link in a mail that stops an account (docs/spec section 6.11).

The one door through which an account changes without a signature, and it closes only: whoever comes through it stops
the account for a while, out of the same few times as a freeze by the wallet alone. Nothing of a link is kept. It is
sealed under the deployment key, says itself for which account and how long, and is used up as a nonce is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from pteri.app.committing import account_change, settled
from pteri.app.deployment import Deployment, Tenant
from pteri.app.differing import LINK
from pteri.app.halting import is_halted
from pteri.app.noticing import notices_for
from pteri.app.ports import AccountChange, Changeset, Committed, Conflict, ConflictKind
from pteri.app.refusals import ClockJumped
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, Nonce, TenantId
from pteri.domain.account import Account
from pteri.domain.addresses import Address, addresses_after
from pteri.domain.decisions import Permit
from pteri.domain.events import FrozenByLink
from pteri.domain.guards import freeze_by_link
from pteri.domain.records import Notice, NoticeKind

__all__ = ["LINK_S", "freeze_link", "use_link"]

LINK_S: Final = 7 * 86400
"""The longest life of a link."""
_MAX_TOKEN: Final = 400
_ATTEMPTS: Final = 16
_NONCE_BYTES: Final = 15


class _Link(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    account: AccountId
    nonce: Nonce
    expires_at: int


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(_Link)


def freeze_link(deployment: Deployment, address: Address, notices: Sequence[Notice], at: int) -> str:
    """The address of a page that stops the account, for a letter with these notices.

    It lives as long as the longest wait in the letter, at most seven days; where nothing waits, seven days. Used in one
    copy of a letter that was sent again, it is used in all.
    """
    told = "\0".join((address.account, address.channel, *sorted(notice.id for notice in notices)))
    random = deployment.vault.derive("freeze-link", address.tenant, told)[:_NONCE_BYTES]
    began_at = max(notice.at for notice in notices)
    waits = [notice.until for notice in notices if notice.until is not None and notice.until > at]
    expires_at = min(max(waits, default=began_at + LINK_S), began_at + LINK_S)
    link = _Link(address.account, ids.new_nonce(began_at, random), expires_at)
    token = ids.to_base64url(deployment.vault.seal(_encoder.encode(link), _context(address.tenant)))
    return f"{deployment.public_origin}/v1/{address.tenant}/stop-links/{token}"


def _context(tenant: TenantId) -> str:
    return f"freeze-link:{tenant}"


async def use_link(deployment: Deployment, tenant: Tenant, token: str, at: int) -> int | None:
    """Until when the account is stopped; ``None`` for a link that stops nothing, and why is told to nobody.

    ``ClockJumped`` where what would be recorded with it has ended by a wrong clock only.
    """
    link = _opened(deployment, tenant, token)
    if link is None or at >= link.expires_at:
        return None
    for _ in range(_ATTEMPTS):
        if await deployment.store.is_spent(tenant.id, link.nonce):
            return None
        stored = await deployment.store.account(tenant.id, link.account)
        assert stored is not None
        account, ended = settled(stored, at)
        decide = partial(freeze_by_link, account, at)
        decision = decide(deployment.rules)
        if deployment.shadow is not None:
            deployment.shadow.look(LINK, None, decision, decide)
        if not isinstance(decision, Permit):
            return None
        event = _frozen(deployment, tenant, link, at)
        change = account_change(stored, [*((each, None) for each in ended), (event, None)])
        if is_halted(deployment.clock, change):
            raise ClockJumped
        [outcome] = await deployment.store.commit([_changeset(account, change, link, event)])
        if isinstance(outcome, Committed):
            return event.until
        if outcome == Conflict(ConflictKind.ACCOUNT_HALTED):
            return None  # stopped already, and by more than a link
        assert outcome in {Conflict(ConflictKind.ACCOUNT_VERSION), Conflict(ConflictKind.NONCE_SPENT)}
    return None


def _frozen(deployment: Deployment, tenant: Tenant, link: _Link, at: int) -> FrozenByLink:
    rules = deployment.rules
    return FrozenByLink(
        at=at,
        request=ids.new_request_id("lnk", at, deployment.entropy.draw(12)),
        link=deployment.vault.blind("freeze-link", tenant.id, link.nonce),
        rules=rules.digest(),
        until=at + rules.freeze_s,
    )


def _changeset(account: Account, change: AccountChange, link: _Link, event: FrozenByLink) -> Changeset:
    notice = Notice(
        id=f"{event.request}:{NoticeKind.FROZEN_BY_LINK}",
        tenant=account.tenant,
        account=account.id,
        at=event.at,
        kind=NoticeKind.FROZEN_BY_LINK,
        phone="",
        until=event.until,
    )
    return Changeset(
        account.tenant,
        spent=link.nonce,
        account=change,
        notices=(*notices_for(change, event.request), notice),
        addresses=addresses_after(account, change.account, {}, event.at),
    )


def _opened(deployment: Deployment, tenant: Tenant, token: str) -> _Link | None:
    """What was sealed here for this tenant; ``None`` for anything else."""
    if len(token) > _MAX_TOKEN:
        return None
    try:
        return _decoder.decode(deployment.vault.open_token(ids.from_base64url(token), _context(tenant.id)))
    except (ProtocolError, ValueError):
        # Not ours, or touched. What opens was made by freeze_link.
        return None
