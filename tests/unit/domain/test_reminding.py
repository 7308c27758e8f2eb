"""When an owner is reminded, and of what no more."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

import quarrels
from builders import TENANT, account_id, digest
from ledger import DAY, HOUR, Ledger
from pteri.domain.decisions import Hold, Permit, Reason
from pteri.domain.records import Notice, NoticeKind
from pteri.domain.reminding import ends_of_waits, is_to_be_told, reminder_instants
from quarrels import OTHER_CODE, case_of, claim, rotate, spoken_for, veto
from stories import guarded


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (72, (24, 48, 71)),
        (7 * 24, (24, 48, 167)),
        (48, (24, 47)),
        (49, (24, 48)),  # two of them in one second are one
        (24, (23,)),
        (25, (24,)),
        (1, ()),
        (0, ()),
    ],
)
def test_reminders_lie_between_the_beginning_and_the_end(hours: int, expected: tuple[int, ...]) -> None:
    began_at = 1_000_000
    instants = reminder_instants(began_at, began_at + hours * HOUR)
    assert instants == tuple(began_at + hour * HOUR for hour in expected)


def reminder(ledger: Ledger) -> Notice:
    """Of the one thing that waits in this account."""
    [(case, until)] = ends_of_waits(ledger.now(), ledger.at).items()
    return Notice(
        "id", TENANT, account_id(), ledger.at, NoticeKind.RECOVERY_STARTED, "four words", until, case, reminder=True
    )


def is_told(notice: Notice, ledger: Ledger) -> bool:
    return is_to_be_told(notice, ledger.settled()[0], ledger.at)


WAITS: dict[str, Callable[[Ledger], object]] = {
    "a claim": lambda ledger: claim(ledger, 3, "W"),
    "another wallet": lambda ledger: rotate(ledger, 1),
    "other codes": lambda ledger: quarrels.protect(ledger, 1, None, OTHER_CODE),
    "a new phone": lambda ledger: ledger.approve(1, 3),
    "a removed phone": lambda ledger: ledger.revoke(1, 2),
}


@pytest.mark.parametrize("begin", WAITS.values(), ids=WAITS)
def test_what_waits_is_reminded_of_until_it_is_over(begin: Callable[[Ledger], object]) -> None:
    ledger = guarded()
    assert ends_of_waits(ledger.now(), ledger.at) == {}
    begin(ledger)
    notice = reminder(ledger)
    assert is_told(notice, ledger)
    ledger.wait(30 * DAY)
    assert not is_told(notice, ledger)


def test_nobody_is_told_before_it_is_time() -> None:
    ledger = guarded()
    claim(ledger, 3, "W")
    notice = msgspec.structs.replace(reminder(ledger), at=ledger.at + 1)
    assert not is_told(notice, ledger)
    assert is_told(notice, ledger.wait(1))


def test_what_was_stopped_is_reminded_of_no_more() -> None:
    ledger = guarded()
    claim(ledger, 3, "W")
    notice = reminder(ledger)
    assert veto(ledger, 1) == Permit(Reason.STOPPED)
    assert not is_told(notice, ledger)


def test_what_was_delayed_is_reminded_of_with_its_new_end_only() -> None:
    ledger = guarded()
    spoken_for(ledger, "G", 3)
    assert isinstance(claim(ledger, 3, "WG"), Hold)
    before = reminder(ledger)
    assert veto(ledger, 1, case_of(ledger)) == Permit(Reason.DELAYED)
    after = reminder(ledger)
    assert (is_told(before, ledger), is_told(after, ledger)) == (False, True)
    assert after.until == (before.until or 0) + DAY


def test_a_reminder_of_nothing_is_not_told() -> None:
    ledger = guarded()
    claim(ledger, 3, "W")
    for case in (None, digest("another case")):
        assert not is_told(msgspec.structs.replace(reminder(ledger), case=case), ledger)


def test_what_happened_is_told_whatever_came_of_it() -> None:
    ledger = guarded()
    claim(ledger, 3, "W")
    notice = msgspec.structs.replace(reminder(ledger), reminder=False)
    assert is_told(notice, ledger.wait(30 * DAY))
