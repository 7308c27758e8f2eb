"""Invitations. More texts, good and bad, are in vectors/phone.json."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pteri.core import ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed
from pteri.core.invitation import Invitation, Terms, parse_invitation
from statements import BLOCK

ISSUED_AT = 1_795_453_200
TERMS = Terms(
    session=ids.digest_text(bytes(range(32))),
    nonce=ids.new_nonce(ISSUED_AT, bytes(15)),
    issued_at=ISSUED_AT,
    expires_at=ISSUED_AT + 120,
    ticket=ids.to_base64url(bytes(range(13))),
)
GOOD = Invitation(ids.request_id("lgn_2Y7K4M9QWZ3T"), ids.tenant_id("bank"), "07", "https://id.bank.example")
SIGN_IN = msgspec.structs.replace(GOOD, terms=TERMS)
AFTER_A_BLOCK = msgspec.structs.replace(GOOD, terms=msgspec.structs.replace(TERMS, block=BLOCK))


def test_an_invitation_comes_back_as_it_was() -> None:
    text = GOOD.encode()
    assert text.startswith("PTERI1:")
    assert parse_invitation(text) == GOOD
    assert parse_invitation(text).encode() == text


def test_an_invitation_is_no_link_and_fits_a_small_code() -> None:
    text = GOOD.encode()
    assert "://" not in text
    assert len(text) < 100


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("request", "lgn_2Y7K4M9QWZ3T,shop"),
        ("request", ""),
        ("tenant", "bank,07"),
        ("tenant", "b\u00e4nk"),
        ("number", "7"),
        ("number", "\u0660\u0667"),
        ("number", "07\n"),
        ("origin", "https://id.bank.example,x"),
        ("origin", "https://id.bank.example/"),
        ("origin", "https://b\u00e4nk.example"),
        ("origin", "javascript:alert(1)"),
        ("origin", "https://" + "a." * 40 + "a"),
        ("origin", "https://id.bank.example\n"),
    ],
)
def test_no_invitation_is_made_that_would_be_read_as_another(field: str, value: str) -> None:
    with pytest.raises(Malformed) as refused:
        msgspec.structs.replace(GOOD, **{field: value}).encode()
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("field", ["request", "tenant", "number", "origin"])
@pytest.mark.parametrize("value", [None, 7, b"42", ("42",)])
def test_values_are_text(field: str, value: object) -> None:
    with pytest.raises(Malformed):
        msgspec.structs.replace(GOOD, **{field: value}).encode()


@pytest.mark.parametrize("value", [None, 7, b"PTERI1:", "\ud800", "PTERI1:\ud800\ud800"])
def test_what_was_scanned_is_text(value: str) -> None:
    with pytest.raises(Malformed):
        parse_invitation(value)


@pytest.mark.parametrize("size", [401, 10_000_000])
def test_a_text_over_400_characters_is_not_decoded(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        parse_invitation("PTERI1:".ljust(size, "0"))
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("place", range(4))
def test_values_that_are_not_ascii_are_no_invitation(place: int) -> None:
    values = [b"lgn_2Y7K4M9QWZ3T", b"bank", b"07", b"https://id.bank.example"]
    values[place] += b"\xff"
    with pytest.raises(Malformed) as refused:
        parse_invitation("PTERI1:" + to_base45(b",".join(values)))
    assert refused.value.code is Code.ENCODING


# --- the terms of a sign-in --------------------------------------------------------------------------------------


def test_terms_come_back_as_they_were() -> None:
    text = SIGN_IN.encode()
    assert parse_invitation(text) == SIGN_IN
    assert parse_invitation(text).encode() == text
    assert msgspec.structs.replace(SIGN_IN, terms=None) == GOOD


def test_a_block_comes_after_all_other_terms_and_changes_none_of_them() -> None:
    text, plain = AFTER_A_BLOCK.encode(), SIGN_IN.encode()
    assert parse_invitation(text) == AFTER_A_BLOCK
    assert from_base45(text.removeprefix("PTERI1:")) == from_base45(plain.removeprefix("PTERI1:")) + bytes.fromhex(
        BLOCK
    )
    assert b"block" not in msgspec.json.encode(TERMS)


@pytest.mark.parametrize("value", ["", BLOCK.upper(), BLOCK[:-2], f"{BLOCK}00", f"{BLOCK}\n"])
def test_a_block_of_an_invitation_has_one_spelling(value: str) -> None:
    terms = msgspec.structs.replace(TERMS, block=ids.BlockId(value))
    with pytest.raises(Malformed):
        msgspec.structs.replace(GOOD, terms=terms).encode()


def test_an_invitation_with_terms_fits_a_code_that_a_phone_reads_from_a_screen() -> None:
    """Version 8 of QR, 49 modules a side, holds 221 such characters at level M."""
    assert len(SIGN_IN.encode()) < 221


def test_even_the_longest_invitation_with_terms_is_read() -> None:
    longest = Invitation(
        ids.request_id(f"lgn_{'Z' * 26}"), ids.tenant_id("t" * 32), "00", f"https://{'a' * 60}.{'b' * 13}:65535", TERMS
    )
    assert parse_invitation(longest.encode()) == longest
    with_block = msgspec.structs.replace(longest, terms=msgspec.structs.replace(TERMS, block=BLOCK))
    assert len(with_block.encode()) <= 400
    assert parse_invitation(with_block.encode()) == with_block


@given(
    session=st.binary(min_size=32, max_size=32),
    nonce=st.binary(min_size=20, max_size=20),
    issued_at=st.integers(0, 2**40 - 1),
    life_s=st.integers(1, 65_535),
    ticket=st.binary(min_size=13, max_size=13),
    block=st.none() | st.binary(min_size=32, max_size=32),
)
def test_every_terms_have_one_spelling(  # noqa: PLR0917
    session: bytes, nonce: bytes, issued_at: int, life_s: int, ticket: bytes, block: bytes | None
) -> None:
    terms = Terms(
        ids.digest_text(session),
        ids.nonce_text(nonce),
        issued_at,
        issued_at + life_s,
        ids.to_base64url(ticket),
        None if block is None else ids.block_id(block.hex()),
    )
    invitation = msgspec.structs.replace(GOOD, terms=terms)
    assert parse_invitation(invitation.encode()) == invitation


@given(st.binary(min_size=72, max_size=72) | st.binary(min_size=104, max_size=104))
def test_any_72_or_104_bytes_are_terms_of_one_spelling_or_none(raw: bytes) -> None:
    text = "PTERI1:" + to_base45(b"lgn_2Y7K4M9QWZ3T,bank,07,https://id.bank.example," + raw)
    if raw[57:59] == bytes(2):
        with pytest.raises(Malformed):
            parse_invitation(text)
    else:
        assert parse_invitation(text).encode() == text


@pytest.mark.parametrize("size", [*range(72), *range(73, 80), *range(100, 104), 105, 106, 136, 144])
def test_no_other_number_of_bytes_is_terms(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        parse_invitation("PTERI1:" + to_base45(b"lgn_2Y7K4M9QWZ3T,bank,07,https://id.bank.example," + b"," * size))
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("session", "", Code.FIELD),
        ("session", ids.to_base64url(bytes(31)), Code.FIELD),
        ("session", "A" * 42 + "B", Code.FIELD),
        ("nonce", "0" * 31, Code.FIELD),
        ("nonce", "0" * 31 + "I", Code.FIELD),
        ("nonce", "0" * 31 + "\n", Code.FIELD),
        ("issued_at", -1, Code.FIELD),
        ("issued_at", 2**40, Code.FIELD),
        ("expires_at", ISSUED_AT, Code.FIELD),
        ("expires_at", ISSUED_AT - 1, Code.FIELD),
        ("expires_at", ISSUED_AT + 65_536, Code.FIELD),
        ("ticket", "", Code.LENGTH),
        ("ticket", ids.to_base64url(bytes(12)), Code.LENGTH),
        ("ticket", ids.to_base64url(bytes(14)), Code.LENGTH),
        ("ticket", ids.to_base64url(bytes(13)) + "=", Code.ENCODING),
        ("ticket", "A" * 17 + "B", Code.ENCODING),
    ],
)
def test_terms_without_a_spelling_are_not_written(field: str, value: object, code: Code) -> None:
    terms = msgspec.structs.replace(TERMS, **{field: value})
    with pytest.raises(Malformed) as refused:
        msgspec.structs.replace(GOOD, terms=terms).encode()
    assert refused.value.code is code
