"""The loops of a running service: a bug ends a loop, and is heard of then; stopping still releases the database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest
from structlog.testing import capture_logs

from pteri.adapters.vault import DeploymentVault
from pteri.core.keys.secret import Secret
from pteri.settings import SettingsError
from pteri.wiring import check_key, served
from world import World

if TYPE_CHECKING:
    from pteri.app.ports import Store


class BuggyStore:
    """The real store, but for a sequencer that is wrong; it says whether it was closed."""

    def __init__(self, store: Store) -> None:
        self._store, self.closed = store, False

    async def sequence(self, limit: int) -> int:
        raise LookupError(f"a bug, and a secret that no log may show: {limit}")

    async def close(self) -> None:
        self.closed = True
        await self._store.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def lived(world: World) -> list[str]:
    """Start the application, let its loops take some turns, stop it; what it told its server before the stop."""
    told: list[str] = []
    said: asyncio.Queue[Any] = asyncio.Queue()

    async def send(message: Any) -> None:
        told.append(message["type"])

    service = served(world.deployment, requests_per_minute=60)({"type": "lifespan"}, said.get, send)
    running = asyncio.ensure_future(service)
    await said.put({"type": "lifespan.startup"})
    with capture_logs() as heard:
        for _ in range(20):
            await asyncio.sleep(0)
    await said.put({"type": "lifespan.shutdown"})
    await asyncio.gather(running, return_exceptions=True)
    assert told[0] == "lifespan.startup.complete"
    return [f"{entry['event']} {entry['loop']} {entry['error']}" for entry in heard]


def test_a_loop_that_ends_by_a_bug_says_so_while_the_service_runs(world: World) -> None:
    store = BuggyStore(world.deployment.store)
    world.deployment = replace(world.deployment, store=cast("Store", store))
    assert world.run(lived(world)) == ["loop_ended sequence LookupError"]
    assert store.closed


def test_loops_without_a_bug_end_in_silence_when_the_service_stops(world: World) -> None:
    assert world.run(lived(world)) == []


def test_a_database_starts_under_the_key_that_made_it_and_no_other(world: World) -> None:
    world.run(check_key(world.deployment))
    world.run(check_key(world.deployment))
    other = replace(world.deployment, vault=DeploymentVault(Secret(bytes(31) + b"x"), world.deployment.entropy))
    with pytest.raises(SettingsError, match="another deployment key"):
        world.run(check_key(other))
