from __future__ import annotations

import base64

import pytest

from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.hashes import double_sha256, sha256
from pteri.core.keys.message import (
    MAX_MESSAGE_BYTES,
    SignatureType,
    message_digest,
    sign_message,
    verify_message,
    verify_pinned,
)
from pteri.core.keys.secp256k1 import N, public_key, sign_recoverable
from pteri.core.keys.secret import Secret

_SECRET = Secret(sha256(b"a wallet"))
_KEY = public_key(_SECRET.reveal())
_OTHER = public_key(sha256(b"another wallet"))
_MESSAGE = b"bank.example wants you to sign in"
_P2PKH = address_of(_KEY, AddressKind.P2PKH, "main")
_SIGNATURE = sign_message(_SECRET, _MESSAGE)
_TYPES = {
    AddressKind.P2PKH: SignatureType.P2PKH,
    AddressKind.P2SH_P2WPKH: SignatureType.BIP137,
    AddressKind.P2WPKH: SignatureType.BIP322_SIMPLE,
    AddressKind.P2TR: SignatureType.BIP322_SIMPLE,
}


@pytest.mark.parametrize("network", ["main", "test", "regtest"])
@pytest.mark.parametrize("kind", AddressKind)
def test_what_we_sign_we_accept(kind: AddressKind, network: str) -> None:
    address = address_of(_KEY, kind, network)
    signature = sign_message(_SECRET, _MESSAGE, kind=kind, network=network)
    verified = verify_message(address.text, _MESSAGE, signature, network=network)
    assert (verified.address, verified.network, verified.kind) == (address.text, network, kind)
    assert verified.signature_type is _TYPES[kind]
    assert verified.message_sha256 == sha256(_MESSAGE)
    assert verified.public_key == (address.program if kind is AddressKind.P2TR else _KEY)
    assert len(verified.rs) == 64


@pytest.mark.parametrize("kind", AddressKind)
def test_signing_twice_gives_the_same_text(kind: AddressKind) -> None:
    assert sign_message(_SECRET, _MESSAGE, kind=kind) == sign_message(_SECRET, _MESSAGE, kind=kind)


@pytest.mark.parametrize("kind", [AddressKind.P2SH_P2WPKH, AddressKind.P2WPKH])
def test_a_plain_header_on_a_segwit_address_counts_as_bip137(kind: AddressKind) -> None:
    verified = verify_message(address_of(_KEY, kind, "main").text, _MESSAGE, _SIGNATURE)
    assert verified.signature_type is SignatureType.BIP137


def test_the_length_is_written_as_bitcoin_writes_it() -> None:
    magic = b"\x19Litecoin Signed Message:\n"
    for size, length in ((0, "00"), (252, "fc"), (253, "fdfd00"), (254, "fdfe00"), (4096, "fd0010")):
        framed = magic + bytes.fromhex(length) + bytes(size)
        assert message_digest(bytes(size)) == double_sha256(framed)


def test_a_message_of_the_largest_size_is_signed_and_one_byte_more_is_refused() -> None:
    largest = bytes(MAX_MESSAGE_BYTES)
    assert verify_message(_P2PKH.text, largest, sign_message(_SECRET, largest))
    for refuse in (
        lambda: verify_message(_P2PKH.text, largest + b"\0", _SIGNATURE),
        lambda: sign_message(_SECRET, largest + b"\0"),
        lambda: message_digest(largest + b"\0"),
    ):
        with pytest.raises(Malformed) as refused:
            refuse()
        assert refused.value.code is Code.MESSAGE_SIZE


@pytest.mark.parametrize("wrong", [None, 0, 1.5, True, [], {}, object(), bytearray(b"x"), memoryview(b"x")])
def test_a_value_of_a_wrong_type_is_malformed_wherever_it_stands(wrong: object) -> None:
    good = (_P2PKH.text, _MESSAGE, _SIGNATURE, "main")
    for position, code in enumerate((Code.ADDRESS, Code.ENCODING, Code.ENCODING, Code.NETWORK)):
        address, message, signature, network = (wrong if at == position else good[at] for at in range(4))
        with pytest.raises(Malformed) as refused:
            verify_message(address, message, signature, network=network)  # type: ignore[arg-type]  # on purpose
        assert refused.value.code is code
    with pytest.raises(Malformed):
        sign_message(_SECRET, wrong)  # type: ignore[arg-type]  # on purpose


def test_text_where_bytes_belong_is_refused_and_so_is_the_reverse() -> None:
    for arguments in (
        (_P2PKH.text.encode("ascii"), _MESSAGE, _SIGNATURE),
        (_P2PKH.text, _MESSAGE.decode("ascii"), _SIGNATURE),
        (_P2PKH.text, _MESSAGE, _SIGNATURE.encode("ascii")),
    ):
        with pytest.raises(Malformed):
            verify_message(*arguments)


@pytest.mark.parametrize(
    ("signature", "code"),
    [
        ("A" * 256, Code.LENGTH),
        ("A" * 1_000_000, Code.LENGTH),
        ("A" * 252, Code.LENGTH),
        ("=", Code.ENCODING),
        ("====", Code.ENCODING),
        ("\ud800" * 8, Code.ENCODING),
        (_SIGNATURE[:-1] + "\u1d2f", Code.ENCODING),
        (_SIGNATURE + "====", Code.ENCODING),
        ("smp", Code.FORMAT),
        ("ful", Code.FORMAT),
        ("pof", Code.FORMAT),
        ("sm", Code.ENCODING),
    ],
)
def test_a_signature_has_one_text(signature: str, code: Code) -> None:
    with pytest.raises(Malformed) as refused:
        verify_message(_P2PKH.text, _MESSAGE, signature)
    assert refused.value.code is code


@pytest.mark.parametrize("kind", AddressKind)
def test_only_the_headers_of_its_kind_are_accepted(kind: AddressKind) -> None:
    recovery_id = base64.b64decode(_SIGNATURE)[0] - 31
    accepted = {
        AddressKind.P2PKH: {31},
        AddressKind.P2SH_P2WPKH: {31, 35},
        AddressKind.P2WPKH: {31, 39},
        AddressKind.P2TR: set(),
    }[kind]
    text = address_of(_KEY, kind, "main").text
    found = set()
    for header in range(256):
        signature = base64.b64encode(bytes((header,)) + base64.b64decode(_SIGNATURE)[1:]).decode("ascii")
        if header - recovery_id in accepted:
            assert verify_message(text, _MESSAGE, signature).public_key == _KEY
            found.add(header - recovery_id)
            continue
        with pytest.raises(ProtocolError) as refused:
            verify_message(text, _MESSAGE, signature)
        flipped = header - (1 - recovery_id) in accepted
        assert refused.value.code is (Code.MISMATCH if flipped else Code.HEADER)
    assert found == accepted


@pytest.mark.parametrize("kind", AddressKind)
def test_the_bound_key_in_the_bound_way_is_accepted(kind: AddressKind) -> None:
    address = address_of(_KEY, kind, "main")
    key = address.program if kind is AddressKind.P2TR else _KEY
    signature = sign_message(_SECRET, _MESSAGE, kind=kind)
    verified = verify_pinned(address, key, _MESSAGE, signature, signature_type=_TYPES[kind])
    assert verified == verify_message(address.text, _MESSAGE, signature)


@pytest.mark.parametrize("kind", AddressKind)
@pytest.mark.parametrize("bound", SignatureType)
def test_a_form_other_than_the_bound_one_is_refused(kind: AddressKind, bound: SignatureType) -> None:
    if bound is _TYPES[kind]:
        return
    address = address_of(_KEY, kind, "main")
    key = address.program if kind is AddressKind.P2TR else _KEY
    with pytest.raises(Malformed) as refused:
        verify_pinned(address, key, _MESSAGE, sign_message(_SECRET, _MESSAGE, kind=kind), signature_type=bound)
    assert refused.value.code is Code.FORMAT


@pytest.mark.parametrize("kind", AddressKind)
@pytest.mark.parametrize(
    "pinned", [_OTHER, _OTHER[1:], b"", b"\x02" + _KEY[1:] if _KEY[0] == 3 else b"\x03" + _KEY[1:]]
)
def test_another_key_than_the_pinned_one_is_refused(kind: AddressKind, pinned: bytes) -> None:
    address = address_of(_KEY, kind, "main")
    signature = sign_message(_SECRET, _MESSAGE, kind=kind)
    with pytest.raises(NotAuthentic) as refused:
        verify_pinned(address, pinned, _MESSAGE, signature, signature_type=_TYPES[kind])
    assert refused.value.code is Code.WALLET_KEY


@pytest.mark.parametrize("message", [_MESSAGE + b"\n", _MESSAGE[:-1], b"", _MESSAGE.upper()])
@pytest.mark.parametrize("kind", AddressKind)
def test_a_pinned_key_signs_these_bytes_only(kind: AddressKind, message: bytes) -> None:
    address = address_of(_KEY, kind, "main")
    key = address.program if kind is AddressKind.P2TR else _KEY
    signature = sign_message(_SECRET, _MESSAGE, kind=kind)
    with pytest.raises(NotAuthentic) as refused:
        verify_pinned(address, key, message, signature, signature_type=_TYPES[kind])
    assert refused.value.code in (Code.MISMATCH, Code.SIGNATURE)


def test_a_pinned_check_refuses_the_wrong_types_too() -> None:
    for message, signature in ((None, _SIGNATURE), (_MESSAGE, None), ("text", _SIGNATURE), (_MESSAGE, b"bytes")):
        with pytest.raises(Malformed):
            verify_pinned(_P2PKH, _KEY, message, signature, signature_type=SignatureType.P2PKH)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize(
    ("magic", "said"),
    [
        (b"\x18Bitcoin Signed Message:\n", "Bitcoin's magic"),
        (b"\x18Litecoin Signed Message:\n", "length byte 18"),
        (b"\x19Dogecoin Signed Message:\n", "another key"),
    ],
)
@pytest.mark.parametrize("kind", [AddressKind.P2PKH, AddressKind.P2SH_P2WPKH, AddressKind.P2WPKH])
def test_a_wallets_mistake_is_named_but_never_accepted(kind: AddressKind, magic: bytes, said: str) -> None:
    for number in range(8):
        message = _MESSAGE + bytes((number,))
        digest = double_sha256(magic + bytes((len(message),)) + message)
        compact = sign_recoverable(_SECRET.reveal(), digest)
        signature = base64.b64encode(bytes((31 + compact[0],)) + compact[1:]).decode("ascii")
        with pytest.raises(NotAuthentic) as refused:
            verify_message(address_of(_KEY, kind, "main").text, message, signature)
        assert refused.value.code is Code.MISMATCH
        assert said in refused.value.detail


@pytest.mark.parametrize("magic", [b"\x18Bitcoin Signed Message:\n", b"\x19Dogecoin Signed Message:\n"])
def test_where_a_stranger_sends_signatures_no_work_goes_into_naming_a_mistake(magic: bytes) -> None:
    compact = sign_recoverable(_SECRET.reveal(), double_sha256(magic + bytes((len(_MESSAGE),)) + _MESSAGE))
    signature = base64.b64encode(bytes((31 + compact[0],)) + compact[1:]).decode("ascii")
    with pytest.raises(NotAuthentic) as refused:
        verify_pinned(_P2PKH, _KEY, _MESSAGE, signature, signature_type=SignatureType.P2PKH)
    assert refused.value.code is Code.MISMATCH
    assert refused.value.detail == "signed by another key, or over other bytes"


def test_naming_a_mistake_survives_a_forgery_that_has_no_key_under_the_other_magic() -> None:
    # The key is (sR - zG) / r: with R = G or -G and s = z or -z of Bitcoin's digest it is the point at infinity.
    z = int.from_bytes(double_sha256(b"\x18Bitcoin Signed Message:\n" + bytes((len(_MESSAGE),)) + _MESSAGE), "big")
    header, s = (31, z) if z <= N // 2 else (32, N - z)
    r = public_key((1).to_bytes(32, "big"))[1:]
    signature = base64.b64encode(bytes((header,)) + r + s.to_bytes(32, "big")).decode("ascii")
    with pytest.raises(NotAuthentic) as refused:
        verify_message(_P2PKH.text, _MESSAGE, signature)
    assert refused.value.code is Code.MISMATCH


def test_a_signature_that_gives_no_key_is_refused() -> None:
    # r = 5 is no x of a point: there is nothing to recover, whatever the message.
    signature = base64.b64encode(b"\x1f" + (5).to_bytes(32, "big") + (1).to_bytes(32, "big")).decode("ascii")
    with pytest.raises(NotAuthentic) as refused:
        verify_message(_P2PKH.text, _MESSAGE, signature)
    assert refused.value.code is Code.RECOVER
