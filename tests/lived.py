"""A registry that has lived: two people, every kind of act, each with real signatures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chains import OFFERED, enter, prepared
from pteri.app.deployment import Deployment
from pteri.app.findings import Acknowledged
from pteri.app.forget import forget_old
from pteri.core.ids import AccountId, RequestId
from world import MALLORY_WORDS, Browser, SimPhone, World

__all__ = ["Lived", "lived", "lived_in"]

HOUR, DAY = 3600, 86_400


@dataclass
class Lived:
    """The world, who lives in it, and what they were told."""

    world: World
    alice: AccountId
    bob: AccountId
    phone: SimPhone
    """Alice's verified phone."""
    acknowledged: list[Acknowledged]

    @property
    def deployment(self) -> Deployment:
        return self.world.deployment


def lived(place: Path) -> Lived:
    """The same in a file at this place."""
    return lived_in(World(place, rules=OFFERED))


def lived_in(world: World) -> Lived:
    """Sign-ins of two people; one of them adds a phone, has a recovery stopped, removes a phone, and is refused."""
    told: list[Acknowledged] = []
    first = world.enrolled("first phone", "alice@example.com")
    bobs = world.enrolled("bob's phone", "bob@example.com", words=MALLORY_WORDS)
    for _ in range(3):
        told.append(signed_in(world, first, "alice@example.com"))
        told.append(signed_in(world, bobs, "bob@example.com"))
    approved_only(world, first, "alice@example.com")
    second = world.phone("second phone")
    assert first.approve_offer(second.offer(), revoke_old=False).decided.status == 202
    world.clock.advance(HOUR)
    assert second.activate().decided.status == 200
    assert second.revoke(first.thumbprint).decided.code == "DEVICE_ON_PROBATION"
    told.append(signed_in(world, second, "alice@example.com"))
    world.clock.advance(4 * DAY)
    third = world.phone("third phone")
    assert third.start_recovery().decided.status == 202
    assert first.veto().decided.status == 200
    assert first.revoke(second.thumbprint).decided.status == 200
    world.clock.advance(HOUR)
    assert first.revoke(second.thumbprint).decided.code == "HELD"
    world.clock.advance(2 * DAY)
    assert world.run(forget_old(world.deployment, world.clock.now())) == 1
    told.append(signed_in(world, first, "alice@example.com", scanned=True))
    told += [signed_in_offline(world, first, days) for days in (0, 1)]
    fourth = world.phone("fourth phone")
    assert first.approve_offer(fourth.offer(), revoke_old=False).decided.status == 202
    alice, bob = world.account_of(first).id, world.account_of(bobs).id
    assert world.run(world.deployment.store.sequence(1000)) > 0
    return Lived(world, alice, bob, first, told)


def signed_in(world: World, phone: SimPhone, login: str, *, scanned: bool = False) -> Acknowledged:
    """One whole sign-in, a little later than what was before."""
    world.clock.advance(7)
    browser = Browser("desk")
    started = world.site(phone.tenant).start_sign_in(login, browser, prompt=not scanned)
    if scanned:
        phone.look()  # its list of phones, from which it knows the account as it is now
    shown = phone.scan(started) if scanned else phone.approve(started)
    done = world.site(phone.tenant).enter_code("logins", started.id, shown.code, browser)
    assert done.status == 200, done.body
    return Acknowledged(RequestId(started.id), AccountId(done.json["account"]), world.clock.now())


def signed_in_offline(world: World, phone: SimPhone, days: int) -> Acknowledged:
    """With a code that the phone prepared so many days ago."""
    phone.look()
    chain, shown = prepared(phone, f"{days} days", days=days + 1)
    assert shown.decided.status == 200
    world.clock.advance(days * DAY)
    browser = Browser("desk without a network")
    started = world.site(phone.tenant).start_sign_in("alice@example.com", browser, prompt=False)
    done = enter(world.site(phone.tenant), started, chain.shown(world.clock.now()), browser)
    assert done.status == 200, done.body
    return Acknowledged(RequestId(started.id), AccountId(done.json["account"]), world.clock.now())


def approved_only(world: World, phone: SimPhone, login: str) -> None:
    """A sign-in whose code nobody types."""
    assert phone.approve(world.site(phone.tenant).start_sign_in(login, Browser("left desk"))).decided.status == 200
