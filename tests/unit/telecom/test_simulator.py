"""The simulated operator is stricter than a real one: what it refuses, and how loudly it says what it is."""

from __future__ import annotations

import email.utils
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from starlette.testclient import TestClient

from operators import AT, DAY, ISSUER, NUMBER, OUR_KEY, CountingEntropy, Joined, StillClock
from pteri.adapters.telecom.camara.exchange import Request
from pteri.adapters.telecom.camara.jwt import signed_token
from pteri.adapters.telecom.camara.oauth import Client, Started
from pteri.adapters.telecom.sim_server import SAYS_SO, simulator_app
from pteri.adapters.telecom.simulated import Lie
from pteri.core.keys.device import DevicePrivateKey

FORM = {"content-type": "application/x-www-form-urlencoded"}
US = Client("pteri", OUR_KEY, ISSUER)
TOKEN, START = f"{ISSUER}/token", f"{ISSUER}/bc-authorize"
PURPOSE = "dpv:FraudPreventionAndDetection"
VERIFY = f"{PURPOSE} openid number-verification:verify"
STRANGER = DevicePrivateKey.from_random(bytes([9]) * 48)


def post(joined: Joined, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
    reply = joined.camara.handle(Request("POST", ISSUER + path, headers, body), at=AT)
    return reply.status, msgspec.json.decode(reply.body)


def bearer(joined: Joined, subject: str | None = None) -> dict[str, str]:
    scope = f"{PURPOSE} sim-swap device-swap number-recycling:check"
    draw = CountingEntropy().draw
    form = (
        US.for_us(scope, url=TOKEN, at=AT, unique=draw(16))
        if subject is None
        else US.for_subject(subject, scope, url=TOKEN, at=AT, unique=draw(32))
    )
    status, answer = post(joined, "/token", FORM, form)
    assert status == 200, answer
    return {"authorization": f"Bearer {answer['access_token']}", "content-type": "application/json"}


def assertion(key: DevicePrivateKey = OUR_KEY, **changes: str | int) -> dict[str, str]:
    claims: dict[str, str | int] = {
        "iss": "pteri",
        "sub": "pteri",
        "aud": ISSUER,
        "iat": AT,
        "exp": AT + 60,
        "jti": "x",
    }
    return {
        "grant_type": "client_credentials",
        "scope": f"{PURPOSE} sim-swap",
        "client_id": "pteri",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed_token({**claims, **changes}, key),
    }


def test_an_assertion_is_good_once() -> None:
    joined = Joined()
    body = urlencode(assertion()).encode()
    assert post(joined, "/token", FORM, body)[0] == 200
    assert post(joined, "/token", FORM, body) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    "form",
    [
        assertion(STRANGER),
        assertion(iss="other"),
        assertion(sub="other"),
        assertion(aud="https://elsewhere.example"),
        assertion(exp=AT),
        assertion(iat=AT + 1),
        assertion(exp=AT + 301),
        assertion(exp="soon"),
        assertion(jti=7),
        {**assertion(), "client_id": "other"},
        {**assertion(), "client_assertion_type": "password"},
        {**assertion(), "client_assertion": ""},
        {**assertion(), "grant_type": "password"},
        assertion(aud=START),
        {**assertion(), "scope": f"{PURPOSE} everything"},
        {**assertion(), "scope": f"{PURPOSE} number-verification:verify"},
        {**assertion(), "scope": "sim-swap"},
        {**assertion(), "scope": PURPOSE},
        {**assertion(), "scope": f"{PURPOSE} dpv:Marketing sim-swap"},
        {**assertion(), "scope": ""},
    ],
)
def test_no_token_for_anything_less(form: dict[str, str]) -> None:
    status, answer = post(Joined(), "/token", FORM, urlencode(form).encode())
    assert status in {400, 401}
    assert set(answer) == {"error"}


@pytest.mark.parametrize("audience", [ISSUER, TOKEN])
def test_who_we_are_may_be_said_to_the_address_or_to_the_issuer(audience: str) -> None:
    assert post(Joined(), "/token", FORM, urlencode(assertion(aud=audience)).encode())[0] == 200


@pytest.mark.parametrize(("audience", "status"), [(TOKEN, 200), (ISSUER, 400), (START, 400)])
def test_whom_it_is_about_is_said_to_the_address_only(audience: str, status: int) -> None:
    claims: dict[str, str | int] = {"iss": "pteri", "sub": f"tel:{NUMBER.reveal()}", "scope": f"{PURPOSE} sim-swap"}
    about = signed_token({**claims, "aud": audience, "iat": AT, "exp": AT + 60, "jti": "y"}, OUR_KEY)
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": about}
    assert post(Joined(), "/token", FORM, urlencode({**assertion(), **grant}).encode())[0] == status


@pytest.mark.parametrize("body", [b"", b"a", b"a=1&a=2", b"\xff=1"])
def test_a_form_has_one_reading(body: bytes) -> None:
    assert post(Joined(), "/token", FORM, body)[0] in {400, 401}
    assert post(Joined(), "/token", {"content-type": "application/json"}, b"{}") == (400, {"error": "invalid_request"})


def test_two_legged_demands_the_number_and_three_legged_forbids_it() -> None:
    joined = Joined()
    number = NUMBER.reveal()
    with_it, without = msgspec.json.encode({"phoneNumber": number}), b"{}"
    assert post(joined, "/sim-swap/v2/check", bearer(joined), without)[1]["code"] == "MISSING_IDENTIFIER"
    joined = Joined()
    three = bearer(joined, f"tel:{number}")
    assert post(joined, "/sim-swap/v2/check", three, with_it)[1]["code"] == "UNNECESSARY_IDENTIFIER"
    assert post(joined, "/sim-swap/v2/check", three, without) == (200, {"swapped": False})


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/sim-swap/v2/check", {"maxAge": 0}, "INVALID_ARGUMENT"),
        ("/sim-swap/v2/check", {"maxAge": 2401}, "INVALID_ARGUMENT"),
        ("/sim-swap/v2/check", {"maxAge": "240"}, "INVALID_ARGUMENT"),
        ("/sim-swap/v2/check", {"maxage": 240}, "INVALID_ARGUMENT"),
        ("/sim-swap/v2/retrieve-date", {"maxAge": 240}, "INVALID_ARGUMENT"),
        ("/sim-swap/v2/check", {"phoneNumber": "4915112345678"}, "INVALID_ARGUMENT"),
        ("/number-recycling/v0.2/check", {}, "INVALID_ARGUMENT"),
        ("/number-recycling/v0.2/check", {"specifiedDate": "yesterday"}, "INVALID_ARGUMENT"),
        ("/number-verification/v2/verify", {}, "PERMISSION_DENIED"),
        ("/sim-swap/v1/check", {}, "NOT_FOUND"),
        ("/device-swap/v2/check", {}, "NOT_FOUND"),
        ("/", {}, "NOT_FOUND"),
    ],
)
def test_a_question_of_another_shape_gets_the_error_of_the_documents(path: str, body: object, code: str) -> None:
    joined = Joined()
    assert post(joined, path, bearer(joined), msgspec.json.encode(body))[1]["code"] == code


def test_a_token_that_is_none_or_over_is_unauthenticated() -> None:
    joined = Joined()
    headers = bearer(joined)
    assert post(joined, "/sim-swap/v2/check", {**headers, "authorization": "Bearer x"}, b"{}")[0] == 401
    late = Request("POST", f"{ISSUER}/sim-swap/v2/check", headers, b"{}")
    assert joined.camara.handle(late, at=AT + 300).status == 401


def test_a_temporary_token_is_over_after_five_minutes() -> None:
    network = Joined().network
    network.temporary_token("phone", "one", at=AT - 300)
    assert network.redeem("one", at=AT) is None
    network.temporary_token("phone", "two", at=AT - 299)
    assert network.redeem("two", at=AT) == NUMBER


def test_a_backchannel_authentication_is_for_whoever_began_it_once_and_for_two_minutes() -> None:
    joined, draw = Joined(), CountingEntropy().draw

    def begin(token: str) -> Started:
        joined.network.temporary_token("phone", token, at=AT)
        form = US.to_start(f"operatortoken:{token}", VERIFY, url=START, at=AT, unique=draw(16))
        return msgspec.convert(post(joined, "/bc-authorize", FORM, form)[1], Started)

    def poll(started: Started, at: int = AT) -> tuple[int, Any]:
        request = Request("POST", f"{ISSUER}/token", FORM, US.to_poll(started, url=TOKEN, at=at, unique=draw(16)))
        reply = joined.camara.handle(request, at=at)
        return reply.status, msgspec.json.decode(reply.body)

    first = begin("one")
    assert poll(first)[0] == 200
    assert poll(first) == (400, {"error": "invalid_grant"})
    assert poll(begin("two"), AT + 119)[0] == 200
    assert poll(begin("three"), AT + 120) == (400, {"error": "expired_token"})


def test_only_a_token_of_a_phone_begins_one() -> None:
    joined = Joined()
    form = US.to_start("tel:+4915112345678", VERIFY, url=START, at=AT, unique=bytes(16))
    assert post(joined, "/bc-authorize", FORM, form) == (400, {"error": "invalid_request"})


def test_a_subject_is_a_number_or_a_token() -> None:
    form = US.for_subject(
        "tel:015112345678", f"{PURPOSE} sim-swap", url=TOKEN, at=AT, unique=CountingEntropy().draw(32)
    )
    assert post(Joined(), "/token", FORM, form) == (400, {"error": "invalid_grant"})


def test_a_correlator_is_spelt_as_the_documents_say() -> None:
    joined = Joined()
    headers = {**bearer(joined), "x-correlator": "two words"}
    assert post(joined, "/sim-swap/v2/check", headers, b"{}") == (
        400,
        {"status": 400, "code": "INVALID_ARGUMENT", "message": "Simulated."},
    )


def test_verification_needs_a_token_about_the_phone_and_takes_it_once() -> None:
    joined, draw = Joined(), CountingEntropy().draw
    joined.network.temporary_token("phone", "one", at=AT)
    form = US.for_subject("operatortoken:one", VERIFY, url=TOKEN, at=AT, unique=draw(32))
    _, answer = post(joined, "/token", FORM, form)
    headers = {"authorization": f"Bearer {answer['access_token']}", "content-type": "application/json"}
    body = msgspec.json.encode({"phoneNumber": NUMBER.reveal()})
    verify = "/number-verification/v2/verify"
    assert post(joined, verify, headers, body) == (200, {"devicePhoneNumberVerified": True})
    assert post(joined, verify, headers, body)[1]["code"] == "UNAUTHENTICATED"


def test_an_answer_of_ten_minutes_ago_says_so() -> None:
    joined = Joined()
    joined.network.lie = Lie.STALE
    reply = joined.camara.handle(Request("POST", f"{ISSUER}/x", {}, b""), at=AT)
    assert reply.headers["date"] == email.utils.formatdate(AT - 600, usegmt=True)


def test_a_question_is_json() -> None:
    joined = Joined()
    headers = {**bearer(joined), "content-type": "text/plain"}
    assert post(joined, "/sim-swap/v2/check", headers, b"{}")[1]["code"] == "INVALID_ARGUMENT"


def test_a_liar_says_of_everybody_that_nothing_ever_happened() -> None:
    joined = Joined()
    joined.network.recycle(NUMBER, "thief", at=AT - 60)
    joined.network.lie = Lie.NEVER_SWAPPED
    headers, number = bearer(joined), NUMBER.reveal()
    named = msgspec.json.encode({"phoneNumber": number})
    dated = msgspec.json.encode({"phoneNumber": number, "specifiedDate": "2020-01-01"})
    assert post(joined, "/sim-swap/v2/check", headers, named)[1] == {"swapped": False}
    told = {"latestSimChange": None, "monitoredPeriod": 3650}
    assert post(joined, "/sim-swap/v2/retrieve-date", headers, named)[1] == told
    assert post(joined, "/number-recycling/v0.2/check", headers, dated)[1] == {"phoneNumChanged": False}
    joined.network.lie = None
    assert post(joined, "/number-recycling/v0.2/check", headers, dated)[1] == {"phoneNumChanged": True}


def desk() -> tuple[Joined, TestClient]:
    joined = Joined()
    return joined, TestClient(
        simulator_app(joined.camara, StillClock(), CountingEntropy()), base_url="http://127.0.0.1"
    )


def test_the_desk_swaps_ports_recycles_and_makes_weather_and_says_that_it_is_simulated() -> None:
    joined, client = desk()
    number = NUMBER.reveal()
    with client:
        swapped = client.post("/desk/swap", json={"number": number, "phone": "thief"})
        assert swapped.json()["iccid"] == joined.network.line(NUMBER).iccid
        assert swapped.headers["x-simulator"] == SAYS_SO["x-simulator"]
        assert client.post("/desk/token", json={"phone": "thief"}).json()["token"]
        assert client.post("/desk/token", json={"phone": "phone"}).status_code == 404
        assert client.post("/desk/recycle", json={"number": number, "phone": "b"}).status_code == 200
        assert client.post("/desk/weather", json={"outage": "unavailable", "cap_h": 240}).status_code == 200
        assert client.post("/sim-swap/v2/check", json={}).status_code == 503
        assert client.post("/desk/weather", json={}).status_code == 200
        assert client.post("/desk/port-out", json={"number": number}).status_code == 200
        assert client.post("/desk/port-out", json={"number": number}).status_code == 404
    assert joined.network.numbers() == ()


@pytest.mark.parametrize(
    ("act", "order", "status"),
    [
        ("swap", {"number": "015112345678"}, 400),
        ("swap", {"number": "+4915112345678", "to": "x"}, 400),
        ("steal", {"number": "+4915112345678"}, 404),
        ("weather", {"slow_s": 61}, 400),
        ("weather", {"outage": "rain"}, 400),
        ("move", {"number": "+4915100000000"}, 404),
    ],
)
def test_an_order_that_is_none_changes_nothing(act: str, order: dict[str, object], status: int) -> None:
    joined, client = desk()
    before = joined.network.line(NUMBER)
    with client:
        assert client.post(f"/desk/{act}", json=order).status_code == status
        assert client.post("/desk/swap", content=b"number=1").status_code == 415
        large = {"content-type": "application/json"}
        assert client.post("/desk/swap", content=b" " * 65_537, headers=large).status_code == 400
    assert joined.network.line(NUMBER) == before


def test_an_iccid_is_made_up_and_well_formed() -> None:
    network = Joined().network
    iccid = network.transfer(NUMBER, "new", at=AT - DAY).iccid
    digits = [int(digit) for digit in iccid]
    doubled = [2 * digit - 9 if 2 * digit > 9 else 2 * digit for digit in digits[-2::-2]]
    assert len(iccid) == 19
    assert (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
