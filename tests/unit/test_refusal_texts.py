"""What a phone hears when policy says no: which reason, what happened, and what to do next."""

from __future__ import annotations

import pytest

from pteri.app.committing import refused
from pteri.core.wire import Decided
from pteri.domain.decisions import Reason

YES = {Reason.BOTH_KEYS, Reason.LINE_NOT_CONFIRMED, Reason.BACKUP_CHECK_DUE, Reason.HOLD_OVER}
REFUSING = [reason for reason in Reason if reason not in YES]


@pytest.mark.parametrize("reason", REFUSING)
def test_every_refusal_has_its_code_and_a_sentence_without_one(reason: Reason) -> None:
    told = refused(Decided("refuse", reason, False))
    assert told.code is reason
    assert told.detail.endswith(".")
    assert "_" not in told.detail


def test_who_removes_the_last_phone_hears_to_add_another_one_first() -> None:
    assert "Add another one first" in refused(Decided("refuse", Reason.LAST_DEVICE, False)).detail
