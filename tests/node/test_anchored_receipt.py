"""A receipt with its anchor, from the first link of an account to a stranger's terminal, with a real Litecoin Core."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from insiders import logged, with_log
from litecoind import Litecoind
from notes import INDEXES, LOG
from phones import EMAIL, Hand, client, linked
from pteri.adapters.chain.litecoin_rpc import LitecoinNode
from pteri.adapters.chain.transport import CookieFile, NodeTransport
from shells import Shell, shell_of
from world import World
from worlds import Worlds

pytestmark = pytest.mark.node

WALLET = "receipts"


@pytest.fixture
def address(litecoind: Litecoind) -> Iterator[str]:
    """Where the coins of the anchors come to, in a wallet of their own; some are there, and 40 blocks behind them."""
    litecoind.rpc("createwallet", WALLET)
    made = litecoind.rpc("getnewaddress", "", "bech32", wallet=WALLET)
    litecoind.rpc("generatetoaddress", 140, made)
    yield made
    litecoind.rpc("unloadwallet", WALLET)


@pytest.fixture
def world(litecoind: Litecoind, tmp_path: Path) -> Iterator[World]:
    transport = NodeTransport(litecoind.url, CookieFile(litecoind.cookie), timeout_s=60)
    with Worlds(tmp_path) as worlds:
        made = with_log(worlds, network="regtest", chain=LitecoinNode(transport, network="regtest", wallet=WALLET))
        yield made
        made.run(transport.close())


def at_work(world: World) -> None:
    worker = world.deployment.anchoring
    assert worker is not None
    while world.run(worker.turn(world.clock.now())):
        pass


def signed_in(held: Hand) -> None:
    site = client(held.world)
    waiting = site.start_sign_in(EMAIL)
    site.enter_code(waiting.id, held.phone().approve(waiting.qr).code, waiting.session)
    logged(held.world)


def verify(path: Path, *options: str) -> tuple[int, str]:
    """As somebody with the small install and no network types it."""
    keys = ("--log-key", LOG.verifier.text, "--index-key", INDEXES.public.text, "--network", "regtest")
    command = [sys.executable, "-m", "pteri", "verify", "receipt", str(path), *keys, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout


def kept(shell: Shell, name: str) -> tuple[Path, dict[str, Any]]:
    path = shell.world.directory / name
    return path, shell.json("receipt", "--out", str(path))


def test_a_sign_in_is_linked_anchored_kept_and_verified_offline_and_a_reorganisation_makes_its_proof_anew(
    litecoind: Litecoind, address: str, world: World
) -> None:
    held = linked(world)
    signed_in(held)
    shell = shell_of(world, "old-phone")
    path, told = kept(shell, "without.json")
    assert "anchor" not in told
    assert verify(path)[0] == 0

    at_work(world)
    blocks = litecoind.rpc("generatetoaddress", 6, address)
    at_work(world)
    path, told = kept(shell, "receipt.json")
    height = litecoind.rpc("getblockheader", blocks[0])["height"]
    assert (told["anchor"]["height"], told["anchor"]["block"]) == (height, blocks[0])
    assert told["anchor"]["confirmations"] == 6
    # What whoever verifies knows of Litecoin, he has from his own node.
    for known in (height - 24, height - 1):
        block = f"{known}:{litecoind.rpc('getblockhash', known)}"
        status, out = verify(path, "--known-block", block)
        assert status == 0
        assert "All of it holds." not in out
        assert f"holds    anchor     the event was in Litecoin's block {height} ({blocks[0]}) at 20" in out
        assert "with 6 confirmations when this was proved" in out
    status, out = verify(path)
    assert (status, "unknown  anchor     there is an anchor" in out) == (0, True)
    status, out = verify(path, "--known-block", f"{height - 1}:{'ab' * 32}")
    assert (status, "(BLOCK_LINK)" in out) == (1, True)

    # Six blocks are replaced by seven, in the last but five of which the transaction is again.
    litecoind.rpc("invalidateblock", blocks[0])
    litecoind.rpc("generateblock", address, [])
    at_work(world)
    assert "anchor" not in kept(shell, "meanwhile.json")[1]
    litecoind.rpc("generatetoaddress", 6, address)
    at_work(world)
    again, told = kept(shell, "again.json")
    assert told["anchor"]["height"] == height + 1
    block = f"{height}:{litecoind.rpc('getblockhash', height)}"
    assert "holds    anchor     the event was in" in verify(again, "--known-block", block)[1]
    # The receipt of before is one of blocks that nobody has any more.
    assert "(BLOCK_LINK)" in verify(path, "--known-block", block)[1]
