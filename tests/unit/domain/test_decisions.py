from __future__ import annotations

from itertools import pairwise

import pytest

from pteri.domain.decisions import Decision, Hold, Level, Permit, Reason, Refuse, permissiveness

FROM_LEAST_TO_MOST: list[Decision] = [
    Refuse(Reason.STALE_EPOCH),
    Hold(Reason.LINE_CHANGED_HOLD, until=2**40),
    Hold(Reason.RECOVERY_HOLD, until=100),
    Hold(Reason.SECURITY_DELAY, until=99),
    Permit(Reason.LINE_NOT_CONFIRMED, Level.REDUCED),
    Permit(Reason.BOTH_KEYS, Level.FULL),
]


def test_decisions_are_ordered_by_what_they_give() -> None:
    for less, more in pairwise(FROM_LEAST_TO_MOST):
        assert permissiveness(less) < permissiveness(more)


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_gives_nothing_by_itself(reason: Reason) -> None:
    assert permissiveness(Refuse(reason)) == permissiveness(Refuse(Reason.NOT_OFFERED))
    assert permissiveness(Hold(reason, 7)) == permissiveness(Hold(Reason.SECURITY_DELAY, 7))


def test_a_permission_is_full_unless_it_says_otherwise() -> None:
    assert Permit(Reason.HOLD_OVER).level is Level.FULL


def test_the_reasons_are_a_closed_list_of_names_that_mean_themselves() -> None:
    assert all(reason.name == reason.value for reason in Reason)
    assert set(Reason) == {
        "ACCOUNT_NOT_OPEN",
        "ALREADY_BOUND",
        "ALREADY_SPOKEN",
        "BACKUP_CHECK_DUE",
        "BOTH_KEYS",
        "LINE_GONE",
        "NO_LINE",
        "REBIND_INSTEAD",
        "CHANGE_WAITS",
        "CONTESTED",
        "DELAYED",
        "DEVICE_NOT_ACTIVE",
        "DEVICE_ON_PROBATION",
        "DEVICE_TOMBSTONED",
        "EVIDENCE_HOLD",
        "FREEZES_SPENT",
        "FROZEN",
        "HOLD_OVER",
        "LAST_DEVICE",
        "LINE_CHANGED_HOLD",
        "LINE_NOT_CONFIRMED",
        "MIGRATION_OPEN",
        "NEW_WALLET_NEEDED",
        "NOTHING_TO_ACCEPT",
        "NOTHING_TO_VETO",
        "NOT_AN_OFFICER",
        "NOT_A_GUARDIAN",
        "NOT_OFFERED",
        "OFFLINE_CODE",
        "PROTECTION_HOLD",
        "CHANNELS_HOLD",
        "RECOVERY_HOLD",
        "RECOVERY_OPEN",
        "RECOVERY_STOPPED",
        "SECURITY_DELAY",
        "STALE_EPOCH",
        "STOPPED",
        "UNKNOWN_TARGET",
        "VETO_INSTEAD",
        "VETO_SPENT",
        "WALLET_TOMBSTONED",
        "WEAK_EVIDENCE",
        "WRONG_APPROVAL",
        "WRONG_CODE_KEY",
        "WRONG_LINE",
        "WRONG_WALLET",
    }
