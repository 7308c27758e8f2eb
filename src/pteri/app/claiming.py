"""What belongs to one account of a tenant only: its login, its wallet, its phones (docs/spec section 9)."""

from __future__ import annotations

from pteri.app.deployment import Deployment
from pteri.app.ports import Claim, ClaimKind
from pteri.core.ids import TenantId
from pteri.domain.account import Account

__all__ = ["claims_without_wallet", "wallet_claim"]


def wallet_claim(deployment: Deployment, tenant: TenantId, script_pub_key: bytes) -> Claim:
    """Accounts are bound to script bytes, never to an address string; kept as a keyed hash."""
    return Claim(ClaimKind.WALLET, deployment.vault.blind("wallet", tenant, script_pub_key.hex()))


def claims_without_wallet(account: Account) -> tuple[Claim, ...]:
    """The login, and every phone that was ever in it: what stands in the account itself."""
    phones = (Claim(ClaimKind.DEVICE, device.thumbprint) for device in account.devices)
    return (Claim(ClaimKind.LOGIN, account.login), *phones)
