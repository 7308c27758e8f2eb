"""Segwit addresses: bech32 (BIP-173) for version 0, bech32m (BIP-350) for every later version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.core.errors import Code, Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MAX_TEXT", "decode_segwit", "encode_segwit"]

MAX_TEXT: Final = 90
"""BIP-173: the checksum promises nothing beyond it."""

_CHARSET: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VALUES: Final = {character: value for value, character in enumerate(_CHARSET)}
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32, _BECH32M = 1, 0x2BC830A3


def _generator_row(top: int) -> int:
    row = 0
    for bit, constant in enumerate(_GENERATOR):
        if top >> bit & 1:
            row ^= constant
    return row


_ROWS: Final = tuple(_generator_row(top) for top in range(32))


def encode_segwit(hrp: str, version: int, program: bytes) -> str:
    """Lower-case address of a witness program. The caller has checked version and size."""
    groups = [version, *_groups_of(program)]
    remainder = _polymod([*_expand(hrp), *groups, *bytes(6)]) ^ _constant(version)
    checksum = [remainder >> shift & 31 for shift in range(25, -1, -5)]
    return f"{hrp}1{''.join(_CHARSET[group] for group in [*groups, *checksum])}"


def decode_segwit(hrp: str, text: str) -> tuple[int, bytes]:
    """Version (0 to 16) and program (2 to 40 bytes) of an address under exactly this ``hrp``.

    Upper case is the same address (BIP-173, for QR codes); mixed case is refused. Every refusal is
    ``Malformed(ADDRESS)``.
    """
    if len(text) > MAX_TEXT or not text.isascii():
        raise Malformed(Code.ADDRESS, "too long or not ASCII")
    lower = text.lower()
    if text not in (lower, text.upper()):
        raise Malformed(Code.ADDRESS, "upper and lower case mixed")
    found, _, data = lower.rpartition("1")
    if found != hrp:
        raise Malformed(Code.ADDRESS, f"not an address that starts with {hrp}1")
    try:
        groups = [_VALUES[character] for character in data]
    except KeyError:
        raise Malformed(Code.ADDRESS, "a character that bech32 does not have") from None
    if len(groups) < 7 or groups[0] > 16:
        raise Malformed(Code.ADDRESS, "no witness version or no checksum")
    # The version picks the checksum: bech32 on a later version let somebody insert or remove a q (BIP-350).
    if _polymod([*_expand(hrp), *groups]) != _constant(groups[0]):
        raise Malformed(Code.ADDRESS, "the checksum does not match: a character is wrong")
    return groups[0], _program_of(groups[1:-6])


def _constant(version: int) -> int:
    return _BECH32M if version else _BECH32


def _expand(hrp: str) -> list[int]:
    codes = hrp.encode("ascii")
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _polymod(values: Iterable[int]) -> int:
    remainder = 1
    for value in values:
        remainder = (remainder & 0x1FFFFFF) << 5 ^ value ^ _ROWS[remainder >> 25]
    return remainder


def _groups_of(program: bytes) -> list[int]:
    """Five bits at a time, high bits first, the last group filled with zeros."""
    size = len(program) * 8
    padding = -size % 5
    number = int.from_bytes(program, "big") << padding
    return [number >> shift & 31 for shift in range(size + padding - 5, -1, -5)]


def _program_of(groups: list[int]) -> bytes:
    number = 0
    for group in groups:
        number = number << 5 | group
    size, spare = divmod(len(groups) * 5, 8)
    # A fifth spare bit is a whole group too many; a set one is a second spelling of the same program.
    if spare > 4 or number & ((1 << spare) - 1):
        raise Malformed(Code.ADDRESS, "padding that is not the shortest row of zeros")
    if not 2 <= size <= 40:
        raise Malformed(Code.ADDRESS, "a witness program has 2 to 40 bytes")
    return (number >> spare).to_bytes(size, "big")
