"""``pteri operator-sim``: a simulated mobile operator as a process, on loopback, for a bounded time."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Final

import uvicorn

from pteri import durable
from pteri.adapters.system import ClockFileError, SteppedClock, SystemClock, SystemEntropy, self_test
from pteri.adapters.telecom.camara.transport import HttpTransport
from pteri.adapters.telecom.sim_server import simulator_app
from pteri.adapters.telecom.simulated import SimulatedNetwork
from pteri.adapters.telecom.simulated_camara import SimulatedCamara
from pteri.app.ports import Clock
from pteri.core import ids
from pteri.core.keys.device import RANDOM_BYTES, DevicePrivateKey
from pteri.operator_settings import read_client_key
from pteri.settings import SettingsError

__all__ = ["CLIENT_ID", "simulate"]

CLIENT_ID: Final = "pteri"
_KEY_FILE: Final = "operator-client.key"
_SAYS_SO: Final = "THIS IS A SIMULATOR. No operator, no line and no phone behind it is real."
_LOUD: Final = """\
{says_so} It stops by itself in {for_s} s.

Ask it from a service with these settings:

[[operators]]
{table}

At the desk a SIM is swapped with:
curl -H 'content-type: application/json' -d '{{"number": "+4915112345678", "phone": "b"}}' {desk}/swap
"""


def simulate(directory: Path, *, port: int, for_s: int, clock_file: Path | None = None, as_json: bool = False) -> None:
    """Answer on 127.0.0.1 for ``for_s`` seconds, or until Ctrl-C. ``SettingsError`` for what keeps it from starting.

    ``port`` 0: a free one, which it says. ``clock_file``: the simulated clock of the service that asks, since an answer
    of another time than the question counts for nothing. ``as_json``: what it says first is one JSON object.
    """
    entropy = SystemEntropy()
    self_test(entropy)
    clock = _clock(clock_file)
    client = _client_key(directory, entropy.draw(RANDOM_BYTES))
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise SettingsError(f"Cannot listen on port {port}: {error.strerror}. Set another one with --port.") from error
    issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
    camara = SimulatedCamara(
        SimulatedNetwork(),
        issuer=issuer,
        clients={CLIENT_ID: client.public},
        random=entropy.draw(RANDOM_BYTES),
        entropy=entropy,
    )
    table = _table(issuer, directory / _KEY_FILE, ids.to_base64url(camara.key.public.sec1))
    sys.stdout.write(_told(table, f"{issuer}/desk", for_s, as_json=as_json))
    sys.stdout.flush()
    with listener:
        asyncio.run(_serve(camara, clock, entropy, listener, for_s))


async def _serve(
    camara: SimulatedCamara, clock: Clock, entropy: SystemEntropy, listener: socket.socket, for_s: int
) -> None:
    carrier = HttpTransport()
    config = uvicorn.Config(
        simulator_app(camara, clock, entropy, carrier),
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
    )
    try:
        await _until(uvicorn.Server(config), listener, for_s)
    finally:
        await carrier.close()


def _clock(file: Path | None) -> Clock:
    if file is None:
        return SystemClock()
    clock = SteppedClock(file)
    try:
        clock.now()
    except ClockFileError as error:
        raise SettingsError(str(error)) from error
    return clock


def _table(issuer: str, key_file: Path, key: str) -> dict[str, str | bool | list[str]]:
    """What a service writes into its settings to ask this operator."""
    return {
        "name": "simulated",
        "api_url": issuer,
        "token_url": f"{issuer}/token",
        "start_url": f"{issuer}/bc-authorize",
        "client_id": CLIENT_ID,
        "key_file": str(key_file.absolute()),
        "audience": issuer,
        "possession": "ciba",
        "subscribe": True,
        "keys": [key],
    }


def _told(table: dict[str, str | bool | list[str]], desk: str, for_s: int, *, as_json: bool) -> str:
    if as_json:
        return json.dumps({"simulator": _SAYS_SO, "stops_in_s": for_s, "desk": desk, "operators": [table]}) + "\n"
    lines = "\n".join(f"{name} = {_toml(value)}" for name, value in table.items())
    return _LOUD.format(says_so=_SAYS_SO, for_s=for_s, table=lines, desk=desk)


def _toml(value: str | bool | list[str]) -> str:
    """A string, a yes or a list of strings is written in TOML as in JSON, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


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
