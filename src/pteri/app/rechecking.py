"""Whether the evidence of a recorded event proves it: what an auditor with the log would find (law 2).

Both signatures are verified again through the one door, with the keys that the account had then; policy decides again,
and what it permits must be the event that stands there. Time is the recorded one. Nothing here trusts the server's
word where a signature speaks; where none does, the answer says so as ``Unchecked`` and not as a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pteri.app.deployment import Tenant
from pteri.core import ids
from pteri.core.acts import (
    ACTS,
    ApproveMigration,
    AttestIdentity,
    Authenticate,
    BindWallet,
    ChangeProtection,
    FreezeAccount,
    SetupOtp,
    StartRecovery,
    StatementAct,
    VouchForRecovery,
)
from pteri.core.airgap import target_path
from pteri.core.errors import ProtocolError
from pteri.core.httpsig import SignedRequest
from pteri.core.ids import Digest, Nonce
from pteri.core.keys.device import DeviceKey
from pteri.core.statement import Statement, parse
from pteri.core.verify import MAX_AHEAD_S, Payload, decode_payload, submitted, verify, verify_wallet
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Hold, Permit, Refuse
from pteri.domain.effects import effects
from pteri.domain.events import (
    AccountBound,
    AccountContested,
    AccountFrozen,
    AccountUnfrozen,
    ActHeld,
    ActRefused,
    BackupVerified,
    ChannelsChanged,
    ChannelsHeld,
    ChannelsStopped,
    CodesSetUp,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    MigrationApproved,
    MigrationConfirmed,
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
    SignedIn,
    SignInLapsed,
    SpokenFor,
    SuspensionObjected,
    WalletRotated,
)
from pteri.domain.facts import Facts, Signer
from pteri.domain.guards import codes_digest
from pteri.domain.policy import decide
from pteri.domain.records import Evidence, RecordedEvent
from pteri.domain.rules import Rules
from pteri.domain.tables import IllegalTransition

__all__ = ["Before", "Fault", "Unchecked", "nonce_of", "recheck"]

_PURPOSES: Final = {
    AccountBound: "bind",
    SignedIn: "authenticate",
    SignInLapsed: "authenticate",
    MigrationConfirmed: "migrate",
    RecoveryStarted: "recover",
    DeviceActivated: "accept",
    DeviceSuspended: "revoke",
    DeviceRevoked: "revoke",
    CodesSetUp: "setup-otp",
    RotationStarted: "rotate",
    ProtectionChanged: "protect",
    ProtectionHeld: "protect",
    RecoveryStopped: "veto",
    RecoveryDelayed: "veto",
    RecoveryContested: "veto",
    RecoveryWithdrawn: "veto",
    ProtectionStopped: "veto",
    SuspensionObjected: "veto",
    AccountFrozen: "freeze",
    AccountContested: "freeze",
    AccountUnfrozen: "unfreeze",
    BackupVerified: "backup-verified",
    OfflineCodesPrepared: "setup-otp",
    ChannelsChanged: "notify",
    ChannelsHeld: "notify",
    ChannelsStopped: "veto",
}
"""Which statement stands behind an event. A refused or held act names its own; any other event has none."""


_BY_STRANGERS: Final = SetupOtp | StartRecovery | FreezeAccount | VouchForRecovery | AttestIdentity


class Fault(StrEnum):
    """What is wrong with the evidence of an event. Closed; a name is never reused."""

    MISSING = "EVIDENCE_MISSING"
    UNEXPECTED = "EVIDENCE_UNEXPECTED"
    UNREADABLE = "EVIDENCE_UNREADABLE"
    SIGNATURE = "EVIDENCE_SIGNATURE"
    OTHER_ACT = "EVIDENCE_OF_ANOTHER_ACT"
    DECISION = "DECISION_DIFFERS"
    EFFECT = "EFFECT_DIFFERS"


class Unchecked(StrEnum):
    """What nobody can check from the registry alone."""

    PHONE_UNKNOWN = "PHONE_UNKNOWN"
    """The act of a phone that never entered the account: its key is not kept, so only the wallet was verified."""
    OTHER_RULES = "OTHER_RULES"
    """Decided under other rules than those of now, which are not kept: signatures were verified, no decision."""
    OTHER_MOMENT = "OTHER_MOMENT"
    """Decided before the account's last change, at a moment that is not kept."""
    NO_TENANT = "NO_TENANT"
    """The tenant is not in the settings any more, and with it the network."""
    CODE_AWAITED = "CODE_AWAITED"
    """A migration whose code has not come: its evidence is sealed."""
    APPROVAL_ALONE = "APPROVAL_ALONE"
    """A sign-in of the first release, which recorded the approval without evidence: its code never came."""


@dataclass(frozen=True, slots=True)
class Before:
    """What the history says until this event: the account, the open approval of a migration, earlier epochs."""

    account: Account | None
    approval: tuple[Account, MigrationApproved] | None
    epochs: dict[int, Account]


Checked = Iterator[tuple[Fault, str] | Unchecked]


@dataclass(frozen=True, slots=True)
class _Proof:
    """A verified statement with what belongs to it."""

    statement: Statement
    sha256: Digest
    evidence: Evidence
    device_key: DeviceKey | None
    signer: Signer


def recheck(recorded: RecordedEvent, before: Before, *, tenant: Tenant | None, rules: Rules) -> Checked:
    """Everything that is wrong with the evidence of this event, and what could not be checked."""
    event, evidence = recorded.event, recorded.evidence
    purpose = _purpose_of(event)
    if purpose is None:
        if evidence is not None:
            yield Fault.UNEXPECTED, f"{event.name} has evidence, and no statement makes one"
        return
    if evidence is None:
        yield Fault.MISSING, f"{event.name} without evidence"
        return
    if tenant is None:
        yield Unchecked.NO_TENANT
        return
    try:
        proof = _proved(event, evidence, before, tenant, purpose)
    except ProtocolError as error:
        yield Fault.SIGNATURE, f"{event.name}: {error.detail} ({error.code})"
        return
    except _NotOfThisEvent as error:
        yield Fault.OTHER_ACT, f"{event.name}: {error}"
        return
    if proof.device_key is None:
        yield Unchecked.PHONE_UNKNOWN
    yield from _consequences(event, proof, before, rules)


def _purpose_of(event: Event) -> str | None:
    match event:
        case ActRefused() | ActHeld():
            return event.purpose
        case SpokenFor():
            return "vouch" if event.letter == "G" else "attest"
        case WalletRotated():
            # At once by its own statement, or at the end of the wait that another one began.
            return "rotate" if event.request.startswith("rot_") else "accept"
        case DeviceRevoked() if event.request.startswith("vet_"):
            return "veto"
        case _:
            return _PURPOSES.get(type(event))


def nonce_of(evidence: Evidence) -> Nonce | None:
    """What this act spent; ``None`` where the statement is none, which :func:`recheck` says."""
    try:
        return parse(evidence.statement.encode("utf-8", "replace")).nonce
    except ProtocolError:
        return None


class _NotOfThisEvent(Exception):
    """The evidence may be good, but it is of something else."""


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _NotOfThisEvent(otherwise)


def _proved(event: Event, evidence: Evidence, before: Before, tenant: Tenant, purpose: str) -> _Proof:
    """Both signatures, again, and that they are about this event."""
    statement = parse(evidence.statement.encode("utf-8", "replace"))
    act = statement.act
    _require(statement.purpose == purpose, "the statement is for another purpose")
    _require(statement.request_id == event.request, "the statement is of another request")
    _require(_names(event, act), "the statement names another phone or other terms")
    if isinstance(event, ProtectionChanged | ProtectionHeld):
        # The statement has the digest of the codes only.
        assert isinstance(act, ChangeProtection)
        _require(codes_digest(event.code_keys) == act.codes, "the statement names other recovery codes")
    signed = evidence.signed
    _require(
        signed.method == "POST" and signed.target_uri.endswith(_paths(event, tenant, purpose)),
        "signed for another address",
    )
    payload = decode_payload(signed.body)
    wallet = _wallet_of(event, before, payload)
    key = _key_of(event, before, act)
    request = SignedRequest(
        signed.method,
        signed.target_uri,
        signed.body,
        signed.content_digest,
        signed.idempotency_key,
        signed.signature_input,
        signed.signature,
    )
    if key is None:
        sha256 = _wallet_alone(request, statement, wallet, tenant)
    else:
        sha256 = verify(
            request,
            expected=statement,
            expected_act=ACTS[purpose],
            expected_wallet=wallet,
            expected_device=key,
            expected_network=tenant.network,
            expected_method="POST",
            expected_target_uri=signed.target_uri,
            at=evidence.circumstances.at,
            expected_new_wallet=None if payload.new_wallet is None else payload.new_wallet.wallet,
            expected_code_key=None if payload.recovery_code is None else payload.recovery_code.key,
            expected_signer=payload.signed_by,
        ).sha256
    signer = Signer(
        wallet=wallet,
        new_wallet=None if payload.new_wallet is None else payload.new_wallet.wallet,
        code_key=None if payload.recovery_code is None else payload.recovery_code.key,
        officer=_officer_of(act, wallet, tenant),
    )
    return _Proof(statement, sha256, evidence, key, signer)


def _paths(event: Event, tenant: Tenant, purpose: str) -> tuple[str, ...]:
    """Where its statement may have been signed for: the phone's own way, and of a sign-in also that by camera.

    Nothing that a camera brought ever waited for a code, so it cannot have lapsed.
    """
    sent = f"/v1/{tenant.id}/challenges/{event.request}/response"
    has_two = purpose == "authenticate" and not isinstance(event, SignInLapsed)
    return (sent, target_path(tenant.id, event.request)) if has_two else (sent,)


def _by_camera(evidence: Evidence) -> bool:
    return evidence.signed.target_uri.endswith("/answer")


def _wallet_of(event: Event, before: Before, payload: Payload) -> PinnedWallet:
    """Whose signature it must be: the account's, unless it says another's, which policy then sees as such."""
    if isinstance(event, AccountBound):
        return event.wallet
    return _known(before).wallet if payload.signed_by is None else payload.signed_by


def _officer_of(act: StatementAct, wallet: PinnedWallet, tenant: Tenant) -> str | None:
    officer = tenant.officers.get(act.device)
    return officer.name if officer is not None and officer.wallet == wallet else None


def _known(before: Before) -> Account:
    if before.account is None:
        raise _NotOfThisEvent("there is no account yet")
    return before.account


def _names(event: Event, act: StatementAct) -> bool:
    """Whether the act is by the phone, in the account and on the terms that the event says."""
    match event:
        case AccountBound():
            terms = (event.account, event.device, event.esim, event.recovery)
            return isinstance(act, BindWallet) and terms == (act.account, act.device, act.esim, act.recovery)
        case MigrationConfirmed():
            return isinstance(act, ApproveMigration) and act.new_device == event.new_device
        case RecoveryStarted():
            return act.device == event.new_device
        case DeviceActivated() | WalletRotated() | RotationStarted() | ProtectionChanged() | ProtectionHeld():
            return act.device == event.device
        case ChannelsChanged() | ChannelsHeld():
            return act.device == event.device
        case SignedIn() | SignInLapsed() | CodesSetUp() | BackupVerified() | ActRefused() | ActHeld():
            return act.device == event.device
        case SpokenFor() | SuspensionObjected() | OfflineCodesPrepared():
            return act.device == event.device
        case event if (by := getattr(event, "by", None)) is not None:
            return bool(act.device == by)
        case _:
            return False


def _key_of(event: Event, before: Before, act: StatementAct) -> DeviceKey | None:
    """The phone's key as the history knows it; ``None`` for a phone that never entered."""
    match event:
        case AccountBound():
            text = event.device_key
        case RecoveryStarted():
            text = event.new_key
        case SpokenFor():
            text = event.device_key
        case _:
            device = _known(before).device(act.device)
            if device is None and not isinstance(act, _BY_STRANGERS):
                raise _NotOfThisEvent("the account does not have this phone")
            if device is None:
                return None
            text = device.key
    return DeviceKey.from_sec1(ids.from_base64url(text))


def _wallet_alone(request: SignedRequest, statement: Statement, wallet: PinnedWallet, tenant: Tenant) -> Digest:
    sent = submitted(request)
    _require(sent.key_id == statement.act.device, "sent by another phone")
    return verify_wallet(sent.payload, expected=statement, expected_wallet=wallet, expected_network=tenant.network)[1]


def _consequences(event: Event, proof: _Proof, before: Before, rules: Rules) -> Checked:
    """The same decision from the same facts, and from it the same event."""
    evidence, decision = proof.evidence, proof.evidence.decision
    if not _follows(event, decision):
        yield Fault.DECISION, f"{event.name} does not follow from {type(decision).__name__}"
        return
    if evidence.rules != rules.digest():
        yield Unchecked.OTHER_RULES
        return
    if not _in_time(event, evidence, rules):
        yield Fault.EFFECT, f"{event.name} at another time than its evidence allows"
    match _state_at(event, proof, before):
        case Unchecked() as reason:
            yield reason
        case facts:
            again = decide(proof.statement.act, Facts(facts, evidence.circumstances, proof.signer), rules)
            if again != decision:
                yield Fault.DECISION, f"{event.name}: policy decides {again.reason} and not {decision.reason}"
            elif facts is not None and not _same_effect(event, proof, facts, before, rules):
                yield Fault.EFFECT, f"{event.name} is not what this decision makes"


def _follows(event: Event, decision: Decision) -> bool:
    match event:
        case ActRefused():
            return isinstance(decision, Refuse) and decision.reason is event.reason
        case ActHeld():
            return isinstance(decision, Hold) and (decision.reason, decision.until) == (event.reason, event.until)
        case RotationStarted() | ProtectionHeld() | ChannelsHeld():
            return isinstance(decision, Hold)
        case MigrationConfirmed() | RecoveryStarted():
            return isinstance(decision, Hold | Permit)
        case _:
            return isinstance(decision, Permit)


def _in_time(event: Event, evidence: Evidence, rules: Rules) -> bool:
    """What was decided at once happened then; what needed a code, while that code could be typed."""
    decided_at = evidence.circumstances.at
    match event:
        case SignInLapsed():
            return event.at >= decided_at
        case SignedIn() if _by_camera(evidence):
            return event.at == decided_at
        case MigrationConfirmed():
            life_s = rules.migration_open_s
        case AccountBound() | SignedIn() | CodesSetUp():
            life_s = rules.sign_in_s
        case _:
            return event.at == decided_at
    # Another server's clock may have been behind when the code came.
    return decided_at - 2 * MAX_AHEAD_S <= event.at < decided_at + life_s


def _state_at(event: Event, proof: _Proof, before: Before) -> Account | Unchecked | None:
    """The account that policy saw."""
    decided_at = proof.evidence.circumstances.at
    match event:
        case AccountBound():
            return None
        case MigrationConfirmed():
            return Unchecked.OTHER_MOMENT if before.approval is None else before.approval[0]
        case SignedIn() | SignInLapsed():
            # All that policy looks at for a sign-in stays the same while the epoch does.
            assert isinstance(proof.statement.act, Authenticate)
            return before.epochs.get(proof.statement.act.epoch, Unchecked.OTHER_MOMENT)
        case CodesSetUp():
            account = before.epochs.get(proof.statement.act.epoch)
            # A phone that came in since then may be this one.
            if account is None or any(device.created_at >= decided_at for device in account.devices):
                return Unchecked.OTHER_MOMENT
            return account
        case _:
            return _known(before)


def _same_effect(event: Event, proof: _Proof, facts: Account, before: Before, rules: Rules) -> bool:
    if isinstance(event, SignedIn | SignInLapsed | CodesSetUp):
        return not isinstance(event, SignedIn) or _known(before).epoch == facts.epoch
    expected: Event = event
    newcomer = b"" if proof.device_key is None else proof.device_key.sec1
    if isinstance(event, MigrationConfirmed):
        assert before.approval is not None
        expected = before.approval[1]
        if event.expires_at != expected.held_until + rules.migration_accept_s:
            return False
        newcomer = ids.from_base64url(expected.new_key)
        if DeviceKey.from_sec1(newcomer).thumbprint != expected.new_device:
            return False
    try:
        made = effects(
            proof.statement,
            proof.sha256,
            proof.evidence.decision,
            account=facts,
            signer=proof.signer,
            circumstances=proof.evidence.circumstances,
            newcomer_key=newcomer,
            code_keys=event.code_keys if isinstance(event, ProtectionChanged | ProtectionHeld) else (),
            rules=rules,
        )
    except IllegalTransition:
        return False
    return made == (expected,)
