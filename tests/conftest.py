from __future__ import annotations

from pathlib import Path

import pytest

from pteri.settings import read_environment
from world import World


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With ``CI=true`` a skipped test is a failure: what was meant to be shown was not."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not read_environment().ci:
        return
    if skipped := reporter.stats.get("skipped", []):
        reporter.write_line(f"{len(skipped)} skipped, and CI=true: that is a failure", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fresh service with two tenants, an empty registry and a clock that stands still."""
    return World(tmp_path)
