"""``pteri verify log`` and ``pteri verify split``: exit 0 when it holds, 1 when not, 2 usage or nobody to ask."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from notes import LOG, WITNESSES, log_signer
from pteri.core.log.following import encode_suspicion, two_handovers
from pteri.core.log.rotation import rotation_leaf
from published import Published, events

ME = ["--log-key", LOG.verifier.text]
SEEN = [option for signer in WITNESSES for option in ("--witness", signer.verifier.text)]
# A small install: what the extras bring is not there, and must not be asked for.
SMALL = (
    "import sys\n"
    "class Nothing:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.split('.')[0] in {'alembic', 'asyncpg', 'httptools', 'httpx2', 'keyring', 'segno',\n"
    "                                  'starlette', 'structlog', 'uvicorn', 'uvloop', 'opendal'}:\n"
    "            raise ImportError(name)\n"
    "sys.meta_path.insert(0, Nothing())\n"
    "sys.argv[0] = 'pteri'\n"
    "from pteri.verify_cli import app\n"
    "try:\n"
    "    app()\n"
    "finally:\n"
    "    rooms = ('pteri.http', 'pteri.wallet', 'pteri.settings', 'pteri.app.', 'pteri.adapters.store')\n"
    "    assert not [name for name in sys.modules if name.startswith(rooms)]\n"
)


def run(*arguments: str | Path, cwd: Path | None = None) -> tuple[int, str, str]:
    command = [sys.executable, "-c", SMALL, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def said(*arguments: str | Path, cwd: Path | None = None) -> tuple[int, dict[str, Any]]:
    status, out, err = run(*arguments, "--json", cwd=cwd)
    assert out, err
    return status, json.loads(out)


def test_a_log_that_holds_says_so_in_words(tmp_path: Path) -> None:
    Published(events(300), witnesses=2).write(tmp_path)
    status, out, err = run("log", tmp_path, *ME, *SEEN, "--needed", "2")
    assert (status, err) == (0, "")
    assert out.startswith("log.bank.example/pteri, 300 entries, 5 accounts.")
    assert "holds    tree       all 300 entries make the root of the checkpoint" in out
    assert "holds    witnesses  seen by witness1.example, witness2.example" in out
    assert "unknown  known      you kept no checkpoint to compare with" in out
    assert "Nothing fails. What is unknown above was not checked." in out


def test_with_all_that_an_auditor_brings_all_of_it_holds(tmp_path: Path) -> None:
    published = Published(events(300), witnesses=2)
    published.write(tmp_path / "log")
    (tmp_path / "kept").write_bytes(published.signed(100).note.encoded)
    status, out, _ = run("log", tmp_path / "log", *ME, *SEEN, "--known", tmp_path / "kept")
    assert status == 0
    assert "All of it holds." in out


def test_a_changed_entry_is_named(tmp_path: Path) -> None:
    published = Published(events(300))
    path = "tile/entries/000"
    raw = bytearray(published.files[path])
    raw[201 * 41 + 170] ^= 1
    published.files[path] = bytes(raw)
    published.write(tmp_path)
    status, out, _ = run("log", tmp_path, *ME)
    assert status == 1
    assert "FAILS    tree       entry 41: the entry was changed (NOT_INCLUDED)" in out
    assert "This log does not hold." in out
    status, values = said("log", tmp_path, *ME)
    assert (status, values["valid"]) == (1, False)
    assert ["TREE", "entry 41"] in [[each["check"], each["where"]] for each in values["found"]]


def test_it_goes_on_where_it_ended_and_keeps_its_state_only_when_all_holds(tmp_path: Path) -> None:
    entries, state = events(600), tmp_path / "state"
    Published(entries[:300]).write(tmp_path / "log")
    status, values = said("log", tmp_path / "log", *ME, "--state", state)
    assert (status, values["first"], values["size"]) == (0, 0, 300)
    kept = state.read_bytes()
    later = Published(entries).write(tmp_path / "log")
    (later / "tile/entries/001").write_bytes(b"")
    status, values = said("log", later, *ME, "--state", state)
    assert (status, values["first"], state.read_bytes()) == (1, 300, kept)
    Published(entries).write(later)
    status, out, _ = run("log", later, *ME, "--state", state)
    assert status == 0
    assert "600 entries, of which 300 were verified before" in out
    assert "holds    known" in out
    assert state.read_bytes() != kept


def test_two_trees_for_one_size_are_kept_for_everybody(tmp_path: Path) -> None:
    Published(events(20)).write(tmp_path / "log")
    (tmp_path / "kept").write_bytes(Published(events(20, 4)).files["checkpoint"])
    command: list[str | Path] = ["log", tmp_path / "log", *ME, "--known", tmp_path / "kept"]
    status, values = said(*command, cwd=tmp_path)
    file = tmp_path / "pteri-log-suspicion.json"
    assert (status, values["suspicion"], values["evidence"]) == (1, "SPLIT_VIEW", file.name)
    status, out, _ = run("split", file, *ME)
    assert status == 0
    assert "for one size it signed two trees" in out
    assert "This proves it to anybody" in out
    status, values = said("split", file, "--log-key", log_signer("stranger").verifier.text)
    assert (status, values["code"]) == (1, "NOTE_SIGNATURE")
    # What was kept once is not overwritten.
    before = file.read_bytes()
    status, out, err = run(*command, cwd=tmp_path)
    assert (status, file.read_bytes()) == (1, before)
    assert "Cannot write pteri-log-suspicion.json" in err


def test_two_hand_overs_of_a_phone_are_told_with_their_keys(tmp_path: Path) -> None:
    keys = [log_signer("new"), log_signer("thief")]
    entries = [rotation_leaf(LOG, key, place=20) for key in keys]
    file = tmp_path / "evidence-1.json"
    file.write_bytes(encode_suspicion(two_handovers(entries[0], entries[1], expected_old=LOG.verifier)))
    status, values = said("split", file, *ME)
    assert (status, values["kind"], values["proof"], values["places"]) == (0, "TWO_HANDOVERS", True, [20, 20])
    assert values["keys"] == [key.verifier.text for key in keys]
    _, out, _ = run("split", file, *ME)
    assert "a key hands over once. Somebody else has it, or its owner lies." in out
    assert run("split", file, "--log-key", log_signer("stranger").verifier.text)[0] == 1


def test_a_smaller_tree_is_kept_and_is_no_proof(tmp_path: Path) -> None:
    published = Published(events(20))
    Published(events(19)).write(tmp_path / "log")
    (tmp_path / "kept").write_bytes(published.files["checkpoint"])
    file = tmp_path / "evidence.json"
    status, _, _ = run("log", tmp_path / "log", *ME, "--known", tmp_path / "kept", "--evidence", file)
    assert status == 1
    status, out, _ = run("split", file, *ME)
    assert status == 0
    assert "By itself this is no proof." in out


def test_a_log_is_read_from_a_site(tmp_path: Path) -> None:
    Published(events(300)).write(tmp_path / "log")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        status, values = said("log", f"http://127.0.0.1:{server.server_port}/log", *ME)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (status, values["valid"], values["size"]) == (0, True, 300)


def test_where_there_is_no_log_nothing_can_be_verified(tmp_path: Path) -> None:
    status, values = said("log", tmp_path, *ME)
    assert (status, values["code"]) == (1, "CHECKPOINT")
    status, out, _ = run("log", tmp_path, *ME)
    assert out.startswith("Nothing can be verified: no checkpoint: is not there")


@pytest.mark.parametrize(
    "options",
    [
        ["--log-key", "not a key"],
        [*ME, "--witness", "not a key"],
        [*ME, *SEEN, "--needed", "4"],
        [*ME, "--known", "none"],
        [*ME, "--state", "."],
    ],
)
def test_options_that_cannot_be_are_usage(tmp_path: Path, options: list[str]) -> None:
    Published(events(3)).write(tmp_path)
    status, out, err = run("log", tmp_path, *options, cwd=tmp_path)
    assert (status, out) == (2, "")
    assert "Cannot" in err


def test_what_the_auditor_kept_and_is_damaged_says_nothing_of_the_log(tmp_path: Path) -> None:
    Published(events(3)).write(tmp_path / "log")
    (tmp_path / "kept").write_bytes(b"damaged")
    for option in ("--state", "--known"):
        status, out, err = run("log", tmp_path / "log", *ME, option, tmp_path / "kept")
        assert (status, out) == (2, "")
        assert "Cannot use what you kept: " in err


@pytest.mark.parametrize("where", ["none", "ftp://log.example", "http://log.example"])
def test_what_is_no_place_of_a_log_is_usage(tmp_path: Path, where: str) -> None:
    assert run("log", where, *ME, cwd=tmp_path)[0] == 2


def test_a_suspicion_that_is_none_is_no(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"{}")
    status, values = said("split", file, *ME)
    assert (status, values["code"]) == (1, "SUSPICION")
    assert run("split", tmp_path / "none", *ME)[0] == 2
    assert run("split", file, "--log-key", "not a key")[0] == 2
