"""``pteri anchor``: exit 0 when nothing keeps anchors waiting, 1 with what does, 2 for settings that have none."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from anchored import built, planned
from anchors import proof
from pteri.adapters.store.sqlite import SqliteStore
from pteri.domain.anchoring import Anchor

KNOWN = "{height}:{hash}".format_map(proof()["checkpoint"])

LOG = "bank.example/pteri"
TABLE = """
[anchor]
network = "regtest"
node_url = "http://127.0.0.1:9"
cookie_file = "cookie"
wallet = "anchors"
"""


def run(*words: str, expected: int) -> str:
    command = [sys.executable, "-m", "pteri", "anchor", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expected, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def as_json(*words: str, expected: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*words, "--json", expected=expected))
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The settings of a new service, without anchors."""
    place = tmp_path_factory.mktemp("service") / "new"
    command = [sys.executable, "-m", "pteri", "init", str(place), "--domain", "bank.example", "--network", "regtest"]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    begin = [sys.executable, "-m", "pteri", "log", "new", "--config", str(place / "pteri.toml"), "--origin", LOG]
    subprocess.run(begin, check=True, capture_output=True, timeout=60)
    return place / "pteri.toml"


@pytest.fixture
def anchoring(service: Path) -> Path:
    """The same with a node that is away."""
    path = service.with_name("anchoring.toml")
    path.write_text(service.read_text() + TABLE)
    cookie = service.parent / "cookie"
    cookie.touch(mode=0o600)
    cookie.write_text("__cookie__:of a node that has gone")
    return path


def test_a_service_without_the_table_has_no_anchors(service: Path) -> None:
    for words in (("status",), ("now",), ("proof", "0", "--known-block", KNOWN)):
        assert "no table [anchor]" in run(*words, "--config", str(service), expected=2)


def test_a_node_that_is_away_is_said_in_a_sentence_and_by_its_code(anchoring: Path) -> None:
    said = run("status", "--config", str(anchoring), expected=1)
    assert "No anchor yet." in said
    assert "The Litecoin node does not answer. Start it" in said
    told = as_json("status", "--config", str(anchoring), expected=1)
    assert (told["anchors"], [each["trouble"] for each in told["troubles"]]) == ([], ["NODE_DOWN"])


def test_without_a_signed_head_there_is_nothing_to_anchor(anchoring: Path) -> None:
    assert run("now", "--config", str(anchoring), expected=1) == "No anchor yet.\n"


def test_anchors_are_told_the_newest_first(anchoring: Path) -> None:
    server = tomllib.loads(anchoring.read_text())["server"]

    async def keep() -> Anchor:
        store = SqliteStore.open(anchoring.parent / server["database"])
        assert await store.anchors.begin(planned(log=LOG))
        anchor = built(planned(log=LOG))
        assert await store.anchors.change(anchor)
        await store.close()
        return anchor

    anchor = asyncio.run(keep())
    told = as_json("status", "--config", str(anchoring), expected=1)
    [shown] = told["anchors"]
    assert (shown["number"], shown["state"], shown["txid"]) == (1, "PLANNED", anchor.txid)
    assert f"1: PLANNED, 5 leaves, {anchor.txid}" in run("status", "--config", str(anchoring), expected=1)


def test_a_leaf_that_no_anchor_has_gets_no_proof(anchoring: Path) -> None:
    words = ("proof", "7", "--known-block", KNOWN, "--config", str(anchoring))
    assert "No anchor that is in a block has this leaf." in run(*words, expected=1)


def test_a_proof_that_holds_is_said_with_its_block(tmp_path: Path) -> None:
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof()))
    words = ("verify", str(path), "--known-block", KNOWN, "--network", "regtest")
    assert "Valid: leaf 2 was in the log before block 1002" in run(*words, expected=0)
    assert as_json(*words, expected=0)["height"] == 1002


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--network", "regtest", "--confirmations", "7"], "CONFIRMATIONS"),
        (["--network", "main"], "WORK"),
        (["--network", "mars"], "NETWORK"),
    ],
)
def test_a_proof_that_does_not_hold_has_a_code(tmp_path: Path, options: list[str], code: str) -> None:
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof()))
    told = as_json("verify", str(path), "--known-block", KNOWN, *options, expected=1)
    assert (told["valid"], told["code"]) == (False, code)


@pytest.mark.parametrize("text", ["", "[]", "nothing", '{"tx": 1, "tx": 2}', "[" * 100_000])
def test_what_is_no_proof_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "proof.json"
    path.write_text(text)
    assert "JSON" in run("verify", str(path), "--known-block", KNOWN, expected=2)


@pytest.mark.parametrize("known", ["1000", f"-1:{'00' * 32}", f"1000000000:{'00' * 32}", f"²:{'00' * 32}"])
def test_a_known_block_is_a_height_and_a_hash(tmp_path: Path, known: str) -> None:
    assert "--known-block" in run("verify", str(tmp_path / "proof.json"), f"--known-block={known}", expected=2)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "Cannot read" in run("verify", str(tmp_path / "no.json"), "--known-block", KNOWN, expected=2)
