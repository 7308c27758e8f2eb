"""A strict reader of DER (ITU-T X.690), for bytes that anybody may have sent (docs/spec/esim-chip.md section 2).

One spelling per value: definite lengths of the fewest bytes, tags and integers of the fewest bytes, nothing after the
end. Nothing here recurses, and no input makes it raise anything but ``MalformedEvidence``. Tags are written as the
specifications write them: the identifier octets as one number, ``0x30``, ``0xBF2F``, ``0x5F37``.

What is signed is always :attr:`Element.raw`, the bytes as they came: nothing is ever encoded again to be verified.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pteri.core.errors import Code, MalformedEvidence

__all__ = [
    "BIT_STRING",
    "BOOLEAN",
    "INTEGER",
    "MAX_DEPTH",
    "MAX_ELEMENTS",
    "OBJECT_IDENTIFIER",
    "OCTET_STRING",
    "PRINTABLE_STRING",
    "SEQUENCE",
    "SET",
    "UTF8_STRING",
    "Element",
    "Fields",
    "elements",
    "exactly",
    "first",
    "named_bits",
    "non_negative",
    "one_of",
    "only",
    "text",
    "well_formed",
]

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
SEQUENCE: Final = 0x30
SET: Final = 0x31

MAX_DEPTH: Final = 12
"""How deep elements may lie in each other where only their form is looked at; chips need five."""
MAX_ELEMENTS: Final = 2048
"""How many there may be, at one level and in what is carried along: a list of twenty profiles has some hundreds."""

_CONSTRUCTED: Final = 0x20
_VISIBLE: Final = bytes(range(0x21, 0x7F))
_LONG_TAG: Final = 0x1F
_IS_SHORT: Final = bytes(bool(tag) and tag & _LONG_TAG != _LONG_TAG for tag in range(256))
"""Which first bytes are the whole of a tag."""


class Element(NamedTuple):
    """One element: ``raw`` is all of it, ``content`` what is in it."""

    tag: int
    raw: bytes
    content: bytes


_new: Final = tuple.__new__
"""Makes an :class:`Element` without the call that its name stands for."""


def only(raw: bytes, *, max_bytes: int) -> Element:
    """The one element that these bytes are. Their number is looked at first: ``MalformedEvidence(TOO_LARGE)``."""
    if len(raw) > max_bytes:
        raise MalformedEvidence(Code.TOO_LARGE, f"more than {max_bytes} bytes")
    element, behind = first(raw)
    if behind:
        raise MalformedEvidence(Code.TRAILING_BYTES, "bytes after the end")
    return element


def first(content: bytes) -> tuple[Element, bytes]:
    """The first element in these bytes, and what comes behind it."""
    found = _first(content, 1)
    if not found:
        raise MalformedEvidence(Code.DER, "no element where one must be")
    element = found[0]
    return element, content[len(element.raw) :]


def elements(content: bytes) -> list[Element]:
    """Everything that lies in a constructed element, in its order."""
    found = _first(content, MAX_ELEMENTS + 1)
    if len(found) > MAX_ELEMENTS:
        raise MalformedEvidence(Code.TOO_LARGE, f"more than {MAX_ELEMENTS} elements in one")
    return found


def exactly(content: bytes, tags: tuple[int, ...], what: str) -> list[Element]:
    """The elements with these tags, all of them and in this order, and no others."""
    # One more than there may be is enough to refuse: thousands of tiny elements cost nobody any time.
    found = _first(content, len(tags) + 1)
    seen = tuple([element[0] for element in found])
    if seen != tags:
        if any(seen.count(tag) > max(1, tags.count(tag)) for tag in seen):
            raise MalformedEvidence(Code.DUPLICATE_ELEMENT, f"{what}: the same element twice")
        raise MalformedEvidence(Code.ELEMENT, f"{what}: an element is missing, unknown or not in its place")
    return found


def one_of(content: bytes, tags: tuple[int, ...], what: str) -> Element:
    """The one element of a choice between these tags."""
    found = elements(content)
    if len(found) != 1 or found[0].tag not in tags:
        raise MalformedEvidence(Code.ELEMENT, f"{what}: not one of its kinds")
    return found[0]


def _first(data: bytes, at_most: int) -> list[Element]:
    """The elements at the beginning of these bytes: all of them, or so many.

    All reading is in this loop, and for a short element it makes no call: those were half of what a message cost.
    """
    found: list[Element] = []
    start, end = 0, len(data)
    while start < end and at_most:
        at_most -= 1
        at = start + 2
        # Two bytes are the shortest element.
        if at > end:
            raise MalformedEvidence(Code.DER, "no element where one must be")
        tag, length = data[start], data[start + 1]
        if not _IS_SHORT[tag]:
            tag, length, at = _long_tag(data, start)
        if length >= 0x80:
            length, at = _long_length(data, length, at)
        stop = at + length
        if stop > end:
            raise MalformedEvidence(Code.DER, "an element that reaches beyond its end")
        found.append(_new(Element, (tag, data[start:stop], data[at:stop])))
        start = stop
    return found


def _long_tag(data: bytes, start: int) -> tuple[int, int, int]:
    """Tag, first byte of the length and where that ends. A tag number of 31 to 127 has one byte; none is larger."""
    # Tag 0 marks the end of an indefinite length and nothing else.
    if not data[start]:
        raise MalformedEvidence(Code.DER, "no element where one must be")
    if len(data) - start < 3 or not _LONG_TAG <= data[start + 1] < 0x80:
        raise MalformedEvidence(Code.DER, "a tag that is not written in its fewest bytes, over 127, or alone")
    return data[start] << 8 | data[start + 1], data[start + 2], start + 3


def _long_length(data: bytes, first: int, at: int) -> tuple[int, int]:
    """A length of 128 or more, in its fewest bytes."""
    if first == 0x80:
        raise MalformedEvidence(Code.INDEFINITE_LENGTH, "an element must say how long it is")
    end = at + first - 0x80
    if end > len(data):
        raise MalformedEvidence(Code.DER, "a length of more bytes than there are")
    length = int.from_bytes(data[at:end], "big")
    if not data[at] or length < 0x80:
        raise MalformedEvidence(Code.DER, "a length that is not written in its fewest bytes")
    return length, end


class Fields:
    """The elements of a sequence, taken one after the other: each in its place, none twice, none left over."""

    __slots__ = ("_at", "_elements", "_what")

    def __init__(self, content: bytes, what: str) -> None:
        self._elements = elements(content)
        self._what = what
        self._at = 0

    def take(self, tag: int) -> Element:
        """The next one, which must have this tag."""
        found = self.optional(tag)
        if found is None:
            raise self._refusal()
        return found

    def optional(self, tag: int) -> Element | None:
        """The next one if it has this tag."""
        if self._at < len(self._elements) and self._elements[self._at].tag == tag:
            self._at += 1
            return self._elements[self._at - 1]
        return None

    def rest(self) -> list[Element]:
        """All that are left: what this release does not read. None of them may be there twice."""
        left = self._elements[self._at :]
        if len({element.tag for element in left}) != len(left):
            raise MalformedEvidence(Code.DUPLICATE_ELEMENT, f"{self._what}: the same element twice")
        self._at = len(self._elements)
        return left

    def end(self) -> None:
        """There are no more."""
        if self._at != len(self._elements):
            raise self._refusal()

    def _refusal(self) -> MalformedEvidence:
        taken, left = self._elements[: self._at], self._elements[self._at :]
        if left and left[0].tag in {element.tag for element in taken}:
            return MalformedEvidence(Code.DUPLICATE_ELEMENT, f"{self._what}: the same element twice")
        return MalformedEvidence(Code.ELEMENT, f"{self._what}: an element is missing, unknown or not in its place")


def well_formed(element: Element) -> None:
    """Whatever lies in this element is DER, too. For signed content that is carried along and not read."""
    waiting, seen = [(element, 0)], 0
    while waiting:
        outer, depth = waiting.pop()
        seen += 1
        if seen > MAX_ELEMENTS:
            raise MalformedEvidence(Code.TOO_LARGE, f"more than {MAX_ELEMENTS} elements")
        first = outer.raw[0]
        if first & _CONSTRUCTED:
            if depth == MAX_DEPTH:
                raise MalformedEvidence(Code.DER, f"elements in each other more than {MAX_DEPTH} deep")
            waiting += [(inner, depth + 1) for inner in elements(outer.content)]
        elif first == INTEGER:
            _minimal(outer.content)


def non_negative(element: Element, *, max_bytes: int = 8) -> int:
    """An INTEGER of at least 0 and at most ``max_bytes`` bytes, whatever its tag."""
    content = element.content
    _minimal(content)
    if content[0] & 0x80 or len(content) > max_bytes:
        raise MalformedEvidence(Code.RANGE, "an integer below 0, or larger than is accepted")
    return int.from_bytes(content, "big")


def _minimal(content: bytes) -> None:
    if not content or (len(content) > 1 and content[0] in {0, 0xFF} and content[0] >> 7 == content[1] >> 7):
        raise MalformedEvidence(Code.NON_MINIMAL_INTEGER, "an integer that is not written in its fewest bytes")


def named_bits(element: Element, *, max_bytes: int = 2) -> frozenset[int]:
    """The bits that are set in a BIT STRING with names for its bits: no zeros at the end (X.690 section 11.2)."""
    content = element.content
    if not 1 <= len(content) <= 1 + max_bytes:
        raise MalformedEvidence(Code.DER, "a list of bits of another length")
    unused, octets = content[0], content[1:]
    value = int.from_bytes(octets, "big")
    # Of a list without a bit nothing is unused; of any other the last used bit is set.
    fewest = value >> unused & 1 and not value & ((1 << unused) - 1) if octets else not unused
    if unused > 7 or not fewest:
        raise MalformedEvidence(Code.DER, "a list of bits that is not written in its fewest bits")
    size = 8 * len(octets)
    return frozenset(bit for bit in range(size) if value >> (size - 1 - bit) & 1)


def text(element: Element, *, max_bytes: int) -> str:
    """Visible ASCII of 1 to ``max_bytes`` characters, whatever kind of string it is.

    What chips sign here are host names, digits and tokens. A letter that looks like another one has no place in them.
    """
    content = element.content
    if not 1 <= len(content) <= max_bytes or content.translate(None, _VISIBLE):
        raise MalformedEvidence(Code.ENCODING, f"not 1 to {max_bytes} visible ASCII characters")
    return content.decode("ascii")
