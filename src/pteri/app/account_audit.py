"""One account, looked at as ``fsck`` looks at it: its snapshot against its fold, its leaves against its records.

It is looked at up to the version that it had when this began, a few events at a time, so that whoever else runs in this
process waits for a few only. Log positions are not looked at: the newest events may have none yet.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from pteri.app.careful import CarefulReader, Unreadable
from pteri.app.deployment import Deployment
from pteri.app.findings import Damage, Finding, Findings
from pteri.app.fsck import difference_of
from pteri.app.leaf_again import Chained, compared_leaf
from pteri.app.log_walk import LogWalk
from pteri.app.owning import Owning
from pteri.audit.refolding import Broken, Refolding
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.domain.account import Account

__all__ = ["AccountAudit", "mismatches"]

_NO_MISMATCH: Final = frozenset({Broken.TIME})
"""A clock that was set back is a fault of the machine, and the state is the fold of what was signed all the same."""

_MOST_EVENTS: Final = 1 << 53


def mismatches(findings: list[Finding]) -> list[Finding]:
    """Those by which an account is not the fold of what was signed."""
    return [each for each in findings if each.code not in _NO_MISMATCH]


class AccountAudit:
    """One look at one account. ``findings`` counts when it ``is_over``."""

    def __init__(self, deployment: Deployment, tenant: TenantId, account: AccountId) -> None:
        self.is_over = False
        self._deployment, self._store = deployment, deployment.store
        self._tenant, self._id = tenant, account
        self._reader, self._found = CarefulReader(deployment.store, guesses=False), Findings()
        self._stored: Account | None = None
        self._after = 0
        self._chained: Chained | None = Chained()
        self._folding = Refolding(
            tenant, account, site=deployment.tenants.get(tenant), rules=deployment.rules, note=self._note
        )

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with it."""
        return self._found.kept

    def _note(self, code: str, seq: int, detail: str) -> None:
        self._found.note_event(code, detail, (self._tenant, self._id, seq))

    async def step(self, most: int) -> int:
        """Look at so many more events at most; how many it was."""
        stored = self._stored
        if stored is None:
            self._stored = stored = await self._read()
            if stored is None:
                self.is_over = True
                return 1
        done = await self._take(stored, most)
        if self._after >= stored.version:
            await self._compare(stored)
            self.is_over = True
        return done

    async def _read(self) -> Account | None:
        """The account under its own key; ``None`` when another stands there, or none."""
        try:
            stored = await self._reader.read(lambda: self._store.account(self._tenant, self._id))
        except Unreadable:
            self._note(Damage.UNREADABLE, 0, "the record of this account cannot be read")
            return None
        if stored is not None and (stored.tenant, stored.id) != (self._tenant, self._id):
            self._note(Damage.MISPLACED, 0, "the record of another account stands under the key of this one")
            return None
        if stored is not None and not 0 < stored.version < _MOST_EVENTS:
            # No database can be asked for that many: the loop would end here, and look at nobody after this account.
            self._note(Damage.SNAPSHOT, 0, f"not the fold of its events: it says that it has {stored.version}")
            return None
        return stored

    async def _take(self, stored: Account, most: int) -> int:
        after = self._after
        limit = min(most, stored.version - after)
        page = await self._reader.page(
            lambda seq, some: self._store.history(self._tenant, self._id, seq, some), after, limit
        )
        if not page:
            detail = "cannot be read" if page is None else f"is not there, and the account says {stored.version}"
            self._note(Damage.UNREADABLE if page is None else Damage.GAP, after + 1, f"event {after + 1} {detail}")
            self._folding.lose(after + 1)
            # Nothing follows from what comes after an event that is lost.
            self._after, self._chained = stored.version, None
            return 1
        for recorded in page:
            self._folding.take(recorded)
        self._after = max(page[-1].seq, after + 1)
        if self._chained is not None:
            try:
                self._chained = await self._reader.read(lambda: self._compare_leaves(after, len(page)))
            except Unreadable:
                self._note(Damage.UNREADABLE, after + 1, "a leaf of this account cannot be read")
                self._chained = None
        return len(page)

    async def _compare_leaves(self, after: int, limit: int) -> Chained | None:
        """The leaves of these events; ``None`` where there are no more, or one does not follow."""
        chained = self._chained
        found = await self._store.book.logged(self._tenant, self._id, after, limit)
        tails = await self._store.book.tails([(self._tenant, self._id)]) if found else []
        for logged in found:
            assert chained is not None
            if logged.seq != chained.seq + 1 or not tails:
                self._note(Damage.TAIL_DIFFERS, logged.seq, f"a leaf for event {logged.seq} comes after {chained.seq}")
                return None
            try:
                compared = compared_leaf(logged.leaf, logged.record, logged.seq, tail=tails[0], before=chained)
            except ProtocolError as error:
                self._note(Damage.LEAF_DIFFERS, logged.seq, f"the leaf at place {logged.place}: {error.detail}")
                return None
            if compared.others:
                others = ", ".join(compared.others)
                detail = f"the leaf at place {logged.place} is not that of its record: another {others}"
                self._note(Damage.LEAF_DIFFERS, logged.seq, detail)
            chained = compared.after
        return chained if len(found) == limit else None

    async def _compare(self, stored: Account) -> None:
        """What is stored, what belongs to it, and where its leaves go on."""
        folding = self._folding
        if not folding.broken and folding.account != stored:
            difference = difference_of(folding.account, stored)
            self._found.note(Damage.SNAPSHOT, f"not the fold of its events: {difference}", stored)
        await Owning(self._deployment, self._reader, self._found, Counter()).check(folding.account or stored)
        await LogWalk(self._deployment, self._reader, self._found, Counter()).check_tail(stored)
        beyond = await self._reader.page(
            lambda seq, some: self._store.history(self._tenant, self._id, seq, some), stored.version, 1
        )
        if beyond != [] and await self._read() == stored:
            self._found.note(Damage.GAP, "an event after the last one", stored, stored.version + 1)
