"""Abuse cases SV-17, SV-18, DS-01, DS-04 and DS-06: requests that mean more, or cost more, than they should."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable, Coroutine
from time import process_time
from typing import Any, TypeVar

import httpx2
import msgspec
import pytest
import structlog
from msgspec import inspect
from msgspec.structs import replace

import hinges
from hinges import Connect, Line, one_answer, rest
from pteri.core import httpsig
from pteri.core.errors import ProtocolError
from pteri.http.admission import Limits, Pairs
from pteri.http.answers import Answer
from pteri.http.api import api_routes
from pteri.http.app import build_app
from pteri.http.asgi import Application, build_asgi
from pteri.http.door import Door
from pteri.http.proxies import TrustedProxies
from pteri.http.ratelimit import MAX_BUCKETS, Rate, RateLimiter
from pteri.http.routing import Auth, Call, Reply, Route
from pteri.http.strictjson import BodyDecoder
from world import World

MEGABYTE = 2**20
# fixtures
connect, sockets, wired = hinges.connect, hinges.sockets, hinges.wired
JSON = {"content-type": "application/json"}


class Owner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: str
    owner: Owner | None = None
    amount: float = 0.0
    steps: list[Owner] = []
    changes: list[Change] = []


class Changed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: str


class Victim:
    """An endpoint that remembers what got through to it."""

    def __init__(self) -> None:
        self.reached: list[Change] = []

    async def __call__(self, call: Call[Change]) -> Reply:
        self.reached.append(call.body)
        return Reply(200, Changed(call.body.label))


@pytest.fixture
def victim() -> Victim:
    return Victim()


Post = Callable[..., Any]


def attacked(victim: Victim, **limits: Any) -> Application:
    route = Route(
        method="POST",
        path="/v1/changes",
        endpoint=victim,
        body=Change,
        replies={200: Changed},
        auth=Auth.NONE,
        summary="Change something",
    )
    return build_asgi(
        [route],
        public_origin="https://pteri.example",
        limits=Limits(**{"rate": Rate("all", 10**6, 1), "body_timeout_s": 0.05, **limits}),
        request_id=lambda: "req_1",
        clock=lambda: 0.0,
    )


@pytest.fixture
def post(victim: Victim, connect: Connect) -> Post:
    """Over ASGI, and over sockets in the ordinary way and through the lane."""
    caller = connect(attacked(victim))

    def send(content: bytes, headers: dict[str, str] | None = None) -> Any:
        return caller.post("/v1/changes", content=content, headers=JSON if headers is None else headers)

    return send


@pytest.fixture
def stream(victim: Victim) -> Post:
    """Over ASGI, a body that is made while it is sent."""

    def send(content: Any, headers: dict[str, str] | None = None) -> httpx2.Response:
        async def run() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=attacked(victim), raise_app_exceptions=True)
            async with httpx2.AsyncClient(transport=transport, base_url="https://pteri.example") as client:
                return await client.post("/v1/changes", content=content, headers=JSON if headers is None else headers)

        return asyncio.run(run())

    return send


def test_the_honest_request_gets_through(victim: Victim, post: Post) -> None:
    assert post(b'{"label": "phone", "owner": {"name": "alice"}}').status_code == 200
    assert victim.reached == [Change("phone", Owner("alice"))]


@pytest.mark.parametrize(
    "extra",
    [
        {"status": "ACTIVE"},
        {"epoch": 99},
        {"tenant_id": "another"},
        {"is_admin": True},
        {"": 1},
        {"Label": "x"},
        {"label ": "x"},
        {"__class__": "Officer"},
        {"__proto__": {"status": "ACTIVE"}},
        {"owner": {"name": "alice", "role": "officer"}},
        {"steps": [{"name": "a"}, {"name": "b", "approved": True}]},
        {"changes": [{"label": "inner", "epoch": 99}]},
    ],
)
def test_sv_17_a_field_that_the_caller_may_not_set_is_refused_and_not_ignored(
    victim: Victim, post: Post, extra: dict[str, object]
) -> None:
    response = post(json.dumps({"label": "phone", **extra}).encode())
    assert (response.status_code, response.json()["code"]) == (400, "BODY")
    assert victim.reached == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"label":"seen by the guard","label":"seen by the actor"}',
        b'{"label":"a","\\u006cabel":"b"}',
        b'{"label":"a","owner":{"name":"alice","name":"mallory"}}',
        b'{"label":"a","owner":{"name":"alice"},"owner":{"name":"mallory"}}',
        b'{"label":"a","changes":[{"label":"b","label":"c"}]}',
        b'{"label":"a","amount":NaN}',
        b'{"label":"a","amount":Infinity}',
        b'{"label":"a","amount":-Infinity}',
        b'{"label":"a","amount":1e400}',
        b'{"label":"a","amount":-1e400}',
        b'{"label":"a","amount":' + b"9" * 12_000 + b"}",
        b'{"label":"\xff"}',
        b'{"label":"\xc0\x80"}',
        b'{"label":"\xed\xa0\x80"}',
        b'{"label":"\\ud800"}',
        '{"label":"a"}'.encode("utf-16"),
        '{"label":"ä"}'.encode("latin-1"),
        b'\xef\xbb\xbf{"label":"a"}',
        b'{"label":"a"}\x00',
        b"",
        b"null",
        b"[" * 16_000,
        b'{"label":"a","changes":[' * 600,
        b'{"label":"a","other":' + b"[" * 10_000 + b"]" * 6000 + b"}",
    ],
)
def test_sv_18_a_body_that_parsers_disagree_about_is_malformed(victim: Victim, post: Post, body: bytes) -> None:
    response = post(body)
    assert (response.status_code, response.json()["code"]) == (400, "BODY")
    assert victim.reached == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/json; charset=iso-8859-1"},
        {"content-type": "application/json; charset=utf-7"},
        {"content-type": "text/json"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": "br, gzip"},
    ],
)
def test_sv_18_a_body_in_another_charset_or_coding_is_not_read(
    victim: Victim, post: Post, headers: dict[str, str]
) -> None:
    response = post(b'{"label":"a"}', headers)
    assert (response.status_code, response.json()["code"]) == (415, "MEDIA_TYPE")
    assert victim.reached == []


class Endless:
    """A body that never ends, in chunks, without a Content-Length; it counts what was taken from it."""

    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk
        self.taken_bytes = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken_bytes += len(self._chunk)
            yield self._chunk


@pytest.mark.parametrize("chunk", [b"[" * 1000, b" " * 8192, b'{"label":"a"}', b"x" * MEGABYTE])
def test_sv_18_a_chunked_body_over_the_limit_is_cut_off_at_the_limit(
    victim: Victim, stream: Post, chunk: bytes
) -> None:
    body = Endless(chunk)
    response = stream(body)
    assert (response.status_code, response.json()["code"]) == (413, "BODY_SIZE")
    assert response.headers["connection"] == "close"
    assert body.taken_bytes <= 16_384 + len(chunk)
    assert victim.reached == []


def test_sv_18_ten_megabytes_are_refused_by_their_announced_length(victim: Victim, post: Post) -> None:
    response = post(b'{"label":"' + b"a" * (10 * MEGABYTE) + b'"}')
    assert (response.status_code, response.json()["code"]) == (413, "BODY_SIZE")
    assert victim.reached == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"label":"a","changes":[' + b'{"label":"b"},' * 1100 + b'{"label":"c","label":"d"}]}',
        b'{"' + b'\\"' * 8000,
        b'["' * 8000,
        b'{"label":"a","amount":' + b"1" * 16_000 + b"}",
        b'{"label":"a","amount":0.' + b"0" * 15_900 + b"1e99999}",
        b'{"label":"' + b"\\u0000" * 2700,
        b"{" + b",".join(b'"k%d":0' % i for i in range(1600)) + b"}",
    ],
)
def test_sv_18_the_dearest_body_of_an_accepted_size_costs_little_time_and_memory(
    victim: Victim, post: Post, body: bytes
) -> None:
    post(b'{"label":"warm"}')
    victim.reached.clear()
    tracemalloc.start()
    before = process_time()
    response = post(body)
    spent_s = process_time() - before
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert response.status_code in {400, 413}
    assert spent_s < 1
    assert peak_bytes < 4 * MEGABYTE
    assert victim.reached == []


async def dripping(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body that stops in the middle and keeps the connection open."""
    for chunk in chunks:
        yield chunk
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("chunks", [(), (b"{",), (b'{"label":', b"", b'"a"')])
def test_ds_04_a_body_that_does_not_end_holds_a_request_for_a_bounded_time(
    victim: Victim, stream: Post, chunks: tuple[bytes, ...]
) -> None:
    response = stream(dripping(*chunks))
    assert (response.status_code, response.json()["code"]) == (400, "BODY_TIMEOUT")
    assert response.headers["connection"] == "close"
    assert victim.reached == []


@pytest.mark.parametrize(
    "more", [{"x-long": "a" * 16_384}, {f"x-{i}": "a" for i in range(64)}, {"cookie": "a=b; " * 4000}]
)
def test_ds_04_huge_headers_are_refused_before_the_body_is_read(
    victim: Victim, stream: Post, more: dict[str, str]
) -> None:
    body = Endless(b"x")
    response = stream(body, {**JSON, **more})
    assert (response.status_code, response.json()["code"]) == (413, "REQUEST_HEADERS")
    assert body.taken_bytes == 0
    assert victim.reached == []


# --- DS-04 on the wire -----------------------------------------------------------------------------------------------

WAYS = pytest.mark.parametrize("lane", [False, True], ids=["ordinary", "lane"])
HEAD = b"POST /v1/changes HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n"
BODY = b'{"label":"a"}'
HONEST = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
UNKNOWN = HONEST.replace(b"/v1/changes", b"/none")
LOOKS_HEAD, LOOKS_BODY, LOOKS_IDLE, LOOKS_WRITE = 10, 10, 15, 30
"""The watch looks once a second; the limits of a connection are the ones that production has."""


def played(play: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(play())


def line(victim: Victim, *, lane: bool) -> Line:
    return Line(attacked(victim, body_timeout_s=10.0), lane=lane)


@WAYS
def test_ds_04_who_connects_and_says_nothing_is_cut(victim: Victim, lane: bool) -> None:
    async def play() -> None:
        silent = line(victim, lane=lane)
        silent.look(LOOKS_HEAD)
        assert not silent.wire.closed
        silent.look(2)
        assert silent.wire.closed

    played(play)


@WAYS
@pytest.mark.parametrize("drops", [HONEST[:100], b"\r\n" * 100, b"G"])
def test_ds_04_a_head_that_drips_is_cut_however_much_of_it_comes(victim: Victim, lane: bool, drops: bytes) -> None:
    async def play() -> None:
        slow = line(victim, lane=lane)
        for at in range(LOOKS_HEAD + 1):
            assert not slow.wire.closed
            await slow.send(drops[at : at + 1])
            slow.look(1)
        assert slow.wire.closed
        assert slow.wire.written == b""

    played(play)


@WAYS
def test_ds_04_a_second_head_that_drips_is_cut_too(victim: Victim, lane: bool) -> None:
    async def play() -> None:
        slow = line(victim, lane=lane)
        slow.look(5)
        await slow.send(HONEST + b"POST")
        assert slow.wire.written.startswith(b"HTTP/1.1 200 ")
        slow.look(LOOKS_HEAD)
        assert not slow.wire.closed
        slow.look(2)
        assert slow.wire.closed

    played(play)


@WAYS
def test_ds_04_an_idle_connection_ends_after_its_time_also_when_empty_lines_come(victim: Victim, lane: bool) -> None:
    async def play() -> None:
        idle = line(victim, lane=lane)
        await idle.send(HONEST)
        for _ in range(LOOKS_IDLE):
            await idle.send(b"\r\n")
            idle.look(1)
        assert not idle.wire.closed
        idle.look(2)
        assert idle.wire.closed

    played(play)


@WAYS
@pytest.mark.parametrize("piece", [b"x" * 100, b"x: y\r\n" * 100, b"x" * 5000])
def test_ds_04_a_head_without_end_is_refused_at_its_limit(victim: Victim, lane: bool, piece: bytes) -> None:
    async def play() -> None:
        endless = line(victim, lane=lane)
        await endless.send(HEAD)
        sent = 0
        while not endless.wire.closed:
            assert sent < 40_000
            await endless.send(piece)
            sent += len(piece)
        assert sent > 16_384
        assert endless.wire.written.startswith(b"HTTP/1.1 413 ")
        assert b"connection: close\r\n" in endless.wire.written

    played(play)


@WAYS
def test_ds_04_headers_after_a_body_are_not_kept(victim: Victim, lane: bool) -> None:
    async def play() -> None:
        endless = line(victim, lane=lane)
        await endless.send(CHUNKED + b"d\r\n" + BODY + b"\r\n0\r\n")
        for _ in range(1000):
            await endless.send(b"x: y\r\n")
        assert not endless.protocol.headers
        assert len(endless.protocol.scope["headers"]) == 3
        await endless.send(b"\r\n")
        assert endless.wire.written.startswith(b"HTTP/1.1 200 ")
        await endless.hang_up()

    played(play)


def test_ds_04_a_body_that_does_not_come_is_refused_in_the_lane_and_nothing_is_begun(victim: Victim) -> None:
    async def play() -> None:
        slow = line(victim, lane=True)
        await slow.send(HONEST[:-1])
        slow.look(LOOKS_BODY)
        assert slow.wire.written == b""
        slow.look(2)
        assert slow.wire.written.startswith(b"HTTP/1.1 400 ")
        assert b'"code":"BODY_TIMEOUT"' in slow.wire.written
        assert slow.wire.closed
        await slow.send(b"}")
        assert victim.reached == []

    played(play)


@pytest.mark.parametrize("sent", [HONEST[:-1], HONEST[: -len(BODY)], CHUNKED, CHUNKED + b"1\r\n{\r\n"])
def test_ds_04_a_body_that_stops_on_the_wire_is_refused_in_time(wired: Connect, victim: Victim, sent: bytes) -> None:
    served = wired.served(attacked(victim), look_every_s=0.01)
    with served.connect() as connection:
        connection.sendall(sent)
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"BODY_TIMEOUT"' in answer
    assert b"connection: close\r\n" in answer
    assert victim.reached == []


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"POST", HEAD])
def test_ds_04_a_head_that_stops_on_the_wire_ends_the_connection_in_time(
    wired: Connect, victim: Victim, sent: bytes
) -> None:
    served = wired.served(attacked(victim, head_timeout_s=0.05), look_every_s=0.01)
    with served.connect() as connection:
        connection.sendall(sent)
        assert rest(connection) == b""


def test_ds_04_many_who_say_nothing_leave_room_for_who_does(wired: Connect, victim: Victim) -> None:
    served = wired.served(attacked(victim, head_timeout_s=0.05), look_every_s=0.01, limit_concurrency=40)
    silent = [served.connect() for _ in range(60)]
    try:
        assert all(rest(connection) == b"" for connection in silent)
        with served.connect() as connection:
            connection.sendall(HONEST)
            assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
    finally:
        for connection in silent:
            connection.close()


@WAYS
@pytest.mark.parametrize("rest_of_body", [b"x", b"1\r\nx\r\n"])
def test_ds_04_the_body_of_an_answered_request_is_not_waited_for_without_end(
    victim: Victim, lane: bool, rest_of_body: bytes
) -> None:
    async def play() -> None:
        head = UNKNOWN.partition(b"content-length")[0]
        framing = b"content-length: 99999\r\n\r\n" if rest_of_body == b"x" else b"transfer-encoding: chunked\r\n\r\n"
        slow = line(victim, lane=lane)
        await slow.send(head + framing)
        for _ in range(LOOKS_BODY + 3):
            await slow.send(rest_of_body)
            assert not slow.protocol.cycle.body, "nothing of it is kept"
            slow.look(1)
        assert slow.wire.closed
        assert slow.wire.written.count(b"HTTP/1.1 ") == 1

    played(play)


@WAYS
@pytest.mark.parametrize("request_", [HONEST, UNKNOWN], ids=["honest", "unknown"])
def test_ds_04_who_takes_no_answer_is_cut(victim: Victim, lane: bool, request_: bytes) -> None:
    async def play() -> None:
        deaf = line(victim, lane=lane)
        deaf.protocol.pause_writing()
        await deaf.send(request_, request_, request_)
        assert deaf.wire.written == b"", "an answer waits until the one before it is taken"
        assert not deaf.wire.reading, "and so do more requests"
        deaf.look(LOOKS_WRITE)
        assert not deaf.wire.closed
        deaf.look(2)
        assert deaf.wire.aborted
        await deaf.hang_up()

    played(play)


@WAYS
def test_ds_04_who_takes_some_of_an_answer_goes_on(victim: Victim, lane: bool) -> None:
    async def play() -> None:
        slow = line(victim, lane=lane)
        for _ in range(3):
            slow.protocol.pause_writing()
            slow.look(LOOKS_WRITE)
            slow.protocol.resume_writing()
            slow.look(1)
            await slow.send(HONEST)
        assert slow.wire.written.count(b"HTTP/1.1 200 ") == 3

    played(play)


@WAYS
def test_ds_04_a_closed_connection_that_does_not_go_away_is_cut_off(victim: Victim, lane: bool) -> None:
    async def play() -> None:
        stuck = line(victim, lane=lane)
        await stuck.send(b"no request\r\n\r\n")
        assert stuck.wire.closed
        stuck.look(LOOKS_HEAD + 1)
        assert not stuck.wire.aborted
        stuck.look(1)
        assert stuck.wire.aborted

    played(play)


class Slow(Victim):
    """It answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.may_end = asyncio.Event()

    async def __call__(self, call: Call[Change]) -> Reply:
        await self.may_end.wait()
        return await super().__call__(call)


@WAYS
def test_ds_04_a_request_that_takes_long_is_not_cut(lane: bool) -> None:
    async def play() -> None:
        victim = Slow()
        busy = line(victim, lane=lane)
        await busy.send(HONEST)
        busy.look(1000)
        assert not busy.wire.closed
        victim.may_end.set()
        await busy.settle()
        assert busy.wire.written.startswith(b"HTTP/1.1 200 ")
        busy.look(LOOKS_IDLE)
        assert not busy.wire.closed, "its idle time begins with the answer"
        busy.look(2)
        assert busy.wire.closed

    played(play)


@WAYS
def test_ds_04_an_answer_is_not_heaped_on_one_that_is_not_taken(lane: bool) -> None:
    async def play() -> None:
        victim = Slow()
        deaf = line(victim, lane=lane)
        await deaf.send(HONEST)
        deaf.protocol.pause_writing()
        victim.may_end.set()
        await deaf.settle()
        assert deaf.wire.written == b""
        deaf.protocol.resume_writing()
        await deaf.settle()
        assert deaf.wire.written.startswith(b"HTTP/1.1 200 ")

    played(play)


@WAYS
def test_ds_04_who_goes_away_while_an_answer_is_made_leaves_nothing_behind(lane: bool) -> None:
    async def play() -> None:
        victim = Slow()
        gone = line(victim, lane=lane)
        await gone.send(HONEST)
        await gone.hang_up()
        victim.may_end.set()
        await gone.settle()
        assert gone.wire.written == b""
        assert gone.wire.lost == b""
        assert not gone.state.tasks
        assert not gone.state.connections
        assert not gone.protocol.watch._watched

    played(play)


@WAYS
@pytest.mark.parametrize("behind", [HONEST, CHUNKED + b"d\r\n" + BODY + b"\r\n0\r\n\r\n"])
def test_ds_04_nothing_behind_the_last_answer_is_done(victim: Victim, lane: bool, behind: bytes) -> None:
    async def play() -> None:
        ended = line(victim, lane=lane)
        await ended.send(HONEST.replace(b"application/json", b"text/plain") + behind + behind)
        assert ended.wire.written.startswith(b"HTTP/1.1 415 ")
        assert ended.wire.written.count(b"HTTP/1.1 ") == 1
        assert ended.wire.closed
        assert victim.reached == []

    played(play)


@WAYS
def test_ds_04_a_broken_body_in_a_queue_gets_no_answer_that_belongs_to_the_request_before_it(lane: bool) -> None:
    async def play() -> None:
        victim = Slow()
        broken = line(victim, lane=lane)
        await broken.send(HONEST + CHUNKED + b"no size\r\n")
        assert broken.wire.closed
        assert broken.wire.written == b""
        victim.may_end.set()
        await broken.hang_up()

    played(play)


@WAYS
def test_ds_04_many_requests_in_one_packet_are_not_taken_for_one_endless_head(victim: Victim, lane: bool) -> None:
    async def play() -> None:
        many = line(victim, lane=lane)
        await many.send(UNKNOWN * 300 + HONEST[:50])
        while many.protocol.pipeline and not many.wire.closed:
            await many.settle()
        await many.send(HONEST[50:])
        await many.settle()
        assert many.wire.written.count(b"HTTP/1.1 404 ") == 300
        assert many.wire.written.count(b"HTTP/1.1 200 ") == 1
        assert not many.wire.closed

    played(play)


@WAYS
def test_ds_04_garbage_counts_as_a_request_of_its_network(victim: Victim, lane: bool) -> None:
    async def play() -> list[bytes]:
        application = attacked(victim, rate=Rate("all", 2, 60))
        said = []
        for _ in range(4):
            garbage = Line(application, lane=lane)
            await garbage.send(b"no request\r\n\r\n")
            assert garbage.wire.closed
            said.append(bytes(garbage.wire.written[9:12]))
        return said

    with structlog.testing.capture_logs() as logs:
        assert asyncio.run(play()) == [b"400", b"400", b"429", b"429"]
    assert len(logs) == 3


# --- DS-01 -----------------------------------------------------------------------------------------------------------

LOGINS: Pairs = ((b"content-type", b"application/json"), (b"content-length", b"13"))


class Flood:
    """Requests to a door, each from a network of choice, faster than any socket would bring them."""

    def __init__(self, victim: Victim, **limits: Any) -> None:
        self.now = 0.0
        route = Route(
            method="POST",
            path="/v1/{tenant}/logins",
            endpoint=victim,
            body=Change,
            replies={200: Changed},
            auth=Auth.NONE,
            summary="s",
        )
        self.door = Door(
            [route],
            public_origin="https://pteri.example",
            limits=Limits(**limits),
            request_id=lambda: "req_1",
            clock=lambda: self.now,
        )

    def begin(self, peer: str) -> tuple[Any, Any]:
        """What the door says to head and body; an answer where the request ends."""
        opened = self.door.open("POST", b"/v1/bank/logins", b"", LOGINS, dict(LOGINS), peer, 100)
        return opened, opened if isinstance(opened, Answer) else self.door.start(opened, BODY)

    async def end(self, opened: Any, started: Any) -> Answer:
        if isinstance(started, Answer):
            return started
        return await self.door.finish(opened, started)


def test_ds_01_a_hundred_thousand_logins_a_minute_from_one_network_are_slowed_down_and_nobody_else_is(
    victim: Victim,
) -> None:
    async def play() -> None:
        flood = Flood(victim, rate=Rate("all", 6000, 60))
        statuses: dict[int, int] = {}
        for number in range(100_000):
            flood.now = number * 60 / 100_000
            answer = await flood.end(*flood.begin(f"203.0.113.{number % 256}"))
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            if answer.status == 429:
                assert b"retry-after: " in answer.head
            if number % 1000 == 0:
                assert (await flood.end(*flood.begin("198.51.100.1"))).status == 200
        assert statuses.keys() == {200, 429}
        assert statuses[200] <= 12_000

    with structlog.testing.capture_logs() as logs:
        played(play)
    assert len(logs) <= 61, "a flood of requests is not a flood of lines"
    assert sum(entry["unlogged"] for entry in logs) > 80_000


def test_ds_01_logins_from_a_hundred_thousand_networks_cost_bounded_memory(victim: Victim) -> None:
    def network_of(number: int) -> str:
        return f"2001:db8:{number >> 8:x}:{(number & 255) << 8:x}::1"

    async def play() -> None:
        flood = Flood(victim)
        for number in range(100_000):
            assert (await flood.end(*flood.begin(network_of(number)))).status == 200
        assert len(flood.door._limiter) == MAX_BUCKETS

    victim.reached = _Forgetting()
    played(play)
    tracemalloc.start()
    limiter = RateLimiter(Rate("all", 1, 1), clock=lambda: 0.0)
    for number in range(MAX_BUCKETS + 1000):
        limiter.admit(network_of(number))
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 32 * MEGABYTE


class _Forgetting(list[Change]):
    def append(self, _: Change) -> None:
        pass


def test_ds_01_more_than_there_is_room_for_is_sent_away_before_anything_is_begun(victim: Victim) -> None:
    async def play() -> None:
        flood = Flood(victim)
        begun = [flood.begin(f"203.0.{number % 250}.1") for number in range(2000)]
        away = [started for _, started in begun if isinstance(started, Answer)]
        assert len(begun) - len(away) == 512
        assert all(answer.status == 503 and b"retry-after: 1\r\n" in answer.head for answer in away)
        for opened, started in begun:
            await flood.end(opened, started)
        assert len(victim.reached) == 512
        assert (await flood.end(*flood.begin("203.0.113.1"))).status == 200

    with structlog.testing.capture_logs():
        played(play)


def test_sv_18_an_admitted_request_shows_neither_headers_nor_proof_when_printed(victim: Victim) -> None:
    opened, _ = Flood(victim).begin("203.0.113.1")
    assert repr(opened) == "Admitted(req_1, POST /v1/{tenant}/logins)"


def test_sv_18_a_hinge_that_reads_too_much_is_told_so_by_the_door(victim: Victim) -> None:
    flood = Flood(victim)
    opened, _ = flood.begin("203.0.113.1")
    answer = flood.door.start(opened, b" " * 16_385)
    assert isinstance(answer, Answer)
    assert answer.status == 413


# --- DS-06 -----------------------------------------------------------------------------------------------------------

AnyText = TypeVar("AnyText", str, bytes)

BOMBS = [
    "a" * 16_000,
    "a" * 15_999 + "!",
    "a." * 8000,
    "a-" * 8000 + "!",
    "a@" * 8000,
    "-" * 16_000,
    " " * 16_000 + "a",
    "((((a+)+)+)+)+" * 1000,
    "%" * 16_000,
    "=," * 8000,
    '"' * 16_000,
    "\\" * 16_000,
    ";" * 16_000,
    "https://" + "a:@" * 5000,
    "\u0130" * 8000,
    "e\u0301" * 8000,
]


def bounded(work: Callable[[AnyText], object], bomb: AnyText) -> None:
    before = process_time()
    work(bomb)
    assert process_time() - before < 1


def test_ds_06_no_text_in_any_field_of_any_request_costs_more_than_its_length(world: World) -> None:
    def refuse_all(bomb: str) -> None:
        for route in api_routes(world.deployment):
            if route.body is None:
                continue
            decoder = BodyDecoder(route.body, max_bytes=65_536)
            for field in inspect.type_info(route.body).fields:  # type: ignore[attr-defined] # a struct
                for value in (bomb, [bomb], {bomb: bomb}):
                    with contextlib.suppress(ProtocolError):
                        decoder.decode(json.dumps({field.encode_name: value}).encode())

    for bomb in BOMBS:
        bounded(refuse_all, bomb)


def test_ds_06_no_address_and_no_header_costs_more_than_its_length(world: World) -> None:
    names = [b"content-type", b"authorization", b"x-forwarded-for", b"signature-input", b"signature", b"content-length"]
    names += [b"content-digest", b"idempotency-key", b"transfer-encoding"]
    door = build_app(world.deployment, version="0", limits=Limits(rate=Rate("all", 10**9, 1))).door

    def refuse_all(bomb: bytes) -> None:
        for path in (b"/" + bomb, b"/v1/" + bomb + b"/logins", b"/v1" + b"/" * 1900, b"/v1/bank/logins"):
            for query in (b"", bomb, b"a=" + bomb, b"&" * 1900, b"a=1;" * 400):
                headers = [(b"content-type", b"application/json"), *((name, bomb) for name in names[1:])]
                door.open("POST", path, query, headers, dict(headers), "203.0.113.1", 100)
        for name in names:
            headers = [(other, bomb if other == name else b"1") for other in names]
            door.open("POST", b"/v1/bank/logins", b"", headers, dict(headers), "203.0.113.1", 100)

    with structlog.testing.capture_logs():
        for bomb in BOMBS:
            bounded(refuse_all, bomb.encode()[:2000])


def test_ds_06_no_signature_header_and_no_forwarded_address_costs_more_than_its_length() -> None:
    request = httpsig.SignedRequest("POST", "https://pteri.example/", b"", "d", "k", "i", "s")
    proxies = TrustedProxies([ipaddress.ip_network("10.0.0.0/8")])

    def refuse_all(bomb: str) -> None:
        for name in ("target_uri", "content_digest", "idempotency_key", "signature_input", "signature"):
            with contextlib.suppress(ProtocolError):
                changed: dict[str, Any] = {name: bomb}
                httpsig.parse(replace(request, **changed), expected_tag=httpsig.Tag.DEVICE)
        assert proxies.caller("10.0.0.1", bomb.encode()) == "10.0.0.1"

    for bomb in BOMBS:
        bounded(refuse_all, bomb)
