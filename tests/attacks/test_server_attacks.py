"""Abuse cases SV-01, SV-02, SV-05 and CR-13: races, repeats and a generator that repeats itself, over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

import builders as b
from pteri.app.forget import forget_old
from pteri.app.ports import ChallengeChange, Changeset, Committed, Conflict, ConflictKind
from pteri.core import ids, wire
from pteri.core.acts import ACTS
from pteri.core.httpsig import SignedRequest, Tag
from pteri.domain.events import DeviceSuspended, Event, SignedIn, SignInApproved
from thieves import (
    EMAIL,
    HOUR,
    Stand,
    all_at_once,
    assert_denied,
    before,
    challenge_of,
    crowded,
    history_of,
    refusal,
    rewired,
    second_phone,
    setting_up,
    signing_in,
    told,
    type_code,
)
from whole import check_whole
from world import Answered, Browser, SimPhone, World

if TYPE_CHECKING:
    from pteri.core.ids import AccountId

PURPOSES = sorted(ACTS)
SEEDS = range(6)


def account_id_of(stand: Stand) -> AccountId:
    account = stand.challenge().account
    assert account is not None
    return account


def events(stand: Stand) -> list[Event]:
    return history_of(stand.world, account_id_of(stand))


# --- SV-01: one challenge, a hundred answers -----------------------------------------------------------------------


def test_sv_01_of_a_hundred_answers_to_one_challenge_one_is_accepted(world: World) -> None:
    stand = signing_in(crowded(world), world.enrolled())
    payload = stand.payload(stand.statement)
    answers = all_at_once(world, [stand.request(payload) for _ in range(100)])
    assert Counter(refusal(answer) for answer in answers) == {(200, ""): 1, (409, "CHALLENGE_CONSUMED"): 99}
    assert [event.name for event in events(stand)] == ["AccountBound", "SignInApproved"]
    world.run(check_whole(world.deployment.store))


def test_sv_01_a_hundred_copies_of_one_request_hear_one_answer(world: World) -> None:
    stand = signing_in(crowded(world), world.enrolled())
    answers = all_at_once(world, [stand.request(stand.payload(stand.statement))] * 100)
    assert {told(answer)[0] for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert [event.name for event in events(stand)] == ["AccountBound", "SignInApproved"]


@pytest.mark.parametrize("purpose", PURPOSES)
def test_sv_01_every_purpose_happens_once_however_many_ask(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    was = len(events(stand))
    payload = stand.payload(stand.statement)
    answers = all_at_once(crowded(world), [stand.request(payload) for _ in range(30)])
    accepted = [answer for answer in answers if answer.status < 300]
    assert len(accepted) == 1
    # The others are late; and a phone that has just become a verified one is no longer who was asked.
    late = (401, "DENIED") if purpose == "accept" else (409, "CHALLENGE_CONSUMED")
    assert {refusal(answer) for answer in answers if answer is not accepted[0]} == {late}
    assert stand.challenge().answered_by == stand.phone.thumbprint
    # Binding and code set-up are recorded when their code is typed.
    assert len(events(stand)) - was == (0 if purpose in {"bind", "setup-otp"} else 1)
    world.run(check_whole(world.deployment.store))


@pytest.mark.parametrize("seed", SEEDS)
def test_sv_01_of_two_phones_that_answer_at_once_one_is_accepted(world: World, seed: int) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    first = signing_in(world, old)
    other = Stand(world, second, second.claim(first.statement.request_id).as_(wire.Claimed).statement)
    requests = [stand.request(stand.payload(stand.statement)) for stand in (first, other)] * 5
    answers = all_at_once(crowded(world, seed=seed), requests)
    winners = {index % 2 for index, answer in enumerate(answers) if answer.status == 200}
    assert len(winners) == 1
    assert {refusal(answer) for answer in answers} == {(200, ""), (409, "CHALLENGE_CONSUMED")}
    approvals = [event.device for event in events(first) if isinstance(event, SignInApproved)]
    assert approvals == [(old, second)[winners.pop()].thumbprint]


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
            if isinstance(event, SignInApproved | SignedIn) and event.device == self.second.thumbprint
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
    assert_denied(race.second.post("/devices", wire.Nothing()))


@pytest.mark.parametrize("removal_first", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_sv_02_at_the_same_instant_no_approval_follows_the_removal(
    world: World, seed: int, removal_first: bool
) -> None:
    race = Removal(world)
    requests = [race.remove(), race.approve()] if removal_first else [race.approve(), race.remove()]
    answers = all_at_once(crowded(world, seed=seed), requests)
    removed, approved = answers if removal_first else answers[::-1]
    assert removed.status == 200
    assert race.after_removal() == []
    was_approved = any(isinstance(event, SignInApproved) for event in events(race.sign_in))
    assert (approved.status == 200) is was_approved
    if not was_approved:
        assert_denied(approved)
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
    left = [phone for phone in (old, second) if phone.post("/devices", wire.Nothing()).status == 200]
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
    return [old.post("/migrations", wire.StartMigration(offer, True), idempotency_key=KEY) for offer in offers]


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


def two_migration_codes(world: World) -> list[Answered]:
    old, new = world.enrolled(), world.phone("new phone")
    code = old.approve_offer(new.offer()).code
    messages = [wire.EnterMigrationCode(typed) for typed in (code, code[::-1])]
    return [new.post("/migrations/code", message, idempotency_key=KEY) for message in messages]


TWO_REQUESTS: dict[str, Callable[[World], list[Answered]]] = {
    "logins": two_sign_ins,
    "bindings": two_bindings,
    "code": two_codes,
    "migrations": two_migrations,
    "migrations/code": two_migration_codes,
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
    """A generator that gives the same nonces again, ``times`` times in a row; everything else is fresh."""

    def __init__(self, world: World, times: int) -> None:
        self._entropy, self._left, self._first = world.deployment.entropy, times, b""

    def draw(self, size: int) -> bytes:
        drawn = self._entropy.draw(size)
        if size != 20:
            return drawn
        if self._first and self._left:
            self._left -= 1
            return self._first
        self._first = self._first or drawn
        return drawn


def test_cr_13_a_generator_stuck_on_one_nonce_makes_one_challenge(world: World) -> None:
    phone = world.enrolled()
    rewired(world, entropy=RepeatingEntropy(world, 10**6))
    first = signing_in(world, phone)
    for _ in range(3):
        message = wire.StartSignIn(EMAIL, Browser("next").session)
        assert refusal(world.site().call("POST", "/logins", message)) == (409, "CHANGED_MEANWHILE")
    assert [prompt.id for prompt in phone.prompts().prompts] == [first.statement.request_id]
    assert first.honest().status == 200


def test_cr_13_a_nonce_that_was_signed_is_not_asked_for_again_when_its_challenge_is_forgotten(world: World) -> None:
    phone = world.enrolled()
    rewired(world, entropy=RepeatingEntropy(world, 10**6))
    assert signing_in(world, phone).honest().status == 200
    world.clock.advance(3 * 24 * HOUR)
    assert world.run(forget_old(world.deployment.store, world.clock.now())) > 0
    message = wire.StartSignIn(EMAIL, Browser("next").session)
    assert refusal(world.site().call("POST", "/logins", message)) == (409, "CHANGED_MEANWHILE")


def test_cr_13_a_nonce_that_comes_back_once_is_drawn_again(world: World) -> None:
    phone = world.enrolled()
    rewired(world, entropy=RepeatingEntropy(world, 1))
    nonces = [signing_in(world, phone, f"desk {number}").statement.nonce for number in range(3)]
    assert len(set(nonces)) == 3


def test_cr_13_no_two_challenges_of_a_running_service_share_a_nonce(tmp_path: Path) -> None:
    world = World(tmp_path)
    nonces: list[str] = []
    for purpose in PURPOSES:
        directory = tmp_path / purpose
        directory.mkdir()
        nonces.append(before(purpose, World(directory, name=f"world of {purpose}")).statement.nonce)
    phone: SimPhone = world.enrolled()
    nonces += [signing_in(world, phone, f"desk {number}").statement.nonce for number in range(50)]
    assert len(set(nonces)) == len(nonces)
