"""The same sign-in on FastAPI with one transaction a request, and the phones for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from pathlib import Path

import msgspec
from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.cache import environment_for
from bench.peers.driving import CLIENTS, Client, PeerFigures, drive, serving
from pteri.core.ids import to_base64url
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.message import message_digest
from pteri.core.statement import instant_text

__all__ = ["measure"]

_HERE = Path(__file__).parent
_TOKEN = "peer-token-of-the-bank"

DOES = (
    "three requests, one FULL commit each: token of the back end, both signatures with the same libraries, statement "
    "rebuilt, spent nonce, code, event with evidence, account version, idempotent answers"
)
LACKS = "prompts, limits, notices, sequencing of the log, several tenants, strict JSON, replayable decisions"


class _Started(msgspec.Struct):
    id: str
    account: str
    number: str
    nonce: str
    issued_at: int
    expires_at: int


class Phone:
    """A person with wallet and phone, and the site this person signs in at."""

    def __init__(self, client: Client, number: int) -> None:
        self._client = client
        self._login = f"person{number}@example.com"
        self._wallet = PrivateKey(hashlib.sha256(self._login.encode()).digest())
        self._key = ec.generate_private_key(ec.SECP256R1())
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self._address = address_of(self._wallet.public_key.format(), AddressKind.P2PKH, "main").text
        self._device = to_base64url(hashlib.sha256(point).digest())
        self._enrolment = {
            "login": self._login,
            "address": self._address,
            "wallet_key": to_base64url(self._wallet.public_key.format()),
            "device_key": to_base64url(point),
        }

    async def link(self) -> None:
        """Put the account in."""
        await self._client.post("/accounts", msgspec.json.encode(self._enrolment), self._as_bank())

    async def sign_in(self) -> None:
        """Start, sign, type the code."""
        secret = secrets.token_bytes(32)
        session = to_base64url(hashlib.sha256(secret).digest())
        wanted = msgspec.json.encode({"login": self._login, "session": session})
        started = msgspec.json.decode(await self._client.post("/logins", wanted, self._as_bank()), type=_Started)
        statement = self._statement(started, session)
        signature = self._wallet.sign_recoverable(message_digest(statement), hasher=None)
        compact = bytes((31 + signature[64],)) + signature[:64]
        body = msgspec.json.encode(
            {
                "wallet_signature": base64.b64encode(compact).decode(),
                "statement_sha256": to_base64url(hashlib.sha256(statement).digest()),
            }
        )
        path, key = f"/challenges/{started.id}/response", to_base64url(secrets.token_bytes(18))
        digest = hashlib.sha256(f"POST\n{path}\n".encode() + body).digest()
        made = self._key.sign(f"{to_base64url(digest)}\n{key}\n{self._device}".encode(), ec.ECDSA(SHA256()))
        device = b"".join(number.to_bytes(32, "big") for number in utils.decode_dss_signature(made))
        headers = {"idempotency-key": key, "device": self._device, "signature": to_base64url(device)}
        await self._client.post(path, body, headers)
        code = _code(statement, signature[:64], device, started, session)
        entered = msgspec.json.encode({"code": code, "session_secret": to_base64url(secret)})
        answer = await self._client.post(f"/logins/{started.id}/code", entered, self._as_bank())
        assert b'"COMPLETED"' in answer

    def _as_bank(self) -> dict[str, str]:
        return {"authorization": f"Bearer {_TOKEN}", "idempotency-key": to_base64url(secrets.token_bytes(18))}

    def _statement(self, started: _Started, session: str) -> bytes:
        return (
            f"bank.example wants you to sign in with your Litecoin account:\n{self._address}\n\n"
            "Sign in to bank.example. Sign only if you started this yourself and the number on the other screen is "
            f"{started.number}.\n\nURI: https://bank.example/.well-known/sign-in/v1/authenticate\nVersion: 1\n"
            f"Chain ID: bip122:12a765e31ffd4059bada1e25190f6e98\nNonce: {started.nonce}\n"
            f"Issued At: {instant_text(started.issued_at)}\nExpiration Time: {instant_text(started.expires_at)}\n"
            f"Request ID: {started.id}\nResources:\n- urn:account:{started.account}\n- urn:device:{self._device}\n"
            f"- urn:epoch:1\n- urn:session:{session}\n- urn:code:{started.number}"
        ).encode()


def _code(statement: bytes, wallet: bytes, device: bytes, started: _Started, session: str) -> str:
    key = hmac.digest(hashlib.sha256(b"OTP" + statement).digest(), wallet + device, "sha256")
    session_hash = base64.urlsafe_b64decode(session + "=")
    output = hmac.digest(key, b"OTP\0" + started.id.encode() + b"\0" + session_hash + b"\x01", "sha256")
    mac = hmac.digest(output, started.nonce.encode(), "sha256")
    offset = mac[-1] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4], 'big') & 0x7FFFFFFF) % 10**8:08d}"


async def measure(sign_ins: int) -> PeerFigures:
    """CPU of the server per sign-in."""
    binaries = environment_for(_HERE / "fastapi_same.txt")
    async with serving(
        lambda port: [
            *(binaries / "python", "-m", "uvicorn", "fastapi_app:app", "--port", str(port)),
            *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
        ],
        env=lambda directory: {
            "PEER_DATABASE": str(directory / "peer.sqlite3"),
            "PEER_KEY": secrets.token_hex(32),
            "PEER_TOKEN": _TOKEN,
            "PYTHONPATH": "",
        },
        cwd=_HERE / "servers",
    ) as served:
        people = [Phone(Client(served.target), number) for number in range(CLIENTS)]
        for person in people:
            await person.link()
        return await drive(
            served,
            [person.sign_in for person in people],
            name="FastAPI + pydantic, a transaction each",
            version="fastapi 0.165.0, pydantic 2.14.4",
            sign_ins=sign_ins,
            does=DOES,
            lacks=LACKS,
        )
