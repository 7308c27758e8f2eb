from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pteri.core.errors import Code, Malformed
from pteri.core.keys.mnemonic import (
    WORDS,
    entropy_to_mnemonic,
    mnemonic_to_entropy,
    normalise_mnemonic,
    phone_words,
    seed,
)
from pteri.core.keys.secret import Secret

_BIP39 = json.loads((Path(__file__).parents[3] / "vectors" / "bips.json").read_text("utf-8"))["bip39"]
_ABOUT = "abandon " * 11 + "about"


@pytest.mark.parametrize("vector", _BIP39, ids=lambda vector: vector["id"])
def test_the_published_seeds_come_out(vector: dict[str, Any]) -> None:
    words = entropy_to_mnemonic(Secret(bytes.fromhex(vector["entropy"])))
    assert words == Secret(vector["words"].encode("ascii"))
    assert seed(vector["words"], vector["passphrase"]).reveal().hex() == vector["expect"]


def test_there_are_2048_words_in_order() -> None:
    assert len(set(WORDS)) == 2048
    assert list(WORDS) == sorted(WORDS)


@pytest.mark.parametrize("size", [16, 20, 24, 28, 32])
def test_every_size_of_entropy_gives_a_sentence_that_checks(size: int) -> None:
    words = entropy_to_mnemonic(Secret(bytes(range(size)))).reveal().decode("ascii")
    assert normalise_mnemonic(words) == words
    assert len(words.split()) == size * 3 // 4


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31, 33, 64])
def test_another_size_of_entropy_is_refused(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        entropy_to_mnemonic(Secret(bytes(size)))
    assert refused.value.code is Code.LENGTH


@pytest.mark.parametrize("typed", [_ABOUT, f"  {_ABOUT}\n", _ABOUT.replace(" ", "\t  "), _ABOUT.replace(" ", "\u3000")])
def test_spaces_are_forgiven(typed: str) -> None:
    assert normalise_mnemonic(typed) == _ABOUT
    assert seed(typed) == seed(_ABOUT)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (_ABOUT.replace("about", "aboot"), "word 12"),
        ("abandonn " + _ABOUT.removeprefix("abandon "), "word 1 "),
        (_ABOUT.capitalize(), "word 1 "),
        (_ABOUT.replace("about", "bitcoin"), "word 12"),
        (_ABOUT.replace("about", "abandon"), "checksum"),
        ("about " + "abandon " * 11, "checksum"),
        ("abandon " * 11, "not 11"),
        ("abandon " * 13, "not 13"),
        ("", "not 0"),
        ("a" * 1025, "1024"),
        (None, "not a text"),
        (_ABOUT.encode("ascii"), "not a text"),
        (_ABOUT + "\ud800", "surrogate"),
    ],
)
def test_a_wrong_sentence_is_refused_without_repeating_it(typed: object, said: str) -> None:
    for check in (normalise_mnemonic, seed):
        with pytest.raises(Malformed) as refused:
            check(typed)  # type: ignore[arg-type]  # wrong types are the point
        assert refused.value.code is Code.MNEMONIC
        assert said in refused.value.detail
        assert "abandon" not in str(refused.value)
        assert refused.value.__cause__ is None


def test_a_passphrase_is_another_wallet_and_is_normalised() -> None:
    assert seed(_ABOUT, "Zürich") == seed(_ABOUT, "Zu\u0308rich")
    assert seed(_ABOUT, "zürich") != seed(_ABOUT, "Zürich")
    assert seed(_ABOUT, " ") != seed(_ABOUT)


@pytest.mark.parametrize("passphrase", [None, b"x", "x" * 1025, "\udfff"])
def test_a_passphrase_that_is_no_text_is_refused(passphrase: object) -> None:
    with pytest.raises(Malformed) as refused:
        seed(_ABOUT, passphrase)  # type: ignore[arg-type]  # wrong types are the point
    assert refused.value.code is Code.MNEMONIC


def test_a_phone_is_named_by_the_first_44_bits_of_its_thumbprint() -> None:
    assert phone_words(bytes(32)) == "abandon abandon abandon abandon"
    assert phone_words(b"\xff" * 32) == "zoo zoo zoo zoo"
    numbers = [1, 2, 3, 2047]
    bits = 0
    for number in numbers:
        bits = bits << 11 | number
    thumbprint = (bits << 4 | 0b1111).to_bytes(6, "big") + b"\xaa" * 26
    assert phone_words(thumbprint) == " ".join(WORDS[number] for number in numbers)
    assert phone_words(thumbprint[:6] + bytes(26)) == phone_words(thumbprint)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_thumbprint_of_another_size_has_no_name(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        phone_words(bytes(size))
    assert refused.value.code is Code.LENGTH


@pytest.mark.parametrize("size", [16, 20, 24, 28, 32])
def test_entropy_comes_back_from_its_words(size: int) -> None:
    entropy = Secret(bytes(range(7, 7 + size)))
    assert mnemonic_to_entropy(entropy_to_mnemonic(entropy)) == entropy


@pytest.mark.parametrize("words", [b"", b"abandon about", b"abandon " * 12, b"\xff" * 40])
def test_what_are_no_words_has_no_entropy(words: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        mnemonic_to_entropy(Secret(words))
    assert caught.value.code is Code.MNEMONIC
