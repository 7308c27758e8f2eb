"""Which rules a decision looks at."""

from __future__ import annotations

import msgspec
import pytest

import quarrels
from ledger import opened
from pteri.core.acts import StatementAct
from pteri.domain.decisions import Decision, Hold, Reason
from pteri.domain.facts import Facts, LineStatus
from pteri.domain.policy import decide
from pteri.domain.rules import Rules
from pteri.domain.watching import WatchedRules
from stories import STORIES, acts_on


def decide_watched(act: StatementAct, facts: Facts, rules: Rules) -> tuple[Decision, tuple[str, ...]]:
    watched = WatchedRules(rules)
    return decide(act, facts, watched.as_rules()), watched.read


def test_a_sign_in_looks_at_its_backup_check_and_a_migration_at_its_delay() -> None:
    ledger = opened()
    facts = ledger.facts(ledger.now())
    assert decide_watched(ledger.authenticate(1), facts, Rules())[1] == ("backup_check_s",)
    decision, read = decide_watched(ledger.approval(1, 2), facts, Rules(migration_hold_s=7200))
    assert (decision, read) == (Hold(Reason.SECURITY_DELAY, ledger.at + 7200), ("migration_hold_s",))


def test_a_claim_after_a_change_of_the_line_looks_at_the_longer_wait_only() -> None:
    ledger = opened()
    for line, rule in (
        (LineStatus.UNKNOWN, "recovery_hold_s"),
        (LineStatus.CHANGED, "recovery_hold_line_changed_s"),
    ):
        assert decide_watched(ledger.claim(3), ledger.facts(ledger.now(), line), Rules())[1] == (
            "recovery_blocked_s",
            rule,
        )


def test_rules_are_named_in_the_order_in_which_they_were_read_and_once() -> None:
    watched = WatchedRules(Rules())
    assert (watched.freezes, watched.freeze_s, watched.freezes) == (2, 86_400, 2)
    with pytest.raises(AttributeError):
        _ = watched.grace_s
    assert watched.read == ("freezes", "freeze_s")


@pytest.mark.slow
@pytest.mark.parametrize("story", ["two phones", "guarded", "frozen twice", "recovery stopped", "another wallet waits"])
def test_watching_changes_no_decision_and_a_rule_that_was_not_read_does_not_matter(story: str) -> None:
    ledger = STORIES[story]()
    account = ledger.settled()[0]
    for attempt in acts_on(ledger):
        facts = attempt.facts(ledger, account)
        decision, read = decide_watched(attempt.act, facts, ledger.rules)
        assert decision == decide(attempt.act, facts, ledger.rules)
        others = {name: getattr(ledger.rules, name) + 7 for name in Rules.__struct_fields__ if name not in read}
        assert decide(attempt.act, facts, msgspec.structs.replace(ledger.rules, **others)) == decision


def test_a_freeze_by_the_wallet_alone_looks_at_how_often_it_may() -> None:
    ledger = STORIES["frozen twice, and over"]()
    facts = ledger.facts(ledger.settled()[0], signer=quarrels.signed_by(ledger))
    assert decide_watched(quarrels.freezing(ledger, 9), facts, Rules())[1] == ("freezes_window_s", "freezes")
