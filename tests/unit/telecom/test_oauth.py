"""What we say of ourselves to an authorization server, and how its tokens are read: claim by claim, bound by bound."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from operators import AT, ISSUER, OUR_KEY, CountingEntropy
from pteri.adapters.telecom.camara.exchange import NoReply, Reply
from pteri.adapters.telecom.camara.jwt import read_token, signed_token
from pteri.adapters.telecom.camara.oauth import (
    Client,
    Refused,
    Started,
    Token,
    check_identity,
    read_started,
    read_token_reply,
)
from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.ids import from_base64url, to_base64url
from pteri.core.keys.device import DevicePrivateKey

US = Client("pteri", OUR_KEY, ISSUER)
URL = f"{ISSUER}/token"
THEIRS = DevicePrivateKey.from_random(bytes([3]) * 48)
STRANGER = DevicePrivateKey.from_random(bytes([9]) * 48)
UNIQUE = CountingEntropy().draw(32)
STARTED = Started("request-1", 120)
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def form(raw: bytes) -> dict[str, str]:
    fields = parse_qs(raw.decode("ascii"), strict_parsing=True)
    assert all(len(values) == 1 for values in fields.values())
    return {name: values[0] for name, values in fields.items()}


def proof(fields: dict[str, str]) -> dict[str, Any]:
    assert (fields.pop("client_id"), fields.pop("client_assertion_type")) == ("pteri", ASSERTION)
    return read_token(fields.pop("client_assertion"), [OUR_KEY.public])


def ours(unique: bytes, **more: str) -> dict[str, Any]:
    made = {"iss": "pteri", "sub": "pteri", "aud": URL, "iat": AT, "exp": AT + 60, "jti": to_base64url(unique)}
    return {**made, **more}


# --- forms ------------------------------------------------------------------------------------------------------------


def test_a_two_legged_token_is_asked_for_with_an_assertion_of_one_minute() -> None:
    fields = form(US.for_us("a b", url=URL, at=AT, unique=UNIQUE[:16]))
    assert proof(fields) == ours(UNIQUE[:16])
    assert fields == {"grant_type": "client_credentials", "scope": "a b"}


def test_a_token_about_somebody_is_asked_for_with_two_assertions_that_are_never_the_same() -> None:
    fields = form(US.for_subject("tel:+491", "a", url=URL, at=AT, unique=UNIQUE))
    assert proof(fields) == ours(UNIQUE[16:])
    about = read_token(fields.pop("assertion"), [OUR_KEY.public])
    assert about == ours(UNIQUE[:16], sub="tel:+491", scope="a")
    assert fields == {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}


def test_a_backchannel_authentication_is_begun_and_asked_after() -> None:
    begun = form(US.to_start("operatortoken:t&x=1", "openid a", url=URL, at=AT, unique=UNIQUE[:16]))
    assert proof(begun) == ours(UNIQUE[:16])
    assert begun == {"login_hint": "operatortoken:t&x=1", "scope": "openid a"}
    polled = form(US.to_poll(STARTED, url=URL, at=AT, unique=UNIQUE[:16]))
    assert proof(polled) == ours(UNIQUE[:16])
    assert polled == {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": "request-1"}


def test_who_we_are_may_be_said_to_the_issuer_and_who_it_is_about_never() -> None:
    to_issuer = Client("pteri", OUR_KEY, ISSUER, to_issuer=True)
    assert proof(form(to_issuer.for_us("a", url=URL, at=AT, unique=UNIQUE[:16])))["aud"] == ISSUER
    fields = form(to_issuer.for_subject("tel:+491", "a", url=URL, at=AT, unique=UNIQUE))
    assert proof(fields)["aud"] == ISSUER
    assert read_token(fields["assertion"], [OUR_KEY.public])["aud"] == URL


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_an_assertion_that_could_come_again_is_not_made(size: int) -> None:
    with pytest.raises(ValueError, match="16 random bytes"):
        US.for_us("a", url=URL, at=AT, unique=bytes(size))


def test_what_is_told_names_the_algorithm_and_the_key() -> None:
    header = json.loads(from_base64url(signed_token({"a": 1}, OUR_KEY).split(".")[0]))
    assert header == {"alg": "ES256", "kid": OUR_KEY.public.thumbprint, "typ": "JWT"}


# --- replies ----------------------------------------------------------------------------------------------------------

GOOD_TOKEN: dict[str, Any] = {"access_token": "t", "token_type": "Bearer", "expires_in": 1}


def token_reply(status: int = 200, **changes: Any) -> Token:
    body = {name: value for name, value in {**GOOD_TOKEN, **changes}.items() if value is not ...}
    return read_token_reply(Reply(status, {}, json.dumps(body).encode()))


@pytest.mark.parametrize("changes", [{}, {"token_type": "bearer"}, {"access_token": "x" * 8192}, {"scope": "a"}])
def test_a_token_is_read(changes: dict[str, Any]) -> None:
    assert token_reply(**changes).expires_in == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": ""},
        {"access_token": "x" * 8193},
        {"access_token": "two words"},
        {"access_token": "line\nbreak"},
        {"access_token": ...},
        {"token_type": "DPoP"},
        {"token_type": "Bearer "},
        {"token_type": ...},
        {"expires_in": 0},
        {"expires_in": "300"},
        {"expires_in": 1.5},
        {"expires_in": ...},
        {"id_token": 7},
    ],
)
def test_te_06_what_is_no_token_is_no_answer(changes: dict[str, Any]) -> None:
    with pytest.raises(NoReply) as failed:
        token_reply(**changes)
    assert failed.value.code == "MALFORMED_ANSWER"


@pytest.mark.parametrize("changes", [{"interval": 0}, {"interval": "1"}, {"expires_in": 0}, {"auth_req_id": ""}])
def test_te_06_what_is_no_beginning_is_no_answer(changes: dict[str, Any]) -> None:
    good = {"auth_req_id": "r", "expires_in": 1, "interval": 1}
    assert read_started(Reply(200, {}, json.dumps(good).encode())).interval == 1
    with pytest.raises(NoReply):
        read_started(Reply(200, {}, json.dumps({**good, **changes}).encode()))


@pytest.mark.parametrize("read", [read_token_reply, read_started])
def test_a_no_is_told_with_its_status(read: Any) -> None:
    with pytest.raises(Refused) as refused:
        read(Reply(400, {}, b'{"error":"invalid_scope","error_description":"x"}'))
    assert (refused.value.status, refused.value.code) == (400, "invalid_scope")
    with pytest.raises(Refused) as odd:
        read(Reply(201, {}, b'{"error":"e"}'))
    assert odd.value.status == 201
    longest = b"x" * 96
    with pytest.raises(Refused):
        read(Reply(400, {}, b'{"error":"%s"}' % longest))
    for body in (b"{}", b'{"error":""}', b'{"error":"' + b"x" * 97 + b'"}', b""):
        with pytest.raises(NoReply):
            read(Reply(400, {}, body))


def test_nothing_of_a_reply_is_ever_shown() -> None:
    shown = f"{token_reply(access_token='hidden-1', id_token='hidden-2')!r}{Started('hidden-3', 1)!r}"
    assert shown == "Token(...)Started(...)"


# --- identity ---------------------------------------------------------------------------------------------------------


def identity(key: DevicePrivateKey = THEIRS, **changes: Any) -> Token:
    claims = {"iss": ISSUER, "aud": "pteri", "sub": "x", "iat": AT, "exp": AT + 300, **changes}
    named = {name: value for name, value in claims.items() if value is not ...}
    return Token("t", "Bearer", 300, signed_token(named, key))


def checked(token: Token, at: int = AT) -> None:
    check_identity(token, US, (STRANGER.public, THEIRS.public), at=at)


@pytest.mark.parametrize("changes", [{}, {"aud": ["pteri"]}, {"nonce": "x"}, {"iat": AT + 60}, {"exp": AT - 59}])
def test_an_identity_of_this_operator_for_us_and_of_now_is_one(changes: dict[str, Any]) -> None:
    checked(identity(**changes))


def test_an_identity_lives_from_a_minute_before_it_was_made_to_a_minute_after_its_end() -> None:
    checked(identity(), AT - 60)
    checked(identity(), AT + 359)
    for at in (AT - 61, AT + 360):
        with pytest.raises(NotAuthentic):
            checked(identity(), at)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://other.example"},
        {"iss": f"{ISSUER}/"},
        {"iss": ...},
        {"aud": "other"},
        {"aud": ["pteri", "other"]},
        {"aud": []},
        {"aud": ...},
        {"exp": ...},
        {"iat": ...},
        {"exp": str(AT + 300)},
        {"iat": float(AT)},
        {"exp": AT - 60},
        {"iat": AT + 61},
    ],
)
def test_te_07_any_other_identity_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotAuthentic):
        checked(identity(**changes))


def test_te_07_an_identity_of_another_key_or_of_none_is_refused() -> None:
    with pytest.raises(NotAuthentic):
        check_identity(identity(), US, (STRANGER.public,), at=AT)
    with pytest.raises(NotAuthentic):
        check_identity(identity(), US, (), at=AT)
    with pytest.raises(NoReply):
        checked(Token("t", "Bearer", 300))


# --- signed tokens ----------------------------------------------------------------------------------------------------


def part(raw: bytes) -> str:
    return to_base64url(raw)


def signed(header: bytes, claims: bytes = b"{}") -> str:
    covered = f"{part(header)}.{part(claims)}"
    return f"{covered}.{part(OUR_KEY.sign(covered.encode('ascii')))}"


def test_a_token_of_any_header_with_our_algorithm_is_read() -> None:
    assert read_token(signed(b'{"alg":"ES256","kid":"7"}', b'{"a":1}'), [STRANGER.public, OUR_KEY.public]) == {"a": 1}


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b'{"alg":"none"}',
        b'{"alg":"HS256"}',
        b'{"alg":"es256"}',
        b'{"alg":"ES256","crit":[]}',
        b'{"alg":["ES256"]}',
    ],
)
def test_te_07_another_algorithm_is_refused_however_well_it_is_signed(header: bytes) -> None:
    with pytest.raises(NotAuthentic):
        read_token(signed(header), [OUR_KEY.public])


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (b"[]", b"{}"),
        (b"null", b"{}"),
        (b"{", b"{}"),
        (b'{"alg":"ES256","alg":"ES256"}', b"{}"),
        (b'{"alg":"ES256"}', b'"x"'),
        (b'{"alg":"ES256"}', b'{"sub":"a","sub":"b"}'),
        (b'{"alg":"ES256"}', b'{"sub":"\xff"}'),
        (b'{"alg":"ES256"}', b"[" * 3000),
    ],
)
def test_a_token_has_one_reading(header: bytes, claims: bytes) -> None:
    with pytest.raises(Malformed):
        read_token(signed(header, claims), [OUR_KEY.public])


def test_a_token_has_three_parts_and_a_size() -> None:
    good = signed(b'{"alg":"ES256"}')
    for text in ("", ".", "..", good + ".", good + ".x", good.replace(".", "", 1), " " + good, good + "\n"):
        with pytest.raises(ProtocolError):
            read_token(text, [OUR_KEY.public])


@pytest.mark.parametrize(("size", "code"), [(8192, Code.ENCODING), (8193, Code.TOO_LARGE)])
def test_a_token_that_is_too_large_is_not_even_taken_apart(size: int, code: Code) -> None:
    with pytest.raises(Malformed) as refused:
        read_token("x" * size, [OUR_KEY.public])
    assert refused.value.code is code
