"""Giving what is kept to the key that writes (docs/spec section 9.8).

Wallets are in their accounts, lines and addresses are sealed: they need nobody. A login is spelt anew when it is
presented; a chip stays under the key that it was heard with. Each step can be repeated, can be killed on any line, and
runs beside the service: a row is changed only if it is still the one that was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from pteri.app.claiming import wallet_claims
from pteri.app.deployment import Deployment
from pteri.app.observing import kept_anew
from pteri.app.ports import Claimed
from pteri.app.warned import sealed_anew
from pteri.core.errors import ProtocolError
from pteri.domain.account import Account

__all__ = ["Need", "Rekeyed", "needs_of", "rekey"]

_PAGE: Final = 200
_EVER: Final = 2**53
"""Later than any challenge ends."""
_NAMELESS: Final = b"\x01"


class Rekeyed(msgspec.Struct, frozen=True):
    """What was given to the key that writes. ``unreadable``: rows that no key opens; they stay as they are."""

    accounts: int = 0
    wallets: int = 0
    lines: int = 0
    addresses: int = 0
    unreadable: int = 0


class Need(msgspec.Struct, frozen=True):
    """What an older key is still wanted for. ``logins``: nobody presented them since, and no other key finds them."""

    logins: int = 0
    chips: int = 0
    wallets: int = 0
    lines: int = 0
    addresses: int = 0
    sign_ins: int = 0

    @property
    def rows(self) -> int:
        """All of it."""
        return self.logins + self.chips + self.wallets + self.lines + self.addresses + self.sign_ins


async def rekey(deployment: Deployment, tell: Callable[[int], None]) -> Rekeyed:
    """Go through everything that needs nobody. ``tell`` hears now and then how many rows were looked at."""
    done = Rekeyed()
    async for accounts in _Pages(deployment):
        wallets = [claimed for account in accounts for claimed in _wallets(deployment, account)]
        await deployment.store.keys.claim(wallets)
        done = msgspec.structs.replace(
            done, accounts=done.accounts + len(accounts), wallets=done.wallets + len(wallets)
        )
        tell(done.accounts)
    return await _addresses(deployment, await _lines(deployment, done, tell), tell)


class _Pages:
    """All accounts, page by page."""

    def __init__(self, deployment: Deployment) -> None:
        self._store = deployment.store
        self._after: tuple[str, str] | None = None

    def __aiter__(self) -> _Pages:
        return self

    async def __anext__(self) -> list[Account]:
        page = await self._store.accounts(self._after, _PAGE)
        if not page:
            raise StopAsyncIteration
        self._after = (page[-1].tenant, page[-1].id)
        return page


def _wallets(deployment: Deployment, account: Account) -> list[Claimed]:
    """Every wallet that was ever in it, in each spelling. None where the tenant is in the settings no more."""
    site = deployment.tenants.get(account.tenant)
    if site is None:
        return []
    try:
        scripts = [wallet.parsed(site.network).script_pub_key for wallet in (account.wallet, *account.old_wallets)]
    except ProtocolError:
        return []  # `pteri fsck` finds it
    return [
        Claimed(account.tenant, claim, account.id)
        for script in scripts
        for claim in wallet_claims(deployment, account.tenant, script)
    ]


async def _lines(deployment: Deployment, done: Rekeyed, tell: Callable[[int], None]) -> Rekeyed:
    book, vault, after = deployment.store.keys, deployment.vault, ("", "")
    while page := await book.lines_under_others(vault.name, after, _PAGE):
        for kept in page:
            try:
                moved = await book.rekey_line(kept, kept_anew(vault, kept))
            except ValueError:
                done = msgspec.structs.replace(done, unreadable=done.unreadable + 1)
            else:
                done = msgspec.structs.replace(done, lines=done.lines + moved)
        after = (page[-1].tenant, page[-1].account)
        tell(done.accounts + done.lines)
    return done


async def _addresses(deployment: Deployment, done: Rekeyed, tell: Callable[[int], None]) -> Rekeyed:
    book, header, after = deployment.store.keys, deployment.vault.header(deployment.vault.name), ("", "", "")
    while page := await book.addresses_under_others(header, after, _PAGE):
        for kept in page:
            try:
                moved = await book.rekey_address(kept, sealed_anew(deployment, kept))
            except ValueError:
                done = msgspec.structs.replace(done, unreadable=done.unreadable + 1)
            else:
                done = msgspec.structs.replace(done, addresses=done.addresses + moved)
        after = (page[-1].tenant, page[-1].account, page[-1].channel)
        tell(done.accounts + done.lines + done.addresses)
    return done


async def needs_of(deployment: Deployment, name: str, others: Sequence[str]) -> Need:
    """What this key is wanted for, where ``others`` stay. It changes nothing.

    ``others`` has the empty name where what older programs wrote without a name is under one of them.
    """
    book, vault = deployment.store.keys, deployment.vault
    chips, wallets = 0, 0
    async for accounts in _Pages(deployment):
        for account in accounts:
            chips += account.chip is not None and account.chip.key == name
            wallets += await _wallets_lost(deployment, account)
    lines, addresses = 0, 0
    after = ("", "")
    while page := await book.lines_under_others(vault.name, after, _PAGE):
        lines += sum(kept.mac_key == name for kept in page)
        after = (page[-1].tenant, page[-1].account)
    place = ("", "", "")
    while kept_there := await book.addresses_under_others(vault.header(vault.name), place, _PAGE):
        addresses += sum(_is_under(deployment, kept.sealed, name) for kept in kept_there)
        place = (kept_there[-1].tenant, kept_there[-1].account, kept_there[-1].channel)
    waiting = await deployment.store.unfinished(_EVER, _PAGE)
    return Need(
        logins=await book.logins_only_elsewhere(others),
        chips=chips,
        wallets=wallets,
        lines=lines,
        addresses=addresses,
        sign_ins=sum(_is_under(deployment, challenge.sealed, name) for challenge in waiting),
    )


async def _wallets_lost(deployment: Deployment, account: Account) -> int:
    """Spellings under the key that writes which this account has not: `rekey` gives them, but for a lost tenant."""
    if account.tenant not in deployment.tenants:
        return 1
    writes = deployment.vault.name
    wanted = [claimed.claim for claimed in _wallets(deployment, account) if claimed.claim.key == writes]
    return sum([await deployment.store.owner(account.tenant, claim) != account.id for claim in wanted])


def _is_under(deployment: Deployment, sealed: bytes, name: str) -> bool:
    """Whether this key sealed it, or it does not say which did."""
    header = deployment.vault.header(name)
    return sealed.startswith(header) or sealed[:1] == _NAMELESS
