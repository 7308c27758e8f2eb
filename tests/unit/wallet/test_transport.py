"""HTTP over loopback, against servers that behave badly."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from pteri.core.httpsig import SignedRequest, Tag, sign
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.wallet.refusals import UNREACHABLE, ServerError
from pteri.wallet.server import MAX_REPLY_BYTES, TokenRequest
from pteri.wallet.transport import HttpTransport

KEY = DevicePrivateKey.from_random(b"k" * 48)


def request(origin: str, method: str = "POST", body: bytes = b"{}") -> SignedRequest:
    return sign(
        method=method,
        target_uri=f"{origin}/v1/bank/prompts",
        body=body,
        idempotency_key="0123456789abcdef",
        key=KEY,
        created_at=1_795_453_200,
        nonce=bytes(16),
        tag=Tag.DEVICE,
    )


class Strange(BaseHTTPRequestHandler):
    """Answers by path prefix of the origin's port owner: what to do is set on the class."""

    protocol_version = "HTTP/1.1"
    behaviour: ClassVar[str] = "echo"
    seen: ClassVar[list[tuple[str, str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.seen.append((self.command, self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        match self.behaviour:
            case "redirect":
                self._answer(307, b"", location="/v1/elsewhere")
            case "flood":
                self._answer(200, b"x" * (MAX_REPLY_BYTES + 1))
            case "hang up":
                self.connection.close()
            case _:
                self._answer(200, b'{"ok":true}')

    do_GET = do_POST  # noqa: N815 - the name http.server looks for

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def strange_server(behaviour: str) -> Iterator[tuple[str, type[Strange]]]:
    handler = type("Handler", (Strange,), {"behaviour": behaviour, "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    made = HttpTransport()
    yield made
    made.close()


def test_a_request_arrives_with_its_signature_and_its_body(transport: HttpTransport) -> None:
    with strange_server("echo") as (origin, handler):
        sent = request(origin)
        assert transport.send(sent).body == b'{"ok":true}'
        assert transport.send(request(origin, "GET", b"")).status == 200
        transport.close()
    [(method, path, headers, body), (other_method, _, other_headers, _)] = handler.seen
    assert (method, path, body, other_method) == ("POST", "/v1/bank/prompts", b"{}", "GET")
    assert sent.headers().items() <= headers.items()
    assert headers["content-type"] == "application/json"
    assert "content-type" not in other_headers
    assert "authorization" not in headers


def test_a_token_arrives_in_the_place_of_a_signature(transport: HttpTransport) -> None:
    with strange_server("echo") as (origin, handler):
        token = Secret(b"ct1.a")
        assert transport.send(TokenRequest("POST", f"{origin}/v1/bank/logins", b"{}", "0123456789abcdef", token)).body
        transport.close()
    [(_, path, headers, body)] = handler.seen
    assert (path, body, headers["authorization"]) == ("/v1/bank/logins", b"{}", "Bearer ct1.a")
    assert headers["idempotency-key"] == "0123456789abcdef"
    assert not {"signature", "signature-input", "content-digest"} & set(headers)


def test_a_redirect_is_an_answer_and_not_an_order(transport: HttpTransport) -> None:
    with strange_server("redirect") as (origin, handler):
        assert transport.send(request(origin)).status == 307
        transport.close()
    assert len(handler.seen) == 1


def test_a_flood_is_not_kept(transport: HttpTransport) -> None:
    with strange_server("flood") as (origin, _):
        assert transport.send(request(origin)).body == b""
        transport.close()


def test_a_server_that_hangs_up_gave_no_answer(transport: HttpTransport) -> None:
    with strange_server("hang up") as (origin, _), pytest.raises(ServerError) as refused:
        transport.send(request(origin))
    assert refused.value.code == UNREACHABLE


def test_a_port_where_nobody_listens_gives_no_answer(transport: HttpTransport) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ServerError) as refused:
            transport.send(request(origin))
    assert refused.value.code == UNREACHABLE
    assert "pteri=" not in f"{refused.value!r}"


def test_a_server_that_cannot_prove_its_name_gets_no_request(transport: HttpTransport) -> None:
    with strange_server("echo") as (origin, handler), pytest.raises(ServerError) as refused:
        transport.send(request(origin.replace("http://", "https://")))
    assert refused.value.code == UNREACHABLE
    assert not handler.seen
