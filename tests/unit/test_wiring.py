"""The loops of a running service: a bug ends a loop, and is heard of then."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from structlog.testing import capture_logs

from pteri.adapters.smtp import SmtpCourier
from pteri.adapters.vault import DeploymentVault
from pteri.app.loops import Stopping
from pteri.app.ports import StoreUnavailable
from pteri.core.keys.secret import Secret
from pteri.settings import NoticesSettings, SettingsError
from pteri.wiring import check_key, courier_of, start_loops
from world import World

if TYPE_CHECKING:
    from pteri.app.ports import Store


class BuggyStore:
    """The real store, but for a sequencer that fails."""

    def __init__(self, store: Store, failure: Exception) -> None:
        self._store, self._failure = store, failure

    async def sequence(self, _: int) -> int:
        raise self._failure

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def lived(world: World) -> list[str]:
    """Start the loops, let them take some turns, stop them; what was said meanwhile."""
    stop = Stopping()
    with capture_logs() as heard:
        loops = start_loops(world.deployment, stop)
        for _ in range(20):
            await asyncio.sleep(0)
        stop.set()
        await asyncio.gather(*loops, return_exceptions=True)
    return [" ".join(str(entry[key]) for key in ("event", "loop", "error") if key in entry) for entry in heard]


def test_a_loop_that_ends_by_a_bug_says_so_while_the_service_runs(world: World) -> None:
    store = BuggyStore(world.deployment.store, LookupError("a bug, and a secret that no log may show"))
    world.deployment = replace(world.deployment, store=cast("Store", store))
    assert world.run(lived(world)) == ["loop_ended sequence LookupError"]


def test_a_loop_that_waits_for_the_database_says_so(world: World) -> None:
    store = BuggyStore(world.deployment.store, StoreUnavailable("down, and a secret that no log may show"))
    world.deployment = replace(world.deployment, store=cast("Store", store))
    assert world.run(lived(world)) == ["loop_waits sequence"]


def test_loops_without_a_bug_end_in_silence_when_the_service_stops(world: World) -> None:
    assert world.run(lived(world)) == []


def test_a_mail_password_is_read_at_the_start_and_must_be_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "mail.password"
    settings = NoticesSettings(host="127.0.0.1", sender="w@bank.example", user="pteri", password_file=file)
    with pytest.raises(SettingsError, match="chmod 600"):
        courier_of(settings)
    file.write_text("secret\n")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        courier_of(settings)
    file.chmod(0o600)
    assert isinstance(courier_of(settings), SmtpCourier)


def test_a_database_starts_under_the_key_that_made_it_and_no_other(world: World) -> None:
    world.run(check_key(world.deployment))
    world.run(check_key(world.deployment))
    other = replace(world.deployment, vault=DeploymentVault(Secret(bytes(31) + b"x"), world.deployment.entropy))
    with pytest.raises(SettingsError, match="another deployment key"):
        world.run(check_key(other))
