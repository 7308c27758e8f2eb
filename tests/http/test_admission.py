"""What never reaches an endpoint: paths, methods, queries, signature headers, media types, sizes and rates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import structlog

from hinges import Caller, Connect
from note_routes import NOTES, SIGNED, Clock, ask, ask_method, build, get, literal, problem_of, scope
from pteri.http.ratelimit import Rate

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
