"""Abuse cases hold whatever the registry is kept in."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["sqlite", "postgres"])
def kept_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)
