"""The log and the events it holds: each position once, each event once, in the order of its account."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from pteri.app.careful import CarefulReader
from pteri.app.deployment import Deployment
from pteri.app.findings import Damage, Findings
from pteri.app.fsck_progress import Placed, mark_at
from pteri.app.ports import StoreUnavailable
from pteri.core.ids import AccountId, TenantId
from pteri.domain.account import Account
from pteri.domain.records import RecordedEvent

__all__ = ["Placing"]

_PAGE: Final = 200
_BATCH: Final = 500
_ACCOUNTS_REMEMBERED: Final = 10_000
_PAUSE_S: Final = 0.5


class Placing:
    """The log as it is when the check begins; what comes later is left alone."""

    def __init__(
        self,
        deployment: Deployment,
        reader: CarefulReader,
        findings: Findings,
        *,
        pause: Callable[[float], Awaitable[None]],
        step: Callable[[int], None],
        begun: Placed,
    ) -> None:
        self.end, self._at = begun.end, begun.at
        """The first position that was free, and the first that was not looked at."""
        self._deployment, self._store = deployment, deployment.store
        self._reader, self._findings = reader, findings
        self._pause, self._step = pause, step
        self._first, self._last, self._patience = begun.first, begun.last, begun.patience
        self._logged, self._placed = begun.logged, begun.placed

    @property
    def place(self) -> Placed:
        """How far it has come."""
        ends, tallies = (self._first, self._last), (self._logged, self._placed)
        return Placed(self.end, self._at, *ends, self._patience, *tallies)

    async def give_positions(self) -> None:
        """What every service does all the time: after it, an event without a position is one that never gets one."""
        try:
            while await self._store.sequence(_BATCH) == _BATCH:
                continue
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - what a damaged log does to the sequencer is what we are here to say
            self._findings.note(Damage.SEQUENCER, f"no event gets a log position any more: {type(error).__name__}")

    async def find_end(self) -> None:
        """Where the log ends now, and by what it is known again."""
        self.end = await self._log_end()
        if self.end:
            self._first = await mark_at(self._reader, self._deployment, 0)
            self._last = await mark_at(self._reader, self._deployment, self.end - 1)

    async def walk_log(self) -> None:
        """Positions from 0 without gaps, up to that end."""
        while self._at < self.end:
            page = await self._reader.page(self._store.log, self._at, min(_PAGE, self.end - self._at))
            if page is None:
                self._findings.note(Damage.UNREADABLE, f"the event at log position {self._at} cannot be read")
                self._at += 1
                continue
            for entry in page:
                if entry.position != self._at:
                    detail = f"log position {entry.position} stands where {self._at} should"
                    self._findings.note(Damage.LOG_GAP, detail)
                self._logged = self._logged.add(_text(entry.position, entry.recorded))
                self._at = entry.position + 1
            self._step(len(page))

    async def _log_end(self) -> int:
        """Found by doubling, then by halving, since the port does not count."""
        low, high = 0, 1024
        while await self._is_in_log(high):
            low, high = high, 2 * high
        while low < high:
            middle = (low + high) // 2
            if await self._is_in_log(middle):
                low = middle + 1
            else:
                high = middle
        return low

    async def _is_in_log(self, position: int) -> bool:
        page = await self._reader.page(self._store.log, position, 1)
        return page is None or bool(page)

    async def check_positions(self, stored: Account, page: list[RecordedEvent], last: int) -> int:
        """One position for each of these events of an account, in order after ``last``; the last of them."""
        placed = await self._positions_of(stored, page)
        if [seq for seq, _ in placed] != [recorded.seq for recorded in page]:
            self._findings.note(Damage.POSITION_ORDER, "an event has several log positions", stored, page[0].seq)
            return last
        for recorded, (seq, position) in zip(page, placed, strict=True):
            if position is None:
                self._findings.note(Damage.NO_POSITION, "no log position, and it gets none", stored, seq)
                continue
            if position <= last:
                self._findings.note(Damage.POSITION_ORDER, f"log position {position} after {last}", stored, seq)
            last = max(last, position)
            if position < self.end:
                self._placed = self._placed.add(_text(position, recorded))
        return last

    async def _positions_of(self, stored: Account, page: list[RecordedEvent]) -> list[tuple[int, int | None]]:
        """As soon as each has one: a sequencer may be at work on them. Not for ever, and not long for each of many."""
        placed = await self._look_up(stored, page)
        while any(position is None for _, position in placed):
            await self.give_positions()
            placed = await self._look_up(stored, page)
            if self._patience == 0:
                break
            self._patience -= 1
            await self._pause(_PAUSE_S)
        return placed

    async def _look_up(self, stored: Account, page: list[RecordedEvent]) -> list[tuple[int, int | None]]:
        first, last = page[0].seq, page[-1].seq
        found = await self._store.positions(stored.tenant, stored.id, first - 1, 2 * len(page))
        return [(seq, position) for seq, position in found if seq <= last]

    async def compare(self) -> None:
        """The log holds the events of all accounts that were looked at, and no others."""
        if self._logged == self._placed:
            return
        self._findings.note(
            Damage.LOG_DIFFERS,
            f"the log has {self._logged.size} events below position {self.end}, the accounts have {self._placed.size}, "
            "and they are not the same",
        )
        await self._find_strangers()

    async def _find_strangers(self) -> None:
        """Accounts that the log speaks of and that are not there."""
        seen: OrderedDict[tuple[TenantId, AccountId], None] = OrderedDict()
        at = 0
        while at < self.end:
            page = await self._reader.page(self._store.log, at, _PAGE)
            for entry in page or ():
                key = (entry.recorded.tenant, entry.recorded.account)
                if key in seen:
                    continue
                seen[key] = None
                if len(seen) > _ACCOUNTS_REMEMBERED:
                    seen.popitem(last=False)
                if await self._store.account(*key) is None:
                    self._findings.note(Damage.NO_ACCOUNT, f"the log speaks of account {key[1]}, which is not there")
            at = page[-1].position + 1 if page else at + 1


def _text(position: int, recorded: RecordedEvent) -> bytes:
    return msgspec.json.encode((position, recorded))
