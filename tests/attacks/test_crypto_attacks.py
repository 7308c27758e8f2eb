"""Abuse cases of area "crypto" against the wallet's signatures; each name carries the id of its case."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.keys import base58, secp256k1
from pteri.core.keys.address import NETWORKS, Address, AddressKind, address_of, parse_address
from pteri.core.keys.der import decode_der, encode_der
from pteri.core.keys.hashes import hash160, sha256
from pteri.core.keys.message import SignatureType, message_digest, sign_message, verify_message, verify_pinned
from pteri.core.keys.secp256k1 import N, P
from pteri.core.keys.secret import Secret

_WYCHEPROOF = Path(__file__).parents[2] / "vectors" / "wycheproof"
_SECRET = Secret(sha256(b"the victim's wallet"))
_KEY = secp256k1.public_key(_SECRET.reveal())
_ADDRESS = address_of(_KEY, AddressKind.P2PKH, "main")
_MESSAGE = b"bank.example wants you to sign in"
_SIGNATURE = sign_message(_SECRET, _MESSAGE)
_COMPACT = base64.b64decode(_SIGNATURE)
_G_X = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _refusal(signature: str, *, address: str = _ADDRESS.text, message: bytes = _MESSAGE) -> Code:
    with pytest.raises(ProtocolError) as refused:
        verify_message(address, message, signature)
    return refused.value.code


def _pinned_refusal(address: Address, key: bytes, signature: str, message: bytes = _MESSAGE) -> Code:
    with pytest.raises(ProtocolError) as refused:
        verify_pinned(address, key, message, signature, signature_type=SignatureType.P2PKH)
    return refused.value.code


# CR-01: all Wycheproof vectors for this curve


def _wycheproof(name: str) -> list[tuple[bytes, dict[str, Any]]]:
    """Compressed key and test of every vector in a file."""
    file = json.loads((_WYCHEPROOF / f"ecdsa_secp256k1_sha256{name}_test.json").read_text("utf-8"))
    vectors = []
    for group in file["testGroups"]:
        point = bytes.fromhex(group["publicKey"]["uncompressed"])
        key = bytes((2 + (point[-1] & 1),)) + point[1:33]
        vectors += [(key, test) for test in group["tests"]]
    assert len(vectors) == file["numberOfTests"]
    return vectors


def _is_high_s(rs: bytes) -> bool:
    return N // 2 < int.from_bytes(rs[32:], "big") < N


@pytest.mark.parametrize("name", ["", "_bitcoin"])
def test_cr_01_every_wycheproof_verdict_in_der_is_ours_with_low_s(name: str) -> None:
    high_s = 0
    for key, test in _wycheproof(name):
        rs, accepted = bytes(64), False
        with contextlib.suppress(Malformed):
            rs = decode_der(bytes.fromhex(test["sig"]))
            accepted = secp256k1.verify(key, sha256(bytes.fromhex(test["msg"])), rs)
        refused_for_high_s = test["result"] == "valid" and _is_high_s(rs)
        high_s += refused_for_high_s
        assert accepted is (test["result"] == "valid" and not refused_for_high_s), test
    # The set for Bitcoin's rule calls a high s invalid by itself.
    assert (high_s == 0) is (name == "_bitcoin")


def test_cr_01_every_wycheproof_verdict_on_r_and_s_is_ours_with_low_s() -> None:
    high_s = 0
    for key, test in _wycheproof("_p1363"):
        rs = bytes.fromhex(test["sig"])
        refused_for_high_s = test["result"] == "valid" and _is_high_s(rs)
        high_s += refused_for_high_s
        accepted = secp256k1.verify(key, sha256(bytes.fromhex(test["msg"])), rs)
        assert accepted is (test["result"] == "valid" and not refused_for_high_s), test
    assert high_s > 0


def test_cr_01_a_valid_wycheproof_signature_is_recovered_to_its_key_or_refused() -> None:
    recovered = 0
    for key, test in _wycheproof("_bitcoin"):
        if test["result"] != "valid":
            continue
        rs, digest = decode_der(bytes.fromhex(test["sig"])), sha256(bytes.fromhex(test["msg"]))
        found = set()
        for recovery_id in (0, 1):
            with contextlib.suppress(NotAuthentic):
                found.add(secp256k1.recover(digest, rs, recovery_id))
        # An r that stands for x = r + n needs recovery id 2 or 3, which no wallet meets.
        wraps = int.from_bytes(rs[:32], "big") < P - N
        assert key in found or wraps, test
        recovered += key in found
    assert recovered > 100


# CR-02: r, s and recovery ids at and beyond their ends


@pytest.mark.parametrize("bad", [0, N, N + 1, 2**256 - 1])
def test_cr_02_a_zero_or_overflowing_r_or_s_is_refused(bad: int) -> None:
    header, r, s = _COMPACT[:1], _COMPACT[1:33], _COMPACT[33:]
    for raw in (header + _number(bad) + s, header + r + _number(bad), header + _number(bad) * 2):
        assert _refusal(_text(raw)) is Code.RANGE
        assert _pinned_refusal(_ADDRESS, _KEY, _text(raw)) is Code.RANGE
        assert not secp256k1.verify(_KEY, message_digest(_MESSAGE), raw[1:])


@pytest.mark.parametrize("bad", [0, N, N + 1, 2**256 - 1])
def test_cr_02_a_zero_or_overflowing_r_or_s_in_a_witness_is_refused(bad: int) -> None:
    address = address_of(_KEY, AddressKind.P2WPKH, "main")
    for rs in (_number(bad) + _number(1), _number(1) + _number(bad)):
        der = encode_der(rs) + b"\x01"
        witness = b"\x02" + bytes((len(der),)) + der + b"\x21" + _KEY
        assert _refusal("smp" + _text(witness), address=address.text) is Code.RANGE


@pytest.mark.parametrize("s", [N // 2 + 1, N - 1])
def test_cr_02_an_s_above_the_half_is_refused(s: int) -> None:
    assert _refusal(_text(_COMPACT[:33] + _number(s))) is Code.HIGH_S


def test_cr_02_the_high_s_twin_of_a_good_signature_is_refused() -> None:
    twin = _number(N - int.from_bytes(_COMPACT[33:], "big"))
    for header in (31, 32):
        assert _refusal(_text(bytes((header,)) + _COMPACT[1:33] + twin)) is Code.HIGH_S


@pytest.mark.parametrize("recovery_id", [2, 3])
def test_cr_02_recovery_ids_2_and_3_are_refused_whatever_r_is(recovery_id: int) -> None:
    for r in (_COMPACT[1:33], _number(1), _number(P - N), _number(P - N - 1)):
        for first in (27, 31, 35, 39):
            assert _refusal(_text(bytes((first + recovery_id,)) + r + _COMPACT[33:])) is Code.HEADER
        with pytest.raises(Malformed):
            secp256k1.recover(message_digest(_MESSAGE), r + _COMPACT[33:], recovery_id)


def test_cr_02_a_signature_whose_key_is_the_point_at_infinity_is_refused() -> None:
    # The key is (sR - zG) / r: nothing is left for R = G and s = z, nor for R = -G (the other header) and s = -z.
    z = int.from_bytes(message_digest(_MESSAGE), "big") % N
    s, header = (z, 31) if z <= N // 2 else (N - z, 32)
    assert _refusal(_text(bytes((header,)) + _number(_G_X) + _number(s))) is Code.RECOVER


# CR-03: one encoding


def test_cr_03_a_der_signature_is_refused() -> None:
    assert _refusal(_text(encode_der(_COMPACT[1:]))) is Code.LENGTH
    assert _refusal(_text(encode_der(_COMPACT[1:]) + b"\x01")) is Code.LENGTH


@pytest.mark.parametrize("raw", [_COMPACT[1:], _COMPACT[:-1], _COMPACT + b"\x00", b"\x00" + _COMPACT, b""])
def test_cr_03_a_signature_of_another_size_is_refused(raw: bytes) -> None:
    assert _refusal(_text(raw)) is Code.LENGTH


def test_cr_03_base64url_is_refused() -> None:
    tried = 0
    for number in range(64):
        message = _MESSAGE + b"%d" % number
        signature = sign_message(_SECRET, message)
        url = signature.replace("+", "-").replace("/", "_")
        if url != signature:
            tried += 1
            assert _refusal(url, message=message) is Code.ENCODING
    assert tried > 10


@pytest.mark.parametrize(
    "spelling",
    [
        _SIGNATURE.rstrip("="),
        _SIGNATURE + "=",
        _SIGNATURE + "\n",
        _SIGNATURE + "\r\n",
        _SIGNATURE + " ",
        " " + _SIGNATURE,
        _SIGNATURE[:44] + "\n" + _SIGNATURE[44:],
        _SIGNATURE + "\0",
        _COMPACT.hex(),
        _COMPACT.hex().upper(),
    ],
)
def test_cr_03_another_spelling_of_the_same_bytes_is_refused(spelling: str) -> None:
    assert _refusal(spelling) is Code.ENCODING


def test_cr_03_set_bits_after_the_last_byte_are_refused() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(_SIGNATURE[-2])
    for bits in (1, 2, 3):
        spelling = f"{_SIGNATURE[:-2]}{alphabet[last | bits]}="
        assert base64.b64decode(spelling) == _COMPACT
        assert _refusal(spelling) is Code.ENCODING


def test_cr_03_a_taproot_signature_with_its_default_hash_type_spelt_out_is_refused() -> None:
    address = address_of(_KEY, AddressKind.P2TR, "main")
    witness = base64.b64decode(sign_message(_SECRET, _MESSAGE, kind=AddressKind.P2TR)[3:])
    longer = b"\x01\x41" + witness[2:] + b"\x00"
    assert _refusal("smp" + _text(longer), address=address.text) is Code.SIGHASH


# CR-04: key substitution


def _key_for(rs: bytes, digest: bytes) -> list[bytes]:
    """Every key under which (r, s) is a signature of this digest: what an attacker computes."""
    return [secp256k1.recover(digest, rs, recovery_id) for recovery_id in (0, 1)]


def test_cr_04_a_key_made_to_fit_another_text_is_not_the_pinned_one() -> None:
    evil = b"bank.example wants you to APPROVE A NEW PHONE"
    for number, key in enumerate(_key_for(_COMPACT[1:], message_digest(evil))):
        signature = _text(bytes((31 + number,)) + _COMPACT[1:])
        # The attacker's own address takes it: recovery alone proves nothing about the victim.
        own = address_of(key, AddressKind.P2PKH, "main")
        assert verify_message(own.text, evil, signature).public_key == key
        assert _refusal(signature, message=evil) is Code.MISMATCH
        assert _pinned_refusal(_ADDRESS, _KEY, signature, evil) is Code.MISMATCH
        assert _pinned_refusal(own, _KEY, signature, evil) is Code.WALLET_KEY


def test_cr_04_the_victims_signature_does_not_count_for_a_key_derived_from_it() -> None:
    other = next(key for key in _key_for(_COMPACT[1:], message_digest(_MESSAGE)) if key != _KEY)
    assert _refusal(_SIGNATURE, address=address_of(other, AddressKind.P2PKH, "main").text) is Code.MISMATCH
    assert _pinned_refusal(_ADDRESS, other, _SIGNATURE) is Code.WALLET_KEY


def test_cr_04_a_witness_that_brings_its_own_key_does_not_count() -> None:
    victim = address_of(_KEY, AddressKind.P2WPKH, "main")
    attacker = Secret(sha256(b"attacker"))
    signature = sign_message(attacker, _MESSAGE, kind=AddressKind.P2WPKH)
    assert _refusal(signature, address=victim.text) is Code.MISMATCH


# CR-05: one address per key and kind


def test_cr_05_the_uncompressed_form_of_the_key_is_another_address_and_refused() -> None:
    y_even = pow(pow(int.from_bytes(_KEY[1:], "big"), 3, P) + 7, (P + 1) // 4, P)
    y = y_even if y_even & 1 == _KEY[0] & 1 else P - y_even
    uncompressed = Address(AddressKind.P2PKH, "main", hash160(b"\x04" + _KEY[1:] + _number(y)))
    recovery_id = _COMPACT[0] - 31
    for header in (27, 31):
        signature = _text(bytes((header + recovery_id,)) + _COMPACT[1:])
        assert _refusal(signature, address=uncompressed.text) is (Code.HEADER if header == 27 else Code.MISMATCH)
    assert _refusal(_text(bytes((27 + recovery_id,)) + _COMPACT[1:])) is Code.HEADER


def test_cr_05_a_p2pkh_signature_does_not_pass_for_the_taproot_address_of_the_key() -> None:
    assert _refusal(_SIGNATURE, address=address_of(_KEY, AddressKind.P2TR, "main").text) is Code.HEADER


@pytest.mark.parametrize("kind", [AddressKind.P2SH_P2WPKH, AddressKind.P2WPKH])
def test_cr_05_a_p2pkh_header_on_a_segwit_address_passes_only_where_that_type_is_bound(kind: AddressKind) -> None:
    address = address_of(_KEY, kind, "main")
    bip137 = SignatureType.BIP137
    assert verify_pinned(address, _KEY, _MESSAGE, _SIGNATURE, signature_type=bip137).signature_type is bip137
    for bound in (SignatureType.P2PKH, SignatureType.BIP322_SIMPLE):
        with pytest.raises(Malformed) as refused:
            verify_pinned(address, _KEY, _MESSAGE, _SIGNATURE, signature_type=bound)
        assert refused.value.code is Code.FORMAT


@pytest.mark.parametrize("first", [35, 39])
def test_cr_05_a_segwit_header_on_a_p2pkh_address_is_refused(first: int) -> None:
    signature = _text(bytes((first + _COMPACT[0] - 31,)) + _COMPACT[1:])
    assert _refusal(signature) is Code.HEADER
    assert _pinned_refusal(_ADDRESS, _KEY, signature) is Code.HEADER


def test_cr_05_a_script_hash_equal_to_the_key_hash_is_another_account() -> None:
    script = Address(AddressKind.P2SH_P2WPKH, "main", _ADDRESS.program)
    assert script.script_pub_key != _ADDRESS.script_pub_key
    assert _refusal(_SIGNATURE, address=script.text) is Code.MISMATCH


# CR-06: one network


@pytest.mark.parametrize("kind", AddressKind)
@pytest.mark.parametrize("network", [name for name in NETWORKS if name != "main"])
def test_cr_06_an_address_of_a_test_network_is_refused_on_main(kind: AddressKind, network: str) -> None:
    address = address_of(_KEY, kind, network)
    signature = sign_message(_SECRET, _MESSAGE, kind=kind, network=network)
    assert verify_message(address.text, _MESSAGE, signature, network=network)
    assert _refusal(signature, address=address.text) is Code.ADDRESS


def test_cr_06_an_address_of_another_chain_is_refused() -> None:
    for version in (0x00, 0x05, 0x1E, 0x16, 0x34, 0x41):
        assert _refusal(_SIGNATURE, address=base58.encode_check(bytes((version,)) + _ADDRESS.program)) is Code.ADDRESS


def test_cr_06_a_main_address_is_refused_on_a_test_network() -> None:
    for network in ("test", "regtest"):
        for kind in AddressKind:
            with pytest.raises(Malformed) as refused:
                parse_address(address_of(_KEY, kind, "main").text, network=network)
            assert refused.value.code is Code.ADDRESS
