"""py_webauthn behind FastAPI, and the authenticator for it: a P-256 key in Python."""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from bench.cache import environment_for
from bench.peers.driving import CLIENTS, Client, PeerFigures, drive, serving
from pteri.core.ids import to_base64url

__all__ = ["measure"]

_HERE = Path(__file__).parent
_RP_ID, _ORIGIN = "bank.example", "https://bank.example"
_PRESENT_AND_VERIFIED = 0x05

DOES = (
    "two requests: options (challenge stored, one FULL commit) and verify (one P-256 signature over client data, "
    "challenge consumed and sign count kept in one FULL commit)"
)
LACKS = "second signature, code for another screen, log of events, idempotent answers, authenticated back end"


class Authenticator:
    """A passkey and whoever holds it."""

    def __init__(self, client: Client, number: int) -> None:
        self._client = client
        self._login = f"person{number}@example.com"
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = to_base64url(secrets.token_bytes(16))
        self._count = 0

    async def register(self) -> None:
        """Put the credential in; attestation is not what is measured."""
        wanted = {"login": self._login, "id": self._id, "public_key": to_base64url(self._cose_key())}
        await self._client.post("/credentials", msgspec.json.encode(wanted))

    async def sign_in(self) -> None:
        """Ask for a challenge, sign it."""
        asked = msgspec.json.decode(await self._client.post("/options", msgspec.json.encode({"login": self._login})))
        client_data = msgspec.json.encode(
            {"type": "webauthn.get", "challenge": asked["challenge"], "origin": _ORIGIN, "crossOrigin": False}
        )
        self._count += 1
        authenticator_data = (
            hashlib.sha256(_RP_ID.encode()).digest() + bytes((_PRESENT_AND_VERIFIED,)) + self._count.to_bytes(4, "big")
        )
        signature = self._key.sign(authenticator_data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        credential = {
            "id": self._id,
            "rawId": self._id,
            "type": "public-key",
            "response": {
                "clientDataJSON": to_base64url(client_data),
                "authenticatorData": to_base64url(authenticator_data),
                "signature": to_base64url(signature),
            },
        }
        body = msgspec.json.encode({"login": self._login, "credential": credential})
        answer = await self._client.post("/verify", body)
        assert b'"verified":true' in answer

    def _cose_key(self) -> bytes:
        """EC2, ES256, P-256 and the two coordinates as a CBOR map (RFC 9052)."""
        public = self._key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (public.x, public.y))
        return b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y


async def measure(sign_ins: int) -> PeerFigures:
    """CPU of the server per passkey sign-in."""
    binaries = environment_for(_HERE / "webauthn.txt")
    async with serving(
        lambda port: [
            *(binaries / "python", "-m", "uvicorn", "webauthn_app:app", "--port", str(port)),
            *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
        ],
        env=lambda directory: {"PEER_DATABASE": str(directory / "peer.sqlite3"), "PYTHONPATH": ""},
        cwd=_HERE / "servers",
    ) as served:
        people = [Authenticator(Client(served.target), number) for number in range(CLIENTS)]
        for person in people:
            await person.register()
        return await drive(
            served,
            [person.sign_in for person in people],
            name="py_webauthn + FastAPI + SQLite",
            version="webauthn 3.0.1, fastapi 0.165.0",
            sign_ins=sign_ins,
            does=DOES,
            lacks=LACKS,
        )
