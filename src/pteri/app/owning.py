"""Claims and accounts against each other: each account has its claims, and no claim is there that none backs."""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter
from collections.abc import Callable
from typing import Final

from pteri.app.careful import CarefulReader, Unreadable
from pteri.app.claiming import claims_without_wallet, login_bond, wallet_claims
from pteri.app.deployment import Deployment
from pteri.app.findings import Damage, Findings
from pteri.app.ports import Claim, Claimed, ClaimKind
from pteri.core.errors import ProtocolError
from pteri.core.ids import Digest
from pteri.domain.account import Account
from pteri.domain.spelling import Spelling

__all__ = ["RETIRED_CLAIMS", "Owning"]

RETIRED_CLAIMS: Final = "claims whose deployment key was retired"

_PAGE: Final = 200


class Owning:
    """A claim lasts for ever and is committed with what it is for: both sides hold while the service runs.

    ``unchecked``: what could not be looked at, by the reason why.
    """

    def __init__(
        self,
        deployment: Deployment,
        reader: CarefulReader,
        findings: Findings,
        unchecked: Counter[str],
        *,
        step: Callable[[int], None] = lambda _: None,
        after: tuple[str, str, str] | None = None,
    ) -> None:
        self.after = after
        """The last claim that was looked at."""
        self._deployment, self._reader, self._findings, self._step = deployment, reader, findings, step
        self._store = deployment.store
        self._unchecked = unchecked
        self._retired: set[str] = set()

    async def check(self, account: Account) -> None:
        """Login, wallet and every phone that was ever in it belong to this account."""
        claims: list[tuple[Claim, ...]] = [(claim,) for claim in claims_without_wallet(account)]
        try:
            claims += self._of_wallet(account)
        except ProtocolError as error:
            self._findings.note(Damage.CLAIM, f"its wallet has no address: {error.detail}", account)
        for spelt in claims:
            owners = {await self._store.owner(account.tenant, claim) for claim in spelt}
            # Under one key at least, and under none somebody else's.
            if account.id not in owners or owners - {account.id, None}:
                other = next((owner for owner in owners - {account.id} if owner is not None), None)
                held_by = "nobody" if other is None else f"account {other}"
                self._findings.note(Damage.CLAIM, f"its {spelt[0].kind.lower()} belongs to {held_by}", account)

    def _of_wallet(self, account: Account) -> list[tuple[Claim, ...]]:
        """Each in its spellings. None where the tenant is not in the settings any more, and with it the network."""
        site = self._deployment.tenants.get(account.tenant)
        if site is None:
            return []
        wallets = (account.wallet, *account.old_wallets)
        scripts = [wallet.parsed(site.network).script_pub_key for wallet in wallets]
        return [wallet_claims(self._deployment, account.tenant, script) for script in scripts]

    async def walk(self) -> None:
        """Every claim in the order of its key: what nobody's account backs keeps its owner out, or lets nobody in."""
        self._retired = {key.name for key in await self._store.keys.registered() if key.retired}
        while True:
            after = self.after
            page = await self._reader.page(self._store.claims, after, _PAGE)
            if page is None:
                where = "the first claim" if after is None else f"the {after[1].lower()} claim after {after[2]}"
                self._findings.note(Damage.UNREADABLE, f"{where} cannot be read; the rest was not looked at")
                return
            if not page:
                return
            # Together: a database far away answers many readings in one journey.
            await asyncio.gather(*(self._check_backed(claimed) for claimed in page))
            last = page[-1]
            self.after = (last.tenant, last.claim.kind.value, last.claim.value)
            self._step(len(page))

    async def _check_backed(self, claimed: Claimed) -> None:
        what = f"the {claimed.claim.kind.lower()} {claimed.claim.value} of tenant {claimed.tenant}"
        try:
            account = await self._reader.read(lambda: self._store.account(claimed.tenant, claimed.account))
        except Unreadable:
            return  # found with the accounts
        if account is None:
            self._findings.note(Damage.UNBACKED, f"{what} is claimed for account {claimed.account}, which is not there")
        elif not self._backs(account, claimed.claim):
            self._findings.note(Damage.UNBACKED, f"{what} is claimed for this account, which has it not", account)

    def _backs(self, account: Account, claim: Claim) -> bool:
        if any((own.kind, own.value) == (claim.kind, claim.value) for own in claims_without_wallet(account)):
            return True
        if claim.kind is ClaimKind.DEVICE:
            return False
        if claim.key in self._retired:
            self._unchecked[RETIRED_CLAIMS] += 1  # what it was made with is gone; it keeps others out, for ever
            return True
        if claim.kind is ClaimKind.LOGIN:
            spelling = Spelling(claim.key, Digest(claim.value))
            bond = login_bond(self._deployment.vault, account.tenant, account.id, account.login, spelling)
            return bond is not None and hmac.compare_digest(bond.encode(), claim.bond.encode())
        try:
            known = self._of_wallet(account)
        except ProtocolError:
            return True  # found with the accounts
        return not known or any(claim.value == one.value for spelt in known for one in spelt)
