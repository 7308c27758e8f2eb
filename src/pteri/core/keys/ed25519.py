"""Ed25519 keys of logs and witnesses (docs/spec/log.md section 4; RFC 8032).

Wallets and phones have none. The library verifies the equation and refuses an S that is not below the order; which keys
are keys at all is decided here, so that it hangs on no library's version.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.secret import Secret

__all__ = ["KEY_BYTES", "SIGNATURE_BYTES", "NoteKey", "NotePrivateKey"]

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_ORDER_8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
# y of the points of order 1, 4, 2 and 8, whichever sign x has. Under such a key one signature fits many messages.
_SMALL: Final = frozenset({1, 0, _P - 1, _ORDER_8, _P - _ORDER_8})


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key, 32 bytes: not one of small order and not a second spelling, else ``Malformed(KEY)``."""

    raw: bytes
    _key: Ed25519PublicKey = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if type(self.raw) is not bytes or len(self.raw) != KEY_BYTES:
            raise Malformed(Code.KEY, "an Ed25519 key has 32 bytes")
        y = int.from_bytes(self.raw, "little") & ((1 << 255) - 1)
        if y >= _P or y in _SMALL:
            raise Malformed(Code.KEY, "not an Ed25519 key that anybody should use")
        object.__setattr__(self, "_key", Ed25519PublicKey.from_public_bytes(self.raw))

    @classmethod
    def from_raw(cls, raw: bytes) -> Self:
        """Key of 32 bytes."""
        return cls(raw)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Return when this key signed these bytes, else raise ``NotAuthentic(NOTE_SIGNATURE)``.

        ``Malformed(LENGTH)`` for another size, ``Malformed(RANGE)`` for an S that is a second spelling.
        """
        if len(signature) != SIGNATURE_BYTES:
            raise Malformed(Code.LENGTH, "an Ed25519 signature has 64 bytes")
        if int.from_bytes(signature[32:], "little") >= _ORDER:
            raise Malformed(Code.RANGE, "S is not below the order")
        try:
            self._key.verify(signature, message)
        except InvalidSignature as error:
            raise NotAuthentic(Code.NOTE_SIGNATURE, "not signed by this key") from error


@dataclass(frozen=True, slots=True, eq=False)
class NotePrivateKey:
    """A key that this process holds. ``seed``: 32 bytes, all of them random; anything else is ``Malformed(KEY)``."""

    seed: Secret
    public: NoteKey = field(init=False)
    _key: Ed25519PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        raw = self.seed.reveal()
        if len(raw) != KEY_BYTES:
            raise Malformed(Code.KEY, "an Ed25519 seed has 32 bytes")
        key = Ed25519PrivateKey.from_private_bytes(raw)
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "public", NoteKey(key.public_key().public_bytes_raw()))

    def sign(self, message: bytes) -> bytes:
        """The signature, 64 bytes; the same for the same message."""
        return self._key.sign(message)
