"""Base-32 characters that people type: a check that tells a typing error at once.

One wrong character, or two that have changed places, never give the check of the right ones: each place has a factor of
its own in GF(32), and none of the first thirty-one is alike.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["ALPHABET", "as_typed", "check_of", "remainder"]

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: without I, L, O and U."""
_POLYNOMIAL: Final = 0b100101
_IGNORED: Final = str.maketrans("", "", "- \t\r\n")
_READ_AS: Final = str.maketrans("OIL", "011")


def as_typed(text: str) -> str:
    """What a person meant: any case, hyphens and spaces anywhere, O for 0, I and L for 1. The rest stays as it is."""
    return text.translate(_IGNORED).upper().translate(_READ_AS)


def remainder(characters: Iterable[str], start: int = 0) -> int:
    """Horner's rule at x in GF(32) over at most 31 characters of :data:`ALPHABET`, from ``start``: 0 to 31."""
    value = start
    for character in characters:
        value = _times_x(value) ^ ALPHABET.index(character)
    return value


def check_of(characters: Iterable[str], start: int = 0) -> str:
    """The character that makes the remainder 0 when it comes after these."""
    return ALPHABET[_times_x(remainder(characters, start))]


def _times_x(value: int) -> int:
    """Multiply by x modulo x^5 + x^2 + 1."""
    doubled = value << 1
    return doubled ^ _POLYNOMIAL if doubled & 32 else doubled
