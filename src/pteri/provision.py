"""A new service on disk: the dangerous things, made by their own command and never implicitly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pteri import durable
from pteri.adapters.system import SystemEntropy, self_test
from pteri.core import ids
from pteri.core.keys.device import RANDOM_BYTES, DevicePrivateKey
from pteri.core.keys.network import network_named
from pteri.deployment_key import KEY_BYTES, create_deployment_key
from pteri.settings import ServerSettings, Settings, SettingsError, TenantSettings, write_settings

__all__ = ["Provisioned", "provision"]


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
    public_port: int | None = None,
    clock_file: Path | None = None,
) -> Provisioned:
    """Settings, deployment key and client key in a new directory. It overwrites nothing.

    ``public_port``: where a proxy in front listens. ``clock_file``: only for a demo, whose settings say that it is
    simulated.
    """
    # Names first: a typing mistake must not leave half a service behind.
    names = ids.tenant_id(tenant), ids.domain(domain), network_named(network).name
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"Cannot make {directory}: {error.strerror}.") from error
    # The settings file counts relative paths from its own folder; an absolute one means the same everywhere.
    directory = directory.absolute()
    entropy = SystemEntropy()
    self_test(entropy)
    client = DevicePrivateKey.from_random(entropy.draw(RANDOM_BYTES))
    settings = Settings(
        server=ServerSettings(
            public_origin=f"http://127.0.0.1:{public_port or port}",
            host="127.0.0.1",
            port=port,
            database=directory / "pteri.sqlite3",
            deployment_key_file=directory / "deployment.key",
            simulated=clock_file is not None,
            clock_file=clock_file,
        ),
        tenants=(
            TenantSettings(
                id=names[0],
                domain=names[1],
                network=names[2],  # type: ignore[arg-type]  # one of the three names, just looked up
                client_keys=(ids.to_base64url(client.public.sec1),),
            ),
        ),
    )
    made = Provisioned(directory / "pteri.toml", directory / "client.key")
    if made.settings.exists() or made.client_key_file.exists():
        raise SettingsError(f"There is a service in {directory} already. Nothing was changed.")
    create_deployment_key(settings.server.deployment_key_file, entropy.draw(KEY_BYTES))
    durable.create(made.client_key_file, (ids.to_base64url(client.secret.reveal()) + "\n").encode())
    write_settings(made.settings, settings)
    return made
