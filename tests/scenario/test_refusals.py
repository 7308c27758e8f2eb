"""Every "no" as the one who hears it: half a proof, a proof for something else, a phone that is gone, a repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from cProfile import Profile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pteri.core import ids, wire
from pteri.core.acts import ACTS
from pteri.core.httpsig import SignedRequest
from pteri.core.keys.message import SignatureType
from pteri.core.log.page import AnchorAsked, LogAsked
from pteri.core.verify import WalletSignature
from pteri.http.app import service_routes
from pteri.http.routing import Auth
from thieves import (
    EMAIL,
    HOUR,
    Stand,
    accepting,
    account_of,
    as_purpose,
    assert_denied,
    before,
    binding,
    digest,
    is_untouched,
    migrating,
    recovering,
    refusal,
    second_phone,
    setting_up,
    signing_in,
    standing,
    told,
    type_code,
    with_device_rs,
)
from world import MALLORY_WORDS, Answered, Browser, Key, SimPhone, SimWallet, World, with_act

PURPOSES = sorted(ACTS)
DAY = 24 * HOUR


# --- half a proof, or a proof of something else --------------------------------------------------------------------


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_wallet_signature_alone_is_denied(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    request = stand.request(stand.payload(stand.statement))
    stranger = Stand(world, world.phone("a stranger"), stand.statement, stand.enrolment)
    assert_denied(
        world.send(with_device_rs(request, bytes(64))),
        world.send(with_device_rs(request, b"\x11" * 64)),
        stranger.submit(stand.payload(stand.statement)),
    )
    assert is_untouched(stand)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_device_signature_alone_is_denied(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    assert_denied(*stand.submit_signed_over(stand.statement, wallet=world.phone("x", MALLORY_WORDS).wallet))
    assert is_untouched(stand)


ANOTHER: dict[str, Callable[[Stand], Any]] = {
    "purpose": lambda stand: as_purpose(stand.statement, "migrate"),
    "domain": lambda stand: msgspec.structs.replace(stand.statement, domain=ids.domain("evil.example")),
    "account": lambda stand: with_act(stand.statement, account="acct_5X3N8J2K7Q4M"),
    "epoch before": lambda stand: with_act(stand.statement, epoch=0),
    "epoch after": lambda stand: with_act(stand.statement, epoch=2),
    "nonce": lambda stand: msgspec.structs.replace(stand.statement, nonce=ids.nonce("0" * 32)),
    "session": lambda stand: with_act(stand.statement, session=digest("the thief's session")),
    "phone": lambda stand: with_act(stand.statement, device=digest("another phone")),
    "number": lambda stand: with_act(stand.statement, code=f"{(int(stand.statement.act.code) + 1) % 100:02d}"),  # type: ignore[union-attr]  # a sign-in has one
    "request": lambda stand: msgspec.structs.replace(stand.statement, request_id=ids.request_id("lgn_2Y7K4M9QWZ3T")),
}


@pytest.mark.parametrize("thing", ANOTHER)
def test_a_right_pair_of_signatures_for_another_thing_is_denied(world: World, thing: str) -> None:
    stand = signing_in(world, world.enrolled())
    assert_denied(*stand.submit_signed_over(ANOTHER[thing](stand)))
    assert is_untouched(stand)
    assert stand.honest().status == 200


def test_the_pair_of_one_account_opens_no_other(world: World) -> None:
    alice = signing_in(world, world.enrolled())
    mallory = world.enrolled("mallory's phone", "mallory@example.com", words=MALLORY_WORDS)
    own = Stand(world, mallory, with_act(alice.statement, device=mallory.thumbprint))
    assert_denied(mallory.claim(alice.statement.request_id), own.honest(), own.submit(own.payload(alice.statement)))
    assert is_untouched(alice)


def test_an_enrolment_where_none_is_wanted_is_denied(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    assert_denied(
        stand.submit(stand.payload(stand.statement, enrolment=stand.phone.enrolment())),
        stand.phone.claim(stand.statement.request_id, enrolment=stand.phone.enrolment()),
    )
    bind = binding(world, world.phone("phone", MALLORY_WORDS), "mallory@example.com")
    assert_denied(
        bind.submit(bind.payload(bind.statement, enrolment=None)), bind.phone.claim(bind.statement.request_id)
    )


def test_what_does_not_exist_is_not_found_whoever_asks(world: World) -> None:
    phone, stranger, site = world.enrolled(), world.phone("a stranger"), world.site()
    answers = [asker.claim("lgn_2Y7K4M9QWZ3T") for asker in (phone, stranger)]
    answers += [
        site.enter_code("bindings", "bnd_2Y7K4M9QWZ3T", "12345678", Browser("desk")),
        site.call("GET", "/bindings/bnd_2Y7K4M9QWZ3T"),
        site.call("GET", "/logins/lgn_2Y7K4M9QWZ3T"),  # its second is long ago
    ]
    assert [refusal(answer) for answer in answers] == [(404, "NOT_FOUND")] * 5
    assert len({str(told(answer)) for answer in answers}) == 1


def test_a_sign_in_that_nobody_answered_looks_like_one_that_never_was(world: World) -> None:
    """The service keeps nothing of either."""
    site, browser = world.site(), Browser("desk")
    world.enrolled()
    begun = site.start_sign_in(EMAIL, browser, prompt=False).id
    invented = ids.new_request_id("lgn", world.clock.now(), bytes(12))
    looks = [site.call("GET", f"/logins/{request}").json | {"id": ""} for request in (begun, invented)]
    assert looks[0] == looks[1]
    assert_denied(*(site.enter_code("logins", request, "12345678", browser) for request in (begun, invented)))


# --- a phone that is gone ------------------------------------------------------------------------------------------


def every_route(world: World, thief: SimPhone, stand: Stand, set_up: Stand) -> dict[str, Callable[[], Answered]]:
    """One honest request of ``thief`` for each route that phones have."""
    challenge = stand.statement.request_id
    return {
        "/challenges/{id}/claim": lambda: thief.claim(challenge),
        "/challenges/{id}/response": lambda: Stand(world, thief, stand.statement).honest(),
        "/prompts": lambda: thief.post("/prompts", wire.Nothing()),
        "/devices": lambda: thief.post("/devices", wire.Nothing()),
        "/migrations": lambda: thief.start_migration(world.phone("accomplice").offer()),
        "/activations": thief.start_activation,
        "/recoveries": lambda: thief.post("/recoveries", wire.StartRecovery(set_up.statement.request_id, "12345678")),
        "/revocations": lambda: thief.start_revocation(thief.thumbprint),
        "/vetoes": lambda: thief.start_veto(digest("what waits")),
        "/rotations": lambda: thief.start_rotation(SimWallet(MALLORY_WORDS)),
        "/protections": thief.start_protection,
        "/freezes": thief.start_freeze,
        "/unfreezes": lambda: thief.start_unfreeze(Key("a guess")),
        "/backup-checks": lambda: thief.start_backup_check(digest("a backup")),
        "/offline-codes": lambda: thief.post(
            "/offline-codes", wire.PrepareOfflineCodes(digest("end"), stand.statement.issued_at, 30, 2880)
        ),
        "/line-changes": thief.start_rebinding,
        "/chip-challenges": lambda: thief.post("/chip-challenges", wire.Nothing()),
        "/line-moves": lambda: thief.start_announcement(thief.thumbprint),
        "/line-proofs": thief.prove_line,
        "/channels": lambda: thief.post("/channels", wire.Nothing()),
        "/log": lambda: thief.post("/log", LogAsked()),
        "/anchors": lambda: thief.post("/anchors", AnchorAsked(1)),
        "/channel-changes": lambda: thief.start_channels("mallory@evil.example"),
        "/attestations": lambda: thief.start_attest(account_of(stand), thief),
    }


OPEN_TO_STRANGERS = {"/code-setups", "/stops", "/vouchers"}


def phone_routes(world: World) -> set[str]:
    prefix = "/v1/{tenant}"
    return {
        route.path.removeprefix(prefix)
        for route in service_routes(world.deployment, version="0")
        if route.auth is Auth.DEVICE
    }


@pytest.mark.parametrize("later_s", [0, 25 * HOUR, 1000 * HOUR])
@pytest.mark.parametrize("by_itself", [False, True])
def test_a_removed_phone_can_do_nothing_though_the_wallet_is_right(world: World, later_s: int, by_itself: bool) -> None:
    old = world.enrolled()
    gone = second_phone(world, old)
    assert (gone if by_itself else old).revoke(gone.thumbprint).decided.status == 200
    world.clock.advance(later_s)
    stand = signing_in(world, old)
    named = Stand(world, gone, with_act(stand.statement, device=gone.thumbprint))
    set_up = setting_up(world, gone)
    routes = every_route(world, gone, named, set_up)
    # The routes for strangers are open to this one, too: they answer the same whoever asks.
    assert routes.keys() | OPEN_TO_STRANGERS == phone_routes(world)
    if later_s == 0 and not by_itself:
        # Until its removal is final it may see what was done to it, and object.
        routes = {route: ask for route, ask in routes.items() if route not in {"/devices", "/vetoes"}}
    assert_denied(*(ask() for ask in routes.values()))
    assert refusal(set_up.honest()) == (403, "DEVICE_TOMBSTONED")
    assert is_untouched(stand)
    assert stand.honest().status == 200


def test_a_stranger_hears_what_a_removed_phone_hears(world: World) -> None:
    old = world.enrolled()
    gone, stranger = second_phone(world, old), world.phone("a stranger")
    stand = signing_in(world, old)
    gone.revoke(gone.thumbprint)
    set_ups = [setting_up(world, phone) for phone in (gone, stranger)]
    heard = [
        {route: told(ask()) for route, ask in every_route(world, phone, stand, set_up).items()}
        for phone, set_up in zip((gone, stranger), set_ups, strict=True)
    ]
    assert heard[0] == heard[1]


def test_what_a_stolen_phone_approved_goes_with_it(world: World) -> None:
    """The thief lets his own phone in; the owner removes the stolen phone, and need not know of the other one."""
    stolen = world.enrolled()
    mine = second_phone(world, stolen)
    world.clock.advance(73 * HOUR)
    thief = world.phone("thief's phone")
    assert stolen.approve_offer(thief.offer(), revoke_old=False).decided.status == 202
    assert mine.revoke(stolen.thumbprint).decided.status == 200
    world.clock.advance(2 * HOUR)
    assert_denied(thief.start_activation(), thief.post("/devices", wire.Nothing()))
    states = {str(phone.thumbprint): phone.state for phone in mine.devices().phones}
    assert states == {stolen.thumbprint: "SUSPENDED", mine.thumbprint: "ACTIVE", thief.thumbprint: "DROPPED"}


def test_a_stolen_phone_that_used_up_the_day_can_still_be_removed(world: World) -> None:
    stolen = world.enrolled()
    mine = second_phone(world, stolen)
    world.clock.advance(73 * HOUR)
    for number in range(30):
        thief = world.phone(f"thief's phone {number}")
        approved = migrating(world, stolen, thief).honest()
        if approved.status == 429:
            break
        assert stolen.revoke(thief.thumbprint).decided.status == 200
    assert refusal(approved) == (429, "SLOW_DOWN")
    assert mine.revoke(stolen.thumbprint).decided.status == 200


# --- a stolen mnemonic ---------------------------------------------------------------------------------------------


def test_a_stolen_mnemonic_alone_registers_nothing_before_the_hold(world: World) -> None:
    old, thief = world.enrolled(), world.phone("thief's phone")
    claimed = thief.start_recovery().decided.as_(wire.Decided)
    assert claimed.until == world.clock.now() + 3 * DAY
    for _ in range(6):
        assert refusal(thief.start_activation()) == (403, "HELD")
        stand = signing_in(world, old)
        as_thief = Stand(world, thief, with_act(stand.statement, device=thief.thumbprint))
        assert_denied(
            thief.claim(stand.statement.request_id),
            as_thief.honest(),
            thief.post("/prompts", wire.Nothing()),
            thief.start_migration(world.phone("accomplice").offer()),
            thief.start_revocation(old.thumbprint),
            thief.start_revocation(thief.thumbprint),
        )
        assert {phone.thumbprint: phone.state for phone in old.devices().phones} == {
            old.thumbprint: "ACTIVE",
            thief.thumbprint: "PENDING",
        }
        world.clock.advance(DAY // 2 - 1)
    assert "RECOVERY_STARTED" in {notice.kind for notice in old.devices().notices}
    assert old.veto().decided.status == 200
    world.clock.advance(DAY)
    assert_denied(thief.start_activation())


def test_a_stolen_mnemonic_learns_nothing_of_the_owners_phones_while_it_waits(world: World) -> None:
    old, thief = world.enrolled(), world.phone("thief's phone")
    thief.start_recovery()
    seen = thief.devices()
    assert [phone.thumbprint for phone in seen.phones] == [thief.thumbprint]
    assert (seen.migration, seen.notices) == (None, ())
    assert seen.recovery is not None
    assert len(old.devices().phones) == 2


def test_nobody_can_tell_a_linked_wallet_from_one_that_is_not_without_holding_it(world: World) -> None:
    world.enrolled()
    stranger, unknown = world.phone("a stranger"), world.phone("another stranger", MALLORY_WORDS)
    stands = [setting_up(world, asker) for asker in (stranger, unknown, unknown)]
    for stand in stands:
        assert refusal(world.send(stand.request(stand.payload(stand.statement, statement_sha256=digest("x"))))) == (
            401,
            "DENIED",
        )
    known, decoy, again = (stand.statement.act for stand in stands)
    assert [len(act.account) for act in (known, decoy)] == [25, 25]
    # A decoy is the same whenever it is asked for, as an account is.
    assert (decoy.account, decoy.epoch) == (again.account, again.epoch)
    # Whoever holds the other wallet learns no more: there is no account to set codes up for.
    assert_denied(stands[1].honest())


def work_of(world: World, stand: Stand) -> Counter[str]:
    """Which of the dear steps a wrong wallet signature costs the service, and how often."""
    other = world.phone("another wallet", MALLORY_WORDS, index=3).wallet
    wrong = WalletSignature(SignatureType.P2PKH, other.sign(stand.statement.encode()))
    request = stand.request(stand.payload(stand.statement, wallet_signature=wrong))
    profile = Profile()
    assert_denied(profile.runcall(world.send, request))
    profile.create_stats()
    dear = {"from_sec1", "encode", "parse_address", "recover", "verify", "verify_wallet"}
    steps = {(file, name): calls for (file, _, name), (calls, *_) in profile.stats.items() if "/pteri/" in file}
    return Counter({f"{Path(file).name} {name}": calls for (file, name), calls in steps.items() if name in dear})


INTRODUCTIONS: dict[str, Callable[[SimPhone], Answered]] = {
    "to set up codes": SimPhone.start_set_up,
    "to set up codes, as a new wallet": lambda phone: phone.start_set_up(brings=True),
    "to stop the account": SimPhone.start_stop,
    "to stop the account, with a code": lambda phone: phone.start_stop(code=Key("a guess")),
}


@pytest.mark.parametrize("how", INTRODUCTIONS)
def test_the_clock_does_not_tell_a_linked_wallet_from_one_that_is_not(world: World, how: str) -> None:
    world.enrolled()
    known, unknown = (
        standing(world, phone, INTRODUCTIONS[how](phone))
        for phone in (world.phone("a stranger"), world.phone("another stranger", MALLORY_WORDS))
    )
    assert work_of(world, unknown) == work_of(world, known)
    assert work_of(world, known)["secp256k1.py recover"] > 0


def test_a_new_phone_is_told_to_wait_and_gets_nothing_to_sign(world: World) -> None:
    old, new = world.enrolled(), world.phone("new phone")
    old.approve_offer(new.offer())
    assert refusal(new.start_activation()) == (403, "HELD")


def test_what_was_answered_is_not_handed_out_again(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    assert stand.honest().status == 200
    assert_denied(stand.phone.claim(stand.statement.request_id))


def test_a_claim_that_was_stopped_is_not_tried_again_at_once(world: World) -> None:
    old = world.enrolled()
    thief = world.phone("thief's phone")
    thief.start_recovery()
    assert old.veto().decided.status == 200
    for number in range(3):
        again = world.phone(f"thief's next phone {number}").start_recovery()
        assert refusal(again.decided) == (403, "RECOVERY_STOPPED")
    assert old.devices().recovery is not None


def test_the_statement_of_an_activation_cannot_be_had_before_the_hold_and_not_signed_without_it(world: World) -> None:
    world.enrolled()
    thief = world.phone("thief's phone")
    stand = recovering(world, thief)
    assert stand.honest().status == 202
    forged = as_purpose(stand.statement, "accept")
    own = Stand(world, thief, msgspec.structs.replace(forged, request_id=ids.request_id("act_2Y7K4M9QWZ3T")))
    assert refusal(own.honest()) == (404, "NOT_FOUND")
    replayed = Stand(world, thief, forged)
    assert refusal(replayed.honest()) == (409, "CHALLENGE_CONSUMED")
    world.clock.advance(3 * DAY - 1)
    assert refusal(thief.start_activation()) == (403, "HELD")


# --- sent twice ----------------------------------------------------------------------------------------------------


def code_typed(stand: Stand, request: SignedRequest) -> None:
    assert type_code(stand, stand.phone.code_of(request, stand.statement)).status == 200


def moved_on(stand: Stand, request: SignedRequest) -> None:
    """What normally follows this act: the world in which a late repeat arrives."""
    if stand.browser is not None:
        code_typed(stand, request)
    if stand.statement.purpose == "setup-otp":
        code = stand.phone.code_of(request, stand.statement)
        message = wire.StartRecovery(stand.statement.request_id, code)
        claimed = stand.phone.post("/recoveries", message).as_(wire.Claimed)
        assert Stand(stand.world, stand.phone, claimed.statement).honest().status == 202


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_payload_sent_twice_has_one_effect_and_one_answer_byte_for_byte(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    request = stand.request(stand.payload(stand.statement))
    first = world.send(request)
    assert first.status < 300
    account = stand.challenge().account
    assert account is not None
    before_repeat = stand.challenge(), world.run(world.deployment.store.account(ids.tenant_id("bank"), account))
    for _ in range(3):
        world.clock.advance(1)
        again = world.send(request)
        assert (again.status, again.body) == (first.status, first.body)
    after = stand.challenge(), world.run(world.deployment.store.account(ids.tenant_id("bank"), account))
    assert after == before_repeat
    moved_on(stand, request)
    late = world.send(request)
    assert (late.status, late.body) == (first.status, first.body)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_payload_sent_again_under_another_key_is_too_late(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    payload = stand.payload(stand.statement)
    assert stand.submit(payload).status < 300
    world.clock.advance(5)
    again = stand.submit(payload)
    assert refusal(again) == (409, "CHALLENGE_CONSUMED")


@pytest.mark.parametrize("purpose", PURPOSES)
def test_another_payload_under_the_same_key_conflicts(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    key = "the-same-key-twice"
    assert stand.submit(stand.payload(stand.statement), idempotency_key=key).status < 300
    other = stand.payload(stand.statement, client="another body")
    assert refusal(stand.submit(other, idempotency_key=key)) == (409, "KEY_REUSED")


def test_a_refusal_sent_twice_is_the_same_refusal(world: World) -> None:
    old = world.enrolled()
    stand = Stand(world, old, old.start_revocation(old.thumbprint).as_(wire.Claimed).statement)
    request = stand.request(stand.payload(stand.statement))
    first = world.send(request)
    assert refusal(first) == (403, "LAST_DEVICE")
    assert told(world.send(request)) == told(first)
    assert old.devices().phones[0].state == "ACTIVE"


def test_a_phone_that_removed_itself_still_gets_its_lost_answer(world: World) -> None:
    old = world.enrolled()
    gone = second_phone(world, old)
    stand = Stand(world, gone, gone.start_revocation(gone.thumbprint).as_(wire.Claimed).statement)
    request = stand.request(stand.payload(stand.statement))
    first = world.send(request)
    assert first.status == 200
    assert told(world.send(request)) == told(first)
    assert_denied(gone.post("/devices", wire.Nothing()), stand.submit(stand.payload(stand.statement)))


def test_a_late_answer_to_a_started_activation_is_told_again(world: World) -> None:
    old, new = world.enrolled(), world.phone("new phone")
    stand = accepting(world, old, new)
    request = stand.request(stand.payload(stand.statement))
    first = world.send(request)
    world.clock.advance(200)
    assert told(world.send(request)) == told(first)
    assert [phone.state for phone in new.devices().phones] == ["REVOKED", "ACTIVE"]


def test_a_sign_in_that_is_started_twice_is_one_challenge(world: World) -> None:
    phone, browser = world.enrolled(), Browser("desk")
    message = wire.StartSignIn(EMAIL, browser.session)
    answers = [world.site().call("POST", "/logins", message, idempotency_key="started-just-once") for _ in range(3)]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert len(phone.prompts().prompts) == 1
