"""The extensions of a certificate that its chain hangs on (RFC 5280 section 4.2, SGP.22 section 4.5.2.1).

An extension that is critical and not read here refuses the certificate, as RFC 5280 demands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec

from pteri.core.errors import Code, MalformedEvidence
from pteri.core.euicc.der import (
    BIT_STRING,
    BOOLEAN,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    PRINTABLE_STRING,
    SEQUENCE,
    Element,
    Fields,
    elements,
    exactly,
    named_bits,
    non_negative,
    only,
    text,
)
from pteri.core.euicc.names import SERIAL_NUMBER, read_name

__all__ = ["KEY_ID_BYTES", "Extensions", "Subtree", "Usage", "read_extensions"]

KEY_ID_BYTES: Final = 20
_MAX_EXTENSION_BYTES: Final = 2048
_MAX_PREFIX: Final = 31
_TRUE: Final = b"\xff"
_FORMS: Final = frozenset(
    {(SEQUENCE, OBJECT_IDENTIFIER, OCTET_STRING), (SEQUENCE, OBJECT_IDENTIFIER, BOOLEAN, OCTET_STRING)}
)
"""An extension, and a critical one: what is not critical does not say so."""
_KEY_ID_TAG: Final = 0x80
_DIRECTORY_NAME: Final = 0xA4

_KEY_ID: Final = bytes.fromhex("551d0e")
_AUTHORITY: Final = bytes.fromhex("551d23")
_KEY_USAGE: Final = bytes.fromhex("551d0f")
_BASIC_CONSTRAINTS: Final = bytes.fromhex("551d13")
_POLICIES: Final = bytes.fromhex("551d20")
_NAME_CONSTRAINTS: Final = bytes.fromhex("551d1e")
_PERMITTED_EINS: Final = bytes.fromhex("67811201020200")
_MUST: Final = frozenset({_KEY_ID, _KEY_USAGE, _POLICIES})


class Usage:
    """Bits of the key usage extension."""

    DIGITAL_SIGNATURE: Final = 0
    KEY_CERT_SIGN: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Subtree:
    """Chips that a manufacturer may make: the beginning of their EID, and what else their name must say."""

    prefix: str
    names: Mapping[bytes, bytes]


class Extensions(msgspec.Struct, frozen=True, eq=False):
    """What the extensions say. ``subtrees`` and ``prefixes`` are ``None`` where the certificate has no such list."""

    key_id: bytes
    authority_key_id: bytes | None
    usage: frozenset[int]
    is_ca: bool
    policies: frozenset[bytes]
    subtrees: tuple[Subtree, ...] | None
    prefixes: tuple[str, ...] | None


def read_extensions(content: bytes) -> Extensions:
    """Read all of them: ``MalformedEvidence`` where one is missing, twice, unknown and critical, or of another form."""
    [outer] = exactly(content, (SEQUENCE,), "the extensions")
    found: dict[bytes, Any] = {}
    for extension in elements(outer.content):
        kind, said = _extension(extension.tag, extension.content)
        if kind in found:
            raise MalformedEvidence(Code.DUPLICATE_ELEMENT, "the same extension twice")
        found[kind] = said
    if not found.keys() >= _MUST:
        raise MalformedEvidence(Code.CERTIFICATE, "no key id, no key usage or no policy")
    return Extensions(
        key_id=found[_KEY_ID],
        authority_key_id=found.get(_AUTHORITY),
        usage=found[_KEY_USAGE],
        is_ca=found.get(_BASIC_CONSTRAINTS, False),
        policies=found[_POLICIES],
        subtrees=found.get(_NAME_CONSTRAINTS),
        prefixes=found.get(_PERMITTED_EINS),
    )


def _extension(tag: int, content: bytes) -> tuple[bytes, Any]:
    """The kind of one extension, and what it says: nothing for one that is not read here."""
    parts = elements(content)
    if (tag, *[part.tag for part in parts]) not in _FORMS or (len(parts) == 3 and parts[1].content != _TRUE):
        raise MalformedEvidence(Code.CERTIFICATE, "an extension of another form")
    kind, value = parts[0].content, parts[-1].content
    reader = _READERS.get(kind)
    if reader is None:
        if len(parts) == 3:
            raise MalformedEvidence(Code.CERTIFICATE, "a critical extension that is not known here")
        return kind, None
    value_tag, read = reader
    return kind, read(_one(value, value_tag))


def _one(value: bytes, tag: int) -> Element:
    element = only(value, max_bytes=_MAX_EXTENSION_BYTES)
    if element.tag != tag:
        raise MalformedEvidence(Code.CERTIFICATE, "an extension of another form")
    return element


def _key_id(element: Element) -> bytes:
    if len(element.content) != KEY_ID_BYTES:
        raise MalformedEvidence(Code.CERTIFICATE, "a key id has 20 bytes")
    return element.content


def _authority(element: Element) -> bytes:
    [key_id] = exactly(element.content, (_KEY_ID_TAG,), "the authority's key id")
    return _key_id(key_id)


def _is_ca(element: Element) -> bool:
    """The path length is read and not used: the chain has three links, and no certificate can make it longer."""
    fields = Fields(element.content, "the basic constraints")
    is_ca = fields.optional(BOOLEAN)
    length = fields.optional(INTEGER)
    fields.end()
    if (is_ca is not None and is_ca.content != _TRUE) or (length is not None and is_ca is None):
        raise MalformedEvidence(Code.CERTIFICATE, "basic constraints of another form")
    if length is not None:
        non_negative(length, max_bytes=1)
    return is_ca is not None


def _policies(element: Element) -> frozenset[bytes]:
    found = [_policy(policy) for policy in elements(element.content)]
    if len(set(found)) != len(found):
        raise MalformedEvidence(Code.DUPLICATE_ELEMENT, "the same policy twice")
    return frozenset(found)


def _policy(element: Element) -> bytes:
    fields = Fields(element.content, "a policy")
    kind = fields.take(OBJECT_IDENTIFIER).content
    fields.optional(SEQUENCE)  # qualifiers are texts for people
    fields.end()
    return kind


def _subtrees(element: Element) -> tuple[Subtree, ...]:
    [permitted] = exactly(element.content, (0xA0,), "the name constraints")  # excluded ones are not of this profile
    found = []
    for subtree in elements(permitted.content):
        [base] = exactly(subtree.content, (_DIRECTORY_NAME,), "a name constraint")
        [name] = exactly(base.content, (SEQUENCE,), "a name constraint")
        said = read_name(name.content)
        prefix = said.pop(SERIAL_NUMBER, b"")
        found.append(Subtree(_prefix(prefix), said))
    return tuple(found)


def _prefixes(element: Element) -> tuple[str, ...]:
    found = []
    for prefix in elements(element.content):
        if prefix.tag != PRINTABLE_STRING:
            raise MalformedEvidence(Code.CERTIFICATE, "a range of EIDs of another form")
        found.append(_prefix(text(prefix, max_bytes=_MAX_PREFIX).encode("ascii")))
    return tuple(found)


def _prefix(digits: bytes) -> str:
    # An empty beginning would be every chip of the world.
    if not digits.isdigit() or not digits.startswith(b"89") or len(digits) > _MAX_PREFIX:
        raise MalformedEvidence(Code.CERTIFICATE, "a range of EIDs is the beginning of one")
    return digits.decode("ascii")


_READERS: Final[Mapping[bytes, tuple[int, Callable[[Element], Any]]]] = MappingProxyType(
    {
        _KEY_ID: (OCTET_STRING, _key_id),
        _AUTHORITY: (SEQUENCE, _authority),
        _KEY_USAGE: (BIT_STRING, named_bits),
        _BASIC_CONSTRAINTS: (SEQUENCE, _is_ca),
        _POLICIES: (SEQUENCE, _policies),
        _NAME_CONSTRAINTS: (SEQUENCE, _subtrees),
        _PERMITTED_EINS: (SEQUENCE, _prefixes),
    }
)
"""Those that are read: the tag of their value, and by what."""
