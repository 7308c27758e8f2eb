"""Abuse cases SV-01, SV-02, SV-05 and CR-13: races, repeats and a generator that repeats itself, over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import msgspec
import pytest

import builders as b
from pteri.app.forget import forget_old
from pteri.app.ports import ChallengeChange, Changeset, Committed, Conflict, ConflictKind
from pteri.core import ids, wire
from pteri.core.httpsig import SignedRequest, Tag
from pteri.domain.events import DeviceSuspended, Event, SignedIn
from thieves import (
    EMAIL,
    HOUR,
    SCANNED,
    WAYS,
    Stand,
    account_of,
    all_at_once,
    assert_denied,
    before,
    challenge_of,
    crowded,
    history_of,
    migrating,
    recorded,
    refusal,
    rewired,
    scanning,
    second_phone,
    setting_up,
    signing_in,
    told,
    type_code,
)
from whole import check_whole
from world import TRANSCRIPT, Answered, Browser, SimPhone, World, with_act
from worlds import Worlds

Begun: TypeAlias = Callable[..., Stand]
SEEDS = range(6)


def events(stand: Stand) -> list[Event]:
    return history_of(stand.world, account_of(stand))


# --- SV-01: one challenge, a hundred answers -----------------------------------------------------------------------


@pytest.mark.parametrize("begun", [signing_in, scanning])
def test_sv_01_of_a_hundred_answers_to_one_challenge_one_is_accepted(world: World, begun: Begun) -> None:
    stand = begun(crowded(world), world.enrolled())
    payload = stand.payload(stand.statement)
    requests = [stand.request(payload) for _ in range(100)]
    answers = all_at_once(world, requests)
    assert Counter(refusal(answer) for answer in answers) == {(200, ""): 1, (409, "CHALLENGE_CONSUMED"): 99}
    [accepted] = [request for request, answer in zip(requests, answers, strict=True) if answer.status == 200]
    # Each request has a code of its own, and only the one of the accepted request opens the session.
    code = stand.phone.code_of(accepted, stand.statement)
    assert_denied(*(type_code(stand, other) for other in other_codes(stand, requests, code)[:2]))
    assert type_code(stand, code).status == 200
    assert [event.name for event in events(stand)] == ["AccountBound", "SignedIn"]
    world.run(check_whole(world.deployment.store))


def other_codes(stand: Stand, requests: list[SignedRequest], code: str) -> list[str]:
    return [other for request in requests if (other := stand.phone.code_of(request, stand.statement)) != code]


@pytest.mark.parametrize("begun", [signing_in, scanning])
def test_sv_01_a_hundred_copies_of_one_request_hear_one_answer(world: World, begun: Begun) -> None:
    stand = begun(crowded(world), world.enrolled())
    request = stand.request(stand.payload(stand.statement))
    answers = all_at_once(world, [request] * 100)
    assert {told(answer)[0] for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert type_code(stand, stand.phone.code_of(request, stand.statement)).status == 200
    assert [event.name for event in events(stand)] == ["AccountBound", "SignedIn"]


@pytest.mark.parametrize("begun", [signing_in, scanning])
def test_sv_01_two_processes_take_one_answer_once(worlds: Worlds, world: World, begun: Begun) -> None:
    other = worlds.beside(world)
    stand = begun(world, world.enrolled())
    payload = stand.payload(stand.statement)
    first, second = stand.request(payload), stand.request(payload)
    accepted = world.send(first)
    assert accepted.status == 200
    assert refusal(other.send(second)) == (409, "CHALLENGE_CONSUMED")
    assert told(other.send(first)) == told(accepted)
    code = stand.phone.code_of(first, stand.statement)
    typed = type_code(stand, code, key="one-key-for-one-code")
    assert typed.status == 200
    elsewhere = replace(stand, world=other)
    assert told(type_code(elsewhere, code, key="one-key-for-one-code")) == told(typed)
    assert_denied(type_code(elsewhere, code))
    assert [event.name for event in events(stand)] == ["AccountBound", "SignedIn"]


@pytest.mark.parametrize("purpose", WAYS)
def test_sv_01_every_purpose_happens_once_however_many_ask(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    account = account_of(stand)
    was = len(history_of(world, account))
    payload = stand.payload(stand.statement)
    answers = all_at_once(crowded(world), [stand.request(payload) for _ in range(30)])
    accepted = [answer for answer in answers if answer.status < 300]
    assert len(accepted) == 1
    assert {refusal(answer) for answer in answers if answer is not accepted[0]} == {(409, "CHALLENGE_CONSUMED")}
    assert stand.challenge().answered_by == stand.phone.thumbprint
    # Binding, sign-in and code set-up are recorded when their code is typed.
    with_code = {"bind", "authenticate", SCANNED, "setup-otp"}
    # An approval of a new phone is confirmed in the same moment: two events.
    expected = 0 if purpose in with_code else 2 if purpose == "migrate" else 1
    assert len(history_of(world, account)) - was == expected
    world.run(check_whole(world.deployment.store))


@pytest.mark.parametrize("begun", [signing_in, scanning])
@pytest.mark.parametrize("seed", SEEDS)
def test_sv_01_of_two_phones_that_answer_at_once_one_is_accepted(world: World, seed: int, begun: Begun) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    old.look()
    first = begun(world, old)
    other = replace(first, phone=second, statement=with_act(first.statement, device=second.thumbprint))
    requests = [stand.request(stand.payload(stand.statement)) for stand in (first, other)] * 5
    answers = all_at_once(crowded(world, seed=seed), requests)
    winners = {index % 2 for index, answer in enumerate(answers) if answer.status == 200}
    assert len(winners) == 1
    assert {refusal(answer) for answer in answers} == {(200, ""), (409, "CHALLENGE_CONSUMED")}
    assert first.challenge().answered_by == (old, second)[winners.pop()].thumbprint
    codes = [
        stand.phone.code_of(request, stand.statement)
        for stand, request, answer in zip([first, other] * 5, requests, answers, strict=True)
        if answer.status == 200
    ]
    assert Counter(type_code(first, code).status for code in codes)[200] == 1
    assert [event.device for event in events(first) if isinstance(event, SignedIn)] == [first.challenge().answered_by]


# --- SV-02: removal and sign-in ------------------------------------------------------------------------------------


class Removal:
    """An account with two phones: the old one may remove the second one, which is about to sign in."""

    def __init__(self, world: World) -> None:
        self.world, self.old = world, world.enrolled()
        self.second = second_phone(world, self.old)
        self.sign_in = signing_in(world, self.second)
        asked = self.old.start_revocation(self.second.thumbprint).as_(wire.Claimed).statement
        self.removal = Stand(world, self.old, asked)

    def remove(self) -> SignedRequest:
        return self.removal.request(self.removal.payload(self.removal.statement))

    def approve(self) -> SignedRequest:
        return self.sign_in.request(self.sign_in.payload(self.sign_in.statement))

    def code(self, approval: SignedRequest) -> SignedRequest:
        assert self.sign_in.browser is not None
        shown = self.second.code_of(approval, self.sign_in.statement)
        message = wire.EnterCode(shown, ids.to_base64url(self.sign_in.browser.secret))
        path = f"/v1/bank/logins/{self.sign_in.statement.request_id}/code"
        at = self.world.clock.now()
        return self.world.sites["bank"].request("POST", path, msgspec.json.encode(message), at=at, tag=Tag.CLIENT)

    def after_removal(self) -> list[Event]:
        """What the removed phone did after its removal was recorded. Fails if it was not removed."""
        happened = events(self.sign_in)
        [removed] = [number for number, event in enumerate(happened) if isinstance(event, DeviceSuspended)]
        return [
            event
            for event in happened[removed:]
            if isinstance(event, SignedIn) and event.device == self.second.thumbprint
        ]


def test_sv_02_removed_first_the_phone_signs_in_no_more(world: World) -> None:
    race = Removal(world)
    assert world.send(race.remove()).status == 200
    assert_denied(world.send(race.approve()), race.second.claim(race.sign_in.statement.request_id))
    assert race.after_removal() == []


def test_sv_02_removed_between_approval_and_code_the_phone_opens_no_session(world: World) -> None:
    race = Removal(world)
    approval = race.approve()
    assert world.send(approval).status == 200
    assert world.send(race.remove()).status == 200
    assert_denied(world.send(race.code(approval)))
    assert race.after_removal() == []


def test_sv_02_removed_after_the_code_the_session_was_opened_before(world: World) -> None:
    race = Removal(world)
    approval = race.approve()
    assert world.send(approval).status == 200
    assert world.send(race.code(approval)).status == 200
    assert world.send(race.remove()).status == 200
    assert race.after_removal() == []
    assert_denied(race.second.post("/prompts", wire.Nothing()))


def test_sv_02_what_one_process_removed_no_other_process_lets_in(worlds: Worlds, world: World) -> None:
    """Each has its own connections and remembers keys: none may remember authority."""
    other = worlds.beside(world)
    race = Removal(world)
    approval = race.approve()
    race.second.look()
    # Both have met the phone, and the other one has its key at hand.
    assert other.send(approval).status == 200
    assert other.send(race.second.request_to("/devices", b"{}")).status == 200
    assert world.send(race.remove()).status == 200
    assert_denied(other.send(race.code(approval)), other.send(race.second.request_to("/prompts", b"{}")))
    scanned = scanning(world, race.second, "another desk")
    assert_denied(other.send(scanned.request(scanned.payload(scanned.statement))))
    assert race.after_removal() == []


def test_sv_02_a_session_that_one_process_opened_stands_before_the_removal_in_another(
    worlds: Worlds, world: World
) -> None:
    other = worlds.beside(world)
    race = Removal(world)
    approval = race.approve()
    assert world.send(approval).status == 200
    code = race.code(approval)
    assert other.send(code).status == 200
    assert world.send(race.remove()).status == 200
    assert told(world.send(code)) == told(other.send(code))
    assert race.after_removal() == []
    world.run(check_whole(world.deployment.store))


@pytest.mark.parametrize("removal_first", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_sv_02_an_approval_at_the_instant_of_the_removal_opens_nothing(
    world: World, seed: int, removal_first: bool
) -> None:
    """Whether it was taken or denied: its code comes after the removal, and then the phone is nobody's."""
    race = Removal(world)
    approval = race.approve()
    requests = [race.remove(), approval] if removal_first else [approval, race.remove()]
    answers = all_at_once(crowded(world, seed=seed), requests)
    removed, approved = answers if removal_first else answers[::-1]
    assert removed.status == 200
    was_approved = race.sign_in.challenge().state == "VERIFIED"
    assert (approved.status == 200) is was_approved
    if not was_approved:
        assert_denied(approved)
    assert_denied(world.send(race.code(approval)))
    assert race.after_removal() == []
    world.run(check_whole(world.deployment.store))


@pytest.mark.parametrize("removal_first", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_sv_02_at_the_same_instant_no_session_opens_after_the_removal(
    world: World, seed: int, removal_first: bool
) -> None:
    race = Removal(world)
    approval = race.approve()
    assert world.send(approval).status == 200
    requests = [race.remove(), race.code(approval)] if removal_first else [race.code(approval), race.remove()]
    answers = all_at_once(crowded(world, seed=seed), requests)
    removed, opened = answers if removal_first else answers[::-1]
    assert removed.status == 200
    assert race.after_removal() == []
    assert (opened.status == 200) is any(isinstance(event, SignedIn) for event in events(race.sign_in))
    assert_denied(race.second.post("/prompts", wire.Nothing()))


@pytest.mark.parametrize("seed", SEEDS)
def test_sv_02_two_phones_that_remove_each_other_leave_one(world: World, seed: int) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    world.clock.advance(73 * HOUR)
    stands = [
        Stand(world, by, by.start_revocation(target.thumbprint).as_(wire.Claimed).statement)
        for by, target in ((old, second), (second, old))
    ]
    answers = all_at_once(
        crowded(world, seed=seed), [stand.request(stand.payload(stand.statement)) for stand in stands]
    )
    assert sorted(answer.status for answer in answers) in ([200, 401], [200, 403])
    left = [phone for phone in (old, second) if phone.post("/prompts", wire.Nothing()).status == 200]
    assert len(left) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_sv_02_of_two_new_phones_let_in_at_once_one_waits(world: World, seed: int) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    world.clock.advance(73 * HOUR)
    newcomers = [world.phone(f"newcomer {number}") for number in range(2)]
    stands = [
        Stand(world, by, by.start_migration(newcomer.offer()).as_(wire.Claimed).statement)
        for by, newcomer in zip((old, second), newcomers, strict=True)
    ]
    answers = all_at_once(
        crowded(world, seed=seed), [stand.request(stand.payload(stand.statement)) for stand in stands]
    )
    assert Counter(refusal(answer) for answer in answers) == {(202, ""): 1, (403, "MIGRATION_OPEN"): 1}
    waiting = [phone.thumbprint for phone in old.devices().phones if phone.state == "PENDING"]
    assert len(waiting) == 1


# --- SV-05: one idempotency key, two requests ----------------------------------------------------------------------

KEY = "one-key-for-two-requests"


def site_call(world: World, path: str, message: msgspec.Struct) -> Answered:
    return world.site().call("POST", path, message, idempotency_key=KEY)


def two_sign_ins(world: World) -> list[Answered]:
    browsers = Browser("one"), Browser("two")
    return [site_call(world, "/logins", wire.StartSignIn(EMAIL, browser.session)) for browser in browsers]


def two_bindings(world: World) -> list[Answered]:
    logins = "one@example.com", "two@example.com"
    return [site_call(world, "/bindings", wire.StartBinding(login, Browser("desk").session)) for login in logins]


def two_codes(world: World) -> list[Answered]:
    stand = signing_in(world, world.enrolled())
    request = stand.request(stand.payload(stand.statement))
    world.send(request)
    code = stand.phone.code_of(request, stand.statement)
    return [type_code(stand, typed, key=KEY) for typed in (code, code[::-1])]


def two_migrations(world: World) -> list[Answered]:
    old = world.enrolled()
    offers = [world.phone(f"new phone {number}").offer() for number in range(2)]
    return [
        old.post("/migrations", wire.StartMigration(offer, TRANSCRIPT, True), idempotency_key=KEY) for offer in offers
    ]


def two_answers(world: World) -> list[Answered]:
    stand = signing_in(world, world.enrolled())
    payloads = [stand.payload(stand.statement, client=client) for client in ("", "another")]
    return [stand.submit(payload, idempotency_key=KEY) for payload in payloads]


def two_removals(world: World) -> list[Answered]:
    old = world.enrolled()
    targets = old.thumbprint, second_phone(world, old).thumbprint
    return [old.post("/revocations", wire.Revoke(ids.thumbprint(target)), idempotency_key=KEY) for target in targets]


def two_set_ups(world: World) -> list[Answered]:
    new = world.phone("new phone")
    wallets = [world.phone("new phone", index=index).wallet for index in range(2)]
    return [
        new.post("/code-setups", wire.SetUpCodes(new.sec1_text, wallet.pinned.address), idempotency_key=KEY)
        for wallet in wallets
    ]


def two_recoveries(world: World) -> list[Answered]:
    world.enrolled()
    new = world.phone("new phone")
    set_ups = [setting_up(world, new), setting_up(world, new)]
    requests = [stand.request(stand.payload(stand.statement)) for stand in set_ups]
    answers = []
    for stand, request in zip(set_ups, requests, strict=True):
        assert world.send(request).status == 200
        code = new.code_of(request, stand.statement)
        message = wire.StartRecovery(stand.statement.request_id, code)
        answers.append(new.post("/recoveries", message, idempotency_key=KEY))
    return answers


TWO_REQUESTS: dict[str, Callable[[World], list[Answered]]] = {
    "logins": two_sign_ins,
    "bindings": two_bindings,
    "code": two_codes,
    "migrations": two_migrations,
    "response": two_answers,
    "revocations": two_removals,
    "code-setups": two_set_ups,
    "recoveries": two_recoveries,
}


@pytest.mark.parametrize("route", TWO_REQUESTS)
def test_sv_05_one_key_with_another_body_conflicts_on_every_route(world: World, route: str) -> None:
    first, second = TWO_REQUESTS[route](world)
    assert first.status < 300
    assert refusal(second) == (409, "KEY_REUSED")


def _of_site(world: World, path: str, message: msgspec.Struct) -> SignedRequest:
    at = world.clock.now()
    body = msgspec.json.encode(message)
    return world.sites["bank"].request("POST", f"/v1/bank{path}", body, at=at, tag=Tag.CLIENT)


def _of_phone(phone: SimPhone, path: str, message: msgspec.Struct) -> SignedRequest:
    return phone.request_to(path, msgspec.json.encode(message))


def an_activation(world: World) -> SignedRequest:
    old, new = world.enrolled(), world.phone("new phone")
    assert old.approve_offer(new.offer()).decided.status == 202
    world.clock.advance(HOUR)
    return _of_phone(new, "/activations", wire.Nothing())


def a_recovery(world: World) -> SignedRequest:
    world.enrolled()
    new = world.phone("new phone")
    set_up = new.set_up_codes()
    return _of_phone(new, "/recoveries", wire.StartRecovery(set_up.statement.request_id, set_up.code))


def a_code(world: World) -> SignedRequest:
    stand = scanning(world, world.enrolled())
    request = stand.request(stand.payload(stand.statement))
    assert world.send(request).status == 200
    assert stand.browser is not None
    code = stand.phone.code_of(request, stand.statement)
    message = wire.EnterCode(code, ids.to_base64url(stand.browser.secret))
    return _of_site(world, f"/logins/{stand.statement.request_id}/code", message)


def a_set_up(world: World) -> SignedRequest:
    world.enrolled()
    new = world.phone("new phone")
    return _of_phone(new, "/code-setups", wire.SetUpCodes(new.sec1_text, new.wallet.pinned.address))


ONE_REQUEST: dict[str, Callable[[World], SignedRequest]] = {
    "logins": lambda world: _of_site(world, "/logins", wire.StartSignIn(EMAIL, Browser("desk").session)),
    "bindings": lambda world: _of_site(world, "/bindings", wire.StartBinding(EMAIL, Browser("desk").session)),
    "code": a_code,
    "migrations": lambda world: _of_phone(
        world.enrolled(),
        "/migrations",
        wire.StartMigration(world.phone("new phone").offer(), TRANSCRIPT, revoke_old=True),
    ),
    "activations": an_activation,
    "revocations": lambda world: _of_phone(
        phone := world.enrolled(), "/revocations", wire.Revoke(ids.thumbprint(phone.thumbprint))
    ),
    "code-setups": a_set_up,
    "recoveries": a_recovery,
}


@pytest.mark.parametrize("route", ONE_REQUEST)
def test_sv_05_the_same_request_again_hears_its_first_answer_from_every_process(
    worlds: Worlds, world: World, route: str
) -> None:
    request, other = ONE_REQUEST[route](world), worlds.beside(world)
    first = world.send(request)
    assert first.status < 300, first.body
    was = world.rows()
    world.clock.advance(30)
    assert told(other.send(request)) == told(world.send(request)) == told(first)
    assert world.rows() == was


@pytest.mark.parametrize("route", ONE_REQUEST)
def test_sv_05_thirty_copies_of_a_request_at_once_have_one_effect(world: World, route: str) -> None:
    request = ONE_REQUEST[route](world)
    answers = all_at_once(crowded(world), [request] * 30)
    assert len({told(answer)[0] for answer in answers}) == 1
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].status < 300
    world.run(check_whole(world.deployment.store))


def test_sv_05_a_key_of_ones_own_opens_nobody_elses_answer(world: World) -> None:
    """The key is known, but its caller has nothing to do with this challenge."""
    stand = signing_in(world, world.enrolled())
    assert stand.honest().status == 200
    mallory = world.enrolled("mallory's phone", "mallory@example.com", index=1)
    own = signing_in(world, mallory, "mallory's desk", login="mallory@example.com")
    assert own.submit(own.payload(own.statement), idempotency_key=KEY).status == 200
    body = msgspec.json.encode(mallory.payload(stand.statement))
    assert_denied(world.send(mallory.request_to(stand.path, body, idempotency_key=KEY)))


def test_sv_05_one_key_at_another_address_conflicts(world: World) -> None:
    stands = [signing_in(world, world.enrolled(), "one")]
    stands.append(signing_in(world, stands[0].phone, "two"))
    assert stands[0].submit(stands[0].payload(stands[0].statement), idempotency_key=KEY).status == 200
    assert refusal(stands[1].submit(stands[1].payload(stands[1].statement), idempotency_key=KEY)) == (409, "KEY_REUSED")
    assert challenge_of(world, stands[1].statement.request_id).state == "ISSUED"


def test_sv_05_the_key_of_one_caller_says_nothing_about_anothers(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    assert stand.submit(stand.payload(stand.statement), idempotency_key=KEY).status == 200
    thief = world.phone("thief's phone")
    body = msgspec.json.encode(thief.payload(stand.statement))
    assert_denied(world.send(thief.request_to(stand.path, body, idempotency_key=KEY)))
    shop = world.site("shop").call(
        "POST", "/logins", wire.StartSignIn(EMAIL, Browser("x").session), idempotency_key=KEY
    )
    assert shop.status == 201


def test_sv_05_of_many_bodies_at_once_under_one_key_one_counts(world: World) -> None:
    stand = signing_in(crowded(world), world.enrolled())
    payloads = [stand.payload(stand.statement, client=f"body {number}") for number in range(30)]
    answers = all_at_once(world, [stand.request(payload, idempotency_key=KEY) for payload in payloads])
    assert Counter(refusal(answer) for answer in answers) == {(200, ""): 1, (409, "KEY_REUSED"): 29}


# --- SV-08: clocks that do not agree -------------------------------------------------------------------------------


@pytest.mark.parametrize("begun", [signing_in, scanning])
@pytest.mark.parametrize("ahead_s", [(0, 80, 40), (80, 0, 40), (40, -40, 0), (-40, 0, 40), (80, 0, 0), (0, 0, 80)])
def test_sv_08_three_processes_whose_clocks_are_eighty_seconds_apart_share_one_sign_in(
    worlds: Worlds, world: World, begun: Begun, ahead_s: tuple[int, int, int]
) -> None:
    phone = world.enrolled()
    starting, answering, ending = (worlds.beside(world, ahead_s=seconds) for seconds in ahead_s)
    stand = begun(starting, replace(phone, world=starting))
    request = stand.request(stand.payload(stand.statement))
    # A phone signs by its own clock, which is the right one here.
    at = world.clock.now()
    signed = phone.key.request("POST", f"/v1/bank{stand.path}", request.body, at=at)
    assert answering.send(signed).status == 200
    code = stand.phone.code_of(signed, stand.statement)
    assert type_code(replace(stand, world=ending), code).status == 200
    assert_denied(*(type_code(replace(stand, world=other), code) for other in (starting, answering, ending)))
    assert [event.name for event in events(stand)] == ["AccountBound", "SignedIn"]


def sign_in_at(world: World, phone: SimPhone, label: str) -> None:
    stand = scanning(world, replace(phone, world=world), label)
    request = stand.request(stand.payload(stand.statement))
    assert world.send(request).status == 200
    assert type_code(stand, phone.code_of(request, stand.statement)).status == 200


def test_sv_08_what_time_has_ended_for_one_process_is_not_ended_again_by_another(worlds: Worlds, world: World) -> None:
    phone = world.enrolled()
    fast, slow = worlds.beside(world, ahead_s=40), worlds.beside(world, ahead_s=-40)
    migrating(world, phone, world.phone("new phone")).honest()
    world.clock.advance(25 * HOUR - 20)  # over for the fast one, and not for the slow one
    for number, process in enumerate((slow, fast, slow, fast, slow)):
        sign_in_at(process, phone, f"desk {number}")
    names = [event.name for event in history_of(world, phone.look().account)]
    assert names.count("MigrationExpired") == 1
    # Before that the slow one saw it open; afterwards it is closed for both.
    assert names.index("MigrationExpired") == names.index("SignedIn") + 1
    world.run(check_whole(world.deployment.store))


@pytest.mark.parametrize("begun", [signing_in, scanning])
def test_sv_08_a_second_that_comes_twice_ends_nothing_and_lets_nothing_in_twice(world: World, begun: Begun) -> None:
    """A leap second, or a clock that was corrected: the same second again, at every step."""
    phone = world.enrolled()
    stand = begun(world, phone)
    request = stand.request(stand.payload(stand.statement))
    world.clock.advance(-1)
    accepted = world.send(request)
    assert accepted.status == 200
    world.clock.advance(-1)
    assert told(world.send(request)) == told(accepted)
    code = phone.code_of(request, stand.statement)
    assert type_code(stand, code).status == 200
    world.clock.advance(-1)
    assert_denied(type_code(stand, code))
    assert [event.name for event in events(stand)] == ["AccountBound", "SignedIn"]
    world.run(check_whole(world.deployment.store))


# --- CR-13: the same nonce twice -----------------------------------------------------------------------------------


def test_cr_13_the_store_refuses_a_second_challenge_with_the_same_nonce(world: World) -> None:
    store = world.deployment.store

    async def both() -> list[object]:
        first, twin = b.sign_in(1), msgspec.structs.replace(b.sign_in(2), nonce=b.nonce(1))
        outcomes = await store.commit([b.issued(first), b.issued(twin)])
        # Also when the first one is spent and forgotten.
        spent = await store.commit([Changeset(b.TENANT, spent=b.nonce(7)), Changeset(b.TENANT, spent=b.nonce(7))])
        late = await store.commit([Changeset(b.TENANT, challenges=(ChallengeChange(0, b.sign_in(7)),))])
        return [*outcomes, *spent, *late]

    refused = Conflict(ConflictKind.NONCE_SPENT)
    assert world.run(both()) == [Committed(), refused, Committed(), refused, refused]


class RepeatingEntropy:
    """A generator that gives the same bytes again, ``times`` times in a row for each size; other sizes are fresh.

    Request ids take 12 bytes, nonces 15, and the two digits 8. The nonce of a sign-in is made from all its terms.
    """

    def __init__(self, world: World, times: int, *sizes: int) -> None:
        self._entropy, self._first = world.deployment.entropy, dict[int, bytes]()
        self._left = dict.fromkeys(sizes, times)

    def draw(self, size: int) -> bytes:
        drawn = self._entropy.draw(size)
        if size in self._first and self._left[size]:
            self._left[size] -= 1
            return self._first[size]
        if size in self._left:
            self._first.setdefault(size, drawn)
        return drawn


FOR_EVER = 10**6


def test_cr_13_a_generator_stuck_on_one_id_makes_one_sign_in(world: World) -> None:
    phone = world.enrolled()
    rewired(world, entropy=RepeatingEntropy(world, FOR_EVER, 12))
    first = signing_in(world, phone)
    for _ in range(3):
        message = wire.StartSignIn(EMAIL, Browser("next").session)
        assert refusal(world.site().call("POST", "/logins", message)) == (409, "CHANGED_MEANWHILE")
    assert [prompt.id for prompt in phone.prompts().prompts] == [first.statement.request_id]
    assert first.honest().status == 200


def test_cr_13_of_sign_ins_without_a_record_that_share_an_id_one_is_answered(world: World) -> None:
    phone = world.enrolled()
    rewired(world, entropy=RepeatingEntropy(world, FOR_EVER, 12))
    stands = [scanning(world, phone, f"desk {number}") for number in range(3)]
    assert {stand.statement.request_id for stand in stands} == {stands[0].statement.request_id}
    # What is signed is never the same: the nonce is made from the session, too.
    assert len({stand.statement.nonce for stand in stands}) == 3
    assert [refusal(stand.honest()) for stand in stands] == [(200, ""), *[(409, "CHALLENGE_CONSUMED")] * 2]


def test_cr_13_a_generator_stuck_on_one_nonce_asks_for_it_once_in_a_second(world: World) -> None:
    phone = world.enrolled()
    rewired(world, entropy=RepeatingEntropy(world, FOR_EVER, 15))
    first = phone.start_revocation(phone.thumbprint).as_(wire.Claimed).statement
    assert refusal(phone.start_revocation(phone.thumbprint)) == (409, "CHANGED_MEANWHILE")
    world.clock.advance(1)
    assert phone.start_revocation(phone.thumbprint).as_(wire.Claimed).statement.nonce != first.nonce


@pytest.mark.parametrize("begun", [signing_in, scanning])
def test_cr_13_a_nonce_that_was_signed_is_not_taken_again_when_all_else_is_forgotten(
    world: World, begun: Begun
) -> None:
    """The generator repeats itself and the clock was set back: the same statement is asked for, and signed, twice."""
    phone = world.enrolled()
    rewired(world, entropy=RepeatingEntropy(world, FOR_EVER, 8, 12))
    began_at, first = world.clock.now(), begun(world, phone)
    request = first.request(first.payload(first.statement))
    assert world.send(request).status == 200
    world.clock.advance(3 * 24 * HOUR)
    while world.run(forget_old(world.deployment, world.clock.now())):
        pass
    assert recorded(world, first.statement.request_id) is None
    world.clock.at = began_at
    if begun is signing_in:
        message = wire.StartSignIn(EMAIL, Browser("desk").session)
        assert refusal(world.site().call("POST", "/logins", message)) == (409, "CHANGED_MEANWHILE")
        return
    again = begun(world, phone)
    assert again.statement == first.statement
    assert refusal(world.send(request)) == refusal(again.honest()) == (409, "CHANGED_MEANWHILE")


def test_cr_13_a_nonce_that_comes_back_once_is_drawn_again(world: World) -> None:
    phone = world.enrolled()
    rewired(world, entropy=RepeatingEntropy(world, 1, 15))
    nonces = [phone.start_revocation(phone.thumbprint).as_(wire.Claimed).statement.nonce for _ in range(3)]
    assert len(set(nonces)) == 3


def test_cr_13_no_two_challenges_of_a_running_service_share_a_nonce(worlds: Worlds) -> None:
    nonces = [before(purpose, worlds(name=f"world of {purpose}")).statement.nonce for purpose in WAYS]
    world = worlds()
    phone: SimPhone = world.enrolled()
    for number in range(50):
        nonces += [begun(world, phone, f"desk {number}").statement.nonce for begun in (signing_in, scanning)]
    assert len(set(nonces)) == len(nonces)
