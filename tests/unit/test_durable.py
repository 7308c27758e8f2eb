from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pteri import durable


def test_a_replaced_file_is_new_private_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o644)
    durable.replace(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(target)
    durable.replace(tmp_path / "link", b"new")
    assert target.read_bytes() == b"precious"
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("kind", ["file", "directory", "link", "dangling link"])
def test_create_overwrites_nothing_of_any_kind(tmp_path: Path, kind: str) -> None:
    path, target = tmp_path / "name", tmp_path / "target"
    match kind:
        case "file":
            path.write_bytes(b"old")
        case "directory":
            path.mkdir()
        case "link":
            target.write_bytes(b"old")
            path.symlink_to(target)
        case _:
            path.symlink_to(target)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FileExistsError):
        durable.create(path, b"new")
    assert sorted(tmp_path.iterdir()) == before
    assert not path.is_file() or path.read_bytes() == b"old"


def test_a_failed_replacement_leaves_no_part_behind(tmp_path: Path) -> None:
    (tmp_path / "name" / "inner").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        durable.replace(tmp_path / "name", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


@pytest.mark.parametrize("write", [durable.create, durable.replace])
def test_a_missing_folder_is_not_made(tmp_path: Path, write: object) -> None:
    assert callable(write)
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "none" / "name", b"new")
    assert not (tmp_path / "none").exists()


def test_a_file_system_without_links_is_served_and_overwrites_nothing_either(tmp_path: Path) -> None:
    # What such a file system answers, told by one that has links: the part is on another device's terms.
    part, path = tmp_path / "part", tmp_path / "name"
    part.write_bytes(b"new")
    durable._name_without_links(part, path, OSError(errno.EPERM, "no links here"))
    assert path.read_bytes() == b"new"
    part.write_bytes(b"newer")
    with pytest.raises(FileExistsError):
        durable._name_without_links(part, path, OSError(errno.EPERM, "no links here"))
    assert path.read_bytes() == b"new"


def test_a_file_at_its_limit_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert durable.read_regular(path, 5) == b"12345"
    with pytest.raises(durable.TooLongError):
        durable.read_regular(path, 4)


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(OSError, match=r"not a regular file|directory"):
            durable.read_regular(path, 5)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_file_is_read(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(mode)
    assert durable.read_private(path, 5) == b"x"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_a_file_open_to_others_is_not_private(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    path.chmod(mode)
    assert durable.read_regular(path, 5) == b"x"
    with pytest.raises(durable.ExposedError):
        durable.read_private(path, 5)


def test_only_parts_of_the_given_name_are_swept(tmp_path: Path) -> None:
    for name in (".a.json.x.part", ".b.json.x.part", "a.json.part", ".a.json.x"):
        (tmp_path / name).write_bytes(b"")
    durable.sweep(tmp_path, "a.json.")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.json.x", ".b.json.x.part", "a.json.part"]


def test_a_lock_is_for_one_and_free_after(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with durable.locked(lock, wait=False), pytest.raises(BlockingIOError), durable.locked(lock, wait=False):
        pass
    with durable.locked(lock, wait=True):
        pass
    assert lock.stat().st_mode & 0o777 == 0o600


def test_removing_what_is_not_there_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    durable.remove(path)
    durable.remove(path)
    assert not path.exists()
