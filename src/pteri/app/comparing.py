"""What two policies would have decided of everything that is recorded (docs/spec/policy.md section 5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from pteri.app.deployment import Deployment
from pteri.app.differing import Gives, gives, said_shortly
from pteri.app.replaying import CannotReplay, Replayed, Replaying, WhyNot, decide_watched
from pteri.app.walking import accounts_in_order, events_in_order
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Hold
from pteri.domain.rules import Rules

__all__ = ["Comparison", "DifferentCase", "DifferentKind", "compare"]

_TELL_EVERY: Final = 500


class DifferentKind(msgspec.Struct, frozen=True):
    """So many cases of a purpose that were decided one way and the other. ``gives``: what the second policy gives."""

    purpose: str
    before: str
    after: str
    gives: Gives
    times: int


class DifferentCase(msgspec.Struct, frozen=True):
    """One case that two policies decide differently. Instants in Unix seconds."""

    tenant: str
    account: str
    seq: int
    request: str
    at: int
    purpose: str
    before: str
    after: str
    gives: Gives
    before_until: int | None = None
    after_until: int | None = None


class Comparison(msgspec.Struct, frozen=True):
    """What was looked at and how it differs. ``cases`` holds the first of ``different``, as many as were asked for."""

    accounts: int
    events: int
    decided: int
    """Decisions that both policies made again."""
    different: int
    kinds: tuple[DifferentKind, ...]
    cases: tuple[DifferentCase, ...]
    left_out: dict[str, int]
    """Events that cannot be decided again, by the reason."""
    looked_at: tuple[str, ...]
    """The rules of the second policy that some decision looked at, in alphabetical order."""


async def compare(
    deployment: Deployment,
    first: Rules | None,
    second: Rules,
    *,
    most: int,
    tell: Callable[[int], None],
) -> Comparison:
    """Decide everything that is recorded twice. ``first``: ``None`` for what was decided then.

    At most ``most`` cases are kept; all are counted. ``tell`` hears now and then how many events are done. Memory does
    not grow with the registry. ``StoreUnavailable`` when the database fails.
    """
    comparing = _Comparing(first, second, most)
    async for account in accounts_in_order(deployment.store):
        comparing.accounts += 1
        replaying = Replaying(site=deployment.tenants.get(account.tenant))
        async for recorded in events_in_order(deployment.store, account.tenant, account.id, until=account.version):
            comparing.take(account, CannotReplay.UNREADABLE if isinstance(recorded, int) else replaying.take(recorded))
            if comparing.events % _TELL_EVERY == 0:
                tell(comparing.events)
    tell(comparing.events)
    return comparing.report()


class _Comparing:
    """What was found so far."""

    def __init__(self, first: Rules | None, second: Rules, most: int) -> None:
        self.accounts = self.events = 0
        self._first, self._second, self._most = first, second, most
        self._decided = self._different = 0
        self._kinds: Counter[tuple[str, str, str, Gives]] = Counter()
        self._cases: list[DifferentCase] = []
        self._left_out: Counter[str] = Counter()
        self._looked_at: set[str] = set()

    def take(self, account: Account, found: Replayed | WhyNot) -> None:
        """One event."""
        self.events += 1
        if not isinstance(found, Replayed):
            self._left_out[found.value] += 1
            return
        self._decided += 1
        before = found.decision if self._first is None else found.seen.decide(self._first)
        after, read = decide_watched(found.seen, self._second)
        self._looked_at.update(read)
        if before != after:
            self._differs(account, found, before, after)

    def _differs(self, account: Account, found: Replayed, before: Decision, after: Decision) -> None:
        self._different += 1
        event, purpose = found.recorded.event, found.seen.purpose
        given = gives(before, after)
        self._kinds[purpose, said_shortly(before), said_shortly(after), given] += 1
        if len(self._cases) < self._most:
            self._cases.append(
                DifferentCase(
                    account.tenant,
                    account.id,
                    found.recorded.seq,
                    event.request,
                    event.at,
                    purpose,
                    said_shortly(before),
                    said_shortly(after),
                    given,
                    _until(before),
                    _until(after),
                )
            )

    def report(self) -> Comparison:
        """Everything, the most frequent difference first."""
        order = sorted(self._kinds.items(), key=lambda kind: (-kind[1], kind[0]))
        return Comparison(
            accounts=self.accounts,
            events=self.events,
            decided=self._decided,
            different=self._different,
            kinds=tuple(DifferentKind(*kind, times) for kind, times in order),
            cases=tuple(self._cases),
            left_out=dict(sorted(self._left_out.items())),
            looked_at=tuple(sorted(self._looked_at)),
        )


def _until(decision: Decision) -> int | None:
    return decision.until if isinstance(decision, Hold) else None
