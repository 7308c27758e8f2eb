"""What is forgotten after a day, and what is written down before it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from pteri.app.forget import KEPT_S, forget_old
from pteri.core import ids
from pteri.domain.events import SignInLapsed
from thieves import (
    HOUR,
    account_of,
    binding,
    challenge_of,
    crowded,
    history_of,
    recorded,
    scanning,
    second_phone,
    setting_up,
    signing_in,
    type_code,
)
from whole import check_whole
from world import World
from worlds import Worlds

if TYPE_CHECKING:
    from pteri.app.ports import Store


@pytest.fixture(params=["sqlite", "postgres"])
def kept_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def forget_all(world: World) -> int:
    turns = 0
    while world.run(forget_old(world.deployment, world.clock.now())):
        turns += 1
        assert turns < 100
    return turns


def names(world: World, account: ids.AccountId) -> list[str]:
    return [event.name for event in history_of(world, account)]


@pytest.mark.parametrize(("after_s", "lapses"), [(120 + KEPT_S, 0), (121 + KEPT_S, 1)])
def test_a_sign_in_lapses_a_day_after_its_code_could_last_have_come(world: World, after_s: int, lapses: int) -> None:
    stand = scanning(world, world.enrolled())
    assert stand.honest().status == 200
    world.clock.advance(after_s)
    forget_all(world)
    assert names(world, account_of(stand)) == ["AccountBound", *["SignInLapsed"] * lapses]
    assert (recorded(world, stand.statement.request_id) is None) is bool(lapses)


def test_a_binding_and_a_set_up_whose_code_never_came_are_forgotten_in_silence(world: World) -> None:
    """Nothing of an account happened: the one has none yet, and the other grants nothing."""
    phone = world.enrolled()
    account = phone.look().account
    stands = [
        binding(world, world.phone("another phone", index=1), "other@example.com"),
        setting_up(world, world.phone("new phone")),
    ]
    assert all(stand.honest().status == 200 for stand in stands)
    world.clock.advance(2 * KEPT_S)
    assert forget_all(world) > 0
    assert names(world, account) == ["AccountBound"]
    assert [recorded(world, stand.statement.request_id) for stand in stands] == [None, None]


def test_the_phone_of_a_lapsed_sign_in_may_be_gone_by_then(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    second.look()
    stand = scanning(world, second)
    assert stand.honest().status == 200
    assert old.revoke(second.thumbprint).decided.status == 200
    before = old.devices()
    world.clock.advance(KEPT_S + HOUR)
    forget_all(world)
    assert [event.device for event in history_of(world, account_of(stand)) if isinstance(event, SignInLapsed)] == [
        second.thumbprint
    ]
    assert old.devices().epoch == before.epoch
    world.run(check_whole(world.deployment.store))


def test_what_time_has_ended_is_settled_before_the_lapse_is_recorded(world: World) -> None:
    phone = world.enrolled()
    stand = scanning(world, phone)
    assert stand.honest().status == 200
    assert phone.approve_offer(world.phone("new phone").offer()).decided.status == 202
    world.clock.advance(KEPT_S + HOUR)
    forget_all(world)
    migrated = ["MigrationApproved", "MigrationConfirmed", "MigrationExpired"]
    assert names(world, account_of(stand)) == ["AccountBound", *migrated, "SignInLapsed"]


def test_a_sign_in_that_failed_by_wrong_codes_lapses_at_once_with_its_evidence_and_not_again(world: World) -> None:
    stand = scanning(world, world.enrolled())
    request = stand.request(stand.payload(stand.statement))
    assert world.send(request).status == 200
    right = int(stand.phone.code_of(request, stand.statement))
    for offset in (1, 2):
        assert type_code(stand, f"{(right + offset) % 10**8:08d}").status == 401
        assert names(world, account_of(stand)) == ["AccountBound"]
    assert type_code(stand, f"{(right + 3) % 10**8:08d}").status == 401
    [_, lapsed] = world.run(world.deployment.store.history(ids.tenant_id("bank"), account_of(stand), 0, 10))
    assert lapsed.event == SignInLapsed(
        world.clock.now(), stand.statement.request_id, ids.thumbprint(stand.phone.thumbprint)
    )
    assert lapsed.evidence is not None
    assert lapsed.evidence.statement.encode() == stand.statement.encode()
    assert lapsed.evidence.signed.signature == request.signature
    world.clock.advance(KEPT_S + HOUR)
    forget_all(world)
    assert names(world, account_of(stand)) == ["AccountBound", "SignInLapsed"]
    world.run(check_whole(world.deployment.store))


@pytest.mark.parametrize("seed", range(4))
def test_two_loops_at_once_record_a_lapse_once(world: World, seed: int) -> None:
    phone = world.enrolled()
    for number in range(3):
        assert scanning(world, phone, f"desk {number}").honest().status == 200
    world.clock.advance(KEPT_S + HOUR)
    crowded(world, seed=seed)

    async def loop() -> None:
        while await forget_old(world.deployment, world.clock.now()):
            pass

    async def both() -> None:
        await asyncio.gather(loop(), loop())

    world.run(both())
    forget_all(world)
    assert names(world, phone.look().account) == ["AccountBound", *["SignInLapsed"] * 3]
    world.run(check_whole(world.deployment.store))


def test_a_process_that_dies_between_the_two_forgets_nothing_that_is_not_written_down(
    worlds: Worlds, world: World
) -> None:
    stand = scanning(world, world.enrolled())
    assert stand.honest().status == 200
    world.clock.advance(KEPT_S + HOUR)
    assert world.run(forget_old(world.deployment, world.clock.now())) == 1  # and here it ends
    assert names(world, account_of(stand)) == ["AccountBound", "SignInLapsed"]
    assert challenge_of(world, stand.statement.request_id).state == "CANCELLED"
    successor = worlds.beside(world)
    assert forget_all(successor) > 0
    assert names(world, account_of(stand)) == ["AccountBound", "SignInLapsed"]
    assert recorded(world, stand.statement.request_id) is None


def test_an_account_that_changes_meanwhile_is_looked_at_again(world: World) -> None:
    phone = world.enrolled()
    stand = scanning(world, phone)
    assert stand.honest().status == 200
    world.clock.advance(KEPT_S + HOUR)
    later = signing_in(world, phone, "later")
    request = later.request(later.payload(later.statement))
    assert world.send(request).status == 200
    store = world.deployment.store
    stale = world.run(store.account(ids.tenant_id("bank"), account_of(stand)))
    assert type_code(later, phone.code_of(request, later.statement)).status == 200

    class Stale:
        """Shows the account once as it was."""

        shown = False

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def account(self, tenant: ids.TenantId, account: ids.AccountId) -> Any:
            if not self.shown:
                self.shown = True
                return stale
            return await store.account(tenant, account)

    deployment = replace(world.deployment, store=cast("Store", Stale()))
    assert world.run(forget_old(deployment, world.clock.now())) == 0
    assert names(world, account_of(stand)) == ["AccountBound", "SignedIn"]
    assert world.run(forget_old(deployment, world.clock.now())) == 1
    assert names(world, account_of(stand)) == ["AccountBound", "SignedIn", "SignInLapsed"]
