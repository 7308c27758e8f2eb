"""Names in certificates: attributes by their object identifiers (RFC 5280 section 4.1.2.4)."""

from __future__ import annotations

from typing import Final

from pteri.core.errors import Code, MalformedEvidence
from pteri.core.euicc.der import (
    OBJECT_IDENTIFIER,
    SEQUENCE,
    SET,
    Element,
    elements,
)

__all__ = ["COMMON_NAME", "ORGANIZATION", "ORGANIZATIONAL_UNIT", "SERIAL_NUMBER", "read_name"]

COMMON_NAME: Final = bytes.fromhex("550403")
SERIAL_NUMBER: Final = bytes.fromhex("550405")
ORGANIZATION: Final = bytes.fromhex("55040a")
ORGANIZATIONAL_UNIT: Final = bytes.fromhex("55040b")


def read_name(content: bytes) -> dict[bytes, bytes]:
    """The attributes of a name and the bytes of their values: each kind once, each alone in its set."""
    found: dict[bytes, bytes] = {}
    for part in elements(content):
        kind, value = _attribute(part)
        if kind in found:
            raise MalformedEvidence(Code.DUPLICATE_ELEMENT, "a name: the same attribute twice")
        found[kind] = value
    return found


def _attribute(part: Element) -> tuple[bytes, bytes]:
    """Kind and value of the one attribute in a set."""
    attributes = elements(part.content) if part.tag == SET else []
    if len(attributes) != 1 or attributes[0].tag != SEQUENCE:
        raise MalformedEvidence(Code.CERTIFICATE, "a name that is not made of single attributes")
    pair = elements(attributes[0].content)
    if len(pair) != 2 or pair[0].tag != OBJECT_IDENTIFIER:
        raise MalformedEvidence(Code.CERTIFICATE, "a name: an attribute is a kind and one value")
    return pair[0].content, pair[1].content
