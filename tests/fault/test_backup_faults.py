"""Places that lose, lie, break off and fill up: a clear refusal each time, and no older backup is lost."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import pteri
from backup_places import describe, serving, webdav
from backups import BY_PASSPHRASE, CONTENT, WORDS, backup, code_of
from pteri.wallet.backup import open_backup
from pteri.wallet.backups.drill import OwnAddress, drill
from pteri.wallet.backups.folder import FolderStore
from pteri.wallet.backups.keeping import list_versions, newest_version, read_version, save_version
from pteri.wallet.backups.places import open_place
from pteri.wallet.backups.store import BackupStore, Version
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.wallet import Wallet

AT = 1_790_000_000
OWN = OwnAddress(Wallet.from_mnemonic(WORDS).address(), "main")


class Lying(FolderStore):
    """A folder between which and the phone somebody sits. Each fault is switched on by its name."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fault = ""
        self.newest = ""

    def names(self) -> list[str]:
        names = super().names()
        return [name for name in names if self.fault != "hides the newest" or name != self.newest]

    def read(self, name: str) -> bytes:
        data = super().read(name)
        match self.fault if name == self.newest else "":
            case "gives back another":
                return bytes([data[0] ^ 1]) + data[1:]
            case "gives back less":
                return data[:-1]
            case "gives back more":
                return data + b"\x00"
            case "is gone":
                raise WalletError(WalletCode.NOT_FOUND, "Gone.")
            case "cannot be read":
                raise WalletError(WalletCode.READ_FAILED, "Not now.")
        return data

    def add(self, name: str, data: bytes) -> None:
        self.newest = name
        if self.fault == "takes nothing":
            raise WalletError(WalletCode.WRITE_FAILED, "Not now.")
        super().add(name, data)
        if self.fault == "fails after it took it":
            raise WalletError(WalletCode.WRITE_FAILED, "Perhaps.")

    def remove(self, name: str) -> None:
        if self.fault == "removes nothing":
            raise WalletError(WalletCode.WRITE_FAILED, "Not now.")
        super().remove(name)


@pytest.fixture
def place(tmp_path: Path) -> Lying:
    """A full place: two versions, of two that are kept."""
    (tmp_path / "stick").mkdir()
    made = Lying(tmp_path / "stick")
    for number in range(2):
        save_version(made, backup(f"older {number}"), at=AT + number, kept=2)
    return made


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("hides the newest", WalletCode.NOT_KEPT),
        ("gives back another", WalletCode.NOT_KEPT),
        ("gives back less", WalletCode.NOT_KEPT),
        ("gives back more", WalletCode.NOT_KEPT),
        ("is gone", WalletCode.NOT_KEPT),
        ("cannot be read", WalletCode.READ_FAILED),
        ("takes nothing", WalletCode.WRITE_FAILED),
        ("fails after it took it", WalletCode.WRITE_FAILED),
    ],
)
def test_a_place_that_did_not_keep_the_newest_loses_no_older_one(place: Lying, fault: str, code: WalletCode) -> None:
    older = {version: read_version(place, version) for version in list_versions(place)}
    place.fault = fault
    assert code_of(lambda: save_version(place, backup("new"), at=AT + 10, kept=2)) is code
    place.fault = ""
    assert {version: read_version(place, version) for version in older} == older
    # The same again, when the place has come to its senses: the newest is there, and two are kept.
    saved = save_version(place, backup("again"), at=AT + 11, kept=2)
    assert newest_version(place) == saved.version


def test_a_place_that_removes_nothing_is_told_and_the_backup_is_safe(place: Lying) -> None:
    place.fault = "removes nothing"
    oldest = list_versions(place)[0]
    saved = save_version(place, backup("new"), at=AT + 10, kept=2)
    assert (saved.removed, saved.unremoved) == ((), (oldest,))
    assert len(list_versions(place)) == 3
    place.fault = ""
    assert len(save_version(place, backup("newer"), at=AT + 11, kept=2).removed) == 2


def test_the_newest_is_never_removed(place: Lying) -> None:
    with pytest.raises(ValueError, match="at least the newest"):
        save_version(place, backup("new"), at=AT + 10, kept=0)
    saved = save_version(place, backup("new"), at=AT + 10, kept=1)
    assert list_versions(place) == [saved.version]
    assert open_backup(read_version(place, saved.version), BY_PASSPHRASE) == CONTENT


def test_what_is_no_backup_is_not_saved(place: Lying) -> None:
    before = place.names()
    assert code_of(lambda: save_version(place, b"a photo", at=AT)) is WalletCode.NOT_A_BACKUP
    assert place.names() == before


def test_a_drill_sees_each_fault_and_changes_nothing(place: Lying) -> None:
    place.newest = newest_version(place).name
    assert drill(place, BY_PASSPHRASE, own=OWN).version == newest_version(place)
    for fault, code in (
        ("gives back another", WalletCode.BACKUP_DAMAGED),
        ("gives back less", WalletCode.BACKUP_DAMAGED),
        ("is gone", WalletCode.NOT_FOUND),
        ("cannot be read", WalletCode.READ_FAILED),
    ):
        place.fault = fault
        before = place.names()
        assert code_of(lambda: drill(place, BY_PASSPHRASE, own=OWN)) is code
        assert place.names() == before
    place.fault = ""
    other = OwnAddress(Wallet.from_mnemonic(WORDS).address(1), "main")
    assert code_of(lambda: drill(place, BY_PASSPHRASE, own=other)) is WalletCode.OTHER_WALLET


# --- a disk that is full, or not the person's own -------------------------------------------------------------------

FULL = """
    import resource, signal, sys
    from pathlib import Path
    from pteri.wallet.backups.folder import FolderStore
    from pteri.wallet.backups.keeping import save_version
    from pteri.wallet.errors import WalletError

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    data = Path(sys.argv[1]).read_bytes()
    for limit in (0, 1, len(data) - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            save_version(FolderStore(Path(sys.argv[2])), data, at=1790000100, kept=1)
            print("saved")
        except WalletError as error:
            print(error.code)
"""


def test_a_full_disk_keeps_what_was_there_and_no_half_of_the_new(place: Lying, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in (tmp_path / "stick").iterdir()}
    (tmp_path / "new").write_bytes(backup("new"))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), str(tmp_path / "new"), str(tmp_path / "stick")],
        env={"PYTHONPATH": str(Path(pteri.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stdout.split(), done.stderr) == (["WRITE_FAILED"] * 3, "")
    assert {path: path.read_bytes() for path in (tmp_path / "stick").iterdir()} == before


def test_what_a_killed_writer_left_is_swept_and_other_files_are_not(place: Lying, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    (stick / ".pteri-backup-20260921T141320Z-x.bin.abc.part").write_bytes(b"half")
    (stick / "holiday.jpg").write_bytes(b"a photo")
    (stick / ".another.part").write_bytes(b"somebody else's")
    save_version(place, backup("new"), at=AT + 10)
    left = {path.name for path in stick.iterdir()} - set(place.names())
    assert left == {"holiday.jpg", ".another.part"}


def test_a_file_where_the_folder_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = FolderStore(tmp_path / "file")
    assert code_of(place.names) is WalletCode.READ_FAILED
    assert code_of(lambda: place.add(Version(AT, "0" * 16, "0" * 16).name, b"")) is WalletCode.NOT_FOUND


# --- servers --------------------------------------------------------------------------------------------------------


@pytest.fixture
def faulty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BackupStore]:
    with serving("faulty_dav.py", request.param) as port:
        describe(tmp_path, webdav(port, path="").replace("backups/pteri", "pteri"))
        yield open_place("webdav:home", directory=tmp_path)


@pytest.mark.parametrize("faulty", ["none"], indirect=True)
def test_the_server_of_these_tests_works_when_nothing_is_wrong(faulty: BackupStore) -> None:
    first, second = (save_version(faulty, backup(name), at=AT + 1, kept=1) for name in "ab")
    assert second.removed == (first.version,)
    assert list_versions(faulty) == [second.version]


@pytest.mark.parametrize("faulty", ["500"], indirect=True)
def test_a_server_that_fails_is_told_as_such(faulty: BackupStore) -> None:
    name = Version(AT, "0" * 16, "0" * 16).name
    for act, code in (
        (faulty.names, WalletCode.READ_FAILED),
        (lambda: faulty.read(name), WalletCode.READ_FAILED),
        (lambda: faulty.add(name, b"x"), WalletCode.WRITE_FAILED),
        (lambda: save_version(faulty, backup(), at=AT), WalletCode.READ_FAILED),
    ):
        assert code_of(act) is code


@pytest.mark.parametrize("faulty", ["507"], indirect=True)
def test_a_server_that_is_full_says_so(faulty: BackupStore) -> None:
    with pytest.raises(WalletError, match="it is full") as caught:
        save_version(faulty, backup(), at=AT)
    assert caught.value.code is WalletCode.WRITE_FAILED


@pytest.mark.parametrize("faulty", ["cuts uploads"], indirect=True)
def test_an_upload_that_breaks_off_is_no_backup(faulty: BackupStore) -> None:
    assert code_of(lambda: save_version(faulty, backup(), at=AT)) is WalletCode.WRITE_FAILED
    [half] = list_versions(faulty)
    assert code_of(lambda: read_version(faulty, half)) is WalletCode.BACKUP_DAMAGED


@pytest.mark.parametrize("faulty", ["keeps half", "lists nothing"], indirect=True)
def test_a_server_that_lies_about_an_upload_is_caught(faulty: BackupStore) -> None:
    assert code_of(lambda: save_version(faulty, backup(), at=AT)) is WalletCode.NOT_KEPT


@pytest.mark.parametrize("faulty", ["lists what is not there"], indirect=True)
def test_a_version_that_is_only_listed_does_not_count(faulty: BackupStore) -> None:
    saved = [save_version(faulty, backup(name), at=AT + number, kept=2) for number, name in enumerate("abc")]
    assert [len(one.removed) for one in saved] == [0, 0, 1]
    [invented] = [version for version in list_versions(faulty) if version.check == "0123456789abcdef"]
    assert code_of(lambda: read_version(faulty, invented)) is WalletCode.NOT_FOUND


@pytest.mark.parametrize("faulty", ["sends without end"], indirect=True)
def test_a_server_that_sends_without_end_is_left(faulty: BackupStore) -> None:
    assert code_of(lambda: faulty.read(Version(AT, "0" * 16, "0" * 16).name)) is WalletCode.TOO_LARGE


@pytest.mark.parametrize("faulty", ["keeps what is deleted"], indirect=True)
def test_a_server_that_does_not_delete_is_told_and_nothing_is_lost(faulty: BackupStore) -> None:
    first, second = (save_version(faulty, backup(name), at=AT + 1, kept=1) for name in "ab")
    assert (second.removed, second.unremoved) == ((), (first.version,))


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with serving("faulty_dav.py", "none") as port:
        describe(tmp_path, webdav(port))
    gone = open_place("webdav:home", directory=tmp_path)
    assert code_of(gone.names) is WalletCode.READ_FAILED
    assert code_of(lambda: save_version(gone, backup(), at=AT)) is WalletCode.READ_FAILED
