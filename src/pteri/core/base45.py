"""Base45 (RFC 9285): the densest text that a QR code holds in its alphanumeric mode."""

from __future__ import annotations

from typing import Final

from pteri.core.errors import Code, Malformed

__all__ = ["from_base45", "to_base45"]

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}


def to_base45(raw: bytes) -> str:
    """Two bytes become three characters, a last single byte two."""
    out: list[str] = []
    for start in range(0, len(raw), 2):
        chunk = raw[start : start + 2]
        number = int.from_bytes(chunk, "big")
        for _ in range(len(chunk) + 1):
            number, digit = divmod(number, 45)
            out.append(_ALPHABET[digit])
    return "".join(out)


def from_base45(text: str) -> bytes:
    """The inverse; ``Malformed(ENCODING)`` for anything :func:`to_base45` does not write."""
    if not isinstance(text, str) or len(text) % 3 == 1 or not set(text) <= _VALUES.keys():
        raise Malformed(Code.ENCODING, "not base45")
    out = bytearray()
    for start in range(0, len(text), 3):
        chunk = text[start : start + 3]
        number = sum(_VALUES[character] * 45**place for place, character in enumerate(chunk))
        size = len(chunk) - 1
        if number >= 256**size:
            raise Malformed(Code.ENCODING, "not base45")
        out += number.to_bytes(size, "big")
    return bytes(out)
