"""The route table over ASGI: what reaches an endpoint, the form of every answer, and the table itself."""

from __future__ import annotations

from dataclasses import replace
from types import NoneType

import msgspec
import pytest

from hinges import Caller, Connect
from note_routes import NOTES, SECRET, SIGNED, Clock, Note, Seen, answering, build, get, problem_of
from pteri.http.admission import Limits
from pteri.http.answers import SECURITY_HEADERS
from pteri.http.asgi import build_asgi
from pteri.http.routing import AnyRoute, Call, Encoded, Reply, parameter_names

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
        (replace(NOTES[1], raw_body="application/cloudevents+json"),),
        (replace(NOTES[0], raw_body="application/cloudevents+json"),),
    ],
)
def test_a_table_with_a_mistake_does_not_start(routes: tuple[AnyRoute, ...]) -> None:
    with pytest.raises((ValueError, TypeError)):
        build(*routes)


def test_the_parameters_of_a_path_are_known_in_order() -> None:
    assert parameter_names("/a/{one}/b/{the_rest:path}") == ("one", "the_rest")
    assert parameter_names("/a") == ()
