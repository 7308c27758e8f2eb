"""The certificates of one manufacturer's chips are alike but for a few values: what is alike is read once.

Where the contents of some primitive elements are exchanged for others of the same length, every element stays where it
was. So a certificate whose other bytes are, all of them, those of one that was read and found right has its form, too;
only the exchanged values are left to be read: times, EID, key and key id. The certificate's number, which comes before
them and has any length, is read like anywhere. Tests hold this way against
:func:`pteri.core.euicc.certificate.parse_certificate`, which reads whatever is not alike.
"""

from __future__ import annotations

from typing import Final, Self

import msgspec

from pteri.core.euicc.certificate import VERSION_3, Certificate, check_number, outer_parts, validity_of
from pteri.core.euicc.der import INTEGER, SEQUENCE, Element, elements, first, only
from pteri.core.euicc.extensions import Extensions
from pteri.core.euicc.names import SERIAL_NUMBER
from pteri.core.euicc.signing_key import POINT_BYTES, public_key

__all__ = ["Mould"]

_VALIDITY: Final = 2
_SUBJECT: Final = 3
_KEY: Final = 4
"""Places of the parts of a certificate that come behind its number."""


class Mould:
    """One certificate of a chip without the values that each chip has for itself."""

    __slots__ = ("_alike", "_bytes", "_cuts", "_extensions", "_key", "_like", "_subject", "_values")

    def __init__(
        self, like: Certificate, parts: bytes, values: tuple[slice, ...], *, subject: slice, key: slice
    ) -> None:
        self._like, self._values, self._subject, self._key = like, values, subject, key
        self._extensions = msgspec.structs.astuple(like.extensions)[1:]
        self._bytes = len(parts)
        begins = (0, *[value.stop for value in values])
        ends = (*[value.start for value in values], self._bytes)
        self._cuts = [slice(begin, end) for begin, end in zip(begins, ends, strict=True)]
        self._alike = [parts[cut] for cut in self._cuts]

    @classmethod
    def of(cls, like: Certificate) -> Self | None:
        """The mould of a chip's certificate; ``None`` where one of its values is in it twice, and its place unsure."""
        _, _, parts = _numbered(like.tbs)
        whole = elements(parts)
        starts = [sum(len(part.raw) for part in whole[:place]) for place in range(len(whole))]
        subject, key = [slice(starts[place], starts[place] + len(whole[place].raw)) for place in (_SUBJECT, _KEY)]
        values = []
        for value in (
            whole[_VALIDITY].content,
            like.names.get(SERIAL_NUMBER, b""),
            whole[_KEY].raw[-POINT_BYTES:],
            like.extensions.key_id,
        ):
            start = parts.find(value)
            if not value or start != parts.rfind(value):
                return None
            values.append(slice(start, start + len(value)))
        return cls(like, parts, tuple(values), subject=subject, key=key)

    def cast(self, raw: bytes) -> Certificate | None:
        """What ``parse_certificate`` finds in these bytes, or raises; ``None`` where they are not alike."""
        tbs, signature = outer_parts(raw)
        version, number, parts = _numbered(tbs)
        if (version, number.tag, len(parts)) != (VERSION_3, INTEGER, self._bytes) or [
            parts[cut] for cut in self._cuts
        ] != self._alike:
            return None
        check_number(number)
        validity, eid, _, key_id = [parts[value] for value in self._values]
        not_before, not_after = validity_of(Element(SEQUENCE, b"", validity))
        like = self._like
        return Certificate(
            raw=raw,
            tbs=tbs,
            signature=signature,
            issuer=like.issuer,
            subject=parts[self._subject],
            names={**like.names, SERIAL_NUMBER: eid},
            not_before=not_before,
            not_after=not_after,
            key=public_key(parts[self._key]),
            extensions=Extensions(key_id, *self._extensions),
        )


def _numbered(tbs: bytes) -> tuple[bytes, Element, bytes]:
    """As many bytes as a version has, the element behind them, and the rest of what is signed of a certificate."""
    content = only(tbs, max_bytes=len(tbs)).content
    number, parts = first(content[len(VERSION_3) :])
    return content[: len(VERSION_3)], number, parts
