"""The promises of the port to operators, over every way to ask one: in memory, over HTTP, several at once, guarded."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
import uvicorn

from operators import AT, DAY, NUMBER, OTHER, OUR_KEY, CountingEntropy, Joined, StillClock, said
from pteri.adapters.telecom.breaker import GuardedOperator
from pteri.adapters.telecom.camara.oauth import Client
from pteri.adapters.telecom.camara.operator import Access, CamaraOperator, Possession, Terms
from pteri.adapters.telecom.camara.transport import HttpTransport
from pteri.adapters.telecom.several import SeveralOperators
from pteri.adapters.telecom.sim_server import simulator_app
from pteri.adapters.telecom.simulated import NoSuchLine, Outage, SimulatedNetwork
from pteri.adapters.telecom.simulated_camara import SimulatedCamara
from pteri.app.operators import Operator
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Finding, Question, Signal, worst

pytestmark = pytest.mark.anyio

WAYS: Final = ("in memory", "in memory, three-legged", "over HTTP", "over HTTP, three-legged", "several", "guarded")
SINCE: Final = AT - 30 * DAY


@asynccontextmanager
async def over_http(access: Access) -> AsyncIterator[tuple[SimulatedNetwork, Operator]]:
    network, entropy = SimulatedNetwork(), CountingEntropy()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
        camara = SimulatedCamara(
            network, issuer=issuer, clients={"pteri": OUR_KEY.public}, random=bytes([2]) * 48, entropy=entropy
        )
        config = uvicorn.Config(
            simulator_app(camara, StillClock(), entropy), lifespan="off", log_config=None, date_header=False
        )
        server = uvicorn.Server(config)
        running = asyncio.ensure_future(server.serve([listener]))
        transport = HttpTransport()
        terms = Terms(
            name="alpha",
            api_url=issuer,
            token_url=f"{issuer}/token",
            start_url=f"{issuer}/bc-authorize",
            client=Client("pteri", OUR_KEY, issuer),
            access=access,
            possession=Possession.CIBA if access is Access.CLIENT else Possession.JWT_BEARER,
            keys=(camara.key.public,),
            # The slow answer of the test below is not waited for, whatever the machine does meanwhile.
            deadline_s=10.0,
        )
        try:
            yield network, CamaraOperator(terms, transport, CountingEntropy())
        finally:
            await transport.close()
            server.should_exit = True
            await running


@pytest.fixture(params=WAYS)
async def asked(request: pytest.FixtureRequest) -> AsyncIterator[tuple[SimulatedNetwork, Operator]]:
    access = Access.SUBSCRIBER if "three-legged" in request.param else Access.CLIENT
    if request.param.startswith("over HTTP"):
        async with over_http(access) as (network, operator):
            network.connect(NUMBER, "phone", at=AT - 365 * DAY)
            yield network, operator
        return
    joined = Joined(access=access)
    if request.param == "several":
        yield (
            joined.network,
            SeveralOperators({"alpha": joined.operator, "beta": Joined("beta").operator}, verifier="alpha"),
        )
    elif request.param == "guarded":
        yield joined.network, GuardedOperator("alpha", joined.operator)
    else:
        yield joined.network, joined.operator


Asked = tuple[SimulatedNetwork, Operator]


async def ask(operator: Operator, number: PhoneNumber = NUMBER, *, since: int = SINCE) -> dict[Question, Signal]:
    """The worst signal of each question."""
    found: dict[Question, Signal] = {}
    for signal in await operator.ask(number, since=since, at=AT):
        assert signal.asked_at == AT
        before = found.get(signal.question)
        if before is None or worst([before, signal]) is not before.finding:
            found[signal.question] = signal
    assert set(found) == {Question.SIM_SWAP, Question.DEVICE_SWAP, Question.RECYCLING}
    return found


def token(network: SimulatedNetwork, phone: str = "phone") -> Secret:
    return Secret(network.temporary_token(phone, f"temporary-token-of-{phone}", at=AT).encode())


async def test_a_quiet_line_is_clear_as_far_back_as_was_asked(asked: Asked) -> None:
    _, operator = asked
    signals = await ask(operator)
    assert said(signals) == {
        (Finding.CLEAR, "NO_SIM_SWAP"),
        (Finding.CLEAR, "NO_DEVICE_SWAP"),
        (Finding.CLEAR, "NOT_RECYCLED"),
    }
    assert {signal.watched_s for signal in signals.values()} == {30 * DAY}


async def test_a_swap_and_a_transfer_look_the_same_and_change_sim_and_phone(asked: Asked) -> None:
    network, operator = asked
    before = network.line(NUMBER).iccid
    network.transfer(NUMBER, "new-phone", at=AT - 60)
    assert network.line(NUMBER).iccid != before
    signals = await ask(operator)
    assert (signals[Question.SIM_SWAP].code, signals[Question.DEVICE_SWAP].code) == ("SIM_SWAPPED", "DEVICE_SWAPPED")
    assert signals[Question.SIM_SWAP].changed_at == AT - 60
    assert signals[Question.RECYCLING].finding is Finding.CLEAR


async def test_the_same_profile_in_another_phone_is_a_device_swap_alone(asked: Asked) -> None:
    network, operator = asked
    network.move(NUMBER, "new-phone", at=AT - 60)
    signals = await ask(operator)
    assert signals[Question.SIM_SWAP].finding is Finding.CLEAR
    assert signals[Question.DEVICE_SWAP].finding is Finding.CHANGED


@pytest.mark.parametrize(("at", "finding"), [(SINCE - 1, Finding.CLEAR), (SINCE, Finding.CHANGED)])
async def test_what_changed_before_the_binding_does_not_count(asked: Asked, at: int, finding: Finding) -> None:
    network, operator = asked
    network.swap(NUMBER, "phone", at=at)
    assert (await ask(operator))[Question.SIM_SWAP].finding is finding


async def test_within_the_hour_that_check_cannot_split_the_date_decides(asked: Asked) -> None:
    network, operator = asked
    network.swap(NUMBER, "phone", at=AT - 5400)
    assert (await ask(operator, since=AT - 5399))[Question.SIM_SWAP].finding is Finding.CLEAR
    assert (await ask(operator, since=AT - 5400))[Question.SIM_SWAP].finding is Finding.CHANGED


async def test_a_number_that_is_gone_is_a_negative_answer(asked: Asked) -> None:
    network, operator = asked
    network.port_out(NUMBER)
    assert said(await ask(operator)) == {(Finding.CHANGED, "IDENTIFIER_NOT_FOUND")}


async def test_a_recycled_number_has_another_sim_phone_and_subscriber(asked: Asked) -> None:
    network, operator = asked
    network.recycle(NUMBER, "stranger", at=AT - 3 * DAY)
    assert {finding for finding, _ in said(await ask(operator))} == {Finding.CHANGED}


async def test_an_operator_with_a_short_memory_says_how_far_it_reaches(asked: Asked) -> None:
    network, operator = asked
    network.cap_h, network.monitored_days = 24, 7
    assert (await ask(operator))[Question.SIM_SWAP].code == "WINDOW_TOO_SHORT"
    assert (await ask(operator, since=AT - 7 * DAY))[Question.SIM_SWAP].finding is Finding.CLEAR


@pytest.mark.parametrize("outage", Outage)
async def test_a_failing_operator_is_unknown_and_never_an_exception(asked: Asked, outage: Outage) -> None:
    network, operator = asked
    network.outage = outage
    assert {finding for finding, _ in said(await ask(operator))} == {Finding.UNKNOWN}
    spent = Secret(b"a-token")
    assert (await operator.possession(NUMBER, spent, at=AT)).finding is Finding.UNKNOWN
    with pytest.raises(ValueError, match="wiped"):
        spent.reveal()


async def test_the_phone_that_uses_the_number_is_verified_once(asked: Asked) -> None:
    network, operator = asked
    brought = token(network)
    copy = Secret(brought.reveal())
    signal = await operator.possession(NUMBER, brought, at=AT)
    assert (signal.finding, signal.code) == (Finding.CLEAR, "NUMBER_VERIFIED")
    assert (await operator.possession(NUMBER, copy, at=AT)).finding is Finding.UNKNOWN


async def test_after_a_fraudulent_swap_the_thief_passes_and_the_victim_gets_no_token(asked: Asked) -> None:
    network, operator = asked
    early = token(network)
    network.swap(NUMBER, "thief", at=AT - 60)
    assert (await operator.possession(NUMBER, token(network, "thief"), at=AT)).finding is Finding.CLEAR
    assert (await ask(operator))[Question.SIM_SWAP].finding is Finding.CHANGED
    with pytest.raises(NoSuchLine):
        token(network)
    assert (await operator.possession(NUMBER, early, at=AT)).finding is Finding.UNKNOWN


async def test_the_phone_of_another_number_contradicts(asked: Asked) -> None:
    network, operator = asked
    network.connect(OTHER, "other", at=AT - DAY)
    signal = await operator.possession(NUMBER, token(network, "other"), at=AT)
    assert (signal.finding, signal.code) == (Finding.CONTRADICTED, "ANOTHER_NUMBER")


@pytest.mark.parametrize("raw", [b"", b"two words", b"line\nbreak", b"\xff", b"x" * 4097])
async def test_what_cannot_be_a_token_is_shown_to_nobody(asked: Asked, raw: bytes) -> None:
    _, operator = asked
    assert (await operator.possession(NUMBER, Secret(raw), at=AT)).code == "MALFORMED_TOKEN"


async def test_a_real_slow_answer_over_http_ends_with_the_deadline() -> None:
    async with over_http(Access.CLIENT) as (network, operator):
        network.connect(NUMBER, "phone", at=AT - 365 * DAY)
        network.slow_s = 1.0
        several = SeveralOperators({"alpha": operator}, deadline_s=0.05)
        signals = await several.ask(NUMBER, since=SINCE, at=AT)
    assert {(signal.finding, signal.code) for signal in signals} == {(Finding.UNKNOWN, "TIMEOUT")}


async def test_nobody_may_see_a_token_where_nobody_was_named() -> None:
    joined = Joined()
    several = SeveralOperators({"alpha": joined.operator})
    assert (await several.possession(NUMBER, joined.token(), at=AT)).code == "NOT_OFFERED"
    assert joined.transport.sent == []
    none = Joined(possession=Possession.NONE)
    assert (await none.operator.possession(NUMBER, none.token(), at=AT)).code == "NOT_OFFERED"


async def test_of_several_the_worst_answer_wins() -> None:
    alpha, beta = Joined(), Joined("beta")
    several = SeveralOperators({"alpha": alpha.operator, "beta": beta.operator})
    assert worst(await several.ask(NUMBER, since=SINCE, at=AT)) is Finding.CLEAR
    alpha.network.outage = Outage.UNREACHABLE
    assert worst(await several.ask(NUMBER, since=SINCE, at=AT)) is Finding.UNKNOWN
    beta.network.swap(NUMBER, "thief", at=AT - 1)
    assert worst(await several.ask(NUMBER, since=SINCE, at=AT)) is Finding.CHANGED


@pytest.mark.parametrize(("names", "verifier"), [((), None), (("alpha",), "beta")])
def test_nobody_to_ask_is_refused_when_it_is_put_together(names: tuple[str, ...], verifier: str | None) -> None:
    with pytest.raises(ValueError, match=r"nobody to ask|none of these"):
        SeveralOperators({name: Joined(name).operator for name in names}, verifier=verifier)


async def test_a_token_that_nobody_looks_at_in_time_is_unknown_and_spent() -> None:
    class Silent:
        async def ask(self, number: PhoneNumber, *, since: int, at: int) -> tuple[Signal, ...]:
            raise AssertionError(number, since, at)

        async def possession(self, number: PhoneNumber, token: Secret, *, at: int) -> Signal:
            await asyncio.Event().wait()
            raise AssertionError(number, token, at)

    several = SeveralOperators({"silent": Silent()}, verifier="silent", deadline_s=0.01)
    spent = Secret(b"a-token")
    signal = await several.possession(NUMBER, spent, at=AT)
    assert (signal.operator, signal.finding, signal.code) == ("silent", Finding.UNKNOWN, "TIMEOUT")
    with pytest.raises(ValueError, match="wiped"):
        spent.reveal()
