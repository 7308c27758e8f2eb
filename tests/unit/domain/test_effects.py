from __future__ import annotations

import msgspec
import pytest

import quarrels
from builders import digest, phone, sec1_text, thumbprint, wallet
from ledger import DAY, HOUR, MINUTE, Ledger, approval_of, opened
from pteri.core.acts import StatementAct
from pteri.core.ids import Digest
from pteri.domain.decisions import Decision, Hold, Permit, Reason, Refuse
from pteri.domain.effects import effects
from pteri.domain.events import (
    AccountContested,
    AccountFrozen,
    AccountUnfrozen,
    ActHeld,
    ActRefused,
    BackupVerified,
    ChannelsHeld,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    MigrationApproved,
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
from pteri.domain.facts import Signer
from pteri.domain.tables import IllegalTransition
from quarrels import CODE, NEW_WALLET, OFFICE, OFFICERS, OTHER_CODE, code_keys, friends, signed_by
from stories import STORIES, acts_on, grown, guarded

YES = Permit(Reason.BOTH_KEYS)


def effects_of(
    ledger: Ledger,
    act: StatementAct,
    decision: Decision,
    *,
    newcomer: int = 9,
    signer: Signer | None = None,
    code_keys: tuple[str, ...] = (),
) -> tuple[Event, ...]:
    statement = ledger.statement(act)
    return effects(
        statement,
        approval_of(statement.request_id),
        decision,
        account=ledger.settled()[0],
        signer=signer or Signer(wallet=ledger.now().wallet),
        circumstances=ledger.circumstances(),
        newcomer_key=phone(newcomer).sec1,
        code_keys=code_keys,
        rules=ledger.rules,
    )


def test_a_refusal_is_recorded_with_its_reason_whatever_was_asked() -> None:
    ledger = grown()
    for attempt in acts_on(ledger):
        act = attempt.act
        [event] = effects_of(ledger, act, Refuse(Reason.NOT_OFFERED))
        assert isinstance(event, ActRefused)
        assert (event.purpose, event.device, event.reason, event.at) == (
            act.purpose,
            act.device,
            Reason.NOT_OFFERED,
            ledger.at,
        )


def test_a_held_act_has_not_happened_unless_it_is_one_that_begins_by_waiting() -> None:
    ledger = grown()
    hold = Hold(Reason.SECURITY_DELAY, ledger.at + HOUR)
    begun = set()
    for attempt in acts_on(ledger):
        act, signer = attempt.act, Signer(wallet=wallet(1), new_wallet=wallet(NEW_WALLET))
        [event] = effects_of(ledger, act, hold, signer=signer)
        if act.purpose in {"migrate", "recover", "rotate", "protect", "notify"}:
            assert isinstance(
                event, MigrationApproved | RecoveryStarted | RotationStarted | ProtectionHeld | ChannelsHeld
            )
            assert event.held_until == hold.until
            begun.add(type(event))
        else:
            assert isinstance(event, ActHeld)
            assert (event.purpose, event.device, event.reason) == (act.purpose, act.device, hold.reason)
            assert event.until == hold.until
    assert begun == {MigrationApproved, RecoveryStarted, RotationStarted, ProtectionHeld, ChannelsHeld}


def test_a_migration_pins_the_new_phone_its_key_and_the_statement_that_let_it_in() -> None:
    ledger = opened()
    hold = Hold(Reason.SECURITY_DELAY, ledger.at + HOUR)
    [event] = effects_of(ledger, ledger.approval(1, 2, revoke_old=True), hold, newcomer=2)
    assert event == MigrationApproved(
        at=ledger.at,
        request=event.request,
        by=thumbprint(1),
        new_device=thumbprint(2),
        new_key=sec1_text(2),
        approval=approval_of(event.request),
        revoke_old=True,
        held_until=ledger.at + HOUR,
        expires_at=ledger.at + 10 * MINUTE,
    )


def test_a_migration_without_delay_may_be_accepted_as_soon_as_its_code_was_typed() -> None:
    ledger = opened()
    [event] = effects_of(ledger, ledger.approval(1, 2), YES, newcomer=2)
    assert isinstance(event, MigrationApproved)
    assert event.held_until == ledger.at
    ledger.record(event)
    ledger.type_migration_code()
    assert ledger.now().migration is not None
    assert ledger.activate(2) == Permit(Reason.HOLD_OVER)
    assert ledger.states() == {1: "ACTIVE", 2: "ACTIVE"}


def test_a_recovery_pins_the_new_phone_its_key_its_evidence_and_the_statement() -> None:
    ledger = opened()
    hold = Hold(Reason.RECOVERY_HOLD, ledger.at + 3 * DAY)
    [event] = effects_of(ledger, ledger.claim(3), hold, newcomer=3)
    assert event == RecoveryStarted(
        at=ledger.at,
        request=event.request,
        new_device=thumbprint(3),
        new_key=sec1_text(3),
        approval=approval_of(event.request),
        evidence=("W",),
        held_until=ledger.at + 3 * DAY,
        expires_at=ledger.at + 10 * DAY,
    )


@pytest.mark.parametrize("purpose", ["bind", "authenticate", "setup-otp"])
def test_what_is_recorded_with_its_code_has_no_effect_before(purpose: str) -> None:
    ledger = opened()
    acts = [attempt.act for attempt in acts_on(ledger) if attempt.act.purpose == purpose]
    acts = [act for act in acts if getattr(act, "chain_end", None) is None]
    assert acts
    assert {effects_of(ledger, tried, YES) for tried in acts} == {()}


def test_a_new_phone_is_verified_on_probation_and_the_old_one_goes_only_if_it_asked() -> None:
    for revoke_old, gone in ((True, (thumbprint(1),)), (False, ())):
        ledger = opened()
        ledger.approve(1, 2, revoke_old=revoke_old)
        [event] = effects_of(ledger, ledger.acceptance(2), YES)
        assert isinstance(event, DeviceActivated)
        assert (event.device, event.revoked, event.probation_until) == (thumbprint(2), gone, ledger.at + 3 * DAY)
        assert event.approval == ledger.acceptance(2).approval


def test_after_a_recovery_everybody_else_goes_also_who_waits_and_who_is_suspended() -> None:
    ledger = grown()
    ledger.recover(3)
    ledger.wait(3 * DAY - HOUR)
    ledger.revoke(2, 1)
    ledger.approve(2, 4)
    [event] = effects_of(ledger, ledger.acceptance(3), YES)
    assert isinstance(event, DeviceActivated)
    assert set(event.revoked) == {thumbprint(number) for number in (1, 2, 4)}


def test_who_has_left_before_does_not_go_again() -> None:
    ledger = STORIES["new phone alone"]()
    ledger.recover(3)
    [event] = effects_of(ledger, ledger.acceptance(3), YES)
    assert isinstance(event, DeviceActivated)
    assert event.revoked == (thumbprint(2),)


def test_a_phone_removes_itself_at_once_and_another_verified_one_after_a_day() -> None:
    ledger = grown()
    [own] = effects_of(ledger, ledger.removal(1, 1), YES)
    [other] = effects_of(ledger, ledger.removal(1, 2), YES)
    assert own == DeviceRevoked(ledger.at, own.request, thumbprint(1), by=thumbprint(1))
    assert other == DeviceSuspended(
        ledger.at,
        other.request,
        thumbprint(2),
        by=thumbprint(1),
        revoke_at=ledger.at + DAY,
        approval=approval_of(other.request),
    )


def test_with_a_recovery_code_another_phone_goes_at_once() -> None:
    ledger = guarded()
    removal = ledger.removal(1, 2)
    [event] = effects_of(ledger, removal, YES, signer=signed_by(ledger, "WC"))
    assert event == DeviceRevoked(ledger.at, event.request, thumbprint(2), by=thumbprint(1))
    other = msgspec.structs.replace(signed_by(ledger), code_key=sec1_text(OTHER_CODE))
    assert isinstance(effects_of(ledger, removal, YES, signer=other)[0], DeviceSuspended)


@pytest.mark.parametrize(("story", "target"), [("migration inside its delay", 2), ("recovery inside its hold", 3)])
def test_a_phone_that_waits_goes_at_once(story: str, target: int) -> None:
    ledger = STORIES[story]()
    [event] = effects_of(ledger, ledger.removal(1, target), YES)
    assert event == DeviceRevoked(ledger.at, event.request, thumbprint(target), by=thumbprint(1))


def test_removing_a_phone_that_nobody_knows_is_a_bug_not_an_event() -> None:
    ledger = opened()
    with pytest.raises(IllegalTransition):
        effects_of(ledger, ledger.removal(1, 9), YES)


@pytest.mark.parametrize("story", STORIES)
def test_whatever_policy_decides_the_account_can_follow(story: str) -> None:
    begun = STORIES[story]()
    before = begun.settled()[0]
    for attempt in acts_on(begun):
        ledger = begun.copy()
        decision = attempt.on(ledger)
        after = ledger.settled()[0]
        assert after.epoch <= before.epoch + 1
        if isinstance(decision, Permit):
            continue
        assert after.wallet == before.wallet
        assert (after.guardians, after.code_keys, after.state) == (before.guardians, before.code_keys, before.state)
        if isinstance(decision, Refuse) or attempt.act.purpose not in {"migrate", "recover", "rotate"}:
            assert after.devices == before.devices


def test_an_event_names_the_statement_that_led_to_it() -> None:
    ledger = grown()
    statement = ledger.statement(ledger.removal(1, 2))
    [event] = effects(
        statement,
        digest("statement"),
        YES,
        account=ledger.now(),
        signer=Signer(wallet=wallet(1)),
        circumstances=ledger.circumstances(),
        newcomer_key=b"",
        code_keys=(),
        rules=ledger.rules,
    )
    assert event.request == statement.request_id


# --- quarrels -------------------------------------------------------------------------------------------------------


def last(ledger: Ledger, decision: Decision, expected: Decision) -> Event:
    """What was recorded, of an act that was decided so."""
    assert decision == expected
    return ledger.events[-1]


def test_another_wallet_is_pinned_at_once_with_everything_an_owner_has() -> None:
    ledger = guarded()
    event = last(ledger, quarrels.rotate(ledger, 1, "WC"), YES)
    assert event == WalletRotated(
        at=ledger.at,
        request=event.request,
        device=thumbprint(1),
        approval=approval_of(event.request),
        evidence=("C", "D", "W"),
        wallet=wallet(NEW_WALLET),
    )


def test_another_wallet_without_a_code_waits_and_is_pinned_by_the_statement_that_asked_for_it() -> None:
    ledger = guarded()
    hold = Hold(Reason.EVIDENCE_HOLD, ledger.at + 3 * DAY)
    begun = last(ledger, quarrels.rotate(ledger, 1), hold)
    assert begun == RotationStarted(
        at=ledger.at,
        request=begun.request,
        device=thumbprint(1),
        approval=approval_of(begun.request),
        evidence=("D", "W"),
        new_wallet=wallet(NEW_WALLET),
        held_until=ledger.at + 3 * DAY,
        expires_at=ledger.at + 10 * DAY,
    )
    ledger.wait(3 * DAY)
    done = last(ledger, quarrels.complete(ledger), Permit(Reason.HOLD_OVER))
    assert done == WalletRotated(
        at=ledger.at,
        request=done.request,
        device=thumbprint(1),
        approval=approval_of(begun.request),
        evidence=("D", "W"),
        wallet=wallet(NEW_WALLET),
    )


def test_a_claim_names_its_new_wallet_and_is_completed_with_it() -> None:
    ledger = quarrels.spoken_for(guarded(), "A", 3)
    begun = last(ledger, quarrels.claim(ledger, 3, "A"), Hold(Reason.EVIDENCE_HOLD, ledger.at + 3 * DAY))
    assert isinstance(begun, RecoveryStarted)
    assert (begun.evidence, begun.new_wallet) == (("A",), wallet(NEW_WALLET))
    ledger.wait(3 * DAY)
    done = last(ledger, quarrels.complete(ledger), Permit(Reason.HOLD_OVER))
    assert isinstance(done, DeviceActivated)
    assert (done.device, done.new_wallet) == (thumbprint(3), wallet(NEW_WALLET))
    assert set(done.revoked) == {thumbprint(1), thumbprint(2)}


def test_a_migration_beside_a_case_of_another_phone_pins_no_wallet() -> None:
    ledger = quarrels.spoken_for(guarded(), "A", 3)
    quarrels.claim(ledger, 3, "A")
    ledger.approve(1, 4)
    ledger.type_migration_code()
    ledger.wait(HOUR)
    event = last(ledger, ledger.activate(4), Permit(Reason.HOLD_OVER))
    assert isinstance(event, DeviceActivated)
    assert (event.device, event.revoked, event.new_wallet) == (thumbprint(4), (), None)


def test_the_first_guardians_and_codes_count_at_once_and_others_wait() -> None:
    ledger = opened()
    event = last(ledger, quarrels.protect(ledger, 1, friends(), CODE), YES)
    assert event == ProtectionChanged(
        at=ledger.at,
        request=event.request,
        device=thumbprint(1),
        approval=approval_of(event.request),
        guardians=friends(),
        code_keys=code_keys(CODE),
    )
    hold = Hold(Reason.PROTECTION_HOLD, ledger.at + 3 * DAY)
    other = last(ledger, quarrels.protect(ledger, 1, None, OTHER_CODE), hold)
    assert other == ProtectionHeld(
        at=ledger.at,
        request=other.request,
        device=thumbprint(1),
        approval=approval_of(other.request),
        guardians=None,
        code_keys=code_keys(OTHER_CODE),
        held_until=ledger.at + 3 * DAY,
    )


def test_the_wallet_alone_freezes_for_a_day() -> None:
    ledger = guarded()
    event = last(ledger, quarrels.freeze(ledger), Permit(Reason.FROZEN))
    assert event == AccountFrozen(ledger.at, event.request, by=thumbprint(quarrels.STRANGER), until=ledger.at + DAY)
    thawed = last(ledger, quarrels.unfreeze(ledger, 1), YES)
    assert thawed == AccountUnfrozen(ledger.at, thawed.request, by=thumbprint(1))


@pytest.mark.parametrize(
    ("by", "letters", "officer", "evidence"),
    [
        (2, "", None, ("D",)),
        (2, "WC", None, ("C", "D", "W")),
        (9, "C", None, ("C",)),
        (9, "W", OFFICERS[0], ("W", "officer")),
        (9, "", OFFICERS[0], ("officer",)),
    ],
)
def test_whoever_else_stops_an_account_is_recorded_with_what_he_showed(
    by: int, letters: str, officer: str | None, evidence: tuple[str, ...]
) -> None:
    ledger = guarded()
    event = last(ledger, quarrels.freeze(ledger, by, letters, officer=officer), Permit(Reason.CONTESTED))
    assert event == AccountContested(ledger.at, event.request, by=thumbprint(by), evidence=evidence)


def test_a_voice_is_recorded_with_the_keys_that_signed_it() -> None:
    ledger = guarded()
    friend = last(ledger, quarrels.vouch(ledger, 91, 3), YES)
    assert friend == SpokenFor(
        at=ledger.at,
        request=friend.request,
        new_device=thumbprint(3),
        letter="G",
        by=wallet(91).address,
        wallet=wallet(91),
        device=thumbprint(91),
        device_key=sec1_text(91),
        until=ledger.at + 7 * DAY,
    )
    officer = last(ledger, quarrels.attest(ledger, OFFICERS[0], 3), YES)
    assert officer == msgspec.structs.replace(
        friend,
        request=officer.request,
        letter="A",
        by=OFFICERS[0],
        wallet=wallet(OFFICE),
        device=thumbprint(OFFICE),
        device_key=sec1_text(OFFICE),
    )


def test_an_objection_says_what_it_stopped() -> None:
    def objected(story: str, by: int, reason: Reason) -> tuple[Event, Digest]:
        ledger = STORIES[story]()
        case = quarrels.case_of(ledger)
        return last(ledger, quarrels.veto(ledger, by), Permit(reason)), case

    event, case = objected("recovery inside its hold", 1, Reason.STOPPED)
    assert event == RecoveryStopped(event.at, event.request, by=thumbprint(1), approval=case)
    event, case = objected("claimed with a code", 2, Reason.CONTESTED)
    assert event == RecoveryContested(event.at, event.request, by=thumbprint(2), approval=case)
    event, case = objected("another wallet waits", 2, Reason.CONTESTED)
    assert event == RecoveryContested(event.at, event.request, by=thumbprint(2), approval=case)
    event, case = objected("claimed with guardians", 1, Reason.DELAYED)
    assert event == RecoveryDelayed(event.at, event.request, by=thumbprint(1), approval=case, delay_s=DAY)
    for story in ("recovery inside its hold", "claimed with a code", "claimed with guardians", "claimed with officers"):
        event, case = objected(story, 3, Reason.STOPPED)
        assert event == RecoveryWithdrawn(event.at, event.request, by=thumbprint(3), approval=case)


def test_an_objection_to_a_newcomer_removes_it_and_one_to_other_codes_keeps_the_present_ones() -> None:
    ledger = STORIES["migration inside its delay"]()
    migration = ledger.now().migration
    assert migration is not None
    event = last(ledger, quarrels.veto(ledger, 1, migration.approval), Permit(Reason.STOPPED))
    assert event == DeviceRevoked(ledger.at, event.request, thumbprint(2), by=thumbprint(1))
    ledger = STORIES["guarded, its codes waiting to be replaced"]()
    waiting = ledger.now().protection
    assert waiting is not None
    event = last(ledger, quarrels.veto(ledger, 2, waiting.approval), Permit(Reason.STOPPED))
    assert event == ProtectionStopped(ledger.at, event.request, by=thumbprint(2), approval=waiting.approval)


def test_a_removed_phone_that_objects_is_recorded_as_back() -> None:
    ledger = guarded()
    ledger.revoke(2, 1)
    removal = ledger.events[-1]
    assert isinstance(removal, DeviceSuspended)
    event = last(ledger, quarrels.veto(ledger, 1, removal.approval), Permit(Reason.CONTESTED))
    assert event == SuspensionObjected(ledger.at, event.request, thumbprint(1))


def test_a_backup_that_works_is_recorded_with_its_digest() -> None:
    ledger = opened()
    event = last(ledger, ledger.submit(quarrels.backup(ledger, 1)), YES)
    assert event == BackupVerified(ledger.at, event.request, thumbprint(1), backup=digest("backup"))
