"""The file of deployment keys, and the commands that change it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pteri import keyring
from pteri.adapters.key_ring import MAX_KEYS, KeyRing, KeyRingError, Standing
from pteri.core.keys.secret import Secret
from pteri.deployment_key import locked_key_ring, read_key_ring, write_key_ring
from pteri.keyring import KeyNeeded, add_key, distrust, look, rekey_all, retire, rotate
from pteri.provision import provision
from pteri.settings import Settings, SettingsError, load_settings

DAY = 86_400


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = provision(tmp_path / "service", domain="bank.example", tenant="bank", network="main", port=8750)
    return load_settings(made.settings)


def secret(number: int) -> Secret:
    return Secret(bytes([number]) * 32)


def ring_of(settings: Settings) -> KeyRing:
    return read_key_ring(settings.server.deployment_key_file)


def aged(settings: Settings) -> None:
    """As if the rotation were long ago."""
    path = settings.server.deployment_key_file
    path.write_text(path.read_text().replace(str(ring_of(settings).keys[-1].stopped_at), "1700000000"))


def test_a_key_comes_writes_and_goes(settings: Settings) -> None:
    first = ring_of(settings).current.name
    second = add_key(settings)
    assert [key.standing for key in ring_of(settings)] == [Standing.NEXT, Standing.CURRENT]
    assert ring_of(settings).current.name == first
    rotate(settings)
    assert ring_of(settings).current.name == second
    assert [key.name for key in look(settings)] == [second, first]
    rekey_all(settings)
    with pytest.raises(KeyNeeded, match="seven days"):
        retire(settings, first)
    distrust(settings, first)
    assert [key.standing for key in ring_of(settings)] == [Standing.CURRENT, Standing.DISTRUSTED]
    aged(settings)
    retire(settings, first)
    assert [key.name for key in ring_of(settings)] == [second]
    assert [key.name for key in look(settings)] == [second]
    assert settings.server.deployment_key_file.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_done_now_says_so_and_changes_nothing(settings: Settings) -> None:
    path, first = settings.server.deployment_key_file, ring_of(settings).current.name
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="pteri key new"):
        rotate(settings)
    for step in (distrust, retire):
        with pytest.raises(SettingsError, match="is current"):
            step(settings, first)
        with pytest.raises(SettingsError, match="There is no key"):
            step(settings, "nothing!")
    assert path.read_bytes() == before
    add_key(settings)
    with pytest.raises(SettingsError, match="next already"):
        add_key(settings)


def test_a_new_key_that_the_database_has_not_heard_of_is_finished_by_the_same_command(settings: Settings) -> None:
    path = settings.server.deployment_key_file
    look(settings)  # the database knows its first key
    cut_off = ring_of(settings).with_next(secret(7))
    write_key_ring(path, cut_off)
    with pytest.raises(SettingsError, match="Finish"):
        rotate(settings)
    with pytest.raises(SettingsError, match="pteri key new"):
        look(settings)
    assert add_key(settings) == cut_off.keys[0].name
    assert path.read_bytes() == path.read_bytes()
    assert len(look(settings)) == 2


def test_a_retirement_that_was_cut_off_is_finished_by_the_same_command(settings: Settings) -> None:
    path, first = settings.server.deployment_key_file, ring_of(settings).current.name
    add_key(settings)
    rotate(settings)
    aged(settings)
    before = path.read_bytes()
    retire(settings, first)
    path.write_bytes(before)  # killed after the database, before the file
    assert len(look(settings)) == 1
    retire(settings, first)
    assert len(ring_of(settings).keys) == 1


def test_a_service_without_a_key_that_its_database_needs_does_not_start(settings: Settings) -> None:
    path = settings.server.deployment_key_file
    before = path.read_bytes()
    add_key(settings)
    path.write_bytes(before)
    with pytest.raises(SettingsError, match="needs the deployment key"):
        look(settings)


def test_keys_of_another_database_get_no_new_one(settings: Settings) -> None:
    look(settings)
    path = settings.server.deployment_key_file
    write_key_ring(path, KeyRing.of(secret(9)))
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="another deployment key"):
        add_key(settings)
    assert path.read_bytes() == before


def test_one_command_at_a_time_changes_the_keys(settings: Settings) -> None:
    with (
        locked_key_ring(settings.server.deployment_key_file),
        pytest.raises(SettingsError, match="Another `pteri key`"),
    ):
        add_key(settings)


def test_there_are_at_most_four_keys() -> None:
    ring = KeyRing.of(secret(1))
    for number in range(2, MAX_KEYS + 1):
        ring = ring.with_next(secret(number)).rotated(number)
    with pytest.raises(KeyRingError, match="Retire one"):
        ring.with_next(secret(9))


@pytest.mark.parametrize(
    "text",
    [
        "pteri-keys-1\n",
        "pteri-keys-1\nnext {0}\n",
        "pteri-keys-1\ncurrent {0}\ncurrent {1}\n",
        "pteri-keys-1\ncurrent {0}\nnext {1}\n",
        "pteri-keys-1\ncurrent {0}\nformer {0} 5\n",
        "pteri-keys-1\ncurrent {0}\nsomething {1}\n",
        "pteri-keys-1\ncurrent {0}\n\n",
        "pteri-keys-2\ncurrent {0}\n",
        "current {0}\n",
        "pteri-keys-1\ncurrent {0}\nformer {1} 05\n",
    ],
)
def test_another_spelling_of_the_file_is_none(settings: Settings, text: str) -> None:
    path = settings.server.deployment_key_file
    path.write_text(text.format("01" * 32, "02" * 32))
    with pytest.raises(SettingsError, match="is not a deployment key"):
        read_key_ring(path)


def test_the_command_says_what_to_do_next(settings: Settings, tmp_path: Path) -> None:
    config = tmp_path / "service" / "pteri.toml"

    def pteri(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pteri", "key", *words, "--config", str(config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))

    assert "pteri key rotate" in pteri("new").stdout
    assert "pteri key rekey" in pteri("rotate").stdout
    shown = pteri("show").stdout
    assert "current" in shown
    assert "former since" in shown
    assert "0 lines" in pteri("rekey").stdout
    refused = pteri("distrust", "nothing!")
    assert (refused.returncode, "There is no key" in refused.stderr) == (2, True)
    assert keyring.KEPT_DAYS == 8
