"""Abuse case OT-16: what the answer of a phone without network is worth in any hands, session, time and order but its
own. Nothing, each time; and in its own session once, whichever way it came.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import msgspec
import pytest

from airgaps import EMAIL, Offline, offline
from chains import OFFERED, enter, prepared
from pteri.app.forget import KEPT_S, forget_old
from pteri.core import ids, wire
from pteri.core.airgap import AirgapAnswer, answered_request, parse_answer
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Malformed
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.invitation import Invitation, Terms, parse_invitation
from pteri.core.keys.message import SignatureType
from pteri.domain.events import ActRefused, SignedIn
from pteri.domain.rules import Rules
from thieves import (
    HOUR,
    Stand,
    all_at_once,
    assert_denied,
    crowded,
    device_rs,
    history_of,
    recorded,
    refusal,
    second_phone,
    told,
    type_code,
    wallet_twin,
)
from whole import check_whole
from work import counted
from world import MALLORY_WORDS, NEW_WORDS, ORIGIN, Answered, Browser, Key, SimWallet, World, with_act
from worlds import Worlds

ANSWERED = (409, "CHALLENGE_CONSUMED")
PATIENT = Rules(code_attempts=1_000_000)
"""Else a sign-in is over after three wrong answers, and no later one would be looked at for what it is."""
_P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def done(answer: Answered) -> wire.SignedIn:
    return answer.as_(wire.SignedIn)


def sign_ins_of(stand: Offline) -> list[SignedIn]:
    events = history_of(stand.world, stand.statement.act.account, stand.phone.tenant)
    return [event for event in events if isinstance(event, SignedIn)]


def unharmed(stand: Offline) -> bool:
    """Nobody is signed in, and the owner still can be: nothing was accepted, spent or used up."""
    return sign_ins_of(stand) == [] and done(stand.bring()).state == "COMPLETED"


def online(stand: Offline) -> Stand:
    """The same phone before the same sign-in, with a network."""
    return Stand(stand.world, stand.phone, stand.statement, browser=stand.browser, invited=stand.invited)


def flipped(raw: bytes) -> Iterator[bytes]:
    """With one bit the other way, for each of its bits."""
    for bit in range(len(raw) * 8):
        yield (int.from_bytes(raw, "big") ^ (1 << bit)).to_bytes(len(raw), "big")


# --- the honest way ------------------------------------------------------------------------------------------------


def test_ot_16_the_answer_counts_in_the_session_that_showed_the_invitation(world: World) -> None:
    stand = offline(world, world.enrolled())
    told = done(stand.bring())
    assert (told.acr, told.amr) == ("pteri:airgap", ("pop", "hwk", "user"))
    assert (told.account, told.device, told.epoch) == (stand.statement.act.account, stand.phone.thumbprint, 1)
    assert (told.auth_time, told.state) == (world.clock.now(), "COMPLETED")
    assert len(sign_ins_of(stand)) == 1
    assert world.site().progress(stand.started) == "COMPLETED"


def test_a_prompted_sign_in_may_be_answered_by_camera_too(world: World) -> None:
    phone = world.enrolled()
    stand = offline(world, phone, prompt=True)
    assert [prompt.id for prompt in phone.prompts().prompts] == [stand.started.id]
    assert done(stand.bring(token=world.site().token().token)).acr == "pteri:airgap"
    assert phone.prompts().prompts == ()


# --- other sessions, phones and accounts ---------------------------------------------------------------------------


def test_ot_16_an_answer_brought_to_another_browser_session_is_denied(world: World) -> None:
    victim, thief = offline(world, world.enrolled()), Browser("thief")
    other = world.site().start_sign_in(EMAIL, thief, prompt=False)
    seen = victim.answer()
    mixed = victim.bring(seen, browser=thief, to=other.id), victim.bring(seen, qr=other.qr, browser=thief)
    assert [refusal(answer) for answer in mixed] == [(400, "FIELD")] * 2  # one invitation, and another one's name
    assert_denied(
        # In the thief's session: as the answer to his own code, and with the code that he saw.
        victim.bring(seen, qr=other.qr, browser=thief, to=other.id),
        victim.bring(seen, qr=victim.started.qr, browser=thief),
        # With his request's name in the place of the victim's.
        victim.bring(msgspec.structs.replace(seen, request=other.id), qr=other.qr, browser=thief, to=other.id),
        # The victim's invitation with the thief's session put into it.
        victim.bring(seen, qr=with_terms(victim.started.qr, session=thief.session), browser=thief),
    )
    assert recorded(world, other.id) is None
    assert unharmed(victim)


def test_ot_16_who_saw_both_codes_uses_nothing_up(world: World) -> None:
    """Neither the owner's tries nor the sign-in itself: without the session's secret nothing is even looked up."""
    victim, was = offline(world, world.enrolled()), world.rows()
    garbage = msgspec.structs.replace(victim.answer(), wallet_signature=bytes(65))
    assert_denied(*(victim.bring(garbage, browser=Browser("thief")) for _ in range(10)))
    assert world.rows() == was
    assert unharmed(victim)


def test_ot_16_a_phone_of_another_account_answers_for_nobody_but_itself(world: World) -> None:
    alice = offline(world, world.enrolled())
    mallory = world.enrolled("mallory's phone", "mallory@example.com", words=MALLORY_WORDS)
    as_himself = alice.by(mallory)
    as_alice = with_act(alice.statement, device=mallory.thumbprint)
    assert_denied(as_himself.bring(), as_himself.bring(as_himself.answer(statement=as_alice)))
    assert unharmed(alice)


@pytest.mark.parametrize("stolen", ["the wallet", "the phone's key"])
def test_ot_16_one_of_the_two_keys_is_not_enough(world: World, stolen: str) -> None:
    owner = world.enrolled()
    victim = offline(world, owner)
    if stolen == "the wallet":
        thief = world.phone("thief's phone")
        said = with_act(victim.statement, device=thief.thumbprint)
    else:
        thief, said = world.phone("old phone", MALLORY_WORDS), victim.statement
    thief.known = owner.known
    by_thief = victim.by(thief)
    assert_denied(by_thief.bring(by_thief.answer(statement=said)))
    assert unharmed(victim)


def test_pr_01_right_wallet_signatures_without_a_phone_are_told_to_the_owner_by_camera_too(world: World) -> None:
    owner = world.enrolled()
    thief = world.phone("thief's phone")
    thief.known = owner.known
    for number in range(world.deployment.rules.wallet_alone_notice):
        assert_denied(offline(world, thief, f"desk {number}").bring())
    assert "WALLET_WITHOUT_PHONE" in [notice.kind for notice in owner.devices().notices]


def test_ot_16_decoys_are_denied_as_everything_else(world: World) -> None:
    phone = world.enrolled()
    stranger = world.phone("a stranger's phone", MALLORY_WORDS)
    stranger.known = phone.known
    nobody = offline(world, phone, "nobody", login="nobody@example.com")
    prompted = offline(world, phone, "prompted", login="nobody@example.com", prompt=True)
    of_alice = offline(world, phone, "alice").by(stranger)
    assert_denied(nobody.bring(), prompted.bring(), of_alice.bring())
    assert len({str(told(stand.bring())) for stand in (nobody, of_alice)}) == 1


def test_sv_06_a_stranger_s_answer_works_the_same_whether_there_is_an_account(world: World) -> None:
    phone = world.enrolled()
    stranger = world.phone("a stranger's phone", MALLORY_WORDS)
    stranger.known = phone.known
    works, answers = [], []
    for label, login in (("warm", EMAIL), ("alice", EMAIL), ("nobody", "nobody@example.com")):
        stand = offline(world, phone, label, login=login).by(stranger)
        other = with_terms(stand.started.qr, expires_at=world.clock.now() + 119)
        with counted(world) as work:
            answers.append(stand.bring())
        works.append(work)
        with counted(world) as work:
            answers.append(stand.bring(qr=other))
        works.append(work)
    _, _, of_alice, *others = works
    assert of_alice.curves == {"P-256": 1, "secp256k1": 1}  # of the site's signature, and one look at the wallet's
    assert [(work.store, work.curves) for work in others] == [(of_alice.store, of_alice.curves)] * 3
    assert {sum(work.vault.values()) for work in others} == {sum(of_alice.vault.values())}
    assert_denied(*answers)


def test_ot_16_another_session_costs_no_look_at_anything(world: World) -> None:
    stand = offline(world, world.enrolled())
    token = world.site().token().token
    with counted(world) as work:
        assert_denied(stand.bring(browser=Browser("thief"), token=token))
    assert work.curves == {}
    assert set(work.store) <= {"answer"}


# --- terms ---------------------------------------------------------------------------------------------------------


def with_terms(qr: str, **changes: object) -> str:
    shown = parse_invitation(qr)
    assert shown.terms is not None
    return msgspec.structs.replace(shown, terms=msgspec.structs.replace(shown.terms, **changes)).encode()


def other_invitations(shown: Invitation) -> Iterator[Invitation]:
    """With each field of the terms another in each bit, and every other number."""
    changed, terms = msgspec.structs.replace, shown.terms
    assert terms is not None
    others: list[Terms] = []
    others += [changed(terms, ticket=ids.to_base64url(raw)) for raw in flipped(ids.from_base64url(terms.ticket))]
    others += [changed(terms, nonce=ids.nonce_text(raw)) for raw in flipped(ids.nonce_bytes(terms.nonce))]
    for bit in range(40):
        moved = terms.issued_at ^ (1 << bit)
        others.append(changed(terms, issued_at=moved, expires_at=moved + 120))
    others += [changed(terms, expires_at=terms.expires_at + seconds) for seconds in (-1, 1, 60, 65_535 - 120)]
    yield from (changed(shown, terms=other) for other in others)
    yield from (changed(shown, number=f"{number:02d}") for number in range(100) if f"{number:02d}" != shown.number)


@pytest.mark.parametrize("prompt", [False, True], ids=["without a record", "with a record"])
def test_ot_16_an_invitation_changed_in_any_bit_is_denied(worlds: Worlds, prompt: bool) -> None:
    world = worlds(rules=PATIENT)
    stand = offline(world, world.enrolled(), prompt=prompt)
    answer = stand.answer()
    others = list(other_invitations(parse_invitation(stand.started.qr)))
    assert len(others) > 400
    requests = [
        world.sites["bank"].request(
            "POST",
            f"/v1/bank/logins/{stand.started.id}/answer",
            msgspec.json.encode(stand.message(answer, qr=other.encode())),
            at=world.clock.now(),
            tag=Tag.CLIENT,
        )
        for other in others
    ]
    answers = [
        answer for start in range(0, len(requests), 200) for answer in all_at_once(world, requests[start : start + 200])
    ]
    # The four bits of a ticket that no account id has: such terms are none, whoever made them.
    none = [answer for answer in answers if answer.status == 400]
    assert [refusal(answer) for answer in none] == [(400, "FIELD")] * 4
    assert_denied(*(answer for answer in answers if answer not in none))
    kept = recorded(world, stand.started.id)
    assert kept is None if not prompt else kept is not None and kept.state == "ISSUED"
    assert unharmed(stand)


@pytest.mark.parametrize(
    "changes",
    [{"tenant": ids.tenant_id("shop")}, {"terms": None}],
    ids=["another tenant", "without terms"],
)
def test_ot_16_the_invitation_of_something_else_is_none_here(world: World, changes: dict[str, object]) -> None:
    stand = offline(world, world.enrolled())
    other = msgspec.structs.replace(parse_invitation(stand.started.qr), **changes).encode()
    assert refusal(stand.bring(qr=other)) == (400, "FIELD")
    assert unharmed(stand)


def test_ot_16_the_invitation_of_another_server_is_denied(world: World) -> None:
    stand = offline(world, world.enrolled())
    other = msgspec.structs.replace(parse_invitation(stand.started.qr), origin="https://evil.example").encode()
    assert_denied(stand.bring(qr=other))
    assert unharmed(stand)


def test_ot_16_a_phone_that_was_shown_other_terms_signed_something_else(world: World) -> None:
    stand = offline(world, world.enrolled())
    for other in (with_act(stand.statement, code="00"), with_act(stand.statement, session=Browser("x").session)):
        assert_denied(stand.bring(stand.answer(statement=other)))
    assert unharmed(stand)


# --- any bit, any twin ---------------------------------------------------------------------------------------------


def test_ot_16_an_answer_with_any_bit_changed_is_not_accepted(worlds: Worlds) -> None:
    world = worlds(rules=PATIENT)
    stand = offline(world, world.enrolled())
    answer = stand.answer()
    raw = _raw(answer)
    refused, changed = 0, []
    for other in flipped(raw):
        text = _text(other)
        try:
            assert parse_answer(text).encode() == text
            changed.append(text)
        except Malformed:
            refused += 1
    assert refused + len(changed) == len(raw) * 8
    assert len(changed) > 1300
    for start in range(0, len(changed), 200):
        requests = [stand.request(text) for text in changed[start : start + 200]]
        assert_denied(*all_at_once(world, requests))
    assert unharmed(stand)


def test_ot_16_an_answer_with_any_character_changed_is_not_accepted(world: World) -> None:
    stand = offline(world, world.enrolled())
    text = stand.answer().encode()
    for place in range(len(text)):
        other = text[:place] + ("0" if text[place] != "0" else "1") + text[place + 1 :]
        assert stand.request(other)  # a browser can send it
        try:
            parsed = parse_answer(other)
        except Malformed:
            continue
        assert parsed != parse_answer(text)


def test_ot_16_the_twin_of_either_signature_is_no_second_answer(world: World) -> None:
    stand = offline(world, world.enrolled())
    answer = stand.answer()
    s = _P256_N - int.from_bytes(answer.device_signature[32:], "big")
    twin = msgspec.structs.replace(answer, device_signature=answer.device_signature[:32] + s.to_bytes(32, "big"))
    raw = _raw(answer)[:54] + twin.device_signature + answer.wallet_signature
    assert refusal(stand.bring(_text(raw))) == (400, "HIGH_S")
    wallet = base64.b64decode(wallet_twin(base64.b64encode(answer.wallet_signature).decode()))
    assert_denied(stand.bring(msgspec.structs.replace(answer, wallet_signature=wallet)))
    assert unharmed(stand)


@pytest.mark.parametrize(
    "text", ["", "PTERI1R:", "PTERI1:", "12345678", "PTERI1R:" + "0" * 339, "PTERI1R:" + "A" * 275, "\u0420TERI1R:0"]
)
def test_ot_16_what_is_no_answer_is_said_to_be_none_and_writes_nothing(world: World, text: str) -> None:
    stand, was = offline(world, world.enrolled()), world.rows()
    answer = stand.bring(text)
    assert answer.status == 400
    assert world.rows() == was
    assert unharmed(stand)


# --- once ----------------------------------------------------------------------------------------------------------


def test_ot_16_an_answer_is_accepted_once(world: World) -> None:
    stand = offline(world, world.enrolled())
    answer = stand.answer()
    assert done(stand.bring(answer)).state == "COMPLETED"
    assert [refusal(stand.bring(again)) for again in (answer, stand.answer(at=world.clock.now() + 1))] == [ANSWERED] * 2
    assert len(sign_ins_of(stand)) == 1
    # Nor in a new session of the same person, nor when all that is kept for a while is forgotten.
    again = offline(world, stand.phone, "again")
    assert_denied(again.bring(answer), again.bring(answer, qr=stand.started.qr, to=stand.started.id))
    world.clock.advance(KEPT_S + HOUR)
    world.run(forget_old(world.deployment, world.clock.now()))
    assert_denied(stand.bring(answer))
    assert len(sign_ins_of(stand)) == 1


def test_a_repeat_of_the_same_request_gets_the_first_answer(world: World) -> None:
    stand = offline(world, world.enrolled())
    answer, key = stand.answer(), "the-same-request-again"
    first = stand.bring(answer, key=key)
    assert done(first).state == "COMPLETED"
    world.clock.advance(600)
    assert [stand.bring(answer, key=key).body for _ in range(3)] == [first.body] * 3
    other = stand.answer(at=world.clock.now())
    assert refusal(stand.bring(other, key=key)) == (409, "KEY_REUSED")
    assert len(sign_ins_of(stand)) == 1


def test_a_repeat_of_a_wrong_answer_is_no_second_attempt(world: World) -> None:
    stand = offline(world, world.enrolled())
    wrong = msgspec.structs.replace(stand.answer(), created_at=world.clock.now() + 1)
    assert_denied(*(stand.bring(wrong, key="the-same-request-again") for _ in range(10)))
    assert unharmed(stand)


def test_ot_16_twice_at_once_is_once(world: World) -> None:
    stand = offline(crowded(world, seed=16), world.enrolled())
    answer = stand.answer()
    answers = all_at_once(world, [stand.request(answer) for _ in range(12)])
    assert sorted(one.status for one in answers) == [200] + [409] * 11
    assert {refusal(one) for one in answers if one.status != 200} == {ANSWERED}
    assert len(sign_ins_of(stand)) == 1


def test_ot_16_an_answer_brought_to_two_processes_counts_once(worlds: Worlds) -> None:
    world = worlds()
    stand = offline(world, world.enrolled())
    beside = worlds.beside(world, ahead_s=30)
    answer = stand.answer()
    request = stand.request(answer)
    assert beside.send(request).status == 200
    assert refusal(stand.bring(answer)) == ANSWERED
    # The same request again is a repeat, whichever process it meets.
    assert world.send(request).status == 200
    assert len(sign_ins_of(stand)) == 1


def test_ot_16_two_phones_at_once_are_one_sign_in(world: World) -> None:
    old = world.enrolled()
    new = second_phone(world, old)
    new.look()
    old.look()
    stand = offline(crowded(world), old)
    answers = all_at_once(world, [stand.request(), stand.by(new).request()])
    assert sorted(one.status for one in answers) == [200, 409]
    assert len(sign_ins_of(stand)) == 1


@pytest.mark.parametrize("seed", range(4))
def test_ot_16_by_camera_and_by_network_at_once_is_once(world: World, seed: int) -> None:
    stand = offline(crowded(world, seed=seed), world.enrolled())
    sent = online(stand)
    request = sent.request(sent.payload(stand.statement))
    camera, network = all_at_once(world, [stand.request(), request])
    assert sorted((camera.status, network.status)) == [200, 409]
    if network.status == 200:
        assert sign_ins_of(stand) == []
        assert type_code(sent, stand.phone.code_of(request, stand.statement)).status == 200
    assert len(sign_ins_of(stand)) == 1


def test_a_sign_in_that_was_answered_online_takes_its_code_and_no_answer(world: World) -> None:
    stand = offline(world, world.enrolled())
    shown = stand.phone.answer(stand.statement, invited=stand.invited)
    assert shown.decided.status == 200
    assert refusal(stand.bring()) == ANSWERED
    stranger = world.phone("a stranger's phone", MALLORY_WORDS)
    stranger.known = stand.phone.known
    assert_denied(stand.by(stranger).bring())
    assert type_code(online(stand), shown.code).status == 200


def test_a_sign_in_that_was_answered_by_camera_takes_no_other_answer_and_no_code(world: World) -> None:
    stand = offline(world, world.enrolled())
    assert done(stand.bring()).state == "COMPLETED"
    shown = stand.phone.answer(stand.statement, invited=stand.invited)
    assert refusal(shown.decided) == ANSWERED
    assert_denied(type_code(online(stand), shown.code))
    assert len(sign_ins_of(stand)) == 1


@pytest.mark.parametrize("first", ["by camera", "by an offline code"])
def test_ot_16_of_the_two_ways_without_a_network_the_first_one_counts(worlds: Worlds, first: str) -> None:
    world = worlds(rules=OFFERED)
    phone = world.enrolled()
    chain, shown = prepared(phone)
    assert shown.decided.status == 200
    phone.look()
    stand = offline(world, phone)
    code = chain.shown(world.clock.now())
    before = [event.name for event in history_of(world, stand.statement.act.account)]
    if first == "by camera":
        assert done(stand.bring()).acr == "pteri:airgap"
        assert enter(world.site(), stand.started, code, stand.browser).status == 401
    else:
        assert done(enter(world.site(), stand.started, code, stand.browser)).acr == "pteri:offline"
        assert refusal(stand.bring()) == ANSWERED
    after = [event.name for event in history_of(world, stand.statement.act.account)]
    assert len(after) == len(before) + 1


# --- one way is not the other ---------------------------------------------------------------------------------------


def as_request(stand: Offline, answer: AirgapAnswer) -> SignedRequest:
    return answered_request(
        answer,
        stand.statement,
        signature_type=SignatureType.P2PKH,
        invited=stand.invited,
        origin=ORIGIN,
        tenant=ids.tenant_id("bank"),
    )


def test_ot_16_an_answer_that_was_seen_cannot_be_sent_as_a_phone_sends(world: World) -> None:
    stand = offline(world, world.enrolled())
    request = as_request(stand, stand.answer())
    path = f"{ORIGIN}/v1/bank/challenges/{stand.started.id}/response"
    assert_denied(world.send(msgspec.structs.replace(request, target_uri=path)))
    # Where it says that it goes, it is a request of a phone in the place of a relying party's, and of another shape.
    there = world.send(request)
    assert there.status in {400, 401}
    body = msgspec.json.encode(stand.message())
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    relabelled = msgspec.structs.replace(request, body=body, content_digest=f"sha-256=:{digest}:")
    assert_denied(world.send(relabelled))
    assert recorded(world, stand.started.id) is None
    assert unharmed(stand)


def test_ot_16_what_a_phone_sent_online_is_no_answer_without_its_code(world: World) -> None:
    """Who could read a request on its way to the service would else have no need of the code."""
    stand = offline(world, world.enrolled())
    sent = online(stand)
    request = sent.request(sent.payload(stand.statement))
    stolen = msgspec.structs.replace(stand.answer(), device_signature=device_rs(request))
    assert_denied(stand.bring(stolen))
    assert sign_ins_of(stand) == []


# --- time and authority --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late_s", "accepted"), [(0, True), (119, True), (120, False), (121, False), (HOUR, False)])
def test_ot_16_an_answer_after_the_end_of_its_sign_in_is_denied(world: World, late_s: int, accepted: bool) -> None:
    stand = offline(world, world.enrolled())
    answer = stand.answer()
    world.clock.advance(late_s)
    answered = stand.bring(answer)
    assert refusal(answered)[0] == (200 if accepted else 401)
    assert len(sign_ins_of(stand)) == accepted


@pytest.mark.parametrize(
    ("ahead_s", "accepted"), [(-300, False), (-299, True), (0, True), (90, True), (91, False), (86_400, False)]
)
def test_the_clock_of_the_phone_may_be_a_little_wrong(world: World, ahead_s: int, accepted: bool) -> None:
    stand = offline(world, world.enrolled())
    assert (stand.bring(stand.answer(at=world.clock.now() + ahead_s)).status == 200) is accepted


def test_ot_16_a_frozen_account_lets_nobody_in_by_camera(world: World) -> None:
    phone = world.enrolled()
    stand = offline(world, phone)
    assert phone.freeze().decided.status == 200
    phone.look()
    now = stand.by(phone)
    # The answer of before is of another epoch; the one of now is right, and policy says no.
    assert_denied(stand.bring(), now.bring())
    assert sign_ins_of(stand) == []
    refused = [event for event in history_of(world, stand.statement.act.account) if isinstance(event, ActRefused)]
    assert [(event.purpose, event.request) for event in refused] == [("authenticate", stand.started.id)]
    assert world.site().progress(stand.started) == "FAILED"


def test_ot_16_a_removed_phone_answers_no_more(world: World) -> None:
    old = world.enrolled()
    new = second_phone(world, old)
    old.look()
    new.known = old.known
    stand = offline(world, new)
    old.revoke(new.thumbprint)
    old.look()
    new.known = old.known
    assert_denied(stand.bring(), stand.by(new).bring())
    # Nor does it make an event by trying.
    events = history_of(world, stand.statement.act.account)
    assert not any(isinstance(event, ActRefused | SignedIn) for event in events)
    world.clock.advance(60)
    assert done(offline(world, old, "owner").bring()).device == old.thumbprint


def test_ot_16_an_answer_of_an_earlier_epoch_is_denied(world: World) -> None:
    old = world.enrolled()
    stand = offline(world, old)
    second_phone(world, old)
    fresh = offline(world, old, "desk 2")  # still by what the phone knew before
    assert_denied(fresh.bring())
    old.look()
    assert done(fresh.by(old).bring()).epoch == 2
    assert stand.statement.act.epoch == 1


def test_ot_16_the_old_wallet_answers_no_more_when_it_was_replaced(world: World) -> None:
    phone, code = world.enrolled(), Key("recovery code")
    assert phone.protect(codes=(code,)).decided.status in {200, 202}
    old_wallet = phone.wallet
    world.clock.advance(4 * 24 * HOUR)
    assert phone.rotate(SimWallet(NEW_WORDS), code=code).decided.status == 200
    phone.look()
    new_wallet = phone.wallet
    phone.wallet = old_wallet
    stand = offline(world, phone)
    assert_denied(stand.bring())
    phone.wallet = new_wallet
    assert unharmed(stand.by(phone))


def test_what_time_alone_has_ended_is_recorded_with_the_sign_in_and_the_registry_is_whole(world: World) -> None:
    old = world.enrolled()
    new = second_phone(world, old)
    old.revoke(new.thumbprint)
    world.clock.advance(25 * HOUR)
    old.look()
    stand = offline(world, old)
    assert done(stand.bring()).device == old.thumbprint
    names = [event.name for event in history_of(world, stand.statement.act.account)]
    assert names[-2:] == ["SuspensionEnded", "SignedIn"]
    world.run(check_whole(world.store))


# --- what wrong ones cost ------------------------------------------------------------------------------------------


def test_ot_16_wrong_answers_end_their_own_sign_in_and_nothing_else(world: World) -> None:
    phone = world.enrolled()
    stand, beside = offline(world, phone), offline(world, phone, "beside")
    wrong = msgspec.structs.replace(stand.answer(), created_at=world.clock.now() + 1)
    assert_denied(*(stand.bring(wrong) for _ in range(2)))
    assert done(beside.bring()).state == "COMPLETED"
    assert_denied(stand.bring(wrong), stand.bring())
    again = offline(world, phone, "again")
    assert done(again.bring()).state == "COMPLETED"


def test_ot_16_garbage_makes_no_event_no_record_and_ever_less_to_write(world: World) -> None:
    stand = offline(world, world.enrolled())
    wrong = msgspec.structs.replace(stand.answer(), wallet_signature=bytes(65))
    before = world.rows()
    assert_denied(*(stand.bring(wrong) for _ in range(3)))
    after = world.rows()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"answers", "counters"}
    assert_denied(*(stand.bring(wrong) for _ in range(10)))
    assert world.rows() == after


def _raw(answer: AirgapAnswer) -> bytes:
    return from_base45(answer.encode().removeprefix("PTERI1R:"))


def _text(raw: bytes) -> str:
    return "PTERI1R:" + to_base45(raw)
