"""What a new phone shows its old phone, and what the server is told of it (docs/spec/transfer.md section 1).

The offer is read by a camera, or typed from one screen to the other; it is no link, and nothing but the old phone's own
scanner reads it (abuse case MI-04). It carries ``secret``, which is what makes the channel the phones' own: so the
server, which also carries the channel's messages, gets the *card*, with the hash of the secret in its place.

=========  ===================================================================================
offer      ``PTERI-MIG1:``  and base45 of: public part, secret (32), signature (64)
card       ``PTERI-CARD1:`` and base45 of: public part, SHA-256 of the secret (32), signature (64)
=========  ===================================================================================

Public part: version 1 (1), mailbox (16), device key (65, SEC1 uncompressed), key of the channel (32, X25519), expiry
(8, Unix seconds big-endian), tenant (1 to 32 ASCII). The device key signs ``PTERI-MIG1:``, public part and hash.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from pteri.core import ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.core.hpke import KEY_BYTES
from pteri.core.ids import Digest, TenantId, Thumbprint
from pteri.core.keys.device import SEC1_BYTES, SIGNATURE_BYTES, DeviceKey, DevicePrivateKey
from pteri.core.keys.secret import Secret

__all__ = [
    "BEACON_BYTES",
    "MAILBOX_BYTES",
    "MAX_CHARACTERS",
    "OFFER_LIFE_S",
    "SECRET_BYTES",
    "Card",
    "Offer",
    "make_offer",
    "parse_card",
    "parse_offer",
]

OFFER_LIFE_S: Final = 600
"""From showing the offer to the code: people who hold both phones need two minutes."""
MAILBOX_BYTES: Final = 16
SECRET_BYTES: Final = 32
BEACON_BYTES: Final = 16
MAX_CHARACTERS: Final = 420

_OFFER_PREFIX: Final = "PTERI-MIG1:"
_CARD_PREFIX: Final = "PTERI-CARD1:"
_VERSION: Final = 1
_EXPIRY: Final = 8
_BEFORE_TENANT: Final = 1 + MAILBOX_BYTES + SEC1_BYTES + KEY_BYTES + _EXPIRY
_AFTER_TENANT: Final = 32 + SIGNATURE_BYTES


@dataclass(frozen=True, slots=True)
class Card:
    """A checked offer without its secret: what a server may know."""

    tenant: TenantId
    mailbox: bytes
    """Where the two phones meet, 16 bytes."""
    device: DeviceKey
    channel_key: bytes
    """The new phone's public key of this one conversation."""
    expires_at: int
    secret_sha256: bytes
    signature: bytes

    @property
    def body(self) -> bytes:
        """The public part."""
        return b"".join(
            (
                bytes((_VERSION,)),
                self.mailbox,
                self.device.sec1,
                self.channel_key,
                self.expires_at.to_bytes(_EXPIRY, "big"),
                self.tenant.encode("ascii"),
            )
        )

    @property
    def digest(self) -> Digest:
        """What pins the whole offer. Without the signature: a malleated one must not make a second offer."""
        return ids.digest_text(hashlib.sha256(b"PTERI-OFFER-v1\0" + self.body + self.secret_sha256).digest())

    @property
    def beacon(self) -> bytes:
        """What the new phone says by radio while it shows the offer: 16 bytes that commit to all of it (MI-05)."""
        return hashlib.sha256(b"PTERI-BEACON-v1\0" + self.body + self.secret_sha256).digest()[:BEACON_BYTES]

    @property
    def new_device(self) -> Thumbprint:
        """Thumbprint of the phone that asks to be let in."""
        return self.device.thumbprint

    def encode(self) -> str:
        """Its text, for the server."""
        return _CARD_PREFIX + to_base45(self.body + self.secret_sha256 + self.signature)


@dataclass(frozen=True, slots=True)
class Offer:
    """A checked offer, with the secret that only who has seen the new phone's screen can know."""

    card: Card
    secret: Secret = field(compare=False)

    def encode(self) -> str:
        """Its text, for the QR code. Whoever has it can talk to the new phone until it expires: never log it."""
        return _OFFER_PREFIX + to_base45(self.card.body + self.secret.reveal() + self.card.signature)


def make_offer(
    key: DevicePrivateKey, *, tenant: TenantId, mailbox: bytes, channel_key: bytes, secret: Secret, expires_at: int
) -> Offer:
    """The signed offer of these values; ``Malformed`` for one that has no spelling."""
    if len(mailbox) != MAILBOX_BYTES or len(secret) != SECRET_BYTES or len(channel_key) != KEY_BYTES:
        raise Malformed(Code.LENGTH, "an offer has a mailbox of 16 bytes, a secret and a channel key of 32")
    if not 0 <= expires_at < 2 ** (8 * _EXPIRY):
        raise Malformed(Code.FIELD, "the end of an offer is not an instant")
    hidden = hashlib.sha256(secret.reveal()).digest()
    unsigned = Card(ids.tenant_id(tenant), mailbox, key.public, channel_key, expires_at, hidden, b"")
    signature = key.sign(_signed(unsigned))
    return Offer(Card(unsigned.tenant, mailbox, key.public, channel_key, expires_at, hidden, signature), secret)


def parse_offer(text: str, *, expected_tenant: TenantId, at: int) -> Offer:
    """The offer that was scanned: shape, tenant, time, then the signature of the offered key."""
    raw = _raw(text, _OFFER_PREFIX, "not the offer of a new phone")
    secret = raw[-_AFTER_TENANT:-SIGNATURE_BYTES]
    card = _card(raw, hashlib.sha256(secret).digest(), expected_tenant, at)
    return Offer(card, Secret(secret))


def parse_card(text: str, *, expected_tenant: TenantId, at: int) -> Card:
    """The same of the text that the server gets."""
    raw = _raw(text, _CARD_PREFIX, "not the card of a new phone")
    return _card(raw, raw[-_AFTER_TENANT:-SIGNATURE_BYTES], expected_tenant, at)


def _raw(text: str, prefix: str, refusal: str) -> bytes:
    if not isinstance(text, str) or len(text) > MAX_CHARACTERS or not text.startswith(prefix):
        raise Malformed(Code.OFFER, refusal)
    raw = from_base45(text.removeprefix(prefix))
    if not _BEFORE_TENANT + _AFTER_TENANT < len(raw) <= _BEFORE_TENANT + 32 + _AFTER_TENANT or raw[0] != _VERSION:
        raise Malformed(Code.OFFER, refusal)
    return raw


def _card(raw: bytes, secret_sha256: bytes, expected_tenant: TenantId, at: int) -> Card:
    fixed, name, signature = raw[:_BEFORE_TENANT], raw[_BEFORE_TENANT:-_AFTER_TENANT], raw[-SIGNATURE_BYTES:]
    key_at = 1 + MAILBOX_BYTES
    card = Card(
        tenant=_tenant(name),
        mailbox=fixed[1:key_at],
        device=DeviceKey.from_sec1(fixed[key_at : key_at + SEC1_BYTES]),
        channel_key=fixed[key_at + SEC1_BYTES : -_EXPIRY],
        expires_at=int.from_bytes(fixed[-_EXPIRY:], "big"),
        secret_sha256=secret_sha256,
        signature=signature,
    )
    if card.tenant != expected_tenant:
        raise NotAuthentic(Code.OFFER, "the offer is for another service")
    if at >= card.expires_at:
        raise OutOfWindow(Code.EXPIRED, "the offer has expired; show a new one on the new phone")
    if card.expires_at > at + 2 * OFFER_LIFE_S:
        raise OutOfWindow(Code.LIFETIME, "the offer lives too long")
    card.device.verify(_signed(card), signature)
    return card


def _signed(card: Card) -> bytes:
    return _OFFER_PREFIX.encode("ascii") + card.body + card.secret_sha256


def _tenant(raw: bytes) -> TenantId:
    try:
        return ids.tenant_id(raw.decode("ascii"))
    except UnicodeDecodeError as error:
        raise Malformed(Code.OFFER, "not the offer of a new phone") from error
