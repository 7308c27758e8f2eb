"""The service as its relying party and its phones write to it: whole requests, ready to be sent and sent again."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Final

import msgspec

from pteri.core import httpsig, ids
from pteri.core.httpsig import Tag
from pteri.core.keys.network import network_named
from pteri.load.http1 import Target, request_bytes

if TYPE_CHECKING:
    from pteri.adapters.system import SystemClock, SystemEntropy
    from pteri.core.keys.device import DevicePrivateKey
    from pteri.load.plan import Plan

__all__ = ["Site"]

_KEY_BYTES: Final = 12


class Site:
    """One tenant of a service. ``token`` is what its back end has in place of a signature, while it has one."""

    def __init__(self, plan: Plan, key: DevicePrivateKey, *, clock: SystemClock, entropy: SystemEntropy) -> None:
        self.target = Target.of(plan.connect or plan.origin)
        self.domain = ids.domain(plan.domain)
        self.chain = network_named(plan.network).chain_id
        self.token = ""
        self._origin = plan.origin
        self._base = f"/v1/{ids.tenant_id(plan.tenant)}"
        self._key = key
        self._scattered = plan.scattered
        self._clock = clock
        self._entropy = entropy

    def fresh_key(self) -> str:
        """An idempotency key that nobody has used."""
        return ids.new_idempotency_key(self._clock.now(), self._entropy.draw(_KEY_BYTES))

    def by_token(self, path: str, message: msgspec.Struct, key: str, *, seen_from: str | None = None) -> bytes:
        """A request of the back end on one of the busy routes. ``seen_from``: whom a proxy would name as its caller."""
        headers = {
            "authorization": f"Bearer {self.token}",
            "idempotency-key": key,
            "content-type": "application/json",
            **self._forwarded(seen_from),
        }
        return request_bytes(self.target, "POST", self._base + path, headers, msgspec.json.encode(message))

    def by_bank(self, path: str, message: msgspec.Struct) -> bytes:
        """A request that the back end signs."""
        return self._signed(path, message, self._key, Tag.CLIENT)[0]

    def by_phone(self, path: str, message: msgspec.Struct, phone: DevicePrivateKey) -> tuple[bytes, bytes]:
        """A request that a phone signs, and r || s of its signature, from which the code is made."""
        return self._signed(path, message, phone, Tag.DEVICE)

    def _signed(self, path: str, message: msgspec.Struct, key: DevicePrivateKey, tag: Tag) -> tuple[bytes, bytes]:
        body = msgspec.json.encode(message)
        request = httpsig.sign(
            method="POST",
            target_uri=self._origin + self._base + path,
            body=body,
            idempotency_key=self.fresh_key(),
            key=key,
            created_at=self._clock.now(),
            nonce=self._entropy.draw(httpsig.NONCE_BYTES),
            tag=tag,
        )
        headers = {**request.headers(), "content-type": "application/json", **self._forwarded()}
        signature = base64.b64decode(request.signature.removeprefix("pteri=:").removesuffix(":"))
        return request_bytes(self.target, "POST", self._base + path, headers, body), signature

    def _forwarded(self, seen_from: str | None = None) -> dict[str, str]:
        if seen_from is None:
            if not self._scattered:
                return {}
            seen_from = "10.{}.{}.1".format(*self._entropy.draw(2))
        return {"x-forwarded-for": seen_from}
