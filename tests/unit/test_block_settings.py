"""The table [block] of the settings: a node or a file of headers, how deep and how old."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from anchors import START, mined
from pteri.app.anchor_ports import ChainUnavailable
from pteri.app.loops import Stopping
from pteri.block_settings import BlockSettings
from pteri.block_wiring import recent_block_of
from pteri.core.anchor.proof import Block
from pteri.core.ids import Domain, TenantId, to_base64url
from pteri.settings import ServerSettings, Settings, SettingsError, TenantSettings, load_settings, write_settings
from pteri.wiring import start_local_loops
from statements import BLOCK
from world import SimBlocks, World

NODE: dict[str, Any] = {
    "network": "main",
    "node_url": "http://127.0.0.1:9332",
    "cookie_file": Path("/node/.cookie"),
}
FILE: dict[str, Any] = {"network": "main", "headers_file": Path("/headers"), "known_block": f"2800000:{BLOCK}"}
PASSWORD: dict[str, Any] = {"cookie_file": None, "user": "pteri", "password_file": Path("/node/password")}


def table(**changes: Any) -> BlockSettings:
    return BlockSettings(**(NODE | changes))


def test_what_is_not_said_is_careful() -> None:
    told = table()
    assert (told.confirmations, told.max_age_s, told.every_s) == (6, 10_800, 60)


def test_a_node_or_a_file_is_taken() -> None:
    assert table(**PASSWORD)
    assert BlockSettings(**FILE).known() == Block(2_800_000, BLOCK)


@pytest.mark.parametrize(
    "wrong",
    [
        {"network": "main"},
        NODE | FILE,
        NODE | {"node_url": "http://node.bank.example:9332"},
        NODE | {"node_url": "https://user:password@node.bank.example"},
        NODE | {"cookie_file": None},
        NODE | {"user": "pteri"},
        NODE | {"known_block": f"1:{BLOCK}"},
        FILE | {"known_block": None},
        FILE | {"headers_file": None},
        FILE | {"cookie_file": Path("/node/.cookie")},
        FILE | {"user": "pteri", "password_file": Path("/p")},
        FILE | {"known_block": BLOCK},
        FILE | {"known_block": f"1:{BLOCK.upper()}"},
        FILE | {"known_block": f"-1:{BLOCK}"},
        FILE | {"known_block": f"{'9' * 12}:{BLOCK}"},
        FILE | {"known_block": f"2147483648:{BLOCK}"},
        FILE | {"known_block": f"\u0661:{BLOCK}"},
        FILE | {"known_block": f"1:{BLOCK[:-1]}"},
    ],
)
def test_a_wrong_table_is_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"[a-z]+ [a-z]+"):
        BlockSettings(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"confirmations": 0},
        {"confirmations": 1001},
        {"max_age_s": 599},
        {"every_s": 0},
        {"network": "signet"},
        {"anything": 1},
    ],
)
def test_numbers_have_bounds_and_there_are_no_other_keys(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**NODE, "cookie_file": None, "user": "x", **wrong}, BlockSettings)


def settings(place: Path, block: BlockSettings) -> Settings:
    server = ServerSettings(
        public_origin="https://id.bank.example",
        host="127.0.0.1",
        port=8750,
        database=place / "pteri.sqlite3",
        deployment_key_file=place / "deployment.key",
    )
    world = World(place)
    [key] = next(iter(world.deployment.tenants.values())).client_keys.values()
    tenant = TenantSettings(
        id=TenantId("bank"), domain=Domain("bank.example"), network="main", client_keys=(to_base64url(key.sec1),)
    )
    return Settings(server=server, tenants=(tenant,), block=block)


@pytest.mark.parametrize("told", [NODE | {"cookie_file": Path("node/.cookie")}, FILE | {"headers_file": Path("h")}])
def test_the_table_is_written_and_read_as_the_same(tmp_path: Path, told: dict[str, Any]) -> None:
    placed: dict[str, Any] = {
        name: tmp_path / value if isinstance(value, Path) else value for name, value in told.items()
    }
    written = settings(tmp_path, BlockSettings(**placed))
    write_settings(tmp_path / "pteri.toml", written)
    assert load_settings(tmp_path / "pteri.toml").block == written.block


def test_a_misspelt_key_is_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    write_settings(tmp_path / "pteri.toml", settings(tmp_path, table()))
    text = (tmp_path / "pteri.toml").read_text().replace("confirmations = ", "confirmation = ")
    (tmp_path / "pteri.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"block\.'confirmation'; the nearest known key is block\.confirmations"):
        load_settings(tmp_path / "pteri.toml")


def test_a_network_that_no_tenant_has_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no tenant has"):
        settings(tmp_path, table(network="regtest"))


def test_a_block_comes_out_of_the_file_that_the_table_names(tmp_path: Path) -> None:
    known = bytes(range(32))
    headers = [mined(known, bytes(32), at=START)]
    for step in range(1, 8):
        headers.append(mined(headers[-1].id, bytes(32), at=START + step))
    (tmp_path / "headers").write_bytes(b"".join(header.raw for header in headers))
    told = BlockSettings(
        network="regtest",
        headers_file=tmp_path / "headers",
        known_block=f"100:{known[::-1].hex()}",
        confirmations=3,
        every_s=7,
    )

    async def look() -> None:
        async with AsyncExitStack() as opened:
            blocks = recent_block_of(told, opened)
            assert (blocks.network, blocks.every_s) == ("regtest", 7)
            assert await blocks.turn(START + 60)
            assert blocks.at(START + 60) == headers[-3].shown_id

    asyncio.run(look())


@pytest.mark.parametrize("secret", [{}, PASSWORD])
def test_a_node_is_asked_that_the_table_names(secret: dict[str, Any]) -> None:
    async def look() -> None:
        async with AsyncExitStack() as opened:
            blocks = recent_block_of(table(**(secret | {"node_url": "http://127.0.0.1:9"})), opened)
            with pytest.raises(ChainUnavailable):
                await blocks.source.tip()
            # It is said in the log, and raises nothing.
            assert await blocks.turn(START) is False
            assert blocks.at(START) is None

    asyncio.run(look())


def test_a_process_that_answers_looks_for_itself_where_there_is_the_table(world: World) -> None:
    async def started(deployment: Any) -> int:
        stop = Stopping()
        tasks = start_local_loops(deployment, stop)
        stop.set()
        for task in tasks:
            await task
        return len(tasks)

    without = world.run(started(world.deployment))
    assert world.run(started(replace(world.deployment, blocks=SimBlocks()))) == without + 1


def test_only_tenants_of_its_network_get_the_block(world: World) -> None:
    deployment = replace(world.deployment, blocks=SimBlocks(BLOCK))
    bank = deployment.tenant("bank")
    assert deployment.block_for(bank, START) == BLOCK
    assert deployment.block_for(replace(bank, network="test"), START) is None
    assert world.deployment.block_for(bank, START) is None
