"""Everything under a running service is killed once, while people sign in: nothing acknowledged is lost or doubled.

The short form of ``python -m bench.faults``, which takes longer, and fills the disk as well.
"""

from __future__ import annotations

import asyncio

import pytest
from bench.faults import trial

pytestmark = pytest.mark.slow


def test_what_was_acknowledged_is_there_once_after_the_database_a_service_and_a_worker_were_killed() -> None:
    faults = ["kill_postgres", "kill_service", "kill_worker", "cut_lines"]
    outcome = asyncio.run(trial(seed=1, faults=faults, clients=4))
    assert outcome.faults == dict.fromkeys(faults, 1)
    assert outcome.fsck["findings"] == []
    assert outcome.nothing_is_lost
    assert outcome.fsck["acknowledged"] == outcome.acknowledged > 0
    # Whoever got no answer asked again, and was answered in the end.
    assert outcome.load["refused"] == {}
