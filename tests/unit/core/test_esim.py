"""The line commitment. Values and refusals are in vectors/phone.json."""

from __future__ import annotations

import hashlib

import pytest

from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.esim import line_commitment, line_reference

SALT = bytes(range(32))
BANK = ids.tenant_id("bank")


def test_a_commitment_is_the_published_hash() -> None:
    expected = hashlib.sha256(b"PTERI-ESIM-v1\0" + SALT + b"bank\0+4915112345678").digest()
    assert ids.digest_bytes(line_commitment("+4915112345678", salt=SALT, tenant=BANK)) == expected


def test_line_salt_and_tenant_all_count() -> None:
    others = {
        line_commitment("+4915112345678", salt=SALT, tenant=BANK),
        line_commitment("+4915112345679", salt=SALT, tenant=BANK),
        line_commitment("+4915112345678", salt=bytes(32), tenant=BANK),
        line_commitment("+4915112345678", salt=SALT, tenant=ids.tenant_id("shop")),
    }
    assert len(others) == 4


@pytest.mark.parametrize("text", ["+4915112345678", "8949020000012345678F", "!~!", "x" * 64])
def test_a_line_is_named_by_visible_ascii(text: str) -> None:
    assert line_reference(text) == text


@pytest.mark.parametrize("text", ["", "ab", "x" * 65, "a b c", "abc\n", "\tabc", "ab\x7f", "ab\u00e9", "\ud800abc"])
def test_anything_else_is_no_line(text: str) -> None:
    with pytest.raises(Malformed) as read:
        line_reference(text)
    with pytest.raises(Malformed) as committed:
        line_commitment(text, salt=SALT, tenant=BANK)
    assert read.value.code is committed.value.code is Code.FIELD


@pytest.mark.parametrize("tenant", ["", "BANK", "bank\0", "b\u00e4nk", "bank\0+49"])
def test_a_tenant_cannot_move_the_border_between_tenant_and_line(tenant: str) -> None:
    with pytest.raises(Malformed) as refused:
        line_commitment("+4915112345678", salt=SALT, tenant=ids.TenantId(tenant))
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_short_salt_hides_nothing_and_is_refused(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        line_commitment("+4915112345678", salt=bytes(size), tenant=BANK)
    assert refused.value.code is Code.LENGTH


@pytest.mark.parametrize("value", [None, 4915112345678, b"+4915112345678"])
def test_a_line_is_text(value: str) -> None:
    with pytest.raises(Malformed):
        line_reference(value)
