from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postgres import PostgresServer, running
from pteri.settings import read_environment
from world import World
from worlds import Worlds


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With ``CI=true`` a skipped test is a failure: what was meant to be shown was not."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not read_environment().ci:
        return
    if skipped := reporter.stats.get("skipped", []):
        reporter.write_line(f"{len(skipped)} skipped, and CI=true: that is a failure", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The PostgreSQL of this test process. It starts for the first test that asks for it."""
    with running() as server:
        yield server


@pytest.fixture
def kept_in() -> str:
    """What the worlds of a test keep their registry in. A suite that must hold on both databases overrides it."""
    return "sqlite"


@pytest.fixture
def worlds(kept_in: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Worlds]:
    """Makes services with two tenants each, an empty registry and a clock that stands still."""
    server = request.getfixturevalue("postgres_server") if kept_in == "postgres" else None
    with Worlds(tmp_path, server) as made:
        yield made


@pytest.fixture
def world(worlds: Worlds) -> World:
    """One of them."""
    return worlds()
