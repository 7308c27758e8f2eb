from __future__ import annotations

from pathlib import Path

import pytest

from world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fresh service with two tenants, an empty registry and a clock that stands still."""
    return World(tmp_path)
