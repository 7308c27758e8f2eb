"""The flowcharts again, played by the real phone library and the real client against the real service."""

from __future__ import annotations

import pytest

from phones import EMAIL, Wire, client, empty_hand, hand, let_in, linked, moved
from pteri.core.acts import phone_name
from pteri.core.errors import Code, ProtocolError
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from world import LINE, ORIGIN, World

HOUR = 3600


def test_an_account_is_linked_and_signs_in(world: World) -> None:
    held, site = linked(world, line=LINE), client(world)
    waiting = site.start_sign_in(EMAIL)
    assert site.progress(waiting.id).state == "WAITING"
    shown = held.phone().approve(waiting.qr, line=LINE)
    assert site.progress(waiting.id).state == "APPROVED"
    signed_in = site.enter_code(waiting.id, shown.spaced, waiting.session.secret)
    assert signed_in.device == held.phone().thumbprint
    assert site.progress(waiting.id).state == "COMPLETED"


def test_a_scanned_sign_in_takes_three_requests_and_the_first_one_keeps_nothing(world: World) -> None:
    held, carrier = linked(world, line=LINE), Wire(world)
    site = client(world, carrier=carrier)
    site.start_sign_in("nobody@example.com", prompt=False)  # buys the token
    before, kept = len(carrier.sent), world.rows()
    waiting = site.start_sign_in(EMAIL, prompt=False)
    assert world.rows() == kept
    phone = held.phone()
    sent = len(held.wire.sent)
    shown = phone.approve(waiting.qr)
    assert site.enter_code(waiting.id, shown.code, waiting.session).device == phone.thumbprint
    assert (carrier.places[before:], held.wire.places[sent:]) == (["logins", "code"], ["response"])


def test_a_prompt_is_approved_with_the_number_of_the_other_screen(world: World) -> None:
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    phone = held.phone()
    [prompt] = phone.prompts().prompts
    with pytest.raises(UnsafeError) as refused:
        phone.approve(prompt.id)
    assert refused.value.code is SafetyCode.NUMBER_NEEDED
    shown = phone.approve(prompt.id, number=waiting.number)
    assert site.enter_code(waiting.id, shown.code, waiting.session).state == "COMPLETED"


def test_the_old_phone_lets_a_new_one_in_and_goes(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    moving = let_in(old, new, revoke_old=True)
    assert (moving.step, moving.new_phone) == ("approved", new.new_phone().name)
    assert moving.until == world.clock.now() + HOUR
    assert moving.signed is not None
    assert moving.signed.decision == "hold"
    assert not new.new_phone().receive()
    with pytest.raises(ProtocolError) as early:
        old.phone().hand_over()
    assert early.value.code is Code.NOT_YET_VALID
    world.clock.advance(HOUR)
    assert old.phone().hand_over().step == "delivered"
    assert new.new_phone().receive()
    assert new.phone().activate().decision == "permit"
    states = {seen.thumbprint: seen.state for seen in new.phone().devices().phones}
    assert states == {old.phone().thumbprint: "REVOKED", new.phone().thumbprint: "ACTIVE"}

    waiting = client(world).start_sign_in(EMAIL)
    code = new.phone().approve(waiting.qr).code
    assert client(world).enter_code(waiting.id, code, waiting.session).device == new.phone().thumbprint
    with pytest.raises(ServerError) as gone:
        old.phone().approve(client(world).start_sign_in(EMAIL).qr)
    assert gone.value.status == 401


def test_all_phones_lost_the_words_alone_get_the_account_back_after_a_wait(world: World) -> None:
    lost, new = linked(world), hand(world, "new phone")
    begun = new.phone().start_recovery(ORIGIN, "bank")
    assert (begun.decision, begun.until) == ("hold", world.clock.now() + 72 * HOUR)
    recovery = new.phone().devices().recovery
    assert recovery is not None
    assert recovery.new_phone == new.phone().name
    with pytest.raises(ServerError) as early:
        new.phone().activate()
    assert early.value.code == "HELD"
    world.clock.advance(72 * HOUR)
    assert new.phone().activate().decision == "permit"
    states = {seen.thumbprint: seen.state for seen in new.phone().devices().phones}
    assert states[lost.phone().thumbprint] == "REVOKED"


def test_the_owner_stops_a_recovery_with_the_old_phone(world: World) -> None:
    owner, thief = linked(world), hand(world, "a thief's phone")
    thief.phone().start_recovery(ORIGIN, "bank")
    phone = owner.phone()
    assert phone.revoke(phone.find_phone(thief.phone().name)).decision == "permit"
    world.clock.advance(72 * HOUR)
    with pytest.raises(ServerError):
        thief.phone().activate()


def test_a_removed_phone_forgets_and_is_a_new_phone_then(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    moved(old, new, revoke_old=True)
    new.phone().activate()
    before = old.phone()
    before.forget()
    again = old.phone()
    assert again.thumbprint != before.thumbprint
    assert again.name == phone_name(again.thumbprint)
    assert old.new_phone().offer(ORIGIN, "bank").startswith("PTERI-MIG1:")
