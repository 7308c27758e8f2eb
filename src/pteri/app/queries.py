"""Reading: what a phone or a relying party may see. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from pteri.app.callers import Asking, Call, ClientAsking, PhoneCall, client_call, phone_call
from pteri.app.committing import settled
from pteri.app.deployment import Deployment
from pteri.app.forget import KEPT_S
from pteri.app.noticing import Merged, merged
from pteri.app.observing import salt_of_line
from pteri.app.ports import Count, CounterKind
from pteri.app.refusals import NotFound
from pteri.core import ids, wire
from pteri.core.acts import phone_name
from pteri.core.ids import RequestId, Thumbprint
from pteri.core.verify import MAX_AHEAD_S
from pteri.domain.account import Account, ChannelChange, Protection
from pteri.domain.challenge import BindAsked, Challenge, ChallengeState, SignInAsked
from pteri.domain.chip import chip_level
from pteri.domain.continuity import line_level
from pteri.domain.device import DeviceState
from pteri.domain.line import LineState
from pteri.domain.migration import Migration
from pteri.domain.offline import chain_of
from pteri.domain.records import Notice
from pteri.domain.recovery import Recovery
from pteri.domain.rules import Rules

__all__ = ["devices", "migration_seen", "progress", "prompts"]

_HOUR, _DAY = 3600, 86400
_NOTICES: Final = 50
_READ: Final = 4 * _NOTICES
"""A case that ended may have left three that remind of it, and they are told no more."""
_PROGRESS: dict[ChallengeState, wire.ProgressState] = {
    ChallengeState.ISSUED: "WAITING",
    ChallengeState.VERIFIED: "APPROVED",
    ChallengeState.COMPLETED: "COMPLETED",
    ChallengeState.FAILED: "FAILED",
    ChallengeState.CANCELLED: "FAILED",
}
_MAY_LOOK = (DeviceState.ACTIVE, DeviceState.PENDING, DeviceState.SUSPENDED)


async def progress(
    deployment: Deployment, asking: ClientAsking, request: RequestId, *, of: type[SignInAsked | BindAsked]
) -> wire.Progress:
    """How far a sign-in or binding of this tenant has come."""
    call = client_call(deployment, asking)
    challenge = await deployment.store.challenge(call.tenant.id, request)
    if challenge is None and of is SignInAsked:
        return _unanswered(deployment, call, request)
    if challenge is None or not isinstance(challenge.asked, of):
        raise NotFound
    return wire.Progress(challenge.id, _state_of(challenge, call.at), challenge.expires_at)


def _unanswered(deployment: Deployment, call: Call, request: RequestId) -> wire.Progress:
    """A sign-in has no record before a phone has answered it; its id says when it began."""
    began_at = ids.second_of(request)
    if not request.startswith("lgn_") or not began_at - MAX_AHEAD_S <= call.at < began_at + KEPT_S:
        raise NotFound
    expires_at = began_at + deployment.rules.sign_in_s
    return wire.Progress(request, "WAITING" if call.at < expires_at else "EXPIRED", expires_at)


def _state_of(challenge: Challenge, at: int) -> wire.ProgressState:
    waiting = challenge.state in {ChallengeState.ISSUED, ChallengeState.VERIFIED}
    if waiting and not challenge.is_live(at):
        return "EXPIRED"
    return _PROGRESS[challenge.state]


async def prompts(deployment: Deployment, asking: Asking) -> wire.Prompts:
    """Sign-ins that wait for this phone."""
    call = await phone_call(deployment, asking)
    waiting = await deployment.store.prompts(call.tenant.id, call.account.id, call.at)
    unasked = await _unasked(deployment, call)
    return wire.Prompts(
        prompts=tuple(
            wire.Prompt(challenge.id, challenge.asked.number, challenge.expires_at)
            for challenge in waiting
            if isinstance(challenge.asked, SignInAsked)
        ),
        unasked=unasked,
    )


async def _unasked(deployment: Deployment, call: PhoneCall) -> int:
    """How many sign-ins of this hour were not shown, because the hour or the day had too many."""
    rules, named = deployment.rules, call.account.id
    hour = await deployment.store.count(call.tenant.id, Count(CounterKind.PROMPT, named, _HOUR, call.at))
    day = await deployment.store.count(call.tenant.id, Count(CounterKind.PROMPT, named, _DAY, call.at))
    return max(0, hour - rules.prompts_per_hour, min(hour, day - rules.prompts_per_day))


async def devices(deployment: Deployment, asking: Asking) -> wire.DevicesSeen:
    """The account as this phone may see it."""
    call = await phone_call(deployment, asking, allowed=_MAY_LOOK)
    account, _ = settled(call.account, call.at)
    if account.known(call.caller).state is not DeviceState.ACTIVE:
        return _seen(_waited_for(account, call.caller), call.caller, [])
    found = await deployment.store.notices(call.tenant.id, account.id, call.at, _READ)
    told = merged(found, account, call.at)[:_NOTICES]
    seen = _seen(account, call.caller, told)
    chip = chip_seen(account, call.at, deployment.rules)
    return msgspec.structs.replace(seen, line=await line_seen(deployment, account, call.at), chip=chip)


def _waited_for(account: Account, newcomer: Thumbprint) -> Account:
    """Itself and its own case: whoever holds a stolen mnemonic must not watch the owner's phones while he waits.

    Nor must a stolen phone that was removed, which sees what it may object to.
    """
    migration, recovery = account.migration, account.recovery
    return msgspec.structs.replace(
        account,
        devices=tuple(device for device in account.devices if device.thumbprint == newcomer),
        migration=migration if migration is not None and migration.new_device == newcomer else None,
        recovery=recovery if recovery is not None and recovery.new_device == newcomer else None,
        guardians=None,
        code_keys=(),
        protection=None,
        channels=(),
        channel_change=None,
    )


def _offline_until(account: Account, device: Thumbprint) -> int:
    chain = chain_of(account, device)
    return 0 if chain is None else chain.terms.ends_at


def _seen(account: Account, caller: Thumbprint, notices: Sequence[Merged]) -> wire.DevicesSeen:
    return wire.DevicesSeen(
        account=account.id,
        epoch=account.epoch,
        esim=account.esim,
        phones=tuple(
            wire.PhoneSeen(
                thumbprint=device.thumbprint,
                name=device.name,
                state=device.state,
                created_at=device.created_at,
                last_seen_at=device.last_seen_at,
                probation_until=device.probation_until,
                this_phone=device.thumbprint == caller,
                revoke_at=None if device.suspension is None else device.suspension.revoke_at,
                case=None if device.suspension is None else device.suspension.approval or None,
                offline_until=_offline_until(account, device.thumbprint),
            )
            for device in account.devices
        ),
        migration=None if account.migration is None else migration_seen(account.migration),
        recovery=None if account.recovery is None else _recovery_seen(account.recovery),
        notices=tuple(_notice_seen(each.notice, each.times) for each in notices),
        state=account.state,
        frozen_until=account.frozen_until,
        wallet=account.wallet.address,
        guardians=account.guardians,
        recovery_codes=len(account.code_keys),
        protection=None if account.protection is None else _protection_seen(account.protection),
        backup_verified_at=account.backup_verified_at,
        channels=len(account.channels),
        channel_change=None if account.channel_change is None else _channel_change_seen(account.channel_change),
    )


def _notice_seen(notice: Notice, times: int) -> wire.NoticeSeen:
    return wire.NoticeSeen(notice.at, notice.kind, notice.phone, notice.until, notice.case, notice.reminder, times)


def migration_seen(migration: Migration) -> wire.MigrationSeen:
    """A migration as people see it."""
    return wire.MigrationSeen(
        state=migration.state,
        new_phone=phone_name(migration.new_device),
        confirmed=migration.confirmed,
        revoke_old=migration.revoke_old,
        held_until=migration.held_until,
        expires_at=migration.expires_at,
    )


def _recovery_seen(recovery: Recovery) -> wire.RecoverySeen:
    return wire.RecoverySeen(
        state=recovery.state,
        new_phone=phone_name(recovery.new_device),
        evidence=recovery.evidence,
        opened_at=recovery.opened_at,
        held_until=recovery.held_until,
        expires_at=recovery.expires_at,
        kind=recovery.kind,
        case=recovery.approval,
        new_wallet=None if recovery.new_wallet is None else recovery.new_wallet.address,
        delayed=recovery.delayed,
    )


def _protection_seen(protection: Protection) -> wire.ProtectionSeen:
    return wire.ProtectionSeen(
        case=protection.approval,
        by=phone_name(protection.by),
        guardians=protection.guardians,
        codes=len(protection.code_keys),
        held_until=protection.held_until,
    )


def chip_seen(account: Account, at: int, rules: Rules) -> wire.ChipSeen | None:
    """The chip as a verified phone of the account may see it."""
    chip = account.chip
    if chip is None:
        return None
    return wire.ChipSeen(
        level=chip_level(chip, at, rules),
        answered_at=chip.answered_at,
        told_at=chip.told_at or None,
        on_phone=phone_name(chip.device),
    )


async def line_seen(deployment: Deployment, account: Account, at: int) -> wire.LineSeen | None:
    """The line as a verified phone of the account may see it; ``None`` where it has none."""
    line = account.mobile_line
    if line is None:
        return None
    move = None if line.state is LineState.MOVED else line.move
    return wire.LineSeen(
        state=line.state,
        level=line_level(line, at, deployment.rules),
        since=line.since,
        salt=ids.digest(ids.to_base64url(await salt_of_line(deployment, account))),
        confirmed_at=line.confirmed_at or None,
        cooling_until=line.cooling_until or None,
        to_phone=None if move is None else phone_name(move.to_device),
        until=None if move is None else move.until,
    )


def _channel_change_seen(change: ChannelChange) -> wire.ChannelChangeSeen:
    return wire.ChannelChangeSeen(
        case=change.approval, by=phone_name(change.by), channels=len(change.channels), held_until=change.held_until
    )
