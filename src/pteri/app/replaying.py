"""Recorded decisions, decided again by any rules (docs/spec/policy.md section 5).

Each is decided from the account and the circumstances that were recorded, one step at a time: what would have followed
from another decision is not made up. Signatures are not verified here; :mod:`pteri.audit.rechecking` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pteri.app.deployment import Tenant
from pteri.app.differing import LINK, OFFLINE
from pteri.audit.past import Past
from pteri.audit.proofs import NotOfThisEvent, claimed, purpose_of
from pteri.audit.rechecking import Unchecked, seen_by_policy
from pteri.core.acts import StatementAct
from pteri.core.errors import ProtocolError
from pteri.core.ids import Digest
from pteri.domain import offline
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Level, Permit, Reason
from pteri.domain.events import FrozenByLink, SignedInOffline
from pteri.domain.facts import Facts
from pteri.domain.guards import freeze_by_link
from pteri.domain.policy import decide
from pteri.domain.records import RecordedEvent
from pteri.domain.rows import Row, row_of, row_of_link, row_of_offline
from pteri.domain.rules import Rules
from pteri.domain.tables import IllegalTransition
from pteri.domain.watching import WatchedRules

__all__ = ["CannotReplay", "Replayed", "Replaying", "Signed", "Unsigned", "WhyNot", "decide_watched"]


class CannotReplay(StrEnum):
    """Why an event cannot be decided again, besides what nobody could check of it. Closed; a name is never reused."""

    UNREADABLE = "RECORD_UNREADABLE"
    """The record, or what was signed, cannot be read."""
    HISTORY_BROKEN = "HISTORY_BROKEN"
    """An event before it cannot follow the ones before that: the account is not known."""
    NOT_DECIDED = "NOT_DECIDED"
    """No policy made it: time, an operator's answer, or an approval whose evidence is with a later event."""


WhyNot = CannotReplay | Unchecked


@dataclass(frozen=True, slots=True)
class Signed:
    """A statement that policy saw, with everything that it saw."""

    act: StatementAct
    facts: Facts

    @property
    def purpose(self) -> str:
        """Of the statement."""
        return self.act.purpose

    def decide(self, rules: Rules) -> Decision:
        """What these rules make of it."""
        return decide(self.act, self.facts, rules)

    def row(self, decision: Decision) -> Row:
        """Where in the specification that decision stands."""
        return row_of(self.act, self.facts, decision)


@dataclass(frozen=True, slots=True)
class Unsigned:
    """What counts without a statement: the link in a mail, or a code that a phone prepared."""

    event: FrozenByLink | SignedInOffline
    account: Account

    @property
    def purpose(self) -> str:
        """What it is, in words: it is no statement."""
        return LINK if isinstance(self.event, FrozenByLink) else OFFLINE

    def decide(self, rules: Rules) -> Decision:
        """What these rules make of it."""
        if isinstance(self.event, FrozenByLink):
            return freeze_by_link(self.account, self.event.at, rules)
        return offline.sign_in(self.event.device, self.account, rules)

    def row(self, decision: Decision) -> Row:
        """Where in the specification that decision stands."""
        return row_of_link(decision) if isinstance(self.event, FrozenByLink) else row_of_offline(decision)


@dataclass(frozen=True, slots=True)
class Replayed:
    """One recorded decision, to be decided by other rules. ``rules``: digest of those by which it was recorded."""

    recorded: RecordedEvent
    seen: Signed | Unsigned
    decision: Decision
    rules: Digest


def decide_watched(seen: Signed | Unsigned, rules: Rules) -> tuple[Decision, tuple[str, ...]]:
    """What these rules make of it, and which of them were looked at."""
    watched = WatchedRules(rules)
    return seen.decide(watched.as_rules()), watched.read


class Replaying:
    """The events of one account in order of ``seq``, each as the case that policy saw."""

    def __init__(self, *, site: Tenant | None) -> None:
        self._site, self._past = site, Past()
        self._broken = False
        self._seq = 0

    @property
    def past(self) -> Past:
        """What is known until the last event that was taken."""
        return self._past

    def take(self, recorded: RecordedEvent) -> Replayed | WhyNot:
        """The next event: what policy decided there, or why that cannot be decided again. After a gap nothing can."""
        if recorded.seq != self._seq + 1:
            self._broken = True
        self._seq = recorded.seq
        if self._broken:
            return CannotReplay.HISTORY_BROKEN
        found = self._decided(recorded)
        try:
            self._past.take(recorded.event)
        except IllegalTransition:
            self._broken = True
            return CannotReplay.HISTORY_BROKEN
        return found

    def _decided(self, recorded: RecordedEvent) -> Replayed | WhyNot:
        event, evidence, before = recorded.event, recorded.evidence, self._past.before
        if isinstance(event, FrozenByLink | SignedInOffline):
            return CannotReplay.HISTORY_BROKEN if before.account is None else _unsigned(recorded, event, before.account)
        if purpose_of(event) is None:
            return CannotReplay.NOT_DECIDED
        if evidence is None:
            return CannotReplay.UNREADABLE
        if self._site is None:
            return Unchecked.NO_TENANT
        try:
            act, signer = claimed(event, evidence, before, self._site)
            account = seen_by_policy(event, act, evidence.circumstances.at, before)
        except ProtocolError:
            return CannotReplay.UNREADABLE
        except NotOfThisEvent:
            return CannotReplay.HISTORY_BROKEN
        if isinstance(account, Unchecked):
            return account
        seen = Signed(act, Facts(account, evidence.circumstances, signer))
        return Replayed(recorded, seen, evidence.decision, evidence.rules)


def _unsigned(recorded: RecordedEvent, event: FrozenByLink | SignedInOffline, account: Account) -> Replayed:
    """Only what was permitted is recorded of these."""
    by_link = isinstance(event, FrozenByLink)
    decision = Permit(Reason.FROZEN) if by_link else Permit(Reason.OFFLINE_CODE, Level.REDUCED)
    return Replayed(recorded, Unsigned(event, account), decision, event.rules)
