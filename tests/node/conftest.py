"""A real Litecoin Core on loopback: regtest, one for the whole run."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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


class Node:
    """JSON-RPC of a running node."""

    def __init__(self, data: Path, port: int) -> None:
        self._cookie = data / "regtest" / ".cookie"
        self._port = port

    def rpc(self, method: str, *params: object) -> Any:
        credentials = base64.b64encode(self._cookie.read_bytes()).decode("ascii")
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            body = json.dumps({"method": method, "params": params, "id": 0})
            connection.request("POST", "/", body, {"Authorization": f"Basic {credentials}"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if answer["error"]:
            raise RpcError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]


def _program() -> Path | None:
    if not _PROGRAM.exists() and os.geteuid() == 0 and (apt := shutil.which("apt-get")):
        subprocess.run([apt, "install", "-y", "litecoind"], check=False, capture_output=True, timeout=250)
    found = shutil.which("litecoind")
    return _PROGRAM if _PROGRAM.exists() else Path(found) if found else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_ready(node: Node, process: subprocess.Popen[bytes]) -> None:
    for _ in range(int(_READY_S / _POLL_S)):
        try:
            node.rpc("getblockcount")
        except (OSError, RpcError, http.client.HTTPException, ValueError):
            try:
                process.wait(_POLL_S)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"litecoind ended at once with {process.returncode}")
        else:
            return
    pytest.fail(f"litecoind did not answer within {_READY_S} s")


@pytest.fixture(scope="session")
def litecoind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A running node with an empty legacy wallet."""
    program = _program()
    if program is None:
        absent = "litecoind is not installed (apt-get install litecoind): nothing was checked against a real node"
        if os.environ.get("CI") == "true":
            pytest.fail(absent)
        pytest.skip(absent)
    data, port = tmp_path_factory.mktemp("litecoind"), _free_port()
    (data / "litecoin.conf").write_text(_CONFIGURATION.format(port=port))
    process = subprocess.Popen(
        [program, f"-datadir={data}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=data
    )
    try:
        node = Node(data, port)
        _await_ready(node, process)
        node.rpc("createwallet", "pteri")
        yield node
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)
