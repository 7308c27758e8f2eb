"""JSON bodies with one reading (RFC 8259, stricter; abuse cases SV-17 and SV-18).

Two parsers that disagree about one body are a hole: one checks, the other acts. So whatever parsers are known
to disagree about is refused: a key that comes twice, a key that nobody declared, numbers outside JSON, broken
UTF-8. Size and depth are bounded before the first value is built.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import inspect

from pteri.core.errors import Code, Malformed
from pteri.http.wiretypes import parts

__all__ = ["MAX_BYTES", "MAX_DEPTH", "BodyDecoder", "check_closed", "decode"]

MAX_BYTES: Final = 16_384
MAX_DEPTH: Final = 16

T = TypeVar("T", bound=msgspec.Struct)

_OPEN: Final = (
    inspect.AnyType,
    inspect.CustomType,
    inspect.DataclassType,
    inspect.NamedTupleType,
    inspect.RawType,  # would be written back as it came, so a key that comes twice in it passed unseen
    inspect.TypedDictType,
)

_ENCODER: Final = msgspec.json.Encoder()

# A string is swallowed whole, so brackets in it do not count. The optional closing quote makes every start
# match, or an unterminated string full of \" would be tried again from each of its quotes (quadratic time).
_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_PLACE: Final = re.compile(r" - at (?:`key` in )?`(\$[\w.\[\]]*)`\Z", re.ASCII)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `([^`]*)")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_FIELD_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")


class BodyDecoder(Generic[T]):
    """The one reading of bodies of ``type_``; made once per route.

    ``TypeError`` for a ``type_`` that is not closed: our bug.
    """

    __slots__ = ("_decoder", "_max_bytes", "_max_depth")

    def __init__(self, type_: type[T], *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> None:
        check_closed(type_)
        self._decoder = msgspec.json.Decoder(type_, strict=True)
        self._max_bytes = max_bytes
        self._max_depth = max_depth

    def decode(self, body: bytes) -> T:
        """Return the one value that ``body`` spells.

        Refuses with ``Malformed``: ``TOO_LARGE`` over ``max_bytes``, else ``BODY``. The detail names the field
        and never a value, so it can be shown and logged.
        """
        if len(body) > self._max_bytes:
            raise Malformed(Code.TOO_LARGE, f"a body here has at most {self._max_bytes} bytes")
        try:
            text = body.decode("utf-8", "strict")
        except UnicodeDecodeError:
            # `from None` here and below: the cause carries the bytes, and a traceback may be logged
            raise Malformed(Code.BODY, "the body is not UTF-8") from None
        _check_depth(body, self._max_depth)
        try:
            decoded = self._decoder.decode(body)
        except msgspec.ValidationError as error:
            raise Malformed(Code.BODY, _explain(str(error))) from None
        except msgspec.DecodeError:
            raise Malformed(Code.BODY, "the body is not JSON") from None
        # The decoder keeps the last of two equal keys. What we would have written ourselves has none.
        if _ENCODER.encode(decoded) != body:
            _check_keys_unique(text)
        return decoded


def decode(body: bytes, type_: type[T], *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> T:
    """:meth:`BodyDecoder.decode` with a decoder for this one body."""
    return BodyDecoder(type_, max_bytes=max_bytes, max_depth=max_depth).decode(body)


@functools.cache
def check_closed(type_: type[msgspec.Struct]) -> None:
    """Raise ``TypeError`` unless every struct inside ``type_`` is closed and all parts are typed.

    An open struct drops what it does not know: a mistyped optional field would pass in silence, and a field
    added later would turn old requests into other requests.
    """
    for part in parts(type_):
        if isinstance(part, inspect.StructType) and not part.forbid_unknown_fields:
            raise TypeError(f"{part.cls.__name__} is not declared with forbid_unknown_fields=True")
        if isinstance(part, _OPEN):
            raise TypeError(f"{type_.__name__} has a part that cannot be closed")


def _check_depth(body: bytes, max_depth: int) -> None:
    if body.count(b"{") + body.count(b"[") <= max_depth:
        return
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(body):
        token = found[0]
        if token in (b"[", b"{"):
            depth += 1
            if depth > max_depth:
                raise Malformed(Code.BODY, f"the body is nested deeper than {max_depth} levels")
        elif token in (b"]", b"}"):
            depth -= 1


def _unique(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Malformed(Code.BODY, "a field comes twice")


# numbers stay text: nothing here computes with them, and a long one costs quadratic time
_check_keys_unique: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_int=str, parse_float=str).decode


def _explain(message: str) -> str:
    """Say what is wrong where. The decoder's message may quote what was sent: only our own words pass."""
    if unknown := _UNKNOWN.match(message):
        # a name that looks like one of ours helps whoever mistyped it; anything else is not repeated
        name = unknown[1]
        return f"no such field: {name}" if _FIELD_NAME.fullmatch(name) else "a field that does not exist"
    found = _PLACE.search(message)
    place = found[1] if found else "$"
    if missing := _MISSING.match(message):
        return f"missing field: {place}.{missing[1]}"
    return f"not of the expected form: {place}"
