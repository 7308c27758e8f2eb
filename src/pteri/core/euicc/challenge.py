"""``AuthenticateServerResponse``: a chip answers our challenge (SGP.22 section 5.7.13).

    [56] { [0] { SEQUENCE euiccSigned1, [APPLICATION 55] signature, chip's certificate, manufacturer's certificate } }

The signature is over euiccSigned1 as it came. It proves that this chip answered now, and nothing of any profile.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from pteri.core.errors import Code, MalformedEvidence, NotAuthentic
from pteri.core.euicc.anchors import TrustAnchors
from pteri.core.euicc.der import SEQUENCE, Element, Fields, exactly, one_of, only, text, well_formed
from pteri.core.euicc.notification import MAX_ADDRESS_BYTES, MAX_MESSAGE_BYTES, SIGNATURE
from pteri.core.euicc.numbers import Eid

__all__ = ["CHALLENGE_BYTES", "MAX_TRANSACTION_BYTES", "ChipProof", "bind_challenge", "verify_authenticate_response"]

CHALLENGE_BYTES: Final = 16
MAX_TRANSACTION_BYTES: Final = 16
RESPONSE: Final = 0xBF38
OK: Final = 0xA0
ERROR: Final = 0xA1
_INFO: Final = 0xBF22
_COMMON: Final = 0xA0
_DEVICE: Final = 0xA1
_MATCHING_ID: Final = 0x80
_MAX_MATCHING_ID_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class ChipProof:
    """A chip that answered our challenge. ``matching_id`` is the token that its phone's person typed or scanned."""

    eid: Eid = field(repr=False)
    challenge: bytes = field(repr=False)
    transaction_id: bytes = field(repr=False)
    server_address: str
    matching_id: str | None = field(repr=False)
    ci_key_id: str


def bind_challenge(*, wallet: str, nonce: str, server: str) -> bytes:
    """The 16 bytes that a chip is asked to sign to be bound to a wallet.

    ``SHA-256("pteri/esim-bind/v1" 00 wallet 00 nonce 00 server)[:16]``. The nonce is fresh, single use and the
    server's own record of it names purpose and device key; a zero byte in a part could move its border.
    """
    parts = (wallet, nonce, server)
    if any(not part or not part.isascii() or not part.isprintable() for part in parts):
        raise MalformedEvidence(Code.FIELD, "wallet, nonce and server are printable ASCII")
    return hashlib.sha256("\0".join(("pteri/esim-bind/v1", *parts)).encode("ascii")).digest()[:CHALLENGE_BYTES]


def verify_authenticate_response(
    der: bytes,
    *,
    anchors: TrustAnchors,
    at: int,
    expected_challenge: bytes,
    expected_transaction_id: bytes,
    expected_address: str,
) -> ChipProof:
    """Verify the answer to one challenge at the instant ``at`` (Unix seconds).

    1. It is DER of its one shape, at most 16 KiB, and no error.
    2. Transaction, address and challenge are the expected ones: an answer to another server is worth nothing here.
    3. The two certificates in it lead to a trust anchor (:meth:`TrustAnchors.chip`).
    4. The chip signed all of it.

    Raises ``MalformedEvidence`` or ``NotAuthentic``, and nothing else.
    """
    outer = only(der, max_bytes=MAX_MESSAGE_BYTES)
    if outer.tag != RESPONSE:
        raise MalformedEvidence(Code.ELEMENT, "not the answer of a chip to a server")
    body = one_of(outer.content, (OK, ERROR), "the answer")
    if body.tag == ERROR:
        raise NotAuthentic(Code.CHIP_ERROR, "the chip did not accept this server")
    signed, signature, leaf, manufacturer = exactly(
        body.content, (SEQUENCE, SIGNATURE, SEQUENCE, SEQUENCE), "the answer"
    )
    transaction_id, address, challenge, matching_id = _signed(signed)
    if transaction_id != expected_transaction_id:
        raise NotAuthentic(Code.TRANSACTION, "an answer in another transaction")
    if address != expected_address:
        raise NotAuthentic(Code.SERVER_ADDRESS, "an answer to another server")
    if challenge != expected_challenge:
        raise NotAuthentic(Code.CHALLENGE, "an answer to another challenge")
    chip = anchors.chip(leaf.raw, manufacturer.raw, at=at)
    chip.key.check_raw(signed.raw, signature.content, otherwise=Code.CHIP_SIGNATURE)
    return ChipProof(chip.eid, challenge, transaction_id, address, matching_id, chip.ci_key_id)


def _signed(signed: Element) -> tuple[bytes, str, bytes, str | None]:
    """Transaction, address, challenge and matching id of euiccSigned1."""
    transaction, server, asked, info, common = exactly(
        signed.content, (0x80, 0x83, 0x84, _INFO, _COMMON), "what the chip signed"
    )
    transaction_id, challenge = transaction.content, asked.content
    if not 1 <= len(transaction_id) <= MAX_TRANSACTION_BYTES:
        raise MalformedEvidence(Code.LENGTH, "a transaction id has 1 to 16 bytes")
    address = text(server, max_bytes=MAX_ADDRESS_BYTES)
    if len(challenge) != CHALLENGE_BYTES:
        raise MalformedEvidence(Code.LENGTH, "a challenge has 16 bytes")
    # What the chip can do grows with every version, and nothing here hangs on it: its form is all that is asked.
    well_formed(info)
    Fields(info.content, "what the chip can do").rest()
    return transaction_id, address, challenge, _matching_id(Fields(common.content, "the context"))


def _matching_id(context: Fields) -> str | None:
    matching_id = context.optional(_MATCHING_ID)
    device = context.take(_DEVICE)
    for element in (device, *context.rest()):
        well_formed(element)
    if matching_id is None or not matching_id.content:
        return None  # an empty one says the same: any profile that waits for this chip
    return text(matching_id, max_bytes=_MAX_MATCHING_ID_BYTES)
