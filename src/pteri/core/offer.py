"""What a new phone shows its old phone: a signed offer of its device key (docs/spec section 6.1).

Layout, after ``PTERI-PHONE1:`` and base45: device key (65, SEC1 uncompressed), expiry (8, Unix seconds big-endian),
random (16), tenant (1 to 32 ASCII), signature of the device key over prefix and everything before it (64, last).
The signature shows that the offered key is held by the phone that shows it. An offer is no link.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.core.ids import Digest, TenantId
from pteri.core.keys.device import DeviceKey, DevicePrivateKey

__all__ = ["OFFER_LIFE_S", "Offer", "make_offer", "parse_offer"]

OFFER_LIFE_S: Final = 600
_PREFIX: Final = "PTERI-PHONE1:"
_MAX_CHARACTERS: Final = 320
_KEY, _EXPIRY, _RANDOM, _SIGNATURE = 65, 8, 16, 64
_FIXED = _KEY + _EXPIRY + _RANDOM + _SIGNATURE


class Offer(msgspec.Struct, frozen=True):
    """A checked offer. ``digest`` pins all of it, ``transcript`` what the two phones said (here: the offer only)."""

    tenant: TenantId
    device_key: bytes
    expires_at: int
    digest: Digest
    transcript: Digest


def make_offer(key: DevicePrivateKey, *, tenant: TenantId, expires_at: int, random: bytes) -> str:
    """The text to show, from 16 random bytes. ``Malformed`` for a value with no spelling."""
    if len(random) != _RANDOM:
        raise Malformed(Code.LENGTH, "an offer takes 16 random bytes")
    if not 0 <= expires_at < 2 ** (8 * _EXPIRY):
        raise Malformed(Code.FIELD, "the end of an offer is not an instant")
    name = ids.tenant_id(tenant).encode("ascii")
    body = key.public.sec1 + expires_at.to_bytes(_EXPIRY, "big") + random + name
    return _PREFIX + to_base45(body + key.sign(_signed(body)))


def parse_offer(text: str, *, expected_tenant: TenantId, at: int) -> Offer:
    """The offer of this text: shape, tenant, time, then the signature of the offered key."""
    if not isinstance(text, str) or len(text) > _MAX_CHARACTERS or not text.startswith(_PREFIX):
        raise Malformed(Code.OFFER, "not the offer of a new phone")
    raw = from_base45(text.removeprefix(_PREFIX))
    if not _FIXED < len(raw) <= _FIXED + 32:
        raise Malformed(Code.OFFER, "not the offer of a new phone")
    body, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
    tenant = _tenant(body[_KEY + _EXPIRY + _RANDOM :])
    key = DeviceKey.from_sec1(body[:_KEY])
    expires_at = int.from_bytes(body[_KEY : _KEY + _EXPIRY], "big")
    if tenant != expected_tenant:
        raise NotAuthentic(Code.OFFER, "the offer is for another service")
    if at >= expires_at:
        raise OutOfWindow(Code.EXPIRED, "the offer has expired; show a new one on the new phone")
    if expires_at > at + 2 * OFFER_LIFE_S:
        raise OutOfWindow(Code.LIFETIME, "the offer lives too long")
    key.verify(_signed(body), signature)
    return Offer(
        tenant=tenant,
        device_key=body[:_KEY],
        expires_at=expires_at,
        # Over the body, not the signature: a malleated signature must not make a second offer.
        digest=ids.digest_text(hashlib.sha256(b"PTERI-OFFER-v1\0" + body).digest()),
        transcript=ids.digest_text(hashlib.sha256(b"PTERI-TRANSCRIPT-v1\0" + body).digest()),
    )


def _signed(body: bytes) -> bytes:
    return _PREFIX.encode("ascii") + body


def _tenant(raw: bytes) -> TenantId:
    try:
        return ids.tenant_id(raw.decode("ascii"))
    except UnicodeDecodeError as error:
        raise Malformed(Code.OFFER, "not the offer of a new phone") from error
