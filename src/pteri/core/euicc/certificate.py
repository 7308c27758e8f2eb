"""Certificates of the eSIM world, in the one profile that its chain has (docs/spec/esim-chip.md section 4).

SGP.22 section 4.5 is a narrow profile of RFC 5280, so it is read here by hand: every part has one form, what is
critical and not known refuses, and no library's leniency or warning decides. Nothing is verified in this file; a
:class:`Certificate` is what somebody wrote, until ``anchors`` has followed it to a trust anchor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from pteri.core.errors import Code, MalformedEvidence
from pteri.core.euicc.der import (
    BIT_STRING,
    INTEGER,
    SEQUENCE,
    Element,
    Fields,
    non_negative,
    only,
)
from pteri.core.euicc.extensions import Extensions, read_extensions
from pteri.core.euicc.names import SERIAL_NUMBER, read_name
from pteri.core.euicc.signing_key import SigningKey, public_key

__all__ = ["MAX_CERTIFICATE_BYTES", "Certificate", "Role", "parse_certificate"]

MAX_CERTIFICATE_BYTES: Final = 4096

_VERSION_3: Final = bytes.fromhex("a003020102")
_ECDSA_WITH_SHA256: Final = bytes.fromhex("300a06082a8648ce3d040302")
"""The whole AlgorithmIdentifier: one spelling, without parameters (RFC 5758 section 3.2)."""
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_MAX_SERIAL_BYTES: Final = 20


class Role(Enum):
    """What a certificate is for: its policy, 2.23.146.1.2.1.x (SGP.22 section 4.5.2.1)."""

    CI = bytes.fromhex("67811201020100")
    CHIP = bytes.fromhex("67811201020101")
    EUM = bytes.fromhex("67811201020102")
    DP_AUTH = bytes.fromhex("67811201020104")


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """What a certificate says. ``tbs`` is what its issuer signed; instants are Unix seconds, both ends included."""

    raw: bytes
    tbs: bytes
    signature: bytes
    issuer: bytes
    subject: bytes
    names: Mapping[bytes, bytes]
    not_before: int
    not_after: int
    key: SigningKey
    extensions: Extensions

    @property
    def serial_number(self) -> str:
        """Of the subject, not of the certificate: the EID of a chip. Empty where there is none."""
        # Only digits are ever asked for; what is not ASCII is none of them.
        return self.names.get(SERIAL_NUMBER, b"").decode("ascii", "replace")

    def has_role(self, role: Role) -> bool:
        """Whether its policies name this role."""
        return role.value in self.extensions.policies


def parse_certificate(raw: bytes) -> Certificate:
    """Read one certificate: ``MalformedEvidence`` unless it has the one form it must have."""
    outer = Fields(_sequence(only(raw, max_bytes=MAX_CERTIFICATE_BYTES)), "a certificate")
    tbs, algorithm, signature = outer.take(SEQUENCE), outer.take(SEQUENCE), outer.take(BIT_STRING)
    outer.end()
    fields = Fields(tbs.content, "a certificate")
    if fields.take(0xA0).raw != _VERSION_3:
        raise MalformedEvidence(Code.CERTIFICATE, "not an X.509 certificate of version 3")
    non_negative(fields.take(INTEGER), max_bytes=_MAX_SERIAL_BYTES + 1)
    # Only the inner algorithm is signed. An altered outer one is noticed by nobody who only checks the signature.
    if fields.take(SEQUENCE).raw != _ECDSA_WITH_SHA256 or algorithm.raw != _ECDSA_WITH_SHA256:
        raise MalformedEvidence(Code.CERTIFICATE_ALGORITHM, "not signed with ECDSA and SHA-256, inside and outside")
    issuer, validity, subject, key, extensions = (
        fields.take(tag) for tag in (SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, 0xA3)
    )
    fields.end()
    not_before, not_after = _validity(validity)
    return Certificate(
        raw=raw,
        tbs=tbs.raw,
        signature=_whole_bytes(signature),
        issuer=issuer.raw,
        subject=subject.raw,
        names=read_name(subject.content),
        not_before=not_before,
        not_after=not_after,
        key=public_key(key.raw),
        extensions=read_extensions(extensions.content),
    )


def _sequence(element: Element) -> bytes:
    if element.tag != SEQUENCE:
        raise MalformedEvidence(Code.CERTIFICATE, "a certificate is a sequence")
    return element.content


def _whole_bytes(bits: Element) -> bytes:
    if bits.content[:1] != b"\0":
        raise MalformedEvidence(Code.CERTIFICATE, "a signature of a broken number of bytes")
    return bits.content[1:]


def _validity(validity: Element) -> tuple[int, int]:
    fields = Fields(validity.content, "a certificate's time")
    not_before, not_after = (_instant(fields.one_of(_UTC_TIME, _GENERALIZED_TIME)) for _ in range(2))
    fields.end()
    return not_before, not_after


def _instant(time: Element) -> int:
    """A time in the form of RFC 5280 section 4.1.2.5: to the second, in UTC."""
    digits = time.content[:-1]
    short = time.tag == _UTC_TIME
    if time.content[-1:] != b"Z" or not digits.isdigit() or len(digits) != (12 if short else 14):
        raise MalformedEvidence(Code.CERTIFICATE, "a time that is not of its one form")
    year, digits = (int(digits[:2]), digits[2:]) if short else (int(digits[:4]), digits[4:])
    if short:
        year += 1900 if year >= 50 else 2000
    try:
        month, day, hour, minute, second = (int(digits[at : at + 2]) for at in range(0, 10, 2))
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError as error:
        raise MalformedEvidence(Code.CERTIFICATE, "a time that no calendar has") from error
