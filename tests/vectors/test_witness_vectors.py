"""vectors/witness.json: every witness answers these requests like this, from what it remembers."""

from __future__ import annotations

import base64
from typing import Literal

import msgspec
import pytest

from pteri.core.log.add_checkpoint import parse_add_checkpoint
from pteri.core.log.checkpoint import Checkpoint, claimed_head
from pteri.core.log.note import parse_note, parse_verifier
from pteri.core.log.witnessing import Answer, Conflict, Contradiction, Cosign, Refused, TrustedLog, judge, read
from pteri.witness.server import STATUS
from vectors import make_witness


class Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    status: int
    last: str | None
    request: str
    size: int | None = None
    keeps_proof: bool = False

    @property
    def raw(self) -> bytes:
        return base64.b64decode(self.request)


class Vectors(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    format: Literal["pteri-witness-vectors-1"]
    note: str
    logs: list[str]
    cases: list[Case]


VECTORS = msgspec.json.decode(make_witness.FILE.read_bytes(), type=Vectors)
LOG = TrustedLog.of([parse_verifier(key) for key in VECTORS.logs])


def answer_to(case: Case) -> Answer:
    submitted = read(case.raw, expected_logs={LOG.origin: LOG})
    if isinstance(submitted, Refused):
        return submitted
    if case.last is None:
        return judge(submitted, last=None)
    note = parse_note(base64.b64decode(case.last))
    return judge(submitted, last=Checkpoint(*claimed_head(note), note))


def test_the_file_is_what_the_program_writes() -> None:
    assert make_witness.FILE.read_text(encoding="utf-8") == make_witness.content()


def test_more_is_refused_than_accepted() -> None:
    assert sum(case.expect == "reject" for case in VECTORS.cases) > len(VECTORS.cases) / 2


@pytest.mark.parametrize("case", VECTORS.cases, ids=lambda case: case.why)
def test_a_witness_answers_as_it_says(case: Case) -> None:
    match answer_to(case):
        case Cosign(checkpoint):
            assert (case.status, case.expect) == (200, "accept")
            # Word for word what it read, but for the lines of others.
            assert checkpoint.note.text == parse_add_checkpoint(case.raw).checkpoint.text
            assert parse_add_checkpoint(case.raw).encoded == case.raw
        case Conflict(size):
            assert (case.status, case.size, case.keeps_proof) == (409, size, False)
        case Contradiction(seen):
            assert (case.status, case.size, case.keeps_proof) == (409, seen.head.size, True)
        case Refused(why):
            assert (case.status, case.expect, case.size) == (STATUS[why], "reject", None)
