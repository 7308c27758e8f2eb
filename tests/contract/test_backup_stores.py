"""What a place for backups promises: one test for each promise, over a folder, WebDAV and S3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backup_places import SECRET_ACCESS_KEY, describe, make_bucket, s3, serving, webdav
from backups import CONTENT, backup, code_of
from dav_server import PASSWORD
from pteri.wallet.backup_bytes import MAX_BACKUP_BYTES, read_backup
from pteri.wallet.backups.keeping import KEPT, list_versions, newest_version, read_version, save_version
from pteri.wallet.backups.places import open_place
from pteri.wallet.backups.store import BackupStore, Version, new_version
from pteri.wallet.errors import WalletCode

AT = 1_790_000_000
OTHER_WALLET = replace(CONTENT, keystore_id=b"\x09" * 16)


@pytest.fixture(scope="module")
def dav_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dav")


@pytest.fixture(scope="module")
def dav_port(dav_folder: Path) -> Iterator[int]:
    with serving("dav_server.py", str(dav_folder)) as port:
        yield port


@pytest.fixture(scope="module")
def s3_port() -> Iterator[int]:
    with serving("s3_server.py") as port:
        yield port


@pytest.fixture(params=["folder", "webdav", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BackupStore:
    """An empty place of each kind."""
    if request.param == "folder":
        (tmp_path / "stick").mkdir()
        return open_place(str(tmp_path / "stick"), directory=tmp_path)
    unique = "".join(character for character in request.node.name.lower() if character.isalnum())[:50]
    if request.param == "webdav":
        port = request.getfixturevalue("dav_port")
        describe(tmp_path, webdav(port).replace("backups/pteri", f"backups/{unique}"))
        return open_place("webdav:home", directory=tmp_path)
    port = request.getfixturevalue("s3_port")
    make_bucket(port, unique)
    describe(tmp_path, s3(port, unique))
    return open_place("s3:vault", directory=tmp_path)


def version(number: int, data: bytes) -> Version:
    return new_version(data, series=bytes(8), at=AT + number)


# --- the four calls -------------------------------------------------------------------------------------------------


def test_an_empty_place_has_no_names(store: BackupStore) -> None:
    assert store.names() == []


def test_what_was_added_is_listed_and_read_byte_for_byte(store: BackupStore) -> None:
    for data in (b"", b"\x00", bytes(range(256)), b"x" * MAX_BACKUP_BYTES):
        name = version(len(data), data).name
        store.add(name, data)
        assert store.read(name) == data
        assert name in store.names()


def test_names_come_in_the_order_of_time(store: BackupStore) -> None:
    names = [version(number, b"%d" % number).name for number in (0, 60, 3600, 86400, 40 * 86400)]
    for name in (names[3], names[0], names[4], names[2], names[1]):
        store.add(name, b"data")
    assert store.names() == names


def test_nothing_is_overwritten(store: BackupStore) -> None:
    name = version(0, b"first").name
    store.add(name, b"first")
    assert code_of(lambda: store.add(name, b"second")) is WalletCode.EXISTS
    assert code_of(lambda: store.add(name, b"first")) is WalletCode.EXISTS
    assert store.read(name) == b"first"
    assert store.names() == [name]


def test_what_was_removed_is_gone_and_the_others_are_not(store: BackupStore) -> None:
    first, second = version(0, b"first").name, version(1, b"second").name
    store.add(first, b"first")
    store.add(second, b"second")
    store.remove(first)
    store.remove(first)
    assert store.names() == [second]
    assert code_of(lambda: store.read(first)) is WalletCode.NOT_FOUND
    assert store.read(second) == b"second"
    store.add(first, b"again")
    assert store.read(first) == b"again"


def test_what_is_not_there_is_not_found(store: BackupStore) -> None:
    assert code_of(lambda: store.read(version(0, b"").name)) is WalletCode.NOT_FOUND


def test_more_than_a_backup_can_have_is_not_read(store: BackupStore) -> None:
    name = version(0, b"").name
    store.add(name, bytes(MAX_BACKUP_BYTES + 1))
    assert code_of(lambda: store.read(name)) is WalletCode.TOO_LARGE


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../pteri-backup-20260921T141320Z-0000000000000000-0000000000000000.bin",
        "pteri-backup-20260921T141320Z-0000000000000000-0000000000000000.bin/",
        "pteri-backup-20260230T141320Z-0000000000000000-0000000000000000.bin",
        "wallet.json",
    ],
)
def test_a_name_that_is_no_versions_is_not_sent_anywhere(store: BackupStore, name: str) -> None:
    for act in (store.read, store.remove, lambda name: store.add(name, b"")):
        with pytest.raises(ValueError, match="not the name"):
            act(name)


# --- keeping versions -----------------------------------------------------------------------------------------------


def test_five_versions_are_kept_and_the_newest_is_the_last_one_saved(store: BackupStore) -> None:
    made = [backup(f"version {number}") for number in range(KEPT + 2)]
    saved = [save_version(store, data, at=AT + number) for number, data in enumerate(made)]
    assert [one.removed for one in saved] == [()] * KEPT + [(saved[0].version,), (saved[1].version,)]
    assert list_versions(store) == [one.version for one in saved[2:]]
    assert newest_version(store) == saved[-1].version
    assert [read_version(store, one.version) for one in saved[2:]] == made[2:]


def test_each_wallet_in_a_place_keeps_its_own_versions(store: BackupStore) -> None:
    others = [save_version(store, backup("other", content=OTHER_WALLET), at=AT).version]
    series = read_backup(backup()).series
    for number in range(3):
        save_version(store, backup(f"{number}"), at=AT + number, kept=2)
    assert len(list_versions(store, series=series)) == 2
    assert set(others) < set(list_versions(store))
    assert newest_version(store, series=series).made_at == AT + 2
    assert code_of(lambda: newest_version(store)) is WalletCode.SEVERAL_WALLETS


def test_a_slow_clock_does_not_make_the_newest_backup_the_oldest(store: BackupStore) -> None:
    first = save_version(store, backup("first"), at=AT).version
    second = save_version(store, backup("second"), at=AT - 86400).version
    assert second.made_at == AT + 1
    assert list_versions(store) == [first, second]


def test_a_half_written_version_does_not_count_and_is_told(store: BackupStore) -> None:
    good = save_version(store, backup("good"), at=AT).version
    data = backup("half")
    half = new_version(data, series=read_backup(data).series, at=AT + 1)
    store.add(half.name, data[:100])
    assert code_of(lambda: read_version(store, half)) is WalletCode.BACKUP_DAMAGED
    saved = save_version(store, backup("next"), at=AT + 2, kept=2)
    assert saved.removed == ()
    assert list_versions(store) == [good, half, saved.version]


def test_strange_names_are_neither_counted_nor_removed(store: BackupStore) -> None:
    """Whoever can write there plants names of the far future, to push the good versions out."""
    series = read_backup(backup()).series
    planted = [new_version(b"junk", series=series, at=AT + 10**8 + number) for number in range(KEPT)]
    for version_ in planted:
        store.add(version_.name, b"junk")
    saved = [save_version(store, backup(f"{number}"), at=AT + number) for number in range(3)]
    assert set(list_versions(store)) == {*planted, *(one.version for one in saved)}


# --- servers that say no --------------------------------------------------------------------------------------------


def test_a_wrong_password_is_told_and_not_repeated(dav_port: int, tmp_path: Path) -> None:
    describe(tmp_path, webdav(dav_port, password="not the password"))
    place = open_place("webdav:home", directory=tmp_path)
    name = version(0, b"").name
    for act in (place.names, lambda: place.read(name), lambda: place.add(name, b""), lambda: place.remove(name)):
        with pytest.raises(Exception) as caught:
            act()
        assert getattr(caught.value, "code", None) is WalletCode.PLACE_DENIED
        told = f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
        assert "not the password" not in told
        assert PASSWORD not in told


def test_a_bucket_that_is_not_there_is_a_plain_refusal(s3_port: int, tmp_path: Path) -> None:
    describe(tmp_path, s3(s3_port, "nobodysbucket"))
    place = open_place("s3:vault", directory=tmp_path)
    assert code_of(place.names) is WalletCode.READ_FAILED
    with pytest.raises(Exception) as caught:
        place.add(version(0, b"").name, b"")
    assert getattr(caught.value, "code", None) is WalletCode.WRITE_FAILED
    assert SECRET_ACCESS_KEY not in repr(caught.value)


def test_an_absent_folder_is_told_and_not_made(tmp_path: Path) -> None:
    place = open_place(str(tmp_path / "not plugged in"), directory=tmp_path)
    assert code_of(place.names) is WalletCode.NOT_FOUND
    assert code_of(lambda: place.add(version(0, b"").name, b"")) is WalletCode.NOT_FOUND
    assert not (tmp_path / "not plugged in").exists()
