"""The loops of a running service: a bug ends a loop, and is heard of then."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from structlog.testing import capture_logs

from pteri.adapters.smtp import SmtpCourier
from pteri.adapters.system import SystemEntropy
from pteri.adapters.vault import DeploymentVault
from pteri.app.event_desk import EventDesk
from pteri.app.loops import Stopping
from pteri.app.ports import StoreUnavailable
from pteri.core import ids
from pteri.core.ids import Domain, TenantId
from pteri.core.keys.secret import Secret
from pteri.operator_settings import OperatorSettings
from pteri.settings import NoticesSettings, ServerSettings, Settings, SettingsError, TenantSettings
from pteri.wiring import check_key, courier_of, event_desk_of, operators_of, start_loops
from world import World

if TYPE_CHECKING:
    from pteri.app.operators import Operator
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


def _told_by(settings: Settings) -> EventDesk | None:
    async def started() -> EventDesk | None:
        async with AsyncExitStack() as opened:
            return event_desk_of(settings, SystemEntropy(), opened)

    return asyncio.run(started())


def test_operators_of_the_settings_are_asked_for_the_tenants_that_they_serve(tmp_path: Path) -> None:
    """And for nobody else; the one that may see tokens is the one that says so."""
    key = tmp_path / "operator.key"
    key.touch(mode=0o600)
    key.write_text(ids.to_base64url(bytes(31) + b"\1") + "\n")

    def operator(name: str, **more: Any) -> OperatorSettings:
        return OperatorSettings(
            name=name,
            api_url="https://api.operator.example",
            token_url="https://auth.operator.example/token",
            client_id="bank-1",
            key_file=key,
            audience="https://auth.operator.example",
            **more,
        )

    settings = Settings(
        server=ServerSettings(
            public_origin="https://id.bank.example",
            host="127.0.0.1",
            port=443,
            database=tmp_path / "pteri.sqlite",
            deployment_key_file=tmp_path / "deployment.key",
        ),
        tenants=tuple(
            TenantSettings(id=TenantId(name), domain=Domain(f"{name}.example"), network="test", client_keys=())
            for name in ("bank", "shop")
        ),
    )
    asked = (operator("alpha", possession="jwt-bearer", tenants=("bank",)), operator("beta", tenants=("bank",)))

    async def started() -> dict[TenantId, Operator]:
        async with AsyncExitStack() as opened:
            return operators_of(msgspec.structs.replace(settings, operators=asked), SystemEntropy(), opened)

    assert list(asyncio.run(started())) == ["bank"]
    assert _told_by(settings) is None
    desk = _told_by(msgspec.structs.replace(settings, operators=(operator("alpha", subscribe=True), asked[1])))
    assert desk is not None
    assert {tenant: sorted(names) for tenant, names in desk.subscribers.items()} == {
        "bank": ["alpha", "beta"],
        "shop": ["alpha"],
    }
    assert desk.wanted == {"alpha"}, "the other one is known, so that it can be told to stop"
    key.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        asyncio.run(started())
    with pytest.raises(SettingsError, match="chmod 600"):
        _told_by(msgspec.structs.replace(settings, operators=asked))
