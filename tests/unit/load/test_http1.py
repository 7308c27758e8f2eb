"""The generator's HTTP client: every cut of the bytes, and servers that behave badly."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pteri.load.http1 import Answer, BadAnswer, Connection, ConnectionLost, Parser, Target, request_bytes
from scripted import answer, scripted

BODY = b'{"state":"COMPLETED"}'
WHOLE = answer(200, BODY, "Content-Type: application/json", "Date: Tue, 24 Nov 2026 21:00:00 GMT")


def parsed(*pieces: bytes) -> Answer | None:
    parser, found = Parser(), None
    for piece in pieces:
        assert found is None
        found = parser.feed(piece)
    return found


@given(st.lists(st.integers(0, len(WHOLE)), max_size=5))
def test_any_cut_gives_the_same_answer(cuts: list[int]) -> None:
    edges = [0, *sorted(set(cuts) - {0, len(WHOLE)}), len(WHOLE)]
    found = parsed(*(WHOLE[start:stop] for start, stop in pairwise(edges)))
    assert found is not None
    assert (found.status, found.body) == (200, BODY)


def test_one_byte_less_is_no_answer_yet() -> None:
    assert parsed(WHOLE[:-1]) is None


def test_a_parser_is_ready_for_the_next_answer() -> None:
    parser = Parser()
    for _ in range(2):
        assert parser.feed(WHOLE[:50]) is None
        found = parser.feed(WHOLE[50:])
        assert found is not None
        assert found.body == BODY


@pytest.mark.parametrize(
    ("headers", "closes", "retry_after"),
    [
        ((), False, None),
        (("Connection: close",), True, None),
        (("connection: Close",), True, None),
        (("X-Connection: close",), False, None),
        (("Retry-After: 7",), False, 7),
        (("Retry-After: Tue, 24 Nov 2026 21:00:00 GMT",), False, None),
        (("X-Retry-After: 7",), False, None),
    ],
)
def test_the_headers_that_matter_are_read(headers: tuple[str, ...], closes: bool, retry_after: int | None) -> None:
    found = parsed(answer(429, b"", *headers))
    assert found is not None
    assert (found.closes, found.retry_after_s) == (closes, retry_after)


def test_an_answer_without_a_body_needs_no_length() -> None:
    found = parsed(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert found is not None
    assert found.body == b""


@pytest.mark.parametrize(
    "wrong",
    [
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 099 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-content-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n",
        WHOLE + b"x",
        WHOLE + WHOLE,
        b"x" * 20_000,
        b"HTTP/1.1 200 OK\r\nx: " + b"x" * 20_000 + b"\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_refused(wrong: bytes) -> None:
    with pytest.raises(BadAnswer):
        parsed(wrong)


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        ("http://127.0.0.1:8750", Target("127.0.0.1", 8750, "127.0.0.1:8750", False)),
        ("https://id.bank.example", Target("id.bank.example", 443, "id.bank.example", True)),
        ("http://[::1]:80", Target("::1", 80, "[::1]:80", False)),
    ],
)
def test_an_origin_says_where_to_connect(origin: str, target: Target) -> None:
    assert Target.of(origin) == target


@pytest.mark.parametrize("wrong", ["", "127.0.0.1:80", "ftp://x", "http://", "http://x/", "http://x?y", "http://x#y"])
def test_what_is_no_origin_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Target.of(wrong)


def request(target: Target) -> bytes:
    return request_bytes(target, "POST", "/v1/bank/logins", {"idempotency-key": "k" * 16}, b"{}")


def test_requests_share_one_connection() -> None:
    async def main() -> None:
        async with scripted(lambda number, _: answer(200, b"%d" % number)) as server:
            target = Target.of(server.origin)
            connection = Connection(target)
            found = [(await connection.ask(request(target))).body for _ in range(3)]
            connection.close()
        assert (found, server.connections) == ([b"1", b"2", b"3"], 1)
        assert server.requests[0].startswith(b"POST /v1/bank/logins HTTP/1.1\r\nhost: " + target.authority.encode())

    asyncio.run(main())


def test_after_an_answer_that_closes_there_is_another_connection() -> None:
    async def main() -> None:
        async with scripted(lambda *_: answer(200, b"{}", "Connection: close")) as server:
            target = Target.of(server.origin)
            connection = Connection(target)
            for _ in range(2):
                assert (await connection.ask(request(target))).status == 200
            connection.close()
            assert server.connections == 2

    asyncio.run(main())


def test_a_server_that_hangs_up_is_told_apart_and_asked_again_on_a_new_connection() -> None:
    async def main() -> None:
        async with scripted(lambda number, _: None if number == 1 else answer(200)) as server:
            target = Target.of(server.origin)
            connection = Connection(target)
            with pytest.raises(ConnectionLost):
                await connection.ask(request(target))
            assert (await connection.ask(request(target))).status == 200
            connection.close()

    asyncio.run(main())


def test_a_server_that_is_silent_is_given_up() -> None:
    async def main() -> None:
        async with scripted(lambda *_: b"") as server:
            target = Target.of(server.origin)
            connection = Connection(target, timeout_s=0.05)
            with pytest.raises(ConnectionLost, match="in time"):
                await connection.ask(request(target))

    asyncio.run(main())


def test_where_nobody_listens_the_connection_is_lost() -> None:
    async def main() -> None:
        async with scripted(lambda *_: answer(200)) as server:
            target = Target.of(server.origin)
        with pytest.raises(ConnectionLost, match="cannot connect"):
            await Connection(target).ask(request(target))

    asyncio.run(main())


def test_bytes_that_are_no_answer_end_the_connection() -> None:
    async def main() -> None:
        async with scripted(lambda *_: b"hello\r\n\r\n") as server:
            target = Target.of(server.origin)
            connection = Connection(target)
            for expected in (1, 2):
                with pytest.raises(BadAnswer):
                    await connection.ask(request(target))
                assert server.connections == expected

    asyncio.run(main())


def test_an_answer_nobody_asked_for_is_not_taken_for_the_next_one() -> None:
    async def main() -> None:
        async with scripted(lambda number, _: WHOLE + WHOLE if number == 1 else answer(200, b"{}")) as server:
            target = Target.of(server.origin)
            connection = Connection(target)
            with pytest.raises(BadAnswer, match="more bytes"):
                await connection.ask(request(target))
            assert (await connection.ask(request(target))).body == b"{}"
            connection.close()

    asyncio.run(main())


def test_an_answer_that_came_too_late_is_not_the_next_one() -> None:
    async def main() -> None:
        first_is_out = asyncio.Event()

        def late(number: int, _: bytes) -> bytes:
            first_is_out.set()
            return b"" if number == 1 else answer(200, b"second")

        async with scripted(late) as server:
            target = Target.of(server.origin)
            connection = Connection(target)
            asking = asyncio.create_task(connection.ask(request(target)))
            await first_is_out.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert (await connection.ask(request(target))).body == b"second"
            assert server.connections == 2
            connection.close()

    asyncio.run(main())
