"""Abuse cases RE-01, RE-14, RE-15 and RE-17 where they are about what an owner hears, over HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from dataclasses import replace

from mail import delivered
from pteri.app.forget import forget_old
from pteri.app.fsck import fsck
from pteri.app.linking import freeze_link
from pteri.app.sequence import give_positions
from pteri.core import ids, wire
from pteri.core.acts import phone_name
from pteri.core.ids import TenantId
from pteri.domain.events import FrozenByLink
from pteri.http.admission import Limits
from pteri.http.app import build_app
from pteri.http.ratelimit import Rate
from thieves import assert_denied, guarded_by, history_of, second_phone
from whole import check_whole
from world import NEW_WORDS, ORIGIN, Answered, SimPhone, SimWallet, World

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


# --- RE-17: the link in a mail -----------------------------------------------------------------------------------


def link_in(world: World, address: str = HOME) -> str:
    """Path of the link in the newest letter."""
    delivered(world)
    [link] = [line for line in world.courier.to(address)[-1].text.splitlines() if line.startswith(ORIGIN)]
    return link.removeprefix(ORIGIN)


def browse(world: World, method: str, path: str) -> Answered:
    host = hashlib.sha256(str(next(HOSTS)).encode()).digest()
    return world.run(world.ask(method, path, b"", {}, host=host))


HOSTS = itertools.count()
STOPPED, NOTHING = b"<h1>The account is stopped</h1>", b"<h1>Nothing was changed</h1>"


def claimed(world: World) -> tuple[SimPhone, str]:
    """An owner whose account a thief claims, and the link in the mail about it."""
    owner = world.enrolled()
    owner.warn_at(HOME)
    delivered(world)
    world.phone("thief's phone").start_recovery()
    return owner, link_in(world)


def is_open(owner: SimPhone) -> bool:
    return owner.devices().state == "OPEN"


def test_re_17_looking_at_the_link_does_nothing_and_shows_nothing(world: World) -> None:
    owner, link = claimed(world)
    before = world.rows()
    seen = browse(world, "GET", link)
    assert (seen.status, seen.body) == (200, browse(world, "GET", "/v1/bank/stop-links/anything").body)
    assert world.rows() == before
    account = owner.devices()
    for secret in (account.account, account.wallet, "bank", "alice", HOME, link.rsplit("/", maxsplit=1)[-1]):
        assert secret.encode() not in seen.body
    assert seen.headers["cache-control"] == "no-store"
    assert seen.headers["referrer-policy"] == "no-referrer"
    policy = seen.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith("base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
    assert is_open(owner)


def test_re_17_its_button_stops_the_account_and_what_waits_and_does_so_once(world: World) -> None:
    owner, link = claimed(world)
    began = world.clock.at
    stopped = browse(world, "POST", link)
    assert stopped.status == 200
    assert STOPPED in stopped.body
    seen = owner.devices()
    assert (seen.state, seen.frozen_until) == ("FROZEN", began + DAY)
    assert seen.recovery is not None
    assert seen.recovery.state == "CONTESTED"
    assert "FROZEN_BY_LINK" in {notice.kind for notice in seen.notices}
    world.clock.advance(DAY)
    nothing = browse(world, "POST", link)
    assert NOTHING in nothing.body
    assert is_open(owner)
    world.clock.advance(-DAY)
    prove(world)


def prove(world: World) -> None:
    """What an auditor finds."""

    async def at_once(_: float) -> None:
        """Nobody else is at work here."""

    while world.run(give_positions(world.deployment.store)):
        pass
    world.run(check_whole(world.deployment.store, sequenced=True))
    report = world.run(fsck(world.deployment, pause=at_once, tell=lambda *_: None))
    assert report.findings == ()


def test_re_17_a_link_is_used_once_whatever_comes_at_the_same_moment(world: World) -> None:
    owner, link = claimed(world)

    async def all_of_them() -> list[Answered]:
        return await asyncio.gather(*(world.ask("POST", link, b"", {}, host=bytes([n, 1, 1])) for n in range(8)))

    answers = world.run(all_of_them())
    assert sum(STOPPED in answer.body for answer in answers) == 1
    frozen = [each for each in history_of(world, owner.devices().account) if isinstance(each, FrozenByLink)]
    assert len(frozen) == 1


def test_re_17_two_copies_of_a_letter_have_one_link_to_use(world: World) -> None:
    owner, link = claimed(world)
    address = world.run(world.deployment.store.addresses(TenantId("bank"), owner.devices().account))[0]
    found = world.run(world.deployment.store.notices(TenantId("bank"), owner.devices().account, world.clock.at, 9))
    notices = [notice for notice in found if notice.kind == "RECOVERY_STARTED"]
    copy = freeze_link(world.deployment, address, notices, world.clock.at).removeprefix(ORIGIN)
    assert copy != link
    assert STOPPED in browse(world, "POST", copy).body
    world.clock.advance(DAY)
    assert NOTHING in browse(world, "POST", link).body


def test_re_17_a_wrong_a_used_and_an_old_link_are_one_answer(world: World) -> None:
    owner, link = claimed(world)
    token = link.rsplit("/", maxsplit=1)[-1]
    shop = link.replace("/bank/", "/shop/")
    touched = [link[:-6] + ("A" if link[-6] != "A" else "B") + link[-5:], link + "A", link[:-4], shop]
    wrong = [f"/v1/bank/stop-links/{text}" for text in ("x", "A" * 120, "A" * 1000, ids.to_base64url(bytes(90)))]
    answers = {browse(world, "POST", path).body for path in (*touched, *wrong)}
    assert len(answers) == 1
    assert is_open(owner)
    world.clock.advance(72 * HOUR)
    answers.add(browse(world, "POST", link).body)
    assert len(answers) == 1
    assert is_open(owner)
    assert token not in repr(world.rows())


def test_re_17_where_nothing_waits_a_link_lives_seven_days(world: World) -> None:
    owner = world.enrolled()
    owner.warn_at(HOME)
    link = link_in(world)
    world.clock.advance(7 * DAY - 1)
    assert STOPPED in browse(world, "POST", link).body
    world.clock.advance(2 * DAY)
    owner.warn_at(HOME)
    link = link_in(world)
    world.clock.advance(7 * DAY)
    assert NOTHING in browse(world, "POST", link).body


def test_re_17_who_reads_the_mail_stops_the_account_twice_in_a_week_and_shares_that_with_the_wallet(
    world: World,
) -> None:
    owner = world.enrolled()
    stopped = []
    for _ in range(4):
        owner.warn_at(HOME)
        stopped.append(STOPPED in browse(world, "POST", link_in(world)).body)
        world.clock.advance(DAY)
    assert stopped == [True, True, False, False]
    elsewhere = world.phone("elsewhere")
    assert elsewhere.stop().decided.code == "FREEZES_SPENT"
    assert is_open(owner)


def test_re_17_a_link_never_stops_a_claim_of_guardians(world: World) -> None:
    owner = guarded_by_friends(world)
    owner.warn_at(HOME)
    claimant = world.phone("claimant's phone")
    for number in (1, 2):
        world.guardian(number).vouch(owner.devices().account, claimant)
    claimant.claim_account("GW", new_wallet=new_wallet())
    assert STOPPED in browse(world, "POST", link_in(world)).body
    world.clock.advance(24 * HOUR)
    assert claimant.activate().decided.status == 200


def test_re_17_a_link_ends_a_change_of_addresses_and_forgets_the_thiefs(world: World) -> None:
    owner = world.enrolled()
    owner.warn_at(HOME)
    world.clock.advance(DAY)
    owner.warn_at(THIEFS)
    assert STOPPED in browse(world, "POST", link_in(world)).body
    assert (owner.channels().addresses, owner.channels().waiting) == (("a...@mail.example",), None)
    world.clock.advance(1)
    world.run(forget_old(world.deployment, world.clock.at))
    assert len(world.rows()["addresses"]) == 1


def test_re_17_a_link_opens_nothing_that_is_closed(world: World) -> None:
    owner, link = claimed(world)
    assert owner.freeze().decided.status == 200
    assert owner.devices().state == "CONTESTED"
    assert NOTHING in browse(world, "POST", link).body
    assert owner.devices().state == "CONTESTED"


def test_re_17_one_network_tries_twenty_links_an_hour(world: World) -> None:
    async def tries() -> list[int]:
        return [(await world.ask("POST", "/v1/bank/stop-links/x", b"", {}, host=b"\1\2\3")).status for _ in range(21)]

    assert world.run(tries()) == [200] * 20 + [429]
    # Looking is free.
    assert world.run(world.ask("GET", "/v1/bank/stop-links/x", b"", {}, host=b"\1\2\3")).status == 200
