from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pteri import durable
from pteri.core.keys.secret import Secret
from pteri.wallet.copies import KEPT_OLDER, save_copy, wallet_copies
from pteri.wallet.envelope import LIGHT, seal
from pteri.wallet.errors import WalletCode, WalletError

PASSPHRASE = Secret(b"correct horse battery staple")
MINE = bytes.fromhex("aa000001") + bytes(12)
NEIGHBOUR = bytes.fromhex("aa000001") + bytes(11) + b"\1"  # the same eight digits in the name, another wallet


class Counting:
    def __init__(self) -> None:
        self._next = 0

    def draw(self, size: int) -> bytes:
        self._next += 1
        return self._next.to_bytes(size, "big")


ENTROPY = Counting()


def version(wallet: bytes = MINE) -> bytes:
    return seal(Secret(b"words"), PASSPHRASE, entropy=ENTROPY, cost=LIGHT, keystore_id=wallet)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_first_copy_has_number_one(tmp_path: Path) -> None:
    data = version()
    path = save_copy(tmp_path, data)
    assert path == tmp_path / "pteri-wallet-aa000001-0001.json"
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_unchanged_wallet_makes_no_new_copy(tmp_path: Path) -> None:
    data = version()
    assert save_copy(tmp_path, data) == save_copy(tmp_path, data)
    assert len(names(tmp_path)) == 1


def test_the_newest_and_five_older_ones_are_kept(tmp_path: Path) -> None:
    versions = [version() for _ in range(9)]
    for data in versions:
        save_copy(tmp_path, data)
    kept = wallet_copies(tmp_path)
    assert KEPT_OLDER == 5
    assert [path.name[-9:-5] for path in kept] == ["0004", "0005", "0006", "0007", "0008", "0009"]
    assert [path.read_bytes() for path in kept] == versions[3:]


def test_a_number_is_not_used_again_while_a_later_one_is_there(tmp_path: Path) -> None:
    for _ in range(3):
        save_copy(tmp_path, version())
    (tmp_path / "pteri-wallet-aa000001-0002.json").unlink()
    assert save_copy(tmp_path, version()).name.endswith("-0004.json")


def test_copies_of_another_wallet_are_never_removed(tmp_path: Path) -> None:
    others = [version(NEIGHBOUR) for _ in range(3)]
    kept = [save_copy(tmp_path, data) for data in others]
    for _ in range(KEPT_OLDER + 4):
        save_copy(tmp_path, version())
    assert [path.read_bytes() for path in kept] == others
    assert len(names(tmp_path)) == 3 + KEPT_OLDER + 1


def test_what_is_no_copy_is_left_alone(tmp_path: Path) -> None:
    strange = {
        "pteri-wallet-aa000001-0001.json": b"damaged",
        "pteri-wallet-aa000001-1.json": b"misnamed",
        "pteri-wallet-AA000001-0001.json": b"misnamed",
        "pteri-wallet-aa000001-0001.json.bak": b"misnamed",
        "holiday.jpg": b"picture",
    }
    for name, data in strange.items():
        (tmp_path / name).write_bytes(data)
    for _ in range(KEPT_OLDER + 3):
        save_copy(tmp_path, version())
    for name, data in strange.items():
        assert (tmp_path / name).read_bytes() == data
    assert len(names(tmp_path)) == len(strange) + KEPT_OLDER + 1


def test_a_name_that_leads_nowhere_is_taken_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "pteri-wallet-aa000001-0001.json").symlink_to("elsewhere")
    assert save_copy(tmp_path, version()).name.endswith("-0002.json")
    assert not (tmp_path / "elsewhere").exists()


def test_two_computers_at_the_same_folder_lose_no_copy(tmp_path: Path) -> None:
    versions = [version() for _ in range(4)]
    start = threading.Barrier(len(versions))
    told: list[str] = []

    def save(data: bytes) -> Path | None:
        start.wait(timeout=30)
        try:
            return save_copy(tmp_path, data)
        except WalletError as error:
            told.append(error.code)
            return None

    with ThreadPoolExecutor(len(versions)) as pool:
        saved = list(pool.map(save, versions))
    assert any(saved)
    # One may sweep away what another is still writing. That one is told, and nothing is lost.
    assert set(told) <= {WalletCode.WRITE_FAILED}
    for path, data in zip(saved, versions, strict=True):
        assert path is None or path.read_bytes() == data
    assert len({path for path in saved if path}) == sum(path is not None for path in saved)


def test_a_named_copy_overwrites_nothing(tmp_path: Path) -> None:
    target = tmp_path / "mine.json"
    first = version()
    assert save_copy(target, first) == target
    with pytest.raises(WalletError) as caught:
        save_copy(target, version())
    assert caught.value.code is WalletCode.EXISTS
    assert target.read_bytes() == first
    assert names(tmp_path) == ["mine.json"]


def test_a_folder_that_is_not_there_is_not_made_up(tmp_path: Path) -> None:
    # An unmounted disk must not turn into a directory on the disk below it.
    with pytest.raises(WalletError) as caught:
        save_copy(tmp_path / "usb" / "mine.json", version())
    assert caught.value.code is WalletCode.WRITE_FAILED
    assert not (tmp_path / "usb").exists()


def test_a_damaged_newest_copy_does_not_count_as_the_backup(tmp_path: Path) -> None:
    data = version()
    damaged = save_copy(tmp_path, data)
    damaged.write_bytes(data[:-2] + b" \n")
    again = save_copy(tmp_path, data)
    assert again.name.endswith("-0002.json")
    assert again.read_bytes() == data


def test_leftovers_of_a_killed_backup_are_swept_and_those_of_others_are_not(tmp_path: Path) -> None:
    mine, other = tmp_path / ".pteri-wallet-aa000001-0001.json.x1.part", tmp_path / ".photo.jpg.x2.part"
    mine.write_bytes(b"half")
    other.write_bytes(b"half")
    save_copy(tmp_path, version())
    assert names(tmp_path) == [".photo.jpg.x2.part", "pteri-wallet-aa000001-0001.json"]


def test_sweeping_an_empty_folder_is_nothing(tmp_path: Path) -> None:
    durable.sweep(tmp_path)
    assert names(tmp_path) == []
