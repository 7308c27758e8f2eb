"""JSON of an operator, with one reading (RFC 8259, stricter).

A key that comes twice, ``NaN``, broken UTF-8 or a value of another type is no answer. A field that we do not know is
passed over: a minor release of an API may add one, and an answer that says what we asked is not worse for it.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

import msgspec

from pteri.adapters.telecom.camara.exchange import MAX_REPLY_BYTES, NoReply

__all__ = ["read_json", "read_list"]

_T = TypeVar("_T", bound=msgspec.Struct)
_V = TypeVar("_V")


def read_json(body: bytes, kind: type[_T]) -> _T:
    """The one value that ``body`` spells, or ``NoReply(MALFORMED_ANSWER)``. Nothing of the body is in the exception."""
    return _read(body, kind)


def read_list(body: bytes, kind: type[_T]) -> list[_T]:
    """The same of an array of such values."""
    return _read(body, list[kind])  # type: ignore[valid-type]  # a type made of an argument


def _read(body: bytes, kind: type[_V]) -> _V:
    if len(body) > MAX_REPLY_BYTES:
        raise NoReply("MALFORMED_ANSWER")
    try:
        tree = json.loads(body.decode("utf-8", "strict"), object_pairs_hook=_unique, parse_constant=_refuse)
        return msgspec.convert(tree, kind, strict=True)
    except (ValueError, RecursionError):
        raise NoReply("MALFORMED_ANSWER") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field comes twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
