# mypy: ignore-errors
# (its imports live in the peer's own environment, which the type checker does not see)
"""The same sign-in as ours, written as one would write it without looking at the clock.

FastAPI, pydantic, SQLite (WAL, synchronous=FULL), one durable transaction a request, the same two libraries for the
two curves. It checks what ours checks: the back end's token, the phone's signature over the request, the wallet's
signature over a statement that the server rebuilds from its own record, a nonce spent once, a code out of both
signatures, an event with its evidence, and repeats that read their first answer. The handlers are coroutines that
call SQLite directly: handing each query to a thread would cost this peer more.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

from coincurve import PublicKey
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel, Field

KEY = bytes.fromhex(os.environ["PEER_KEY"])
TOKEN = os.environ["PEER_TOKEN"]
LIFE_S = 120
DOMAIN = "bank.example"

app = FastAPI()
aead = AESGCM(hmac.digest(KEY, b"seal", "sha256"))
database = sqlite3.connect(os.environ["PEER_DATABASE"], isolation_level=None)
database.executescript(
    """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE accounts (
        id TEXT PRIMARY KEY, login TEXT UNIQUE NOT NULL, version INTEGER NOT NULL, epoch INTEGER NOT NULL,
        address TEXT NOT NULL, wallet_key BLOB NOT NULL, device TEXT UNIQUE NOT NULL, device_key BLOB NOT NULL
    );
    CREATE TABLE challenges (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, nonce TEXT UNIQUE NOT NULL, session TEXT NOT NULL,
        number TEXT NOT NULL, issued_at INTEGER NOT NULL, state TEXT NOT NULL, code_mac BLOB, evidence BLOB
    );
    CREATE TABLE spent (nonce TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE answers (caller TEXT, key TEXT, digest BLOB, body TEXT, PRIMARY KEY (caller, key));
    CREATE TABLE events (
        account TEXT, seq INTEGER, at INTEGER, kind TEXT, request TEXT, evidence TEXT, PRIMARY KEY (account, seq)
    );
    """
)


class Account(BaseModel):
    """A person who was linked before."""

    login: str = Field(max_length=254)
    address: str
    wallet_key: str
    device_key: str


class Start(BaseModel):
    login: str = Field(max_length=254)
    session: str = Field(min_length=43, max_length=43)


class Started(BaseModel):
    id: str
    account: str
    number: str
    nonce: str
    issued_at: int
    expires_at: int


class Response(BaseModel):
    wallet_signature: str = Field(min_length=88, max_length=88)
    statement_sha256: str = Field(min_length=43, max_length=43)


class Decided(BaseModel):
    decision: str
    code_expected: bool


class Code(BaseModel):
    code: str = Field(pattern="^[0-9]{8}$")
    session_secret: str = Field(min_length=43, max_length=43)


class SignedIn(BaseModel):
    state: str
    account: str
    epoch: int
    device: str
    auth_time: int


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def raw(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


@contextmanager
def transaction() -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


async def caller(authorization: Annotated[str, Header()]) -> str:
    if not hmac.compare_digest(authorization, f"Bearer {TOKEN}"):
        raise HTTPException(401)
    return "bank"


Caller = Annotated[str, Depends(caller)]
IdempotencyKey = Annotated[str, Header(min_length=16, max_length=64)]


async def request_digest(request: Request) -> bytes:
    return hashlib.sha256(f"{request.method}\n{request.url.path}\n".encode() + await request.body()).digest()


Digest = Annotated[bytes, Depends(request_digest)]


def first_answer(who: str, key: str, digest: bytes, kind: type[BaseModel]) -> BaseModel | None:
    found = database.execute("SELECT digest, body FROM answers WHERE caller = ? AND key = ?", (who, key)).fetchone()
    if found is None:
        return None
    if not hmac.compare_digest(found[0], digest):
        raise HTTPException(409)
    return kind.model_validate_json(found[1])


def remember(who: str, key: str, digest: bytes, answer: BaseModel) -> None:
    database.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (who, key, digest, answer.model_dump_json()))


@app.post("/accounts", status_code=201)
async def link(wanted: Account, _: Caller) -> dict:
    device_key = raw(wanted.device_key)
    login = hmac.digest(KEY, wanted.login.lower().encode(), "sha256").hex()
    account, device = "acct_" + secrets.token_hex(10), text(hashlib.sha256(device_key).digest())
    database.execute(
        "INSERT INTO accounts VALUES (?, ?, 1, 1, ?, ?, ?, ?)",
        (account, login, wanted.address, raw(wanted.wallet_key), device, device_key),
    )
    return {"account": account, "device": device}


@app.post("/logins", status_code=201)
async def start(wanted: Start, who: Caller, idempotency_key: IdempotencyKey, digest: Digest) -> Started:
    if (done := first_answer(who, idempotency_key, digest, Started)) is not None:
        return done
    login = hmac.digest(KEY, wanted.login.lower().encode(), "sha256").hex()
    found = database.execute("SELECT id FROM accounts WHERE login = ?", (login,)).fetchone()
    if found is None:
        raise HTTPException(404)
    now = int(time.time())
    made = Started(
        id="lgn_" + secrets.token_hex(13),
        account=found[0],
        number=f"{secrets.randbelow(100):02d}",
        nonce=secrets.token_hex(16),
        issued_at=now,
        expires_at=now + LIFE_S,
    )
    with transaction():
        database.execute(
            "INSERT INTO challenges VALUES (?, ?, ?, ?, ?, ?, 'ISSUED', NULL, NULL)",
            (made.id, made.account, made.nonce, wanted.session, made.number, now),
        )
        remember(who, idempotency_key, digest, made)
    return made


def statement(*, request: str, account: str, address: str, device: str, epoch: int, asked: tuple) -> bytes:
    nonce, session, number, issued_at = asked
    issued, expires = (
        datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in (issued_at, issued_at + LIFE_S)
    )
    return (
        f"{DOMAIN} wants you to sign in with your Litecoin account:\n{address}\n\n"
        f"Sign in to {DOMAIN}. Sign only if you started this yourself and the number on the other screen is {number}."
        f"\n\nURI: https://{DOMAIN}/.well-known/sign-in/v1/authenticate\nVersion: 1\n"
        f"Chain ID: bip122:12a765e31ffd4059bada1e25190f6e98\nNonce: {nonce}\nIssued At: {issued}\n"
        f"Expiration Time: {expires}\nRequest ID: {request}\nResources:\n- urn:account:{account}\n"
        f"- urn:device:{device}\n- urn:epoch:{epoch}\n- urn:session:{session}\n- urn:code:{number}"
    ).encode()


def litecoin_digest(message: bytes) -> bytes:
    size = len(message)
    length = bytes((size,)) if size < 0xFD else b"\xfd" + size.to_bytes(2, "little")
    return hashlib.sha256(hashlib.sha256(b"\x19Litecoin Signed Message:\n" + length + message).digest()).digest()


def one_time_code(signed: bytes, *, wallet: bytes, device: bytes, request: str, session: str, nonce: str) -> str:
    key = hmac.digest(hashlib.sha256(b"OTP" + signed).digest(), wallet + device, "sha256")
    output = hmac.digest(key, b"OTP\0" + request.encode() + b"\0" + raw(session) + b"\x01", "sha256")
    mac = hmac.digest(output, nonce.encode(), "sha256")
    offset = mac[-1] & 15
    return f"{(int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF) % 10**8:08d}"


def der(signature: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))


@app.post("/challenges/{request_id}/response")
async def respond(  # noqa: PLR0917 - FastAPI calls by name
    request_id: str,
    wanted: Response,
    request: Request,
    idempotency_key: IdempotencyKey,
    device: Annotated[str, Header()],
    signature: Annotated[str, Header(min_length=86, max_length=86)],
    digest: Digest,
) -> Decided:
    found = database.execute(
        "SELECT id, version, epoch, address, wallet_key, device_key FROM accounts WHERE device = ?", (device,)
    ).fetchone()
    if found is None:
        raise HTTPException(401)
    account, _, epoch, address, wallet_key, device_key = found
    device_signature, wallet_signature = raw(signature), base64.b64decode(wanted.wallet_signature)[1:]
    signed_request = f"{text(digest)}\n{idempotency_key}\n{device}".encode()
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), device_key).verify(
            der(device_signature), signed_request, ec.ECDSA(SHA256())
        )
    except InvalidSignature:
        raise HTTPException(401) from None
    if (done := first_answer(device, idempotency_key, digest, Decided)) is not None:
        return done
    asked = database.execute(
        "SELECT nonce, session, number, issued_at, account, state FROM challenges WHERE id = ?", (request_id,)
    ).fetchone()
    if asked is None or asked[4:] != (account, "ISSUED") or not asked[3] <= time.time() < asked[3] + LIFE_S:
        raise HTTPException(401)
    signed = statement(
        request=request_id, account=account, address=address, device=device, epoch=epoch, asked=asked[:4]
    )
    if not hmac.compare_digest(text(hashlib.sha256(signed).digest()), wanted.statement_sha256):
        raise HTTPException(401)
    if not PublicKey(wallet_key).verify(der(wallet_signature), litecoin_digest(signed), hasher=None):
        raise HTTPException(401)
    code = one_time_code(
        signed,
        wallet=wallet_signature,
        device=device_signature,
        request=request_id,
        session=asked[1],
        nonce=asked[0],
    )
    code_mac = hmac.digest(KEY, f"{request_id}:{code}".encode(), "sha256")
    evidence = json.dumps({"statement": signed.decode(), "body": (await request.body()).decode(), "device": signature})
    nonce = secrets.token_bytes(12)
    sealed = nonce + aead.encrypt(nonce, evidence.encode(), request_id.encode())
    answer = Decided(decision="permit", code_expected=True)
    with transaction():
        database.execute("INSERT INTO spent VALUES (?)", (asked[0],))
        moved = database.execute(
            "UPDATE challenges SET state = 'VERIFIED', code_mac = ?, evidence = ? WHERE id = ? AND state = 'ISSUED'",
            (code_mac, sealed, request_id),
        )
        if moved.rowcount != 1:
            raise HTTPException(409)
        remember(device, idempotency_key, digest, answer)
    return answer


@app.post("/logins/{request_id}/code")
async def enter_code(
    request_id: str, wanted: Code, who: Caller, idempotency_key: IdempotencyKey, digest: Digest
) -> SignedIn:
    if (done := first_answer(who, idempotency_key, digest, SignedIn)) is not None:
        return done
    found = database.execute(
        """
        SELECT session, state, code_mac, evidence, challenges.issued_at, accounts.id, version, epoch, device
        FROM challenges JOIN accounts ON accounts.id = challenges.account WHERE challenges.id = ?
        """,
        (request_id,),
    ).fetchone()
    if found is None:
        raise HTTPException(404)
    session, state, code_mac, sealed, issued_at, account, version, epoch, device = found
    now = int(time.time())
    given = text(hashlib.sha256(raw(wanted.session_secret)).digest())
    mac = hmac.digest(KEY, f"{request_id}:{wanted.code}".encode(), "sha256")
    if not hmac.compare_digest(given, session) or state != "VERIFIED" or not hmac.compare_digest(mac, code_mac):
        raise HTTPException(401)
    if now >= issued_at + LIFE_S:
        raise HTTPException(401)
    evidence = aead.decrypt(sealed[:12], sealed[12:], request_id.encode()).decode()
    answer = SignedIn(state="COMPLETED", account=account, epoch=epoch, device=device, auth_time=now)
    with transaction():
        database.execute("UPDATE challenges SET state = 'COMPLETED' WHERE id = ?", (request_id,))
        moved = database.execute(
            "UPDATE accounts SET version = version + 1 WHERE id = ? AND version = ?", (account, version)
        )
        if moved.rowcount != 1:
            raise HTTPException(409)
        database.execute(
            "INSERT INTO events VALUES (?, ?, ?, 'SignedIn', ?, ?)", (account, version + 1, now, request_id, evidence)
        )
        remember(who, idempotency_key, digest, answer)
    return answer
