"""Bytes that must not be seen: seeds, private keys, chain codes, mnemonic words."""

from __future__ import annotations

import hmac
from typing import NoReturn, SupportsIndex

__all__ = ["Secret"]


class Secret:
    """Wrapped bytes that show only their size.

    Nothing prints, formats, hashes, copies, pickles or serialises the value; :meth:`reveal` is the one way to
    it, so that a search for that word finds every place where a secret is used.
    """

    __slots__ = ("__is_wiped", "__value")

    def __init__(self, value: bytes) -> None:
        self.__value = bytearray(value)
        self.__is_wiped = False

    def reveal(self) -> bytes:
        """Return the bytes themselves. Keep them in a local variable and let it go."""
        if self.__is_wiped:
            # Zeros in the place of a key would sign and seal, for everybody.
            raise ValueError("this secret has been wiped")
        return bytes(self.__value)

    def wipe(self) -> None:
        """Overwrite the bytes here; :meth:`reveal` raises ``ValueError`` from now on.

        As far as Python allows: what was revealed before is a copy, and so is what a library made of it. Those are
        freed, not erased.
        """
        self.__value[:] = bytes(len(self.__value))
        self.__is_wiped = True

    def __len__(self) -> int:
        return len(self.__value)

    def __repr__(self) -> str:
        return f"Secret({len(self.__value)} bytes)"

    def __eq__(self, other: object) -> bool:
        # Only another Secret: comparing with plain bytes invites a caller who holds the bytes in the open.
        if not isinstance(other, Secret):
            return NotImplemented
        if self.__is_wiped or other.__is_wiped:
            return False
        return hmac.compare_digest(self.__value, other.__value)

    # A hash is a fingerprint that outlives the secret, in sets, caches and core dumps.
    __hash__ = None  # type: ignore[assignment]  # how Python spells "unhashable"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret is neither copied nor pickled")

    def __getstate__(self) -> NoReturn:
        # object's own would hand out the slots.
        raise TypeError("a secret is neither copied nor pickled")
