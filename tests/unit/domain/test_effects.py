from __future__ import annotations

import pytest

from builders import digest, phone, sec1_text, thumbprint
from ledger import DAY, HOUR, MINUTE, Ledger, approval_of, opened
from pteri.core.acts import StatementAct
from pteri.domain.decisions import Decision, Hold, Permit, Reason, Refuse
from pteri.domain.effects import effects
from pteri.domain.events import (
    ActHeld,
    ActRefused,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    MigrationApproved,
    RecoveryStarted,
)
from pteri.domain.tables import IllegalTransition
from stories import STORIES, acts_on, grown

YES = Permit(Reason.BOTH_KEYS)


def effects_of(ledger: Ledger, act: StatementAct, decision: Decision, *, newcomer: int = 9) -> tuple[Event, ...]:
    statement = ledger.statement(act)
    return effects(
        statement,
        approval_of(statement.request_id),
        decision,
        account=ledger.settled()[0],
        newcomer_key=phone(newcomer).sec1,
        rules=ledger.rules,
        at=ledger.at,
    )


def test_a_refusal_is_recorded_with_its_reason_whatever_was_asked() -> None:
    ledger = grown()
    for act, _ in acts_on(ledger):
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
    for act, _ in acts_on(ledger):
        [event] = effects_of(ledger, act, hold)
        if act.purpose in {"migrate", "recover"}:
            assert isinstance(event, MigrationApproved | RecoveryStarted)
            assert event.held_until == hold.until
        else:
            assert isinstance(event, ActHeld)
            assert (event.purpose, event.device, event.reason) == (act.purpose, act.device, hold.reason)
            assert event.until == hold.until


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
    acts = [tried for tried, _ in acts_on(ledger) if tried.purpose == purpose]
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
        ledger.at, other.request, thumbprint(2), by=thumbprint(1), revoke_at=ledger.at + DAY
    )


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
    for act, newcomer in acts_on(STORIES[story]()):
        ledger = STORIES[story]()
        before = ledger.settled()[0]
        decision = ledger.submit(act, newcomer=newcomer)
        assert ledger.now().epoch <= before.epoch + 1
        if not isinstance(decision, Permit) and act.purpose not in {"migrate", "recover"}:
            assert ledger.settled()[0].devices == before.devices


def test_an_event_names_the_statement_that_led_to_it() -> None:
    ledger = grown()
    statement = ledger.statement(ledger.removal(1, 2))
    [event] = effects(
        statement,
        digest("statement"),
        YES,
        account=ledger.now(),
        newcomer_key=b"",
        rules=ledger.rules,
        at=ledger.at,
    )
    assert event.request == statement.request_id
