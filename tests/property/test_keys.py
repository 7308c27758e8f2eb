"""What holds for every key, address, path and signature, and for every text that is none."""

from __future__ import annotations

import base64
import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pteri.core.errors import Code, Malformed, NotAuthentic
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
from pteri.core.keys.bip322 import parse_witness
from pteri.core.keys.der import decode_der, encode_der
from pteri.core.keys.derivation import HARDENED, MAX_DEPTH, ExtendedKey, parse_path
from pteri.core.keys.message import SignatureType, sign_message, verify_message, verify_pinned
from pteri.core.keys.mnemonic import WORDS, entropy_to_mnemonic, normalise_mnemonic, phone_words, seed
from pteri.core.keys.secp256k1 import N, public_key
from pteri.core.keys.secret import Secret

_few = settings(max_examples=100, deadline=None)
_some = settings(max_examples=200, deadline=None)

secrets = st.integers(1, N - 1).map(lambda number: Secret(number.to_bytes(32, "big")))
kinds = st.sampled_from(AddressKind)
networks = st.sampled_from(sorted(NETWORKS))
keys = secrets.map(lambda secret: public_key(secret.reveal()))
addresses = st.builds(address_of, keys, kinds, networks)
anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.text()), st.just({})
)
_ROOT = ExtendedKey.from_seed(Secret(bytes(range(64))))


@st.composite
def mutated(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text with one place cut, doubled or replaced."""
    text = draw(texts)
    at = draw(st.integers(0, len(text)))
    cut = draw(st.integers(0, 3))
    put = draw(st.text(max_size=3) | st.sampled_from(["", "=", "1", "l", "0", " ", "\n", text[at : at + 1].swapcase()]))
    return text[:at] + put + text[at + cut :]


@_some
@given(addresses)
def test_an_address_is_what_its_text_says(address: Address) -> None:
    assert parse_address(address.text, network=address.network) == address
    assert parse_address(address.text, network=address.network).text == address.text


@_some
@given(st.data(), addresses)
def test_a_changed_address_is_refused_or_another_spelling_of_nothing(data: st.DataObject, address: Address) -> None:
    text = data.draw(mutated(st.just(address.text)))
    with contextlib.suppress(Malformed):
        # The checksum makes another address out of reach: only an untouched text comes back.
        assert (parse_address(text, network=address.network), text) == (address, address.text)


@_some
@given(st.one_of(anything, mutated(addresses.map(lambda address: address.text))), st.one_of(anything, networks))
def test_no_address_raises_anything_but_a_refusal(text: Any, network: Any) -> None:
    with contextlib.suppress(Malformed):
        assert parse_address(text, network=network).text in (text, text.lower())


@_few
@given(secrets, networks)
def test_a_private_key_survives_wif(secret: Secret, network: str) -> None:
    assert decode_wif(encode_wif(secret, network).reveal().decode("ascii"), network=network) == secret


@_some
@given(st.one_of(anything, mutated(st.just(encode_wif(Secret(bytes(31) + b"\x07"), "main").reveal().decode("ascii")))))
def test_no_wif_raises_anything_but_a_refusal(text: Any) -> None:
    with contextlib.suppress(Malformed):
        assert decode_wif(text, network="main") == Secret(bytes(31) + b"\x07")


@_some
@given(st.binary(max_size=60))
def test_base58_gives_back_what_it_got(payload: bytes) -> None:
    text = base58.encode_check(payload)
    assert base58.decode_check(text, code=Code.ADDRESS) == payload
    assert base58.encode_check(base58.decode_check(text, code=Code.ADDRESS)) == text


@_some
@given(st.text(alphabet="123456789ABCabcz", max_size=40) | mutated(st.binary(max_size=30).map(base58.encode_check)))
def test_base58_has_one_spelling(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert base58.encode_check(base58.decode_check(text, code=Code.KEY)) == text


@_some
@given(st.sampled_from(["ltc", "tltc", "rltc"]), st.integers(0, 16), st.binary(min_size=2, max_size=40))
def test_bech32_gives_back_what_it_got(hrp: str, version: int, program: bytes) -> None:
    text = bech32.encode_segwit(hrp, version, program)
    assert bech32.decode_segwit(hrp, text) == (version, program)


@_some
@given(mutated(st.builds(bech32.encode_segwit, st.just("ltc"), st.integers(0, 16), st.binary(min_size=2, max_size=40))))
def test_bech32_has_one_spelling(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert bech32.encode_segwit("ltc", *bech32.decode_segwit("ltc", text)) in (text, text.lower())


@_some
@given(st.binary(min_size=64, max_size=64))
def test_der_gives_back_what_it_got(rs: bytes) -> None:
    assert decode_der(encode_der(rs)) == rs


@_some
@given(st.binary(max_size=80), st.binary(min_size=64, max_size=64), st.integers(0, 72), st.integers(0, 255))
def test_der_has_one_spelling(random: bytes, rs: bytes, at: int, value: int) -> None:
    changed = bytearray(encode_der(rs))
    changed[at % len(changed)] = value
    for der in (random, bytes(changed), bytes(changed) + b"\0", bytes(changed[:-1])):
        with contextlib.suppress(Malformed):
            assert encode_der(decode_der(der)) == der


@_some
@given(st.lists(st.integers(0, 2**32 - 1), max_size=MAX_DEPTH))
def test_a_path_is_its_numbers(numbers: list[int]) -> None:
    levels = [f"/{number - HARDENED}'" if number >= HARDENED else f"/{number}" for number in numbers]
    assert parse_path("m" + "".join(levels)) == tuple(numbers)


@_few
@given(st.one_of(anything, mutated(st.just("m/44'/2'/85'/0/0")), st.from_regex(r"m(/[0-9hH']{0,11}){0,12}")))
def test_no_path_raises_anything_but_a_refusal(path: Any) -> None:
    with contextlib.suppress(Malformed):
        assert _ROOT.derive(path).depth == path.count("/")


@_few
@given(st.sampled_from([16, 20, 24, 28, 32]).flatmap(lambda size: st.binary(min_size=size, max_size=size)))
def test_every_entropy_has_a_sentence(entropy: bytes) -> None:
    words = entropy_to_mnemonic(Secret(entropy)).reveal().decode("ascii")
    assert normalise_mnemonic(words) == words


@_few
@given(
    st.one_of(
        anything, st.lists(st.sampled_from(WORDS), max_size=26).map(" ".join), mutated(st.just("zoo " * 11 + "wrong"))
    )
)
def test_no_sentence_raises_anything_but_a_refusal(words: Any) -> None:
    with contextlib.suppress(Malformed):
        assert normalise_mnemonic(normalise_mnemonic(words)) == normalise_mnemonic(words)
        assert len(seed(words)) == 64


@_few
@given(st.binary(min_size=32, max_size=32))
def test_a_phone_name_is_four_words(thumbprint: bytes) -> None:
    assert all(word in WORDS for word in phone_words(thumbprint).split(" "))
    assert len(phone_words(thumbprint).split(" ")) == 4


@_few
@given(secrets, kinds, networks, st.binary(max_size=300))
def test_what_is_signed_is_accepted(secret: Secret, kind: AddressKind, network: str, message: bytes) -> None:
    address = address_of(public_key(secret.reveal()), kind, network)
    signature = sign_message(secret, message, kind=kind, network=network)
    verified = verify_message(address.text, message, signature, network=network)
    assert (
        verify_pinned(address, verified.public_key, message, signature, signature_type=verified.signature_type)
        == verified
    )


@_some
@given(st.data(), kinds)
def test_a_changed_signature_is_refused(data: st.DataObject, kind: AddressKind) -> None:
    secret, message = Secret(bytes(31) + b"\x2a"), b"a statement"
    address = address_of(public_key(secret.reveal()), kind, "main")
    signature = sign_message(secret, message, kind=kind)
    changed = data.draw(mutated(st.just(signature)))
    with contextlib.suppress(Malformed, NotAuthentic):
        verify_message(address.text, message, changed)
        # The prefix of BIP-322 is the one thing that may be left out.
        assert changed in (signature, signature.removeprefix("smp"))


@_some
@given(
    st.one_of(anything, addresses.map(lambda address: address.text)),
    st.one_of(anything, st.binary()),
    st.one_of(
        anything,
        st.binary(max_size=120).map(lambda raw: base64.b64encode(raw).decode("ascii")),
        st.binary(min_size=65, max_size=65).map(lambda raw: base64.b64encode(raw).decode("ascii")),
        st.binary(max_size=120).map(lambda raw: "smp" + base64.b64encode(raw).decode("ascii")),
    ),
    st.one_of(anything, st.just("main")),
)
def test_nothing_random_is_accepted_or_raises_anything_but_a_refusal(
    address: Any, message: Any, signature: Any, network: Any
) -> None:
    with pytest.raises((Malformed, NotAuthentic)):
        verify_message(address, message, signature, network=network)


@_some
@given(addresses, st.binary(min_size=32, max_size=33), anything, st.sampled_from(SignatureType), st.data())
def test_nothing_random_passes_as_the_pinned_key(
    address: Address, pinned: bytes, message: Any, bound: SignatureType, data: st.DataObject
) -> None:
    signature = data.draw(
        anything | st.binary(min_size=65, max_size=65).map(lambda raw: base64.b64encode(raw).decode("ascii"))
    )
    with pytest.raises((Malformed, NotAuthentic)):
        verify_pinned(address, pinned, message, signature, signature_type=bound)


@_some
@given(st.binary(max_size=120), st.sampled_from([AddressKind.P2WPKH, AddressKind.P2TR]))
def test_no_witness_raises_anything_but_a_refusal(raw: bytes, kind: AddressKind) -> None:
    with contextlib.suppress(Malformed):
        assert len(parse_witness(raw, kind).rs) == 64
