"""vectors/statements.json: what a reader of statements and a writer of them must accept and refuse, in any language."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec
import pytest

from pteri.core.acts import ACTS
from pteri.core.errors import Code, Malformed
from pteri.core.statement import Statement, parse
from vectors import make_statements


class Case(msgspec.Struct, forbid_unknown_fields=True):
    expect: Literal["accept", "reject"]
    why: str
    fields: Statement | None = None
    text: str | None = None
    text_hex: str = ""
    sha256: str = ""
    code: Code | None = None

    def bytes(self) -> bytes:
        return bytes.fromhex(self.text_hex) if self.text is None else self.text.encode()


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-statement-vectors-1"]
    note: str
    cases: list[Case]


VECTORS = msgspec.json.decode(make_statements.FILE.read_bytes(), type=Vectors)
ACCEPTED = [case for case in VECTORS.cases if case.expect == "accept"]
REFUSED = [case for case in VECTORS.cases if case.expect == "reject"]
REFUSED_TEXTS = [case for case in REFUSED if case.fields is None]
REFUSED_FIELDS = [case for case in REFUSED if case.fields is not None]


def why(case: Case) -> str:
    return case.why


@pytest.mark.parametrize("case", ACCEPTED, ids=why)
def test_a_text_and_its_fields_are_the_same_statement(case: Case) -> None:
    assert case.fields is not None
    assert case.fields.encode() == case.bytes()
    assert parse(case.bytes()) == case.fields
    assert hashlib.sha256(case.bytes()).hexdigest() == case.sha256 == case.fields.sha256().hex()


@pytest.mark.parametrize("case", REFUSED_TEXTS, ids=why)
def test_a_text_that_is_no_statement_is_refused_with_its_code(case: Case) -> None:
    with pytest.raises(Malformed) as refused:
        parse(case.bytes())
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", REFUSED_FIELDS, ids=why)
def test_no_text_is_made_of_a_value_outside_its_grammar(case: Case) -> None:
    assert case.fields is not None
    with pytest.raises(Malformed) as refused:
        case.fields.encode()
    assert refused.value.code is case.code


def test_every_purpose_is_there_and_refusals_outnumber_acceptances() -> None:
    purposes = {case.fields.purpose for case in ACCEPTED if case.fields is not None}
    assert purposes == ACTS.keys()
    assert len(REFUSED) > 5 * len(ACCEPTED)
    assert len({case.why for case in VECTORS.cases}) == len(VECTORS.cases)


def test_the_file_is_what_its_maker_writes() -> None:
    assert make_statements.FILE.read_text(encoding="utf-8") == make_statements.document()
