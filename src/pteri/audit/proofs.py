"""Both signatures behind a recorded event, verified again through the one door (law 2).

Which statement stands behind which event is a table; with which keys it was signed, the history says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pteri.audit.site import Site
from pteri.core import ids
from pteri.core.acts import (
    ACTS,
    AnnounceMove,
    ApproveMigration,
    AttestIdentity,
    BindWallet,
    ChangeProtection,
    FreezeAccount,
    RebindLine,
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
from pteri.core.verify import Payload, decode_payload, submitted, verify, verify_wallet
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account
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
    LineRebound,
    MigrationApproved,
    MigrationConfirmed,
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
    SignedIn,
    SignInLapsed,
    SpokenFor,
    SuspensionObjected,
    WalletRotated,
)
from pteri.domain.facts import Signer
from pteri.domain.guards import codes_digest
from pteri.domain.records import Evidence

__all__ = [
    "Before",
    "NotOfThisEvent",
    "Proof",
    "by_camera",
    "claimed",
    "known_before",
    "nonce_of",
    "proved",
    "purpose_of",
]

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
    LineRebound: "rebind-esim",
    MoveAnnounced: "announce-move",
}
"""Which statement stands behind an event. A refused or held act names its own; any other event has none."""


_BY_STRANGERS: Final = SetupOtp | StartRecovery | FreezeAccount | VouchForRecovery | AttestIdentity


@dataclass(frozen=True, slots=True)
class Before:
    """What the history says until this event: the account, the open approval of a migration, earlier epochs."""

    account: Account | None
    approval: tuple[Account, MigrationApproved] | None
    epochs: dict[int, Account]


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified statement with what belongs to it."""

    statement: Statement
    sha256: Digest
    evidence: Evidence
    device_key: DeviceKey | None
    signer: Signer


def purpose_of(event: Event) -> str | None:
    """Which statement stands behind it; ``None`` where none does."""
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


class NotOfThisEvent(Exception):
    """The evidence may be good, but it is of something else."""


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise NotOfThisEvent(otherwise)


def proved(event: Event, evidence: Evidence, before: Before, tenant: Site, purpose: str) -> Proof:
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
    return Proof(statement, sha256, evidence, key, _signer(act, wallet, payload, tenant))


def claimed(event: Event, evidence: Evidence, before: Before, tenant: Site) -> tuple[StatementAct, Signer]:
    """What was signed and by whom, as the evidence says it and nobody has proved it: ``ProtocolError`` for garbage."""
    act = parse(evidence.statement.encode("utf-8", "replace")).act
    payload = decode_payload(evidence.signed.body)
    return act, _signer(act, _wallet_of(event, before, payload), payload, tenant)


def _signer(act: StatementAct, wallet: PinnedWallet, payload: Payload, tenant: Site) -> Signer:
    return Signer(
        wallet=wallet,
        new_wallet=None if payload.new_wallet is None else payload.new_wallet.wallet,
        code_key=None if payload.recovery_code is None else payload.recovery_code.key,
        officer=_officer_of(act, wallet, tenant),
    )


def _paths(event: Event, tenant: Site, purpose: str) -> tuple[str, ...]:
    """Where its statement may have been signed for: the phone's own way, and of a sign-in also that by camera.

    Nothing that a camera brought ever waited for a code, so it cannot have lapsed.
    """
    sent = f"/v1/{tenant.id}/challenges/{event.request}/response"
    has_two = purpose == "authenticate" and not isinstance(event, SignInLapsed)
    return (sent, target_path(tenant.id, event.request)) if has_two else (sent,)


def by_camera(evidence: Evidence) -> bool:
    """Whether it was signed for the camera of another screen."""
    return evidence.signed.target_uri.endswith("/answer")


def _wallet_of(event: Event, before: Before, payload: Payload) -> PinnedWallet:
    """Whose signature it must be: the account's, unless it says another's, which policy then sees as such."""
    if isinstance(event, AccountBound):
        return event.wallet
    return known_before(before).wallet if payload.signed_by is None else payload.signed_by


def _officer_of(act: StatementAct, wallet: PinnedWallet, tenant: Site) -> str | None:
    officer = None if tenant.officers is None else tenant.officers.get(act.device)
    return officer.name if officer is not None and officer.wallet == wallet else None


def known_before(before: Before) -> Account:
    """The account before the event; ``NotOfThisEvent`` where there was none."""
    if before.account is None:
        raise NotOfThisEvent("there is no account yet")
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
        case LineRebound():
            return isinstance(act, RebindLine) and (act.device, act.new_esim) == (event.device, event.esim)
        case MoveAnnounced():
            moves = (event.device, event.to_device, event.until)
            return isinstance(act, AnnounceMove) and (act.device, act.to_device, act.until) == moves
        case SpokenFor():
            return act.device == event.device
        case _:
            # Who did it to another phone stands in ``by``.
            return act.device == getattr(event, "by", getattr(event, "device", None))


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
            device = known_before(before).device(act.device)
            if device is None and not isinstance(act, _BY_STRANGERS):
                raise NotOfThisEvent("the account does not have this phone")
            if device is None:
                return None
            text = device.key
    return DeviceKey.from_sec1(ids.from_base64url(text))


def _wallet_alone(request: SignedRequest, statement: Statement, wallet: PinnedWallet, tenant: Site) -> Digest:
    sent = submitted(request)
    _require(sent.key_id == statement.act.device, "sent by another phone")
    return verify_wallet(sent.payload, expected=statement, expected_wallet=wallet, expected_network=tenant.network)[1]
