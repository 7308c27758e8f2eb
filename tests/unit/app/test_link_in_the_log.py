"""What an auditor sees of a freeze by a link, which nobody signed."""

from __future__ import annotations

import msgspec

from builders import NOW, TENANT, account_id, digest, evidence, opened, request_id
from ledger import DAY, Ledger
from pteri.app.rechecking import Fault, Unchecked
from pteri.app.refolding import Broken, Refolding
from pteri.domain.events import Event, FrozenByLink
from pteri.domain.records import RecordedEvent
from pteri.domain.rules import Rules
from quarrels import freeze
from stories import guarded

RULES = Rules()


def by_link(at: int, *, number: int = 900) -> FrozenByLink:
    return FrozenByLink(at, request_id(number), digest("link"), RULES.digest(), until=at + RULES.freeze_s)


def looked_at(ledger: Ledger, event: Event) -> tuple[set[str], int]:
    """What is said of this event after the history, and how often it was decided under other rules."""
    said: list[tuple[str, int]] = []
    refolding = Refolding(
        TENANT, account_id(), site=None, rules=RULES, note=lambda code, seq, _: said.append((code, seq))
    )
    events = [*ledger.events, event]
    for seq, each in enumerate(events, start=1):
        refolding.take(RecordedEvent(TENANT, account_id(), seq, each))
    return {code for code, seq in said if seq == len(events)}, refolding.unchecked[Unchecked.OTHER_RULES]


def test_a_freeze_by_a_link_needs_no_evidence() -> None:
    ledger = guarded()
    assert looked_at(ledger, by_link(ledger.at)) == (set(), 0)


def test_one_too_many_in_a_week_is_found() -> None:
    ledger = guarded()
    for _ in range(2):
        freeze(ledger)
        ledger.wait(DAY)
    ledger.record(*ledger.settled()[1])
    assert looked_at(ledger, by_link(ledger.at)) == ({Fault.DECISION}, 0)


def test_a_freeze_that_lasts_longer_than_it_may_is_found() -> None:
    ledger = guarded()
    longer = msgspec.structs.replace(by_link(ledger.at), until=ledger.at + 99 * DAY)
    assert looked_at(ledger, longer) == ({Fault.EFFECT}, 0)


def test_of_one_under_other_rules_it_is_said_that_nobody_can_tell() -> None:
    ledger = guarded()
    other = msgspec.structs.replace(by_link(ledger.at), rules=digest("other rules"))
    assert looked_at(ledger, other) == (set(), 1)


def test_one_with_evidence_is_found() -> None:
    said: list[str] = []
    refolding = Refolding(TENANT, account_id(), site=None, rules=RULES, note=lambda code, *_: said.append(code))
    ledger = guarded()
    for seq, each in enumerate(ledger.events, start=1):
        refolding.take(RecordedEvent(TENANT, account_id(), seq, each))
    said.clear()
    seq = len(ledger.events) + 1
    refolding.take(RecordedEvent(TENANT, account_id(), seq, by_link(ledger.at), evidence(opened())))
    assert said == [Fault.UNEXPECTED]


def test_one_before_there_is_an_account_cannot_follow() -> None:
    assert looked_at(Ledger(), by_link(NOW)) == ({Broken.ILLEGAL}, 0)
