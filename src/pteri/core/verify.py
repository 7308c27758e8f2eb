"""The one door: only :func:`verify` makes a :class:`Verified` statement (docs/spec section 4).

The numbered steps are those of the spec; the cheap ones come first, so that garbage costs little. The statement is
the one the server built from its own record; what the client sent is compared with it and never parsed as text.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from pteri.core import httpsig, ids
from pteri.core.acts import BindWallet, StatementAct
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.ids import Digest
from pteri.core.keys.address import parse_address
from pteri.core.keys.device import DeviceKey
from pteri.core.keys.message import SignatureType, verify_pinned
from pteri.core.keys.network import network_named
from pteri.core.statement import Statement
from pteri.core.wallets import PinnedWallet

__all__ = [
    "MAX_AGE_S",
    "MAX_AHEAD_S",
    "MAX_LIFETIME_S",
    "Payload",
    "Verified",
    "WalletSignature",
    "check_window",
    "decode_payload",
    "verify",
    "verify_wallet",
]

MAX_AGE_S: Final = 300
MAX_AHEAD_S: Final = 90
MAX_LIFETIME_S: Final = 300
_MAX_PAYLOAD_BYTES = 2048

ActT_co = TypeVar("ActT_co", bound=StatementAct, covariant=True)


class WalletSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wallet signature as text, of the type that was fixed at binding."""

    type: SignatureType
    signature: str


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body a phone signs with its device key and sends: hence the device covers the wallet signature.

    ``enrolment`` is there when, and only when, the statement is ``bind``: until then the server knows no key.
    """

    wallet_signature: WalletSignature
    statement_sha256: Digest
    client: str = ""
    enrolment: Enrolment | None = None


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a phone that is not registered yet. ``device_key`` is base64url of 65 SEC1 bytes."""

    device_key: str
    wallet: PinnedWallet


@dataclass(frozen=True, slots=True)
class Verified(Generic[ActT_co]):
    """A statement that the pinned wallet and the expected device both signed, at ``at``. Made by :func:`verify` only.

    ``wallet_rs`` and ``device_rs`` are the 64 canonical signature bytes from which the code is derived.
    """

    statement: Statement
    act: ActT_co
    text: bytes
    sha256: Digest
    wallet: PinnedWallet
    device: DeviceKey
    wallet_rs: bytes
    device_rs: bytes
    request: SignedRequest
    at: int


def decode_payload(body: bytes) -> Payload:
    """The payload in a body, or ``Malformed``. Only our own compact spelling is accepted: one body, one reading."""
    if len(body) > _MAX_PAYLOAD_BYTES:
        raise Malformed(Code.TOO_LARGE, "the signed payload has at most 2048 bytes")
    try:
        payload = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(Code.BODY, "not a signed payload") from error
    ids.digest(payload.statement_sha256)
    # A repeated key, white space or another key order would be a second spelling of what the device signed.
    if msgspec.json.encode(payload) != body:
        raise Malformed(Code.BODY, "not the canonical form of a signed payload")
    return payload


def check_window(statement: Statement, at: int) -> None:
    """Server time decides: at most 300 s old, at most 90 s ahead, at most 300 s to live, half-open."""
    if not 0 < statement.expires_at - statement.issued_at <= MAX_LIFETIME_S:
        raise OutOfWindow(Code.LIFETIME, "a statement lives for 1 to 300 s")
    if statement.issued_at > at + MAX_AHEAD_S:
        raise OutOfWindow(Code.NOT_YET_VALID, "issued in the future")
    if at >= statement.expires_at or at >= statement.issued_at + MAX_AGE_S:
        raise OutOfWindow(Code.EXPIRED, "the statement has expired")


def verify(
    request: SignedRequest,
    *,
    expected: Statement,
    expected_act: type[ActT_co],
    expected_wallet: PinnedWallet,
    expected_device: DeviceKey,
    expected_network: str,
    expected_method: str,
    expected_target_uri: str,
    at: int,
) -> Verified[ActT_co]:
    """Check both signatures over the statement ``expected``, at Unix second ``at``.

    1. shape of body and headers; 2. the act is the expected one, names the expected device, wallet and network, and
    ``bind``, nothing else, comes with the keys it names; 3. window; 4. device signature over the request; 5. digest of
    the rebuilt statement; 6. and 7. wallet signature, key and type equal to the pinned ones. (Whether the challenge is
    unspent and the epoch current is decided inside the commit.)

    Raises ``Malformed``, ``NotAuthentic`` or ``OutOfWindow``.
    """
    # 1. nothing below sees bytes that are not of the one shape
    payload = decode_payload(request.body)
    # 2. the caller's record is consistent: a slip here would let one purpose, phone or wallet stand for another
    act = expected.act
    if not isinstance(act, expected_act) or act.device != expected_device.thumbprint:
        raise NotAuthentic(Code.MISMATCH, "the statement is for another purpose or phone")
    if expected.address != expected_wallet.address:
        raise NotAuthentic(Code.WALLET_KEY, "the statement names another wallet")
    if expected.chain != network_named(expected_network).chain_id:
        raise NotAuthentic(Code.MISMATCH, "the statement is for another network")
    # The enrolment is what will be registered: it must be, to the letter, the keys that are checked below.
    brought = _enrolment(expected_device, expected_wallet) if isinstance(act, BindWallet) else None
    if payload.enrolment != brought:
        raise NotAuthentic(Code.MISMATCH, "not the keys that this statement links")
    # 3. time, before any key work
    check_window(expected, at)
    # 4. the phone, and with it the body that carries the wallet signature
    signed = httpsig.verify(
        request,
        key=expected_device,
        expected_method=expected_method,
        expected_target_uri=expected_target_uri,
        expected_tag=Tag.DEVICE,
        at=at,
    )
    # 5. - 7. the wallet
    text, sha256, wallet_rs = verify_wallet(
        payload, expected=expected, expected_wallet=expected_wallet, expected_network=expected_network
    )
    return Verified(
        statement=expected,
        act=act,
        text=text,
        sha256=sha256,
        wallet=expected_wallet,
        device=expected_device,
        wallet_rs=wallet_rs,
        device_rs=signed.signature,
        request=request,
        at=at,
    )


def verify_wallet(
    payload: Payload, *, expected: Statement, expected_wallet: PinnedWallet, expected_network: str
) -> tuple[bytes, Digest, bytes]:
    """Steps 5 to 7 alone: statement text, its digest, and r || s of the wallet signature.

    A wallet signature alone is no authority; besides :func:`verify` it only serves to notice that somebody holds the
    wallet without a phone (abuse case PR-01).
    """
    text = expected.encode()
    sha256 = ids.digest_text(hashlib.sha256(text).digest())
    if not hmac.compare_digest(sha256.encode(), payload.statement_sha256.encode("utf-8", "replace")):
        raise NotAuthentic(Code.STATEMENT_DIGEST, "another statement was signed")
    if payload.wallet_signature.type != expected_wallet.signature_type:
        raise NotAuthentic(Code.FORMAT, "not the signature type of this account")
    message = verify_pinned(
        parse_address(expected_wallet.address, network=expected_network),
        expected_wallet.key_bytes(),
        text,
        payload.wallet_signature.signature,
        signature_type=expected_wallet.signature_type,
    )
    return text, sha256, message.rs


def _enrolment(device: DeviceKey, wallet: PinnedWallet) -> Enrolment:
    return Enrolment(ids.to_base64url(device.sec1), wallet)


_decoder = msgspec.json.Decoder(Payload)
