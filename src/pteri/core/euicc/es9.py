"""ES9+: what the phone of a chip says to a server, and hears from it, as JSON (SGP.22 sections 5.6 and 6.5.2).

Structs of the bodies, and the way from them to values and back. A body says little by itself: what counts is the DER in
it, which the chip signed. The paths are below ``/gsma/rsp2/es9plus/``, and a phone that knows the protocol needs no
word of ours: to it we are one more SM-DP+, which in the end has no profile for it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, NamedTuple

import msgspec

from pteri.core.errors import Code, MalformedEvidence, ProtocolError
from pteri.core.euicc.challenge import CHALLENGE_BYTES
from pteri.core.euicc.der import OCTET_STRING, Element, Fields, elements, only, well_formed
from pteri.core.euicc.extensions import KEY_ID_BYTES

__all__ = [
    "DOWNLOAD_REFUSED",
    "AuthenticateClient",
    "HandleNotification",
    "InitiateAuthentication",
    "Initiated",
    "Refused",
    "Wish",
    "refusal_of_answer",
    "refusal_of_start",
    "to_base64",
    "transaction_text",
]

MAX_BASE64: Final = 24_000
"""16 KiB of DER, and some room."""
_MAX_INFO_BYTES: Final = 4096
_INFO: Final = 0xBF20
_SVN: Final = 0x82
_VERIFICATION: Final = 0xA9
_SIGNING: Final = 0xAA

_Base64 = Annotated[str, msgspec.Meta(min_length=4, max_length=MAX_BASE64, description="base64 of DER")]
_Address = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
_Transaction = Annotated[str, msgspec.Meta(min_length=2, max_length=32, description="hex in capitals")]


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    pass


class RequestHeader(_Body, frozen=True):
    """Some clients send it, and nothing hangs on it."""

    function_requester_identifier: Annotated[str, msgspec.Meta(max_length=255)] = ""
    function_call_identifier: Annotated[str, msgspec.Meta(max_length=255)] = ""


class InitiateAuthentication(_Body, frozen=True):
    """``initiateAuthentication``: a phone wants to talk, and brings its chip's challenge."""

    smdp_address: _Address
    euicc_challenge: Annotated[str, msgspec.Meta(min_length=24, max_length=24, description="base64 of 16 bytes")]
    euicc_info1: _Base64
    header: RequestHeader | None = None
    lpa_rsp_capability: Annotated[str, msgspec.Meta(max_length=64)] | None = None

    def wish(self) -> Wish:
        """What is in it, or ``MalformedEvidence``."""
        challenge = from_base64(self.euicc_challenge)
        if len(challenge) != CHALLENGE_BYTES:
            raise MalformedEvidence(Code.LENGTH, "a challenge has 16 bytes")
        verification, signing = _issuers(from_base64(self.euicc_info1))
        return Wish(self.smdp_address, challenge, verification, signing)


class AuthenticateClient(_Body, frozen=True):
    """``authenticateClient``: the chip's answer to our challenge."""

    transaction_id: _Transaction
    authenticate_server_response: _Base64
    header: RequestHeader | None = None

    def __repr__(self) -> str:
        return f"AuthenticateClient({self.transaction_id})"  # the chip's number stands in its certificate

    def der(self) -> bytes:
        """``AuthenticateServerResponse``."""
        return from_base64(self.authenticate_server_response)


class HandleNotification(_Body, frozen=True):
    """``handleNotification``: the chip did something. It is answered 204 with nothing in it."""

    pending_notification: _Base64
    header: RequestHeader | None = None

    def __repr__(self) -> str:
        return "HandleNotification()"  # as above

    def der(self) -> bytes:
        """``otherSignedNotification`` (it begins with 30) or ``profileInstallationResult`` (BF37)."""
        return from_base64(self.pending_notification)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a phone wants of us: for which address, with which challenge, and which issuers its chip knows.

    ``verification`` are key ids of issuers whose servers it believes, ``signing`` of those under whom it can sign; the
    first ones are dearest to it.
    """

    address: str
    challenge: bytes
    verification: tuple[bytes, ...]
    signing: tuple[bytes, ...]


class StatusCode(_Body, frozen=True):
    """Why not, in the numbers of SGP.22 section 5.2.6."""

    subject_code: str
    reason_code: str
    message: str


class ExecutionStatus(_Body, frozen=True):
    """Whether it was done."""

    status: str
    status_code_data: StatusCode | None = None


class ResponseHeader(_Body, frozen=True):
    """In every answer."""

    function_execution_status: ExecutionStatus


EXECUTED: Final = ResponseHeader(ExecutionStatus("Executed-Success"))


class Initiated(_Body, frozen=True, kw_only=True):
    """The answer to ``initiateAuthentication``: our challenge, signed."""

    header: ResponseHeader
    transaction_id: str
    server_signed1: str
    server_signature1: str
    ci_key_id: str = msgspec.field(name="euiccCiPKIdToBeUsed")
    server_certificate: str


class Refused(_Body, frozen=True):
    """An answer that says no. It has status 200, as the standard wants it: the no is in the header."""

    header: ResponseHeader


class _Reason(NamedTuple):
    subject: str
    reason: str
    message: str

    def refused(self) -> Refused:
        return Refused(ResponseHeader(ExecutionStatus("Failed", StatusCode(*self))))


_ADDRESS: Final = _Reason("8.8.1", "3.8", "Another server is meant.")
_NO_ISSUER: Final = _Reason("8.8.2", "3.1", "This server knows none of the certificate issuers of this eSIM.")
_INVALID: Final = _Reason("8.1", "2.1", "The request is not of its form.")
_TRANSACTION: Final = _Reason("8.10.1", "3.9", "This transaction is not known, or is over. Start again.")
_ISSUER: Final = _Reason("8.11.1", "3.9", "The certificate issuer of this eSIM is not trusted here.")
_EUM: Final = _Reason("8.1.2", "6.1", "The certificate of the manufacturer of this eSIM is not valid here.")
_CHIP: Final = _Reason("8.1.3", "6.1", "The certificate of this eSIM is not valid here.")
_EXPIRED: Final = _Reason("8.1.3", "6.3", "A certificate of this eSIM is not valid any more.")
_SIGNATURE: Final = _Reason("8.1", "6.1", "This eSIM did not answer this server's challenge.")

_OF_START: Final[Mapping[Code, _Reason]] = MappingProxyType(
    {Code.SERVER_ADDRESS: _ADDRESS, Code.UNKNOWN_CI: _NO_ISSUER}
)
_OF_ANSWER: Final[Mapping[Code, _Reason]] = MappingProxyType(
    {
        **dict.fromkeys((Code.TRANSACTION, Code.EXPIRED, Code.NOT_YET_VALID), _TRANSACTION),
        **dict.fromkeys((Code.UNKNOWN_CI, Code.REVOKED_CI), _ISSUER),
        **dict.fromkeys((Code.NOT_ISSUED_BY_CI, Code.REVOKED_EUM), _EUM),
        **dict.fromkeys((Code.CERTIFICATE_EXPIRED, Code.CERTIFICATE_NOT_YET_VALID), _EXPIRED),
        **dict.fromkeys(
            (
                Code.NOT_ISSUED_BY_EUM,
                Code.REVOKED_CHIP,
                Code.CERTIFICATE,
                Code.CERTIFICATE_ALGORITHM,
                Code.CERTIFICATE_CHAIN,
                Code.CERTIFICATE_ROLE,
                Code.CERTIFICATE_USAGE,
                Code.EID,
                Code.EID_CHECK_DIGITS,
                Code.EID_RANGE,
            ),
            _CHIP,
        ),
    }
)

DOWNLOAD_REFUSED: Final = _Reason("8.2.6", "3.8", "This eSIM was checked. There is no profile to download.").refused()
"""What a phone hears when its chip has proved itself: the proof was all that we wanted."""


def refusal_of_start(error: ProtocolError) -> Refused:
    """What a phone hears whose ``initiateAuthentication`` was refused."""
    return _OF_START.get(error.code, _INVALID).refused()


def refusal_of_answer(error: ProtocolError) -> Refused:
    """What a phone hears whose ``authenticateClient`` was refused."""
    return _OF_ANSWER.get(error.code, _SIGNATURE).refused()


def to_base64(raw: bytes) -> str:
    """With padding, as ES9+ has it."""
    return base64.b64encode(raw).decode("ascii")


def from_base64(text: str) -> bytes:
    """The bytes of canonical base64: ``MalformedEvidence(ENCODING)`` for a second spelling."""
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedEvidence(Code.ENCODING, "not base64") from error
    if to_base64(raw) != text:
        raise MalformedEvidence(Code.ENCODING, "not the one spelling in base64")
    return raw


def transaction_text(transaction_id: bytes) -> str:
    """A transaction id as ES9+ writes it."""
    return transaction_id.hex().upper()


def _issuers(info: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The two lists of EUICCInfo1."""
    outer = only(info, max_bytes=_MAX_INFO_BYTES)
    if outer.tag != _INFO:
        raise MalformedEvidence(Code.ELEMENT, "not what a chip says of itself")
    fields = Fields(outer.content, "what the chip says of itself")
    fields.take(_SVN)
    verification, signing = fields.take(_VERIFICATION), fields.take(_SIGNING)
    for element in fields.rest():
        well_formed(element)
    return _key_ids(verification), _key_ids(signing)


def _key_ids(element: Element) -> tuple[bytes, ...]:
    found = elements(element.content)
    if any(one.tag != OCTET_STRING or len(one.content) != KEY_ID_BYTES for one in found):
        raise MalformedEvidence(Code.LENGTH, "a key id has 20 bytes")
    return tuple(one.content for one in found)
