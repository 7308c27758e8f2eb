"""A sign-in whose invitation the relying party hands in, where no phone has sent its terms (docs/spec section 4.6).

The phone is offline, so what it would have sent comes back over the browser: the page knows the invitation that it
showed, and proves by the session's secret that it is the one that showed it (abuse case OT-16).
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from pteri.app.callers import Call
from pteri.app.deployment import Deployment
from pteri.app.invited import challenge_of
from pteri.app.refusals import Denied
from pteri.core import ids
from pteri.core.errors import Malformed
from pteri.core.ids import RequestId
from pteri.core.invitation import Invitation, parse_invitation
from pteri.core.verify import Invited
from pteri.domain.account import Account
from pteri.domain.challenge import Challenge, SignInAsked

__all__ = ["HandedIn", "handed_in"]


class HandedIn(msgspec.Struct, frozen=True, gc=False):
    """What this invitation is for. ``invited``: its terms, as a phone would have sent them back.

    ``challenge`` is made from the terms again, with the state and version of its record where there is one.
    ``account``: as stored; ``None`` for a decoy, and for terms that this server never made. Do the same work for it.
    """

    challenge: Challenge
    asked: SignInAsked
    invited: Invited
    account: Account | None


async def handed_in(
    deployment: Deployment, call: Call, request: RequestId, *, invitation: str, session_secret: str
) -> HandedIn:
    """The sign-in ``request`` of this invitation, in the browser session that it was started for.

    ``Malformed`` for what is no invitation or no base64url; ``Denied`` for the invitation of something else, and in
    another session. What is wrong in the terms themselves shows in ``account`` only.
    """
    shown, secret = parse_invitation(invitation), ids.from_base64url(session_secret)
    made, invited = _made_again(deployment, call, request, shown)
    asked = made.asked
    assert isinstance(asked, SignInAsked)
    # Before anything is looked up: whoever saw the two codes, in another browser, learns and uses up nothing.
    given = ids.digest_text(hashlib.sha256(secret).digest())
    if not hmac.compare_digest(given.encode(), asked.session.encode()):
        raise Denied("another session")
    recorded, stored = await deployment.store.challenge_and_account(call.tenant.id, request, made.account)
    if recorded is not None:
        made = msgspec.structs.replace(made, state=recorded.state, version=recorded.version, prompted=recorded.prompted)
    return HandedIn(made, asked, invited, stored if _is_ours(shown, made, recorded) else None)


def _made_again(deployment: Deployment, call: Call, request: RequestId, shown: Invitation) -> tuple[Challenge, Invited]:
    if (shown.request, shown.tenant, shown.origin) != (request, call.tenant.id, deployment.public_origin):
        raise Denied("the invitation of something else")
    terms = shown.terms
    if terms is None:
        raise Denied("an invitation without terms")
    invited = Invited(terms.session, shown.number, terms.issued_at, terms.expires_at, terms.ticket)
    try:
        return challenge_of(deployment, call.tenant, request, invited), invited
    except Malformed as error:
        raise Denied(f"terms: {error.code}") from error


def _is_ours(shown: Invitation, made: Challenge, recorded: Challenge | None) -> bool:
    """Whether these are the terms that were made: from others, in any bit, another nonce comes out."""
    assert shown.terms is not None
    told = {shown.terms.nonce} if recorded is None else {shown.terms.nonce, recorded.nonce}
    return all(hmac.compare_digest(nonce.encode(), made.nonce.encode()) for nonce in told)
