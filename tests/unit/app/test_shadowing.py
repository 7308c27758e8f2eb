"""A policy that only watches: what it tells, how often, and that nothing it does comes in the way."""

from __future__ import annotations

from functools import partial

import pytest

from builders import request_id
from ledger import Ledger, opened
from pteri.app.shadowing import FAILED, Shadow, ShadowNews
from pteri.domain.decisions import Decision, Hold, Level, Permit, Reason, Refuse
from pteri.domain.policy import decide
from pteri.domain.rules import Rules

HOUR = 3600
STRICT = Rules(migration_hold_s=4 * HOUR)


def watching(rules: Rules = STRICT) -> tuple[Shadow, list[ShadowNews]]:
    told: list[ShadowNews] = []
    return Shadow(rules, told.append), told


def approve(shadow: Shadow, ledger: Ledger) -> None:
    act, facts = ledger.approval(1, 2), ledger.facts(ledger.now())
    shadow.look(act.purpose, request_id(), decide(act, facts, ledger.rules), partial(decide, act, facts))


def test_what_both_decide_alike_is_not_told() -> None:
    shadow, told = watching(Rules())
    approve(shadow, opened())
    assert told == []


def test_a_difference_is_told_with_how_much_longer_it_would_wait() -> None:
    shadow, told = watching()
    approve(shadow, opened())
    assert told == [
        ShadowNews(
            purpose="migrate",
            request=request_id(),
            decided="hold SECURITY_DELAY",
            shadow="hold SECURITY_DELAY",
            gives="less",
            longer_s=3 * HOUR,
            times=1,
        )
    ]


@pytest.mark.parametrize(
    ("first", "second", "gives", "longer_s"),
    [
        (Permit(Reason.BOTH_KEYS), Refuse(Reason.LAST_DEVICE), "less", None),
        (Refuse(Reason.FREEZES_SPENT), Permit(Reason.FROZEN), "more", None),
        (Refuse(Reason.LAST_DEVICE), Refuse(Reason.UNKNOWN_TARGET), "the same", None),
        (Hold(Reason.RECOVERY_HOLD, 100), Hold(Reason.RECOVERY_HOLD, 40), "more", -60),
        (Hold(Reason.RECOVERY_HOLD, 100), Permit(Reason.HOLD_OVER), "more", None),
        (Permit(Reason.BOTH_KEYS), Permit(Reason.LINE_NOT_CONFIRMED, Level.REDUCED), "less", None),
    ],
)
def test_it_is_told_whether_it_gives_more_or_less(
    first: Decision, second: Decision, gives: str, longer_s: int | None
) -> None:
    shadow, told = watching()
    shadow.look("revoke", None, first, lambda _: second)
    [news] = told
    assert (news.gives, news.longer_s, news.request) == (gives, longer_s, None)


def test_of_one_kind_the_first_ten_are_told_and_then_fewer_and_fewer() -> None:
    shadow, told = watching()
    for _ in range(100):
        approve(shadow, opened())
    assert [news.times for news in told] == [*range(1, 11), 16, 32, 64]


def test_each_kind_is_counted_by_itself() -> None:
    shadow, told = watching()
    for _ in range(20):
        shadow.look("revoke", None, Permit(Reason.BOTH_KEYS), lambda _: Refuse(Reason.LAST_DEVICE))
    approve(shadow, opened())
    assert (told[-1].purpose, told[-1].times) == ("migrate", 1)


def test_a_bug_in_it_is_told_and_goes_no_further() -> None:
    def fails(_: Rules) -> Decision:
        raise LookupError("a bug, and a secret that no log may show")

    shadow, told = watching()
    shadow.look("migrate", request_id(), Permit(Reason.BOTH_KEYS), fails)
    [news] = told
    assert (news.shadow, news.decided) == (FAILED, "permit BOTH_KEYS")
    assert "secret" not in repr(news)


def test_whoever_hears_of_it_may_fail_too() -> None:
    def deaf(_: ShadowNews) -> None:
        raise OSError("the log is full")

    approve(Shadow(STRICT, deaf), opened())
