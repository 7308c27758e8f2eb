"""Phones and a site that drive a running service over real HTTP with real signatures."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from typing import TypeVar

import httpx2
import msgspec

from pteri.adapters.system import SystemClock, SystemEntropy
from pteri.core import ids, wire
from pteri.core.acts import Authenticate, BindWallet
from pteri.core.httpsig import Tag, sign
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.derivation import ExtendedKey, identity_path
from pteri.core.keys.device import RANDOM_BYTES, DevicePrivateKey
from pteri.core.keys.message import SignatureType, sign_message, verify_message
from pteri.core.keys.secret import Secret
from pteri.core.otp import one_time_code
from pteri.core.statement import Statement
from pteri.core.verify import Enrolment, Payload, WalletSignature
from pteri.core.wallets import PinnedWallet

__all__ = ["Person", "Site", "sign_ins"]

T = TypeVar("T")
_entropy, _clock = SystemEntropy(), SystemClock()


@dataclass
class Site:
    """A relying party's back end and the HTTP connection that it and the phones share."""

    http: httpx2.AsyncClient
    origin: str
    tenant: str
    key: DevicePrivateKey

    async def send(self, key: DevicePrivateKey, tag: Tag, path: str, body: bytes, kind: type[T]) -> tuple[T, bytes]:
        """One signed POST: the decoded answer and the 64 signature bytes that were sent."""
        target = f"/v1/{self.tenant}{path}"
        request = sign(
            method="POST",
            target_uri=self.origin + target,
            body=body,
            idempotency_key=ids.to_base64url(_entropy.draw(18)),
            key=key,
            created_at=_clock.now(),
            nonce=_entropy.draw(16),
            tag=tag,
        )
        headers = {**request.headers(), "content-type": "application/json"}
        answer = await self.http.post(target, content=body, headers=headers)
        if answer.status_code >= 300:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text}")
        signature = base64.b64decode(request.signature.removeprefix("pteri=:").removesuffix(":"))
        return msgspec.json.decode(answer.content, type=kind), signature

    async def ask(self, path: str, message: msgspec.Struct, kind: type[T]) -> T:
        """A request of the site itself."""
        answer, _ = await self.send(self.key, Tag.CLIENT, path, msgspec.json.encode(message), kind)
        return answer


class Person:
    """A person with one phone, one wallet and an e-mail."""

    def __init__(self, number: int) -> None:
        self.email = f"person{number}@example.com"
        root = ExtendedKey.from_seed(Secret(hashlib.sha512(self.email.encode()).digest()))
        wallet = root.derive(identity_path(0, "main"))
        self._secret = wallet.secret
        self._device = DevicePrivateKey.from_random(_entropy.draw(RANDOM_BYTES))
        self._wallet = PinnedWallet(
            address=address_of(wallet.public_key, AddressKind.P2PKH, "main").text,
            public_key=ids.to_base64url(wallet.public_key),
            signature_type=SignatureType.P2PKH,
        )

    async def enroll(self, site: Site) -> None:
        """Link the account, with the code typed."""
        enrolment = Enrolment(ids.to_base64url(self._device.public.sec1), self._wallet)
        await self._round(site, "bindings", enrolment)

    async def sign_in(self, site: Site) -> None:
        """One full sign-in: start, claim, signed payload, code."""
        await self._round(site, "logins", None)

    async def _round(self, site: Site, what: str, enrolment: Enrolment | None) -> None:
        secret = _entropy.draw(32)
        session = ids.digest_text(hashlib.sha256(secret).digest())
        wanted = wire.StartSignIn(self.email, session) if enrolment is None else wire.StartBinding(self.email, session)
        started = await site.ask(f"/{what}", wanted, wire.Started)
        path = f"/challenges/{started.id}"
        claim = msgspec.json.encode(wire.Claim(enrolment))
        claimed, _ = await site.send(self._device, Tag.DEVICE, f"{path}/claim", claim, wire.Claimed)
        statement = claimed.statement
        text = statement.encode()
        signature = sign_message(self._secret, text)
        payload = Payload(
            wallet_signature=WalletSignature(SignatureType.P2PKH, signature),
            statement_sha256=ids.digest_text(hashlib.sha256(text).digest()),
            enrolment=enrolment,
        )
        body = msgspec.json.encode(payload)
        _, device_rs = await site.send(self._device, Tag.DEVICE, f"{path}/response", body, wire.Decided)
        code = self._code(statement, signature, device_rs)
        entered = wire.EnterCode(code, ids.to_base64url(secret))
        await site.ask(f"/{what}/{started.id}/code", entered, wire.SignedIn)

    def _code(self, statement: Statement, signature: str, device_rs: bytes) -> str:
        text, act = statement.encode(), statement.act
        assert isinstance(act, BindWallet | Authenticate)
        return one_time_code(
            text,
            wallet_signature=verify_message(self._wallet.address, text, signature).rs,
            device_signature=device_rs,
            request_id=statement.request_id,
            session_hash=ids.digest_bytes(act.session),
            nonce=statement.nonce,
        )


async def sign_ins(site: Site, people: list[Person], total: int) -> None:
    """``total`` sign-ins, as many at a time as there are people."""
    left = iter(range(total))

    async def work(person: Person) -> None:
        for _ in left:
            await person.sign_in(site)

    await asyncio.gather(*(work(person) for person in people))
