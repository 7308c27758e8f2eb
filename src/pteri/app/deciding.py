"""From a verified statement to everything it changes: facts, decision, new challenge, new account (docs/spec 4.4)."""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.app.callers import Asking, Call, request_digest
from pteri.app.claiming import wallet_claim
from pteri.app.committing import account_change, answered
from pteri.app.deployment import Deployment
from pteri.app.evidence import code_mac, evidence_of, line_facts, seal_evidence
from pteri.app.expecting import Expected
from pteri.app.noticing import notices_of
from pteri.app.ports import AccountChange, ChallengeChange, Changeset, Claim, ClaimKind, Count, CounterKind
from pteri.app.refusals import Clashes, RefusalCode
from pteri.core import ids, wire
from pteri.core.acts import (
    ApproveMigration,
    Authenticate,
    BindWallet,
    RevokeDevice,
    SetupOtp,
    StartRecovery,
    StatementAct,
)
from pteri.core.ids import Digest
from pteri.core.keys.device import DeviceKey
from pteri.core.verify import Verified
from pteri.domain.challenge import BindAsked, Challenge, ChallengeEvent, SignInAsked
from pteri.domain.decisions import Decision, Hold, Permit, Refuse
from pteri.domain.effects import effects
from pteri.domain.events import Event, MigrationApproved, MigrationConfirmed
from pteri.domain.facts import Facts
from pteri.domain.policy import decide
from pteri.domain.records import Evidence
from pteri.domain.rules import Rules

__all__ = ["decided_changes"]

_DAY: Final = 86400
_NOT_NOW: Final = 403


class _Decided(msgspec.Struct, frozen=True, gc=False):
    """A verified answer to a challenge, with what policy said and why."""

    rules: Rules
    challenge: Challenge
    expected: Expected
    verified: Verified[StatementAct]
    decision: Decision
    evidence: Evidence

    @property
    def act(self) -> StatementAct:
        return self.verified.act

    @property
    def refused(self) -> bool:
        return isinstance(self.decision, Refuse)

    @property
    def awaits_code(self) -> bool:
        """Whether it counts only when the code that both signatures make has been typed."""
        return not self.refused and isinstance(self.act, BindWallet | Authenticate | SetupOtp)


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
    circumstances = await line_facts(deployment, call.tenant.id, _esim(verified.act, expected), call.at)
    decision = decide(verified.act, Facts(expected.account, circumstances), rules)
    evidence = evidence_of(verified, circumstances, rules.digest(), decision)
    decided = _Decided(rules, challenge, expected, verified, decision, evidence)
    account = _account_change(decided)
    return Changeset(
        call.tenant.id,
        answer=answered(call, _status(decided), _told(decided)),
        spent=challenge.nonce,
        challenges=(ChallengeChange(challenge.version, _next_challenge(deployment, decided)),),
        account=account,
        notices=notices_of(account, challenge),
        counts=_counts(decided, call.at),
    )


async def _still_free(deployment: Deployment, call: Call, verified: Verified[StatementAct]) -> None:
    """One wallet and one phone key serve one account of a tenant. Checked again when the code is typed."""
    script = verified.wallet.parsed(call.tenant.network).script_pub_key
    for claim in (
        wallet_claim(deployment, call.tenant.id, script),
        Claim(ClaimKind.DEVICE, verified.device.thumbprint),
    ):
        if await deployment.store.owner(call.tenant.id, claim) is not None:
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
            return 202 if isinstance(decided.act, ApproveMigration | StartRecovery) else _NOT_NOW
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


def _account_change(decided: _Decided) -> AccountChange | None:
    expected, verified = decided.expected, decided.verified
    if expected.account is None:
        return None
    newcomer = _newcomer_key(decided)
    happened = effects(
        verified.statement,
        verified.sha256,
        decided.decision,
        account=expected.account,
        newcomer_key=newcomer,
        rules=decided.rules,
        at=verified.at,
    )
    if not happened:
        return None
    # While a code is awaited its evidence stays sealed in the challenge; it is recorded when the code is typed.
    evidence = None if decided.awaits_code else decided.evidence
    recorded: list[tuple[Event, Evidence | None]] = [
        *((event, None) for event in expected.lapsed),
        *((event, evidence) for event in happened),
    ]
    if isinstance(happened[-1], MigrationApproved):
        recorded = [*((event, None) for event, _ in recorded), (_confirmed(happened[-1], decided.rules), evidence)]
    enters = isinstance(decided.act, ApproveMigration | StartRecovery) and not decided.refused
    return account_change(
        expected.stored,
        recorded,
        claims=(Claim(ClaimKind.DEVICE, DeviceKey.from_sec1(newcomer).thumbprint),) if enters else (),
    )


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
    if isinstance(decided.act, StartRecovery):
        return decided.verified.device.sec1
    asked = decided.challenge.asked
    text = "" if isinstance(asked, SignInAsked | BindAsked) else asked.newcomer_key
    return ids.from_base64url(text)


def _counts(decided: _Decided, at: int) -> tuple[Count, ...]:
    """Changes of authority are counted in the transaction that makes them."""
    act, account, rules = decided.act, decided.expected.account, decided.rules
    # What was refused, or is still held, changed nothing: counted, it would use up the owner's day.
    if account is None or _status(decided) == _NOT_NOW or isinstance(act, Authenticate | SetupOtp):
        return ()
    # A removal is counted, never stopped: else a thief could use up the day, and nobody could remove him in it.
    most = None if isinstance(act, RevokeDevice) else rules.authority_changes_per_day
    counts = [Count(CounterKind.AUTHORITY_CHANGE, account.id, _DAY, at, most)]
    if isinstance(act, StartRecovery):
        counts.append(Count(CounterKind.RECOVERY_START, account.id, _DAY, at, rules.recovery_starts_per_day))
    return tuple(counts)
