"""vectors/rotation.json and vectors/following.json: who a log's keys are, and what is kept against it."""

from __future__ import annotations

import base64
from typing import Literal

import msgspec
import pytest

from pteri.core.errors import Code, ProtocolError
from pteri.core.log.following import verify_suspicion
from pteri.core.log.note import parse_verifier
from pteri.core.log.rotation import verify_rotation
from vectors import make_following


class RotationCase(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    entry: str
    place: int
    new: str | None = None


class Rotations(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-rotation-vectors-1"]
    note: str
    log: str
    rotations: list[RotationCase]


class SuspicionCase(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    file: str
    kind: str | None = None
    proof: bool | None = None


class Suspicions(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-following-vectors-1"]
    note: str
    logs: list[str]
    suspicions: list[SuspicionCase]


ROTATIONS = msgspec.json.decode(make_following.ROTATIONS.read_bytes(), type=Rotations)
SUSPICIONS = msgspec.json.decode(make_following.FOLLOWING.read_bytes(), type=Suspicions)


def why(case: RotationCase | SuspicionCase) -> str:
    return case.why


def test_the_files_are_what_the_program_writes() -> None:
    assert make_following.ROTATIONS.read_text(encoding="utf-8") == make_following.rotation_content()
    assert make_following.FOLLOWING.read_text(encoding="utf-8") == make_following.following_content()


@pytest.mark.parametrize("cases", [ROTATIONS.rotations, SUSPICIONS.suspicions], ids=["rotations", "suspicions"])
def test_more_is_refused_than_accepted(cases: list[RotationCase | SuspicionCase]) -> None:
    assert sum(case.expect == "reject" for case in cases) > sum(case.expect == "accept" for case in cases)


@pytest.mark.parametrize("case", ROTATIONS.rotations, ids=why)
def test_a_log_hands_over_or_not_as_it_says(case: RotationCase) -> None:
    old, raw = parse_verifier(ROTATIONS.log), base64.b64decode(case.entry)
    if case.expect == "accept":
        assert verify_rotation(raw, expected_old=old, expected_place=case.place).text == case.new
        return
    with pytest.raises(ProtocolError) as refused:
        verify_rotation(raw, expected_old=old, expected_place=case.place)
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", SUSPICIONS.suspicions, ids=why)
def test_two_checkpoints_accuse_a_log_or_not_as_it_says(case: SuspicionCase) -> None:
    logs = [parse_verifier(text) for text in SUSPICIONS.logs]
    raw = case.file.encode()
    if case.expect == "accept":
        found = verify_suspicion(raw, expected_logs=logs)
        assert (str(found.kind), found.kind.is_proof) == (case.kind, case.proof)
        return
    with pytest.raises(ProtocolError) as refused:
        verify_suspicion(raw, expected_logs=logs)
    assert refused.value.code is case.code
