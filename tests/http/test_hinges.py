"""The ordinary way and the lane, byte for byte: equal answers, equal refusals, and neither ever falls over."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import httptools
import msgspec
import pytest
import structlog
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hinges import Connect, Line, Served, Sockets, one_answer, rest, without_names
from pteri.http.admission import Limits
from pteri.http.asgi import Application, build_asgi
from pteri.http.lane import LaneProtocol, protocol_class
from pteri.http.ratelimit import Rate
from pteri.http.routing import AnyRoute, Auth, Call, Document, Encoded, Reply, Route

SIGNED = b"content-digest: d\r\nidempotency-key: k\r\nsignature-input: i\r\nsignature: s\r\n"
JSON = b"content-type: application/json\r\n"
END = b"GET /end HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n"


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: str


class Seen(msgspec.Struct, frozen=True):
    said: str


@dataclass(frozen=True, slots=True)
class Plain(Document):
    media_type: ClassVar[str] = "text/plain; charset=utf-8"


class Gate:
    """An endpoint that holds its callers until the test lets them go."""

    def __init__(self) -> None:
        self.inside = 0
        self._arrived = asyncio.Condition()
        self._opened = asyncio.Event()

    async def __call__(self, _: Call[None]) -> Reply:
        self.inside += 1
        async with self._arrived:
            self._arrived.notify_all()
        await self._opened.wait()
        self.inside -= 1
        return Reply(200, Seen("let through"))

    async def has(self, number: int) -> None:
        async with self._arrived:
            await self._arrived.wait_for(lambda: self.inside >= number)

    async def open(self) -> None:
        self._opened.set()


async def read_note(call: Call[None]) -> Reply:
    return Reply(200, Seen(f"{dict(call.path)} {dict(call.query)}"))


async def write_note(call: Call[Note]) -> Reply:
    return Reply(201, Seen(call.body.words), {"location": "/v1/notes/7"})


async def signed(call: Call[Note]) -> Reply:
    request = call.signed_request()
    return Reply(200, Encoded(msgspec.json.encode(Seen(f"{request.target_uri} {request.signature}")), Seen))


async def drop(_: Call[None]) -> Reply:
    return Reply(204)


async def big(_: Call[None]) -> Reply:
    return Reply(200, Plain(b"x" * 3_000_000))


async def broken(_: Call[None]) -> Reply:
    raise RuntimeError("a bug")


async def lying(_: Call[None]) -> Reply:
    return Reply(200, Seen("x"), {"location": "/a\r\nset-cookie: stolen=1"})


async def end(_: Call[None]) -> Reply:
    return Reply(200, Seen("end"))


def get(path: str, endpoint: object, type_: type = Seen, *, always: bool = False) -> AnyRoute:
    return Route(
        method="GET",
        path=path,
        endpoint=endpoint,  # type: ignore[arg-type] # endpoints of this file
        replies={200: type_},
        auth=Auth.NONE,
        summary="s",
        always=always,
    )


def application(gate: Gate | None = None, **limits: object) -> Application:
    def post(path: str, endpoint: object, status: int, auth: Auth) -> AnyRoute:
        return Route(
            method="POST",
            path=path,
            endpoint=endpoint,  # type: ignore[arg-type] # as above
            body=Note,
            replies={status: Seen},
            auth=auth,
            summary="s",
            max_body_bytes=64,
            query={"q": "any"},
        )

    return build_asgi(
        (
            get("/v1/notes/{id}", read_note),
            post("/v1/notes/{id}", write_note, 201, Auth.NONE),
            Route(
                method="DELETE",
                path="/v1/notes/{id}",
                endpoint=drop,
                replies={204: type(None)},
                auth=Auth.NONE,
                summary="s",
            ),
            post("/v1/signed", signed, 200, Auth.DEVICE),
            get("/big", big, Plain),
            get("/broken", broken),
            get("/lying", lying),
            get("/slow", end if gate is None else gate),
            get("/end", end),
            get("/healthz", end, always=True),
        ),
        public_origin="https://pteri.example",
        limits=Limits(rate=Rate("all", 10**9, 1), **limits),  # type: ignore[arg-type] # what a test gives
        request_id=lambda: "req_1",
        clock=lambda: 0.0,
    )


@pytest.fixture
def served(wired: Connect) -> Served:
    return wired.served(application())


@pytest.fixture(scope="module")
def both(sockets: Sockets) -> Iterator[tuple[Served, Served]]:
    """One application over the ordinary way and over the lane, side by side."""
    app = application(body_timeout_s=0.3)
    with (
        sockets.serve(app, lane=False, look_every_s=0.02) as ordinary,
        sockets.serve(app, lane=True, look_every_s=0.02) as lane,
    ):
        yield ordinary, lane


def post(path: bytes = b"/v1/notes/7", headers: bytes = JSON, body: bytes = b'{"words":"w"}') -> bytes:
    return b"POST %b HTTP/1.1\r\nhost: h\r\n%bcontent-length: %d\r\n\r\n%b" % (path, headers, len(body), body)


def ask(
    path: bytes = b"/v1/notes/7", headers: bytes = b"", method: bytes = b"GET", protocol: bytes = b"HTTP/1.1"
) -> bytes:
    return b"%b %b %b\r\nhost: h\r\n%b\r\n" % (method, path, protocol, headers)


def conversation(served: Served, request: bytes, *, with_body: bool = True) -> bytes:
    """The answer to ``request`` alone on its connection, and to one more request if there can be one."""
    with served.connect() as connection:
        connection.sendall(request)
        first = one_answer(connection, with_body=with_body)
        try:
            connection.sendall(END)
        except OSError:
            return first
        return first + rest(connection)


# Equal answers

SHORT = {
    "read": ask(),
    "read with a query": ask(b"/v1/notes/7?"),
    "unknown query": ask(b"/v1/notes/7?x=1"),
    "not found": ask(b"/none"),
    "root": ask(b"/"),
    "slash too many": ask(b"/v1/notes/7/"),
    "two slashes": ask(b"//v1/notes/7"),
    "percent": ask(b"/v1/%6eotes/7"),
    "dots": ask(b"/v1/x/../notes/7"),
    "backslash": ask(b"/v1\\notes\\7"),
    "long target": ask(b"/" + b"a" * 2048),
    "method": ask(method=b"PUT"),
    "odd method": ask(method=b"PROPFIND"),
    "write": post(),
    "write with spaces": post(body=b'{ "words" : "w" }'),
    "write with upper case names": post(headers=b"Content-Type: Application/JSON\r\n"),
    "no body": ask(method=b"DELETE"),
    "unwanted body": post(b"/end"),
    "wrong type": post(headers=b"content-type: text/plain\r\n"),
    "no type": post(headers=b""),
    "two types": post(headers=JSON + JSON),
    "coded": post(headers=JSON + b"content-encoding: gzip\r\n"),
    "too large": post(body=b'{"words":"%b"}' % (b"w" * 60)),
    "much too large": b"POST /v1/notes/7 HTTP/1.1\r\nhost: h\r\n" + JSON + b"content-length: 9999999999\r\n\r\n",
    "length too long": b"POST /v1/notes/7 HTTP/1.1\r\nhost: h\r\n" + JSON + b"content-length: 00000000013\r\n\r\n",
    "length with a zero": b"POST /v1/notes/7 HTTP/1.1\r\nhost: h\r\n" + JSON + b"content-length: 03\r\n\r\n{}x",
    "not json": post(body=b"{"),
    "doubled key": post(body=b'{"words":"a","words":"b"}'),
    "unknown field": post(body=b'{"words":"a","more":1}'),
    "signed": post(b"/v1/signed?q=a%2Fb", JSON + SIGNED),
    "unsigned": post(b"/v1/signed", JSON),
    "signed twice": post(b"/v1/signed", JSON + SIGNED + b"Signature: t\r\n"),
    "host of somebody else": post(b"/v1/signed", JSON + SIGNED + b"x-forwarded-host: evil\r\n"),
    "bug": ask(b"/broken"),
    "injection": ask(b"/lying"),
    "many headers": ask(headers=b"x: 1\r\n" * 64),
    "huge header": ask(headers=b"x: " + b"1" * 16_400 + b"\r\n"),
    "last request": ask(headers=b"connection: close\r\n"),
    "last request refused": ask(b"/none", b"connection: close\r\n"),
    "header values of any byte": ask(headers=b"x: \x80\xff\t\x20y\r\n"),
    "empty header": ask(headers=b"x:\r\n"),
    "two hosts": ask(headers=b"host: other\r\n"),
    "upgrade without connection": ask(headers=b"upgrade: h2c\r\n"),
    "options": ask(method=b"OPTIONS"),
    "big": ask(b"/big"),
}
"""What the lane takes."""

ORDINARY = {
    "absolute": ask(b"http://other.example/v1/notes/7"),
    "absolute with a query": ask(b"https://u:p@other.example:1/v1/notes/7?from=1"),
    "asterisk": ask(b"*", method=b"OPTIONS"),
    "HTTP/1.0": ask(protocol=b"HTTP/1.0"),
    "HTTP/1.0 that stays": ask(protocol=b"HTTP/1.0", headers=b"connection: keep-alive\r\n"),
    "chunked": b"POST /v1/notes/7 HTTP/1.1\r\nhost: h\r\n"
    + JSON
    + b'transfer-encoding: chunked\r\n\r\n6\r\n{"word\r\n7\r\ns":"w"}\r\n0\r\n\r\n',
    "chunked with a trailer": b"POST /v1/signed HTTP/1.1\r\nhost: h\r\n"
    + JSON
    + SIGNED.replace(b"signature: s\r\n", b"")
    + b'transfer-encoding: chunked\r\n\r\nd\r\n{"words":"w"}\r\n0\r\nsignature: s\r\n\r\n',
    "chunked and too large": b"POST /v1/notes/7 HTTP/1.1\r\nhost: h\r\n"
    + JSON
    + b"transfer-encoding: chunked\r\n\r\nff\r\n"
    + b"x" * 255
    + b"\r\n0\r\n\r\n",
    "other coding, then chunked": b"POST /v1/notes/7 HTTP/1.1\r\nhost: h\r\n"
    + JSON
    + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "expectation of something": ask(headers=b"expect: miracles\r\n"),
}
"""What goes over ASGI even where there is a lane."""

REFUSED = {
    "upgrade": ask(headers=b"connection: upgrade\r\nupgrade: h2c\r\n"),
    "upgrade with a body": post(headers=JSON + b"connection: upgrade\r\nupgrade: h2c\r\n"),
    "web socket": ask(headers=b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: a\r\n"),
    "connect": ask(b"other:1", method=b"CONNECT"),
    "fragment": ask(b"/v1/notes/7#part"),
    "HTTP/2": ask(protocol=b"HTTP/2.0"),
    "HTTP/0.9": b"GET /v1/notes/7\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /v1/notes/7 HTTP/1.0\r\n" + JSON + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "length and chunks": b"POST /v1/notes/7 HTTP/1.1\r\n"
    + JSON
    + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": b"POST /v1/notes/7 HTTP/1.1\r\n"
    + JSON
    + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two equal lengths": b"POST /v1/notes/7 HTTP/1.1\r\n" + JSON + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    "two lengths": b"POST /v1/notes/7 HTTP/1.1\r\n" + JSON + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}x",
    "lengths in a list": b"POST /v1/notes/7 HTTP/1.1\r\n" + JSON + b"content-length: 2, 2\r\n\r\n{}",
    "length with a sign": b"POST /v1/notes/7 HTTP/1.1\r\n" + JSON + b"content-length: +2\r\n\r\n{}",
    "no length": b"POST /v1/notes/7 HTTP/1.1\r\n" + JSON + b"content-length:\r\n\r\n{}",
    "chunked not last": b"POST /v1/notes/7 HTTP/1.1\r\n" + JSON + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunk of a strange size": b"POST /v1/notes/7 HTTP/1.1\r\n"
    + JSON
    + b"transfer-encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "folded": ask(headers=b"x: 1\r\n 2\r\n"),
    "folded by a tab": ask(headers=b"x: 1\r\n\t2\r\n"),
    "bare line feed": b"GET /v1/notes/7 HTTP/1.1\nhost: h\n\n",
    "bare line feed in a head": b"GET /v1/notes/7 HTTP/1.1\r\nhost: h\nx: 1\r\n\r\n",
    "bare carriage return": ask(headers=b"x: 1\ry: 2\r\n"),
    "space before the colon": ask(headers=b"content-length : 5\r\n"),
    "space before a name": b"GET /v1/notes/7 HTTP/1.1\r\n host: h\r\n\r\n",
    "no name": ask(headers=b": 1\r\n"),
    "null": ask(headers=b"x: \x00\r\n"),
    "target with a space": ask(b"/v1/notes/ 7"),
    "target that is no ASCII": ask(b"/v1/notes/\xc3\xa9"),
    "target without a slash": ask(b"v1/notes/7"),
    "method in lower case": ask(method=b"get"),
    "unknown method": ask(method=b"STEAL"),
    "TLS": bytes.fromhex("16030100a5010000a10303"),
    "another protocol": b"SSH-2.0-client\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
"""What has two readings, or none."""


@pytest.mark.parametrize("name", SHORT)
def test_the_lane_answers_byte_for_byte_what_the_ordinary_way_answers(both: tuple[Served, Served], name: str) -> None:
    ordinary, lane = both
    request = SHORT[name]
    before = lane.over_asgi
    answer = conversation(lane, request)
    assert lane.over_asgi == before, "it went the short way, and so did the request after it"
    assert without_names(answer) == without_names(conversation(ordinary, request))
    assert answer.startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize("name", ORDINARY)
def test_what_is_out_of_the_ordinary_goes_the_ordinary_way_beside_the_lane(
    both: tuple[Served, Served], name: str
) -> None:
    ordinary, lane = both
    before = lane.over_asgi
    answer = conversation(lane, ORDINARY[name])
    assert lane.over_asgi == before + 1
    assert without_names(answer) == without_names(conversation(ordinary, ORDINARY[name]))


@pytest.mark.parametrize("name", REFUSED)
def test_a_head_with_two_readings_is_refused_and_the_connection_ends(both: tuple[Served, Served], name: str) -> None:
    ordinary, lane = both
    before = ordinary.over_asgi + lane.over_asgi
    answer = conversation(lane, REFUSED[name])
    assert without_names(answer) == without_names(conversation(ordinary, REFUSED[name]))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"REQUEST_HEADERS"' in answer
    assert b"connection: close\r\n" in answer
    assert b"content-security-policy" in answer
    assert answer.count(b"\r\n\r\n") == 1
    assert ordinary.over_asgi + lane.over_asgi in {before, before + 2}, "a broken chunk is seen after its head"


@pytest.mark.parametrize("path", [b"/v1/notes/7", b"/none", b"/slow"])
def test_head_is_answered_like_get_without_a_body(both: tuple[Served, Served], path: bytes) -> None:
    answers = [conversation(served, ask(path, method=b"HEAD"), with_body=False) for served in both]
    assert without_names(answers[0]) == without_names(answers[1])
    head, _, after = answers[1].partition(b"\r\n\r\n")
    assert b"content-length: " in head
    assert after.startswith(b"HTTP/1.1 200 "), "the next answer follows the head at once"


def test_a_client_that_asks_first_is_told_to_go_on(both: tuple[Served, Served]) -> None:
    head, body = post(headers=JSON + b"expect: 100-continue\r\n").split(b"\r\n\r\n")
    for served in both:
        with served.connect() as connection:
            connection.sendall(head + b"\r\n\r\n")
            assert one_answer(connection) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(body)
            assert one_answer(connection).startswith(b"HTTP/1.1 201 ")


def test_who_is_refused_by_his_head_is_not_told_to_go_on(both: tuple[Served, Served]) -> None:
    head = b"POST /v1/notes/7 HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 13\r\n\r\n"
    for served in both:
        assert conversation(served, head).startswith(b"HTTP/1.1 415 ")


@pytest.mark.parametrize("answered", [SHORT["not found"], SHORT["wrong type"], SHORT["method"]])
def test_a_body_that_nobody_wants_is_not_taken_for_the_next_request(
    both: tuple[Served, Served], answered: bytes
) -> None:
    smuggled = ask(b"/v1/notes/smuggled")
    head = answered.partition(b"\r\n\r\n")[0]
    request = (
        head.replace(b"content-length: 13\r\n", b"") + b"\r\ncontent-length: %d\r\n\r\n" % len(smuggled) + smuggled
    )
    answers = [conversation(served, request) for served in both]
    assert without_names(answers[0]) == without_names(answers[1])
    assert b"smuggled" not in answers[0]


# One connection


def test_requests_in_one_piece_are_answered_one_after_another(both: tuple[Served, Served]) -> None:
    pieces = [ask(b"/v1/notes/%d" % n) for n in range(5)] + [post(), ask(b"/none"), ORDINARY["chunked"], END]
    answers = [served.talk(b"".join(pieces), half_close=False) for served in both]
    assert without_names(answers[0]) == without_names(answers[1])
    said = answers[1].split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in said] == [b"200"] * 5 + [b"201", b"404", b"201", b"200"]
    assert [b"'%d'" % n in said[n] for n in range(5)] == [True] * 5


def test_an_answer_that_takes_long_holds_the_ones_behind_it(wired: Connect) -> None:
    gate = Gate()
    served = wired.served(application(gate))
    with served.connect() as connection:
        connection.sendall(ask(b"/slow") + ask(b"/none") + post() + END)
        served.in_loop(gate.has(1))
        served.in_loop(gate.open())
        answers = rest(connection)
    assert [answer[:3] for answer in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"201", b"200"]


def test_a_request_may_come_byte_by_byte(both: tuple[Served, Served]) -> None:
    request = post(b"/v1/signed", JSON + SIGNED) + END
    answers = [served.talk(*(request[at : at + 1] for at in range(len(request))), half_close=False) for served in both]
    assert without_names(answers[0]) == without_names(answers[1])
    assert answers[1].count(b"HTTP/1.1 200 ") == 2


def test_a_body_may_come_after_its_head(both: tuple[Served, Served]) -> None:
    head, _, body = post().partition(b"\r\n\r\n")
    before = both[1].over_asgi
    for served in both:
        with served.connect() as connection:
            connection.sendall(head + b"\r\n\r\n")
            connection.sendall(body[:5])
            connection.sendall(body[5:])
            assert one_answer(connection).startswith(b"HTTP/1.1 201 ")
    assert both[1].over_asgi == before


def test_a_thousand_requests_fit_on_one_connection(served: Served) -> None:
    with served.connect() as connection:
        for number in range(1000):
            connection.sendall(ask(b"/v1/notes/%d" % number) if number % 3 else post())
            assert one_answer(connection).startswith(b"HTTP/1.1 20")
    assert served.server.server_state.total_requests == 1000


def test_short_and_ordinary_requests_take_turns_on_one_connection(both: tuple[Served, Served]) -> None:
    requests = [request for pair in zip(SHORT.values(), ORDINARY.values(), strict=False) for request in pair]
    requests = [request for request in requests if b"HTTP/1.0" not in request and b"too large" not in request]

    def said(served: Served) -> bytes:
        answers = b""
        with served.connect() as connection:
            for request in requests[:8]:
                connection.sendall(request)
                answers += one_answer(connection)
        return answers

    assert without_names(said(both[0])) == without_names(said(both[1]))


@pytest.mark.parametrize(
    "broken", [b"GET /v1", ask()[:-2], post()[:-1], post()[:-13], ORDINARY["chunked"][:-5], b"", b"\r\n"]
)
def test_half_a_request_is_no_request(served: Served, broken: bytes) -> None:
    assert served.talk(broken) == b""
    assert served.talk(END, half_close=False).startswith(b"HTTP/1.1 200 ")


def test_a_connection_that_breaks_harms_nobody_else(wired: Connect) -> None:
    gate = Gate()
    served = wired.served(application(gate))
    for piece in (b"GET /v1", post()[:-1], ask(b"/slow"), ask(b"/slow") + ask(b"/slow"), ask(b"/big")):
        with served.connect() as connection:
            connection.sendall(piece)
            # a reset instead of a farewell
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    served.in_loop(gate.open())
    assert served.talk(END, half_close=False).startswith(b"HTTP/1.1 200 ")


def test_what_follows_the_last_request_of_a_connection_is_not_answered(served: Served) -> None:
    assert served.talk(END + ask(), half_close=False).count(b"HTTP/1.1") == 1


def test_garbage_behind_a_request_does_not_take_the_place_of_its_answer(wired: Connect) -> None:
    gate = Gate()
    served = wired.served(application(gate))
    with served.connect() as connection:
        connection.sendall(ask(b"/slow"))
        served.in_loop(gate.has(1))
        connection.sendall(b"\x00\x01\x02 no request\r\n\r\n")
        assert rest(connection) == b""
    served.in_loop(gate.open())


def test_a_broken_body_behind_an_answer_gets_no_second_answer(both: tuple[Served, Served]) -> None:
    head = b"POST /none HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    for served in both:
        with served.connect() as connection:
            connection.sendall(head)
            assert one_answer(connection).startswith(b"HTTP/1.1 404 ")
            connection.sendall(b"no size\r\n")
            assert rest(connection) == b""


TABLE = application()


async def said_in_memory(pieces: list[bytes], *, lane: bool) -> tuple[bytes, bool]:
    line = Line(TABLE, lane=lane)
    await line.send(*pieces)
    said, closed = bytes(line.wire.written), line.wire.closed
    await line.hang_up()
    assert not line.state.tasks
    return said, closed


def assert_alike(*pieces: bytes) -> None:
    """Nothing here depends on which of two threads is faster.

    One difference there is: garbage in the same packet as a request ends the connection before an ordinary task could
    refuse that request, and after the lane has.
    """
    (ordinary, ordinary_closed), (lane, lane_closed) = (
        asyncio.run(said_in_memory(list(pieces), lane=lane)) for lane in (False, True)
    )
    assert ordinary_closed == lane_closed
    assert lane == ordinary or (lane_closed and lane.startswith(ordinary))


REQUESTS = [*SHORT.values(), *ORDINARY.values(), *REFUSED.values(), b"\r\n", b"\x00"]


@given(st.lists(st.binary(max_size=100) | st.sampled_from(REQUESTS), max_size=5))
@example([SHORT["read"] + REFUSED["fragment"]])
@example([SHORT["read"], REFUSED["fragment"]])
@example([SHORT["much too large"], SHORT["read"]])
@settings(max_examples=150, deadline=None)
def test_whatever_is_sent_both_ways_say_the_same(pieces: list[bytes]) -> None:
    assert_alike(*pieces)
    assert_alike(b"".join(pieces))


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_request_with_one_wrong_byte_is_answered_alike(data: st.DataObject) -> None:
    request = bytearray(data.draw(st.sampled_from([SHORT["signed"], SHORT["write"], ORDINARY["chunked"]])))
    at = data.draw(st.integers(0, len(request) - 1))
    request[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    cut = data.draw(st.integers(0, len(request)))
    assert_alike(bytes(request[:cut]), bytes(request[cut:]), END)


@given(st.binary(max_size=300) | st.lists(st.sampled_from(REQUESTS), max_size=4).map(b"".join))
@example(b"\r\n" * 100)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_bring_a_server_down(both: tuple[Served, Served], sent: bytes) -> None:
    for served in both:
        served.talk(sent)
        assert served.talk(END, half_close=False).startswith(b"HTTP/1.1 200 ")


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40))
def test_a_target_is_cut_as_the_url_parser_cuts_it(text: str) -> None:
    target = b"/" + text.encode()
    parsed = httptools.parse_url(target)
    path, _, query = target.partition(b"?")
    assert (parsed.path, parsed.query or b"") == (path, query)


# Room


def test_a_process_with_enough_to_do_sends_others_away_at_once(wired: Connect) -> None:
    gate = Gate()
    served = wired.served(application(gate, max_waiting=2))
    with served.connect() as one, served.connect() as two:
        one.sendall(ask(b"/slow"))
        two.sendall(ask(b"/slow"))
        served.in_loop(gate.has(2))
        with structlog.testing.capture_logs() as logs:
            answers = [conversation(served, post(b"/v1/signed", JSON + SIGNED)) for _ in range(3)]
        assert all(answer.startswith(b"HTTP/1.1 503 ") and b"retry-after: 1\r\n" in answer for answer in answers)
        assert all(b'"code":"UNAVAILABLE"' in answer for answer in answers)
        assert len(logs) == 1, "a crowd is one line, not many"
        assert conversation(served, ask(b"/healthz")).startswith(b"HTTP/1.1 200 ")
        served.in_loop(gate.open())
        assert one_answer(one).startswith(b"HTTP/1.1 200 ")
        assert one_answer(two).startswith(b"HTTP/1.1 200 ")
    assert conversation(served, ask()).startswith(b"HTTP/1.1 200 ")


def test_one_connection_too_many_is_told_to_come_again_and_health_is_still_told(wired: Connect) -> None:
    served = wired.served(application(), limit_concurrency=3)
    with served.connect() as one, served.connect() as two:
        for connection in (one, two):
            connection.sendall(ask())
            assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
        answer = conversation(served, ask())
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1\r\n" in answer
        assert b"connection: close\r\n" in answer
        assert conversation(served, ask(b"/healthz")).startswith(b"HTTP/1.1 200 ")
    assert conversation(served, ORDINARY["chunked"]).startswith(b"HTTP/1.1 ")


# Ending


def test_a_request_under_way_is_answered_when_the_server_ends_and_its_connection_too(wired: Connect) -> None:
    gate = Gate()
    served = wired.served(application(gate))
    with served.connect() as busy, served.connect() as idle:
        idle.sendall(ask())
        one_answer(idle)
        busy.sendall(ask(b"/slow"))
        served.in_loop(gate.has(1))

        async def end_all() -> None:
            for connection in tuple(served.server.server_state.connections):
                connection.shutdown()

        served.in_loop(end_all())
        assert rest(idle) == b""
        served.in_loop(gate.open())
        answer = rest(busy)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close\r\n" in answer


def test_a_server_that_drains_can_make_an_answer_the_last_one_before_it_begins(wired: Connect) -> None:
    gate = Gate()
    served = wired.served(application(gate))

    async def last() -> None:
        connections: Any = served.server.server_state.connections
        for cycle in (connection.cycle for connection in connections):
            assert cycle.keep_alive
            assert not cycle.response_started
            cycle.keep_alive = cycle.response_started

    with served.connect() as connection:
        connection.sendall(ask(b"/slow"))
        served.in_loop(gate.has(1))
        served.in_loop(last())
        served.in_loop(gate.open())
        assert b"connection: close\r\n" in rest(connection)


def test_a_request_that_is_cancelled_at_the_end_of_a_drain_is_told_that_nobody_knows(wired: Connect) -> None:
    gate = Gate()
    served = wired.served(application(gate))
    with served.connect() as connection:
        connection.sendall(ask(b"/slow"))
        served.in_loop(gate.has(1))

        async def cancel() -> None:
            for task in tuple(served.server.server_state.tasks):
                task.cancel()

        served.in_loop(cancel())
        answer = rest(connection)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"connection: close\r\n" in answer
    assert not served.server.server_state.tasks


def test_headers_that_the_server_adds_are_on_every_answer_and_may_end_the_connection(wired: Connect) -> None:
    served = wired.served(application())

    async def draining() -> None:
        state = served.server.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]

    with served.connect() as connection:
        connection.sendall(ask())
        assert b"connection: close" not in one_answer(connection)
        served.in_loop(draining())
        connection.sendall(ask())
        answer = rest(connection)
    assert answer.count(b"connection: close\r\n") == 1
    assert answer.count(b"\r\ndate: ") == 1


# The switch


@pytest.mark.parametrize("options", [{"access_log": True}, {"root_path": "/below"}])
def test_what_only_the_ordinary_way_can_do_is_done_by_it(sockets: Sockets, options: dict[str, Any]) -> None:
    with sockets.serve(application(), lane=True, **options) as served:
        assert conversation(served, ask()).startswith(b"HTTP/1.1 ")
        assert served.over_asgi == 2


def test_with_another_uvicorn_there_is_no_lane_and_the_log_says_so() -> None:
    tested = {"uvicorn": "0.54.0", "httptools": "0.9.0"}
    with structlog.testing.capture_logs() as logs:
        assert issubclass(protocol_class(application(), lane=True, installed=tested), LaneProtocol)
        assert not logs
        for other in ({"uvicorn": "0.55.0"}, {"uvicorn": "1.54.0"}, {"httptools": "0.10.0"}, {"httptools": "0.9.0rc1"}):
            given = protocol_class(application(), lane=True, installed={**tested, **other})
            assert given.__module__ == "uvicorn.protocols.http.httptools_impl"
    assert [entry["event"] for entry in logs] == ["lane_not_used"] * 4
