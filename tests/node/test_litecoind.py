"""Litecoin Core itself agrees: it verifies our signatures, and signs the same bytes."""

from __future__ import annotations

import base64
from typing import Protocol

import pytest

from pteri.core.errors import Code, Malformed
from pteri.core.keys.address import NETWORKS, AddressKind, address_of, encode_wif
from pteri.core.keys.derivation import ExtendedKey, identity_path
from pteri.core.keys.message import sign_message, verify_message
from pteri.core.keys.mnemonic import seed
from pteri.core.keys.secp256k1 import N
from pteri.core.keys.secret import Secret

pytestmark = pytest.mark.node

_ROOT = ExtendedKey.from_seed(seed("abandon " * 11 + "about"))
_KEYS = [_ROOT.derive(identity_path(index, "regtest")) for index in range(4)]
_TEXTS = [
    "",
    "hello",
    " outer spaces ",
    "line one\nline two\r\nline three\n",
    "a\0b",
    "tab\tand\x7f",
    "Zürich",
    "Zu\u0308rich",
    "漢字 кириллица עברית",
    "\U0001f512\U0001f4f1",
    '"quoted" \\ and {braces}',
    "x" * 252,
    "x" * 253,
    "x" * 254,
    "x" * 4096,
    "é" * 2048,
    *(f"bank.example wants you to sign in.\n\nNonce: {number:032X}" for number in range(40)),
]


class Rpc(Protocol):
    def rpc(self, method: str, *params: object) -> object: ...


def _wif(secret: Secret) -> str:
    return encode_wif(secret, "regtest").reveal().decode("ascii")


def test_regtest_is_the_chain_that_we_name(litecoind: Rpc) -> None:
    genesis = litecoind.rpc("getblockhash", 0)
    assert isinstance(genesis, str)
    assert NETWORKS["regtest"].chain_id == f"bip122:{genesis[:32]}"


def test_there_are_enough_messages_of_every_sort() -> None:
    assert len(set(_TEXTS)) == len(_TEXTS) >= 50


@pytest.mark.parametrize("key", _KEYS, ids=lambda key: f"i={key.number}")
def test_litecoin_core_verifies_what_we_sign_and_signs_the_same_bytes(litecoind: Rpc, key: ExtendedKey) -> None:
    address = address_of(key.public_key, AddressKind.P2PKH, "regtest").text
    litecoind.rpc("importprivkey", _wif(key.secret), "", False)
    for text in _TEXTS:
        message = text.encode("utf-8")
        signature = sign_message(key.secret, message, network="regtest")
        assert litecoind.rpc("verifymessage", address, signature, text) is True
        assert litecoind.rpc("signmessagewithprivkey", _wif(key.secret), text) == signature
        assert litecoind.rpc("signmessage", address, text) == signature
        assert verify_message(address, message, signature, network="regtest").public_key == key.public_key


@pytest.mark.parametrize("key", _KEYS, ids=lambda key: f"i={key.number}")
def test_litecoin_core_refuses_what_we_sign_for_another_message_or_key(litecoind: Rpc, key: ExtendedKey) -> None:
    address = address_of(key.public_key, AddressKind.P2PKH, "regtest").text
    signature = sign_message(key.secret, b"hello", network="regtest")
    assert litecoind.rpc("verifymessage", address, signature, "hello\n") is False
    other = address_of(_ROOT.public_key, AddressKind.P2PKH, "regtest").text
    assert litecoind.rpc("verifymessage", other, signature, "hello") is False


@pytest.mark.parametrize("kind", AddressKind)
def test_litecoin_core_reads_our_addresses_as_the_same_scripts(litecoind: Rpc, kind: AddressKind) -> None:
    for key in _KEYS:
        address = address_of(key.public_key, kind, "regtest")
        known = litecoind.rpc("validateaddress", address.text)
        assert isinstance(known, dict)
        assert (known["isvalid"], known["address"]) == (True, address.text)
        assert known["scriptPubKey"] == address.script_pub_key.hex()


def test_litecoin_core_takes_spellings_that_we_refuse(litecoind: Rpc) -> None:
    key = _KEYS[0]
    address = address_of(key.public_key, AddressKind.P2PKH, "regtest").text
    raw = base64.b64decode(sign_message(key.secret, b"hello"))
    twin = (N - int.from_bytes(raw[33:], "big")).to_bytes(32, "big")
    spellings = [(bytes((raw[0] ^ 0x3F,)) + raw[1:33] + twin, Code.HIGH_S)]  # 31 and 32 differ in these bits
    spellings += [(bytes((raw[0] + 8 * step & 0xFF,)) + raw[1:], Code.HEADER) for step in (1, 2, 4, 28)]
    for spelling, code in spellings:
        signature = base64.b64encode(spelling).decode("ascii")
        assert litecoind.rpc("verifymessage", address, signature, "hello") is True
        with pytest.raises(Malformed) as refused:
            verify_message(address, b"hello", signature, network="regtest")
        assert refused.value.code is code
