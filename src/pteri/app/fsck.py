"""Whether a registry is whole, asked through its port alone: the proof that nothing was lost, doubled or changed.

Each account is folded from its events again and compared with what is stored; each event is counted, placed,
re-verified and decided again; each log position belongs to one event, and each leaf of the log is made again from its
record, as is each anchor. It works while the service runs: what it compares was committed together or never changes,
and what came later is left to the next time. Memory is bounded by a page and by the ledger, where one is compared.
Whoever was killed goes on from the place that was kept last (docs/spec section 9.8).

What the port does not show is not checked: recorded answers, counters, challenges and notices; spent nonces that no
recorded act spent; and, of the instants in an event, what its signatures and its neighbours leave open.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec

from pteri.app.anchor_walk import AnchorWalk
from pteri.app.careful import CarefulReader, Unreadable
from pteri.app.deployment import Deployment
from pteri.app.findings import Acknowledged, Damage, Findings, Report
from pteri.app.fsck_progress import Keep, Phase, Progress, check_same, subject_of
from pteri.app.log_walk import LogWalk
from pteri.app.owning import Owning
from pteri.app.placing import Placing
from pteri.audit.proofs import nonce_of
from pteri.audit.refolding import Refolding
from pteri.core.ids import AccountId, RequestId
from pteri.domain.account import Account
from pteri.domain.events import AccountBound, SignedIn, SignedInOffline
from pteri.domain.records import RecordedEvent

__all__ = ["KEEP_AFTER", "difference_of", "fsck"]

_PAGE: Final = 200
_ALL: Final = 1 << 62
_MOST_HALTS: Final = 1000
KEEP_AFTER: Final = 2000
"""Records of work between two places that are kept: about a second, which is what a killed check does again."""
_ACKNOWLEDGED: Final = SignedIn | SignedInOffline | AccountBound


async def fsck(
    deployment: Deployment,
    *,
    acknowledged: Iterable[Acknowledged] = (),
    pause: Callable[[float], Awaitable[None]],
    tell: Callable[[int, int], None],
    program: str = "",
    begun: Progress | None = None,
    keep: Keep | None = None,
    keep_after: int = KEEP_AFTER,
) -> Report:
    """Look at everything. ``StoreUnavailable`` when the database fails.

    ``acknowledged``: what must be there, once. ``tell`` hears now and then how much is done, and of how much.
    ``pause`` waits, so that a sequencer that is at work can finish. The one thing that is written are log positions
    that are due anyway.

    ``keep`` keeps the place after about ``keep_after`` records of work, and at the end; ``begun`` is what it kept last:
    one that is not finished is gone on from, or ``OtherCheck`` says why not. After one that is finished all is looked
    at again. ``program``: which version of it looks; what another one has looked at is not taken over.
    """
    acts = list(acknowledged)
    reader, subject = CarefulReader(deployment.store), subject_of(deployment, acts, program=program)
    if begun is None or begun.finished_at is not None:
        begun = Progress(subject=subject, started_at=deployment.clock.now())
    else:
        await check_same(begun, subject, reader, deployment)
        begun = msgspec.structs.replace(begun, resumed=begun.resumed + 1)
    keeping = _Keeping(keep, keep_after)
    return await _Check(deployment, reader, _Ledger(acts), begun, pause=pause, tell=tell, keeping=keeping).run()


class _Keeping:
    """Keeps a place when enough was done since the last one."""

    def __init__(self, keep: Keep | None, after: int) -> None:
        self._keep, self._after, self._done = keep, after, 0

    def step(self, work: int, place: Callable[[], Progress]) -> None:
        """So much more is done, and all of it is in ``place``."""
        self._done += work
        if self._keep is not None and self._done >= self._after:
            self._done = 0
            self._keep(place())


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

    def drop(self, account: AccountId) -> None:
        """All of this account was looked at before the check was interrupted."""
        self._owed.pop(account, None)

    def owes(self, account: AccountId) -> bool:
        """Whether something of it was acknowledged, and is not settled."""
        return account in self._owed

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
    """One run over one registry, from where it begins to its end."""

    def __init__(
        self,
        deployment: Deployment,
        reader: CarefulReader,
        ledger: _Ledger,
        begun: Progress,
        *,
        pause: Callable[[float], Awaitable[None]],
        tell: Callable[[int, int], None],
        keeping: _Keeping,
    ) -> None:
        self._deployment, self._store, self._ledger, self._tell = deployment, deployment.store, ledger, tell
        self._begun, self._keeping, self._phase = begun, keeping, begun.phase
        self._findings, self._reader = Findings(begun.found, begun.findings), reader
        self._unchecked = Counter(begun.unchecked)
        self._placing = Placing(
            deployment, self._reader, self._findings, pause=pause, step=self._step, begun=begun.positions
        )
        self._owning = Owning(
            deployment, self._reader, self._findings, self._unchecked, step=self._step, after=begun.claim
        )
        self._book = LogWalk(
            deployment, self._reader, self._findings, self._unchecked, step=self._step, begun=begun.leaves
        )
        self._anchors = AnchorWalk(
            deployment, self._reader, self._findings, self._unchecked, step=self._step, begun=begun.anchors
        )
        self._accounts, self._events, self._proved = begun.accounts, begun.events, begun.proved
        self._after = begun.account

    async def run(self) -> Report:
        """Log, accounts, both against each other, and what stands beside them; each begins where it was left."""
        works: dict[Phase, Callable[[], Awaitable[None]]] = {
            Phase.POSITIONS: self._begin,
            Phase.LOG: self._placing.walk_log,
            Phase.ACCOUNTS: self._compare_accounts,
            Phase.COMPARE: self._placing.compare,
            Phase.CLAIMS: self._owning.walk,
            Phase.LEAVES: self._book.walk,
            Phase.ANCHORS: self._anchors.walk,
        }
        phases = list(Phase)
        while self._phase is not Phase.DONE:
            phase = self._phase
            await works[phase]()
            if self._phase is phase:
                self._phase = phases[phases.index(phase) + 1]
            self._step(0 if self._phase is not Phase.DONE else _ALL)
        return await self._report()

    async def _report(self) -> Report:
        return Report(
            accounts=self._accounts,
            events=self._events,
            positions=self._placing.end,
            proved=self._proved,
            acknowledged=self._ledger.size,
            unchecked=dict(sorted((name, times) for name, times in self._unchecked.items() if times)),
            found=self._findings.found,
            findings=tuple(self._findings.kept),
            leaves=self._book.leaves,
            anchors=self._anchors.place.seen,
            halted=tuple(await self._store.audits.halts(None, _MOST_HALTS)),
            started_at=self._begun.started_at,
            resumed=self._begun.resumed,
        )

    async def _begin(self) -> None:
        await self._placing.give_positions()
        await self._placing.find_end()

    async def _compare_accounts(self) -> None:
        """All accounts. Where the rest could not be looked at, nobody knows what the log should hold."""
        await self._forget_settled()
        if await self._walk_accounts():
            self._ledger.settle_rest(self._findings)
        else:
            self._phase = Phase.CLAIMS

    async def _forget_settled(self) -> None:
        """What was acknowledged of the accounts before this place was compared before the check was interrupted."""
        end, after = self._after, None
        while end is not None and (after is None or after < end):
            page = await self._reader.page(self._store.accounts, after, _PAGE)
            if not page:
                return
            for listed in page:
                after = (listed.tenant, listed.id)
                if after <= end and self._ledger.owes(listed.id) and await self._in_its_place(listed) is not None:
                    self._ledger.drop(listed.id)

    def _step(self, work: int) -> None:
        """So much more was looked at, and nothing of it is left half."""
        done = min(self._placing.place.at, self._placing.end) + self._events + self._book.leaves
        # Each event is met in the log, in its account and, where one is, in the tree.
        self._tell(done, max(2 * self._placing.end, done))
        self._keeping.step(work, self._place)

    def _place(self) -> Progress:
        is_over = self._phase is Phase.DONE
        return msgspec.structs.replace(
            self._begun,
            finished_at=self._deployment.clock.now() if is_over else None,
            phase=self._phase,
            positions=self._placing.place,
            account=self._after,
            claim=self._owning.after,
            leaves=self._book.place,
            accounts=self._accounts,
            events=self._events,
            proved=self._proved,
            anchors=self._anchors.place,
            unchecked=dict(self._unchecked),
            found=self._findings.found,
            findings=tuple(self._findings.kept),
        )

    async def _walk_accounts(self) -> bool:
        """Every account in the order of its key; whether none was left out."""
        while True:
            after = self._after
            page = await self._reader.page(self._store.accounts, after, _PAGE)
            if page is None:
                where = "the first account" if after is None else f"the account after {after[1]}"
                self._findings.note(Damage.UNREADABLE, f"{where} cannot be read; the rest was not looked at")
                return False
            if not page:
                return True
            for listed in page:
                key = (listed.tenant, listed.id)
                if self._after is not None and key <= self._after:
                    self._findings.note(Damage.MISPLACED, "not in its place; the rest was not looked at", listed)
                    return False
                before = self._events
                await self._check_account(listed)
                self._after = key
                self._step(1 + self._events - before)

    async def _in_its_place(self, listed: Account) -> Account | None:
        """This account as it is stored under its own key."""
        tenant, account = listed.tenant, listed.id
        try:
            stored = await self._reader.read(lambda: self._store.account(tenant, account))
        except Unreadable:
            return None
        return None if stored is None or (stored.tenant, stored.id) != (tenant, account) else stored

    async def _check_account(self, listed: Account) -> None:
        stored = await self._in_its_place(listed)
        if stored is None:
            self._findings.note(Damage.MISPLACED, "the record of this account stands under another key", listed)
            return
        self._accounts += 1
        folded = await self._refolded(stored)
        if not folded.broken and folded.account != stored:
            difference = difference_of(folded.account, stored)
            self._findings.note(Damage.SNAPSHOT, f"not the fold of its events: {difference}", stored)
        await self._owning.check(folded.account or stored)
        await self._book.check_tail(stored)
        self._ledger.settle(stored, self._findings)
        self._proved += folded.proved
        # In place: what looks at the log counts in the same one.
        self._unchecked += Counter({reason.value: times for reason, times in folded.unchecked.items()})

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


def difference_of(folded: Account | None, stored: Account) -> str:
    """In which fields the stored account is not its fold."""
    if folded is None:
        return "it has none"
    names = [name for name in stored.__struct_fields__ if getattr(folded, name) != getattr(stored, name)]
    return f"another {', '.join(names)}"
