"""An approval whose code never came is in the log, too, with the evidence an auditor needs."""

from __future__ import annotations

from pteri.app.forget import KEPT_S, forget_old
from pteri.core.ids import TenantId
from pteri.core.statement import parse
from pteri.domain.events import AccountBound, SignedIn, SignInLapsed
from pteri.domain.records import RecordedEvent
from world import Browser, SimPhone, World


def history(world: World, phone: SimPhone) -> list[RecordedEvent]:
    account = world.account_of(phone)
    return world.run(world.deployment.store.history(TenantId("bank"), account.id, 0, 100))


def forget_all(world: World) -> None:
    while world.run(forget_old(world.deployment, world.clock.now())):
        pass


def test_an_approved_sign_in_whose_code_never_came_is_recorded_before_it_is_forgotten(world: World) -> None:
    phone = world.enrolled()
    started = world.site().start_sign_in("alice@example.com", Browser("never comes back"))
    shown = phone.approve(started)
    assert [type(each.event) for each in history(world, phone)] == [AccountBound]
    world.clock.advance(KEPT_S + 3600)
    forget_all(world)
    bound, lapsed = history(world, phone)
    assert isinstance(bound.event, AccountBound)
    assert isinstance(lapsed.event, SignInLapsed)
    assert (lapsed.event.request, lapsed.event.device) == (started.id, phone.thumbprint)
    assert lapsed.evidence is not None
    assert parse(lapsed.evidence.statement.encode()) == shown.statement
    assert lapsed.evidence.signed.signature == shown.request.signature
    assert world.run(world.deployment.store.challenge(TenantId("bank"), started.id)) is None


def test_it_is_recorded_once_and_changes_nobodys_authority(world: World) -> None:
    phone = world.enrolled()
    phone.approve(world.site().start_sign_in("alice@example.com", Browser("one")))
    phone.approve(world.site().start_sign_in("alice@example.com", Browser("two")))
    before = world.account_of(phone)
    world.clock.advance(KEPT_S + 3600)
    forget_all(world)
    forget_all(world)
    assert [type(each.event) for each in history(world, phone)] == [AccountBound, SignInLapsed, SignInLapsed]
    after = world.account_of(phone)
    assert (after.epoch, after.devices) == (before.epoch, before.devices)


def test_a_sign_in_that_was_completed_or_never_approved_leaves_no_lapse(world: World) -> None:
    phone = world.enrolled()
    browser = Browser("completes")
    started = world.site().start_sign_in("alice@example.com", browser)
    code = phone.approve(started).code
    assert world.site().enter_code("logins", started.id, code, browser).status == 200
    world.site().start_sign_in("alice@example.com", Browser("nobody answers"))
    world.clock.advance(KEPT_S + 3600)
    forget_all(world)
    assert [type(each.event) for each in history(world, phone)] == [AccountBound, SignedIn]


def test_an_approved_sign_in_that_three_wrong_codes_ended_is_in_the_log_at_once(world: World) -> None:
    phone = world.enrolled()
    browser = Browser("guesses")
    started = world.site().start_sign_in("alice@example.com", browser)
    code = phone.approve(started).code
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    for _ in range(3):
        assert world.site().enter_code("logins", started.id, wrong, browser).status == 401
    bound, lapsed = history(world, phone)
    assert isinstance(bound.event, AccountBound)
    assert isinstance(lapsed.event, SignInLapsed)
    assert lapsed.evidence is not None
    assert world.site().enter_code("logins", started.id, code, browser).status == 401


def test_what_was_kept_for_a_code_is_gone_when_no_code_is_awaited_any_more(world: World) -> None:
    phone = world.enrolled()
    browser = Browser("completes")
    started = world.site().start_sign_in("alice@example.com", browser)
    code = phone.approve(started).code
    waiting = world.run(world.deployment.store.challenge(TenantId("bank"), started.id))
    assert waiting is not None
    assert waiting.sealed
    assert world.site().enter_code("logins", started.id, code, browser).status == 200
    completed = world.run(world.deployment.store.challenge(TenantId("bank"), started.id))
    assert completed is not None
    assert (completed.sealed, completed.code_mac) == (b"", None)
