"""One account, folded again from its events, each looked at as it comes (law 3).

Memory does not grow with the history: of what came before, only what a later event may refer to is kept.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from pteri.audit.past import Past
from pteri.audit.rechecking import Fault, Unchecked, recheck
from pteri.audit.site import Site
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, RequestId, TenantId, Thumbprint
from pteri.core.offline import HINTS, TypedElement, verify_offline_code
from pteri.core.verify import MAX_AHEAD_S
from pteri.domain import offline
from pteri.domain.account import Account
from pteri.domain.decisions import Permit
from pteri.domain.events import (
    ChannelsTookEffect,
    Event,
    FreezeEnded,
    FrozenByLink,
    LineAged,
    LineObserved,
    MigrationApproved,
    MigrationConfirmed,
    MigrationExpired,
    ProtectionTookEffect,
    RecoveryExpired,
    SignedIn,
    SignedInOffline,
    SignInApproved,
    SignInLapsed,
    SuspensionEnded,
)
from pteri.domain.evolving import lapses
from pteri.domain.guards import freeze_by_link
from pteri.domain.records import RecordedEvent
from pteri.domain.rules import Rules
from pteri.domain.tables import IllegalTransition

__all__ = ["Broken", "Note", "Refolding"]

_ACTS_KEPT_S: Final = 2 * 86_400
"""A challenge lives for minutes and is gone after a day: later than this its act cannot honestly come again."""


class Broken(StrEnum):
    """What is wrong with a history. Closed; a name is never reused."""

    MISPLACED = "RECORD_MISPLACED"
    GAP = "EVENT_GAP"
    ILLEGAL = "EVENT_ILLEGAL"
    TWICE = "ACT_TWICE"
    TIME = "TIME_WENT_BACK"
    LAPSE = "NOTHING_LAPSED"
    UNREADABLE = "EVIDENCE_UNREADABLE"


Note = Callable[[str, int, str], None]
"""Hears of something wrong: a stable code, the ``seq`` of the event, a sentence."""


class Refolding:
    """The account after the events taken so far."""

    def __init__(self, tenant: TenantId, account: AccountId, *, site: Site | None, rules: Rules, note: Note) -> None:
        self.account: Account | None = None
        self.seq = 0
        self.broken = False
        """Whether the fold ended at an event that cannot follow: nothing after it was looked at."""
        self.proved = 0
        self.unchecked: Counter[Unchecked] = Counter()
        self._key = (tenant, account)
        self._site, self._rules, self._note = site, rules, note
        self._latest_at = 0
        self._past = Past()
        self._acts: OrderedDict[tuple[str, RequestId], int] = OrderedDict()
        self._approved: dict[RequestId, Thumbprint] = {}

    def take(self, recorded: RecordedEvent) -> None:
        """The next event in order of ``seq``."""
        if recorded.seq != self.seq + 1:
            self._note(Broken.GAP, recorded.seq, f"event {recorded.seq} comes after event {self.seq}")
        self.seq = recorded.seq
        if (recorded.tenant, recorded.account) != self._key:
            self._note(Broken.MISPLACED, recorded.seq, "an event of another account stands here")
            self.broken = True
        if self.broken:
            return
        self._check_order(recorded.seq, recorded.event)
        self._check_lapse(recorded.seq, recorded.event)
        self._check_link(recorded.seq, recorded.event)
        self._check_approval(recorded.seq, recorded.event)
        self._check_offline_code(recorded.seq, recorded.event)
        self._check_evidence(recorded)
        self._evolve(recorded.seq, recorded.event)

    def lose(self, seq: int) -> None:
        """The event at ``seq`` is not to be had; said by whoever missed it."""
        self.seq, self.broken = seq, True

    def _check_order(self, seq: int, event: Event) -> None:
        if event.at < self._latest_at - 2 * MAX_AHEAD_S:
            self._note(Broken.TIME, seq, f"{event.name} happened long before what was recorded before it")
        self._latest_at = max(self._latest_at, event.at)
        # An approved sign-in ends one way.
        name = "sign-in" if isinstance(event, SignedIn | SignedInOffline | SignInLapsed) else event.name
        if isinstance(event, LineObserved | LineAged):
            # One act may bring an announced change of the line, and that it has arrived already.
            name = f"{event.name} {event.happened}"
        if (name, event.request) in self._acts:
            self._note(Broken.TWICE, seq, f"{event.name} of request {event.request} came before")
        self._acts[name, event.request] = event.at
        while self._acts and next(iter(self._acts.values())) < self._latest_at - _ACTS_KEPT_S:
            (_, request), _ = self._acts.popitem(last=False)
            self._approved.pop(request, None)

    def _check_lapse(self, seq: int, event: Event) -> None:
        """What time alone has ended has no evidence but the account itself."""
        account = self.account
        match event:
            case SuspensionEnded() | RecoveryExpired() | FreezeEnded() | ProtectionTookEffect() | ChannelsTookEffect():
                right = account is not None and event in lapses(account, event.at)
            case MigrationExpired():
                # Too many wrong codes end it before its time.
                migration = None if account is None else account.migration
                right = migration is not None and migration.request == event.request
            case _:
                return
        if not right:
            self._note(Broken.LAPSE, seq, f"{event.name}, and nothing had lapsed")

    def _check_link(self, seq: int, event: Event) -> None:
        """A freeze by a link is signed by nobody: that it was within its few times is all there is to see."""
        if not isinstance(event, FrozenByLink) or self.account is None:
            return
        rules = self._rules
        if event.rules != rules.digest():
            self.unchecked[Unchecked.OTHER_RULES] += 1
        elif not isinstance(freeze_by_link(self.account, event.at, rules), Permit):
            self._note(Fault.DECISION, seq, f"{event.name}, and no link could stop the account then")
        elif event.until != event.at + rules.freeze_s:
            self._note(Fault.EFFECT, seq, f"{event.name} for another time than a freeze lasts")

    def _check_approval(self, seq: int, event: Event) -> None:
        """What the first release recorded when a phone approved has no evidence but that of the sign-in's end."""
        match event:
            case SignInApproved():
                self._approved[event.request] = event.device
                self.unchecked[Unchecked.APPROVAL_ALONE] += 1
            case SignedIn() | SignInLapsed() if event.request in self._approved:
                self.unchecked[Unchecked.APPROVAL_ALONE] -= 1
                if self._approved.pop(event.request) != event.device:
                    self._note(Fault.EFFECT, seq, f"{event.name} on another phone than the one that approved")

    def _check_offline_code(self, seq: int, event: Event) -> None:
        """A code that was typed is its own evidence: it hashes to what was accepted before."""
        if not isinstance(event, SignedInOffline) or self.account is None:
            return
        chain = offline.chain_of(self.account, event.device)
        if chain is None:
            return  # the fold says so
        try:
            typed = TypedElement(ids.from_crockford(event.element), event.slot % HINTS)
            proved = verify_offline_code(
                typed, expected_terms=chain.terms, expected_end=chain.end, spent=chain.spent, at=event.at
            )
        except ProtocolError as error:
            self._note(Fault.SIGNATURE, seq, f"{event.name}: {error.detail} ({error.code})")
            return
        if (proved.slot, proved.element) != (event.slot, event.element):
            self._note(Fault.EFFECT, seq, f"{event.name} is not what this code makes")
        elif event.rules != self._rules.digest():
            self.unchecked[Unchecked.OTHER_RULES] += 1
        elif not isinstance(offline.sign_in(event.device, self.account, self._rules), Permit):
            self._note(Fault.DECISION, seq, f"{event.name}, and policy does not permit it")
        else:
            self.proved += 1

    def _check_evidence(self, recorded: RecordedEvent) -> None:
        try:
            checked = list(recheck(recorded, self._past.before, tenant=self._site, rules=self._rules))
        except ProtocolError as error:
            self._note(Broken.UNREADABLE, recorded.seq, f"{recorded.event.name}: {error.detail} ({error.code})")
            return
        for said in checked:
            if isinstance(said, Unchecked):
                self.unchecked[said] += 1
            else:
                self._note(said[0], recorded.seq, said[1])
        self.proved += recorded.evidence is not None and not checked

    def _evolve(self, seq: int, event: Event) -> None:
        before = self.account
        try:
            after = self._past.take(event)
        except IllegalTransition as error:
            self._note(Broken.ILLEGAL, seq, f"{event.name} cannot follow: {error}")
            self.broken = True
            return
        if (after.tenant, after.id) != self._key:
            self._note(Broken.MISPLACED, seq, "this event makes another account")
            self.broken = True
            return
        self.account = after
        if isinstance(event, MigrationApproved) and before is not None:
            self.unchecked[Unchecked.CODE_AWAITED] += 1
        elif isinstance(event, MigrationConfirmed):
            self.unchecked[Unchecked.CODE_AWAITED] -= 1
