"""vectors/blocks.json: a recent block in statements, in invitations and in codes."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec
import pytest

from pteri.core.acts import ACTS
from pteri.core.errors import Code, Malformed
from pteri.core.invitation import Terms, parse_invitation
from pteri.core.otp import one_time_code
from pteri.core.statement import Statement, parse
from vectors import make_blocks


class StatementCase(msgspec.Struct, forbid_unknown_fields=True):
    expect: Literal["accept", "reject"]
    why: str
    fields: Statement | None = None
    text: str | None = None
    sha256: str = ""
    code: Code | None = None


class InvitationCase(msgspec.Struct, forbid_unknown_fields=True):
    expect: Literal["accept", "reject"]
    why: str
    text: str
    terms: Terms | None = None
    number: str = ""
    code: Code | None = None


class CodeCase(msgspec.Struct, forbid_unknown_fields=True):
    expect: Literal["accept"]
    why: str
    statement: str
    statement_sha256: str
    wallet_signature_rs_hex: str
    device_signature_rs_hex: str
    request_id: str
    session_hash_hex: str
    nonce: str
    one_time_code: str

    def made(self, statement: str | None = None) -> str:
        """The code; or had it been of another statement."""
        return one_time_code(
            (statement or self.statement).encode(),
            wallet_signature=bytes.fromhex(self.wallet_signature_rs_hex),
            device_signature=bytes.fromhex(self.device_signature_rs_hex),
            request_id=self.request_id,
            session_hash=bytes.fromhex(self.session_hash_hex),
            nonce=self.nonce,
        )


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-block-vectors-1"]
    note: str
    statements: list[StatementCase]
    invitations: list[InvitationCase]
    codes: list[CodeCase]


VECTORS = msgspec.json.decode(make_blocks.FILE.read_bytes(), type=Vectors)
ACCEPTED = [case for case in VECTORS.statements if case.expect == "accept"]
REFUSED = [case for case in VECTORS.statements if case.expect == "reject"]


def tried(case: StatementCase) -> object:
    """What a reader does with its text, or a writer with its fields."""
    if case.text is not None:
        return parse(case.text.encode())
    assert case.fields is not None
    return case.fields.encode()


def why(case: StatementCase | InvitationCase | CodeCase) -> str:
    return case.why


@pytest.mark.parametrize("case", ACCEPTED, ids=why)
def test_a_text_with_a_block_and_its_fields_are_the_same_statement(case: StatementCase) -> None:
    assert case.fields is not None
    assert case.text is not None
    assert case.fields.encode() == case.text.encode()
    assert parse(case.text.encode()) == case.fields
    assert hashlib.sha256(case.text.encode()).hexdigest() == case.sha256


@pytest.mark.parametrize("case", REFUSED, ids=why)
def test_a_block_has_one_spelling_and_one_place(case: StatementCase) -> None:
    with pytest.raises(Malformed) as refused:
        tried(case)
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", VECTORS.invitations, ids=why)
def test_an_invitation_brings_its_block_to_the_phone(case: InvitationCase) -> None:
    if case.expect == "accept":
        read = parse_invitation(case.text)
        assert read.terms == case.terms
        assert read.encode() == case.text
        return
    with pytest.raises(Malformed) as refused:
        parse_invitation(case.text)
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", VECTORS.codes, ids=why)
def test_the_block_is_in_the_code(case: CodeCase) -> None:
    assert hashlib.sha256(case.statement.encode()).hexdigest() == case.statement_sha256
    assert case.made() == case.one_time_code
    others = {case.made(other.statement) for other in VECTORS.codes if other is not case}
    assert case.one_time_code not in others


def test_every_purpose_is_there_and_no_two_codes_are_the_same() -> None:
    assert {case.fields.purpose for case in ACCEPTED if case.fields is not None} == ACTS.keys()
    assert len({case.one_time_code for case in VECTORS.codes}) == len(VECTORS.codes) == 3
    assert len({case.why for case in VECTORS.statements}) == len(VECTORS.statements)
    assert len(REFUSED) > len(ACCEPTED)


def test_the_file_is_what_its_maker_writes() -> None:
    assert make_blocks.FILE.read_text(encoding="utf-8") == make_blocks.document()
