"""A mobile number, parsed once (ITU-T E.164; docs/spec/operator.md section 2)."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from pteri.core import ids

__all__ = ["PhoneNumber"]

# A country code begins with no zero; with it, E.164 has at most 15 digits. CAMARA takes 5 and more.
_E164: Final = re.compile(r"\+[1-9][0-9]{4,14}")


class PhoneNumber:
    """A number in its one spelling: ``+``, country code, number, digits only. It shows nothing of itself.

    The constructor is the only way in and refuses with ``Malformed(FIELD)``; :meth:`reveal` is the only way out, so
    that a search for that word finds every place where a number leaves us.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = ids.matching(_E164, text, "a mobile number in E.164 form, such as +4930123456")

    def reveal(self) -> str:
        """The number itself, for the operator that is asked and for the keyed hash."""
        return self.__text

    def __repr__(self) -> str:
        return "PhoneNumber(...)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PhoneNumber):
            return NotImplemented
        return self.__text == other.__text

    def __hash__(self) -> int:
        return hash((PhoneNumber, self.__text))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a number is neither copied nor pickled")

    def __getstate__(self) -> NoReturn:
        # object's own would hand out the slots.
        raise TypeError("a number is neither copied nor pickled")
