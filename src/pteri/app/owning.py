"""Claims and accounts against each other: each account has its claims, and no claim is there that none backs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from pteri.app.careful import CarefulReader, Unreadable
from pteri.app.claiming import claims_without_wallet, wallet_claim
from pteri.app.deployment import Deployment
from pteri.app.findings import Damage, Findings
from pteri.app.ports import Claim, Claimed, ClaimKind
from pteri.core.errors import ProtocolError
from pteri.domain.account import Account

__all__ = ["Owning"]

_PAGE: Final = 200


class Owning:
    """A claim lasts for ever and is committed with what it is for: both sides hold while the service runs."""

    def __init__(
        self,
        deployment: Deployment,
        reader: CarefulReader,
        findings: Findings,
        *,
        step: Callable[[int], None] = lambda _: None,
        after: tuple[str, str, str] | None = None,
    ) -> None:
        self.after = after
        """The last claim that was looked at."""
        self._deployment, self._reader, self._findings, self._step = deployment, reader, findings, step
        self._store = deployment.store

    async def check(self, account: Account) -> None:
        """Login, wallet and every phone that was ever in it belong to this account."""
        claims = list(claims_without_wallet(account))
        try:
            claims += self._of_wallet(account)
        except ProtocolError as error:
            self._findings.note(Damage.CLAIM, f"its wallet has no address: {error.detail}", account)
        for claim in claims:
            owner = await self._store.owner(account.tenant, claim)
            if owner != account.id:
                held_by = "nobody" if owner is None else f"account {owner}"
                self._findings.note(Damage.CLAIM, f"its {claim.kind.lower()} belongs to {held_by}", account)

    def _of_wallet(self, account: Account) -> list[Claim]:
        """None where the tenant is not in the settings any more, and with it the network."""
        site = self._deployment.tenants.get(account.tenant)
        if site is None:
            return []
        wallets = (account.wallet, *account.old_wallets)
        scripts = [wallet.parsed(site.network).script_pub_key for wallet in wallets]
        return [wallet_claim(self._deployment, account.tenant, script) for script in scripts]

    async def walk(self) -> None:
        """Every claim in the order of its key: what nobody's account backs keeps its owner out, or lets nobody in."""
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
        if claim.kind is not ClaimKind.WALLET:
            return claim in claims_without_wallet(account)
        try:
            known = self._of_wallet(account)
        except ProtocolError:
            return True  # found with the accounts
        return not known or claim in known
