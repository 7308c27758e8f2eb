"""``pteri log rotate``: a log goes on under a new key, whatever was cut off on the way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

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


def test_a_rotation_that_was_cut_off_is_finished_by_the_same_command(settings: Settings) -> None:
    log = log_of(settings)
    first = LogKeys.first(log_signer(log).verifier)
    # Cut off before the log had handed over: the new key is taken that is there already.
    coming = msgspec.structs.replace(log, key_file=log.key_file.with_name("log.key.next"))
    create_key_file(coming.key_file, bytes(range(32)), what="log key")
    new = log_signer(coming).verifier
    assert rotate(settings).verifier == new
    # Cut off after that, and before the new key lay in its place.
    create_key_file(coming.key_file, bytes(range(1, 33)), what="log key")

    async def only_the_log() -> None:
        store = await open_store(str(settings.server.database))
        await _hand_over(store, log_signer(log), log_signer(coming))
        await store.close()

    asyncio.run(only_the_log())
    newer = log_signer(coming).verifier
    assert rotate(settings).verifier == newer == log_signer(log).verifier
    assert not coming.key_file.exists()
    assert keys_after(settings, first).keys[1:] == ((1, new), (2, newer))
    assert look(settings).size == 2


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
