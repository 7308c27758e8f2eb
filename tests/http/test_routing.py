"""The route table over ASGI: what reaches an endpoint, what never does, and the one form of every answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest
import structlog
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from hinges import Caller, Connect
from pteri.app.callers import BearerRequest
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.core.httpsig import SignedRequest
from pteri.http.admission import Limits
from pteri.http.answers import SECURITY_HEADERS
from pteri.http.asgi import Application, build_asgi
from pteri.http.problems import Kind, ProblemError
from pteri.http.ratelimit import Rate
from pteri.http.routing import AnyRoute, Auth, Call, Document, Encoded, Reply, Route, parameter_names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import ASGIApp

ORIGIN = "https://pteri.example"
SIGNED = {
    "content-digest": "sha-256=:abc=:",
    "idempotency-key": "key-1",
    "signature-input": "pteri=(...)",
    "signature": "pteri=:c2VjcmV0:",
}
SECRET = "46416065 alice@bank.example"


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: str


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: str
    path: dict[str, str] = {}
    query: dict[str, str] = {}
    target_uri: str = ""
    signature: str = ""


@dataclass(frozen=True, slots=True)
class Plain(Document):
    media_type: ClassVar[str] = "text/plain; charset=utf-8"


async def read_note(call: Call[None]) -> Reply:
    return Reply(200, Seen("read", dict(call.path), dict(call.query)))


async def write_note(call: Call[Note]) -> Reply:
    return Reply(201, Seen(call.body.words, dict(call.path)), {"location": f"/v1/notes/{call.path['id']}"})


async def signed(call: Call[Note]) -> Reply:
    request = call.signed_request()
    assert request.body == call.raw
    return Reply(200, Seen(call.body.words, target_uri=request.target_uri, signature=request.signature))


async def nothing(_: Call[None]) -> Reply:
    return Reply(204)


async def tile(call: Call[None]) -> Reply:
    return Reply(200, Plain(call.path["rest"].encode()), {"cache-control": "public, immutable"})


async def literal(_: Call[None]) -> Reply:
    return Reply(200, Seen("literal"))


def raising(error: Exception) -> Callable[[Call[None]], Awaitable[Reply]]:
    async def endpoint(_: Call[None]) -> Reply:
        raise error

    return endpoint


def answering(reply: Reply) -> Callable[[Call[None]], Awaitable[Reply]]:
    async def endpoint(_: Call[None]) -> Reply:
        return reply

    return endpoint


def get(path: str, endpoint: Callable[[Call[None]], Awaitable[Reply]], type_: type = Seen) -> Route[None]:
    return Route(method="GET", path=path, endpoint=endpoint, replies={200: type_}, auth=Auth.NONE, summary="s")


NOTES: tuple[AnyRoute, ...] = (
    replace(get("/v1/notes/{id}", read_note), query={"from": "where to begin", "to": "where to end"}),
    Route(
        method="POST",
        path="/v1/notes/{id}",
        endpoint=write_note,
        body=Note,
        replies={201: Seen},
        auth=Auth.NONE,
        summary="s",
        max_body_bytes=64,
    ),
    Route(
        method="DELETE",
        path="/v1/notes/{id}",
        endpoint=nothing,
        replies={204: NoneType},
        auth=Auth.NONE,
        summary="s",
    ),
    Route(
        method="POST",
        path="/v1/signed",
        endpoint=signed,
        body=Note,
        replies={200: Seen},
        auth=Auth.DEVICE,
        summary="s",
        query={"q": "any"},
    ),
    get("/tile/{rest:path}", tile, Plain),
    get("/v1/notes/mine", literal),
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def build(*routes: AnyRoute, clock: Clock | None = None, **changes: Any) -> Application:
    limits = replace(Limits(rate=Rate("all", 10_000, 1)), **changes)
    return build_asgi(routes, public_origin=ORIGIN, limits=limits, request_id=lambda: "req_1", clock=clock or Clock())


@pytest.fixture
def client(connect: Connect) -> Caller:
    return connect(build(*NOTES))


def problem_of(response: Any) -> tuple[int, str, str]:
    """Status, type and code, after checking that the answer is a problem in its one form."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["request_id"] == "req_1"
    assert body["detail"]
    return body["status"], body["type"].removeprefix("/problems/"), body["code"]


# What reaches an endpoint


def test_an_endpoint_gets_path_query_and_typed_body(client: Caller) -> None:
    read = client.get("/v1/notes/7?from=a%20b&to=")
    assert (read.status_code, read.json()["path"], read.json()["query"]) == (
        200,
        {"id": "7"},
        {"from": "a b", "to": ""},
    )
    written = client.post("/v1/notes/7", json={"words": "hello"})
    assert (written.status_code, written.json()["words"]) == (201, "hello")
    assert written.headers["location"] == "/v1/notes/7"
    assert written.headers["content-type"] == "application/json"


def test_a_reply_without_body_and_a_document_are_sent_as_they_are(client: Caller) -> None:
    gone = client.delete("/v1/notes/7")
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-length" not in gone.headers
    document = client.get("/tile/0/x001/067")
    assert document.text == "0/x001/067"
    assert document.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_path_without_parameters_wins_over_one_with(client: Caller) -> None:
    assert client.get("/v1/notes/mine").json()["words"] == "literal"


def test_head_is_answered_like_get_and_without_body(client: Caller) -> None:
    head, got = client.head("/v1/notes/mine"), client.get("/v1/notes/mine")
    assert (head.status_code, head.headers["content-length"]) == (200, got.headers["content-length"])


def test_the_signed_target_is_built_from_the_configured_origin_and_never_from_the_host_header(
    client: Caller,
) -> None:
    headers = {**SIGNED, "host": "evil.example", "x-forwarded-host": "evil.example"}
    seen = client.post("/v1/signed?q=a%2Fb", json={"words": "w"}, headers=headers).json()
    assert seen["target_uri"] == "https://pteri.example/v1/signed?q=a%2Fb"
    assert seen["signature"] == SIGNED["signature"]
    seen = client.post("/v1/signed", json={"words": "w"}, headers=headers).json()
    assert seen["target_uri"] == "https://pteri.example/v1/signed"


def test_asking_for_a_signature_on_an_unsigned_route_is_a_bug(connect: Connect) -> None:
    async def endpoint(call: Call[None]) -> Reply:
        call.signed_request()
        return Reply(204)

    response = connect(build(get("/a", endpoint))).get("/a")
    assert problem_of(response) == (500, "internal", "INTERNAL")


def test_a_call_shows_neither_body_nor_headers_when_printed(connect: Connect) -> None:
    shown: list[str] = []

    async def endpoint(call: Call[Note]) -> Reply:
        shown.append(repr(call))
        return Reply(204)

    route = replace(NOTES[3], endpoint=endpoint, replies={204: NoneType})
    headers = {**SIGNED, "cookie": SECRET}
    connect(build(route)).post("/v1/signed", json={"words": SECRET}, headers=headers)
    assert len(shown) == 1
    assert SECRET not in shown[0]
    assert SIGNED["signature"] not in shown[0]


# A token in place of a signature

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


# What is encoded already


def test_an_encoded_answer_is_sent_word_for_word_and_never_read(connect: Connect) -> None:
    route = get("/a", answering(Reply(200, Encoded(b'{ "words" : kept as it is', Seen))))
    response = connect(build(route)).get("/a")
    assert response.content == b'{ "words" : kept as it is'
    assert response.headers["content-type"] == "application/json"


def test_other_headers_are_there_for_who_wants_them(connect: Connect) -> None:
    async def endpoint(call: Call[None]) -> Reply:
        return Reply(200, Seen(" ".join(call.header("Cookie")) + str(len(call.header("none")))))

    headers = [("Cookie", "a=1"), ("cookie", "b=2")]
    assert connect(build(get("/a", endpoint))).get("/a", headers=headers).json()["words"] == "a=1 b=20"


# Every answer


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/notes/7"), ("GET", "/none"), ("PUT", "/v1/notes/7"), ("POST", "/v1/signed")]
)
def test_every_answer_has_the_security_headers_and_the_request_id(client: Caller, method: str, path: str) -> None:
    headers = client.request(method, path).headers
    assert {k: headers[k.decode()].encode() for k in SECURITY_HEADERS} == SECURITY_HEADERS
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-request-id"] == "req_1"


def test_an_endpoint_may_choose_its_own_caching_but_the_rest_stays(client: Caller) -> None:
    headers = client.get("/tile/0").headers
    assert headers.get_list("cache-control") == ["public, immutable"]
    assert headers["x-content-type-options"] == "nosniff"


def test_plain_http_is_for_this_machine_only_and_promises_no_transport_security(connect: Connect) -> None:
    local = build_asgi(
        NOTES,
        public_origin="http://localhost:8000",
        limits=Limits(),
        request_id=lambda: "r",
        clock=Clock(),
    )
    assert "strict-transport-security" not in connect(local).get("/v1/notes/7").headers


# What never reaches an endpoint


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1/notes",
        "/v1/notes/",
        "/v1/notes/7/",
        "/v1/notes/7/more",
        "//v1/notes/7",
        "/V1/notes/7",
        "/v1/notes/%37",
        "/v1/%6eotes/7",
        "/v1/notes/7%2fmore",
        "/v1/notes/%C3%A9",
        "/v1/notes/mine%00",
        "/tile/%2e%2e/secret",
    ],
)
def test_a_path_has_one_spelling_and_anything_else_is_not_found(client: Caller, path: str) -> None:
    response = client.get(path)
    assert problem_of(response) == (404, "not-found", "NOT_FOUND")


def test_another_method_is_told_which_ones_there_are(client: Caller) -> None:
    for method in ("PUT", "PATCH", "OPTIONS", "TRACE", "get"):
        response = client.request(method, "/v1/notes/7") if method != "get" else ask_method("get")
        assert problem_of(response) == (405, "method-not-allowed", "METHOD")
        assert response.headers["allow"] == "DELETE, GET, HEAD, POST"
    assert client.head("/v1/signed").status_code == 405
    assert client.get("/v1/signed").headers["allow"] == "POST"


@pytest.mark.parametrize(
    "query", ["admin=1", "from=1&from=2", "from=1&%66rom=2", "from", "from=%ff", "=", "&", "from=1;to=2&x=1"]
)
def test_a_query_parameter_that_is_unknown_doubled_or_unreadable_is_malformed(client: Caller, query: str) -> None:
    assert problem_of(client.get(f"/v1/notes/7?{query}")) == (400, "malformed", "TARGET")


def test_a_query_that_is_not_ascii_is_malformed() -> None:
    answer = ask(build(*NOTES), scope(query_string=b"from=\xff"))
    assert (answer.status, answer.code) == (400, "TARGET")


@pytest.mark.parametrize("name", SIGNED)
def test_a_signed_route_wants_each_signature_header_exactly_once(client: Caller, name: str) -> None:
    missing = {key: value for key, value in SIGNED.items() if key != name}
    response = client.post("/v1/signed", json={"words": "w"}, headers=missing)
    assert problem_of(response) == (401, "denied", "SIGNATURE_HEADERS")
    assert response.headers["www-authenticate"] == 'Signature realm="pteri"'
    doubled = [*SIGNED.items(), (name.title(), SIGNED[name])]
    response = client.post("/v1/signed", json={"words": "w"}, headers=doubled)
    assert problem_of(response) == (401, "denied", "SIGNATURE_HEADERS")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json ; charset="utf-8"',
    ],
)
def test_json_in_utf_8_is_read(client: Caller, content_type: str) -> None:
    response = client.post("/v1/notes/7", content=b'{"words":"w"}', headers={"content-type": content_type})
    assert response.status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/problem+json"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json; charset=utf-8; x=1"},
        {"content-type": "application/json, text/plain"},
        {"content-type": "application/jsonp"},
        [("content-type", "application/json"), ("content-type", "application/json")],
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
def test_any_other_media_type_is_not_read(client: Caller, headers: Any) -> None:
    response = client.post("/v1/notes/7", content=b'{"words":"w"}', headers=headers)
    assert problem_of(response) == (415, "unsupported-media-type", "MEDIA_TYPE")


def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(client: Caller) -> None:
    def post(size: int) -> Any:
        return client.post("/v1/notes/7", json={"words": "x" * (size - len('{"words":""}'))})

    assert post(64).status_code == 201
    assert problem_of(post(65)) == (413, "too-large", "BODY_SIZE")


def test_a_route_without_body_takes_none(client: Caller) -> None:
    response = client.request("DELETE", "/v1/notes/7", content=b"x")
    assert problem_of(response) == (413, "too-large", "BODY_SIZE")
    assert response.json()["detail"] == "This request has no body."


def test_a_malformed_body_is_told_which_field(client: Caller) -> None:
    response = client.post("/v1/notes/7", json={"words": 1})
    assert problem_of(response) == (400, "malformed", "BODY")
    assert response.json()["detail"] == "Not the form asked for: not of the expected form: $.words."


# Rates


def test_a_network_that_asks_too_often_is_slowed_down_on_every_path(connect: Connect) -> None:
    clock = Clock()
    app = build(*NOTES, clock=clock, rate=Rate("all", 2, 60))
    one = connect(app, "127.0.113.7")
    neighbour = connect(app, "127.0.113.9")
    other = connect(app, "127.51.100.1")
    assert one.get("/v1/notes/7").status_code == 200
    assert one.get("/none").status_code == 404
    response = neighbour.get("/v1/notes/7")
    assert problem_of(response) == (429, "slow-down", "RATE")
    assert (response.headers["retry-after"], response.json()["retry_after_s"]) == ("30", 30)
    assert other.get("/v1/notes/7").status_code == 200
    clock.now += 30
    assert one.get("/v1/notes/7").status_code == 200


def test_routes_of_one_rate_share_it_and_others_are_not_touched(connect: Connect) -> None:
    rate = Rate("logins", 1, 60)
    client = connect(
        build(
            replace(get("/a", literal), rate=rate),
            replace(get("/b", literal), rate=rate),
            get("/c", literal),
        )
    )
    assert client.get("/a").status_code == 200
    assert problem_of(client.get("/b")) == (429, "slow-down", "RATE")
    assert client.get("/c").status_code == 200


def test_a_flood_that_is_slowed_down_is_one_line_a_second_that_counts_the_others() -> None:
    clock = Clock()
    app = build(*NOTES, clock=clock, rate=Rate("all", 1, 1000))
    with structlog.testing.capture_logs() as logs:
        for at in (0.0, 0.0, 0.5, 0.9, 1.0, 1.5, 3.0):
            clock.now = at
            ask(app, scope())
    assert [(entry["code"], entry["unlogged"]) for entry in logs] == [("RATE", 0), ("RATE", 2), ("RATE", 1)]


# Failures


@pytest.mark.parametrize(
    ("error", "status", "code", "logged"),
    [
        (Malformed(Code.STATEMENT, "not a statement"), 400, "STATEMENT", "STATEMENT"),
        (NotAuthentic(Code.WALLET_KEY, "another key"), 401, "DENIED", "WALLET_KEY"),
        (OutOfWindow(Code.EXPIRED, "too old"), 401, "DENIED", "EXPIRED"),
        (ProblemError(Kind.NOT_ALLOWED, code="PROBATION"), 403, "PROBATION", "PROBATION"),
        (ProblemError(Kind.UNAVAILABLE, code="LOG", retry_after_s=2), 503, "LOG", "LOG"),
    ],
)
def test_a_refusal_is_logged_with_its_exact_code_and_answered_with_the_public_one(
    connect: Connect, error: Exception, status: int, code: str, logged: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        response = connect(build(get("/a/{id}", raising(error)))).get("/a/7")
    assert problem_of(response)[::2] == (status, code)
    assert len(logs) == 1
    assert {k: logs[0][k] for k in ("event", "code", "route", "request_id")} == {
        "event": "request_refused",
        "code": logged,
        "route": "GET /a/{id}",
        "request_id": "req_1",
    }


def test_the_reason_of_a_denial_is_in_the_line_with_the_request_id_and_nowhere_else(connect: Connect) -> None:
    told = ProblemError(Kind.DENIED, code="DENIED", why="the phone was removed")
    with structlog.testing.capture_logs() as logs:
        response = connect(build(get("/a", raising(told)))).get("/a")
    assert [(entry["event"], entry["request_id"], entry["why"]) for entry in logs] == [
        ("request_refused", "req_1", "the phone was removed")
    ]
    assert "the phone was removed" not in response.text


def test_a_refusal_with_a_header_that_would_be_two_is_a_bug(connect: Connect) -> None:
    error = ProblemError(Kind.CONFLICT, code="X", headers={"location": "/a\r\nset-cookie: stolen=1"})
    response = connect(build(get("/a", raising(error)))).get("/a")
    assert problem_of(response) == (500, "internal", "INTERNAL")
    assert "set-cookie" not in response.headers


def test_failed_proofs_are_told_apart_by_the_operator_only(connect: Connect) -> None:
    bodies = {
        connect(build(get("/a", raising(error)))).get("/a").content
        for error in (
            NotAuthentic(Code.WALLET_KEY, "another key"),
            NotAuthentic(Code.MISMATCH, "other bytes"),
            OutOfWindow(Code.EXPIRED, "too old"),
            ProblemError(Kind.DENIED, code="DENIED"),
        )
    }
    assert len(bodies) == 1


def test_a_bug_is_a_500_without_stack_and_its_text_is_not_even_logged(connect: Connect) -> None:
    async def endpoint(call: Call[Note]) -> Reply:
        known: dict[str, Reply] = {}
        try:
            return known[call.body.words]
        except KeyError as error:
            raise RuntimeError(f"cannot read {call.body.words}") from error

    route = replace(NOTES[1], endpoint=endpoint)
    with structlog.testing.capture_logs() as logs:
        response = connect(build(route)).post("/v1/notes/7", json={"words": SECRET})
    assert problem_of(response) == (500, "internal", "INTERNAL")
    assert "Error" not in response.text
    (entry,) = logs
    assert (entry["event"], entry["request_id"], entry["route"]) == (
        "request_failed",
        "req_1",
        "POST /v1/notes/{id}",
    )
    assert entry["error"] == "RuntimeError from KeyError"
    assert any("endpoint" in frame for frame in entry["at"])
    assert SECRET not in repr(logs)


def test_nothing_that_was_sent_is_logged_when_it_is_refused(connect: Connect) -> None:
    with structlog.testing.capture_logs() as logs:
        client = connect(build(*NOTES))
        client.post("/v1/notes/7", json={SECRET: SECRET})
        client.post("/v1/notes/7", content=SECRET.encode(), headers={"content-type": "application/json"})
        client.post("/v1/signed", json={"words": SECRET}, headers={"signature": SECRET, "cookie": SECRET})
        client.get("/v1/notes/7", params={SECRET: SECRET})
        client.get(f"/none/{SECRET}")
    assert len(logs) == 5
    assert "4641" not in repr(logs)
    assert "alice" not in repr(logs)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(201, Seen("an undeclared status")),
        Reply(200),
        Reply(200, Note("another struct")),
        Reply(200, Plain(b"another document")),
        Reply(200, Seen("x"), {"location": "/a\r\nset-cookie: stolen=1"}),
        Reply(200, Seen("x"), {"location": "/é"}),
        Reply(200, Seen("x"), {"lo cation": "/"}),
        Reply(200, Seen("x"), {"Location": "/"}),
        Reply(200, Seen("x"), {"content-length": "0"}),
        Reply(200, Seen("x"), {"transfer-encoding": "chunked"}),
        Reply(200, Seen("x"), {"x-request-id": "another"}),
        Reply(200, Encoded(b"{}", Note)),
        Reply(201, Encoded(b"{}", Seen)),
    ],
)
def test_an_answer_that_the_table_does_not_promise_is_a_bug(connect: Connect, reply: Reply) -> None:
    response = connect(build(get("/a", answering(reply)))).get("/a")
    assert problem_of(response) == (500, "internal", "INTERNAL")
    assert "set-cookie" not in response.headers


# The table


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "pteri.example",
        "https://pteri.example/",
        "https://pteri.example/path",
        "https://Pteri.example",
        "https://a@pteri.example",
        "http://pteri.example",
        "http://localhost.evil.example",
        "https://pteri.example?x",
        "https://pteri.example\n",
    ],
)
def test_an_origin_that_signatures_could_be_confused_by_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="public origin"):
        build_asgi(NOTES, public_origin=origin, limits=Limits(), request_id=lambda: "r", clock=Clock())


class Open(msgspec.Struct):
    words: str


@pytest.mark.parametrize(
    "routes",
    [
        (NOTES[0], NOTES[0]),
        (NOTES[0], replace(NOTES[1], path="/v1/notes/{name}")),
        (replace(NOTES[0], method="get"),),
        (replace(NOTES[0], method="HEAD"),),
        (replace(NOTES[0], method="CONNECT"),),
        (replace(NOTES[0], path="v1"),),
        (replace(NOTES[0], path=""),),
        (replace(NOTES[0], path="/a/"),),
        (replace(NOTES[0], path="/a//b"),),
        (replace(NOTES[0], path="/a/{b"),),
        (replace(NOTES[0], path="/a/{b:int}"),),
        (replace(NOTES[0], path="/a/{b}/{b}"),),
        (replace(NOTES[0], path="/a b"),),
        (replace(NOTES[0], body=Note),),
        (replace(NOTES[1], body=dict),),
        (replace(NOTES[1], body=Open),),
        (replace(NOTES[0], replies={}),),
        (replace(NOTES[0], replies={404: Seen}),),
        (replace(NOTES[0], replies={200: dict}),),
        (replace(NOTES[1], max_body_bytes=0),),
        (replace(NOTES[1], max_body_bytes=65_537),),
    ],
)
def test_a_table_with_a_mistake_does_not_start(routes: tuple[AnyRoute, ...]) -> None:
    with pytest.raises((ValueError, TypeError)):
        build(*routes)


def test_the_parameters_of_a_path_are_known_in_order() -> None:
    assert parameter_names("/a/{one}/b/{the_rest:path}") == ("one", "the_rest")
    assert parameter_names("/a") == ()


# Below HTTP: what a well-behaved client cannot send


Sent = MutableMapping[str, Any]


@dataclass
class Answer:
    """What an application sent through ASGI."""

    messages: list[Sent] = field(default_factory=list)

    @property
    def status(self) -> int:
        status: int = self.messages[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {k.decode(): v.decode() for k, v in self.messages[0]["headers"]}

    def json(self) -> Any:
        return json.loads(b"".join(m.get("body", b"") for m in self.messages[1:]))

    @property
    def status_code(self) -> int:
        return self.status

    @property
    def code(self) -> str:
        code: str = self.json()["code"]
        return code


def scope(**changes: Any) -> Sent:
    return {
        "type": "http",
        "method": "GET",
        "path": "/v1/notes/7",
        "raw_path": b"/v1/notes/7",
        "root_path": "",
        "query_string": b"",
        "headers": [],
        **changes,
    }


def posted(*headers: tuple[bytes, bytes]) -> Sent:
    return scope(method="POST", headers=[(b"content-type", b"application/json"), *headers])


def ask(app: ASGIApp, request: Sent, *arriving: Sent) -> Answer:
    """Send ``arriving`` and then nothing at all, as a slow client does."""
    answer = Answer()
    messages = list(arriving) or [{"type": "http.request"}]

    async def receive() -> Sent:
        if messages:
            return messages.pop(0)
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return] # never done

    async def send(message: Sent) -> None:
        answer.messages.append(message)

    async def run() -> None:
        await app(request, receive, send)

    asyncio.run(run())
    return answer


def ask_method(method: str) -> Answer:
    return ask(build(*NOTES), scope(method=method))


def chunk(body: bytes, *, more: bool = True) -> Sent:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_pieces_is_put_together() -> None:
    answer = ask(build(*NOTES), posted(), chunk(b'{"wor'), chunk(b""), chunk(b'ds":"w"}', more=False))
    assert (answer.status, answer.json()["words"]) == (201, "w")


def test_a_body_that_does_not_arrive_in_time_ends_the_request() -> None:
    app = build(*NOTES, body_timeout_s=0.02)
    for arriving in ((chunk(b""),), (chunk(b'{"words":'), chunk(b'"w"'))):
        answer = ask(app, posted(), *arriving)
        assert (answer.status, answer.code) == (400, "BODY_TIMEOUT")
        assert answer.headers["connection"] == "close"


def test_a_caller_who_hangs_up_gets_no_answer_and_reaches_no_endpoint() -> None:
    answer = ask(build(*NOTES), posted(), chunk(b'{"words":"w"'), {"type": "http.disconnect"})
    assert answer.messages == []


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"13"), (b"content-length", b"13")],
        [(b"content-length", b"13"), (b"content-length", b"14")],
        [(b"content-length", b"-1")],
        [(b"content-length", b"+13")],
        [(b"content-length", b"013")],
        [(b"content-length", b"1_3")],
        [(b"content-length", b"13, 13")],
        [(b"content-length", b"")],
        [(b"content-length", b"\xb2")],
        [(b"content-length", b"99999999999")],
        [(b"content-length", b"13"), (b"transfer-encoding", b"chunked")],
    ],
)
def test_contradictory_framing_is_refused(headers: list[tuple[bytes, bytes]]) -> None:
    answer = ask(build(*NOTES), posted(*headers), chunk(b'{"words":"w"}', more=False))
    assert (answer.status, answer.code) == (400, "REQUEST_HEADERS")
    assert answer.headers["connection"] == "close"


def test_an_announced_size_over_the_limit_is_refused_before_the_body_is_read() -> None:
    answer = ask(build(*NOTES), posted((b"content-length", b"65")), {"type": "never looked at"})
    assert (answer.status, answer.code) == (413, "BODY_SIZE")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"headers": [(b"x", b"1")] * 65}, "REQUEST_HEADERS"),
        ({"headers": [(b"x", b"1" * 16_384)]}, "REQUEST_HEADERS"),
        ({"headers": [(b"x" * 16_384, b"1")]}, "REQUEST_HEADERS"),
        ({"query_string": b"from=" + b"1" * 2048}, "TARGET"),
        ({"path": "/" + "a" * 2048, "raw_path": b"/" + b"a" * 2048}, "TARGET"),
    ],
)
def test_a_head_over_the_limits_is_refused(changes: dict[str, Any], code: str) -> None:
    answer = ask(build(*NOTES), scope(**changes))
    assert (answer.status, answer.code) == (413, code)


def test_a_head_at_the_limits_is_read() -> None:
    app = build(*NOTES)
    assert ask(app, scope(headers=[(b"x", b"1")] * 64)).status == 200
    assert ask(app, scope(headers=[(b"x", b"1" * 16_383)])).status == 200


def test_a_path_that_something_in_between_has_read_in_another_way_is_not_found() -> None:
    answer = ask(build(*NOTES), scope(path="/v1/notes/8"))
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


def test_a_path_that_is_no_ascii_is_not_found() -> None:
    answer = ask(build(*NOTES), scope(path="/v1/notes/é", raw_path="/v1/notes/é".encode()))
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "codings", [[b"gzip"], [b"gzip, chunked"], [b"chunked, chunked"], [b"identity"], [b""], [b"chunked", b"chunked"]]
)
def test_a_coding_of_the_transfer_other_than_chunked_once_is_refused(codings: list[bytes]) -> None:
    headers = [(b"transfer-encoding", coding) for coding in codings]
    answer = ask(build(*NOTES), posted(*headers), chunk(b'{"words":"w"}', more=False))
    assert (answer.status, answer.code) == (400, "REQUEST_HEADERS")


def test_callers_without_an_address_share_one_bucket() -> None:
    app = build(*NOTES, rate=Rate("all", 1, 60))
    assert ask(app, scope(client=None)).status == 200
    assert ask(app, scope()).status == 429


def test_a_web_socket_is_closed() -> None:
    with pytest.raises(WebSocketDisconnect), TestClient(build(*NOTES)).websocket_connect("/v1/notes/7"):
        pass


def test_what_must_run_beside_the_routes_starts_and_stops_with_them() -> None:
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        seen.append("started")
        yield
        seen.append("stopped")

    app = build_asgi(
        NOTES,
        public_origin=ORIGIN,
        limits=Limits(),
        request_id=lambda: "r",
        clock=Clock(),
        lifespan=lifespan,
    )
    with TestClient(app) as client:
        assert client.get("/v1/notes/7").status_code == 200
        assert seen == ["started"]
    assert seen == ["started", "stopped"]


def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_not_answered_twice() -> None:
    sent: list[str] = []

    async def receive() -> Sent:
        return {"type": "http.request"}

    async def send(message: Sent) -> None:
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            raise OSError("the connection broke")

    async def run() -> None:
        await build(*NOTES)(scope(), receive, send)

    with pytest.raises(OSError, match="broke"):
        asyncio.run(run())
    assert sent == ["http.response.start", "http.response.body"]
