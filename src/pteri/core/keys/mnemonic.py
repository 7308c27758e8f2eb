"""BIP-39: wallet seeds as English words, and four of the same words as a name for a phone.

The words are secrets of the wallet side; the server sees the phone names only.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from mnemonic import Mnemonic

from pteri.core.errors import Code, Malformed
from pteri.core.keys.secret import Secret

__all__ = ["WORDS", "entropy_to_mnemonic", "mnemonic_to_entropy", "normalise_mnemonic", "phone_words", "seed"]

_ENGLISH: Final = Mnemonic("english")
WORDS: Final[tuple[str, ...]] = tuple(_ENGLISH.wordlist)
"""The 2048 English words, in the order that gives each its 11 bits."""
_KNOWN: Final = frozenset(WORDS)

_ENTROPY_BYTES: Final = (16, 20, 24, 28, 32)
_WORD_COUNTS: Final = (12, 15, 18, 21, 24)
_MAX_CHARACTERS: Final = 1024
"""Far over 24 words of 8 letters; Unicode normalisation may take long and grow a text."""
_PHONE_WORDS: Final = 4


def entropy_to_mnemonic(entropy: Secret) -> Secret:
    """Words (UTF-8, single spaces) of 16, 20, 24, 28 or 32 random bytes, else ``Malformed(LENGTH)``."""
    if len(entropy) not in _ENTROPY_BYTES:
        raise Malformed(Code.LENGTH, "entropy has 16, 20, 24, 28 or 32 bytes")
    return Secret(_ENGLISH.to_mnemonic(entropy.reveal()).encode("utf-8"))


def mnemonic_to_entropy(words: Secret) -> Secret:
    """The random bytes that these words (UTF-8) spell: 16 to 32 of them. Else ``Malformed(MNEMONIC)``."""
    sentence = normalise_mnemonic(words.reveal().decode("utf-8", "replace"))
    return Secret(bytes(_ENGLISH.to_entropy(sentence)))


def normalise_mnemonic(words: str) -> str:
    """Return the sentence as BIP-39 hashes it: NFKD, single spaces, right checksum. Else ``MNEMONIC``.

    Spaces are all that is forgiven. A refusal gives the number of the first unknown word and no word: the
    others are right, and refusals end up in logs and screenshots.
    """
    found = _normal_text(words).split()
    if len(found) not in _WORD_COUNTS:
        raise Malformed(Code.MNEMONIC, f"a sentence has 12, 15, 18, 21 or 24 words, not {len(found)}")
    for number, word in enumerate(found, start=1):
        if word not in _KNOWN:
            raise Malformed(Code.MNEMONIC, f"word {number} is not in the list, which is in lower case")
    sentence = " ".join(found)
    if not _ENGLISH.check(sentence):
        raise Malformed(Code.MNEMONIC, "every word exists, but one is wrong or two are swapped: the checksum differs")
    return sentence


def seed(words: str, passphrase: str = "") -> Secret:
    """Wallet seed (64 bytes): PBKDF2 with 2048 rounds of HMAC-SHA-512 over a checked sentence."""
    # Checked first: any text has a seed, and a typing error would silently be another, empty wallet.
    return Secret(_ENGLISH.to_seed(normalise_mnemonic(words), _normal_text(passphrase)))


def phone_words(thumbprint: bytes) -> str:
    """Four words (44 bits) that name a device to a person, from its thumbprint of 32 bytes."""
    if len(thumbprint) != 32:
        raise Malformed(Code.LENGTH, "a thumbprint has 32 bytes")
    bits = int.from_bytes(thumbprint, "big") >> (256 - 11 * _PHONE_WORDS)
    return " ".join(WORDS[bits >> shift & 0x7FF] for shift in range(11 * (_PHONE_WORDS - 1), -1, -11))


def _normal_text(text: str) -> str:
    if not isinstance(text, str) or len(text) > _MAX_CHARACTERS:
        raise Malformed(Code.MNEMONIC, f"not a text of at most {_MAX_CHARACTERS} characters")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        # "from None": the error quotes the text.
        raise Malformed(Code.MNEMONIC, "not Unicode text: half of a surrogate pair") from None
    return unicodedata.normalize("NFKD", text)
