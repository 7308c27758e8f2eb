"""Reading: what a phone or a relying party may see. Nothing here changes anything."""

from __future__ import annotations

from pteri.app.callers import Asking, client_call, phone_call
from pteri.app.committing import settled
from pteri.app.deployment import Deployment
from pteri.app.ports import Count, CounterKind
from pteri.app.refusals import NotFound
from pteri.core import wire
from pteri.core.acts import phone_name
from pteri.core.ids import RequestId
from pteri.domain.challenge import BindAsked, Challenge, ChallengeState, SignInAsked
from pteri.domain.device import DeviceState
from pteri.domain.migration import Migration
from pteri.domain.recovery import Recovery

__all__ = ["devices", "migration_seen", "progress", "prompts"]

_HOUR = 3600
_NOTICES = 50
_PROGRESS: dict[ChallengeState, wire.ProgressState] = {
    ChallengeState.ISSUED: "WAITING",
    ChallengeState.VERIFIED: "APPROVED",
    ChallengeState.COMPLETED: "COMPLETED",
    ChallengeState.FAILED: "FAILED",
    ChallengeState.CANCELLED: "FAILED",
}
_MAY_LOOK = (DeviceState.ACTIVE, DeviceState.PENDING)


async def progress(deployment: Deployment, asking: Asking, request: RequestId) -> wire.Progress:
    """How far a sign-in or binding of this tenant has come."""
    call = client_call(asking)
    challenge = await deployment.store.challenge(call.tenant.id, request)
    if challenge is None or not isinstance(challenge.asked, SignInAsked | BindAsked):
        raise NotFound
    return wire.Progress(challenge.id, _state_of(challenge, call.at), challenge.expires_at)


def _state_of(challenge: Challenge, at: int) -> wire.ProgressState:
    waiting = challenge.state in {ChallengeState.ISSUED, ChallengeState.VERIFIED}
    if waiting and not challenge.is_live(at):
        return "EXPIRED"
    return _PROGRESS[challenge.state]


async def prompts(deployment: Deployment, asking: Asking) -> wire.Prompts:
    """Sign-ins that wait for this phone."""
    call = await phone_call(deployment, asking)
    waiting = await deployment.store.prompts(call.tenant.id, call.account.id, call.at)
    hour = Count(CounterKind.PROMPT, call.account.login, _HOUR, call.at)
    asked = await deployment.store.count(call.tenant.id, hour)
    return wire.Prompts(
        prompts=tuple(
            wire.Prompt(challenge.id, challenge.asked.number, challenge.expires_at)
            for challenge in waiting
            if isinstance(challenge.asked, SignInAsked)
        ),
        unasked=max(0, asked - deployment.rules.prompts_per_hour),
    )


async def devices(deployment: Deployment, asking: Asking) -> wire.DevicesSeen:
    """The account as this phone may see it; a phone that still waits sees what it waits for."""
    call = await phone_call(deployment, asking, allowed=_MAY_LOOK)
    account, _ = settled(call.account, call.at)
    notices = await deployment.store.notices(call.tenant.id, account.id, _NOTICES)
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
                this_phone=device.thumbprint == call.caller,
            )
            for device in account.devices
        ),
        migration=None if account.migration is None else migration_seen(account.migration),
        recovery=None if account.recovery is None else _recovery_seen(account.recovery),
        notices=tuple(wire.NoticeSeen(notice.at, notice.kind, notice.phone, notice.until) for notice in notices),
    )


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
    )
