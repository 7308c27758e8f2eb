"""Whether the evidence of a recorded event proves it: what an auditor with the log would find (law 2).

Both signatures are verified again through the one door, with the keys that the account had then; policy decides again,
and what it permits must be the event that stands there. Time is the recorded one. Nothing here trusts the server's
word where a signature speaks; where none does, the answer says so as ``Unchecked`` and not as a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Literal

from msgspec.structs import replace

from pteri.audit.proofs import Before, NotOfThisEvent, Proof, by_camera, known_before, proved, purpose_of
from pteri.audit.site import Site
from pteri.core import ids
from pteri.core.acts import AttestIdentity, FreezeAccount, StatementAct
from pteri.core.errors import ProtocolError
from pteri.core.keys.device import DeviceKey
from pteri.core.verify import MAX_AHEAD_S
from pteri.domain.account import Account
from pteri.domain.continuity import line_status, observed, seen_alive
from pteri.domain.decisions import Decision, Hold, Permit, Refuse
from pteri.domain.effects import effects
from pteri.domain.events import (
    AccountBound,
    ActHeld,
    ActRefused,
    ChannelsHeld,
    ChipAnswered,
    ChipTold,
    CodesSetUp,
    Event,
    LineObserved,
    MigrationConfirmed,
    ProtectionChanged,
    ProtectionHeld,
    RecoveryStarted,
    RotationStarted,
    SignedIn,
    SignInLapsed,
)
from pteri.domain.facts import Facts
from pteri.domain.line import LineEvent
from pteri.domain.policy import decide
from pteri.domain.records import Evidence, RecordedEvent
from pteri.domain.rules import Rules
from pteri.domain.tables import IllegalTransition

__all__ = ["Fault", "Unchecked", "recheck", "seen_by_policy"]


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
    CHIP_NOT_KEPT = "CHIP_NOT_KEPT"
    """What an eSIM chip signed: it was verified then, and its numbers are kept from everybody, also from here."""
    OFFICERS_UNKNOWN = "OFFICERS_UNKNOWN"
    """Perhaps the act of an officer, and nobody said who they are: signatures were verified, no decision."""
    APPROVAL_ALONE = "APPROVAL_ALONE"
    """A sign-in of the first release, which recorded the approval without evidence: its code never came."""


Checked = Iterator[tuple[Fault, str] | Unchecked]


def recheck(recorded: RecordedEvent, before: Before, *, tenant: Site | None, rules: Rules) -> Checked:
    """Everything that is wrong with the evidence of this event, and what could not be checked."""
    event, evidence = recorded.event, recorded.evidence
    purpose = purpose_of(event)
    if purpose is None:
        yield from _unsigned(recorded, before, rules)
        return
    if evidence is None:
        yield Fault.MISSING, f"{event.name} without evidence"
        return
    if tenant is None:
        yield Unchecked.NO_TENANT
        return
    try:
        proof = proved(event, evidence, before, tenant, purpose)
    except ProtocolError as error:
        yield Fault.SIGNATURE, f"{event.name}: {error.detail} ({error.code})"
        return
    except NotOfThisEvent as error:
        yield Fault.OTHER_ACT, f"{event.name}: {error}"
        return
    if proof.device_key is None:
        yield Unchecked.PHONE_UNKNOWN
    if tenant.officers is None and _may_be_an_officers(proof, before):
        yield Unchecked.OFFICERS_UNKNOWN
        return
    yield from _consequences(event, proof, before, rules)


def _unsigned(recorded: RecordedEvent, before: Before, rules: Rules) -> Checked:
    event = recorded.event
    if recorded.evidence is not None:
        yield Fault.UNEXPECTED, f"{event.name} has evidence, and no statement makes one"
    elif isinstance(event, ChipAnswered | ChipTold):
        yield Unchecked.CHIP_NOT_KEPT
    elif isinstance(event, LineObserved):
        yield from _heard_again(event, before.account, rules)


def _may_be_an_officers(proof: Proof, before: Before) -> bool:
    """What only officers do, and what they do beside the phones of the account."""
    act = proof.statement.act
    if isinstance(act, FreezeAccount):
        return known_before(before).device(act.device) is None
    return isinstance(act, AttestIdentity)


def _consequences(event: Event, proof: Proof, before: Before, rules: Rules) -> Checked:
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
    match seen_by_policy(event, proof.statement.act, evidence.circumstances.at, before):
        case Unchecked() as reason:
            yield reason
        case facts:
            if not _line_fits(event, evidence, facts):
                yield Fault.DECISION, f"{event.name}: the line was not {evidence.circumstances.line} by these answers"
            again = decide(proof.statement.act, Facts(facts, evidence.circumstances, proof.signer), rules)
            if again != decision:
                yield Fault.DECISION, f"{event.name}: policy decides {again.reason} and not {decision.reason}"
            elif facts is not None and not _same_effect(event, proof, facts, before, rules):
                yield Fault.EFFECT, f"{event.name} is not what this decision makes"


def _line_fits(event: Event, evidence: Evidence, account: Account | None) -> bool:
    """Whether the answers of operators that were recorded make the line what policy was told."""
    seen = evidence.circumstances
    if not seen.signals or isinstance(event, SignedIn | SignInLapsed | CodesSetUp | MigrationConfirmed):
        # Nothing was said; or more may have been heard between the approval and its code.
        return True
    return line_status(None if account is None else account.mobile_line, seen.signals, seen.at) is seen.line


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
        case SignedIn() if by_camera(evidence):
            return event.at == decided_at
        case MigrationConfirmed():
            life_s = rules.migration_open_s
        case AccountBound() | SignedIn() | CodesSetUp():
            life_s = rules.sign_in_s
        case _:
            return event.at == decided_at
    # Another server's clock may have been behind when the code came.
    return decided_at - 2 * MAX_AHEAD_S <= event.at < decided_at + life_s


def seen_by_policy(
    event: Event, act: StatementAct, decided_at: int, before: Before
) -> Account | Literal[Unchecked.OTHER_MOMENT] | None:
    """The account that policy saw when it decided; ``None`` for a binding, which saw none."""
    match event:
        case AccountBound():
            return None
        case MigrationConfirmed():
            return Unchecked.OTHER_MOMENT if before.approval is None else before.approval[0]
        case SignedIn() | SignInLapsed():
            # All that policy looks at for a sign-in stays the same while the epoch does, but the last try of a backup.
            account = before.epochs.get(act.epoch)
            if account is None or account.backup_verified_at >= decided_at:
                return Unchecked.OTHER_MOMENT
            return account
        case CodesSetUp():
            account = before.epochs.get(act.epoch)
            # A phone that came in since then may be this one.
            if account is None or any(device.created_at >= decided_at for device in account.devices):
                return Unchecked.OTHER_MOMENT
            return account
        case _:
            return known_before(before)


def _same_effect(event: Event, proof: Proof, facts: Account, before: Before, rules: Rules) -> bool:
    if isinstance(event, SignedIn | SignInLapsed | CodesSetUp):
        return not isinstance(event, SignedIn) or known_before(before).epoch == facts.epoch
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


def _heard_again(event: LineObserved, account: Account | None, rules: Rules) -> Checked:
    """Whether the answers in the event make it: nobody signs what an operator says, so it must follow by itself."""
    if account is None:
        yield Fault.EFFECT, f"{event.name} before there was an account"
        return
    if event.happened is LineEvent.CONFIRM:
        made = _confirmed_again(event, account)
    else:
        made = observed(
            account, event.signals, request=event.request, at=event.at, answered_at=event.answered_at, rules=rules
        )[:1]
    if made == (event,):
        return
    if event.happened is LineEvent.SILENCE or (made and replace(made[0], cooling_until=event.cooling_until) == event):
        yield Unchecked.OTHER_RULES
        return
    yield Fault.EFFECT, f"{event.name} is not what these answers make of the line"


def _confirmed_again(event: LineObserved, account: Account) -> tuple[Event, ...]:
    """By its proof; or, where the proof came before the change that it belongs to, by what is known of the line."""
    if event.signals and event.device is not None:
        return seen_alive(account, event.signals[0], device=event.device, request=event.request, at=event.at)
    line = account.mobile_line
    known = line is not None and (line.confirmed_on, line.confirmed_at) == (event.device, event.confirmed_at)
    return (event,) if known else ()
