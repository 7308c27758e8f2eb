"""One sign-in, as the three of them do it: the bank starts, the phone signs, the code is typed (docs/spec section 4).

A phone that scans the invitation needs nothing else of the server: it composes the statement itself, from the terms
in the invitation and from what it knows of its account. (It would also compare origin and tenant with the pinned
ones, which costs the service nothing and is not done here.)
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from pteri.adapters.system import monotonic_s
from pteri.core import ids, wire
from pteri.core.acts import Authenticate, BindWallet
from pteri.core.invitation import parse_invitation
from pteri.core.otp import one_time_code
from pteri.core.statement import Statement
from pteri.core.verify import Invited, Payload
from pteri.load.people import Standing, session_of
from pteri.load.talk import Refused

if TYPE_CHECKING:
    from pteri.adapters.system import SystemEntropy
    from pteri.core.ids import AccountId, RequestId
    from pteri.core.invitation import Invitation
    from pteri.load.people import Person
    from pteri.load.site import Site
    from pteri.load.talk import Talk

__all__ = ["buy_token", "enroll", "sign_in"]

_SECRET_BYTES: Final = 32


async def buy_token(site: Site, talk: Talk) -> int:
    """Give the site's back end a new token; until when it is good (Unix seconds)."""
    token = await talk.ask(lambda: site.by_bank("/tokens", wire.Nothing()), wire.Token)
    site.token = token.token
    return token.expires_at


async def enroll(site: Site, talk: Talk, person: Person, entropy: SystemEntropy) -> None:
    """Make sure that the phone has its account: link it, or ask for it where an earlier run has linked it."""
    asked, _ = site.by_phone("/devices", wire.Nothing(), person.device)
    try:
        seen = await talk.ask(lambda: asked, wire.DevicesSeen)
    except Refused as refused:
        if refused.status != 401:
            raise
        person.standing = await _bound(site, talk, person, entropy)
    else:
        person.standing = Standing(seen.account, seen.epoch, seen.esim)


async def sign_in(
    site: Site, talk: Talk, person: Person, entropy: SystemEntropy, *, prompt: bool
) -> tuple[RequestId, AccountId, float]:
    """A full sign-in: which request, which account, and how many seconds it took. ``Refused`` when it did not work."""
    began = monotonic_s()
    secret = entropy.draw(_SECRET_BYTES)
    wanted, key = wire.StartSignIn(person.login, session_of(secret), prompt=prompt), site.fresh_key()
    started = await talk.ask(lambda: site.by_token("/logins", wanted, key), wire.Started, step="start")
    statement, invited = _composed(site, person, parse_invitation(started.qr))
    text = statement.encode()
    signature, wallet_rs = person.sign(text)
    payload = Payload(signature, ids.digest_text(hashlib.sha256(text).digest()), invited=invited)
    request, device_rs = site.by_phone(f"/challenges/{started.id}/response", payload, person.device)
    decided = await talk.ask(lambda: request, wire.Decided, step="response")
    if not decided.code_expected:
        raise Refused(f"{decided.decision} {decided.reason}")
    code = _code(statement, text, wallet_rs, device_rs, session=secret)
    entered, key = wire.EnterCode(code, ids.to_base64url(secret)), site.fresh_key()
    signed_in = await talk.ask(
        lambda: site.by_token(f"/logins/{started.id}/code", entered, key), wire.SignedIn, step="code"
    )
    return started.id, signed_in.account, monotonic_s() - began


def _composed(site: Site, person: Person, invitation: Invitation) -> tuple[Statement, Invited]:
    terms, standing = invitation.terms, person.standing
    if terms is None:
        raise Refused("INVITATION_WITHOUT_TERMS")
    assert standing is not None
    statement = Statement(
        domain=site.domain,
        address=person.wallet.address,
        chain=site.chain,
        nonce=terms.nonce,
        issued_at=terms.issued_at,
        expires_at=terms.expires_at,
        request_id=invitation.request,
        act=Authenticate(
            account=standing.account,
            device=person.device.public.thumbprint,
            esim=standing.esim,
            epoch=standing.epoch,
            session=terms.session,
            code=invitation.number,
        ),
        block=terms.block,
    )
    invited = Invited(terms.session, invitation.number, terms.issued_at, terms.expires_at, terms.ticket, terms.block)
    return statement, invited


async def _bound(site: Site, talk: Talk, person: Person, entropy: SystemEntropy) -> Standing:
    """Link the account. The terms of a binding are not in its invitation: the phone fetches them."""
    secret = entropy.draw(_SECRET_BYTES)
    wanted = site.by_bank("/bindings", wire.StartBinding(person.login, session_of(secret)))
    started = await talk.ask(lambda: wanted, wire.Started)
    place, enrolment = f"/challenges/{started.id}", person.enrolment
    claim, _ = site.by_phone(f"{place}/claim", wire.Claim(enrolment), person.device)
    claimed = await talk.ask(lambda: claim, wire.Claimed)
    statement, text = claimed.statement, claimed.statement.encode()
    signature, wallet_rs = person.sign(text)
    payload = Payload(signature, ids.digest_text(hashlib.sha256(text).digest()), enrolment=enrolment)
    response, device_rs = site.by_phone(f"{place}/response", payload, person.device)
    await talk.ask(lambda: response, wire.Decided)
    code = _code(statement, text, wallet_rs, device_rs, session=secret)
    entered = site.by_bank(f"/bindings/{started.id}/code", wire.EnterCode(code, ids.to_base64url(secret)))
    signed_in = await talk.ask(lambda: entered, wire.SignedIn)
    assert isinstance(statement.act, BindWallet)
    return Standing(signed_in.account, signed_in.epoch, statement.act.esim)


def _code(statement: Statement, text: bytes, wallet_rs: bytes, device_rs: bytes, *, session: bytes) -> str:
    return one_time_code(
        text,
        wallet_signature=wallet_rs,
        device_signature=device_rs,
        request_id=statement.request_id,
        session_hash=hashlib.sha256(session).digest(),
        nonce=statement.nonce,
    )
