"""From a decision to events: what happened, in the words of the account (docs/spec section 8)."""

from __future__ import annotations

from dataclasses import dataclass

from pteri.core.acts import (
    ActivateDevice,
    AnnounceMove,
    ApproveMigration,
    AttestIdentity,
    Authenticate,
    BindWallet,
    ChangeChannels,
    ChangeProtection,
    FreezeAccount,
    RebindLine,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    UnfreezeAccount,
    VetoChange,
    VouchForRecovery,
)
from pteri.core.ids import Digest, RequestId, Thumbprint, to_base64url
from pteri.core.statement import Statement
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Hold, Reason, Refuse
from pteri.domain.device import DeviceState
from pteri.domain.events import (
    AccountContested,
    AccountFrozen,
    AccountUnfrozen,
    ActHeld,
    ActRefused,
    BackupVerified,
    ChannelsChanged,
    ChannelsHeld,
    ChannelsStopped,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    LineRebound,
    MigrationApproved,
    MoveAnnounced,
    OfflineCodesPrepared,
    ProtectionChanged,
    ProtectionHeld,
    ProtectionStopped,
    RecoveryContested,
    RecoveryDelayed,
    RecoveryStarted,
    RecoveryStopped,
    RecoveryWithdrawn,
    RotationStarted,
    SpokenFor,
    SuspensionObjected,
    WalletRotated,
)
from pteri.domain.facts import Circumstances, Signer
from pteri.domain.recovery import CaseKind
from pteri.domain.rules import Rules
from pteri.domain.seeing import Seen

__all__ = ["BEGINS_HELD", "effects"]

_ENDED = frozenset({DeviceState.REVOKED, DeviceState.DROPPED})
BEGINS_HELD = ApproveMigration | StartRecovery | RotateWallet | ChangeProtection | ChangeChannels
"""A held act of these begins now and waits; any other held act has not happened."""


@dataclass(frozen=True, slots=True)
class _Happening:
    """An act that happens at ``at``. What begins with it waits until ``held_until``."""

    statement: Statement
    sha256: Digest
    account: Account
    signer: Signer
    circumstances: Circumstances
    newcomer_key: str
    code_keys: tuple[str, ...]
    rules: Rules
    reason: Reason
    held_until: int | None

    @property
    def at(self) -> int:
        return self.circumstances.at

    @property
    def request(self) -> RequestId:
        return self.statement.request_id

    @property
    def phone(self) -> Thumbprint:
        return self.statement.act.device

    def evidence(self) -> tuple[str, ...]:
        """Everything that spoke for the phone, as its letters."""
        seen = Seen(self.account, self.circumstances, self.signer, self.phone)
        return tuple(sorted(seen.evidence()))

    def expires_at(self) -> int:
        return (self.held_until or self.at) + self.rules.recovery_open_s

    def new_wallet(self) -> PinnedWallet:
        assert self.signer.new_wallet is not None
        return self.signer.new_wallet


def effects(
    statement: Statement,
    sha256: Digest,
    decision: Decision,
    *,
    account: Account,
    signer: Signer,
    circumstances: Circumstances,
    newcomer_key: bytes,
    code_keys: tuple[str, ...],
    rules: Rules,
) -> tuple[Event, ...]:
    """Events of one decided statement on a bound account.

    ``newcomer_key``: SEC1 of the phone that enters, or of the guardian's or officer's who speaks for one.
    ``code_keys``: what the digest in ``protect`` stands for. ``bind``, ``authenticate`` and ``setup-otp`` without a
    chain have no events yet: theirs are recorded when the code that belongs to them is typed.
    """
    act, request, at = statement.act, statement.request_id, circumstances.at
    purpose, device, reason = act.purpose, act.device, decision.reason
    if isinstance(decision, Refuse):
        return (ActRefused(at=at, request=request, purpose=purpose, device=device, reason=reason),)
    held_until = decision.until if isinstance(decision, Hold) else None
    if held_until is not None and not isinstance(act, BEGINS_HELD):
        return (ActHeld(at=at, request=request, purpose=purpose, device=device, reason=reason, until=held_until),)
    now = _Happening(
        statement,
        sha256,
        account,
        signer,
        circumstances,
        to_base64url(newcomer_key),
        code_keys,
        rules,
        reason,
        held_until,
    )
    event = _happened(act, now)
    return () if event is None else (event,)


def _happened(act: StatementAct, now: _Happening) -> Event | None:  # noqa: C901, PLR0912  # one row per purpose
    match act:
        case SetupOtp(chain_end=str() as chain_end):
            return OfflineCodesPrepared(
                at=now.at,
                request=now.request,
                device=now.phone,
                chain_end=chain_end,
                start=act.start,
                step=act.step,
                length=act.length,
            )
        case BindWallet() | Authenticate() | SetupOtp():
            return None
        case ApproveMigration():
            return _migration_approved(act, now)
        case StartRecovery():
            return _recovery_started(act, now)
        case ActivateDevice():
            return _completed(act, now)
        case RevokeDevice():
            return _removed(act, now)
        case RotateWallet():
            return _rotation(now)
        case ChangeProtection():
            return _protection(act, now)
        case ChangeChannels():
            return _channels(act, now)
        case VetoChange():
            return _objection(act, now)
        case RebindLine(new_esim=esim):
            return LineRebound(
                at=now.at,
                request=now.request,
                device=now.phone,
                approval=now.sha256,
                esim=esim,
                cooling_until=now.at + now.rules.line_cooldown_s,
            )
        case AnnounceMove(to_device=to_device, until=until):
            return MoveAnnounced(
                at=now.at,
                request=now.request,
                device=now.phone,
                approval=now.sha256,
                to_device=to_device,
                until=until,
            )
        case FreezeAccount() if now.reason is Reason.FROZEN:
            return AccountFrozen(at=now.at, request=now.request, by=now.phone, until=now.at + now.rules.freeze_s)
        case FreezeAccount():
            officer = () if now.signer.officer is None else ("officer",)
            evidence = (*now.evidence(), *officer)
            return AccountContested(at=now.at, request=now.request, by=now.phone, evidence=evidence)
        case UnfreezeAccount():
            return AccountUnfrozen(at=now.at, request=now.request, by=now.phone)
        case VouchForRecovery():
            return _spoken(act.new_device, "G", now.signer.wallet.address, now)
        case AttestIdentity():
            assert now.signer.officer is not None
            return _spoken(act.new_device, "A", now.signer.officer, now)
        case _:
            return BackupVerified(at=now.at, request=now.request, device=now.phone, backup=act.backup)


def _migration_approved(act: ApproveMigration, now: _Happening) -> Event:
    return MigrationApproved(
        at=now.at,
        request=now.request,
        by=act.device,
        new_device=act.new_device,
        new_key=now.newcomer_key,
        approval=now.sha256,
        revoke_old=act.revoke_old,
        held_until=now.held_until or now.at,
        expires_at=now.at + now.rules.migration_open_s,
    )


def _recovery_started(act: StartRecovery, now: _Happening) -> Event:
    return RecoveryStarted(
        at=now.at,
        request=now.request,
        new_device=act.device,
        new_key=now.newcomer_key,
        approval=now.sha256,
        evidence=act.evidence,
        held_until=now.held_until or now.at,
        expires_at=now.expires_at(),
        new_wallet=now.signer.new_wallet,
    )


def _rotation(now: _Happening) -> Event:
    if now.held_until is None:
        return WalletRotated(
            at=now.at,
            request=now.request,
            device=now.phone,
            approval=now.sha256,
            evidence=now.evidence(),
            wallet=now.new_wallet(),
        )
    return RotationStarted(
        at=now.at,
        request=now.request,
        device=now.phone,
        approval=now.sha256,
        evidence=now.evidence(),
        new_wallet=now.new_wallet(),
        held_until=now.held_until,
        expires_at=now.expires_at(),
    )


def _completed(act: ActivateDevice, now: _Happening) -> Event:
    case = now.account.recovery
    mine = case is not None and (case.new_device, case.approval) == (act.device, act.approval)
    if case is not None and mine and case.kind is CaseKind.ROTATE:
        assert case.new_wallet is not None
        return WalletRotated(
            at=now.at,
            request=now.request,
            device=act.device,
            approval=act.approval,
            evidence=case.evidence,
            wallet=case.new_wallet,
        )
    return DeviceActivated(
        at=now.at,
        request=now.request,
        device=act.device,
        approval=act.approval,
        revoked=_leaving(now.account, act.device),
        probation_until=now.at + now.rules.probation_s,
        new_wallet=case.new_wallet if case is not None and mine else None,
    )


def _leaving(account: Account, newcomer: Thumbprint) -> tuple[Thumbprint, ...]:
    """Who goes when this phone comes: the old phone if it asked so; after a recovery everybody else."""
    migration = account.migration
    if migration is not None and migration.new_device == newcomer:
        return (migration.old_device,) if migration.revoke_old else ()
    return tuple(
        device.thumbprint for device in account.devices if device.thumbprint != newcomer and device.state not in _ENDED
    )


def _removed(act: RevokeDevice, now: _Happening) -> Event:
    target = now.account.known(act.target)
    shows_code = now.signer.code_key is not None and now.signer.code_key in now.account.code_keys
    if target.thumbprint == act.device or target.state is not DeviceState.ACTIVE or shows_code:
        return DeviceRevoked(at=now.at, request=now.request, device=act.target, by=act.device)
    # Another verified phone is suspended first: it can do nothing but object, and its end is announced a day ahead.
    return DeviceSuspended(
        at=now.at,
        request=now.request,
        device=act.target,
        by=act.device,
        revoke_at=now.at + now.rules.revoke_other_s,
        approval=now.sha256,
    )


def _protection(act: ChangeProtection, now: _Happening) -> Event:
    if now.held_until is None:
        return ProtectionChanged(
            at=now.at,
            request=now.request,
            device=now.phone,
            approval=now.sha256,
            guardians=act.guardians,
            code_keys=now.code_keys,
        )
    return ProtectionHeld(
        at=now.at,
        request=now.request,
        device=now.phone,
        approval=now.sha256,
        guardians=act.guardians,
        code_keys=now.code_keys,
        held_until=now.held_until,
    )


def _channels(act: ChangeChannels, now: _Happening) -> Event:
    if now.held_until is None:
        return ChannelsChanged(
            at=now.at, request=now.request, device=now.phone, approval=now.sha256, channels=act.channels
        )
    return ChannelsHeld(
        at=now.at,
        request=now.request,
        device=now.phone,
        approval=now.sha256,
        channels=act.channels,
        held_until=now.held_until,
    )


def _objection(act: VetoChange, now: _Happening) -> Event:
    account = now.account
    case, migration, protection = account.recovery, account.migration, account.protection
    if case is not None and case.is_open(now.at) and case.approval == act.case:
        if case.new_device == now.phone:
            return RecoveryWithdrawn(at=now.at, request=now.request, by=now.phone, approval=act.case)
        match now.reason:
            case Reason.DELAYED:
                return RecoveryDelayed(
                    at=now.at, request=now.request, by=now.phone, approval=act.case, delay_s=now.rules.recovery_delay_s
                )
            case Reason.CONTESTED:
                return RecoveryContested(at=now.at, request=now.request, by=now.phone, approval=act.case)
            case _:
                return RecoveryStopped(at=now.at, request=now.request, by=now.phone, approval=act.case)
    if now.reason is Reason.CONTESTED:
        return SuspensionObjected(at=now.at, request=now.request, device=now.phone)
    if protection is not None and protection.approval == act.case:
        return ProtectionStopped(at=now.at, request=now.request, by=now.phone, approval=act.case)
    if account.channel_change is not None and account.channel_change.approval == act.case:
        return ChannelsStopped(at=now.at, request=now.request, by=now.phone, approval=act.case)
    assert migration is not None
    return DeviceRevoked(at=now.at, request=now.request, device=migration.new_device, by=now.phone)


def _spoken(newcomer: Thumbprint, letter: str, by: str, now: _Happening) -> Event:
    return SpokenFor(
        at=now.at,
        request=now.request,
        new_device=newcomer,
        letter=letter,
        by=by,
        wallet=now.signer.wallet,
        device=now.phone,
        device_key=now.newcomer_key,
        until=now.at + now.rules.voucher_s,
    )
