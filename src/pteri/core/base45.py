"""Base45 (RFC 9285): the densest text that a QR code holds in its alphanumeric mode."""

from __future__ import annotations

import struct
from functools import cache
from typing import Final

from pteri.core.errors import Code, Malformed

__all__ = ["from_base45", "to_base45"]

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_TWO: Final = [low + high for high in _ALPHABET for low in _ALPHABET]
"""Two characters for each number below 45 * 45, the lower digit first."""
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}


def to_base45(raw: bytes) -> str:
    """Two bytes become three characters, a last single byte two."""
    pairs = struct.unpack(f">{len(raw) // 2}H", raw[: len(raw) & ~1])
    text = "".join(map(_threes().__getitem__, pairs))
    return text + _TWO[raw[-1]] if len(raw) & 1 else text


@cache
def _threes() -> list[str]:
    """Three characters for each pair of bytes, about 4 MB: a server writes an invitation for every sign-in."""
    return [_TWO[number % 2025] + _ALPHABET[number // 2025] for number in range(65536)]


def from_base45(text: str) -> bytes:
    """The inverse; ``Malformed(ENCODING)`` for anything :func:`to_base45` does not write."""
    if not isinstance(text, str) or len(text) % 3 == 1 or not set(text) <= _VALUES.keys():
        raise Malformed(Code.ENCODING, "not base45")
    digits = [_VALUES[character] for character in text]
    triples = zip(digits[::3], digits[1::3], digits[2::3], strict=False)
    numbers = [low + 45 * middle + 2025 * high for low, middle, high in triples]
    last = digits[-2] + 45 * digits[-1] if len(text) % 3 else 0
    if last > 0xFF or (numbers and max(numbers) > 0xFFFF):
        raise Malformed(Code.ENCODING, "not base45")
    packed = struct.pack(f">{len(numbers)}H", *numbers)
    return packed + bytes((last,)) if len(text) % 3 else packed
