"""What an account is pinned to: a key that belongs to its address, and a type of signature that fits both."""

from __future__ import annotations

import msgspec
import pytest

from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.keys import secp256k1
from pteri.core.keys.address import AddressKind, address_of, parse_address
from pteri.core.keys.message import SignatureType
from pteri.core.wallets import PinnedWallet, pin_wallet

KEY = secp256k1.public_key(b"\x11" * 32)
OTHER_KEY = secp256k1.public_key(b"\x22" * 32)
FITTING = [
    (AddressKind.P2PKH, SignatureType.P2PKH),
    (AddressKind.P2SH_P2WPKH, SignatureType.BIP137),
    (AddressKind.P2WPKH, SignatureType.BIP137),
    (AddressKind.P2WPKH, SignatureType.BIP322_SIMPLE),
    (AddressKind.P2TR, SignatureType.BIP322_SIMPLE),
]


def key_text(kind: AddressKind, key: bytes = KEY) -> str:
    """What a phone says its key is: for taproot the output key, which is in the address."""
    return ids.to_base64url(address_of(key, kind, "main").program if kind is AddressKind.P2TR else key)


@pytest.mark.parametrize(("kind", "signature_type"), FITTING)
def test_a_key_is_pinned_with_its_address_and_a_type_that_fits(
    kind: AddressKind, signature_type: SignatureType
) -> None:
    address = address_of(KEY, kind, "main")
    pinned = pin_wallet(address.text, key_text(kind), signature_type, network="main")
    assert pinned == PinnedWallet(address.text, key_text(kind), signature_type)
    assert pinned.parsed("main") == address
    assert ids.to_base64url(pinned.key_bytes()) == key_text(kind)


@pytest.mark.parametrize(
    ("kind", "signature_type"),
    [(kind, given) for kind in AddressKind for given in SignatureType if (kind, given) not in FITTING],
)
def test_a_type_that_the_address_has_no_signatures_of_is_refused(
    kind: AddressKind, signature_type: SignatureType
) -> None:
    with pytest.raises(Malformed) as refused:
        pin_wallet(address_of(KEY, kind, "main").text, key_text(kind), signature_type, network="main")
    assert refused.value.code is Code.FORMAT


@pytest.mark.parametrize(("kind", "signature_type"), FITTING)
def test_a_key_of_another_address_is_refused(kind: AddressKind, signature_type: SignatureType) -> None:
    with pytest.raises(Malformed) as refused:
        pin_wallet(address_of(KEY, kind, "main").text, key_text(kind, OTHER_KEY), signature_type, network="main")
    assert refused.value.code is Code.KEY


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", Code.KEY),
        (ids.to_base64url(KEY[1:]), Code.KEY),
        (ids.to_base64url(KEY + b"\0"), Code.KEY),
        (ids.to_base64url(b"\x04" + KEY[1:] + bytes(32)), Code.KEY),
        (ids.to_base64url(bytes((KEY[0] ^ 1,)) + KEY[1:]), Code.KEY),
        (ids.to_base64url(b"\x02" + b"\xff" * 32), Code.KEY),
        ("+" * 44, Code.ENCODING),
        (ids.to_base64url(KEY) + "=", Code.ENCODING),
        (ids.to_base64url(KEY) + "\n", Code.ENCODING),
    ],
)
def test_a_key_is_33_bytes_in_their_one_spelling(key: str, code: Code) -> None:
    with pytest.raises(Malformed) as refused:
        pin_wallet(address_of(KEY, AddressKind.P2PKH, "main").text, key, SignatureType.P2PKH, network="main")
    assert refused.value.code is code


def test_the_internal_key_of_a_taproot_address_is_not_its_key() -> None:
    address = address_of(KEY, AddressKind.P2TR, "main").text
    for key in (KEY, KEY[1:]):
        with pytest.raises(Malformed) as refused:
            pin_wallet(address, ids.to_base64url(key), SignatureType.BIP322_SIMPLE, network="main")
        assert refused.value.code is Code.KEY


@pytest.mark.parametrize(
    ("address", "network", "code"),
    [
        (address_of(KEY, AddressKind.P2PKH, "test").text, "main", Code.ADDRESS),
        (address_of(KEY, AddressKind.P2PKH, "main").text, "regtest", Code.ADDRESS),
        (address_of(KEY, AddressKind.P2PKH, "main").text, "bitcoin", Code.NETWORK),
        ("", "main", Code.ADDRESS),
        ("1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH", "main", Code.ADDRESS),
    ],
)
def test_an_address_of_another_network_is_refused(address: str, network: str, code: Code) -> None:
    with pytest.raises(Malformed) as refused:
        pin_wallet(address, ids.to_base64url(KEY), SignatureType.P2PKH, network=network)
    assert refused.value.code is code


def test_an_address_in_upper_case_is_pinned_in_its_canonical_text() -> None:
    text = address_of(KEY, AddressKind.P2WPKH, "main").text
    pinned = pin_wallet(text.upper(), ids.to_base64url(KEY), SignatureType.BIP137, network="main")
    assert pinned.address == text


def test_a_pinned_wallet_is_good_on_its_own_network_only() -> None:
    text = address_of(KEY, AddressKind.P2WPKH, "main").text
    pinned = pin_wallet(text, ids.to_base64url(KEY), SignatureType.BIP137, network="main")
    assert pinned.parsed("main") == parse_address(text, network="main")
    with pytest.raises(Malformed):
        pinned.parsed("test")


@pytest.mark.parametrize(
    "body",
    [
        b'{"address":"L","public_key":"A","signature_type":"ltc-msg-p2pkh","note":1}',
        b'{"address":"L","public_key":"A","signature_type":"btc-msg-p2pkh"}',
        b'{"address":"L","public_key":"A"}',
    ],
)
def test_json_of_another_shape_is_no_wallet(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=PinnedWallet)
