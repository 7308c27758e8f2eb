"""A person signs in with a phone that has no network: scan, yes, and hold the phone before the browser's camera."""

from __future__ import annotations

import msgspec
import pytest

from phones import EMAIL, HOUR, Hand, client, hand, linked, linked_also, unasked
from pteri.core.acts import Authenticate
from pteri.core.airgap import parse_answer
from pteri.core.errors import Code, Malformed
from pteri.core.invitation import parse_invitation
from pteri.wallet.client import BrowserSession, Waiting
from pteri.wallet.journal import Journal
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from pteri.wallet.server import NoNetwork
from pteri.wallet.signing_in import ShownAnswer
from world import LINE, World


def unplugged(held: Hand) -> Hand:
    """The same phone, that cannot reach anybody."""
    held.wire.requests_to_lose = 1_000_000
    return held


def plugged(held: Hand) -> Hand:
    held.wire.requests_to_lose = 0
    return held


def shown_by(held: Hand, waiting: Waiting) -> ShownAnswer:
    return held.phone().answer_offline(waiting.qr)


def brought(world: World, waiting: Waiting, text: str) -> str:
    return client(world).bring_answer(waiting.qr, text, waiting.session).acr


def denied(world: World, waiting: Waiting, text: str) -> tuple[int, str]:
    with pytest.raises(ServerError) as no:
        client(world).bring_answer(waiting.qr, text, waiting.session)
    return no.value.status, no.value.code


@pytest.mark.parametrize("line", [LINE, None], ids=["with a line", "without a line"])
def test_a_phone_without_network_signs_a_browser_in(world: World, line: str | None) -> None:
    held, waiting = unplugged(linked(world, line=line)), unasked(world)
    sent = len(held.wire.sent)
    shown = shown_by(held, waiting)
    assert len(held.wire.sent) == sent
    assert shown.text not in repr(shown)
    site = client(world)
    told = site.bring_answer(waiting.qr, shown.text, waiting.session)
    act = shown.statement.act
    assert isinstance(act, Authenticate)
    assert (told.account, told.device, told.epoch) == (act.account, act.device, act.epoch)
    assert (told.acr, "otp" in told.amr) == ("pteri:airgap", False)
    assert site.progress(waiting.id).state == "COMPLETED"
    # It went by a token, as codes do.
    assert held.owner.shown[-1].statement == shown.statement


def test_what_it_signs_is_what_it_would_have_signed_with_a_network(world: World) -> None:
    held, waiting = linked(world, line=LINE), unasked(world)
    shown = shown_by(held, waiting)
    assert held.phone().approve(waiting.qr).statement == shown.statement


def test_the_answer_says_the_time_of_its_own_clock(world: World) -> None:
    held, waiting = unplugged(linked(world)), unasked(world)
    held.ahead_s = 60
    shown = shown_by(held, waiting)
    assert shown.signed_at == world.clock.now() + 60 == parse_answer(shown.text).created_at
    assert brought(world, waiting, shown.text) == "pteri:airgap"


@pytest.mark.parametrize("ahead_s", [-600, 600])
def test_a_clock_that_is_ten_minutes_wrong_is_said_before_anything_is_signed(world: World, ahead_s: int) -> None:
    held, waiting = unplugged(linked(world)), unasked(world)
    held.ahead_s = ahead_s
    with pytest.raises(UnsafeError) as refused:
        shown_by(held, waiting)
    assert refused.value.code is SafetyCode.OUT_OF_WINDOW
    assert held.owner.shown[-1].statement.purpose == "bind"


def test_nothing_is_shown_when_the_owner_says_no(world: World) -> None:
    held, waiting = unplugged(linked(world)), unasked(world)
    held.owner.refuses = "authenticate"
    with pytest.raises(UnsafeError) as declined:
        shown_by(held, waiting)
    assert declined.value.code is SafetyCode.DECLINED


def test_nothing_is_remembered_of_an_answer_that_nobody_may_ever_bring(world: World) -> None:
    """But two hashes of what was signed, by which the phone knows its own leaf again, if one comes."""
    held, waiting = unplugged(linked(world)), unasked(world)
    before = {path.name: path.read_bytes() for path in held.directory.iterdir()}
    shown = shown_by(held, waiting)
    after = {path.name: path.read_bytes() for path in held.directory.iterdir()}
    notes = after.pop("log.json")
    assert after == {name: content for name, content in before.items() if name != "log.json"}
    assert len(notes) < len(before["log.json"]) + 200
    assert waiting.id.encode() not in notes
    assert shown.text.encode() not in notes


def test_it_may_be_asked_for_again_and_counts_once(world: World) -> None:
    held, waiting = unplugged(linked(world)), unasked(world)
    first = shown_by(held, waiting)
    world.clock.advance(20)
    second = shown_by(held, waiting)
    assert first.text != second.text
    assert brought(world, waiting, second.text) == "pteri:airgap"
    assert denied(world, waiting, first.text) == (409, "CHALLENGE_CONSUMED")


def test_a_phone_that_does_not_know_of_another_phone_yet_looks_once_and_can_again(world: World) -> None:
    first = linked(world)
    linked_also(world, first)
    first.world.clock.advance(HOUR)
    # Another phone came in: the epoch has moved, and this one has not heard of it.
    state = first.phone()._keystore.load_state()
    first.phone()._keystore.save_state(msgspec.structs.replace(state, epoch=1))
    unplugged(first)
    waiting = unasked(world)
    assert denied(world, waiting, shown_by(first, waiting).text) == (401, "DENIED")
    plugged(first)
    assert first.phone().approve(unasked(world).qr).code
    unplugged(first)
    waiting = unasked(world)
    assert brought(world, waiting, shown_by(first, waiting).text) == "pteri:airgap"


def test_without_a_network_nothing_but_a_scanned_sign_in_is_answered(world: World) -> None:
    held, waiting = linked(world), unasked(world)
    bare = msgspec.structs.replace(parse_invitation(waiting.qr), terms=None).encode()
    unplugged(held)
    for binding_or_prompt in (bare, waiting.id):
        with pytest.raises(UnsafeError) as only_scanned:
            held.phone().answer_offline(binding_or_prompt)
        assert only_scanned.value.code is SafetyCode.NEEDS_NETWORK
    with pytest.raises(Malformed):
        held.phone().answer_offline("PTERI1R:")
    with pytest.raises(UnsafeError) as other:
        held.phone().answer_offline(waiting.qr, number="99" if waiting.number != "99" else "98")
    assert other.value.field == "code"
    with pytest.raises(UnsafeError) as elsewhere:
        held.phone().answer_offline(client(world, "shop").start_sign_in(EMAIL, prompt=False).qr)
    assert elsewhere.value.field == "tenant"
    Journal(held.directory).forget()
    with pytest.raises(UnsafeError) as forgotten:
        held.phone().answer_offline(waiting.qr)
    assert forgotten.value.code is SafetyCode.NEEDS_NETWORK
    assert all(review.statement.purpose == "bind" for review in held.owner.shown)


def test_a_phone_of_no_account_answers_nothing(world: World) -> None:
    with pytest.raises(UnsafeError) as nobody:
        hand(world).phone().answer_offline(unasked(world).qr)
    assert nobody.value.code is SafetyCode.NOT_ENROLLED


def test_the_site_is_told_at_once_of_what_is_no_answer_to_its_code(world: World) -> None:
    held, waiting, other = linked(world), unasked(world), unasked(world)
    text = shown_by(held, waiting).text
    site, session = client(world), BrowserSession(other.session.secret)
    for qr, answer in ((other.qr, text), (waiting.qr, waiting.qr), (waiting.qr, text[:-1]), ("PTERI1:", text)):
        with pytest.raises(Malformed):
            site.bring_answer(qr, answer, session)
    with pytest.raises(Malformed) as mixed:
        site.bring_answer(other.qr, text, session)
    assert mixed.value.code is Code.FIELD


def test_a_phone_that_is_told_to_use_no_network_uses_none(world: World) -> None:
    held = linked(world)
    held.wire = NoNetwork()  # type: ignore[assignment]  # a transport like any other
    assert shown_by(held, unasked(world)).text.startswith("PTERI1R:")
    with pytest.raises(ServerError) as unreachable:
        held.phone().devices()
    assert unreachable.value.code == "UNREACHABLE"
