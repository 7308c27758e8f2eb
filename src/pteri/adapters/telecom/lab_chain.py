"""A certificate issuer, a manufacturer and chips of our own, for tests and demonstrations. NOBODY REAL IS IN IT.

The world of eSIM chips (CI -> EUM -> chip, and servers) made at run time, with keys that are thrown away with it. The
issuer's name has the word "Test", so a service believes it in a lab only, and no service that real people use does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from pteri.adapters.telecom.software_euicc import SoftwareEuicc
from pteri.app.ports import Entropy
from pteri.core.euicc.certificate import Role
from pteri.core.euicc.numbers import EID_DIGITS, Eid, eid
from pteri.core.keys.secret import Secret

__all__ = ["EID_PREFIX", "LabChain", "lab_eid"]

EID_PREFIX: Final = "89999902"
"""How the numbers of this manufacturer's chips begin: of no country, and no operator's."""
_YEAR_S: Final = 365 * 86_400
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_POLICY: Final = "2.23.146.1.2.1."


def lab_eid(number: int) -> Eid:
    """The number of the lab's chip ``number``, with its two check digits."""
    digits = f"{EID_PREFIX}{number:0{EID_DIGITS - 2 - len(EID_PREFIX)}d}"
    return eid(f"{digits}{98 - int(digits + '00') % 97:02d}")


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who has a certificate, and its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


class LabChain:
    """One issuer and one manufacturer, valid for a year on both sides of the instant ``at`` (Unix seconds)."""

    def __init__(self, *, at: int, entropy: Entropy, maker: str = "PTERI Lab Maker") -> None:
        self._entropy = entropy
        self._maker = x509.NameAttribute(NameOID.ORGANIZATION_NAME, maker)
        self._times = datetime.fromtimestamp(at - _YEAR_S, UTC), datetime.fromtimestamp(at + _YEAR_S, UTC)
        issuer = _name("PTERI Lab", "PTERI Lab Test CI")
        self._ci = self._issued(None, issuer, Role.CI, _authority(None))
        name = x509.Name([self._maker, x509.NameAttribute(NameOID.COMMON_NAME, f"{maker} Test EUM")])
        may = x509.Name([self._maker, x509.NameAttribute(NameOID.SERIAL_NUMBER, EID_PREFIX)])
        self._eum = self._issued(self._ci, name, Role.EUM, [*_authority(0), _permitted(may)])

    @property
    def anchor(self) -> bytes:
        """The issuer's certificate, DER."""
        return _der(self._ci)

    def chip(self, number: int, *, address: str) -> SoftwareEuicc:
        """The chip of :func:`lab_eid`; its notifications are for the server ``address``."""
        subject = x509.Name(
            [
                self._maker,
                x509.NameAttribute(NameOID.SERIAL_NUMBER, lab_eid(number)),
                x509.NameAttribute(NameOID.COMMON_NAME, "PTERI Lab eUICC"),
            ]
        )
        made = self._issued(self._eum, subject, Role.CHIP, _leaf())
        return SoftwareEuicc(
            key=made.key, certificate=_der(made), manufacturer_certificate=_der(self._eum), address=address
        )

    def server(self, address: str) -> tuple[bytes, Secret]:
        """A certificate that authenticates the server ``address`` to the chips (role 4), DER, and its key."""
        secret = self._secret()
        key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
        made = self._issued(self._ci, _name("PTERI Lab Server", address), Role.DP_AUTH, _leaf(), key)
        return _der(made), Secret(secret)

    def _issued(
        self,
        issuer: _Holder | None,
        subject: x509.Name,
        role: Role,
        extensions: list[tuple[x509.ExtensionType, bool]],
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> _Holder:
        """A certificate that ``issuer`` signed, or its own holder where there is none."""
        own = key or ec.derive_private_key(int.from_bytes(self._secret(), "big"), ec.SECP256R1())
        signer = own if issuer is None else issuer.key
        builder = x509.CertificateBuilder(
            issuer_name=subject if issuer is None else issuer.certificate.subject,
            subject_name=subject,
            public_key=own.public_key(),
            # RFC 5280 section 4.1.2.2: above 0, and of at most 20 bytes.
            serial_number=int.from_bytes(self._entropy.draw(16), "big") + 1,
            not_valid_before=self._times[0],
            not_valid_after=self._times[1],
        )
        policy = x509.PolicyInformation(x509.ObjectIdentifier(f"{_POLICY}{role.value[-1]}"), None)
        named: list[tuple[x509.ExtensionType, bool]] = [
            (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False),
            (x509.CertificatePolicies([policy]), True),
        ]
        if issuer is not None:
            named.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), False))
        for extension, critical in (*named, *extensions):
            builder = builder.add_extension(extension, critical)
        return _Holder(own, builder.sign(signer, hashes.SHA256(), ecdsa_deterministic=True))

    def _secret(self) -> bytes:
        while True:
            secret = self._entropy.draw(32)
            if 0 < int.from_bytes(secret, "big") < _ORDER:
                return secret


def _der(holder: _Holder) -> bytes:
    return holder.certificate.public_bytes(Encoding.DER)


def _name(organization: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _authority(length: int | None) -> list[tuple[x509.ExtensionType, bool]]:
    return [(x509.BasicConstraints(ca=True, path_length=length), True), (_usage(signs_certificates=True), True)]


def _leaf() -> list[tuple[x509.ExtensionType, bool]]:
    return [(_usage(signs_certificates=False), True)]


def _permitted(name: x509.Name) -> tuple[x509.ExtensionType, bool]:
    return x509.NameConstraints(permitted_subtrees=[x509.DirectoryName(name)], excluded_subtrees=None), True


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
