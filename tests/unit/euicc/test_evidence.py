"""Every message of ``chip_cases``: what is right is accepted, and every defect is refused with its own code."""

from __future__ import annotations

import pytest

import chip_cases
from pteri.core.errors import MalformedEvidence, NotAuthentic

CASES = chip_cases.all_cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_a_message_and_what_comes_of_it(case: chip_cases.Evidence) -> None:
    if case.code is None:
        assert case.verify().eid.startswith("89")
        return
    with pytest.raises((MalformedEvidence, NotAuthentic)) as refused:
        case.verify()
    assert refused.value.code is case.code


def test_refusals_outnumber_acceptances_and_each_case_has_its_own_reason() -> None:
    accepted = sum(case.code is None for case in CASES)
    assert len(CASES) - accepted > 4 * accepted
    assert len({case.why for case in CASES}) == len(CASES)
