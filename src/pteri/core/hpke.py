"""Sealing for one holder of an X25519 key: HPKE of RFC 9180, in one suite only (docs/spec/transfer.md).

DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; modes base and PSK. No message carries the name of a suite,
so there is none to talk down (abuse case MI-18). Nothing here draws randomness: the ephemeral key is the caller's, made
for this one use. With the same ephemeral key, recipient, info and shared secret the channel is the same channel:
that is how a phone that died takes it up again, with the sequence number it had reached.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pyhpke import AEADId, CipherSuite, ContextInterface, KDFId, KEMId, KEMKey, KEMKeyInterface, KEMKeyPair, OpenError

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.secret import Secret

__all__ = ["KEY_BYTES", "MIN_PSK_BYTES", "TAG_BYTES", "Receiver", "Sender", "public_of", "receiver", "sender"]

KEY_BYTES: Final = 32
"""Size of a private key, of a public key, and of ``enc``."""
TAG_BYTES: Final = 16
"""By how much a sealed message is longer than the plain one."""
MIN_PSK_BYTES: Final = 32
"""RFC 9180 section 9.5: a shared secret of less entropy could be tried out."""

_MAX_EXPORT_BYTES: Final = 255 * 32
_MAX_SEQUENCE: Final = 2**32
_SUITE: Final = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)


class _Channel:
    """What both ends can do."""

    def __init__(self, context: ContextInterface, sequence: int) -> None:
        if not 0 <= sequence < _MAX_SEQUENCE:
            raise Malformed(Code.RANGE, "a channel does not carry so many messages")
        self._context = context
        self.sequence = sequence
        """Number of the next message. Kept by whoever wants to go on after a restart."""

    def export(self, context: bytes, length: int) -> Secret:
        """``length`` bytes that only the two ends know, others for each ``context``: RFC 9180 section 5.3."""
        if not 0 < length <= _MAX_EXPORT_BYTES:
            raise Malformed(Code.LENGTH, "an exported secret has 1 to 8160 bytes")
        return Secret(self._context.export(context, length))

    def _place(self) -> None:
        # The library also counts what did not open. RFC 9180 section 5.2 does not: or one forged message would deafen
        # the channel for all that come after it. So the count is ours, and the library is told.
        self._context._seq = self.sequence  # type: ignore[attr-defined]  # noqa: SLF001  # it has no other way in


class Sender(_Channel):
    """The end that seals. ``enc`` is what the receiver needs; it is no secret."""

    def __init__(self, context: ContextInterface, sequence: int, enc: bytes) -> None:
        super().__init__(context, sequence)
        self.enc = enc

    def seal(self, plaintext: bytes, aad: bytes) -> bytes:
        """The next message, ``TAG_BYTES`` longer; it opens with the same ``aad`` and in the same order only."""
        self._place()
        sealed = self._context.seal(plaintext, aad)
        self.sequence += 1
        return sealed


class Receiver(_Channel):
    """The end that opens."""

    def open(self, ciphertext: bytes, aad: bytes) -> bytes:
        """The next message. ``NotAuthentic(SEALED)`` for any other, which changes nothing."""
        self._place()
        try:
            plaintext = self._context.open(ciphertext, aad)
        except OpenError:
            # From None: the cause would only repeat that it does not open.
            raise NotAuthentic(Code.SEALED, "this was not sealed for here, or somebody touched it") from None
        self.sequence += 1
        return plaintext


def sender(
    recipient_public: bytes,
    *,
    info: bytes,
    ephemeral: Secret,
    psk: Secret | None = None,
    psk_id: bytes = b"",
    sequence: int = 0,
) -> Sender:
    """The sealing end of a channel to the holder of ``recipient_public`` (32 bytes).

    ``ephemeral``: 32 random bytes, drawn for this channel. ``psk`` with its name ``psk_id``: both or neither.
    ``sequence``: where to go on. ``Malformed``: ``KEY`` (a key that is none, or a point of low order), ``LENGTH``.
    """
    shared = _shared(psk, psk_id)
    pair = KEMKeyPair(_private(ephemeral), _public(public_of(ephemeral)))
    try:
        enc, context = _SUITE.create_sender_context(
            _public(recipient_public), info, psk=shared, psk_id=psk_id, eks=pair
        )
    except ValueError:
        raise _low_order() from None
    return Sender(context, sequence, enc)


def receiver(
    enc: bytes,
    private: Secret,
    *,
    info: bytes,
    psk: Secret | None = None,
    psk_id: bytes = b"",
    sequence: int = 0,
) -> Receiver:
    """The opening end, of the sender's ``enc`` and the own private key; everything else as for :func:`sender`."""
    shared, own = _shared(psk, psk_id), _private(private)
    _public(enc)
    try:
        context = _SUITE.create_recipient_context(enc, own, info, psk=shared, psk_id=psk_id)
    except ValueError:
        raise _low_order() from None
    return Receiver(context, sequence)


def public_of(private: Secret) -> bytes:
    """Public key of 32 private bytes. Every 32 bytes are a private key (RFC 7748 section 5)."""
    _sized(private)
    return X25519PrivateKey.from_private_bytes(private.reveal()).public_key().public_bytes_raw()


def _private(key: Secret) -> KEMKeyInterface:
    _sized(key)
    return KEMKey.from_pyca_cryptography_key(X25519PrivateKey.from_private_bytes(key.reveal()))


def _sized(key: Secret) -> None:
    if len(key) != KEY_BYTES:
        raise Malformed(Code.KEY, "a private key has 32 bytes")


def _public(key: bytes) -> KEMKeyInterface:
    if len(key) != KEY_BYTES:
        raise Malformed(Code.KEY, "a public key has 32 bytes")
    return _SUITE.kem.deserialize_public_key(key)


def _shared(psk: Secret | None, psk_id: bytes) -> bytes:
    """RFC 9180 section 5.1: the secret and its name come together; an empty one would silently mean base mode."""
    if psk is None:
        if psk_id:
            raise Malformed(Code.KEY, "the name of a shared secret, without the secret")
        return b""
    if not psk_id or len(psk) < MIN_PSK_BYTES:
        raise Malformed(Code.KEY, "a shared secret has at least 32 bytes, and a name")
    return psk.reveal()


def _low_order() -> Malformed:
    # RFC 9180 section 7.1.4: such a point would make a shared secret of zeros, which everybody knows.
    return Malformed(Code.KEY, "not a usable public key")
