"""When an answer is lost, a person changes her mind, or time runs out half-way."""

from __future__ import annotations

from pathlib import Path

import pytest

from pteri.core import wire
from pteri.core.httpsig import SignedRequest
from pteri.domain.facts import LineStatus
from pteri.domain.rules import rules_from
from world import Answered, Browser, SimPhone, World, with_act

MINUTE, HOUR, DAY = 60, 3600, 86_400


def kinds(phone: SimPhone) -> list[str]:
    return [notice.kind for notice in phone.devices().notices]


def states(phone: SimPhone) -> dict[str, str]:
    return {seen.thumbprint: seen.state for seen in phone.devices().phones}


def two_phones(world: World) -> tuple[SimPhone, SimPhone]:
    """Both verified, both past their probation."""
    old, new = world.enrolled(), world.phone("second phone")
    old.approve_offer(new.offer(), revoke_old=False)
    world.clock.advance(HOUR)
    assert new.activate().decided.status == 200
    world.clock.advance(3 * DAY)
    return old, new


def waiting_phone(world: World, old: SimPhone) -> SimPhone:
    """A new phone that may accept now."""
    new = world.phone("new phone")
    old.approve_offer(new.offer(), revoke_old=True)
    world.clock.advance(HOUR)
    return new


# --- the answer was lost --------------------------------------------------------------------------------------------


def repeated(world: World, request: SignedRequest, times: int = 5) -> set[tuple[int, bytes]]:
    answers: list[Answered] = [world.send(request) for _ in range(times)]
    return {(answer.status, answer.body) for answer in answers}


def test_an_acceptance_whose_answer_was_lost_is_answered_again_and_has_one_effect(world: World) -> None:
    old = world.enrolled()
    new = waiting_phone(world, old)
    shown = new.activate()
    epoch = new.devices().epoch
    assert repeated(world, shown.request) == {(200, shown.decided.body)}
    assert new.devices().epoch == epoch
    assert "WALLET_WITHOUT_PHONE" not in kinds(new)


def test_a_phone_that_removed_itself_hears_so_as_often_as_it_asks(world: World) -> None:
    old, new = two_phones(world)
    shown = old.revoke(old.thumbprint)
    epoch = new.devices().epoch
    assert repeated(world, shown.request) == {(200, shown.decided.body)}
    assert new.devices().epoch == epoch
    assert "WALLET_WITHOUT_PHONE" not in kinds(new)


def test_a_claim_whose_answer_was_lost_is_answered_again_and_opens_one_case(world: World) -> None:
    old, new = world.enrolled(), world.phone("new phone")
    shown = new.start_recovery()
    assert repeated(world, shown.request) == {(202, shown.decided.body)}
    assert kinds(old).count("RECOVERY_STARTED") == 1
    assert "WALLET_WITHOUT_PHONE" not in kinds(old)


def test_a_first_answer_is_for_the_same_request_of_the_same_phone_only(world: World) -> None:
    old = world.enrolled()
    new = waiting_phone(world, old)
    shown = new.activate()
    key = shown.request.idempotency_key
    other_body = new.request_to(f"/challenges/{shown.statement.request_id}/response", b"{}", idempotency_key=key)
    assert world.send(other_body).status == 400
    other_payload = new.response(shown.statement, idempotency_key=key)
    assert world.send(other_payload).status == 200
    thief = world.phone("thief's phone")
    assert world.send(thief.response(shown.statement, idempotency_key=key)).status == 401


def test_an_acceptance_that_comes_again_as_another_request_is_too_late(world: World) -> None:
    old = world.enrolled()
    new = waiting_phone(world, old)
    shown = new.activate()
    again = world.send(new.response(shown.statement))
    assert (again.status, again.code) == (409, "CHALLENGE_CONSUMED")


# --- time runs out --------------------------------------------------------------------------------------------------


def test_a_migration_that_nobody_accepts_makes_way_for_another_one_a_day_after_its_hold(world: World) -> None:
    old, new, other = world.enrolled(), world.phone("new phone"), world.phone("another new phone")
    old.approve_offer(new.offer())
    world.clock.advance(25 * HOUR - 1)
    assert old.start_migration(other.offer()).code == "MIGRATION_OPEN"
    world.clock.advance(1)
    assert new.start_activation().status in {401, 403}
    assert old.approve_offer(other.offer()).decided.status == 202
    assert states(old) == {old.thumbprint: "ACTIVE", new.thumbprint: "DROPPED", other.thumbprint: "PENDING"}


def test_a_new_phone_accepts_until_the_last_second_of_its_day(world: World) -> None:
    old, new = world.enrolled(), world.phone("new phone")
    old.approve_offer(new.offer(), revoke_old=True)
    seen = new.devices().migration
    assert seen is not None
    assert seen.expires_at == seen.held_until + DAY
    world.clock.advance(25 * HOUR - 1)
    assert new.activate().decided.status == 200


# --- somebody changes her mind --------------------------------------------------------------------------------------


def test_removing_a_stolen_phone_also_ends_what_it_approved(world: World) -> None:
    stolen, mine = two_phones(world)
    thief = world.phone("thief's phone")
    stolen.approve_offer(thief.offer(), revoke_old=False)
    assert mine.revoke(stolen.thumbprint).decided.status == 200
    world.clock.advance(HOUR)
    assert thief.start_activation().status in {401, 403}
    expected = {stolen.thumbprint: "SUSPENDED", mine.thumbprint: "ACTIVE", thief.thumbprint: "DROPPED"}
    assert states(mine) == expected


def test_an_approval_dies_also_while_the_new_phone_is_already_signing(world: World) -> None:
    stolen, mine = two_phones(world)
    thief = world.phone("thief's phone")
    stolen.approve_offer(thief.offer(), revoke_old=False)
    world.clock.advance(HOUR)
    statement = thief.start_activation().as_(wire.Claimed).statement
    assert mine.revoke(stolen.thumbprint).decided.status == 200
    assert thief.answer(statement).decided.status == 401


def test_removing_a_phone_twice_does_not_cut_its_suspension_short(world: World) -> None:
    old, new = two_phones(world)
    new.revoke(old.thumbprint)
    again = new.revoke(old.thumbprint).decided
    assert (again.status, again.code) == (403, "HELD")
    assert states(new)[old.thumbprint] == "SUSPENDED"
    world.clock.advance(DAY)
    assert states(new)[old.thumbprint] == "REVOKED"
    gone = new.revoke(old.thumbprint).decided
    assert (gone.status, gone.code) == (403, "UNKNOWN_TARGET")


def test_after_a_claim_was_stopped_the_wallet_alone_waits_a_month(world: World) -> None:
    old, thief, again = world.enrolled(), world.phone("thief's phone"), world.phone("thief's other phone")
    thief.start_recovery()
    assert old.veto().decided.status == 200
    refused = again.start_recovery().decided
    assert (refused.status, refused.code) == (403, "RECOVERY_STOPPED")
    world.clock.advance(30 * DAY)
    assert again.start_recovery().decided.status == 202


# --- a phone that was there before ----------------------------------------------------------------------------------


def test_a_removed_phone_hears_that_it_needs_a_new_key(world: World) -> None:
    old, new = two_phones(world)
    old.revoke(old.thumbprint)
    told = old.set_up_codes().decided
    assert (told.status, told.code) == (403, "DEVICE_TOMBSTONED")
    assert new.devices().recovery is None


def test_a_verified_phone_cannot_claim_its_own_account(world: World) -> None:
    phone = world.enrolled()
    told = phone.start_recovery().decided
    assert (told.status, told.code) == (403, "DEVICE_TOMBSTONED")
    assert states(phone) == {phone.thumbprint: "ACTIVE"}
    assert "WALLET_WITHOUT_PHONE" not in kinds(phone)


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def strict(tmp_path: Path) -> World:
    """A service that lets one change a day happen."""
    return World(tmp_path, rules=rules_from({"authority_changes_per_day": 1}))


def test_a_day_that_is_used_up_keeps_nobody_from_removing_a_thief(strict: World) -> None:
    old, thief, other = strict.enrolled(), strict.phone("thief's phone"), strict.phone("another phone")
    assert old.approve_offer(thief.offer()).decided.status == 202
    assert old.revoke(thief.thumbprint).decided.status == 200
    assert old.approve_offer(other.offer()).decided.status == 429


def test_a_thief_who_is_held_off_again_and_again_does_not_use_up_the_owners_day(tmp_path: Path) -> None:
    world = World(tmp_path, rules=rules_from({"authority_changes_per_day": 1}), line=LineStatus.CONTINUOUS)
    old, thief, other = world.enrolled(), world.phone("thief's phone"), world.phone("another phone")
    assert thief.start_recovery().decided.status == 202
    world.clock.advance(72 * 3600)
    assert world.operator is not None
    world.operator.status_now = LineStatus.CHANGED
    for _ in range(3):
        held = thief.activate().decided
        assert (held.status, held.code) == (403, "HELD")
    assert old.approve_offer(other.offer()).decided.status == 202


def test_a_thief_with_the_wallet_alone_is_told_of_once_a_day_however_often_he_tries(world: World) -> None:
    phone, thief = world.enrolled(), world.phone("thief's phone")
    for number in range(6):
        started = world.site().start_sign_in("alice@example.com", Browser(f"thief {number}"))
        statement = phone.claim(started.id).as_(wire.Claimed).statement
        as_thief = thief.response(with_act(statement, device=thief.thumbprint))
        assert world.send(as_thief).status == 401
    assert kinds(phone).count("WALLET_WITHOUT_PHONE") == 1
