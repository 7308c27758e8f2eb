"""An address for warnings as it is kept: sealed, and only for as long as it hears (docs/spec section 6.10)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pteri.core.ids import AccountId, Digest, TenantId
from pteri.domain.account import Account

__all__ = ["Address", "addresses_after", "hears_until"]


class Address(msgspec.Struct, frozen=True):
    """``channel``: its salted digest. ``since``: when it was asked for, Unix seconds.

    ``sealed``: under the deployment key; empty in a change of one that is kept already. ``ends_at``: it goes then;
    ``None`` while nothing takes it away.
    """

    tenant: TenantId
    account: AccountId
    channel: Digest
    sealed: bytes
    since: int
    ends_at: int | None = None


def hears_until(account: Account, at: int) -> dict[Digest, int | None]:
    """The addresses of this account that hear at ``at``, or shall later, and until when. ``None``: no end is known."""
    change = account.channel_change
    if change is None:
        return dict.fromkeys(account.channels)
    if at >= change.held_until:
        return dict.fromkeys(change.channels)
    return {
        channel: None if channel in change.channels else change.held_until
        for channel in sorted({*account.channels, *change.channels})
    }


def addresses_after(
    before: Account | None, after: Account, sealed: Mapping[Digest, bytes], at: int
) -> tuple[Address, ...]:
    """What becomes of the kept addresses with this change of the account. ``sealed``: those that come with it."""
    then = {} if before is None else hears_until(before, at)
    now = hears_until(after, at)
    return tuple(
        Address(after.tenant, after.id, channel, sealed.get(channel, b""), at, now.get(channel, at))
        for channel in sorted({*then, *now})
        if channel in sealed or then.get(channel, at) != now.get(channel, at)
    )
