"""The table [anchor] of the settings: which node, which wallet, how often and for how much."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from anchor_worker import NOW, Workshop
from log_books import DESK, begun, state_of
from log_books import opened as opened_state
from pteri.adapters.store.sqlite import SqliteStore
from pteri.anchor_settings import AnchorSettings
from pteri.anchor_wiring import anchoring_of, node_of
from pteri.app.anchor_ports import ChainUnavailable, Trouble
from pteri.app.anchor_troubles import SENTENCES
from pteri.core.ids import Domain, TenantId, to_base64url
from pteri.log_settings import LogSettings
from pteri.settings import ServerSettings, Settings, SettingsError, TenantSettings, load_settings, write_settings
from pteri.wiring import loops_of
from simulated_chain import SimulatedChain
from world import World

TABLE: dict[str, Any] = {
    "network": "regtest",
    "node_url": "http://127.0.0.1:19443",
    "wallet": "anchors",
    "cookie_file": Path("/node/.cookie"),
}
PASSWORD: dict[str, Any] = {"cookie_file": None, "user": "pteri", "password_file": Path("/node/password")}


def table(**changes: Any) -> AnchorSettings:
    return AnchorSettings(**(TABLE | changes))


def test_what_is_not_said_is_careful() -> None:
    told = table()
    assert (told.every_s, told.at_least_every_s, told.fee_rate, told.most_fee) == (3600, 86_400, 10, 200_000)
    assert told.mode == "wallet"


@pytest.mark.parametrize(
    "right",
    [
        {"node_url": "https://node.bank.example"},
        {"node_url": "https://node.bank.example:9332"},
        {"node_url": "http://localhost:9332"},
        {"node_url": "http://[::1]:9332"},
        PASSWORD,
        {"mode": "watch-only", "psbt_directory": Path("/to/sign")},
    ],
)
def test_a_right_table_is_taken(right: dict[str, Any]) -> None:
    assert table(**right)


@pytest.mark.parametrize(
    "wrong",
    [
        {"node_url": "http://node.bank.example:9332"},
        {"node_url": "http://10.0.0.1:9332"},
        {"node_url": "https://node.bank.example/"},
        {"node_url": "https://node.bank.example/path"},
        {"node_url": "https://user:password@node.bank.example"},
        {"node_url": "https://node.bank.example?x"},
        {"node_url": "https://NODE.bank.example"},
        {"node_url": "ftp://node.bank.example"},
        {"node_url": "https://"},
        {"node_url": "https://node.bank.example:x"},
        {"node_url": "https://[::1"},
        {"node_url": ""},
        {"wallet": ""},
        {"wallet": "../other"},
        {"wallet": "a b"},
        {"cookie_file": None},
        PASSWORD | {"cookie_file": Path("/node/.cookie")},
        PASSWORD | {"password_file": None},
        PASSWORD | {"user": "a:b"},
        PASSWORD | {"user": ""},
        {"mode": "watch-only"},
        {"psbt_directory": Path("/to/sign")},
        {"every_s": 7200, "at_least_every_s": 3600},
        {"fee_rate": 300},
    ],
)
def test_a_wrong_table_is_refused_in_words(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"[a-z]+ [a-z]+"):
        table(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"every_s": 59}, {"fee_rate": 0}, {"most_fee": 999}, {"network": "signet"}, {"anything": 1}]
)
def test_numbers_have_bounds_and_there_are_no_other_keys(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(TABLE | {"cookie_file": None, "user": "x", **wrong}, AnchorSettings)


def settings(place: Path, anchor: AnchorSettings) -> Settings:
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
    log = LogSettings(origin="bank.example/pteri", key_file=place / "log.key", index_key_file=place / "index.key")
    return Settings(server=server, tenants=(tenant,), anchor=anchor, log=log)


def test_the_table_is_written_and_read_as_the_same(tmp_path: Path) -> None:
    written = settings(tmp_path, table(cookie_file=tmp_path / "node" / ".cookie"))
    write_settings(tmp_path / "pteri.toml", written)
    assert 'cookie_file = "node/.cookie"' in (tmp_path / "pteri.toml").read_text()
    assert load_settings(tmp_path / "pteri.toml").anchor == written.anchor


def test_a_misspelt_key_is_named_with_the_nearest_known_one(tmp_path: Path) -> None:
    write_settings(tmp_path / "pteri.toml", settings(tmp_path, table()))
    text = (tmp_path / "pteri.toml").read_text().replace("most_fee = ", "most_fees = ")
    (tmp_path / "pteri.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"anchor\.'most_fees'; the nearest known key is anchor\.most_fee"):
        load_settings(tmp_path / "pteri.toml")


def test_a_worker_is_as_its_table_says(tmp_path: Path) -> None:
    async def look() -> None:
        async with AsyncExitStack() as opened:
            store = SqliteStore.open(tmp_path / "store.db")
            opened.push_async_callback(store.close)
            told = table(every_s=60, fee_rate=7, most_fee_rate=70, most_fee=7000, raise_after_s=600)
            worker = anchoring_of(told, store, DESK, opened)
            assert (worker.log, await worker.heads()) == (DESK.signer.verifier.name, None)
            await begun(store)
            await worker.turn(NOW)
            head = opened_state(await state_of(store)).head
            assert await worker.heads() == head
            assert (await store.anchors.newest(worker.log, 1) != []) is (head.size > 0)
            assert (worker.schedule.every_s, worker.schedule.rate, worker.schedule.most_fee) == (60, 7, 7000)
            assert worker.chain.network == "regtest"
            for secret in (TABLE, PASSWORD):
                node = node_of(table(**(secret | {"node_url": "http://127.0.0.1:9"})), opened)
                with pytest.raises(ChainUnavailable):
                    await node.tip()
            with pytest.raises(SettingsError, match="no directory"):
                node_of(table(mode="watch-only", psbt_directory=tmp_path / "nowhere"), opened)
            assert node_of(table(mode="watch-only", psbt_directory=tmp_path), opened)

    asyncio.run(look())


def test_every_trouble_has_a_sentence_that_says_what_to_do() -> None:
    assert SENTENCES.keys() == set(Trouble)
    assert all(sentence.count(".") >= 1 and len(sentence) > 40 for sentence in SENTENCES.values())


def test_anchors_need_a_log(tmp_path: Path) -> None:
    told = settings(tmp_path, table())
    with pytest.raises(ValueError, match="pteri log new"):
        Settings(server=told.server, tenants=told.tenants, anchor=told.anchor)


def test_a_service_has_a_loop_for_anchors_where_it_has_the_table(world: World) -> None:
    assert "anchor" not in {loop.name for loop in loops_of(world.deployment)}
    chain = SimulatedChain()
    workshop = Workshop(world.deployment.store.anchors, chain)
    chain.is_recorded = workshop.is_recorded
    deployment = replace(world.deployment, anchoring=workshop.worker)
    [loop] = [loop for loop in loops_of(deployment) if loop.name == "anchor"]

    async def turns() -> list[bool]:
        return [bool(await loop.turn()) for _ in range(4)]

    assert world.run(turns()) == [True, True, False, False]
    assert len(chain.mempool) == 1
