"""The block that statements name, of a real Litecoin Core; and the same headers as a file, for service and auditor."""

from __future__ import annotations

from pathlib import Path

import pytest

from litecoind import Litecoind
from pteri.adapters.chain.header_file import HeaderFile
from pteri.adapters.chain.litecoin_rpc import LitecoinNode
from pteri.adapters.chain.transport import CookieFile, NodeTransport
from pteri.app.recent_block import BlockTrouble, HeaderSource, RecentBlock
from pteri.audit import known_blocks
from pteri.core.anchor.proof import Block

pytestmark = [pytest.mark.node, pytest.mark.anyio]

HEARD = list[tuple[BlockTrouble, bool]]


def recent(source: HeaderSource, heard: HEARD) -> RecentBlock:
    return RecentBlock(
        source,
        confirmations=6,
        max_age_s=10_800,
        every_s=60,
        tell=lambda trouble, begins, _: heard.append((trouble, begins)),
    )


async def test_the_block_of_a_node_is_six_deep_and_a_file_of_its_headers_says_the_same(
    litecoind: Litecoind, tmp_path: Path
) -> None:
    address = litecoind.rpc("getnewaddress", "", "bech32", wallet="pteri")
    litecoind.rpc("generatetoaddress", 12, address)
    height = litecoind.rpc("getblockcount")
    name = litecoind.rpc("getblockhash", height - 5)
    shown = litecoind.rpc("getblockheader", name)
    assert shown["confirmations"] == 6
    at, heard = shown["time"], HEARD()
    transport = NodeTransport(litecoind.url, CookieFile(litecoind.cookie))
    try:
        # No wallet: such a service needs none.
        blocks = recent(LitecoinNode(transport, network="regtest"), heard)
        assert await blocks.turn(at)
        assert not await blocks.turn(at)
        assert (blocks.at(at), heard) == (name, [])
        litecoind.rpc("generatetoaddress", 1, address)
        assert await blocks.turn(at)
        assert blocks.at(at) == litecoind.rpc("getblockhash", height - 4)
        wrong = recent(LitecoinNode(transport, network="main"), heard)
        await wrong.turn(at)
        assert (wrong.at(at), heard) == (
            None,
            [(BlockTrouble.SOURCE_REFUSED, True), (BlockTrouble.BLOCK_STALE, True)],
        )
    finally:
        await transport.close()

    # As an operator makes the file, in a loop over litecoin-cli.
    known = Block(height - 11, litecoind.rpc("getblockhash", height - 11))
    names = [litecoind.rpc("getblockhash", each) for each in range(known.height + 1, height + 2)]
    raw = b"".join(bytes.fromhex(litecoind.rpc("getblockheader", each, False)) for each in names)
    (tmp_path / "headers").write_bytes(raw)
    from_file = recent(HeaderFile(tmp_path / "headers", network="regtest", known=known), HEARD())
    await from_file.turn(at)
    assert from_file.at(at) == blocks.at(at)
    found = known_blocks(raw, expected_network="regtest", known=known).blocks[name]
    assert (found.height, found.time, found.after) == (height - 5, at, 6)
