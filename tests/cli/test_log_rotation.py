"""``pteri log rotate``: a log goes on under a new key, whatever was cut off on the way."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pteri import durable
from pteri.adapters.store.opening import open_store
from pteri.app.log_ports import LogState
from pteri.core.log.rotation import LogKeys
from pteri.key_files import create_key_file
from pteri.log_key import log_signer
from pteri.log_settings import LogSettings
from pteri.logbook import _hand_over, begin_log, look, rotate
from pteri.provision import provision
from pteri.settings import Settings, SettingsError, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A new service whose log has begun."""
    made = provision(tmp_path / "service", domain="bank.example", tenant="bank", network="regtest", port=8751)
    begin_log(made.settings, load_settings(made.settings), None)
    return load_settings(made.settings)


def log_of(settings: Settings) -> LogSettings:
    assert settings.log is not None
    return settings.log


async def _book(settings: Settings) -> tuple[LogState, list[tuple[int, bytes]]]:
    store = await open_store(str(settings.server.database))
    try:
        state = await store.book.state()
        assert state is not None
        return state, await store.book.own_leaves()
    finally:
        await store.close()


def keys_after(settings: Settings, first: LogKeys) -> LogKeys:
    """The keys as whoever knew only the first one follows them through the log."""
    _, leaves = asyncio.run(_book(settings))
    for place, leaf in leaves:
        first = first.after(leaf, place=place)
    return first


def test_who_knows_the_first_key_finds_the_newest_in_the_log(settings: Settings) -> None:
    log = log_of(settings)
    first = LogKeys.first(log_signer(log).verifier)
    old = log.key_file.read_bytes()
    done = rotate(settings)
    assert log_signer(log).verifier == done.verifier != first.current
    assert done.old_key_file.read_bytes() == old
    assert rotate(settings).verifier != done.verifier
    assert keys_after(settings, first).current.text == look(settings).log_key
    assert look(settings).size == 2
    assert sorted(path.name.split(".")[0] for path in log.key_file.parent.glob("log.key*")) == ["log"] * 3


def left_by_a_rotation(settings: Settings, random: bytes = bytes(range(32))) -> LogSettings:
    """The key that one made which was cut off before anything else."""
    log = log_of(settings)
    coming = msgspec.structs.replace(log, key_file=log.key_file.with_name("log.key.next"))
    create_key_file(coming.key_file, random, what="log key")
    return coming


def hand_over(settings: Settings, coming: LogSettings) -> None:
    """What comes next, and nothing after it."""

    async def only_the_log() -> None:
        store = await open_store(str(settings.server.database))
        await _hand_over(store, log_signer(log_of(settings)), log_signer(coming))
        await store.close()

    asyncio.run(only_the_log())


def test_a_key_that_a_rotation_left_before_the_log_had_it_is_set_aside_and_never_taken(settings: Settings) -> None:
    """Whoever stole the old key since then has this one, too."""
    log = log_of(settings)
    first = LogKeys.first(log_signer(log).verifier)
    coming = left_by_a_rotation(settings)
    left, raw = log_signer(coming).verifier, coming.key_file.read_bytes()
    assert look(settings).unfinished_rotation == str(coming.key_file)
    assert "pteri log rotate" in look(settings).text
    done = rotate(settings)
    assert done.verifier not in {left, first.current}
    assert not done.was_finished
    assert done.set_aside is not None
    assert done.set_aside.read_bytes() == raw
    assert done.set_aside.name == f"log.key.unused.{left.id.hex()}"
    assert keys_after(settings, first).keys[1:] == ((1, done.verifier),)
    assert look(settings).unfinished_rotation is None
    assert rotate(settings).set_aside is None


def test_a_rotation_that_was_cut_off_after_the_log_had_the_key_is_finished_by_the_same_command(
    settings: Settings,
) -> None:
    log = log_of(settings)
    first = LogKeys.first(log_signer(log).verifier)
    coming = left_by_a_rotation(settings)
    hand_over(settings, coming)
    new = log_signer(coming).verifier
    with pytest.raises(SettingsError, match="pteri log rotate"):
        look(settings)
    done = rotate(settings)
    assert done.was_finished
    assert done.verifier == new == log_signer(log).verifier
    assert not coming.key_file.exists()
    assert keys_after(settings, first).keys[1:] == ((1, new),)
    assert look(settings).log_key == new.text


def test_show_says_nothing_of_a_log_whose_newest_checkpoint_another_key_signed(settings: Settings) -> None:
    log = log_of(settings)
    log.key_file.write_bytes(bytes(32).hex().encode() + b"\n")
    with pytest.raises(SettingsError, match="not signed by the key"):
        look(settings)
    # Nor is a key that lies there by chance the one that signed.
    left_by_a_rotation(settings)
    with pytest.raises(SettingsError, match="not signed by the key"):
        look(settings)


def test_one_rotation_at_a_time(settings: Settings) -> None:
    """The second one would take the key of the first for one that was left, and the log would go to it."""
    log = log_of(settings)
    before = sorted(path.name for path in log.key_file.parent.iterdir())
    with durable.locked(log.key_file.with_name(".log.key.lock"), wait=False), pytest.raises(SettingsError, match="way"):
        rotate(settings)
    assert sorted(path.name for path in log.key_file.parent.iterdir()) == sorted([*before, ".log.key.lock"])
    assert asyncio.run(_book(settings))[1] == []


DYING = """
import itertools, os, signal, sys
from pathlib import Path
from pteri import durable
from pteri.adapters.store.opening import open_store
from pteri.logbook import rotate
from pteri.settings import load_settings

settings, last, seen = load_settings(Path(sys.argv[1])), int(sys.argv[2]), itertools.count(1)

def look(event, arguments):
    # Whatever it asks of the file system about its keys.
    if event.startswith(("os.", "open")) and any("log.key" in str(each) for each in arguments):
        if next(seen) == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(look)
rotate(settings)
"""


@pytest.mark.slow
def test_a_rotation_that_is_killed_anywhere_is_recovered_by_the_same_command(tmp_path: Path) -> None:
    ends = set()
    for last in itertools.count(1):
        made = provision(tmp_path / str(last), domain="bank.example", tenant="bank", network="regtest", port=8751)
        begin_log(made.settings, load_settings(made.settings), None)
        settings = load_settings(made.settings)
        log = log_of(settings)
        first = LogKeys.first(log_signer(log).verifier)
        code = subprocess.run(
            [sys.executable, "-c", DYING, str(made.settings), str(last)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            timeout=60,
            check=False,
        ).returncode
        if code == 0:
            break
        assert code == -signal.SIGKILL
        done = rotate(settings)
        ends.add((done.was_finished, done.set_aside is not None))
        keys = keys_after(settings, first)
        assert keys.current == done.verifier == log_signer(log).verifier
        assert look(settings).log_key == done.verifier.text
        # Every key that the log had lies somewhere, and no half one does.
        there = {path.name for path in log.key_file.parent.iterdir()}
        assert {f"log.key.{key.id.hex()}" for _, key in keys.keys[:-1]} <= there
        assert "log.key.next" not in there
        assert not [name for name in there if name.endswith(".part")]
    # Before the log had the key, after it, and at the last step, where it is finished and one more begins.
    assert ends == {(False, False), (False, True), (True, False)}


def test_a_rotation_that_was_cut_off_at_its_last_step_does_not_stand_for_the_next_one(settings: Settings) -> None:
    log = log_of(settings)
    first = LogKeys.first(log_signer(log).verifier)
    done = rotate(settings)
    # The new key lay in its place, and its first place was not empty yet.
    coming = log.key_file.with_name("log.key.next")
    coming.write_bytes(log.key_file.read_bytes())
    coming.chmod(0o600)
    again = rotate(settings)
    assert again.verifier != done.verifier
    assert [key for _, key in keys_after(settings, first).keys[1:]] == [done.verifier, again.verifier]
    kept = {path.name for path in log.key_file.parent.glob("log.key.*")}
    assert kept == {f"log.key.{key.id.hex()}" for key in (first.current, done.verifier)}


def test_a_key_that_never_signed_this_log_hands_nothing_over(settings: Settings) -> None:
    log = log_of(settings)
    before, _ = asyncio.run(_book(settings))
    log.key_file.write_bytes(bytes(32).hex().encode() + b"\n")
    with pytest.raises(Exception, match="another key"):
        rotate(settings)
    assert asyncio.run(_book(settings)) == (before, [])


def test_a_log_that_never_began_has_no_key_to_rotate(tmp_path: Path) -> None:
    made = provision(tmp_path / "service", domain="bank.example", tenant="bank", network="regtest", port=8751)
    with pytest.raises(SettingsError, match="pteri log new"):
        rotate(load_settings(made.settings))
