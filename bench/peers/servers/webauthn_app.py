# mypy: ignore-errors
# (its imports live in the peer's own environment, which the type checker does not see)
"""A passkey sign-in as the manual of py_webauthn has it: FastAPI, two requests, SQLite with synchronous=FULL.

The handlers are coroutines that call SQLite directly: handing each query to a thread would cost this peer more.
"""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from webauthn import generate_authentication_options, options_to_json, verify_authentication_response
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

RP_ID = "bank.example"
ORIGIN = "https://bank.example"

app = FastAPI()
database = sqlite3.connect(os.environ["PEER_DATABASE"], isolation_level=None)
database.executescript(
    """
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE credentials (
        login TEXT PRIMARY KEY, id BLOB NOT NULL, public_key BLOB NOT NULL, sign_count INTEGER NOT NULL
    );
    CREATE TABLE challenges (challenge BLOB PRIMARY KEY, login TEXT NOT NULL);
    """
)


class Registration(BaseModel):
    """A credential that was made before; attestation is not what is measured."""

    login: str
    id: str
    public_key: str


class Start(BaseModel):
    login: str


class Finish(BaseModel):
    login: str
    credential: dict


@app.post("/credentials", status_code=201)
async def register(wanted: Registration) -> Any:  # noqa: ANN401 - a type here would make FastAPI check the answer once more
    key = base64url_to_bytes(wanted.public_key)
    database.execute("INSERT INTO credentials VALUES (?, ?, ?, 0)", (wanted.login, base64url_to_bytes(wanted.id), key))
    return {}


@app.post("/options")
async def options(wanted: Start) -> Any:  # noqa: ANN401 - a type here would make FastAPI check the answer once more
    found = database.execute("SELECT id FROM credentials WHERE login = ?", (wanted.login,)).fetchone()
    if found is None:
        raise HTTPException(404)
    made = generate_authentication_options(
        rp_id=RP_ID,
        allow_credentials=[PublicKeyCredentialDescriptor(id=found[0])],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    database.execute("INSERT INTO challenges VALUES (?, ?)", (made.challenge, wanted.login))
    return json.loads(options_to_json(made))


@app.post("/verify")
async def verify(wanted: Finish) -> Any:  # noqa: ANN401 - a type here would make FastAPI check the answer once more
    client_data = json.loads(base64url_to_bytes(wanted.credential["response"]["clientDataJSON"]))
    challenge = base64url_to_bytes(client_data["challenge"])
    database.execute("BEGIN IMMEDIATE")
    try:
        spent = database.execute(
            "DELETE FROM challenges WHERE challenge = ? AND login = ?", (challenge, wanted.login)
        ).rowcount
        found = database.execute(
            "SELECT public_key, sign_count FROM credentials WHERE login = ?", (wanted.login,)
        ).fetchone()
        if spent != 1 or found is None:
            raise HTTPException(401)  # noqa: TRY301 - undone like every other failure here
        verified = verify_authentication_response(
            credential=wanted.credential,
            expected_challenge=challenge,
            expected_rp_id=RP_ID,
            expected_origin=ORIGIN,
            credential_public_key=found[0],
            credential_current_sign_count=found[1],
            require_user_verification=True,
        )
        database.execute(
            "UPDATE credentials SET sign_count = ? WHERE login = ?", (verified.new_sign_count, wanted.login)
        )
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    return {"verified": True, "credential": bytes_to_base64url(verified.credential_id)}
