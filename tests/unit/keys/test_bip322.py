from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.keys.address import Address, AddressKind, address_of
from pteri.core.keys.bip322 import message_hash, parse_witness, sign_simple, to_spend_id, verify_witness
from pteri.core.keys.hashes import hash160, sha256
from pteri.core.keys.message import verify_message
from pteri.core.keys.secp256k1 import public_key
from pteri.core.keys.secret import Secret

_FILE = json.loads((Path(__file__).parents[3] / "vectors" / "bips.json").read_text("utf-8"))
_SECRET = Secret(sha256(b"a native wallet"))
_KEY = public_key(_SECRET.reveal())
_KINDS = {0: AddressKind.P2WPKH, 1: AddressKind.P2TR}
_MESSAGE = b"bank.example wants you to sign in"


def _address(kind: AddressKind) -> Address:
    return address_of(_KEY, kind, "main")


@pytest.mark.parametrize("vector", _FILE["bip322_hashes"], ids=lambda vector: vector["id"])
def test_the_published_hashes_come_out(vector: dict[str, Any]) -> None:
    message = vector["message"].encode("utf-8")
    assert message_hash(message).hex() == vector["message_hash"]
    script = b"\x00\x14" + bytes.fromhex(vector["program"])
    # Transaction ids are printed with the last byte first.
    assert to_spend_id(script, message)[::-1].hex() == vector["to_spend"]


@pytest.mark.parametrize("vector", _FILE["bip322"], ids=lambda vector: vector["id"])
def test_the_published_signatures_come_out_as_they_say(vector: dict[str, Any]) -> None:
    kind = _KINDS[vector["witness_version"]]
    text = Address(kind, "main", bytes.fromhex(vector["program"])).text
    message = vector["message"].encode("utf-8")
    if vector["expect"] == "accept":
        assert verify_message(text, message, vector["signature"]).address == text
        return
    with pytest.raises(ProtocolError) as refused:
        verify_message(text, message, vector["signature"])
    assert refused.value.code == vector["code"]


@pytest.mark.parametrize("number", range(16))
@pytest.mark.parametrize("kind", [AddressKind.P2WPKH, AddressKind.P2TR])
def test_keys_of_either_parity_sign(kind: AddressKind, number: int) -> None:
    secret = Secret(sha256(bytes((number,))))
    key = public_key(secret.reveal())
    address = address_of(key, kind, "main")
    witness = parse_witness(sign_simple(secret, address, _MESSAGE), kind)
    assert verify_witness(witness, address, _MESSAGE) == (address.program if kind is AddressKind.P2TR else key)


def _stack(*items: bytes) -> bytes:
    return bytes((len(items),)) + b"".join(bytes((len(item),)) + item for item in items)


_GOOD = sign_simple(_SECRET, _address(AddressKind.P2WPKH), _MESSAGE)
_SIGNATURE = _GOOD[2 : 2 + _GOOD[1]]


@pytest.mark.parametrize(
    ("raw", "code", "why"),
    [
        (b"", Code.WITNESS, "empty"),
        (b"\x00", Code.WITNESS, "no items"),
        (b"\x02", Code.WITNESS, "items promised"),
        (b"\x02\x00", Code.WITNESS, "one item of two"),
        (b"\x02\x00\x00", Code.WITNESS, "two empty items"),
        (_stack(_SIGNATURE), Code.WITNESS, "no key"),
        (_stack(_SIGNATURE, _KEY, b""), Code.WITNESS, "an empty third item"),
        (_stack(_KEY, _SIGNATURE), Code.WITNESS, "swapped"),
        (_stack(b"", _KEY), Code.WITNESS, "an empty signature"),
        (_stack(_SIGNATURE, _KEY[1:]), Code.WITNESS, "a key of 32 bytes"),
        (_stack(_SIGNATURE, b"\x04" + bytes(64)), Code.WITNESS, "a key of 65 bytes"),
        (_stack(_SIGNATURE, _KEY) + b"\x00", Code.WITNESS, "a byte after it"),
        (_stack(_SIGNATURE, _KEY)[:-1], Code.WITNESS, "a byte short"),
        (b"\x03" + _stack(_SIGNATURE, _KEY)[1:], Code.WITNESS, "a wrong count"),
        (b"\x02\xfd\x48\x00" + _SIGNATURE, Code.WITNESS, "a length in a longer spelling"),
        (_stack(b"\x01", _KEY), Code.DER, "a hash type and no signature"),
        (_stack(_SIGNATURE[:-1], _KEY), Code.SIGHASH, "no hash type"),
        (_stack(_SIGNATURE[:-1] + b"\x00", _KEY), Code.SIGHASH, "hash type 0"),
        (_stack(_SIGNATURE[:-1] + b"\x03", _KEY), Code.SIGHASH, "SINGLE"),
        (_stack(bytes.fromhex("300602010002010101"), _KEY), Code.RANGE, "r is zero"),
        (_stack(bytes.fromhex("3026020101022100" + "ff" * 32 + "01"), _KEY), Code.RANGE, "s is over n"),
    ],
)
def test_a_p2wpkh_witness_has_one_shape(raw: bytes, code: Code, why: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_witness(raw, AddressKind.P2WPKH)
    assert refused.value.code is code, why
    signature = "smp" + base64.b64encode(raw).decode("ascii")
    with pytest.raises(Malformed) as refused_as_text:
        verify_message(_address(AddressKind.P2WPKH).text, _MESSAGE, signature)
    assert refused_as_text.value.code is code


@pytest.mark.parametrize(
    ("raw", "code", "why"),
    [
        (b"", Code.WITNESS, "empty"),
        (_stack(), Code.WITNESS, "no items"),
        (_stack(bytes(63)), Code.WITNESS, "63 bytes"),
        (_stack(bytes(66)), Code.WITNESS, "66 bytes"),
        (_stack(bytes(64), bytes(64)), Code.WITNESS, "two items"),
        (_stack(bytes(64), b"\x50"), Code.WITNESS, "an annex"),
        (_stack(bytes(64), b"\x51", b"\xc0" + bytes(32)), Code.WITNESS, "a script path"),
        (_stack(bytes(64) + b"\x00"), Code.SIGHASH, "DEFAULT spelt out"),
        (_stack(bytes(64) + b"\x81"), Code.SIGHASH, "ALL and ANYONECANPAY"),
    ],
)
def test_a_taproot_witness_has_one_shape(raw: bytes, code: Code, why: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_witness(raw, AddressKind.P2TR)
    assert refused.value.code is code, why


def test_a_hash_that_happens_to_be_of_no_key_is_refused_as_no_key() -> None:
    no_key = b"\x02" + b"\xff" * 32
    address = Address(AddressKind.P2WPKH, "main", hash160(no_key))
    with pytest.raises(Malformed) as refused:
        verify_witness(parse_witness(_stack(_SIGNATURE, no_key), AddressKind.P2WPKH), address, _MESSAGE)
    assert refused.value.code is Code.KEY


@pytest.mark.parametrize("kind", [AddressKind.P2WPKH, AddressKind.P2TR])
def test_a_witness_is_for_one_address_and_one_message(kind: AddressKind) -> None:
    witness = parse_witness(sign_simple(_SECRET, _address(kind), _MESSAGE), kind)
    other = address_of(public_key(sha256(b"other")), kind, "main")
    for address, message in ((other, _MESSAGE), (_address(kind), b"another message")):
        with pytest.raises(NotAuthentic):
            verify_witness(witness, address, message)
