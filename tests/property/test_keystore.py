from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pteri.core.ids import AccountId, Digest, TenantId, Thumbprint, crockford, to_base64url
from pteri.core.keys.secret import Secret
from pteri.wallet.envelope import LIGHT, Holds, open_sealed, read_envelope, seal
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.passphrase import passphrase_from_text
from pteri.wallet.state import PhoneState, decode_state, encode_state

PASSPHRASE = Secret(b"correct horse battery staple")
PAYLOAD = Secret(b"abandon " * 11 + b"about")


class Drawn:
    """Gives out the bytes Hypothesis chose, and zeros once they are used up."""

    def __init__(self, chosen: bytes) -> None:
        self._left = chosen

    def draw(self, size: int) -> bytes:
        drawn, self._left = self._left[:size], self._left[size:]
        return drawn.ljust(size, b"\0")


SEALED = seal(PAYLOAD, PASSPHRASE, entropy=Drawn(bytes(range(44))), cost=LIGHT)

cheap = settings(max_examples=60, deadline=None)
many = settings(max_examples=200, deadline=None)


def opened(data: bytes, passphrase: Secret, expected: Holds) -> Secret | str:
    try:
        return open_sealed(data, passphrase, expected=expected)
    except WalletError as error:
        return error.code


@cheap
@given(
    payload=st.binary(max_size=2000),
    passphrase=st.binary(min_size=1, max_size=100),
    drawn=st.binary(min_size=44, max_size=44),
    holds=st.sampled_from(Holds),
)
def test_what_was_sealed_opens_and_has_one_spelling(
    payload: bytes, passphrase: bytes, drawn: bytes, holds: Holds
) -> None:
    data = seal(Secret(payload), Secret(passphrase), entropy=Drawn(drawn), cost=LIGHT, holds=holds)
    assert opened(data, Secret(passphrase), holds) == Secret(payload)
    assert read_envelope(data).holds is holds
    assert len(payload) < 8 or payload not in data


@cheap
@given(passphrase=st.binary(max_size=60))
def test_no_other_passphrase_opens_it(passphrase: bytes) -> None:
    result = opened(SEALED, Secret(passphrase), Holds.WALLET)
    if passphrase == PASSPHRASE.reveal():
        assert result == PAYLOAD
    else:
        assert result is WalletCode.WRONG_PASSPHRASE_OR_DAMAGED


@many
@given(data=st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode)))
def test_bytes_that_we_did_not_seal_are_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(WalletError) as caught:
        read_envelope(data)
    assert caught.value.code in {WalletCode.NOT_A_KEYSTORE, WalletCode.NEWER_VERSION}
    assert str(caught.value).isprintable()


@many
@given(start=st.integers(0, len(SEALED)), length=st.integers(0, 40), put=st.binary(max_size=40))
def test_a_spliced_file_never_opens(start: int, length: int, put: bytes) -> None:
    data = SEALED[:start] + put + SEALED[start + length :]
    result = opened(data, PASSPHRASE, Holds.WALLET)
    if data == SEALED:
        assert result == PAYLOAD
    else:
        assert isinstance(result, WalletCode)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
WAYS = st.sampled_from(
    [
        ("format",),
        ("holds",),
        ("id",),
        ("kdf",),
        ("kdf", "name"),
        ("kdf", "memory_kib"),
        ("kdf", "iterations"),
        ("kdf", "lanes"),
        ("kdf", "salt"),
        ("kdf", "new"),
        ("aead",),
        ("aead", "name"),
        ("aead", "nonce"),
        ("ciphertext",),
        ("new",),
    ]
)


@many
@given(way=WAYS, value=JSON_VALUES)
def test_any_other_value_in_any_place_is_refused(way: tuple[str, ...], value: object) -> None:
    tree: dict[str, Any] = json.loads(SEALED)
    inner = tree
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = value
    data = json.dumps(tree, separators=(",", ":")).encode() + b"\n"
    assert data == SEALED or isinstance(opened(data, PASSPHRASE, Holds.WALLET), WalletCode)


@many
@given(text=st.text(max_size=40))
def test_a_prepared_passphrase_is_a_fixed_point_and_the_same_in_both_unicode_forms(text: str) -> None:
    try:
        once = passphrase_from_text(text)
    except WalletError as error:
        if error.code is not WalletCode.PASSPHRASE:
            raise
        return
    assert passphrase_from_text(once.reveal().decode()) == once
    assert passphrase_from_text(unicodedata.normalize("NFD", text)) == once


digests = st.binary(min_size=32, max_size=32).map(to_base64url).map(Digest)
states = st.builds(
    PhoneState,
    server=st.from_regex(r"https://[a-z0-9.]{1,40}", fullmatch=True),
    tenant=st.from_regex(r"[a-z0-9]{1,32}", fullmatch=True).map(TenantId),
    network=st.sampled_from(["main", "test", "regtest"]),
    address=st.from_regex(r"[A-Za-z0-9]{26,90}", fullmatch=True),
    tenant_index=st.integers(0, 2**31 - 1),
    device=digests.map(Thumbprint),
    account=st.none() | st.binary(min_size=17, max_size=17).map(lambda raw: AccountId("acct_" + crockford(raw, 26))),
    epoch=st.integers(0, 2**53 - 1),
    line_salt=st.none() | digests,
)


@many
@given(state=states)
def test_any_state_comes_back(state: PhoneState) -> None:
    data = encode_state(state)
    assert decode_state(data) == state
    assert encode_state(decode_state(data)) == data


@many
@given(data=st.one_of(st.binary(max_size=300), st.dictionaries(st.text(), JSON_VALUES).map(json.dumps).map(str.encode)))
def test_bytes_that_are_no_state_are_refused_in_one_way(data: bytes) -> None:
    with pytest.raises(WalletError) as caught:
        decode_state(data)
    assert caught.value.code in {WalletCode.NOT_A_STATE, WalletCode.NEWER_VERSION}
