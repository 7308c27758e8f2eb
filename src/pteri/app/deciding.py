"""From a verified statement to everything it changes: facts, decision, new challenge, new account (docs/spec 4.4)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import msgspec

from pteri.app.callers import Asking, Call, request_digest
from pteri.app.claiming import holder, wallet_claims
from pteri.app.committing import account_change, answered
from pteri.app.deployment import Deployment
from pteri.app.evidence import code_mac, evidence_of, seal_evidence
from pteri.app.expecting import Expected
from pteri.app.noticing import notices_of
from pteri.app.observing import look_at_line
from pteri.app.ports import AccountChange, ChallengeChange, Changeset, Claim, ClaimKind, Count, CounterKind
from pteri.app.refusals import Clashes, RefusalCode
from pteri.core import ids, wire
from pteri.core.acts import (
    ActivateDevice,
    ApproveMigration,
    AttestIdentity,
    Authenticate,
    BindWallet,
    ChangeChannels,
    ChangeProtection,
    RebindLine,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    VouchForRecovery,
)
from pteri.core.ids import Digest
from pteri.core.verify import Verified
from pteri.core.wallets import PinnedWallet
from pteri.domain.addresses import Address, addresses_after
from pteri.domain.challenge import BindAsked, Challenge, ChallengeEvent, SignInAsked, StatementAsked
from pteri.domain.decisions import Decision, Hold, Permit, Refuse
from pteri.domain.effects import BEGINS_HELD, effects
from pteri.domain.events import (
    DeviceActivated,
    Event,
    LineObserved,
    MigrationApproved,
    MigrationConfirmed,
    RecoveryStarted,
    WalletRotated,
)
from pteri.domain.facts import Facts, Signer
from pteri.domain.kept_line import KeptLine
from pteri.domain.policy import decide
from pteri.domain.records import Evidence
from pteri.domain.rules import Rules

__all__ = ["decided_changes"]

_DAY: Final = 86400
_NOT_NOW: Final = 403
_REFUSED_A_DAY: Final = 100
_CHANGES: Final = (
    BindWallet
    | ApproveMigration
    | ActivateDevice
    | StartRecovery
    | RotateWallet
    | ChangeProtection
    | ChangeChannels
    | RebindLine
    | RevokeDevice
)


class _Decided(msgspec.Struct, frozen=True, gc=False):
    """A verified answer to a challenge, with what policy said and why."""

    network: str
    rules: Rules
    challenge: Challenge
    expected: Expected
    verified: Verified[StatementAct]
    signer: Signer
    decision: Decision
    evidence: Evidence

    @property
    def asked(self) -> StatementAsked | None:
        """What was asked, where it was a complete statement."""
        return self.challenge.asked if isinstance(self.challenge.asked, StatementAsked) else None

    @property
    def act(self) -> StatementAct:
        return self.verified.act

    @property
    def refused(self) -> bool:
        return isinstance(self.decision, Refuse)

    @property
    def awaits_code(self) -> bool:
        """Whether it counts only when the code that both signatures make has been typed."""
        if isinstance(self.act, SetupOtp):
            return not self.refused and self.act.chain_end is None
        return not self.refused and isinstance(self.act, BindWallet | Authenticate)


async def decided_changes(
    deployment: Deployment, asking: Asking, challenge: Challenge, expected: Expected, verified: Verified[StatementAct]
) -> Changeset:
    """Ask the line, decide, and say everything that this answer changes. Nothing is committed here."""
    call = Call(
        tenant=asking.tenant,
        caller=expected.device.thumbprint,
        key=ids.idempotency_key(asking.request.idempotency_key),
        digest=request_digest(asking.request),
        at=asking.at,
    )
    if isinstance(verified.act, BindWallet):
        await _still_free(deployment, call, verified)
    rules = deployment.rules
    looked = await look_at_line(
        deployment,
        call.tenant.id,
        expected.account,
        of=verified.act.account,
        esim=_esim(verified.act, expected),
        request=challenge.id,
        at=call.at,
    )
    expected = replace(expected, account=looked.account, lapsed=(*expected.lapsed, *looked.events))
    circumstances = looked.circumstances
    signer = _signer(challenge, verified)
    if signer.new_wallet is not None:
        await _wallet_still_free(deployment, call, signer.new_wallet)
    facts = Facts(expected.account, circumstances, signer)
    decision = decide(verified.act, facts, rules)
    if deployment.shadow is not None:
        again = partial(decide, verified.act, facts)
        deployment.shadow.look(verified.act.purpose, challenge.id, decision, again)
    evidence = evidence_of(verified, circumstances, rules.digest(), decision)
    decided = _Decided(call.tenant.network, rules, challenge, expected, verified, signer, decision, evidence)
    account = _account_change(deployment, decided)
    return Changeset(
        call.tenant.id,
        answer=answered(call, _status(decided), _told(decided)),
        spent=challenge.nonce,
        challenges=(ChallengeChange(challenge.version, _next_challenge(deployment, decided)),),
        account=account,
        notices=notices_of(account, challenge),
        counts=_counts(decided, call.at),
        addresses=_addresses(decided, account, call.at),
        line=_line(decided),
    )


def _signer(challenge: Challenge, verified: Verified[StatementAct]) -> Signer:
    asked = challenge.asked
    return Signer(
        wallet=verified.wallet,
        new_wallet=verified.new_wallet,
        code_key=verified.code_key,
        officer=asked.officer if isinstance(asked, StatementAsked) else None,
    )


async def _wallet_still_free(deployment: Deployment, call: Call, wallet: PinnedWallet) -> None:
    """One wallet serves one account of a tenant, also one that shall serve it later. Checked again when it does."""
    claims = wallet_claims(deployment, call.tenant.id, wallet.parsed(call.tenant.network).script_pub_key)
    if await holder(deployment.store, call.tenant.id, claims) is not None:
        raise Clashes(RefusalCode.ALREADY_REGISTERED, "This wallet is registered already. Make a new one.")


async def _still_free(deployment: Deployment, call: Call, verified: Verified[StatementAct]) -> None:
    """One wallet and one phone key serve one account of a tenant. Checked again when the code is typed."""
    script = verified.wallet.parsed(call.tenant.network).script_pub_key
    for claims in (
        wallet_claims(deployment, call.tenant.id, script),
        (Claim(ClaimKind.DEVICE, verified.device.thumbprint),),
    ):
        if await holder(deployment.store, call.tenant.id, claims) is not None:
            raise Clashes(RefusalCode.ALREADY_REGISTERED, "This account, wallet or phone is registered already.")


def _esim(act: StatementAct, expected: Expected) -> Digest | None:
    if expected.account is not None:
        return expected.account.esim
    return act.esim if isinstance(act, BindWallet) else None


def _told(decided: _Decided) -> wire.Decided:
    match decided.decision:
        case Permit(reason=reason):
            return wire.Decided("permit", reason, decided.awaits_code)
        case Hold(reason=reason, until=until):
            return wire.Decided("hold", reason, decided.awaits_code, until)
        case Refuse(reason=reason):
            return wire.Decided("refuse", reason, False)


def _status(decided: _Decided) -> int:
    """A held approval or claim has begun (202); anything else that comes too early has not (403)."""
    match decided.decision:
        case Permit():
            return 200
        case Hold():
            return 202 if isinstance(decided.act, BEGINS_HELD) else _NOT_NOW
        case Refuse():
            return _NOT_NOW


def _next_challenge(deployment: Deployment, decided: _Decided) -> Challenge:
    challenge, verified = decided.challenge, decided.verified
    answered_by = verified.device.thumbprint
    if not decided.awaits_code:
        end = ChallengeEvent.CANCEL if decided.refused else ChallengeEvent.COMPLETE
        return msgspec.structs.replace(challenge.after(end), answered_by=answered_by)
    return msgspec.structs.replace(
        challenge.after(ChallengeEvent.VERIFY),
        answered_by=answered_by,
        answered_epoch=decided.act.epoch,
        expires_at=verified.at + decided.rules.sign_in_s,
        code_mac=code_mac(deployment, challenge.tenant, verified, _code_session(challenge)),
        sealed=seal_evidence(deployment, challenge.id, decided.evidence),
    )


def _code_session(challenge: Challenge) -> Digest:
    asked = challenge.asked
    session = asked.session if isinstance(asked, SignInAsked | BindAsked) else asked.code_session
    assert session is not None
    return session


def _account_change(deployment: Deployment, decided: _Decided) -> AccountChange | None:
    expected, verified = decided.expected, decided.verified
    if expected.account is None:
        return None
    newcomer = _newcomer_key(decided)
    happened = effects(
        verified.statement,
        verified.sha256,
        decided.decision,
        account=expected.account,
        signer=decided.signer,
        circumstances=decided.evidence.circumstances,
        newcomer_key=newcomer,
        code_keys=() if decided.asked is None else decided.asked.code_keys,
        rules=decided.rules,
    )
    if not happened and not any(isinstance(event, LineObserved) for event in expected.lapsed):
        return None
    # While a code is awaited its evidence stays sealed in the challenge; it is recorded when the code is typed.
    evidence = None if decided.awaits_code else decided.evidence
    recorded: list[tuple[Event, Evidence | None]] = [
        *((event, None) for event in expected.lapsed),
        *((event, evidence) for event in happened),
    ]
    if happened and isinstance(happened[-1], MigrationApproved):
        recorded = [*((event, None) for event, _ in recorded), (_confirmed(happened[-1], decided.rules), evidence)]
    return account_change(expected.stored, recorded, claims=_claims(deployment, decided, happened))


def _claims(deployment: Deployment, decided: _Decided, happened: tuple[Event, ...]) -> tuple[Claim, ...]:
    """What comes into the account with these events, and belongs to it from now on for ever."""
    if not happened:
        return ()
    account = decided.expected.account
    assert account is not None
    match happened[-1]:
        case MigrationApproved(new_device=device) | RecoveryStarted(new_device=device):
            # A phone that comes back with more evidence has its claim already.
            known = account.device(device) is not None
            return () if known else (Claim(ClaimKind.DEVICE, device),)
        case WalletRotated(wallet=PinnedWallet() as wallet) | DeviceActivated(new_wallet=PinnedWallet() as wallet):
            script = wallet.parsed(decided.network).script_pub_key
            return wallet_claims(deployment, account.tenant, script)
        case _:
            return ()


def _addresses(decided: _Decided, change: AccountChange | None, at: int) -> tuple[Address, ...]:
    """Of the addresses that warnings go to: which come, and which go when."""
    if change is None:
        return ()
    act, sealed = decided.act, {}
    if isinstance(act, ChangeChannels) and not decided.refused:
        assert decided.asked is not None
        sealed = dict(zip(act.channels, decided.asked.sealed_channels, strict=True))
    return addresses_after(decided.expected.account, change.account, sealed, at)


def _line(decided: _Decided) -> KeptLine | None:
    """Of a line that takes the place of another: as it is kept from now on."""
    rebinds = isinstance(decided.act, RebindLine) and not decided.refused
    return decided.asked.line if rebinds and decided.asked is not None else None


def _confirmed(approved: MigrationApproved, rules: Rules) -> MigrationConfirmed:
    """The two phones have agreed on their code before the old one signed, so approval and confirmation are one moment.

    They are two events because they were two moments once, and what was recorded then is still read.
    """
    return MigrationConfirmed(
        at=approved.at,
        request=approved.request,
        new_device=approved.new_device,
        expires_at=approved.held_until + rules.migration_accept_s,
    )


def _newcomer_key(decided: _Decided) -> bytes:
    if isinstance(decided.act, StartRecovery | VouchForRecovery | AttestIdentity):
        return decided.verified.device.sec1
    asked = decided.challenge.asked
    text = "" if isinstance(asked, SignInAsked | BindAsked) else asked.newcomer_key
    return ids.from_base64url(text)


def _counts(decided: _Decided, at: int) -> tuple[Count, ...]:
    """Changes of authority are counted in the transaction that makes them."""
    act, account, rules = decided.act, decided.expected.account, decided.rules
    if account is None:
        return ()
    if _status(decided) == _NOT_NOW:
        # What was refused, or is still held, changed nothing: counted with the others, it would use up the owner's day.
        # But it is recorded, and whoever has a phone could fill the log with it (DS-05).
        return (Count(CounterKind.REFUSED_ACT, account.id, _DAY, at, _REFUSED_A_DAY),)
    if not isinstance(act, _CHANGES):
        return ()
    # A removal is counted, never stopped: else a thief could use up the day, and nobody could remove him in it. Nor
    # does any other way to stop somebody count at all.
    most = None if isinstance(act, RevokeDevice) else rules.authority_changes_per_day
    counts = [Count(CounterKind.AUTHORITY_CHANGE, account.id, _DAY, at, most)]
    if isinstance(act, StartRecovery):
        counts.append(Count(CounterKind.RECOVERY_START, account.id, _DAY, at, rules.recovery_starts_per_day))
    return tuple(counts)
