"""Requests to operators over real sockets, against servers that behave badly: TE-06 and TE-07."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certificates import Authority
from operators import AT, ISSUER, NUMBER, OUR_KEY, CountingEntropy
from pteri.adapters.telecom.camara.exchange import MAX_REPLY_BYTES, NoReply, Reply, Request
from pteri.adapters.telecom.camara.oauth import Client
from pteri.adapters.telecom.camara.operator import CamaraOperator, Terms
from pteri.adapters.telecom.camara.transport import HttpTransport
from pteri.domain.signals import Finding

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Server:
    """Says the same bytes to everybody, and keeps what was said to it."""

    def __init__(self, says: bytes, *, repeat: bool = False, port: int = 0) -> None:
        self.says = says
        self.repeat = repeat
        self.port = port
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or b"0")
                self.heard.append(head + await reader.readexactly(length))
                writer.write(self.says)
                while self.repeat:
                    await writer.drain()
                    writer.write(self.says)
                await writer.drain()
                if b"connection: close" in self.says:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


def answer(body: bytes = b"{}", *lines: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = [b"HTTP/1.1 " + status, b"content-length: %d" % size, *lines]
    return b"\r\n".join([*head, b"", body])


async def sent(transport: HttpTransport, url: str, body: bytes = b"secret=1") -> Reply:
    try:
        return await transport.send(Request("POST", url, {"content-type": "text/plain"}, body))
    finally:
        await transport.close()


async def refused(transport: HttpTransport, url: str) -> str:
    with pytest.raises(NoReply) as failed:
        await sent(transport, url)
    # The cause would carry the request, and with it a token.
    assert (failed.value.__cause__, str(failed.value)) == (None, failed.value.code)
    return failed.value.code


# --- who answers ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"), dt.datetime.now(dt.UTC))


async def test_a_server_with_the_name_and_the_authority_that_we_know_is_spoken_to(authority: Authority) -> None:
    async with listening(Server(answer(b'{"a":1}')), authority.server("127.0.0.1")) as port:
        reply = await sent(HttpTransport(tls=authority.trusted()), f"https://127.0.0.1:{port}/token")
    assert (reply.status, reply.body) == (200, b'{"a":1}')


@pytest.mark.parametrize("name", ["127.0.0.2", "operator.example", "localhost", "*.0.0.1"])
async def test_te_07_a_certificate_of_another_name_gets_no_request(authority: Authority, name: str) -> None:
    server = Server(answer())
    async with listening(server, authority.server(name)) as port:
        code = await refused(HttpTransport(tls=authority.trusted()), f"https://127.0.0.1:{port}/token")
    assert (code, server.heard) == ("UNREACHABLE", [])


async def test_te_07_a_certificate_of_an_unknown_authority_gets_no_request(
    authority: Authority, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, dt.datetime.now(dt.UTC))
    server = Server(answer())
    async with listening(server, stranger.server("127.0.0.1")) as port:
        url = f"https://127.0.0.1:{port}/token"
        assert await refused(HttpTransport(tls=authority.trusted()), url) == "UNREACHABLE"
        # Without an authority of one's own, those of the machine count, and not everybody.
        assert await refused(HttpTransport(), url) == "UNREACHABLE"
    assert server.heard == []


async def test_te_07_a_certificate_that_is_over_gets_no_request(authority: Authority) -> None:
    server = Server(answer())
    async with listening(server, authority.server("127.0.0.1", days_ago=1)) as port:
        code = await refused(HttpTransport(tls=authority.trusted()), f"https://127.0.0.1:{port}/token")
    assert (code, server.heard) == ("UNREACHABLE", [])


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See", b"307 Again", b"308 For ever"])
async def test_te_07_a_redirect_is_not_followed(status: bytes) -> None:
    elsewhere = Server(answer())
    async with listening(elsewhere) as other_port:
        redirecting = Server(answer(b"", b"location: http://127.0.0.1:%d/" % other_port, status=status))
        async with listening(redirecting) as port:
            reply = await sent(HttpTransport(), f"http://127.0.0.1:{port}/token")
    assert (reply.status, elsewhere.heard, len(redirecting.heard)) == (int(status[:3]), [], 1)


async def test_a_proxy_of_the_environment_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = Server(answer()), Server(answer(b'{"direct":true}'))
    async with listening(proxy) as proxy_port, listening(server) as port:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy_port}")
        reply = await sent(HttpTransport(), f"http://127.0.0.1:{port}/token")
    assert (reply.body, proxy.heard) == (b'{"direct":true}', [])


# --- what they answer -----------------------------------------------------------------------------------------------


async def test_te_06_the_largest_answer_is_read_and_one_byte_more_is_none() -> None:
    async with listening(Server(answer(b"x" * MAX_REPLY_BYTES))) as port:
        reply = await sent(HttpTransport(), f"http://127.0.0.1:{port}/")
    assert len(reply.body) == MAX_REPLY_BYTES
    async with listening(Server(answer(b"x" * (MAX_REPLY_BYTES + 1)))) as port:
        assert await refused(HttpTransport(), f"http://127.0.0.1:{port}/") == "MALFORMED_ANSWER"


async def test_te_06_an_answer_without_an_end_is_not_read_to_it() -> None:
    endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096 + b"\r\n"

    class Chunks(Server):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.says, begun = b"1000\r\n" + b"x" * 4096 + b"\r\n", endless
            writer.write(begun)
            await super().serve(reader, writer)

    async with listening(Chunks(b"", repeat=True)) as port:
        assert await refused(HttpTransport(), f"http://127.0.0.1:{port}/") == "MALFORMED_ANSWER"


async def test_te_06_a_packed_answer_is_never_unpacked() -> None:
    packed = gzip.compress(b'{"swapped": false, "x": "' + b"x" * 8_000_000 + b'"}')
    assert len(packed) < MAX_REPLY_BYTES
    server = Server(answer(packed, b"content-encoding: gzip"))
    async with listening(server) as port:
        reply = await sent(HttpTransport(), f"http://127.0.0.1:{port}/")
    assert reply.body == packed
    assert b"accept-encoding: identity\r\n" in server.heard[0].lower()


@pytest.mark.parametrize("packing", [b"gzip", b"deflate", b"br"])
async def test_te_06_a_packed_answer_is_no_answer_to_a_question(packing: bytes) -> None:
    body = gzip.compress(b'{"access_token":"x","token_type":"Bearer","expires_in":300}')
    async with listening(Server(answer(body, b"content-encoding: " + packing))) as port:
        url = f"http://127.0.0.1:{port}"
        terms = Terms(name="alpha", api_url=url, token_url=f"{url}/token", client=Client("pteri", OUR_KEY, ISSUER))
        transport = HttpTransport()
        signals = await CamaraOperator(terms, transport, CountingEntropy()).ask(NUMBER, since=AT - 60, at=AT)
        await transport.close()
    assert {(signal.finding, signal.code) for signal in signals} == {(Finding.UNKNOWN, "MALFORMED_ANSWER")}


@pytest.mark.parametrize("name", [b"x-correlator", b"X-Correlator", b"date", b"age"])
async def test_te_07_what_we_read_may_stand_there_once_only(name: bytes) -> None:
    async with listening(Server(answer(b"{}", name.lower() + b": 1", name + b": 2"))) as port:
        assert await refused(HttpTransport(), f"http://127.0.0.1:{port}/") == "MALFORMED_ANSWER"


async def test_what_we_do_not_read_may_stand_there_twice_as_cookies_do() -> None:
    server = Server(answer(b"{}", b"set-cookie: a=1; path=/", b"set-cookie: b=2; path=/", b"via: x", b"via: y"))
    async with listening(server) as port:
        transport = HttpTransport()
        url = f"http://127.0.0.1:{port}/"
        replies = [await transport.send(Request("POST", url, {}, b"")) for _ in range(2)]
        await transport.close()
    assert [reply.status for reply in replies] == [200, 200]
    # A cookie would tell an operator that two people are asked about by the same tenant on the same day.
    assert not any(b"cookie" in heard.lower() for heard in server.heard)


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"220 mail.example ESMTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\nconnection: close\r\n\r\n{}",
        answer(b"{}", b"connection: close", length=100),
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\nconnection: close\r\n\r\n{}}",
        b"HTTP/1.1 200 OK\r\nno colon\r\nconnection: close\r\n\r\n{}",
    ],
)
async def test_te_06_what_is_no_whole_answer_is_none(says: bytes) -> None:
    class Abrupt(Server):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.says)
            writer.close()

    async with listening(Abrupt(says)) as port:
        assert await refused(HttpTransport(), f"http://127.0.0.1:{port}/") == "UNREACHABLE"


async def test_te_06_whoever_says_nothing_is_waited_for_no_longer_than_was_said() -> None:
    class Silent(Server):
        async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

    async with listening(Silent(b"")) as port:
        assert await refused(HttpTransport(timeout_s=0.05), f"http://127.0.0.1:{port}/") == "TIMEOUT"


async def test_te_06_nobody_there_is_unreachable() -> None:
    async with listening(Server(b"")) as port:
        pass
    assert await refused(HttpTransport(), f"http://127.0.0.1:{port}/") == "UNREACHABLE"
