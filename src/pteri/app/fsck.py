"""Whether a registry is whole, asked through its port alone: the proof that nothing was lost, doubled or changed.

Each account is folded from its events again and compared with what is stored; each event is counted, placed,
re-verified and decided again; each log position belongs to one event, and each leaf of the log is made again from its
record. It works while the service runs: what it compares was committed together or never changes, and what came later
is left to the next time. Memory is bounded by a page and by the ledger, where one is compared.

What the port does not show is not checked: recorded answers, counters, challenges and notices; spent nonces that no
recorded act spent; and, of the instants in an event, what its signatures and its neighbours leave open.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from pteri.app.careful import CarefulReader, Unreadable
from pteri.app.deployment import Deployment
from pteri.app.findings import Acknowledged, Damage, Findings, Report
from pteri.app.log_walk import LogWalk
from pteri.app.owning import RETIRED_CLAIMS, Owning
from pteri.app.placing import Placing
from pteri.audit.proofs import nonce_of
from pteri.audit.rechecking import Unchecked
from pteri.audit.refolding import Refolding
from pteri.core.ids import AccountId, RequestId
from pteri.domain.account import Account
from pteri.domain.events import AccountBound, SignedIn, SignedInOffline
from pteri.domain.records import RecordedEvent

__all__ = ["fsck"]

_PAGE: Final = 200
_ACKNOWLEDGED: Final = SignedIn | SignedInOffline | AccountBound


async def fsck(
    deployment: Deployment,
    *,
    acknowledged: Iterable[Acknowledged] = (),
    pause: Callable[[float], Awaitable[None]],
    tell: Callable[[int, int], None],
) -> Report:
    """Look at everything. ``StoreUnavailable`` when the database fails.

    ``acknowledged``: what must be there, once. ``tell`` hears now and then how much is done, and of how much.
    ``pause`` waits, so that a sequencer that is at work can finish. The one thing that is written are log positions
    that are due anyway.
    """
    return await _Check(deployment, _Ledger(acknowledged), pause, tell).run()


class _Ledger:
    """What was acknowledged, by account, and how often each has been met in the registry."""

    def __init__(self, acknowledged: Iterable[Acknowledged]) -> None:
        self.size = 0
        self._owed: dict[AccountId, dict[RequestId, int]] = {}
        for act in acknowledged:
            self._owed.setdefault(act.account, {})[act.request] = 0
            self.size += 1

    def meet(self, recorded: RecordedEvent) -> None:
        """An event of the registry."""
        owed = self._owed.get(recorded.account)
        if owed is not None and isinstance(recorded.event, _ACKNOWLEDGED) and recorded.event.request in owed:
            owed[recorded.event.request] += 1

    def settle(self, account: Account, findings: Findings) -> None:
        """All events of this account have been met."""
        for request, times in self._owed.pop(account.id, {}).items():
            if times == 0:
                findings.note(Damage.LOST, f"request {request} was acknowledged, and no event says so", account)
            elif times > 1:
                findings.note(
                    Damage.DOUBLED, f"request {request} was acknowledged, and happened {times} times", account
                )

    def settle_rest(self, findings: Findings) -> None:
        """No account is left to meet."""
        for missing, requests in self._owed.items():
            for request in requests:
                findings.note(Damage.LOST, f"request {request} was acknowledged for {missing}, which is not there")


class _Check:
    """One run over one registry."""

    def __init__(
        self,
        deployment: Deployment,
        ledger: _Ledger,
        pause: Callable[[float], Awaitable[None]],
        tell: Callable[[int, int], None],
    ) -> None:
        self._deployment, self._store, self._ledger, self._tell = deployment, deployment.store, ledger, tell
        self._findings, self._reader = Findings(), CarefulReader(deployment.store)
        self._placing = Placing(deployment.store, self._reader, self._findings, pause=pause, tell=self._say_progress)
        self._owning = Owning(deployment, self._reader, self._findings)
        self._book = LogWalk(deployment.store, deployment.log, self._reader, self._findings, self._say_leaves)
        self._accounts, self._events, self._proved = 0, 0, 0
        self._unchecked: Counter[Unchecked] = Counter()

    async def run(self) -> Report:
        """Log, accounts, and both against each other."""
        await self._placing.give_positions()
        await self._placing.walk_log()
        if await self._walk_accounts():
            self._ledger.settle_rest(self._findings)
            await self._placing.compare()
        await self._owning.walk()
        await self._book.walk()
        return Report(
            accounts=self._accounts,
            events=self._events,
            positions=self._placing.end,
            proved=self._proved,
            acknowledged=self._ledger.size,
            unchecked={
                **{reason.value: times for reason, times in sorted(self._unchecked.items())},
                **self._book.unchecked,
                **({RETIRED_CLAIMS: self._owning.unchecked} if self._owning.unchecked else {}),
            },
            found=self._findings.found,
            findings=tuple(self._findings.kept),
            leaves=self._book.leaves,
        )

    async def _walk_accounts(self) -> bool:
        """Every account in the order of its key; whether none was left out."""
        after: tuple[str, str] | None = None
        while True:
            page = await self._reader.page(self._store.accounts, after, _PAGE)
            if page is None:
                where = "the first account" if after is None else f"the account after {after[1]}"
                self._findings.note(Damage.UNREADABLE, f"{where} cannot be read; the rest was not looked at")
                return False
            if not page:
                return True
            for listed in page:
                key = (listed.tenant, listed.id)
                if after is not None and key <= after:
                    self._findings.note(Damage.MISPLACED, "not in its place; the rest was not looked at", listed)
                    return False
                after = key
                await self._check_account(listed)

    async def _check_account(self, listed: Account) -> None:
        tenant, account = listed.tenant, listed.id
        try:
            stored = await self._reader.read(lambda: self._store.account(tenant, account))
        except Unreadable:
            stored = None
        if stored is None or (stored.tenant, stored.id) != (tenant, account):
            self._findings.note(Damage.MISPLACED, "the record of this account stands under another key", listed)
            return
        self._accounts += 1
        folded = await self._refolded(stored)
        if not folded.broken and folded.account != stored:
            difference = _difference(folded.account, stored)
            self._findings.note(Damage.SNAPSHOT, f"not the fold of its events: {difference}", stored)
        await self._owning.check(folded.account or stored)
        await self._book.check_tail(stored)
        self._ledger.settle(stored, self._findings)
        self._proved += folded.proved
        self._unchecked += folded.unchecked

    async def _refolded(self, stored: Account) -> Refolding:
        """The account folded again, up to the version that was read: what comes after belongs to the next time."""

        def note(code: str, seq: int, detail: str) -> None:
            self._findings.note(code, detail, stored, seq)

        site = self._deployment.tenants.get(stored.tenant)
        folding = Refolding(stored.tenant, stored.id, site=site, rules=self._deployment.rules, note=note)
        after, last_position = 0, -1
        while after < stored.version:
            page = await self._history(stored, after, min(_PAGE, stored.version - after))
            if page is None:
                note(Damage.UNREADABLE, after + 1, f"event {after + 1} cannot be read")
                folding.lose(after + 1)
                after += 1
                continue
            if not page:
                note(Damage.GAP, after + 1, f"no event after {after}, and the account says {stored.version}")
                folding.lose(stored.version)
                break
            for recorded in page:
                folding.take(recorded)
                self._ledger.meet(recorded)
            await self._check_spent(stored, page)
            last_position = await self._placing.check_positions(stored, page, last_position)
            after = max(page[-1].seq, after + 1)
            self._events += len(page)
            self._say_progress(self._placing.end + self._events)
        if await self._history(stored, stored.version, 1) != []:
            await self._check_moved(stored)
        return folding

    async def _history(self, stored: Account, after: int, limit: int) -> list[RecordedEvent] | None:
        return await self._reader.page(
            lambda seq, most: self._store.history(stored.tenant, stored.id, seq, most), after, limit
        )

    async def _check_moved(self, stored: Account) -> None:
        """There is an event after the last one: right, if the account has moved since it was read."""
        if await self._reader.read(lambda: self._store.account(stored.tenant, stored.id)) == stored:
            self._findings.note(Damage.GAP, "an event after the last one", stored, stored.version + 1)

    async def _check_spent(self, stored: Account, page: list[RecordedEvent]) -> None:
        """What was signed once stays signed once: a nonce that is not spent could be signed for again."""
        nonces = [(each.seq, nonce_of(each.evidence)) for each in page if each.evidence is not None]
        known = [(seq, nonce) for seq, nonce in nonces if nonce is not None]
        spent = await asyncio.gather(*(self._store.is_spent(stored.tenant, nonce) for _, nonce in known))
        for (seq, nonce), is_spent in zip(known, spent, strict=True):
            if not is_spent:
                self._findings.note(Damage.NOT_SPENT, f"its nonce {nonce} is not spent", stored, seq)

    def _say_leaves(self, leaves: int) -> None:
        # And once more in the tree.
        self._say_progress(self._placing.end + self._events + leaves)

    def _say_progress(self, done: int) -> None:
        # Each event is met in the log, in its account and, where one is, in the tree; what came since counts once more.
        self._tell(done, max(2 * self._placing.end, done))


def _difference(folded: Account | None, stored: Account) -> str:
    if folded is None:
        return "it has none"
    names = [name for name in stored.__struct_fields__ if getattr(folded, name) != getattr(stored, name)]
    return f"another {', '.join(names)}"
