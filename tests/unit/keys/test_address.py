from __future__ import annotations

import pytest

from pteri.core.errors import Code, Malformed
from pteri.core.keys import base58, bech32
from pteri.core.keys.address import (
    NETWORKS,
    Address,
    AddressKind,
    address_of,
    decode_wif,
    encode_wif,
    parse_address,
)
from pteri.core.keys.hashes import hash160, sha256
from pteri.core.keys.secp256k1 import N, public_key
from pteri.core.keys.secret import Secret

_SECRET = sha256(b"an address")
_KEY = public_key(_SECRET)
_HASH = hash160(_KEY)


def _refused(text: object, network: object = "main") -> Malformed:
    with pytest.raises(Malformed) as refused:
        parse_address(text, network=network)  # type: ignore[arg-type]  # wrong types are the point
    return refused.value


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("kind", AddressKind)
def test_an_address_has_one_text_and_one_script(kind: AddressKind, network: str) -> None:
    address = address_of(_KEY, kind, network)
    assert parse_address(address.text, network=network) == address
    assert parse_address(address.text, network=network).text == address.text
    assert address.belongs_to(_KEY)
    assert not address.belongs_to(public_key(sha256(b"another")))
    assert address.script_pub_key.count(address.program) == 1


def test_the_prefixes_are_those_that_people_know() -> None:
    texts = [address_of(_KEY, kind, "main").text for kind in AddressKind]
    assert [text[:5] for text in texts][2:] == ["ltc1q", "ltc1p"]
    assert [text[0] for text in texts][:2] == ["L", "M"]


def test_a_chain_id_names_its_genesis_block() -> None:
    assert [NETWORKS[name].chain_id for name in ("main", "test", "regtest")] == [
        "bip122:12a765e31ffd4059bada1e25190f6e98",
        "bip122:4966625a4b2851d9fdee139e56211a0d",
        "bip122:530827f38f93b43ed12af0b3ad25a288",
    ]


@pytest.mark.parametrize("network", ["", "Main", "mainnet", "testnet", None, 0, b"main", [], {}])
def test_a_network_is_one_of_three_names(network: object) -> None:
    assert _refused(address_of(_KEY, AddressKind.P2PKH, "main").text, network).code is Code.NETWORK


@pytest.mark.parametrize("kind", AddressKind)
@pytest.mark.parametrize(("of", "on"), [("main", "test"), ("main", "regtest"), ("test", "main"), ("regtest", "main")])
def test_an_address_of_another_network_is_refused(kind: AddressKind, of: str, on: str) -> None:
    assert _refused(address_of(_KEY, kind, of).text, on).code is Code.ADDRESS


def test_upper_case_is_the_same_segwit_address_and_mixed_case_is_none() -> None:
    for kind in (AddressKind.P2WPKH, AddressKind.P2TR):
        text = address_of(_KEY, kind, "main").text
        assert parse_address(text.upper(), network="main").text == text
        assert _refused(text[:5] + text[5:].upper()).code is Code.ADDRESS
        assert _refused(text.capitalize()).code is Code.ADDRESS


def _base58(version: int, payload: bytes) -> str:
    return base58.encode_check(bytes((version,)) + payload)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "no text"),
        (b"LUWPbpM43E2p7ZSh8cyTBEkvpHmr3cB8Ez", "bytes"),
        (7, "a number"),
        ("", "empty"),
        ("1", "a single zero byte"),
        ("LUWPbpM43E2p7ZSh8cyTBEkvpHmr3cB8E", "one character short"),
        ("LUWPbpM43E2p7ZSh8cyTBEkvpHmr3cB8E0", "a zero, which base58 does not have"),
        (" LUWPbpM43E2p7ZSh8cyTBEkvpHmr3cB8Ez", "a space before it"),
        ("LUWPbpM43E2p7ZSh8cyTBEkvpHmr3cB8Ez\n", "a newline after it"),
        ("LUWPbpM43E2p7ZSh8cyTBEkvpHmr3cB8E\u212a", "a letter that lower-cases into ASCII"),
        (_base58(0x30, _HASH[:19]), "19 bytes"),
        (_base58(0x30, _HASH + b"\0"), "21 bytes"),
        (_base58(0x05, _HASH), "old script version, as on Bitcoin"),
        (_base58(0x00, _HASH), "Bitcoin key hash"),
        (_base58(0x1E, _HASH), "Dogecoin key hash"),
        (base58.encode_check(b""), "no version"),
        ("l" * 5000, "very long"),
        (bech32.encode_segwit("ltc", 0, bytes(32)), "P2WSH"),
        (bech32.encode_segwit("ltc", 1, bytes(20)), "version 1 with 20 bytes"),
        (bech32.encode_segwit("ltc", 2, bytes(32)), "a later version"),
        (bech32.encode_segwit("ltc", 16, bytes(20)), "the last version"),
        (bech32.encode_segwit("bc", 0, _HASH), "Bitcoin segwit"),
        (bech32.encode_segwit("ltcmweb", 0, bytes(33)), "MWEB prefix"),
        (bech32.encode_segwit("ltc", 1, b"\xff" * 32), "no x of any point: nobody could ever sign"),
        ("ltc1" + "q" * 40, "no checksum"),
    ],
)
def test_whatever_one_key_cannot_sign_for_is_refused(text: object, why: str) -> None:
    assert _refused(text).code is Code.ADDRESS, why


def test_the_old_script_form_is_refused_with_the_way_out() -> None:
    assert "M form" in _refused(_base58(0x05, _HASH)).detail
    assert _refused(_base58(0xC4, _HASH), "regtest").code is Code.ADDRESS


@pytest.mark.parametrize("size", [0, 19, 21, 32])
def test_an_address_of_another_size_cannot_be_built(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        Address(AddressKind.P2PKH, "main", bytes(size))
    assert refused.value.code is Code.ADDRESS


@pytest.mark.parametrize("key", [b"", _KEY[1:], b"\x04" + _KEY[1:], b"\x06" + _KEY[1:], b"\x02" + b"\xff" * 32])
def test_there_is_no_address_of_what_is_no_compressed_key(key: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        address_of(key, AddressKind.P2WPKH, "main")
    assert refused.value.code is Code.KEY


@pytest.mark.parametrize("network", NETWORKS)
def test_a_private_key_survives_wif_and_stays_a_secret(network: str) -> None:
    wif = encode_wif(Secret(_SECRET), network)
    assert len(wif) == 52
    assert decode_wif(wif.reveal().decode("ascii"), network=network) == Secret(_SECRET)


@pytest.mark.parametrize(
    ("wif", "why"),
    [
        (None, "no text"),
        ("", "empty"),
        ("T" * 52, "wrong checksum"),
        ("0" * 52, "not base58"),
        (_base58(0xB0, _SECRET), "an uncompressed key"),
        (_base58(0xB0, _SECRET + b"\x02"), "another suffix"),
        (_base58(0x80, _SECRET + b"\x01"), "a Bitcoin key"),
        (_base58(0xEF, _SECRET + b"\x01"), "a key of a test network"),
        (_base58(0xB0, bytes(32) + b"\x01"), "zero"),
        (_base58(0xB0, N.to_bytes(32, "big") + b"\x01"), "n"),
        ("1" * 14 + base58.encode_check(bytes(14) + b"\xb0" + bytes(31) + b"\x01"), "too many bytes"),
    ],
)
def test_what_is_no_private_key_of_this_network_is_refused(wif: object, why: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode_wif(wif, network="main")  # type: ignore[arg-type]  # wrong types are the point
    assert refused.value.code is Code.KEY, why
    assert _SECRET.hex() not in str(refused.value)


@pytest.mark.parametrize("secret", [b"", bytes(32), N.to_bytes(32, "big"), _SECRET + b"\0"])
def test_there_is_no_wif_of_what_is_no_private_key(secret: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        encode_wif(Secret(secret), "main")
    assert refused.value.code is Code.KEY


def _resealed(hrp: str, groups: list[int], constant: int) -> str:
    """Bech32 text of any groups with a right checksum, to get behind it."""
    values = [*bech32._expand(hrp), *groups, *bytes(6)]
    remainder = bech32._polymod(values) ^ constant
    checksum = [remainder >> shift & 31 for shift in range(25, -1, -5)]
    return f"{hrp}1{''.join(bech32._CHARSET[group] for group in [*groups, *checksum])}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ltc1", "nothing after the prefix"),
        ("ltc1qqqqqq", "only a checksum"),
        (_resealed("ltc", [0], 1), "an empty program"),
        (_resealed("ltc", [0, 1, 0], 1), "a set padding bit"),
        (_resealed("ltc", [0, *[0] * 33], 1), "a whole group of padding"),
        (_resealed("ltc", [0, 0, 0], 1), "a program of one byte"),
        (_resealed("ltc", [0, *[0] * 66], 1), "a program of 41 bytes"),
        (_resealed("ltc", [17, *[0] * 32], 0x2BC830A3), "version 17"),
        (_resealed("ltc", [0, *[0] * 32], 0x2BC830A3), "bech32m on version 0"),
        (_resealed("ltc", [1, *[0] * 52], 1), "bech32 on version 1"),
        (_resealed("LTC", [0, *[0] * 32], 1), "checksum over the upper-case prefix"),
        (_resealed("ltc", [0, *[0] * 32], 1).replace("1", "1b", 1), "a letter that bech32 does not have"),
        (_resealed("ltc", [0, *[0] * 90], 1), "over 90 characters"),
        ("ltc1é" + "q" * 40, "not ASCII"),
        ("q" * 45, "no separator"),
    ],
)
def test_a_segwit_text_has_one_form(text: str, why: str) -> None:
    with pytest.raises(Malformed) as refused:
        bech32.decode_segwit("ltc", text)
    assert refused.value.code is Code.ADDRESS, why


def test_base58_refuses_long_texts_before_it_computes() -> None:
    with pytest.raises(Malformed) as refused:
        base58.decode_check("2" * (base58.MAX_TEXT + 1), code=Code.ADDRESS)
    assert refused.value.detail == "too long for base58check"
