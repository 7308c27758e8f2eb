"""Requests to a server, and what a strange server may answer."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest

from pteri.core import httpsig, ids
from pteri.core.errors import Malformed
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.wire import Nothing, Prompts
from pteri.wallet.refusals import BAD_ANSWER, UNREACHABLE, SafetyCode, ServerError, UnsafeError
from pteri.wallet.server import Reply, Request, Server, checked_origin
from world import ORIGIN, START, SimClock, SimEntropy

KEY = DevicePrivateKey.from_random(b"k" * 48)
GOOD = Reply(200, msgspec.json.encode(Prompts((), 0)))


@dataclass
class Scripted:
    """Answers in order; None is no answer."""

    replies: list[Reply | None]
    sent: list[Request] = field(default_factory=list)

    def send(self, request: Request) -> Reply:
        self.sent.append(request)
        reply = self.replies.pop(0)
        if reply is None:
            raise ServerError(UNREACHABLE, "nobody there")
        return reply

    def close(self) -> None:
        pass


def server(*replies: Reply | None) -> tuple[Server, Scripted]:
    transport = Scripted(list(replies))
    made = Server(
        transport,
        origin=ORIGIN,
        tenant="bank",
        key=KEY,
        tag=Tag.DEVICE,
        clock=SimClock(),
        entropy=SimEntropy("talk"),
    )
    return made, transport


def test_every_request_is_signed_for_its_place_and_its_body() -> None:
    talk, transport = server(GOOD, GOOD)
    talk.post("/prompts", Nothing(), Prompts)
    talk.get("/prompts", Prompts)
    for request, method, body in zip(transport.sent, ("POST", "GET"), (b"{}", b""), strict=True):
        assert isinstance(request, SignedRequest)
        verified = httpsig.verify(
            request,
            key=KEY.public,
            expected_method=method,
            expected_target_uri=f"{ORIGIN}/v1/bank/prompts",
            expected_tag=Tag.DEVICE,
            at=START,
        )
        assert verified.body == body
    assert transport.sent[0].idempotency_key != transport.sent[1].idempotency_key


def test_idempotency_keys_begin_with_the_time_so_that_a_server_keeps_them_side_by_side() -> None:
    talk, transport = server(GOOD, GOOD)
    talk.post("/prompts", Nothing(), Prompts)
    talk.get("/prompts", Prompts)
    first = ids.new_idempotency_key(START, bytes(12))
    assert [request.idempotency_key[:8] for request in transport.sent] == [first[:8]] * 2


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_without_an_answer_the_same_request_is_sent_again(lost: int) -> None:
    talk, transport = server(*[None] * lost, GOOD)
    assert talk.post("/prompts", Nothing(), Prompts) == Prompts((), 0)
    assert transport.sent == [transport.sent[0]] * (lost + 1)


def test_after_three_times_it_is_left_to_the_caller() -> None:
    talk, transport = server(None, None, None, GOOD)
    with pytest.raises(ServerError) as refused:
        talk.post("/prompts", Nothing(), Prompts)
    assert (refused.value.code, refused.value.status, refused.value.may_repeat) == (UNREACHABLE, 0, True)
    assert len(transport.sent) == 3


def test_what_is_done_and_not_told_yet_is_asked_for_again() -> None:
    waits = Reply(503, msgspec.json.encode({"type": "/problems/unavailable", "code": "PENDING_LOG", "detail": "Done."}))
    talk, transport = server(waits, waits, GOOD)
    assert talk.post("/prompts", Nothing(), Prompts) == Prompts((), 0)
    assert transport.sent == [transport.sent[0]] * 3
    talk, _ = server(waits, waits, waits)
    with pytest.raises(ServerError) as refused:
        talk.post("/prompts", Nothing(), Prompts)
    assert (refused.value.code, refused.value.status, refused.value.may_repeat) == ("PENDING_LOG", 503, True)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 409, 410, 413, 429, 500, 503])
def test_an_answer_that_is_no_success_is_not_asked_for_again(status: int) -> None:
    body = {"type": "/problems/x", "code": "SOME_CODE", "detail": "Because.", "until": "2026-11-23T18:00:00Z"}
    talk, transport = server(Reply(status, msgspec.json.encode(body)))
    with pytest.raises(ServerError) as refused:
        talk.post("/prompts", Nothing(), Prompts)
    error = refused.value
    assert (error.code, error.message, error.status, error.until) == ("SOME_CODE", "Because.", status, 1795456800)
    assert str(error) == "Because."
    assert len(transport.sent) == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"code":7}', b"<html>Bad gateway</html>", b"[" * 100_000],
    ids=["empty", "no code", "list", "null", "no UTF-8", "number", "html", "deep"],
)
def test_a_refusal_that_is_no_problem_has_a_code_all_the_same(body: bytes) -> None:
    with pytest.raises(ServerError) as refused:
        server(Reply(502, body))[0].post("/prompts", Nothing(), Prompts)
    assert (refused.value.code, refused.value.status) == (BAD_ANSWER, 502)
    assert "502" in refused.value.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        b'{"prompts":[],"unasked":"0"}',
        b'{"prompts":[],"unasked":0,"x":1}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_success_of_another_shape_is_refused(body: bytes) -> None:
    with pytest.raises(ServerError) as refused:
        server(Reply(200, body))[0].post("/prompts", Nothing(), Prompts)
    assert (refused.value.code, refused.value.may_repeat) == (BAD_ANSWER, True)


def test_a_servers_words_cannot_speak_to_the_terminal() -> None:
    body = {"code": "\x1b[2JX", "detail": "\x1b]0;you are safe\x07 " + "long " * 1000 + "\n", "until": "soon"}
    with pytest.raises(ServerError) as refused:
        server(Reply(403, msgspec.json.encode(body)))[0].post("/prompts", Nothing(), Prompts)
    error = refused.value
    assert error.code == "[2JX"
    assert error.message.isprintable()
    assert len(error.message) <= 400
    assert error.until is None


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"code": "\x07", "detail": "\n"}, BAD_ANSWER, "The server gave no reason."),
        ({"code": "A", "until": "2026-02-30T00:00:00Z"}, "A", "The server gave no reason."),
    ],
)
def test_a_refusal_without_words_gets_some(body: dict[str, str], code: str, message: str) -> None:
    with pytest.raises(ServerError) as refused:
        server(Reply(403, msgspec.json.encode(body)))[0].post("/prompts", Nothing(), Prompts)
    assert (refused.value.code, refused.value.message, refused.value.until) == (code, message, None)


def test_neither_requests_nor_answers_show_their_bodies() -> None:
    talk, transport = server(GOOD)
    talk.post("/prompts", Nothing(), Prompts)
    assert "prompts" not in repr(GOOD)
    [request] = transport.sent
    assert isinstance(request, SignedRequest)
    assert "pteri=:" not in repr(request).replace(request.signature_input, "")


# --- origins -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin",
    [
        "https://id.bank.example",
        "https://id.bank.example:8443",
        "http://localhost:8750",
        "http://127.0.0.1:1",
        "http://[::1]:8750",
    ],
)
def test_https_and_this_very_computer_are_good_places(origin: str) -> None:
    assert checked_origin(origin) == origin


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "id.bank.example",
        "http://id.bank.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://0.0.0.0",
        "HTTPS://id.bank.example",
        "https://id.bank.example/",
        "https://id.bank.example/path",
        "https://user@id.bank.example",
        "https://id.bank.example?x",
        "https://id.bank.example\n",
        "https://",
        "https://:443",
        "https://[::1",
        "https://a:99999",
        "ftp://id.bank.example",
    ],
)
def test_no_other_place_gets_a_request(origin: str) -> None:
    with pytest.raises(UnsafeError) as refused:
        checked_origin(origin)
    assert refused.value.code is SafetyCode.INSECURE_SERVER


@pytest.mark.parametrize("tenant", ["", "Bank", "bank/../shop", "-", "b" * 33])
def test_a_tenant_that_is_none_is_refused(tenant: str) -> None:
    with pytest.raises(Malformed):
        Server(
            Scripted([]),
            origin=ORIGIN,
            tenant=tenant,
            key=KEY,
            tag=Tag.DEVICE,
            clock=SimClock(),
            entropy=SimEntropy("talk"),
        )
