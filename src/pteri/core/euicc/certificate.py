"""Certificates of the eSIM world, in the one profile that its chain has (docs/spec/esim-chip.md section 4).

SGP.22 section 4.5 is a narrow profile of RFC 5280, so it is read here by hand: every part has one form, what is
critical and not known refuses, and no library's leniency or warning decides. Nothing is verified in this file; a
:class:`Certificate` is what somebody wrote, until ``anchors`` has followed it to a trust anchor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Final

import msgspec

from pteri.core.errors import Code, MalformedEvidence
from pteri.core.euicc.der import (
    BIT_STRING,
    INTEGER,
    SEQUENCE,
    Element,
    elements,
    exactly,
    non_negative,
    only,
)
from pteri.core.euicc.extensions import Extensions, read_extensions
from pteri.core.euicc.names import SERIAL_NUMBER, read_name
from pteri.core.euicc.signing_key import SigningKey, public_key

__all__ = [
    "MAX_CERTIFICATE_BYTES",
    "VERSION_3",
    "Certificate",
    "Role",
    "check_number",
    "outer_parts",
    "parse_certificate",
    "validity_of",
]

MAX_CERTIFICATE_BYTES: Final = 4096

VERSION_3: Final = bytes.fromhex("a003020102")
_ECDSA_WITH_SHA256: Final = bytes.fromhex("300a06082a8648ce3d040302")
"""The whole AlgorithmIdentifier: one spelling, without parameters (RFC 5758 section 3.2)."""
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_PAIRS: Final = rb"([0-9]{2})" * 5 + rb"Z"
_TIMES: Final = {
    _UTC_TIME: re.compile(rb"([0-9]{2})" + _PAIRS),
    _GENERALIZED_TIME: re.compile(rb"([0-9]{4})" + _PAIRS),
}
_TO_BE_SIGNED: Final = (0xA0, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, 0xA3)
_MAX_SERIAL_BYTES: Final = 21
"""20 of RFC 5280 and one that says that the number is not below 0."""


_ROLES: Final = bytes.fromhex("678112010201")


class Role(Enum):
    """What a certificate is for: its policy, 2.23.146.1.2.1.x (SGP.22 section 4.5.2.1)."""

    CI = bytes.fromhex("67811201020100")
    CHIP = bytes.fromhex("67811201020101")
    EUM = bytes.fromhex("67811201020102")
    DP_AUTH = bytes.fromhex("67811201020104")


class Certificate(msgspec.Struct, frozen=True, eq=False, kw_only=True):
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
        """Whether its policies name this role and no other one."""
        return [policy for policy in self.extensions.policies if policy.startswith(_ROLES)] == [role.value]


def parse_certificate(raw: bytes) -> Certificate:
    """Read one certificate: ``MalformedEvidence`` unless it has the one form it must have."""
    tbs, signature = outer_parts(raw)
    fields = exactly(only(tbs, max_bytes=len(tbs)).content, _TO_BE_SIGNED, "what is signed of a certificate")
    version, number, signed_algorithm, issuer, validity, subject, key, extensions = fields
    if version.raw != VERSION_3:
        raise MalformedEvidence(Code.CERTIFICATE, "not an X.509 certificate of version 3")
    check_number(number)
    if signed_algorithm.raw != _ECDSA_WITH_SHA256:
        raise _algorithm()
    not_before, not_after = validity_of(validity)
    return Certificate(
        raw=raw,
        tbs=tbs,
        signature=signature,
        issuer=issuer.raw,
        subject=subject.raw,
        names=read_name(subject.content),
        not_before=not_before,
        not_after=not_after,
        key=public_key(key.raw),
        extensions=read_extensions(extensions.content),
    )


def outer_parts(raw: bytes) -> tuple[bytes, bytes]:
    """What is signed of a certificate, and the signature."""
    outer = only(raw, max_bytes=MAX_CERTIFICATE_BYTES)
    if outer.tag != SEQUENCE:
        raise MalformedEvidence(Code.CERTIFICATE, "a certificate is a sequence")
    tbs, algorithm, signature = exactly(outer.content, (SEQUENCE, SEQUENCE, BIT_STRING), "a certificate")
    # Only the inner algorithm is signed. An altered outer one is noticed by nobody who only checks the signature.
    if algorithm.raw != _ECDSA_WITH_SHA256:
        raise _algorithm()
    return tbs.raw, _whole_bytes(signature)


def check_number(number: Element) -> None:
    """Of the certificate: at least 0, in its fewest bytes."""
    non_negative(number, max_bytes=_MAX_SERIAL_BYTES)


def _algorithm() -> MalformedEvidence:
    return MalformedEvidence(Code.CERTIFICATE_ALGORITHM, "not signed with ECDSA and SHA-256, inside and outside")


def _whole_bytes(bits: Element) -> bytes:
    if bits.content[:1] != b"\0":
        raise MalformedEvidence(Code.CERTIFICATE, "a signature of a broken number of bytes")
    return bits.content[1:]


def validity_of(validity: Element) -> tuple[int, int]:
    """From when to when, both included, in Unix seconds."""
    times = elements(validity.content)
    if len(times) != 2:
        raise MalformedEvidence(Code.CERTIFICATE, "a certificate is valid from one time to another")
    return _instant(times[0]), _instant(times[1])


def _instant(time: Element) -> int:
    """A time in the form of RFC 5280 section 4.1.2.5: to the second, in UTC."""
    form = _TIMES.get(time.tag)
    found = None if form is None else form.fullmatch(time.content)
    if found is None:
        raise MalformedEvidence(Code.CERTIFICATE, "a time that is not of its one form")
    year, month, day, hour, minute, second = map(int, found.groups())
    if time.tag == _UTC_TIME:
        year += 1900 if year >= 50 else 2000
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError as error:
        raise MalformedEvidence(Code.CERTIFICATE, "a time that no calendar has") from error
