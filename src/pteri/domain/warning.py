"""Where warnings go besides the phones: who may change it, and what the change does (docs/spec section 6.10).

Whoever hears now goes on hearing for as long as every other protection waits: a thief must not be able to make an owner
deaf first and rob them then (abuse case RE-15). An address can only hear, and stop; it never speaks for anybody.
"""

from __future__ import annotations

from msgspec.structs import replace

from pteri.core.acts import ChangeChannels
from pteri.domain.account import Account, ChannelChange
from pteri.domain.decisions import Decision, Hold, Permit, Reason, Refuse
from pteri.domain.events import ChannelsChanged, ChannelsHeld, ChannelsStopped, ChannelsTookEffect
from pteri.domain.rules import Rules
from pteri.domain.seeing import Seen
from pteri.domain.tables import IllegalTransition

__all__ = ["change_channels", "channels_changed", "channels_held", "channels_stopped", "channels_took_effect"]


def change_channels(act: ChangeChannels, seen: Seen, rules: Rules) -> Decision:
    """More addresses: at once. Fewer or others: after a wait that nothing shortens, not even a recovery code."""
    if (no := seen.may_not_change()) is not None:
        return no
    if seen.account.channel_change is not None:
        return Refuse(Reason.CHANGE_WAITS)
    if set(seen.account.channels) <= set(act.channels):
        return Permit(Reason.BOTH_KEYS)
    return Hold(Reason.CHANNELS_HOLD, seen.at + rules.channels_hold_s)


def channels_changed(account: Account, event: ChannelsChanged) -> Account:
    """These hear from now."""
    account.verified(event.device)
    if account.channel_change is not None or not set(account.channels) <= set(event.channels):
        raise IllegalTransition("an address that hears is not taken away at once")
    return replace(account, channels=event.channels)


def channels_held(account: Account, event: ChannelsHeld) -> Account:
    """These wait; until then those of now hear."""
    if account.channel_change is not None:
        raise IllegalTransition("one change of addresses at a time")
    by = account.verified(event.device).thumbprint
    waiting = ChannelChange(event.request, event.approval, by, event.channels, event.held_until)
    return replace(account, channel_change=waiting)


def channels_took_effect(account: Account, event: ChannelsTookEffect) -> Account:
    """Those that waited hear, and no others."""
    waiting = account.channel_change
    if waiting is None or waiting.request != event.request or event.at < waiting.held_until:
        raise IllegalTransition("no change of addresses takes effect here")
    return replace(account, channels=waiting.channels, channel_change=None)


def channels_stopped(account: Account, event: ChannelsStopped) -> Account:
    """It stays as it was."""
    account.verified(event.by)
    if account.channel_change is None or account.channel_change.approval != event.approval:
        raise IllegalTransition("there is no such change of addresses")
    return replace(account, channel_change=None)
