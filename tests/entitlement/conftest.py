"""One TS.43 entitlement server for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ts43ecs.tools.ecs_testbed import EcsServerHandle

from authorization import AuthorizationServer, installed, running
from carrier import Carrier, EntitledNetwork, running_server
from operators import OUR_KEY


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def entitlement_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EcsServerHandle]:
    with running_server(tmp_path_factory.mktemp("entitlement")) as server:
        yield server


@pytest.fixture(scope="session")
def _stocked(entitlement_server: EcsServerHandle) -> Carrier:
    carrier = Carrier(entitlement_server, EntitledNetwork(entitlement_server.base_url))
    carrier.stocks()
    return carrier


@pytest.fixture
def carrier(_stocked: Carrier) -> Carrier:
    """An operator whose lines nobody else in the run knows; SIMs are never the same ones."""
    fresh = Carrier(_stocked.server, EntitledNetwork(_stocked.server.base_url))
    fresh._sims = _stocked._sims
    return fresh


@pytest.fixture(scope="session")
def authorization_server(
    entitlement_server: EcsServerHandle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthorizationServer]:
    program = installed(tmp_path_factory.mktemp("authorization"))
    with running(program, OUR_KEY.public, entitlement_server.base_url) as server:
        yield server
