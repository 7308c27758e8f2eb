"""A real server process on one file is killed with SIGKILL under load: nothing acknowledged is lost or half done."""

from __future__ import annotations

import asyncio

import pytest
from bench.faults import trial

pytestmark = pytest.mark.slow

KILLS = 3


def test_a_killed_server_has_kept_every_acknowledged_sign_in() -> None:
    outcome = asyncio.run(trial(seed=1, faults=["kill_service"] * KILLS, clients=4, sqlite=True))
    assert outcome.faults == {"kill_service": KILLS}
    assert outcome.fsck["findings"] == []
    assert outcome.nothing_is_lost
    assert outcome.fsck["acknowledged"] == outcome.acknowledged > 0
    # Whoever got no answer asked again, and was answered in the end.
    assert outcome.load["refused"] == {}
