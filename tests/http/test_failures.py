"""What fails: one form of answer, the exact code for the operator only, and nothing that was sent in a log."""

from __future__ import annotations

from dataclasses import replace

import pytest
import structlog

from hinges import Connect
from note_routes import NOTES, SECRET, Note, Plain, Seen, answering, build, get, problem_of, raising
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.http.problems import Kind, ProblemError
from pteri.http.routing import Call, Encoded, Reply


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
