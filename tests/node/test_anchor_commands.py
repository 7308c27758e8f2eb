"""``pteri anchor`` from a new service to a proof that somebody else verifies, as it is typed, with a real node."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from litecoind import Litecoind

pytestmark = pytest.mark.node

TABLE = """
[anchor]
network = "regtest"
node_url = "{url}"
cookie_file = "{cookie}"
wallet = "typed"
"""


def pteri(*words: str, expected: int = 0) -> str:
    command = [sys.executable, "-m", "pteri", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == expected, (words, done.stdout, done.stderr)
    return done.stdout


def test_a_leaf_of_a_new_log_is_anchored_and_proved_by_typing(litecoind: Litecoind, tmp_path: Path) -> None:
    litecoind.rpc("createwallet", "typed")
    address = litecoind.rpc("getnewaddress", "", "bech32", wallet="typed")
    litecoind.rpc("generatetoaddress", 101, address)
    known = litecoind.rpc("getblockcount"), litecoind.rpc("getbestblockhash")
    place = tmp_path / "service"
    pteri("init", str(place), "--domain", "bank.example", "--network", "regtest")
    config = ("--config", str(place / "pteri.toml"))
    pteri("log", "new", *config)
    pteri("log", "rotate", *config)  # a leaf of the log's own
    with (place / "pteri.toml").open("a") as settings:
        settings.write(TABLE.format(url=litecoind.url, cookie=litecoind.cookie))
    assert pteri("anchor", "status", *config) == "No anchor yet.\n"
    assert "1: SENT, 1 leaves" in pteri("anchor", "now", *config)
    [shown] = json.loads(pteri("anchor", "status", *config, "--json"))["anchors"]
    assert litecoind.rpc("getmempoolentry", shown["txid"])
    block = ("--known-block", f"{known[0]}:{known[1]}")
    assert "Ask again" in pteri("anchor", "proof", "0", *block, *config, expected=1)
    litecoind.rpc("generatetoaddress", 6, address)
    assert f"1: MINED, 1 leaves, {shown['txid']}, block {known[0] + 1}" in pteri("anchor", "now", *config)
    proof = tmp_path / "proof.json"
    proof.write_text(pteri("anchor", "proof", "0", *block, *config))
    said = pteri("anchor", "verify", str(proof), *block, "--network", "regtest")
    assert f"Valid: leaf 0 was in the log before block {known[0] + 1}" in said
    far = ("--known-block", f"{known[0] + 1}:{known[1]}")
    assert "BLOCK_LINK" in pteri("anchor", "proof", "0", *far, *config, expected=1)
    litecoind.rpc("unloadwallet", "typed")
    assert "WALLET_UNFIT" in pteri("anchor", "status", *config, expected=1)
