"""The one door: only :func:`verify` makes a :class:`Verified` statement (docs/spec section 4).

The numbered steps are those of the spec; the cheap ones come first, so that garbage costs little. The statement is
the one the server built from its own record; what the client sent is compared with it and never parsed as text.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Final, Generic, ParamSpec, TypeVar

import msgspec

from pteri.core import httpsig, ids
from pteri.core.acts import SAME_WALLET, BindWallet, StatementAct
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.httpsig import ParsedRequest, SignedRequest, Tag, VerifiedRequest
from pteri.core.ids import BlockId, Digest, Thumbprint
from pteri.core.keys.address import parse_address
from pteri.core.keys.device import DeviceKey
from pteri.core.keys.message import SignatureType, verify_pinned
from pteri.core.keys.network import network_named
from pteri.core.keys.recovery import verify_code
from pteri.core.statement import Statement
from pteri.core.wallets import PinnedWallet

__all__ = [
    "MAX_AGE_S",
    "MAX_AHEAD_S",
    "MAX_LIFETIME_S",
    "CodeSignature",
    "Invited",
    "NewWallet",
    "Payload",
    "Question",
    "Submitted",
    "Verified",
    "WalletSignature",
    "check_window",
    "decode_payload",
    "submitted",
    "verify",
    "verify_each",
    "verify_wallet",
]

MAX_AGE_S: Final = 300
MAX_AHEAD_S: Final = 90
MAX_LIFETIME_S: Final = 300
_MAX_PAYLOAD_BYTES = 3072

FoundT = TypeVar("FoundT")
ParametersT = ParamSpec("ParametersT")
ActT_co = TypeVar("ActT_co", bound=StatementAct, covariant=True)


class WalletSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A wallet signature as text, of the type that was fixed at binding."""

    type: SignatureType
    signature: str


class Payload(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body a phone signs with its device key and sends: hence the device covers the wallet signature.

    ``enrolment`` is there when, and only when, the statement is ``bind``: until then the server knows no key.
    ``invited``: the terms of a sign-in whose invitation was scanned. ``new_wallet``: where the statement names one.
    ``recovery_code``: where a recovery code speaks, too. ``signed_by``: whose the wallet signature is, where it is not
    the account's: without it nobody who reads the log later could verify it.
    """

    wallet_signature: WalletSignature
    statement_sha256: Digest
    client: str = ""
    enrolment: Enrolment | None = None
    invited: Invited | None = None
    new_wallet: NewWallet | None = None
    recovery_code: CodeSignature | None = None
    signed_by: PinnedWallet | None = None


class NewWallet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The wallet that shall take the place of another, and its own signature over the same statement.

    Without ``signature`` it is the wallet that signed the statement: the account's own one is lost.
    """

    wallet: PinnedWallet
    signature: str | None = None


class CodeSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The public key of a recovery code (base64url SEC1) and its signature over the statement (base64url r || s)."""

    key: str
    signature: str


class Invited(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the server chose of a sign-in and keeps no record of, as the invitation said it. It proves nothing."""

    session: Digest
    number: str
    issued_at: int
    expires_at: int
    ticket: str
    block: BlockId | None = None


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a phone that is not registered yet. ``device_key`` is base64url of 65 SEC1 bytes."""

    device_key: str
    wallet: PinnedWallet


class Verified(msgspec.Struct, Generic[ActT_co], frozen=True, gc=False):
    """A statement that the pinned wallet and the expected device both signed, at ``at``. Made by :func:`verify` only.

    ``wallet_rs`` and ``device_rs`` are the 64 canonical signature bytes from which the code is derived. ``new_wallet``
    and ``code_key`` (base64url SEC1) have signed it, too, where they are there.
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
    new_wallet: PinnedWallet | None = None
    code_key: str | None = None


def decode_payload(body: bytes) -> Payload:
    """The payload in a body, or ``Malformed``. Only our own compact spelling is accepted: one body, one reading."""
    if len(body) > _MAX_PAYLOAD_BYTES:
        raise Malformed(Code.TOO_LARGE, "the signed payload has at most 3072 bytes")
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


class Submitted(msgspec.Struct, frozen=True, gc=False):
    """An answer to a challenge as it came, in its one form (step 1): it proves nothing yet. Made by :func:`submitted`.

    ``key_id``: whom the headers name.
    """

    parsed: ParsedRequest
    payload: Payload

    @property
    def key_id(self) -> Thumbprint:
        """Thumbprint of the key that is said to have signed."""
        return self.parsed.key_id


class Question(msgspec.Struct, Generic[ActT_co], frozen=True, kw_only=True, gc=False):
    """What :func:`verify` is asked: an answer as it came, and everything that is expected of it.

    ``expected_new_wallet`` and ``expected_code_key`` (base64url SEC1): absent means that the answer must have none.
    ``expected_signer``: whose wallet it must say that signed; absent means that it must not say.
    """

    submitted: Submitted
    expected: Statement
    expected_act: type[ActT_co]
    expected_wallet: PinnedWallet
    expected_device: DeviceKey
    expected_network: str
    expected_method: str
    expected_target_uri: str
    at: int
    expected_new_wallet: PinnedWallet | None = None
    expected_code_key: str | None = None
    expected_signer: PinnedWallet | None = None


def submitted(request: SignedRequest) -> Submitted:
    """Step 1 of :func:`verify`, which needs no key and no record: for the caller that must look them up."""
    return Submitted(httpsig.parse(request, expected_tag=Tag.DEVICE), decode_payload(request.body))


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
    expected_new_wallet: PinnedWallet | None = None,
    expected_code_key: str | None = None,
    expected_signer: PinnedWallet | None = None,
) -> Verified[ActT_co]:
    """Check both signatures over the statement ``expected``, at Unix second ``at``.

    1. shape of body and headers; 2. the act is the expected one, names the expected device, wallet and network, and
    ``bind``, nothing else, comes with the keys it names; 3. window; 4. device signature over the request; 5. digest of
    the rebuilt statement; 6. and 7. wallet signature, key and type equal to the pinned ones. (Whether the challenge is
    unspent and the epoch current is decided inside the commit.) 8. where the statement names another wallet or a
    recovery code speaks: their signatures over the same bytes.

    Raises ``Malformed``, ``NotAuthentic`` or ``OutOfWindow``.
    """
    question = Question(
        # 1. nothing below sees bytes that are not of the one shape
        submitted=submitted(request),
        expected=expected,
        expected_act=expected_act,
        expected_wallet=expected_wallet,
        expected_device=expected_device,
        expected_network=expected_network,
        expected_method=expected_method,
        expected_target_uri=expected_target_uri,
        at=at,
        expected_new_wallet=expected_new_wallet,
        expected_code_key=expected_code_key,
        expected_signer=expected_signer,
    )
    return _check_wallet(question, _check_device(question))


def verify_each(questions: Sequence[Question[ActT_co]]) -> list[Verified[ActT_co] | ProtocolError]:
    """:func:`verify` for many at once, each with its own outcome: all phones first, then the wallets that are left.

    Each curve has its tables, larger than a processor's nearest cache: going through one curve at a time is quicker.
    """
    signed = [_outcome(_check_device, question) for question in questions]
    return [
        first if isinstance(first, ProtocolError) else _outcome(_check_wallet, question, first)
        for question, first in zip(questions, signed, strict=True)
    ]


def _outcome(
    step: Callable[ParametersT, FoundT], *args: ParametersT.args, **named: ParametersT.kwargs
) -> FoundT | ProtocolError:
    try:
        return step(*args, **named)
    except ProtocolError as error:
        return error


def _check_device(question: Question[ActT_co]) -> VerifiedRequest:
    """Steps 2 to 4."""
    expected, device, wallet = question.expected, question.expected_device, question.expected_wallet
    # 2. the caller's record is consistent: a slip here would let one purpose, phone or wallet stand for another
    act = expected.act
    if not isinstance(act, question.expected_act) or act.device != device.thumbprint:
        raise NotAuthentic(Code.MISMATCH, "the statement is for another purpose or phone")
    if expected.address != wallet.address:
        raise NotAuthentic(Code.WALLET_KEY, "the statement names another wallet")
    if expected.chain != network_named(question.expected_network).chain_id:
        raise NotAuthentic(Code.MISMATCH, "the statement is for another network")
    # The enrolment is what will be registered: it must be, to the letter, the keys that are checked below.
    brought = _enrolment(device, wallet) if isinstance(act, BindWallet) else None
    if question.submitted.payload.enrolment != brought:
        raise NotAuthentic(Code.MISMATCH, "not the keys that this statement links")
    _check_others(question)
    # 3. time, before any key work
    check_window(expected, question.at)
    # 4. the phone, and with it the body that carries the wallet signature
    return httpsig.verify_parsed(
        question.submitted.parsed,
        key=device,
        expected_method=question.expected_method,
        expected_target_uri=question.expected_target_uri,
        expected_tag=Tag.DEVICE,
        at=question.at,
    )


def _check_wallet(question: Question[ActT_co], signed: VerifiedRequest) -> Verified[ActT_co]:
    """Steps 5 to 8, after the phone's."""
    expected, act = question.expected, question.expected.act
    assert isinstance(act, question.expected_act)
    text, sha256, wallet_rs = verify_wallet(
        question.submitted.payload,
        expected=expected,
        expected_wallet=question.expected_wallet,
        expected_network=question.expected_network,
    )
    # 8. whoever else must have signed it
    _verify_others(question, text)
    return Verified(
        statement=expected,
        act=act,
        text=text,
        sha256=sha256,
        wallet=question.expected_wallet,
        device=question.expected_device,
        wallet_rs=wallet_rs,
        device_rs=signed.signature,
        request=question.submitted.parsed.request,
        at=question.at,
        new_wallet=question.expected_new_wallet,
        code_key=question.expected_code_key,
    )


def _check_others(question: Question[ActT_co]) -> None:
    """Step 2 for a new wallet and a recovery code: there exactly when expected, and the expected ones to the letter."""
    payload, wallet = question.submitted.payload, question.expected_new_wallet
    named = getattr(question.expected.act, "new_wallet", SAME_WALLET)
    if (named == SAME_WALLET) is not (wallet is None) or (wallet is not None and wallet.address != named):
        raise NotAuthentic(Code.WALLET_KEY, "the statement names another new wallet")
    brought = payload.new_wallet
    if (None if brought is None else brought.wallet) != wallet:
        raise NotAuthentic(Code.MISMATCH, "not the new wallet that this statement names")
    if brought is not None and (brought.signature is None) is not (wallet == question.expected_wallet):
        raise NotAuthentic(Code.MISMATCH, "a new wallet signs once, beside the old one or in its place")
    if payload.signed_by != question.expected_signer:
        raise NotAuthentic(Code.MISMATCH, "not the wallet that was announced")
    if (None if payload.recovery_code is None else payload.recovery_code.key) != question.expected_code_key:
        raise NotAuthentic(Code.MISMATCH, "not the recovery code that was announced")


def _verify_others(question: Question[ActT_co], text: bytes) -> None:
    payload = question.submitted.payload
    if payload.new_wallet is not None and payload.new_wallet.signature is not None:
        wallet = payload.new_wallet.wallet
        verify_pinned(
            parse_address(wallet.address, network=question.expected_network),
            wallet.key_bytes(),
            text,
            payload.new_wallet.signature,
            signature_type=wallet.signature_type,
        )
    if payload.recovery_code is not None:
        key = DeviceKey.from_sec1(ids.from_base64url(payload.recovery_code.key))
        verify_code(key, text, ids.from_base64url(payload.recovery_code.signature))


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
