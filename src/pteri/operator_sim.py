"""``pteri operator-sim``: a simulated mobile operator as a process, on loopback, for a bounded time."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Final

import uvicorn

from pteri import durable
from pteri.adapters.system import SystemClock, SystemEntropy, self_test
from pteri.adapters.telecom.sim_server import simulator_app
from pteri.adapters.telecom.simulated import SimulatedNetwork
from pteri.adapters.telecom.simulated_camara import SimulatedCamara
from pteri.core import ids
from pteri.core.keys.device import RANDOM_BYTES, DevicePrivateKey
from pteri.operator_settings import read_client_key
from pteri.settings import SettingsError

__all__ = ["CLIENT_ID", "simulate"]

CLIENT_ID: Final = "pteri"
_KEY_FILE: Final = "operator-client.key"
_LOUD: Final = """\
THIS IS A SIMULATOR. No operator, no line and no phone behind it is real. It stops by itself in {for_s} s.

Ask it from a service with these settings:

[[operators]]
name = "simulated"
api_url = "{issuer}"
token_url = "{issuer}/token"
start_url = "{issuer}/bc-authorize"
client_id = "{client}"
key_file = {key_file}
audience = "{issuer}"
possession = "ciba"
keys = ["{key}"]

At the desk a SIM is swapped with:
curl -H 'content-type: application/json' -d '{{"number": "+4915112345678", "phone": "b"}}' {issuer}/desk/swap
"""


def simulate(directory: Path, *, port: int, for_s: int) -> None:
    """Answer on 127.0.0.1 for ``for_s`` seconds, or until Ctrl-C. ``SettingsError`` for what keeps it from starting."""
    entropy = SystemEntropy()
    self_test(entropy)
    client = _client_key(directory, entropy.draw(RANDOM_BYTES))
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise SettingsError(f"Cannot listen on port {port}: {error.strerror}. Set another one with --port.") from error
    issuer = f"http://127.0.0.1:{port}"
    camara = SimulatedCamara(
        SimulatedNetwork(),
        issuer=issuer,
        clients={CLIENT_ID: client.public},
        random=entropy.draw(RANDOM_BYTES),
        entropy=entropy,
    )
    key_file = ids.to_base64url(camara.key.public.sec1)
    quoted = '"' + str((directory / _KEY_FILE).absolute()).replace("\\", "\\\\").replace('"', '\\"') + '"'
    sys.stdout.write(_LOUD.format(for_s=for_s, issuer=issuer, client=CLIENT_ID, key_file=quoted, key=key_file))
    sys.stdout.flush()
    config = uvicorn.Config(
        simulator_app(camara, SystemClock(), entropy),
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
    )
    with listener:
        asyncio.run(_until(uvicorn.Server(config), listener, for_s))


async def _until(server: uvicorn.Server, listener: socket.socket, for_s: int) -> None:
    def end() -> None:
        server.should_exit = True

    asyncio.get_running_loop().call_later(for_s, end)
    await server.serve([listener])


def _client_key(directory: Path, random: bytes) -> DevicePrivateKey:
    """The key with which a service comes to this operator; made the first time."""
    path = directory / _KEY_FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            made = DevicePrivateKey.from_random(random)
            durable.create(path, (ids.to_base64url(made.secret.reveal()) + "\n").encode())
        return read_client_key(path)
    except OSError as error:
        raise SettingsError(f"Cannot keep a client key in {directory}: {error.strerror}.") from error
    except ValueError as error:
        raise SettingsError(f"Nothing was started: {error}. Move it away, and a new one is made.") from error
