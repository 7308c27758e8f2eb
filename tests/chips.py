"""A small world of eSIM chips with all its private keys: every certificate can be made wrong in one way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pteri.adapters.telecom.software_euicc import SoftwareEuicc
from pteri.core.euicc.anchors import NOTHING_REVOKED, Revocations, TrustAnchors
from pteri.core.euicc.der import BIT_STRING, BOOLEAN, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, UTF8_STRING
from pteri.core.euicc.der_writer import bit, element, integer
from pteri.core.euicc.numbers import iccid

LAB: Final = Path(__file__).parents[1] / "vectors" / "esim" / "lab"
AT: Final = 1_790_000_000
EID: Final = "89044045930000000000000000001420"
ICCID: Final = iccid("89490200001234567894")
OTHER_ICCID: Final = iccid("8949020000123456780")
ALGORITHM: Final = bytes.fromhex("300a06082a8648ce3d040302")
CHALLENGE: Final = bytes(range(16))
TRANSACTION: Final = bytes(range(32, 48))
ADDRESS: Final = "id.bank.example"

P256_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

ORG, CN, SERIAL = "55040a", "550403", "550405"
ROLE: Final = {"ci": 0, "chip": 1, "eum": 2, "server": 4}


def eid_of(thirty_digits: str) -> str:
    """With its two check digits."""
    return f"{thirty_digits}{98 - int(thirty_digits + '00') % 97:02d}"


def key(number: int, curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(0x1000 + number, curve or ec.SECP256R1())


def sign(signer: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """DER of r and s."""
    return signer.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


def raw_signature(signer: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = utils.decode_dss_signature(sign(signer, message))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def twin(signature: bytes) -> bytes:
    """The other one of (r, s) and (r, n - s)."""
    return signature[:32] + (P256_N - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def name(*attributes: tuple[str, str]) -> bytes:
    parts = [
        element(
            SET,
            element(SEQUENCE, element(OBJECT_IDENTIFIER, bytes.fromhex(kind)), element(UTF8_STRING, value.encode())),
        )
        for kind, value in attributes
    ]
    return element(SEQUENCE, *parts)


def extension(kind: str, value: bytes, *, critical: bool = False) -> bytes:
    return element(
        SEQUENCE,
        element(OBJECT_IDENTIFIER, bytes.fromhex(kind)),
        element(BOOLEAN, b"\xff") if critical else b"",
        element(OCTET_STRING, value),
    )


def policies(*roles: str) -> bytes:
    found = [element(OBJECT_IDENTIFIER, bytes.fromhex("678112010201") + bytes((ROLE[role],))) for role in roles]
    return extension("551d20", element(SEQUENCE, *[element(SEQUENCE, one) for one in found]), critical=True)


def usage(*bits: int) -> bytes:
    value = sum(0x80 >> one for one in bits)
    unused = (value & -value).bit_length() - 1
    return extension("551d0f", element(BIT_STRING, bytes((unused, value))), critical=True)


def authority(basic: bool, length: int | None = None) -> bytes:
    parts = (element(BOOLEAN, b"\xff") if basic else b"", b"" if length is None else integer(length))
    return extension("551d13", element(SEQUENCE, *parts), critical=True)


def subtrees(*names: bytes) -> bytes:
    found = [element(SEQUENCE, element(0xA4, one)) for one in names]
    return extension("551d1e", element(SEQUENCE, element(0xA0, *found)), critical=True)


def permitted_eins(*prefixes: str) -> bytes:
    return extension("67811201020200", element(SEQUENCE, *[element(0x13, one.encode()) for one in prefixes]))


def key_id(number: int) -> bytes:
    return bytes((number,)) * 20


def spki(public: ec.EllipticCurvePublicKey) -> bytes:
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def time(instant: int) -> bytes:
    moment = datetime.fromtimestamp(instant, UTC)
    if moment.year < 2050:
        return element(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())
    return element(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


@dataclass(frozen=True, kw_only=True)
class Cert:
    """A certificate to be made: whatever is changed is signed like the rest, unless it says so."""

    subject: bytes
    issuer: bytes
    key: ec.EllipticCurvePrivateKey
    signer: ec.EllipticCurvePrivateKey
    subject_key_id: bytes
    authority_key_id: bytes | None
    extensions: tuple[bytes, ...]
    not_before: int = AT - 1000
    not_after: int = AT + 1000
    serial: bytes = field(default=integer(77))
    version: bytes = field(default=element(0xA0, integer(2)))
    inner_algorithm: bytes = ALGORITHM
    outer_algorithm: bytes = ALGORITHM
    validity: bytes | None = None
    spki: bytes | None = None
    more: bytes = b""

    def tbs(self) -> bytes:
        ids = [extension("551d0e", element(OCTET_STRING, self.subject_key_id))]
        if self.authority_key_id is not None:
            ids.append(extension("551d23", element(SEQUENCE, element(0x80, self.authority_key_id))))
        times = time(self.not_before) + time(self.not_after) if self.validity is None else self.validity
        return element(
            SEQUENCE,
            self.version,
            self.serial,
            self.inner_algorithm,
            self.issuer,
            element(SEQUENCE, times),
            self.subject,
            self.spki or spki(self.key.public_key()),
            element(0xA3, element(SEQUENCE, *ids, *self.extensions)),
            self.more,
        )

    def der(self) -> bytes:
        tbs = self.tbs()
        return element(SEQUENCE, tbs, self.outer_algorithm, element(BIT_STRING, b"\0", sign(self.signer, tbs)))


MAKER: Final = "Chip Works"
CI_NAME: Final = name((ORG, "Issuers United"), (CN, "Root 1"))
EUM_NAME: Final = name((ORG, MAKER), (CN, "Works 1"))
CI: Final = Cert(
    subject=CI_NAME,
    issuer=CI_NAME,
    key=key(1),
    signer=key(1),
    subject_key_id=key_id(0xC1),
    authority_key_id=None,
    extensions=(authority(True), usage(5, 6), policies("ci")),
)
EUM: Final = Cert(
    subject=EUM_NAME,
    issuer=CI_NAME,
    key=key(2),
    signer=key(1),
    subject_key_id=key_id(0xE1),
    authority_key_id=key_id(0xC1),
    extensions=(
        authority(True, 0),
        usage(5),
        policies("eum"),
        subtrees(name((ORG, "Chip Works Two"), (SERIAL, "89044046")), name((ORG, MAKER), (SERIAL, "89044045"))),
    ),
)
EUM_V3: Final = replace(EUM, extensions=(*EUM.extensions[:3], permitted_eins("89044044", "89044045")))
CHIP: Final = Cert(
    subject=name((ORG, MAKER), (SERIAL, EID), (CN, "Chip")),
    issuer=EUM_NAME,
    key=key(3),
    signer=key(2),
    subject_key_id=key_id(0xA1),
    authority_key_id=key_id(0xE1),
    extensions=(usage(0), policies("chip")),
)
OTHER_EID: Final = eid_of("890440459300000000000000000019")
OTHER_CHIP: Final = replace(
    CHIP,
    subject=name((ORG, MAKER), (SERIAL, OTHER_EID), (CN, "Chip")),
    key=key(4),
    subject_key_id=key_id(0xA2),
)
SERVER: Final = replace(
    CI,
    subject=name((ORG, "Bank"), (CN, ADDRESS)),
    key=key(5),
    subject_key_id=key_id(0xD1),
    authority_key_id=key_id(0xC1),
    extensions=(usage(0), policies("server")),
)


def brainpool(cert: Cert, own: int, signer: int) -> Cert:
    curve = ec.BrainpoolP256R1()
    return replace(cert, key=key(own, curve), signer=key(signer, curve))


def trusting(*issuers: bytes, lab: bool = False, revoked: Revocations = NOTHING_REVOKED) -> TrustAnchors:
    """Anchors that trust these, or the one of this file."""
    return TrustAnchors.from_der(issuers or (CI.der(),), lab=lab, revoked=revoked)


def a_chip(chip: Cert = CHIP, eum: Cert = EUM) -> SoftwareEuicc:
    return SoftwareEuicc(key=chip.key, certificate=chip.der(), manufacturer_certificate=eum.der())


def an_event(chip: Cert = CHIP, eum: Cert = EUM) -> bytes:
    """The notification of a chip that enables its profile: number 2, after the installation."""
    one = a_chip(chip, eum)
    one.install(ICCID, transaction_id=TRANSACTION)
    return one.enable(ICCID)[0]


def metadata(
    *,
    sequence: bytes = integer(2, 0x80),
    operation: bytes = bit(1, 0x81),
    address: bytes = element(UTF8_STRING, b"smdp.pteri.example"),
    profile: bytes = element(0x5A, bytes.fromhex("98942000002143658749")),
    more: bytes = b"",
) -> bytes:
    return element(0xBF2F, sequence, operation, address, profile, more)


def notification(
    said: bytes | None = None,
    *,
    chip: Cert = CHIP,
    eum: Cert = EUM,
    signature: bytes | None = None,
    leaf: bytes | None = None,
    maker: bytes | None = None,
    more: Sequence[bytes] = (),
) -> bytes:
    """A notification that is right, but for what is given here."""
    said = metadata() if said is None else said
    signed = raw_signature(chip.key, said) if signature is None else signature
    return element(SEQUENCE, said, element(0x5F37, signed), leaf or chip.der(), maker or eum.der(), *more)


def edit(cert: Cert, **changes: Any) -> Cert:
    return replace(cert, **changes)
