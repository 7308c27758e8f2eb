"""Sign-ins of which no record is kept until a phone has answered: the invitation holds the terms (docs/spec 4.2).

Anyone may start sign-ins for anyone all day, so a start costs no write. The nonce is a keyed hash over everything that
the server chose. The phone signs it and sends the terms back; from terms that were changed another nonce comes out,
so another statement, and the signatures are over the wrong one. Whom the sign-in is for travels too, as a ticket that
only the server can read: a page must not tell who has an account.
"""

from __future__ import annotations

from typing import Final

from pteri.app.deployment import Deployment, Tenant
from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.ids import AccountId, Nonce, RequestId
from pteri.core.invitation import TICKET_BYTES, Invitation, Terms
from pteri.core.verify import Invited
from pteri.domain.challenge import Challenge, SignInAsked

__all__ = ["challenge_of", "invitation_to", "sign_in_challenge"]

_UNUSED_BITS: Final = 0x0F


def sign_in_challenge(
    deployment: Deployment, tenant: Tenant, asked: SignInAsked, *, account: AccountId | None, at: int
) -> Challenge:
    """A fresh sign-in for this account; without one a decoy, which looks the same."""
    request = ids.new_request_id("lgn", at, deployment.entropy.draw(12))
    expires_at = at + deployment.rules.sign_in_s
    nonce = _nonce(deployment, tenant, request, account, asked, issued_at=at, expires_at=expires_at)
    return Challenge(
        id=request,
        tenant=tenant.id,
        account=account,
        nonce=nonce,
        asked=asked,
        issued_at=at,
        expires_at=expires_at,
    )


def invitation_to(deployment: Deployment, tenant: Tenant, challenge: Challenge, named: AccountId) -> Invitation:
    """What the browser shows of a sign-in. ``named``: the account, or whom its decoy is said to be for."""
    asked = challenge.asked
    assert isinstance(asked, SignInAsked)
    whom = ids.account_bytes(named)
    terms = Terms(
        session=asked.session,
        nonce=challenge.nonce,
        issued_at=challenge.issued_at,
        expires_at=challenge.expires_at,
        ticket=ids.to_base64url(_masked(deployment, tenant, challenge.id, whom)),
        block=asked.block,
    )
    return Invitation(challenge.id, tenant.id, asked.number, deployment.public_origin, terms)


def challenge_of(deployment: Deployment, tenant: Tenant, request: RequestId, invited: Invited) -> Challenge:
    """The sign-in that has these terms; ``Malformed`` for terms that no sign-in can have.

    It is as it was made if, and only if, its nonce is the one that was signed: nothing here knows yet.
    """
    masked = ids.from_base64url(invited.ticket)
    if len(masked) != TICKET_BYTES or not 0 < invited.issued_at < invited.expires_at < 1 << 40:
        raise Malformed(Code.FIELD, "not the terms of a sign-in")
    whom = _masked(deployment, tenant, request, masked)
    # An id has 100 of the 104 bits: any value of the other four would make sixteen tickets for one sign-in.
    if whom[-1] & _UNUSED_BITS:
        raise Malformed(Code.FIELD, "not the ticket of a sign-in")
    account = ids.new_account_id(whom)
    # Not believed because it came back, but because another block would have made another nonce.
    block = None if invited.block is None else ids.block_id(invited.block)
    asked = SignInAsked(ids.digest(invited.session), invited.number, block)
    issued_at, expires_at = invited.issued_at, invited.expires_at
    return Challenge(
        id=request,
        tenant=tenant.id,
        account=account,
        nonce=_nonce(deployment, tenant, request, account, asked, issued_at=issued_at, expires_at=expires_at),
        asked=asked,
        issued_at=issued_at,
        expires_at=expires_at,
        version=0,  # there is no record yet; the answer that makes it brings the first
    )


def _masked(deployment: Deployment, tenant: Tenant, request: RequestId, whom: bytes) -> bytes:
    """Hidden, and by the same step found again. A request id comes once, so no mask serves two."""
    mask = deployment.vault.tag("sign-in-ticket", tenant.id, request)
    size = len(whom)
    return (int.from_bytes(whom, "big") ^ int.from_bytes(mask[:size], "big")).to_bytes(size, "big")


def _nonce(
    deployment: Deployment,
    tenant: Tenant,
    request: RequestId,
    account: AccountId | None,
    asked: SignInAsked,
    *,
    issued_at: int,
    expires_at: int,
) -> Nonce:
    # Each value has one spelling, without a space of its own.
    terms = f"{request} {account or ''} {asked.session} {asked.number} {issued_at} {expires_at}"
    if asked.block is not None:
        terms += f" {asked.block}"
    return ids.new_nonce(issued_at, deployment.vault.tag("sign-in-nonce", tenant.id, terms)[:15])
