"""A simulator of an eSIM chip, for tests and demonstrations. It is no chip: its key lies in a file.

It keeps profiles and a counter in memory, follows the rules that a chip follows (one profile in use, what is in use is
not deleted), and signs what a chip signs: notifications, answers to challenges, results of installations, lists of
profiles. Whoever verifies them cannot see the difference, which is why the issuer of its certificates is one for tests
and is believed in a lab only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pteri.core.euicc import challenge, installation, notification, package
from pteri.core.euicc.certificate import parse_certificate
from pteri.core.euicc.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, UTF8_STRING
from pteri.core.euicc.der_writer import bit, element, integer
from pteri.core.euicc.numbers import Eid, Iccid, eid, packed

__all__ = ["ChipRefused", "SoftwareEuicc"]

_BITS: Final = {"install": 0, "enable": 1, "disable": 2, "delete": 3}
_AID: Final = bytes.fromhex("a0000005591010ffffffff8900001100")
_VERSIONS: Final = bytes.fromhex("810302030182030205008303010000840d81010082040004a0008302ffff88020490")
_CATEGORY: Final = bytes.fromhex("990206400403010000") + element(UTF8_STRING, b"SIMULATOR")
_TAC: Final = bytes.fromhex("35290611")


class ChipRefused(Exception):
    """The chip does not do this in its present state."""


class SoftwareEuicc:
    """A simulated chip. ``address`` is the server that its notifications are for."""

    def __init__(
        self,
        *,
        key: ec.EllipticCurvePrivateKey,
        certificate: bytes,
        manufacturer_certificate: bytes,
        address: str = "smdp.pteri.example",
    ) -> None:
        self._key = key
        self.certificate = certificate
        self.manufacturer_certificate = manufacturer_certificate
        self._address = address
        self._profiles: dict[Iccid, bool] = {}
        self._sequence = 0

    @classmethod
    def open(cls, directory: Path, name: str) -> Self:
        """The chip of ``NAME.key.pem`` and ``NAME.cert.der``, made by the manufacturer of ``eum.cert.der``."""
        key = load_pem_private_key((directory / f"{name}.key.pem").read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ChipRefused("a chip's key is an elliptic curve key")
        return cls(
            key=key,
            certificate=(directory / f"{name}.cert.der").read_bytes(),
            manufacturer_certificate=(directory / "eum.cert.der").read_bytes(),
        )

    @property
    def eid(self) -> Eid:
        """The number of this chip, from its certificate."""
        return eid(parse_certificate(self.certificate).serial_number)

    @property
    def profiles(self) -> dict[Iccid, bool]:
        """The installed profiles, and which one is in use."""
        return dict(self._profiles)

    def install(self, iccid: Iccid, *, transaction_id: bytes) -> bytes:
        """Install a profile, not in use yet: ``profileInstallationResult``."""
        if iccid in self._profiles:
            raise ChipRefused("this profile is installed already")
        self._profiles[iccid] = False
        success = element(installation.SUCCESS, element(0x4F, _AID), element(OCTET_STRING, b"\x30\x00"))
        return self._result(iccid, transaction_id, success)

    def fail_to_install(self, iccid: Iccid, *, transaction_id: bytes) -> bytes:
        """A download that the chip breaks off: ``profileInstallationResult`` with an error."""
        failure = element(installation.FAILURE, integer(4, 0x80), integer(127, 0x81))
        return self._result(iccid, transaction_id, failure)

    def enable(self, iccid: Iccid) -> list[bytes]:
        """Use this profile: one notification, or two where another one was in use."""
        self._must_be(iccid, enabled=False)
        said = [self.disable(other) for other, enabled in self._profiles.items() if enabled]
        self._profiles[iccid] = True
        return [*said, self._notification("enable", iccid)]

    def disable(self, iccid: Iccid) -> bytes:
        """Do not use this profile any more."""
        self._must_be(iccid, enabled=True)
        self._profiles[iccid] = False
        return self._notification("disable", iccid)

    def delete(self, iccid: Iccid) -> bytes:
        """Forget a profile that is not in use."""
        self._must_be(iccid, enabled=False)
        del self._profiles[iccid]
        return self._notification("delete", iccid)

    def answer(
        self, server_challenge: bytes, *, transaction_id: bytes, address: str, matching_id: str | None = None
    ) -> bytes:
        """Answer the challenge of a server: ``AuthenticateServerResponse``."""
        device = element(0xA1, element(0x80, _TAC), element(0xA1))
        token = b"" if matching_id is None else element(0x80, matching_id.encode("ascii"))
        signed = element(
            SEQUENCE,
            element(0x80, transaction_id),
            element(0x83, address.encode("ascii")),
            element(0x84, server_challenge),
            self._abilities(),
            element(0xA0, token, device),
        )
        return element(challenge.RESPONSE, element(challenge.OK, signed, self._sign(signed), *self._certificates()))

    def list_profiles(
        self, *, eim_id: str, counter: int, transaction_id: bytes | None = None, appended: bytes = b""
    ) -> bytes:
        """List all profiles to a remote manager: ``EuiccPackageResult``."""
        listed = [
            element(
                package.PROFILE,
                element(notification.ICCID, packed(iccid)),
                element(0x4F, _AID),
                integer(int(enabled), package.STATE),
            )
            for iccid, enabled in self._profiles.items()
        ]
        data = element(
            SEQUENCE,
            element(0x80, eim_id.encode("ascii")),
            integer(counter, 0x81),
            b"" if transaction_id is None else element(0x82, transaction_id),
            integer(self._next(), 0x83),
            element(SEQUENCE, element(package.PROFILE_LIST, element(package.PROFILES, *listed))),
        )
        return element(package.RESULT, element(package.SIGNED, data, self._sign(data, appended)))

    def _abilities(self) -> bytes:
        """What the chip can do: versions, memory, and the one issuer that it knows."""
        issuer = parse_certificate(self.manufacturer_certificate).extensions.authority_key_id or b""
        issuers = element(OCTET_STRING, issuer)
        return element(0xBF22, _VERSIONS, element(0xA9, issuers), element(0xAA, issuers), _CATEGORY)

    def _result(self, iccid: Iccid, transaction_id: bytes, outcome: bytes) -> bytes:
        data = element(
            installation.DATA,
            element(0x80, transaction_id),
            self._metadata("install", iccid),
            element(OBJECT_IDENTIFIER, bytes.fromhex("883703")),
            element(installation.FINAL, outcome),
        )
        return element(installation.RESULT, data, self._sign(data))

    def _notification(self, operation: str, iccid: Iccid) -> bytes:
        metadata = self._metadata(operation, iccid)
        return element(SEQUENCE, metadata, self._sign(metadata), *self._certificates())

    def _metadata(self, operation: str, iccid: Iccid) -> bytes:
        return element(
            notification.METADATA,
            integer(self._next(), 0x80),
            bit(_BITS[operation], 0x81),
            element(UTF8_STRING, self._address.encode("ascii")),
            element(notification.ICCID, packed(iccid)),
        )

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _must_be(self, iccid: Iccid, *, enabled: bool) -> None:
        if self._profiles.get(iccid) is not enabled:
            raise ChipRefused("the profile is not installed, or not in the state for this")

    def _certificates(self) -> tuple[bytes, bytes]:
        return self.certificate, self.manufacturer_certificate

    def _sign(self, signed: bytes, appended: bytes = b"") -> bytes:
        deterministic = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = utils.decode_dss_signature(self._key.sign(signed + appended, deterministic))
        return element(notification.SIGNATURE, r.to_bytes(32, "big") + s.to_bytes(32, "big"))
