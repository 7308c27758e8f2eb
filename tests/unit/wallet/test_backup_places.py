"""``backups.toml`` and the names of versions: one spelling, nothing secret in a refusal, nothing sent in the clear."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import pteri
from backup_places import describe, s3, webdav
from backups import code_of
from pteri.wallet.backups.cloud import CloudStore
from pteri.wallet.backups.folder import FolderStore
from pteri.wallet.backups.notes import NOTES_FILE, BackupNotes, load_notes, save_notes
from pteri.wallet.backups.places import PLACES_FILE, is_service, open_place, whole_place
from pteri.wallet.backups.store import Version, new_version, version_from_name
from pteri.wallet.errors import WalletCode, WalletError

GOOGLE = '[gdrive.mine]\nclient_id = "c"\nclient_secret = "hush hush"\nrefresh_token = "hush hush"\n'


def refusal(directory: Path, text: str, place: str = "webdav:home") -> WalletError:
    describe(directory, text)
    with pytest.raises(WalletError) as caught:
        open_place(place, directory=directory)
    error = caught.value
    told = f"{error} {error!r} {error.__cause__!r} {error.__context__ if not error.__suppress_context__ else ''!r}"
    assert "hush" not in told
    return error


def test_each_service_is_found_by_its_name(tmp_path: Path) -> None:
    describe(tmp_path, webdav(1) + s3(1, "bucket") + GOOGLE)
    for place in ("webdav:home", "s3:vault", "gdrive:mine"):
        assert isinstance(open_place(place, directory=tmp_path), CloudStore)
        assert is_service(place)
        assert whole_place(place) == place


def test_a_folder_needs_no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("stick", str(tmp_path), "./a:b", "Webdav:home"):
        assert isinstance(open_place(place, directory=tmp_path / "no home"), FolderStore)
        assert not is_service(place)
    assert whole_place("stick") == str(tmp_path / "stick")


@pytest.mark.parametrize(
    "text",
    [
        "not toml = = hush",
        '[webdav.home]\nendpoint = "https://a.example"\npasword = "hush"\n',
        '[webdav.home]\npassword = "hush"\n',
        '[webdav.home]\nendpoint = "https://a.example"\npassword = 5\n',
        '[webdav.home]\nendpoint = "https://a.example"\npassword = ["hush"]\n',
        'webdav = "hush"\n',
        '[dropbox.home]\ntoken = "hush"\n',
        '[webdav.home]\nendpoint = "http://a.example"\n',
        '[webdav.home]\nendpoint = "ftp://a.example"\n',
        '[webdav.home]\nendpoint = "a.example"\n',
        '[webdav.home]\nendpoint = "https://"\n',
        '[webdav.home]\nendpoint = "https://alice:hush@a.example"\n',
        '[webdav.home]\nendpoint = "https://a.example/?token=hush"\n',
        '[webdav.home]\nendpoint = "https://a.example/#hush"\n',
        '[webdav.home]\nendpoint = "http://127.0.0.1.a.example"\n',
        '[webdav.home]\nendpoint = "https://a.example"\nfolder = "../other"\n',
        '[webdav.home]\nendpoint = "https://a.example"\nfolder = "/pteri"\n',
        '[webdav.home]\nendpoint = "https://a.example"\nfolder = ""\n',
        '[webdav.home]\nendpoint = "https://a.example"\nfolder = "a/./b"\n',
    ],
)
def test_settings_that_do_not_hold_are_refused_without_quoting_them(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text).code is WalletCode.PLACE


@pytest.mark.parametrize(
    "endpoint", ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "https://a.example/dav/"]
)
def test_only_this_computer_is_spoken_to_in_the_clear(tmp_path: Path, endpoint: str) -> None:
    describe(tmp_path, f'[webdav.home]\nendpoint = "{endpoint}"\n')
    assert isinstance(open_place("webdav:home", directory=tmp_path), CloudStore)


@pytest.mark.parametrize("place", ["webdav:", "webdav:Home", "webdav:../x", "s3:a b", "gdrive:" + "a" * 33, "s3:a\n"])
def test_a_name_out_of_its_grammar_is_refused(tmp_path: Path, place: str) -> None:
    assert code_of(lambda: open_place(place, directory=tmp_path)) is WalletCode.PLACE


def test_a_place_that_is_not_described_is_told_with_its_table(tmp_path: Path) -> None:
    assert "[webdav.home]" in refusal(tmp_path, GOOGLE).message
    (tmp_path / PLACES_FILE).unlink()
    assert code_of(lambda: open_place("s3:vault", directory=tmp_path)) is WalletCode.PLACE


def test_settings_that_others_can_read_are_not_used(tmp_path: Path) -> None:
    describe(tmp_path, webdav(1))
    (tmp_path / PLACES_FILE).chmod(0o640)
    with pytest.raises(WalletError) as caught:
        open_place("webdav:home", directory=tmp_path)
    assert caught.value.code is WalletCode.EXPOSED


def test_settings_that_are_no_file_or_far_too_long_are_told(tmp_path: Path) -> None:
    describe(tmp_path, "#" * (64 * 1024 + 1))
    assert code_of(lambda: open_place("webdav:home", directory=tmp_path)) is WalletCode.READ_FAILED
    (tmp_path / PLACES_FILE).unlink()
    (tmp_path / PLACES_FILE).mkdir()
    assert code_of(lambda: open_place("webdav:home", directory=tmp_path)) is WalletCode.READ_FAILED


def test_without_the_extra_the_person_is_told_what_to_install(tmp_path: Path) -> None:
    describe(tmp_path, webdav(1))
    script = """
        import sys
        from pathlib import Path
        sys.modules["opendal"] = None
        from pteri.wallet.backups.places import open_place
        from pteri.wallet.errors import WalletError
        try:
            open_place("webdav:home", directory=Path(sys.argv[1]))
        except WalletError as error:
            print(error.code, "pteri[cloud]" in error.message)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)],
        env={"PYTHONPATH": str(Path(pteri.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("NO_CLOUD True\n", "")


# --- names ----------------------------------------------------------------------------------------------------------


def test_a_name_says_when_which_wallet_and_which_bytes_and_nothing_personal() -> None:
    version = new_version(b"data", series=bytes(range(8)), at=1_790_000_000)
    assert version.name == "pteri-backup-20260921T141320Z-0001020304050607-3a6eb0790f39ac87.bin"
    assert version_from_name(version.name) == version
    assert version.is_of(b"data")
    assert not version.is_of(b"Data")


@pytest.mark.parametrize("at", [-1, 0, 1, 253402300799, 253402300800, 2**53])
def test_every_instant_has_a_name_that_reads(at: int) -> None:
    version = new_version(b"", series=bytes(8), at=at)
    assert version_from_name(version.name) == version
    assert 0 <= version.made_at <= 253402300799


@pytest.mark.parametrize(
    "name",
    [
        "pteri-backup-20260921T141320Z-0001020304050607-3a6eb0790f39ac87.bin\n",
        "pteri-backup-20260921T141320Z-0001020304050607-3A6EB0790F39AC87.bin",
        "pteri-backup-20260921T141360Z-0001020304050607-3a6eb0790f39ac87.bin",
        "pteri-backup-20261321T141320Z-0001020304050607-3a6eb0790f39ac87.bin",
        "pteri-backup-19691231T235959Z-0001020304050607-3a6eb0790f39ac87.bin",
        "pteri-backup-2026\u0660921T141320Z-0001020304050607-3a6eb0790f39ac87.bin",
        ".pteri-backup-20260921T141320Z-0001020304050607-3a6eb0790f39ac87.bin.x.part",
        "pteri-wallet-00010203-0001.json",
    ],
)
def test_what_is_no_name_of_a_version_is_none(name: str) -> None:
    assert version_from_name(name) is None


def test_names_sort_by_time() -> None:
    versions = [Version(at, "f" * 16 if at % 2 else "0" * 16, "0" * 16) for at in (0, 59, 60, 10**9, 1_790_000_000)]
    assert sorted(version.name for version in versions) == [version.name for version in versions]
    assert sorted(versions) == versions


# --- notes ----------------------------------------------------------------------------------------------------------


def test_notes_come_back_and_damage_is_told(tmp_path: Path) -> None:
    assert load_notes(tmp_path) == BackupNotes()
    notes = BackupNotes(place="webdav:home", saved_at=5, drilled_at=6)
    save_notes(tmp_path, notes)
    assert load_notes(tmp_path) == notes
    (tmp_path / NOTES_FILE).write_bytes(b"{}")
    assert code_of(lambda: load_notes(tmp_path)) is WalletCode.NOT_A_STATE
    (tmp_path / NOTES_FILE).unlink()
    (tmp_path / NOTES_FILE).mkdir()
    assert code_of(lambda: load_notes(tmp_path)) is WalletCode.READ_FAILED
