"""The answer of a phone without network: shown as a QR code, read by the browser's camera (docs/spec section 4.6).

It is what only the phone can know of one signed request. Everything else of that request follows from the invitation
and from the server's own records, so it is built again on both sides and never carried. The request is one that
nobody sends: its target takes no request of a phone. So this answer is of no use where phones answer themselves, and
what a phone sends there is of no use here, where no code is typed after it.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core import httpsig, ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed
from pteri.core.httpsig import NONCE_BYTES, SignedRequest, Tag
from pteri.core.ids import RequestId, TenantId, Thumbprint
from pteri.core.keys.device import SIGNATURE_BYTES
from pteri.core.keys.message import SignatureType
from pteri.core.verify import Invited, Payload, WalletSignature

if TYPE_CHECKING:
    from pteri.core.keys.device import DevicePrivateKey
    from pteri.core.statement import Statement

__all__ = ["MAX_ANSWER_CHARACTERS", "AirgapAnswer", "answered_request", "parse_answer", "sign_answer", "target_path"]

MAX_ANSWER_CHARACTERS: Final = 347
"""Of an answer with the longest wallet signature."""
_PREFIX: Final = "PTERI1R:"
_LABEL: Final = b"PTERI-AIRGAP-v1"
_KIND: Final = "lgn"
_REQUEST, _DEVICE, _CREATED = slice(0, 17), slice(17, 49), slice(49, 54)
_DEVICE_SIGNATURE, _WALLET_SIGNATURE = slice(54, 118), slice(118, None)
_WALLET_BYTES: Final = range(65, 109)
"""A compact signature has 65, the witness of a P2TR address 66 or 67, that of a P2WPKH address at most 108."""
_CREATED_END: Final = 10**12
"""Twelve digits, as in the header."""
_P256_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_WITNESS_PREFIX: Final = "smp"


class AirgapAnswer(msgspec.Struct, frozen=True, gc=False):
    """What the phone ``device`` brings; it proves nothing before :func:`pteri.core.verify.verify`.

    ``device_signature``: r || s with s at most n/2, made at Unix second ``created_at`` of the phone's own clock.
    ``wallet_signature``: its bytes, without base64; of which type they are, the account's record says.
    """

    request: RequestId
    device: Thumbprint
    created_at: int
    device_signature: bytes
    wallet_signature: bytes

    def __repr__(self) -> str:
        # In its own session this is as good as a code until it has been brought there: no log may show it.
        return f"AirgapAnswer({self.request}, {self.device}, {self.created_at})"

    def encode(self) -> str:
        """``PTERI1R:`` and base45 of request (17), device (32), created (5), both signatures; ``Malformed`` if none.

        183 bytes and 283 characters with a compact wallet signature: a QR code of version 10 at level M (9 at L).
        """
        _check(self)
        raw = ids.request_bytes(self.request) + ids.digest_bytes(self.device) + self.created_at.to_bytes(5, "big")
        return _PREFIX + to_base45(raw + self.device_signature + self.wallet_signature)


def parse_answer(text: str) -> AirgapAnswer:
    """The answer in a scanned text, or ``Malformed``. Each has one spelling."""
    if not isinstance(text, str) or len(text) > MAX_ANSWER_CHARACTERS or not text.startswith(_PREFIX):
        raise Malformed(Code.FIELD, "not the answer of a phone")
    raw = from_base45(text.removeprefix(_PREFIX))
    if len(raw[_WALLET_SIGNATURE]) not in _WALLET_BYTES:
        raise Malformed(Code.LENGTH, "not the length of an answer")
    answer = AirgapAnswer(
        request=ids.request_text(_KIND, raw[_REQUEST]),
        device=Thumbprint(ids.digest_text(raw[_DEVICE])),
        created_at=int.from_bytes(raw[_CREATED], "big"),
        device_signature=raw[_DEVICE_SIGNATURE],
        wallet_signature=raw[_WALLET_SIGNATURE],
    )
    _check(answer)
    return answer


def sign_answer(
    statement: Statement,
    *,
    wallet_signature: str,
    signature_type: SignatureType,
    invited: Invited,
    origin: str,
    tenant: TenantId,
    key: DevicePrivateKey,
    created_at: int,
) -> AirgapAnswer:
    """What a phone shows once its wallet has signed: ``wallet_signature`` is the text of that signature.

    ``created_at`` is by the phone's own clock, since no other one can be asked.
    """
    wallet_raw = _signature_bytes(wallet_signature, signature_type)
    signed = httpsig.sign(
        method="POST",
        target_uri=_target(origin, tenant, statement.request_id),
        body=_body(statement, wallet_raw, signature_type, invited),
        idempotency_key=statement.request_id,
        key=key,
        created_at=created_at,
        nonce=_http_nonce(statement.request_id),
        tag=Tag.DEVICE,
    )
    r_s = httpsig.parse(signed, expected_tag=Tag.DEVICE).signature
    answer = AirgapAnswer(statement.request_id, key.public.thumbprint, created_at, r_s, wallet_raw)
    _check(answer)
    return answer


def answered_request(
    answer: AirgapAnswer,
    statement: Statement,
    *,
    signature_type: SignatureType,
    invited: Invited,
    origin: str,
    tenant: TenantId,
) -> SignedRequest:
    """The request that this answer is of, if its phone signed this statement under these terms.

    Nothing is proved here: the signatures are over other bytes where anything differs.
    """
    return httpsig.assembled(
        method="POST",
        target_uri=_target(origin, tenant, statement.request_id),
        body=_body(statement, answer.wallet_signature, signature_type, invited),
        idempotency_key=statement.request_id,
        key_id=answer.device,
        created_at=answer.created_at,
        nonce=_http_nonce(statement.request_id),
        tag=Tag.DEVICE,
        signature=answer.device_signature,
    )


def target_path(tenant: TenantId, request: RequestId) -> str:
    """Where the request says that it goes: the place to which a relying party brings it in its own name."""
    return f"/v1/{tenant}/logins/{request}/answer"


def _target(origin: str, tenant: TenantId, request: RequestId) -> str:
    return origin + target_path(tenant, request)


def _http_nonce(request: RequestId) -> bytes:
    """As good as random for its purpose: an id comes once, and what is new each time is in the statement."""
    return hashlib.sha256(_LABEL + b"\0" + request.encode("ascii")).digest()[:NONCE_BYTES]


def _body(statement: Statement, wallet_raw: bytes, signature_type: SignatureType, invited: Invited) -> bytes:
    """The canonical payload: all that a phone would have sent, without the name of its program."""
    return msgspec.json.encode(
        Payload(
            wallet_signature=WalletSignature(signature_type, _signature_text(wallet_raw, signature_type)),
            statement_sha256=ids.digest_text(statement.sha256()),
            invited=invited,
        )
    )


def _signature_text(raw: bytes, signature_type: SignatureType) -> str:
    """One text for these bytes: of the two that a witness may have, the one with its prefix."""
    prefix = _WITNESS_PREFIX if signature_type is SignatureType.BIP322_SIMPLE else ""
    return prefix + base64.b64encode(raw).decode("ascii")


def _signature_bytes(text: str, signature_type: SignatureType) -> bytes:
    bare = text.removeprefix(_WITNESS_PREFIX) if signature_type is SignatureType.BIP322_SIMPLE else text
    try:
        raw = base64.b64decode(bare, validate=True)
    except ValueError as error:
        raise Malformed(Code.ENCODING, "not base64") from error
    if base64.b64encode(raw).decode("ascii") != bare:
        raise Malformed(Code.ENCODING, "not canonical base64")
    return raw


def _check(answer: AirgapAnswer) -> None:
    if not 0 <= answer.created_at < _CREATED_END:
        raise Malformed(Code.FIELD, "an instant of a signature has at most twelve digits")
    if len(answer.wallet_signature) not in _WALLET_BYTES or len(answer.device_signature) != SIGNATURE_BYTES:
        raise Malformed(Code.LENGTH, "not the length of an answer")
    r, s = (int.from_bytes(half, "big") for half in (answer.device_signature[:32], answer.device_signature[32:]))
    if not (0 < r < _P256_N and 0 < s < _P256_N):
        raise Malformed(Code.RANGE, "r and s are between 1 and n-1")
    # Secure elements emit either twin; here, where the phone writes and nobody else, there is only one.
    if s > _P256_N // 2:
        raise Malformed(Code.HIGH_S, "the device signature has its low s here")
