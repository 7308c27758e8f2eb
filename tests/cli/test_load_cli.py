"""``pteri load`` against a real service: real signatures, an end, and a ledger that the registry agrees with."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from pteri.checkup import read_ledger
from pteri.provision import provision


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pteri", *words]


def driven(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), capture_output=True, text=True, check=False, timeout=120)


def load_words(tmp_path: Path, *words: str) -> tuple[str, ...]:
    return ("load", "--config", str(tmp_path / "service" / "pteri.toml"), *words)


def load(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return driven(*load_words(tmp_path, *words))


@contextmanager
def loading(tmp_path: Path, ledger: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run that goes on while the block does something, from its fifth acknowledged sign-in on."""
    started = command(*load_words(tmp_path, "--ledger", str(ledger), "--json", *words))
    with subprocess.Popen(started, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            for _ in range(1200):
                if ledger.exists() and len(read_ledger(ledger)) >= 5:
                    break
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=0.05)
                assert process.poll() is None, process.communicate()
            yield process
        finally:
            process.kill()


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A new service on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return provision(tmp_path / "service", domain="bank.example", tenant="bank", network="main", port=port).settings


@contextmanager
def serving(settings: Path) -> Iterator[None]:
    """Runs while the block does, and is killed at its end, in the middle of what it does."""
    serve = [sys.executable, "-m", "pteri", "serve", "--config", str(settings)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["event"] == "listening"
            yield
        finally:
            process.kill()


def signed_in(settings: Path) -> set[tuple[str, str]]:
    """Request and account of every completed sign-in in the registry."""
    with closing(sqlite3.connect(settings.parent / "pteri.sqlite3")) as connection:
        rows = connection.execute("SELECT payload FROM events").fetchall()
    events = [json.loads(payload) for (payload,) in rows]
    return {(event["event"]["request"], event["account"]) for event in events if event["event"]["event"] == "SignedIn"}


@pytest.mark.slow
def test_sign_ins_that_are_acknowledged_are_in_the_registry_and_people_are_found_again(
    tmp_path: Path, settings: Path
) -> None:
    ledger = tmp_path / "ledger"
    words = ("--clients", "4", "--processes", "2", "--people", "8", "--ledger", str(ledger), "--json")
    with serving(settings):
        first = load(tmp_path, "--sign-ins", "13", *words)
        # The second run meets people who have their accounts already, and shows each sign-in on the phones, too.
        second = load(tmp_path, "--sign-ins", "9", "--prompt", *words)
    reports = [json.loads(done.stdout) for done in (first, second)]
    assert [(report["sign_ins"], report["failed"], report["refused"]) for report in reports] == [
        (13, 0, {}),
        (9, 0, {}),
    ]
    assert reports[0]["steps"]["response"]["count"] == 13
    lines = read_ledger(ledger)
    assert {(line.request, line.account) for line in lines} == signed_in(settings)
    assert (len(lines), len({line.account for line in lines})) == (22, 8)


@pytest.mark.slow
def test_a_run_over_time_ends_and_is_told_to_people(tmp_path: Path, settings: Path) -> None:
    with serving(settings):
        done = load(tmp_path, "--seconds", "1", "--clients", "2", "--people", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "sign-ins in" in done.stdout
    assert "the generator:" in done.stdout


@pytest.mark.slow
def test_ctrl_c_ends_a_run_early_with_a_report_of_what_was_done(tmp_path: Path, settings: Path) -> None:
    ledger = tmp_path / "ledger"
    words = ("--seconds", "300", "--clients", "2", "--processes", "2", "--people", "2")
    with serving(settings), loading(tmp_path, ledger, *words) as process:
        os.killpg(process.pid, signal.SIGINT)
        report = json.loads(process.communicate(timeout=60)[0])
    assert (process.returncode, report["failed"]) == (0, 0)
    assert report["sign_ins"] == len(read_ledger(ledger)) >= 5


@pytest.mark.slow
def test_a_service_that_is_killed_and_started_again_under_load_has_all_that_was_acknowledged(
    tmp_path: Path, settings: Path
) -> None:
    ledger = tmp_path / "ledger"
    with ExitStack() as stack:
        with serving(settings):
            process = stack.enter_context(
                loading(tmp_path, ledger, "--sign-ins", "60", "--clients", "4", "--people", "4")
            )
        # Killed with requests under way; whoever asks now hears nothing.
        with serving(settings):
            report = json.loads(process.communicate(timeout=120)[0])
    assert (report["sign_ins"], report["failed"], report["refused"]) == (60, 0, {})
    assert report["repeated"] > 0
    lines = read_ledger(ledger)
    assert len(lines) == 60
    assert {(line.request, line.account) for line in lines} == signed_in(settings)


def test_a_service_that_is_not_there_is_said_in_one_sentence(tmp_path: Path, settings: Path) -> None:
    assert settings.exists()
    done = load(tmp_path, "--sign-ins", "5", "--clients", "1", "--people", "1", "--patience", "0.1")
    assert (done.returncode, done.stdout, done.stderr) == (1, "The run failed: Refused: UNREACHABLE\n", "")


def test_a_run_without_an_end_is_a_usage_error(tmp_path: Path, settings: Path) -> None:
    assert settings.exists()
    done = load(tmp_path)
    assert (done.returncode, done.stderr) == (2, "Say how much: --sign-ins N or --seconds N.\n")
    as_json = load(tmp_path, "--json")
    assert (as_json.returncode, json.loads(as_json.stdout)) == (
        2,
        {"error": "Say how much: --sign-ins N or --seconds N."},
    )


def test_settings_and_tenant_must_be_there(tmp_path: Path, settings: Path) -> None:
    assert settings.exists()
    assert load(tmp_path, "--tenant", "shop", "--sign-ins", "1").stderr == (
        "Which tenant? Give --tenant with one of: bank\n"
    )
    settings.unlink()
    missing = load(tmp_path, "--sign-ins", "1")
    assert (missing.returncode, missing.stderr.startswith("There is no settings file")) == (2, True)


@pytest.mark.parametrize("wrong", ["not a key\n", "AAAA\n", "A" * 43 + "\n"])
def test_a_wrong_client_key_is_told_before_anything_is_sent(tmp_path: Path, settings: Path, wrong: str) -> None:
    (settings.parent / "client.key").write_text(wrong)
    done = load(tmp_path, "--sign-ins", "1", "--clients", "1")
    assert (done.returncode, "is not the key of a relying party" in done.stderr) == (2, True)
    (settings.parent / "client.key").unlink()
    assert "Cannot read the key" in load(tmp_path, "--sign-ins", "1").stderr


def test_the_benchmarks_say_what_they_can() -> None:
    done = driven("bench", "--help")
    assert done.returncode == 0
    assert "--quick" in done.stdout
