"""The messages of a transfer, sealed and opened (docs/spec/transfer.md sections 2 and 3).

``k = HPKE(PSK mode, psk = the offer's secret, psk_id = mailbox, info = "PTERI-MIG1" || 00 || offer digest)``: from the
old phone to the new one by HPKE itself, the other way under a key and a nonce exported from it (RFC 9180 section 9.8).

A message is ``version 2, direction, sequence, kind`` (a byte each) and what is sealed; the first also carries ``enc``.
These four bytes are its associated data. Each kind has one direction and one place, so a message can be taken for
another neither in this conversation nor, since no two have a key in common, in any other (abuse case CR-09). All that
is sealed is the same to the byte when it is made again: a phone that died repeats itself and says nothing new.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from pteri.core import hpke
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.hpke import KEY_BYTES, TAG_BYTES
from pteri.core.ids import Digest, digest_bytes, digest_text
from pteri.core.keys.secret import Secret
from pteri.core.transfer.offer import MAILBOX_BYTES, Card, Offer

__all__ = ["FIRST_ROUND", "LAST_ROUND", "MAX_FRAME_BYTES", "Channel", "Kind", "enc_of", "transcript"]

FIRST_ROUND: Final = 2
"""The first mailbox is named in the offer. Those for the wallet are derived, and numbered from here."""
LAST_ROUND: Final = 255
MAX_FRAME_BYTES: Final = 4096
"""Of any message: what a mailbox takes."""

_LABEL: Final = b"PTERI-MIG1"
_VERSION: Final = 2
"""1: the same conversation, in which the phones did not yet tell each other what they saw of the log."""
_CODE_DIGITS: Final = 6


class Kind(Enum):
    """A message: its number, its direction (1 from the old phone, 2 from the new one) and its place there."""

    HELLO = (1, 1, 0)
    OK = (2, 2, 0)
    CONFIRMED = (3, 2, 1)
    WALLET = (4, 1, 1)
    DONE = (5, 2, 2)

    @property
    def header(self) -> bytes:
        """The first four bytes."""
        number, direction, sequence = self.value
        return bytes((_VERSION, direction, sequence, number))

    @property
    def is_from_old(self) -> bool:
        """Whether the old phone says it."""
        return bool(self.value[1] == 1)

    @property
    def sequence(self) -> int:
        """Its place among the messages of its direction."""
        return int(self.value[2])


@dataclass(frozen=True, slots=True)
class Channel:
    """One end. ``enc`` is the old phone's public key of this conversation; ``private`` this end's private one."""

    offer: Offer
    enc: bytes
    private: Secret
    is_old: bool

    @classmethod
    def of_old(cls, offer: Offer, ephemeral: Secret) -> Channel:
        """The old phone's end, with a fresh key of 32 random bytes."""
        return cls(offer, hpke.public_of(ephemeral), ephemeral, is_old=True)

    @classmethod
    def of_new(cls, offer: Offer, private: Secret, enc: bytes) -> Channel:
        """The new phone's end, with the key whose public half it offered."""
        return cls(offer, enc, private, is_old=False)

    def seal(self, kind: Kind, plaintext: bytes) -> bytes:
        """The whole message. Only the end that says this kind may call it, and only with one plaintext ever."""
        assert kind.is_from_old == self.is_old, "each end seals its own messages"
        if isinstance(end := self._end(kind.sequence), hpke.Sender):
            sealed = end.seal(plaintext, _aad(kind))
        else:
            key, nonce = _answers(end, kind.sequence)
            sealed = key.encrypt(nonce, plaintext, _aad(kind))
        return kind.header + (self.enc if kind is Kind.HELLO else b"") + sealed

    def open(self, kind: Kind, frame: bytes) -> bytes:
        """What the other end sealed; ``NotAuthentic(SEALED)`` or, for another shape, ``Malformed(BODY)``."""
        assert kind.is_from_old != self.is_old, "nobody opens what it said itself"
        body = _body(kind, frame)
        if isinstance(end := self._end(kind.sequence), hpke.Receiver):
            return end.open(body[KEY_BYTES:] if kind is Kind.HELLO else body, _aad(kind))
        key, nonce = _answers(end, kind.sequence)
        try:
            return key.decrypt(nonce, body, _aad(kind))
        except InvalidTag:
            raise NotAuthentic(Code.SEALED, "this was not sealed for here, or somebody touched it") from None

    def code(self) -> str:
        """Six digits that only the two ends know. Not what secures the channel: it ties it to one pair of hands."""
        number = int.from_bytes(self._export(b"code", 8).reveal(), "big")
        return str(number % 10**_CODE_DIGITS).zfill(_CODE_DIGITS)

    def mailbox(self, number: int) -> bytes:
        """Where the wallet is handed over in this round: an id that nobody else can know."""
        if not FIRST_ROUND <= number <= LAST_ROUND:
            raise Malformed(Code.RANGE, "there is no such round")
        return self._export(b"mailbox" + bytes((number,)), MAILBOX_BYTES).reveal()

    def _export(self, what: bytes, length: int) -> Secret:
        return self._end(0).export(_LABEL + b" " + what, length)

    def _end(self, sequence: int) -> hpke.Sender | hpke.Receiver:
        card = self.offer.card
        info = _LABEL + b"\0" + digest_bytes(card.digest)
        if self.is_old:
            return hpke.sender(
                card.channel_key,
                info=info,
                ephemeral=self.private,
                psk=self.offer.secret,
                psk_id=card.mailbox,
                sequence=sequence,
            )
        return hpke.receiver(
            self.enc, self.private, info=info, psk=self.offer.secret, psk_id=card.mailbox, sequence=sequence
        )


def enc_of(frame: bytes) -> bytes:
    """The public key that a HELLO brings; ``Malformed(BODY)`` for anything else."""
    return _body(Kind.HELLO, frame)[:KEY_BYTES]


def transcript(card: Card, hello: bytes, ok: bytes) -> Digest:
    """What both phones said to each other before the code: it stands in the statement that lets the new one in."""
    said = digest_bytes(card.digest) + hashlib.sha256(hello).digest() + hashlib.sha256(ok).digest()
    return digest_text(hashlib.sha256(b"PTERI-TRANSCRIPT-v1\0" + said).digest())


def _body(kind: Kind, frame: bytes) -> bytes:
    """What follows the header, if it is this kind's."""
    shortest = len(kind.header) + (KEY_BYTES if kind is Kind.HELLO else 0) + TAG_BYTES
    if not shortest <= len(frame) <= MAX_FRAME_BYTES or not frame.startswith(kind.header):
        raise Malformed(Code.BODY, "not the message that comes next")
    return frame[len(kind.header) :]


def _aad(kind: Kind) -> bytes:
    return _LABEL + b"\0" + kind.header


def _answers(end: hpke.Sender | hpke.Receiver, sequence: int) -> tuple[ChaCha20Poly1305, bytes]:
    key = end.export(_LABEL + b" answer key", 32)
    base = end.export(_LABEL + b" answer nonce", 12)
    nonce = int.from_bytes(base.reveal(), "big") ^ sequence
    return ChaCha20Poly1305(key.reveal()), nonce.to_bytes(12, "big")
