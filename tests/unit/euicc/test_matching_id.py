from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pteri.core.errors import MalformedEvidence
from pteri.core.euicc.matching_id import matching_id, read_matching_id
from pteri.core.ids import tenant_id


@given(
    tenant=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True),
    sealed=st.binary(min_size=2, max_size=120),
)
def test_a_token_is_read_back_and_has_only_what_esim_settings_take(tenant: str, sealed: bytes) -> None:
    text = matching_id(tenant_id(tenant), sealed)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert read_matching_id(text) == (tenant, sealed)


@pytest.mark.parametrize(
    "text", ["", "-", "BANK", "BANK-", "BANK-A", "bank-AAAA", "BANK-aaaa", "BANK-A1AA", "BANK-AB", "BANK-AAA", "-AAAA"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedEvidence):
        read_matching_id(text)
