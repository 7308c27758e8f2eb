"""Our client at an authorization server of others: ``private_key_jwt``, two-legged tokens, CIBA in poll mode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest

from authorization import API, AuthorizationServer, BehindTokens, IntrospectingCamara, now
from carrier import Carrier
from operators import DAY, NUMBER, OTHER, OUR_KEY, said
from pteri.adapters.system import SystemEntropy
from pteri.adapters.telecom.camara.documented import meaning_of
from pteri.adapters.telecom.camara.exchange import Request
from pteri.adapters.telecom.camara.oauth import Client, read_token_reply
from pteri.adapters.telecom.camara.operator import Access, CamaraOperator, Possession, Terms
from pteri.adapters.telecom.camara.questions import VERIFY, verify_body
from pteri.app.ports import Entropy
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.domain.signals import Finding, Question, Signal

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

STRANGER = DevicePrivateKey.from_random(bytes([9]) * 48)
REFUSED = (Finding.UNKNOWN, "OAUTH_INVALID_CLIENT")


class Desk:
    """This deployment as a client of that operator, with other terms where a test wants them."""

    def __init__(self, carrier: Carrier, server: AuthorizationServer) -> None:
        self.carrier = carrier
        self.server = server
        self.at = now()
        self.transport = BehindTokens(IntrospectingCamara(carrier.network, server))
        self.phone = carrier.sells(NUMBER, "phone", at=self.at - 365 * DAY)
        self.terms = Terms(
            name="alpha",
            api_url=API,
            token_url=f"{server.issuer}/token",
            start_url=f"{server.issuer}/backchannel",
            client=Client("pteri", OUR_KEY, server.issuer),
            possession=Possession.CIBA,
            keys=server.keys(),
            # Not what ends anything below, however busy the machine is.
            deadline_s=20.0,
        )

    def operator(self, entropy: Entropy | None = None, **terms: object) -> CamaraOperator:
        changed = replace(self.terms, **terms)  # type: ignore[arg-type]  # the fields of terms, by name
        return CamaraOperator(changed, self.transport, entropy or SystemEntropy())

    async def ask(self, operator: CamaraOperator, *, at: int | None = None) -> dict[Question, Signal]:
        asked_at = self.at if at is None else at
        signals = await operator.ask(NUMBER, since=asked_at - 30 * DAY, at=asked_at)
        return {signal.question: signal for signal in signals}

    async def prove(self, operator: CamaraOperator, token: Secret | None = None) -> tuple[Finding, str]:
        brought = token or await self.phone.temporary_token()
        signal = await operator.possession(NUMBER, brought, at=self.at)
        return signal.finding, signal.code


@pytest.fixture
async def desk(carrier: Carrier, authorization_server: AuthorizationServer) -> AsyncIterator[Desk]:
    made = Desk(carrier, authorization_server)
    authorization_server.people("at once")
    yield made
    await made.transport.close()


# --- who we are -----------------------------------------------------------------------------------------------------


async def test_the_registered_key_gets_a_two_legged_token_that_is_used_until_it_ends(desk: Desk) -> None:
    operator = desk.operator()
    for _ in range(2):
        assert said(await desk.ask(operator)) == {
            (Finding.CLEAR, "NO_SIM_SWAP"),
            (Finding.CLEAR, "NO_DEVICE_SWAP"),
            (Finding.CLEAR, "NOT_RECYCLED"),
        }
    assert [request.url for request in desk.transport.sent].count(desk.terms.token_url) == 1


async def test_another_key_is_nobody(desk: Desk) -> None:
    operator = desk.operator(client=Client("pteri", STRANGER, desk.server.issuer))
    assert said(await desk.ask(operator)) == {REFUSED}
    assert await desk.prove(operator) == REFUSED


async def test_another_name_is_nobody(desk: Desk) -> None:
    operator = desk.operator(client=Client("somebody", OUR_KEY, desk.server.issuer))
    assert said(await desk.ask(operator)) == {REFUSED}


async def test_an_assertion_for_the_issuer_is_taken_as_well(desk: Desk) -> None:
    operator = desk.operator(client=Client("pteri", OUR_KEY, desk.server.issuer, to_issuer=True))
    assert (await desk.ask(operator))[Question.SIM_SWAP].finding is Finding.CLEAR
    assert await desk.prove(operator) == (Finding.CLEAR, "NUMBER_VERIFIED")


@pytest.mark.parametrize("audience", ["https://other.example", "", "{issuer}/", "{issuer}x"])
async def test_an_assertion_for_another_audience_is_refused(desk: Desk, audience: str) -> None:
    told = audience.replace("{issuer}", desk.server.issuer)
    operator = desk.operator(client=Client("pteri", OUR_KEY, told, to_issuer=True))
    assert said(await desk.ask(operator)) == {REFUSED}


async def test_an_assertion_that_comes_twice_is_refused(desk: Desk) -> None:
    entropy = SystemEntropy()
    seed = entropy.draw(16)

    class Stuck:
        def draw(self, size: int) -> bytes:
            return (seed * 3)[:size]

    assert (await desk.ask(desk.operator(Stuck())))[Question.SIM_SWAP].finding is Finding.CLEAR
    assert said(await desk.ask(desk.operator(Stuck()))) == {REFUSED}


async def test_an_assertion_that_is_over_is_refused(desk: Desk) -> None:
    assert said(await desk.ask(desk.operator(), at=desk.at - 3600)) == {REFUSED}


async def test_a_token_about_one_subscriber_is_not_what_this_server_offers(desk: Desk) -> None:
    operator = desk.operator(access=Access.SUBSCRIBER)
    assert said(await desk.ask(operator)) == {(Finding.UNKNOWN, "OAUTH_UNSUPPORTED_GRANT_TYPE")}


# --- whose phone it is ----------------------------------------------------------------------------------------------


async def test_a_token_of_the_entitlement_server_proves_the_line_once(desk: Desk) -> None:
    token = await desk.phone.temporary_token()
    copy = Secret(token.reveal())
    operator = desk.operator()
    assert await desk.prove(operator, token) == (Finding.CLEAR, "NUMBER_VERIFIED")
    assert await desk.prove(operator, copy) == (Finding.UNKNOWN, "OAUTH_UNKNOWN_USER_ID")


async def test_a_token_of_another_sim_contradicts(desk: Desk) -> None:
    other = desk.carrier.sells(OTHER, "other", at=desk.at - DAY)
    found = await desk.prove(desk.operator(), await other.temporary_token())
    assert found == (Finding.CONTRADICTED, "ANOTHER_NUMBER")


async def test_after_a_transfer_the_new_phone_is_verified_and_the_swap_is_told(desk: Desk) -> None:
    new = await desk.carrier.moves(desk.phone, NUMBER, "new phone", at=desk.at)
    operator = desk.operator()
    assert (await desk.ask(operator))[Question.SIM_SWAP].code == "SIM_SWAPPED"
    assert await desk.prove(operator, await new.temporary_token()) == (Finding.CLEAR, "NUMBER_VERIFIED")


async def test_an_identity_that_no_pinned_key_signed_is_refused(desk: Desk) -> None:
    assert await desk.prove(desk.operator(keys=(STRANGER.public,))) == (Finding.CONTRADICTED, "NOT_AUTHENTIC")
    assert await desk.prove(desk.operator(keys=())) == (Finding.CONTRADICTED, "NOT_AUTHENTIC")
    both = (STRANGER.public, *desk.server.keys())
    assert await desk.prove(desk.operator(keys=both)) == (Finding.CLEAR, "NUMBER_VERIFIED")


async def test_a_token_that_is_about_nobody_verifies_nothing(desk: Desk) -> None:
    url, unique = desk.terms.token_url, SystemEntropy().draw(16)
    form = desk.terms.client.for_us("number-verification:verify", url=url, at=desk.at, unique=unique)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    token = read_token_reply(await desk.transport.send(Request("POST", url, headers, form)))
    asked = {"authorization": f"Bearer {token.access_token}", "content-type": "application/json"}
    reply = await desk.transport.send(Request("POST", API + VERIFY, asked, verify_body(NUMBER)))
    code = msgspec.json.decode(reply.body)["code"]
    assert meaning_of(reply.status, code).finding is Finding.UNKNOWN
    assert code == "NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK"


async def test_a_person_who_says_no_is_no_proof(desk: Desk) -> None:
    desk.server.people("denies")
    assert await desk.prove(desk.operator()) == (Finding.UNKNOWN, "OAUTH_ACCESS_DENIED")


async def test_what_is_pending_is_asked_for_again_after_the_interval(desk: Desk) -> None:
    desk.server.people("after a poll")
    assert await desk.prove(desk.operator()) == (Finding.CLEAR, "NUMBER_VERIFIED")
    assert desk.server.polls() == 2


@pytest.mark.parametrize("manners", ["never", "hurried"])
async def test_what_does_not_come_within_the_deadline_is_unknown_and_was_asked_for_once(
    desk: Desk, manners: str
) -> None:
    desk.server.people(manners)
    assert await desk.prove(desk.operator(deadline_s=0.9)) == (Finding.UNKNOWN, "TIMEOUT")
    assert desk.server.polls() <= 1


async def test_nothing_of_it_shows_number_or_token(desk: Desk) -> None:
    token = await desk.phone.temporary_token()
    spelt = token.reveal().decode("ascii")
    await desk.prove(desk.operator(), token)
    shown = repr(desk.transport.sent)
    assert spelt not in shown
    assert NUMBER.reveal()[1:] not in shown
