"""The whole way of a proof that a phone uses the line: SIM, real TS.43 entitlement server, operator, route, account."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from carrier import Carrier, EntitledNetwork, Phone, running_server
from operators import NUMBER, OTHER, Joined
from phones import EMAIL, Hand, client, linked, linked_also
from pteri.core.keys.secret import Secret
from world import LINE, SimClock, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pteri.core.wire import LineSeen
    from worlds import Worlds

pytestmark = pytest.mark.slow
MINUTE = 60
DAY = 24 * 3600


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    with running_server(tmp_path_factory.mktemp("entitlement")) as server:
        carrier = Carrier(server, EntitledNetwork(server.base_url))
        carrier.stocks()
        yield carrier


@pytest.fixture
def carrier(sold: Carrier) -> Carrier:
    sold.network = EntitledNetwork(sold.server.base_url)
    return sold


@pytest.fixture
def clock() -> SimClock:
    return SimClock()


@pytest.fixture
def phone(carrier: Carrier, clock: SimClock) -> Phone:
    return carrier.sells(NUMBER, "phone", at=clock.now() - 365 * DAY)


@pytest.fixture
def world(worlds: Worlds, clock: SimClock, carrier: Carrier) -> World:
    mobile = Joined(clock=clock)
    mobile.network = mobile.camara.network = carrier.network
    return worlds(clock=clock, mobile=mobile.operator)


def token(phone: Phone) -> Secret:
    return asyncio.run(phone.temporary_token())


def line(held: Hand) -> LineSeen:
    found = held.phone().devices().line
    assert found is not None
    return found


def test_a_token_of_the_entitlement_server_makes_the_line_known_once(
    world: World, carrier: Carrier, phone: Phone
) -> None:
    held = linked(world, line=LINE)
    spelt = token(phone).reveal()
    proved = held.phone().prove_line(Secret(spelt))
    assert (proved.accepted, proved.code, line(held).level) == (True, "NUMBER_VERIFIED", 2)
    assert not held.phone().prove_line(Secret(spelt)).accepted
    stranger = carrier.sells(OTHER, "stranger", at=world.clock.now())
    other = held.phone().prove_line(token(stranger))
    assert (other.accepted, other.code) == (False, "ANOTHER_NUMBER")


def test_an_announced_transfer_to_a_new_iccid_ends_on_the_new_phone(
    world: World, carrier: Carrier, phone: Phone
) -> None:
    held = linked(world, line=LINE)
    new = linked_also(world, held)
    world.clock.advance(4 * DAY)
    assert held.phone().prove_line(token(phone)).accepted
    held.phone().announce_move(new.phone().thumbprint, within_s=DAY)
    world.clock.advance(MINUTE)
    moved = asyncio.run(carrier.moves(phone, NUMBER, "new phone", at=world.clock.now()))
    # By then the answer of before is too old to be given again.
    world.clock.advance(6 * MINUTE)
    site = client(world)
    waiting = site.start_sign_in(EMAIL, prompt=False)
    told = site.enter_code(waiting.id, held.phone().approve(waiting.qr).code, waiting.session)
    assert (told.line, told.line_state) == ("UNKNOWN", "PROBATION")
    assert new.phone().prove_line(token(moved)).accepted
    assert (line(held).state, line(held).level) == ("MOVED", 2)
