"""A token in place of a signature, on the routes that take one."""

from __future__ import annotations

from dataclasses import replace
from types import NoneType
from typing import Any

import pytest

from hinges import Connect
from note_routes import NOTES, SECRET, SIGNED, Note, Seen, build, problem_of
from pteri.app.callers import BearerRequest
from pteri.core.httpsig import SignedRequest
from pteri.http.routing import Auth, Call, Reply

TOKEN = {"authorization": "Bearer abc.DEF-1~", "idempotency-key": "key-1"}


async def with_token(call: Call[Note]) -> Reply:
    request = call.client_request()
    assert request.body == call.raw
    proof = request.token if isinstance(request, BearerRequest) else request.signature
    assert (call.bearer is None) == isinstance(request, SignedRequest)
    return Reply(200, Seen(proof, target_uri=request.target_uri, signature=request.idempotency_key))


BUSY = replace(NOTES[3], path="/v1/busy", endpoint=with_token, auth=Auth.CLIENT_TOKEN)


def test_a_busy_route_takes_a_token_or_a_signature(connect: Connect) -> None:
    caller = connect(build(BUSY))
    by_token = caller.post("/v1/busy?q=1", json={"words": "w"}, headers=TOKEN)
    assert (by_token.status_code, by_token.json()["words"]) == (200, "abc.DEF-1~")
    assert by_token.json()["target_uri"] == "https://pteri.example/v1/busy?q=1"
    assert by_token.json()["signature"] == "key-1"
    by_signature = caller.post("/v1/busy", json={"words": "w"}, headers=SIGNED)
    assert (by_signature.status_code, by_signature.json()["words"]) == (200, SIGNED["signature"])
    assert caller.post("/v1/busy", json={"words": "w"}, headers={"authorization": TOKEN["authorization"]}).json()[
        "code"
    ] == ("REQUEST_HEADERS")
    assert problem_of(caller.post("/v1/busy", json={"words": "w"})) == (401, "denied", "SIGNATURE_HEADERS")


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer abc"},
        [*TOKEN.items(), ("authorization", TOKEN["authorization"])],
        [*TOKEN.items(), ("idempotency-key", "key-1")],
        *({**TOKEN, name: SIGNED[name]} for name in SIGNED if name != "idempotency-key"),
        {**TOKEN, **SIGNED},
        *(
            {**TOKEN, "authorization": value}
            for value in (
                "",
                "Bearer",
                "Bearer  abc",
                "bearer abc",
                "BEARER abc",
                "Basic abc",
                "Bearer abc def",
                "Bearer abc, Bearer def",
                "Bearer a\tb",
                b"Bearer \xe9",
                "Bearer " + "a" * 513,
            )
        ),
    ],
)
def test_a_token_of_another_form_or_beside_a_signature_is_malformed(connect: Connect, headers: Any) -> None:
    response = connect(build(BUSY)).post("/v1/busy", json={"words": "w"}, headers=headers)
    assert problem_of(response) == (400, "malformed", "REQUEST_HEADERS")
    assert response.headers["connection"] == "close"


def test_the_longest_token_is_taken(connect: Connect) -> None:
    headers = {**TOKEN, "authorization": "Bearer " + "~" * 512}
    assert connect(build(BUSY)).post("/v1/busy", json={"words": "w"}, headers=headers).status_code == 200


def test_a_token_is_nothing_on_a_route_that_wants_a_signature(connect: Connect) -> None:
    caller = connect(build(*NOTES))
    response = caller.post("/v1/signed", json={"words": "w"}, headers=TOKEN)
    assert problem_of(response) == (401, "denied", "SIGNATURE_HEADERS")
    assert caller.post("/v1/signed", json={"words": "w"}, headers={**SIGNED, **TOKEN}).status_code == 200


def test_a_call_with_a_token_does_not_show_it_when_printed(connect: Connect) -> None:
    shown: list[str] = []

    async def endpoint(call: Call[Note]) -> Reply:
        shown.extend((repr(call), repr(call.bearer)))
        return Reply(204)

    route = replace(BUSY, endpoint=endpoint, replies={204: NoneType})
    connect(build(route)).post("/v1/busy", json={"words": SECRET}, headers=TOKEN)
    assert len(shown) == 2
    assert "abc.DEF" not in repr(shown)
    assert SECRET not in repr(shown)
