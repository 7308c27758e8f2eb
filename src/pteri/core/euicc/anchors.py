"""From a chip's certificate to a certificate issuer that this place trusts (docs/spec/esim-chip.md section 4).

``CI -> EUM -> chip``: the certificate issuer, the manufacturer, the chip. Issuers are pinned by their key id *and*
their certificate: several may share a key id, and a key id alone is something that anybody may write.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar

import msgspec

from pteri.core.errors import Code, MalformedEvidence, NotAuthentic
from pteri.core.euicc.certificate import Certificate, Role, parse_certificate
from pteri.core.euicc.extensions import Usage
from pteri.core.euicc.mould import Mould
from pteri.core.euicc.names import COMMON_NAME, ORGANIZATION, ORGANIZATIONAL_UNIT
from pteri.core.euicc.numbers import Eid, eid
from pteri.core.euicc.signing_key import SigningKey

__all__ = ["PUBLISHED_TEST_CIS", "Chip", "Revocations", "TrustAnchors"]

PUBLISHED_TEST_CIS: Final = frozenset(
    {
        "f54172bdf98a95d65cbeb88a38a1c11d800a85c3",  # SGP.26, P-256
        "c0bc70ba36929d43b467ff57570530e57ab8fcd8",  # SGP.26, brainpool
        "34eecf13156518d48d30bdf06853404d115f955d",  # SGP.26 of version 3, P-256
        "2209f61cd9ec5c9c854e787341ff83ecf9776a5b",  # SGP.26 of version 3, brainpool
        "665a1433d67c1a2c5db8b52c967f10a057ba5cb2",  # a test issuer that is found in many phones
    }
)
"""Key ids of issuers whose private keys, or certificates for everybody who asks, are public."""

_TEST_NAME: Final = re.compile(rb"(?i)(?<![a-z])test(?![a-z])")
_MAX_MANUFACTURERS: Final = 64
_MAX_LEAVES: Final = 1024

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class Revocations:
    """What is not trusted any more: chips by EID, manufacturers and issuers by key id, 40 lower-case hex digits."""

    eids: frozenset[Eid] = field(default=frozenset(), repr=False)
    eums: frozenset[str] = frozenset()
    cis: frozenset[str] = frozenset()


NOTHING_REVOKED: Final = Revocations()


class Chip(msgspec.Struct, frozen=True, eq=False):
    """A chip whose certificate was followed to a trust anchor. Only :meth:`TrustAnchors.chip` makes one."""

    eid: Eid
    key: SigningKey
    eum_key_id: str
    ci_key_id: str

    def __repr__(self) -> str:
        return f"Chip(eum_key_id={self.eum_key_id!r}, ci_key_id={self.ci_key_id!r})"


@dataclass(frozen=True, slots=True, eq=False)
class _Manufacturer:
    certificate: Certificate
    issuer: Certificate


class TrustAnchors:
    """The certificate issuers that this place trusts, and what of their world is revoked.

    Nothing of it changes but what it remembers: certificates whose signature was right, by their exact bytes, a
    bounded number of each kind. The same bytes under the same key are right for ever; time, range and revocations
    are looked at each time.
    """

    __slots__ = ("_alike", "_by_key_id", "_leaves", "_manufacturers", "_revoked")

    def __init__(self, certificates: Iterable[Certificate], *, revoked: Revocations) -> None:
        self._by_key_id: dict[bytes, list[Certificate]] = {}
        for certificate in certificates:
            self._by_key_id.setdefault(certificate.extensions.key_id, []).append(certificate)
        self._revoked = revoked
        self._manufacturers: dict[bytes, _Manufacturer] = {}
        self._alike: dict[bytes, Certificate | Mould | None] = {}
        self._leaves: dict[tuple[bytes, bytes], Certificate] = {}

    @classmethod
    def from_der(cls, issuers: Iterable[bytes], *, lab: bool = False, revoked: Revocations = NOTHING_REVOKED) -> Self:
        """Anchors out of certificates in DER. ``lab`` says that this is a place for tests.

        Refuses what is no issuer's certificate, one for tests outside a lab with ``NotAuthentic(TEST_CI)``, and an
        empty list: it would be a verifier that nothing passes, and nobody means that.
        """
        found = [_issuer(raw, lab=lab) for raw in issuers]
        if not found:
            raise MalformedEvidence(Code.CERTIFICATE, "not one trust anchor")
        return cls(found, revoked=revoked)

    def trusts(self, key_id: bytes) -> bool:
        """Whether some issuer with this key id is trusted here, and none of that id is revoked."""
        return key_id in self._by_key_id and key_id.hex() not in self._revoked.cis

    def chip(self, chip: bytes, manufacturer: bytes, *, at: int) -> Chip:
        """Follow a chip's certificate to an anchor at the instant ``at`` (Unix seconds).

        1. The manufacturer's certificate has the form, role and key usage of its place, and an anchor signed it. The
           key id only says which ones to try.
        2. So has the chip's: no server's certificate passes as one.
        3. It names that manufacturer as its issuer, who signed it.
        4. All three are valid at ``at``.
        5. The EID in the chip's certificate checks, and lies in the manufacturer's range.
        6. Neither the issuer, nor the manufacturer, nor the chip is revoked.
        """
        maker = self._manufacturers.get(manufacturer) or self._manufacturer(manufacturer)
        leaf = self._leaves.get((chip, manufacturer)) or self._leaf(chip, maker)
        for certificate in (maker.issuer, maker.certificate, leaf):
            _check_time(certificate, at)
        number = eid(leaf.serial_number)
        _check_range(number, leaf, maker.certificate)
        found = Chip(
            eid=number,
            key=leaf.key,
            eum_key_id=maker.certificate.extensions.key_id.hex(),
            ci_key_id=maker.issuer.extensions.key_id.hex(),
        )
        self._check_revoked(found)
        return found

    def _manufacturer(self, raw: bytes) -> _Manufacturer:
        certificate = parse_certificate(raw)
        _check_place(certificate, Role.EUM, Usage.KEY_CERT_SIGN, is_ca=True)
        found = _Manufacturer(certificate, self._issuer_of(certificate))
        _remember(self._manufacturers, raw, found, at_most=_MAX_MANUFACTURERS)
        return found

    def _leaf(self, raw: bytes, maker: _Manufacturer) -> Certificate:
        known = maker.certificate.raw
        mould = self._mould(known)
        # Place and link hang on bytes that are alike, so the one that the mould was made of has passed for this one.
        certificate = None if mould is None else mould.cast(raw)
        is_alike = certificate is not None
        if certificate is None:
            certificate = parse_certificate(raw)
            _check_place(certificate, Role.CHIP, Usage.DIGITAL_SIGNATURE, is_ca=False)
            _check_link(certificate, maker.certificate)
        maker.certificate.key.check_der(certificate.tbs, certificate.signature, otherwise=Code.NOT_ISSUED_BY_EUM)
        _remember(self._leaves, (raw, known), certificate, at_most=_MAX_LEAVES)
        if not is_alike:
            _remember(self._alike, known, certificate, at_most=_MAX_MANUFACTURERS)
        return certificate

    def _mould(self, manufacturer: bytes) -> Mould | None:
        """Of the last chip of this manufacturer that was not like the one before it; made when a second chip comes."""
        found = self._alike.get(manufacturer)
        if isinstance(found, Certificate):
            found = Mould.of(found)
            _remember(self._alike, manufacturer, found, at_most=_MAX_MANUFACTURERS)
        return found

    def _issuer_of(self, certificate: Certificate) -> Certificate:
        """The anchor that signed it."""
        named = certificate.extensions.authority_key_id
        candidates = [] if named is None else self._by_key_id.get(named, [])
        candidates = [anchor for anchor in candidates if anchor.subject == certificate.issuer]
        if not candidates:
            raise NotAuthentic(Code.UNKNOWN_CI, "no trust anchor is the issuer that is named")
        for anchor in candidates[:-1]:
            try:
                anchor.key.check_der(certificate.tbs, certificate.signature, otherwise=Code.NOT_ISSUED_BY_CI)
            except NotAuthentic:
                continue
            return anchor
        candidates[-1].key.check_der(certificate.tbs, certificate.signature, otherwise=Code.NOT_ISSUED_BY_CI)
        return candidates[-1]

    def _check_revoked(self, chip: Chip) -> None:
        if chip.ci_key_id in self._revoked.cis:
            raise NotAuthentic(Code.REVOKED_CI, "the certificate issuer is revoked")
        if chip.eum_key_id in self._revoked.eums:
            raise NotAuthentic(Code.REVOKED_EUM, "the manufacturer is revoked")
        if chip.eid in self._revoked.eids:
            raise NotAuthentic(Code.REVOKED_CHIP, "the chip is revoked")


def _remember(known: dict[KeyT, ValueT], key: KeyT, value: ValueT, *, at_most: int) -> None:
    """Keep what was right. Full is full: then it begins anew, in one step that no other thread sees half of."""
    if len(known) >= at_most:
        known.clear()
    known[key] = value


def _issuer(raw: bytes, *, lab: bool) -> Certificate:
    certificate = parse_certificate(raw)
    _check_place(certificate, Role.CI, Usage.KEY_CERT_SIGN, is_ca=True)
    if certificate.issuer != certificate.subject:
        raise NotAuthentic(Code.CERTIFICATE_CHAIN, "a trust anchor is its own issuer")
    # Nothing is trusted because of this: it finds a file that was damaged, or is another one than was meant.
    certificate.key.check_der(certificate.tbs, certificate.signature, otherwise=Code.NOT_ISSUED_BY_CI)
    if not lab and _is_for_tests(certificate):
        raise NotAuthentic(Code.TEST_CI, "an issuer for tests proves nothing outside a lab")
    return certificate


def _is_for_tests(certificate: Certificate) -> bool:
    if certificate.extensions.key_id.hex() in PUBLISHED_TEST_CIS:
        return True
    kinds = (COMMON_NAME, ORGANIZATION, ORGANIZATIONAL_UNIT)
    return any(_TEST_NAME.search(certificate.names.get(kind, b"")) for kind in kinds)


def _check_place(certificate: Certificate, role: Role, usage: int, *, is_ca: bool) -> None:
    if not certificate.has_role(role):
        raise NotAuthentic(Code.CERTIFICATE_ROLE, "a certificate of another role than its place in the chain")
    if usage not in certificate.extensions.usage or certificate.extensions.is_ca is not is_ca:
        raise NotAuthentic(Code.CERTIFICATE_USAGE, "a certificate whose key may not be used for this")


def _check_link(certificate: Certificate, issuer: Certificate) -> None:
    if (certificate.issuer, certificate.extensions.authority_key_id) != (issuer.subject, issuer.extensions.key_id):
        raise NotAuthentic(Code.CERTIFICATE_CHAIN, "a chip of another manufacturer than the one beside it")


def _check_time(certificate: Certificate, at: int) -> None:
    # Both ends are inside, unlike in our own windows: RFC 5280 section 4.1.2.5.
    if at < certificate.not_before:
        raise NotAuthentic(Code.CERTIFICATE_NOT_YET_VALID, "a certificate that is not valid yet")
    if at > certificate.not_after:
        raise NotAuthentic(Code.CERTIFICATE_EXPIRED, "a certificate that is not valid any more")


def _check_range(number: Eid, chip: Certificate, manufacturer: Certificate) -> None:
    """The manufacturer may make this chip, by each kind of list that its certificate has: one at least.

    Version 2 of SGP.22 puts the beginnings of EIDs into name constraints, version 3 into a list of its own.
    """
    subtrees, prefixes = manufacturer.extensions.subtrees, manufacturer.extensions.prefixes
    in_subtree = subtrees is None or any(
        number.startswith(subtree.prefix) and subtree.names.items() <= chip.names.items() for subtree in subtrees
    )
    in_list = prefixes is None or any(number.startswith(prefix) for prefix in prefixes)
    if (subtrees is None and prefixes is None) or not (in_subtree and in_list):
        raise NotAuthentic(Code.EID_RANGE, "the manufacturer was not given the number of this chip")
