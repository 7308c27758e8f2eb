"""The index key of a log: made once with the log, told beside its key, and never another one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pteri.core.log.index import parse_index_key
from pteri.core.log.note import parse_verifier
from pteri.key_files import create_key_file
from pteri.log_key import account_indexes
from pteri.log_settings import LogSettings
from pteri.logbook import begin_log, look
from pteri.provision import provision
from pteri.settings import SettingsError, load_settings


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """The settings of a new service without a log."""
    made = provision(tmp_path / "service", domain="bank.example", tenant="bank", network="regtest", port=8752)
    return made.settings


def log_of(path: Path) -> LogSettings:
    log = load_settings(path).log
    assert log is not None
    return log


def pteri(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pteri", "log", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_new_log_tells_both_keys_and_shows_them_again(service: Path) -> None:
    begun = json.loads(pteri("new", "--config", str(service), "--json").stdout)
    assert parse_verifier(begun["log_key"]).name == parse_index_key(begun["index_key"]).name == "bank.example/pteri"
    shown = pteri("show", "--config", str(service)).stdout
    assert begun["log_key"] in shown
    assert begun["index_key"] in shown
    key_file = log_of(service).index_key_file
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert key_file.read_text().strip() not in shown


def test_a_beginning_without_its_index_key_is_finished_by_the_same_command(service: Path) -> None:
    """Cut off after the first key: nothing was begun, and that key is taken."""
    coming = LogSettings(
        origin="bank.example/pteri",
        key_file=service.with_name("log.key"),
        index_key_file=service.with_name("index.key"),
    )
    create_key_file(coming.key_file, bytes(range(32)), what="log key")
    begun = begin_log(service, load_settings(service), None)
    assert begun.index == account_indexes(log_of(service)).public
    assert coming.key_file.read_text().strip() == bytes(range(32)).hex()


def test_a_lost_index_key_is_asked_for_and_no_new_one_is_made(service: Path) -> None:
    begin_log(service, load_settings(service), None)
    log_of(service).index_key_file.unlink()
    for attempt in (lambda: begin_log(service, load_settings(service), None), lambda: look(load_settings(service))):
        with pytest.raises(SettingsError, match=r"[Rr]estore"):
            attempt()
    assert not log_of(service).index_key_file.exists()


def test_another_index_key_than_that_of_the_log_is_told_to_nobody(service: Path) -> None:
    begin_log(service, load_settings(service), None)
    path = log_of(service).index_key_file
    path.unlink()
    create_key_file(path, bytes(range(32)), what="index key")
    shown = pteri("show", "--config", str(service))
    assert shown.returncode != 0
    assert "restore that key" in shown.stderr
    assert account_indexes(log_of(service)).public.text not in shown.stdout + shown.stderr


def test_a_service_does_not_start_with_another_index_key(service: Path) -> None:
    begin_log(service, load_settings(service), None)
    path = log_of(service).index_key_file
    path.unlink()
    create_key_file(path, bytes(range(32)), what="index key")
    command = [sys.executable, "-m", "pteri", "serve", "--config", str(service)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "another index key than the settings say" in done.stdout + done.stderr
