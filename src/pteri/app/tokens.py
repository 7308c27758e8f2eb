"""Tokens of relying parties: a signed request buys a few minutes of cheaper ones (docs/spec section 10.2).

A token is the deployment's word that this client key signed a request not long ago. It is stored nowhere: whoever has
the deployment key can make it, so every process checks it. It opens sign-ins and takes codes, and no authority over
any account: that needs a phone and a wallet whoever asks.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

from pteri.app.deployment import Deployment, Tenant
from pteri.app.refusals import Denied
from pteri.core import wire
from pteri.core.ids import Thumbprint, to_base64url

__all__ = ["LIFE_S", "new_token", "token_holder"]

LIFE_S: Final = 300
_CLOCKS_S: Final = 90
"""How far the clocks of two processes may differ."""
_TOKEN = re.compile(r"ct1\.([1-9][0-9]{0,11})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})")


def new_token(deployment: Deployment, tenant: Tenant, client: Thumbprint, *, at: int) -> wire.Token:
    """A token for the back end that has just signed with ``client``, good for five minutes from ``at``."""
    expires_at = at + LIFE_S
    return wire.Token(f"ct1.{expires_at}.{client}.{_mac(deployment, tenant, expires_at, client)}", expires_at)


def token_holder(deployment: Deployment, tenant: Tenant, token: str, *, at: int) -> Thumbprint:
    """Whose token this is, or ``Denied``: not ours, of another tenant, too old, or of a key that was taken away."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise Denied("not a token")
    expires_at, client = int(found[1]), Thumbprint(found[2])
    if not hmac.compare_digest(found[3], _mac(deployment, tenant, expires_at, client)):
        raise Denied("a token of somebody else")
    if not at < expires_at <= at + LIFE_S + _CLOCKS_S:
        raise Denied("a token that has expired")
    if client not in tenant.client_keys:
        raise Denied("a token of a key that is no longer known")
    return client


def _mac(deployment: Deployment, tenant: Tenant, expires_at: int, client: Thumbprint) -> str:
    return to_base64url(deployment.vault.tag("client-token", tenant.id, f"{expires_at}.{client}"))
