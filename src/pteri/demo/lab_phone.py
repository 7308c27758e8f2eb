"""A phone of the lab with its eSIM chip: the settings that stand between a server and the chip. NO CHIP HERE IS REAL.

It speaks ES9+ (SGP.22 section 5.6) over HTTP to whoever the activation code names, and asks of the server what a chip
asks: that an issuer which the chip knows has signed its certificate, and that its challenge comes back signed.
"""

from __future__ import annotations

from typing import Any, Final

import httpx2
import msgspec

from pteri.adapters.telecom.software_euicc import SoftwareEuicc
from pteri.core.errors import Code, ProtocolError
from pteri.core.euicc.certificate import Role, parse_certificate
from pteri.core.euicc.der import OCTET_STRING, SEQUENCE, exactly, only
from pteri.core.euicc.der_writer import element
from pteri.core.euicc.es9 import from_base64, to_base64

__all__ = ["LabPhone"]

_ES9: Final = "/gsma/rsp2/es9plus/"
_CHALLENGE: Final = bytes(range(16))
"""The chip's own; a real chip draws it."""
_MAX_BYTES: Final = 1024
_TIMEOUT_S: Final = 15.0


class LabPhone:
    """``anchor``: certificate (DER) of the one issuer that the chip knows; ``origin``: where its server really is."""

    def __init__(self, chip: SoftwareEuicc, *, anchor: bytes, origin: str) -> None:
        self.chip = chip
        self._issuer = parse_certificate(anchor)
        self._origin = origin

    def scan(self, activation: str) -> str:
        """What eSIM settings do with an activation code; the subject code of the server's last word is returned."""
        _, address, token = activation.split("$")
        known = element(OCTET_STRING, self._issuer.extensions.key_id)
        info = element(0xBF20, element(0x82, b"\2\5\0"), element(0xA9, known), element(0xAA, known))
        begun = self._ask(
            "initiateAuthentication",
            {"smdpAddress": address, "euiccChallenge": to_base64(_CHALLENGE), "euiccInfo1": to_base64(info)},
        )
        if "serverSigned1" not in begun:
            return _subject(begun)
        transaction, challenge = self._believed(begun, address)
        answer = self.chip.answer(challenge, transaction_id=transaction, address=address, matching_id=token)
        told = {"transactionId": begun["transactionId"], "authenticateServerResponse": to_base64(answer)}
        return _subject(self._ask("authenticateClient", told))

    def bring(self, notification: bytes) -> None:
        """Bring home what the chip has signed."""
        self._ask("handleNotification", {"pendingNotification": to_base64(notification)})

    def _believed(self, begun: dict[str, Any], address: str) -> tuple[bytes, bytes]:
        """Transaction and challenge of a server that the chip believes; ``ProtocolError`` for any other."""
        signed = from_base64(begun["serverSigned1"])
        server = parse_certificate(from_base64(begun["serverCertificate"]))
        if not server.has_role(Role.DP_AUTH):
            raise ProtocolError(Code.CERTIFICATE_ROLE, "not a server's certificate")
        self._issuer.key.check_der(server.tbs, server.signature, otherwise=Code.NOT_ISSUED_BY_CI)
        signature = only(from_base64(begun["serverSignature1"]), max_bytes=_MAX_BYTES)
        server.key.check_raw(signed, signature.content, otherwise=Code.SIGNATURE)
        whole = only(signed, max_bytes=_MAX_BYTES)
        parts = exactly(whole.content, (0x80, 0x81, 0x83, 0x84), "what the server signed")
        transaction, ours, named, challenge = (part.content for part in parts)
        if (whole.tag, ours, named) != (SEQUENCE, _CHALLENGE, address.encode("ascii")):
            raise ProtocolError(Code.CHALLENGE, "an answer to another chip, or of another server")
        return transaction, challenge

    def _ask(self, function: str, body: dict[str, str]) -> dict[str, Any]:
        answered = httpx2.post(f"{self._origin}{_ES9}{function}", json=body, timeout=_TIMEOUT_S)
        return dict(msgspec.json.decode(answered.content)) if answered.content else {}


def _subject(said: dict[str, Any]) -> str:
    return str(said["header"]["functionExecutionStatus"]["statusCodeData"]["subjectCode"])
