"""A real Litecoin Core on loopback: regtest, in a directory of its own, started, killed and started again."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["Litecoind", "RpcError", "program"]

# The wrapper that Debian puts on the path writes into the home directory; the program itself does not.
_PROGRAM = Path("/usr/lib/litecoin/litecoind")
_READY_S, _POLL_S = 90, 0.1

_CONFIGURATION = """
regtest=1
[regtest]
server=1
listen=0
rpcbind=127.0.0.1
rpcallowip=127.0.0.1
rpcport={port}
dnsseed=0
discover=0
upnp=0
connect=0
fallbackfee=0.0001
"""


class RpcError(Exception):
    """The node said no; ``code`` is its JSON-RPC error code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def program() -> Path | None:
    """Where it is installed; ``None``: nowhere."""
    if not _PROGRAM.exists() and os.geteuid() == 0 and (apt := shutil.which("apt-get")):
        subprocess.run([apt, "install", "-y", "litecoind"], check=False, capture_output=True, timeout=250)
    found = shutil.which("litecoind")
    return _PROGRAM if _PROGRAM.exists() else Path(found) if found else None


class Litecoind:
    """One node, and its JSON-RPC."""

    def __init__(self, command: Path, data: Path) -> None:
        self._command, self._data = command, data
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._wallets: list[str] = []
        (data / "litecoin.conf").write_text(_CONFIGURATION.format(port=self.port))

    @property
    def cookie(self) -> Path:
        return self._data / "regtest" / ".cookie"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, with the wallets that it had, and return when it answers."""
        self._process = subprocess.Popen(
            [self._command, f"-datadir={self._data}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._data,
        )
        self._await_ready(self._process)
        for wallet in self._wallets:
            self.rpc("loadwallet", wallet)

    def stop(self) -> None:
        """End it as an operator does."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None

    def kill(self) -> None:
        """End it on whatever line it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def wallet(self, name: str, *options: object) -> None:
        """A new wallet, which is there after the next start, too."""
        self.rpc("createwallet", name, *options)
        self._wallets.append(name)

    def rpc(self, method: str, *params: object, wallet: str | None = None) -> Any:
        credentials = base64.b64encode(self.cookie.read_bytes()).decode("ascii")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            body = json.dumps({"method": method, "params": params, "id": 0})
            path = "/" if wallet is None else f"/wallet/{wallet}"
            connection.request("POST", path, body, {"Authorization": f"Basic {credentials}"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if answer["error"]:
            raise RpcError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        for _ in range(int(_READY_S / _POLL_S)):
            try:
                self.rpc("getblockcount")
            except (OSError, RpcError, http.client.HTTPException, ValueError):
                try:
                    process.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    continue
                raise AssertionError(f"litecoind ended at once with {process.returncode}") from None
            else:
                return
        raise AssertionError(f"litecoind did not answer within {_READY_S} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
