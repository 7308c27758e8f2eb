"""Who is asking: the signature on every request, checked against a key that is already known (docs/spec section 10).

The algorithm and the key come from the registry, never from the message.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from pteri.app.deployment import Deployment, Tenant
from pteri.app.ports import Claim, ClaimKind
from pteri.app.refusals import Denied
from pteri.core import httpsig, ids
from pteri.core.errors import ProtocolError
from pteri.core.httpsig import SignedRequest, Tag, VerifiedRequest
from pteri.core.ids import Digest, IdempotencyKey, Thumbprint
from pteri.core.keys.device import DeviceKey
from pteri.domain.account import Account
from pteri.domain.device import Device, DeviceState

__all__ = [
    "Asking",
    "Call",
    "PhoneCall",
    "claimed_signer",
    "client_call",
    "key_of",
    "phone_call",
    "request_digest",
    "signed_call",
]


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as it came in. ``request.target_uri`` is built from our own origin, never from a Host header."""

    tenant: Tenant
    request: SignedRequest
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """An authentic request: who (thumbprint), its idempotency key, and the digest that a repeat must have."""

    tenant: Tenant
    caller: Thumbprint
    key: IdempotencyKey
    digest: Digest
    at: int


@dataclass(frozen=True, slots=True)
class PhoneCall(Call):
    """An authentic request of a registered phone."""

    account: Account
    device: Device


def request_digest(request: SignedRequest) -> Digest:
    """What an idempotency key stands for: method, target and body. Signature bytes differ between repeats."""
    text = f"{request.method}\n{request.target_uri}\n".encode() + request.body
    return ids.digest_text(hashlib.sha256(text).digest())


def key_of(sec1_text: str) -> DeviceKey:
    """A device key from its base64url SEC1 text."""
    return DeviceKey.from_sec1(ids.from_base64url(sec1_text))


def signed_call(asking: Asking, key: DeviceKey, tag: Tag) -> Call:
    """The request, verified with this key."""
    verified: VerifiedRequest = httpsig.verify(
        asking.request,
        key=key,
        expected_method=asking.request.method,
        expected_target_uri=asking.request.target_uri,
        expected_tag=tag,
        at=asking.at,
    )
    return Call(
        tenant=asking.tenant,
        caller=key.thumbprint,
        key=ids.idempotency_key(verified.idempotency_key),
        digest=request_digest(asking.request),
        at=asking.at,
    )


def claimed_signer(asking: Asking, tag: Tag) -> Thumbprint:
    """Whom the headers name. Another algorithm, form or body than the one there is, is a failed proof (PR-23)."""
    try:
        return httpsig.parse(asking.request, expected_tag=tag).key_id
    except ProtocolError as error:
        raise Denied(f"signature headers: {error.code}") from error


def client_call(asking: Asking) -> Call:
    """A request of the tenant's own back end."""
    key = asking.tenant.client_keys.get(claimed_signer(asking, Tag.CLIENT))
    if key is None:
        raise Denied("unknown client key")
    try:
        return signed_call(asking, key, Tag.CLIENT)
    except ProtocolError as error:
        # One answer, or a signature of zeros would tell which keys are known.
        raise Denied(f"client signature: {error.code}") from error


async def phone_call(
    deployment: Deployment, asking: Asking, *, allowed: Collection[DeviceState] = (DeviceState.ACTIVE,)
) -> PhoneCall:
    """A request of a registered phone in one of the allowed states."""
    thumbprint = claimed_signer(asking, Tag.DEVICE)
    owner = await deployment.store.owner(asking.tenant.id, Claim(ClaimKind.DEVICE, thumbprint))
    account = None if owner is None else await deployment.store.account(asking.tenant.id, owner)
    device = None if account is None else account.device(thumbprint)
    if account is None or device is None or device.state not in allowed:
        raise Denied("unknown phone, or not in a state to ask this")
    try:
        call = signed_call(asking, key_of(device.key), Tag.DEVICE)
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
