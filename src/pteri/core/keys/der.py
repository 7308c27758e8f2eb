"""ECDSA signatures in strict DER (BIP-66): SEQUENCE of two INTEGERs, one spelling each."""

from __future__ import annotations

from pteri.core.errors import Code, Malformed

__all__ = ["decode_der", "encode_der"]

_SEQUENCE, _INTEGER = 0x30, 0x02
_MIN_BYTES, _MAX_BYTES = 8, 72


def encode_der(rs: bytes) -> bytes:
    """DER of r || s (64 bytes)."""
    body = _encode_integer(rs[:32]) + _encode_integer(rs[32:])
    return bytes((_SEQUENCE, len(body))) + body


def decode_der(der: bytes) -> bytes:
    """Convert strict DER to r || s (64 bytes), else ``Malformed(DER)``. Ranges are not checked here."""
    if not _MIN_BYTES <= len(der) <= _MAX_BYTES or der[0] != _SEQUENCE or der[1] != len(der) - 2:
        raise Malformed(Code.DER, "not one DER sequence and nothing else")
    r, rest = _decode_integer(der[2:])
    s, rest = _decode_integer(rest)
    if rest:
        raise Malformed(Code.DER, "bytes after s")
    return r + s


def _encode_integer(value: bytes) -> bytes:
    shortest = value.lstrip(b"\0") or b"\0"
    if shortest[0] & 0x80:
        shortest = b"\0" + shortest
    return bytes((_INTEGER, len(shortest))) + shortest


def _decode_integer(der: bytes) -> tuple[bytes, bytes]:
    """First integer as 32 bytes, and what follows it."""
    if len(der) < 3 or der[0] != _INTEGER or not 1 <= der[1] <= len(der) - 2:
        raise Malformed(Code.DER, "not an integer of its stated length")
    value, rest = der[2 : 2 + der[1]], der[2 + der[1] :]
    if value[0] & 0x80:
        raise Malformed(Code.DER, "a negative integer")
    if len(value) > 1 and value[0] == 0 and not value[1] & 0x80:
        raise Malformed(Code.DER, "an integer with more leading zeros than its sign needs")
    magnitude = value.lstrip(b"\0")
    if len(magnitude) > 32:
        raise Malformed(Code.DER, "an integer of more than 256 bits")
    return magnitude.rjust(32, b"\0"), rest
