"""Invitations. More texts, good and bad, are in vectors/phone.json."""

from __future__ import annotations

import msgspec
import pytest

from pteri.core import ids
from pteri.core.base45 import to_base45
from pteri.core.errors import Code, Malformed
from pteri.core.invitation import Invitation, parse_invitation

GOOD = Invitation(ids.request_id("lgn_2Y7K4M9QWZ3T"), ids.tenant_id("bank"), "07", "https://id.bank.example")


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


def test_bytes_that_are_not_ascii_are_no_invitation() -> None:
    with pytest.raises(Malformed) as refused:
        parse_invitation("PTERI1:" + to_base45(b"\xff\xfe"))
    assert refused.value.code is Code.ENCODING
