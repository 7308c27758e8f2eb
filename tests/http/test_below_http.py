"""Below HTTP: what a well-behaved client cannot send."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from pteri.http.admission import Limits
from pteri.http.asgi import build_asgi
from pteri.http.ratelimit import Rate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

from note_routes import NOTES, ORIGIN, Clock, Sent, ask, build, chunk, posted, scope


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
