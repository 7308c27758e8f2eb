"""Strict JSON files that name their format in the field ``format`` (docs/spec/keystore.md section 1).

One spelling: a file is exactly what :func:`encode_tagged` makes of its content, one line of JSON and a line
feed. Another order, white space, number form or base64, an unknown, missing or repeated field: refused.
"""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec

from pteri.wallet.errors import WalletCode, WalletError

__all__ = ["MAX_FILE_BYTES", "decode_tagged", "encode_tagged"]

MAX_FILE_BYTES = 1 << 20

_T = TypeVar("_T", bound=msgspec.Struct)
_VERSION = re.compile(r"[1-9][0-9]{0,5}")


class _Tag(msgspec.Struct):
    format: str


def encode_tagged(content: msgspec.Struct) -> bytes:
    """File bytes of a struct that carries its own ``format``."""
    return msgspec.json.encode(content) + b"\n"


def decode_tagged(
    data: bytes,
    kind: type[_T],
    *,
    format_name: str,
    what: str,
    remedy: str,
    refusal: WalletCode,
) -> _T:
    """Content of a file of exactly this format.

    ``what`` is the thing in the person's words, ``remedy`` the sentence that says what to do, ``refusal`` the
    code for "not one of these". A later version of the same format is ``NEWER_VERSION``, over 1 MiB is
    ``TOO_LARGE``.
    """
    if len(data) > MAX_FILE_BYTES:
        raise WalletError(WalletCode.TOO_LARGE, f"This file is over 1 MiB: too large for {what}.")
    try:
        found = msgspec.json.decode(data, type=_Tag).format
        if _is_later(found, format_name):
            raise WalletError(
                WalletCode.NEWER_VERSION,
                f"This is {what} made by a newer program ({found}). Update this one to use it.",
            )
        content = msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:  # of the JSON reader: syntax, UTF-8, shape, depth
        raise WalletError(refusal, f"This is not {what}, or it is damaged ({_printable(error)}). {remedy}") from error
    if encode_tagged(content) != data:
        raise WalletError(refusal, f"This was {what}, but another program has rewritten it. {remedy}")
    return content


def _is_later(found: str, known: str) -> bool:
    """Whether ``found`` is a higher version in the family of ``known``; both are ``family-number``."""
    family, _, version = found.rpartition("-")
    known_family, _, known_version = known.rpartition("-")
    return family == known_family and _VERSION.fullmatch(version) is not None and int(version) > int(known_version)


def _printable(error: Exception) -> str:
    """Quote the reader, short and in ASCII: it quotes a file that may hold terminal escapes."""
    return ascii(str(error))[1:-1][:100]
