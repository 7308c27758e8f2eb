"""What belongs to one account of a tenant only: its login, its wallet, its phones (docs/spec section 9).

While a service has several deployment keys, a login and a wallet are claimed under each: so of two processes that do
not have the same keys yet, or no more, neither gives to a second account what the other has given to a first.
"""

from __future__ import annotations

from collections.abc import Sequence

from pteri.app.deployment import Deployment
from pteri.app.ports import Claim, ClaimKind, Store, Vault
from pteri.core.ids import AccountId, Digest, TenantId
from pteri.domain.account import Account
from pteri.domain.spelling import Spelling

__all__ = ["account_holding", "claims_without_wallet", "holder", "login_bond", "login_claims", "wallet_claims"]


def wallet_claims(deployment: Deployment, tenant: TenantId, script_pub_key: bytes) -> tuple[Claim, ...]:
    """Accounts are bound to script bytes, never to an address string; the spelling that counts comes first."""
    spellings = deployment.vault.spellings("wallet", tenant, script_pub_key.hex())
    return tuple(Claim(ClaimKind.WALLET, spelling.digest, spelling.key) for spelling in spellings)


def login_claims(
    vault: Vault, tenant: TenantId, account: AccountId, own: Digest, spellings: Sequence[Spelling]
) -> tuple[Claim, ...]:
    """The login of this account in all its spellings. ``own``: the one that stands in the account itself."""
    return tuple(
        Claim(
            ClaimKind.LOGIN,
            spelling.digest,
            spelling.key,
            "" if spelling.digest == own else login_bond(vault, tenant, account, own, spelling) or "",
        )
        for spelling in spellings
    )


def login_bond(vault: Vault, tenant: TenantId, account: AccountId, own: Digest, spelling: Spelling) -> Digest | None:
    """The deployment's word that this is the login of the account, spelt otherwise; ``None`` without that key.

    Nobody can see it from the two hashes: whoever can write into the database, and has no key, could otherwise lead
    the login of one person to the account of another.
    """
    return vault.spelled(spelling.key, "login-bond", tenant, f"{account} {own} {spelling.digest}")


async def holder(store: Store, tenant: TenantId, claims: Sequence[Claim]) -> AccountId | None:
    """Which account has this, in whichever spelling. Each is looked up, found or not: the clock tells nothing."""
    owners = [await store.owner(tenant, claim) for claim in claims]
    return next((owner for owner in owners if owner is not None), None)


async def account_holding(store: Store, tenant: TenantId, claims: Sequence[Claim]) -> Account | None:
    """The same, as the account is now."""
    accounts = [await store.account_of(tenant, claim) for claim in claims]
    return next((account for account in accounts if account is not None), None)


def claims_without_wallet(account: Account) -> tuple[Claim, ...]:
    """The login, and every phone that was ever in it: what stands in the account itself."""
    phones = (Claim(ClaimKind.DEVICE, device.thumbprint) for device in account.devices)
    return (Claim(ClaimKind.LOGIN, account.login), *phones)
