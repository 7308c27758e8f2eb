"""What an operator that is stale, down, broken or somebody else can do to a line: TE-04, TE-06 and TE-07."""

from __future__ import annotations

import asyncio
import dataclasses
import ssl
from collections.abc import Callable

import pytest

from operators import AT, DAY, ISSUER, NUMBER, OTHER, OUR_KEY, CountingEntropy, Joined, said
from pteri.adapters.telecom.breaker import FAILURES, REST_S, GuardedOperator
from pteri.adapters.telecom.camara.exchange import NoReply, Reply, Request
from pteri.adapters.telecom.camara.jwt import signed_token
from pteri.adapters.telecom.camara.oauth import Client
from pteri.adapters.telecom.camara.operator import Access, CamaraOperator, Possession, Terms
from pteri.adapters.telecom.camara.transport import HttpTransport
from pteri.adapters.telecom.several import SeveralOperators
from pteri.adapters.telecom.simulated import Lie, Outage
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.domain.signals import Finding, Question, worst

pytestmark = pytest.mark.anyio

STRANGER = DevicePrivateKey.from_random(bytes([9]) * 48)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def changed(body: bytes, path: str = "") -> Callable[[Request, Reply], Reply]:
    """Another body under the answers of one route."""
    return lambda request, reply: dataclasses.replace(reply, body=body) if path in request.url else reply


# --- TE-04: old, undated, or a shorter window -----------------------------------------------------------------------


@pytest.mark.parametrize("off_s", [301, 600, -301, 365 * DAY])
async def test_te_04_an_answer_of_another_time_is_unknown(off_s: int) -> None:
    joined = Joined()
    await joined.ask()
    joined.clock.at = AT + off_s
    dated = await joined.operator.ask(NUMBER, since=AT - 30 * DAY, at=AT)
    assert {(signal.finding, signal.code) for signal in dated} == {(Finding.UNKNOWN, "STALE_ANSWER")}


async def test_te_04_an_answer_of_five_minutes_ago_is_the_oldest() -> None:
    joined = Joined()
    await joined.ask()
    joined.clock.at = AT - 300
    dated = await joined.operator.ask(NUMBER, since=AT - 30 * DAY, at=AT)
    assert worst(dated) is Finding.CLEAR


@pytest.mark.parametrize(
    "headers", [{"date": ""}, {"date": "yesterday"}, {"age": "301"}, {"age": "-1"}, {"age": "young"}, {"date": "0"}]
)
async def test_te_04_an_answer_that_does_not_say_when_is_unknown(headers: dict[str, str]) -> None:
    joined = Joined()
    joined.transport.change = lambda _, reply: dataclasses.replace(reply, headers={**reply.headers, **headers})
    assert said(await joined.ask()) == {(Finding.UNKNOWN, "STALE_ANSWER")}


async def test_te_04_a_null_date_alone_says_nothing() -> None:
    joined = Joined()
    joined.network.lie = Lie.UNDATED
    assert (await joined.sim()).code == "NO_DATE"
    assert (await joined.sim()).finding is Finding.UNKNOWN


async def test_te_04_a_window_that_is_shorter_than_the_binding_is_unknown() -> None:
    joined = Joined()
    joined.network.cap_h, joined.network.monitored_days = 240, 30
    short = await joined.sim(since=AT - 30 * DAY - 1)
    assert (short.finding, short.code, short.watched_s) == (Finding.UNKNOWN, "WINDOW_TOO_SHORT", 30 * DAY)
    whole = await joined.sim(since=AT - 30 * DAY)
    assert (whole.finding, whole.code, whole.watched_s) == (Finding.CLEAR, "NO_SIM_SWAP", 30 * DAY)


async def test_te_04_longer_ago_than_anybody_may_ask_only_a_date_can_tell() -> None:
    joined = Joined()
    since = AT - 300 * DAY
    assert (await joined.sim(since=since)).finding is Finding.CLEAR
    joined.network.monitored_days = 120
    assert (await joined.sim(since=since)).code == "WINDOW_TOO_SHORT"
    joined.network.swap(NUMBER, "thief", at=AT - DAY)
    assert (await joined.sim(since=since)).finding is Finding.CHANGED


@pytest.mark.parametrize(("ago_s", "checks"), [(2400 * 3600, 2), (2400 * 3600 + 1, 0)])
async def test_te_04_nobody_is_asked_about_more_hours_than_the_documents_let(ago_s: int, checks: int) -> None:
    joined = Joined()
    assert (await joined.sim(since=AT - ago_s)).finding is Finding.CLEAR
    asked = [request for request in joined.transport.sent if request.url.endswith(("v2/check", "v1/check"))]
    assert len(asked) == checks
    assert all(b'"maxAge":2400' in request.body for request in asked)


# --- TE-06: the operator is down ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outage", "code"),
    [
        (Outage.UNREACHABLE, "UNREACHABLE"),
        (Outage.UNAVAILABLE, "UNAVAILABLE"),
        (Outage.TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
        (Outage.MALFORMED, "MALFORMED_ANSWER"),
    ],
)
@pytest.mark.parametrize("access", Access)
async def test_te_06_an_outage_is_unknown_before_the_token_and_after_it(
    outage: Outage, code: str, access: Access
) -> None:
    joined = Joined(access=access)
    joined.network.outage = outage
    assert said(await joined.ask()) == {(Finding.UNKNOWN, code)}
    joined.network.outage = None
    assert said(await joined.ask()) >= {(Finding.CLEAR, "NO_SIM_SWAP")}
    joined.network.outage = outage
    assert said(await joined.ask()) == {(Finding.UNKNOWN, code)}


async def test_te_06_slowness_beyond_the_deadline_is_unknown() -> None:
    joined = Joined(deadline_s=1.5)
    joined.network.slow_s = 1.5
    assert said(await joined.ask()) == {(Finding.UNKNOWN, "TIMEOUT")}
    joined.network.slow_s = 1.4
    assert worst((await joined.ask()).values()) is Finding.CLEAR


async def test_te_06_an_operator_that_never_answers_ends_with_the_deadline_and_the_others_are_heard() -> None:
    class Silent:
        async def send(self, request: Request) -> Reply:
            await asyncio.Event().wait()
            raise NoReply(request.method)

        async def close(self) -> None:
            """Nothing is held."""

    terms = Terms(
        name="silent", api_url=ISSUER, token_url=ISSUER, client=Client("pteri", OUR_KEY, ISSUER), deadline_s=9e9
    )
    silent = CamaraOperator(terms, Silent(), CountingEntropy())
    both = SeveralOperators({"silent": silent, "alpha": Joined().operator}, deadline_s=0.01)
    signals = await both.ask(NUMBER, since=AT - 30 * DAY, at=AT)
    by_name = {(signal.operator, signal.finding, signal.code) for signal in signals}
    assert ("silent", Finding.UNKNOWN, "TIMEOUT") in by_name
    assert ("alpha", Finding.CLEAR, "NO_SIM_SWAP") in by_name
    assert worst(signals) is Finding.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"swapped": "false"}',
        b'{"swapped": 0}',
        b'{"swapped": null}',
        b'{"swapped": true, "swapped": false}',
        b'{"swapped": false} {"swapped": true}',
        b'{"swapped": false, "x": NaN}',
        b'{"swapped": false, "x": "\xff"}',
        b'\xef\xbb\xbf{"swapped": false}',
        b"[" * 16_000,
        b'{"swapped": false, "x": "' + b"x" * 16_384 + b'"}',
        b"<html>no json</html>",
    ],
)
async def test_te_06_what_is_not_an_answer_is_unknown(body: bytes) -> None:
    joined = Joined()
    joined.transport.change = changed(body, "/sim-swap/v2/check")
    signal = await joined.sim()
    assert (signal.finding, signal.code) == (Finding.UNKNOWN, "MALFORMED_ANSWER")


@pytest.mark.parametrize("status", [201, 204, 301, 302, 400, 403, 418, 500, 599])
async def test_te_06_a_yes_under_another_status_is_none(status: int) -> None:
    joined = Joined()
    joined.transport.change = lambda _, reply: dataclasses.replace(reply, status=status)
    assert {finding for finding, _ in said(await joined.ask())} == {Finding.UNKNOWN}


@pytest.mark.parametrize("trouble", ["unreachable", "never", "malformed", "refused", "undated", "misdated"])
@pytest.mark.parametrize("api", ["sim-swap", "device-swap"])
async def test_te_06_a_yes_whose_date_does_not_come_is_a_change(trouble: str, api: str) -> None:
    joined = Joined(deadline_s=0.2 if trouble == "never" else 10.0)
    joined.network.swap(NUMBER, "thief", at=AT - DAY)
    name = {"sim-swap": "latestSimChange", "device-swap": "latestDeviceChange"}[api]
    bodies = {
        "malformed": b"{",
        "undated": b'{"%s":null,"monitoredPeriod":3650}' % name.encode(),
        "misdated": b'{"%s":"2020-01-01T00:00:00Z"}' % name.encode(),
    }

    class Troubled:
        async def send(self, request: Request) -> Reply:
            reply = await joined.transport.inner.send(request)
            if not request.url.endswith(f"/{api}/{'v2' if api == 'sim-swap' else 'v1'}/retrieve-date"):
                return reply
            if trouble == "unreachable":
                raise NoReply("UNREACHABLE")
            if trouble == "never":
                await asyncio.Event().wait()
            if trouble == "refused":
                refusal = b'{"status":429,"code":"TOO_MANY_REQUESTS","message":""}'
                return dataclasses.replace(reply, status=429, body=refusal)
            return dataclasses.replace(reply, body=bodies[trouble])

        async def close(self) -> None:
            """Nothing is held."""

    joined.operator._transport = Troubled()
    question = Question.SIM_SWAP if api == "sim-swap" else Question.DEVICE_SWAP
    signal = (await joined.ask())[question]
    assert (signal.finding, signal.changed_at) == (Finding.CHANGED, None)
    assert signal.code == ("SIM_SWAPPED" if api == "sim-swap" else "DEVICE_SWAPPED")


async def test_te_06_a_certificate_that_nobody_vouches_for_is_unreachable() -> None:
    """A listener that speaks no TLS at all stands for everyone who cannot show the operator's certificate."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = HttpTransport(tls=ssl.create_default_context(), timeout_s=2)
    try:
        with pytest.raises(NoReply) as failed:
            await transport.send(Request("POST", f"https://127.0.0.1:{port}/token", {}, b"secret"))
    finally:
        await transport.close()
        server.close()
        await server.wait_closed()
    assert failed.value.code == "UNREACHABLE"
    assert failed.value.__cause__ is None


async def test_te_06_whoever_keeps_failing_is_left_alone_and_tried_again() -> None:
    joined = Joined()
    guarded = GuardedOperator("alpha", joined.operator)
    joined.network.outage = Outage.UNREACHABLE
    for _ in range(FAILURES):
        signals = await guarded.ask(NUMBER, since=AT - DAY, at=AT)
        assert {signal.code for signal in signals} == {"UNREACHABLE"}
    sent = len(joined.transport.sent)
    token = joined.token()
    resting = await guarded.ask(NUMBER, since=AT - DAY, at=AT + REST_S - 1)
    assert {(signal.finding, signal.code) for signal in resting} == {(Finding.UNKNOWN, "CIRCUIT_OPEN")}
    assert (await guarded.possession(NUMBER, token, at=AT + 1)).code == "CIRCUIT_OPEN"
    with pytest.raises(ValueError, match="wiped"):
        token.reveal()
    assert len(joined.transport.sent) == sent
    joined.network.outage = None
    joined.clock.at = AT + REST_S
    assert worst(await guarded.ask(NUMBER, since=AT - DAY, at=AT + REST_S)) is Finding.CLEAR
    assert guarded.breaker.failures == 0


# --- TE-07: somebody else answers -----------------------------------------------------------------------------------


async def test_te_07_an_answer_to_another_question_is_refused() -> None:
    joined = Joined()
    joined.network.lie = Lie.REPLAYED
    assert said(await joined.ask()) == {(Finding.CONTRADICTED, "ANOTHER_ANSWER")}


async def test_te_07_an_answer_about_another_line_that_is_played_back_is_refused() -> None:
    joined = Joined()
    joined.network.connect(OTHER, "other", at=AT - 365 * DAY)
    kept: dict[str, Reply] = {}

    def keep(request: Request, reply: Reply) -> Reply:
        kept[request.url] = reply
        return reply

    joined.transport.change = keep
    assert worst((await joined.ask(number=OTHER)).values()) is Finding.CLEAR
    joined.network.swap(NUMBER, "thief", at=AT - 1)
    joined.transport.change = lambda request, reply: reply if "/token" in request.url else kept.get(request.url, reply)
    again = await joined.ask()
    assert {signal.finding for signal in again.values()} == {Finding.CONTRADICTED}


async def test_te_07_an_answer_that_echoes_nothing_is_unknown() -> None:
    joined = Joined()
    joined.transport.change = lambda _, reply: dataclasses.replace(
        reply, headers={name: value for name, value in reply.headers.items() if name != "x-correlator"}
    )
    assert said(await joined.ask()) == {(Finding.UNKNOWN, "MALFORMED_ANSWER")}


def identity(key: DevicePrivateKey, **claims: str | int) -> str:
    return signed_token({"iss": ISSUER, "aud": "pteri", "sub": "x", "iat": AT, "exp": AT + 300, **claims}, key)


@pytest.mark.parametrize(
    "forged",
    [
        lambda _: identity(STRANGER),
        lambda _: identity(OUR_KEY),
        lambda key: identity(key, iss="https://other.example"),
        lambda key: identity(key, aud="somebody"),
        lambda key: identity(key, exp=AT - 61),
        lambda key: identity(key, iat=AT + 3600),
        lambda key: identity(key)[:-4] + "AAAA",
        lambda key: "e30." + identity(key).split(".", 1)[1],
        lambda key: "eyJhbGciOiJub25lIn0." + identity(key).split(".")[1] + ".",
        lambda _: "not.a.token",
        lambda _: "",
    ],
)
async def test_te_07_an_identity_that_the_operator_did_not_sign_for_us_is_refused(
    forged: Callable[[DevicePrivateKey], str],
) -> None:
    joined = Joined()
    token = forged(joined.camara.key)

    def forge(request: Request, reply: Reply) -> Reply:
        body = reply.body.split(b',"id_token"')[0] + b',"id_token":"' + token.encode() + b'"}'
        return dataclasses.replace(reply, body=body) if request.url.endswith("/token") else reply

    joined.transport.change = forge
    signal = await joined.operator.possession(NUMBER, joined.token(), at=AT)
    assert (signal.finding, signal.code) == (Finding.CONTRADICTED, "NOT_AUTHENTIC")


async def test_te_07_a_token_without_any_identity_is_no_confirmation() -> None:
    joined = Joined()
    joined.transport.change = lambda request, reply: (
        dataclasses.replace(reply, body=reply.body.split(b',"id_token"')[0] + b"}")
        if request.url.endswith("/token")
        else reply
    )
    signal = await joined.operator.possession(NUMBER, joined.token(), at=AT)
    assert (signal.finding, signal.code) == (Finding.UNKNOWN, "MALFORMED_ANSWER")


@pytest.mark.parametrize("way", [Possession.CIBA, Possession.JWT_BEARER])
async def test_te_07_a_temporary_token_is_good_once_and_for_the_phone_it_came_from(way: Possession) -> None:
    joined = Joined(possession=way)
    token = joined.token()
    copy = Secret(token.reveal())
    assert (await joined.operator.possession(NUMBER, token, at=AT)).finding is Finding.CLEAR
    with pytest.raises(ValueError, match="wiped"):
        token.reveal()
    replayed = await joined.operator.possession(NUMBER, copy, at=AT)
    assert replayed.finding is Finding.UNKNOWN
    joined.network.connect(OTHER, "other", at=AT - DAY)
    another = await joined.operator.possession(NUMBER, joined.token("other"), at=AT)
    assert (another.finding, another.code) == (Finding.CONTRADICTED, "ANOTHER_NUMBER")


async def test_te_07_neither_number_nor_token_is_in_what_is_told_or_shown() -> None:
    joined = Joined()
    signals = [*(await joined.ask()).values(), await joined.operator.possession(NUMBER, joined.token(), at=AT)]
    shown = f"{signals!r}{joined.transport.sent!r}{joined.operator._terms!r}"
    assert "4915112345678" not in shown
    assert "temporary-token" not in shown
    assert {signal.question for signal in signals} == set(Question)
