"""The two flowcharts, as drawn."""

from __future__ import annotations

from pteri.core import wire
from world import Browser, World

HOUR = 3600


def test_flowchart_1_an_account_is_linked_and_signs_in(world: World) -> None:
    phone = world.enrolled()
    browser = Browser("morning")
    started = world.site().start_sign_in("alice@example.com", browser)
    assert world.site().progress(started) == "WAITING"
    assert [prompt.id for prompt in phone.prompts().prompts] == [started.id]

    shown = phone.approve(started)
    assert shown.decided.as_(wire.Decided).decision == "permit"
    assert world.site().progress(started) == "APPROVED"

    signed_in = world.site().enter_code("logins", started.id, shown.code, browser).as_(wire.SignedIn)
    assert signed_in.device == phone.thumbprint
    assert signed_in.acr == "pteri:otp"
    assert world.site().progress(started) == "COMPLETED"


def test_flowchart_1_a_phone_is_verified_only_when_its_code_was_typed(world: World) -> None:
    phone, browser = world.phone("old phone"), Browser("desk")
    started = world.site().start_binding("alice@example.com", browser)
    shown = phone.bind(started)
    assert shown.decided.status == 200
    assert phone.post("/devices", wire.Nothing()).status == 401
    assert world.site().enter_code("bindings", started.id, shown.code, browser).status == 200
    [seen] = phone.devices().phones
    assert (seen.state, seen.this_phone) == ("ACTIVE", True)


def test_flowchart_2_the_old_phone_lets_a_new_one_in_and_goes(world: World) -> None:
    old, new = world.enrolled(), world.phone("new phone")
    approved = old.approve_offer(new.offer(), revoke_old=True)
    decided = approved.decided.as_(wire.Decided)
    assert (approved.decided.status, decided.decision, decided.reason) == (202, "hold", "SECURITY_DELAY")

    seen = new.devices().migration
    assert seen is not None
    assert (seen.state, seen.confirmed) == ("HELD", True)
    early = new.start_activation()
    assert (early.status, early.code) == (403, "HELD")

    world.clock.advance(HOUR)
    activated = new.activate()
    assert activated.decided.as_(wire.Decided).reason == "HOLD_OVER"
    states = {seen.thumbprint: seen.state for seen in new.devices().phones}
    assert states == {old.thumbprint: "REVOKED", new.thumbprint: "ACTIVE"}
    assert old.post("/devices", wire.Nothing()).status == 401


def test_flowchart_2_the_old_phone_may_stay(world: World) -> None:
    old, new = world.enrolled(), world.phone("new phone")
    old.approve_offer(new.offer(), revoke_old=False)
    world.clock.advance(HOUR)
    new.activate()
    assert {seen.state for seen in new.devices().phones} == {"ACTIVE"}
    for phone in (old, new):
        browser = Browser(phone.key.label)
        started = world.site().start_sign_in("alice@example.com", browser)
        shown = phone.approve(started)
        assert world.site().enter_code("logins", started.id, shown.code, browser).status == 200


def test_flowchart_2_a_lost_phone_is_replaced_after_the_hold(world: World) -> None:
    old, new = world.enrolled(), world.phone("new phone")
    world.clock.advance(1)
    claimed = new.start_recovery()
    decided = claimed.decided.as_(wire.Decided)
    assert (claimed.decided.status, decided.decision, decided.reason) == (202, "hold", "RECOVERY_HOLD")
    assert decided.until == world.clock.now() + 72 * HOUR

    assert old.devices().notices[0].kind == "RECOVERY_STARTED"
    world.clock.advance(72 * HOUR - 1)
    assert new.start_activation().code == "HELD"
    world.clock.advance(1)
    assert new.activate().decided.status == 200
    states = {seen.thumbprint: seen.state for seen in new.devices().phones}
    assert states == {old.thumbprint: "REVOKED", new.thumbprint: "ACTIVE"}

    browser = Browser("after")
    started = world.site().start_sign_in("alice@example.com", browser)
    shown = new.approve(started)
    assert world.site().enter_code("logins", started.id, shown.code, browser).status == 200


def test_any_verified_phone_stops_a_recovery(world: World) -> None:
    old, thief = world.enrolled(), world.phone("thief's phone")
    thief.start_recovery()
    # Removing the phone would be an objection that nobody weighs.
    refused = old.revoke(thief.thumbprint).decided
    assert (refused.status, refused.code) == (403, "VETO_INSTEAD")
    assert old.veto().decided.as_(wire.Decided).reason == "STOPPED"
    world.clock.advance(100 * HOUR)
    assert thief.start_activation().status == 401
    assert {seen.state for seen in old.devices().phones} == {"ACTIVE", "DROPPED"}
