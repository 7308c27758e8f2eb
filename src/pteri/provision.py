"""A new service on disk: the dangerous things, made by their own command and never implicitly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pteri import durable
from pteri.adapters.system import SystemEntropy, self_test
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.keys.device import RANDOM_BYTES, DevicePrivateKey
from pteri.core.keys.network import network_named
from pteri.database import Database, database_from
from pteri.deployment_key import KEY_BYTES, create_deployment_key
from pteri.settings import ServerSettings, Settings, SettingsError, TenantSettings, write_settings

__all__ = ["Provisioned", "provision"]

_HTTP_PORT: Final = 80
_SQLITE_FILE: Final = "pteri.sqlite3"


@dataclass(frozen=True, slots=True)
class Provisioned:
    """Where things are."""

    settings: Path
    client_key_file: Path


def provision(
    directory: Path,
    *,
    domain: str,
    tenant: str,
    network: str,
    port: int,
    clock_file: Path | None = None,
    database: str = _SQLITE_FILE,
) -> Provisioned:
    """Settings, deployment key and client key in a new directory. It overwrites nothing.

    ``clock_file``: only for a demo, whose settings say that it is simulated. ``database``: a path from the new
    directory on, or ``postgresql://...``; nobody is connected to here.
    """
    # The settings file counts relative paths from its own folder; an absolute one means the same everywhere.
    directory = directory.absolute()
    entropy = SystemEntropy()
    self_test(entropy)
    client = DevicePrivateKey.from_random(entropy.draw(RANDOM_BYTES))
    # Every value first: a typing mistake must not leave half a service behind.
    try:
        server = _server(directory, port, database_from(directory, database), clock_file)
        site = TenantSettings(
            id=ids.tenant_id(tenant),
            domain=ids.domain(domain),
            network=network_named(network).name,  # type: ignore[arg-type]  # one of the three names, just looked up
            client_keys=(ids.to_base64url(client.public.sec1),),
        )
    except ProtocolError as error:
        raise SettingsError(f"Nothing was made: {error.detail}.") from error
    except ValueError as error:
        raise SettingsError(f"Nothing was made: {error}.") from error
    settings = Settings(server=server, tenants=(site,))
    made = Provisioned(directory / "pteri.toml", directory / "client.key")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"Cannot make {directory}: {error.strerror}.") from error
    if made.settings.exists() or made.client_key_file.exists():
        raise SettingsError(f"There is a service in {directory} already. Nothing was changed.")
    create_deployment_key(server.deployment_key_file, entropy.draw(KEY_BYTES))
    durable.create(made.client_key_file, (ids.to_base64url(client.secret.reveal()) + "\n").encode())
    write_settings(made.settings, settings)
    return made


def _server(directory: Path, port: int, database: Database, clock_file: Path | None) -> ServerSettings:
    # Settings made here pass no decoder that would look at the range.
    if not 1 <= port <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return ServerSettings(
        public_origin="http://127.0.0.1" + ("" if port == _HTTP_PORT else f":{port}"),
        host="127.0.0.1",
        port=port,
        database=database,
        deployment_key_file=directory / "deployment.key",
        simulated=clock_file is not None,
        clock_file=clock_file,
    )
