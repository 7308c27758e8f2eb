"""``pteri verify receipt``: exit 0 when nothing fails and the named log signed it, 1 when not, 2 usage."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from anchors import START, mined, proof
from notes import INDEXES, LOG, WITNESSES, indexes, log_signer
from pteri.core.ids import AccountId, TenantId, block_id
from pteri.core.log.receipt import Receipt, encode_receipt
from pteri.domain.rules import Rules
from receipts import receipt_of
from world import SimBlocks, World

ME = ["--log-key", LOG.verifier.text, "--index-key", INDEXES.public.text]
WHOSE = (TenantId("bank"), AccountId("acct_5X3N8J2K7Q4M"))
SEEN = [option for signer in WITNESSES for option in ("--witness", signer.verifier.text)]


@pytest.fixture(scope="module")
def receipt(tmp_path_factory: pytest.TempPathFactory) -> Receipt:
    """Of an account that was bound."""
    world = World(tmp_path_factory.mktemp("world"))
    account = world.account_of(world.enrolled()).id
    recorded = asyncio.run(world.deployment.store.history(TenantId("bank"), account, 0, 10))
    return receipt_of(recorded, Rules())


def run(tmp_path: Path, receipt: Receipt | bytes, *options: str) -> tuple[int, str, str]:
    path = tmp_path / "receipt.json"
    path.write_bytes(receipt if isinstance(receipt, bytes) else encode_receipt(receipt))
    command = [sys.executable, "-m", "pteri", "verify", "receipt", str(path), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_receipt_that_holds_says_so_in_words(tmp_path: Path, receipt: Receipt) -> None:
    status, out, _ = run(tmp_path, receipt, *ME, *SEEN, "--needed", "2")
    assert status == 0
    assert out.startswith("AccountBound, event 1 of acct_")
    assert "holds    history" in out
    assert "holds    witnesses  seen by witness1.example, witness2.example" in out
    assert "holds    index      this number in the log is the account's, and its only one" in out
    assert "unknown  anchor" in out
    assert "Nothing fails. What is unknown above was not checked." in out


def test_without_a_key_nobody_vouches_for_it(tmp_path: Path, receipt: Receipt) -> None:
    status, out, _ = run(tmp_path, receipt)
    assert status == 1
    assert "nobody vouches for it" in out


def test_without_the_index_key_the_number_is_unknown(tmp_path: Path, receipt: Receipt) -> None:
    status, out, _ = run(tmp_path, receipt, *ME[:2])
    assert status == 0
    assert "unknown  index      nobody said which index key is that of the log" in out


def test_a_receipt_that_fails_says_where_and_why(tmp_path: Path, receipt: Receipt) -> None:
    status, out, _ = run(tmp_path, msgspec.structs.replace(receipt, index_proof=indexes("x").proof_of(*WHOSE)), *ME)
    assert status == 1
    assert "FAILS    index      the proof is of another key or of another input (VRF)" in out
    assert "This receipt does not hold." in out


def test_a_program_gets_one_object(tmp_path: Path, receipt: Receipt) -> None:
    status, out, _ = run(tmp_path, receipt, *ME, "--json")
    said: dict[str, Any] = json.loads(out)
    assert (status, said["valid"], said["complete"], said["event"]) == (0, True, False, "AccountBound")
    assert {each["check"]: each["verdict"] for each in said["found"]}["INCLUSION"] == "HOLDS"
    status, out, _ = run(tmp_path, receipt, "--log-key", log_signer("another").verifier.text, "--json")
    assert (status, json.loads(out)["valid"]) == (1, False)


def test_an_anchor_counts_from_a_block_that_is_known(tmp_path: Path, receipt: Receipt) -> None:
    fields = proof(leaf_data=receipt.entries[-1].leaf, size=20, index=receipt.leaf_index)
    anchored = msgspec.structs.replace(receipt, anchor=msgspec.Raw(msgspec.json.encode(fields)))
    known = f"1000:{fields['checkpoint']['hash']}"
    status, out, _ = run(tmp_path, anchored, *ME, "--network", "regtest", "--known-block", known)
    assert "holds    anchor     the event was in Litecoin's block 1002" in out
    assert "at 2026-11-18T11:06:41Z, with 6 confirmations when this was proved" in out
    # The account's own wallet is of the main network.
    assert status == 1
    assert "FAILS    history" in out


def test_the_block_that_a_statement_names_is_said_and_found_among_headers(tmp_path: Path) -> None:
    known, headers = bytes(range(32)), [mined(bytes(range(32)), bytes(32))]
    headers.append(mined(headers[0].id, bytes(32), at=START + 1))
    named = block_id(headers[0].shown_id)
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world", blocks=SimBlocks(named))
    account = world.account_of(world.enrolled()).id
    recorded = asyncio.run(world.deployment.store.history(TenantId("bank"), account, 0, 10))
    receipt = receipt_of(recorded, Rules())
    status, out, _ = run(tmp_path, receipt, *ME)
    assert (status, f"unknown  block      signed after block {named}, if that is" in out) == (0, True)
    (tmp_path / "headers").write_bytes(b"".join(header.raw for header in headers))
    with_headers = ["--headers", str(tmp_path / "headers"), "--network", "regtest"]
    status, out, _ = run(tmp_path, receipt, *ME, *with_headers, "--known-block", f"1000:{known[::-1].hex()}")
    assert f"holds    block      signed after block {named} of height 1001, found at 2026-11-18T" in out
    for options, why in (
        ([], "give --known-block too"),
        (["--known-block", f"1000:{'00' * 32}"], "(BLOCK_LINK)"),
    ):
        status, _, err = run(tmp_path, receipt, *ME, *with_headers, *options)
        assert (status, why in err) == (2, True), err
    status, _, err = run(tmp_path, receipt, *ME, "--headers", str(tmp_path / "none"))
    assert (status, "Cannot read" in err) == (2, True)


def test_what_is_no_receipt_is_said_with_its_code(tmp_path: Path) -> None:
    status, out, _ = run(tmp_path, b"{}", *ME, "--json")
    assert (status, json.loads(out)["code"]) == (1, "RECEIPT")


@pytest.mark.parametrize(
    "options",
    [
        ["--log-key", "not a key"],
        ["--index-key", "not a key"],
        ["--index-key", LOG.verifier.text],
        ["--log-key", INDEXES.public.text],
        [*ME[:2], "--index-key", indexes(name="another.example").public.text],
        ["--witness", LOG.verifier.text],
        [*SEEN, "--needed", "4"],
        ["--known-block", "1000"],
        ["--known-block", "-1:" + "00" * 32],
        ["--network", "moon"],
    ],
)
def test_options_that_cannot_be_are_usage(tmp_path: Path, receipt: Receipt, options: list[str]) -> None:
    status, out, err = run(tmp_path, receipt, *options)
    assert (status, out) == (2, "")
    assert "Cannot use these options" in err


def test_a_file_that_is_not_there_is_usage(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pteri", "verify", "receipt", str(tmp_path / "none.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Cannot read" in done.stderr


def test_it_needs_nothing_of_a_server_and_of_a_wallet() -> None:
    code = (
        "import sys\n"
        "class Nothing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'alembic', 'asyncpg', 'httptools', 'httpx2', 'keyring', 'segno',\n"
        "                                  'starlette', 'structlog', 'uvicorn', 'uvloop', 'opendal'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Nothing())\n"
        "import pteri.audit.telling, pteri.audit\n"
        "rooms = ('pteri.adapters', 'pteri.http', 'pteri.wallet', 'pteri.settings', 'pteri.app.fsck')\n"
        "assert not [name for name in sys.modules if name.startswith(rooms)]\n"
        "from pteri.cli import app\n"
        "app(['verify', 'receipt', '--help'], standalone_mode=False)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
