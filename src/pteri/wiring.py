"""The composition root of the server: settings in, a running service out. The one place that knows every adapter."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import structlog

from pteri.adapters.store.grouped import GroupedStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.adapters.system import SteppedClock, SystemClock, SystemEntropy, self_test
from pteri.adapters.telecom.silent import SilentOperator
from pteri.adapters.vault import DeploymentVault
from pteri.app.deployment import Deployment, Tenant
from pteri.app.forget import forget_old
from pteri.app.loops import pull
from pteri.app.sequence import catch_up
from pteri.core import ids
from pteri.core.ids import TenantId
from pteri.core.keys.device import DeviceKey
from pteri.core.keys.network import network_named
from pteri.deployment_key import read_deployment_key
from pteri.domain.rules import RulesError, rules_from
from pteri.http.admission import Limits
from pteri.http.app import build_app
from pteri.http.ratelimit import Rate
from pteri.settings import Settings, SettingsError, TenantSettings

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import ASGIApp

__all__ = ["check_key", "compose", "served"]

_log = structlog.get_logger("pteri")

_SEQUENCE_EVERY_S: Final = 0.25
_FORGET_EVERY_S: Final = 600.0


def compose(settings: Settings) -> Deployment:
    """Open the database and put the service together. ``SettingsError`` says what to mend."""
    entropy = SystemEntropy()
    self_test(entropy)
    try:
        rules = rules_from(settings.rules)
    except RulesError as error:
        raise SettingsError(str(error)) from error
    server = settings.server
    return Deployment(
        store=GroupedStore(SqliteStore.open(server.database)),
        clock=SystemClock() if server.clock_file is None else SteppedClock(server.clock_file),
        entropy=entropy,
        vault=DeploymentVault(read_deployment_key(server.deployment_key_file), entropy),
        line=SilentOperator(),
        rules=rules,
        tenants={tenant.id: _tenant(tenant) for tenant in settings.tenants},
        public_origin=server.public_origin,
    )


async def check_key(deployment: Deployment) -> None:
    """Refuse a database that was made under another deployment key: every keyed hash in it would miss.

    Without this a swapped key would start in silence, and every login could be bound a second time.
    """
    mark = ids.to_base64url(deployment.vault.derive("key-check", TenantId("pteri"), "1"))
    pinned = await deployment.store.pin("deployment key", mark)
    if not hmac.compare_digest(pinned.encode(), mark.encode()):
        raise SettingsError("This database was made with another deployment key. Restore that key.")


def _tenant(settings: TenantSettings) -> Tenant:
    keys = [DeviceKey.from_sec1(ids.from_base64url(text)) for text in settings.client_keys]
    return Tenant(
        id=settings.id,
        domain=settings.domain,
        network=settings.network,
        chain=network_named(settings.network).chain_id,
        client_keys={key.thumbprint: key for key in keys},
    )


def served(deployment: Deployment, *, requests_per_minute: int) -> ASGIApp:
    """The application with its pull loops: they start with it and stop with it."""
    limits = Limits(rate=Rate("all", requests_per_minute, 60.0))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stop = asyncio.Event()
        store, clock = deployment.store, deployment.clock
        loops = asyncio.gather(
            _loud("sequence", pull(lambda: catch_up(store), stop, every_s=_SEQUENCE_EVERY_S)),
            _loud("forget", pull(lambda: forget_old(store, clock.now()), stop, every_s=_FORGET_EVERY_S)),
        )
        try:
            yield
        finally:
            stop.set()
            try:
                await loops
            finally:
                await deployment.store.close()

    return build_app(deployment, version=version("pteri"), limits=limits, lifespan=lifespan)


async def _loud(name: str, loop: Awaitable[None]) -> None:
    """A bug ends a loop and says so then, not when the service stops: until then events would get no log position."""
    try:
        await loop
    except Exception as error:
        _log.critical("loop_ended", loop=name, error=type(error).__name__)
        raise
