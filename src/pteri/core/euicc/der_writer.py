"""Writes DER: for what we say to a chip, and for the simulator of one. What was received is never written again."""

from __future__ import annotations

from pteri.core.euicc.der import BIT_STRING, INTEGER

__all__ = ["bit", "element", "integer"]


def element(tag: int, *parts: bytes) -> bytes:
    """One element; ``tag`` is its identifier octets as one number."""
    content = b"".join(parts)
    length = len(content)
    head = tag.to_bytes((tag.bit_length() + 7) // 8, "big")
    if length < 0x80:
        return head + bytes((length,)) + content
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return head + bytes((0x80 | len(digits),)) + digits + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    """An integer of at least 0, in its fewest bytes."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bit(number: int, tag: int = BIT_STRING) -> bytes:
    """A list of bits in which only this one is set; 0 to 7."""
    return element(tag, bytes((7 - number, 0x80 >> number)))
