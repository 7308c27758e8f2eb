"""Who is asking: the signature on every request, checked against a key that is already known (docs/spec section 10).

The algorithm and the key come from the registry, never from the message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from functools import lru_cache

import msgspec

from pteri.app.deployment import Deployment, Tenant
from pteri.app.ports import Claim, ClaimKind
from pteri.app.refusals import Denied
from pteri.app.tokens import token_holder
from pteri.core import httpsig, ids
from pteri.core.errors import ProtocolError
from pteri.core.httpsig import ParsedRequest, SignedRequest, Tag, VerifiedRequest
from pteri.core.ids import Digest, IdempotencyKey, Thumbprint
from pteri.core.keys.device import DeviceKey
from pteri.domain.account import Account
from pteri.domain.device import Device, DeviceState

__all__ = [
    "Asking",
    "BearerRequest",
    "Call",
    "ClientAsking",
    "PhoneCall",
    "client_call",
    "key_of",
    "newcomer_call",
    "parsed_request",
    "phone_call",
    "request_digest",
    "signed_call",
]


class Asking(msgspec.Struct, frozen=True, gc=False):
    """A request as it came in. ``request.target_uri`` is built from our own origin, never from a Host header."""

    tenant: Tenant
    request: SignedRequest
    at: int


class BearerRequest(msgspec.Struct, frozen=True, gc=False):
    """A back end's request with a token in place of a signature (docs/spec section 10.2)."""

    method: str
    target_uri: str
    body: bytes
    idempotency_key: str
    token: str

    def __repr__(self) -> str:
        return f"BearerRequest({self.method} {self.target_uri}, {self.idempotency_key})"


class ClientAsking(msgspec.Struct, frozen=True, gc=False):
    """A request of a relying party as it came in."""

    tenant: Tenant
    request: SignedRequest | BearerRequest
    at: int


class Call(msgspec.Struct, frozen=True, gc=False):
    """An authentic request: who (thumbprint), its idempotency key, and the digest that a repeat must have."""

    tenant: Tenant
    caller: Thumbprint
    key: IdempotencyKey
    digest: Digest
    at: int


class PhoneCall(Call, frozen=True, gc=False):
    """An authentic request of a registered phone."""

    account: Account
    device: Device


def request_digest(request: SignedRequest | BearerRequest) -> Digest:
    """What an idempotency key stands for: method, target and body. Signatures and tokens differ between repeats."""
    text = f"{request.method}\n{request.target_uri}\n".encode() + request.body
    return ids.digest_text(hashlib.sha256(text).digest())


@lru_cache(maxsize=2048)
def key_of(sec1_text: str) -> DeviceKey:
    """A device key from its base64url SEC1 text. Whether it is on the curve takes a third of a verification."""
    return DeviceKey.from_sec1(ids.from_base64url(sec1_text))


def parsed_request(asking: Asking, tag: Tag) -> ParsedRequest:
    """The request in its one form. Another algorithm, form or body than the one there is, is a failed proof (PR-23)."""
    try:
        return httpsig.parse(asking.request, expected_tag=tag)
    except ProtocolError as error:
        raise Denied(f"signature headers: {error.code}") from error


def signed_call(asking: Asking, parsed: ParsedRequest, key: DeviceKey) -> Call:
    """The request, verified with this key."""
    verified: VerifiedRequest = httpsig.verify_parsed(
        parsed,
        key=key,
        expected_method=asking.request.method,
        expected_target_uri=asking.request.target_uri,
        expected_tag=parsed.tag,
        at=asking.at,
    )
    return Call(
        tenant=asking.tenant,
        caller=key.thumbprint,
        key=ids.idempotency_key(verified.idempotency_key),
        digest=request_digest(asking.request),
        at=asking.at,
    )


def newcomer_call(asking: Asking, key: DeviceKey) -> Call:
    """A request of a phone that brings its own key with it."""
    return signed_call(asking, parsed_request(asking, Tag.DEVICE), key)


def client_call(deployment: Deployment, asking: ClientAsking) -> Call:
    """A request of the tenant's own back end."""
    if isinstance(asking.request, BearerRequest):
        return Call(
            tenant=asking.tenant,
            caller=token_holder(deployment, asking.tenant, asking.request.token, at=asking.at),
            key=_key(asking.request.idempotency_key),
            digest=request_digest(asking.request),
            at=asking.at,
        )
    signed = Asking(asking.tenant, asking.request, asking.at)
    parsed = parsed_request(signed, Tag.CLIENT)
    key = asking.tenant.client_keys.get(parsed.key_id)
    if key is None:
        raise Denied("unknown client key")
    try:
        return signed_call(signed, parsed, key)
    except ProtocolError as error:
        # One answer, or a signature of zeros would tell which keys are known.
        raise Denied(f"client signature: {error.code}") from error


def _key(text: str) -> IdempotencyKey:
    try:
        return ids.idempotency_key(text)
    except ProtocolError as error:
        raise Denied(f"idempotency key: {error.code}") from error


async def phone_call(
    deployment: Deployment, asking: Asking, *, allowed: Collection[DeviceState] = (DeviceState.ACTIVE,)
) -> PhoneCall:
    """A request of a registered phone in one of the allowed states."""
    parsed = parsed_request(asking, Tag.DEVICE)
    account = await deployment.store.account_of(asking.tenant.id, Claim(ClaimKind.DEVICE, parsed.key_id))
    device = None if account is None else account.device(parsed.key_id)
    if account is None or device is None or device.state not in allowed or _has_gone(device, asking.at):
        raise Denied("unknown phone, or not in a state to ask this")
    try:
        call = signed_call(asking, parsed, key_of(device.key))
    except ProtocolError as error:
        raise Denied(f"phone signature: {error.code}") from error
    return PhoneCall(
        tenant=call.tenant,
        caller=call.caller,
        key=call.key,
        digest=call.digest,
        at=call.at,
        account=account,
        device=device,
    )


def _has_gone(device: Device, at: int) -> bool:
    """Whether time has ended it, and only nobody has written that down yet."""
    return device.suspension is not None and at >= device.suspension.revoke_at
