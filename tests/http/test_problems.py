"""Every no has one form, a closed list of types, and words for people."""

from __future__ import annotations

import json

import msgspec
import pytest

from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.http.problems import (
    PROBLEM_TYPES,
    HttpCode,
    Kind,
    Problem,
    ProblemError,
    from_protocol_error,
    problem_answer,
)

STATUSES = {
    Kind.MALFORMED: 400,
    Kind.DENIED: 401,
    Kind.NOT_ALLOWED: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.CONFLICT: 409,
    Kind.GONE: 410,
    Kind.TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA_TYPE: 415,
    Kind.SLOW_DOWN: 429,
    Kind.INTERNAL: 500,
    Kind.UNAVAILABLE: 503,
}


def test_the_list_of_types_is_closed_and_each_has_its_status() -> None:
    assert {kind: about.status for kind, about in PROBLEM_TYPES.items()} == STATUSES
    assert set(Kind) == set(STATUSES)


@pytest.mark.parametrize("kind", Kind)
def test_each_type_says_what_it_means_and_what_to_do(kind: Kind) -> None:
    about = PROBLEM_TYPES[kind]
    assert about.type == f"/problems/{kind.value}"
    assert about.meaning.endswith(".")
    assert about.what_to_do.endswith(".")
    assert "<" not in f"{about.title}{about.meaning}{about.what_to_do}"


@pytest.mark.parametrize("kind", Kind)
def test_each_answer_is_a_problem_that_nobody_keeps(kind: Kind) -> None:
    response = problem_answer(ProblemError(kind, code="SOME_CODE"), "req_1")
    assert response.status == STATUSES[kind]
    assert response.headers["cache-control"] == "no-store"
    problem = msgspec.json.decode(response.body, type=Problem, strict=True)
    about = PROBLEM_TYPES[kind]
    assert problem == Problem(
        about.type,
        about.title,
        about.status,
        f"{about.meaning} {about.what_to_do}",
        "SOME_CODE",
        "req_1",
    )


def test_the_optional_members_are_absent_unless_given() -> None:
    plain = problem_answer(ProblemError(Kind.UNAVAILABLE, code="LOG"), "r")
    assert json.loads(plain.body).keys() == {"type", "title", "status", "detail", "code", "request_id"}
    assert "retry-after" not in plain.headers
    error = ProblemError(
        Kind.NOT_ALLOWED,
        code="PROBATION",
        detail="This phone is new.",
        retry_after_s=60,
        until="2026-11-23T17:00:00Z",
        headers={"x-more": "1", "cache-control": "public"},
    )
    full = problem_answer(error, "r")
    body = json.loads(full.body)
    assert (body["detail"], body["retry_after_s"], body["until"]) == (
        "This phone is new.",
        60,
        "2026-11-23T17:00:00Z",
    )
    assert (full.headers["retry-after"], full.headers["x-more"]) == ("60", "1")
    assert full.headers["cache-control"] == "no-store", "no problem is ever cached, whoever asks for it"


def test_only_a_denial_carries_a_challenge() -> None:
    challenged = [
        kind for kind in Kind if "www-authenticate" in problem_answer(ProblemError(kind, code="X"), "r").headers
    ]
    assert challenged == [Kind.DENIED]


@pytest.mark.parametrize(
    "error",
    [
        NotAuthentic(Code.MISMATCH, "another key"),
        NotAuthentic(Code.DEVICE_SIGNATURE, "does not verify"),
        NotAuthentic(Code.WALLET_KEY, "the statement names another wallet"),
        OutOfWindow(Code.EXPIRED, "the statement has expired"),
        ProtocolError(Code.KEY, "some other child"),
    ],
)
def test_every_failed_proof_is_the_same_answer(error: ProtocolError) -> None:
    first = problem_answer(ProblemError(Kind.DENIED, code=HttpCode.DENIED), "r")
    answer = problem_answer(from_protocol_error(error), "r")
    assert (answer.status, answer.body, answer.headers) == (401, first.body, first.headers)


def test_bytes_of_the_wrong_form_are_a_400_that_says_what_is_wrong() -> None:
    problem = from_protocol_error(Malformed(Code.BODY, "missing field: $.name"))
    assert (problem.kind, problem.code) == (Kind.MALFORMED, Code.BODY)
    assert problem.detail == "Not the form asked for: missing field: $.name."


def test_the_exception_shows_its_kind_and_code_only() -> None:
    assert str(ProblemError(Kind.GONE, code="ENDED", detail="words for people")) == "gone: ENDED"


def test_the_codes_of_the_web_side_are_their_own_names() -> None:
    assert all(code.value == code.name for code in HttpCode)
