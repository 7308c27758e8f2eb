"""Abuse cases RE-01, RE-14, RE-15 and RE-17 where they are about what an owner hears, over HTTP."""

from __future__ import annotations

from dataclasses import replace

from pteri.app.forget import forget_old
from pteri.core import ids, wire
from pteri.core.acts import phone_name
from pteri.http.admission import Limits
from pteri.http.app import build_app
from pteri.http.ratelimit import Rate
from thieves import assert_denied, guarded_by, second_phone
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


# --- RE-15: another address, then the account --------------------------------------------------------------------

HOME, THIEFS = "alice@mail.example", "mallory@thief.example"


def test_re_15_who_takes_the_owners_address_away_waits_three_days_in_which_it_hears_everything(world: World) -> None:
    owner = world.enrolled()
    assert owner.warn_at(HOME).decided.status == 200
    world.clock.advance(DAY)
    began = world.clock.at
    changed = owner.warn_at(THIEFS).decided
    assert (changed.status, changed.as_(wire.Decided).until) == (202, began + 3 * DAY)
    [told] = heard(owner, "CHANNELS_CHANGE_STARTED")
    assert (told.until, told.case) == (began + 3 * DAY, owner.channels().case)
    world.clock.advance(3 * DAY - 1)
    seen = owner.channels()
    assert (seen.addresses, seen.waiting) == (("a...@mail.example",), ("m...@thief.example",))
    assert hours_of(heard(owner, "CHANNELS_CHANGE_STARTED"), began) == [0, 24, 48, 71]
    world.clock.advance(1)
    seen = owner.channels()
    assert (seen.addresses, seen.waiting) == (("m...@thief.example",), None)


def test_re_15_the_owner_stops_it_from_any_phone_and_the_thiefs_address_is_forgotten(world: World) -> None:
    owner = world.enrolled()
    owner.warn_at(HOME)
    other = second_phone(world, owner)
    owner.warn_at(THIEFS)
    case = other.channels().case
    assert case is not None
    assert other.veto(case).decided.status == 200
    assert owner.channels() == other.channels()
    assert (owner.channels().addresses, owner.channels().waiting) == (("a...@mail.example",), None)
    world.clock.advance(1)
    world.run(forget_old(world.deployment, world.clock.at))
    assert len(world.rows()["addresses"]) == 1


def test_re_15_an_address_that_comes_besides_is_told_of_and_takes_nothing_away(world: World) -> None:
    owner = world.enrolled()
    owner.warn_at(HOME)
    assert owner.warn_at(HOME, THIEFS).decided.status == 200
    assert owner.channels().addresses in {
        ("a...@mail.example", "m...@thief.example"),
        ("m...@thief.example", "a...@mail.example"),
    }
    assert [notice.times for notice in heard(owner, "CHANNELS_CHANGED")] == [1, 1]


def test_re_15_a_phone_that_waits_hears_no_address_and_sets_none(world: World) -> None:
    owner, thief = world.enrolled(), world.phone("thief's phone")
    owner.warn_at(HOME)
    thief.start_recovery()
    assert_denied(thief.post("/channels", wire.Nothing()), thief.start_channels(THIEFS))
    seen = thief.devices()
    assert (seen.channels, seen.channel_change) == (0, None)


def test_re_15_no_address_stands_in_the_clear_anywhere(world: World) -> None:
    owner = world.enrolled()
    owner.warn_at(HOME, "bob@work.example")
    owner.warn_at(THIEFS)
    for name, content in world.stolen().items():
        for part in (b"mail.example", b"work.example", b"thief.example", b"alice@", b"mallory"):
            # The login is a keyed hash, too.
            assert part not in content, name


def test_re_15_a_service_that_sends_no_mail_takes_no_address(world: World) -> None:
    owner = world.enrolled()
    world.deployment = replace(world.deployment, courier=None)
    world.app = build_app(world.deployment, version="0", limits=Limits(rate=Rate("tests", 1_000_000, 1.0)))
    assert (owner.start_channels(HOME).status, owner.start_channels(HOME).code) == (403, "NOT_OFFERED")
    assert owner.start_channels().status == 201


def test_re_15_what_is_no_plain_address_is_refused_before_anything_is_asked(world: World) -> None:
    owner = world.enrolled()
    for wrong in ("alice@mail", "alice@mail.example\r\nBcc: x@thief.example", "Alice@mail.example", ""):
        assert owner.start_channels(wrong).status == 400
    assert owner.start_channels(HOME, HOME).status == 400
    assert owner.start_channels(*(f"a{number}@mail.example" for number in range(5))).status == 400
