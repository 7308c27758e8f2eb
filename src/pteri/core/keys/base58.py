"""Base58check: bytes with a four-byte checksum, without the letters that look alike.

Base58 maps bytes and texts one to one (leading zero bytes are leading ``1``), so there is no second spelling.
"""

from __future__ import annotations

import hmac
from typing import Final

from pteri.core.errors import Code, Malformed
from pteri.core.keys.hashes import double_sha256

__all__ = ["MAX_TEXT", "decode_check", "encode_check"]

MAX_TEXT: Final = 112
"""Longest text that is looked at: an extended key has 111 characters. Decoding takes quadratic time."""

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}


def encode_check(payload: bytes) -> str:
    """Text of ``payload`` and its checksum."""
    raw = payload + double_sha256(payload)[:4]
    number = int.from_bytes(raw, "big")
    characters = []
    while number:
        number, value = divmod(number, 58)
        characters.append(_ALPHABET[value])
    zeros = len(raw) - len(raw.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(characters))


def decode_check(text: str, *, code: Code) -> bytes:
    """Payload of ``text``; a refusal is ``Malformed`` with the caller's ``code``.

    The checksum is compared in constant time because the text may be a private key (WIF).
    """
    if len(text) > MAX_TEXT:
        raise Malformed(code, "too long for base58check")
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            raise Malformed(code, "a character that base58 does not have")
        number = number * 58 + value
    zeros = len(text) - len(text.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, checksum = raw[:-4], raw[-4:]
    if not hmac.compare_digest(double_sha256(payload)[:4], checksum):
        raise Malformed(code, "the checksum does not match: a character is wrong")
    return payload
