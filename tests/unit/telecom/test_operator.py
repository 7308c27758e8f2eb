"""The order of requests to one operator: which token is fetched when, by which way, and what is left afterwards."""

from __future__ import annotations

import asyncio
import dataclasses
from urllib.parse import parse_qs

import pytest

from operators import AT, DAY, ISSUER, NUMBER, Joined
from pteri.adapters.telecom.camara.exchange import NoReply, Reply, Request
from pteri.adapters.telecom.camara.jwt import read_token
from pteri.adapters.telecom.camara.operator import Access, CamaraOperator, Possession, Terms
from pteri.core.ids import from_base64url
from pteri.core.keys.secret import Secret
from pteri.domain.signals import Finding

pytestmark = pytest.mark.anyio

TOKEN, START = f"{ISSUER}/token", f"{ISSUER}/bc-authorize"
PURPOSE = "dpv:FraudPreventionAndDetection"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def fetched(joined: Joined) -> list[dict[str, str]]:
    """The forms that asked for tokens."""
    forms = [request for request in joined.transport.sent if request.url in {TOKEN, START}]
    return [{name: values[0] for name, values in parse_qs(form.body.decode("ascii")).items()} for form in forms]


def with_terms(joined: Joined, **changes: object) -> CamaraOperator:
    terms: Terms = dataclasses.replace(joined.operator._terms, **changes)  # type: ignore[arg-type]  # by name
    return CamaraOperator(terms, joined.transport, joined.operator._entropy)


@pytest.mark.parametrize(("later_s", "tokens"), [(0, 1), (269, 1), (270, 2)])
async def test_a_two_legged_token_is_kept_until_half_a_minute_before_its_end(later_s: int, tokens: int) -> None:
    joined = Joined()
    await joined.ask()
    joined.clock.at += later_s
    await joined.ask()
    assert len(fetched(joined)) == tokens


async def test_a_token_that_is_not_taken_any_more_is_fetched_anew() -> None:
    joined = Joined()
    await joined.ask()
    joined.camara._grants.clear()
    assert {signal.code for signal in (await joined.ask()).values()} == {"UNAUTHENTICATED"}
    assert {signal.finding for signal in (await joined.ask()).values()} == {Finding.CLEAR}
    assert len(fetched(joined)) == 2


async def test_any_other_refusal_leaves_the_token_where_it_is() -> None:
    joined = Joined()
    await joined.ask()
    joined.network.port_out(NUMBER)
    await joined.ask()
    await joined.ask()
    assert len(fetched(joined)) == 1


@pytest.mark.parametrize(
    ("purpose", "scopes"), [(PURPOSE, [PURPOSE]), ("dpv:ServiceProvision", ["dpv:ServiceProvision"]), ("", [])]
)
async def test_a_token_is_asked_for_with_the_purpose_that_was_agreed(purpose: str, scopes: list[str]) -> None:
    joined = Joined()
    operator = with_terms(joined, purpose=purpose)
    await operator.ask(NUMBER, since=AT - DAY, at=AT)
    await operator.possession(NUMBER, joined.token(), at=AT)
    first, second = fetched(joined)[:2]
    assert first["scope"].split(" ") == [*scopes, "sim-swap", "device-swap", "number-recycling:check"]
    assert second["scope"].split(" ") == [*scopes, "openid", "number-verification:verify"]


async def test_without_other_terms_the_purpose_is_to_prevent_fraud() -> None:
    joined = Joined()
    await joined.ask()
    assert fetched(joined)[0]["scope"].split(" ")[0] == PURPOSE


async def test_each_form_is_made_out_to_where_it_goes() -> None:
    joined = Joined()
    await joined.operator.possession(NUMBER, joined.token(), at=AT)
    begun, polled = fetched(joined)
    key = joined.operator._terms.client.key.public
    assert [read_token(form["client_assertion"], [key])["aud"] for form in (begun, polled)] == [START, TOKEN]


@pytest.mark.parametrize(("way", "urls"), [(Possession.CIBA, [START, TOKEN]), (Possession.JWT_BEARER, [TOKEN])])
async def test_a_temporary_token_goes_the_way_that_was_agreed(way: Possession, urls: list[str]) -> None:
    joined = Joined(possession=way)
    assert (await joined.operator.possession(NUMBER, joined.token(), at=AT)).finding is Finding.CLEAR
    assert [request.url for request in joined.transport.sent][:-1] == urls
    assert joined.transport.sent[-1].url == f"{ISSUER}/number-verification/v2/verify"


async def test_the_longest_temporary_token_is_shown_to_the_operator() -> None:
    joined = Joined()
    longest = joined.token(spelt="x" * 4096)
    assert (await joined.operator.possession(NUMBER, longest, at=AT)).finding is Finding.CLEAR
    sent = len(joined.transport.sent)
    assert (await joined.operator.possession(NUMBER, Secret(b"x" * 4097), at=AT)).code == "MALFORMED_TOKEN"
    assert len(joined.transport.sent) == sent


async def test_the_shortest_temporary_token_is_one_too() -> None:
    joined = Joined()
    assert (await joined.operator.possession(NUMBER, joined.token(spelt="x"), at=AT)).finding is Finding.CLEAR


async def test_every_question_has_a_correlator_of_its_own() -> None:
    joined = Joined()
    await joined.ask()
    found = [request.headers["x-correlator"] for request in joined.transport.sent if request.url != TOKEN]
    assert len(set(found)) == len(found) == 3
    assert {len(from_base64url(correlator)) for correlator in found} == {18}


@pytest.mark.parametrize(
    ("status", "code"), [(403, "PERMISSION_DENIED"), (400, "INVALID_ARGUMENT"), (404, "OUT_OF_RANGE")]
)
async def test_after_any_other_refusal_of_a_check_no_date_is_asked_for(status: int, code: str) -> None:
    joined = Joined()

    def refuse(request: Request, reply: Reply) -> Reply:
        if not request.url.endswith("/sim-swap/v2/check"):
            return reply
        body = b'{"status":%d,"code":"%s","message":""}' % (status, code.encode())
        return dataclasses.replace(reply, status=status, body=body)

    joined.transport.change = refuse
    assert (await joined.sim()).finding is Finding.UNKNOWN
    assert not [request for request in joined.transport.sent if request.url.endswith("retrieve-date")]


async def test_nothing_goes_on_when_an_answer_was_given_up() -> None:
    class Silent:
        async def send(self, request: Request) -> Reply:
            await asyncio.Event().wait()
            raise NoReply(request.method)

        async def close(self) -> None:
            """Nothing is held."""

    joined = Joined(deadline_s=0.01)
    joined.operator._transport = Silent()
    before = asyncio.all_tasks()
    assert {signal.code for signal in (await joined.ask()).values()} == {"TIMEOUT"}
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


def test_the_words_of_the_settings_are_these() -> None:
    assert {Access("client"), Access("subscriber")} == set(Access)
    assert {Possession("ciba"), Possession("jwt-bearer"), Possession("none")} == set(Possession)
