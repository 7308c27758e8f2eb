"""``pteri log``: a log and its key are begun by their own command, and whatever does not fit is said in a sentence."""

from __future__ import annotations

import json
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from notes import WITNESSES, log_signer
from pteri.core.log.note import parse_verifier
from pteri.provision import provision
from pteri.settings import SettingsError, load_settings

STRANGER = "acct_5X3N8J2K7Q4M5X3N8J2K"


def pteri(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pteri", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def log(settings: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return pteri("log", *arguments, "--config", str(settings))


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A new service without a log."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    made = pteri("init", str(tmp_path / "svc"), "--domain", "bank.example", "--port", str(port))
    assert made.returncode == 0, made.stderr
    return tmp_path / "svc" / "pteri.toml"


def refused(done: subprocess.CompletedProcess[str], *said: str) -> None:
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in said), done.stderr


def test_a_new_user_begins_a_log_and_sees_that_it_is_empty(settings: Path) -> None:
    refused(log(settings, "show"), "pteri log new")
    begun = log(settings, "new", "--json")
    assert begun.returncode == 0, begun.stderr
    said = json.loads(begun.stdout)
    assert said["origin"] == "bank.example/pteri"
    assert parse_verifier(said["log_key"]).name == said["origin"]
    key = settings.with_name("log.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().strip() not in begun.stdout
    seen = json.loads(log(settings, "show", "--json").stdout)
    assert (seen["log_key"], seen["size"], seen["waiting"], seen["needed"]) == (said["log_key"], 0, 0, 0)
    assert "Name witnesses" in log(settings, "show").stdout


def test_a_log_has_the_name_that_was_asked_for_and_keeps_it(settings: Path) -> None:
    refused(log(settings, "new", "--origin", "https://bank.example/log"), "without a scheme")
    assert not settings.with_name("log.key").exists()
    assert json.loads(log(settings, "new", "--origin", "log.example/1", "--json").stdout)["origin"] == "log.example/1"
    refused(log(settings, "new", "--origin", "log.example/2"), "log.example/1")


def test_a_log_is_begun_once_and_its_key_stays(settings: Path) -> None:
    assert log(settings, "new").returncode == 0
    before = settings.read_bytes(), settings.with_name("log.key").read_bytes()
    refused(log(settings, "new"), "already")
    assert (settings.read_bytes(), settings.with_name("log.key").read_bytes()) == before


def test_no_second_key_is_made_for_a_log_whose_key_is_gone(settings: Path) -> None:
    assert log(settings, "new").returncode == 0
    key = settings.with_name("log.key")
    lost = key.read_bytes()
    key.unlink()
    refused(log(settings, "new"), "Restore its key", str(key))
    assert not key.exists()
    refused(pteri("serve", "--config", str(settings)), str(key))
    key.write_bytes(lost)
    key.chmod(0o600)
    assert log(settings, "show").returncode == 0


def test_a_beginning_that_was_cut_off_is_finished_by_the_same_command(settings: Path) -> None:
    text = settings.read_text()
    first = json.loads(log(settings, "new", "--json").stdout)
    # Key and database had been written, and the settings had not.
    settings.write_text(text)
    assert json.loads(log(settings, "new", "--json").stdout) == first
    assert json.loads(log(settings, "show", "--json").stdout)["log_key"] == first["log_key"]


def test_serve_refuses_a_database_without_the_log_that_the_settings_name(settings: Path) -> None:
    assert log(settings, "new").returncode == 0
    with closing(sqlite3.connect(settings.with_name("pteri.sqlite3"))) as connection:
        connection.execute("DELETE FROM log_state")
        connection.commit()
    refused(pteri("serve", "--config", str(settings)), "pteri log new", "restore the right database")


def test_serve_refuses_the_key_of_another_log_and_does_not_show_it(settings: Path) -> None:
    assert log(settings, "new").returncode == 0
    key = settings.with_name("log.key")
    key.write_text("17" * 32 + "\n")
    done = pteri("serve", "--config", str(settings))
    refused(done, "another key")
    assert "17" * 32 not in done.stderr + done.stdout


def test_an_account_is_erased_only_by_somebody_who_is_sure(settings: Path) -> None:
    assert log(settings, "new").returncode == 0
    refused(log(settings, "erase", "bank", STRANGER), "--yes")
    refused(log(settings, "erase", "bank", "bob", "--yes"))
    nobody = log(settings, "erase", "bank", STRANGER, "--yes")
    assert nobody.returncode == 1
    assert "no such account" in nobody.stdout


KEYS = 'key_file = "log.key"\nindex_key_file = "log-index.key"\n'
GOOD = 'origin = "bank.example/pteri"\n' + KEYS
WITNESS = WITNESSES[0].verifier.text
BAD = {
    "an unknown setting": (GOOD + "orign = 1\n", ["log", "orign"]),
    "no origin": (KEYS, ["log", "origin"]),
    "no key file": ('origin = "bank.example/pteri"\nindex_key_file = "x"\n', ["log", "key_file"]),
    "no index key file": ('origin = "bank.example/pteri"\nkey_file = "x"\n', ["log", "index_key_file"]),
    "an origin with a scheme": ('origin = "https://bank.example"\n' + KEYS, ["log", "origin"]),
    "an origin with a plus": ('origin = "bank.example+x"\n' + KEYS, ["log", "origin"]),
    "fewer than no witnesses": (GOOD + "needed = -1\n", ["log", "needed"]),
    "more witnesses needed than there are": (GOOD + "needed = 1\n", ["log"]),
    "a witness with a bad key": (
        GOOD + 'needed = 1\n[[log.witnesses]]\nkey = "x"\nurl = "https://w.example"\n',
        ["log"],
    ),
    "a log as a witness": (
        GOOD + f'needed = 1\n[[log.witnesses]]\nkey = "{log_signer().verifier.text}"\nurl = "https://w.example"\n',
        ["witness"],
    ),
    "one witness twice": (
        GOOD + "needed = 2\n" + 2 * f'[[log.witnesses]]\nkey = "{WITNESS}"\nurl = "https://w.example"\n',
        ["log"],
    ),
    "witnesses of whom none is needed": (
        GOOD + f'[[log.witnesses]]\nkey = "{WITNESS}"\nurl = "https://w.example"\n',
        ["log"],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_setting_of_the_log_is_named(tmp_path: Path, name: str) -> None:
    table, said = BAD[name]
    made = provision(tmp_path / "svc", domain="bank.example", tenant="bank", network="regtest", port=8751).settings
    made.write_text(made.read_text() + "\n[log]\n" + table)
    with pytest.raises(SettingsError) as refusal:
        load_settings(made)
    assert all(word in str(refusal.value) for word in said)
