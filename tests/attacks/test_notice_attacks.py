"""Abuse cases RE-01, RE-14, RE-15 and RE-17 where they are about what an owner hears, over HTTP."""

from __future__ import annotations

from pteri.core import ids, wire
from pteri.core.acts import phone_name
from thieves import guarded_by, second_phone
from world import NEW_WORDS, SimPhone, SimWallet, World

HOUR = 3600
DAY = 24 * HOUR


def heard(phone: SimPhone, kind: str) -> list[wire.NoticeSeen]:
    """What a phone shows of this kind, oldest first."""
    return [notice for notice in reversed(phone.devices().notices) if notice.kind == kind]


def hours_of(notices: list[wire.NoticeSeen], since: int) -> list[float]:
    return [(notice.at - since) / HOUR for notice in notices]


def guarded_by_friends(world: World) -> SimPhone:
    owner = world.enrolled()
    assert owner.protect(guarded_by(world, 1, 2, 3)).decided.status == 200
    return owner


def new_wallet() -> SimWallet:
    return SimWallet(NEW_WORDS)


# --- RE-01: the mnemonic alone -----------------------------------------------------------------------------------


def test_re_01_the_owner_hears_of_it_at_once_after_a_day_after_two_and_an_hour_before_the_end(world: World) -> None:
    owner, thief = world.enrolled(), world.phone("thief's phone")
    assert thief.start_recovery().decided.status == 202
    began = world.clock.at
    for hour in (0, 23, 24, 47, 48, 70, 71):
        world.clock.at = began + hour * HOUR
        told = heard(owner, "RECOVERY_STARTED")
        assert hours_of(told, began) == [due for due in (0, 24, 48, 71) if due <= hour]
        assert [notice.reminder for notice in told] == [False, *[True] * (len(told) - 1)]
        assert {(notice.until, notice.case) for notice in told} == {(began + 72 * HOUR, owner.open_case())}


def test_re_01_a_claim_that_was_stopped_is_reminded_of_no_more(world: World) -> None:
    owner, thief = world.enrolled(), world.phone("thief's phone")
    thief.start_recovery()
    world.clock.advance(24 * HOUR)
    assert len(heard(owner, "RECOVERY_STARTED")) == 2
    owner.veto()
    world.clock.advance(48 * HOUR)
    assert [notice.reminder for notice in heard(owner, "RECOVERY_STARTED")] == [False]
    assert len(heard(owner, "CLAIM_STOPPED")) == 1


def test_re_01_a_claim_that_an_objection_delays_is_reminded_of_before_its_new_end(world: World) -> None:
    owner = guarded_by_friends(world)
    claimant = world.phone("claimant's phone")
    for number in (1, 2):
        world.guardian(number).vouch(owner.devices().account, claimant)
    assert claimant.claim_account("GW", new_wallet=new_wallet()).decided.status == 202
    began = world.clock.at
    world.clock.advance(12 * HOUR)
    assert owner.veto().decided.status == 200
    world.clock.at = began + 23 * HOUR
    assert hours_of(heard(owner, "RECOVERY_STARTED"), began) == [0]
    world.clock.at = began + 47 * HOUR
    assert hours_of(heard(owner, "RECOVERY_STARTED"), began) == [0, 24, 47]
    assert heard(owner, "RECOVERY_STARTED")[-1].until == began + 48 * HOUR


def test_re_01_another_wallet_and_other_guardians_are_reminded_of_like_a_claim(world: World) -> None:
    owner = guarded_by_friends(world)
    other = second_phone(world, owner)
    world.clock.advance(4 * DAY)
    assert other.rotate(new_wallet()).decided.status == 202
    assert other.protect(None, ()).decided.status == 202
    world.clock.advance(71 * HOUR)
    for kind in ("WALLET_CHANGE_STARTED", "PROTECTION_CHANGE_STARTED"):
        told = heard(owner, kind)
        assert hours_of(told, told[0].at) == [0, 24, 48, 71]


# --- RE-14: a flood ----------------------------------------------------------------------------------------------


def test_re_14_who_claims_and_takes_it_back_all_day_is_one_line_for_the_owner(world: World) -> None:
    owner = world.enrolled()
    for number in range(3):
        thief = world.phone(f"thief's phone {number}")
        assert thief.start_recovery().decided.status == 202
        thief.veto()
        world.clock.advance(HOUR)
    [claimed] = heard(owner, "RECOVERY_STARTED")
    [stopped] = heard(owner, "CLAIM_STOPPED")
    assert (claimed.times, stopped.times) == (3, 3)
    assert (claimed.at, claimed.phone) == (world.clock.at - HOUR, phone_name(ids.thumbprint(thief.thumbprint)))
    world.clock.advance(4 * DAY)
    assert not any(notice.reminder for notice in owner.devices().notices)


def test_re_14_what_comes_again_after_a_day_is_told_again(world: World) -> None:
    owner = world.enrolled()
    for number in range(2):
        thief = world.phone(f"thief's phone {number}")
        thief.start_recovery()
        thief.veto()
        world.clock.advance(DAY)
    assert [notice.times for notice in heard(owner, "RECOVERY_STARTED")] == [1, 1]
