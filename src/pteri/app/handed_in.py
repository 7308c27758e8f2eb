"""The invitation of a sign-in, handed in by the relying party together with what a phone without a network showed.

Otherwise a phone brings the terms with its signature over them. Here nobody has signed them, so they count only when
their nonce is the one that this server makes of exactly them, and only in the browser session that they name.
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
from pteri.core.errors import Code, Malformed
from pteri.core.ids import AccountId, RequestId
from pteri.core.invitation import Invitation, parse_invitation
from pteri.core.verify import Invited
from pteri.domain.challenge import Challenge

__all__ = ["HandedIn", "handed_in"]


class HandedIn(msgspec.Struct, frozen=True):
    """``authentic``: this server made the terms, for an account that it has. ``named``: whom they say they are for.

    A decoy names somebody, too, always the same for one login, so that what is counted tells nobody which it is.
    """

    invitation: Invitation
    challenge: Challenge
    named: AccountId
    authentic: bool


def handed_in(deployment: Deployment, call: Call, request: RequestId, text: str, *, session_secret: str) -> HandedIn:
    """``Malformed`` for what is no invitation to a sign-in here, ``Denied`` in another browser session (OT-16)."""
    invitation = parse_invitation(text)
    if invitation.terms is None or (invitation.request, invitation.tenant) != (request, call.tenant.id):
        raise Malformed(Code.FIELD, "not the invitation of this sign-in")
    terms = invitation.terms
    secret = ids.from_base64url(session_secret)
    given = ids.digest_text(hashlib.sha256(secret).digest())
    if not hmac.compare_digest(given.encode(), terms.session.encode()):
        raise Denied("another session")
    invited = Invited(terms.session, invitation.number, terms.issued_at, terms.expires_at, terms.ticket, terms.block)
    challenge = challenge_of(deployment, call.tenant, request, invited)
    assert challenge.account is not None
    authentic = hmac.compare_digest(challenge.nonce.encode(), terms.nonce.encode())
    return HandedIn(invitation, challenge, challenge.account, authentic)
