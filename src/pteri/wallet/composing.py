"""The statement of a scanned sign-in, composed by the phone itself (docs/spec section 4.5).

The invitation brings what only the server can choose: request, number, session, nonce and times. Everything that says
who signs in, where and with what comes from the phone's own memory, and nothing scanned can take its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pteri.core.acts import Authenticate
from pteri.core.invitation import Invitation, Terms, parse_invitation
from pteri.core.keys.network import network_named
from pteri.core.statement import Statement
from pteri.core.verify import Invited
from pteri.wallet.checks import mismatch

if TYPE_CHECKING:
    from pteri.core.ids import TenantId
    from pteri.wallet.checks import Known

__all__ = ["compose_sign_in", "invited", "scanned"]


def scanned(text: str, *, origin: str, tenant: TenantId) -> Invitation:
    """The invitation in a scanned text, if it comes from this phone's own service; else ``FIELD_MISMATCH``."""
    invitation = parse_invitation(text)
    if invitation.origin != origin:
        raise mismatch("origin")
    if invitation.tenant != tenant:
        raise mismatch("tenant")
    return invitation


def compose_sign_in(known: Known, invitation: Invitation, terms: Terms) -> Statement | None:
    """What the server must have in mind, if this phone's account is the one it asks.

    ``None`` where the phone does not know enough of its own: no account, or what it accepted of the service is lost.
    """
    if known.account is None or known.domain is None or not known.is_line_known:
        return None
    return Statement(
        domain=known.domain,
        address=known.address,
        chain=network_named(known.network).chain_id,
        nonce=terms.nonce,
        issued_at=terms.issued_at,
        expires_at=terms.expires_at,
        request_id=invitation.request,
        act=Authenticate(
            account=known.account,
            device=known.device,
            esim=known.esim,
            # A phone that was just linked remembers the epoch it was linked in, which is 0: the code came after that.
            epoch=max(known.epoch, 1),
            session=terms.session,
            code=invitation.number,
        ),
        block=terms.block,
    )


def invited(invitation: Invitation, terms: Terms) -> Invited:
    """The terms, on their way back to the server that keeps no record of them."""
    return Invited(terms.session, invitation.number, terms.issued_at, terms.expires_at, terms.ticket, terms.block)
