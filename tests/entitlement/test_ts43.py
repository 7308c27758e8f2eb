"""A temporary token of a real TS.43 entitlement server becomes evidence of level 2, and nothing better.

EAP-AKA, token and transfer are the server's; our client asks CAMARA's number verification of an operator that redeems
the token at that server.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ts43ecs.tools.ecs_client.client import EcsClientError, EcsHttpStatusError

from builders import NOW, thumbprint
from carrier import Carrier, EntitledNetwork, Phone, Sim, running_server
from ledger import DAY, HOUR, Ledger
from lines import announce
from operators import AT, NUMBER, OTHER, Joined
from pteri.adapters.telecom.camara.operator import Possession
from pteri.core.keys.secret import Secret
from pteri.domain.continuity import line_level, observed, seen_alive
from pteri.domain.decisions import Permit, Reason
from pteri.domain.line import Line, LineState
from pteri.domain.signals import Finding, Question, Signal
from stories import grown

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

WAYS = (Possession.CIBA, Possession.JWT_BEARER)
YEAR = 365 * DAY


def said(signal: Signal) -> tuple[Finding, str]:
    return signal.finding, signal.code


@pytest.fixture(params=WAYS)
def joined(request: pytest.FixtureRequest, carrier: Carrier) -> Joined:
    """Our client and this operator, by either way to exchange a token."""
    return carrier.joined(request.param)


REFUSED = {Possession.CIBA: "OAUTH_UNKNOWN_USER_ID", Possession.JWT_BEARER: "OAUTH_INVALID_GRANT"}


def refused(joined: Joined) -> tuple[Finding, str]:
    return Finding.UNKNOWN, REFUSED[joined.operator._terms.possession]


async def test_the_sim_of_the_number_is_verified_once(carrier: Carrier, joined: Joined) -> None:
    phone = carrier.sells(NUMBER, "phone", at=AT - YEAR)
    token = await phone.temporary_token()
    copy = Secret(token.reveal())
    assert said(await joined.operator.possession(NUMBER, token, at=AT)) == (Finding.CLEAR, "NUMBER_VERIFIED")
    assert said(await joined.operator.possession(NUMBER, copy, at=AT)) == refused(joined)


async def test_the_sim_of_another_number_contradicts(carrier: Carrier, joined: Joined) -> None:
    carrier.sells(NUMBER, "phone", at=AT - YEAR)
    other = carrier.sells(OTHER, "other", at=AT - YEAR)
    signal = await joined.operator.possession(NUMBER, await other.temporary_token(), at=AT)
    assert said(signal) == (Finding.CONTRADICTED, "ANOTHER_NUMBER")


async def test_a_token_for_something_else_is_refused_and_forgotten_all_the_same(
    carrier: Carrier, joined: Joined
) -> None:
    phone = carrier.sells(NUMBER, "phone", at=AT - YEAR)
    token = await phone.temporary_token(purpose="CheckEligibility")
    assert said(await joined.operator.possession(NUMBER, token, at=AT)) == refused(joined)
    with pytest.raises(ValueError, match="wiped"):
        token.reveal()


async def test_a_token_that_is_too_old_is_refused(carrier: Carrier, joined: Joined) -> None:
    phone = carrier.sells(NUMBER, "phone", at=AT - YEAR)
    token = await phone.temporary_token()
    carrier.ages_tokens(phone)
    assert said(await joined.operator.possession(NUMBER, token, at=AT)) == refused(joined)


@pytest.mark.parametrize("invented", [b"invented", b"x" * 4096, b"a&temporary_token=b", b'"}{"'])
async def test_a_token_that_nobody_gave_is_refused(carrier: Carrier, joined: Joined, invented: bytes) -> None:
    carrier.sells(NUMBER, "phone", at=AT - YEAR)
    assert said(await joined.operator.possession(NUMBER, Secret(invented), at=AT)) == refused(joined)


async def test_the_token_that_a_phone_signs_in_with_is_no_temporary_one(carrier: Carrier, joined: Joined) -> None:
    phone = carrier.sells(NUMBER, "phone", at=AT - YEAR)
    token = Secret((await phone.enters()).encode("ascii"))
    assert said(await joined.operator.possession(NUMBER, token, at=AT)) == refused(joined)


async def test_an_entitlement_server_that_is_gone_makes_it_unknown(carrier: Carrier, joined: Joined) -> None:
    phone = carrier.sells(NUMBER, "phone", at=AT - YEAR)
    token = await phone.temporary_token()
    carrier.network.server_url = "http://127.0.0.1:9"
    assert said(await joined.operator.possession(NUMBER, token, at=AT)) == refused(joined)


async def test_a_sim_with_another_key_gets_no_token(carrier: Carrier) -> None:
    phone = carrier.sells(NUMBER, "phone", at=AT - YEAR)
    copied = Phone(carrier.server.base_url, Sim(phone.sim.imsi, "f" * 32), phone.terminal)
    with pytest.raises(EcsClientError, match="AT_MAC"):
        await copied.temporary_token()


# --- into the domain ------------------------------------------------------------------------------------------------


class Told:
    """An account whose line this operator serves. The phones of the ledger are the phones of the SIMs."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.joined = carrier.joined()
        self.ledger: Ledger = grown()
        self.phone = carrier.sells(NUMBER, "phone-1", at=NOW - YEAR)

    def line(self) -> Line:
        found = self.ledger.settled()[0].mobile_line
        assert found is not None
        return found

    def level(self) -> int:
        return line_level(self.line(), self.ledger.at, self.ledger.rules)

    async def proves(self, number: int, phone: Phone) -> Finding:
        """Phone ``number`` of the account brings a token of its SIM.

        The application does this in one route, ``POST /v1/{tenant}/line-proofs``: a test of that route takes the place
        of this method.
        """
        ledger = self.ledger
        self.joined.clock.at = ledger.at
        signal = await self.joined.operator.possession(NUMBER, await phone.temporary_token(), at=ledger.at)
        account, lapsed = ledger.settled()
        seen = seen_alive(account, signal, device=thumbprint(number), request=ledger.next_request(), at=ledger.at)
        for event in (*lapsed, *seen):
            ledger.record(event)
        return signal.finding

    async def asks(self) -> dict[Question, Finding]:
        """The operator is asked about the line, and what it says is recorded."""
        ledger = self.ledger
        self.joined.clock.at = ledger.at
        account, lapsed = ledger.settled()
        signals = await self.joined.operator.ask(NUMBER, since=self.line().since, at=ledger.at)
        heard = observed(
            account,
            signals,
            request=ledger.next_request(),
            at=ledger.at,
            answered_at=ledger.at,
            rules=ledger.rules,
        )
        for event in (*lapsed, *heard):
            ledger.record(event)
        return {signal.question: signal.finding for signal in signals}


@pytest.fixture
def told(carrier: Carrier) -> Told:
    return Told(carrier)


async def test_a_line_is_known_at_level_2_while_the_proof_is_young(told: Told) -> None:
    assert told.level() == 0
    assert await told.proves(1, told.phone) is Finding.CLEAR
    assert (told.line().state, told.level()) == (LineState.BOUND, 2)
    told.ledger.wait(told.ledger.rules.line_confirmed_s)
    assert told.level() == 0


async def test_an_announced_transfer_gives_a_new_iccid_and_ends_on_the_new_phone_at_level_2(told: Told) -> None:
    await told.proves(1, told.phone)
    before = told.carrier.network.line(NUMBER)
    assert announce(told.ledger, 1, 2) == Permit(Reason.BOTH_KEYS)
    new = await told.carrier.moves(told.phone, NUMBER, "phone-2", at=told.ledger.wait(HOUR).at)
    after = told.carrier.network.line(NUMBER)
    assert after.iccid != before.iccid
    assert after.iccid.isdecimal()
    told.ledger.wait(60)
    assert await told.asks() == {
        Question.SIM_SWAP: Finding.CHANGED,
        Question.DEVICE_SWAP: Finding.CHANGED,
        Question.RECYCLING: Finding.CLEAR,
    }
    assert told.line().state is LineState.PROBATION
    assert await told.proves(2, new) is Finding.CLEAR
    assert (told.line().state, told.line().confirmed_on, told.level()) == (LineState.MOVED, thumbprint(2), 2)
    with pytest.raises(EcsHttpStatusError):
        await told.phone.temporary_token()


async def test_a_token_of_before_the_transfer_proves_nothing_after_it(told: Told) -> None:
    early = await told.phone.temporary_token()
    await told.carrier.moves(told.phone, NUMBER, "phone-2", at=told.ledger.at)
    told.joined.clock.at = told.ledger.at
    signal = await told.joined.operator.possession(NUMBER, early, at=told.ledger.at)
    assert signal.finding is Finding.UNKNOWN


async def test_after_a_fraudulent_transfer_the_thief_passes_and_gets_nothing(told: Told) -> None:
    await told.proves(1, told.phone)
    # The thief sat down at the victim's unlocked phone: to the operator it is the owner who asks.
    stolen = await told.carrier.moves(told.phone, NUMBER, "thief", at=told.ledger.wait(HOUR).at)
    told.ledger.wait(60)
    assert (await told.asks())[Question.SIM_SWAP] is Finding.CHANGED
    assert told.line().state is LineState.SUSPECT
    seen_at = told.line().confirmed_at
    assert await told.proves(9, stolen) is Finding.CLEAR
    assert (told.line().state, told.line().confirmed_at) == (LineState.SUSPECT, seen_at)


def test_the_join_has_no_tokens_of_its_own() -> None:
    with pytest.raises(NotImplementedError):
        EntitledNetwork("http://127.0.0.1:9").temporary_token("phone", "secret", at=AT)


def test_the_server_ends_with_whoever_started_it_and_its_port_is_free(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        port = server.port
    assert server.process is not None
    assert server.process.poll() is not None
    with socket.create_server(("127.0.0.1", port)):
        pass
