"""A small LPA: the part of a phone that stands between a server and its chip, and the chip's own checks of a server."""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec

import chips as c
from pteri.adapters.telecom.software_euicc import SoftwareEuicc
from pteri.core.errors import Code
from pteri.core.euicc.certificate import Role, parse_certificate
from pteri.core.euicc.der import OCTET_STRING, SEQUENCE, exactly, only
from pteri.core.euicc.der_writer import element

EUICC_CHALLENGE: Final = bytes(range(100, 116))


class ServerRefused(Exception):
    """The chip or its phone does not believe the server."""


class Lpa:
    """``issuer`` is the one certificate issuer that the chip knows."""

    def __init__(self, chip: SoftwareEuicc, *, issuer: c.Cert = c.CI, address: str = c.ADDRESS) -> None:
        self.chip = chip
        self._issuer = issuer
        self._address = address

    def hello(self, **changes: Any) -> bytes:
        """The body of ``initiateAuthentication``."""
        known = element(OCTET_STRING, self._issuer.subject_key_id)
        info = element(0xBF20, element(0x82, b"\2\5\0"), element(0xA9, known), element(0xAA, known))
        body = {
            "smdpAddress": self._address,
            "euiccChallenge": base64.b64encode(EUICC_CHALLENGE).decode(),
            "euiccInfo1": base64.b64encode(info).decode(),
        }
        return msgspec.json.encode(body | changes)

    def answer(self, initiated: bytes, *, matching_id: str | None = None) -> bytes:
        """The body of ``authenticateClient``, if the server is one that the chip believes."""
        said = msgspec.json.decode(initiated, type=dict[str, Any])
        if said["header"]["functionExecutionStatus"]["status"] != "Executed-Success":
            raise ServerRefused(said["header"])
        signed, signature, certificate = (
            base64.b64decode(said[name], validate=True)
            for name in ("serverSigned1", "serverSignature1", "serverCertificate")
        )
        transaction, echoed, address, challenge = exactly(
            only(signed, max_bytes=999).content, (0x80, 0x81, 0x83, 0x84), "serverSigned1"
        )
        self._check(signed, signature, certificate)
        if echoed.content != EUICC_CHALLENGE or address.content.decode() != self._address:
            raise ServerRefused("another challenge or address")
        if base64.b64decode(said["euiccCiPKIdToBeUsed"]) != element(OCTET_STRING, self._issuer.subject_key_id):
            raise ServerRefused("an issuer that the chip does not know")
        der = self.chip.answer(
            challenge.content,
            transaction_id=transaction.content,
            address=address.content.decode(),
            matching_id=matching_id,
        )
        body = {
            "transactionId": said["transactionId"],
            "authenticateServerResponse": base64.b64encode(der).decode(),
        }
        return msgspec.json.encode(body)

    def notify(self, der: bytes) -> bytes:
        """The body of ``handleNotification``."""
        return msgspec.json.encode({"pendingNotification": base64.b64encode(der).decode()})

    def _check(self, signed: bytes, signature: bytes, certificate: bytes) -> None:
        server = parse_certificate(certificate)
        if not server.has_role(Role.DP_AUTH) or server.extensions.authority_key_id != self._issuer.subject_key_id:
            raise ServerRefused("not a server of the issuer")
        issuer = parse_certificate(self._issuer.der())
        issuer.key.check_der(server.tbs, server.signature, otherwise=Code.NOT_ISSUED_BY_CI)
        element_of = only(signature, max_bytes=99)
        assert (only(signed, max_bytes=999).tag, element_of.tag) == (SEQUENCE, 0x5F37)
        server.key.check_raw(signed, element_of.content, otherwise=Code.SIGNATURE)
