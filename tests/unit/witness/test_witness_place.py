"""The directory of a witness: what is made, what is read, and what stops it."""

from __future__ import annotations

from pathlib import Path

import pytest

from notes import LOG, ORIGIN, WITNESSES, log_signer, private
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.witness.place import (
    Place,
    WitnessError,
    distrust,
    make_witness,
    memory_path,
    open_place,
    read_memory,
    trust,
    write_memory,
)
from watching import NEXT_KEY, TREE, made_witness

RANDOM = private("a witness").seed.reveal()


def test_a_new_witness_has_its_key_to_itself_and_watches_nobody(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "witness"
    verifier = make_witness(home, 'quoted"back\\slash.example', RANDOM)
    place = open_place(home)
    assert (place.signer.verifier, place.logs) == (verifier, {})
    assert (home / "witness.key").stat().st_mode & 0o077 == 0
    assert home.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["", "two words", "a+b", "line\nline"])
def test_a_name_can_stand_in_a_note(tmp_path: Path, name: str) -> None:
    with pytest.raises(WitnessError, match="name"):
        make_witness(tmp_path / "witness", name, RANDOM)
    assert not (tmp_path / "witness").exists()


def test_a_witness_is_not_made_over_another(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    with pytest.raises(WitnessError, match="already"):
        make_witness(place.directory, "other.example", private("another").seed.reveal())
    assert open_place(place.directory).signer.verifier == place.signer.verifier


def test_a_key_has_32_bytes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32"):
        make_witness(tmp_path / "witness", "w.example", bytes(31))


def test_where_nothing_can_be_written_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WitnessError, match="Cannot write"):
        make_witness(tmp_path / "file" / "witness", "w.example", RANDOM)


def test_trusting_twice_is_trusting_once_and_keeps_what_is_remembered(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    settings = (place.directory / "witness.toml").read_text()
    assert trust(place.directory, LOG.verifier.text) == LOG.verifier
    assert (place.directory / "witness.toml").read_text() == settings
    trust(place.directory, NEXT_KEY.verifier.text)
    assert open_place(place.directory).logs[ORIGIN].keys == (LOG.verifier, NEXT_KEY.verifier)


def test_a_command_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    """The memory was begun, and the settings do not have the log yet."""
    place = made_witness(tmp_path / "witness")
    settings = place.directory / "witness.toml"
    settings.write_text(settings.read_text().partition("\n")[0])
    trust(place.directory, LOG.verifier.text)
    again = open_place(place.directory)
    assert (again.signer.verifier, again.logs) == (place.signer.verifier, place.logs)
    assert read_memory(place.directory, ORIGIN) is None


def test_a_second_log_has_a_memory_of_its_own(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    other = log_signer("other", "log.other.example")
    trust(place.directory, other.verifier.text)
    assert set(open_place(place.directory).logs) == {ORIGIN, "log.other.example"}
    assert memory_path(place.directory, ORIGIN) != memory_path(place.directory, "log.other.example")


@pytest.mark.parametrize("key", ["", "hello", WITNESSES[0].verifier.text, LOG.verifier.text[:-1]])
def test_what_is_not_the_key_of_a_log_is_not_trusted(tmp_path: Path, key: str) -> None:
    place = made_witness(tmp_path / "witness")
    with pytest.raises(WitnessError, match="not the key of a log"):
        trust(place.directory, key)


def test_where_no_witness_is_nobody_is_trusted(tmp_path: Path) -> None:
    for home in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(WitnessError, match=r"no witness|Is there a witness"):
            trust(home, LOG.verifier.text)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("witness.toml", None, "no witness"),
        ("witness.toml", "name = ", "cannot be read"),
        ("witness.toml", 'name = "w.example"\nport = 1\n', "cannot be read"),
        ("witness.toml", 'name = "two words"\n', "cannot be used"),
        ("witness.toml", f'name = "w.example"\n[[logs]]\nkey = "{WITNESSES[0].verifier.text}"\n', "cannot be used"),
        ("witness.toml", f'name = "w.example"\n{f"[[logs]]{chr(10)}key = {LOG.verifier.text!r}{chr(10)}" * 2}', "used"),
        ("witness.key", None, "Cannot read the key"),
        ("witness.key", "00" * 31, "not the key of a witness"),
    ],
)
def test_a_directory_that_is_not_whole_does_not_open(tmp_path: Path, file: str, content: str | None, said: str) -> None:
    place = made_witness(tmp_path / "witness")
    path = place.directory / file
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(WitnessError, match=said):
        open_place(place.directory)


def test_a_key_that_others_can_read_does_not_open(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    (place.directory / "witness.key").chmod(0o640)
    with pytest.raises(WitnessError, match="chmod 600"):
        open_place(place.directory)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    memory = memory_path(place.directory, ORIGIN)
    memory.unlink()
    memory.mkdir()
    with pytest.raises(WitnessError, match="Cannot read"):
        open_place(place.directory)
    (place.directory / "witness.toml").unlink()
    (place.directory / "witness.toml").mkdir()
    with pytest.raises(WitnessError, match="Cannot read"):
        open_place(place.directory)


# --- a key that a log no longer has -----------------------------------------------------------------------------


def handed_over(place: Place) -> None:
    """The log has a new key, and this witness has seen a checkpoint by it."""
    trust(place.directory, NEXT_KEY.verifier.text)
    write_memory(place.directory, signed_checkpoint(TREE.heads[20], NEXT_KEY))


def test_a_retired_key_is_taken_out_and_what_was_seen_stays(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    handed_over(place)
    assert distrust(place.directory, LOG.verifier.text, surely=False)
    assert open_place(place.directory).logs[ORIGIN].keys == (NEXT_KEY.verifier,)
    last = read_memory(place.directory, ORIGIN)
    assert last is not None
    assert last.head.size == 20
    with pytest.raises(WitnessError, match="does not know this key"):
        distrust(place.directory, LOG.verifier.text, surely=True)


def test_what_else_somebody_wrote_into_the_settings_stays(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    settings = place.directory / "witness.toml"
    settings.write_text("# mine\n" + settings.read_text() + "# who this is\n")
    handed_over(place)
    distrust(place.directory, NEXT_KEY.verifier.text, surely=True)
    assert settings.read_text().startswith("# mine\n")
    assert "# who this is" in settings.read_text()
    assert open_place(place.directory).logs[ORIGIN].keys == (LOG.verifier,)


def test_the_key_that_the_log_signed_with_last_is_not_taken_out_by_mistake(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    handed_over(place)
    with pytest.raises(WitnessError, match="may not have handed over"):
        distrust(place.directory, NEXT_KEY.verifier.text, surely=False)
    assert open_place(place.directory).logs[ORIGIN].keys == (LOG.verifier, NEXT_KEY.verifier)


def test_the_only_key_of_a_log_is_taken_out_by_who_is_sure_and_its_memory_waits(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    write_memory(place.directory, signed_checkpoint(TREE.heads[20], LOG))
    with pytest.raises(WitnessError, match="only key"):
        distrust(place.directory, LOG.verifier.text, surely=False)
    assert not distrust(place.directory, LOG.verifier.text, surely=True)
    assert open_place(place.directory).logs == {}
    trust(place.directory, LOG.verifier.text)
    last = read_memory(place.directory, ORIGIN)
    assert last is not None
    assert last.head.size == 20


def test_settings_that_somebody_wrote_in_another_way_are_left_to_him(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    keys = ", ".join(f'{{ key = "{signer.verifier.text}" }}' for signer in (LOG, NEXT_KEY))
    settings = place.directory / "witness.toml"
    settings.write_text(f'name = "a-witness.example"\nlogs = [{keys}]\n')
    before = settings.read_bytes()
    with pytest.raises(WitnessError, match="by hand"):
        distrust(place.directory, LOG.verifier.text, surely=True)
    assert settings.read_bytes() == before


def test_what_is_no_key_is_said(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    with pytest.raises(WitnessError, match="not the key of a log"):
        distrust(place.directory, "hello", surely=True)
    with pytest.raises(WitnessError, match="Is there a witness"):
        distrust(tmp_path / "nowhere", LOG.verifier.text, surely=True)
