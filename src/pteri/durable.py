"""Files that are old or new, never half (docs/spec/keystore.md section 4).

The one place that writes configuration, wallets and demo clocks to disk. It knows nothing of their content,
imports the standard library only, and speaks ``OSError``; callers translate. POSIX: Linux and macOS.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ExposedError",
    "TooLongError",
    "create",
    "locked",
    "read_private",
    "read_regular",
    "remove",
    "replace",
    "sweep",
]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OWNERS = stat.S_IRUSR | stat.S_IWUSR
# What file systems without hard links (USB sticks, some cloud folders) answer to link(2).
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


class ExposedError(PermissionError):
    """Group or others may read or write what must be the owner's alone."""


class TooLongError(OSError):
    """More bytes than the reader accepts; they were not read."""


def read_regular(path: Path, limit: int) -> bytes:
    """Content of a regular file of at most ``limit`` bytes, else ``TooLongError`` or another ``OSError``."""
    return _read(path, limit, private=False)


def read_private(path: Path, limit: int) -> bytes:
    """As :func:`read_regular`, and ``ExposedError`` if anyone but the owner has access to the file."""
    return _read(path, limit, private=True)


def _read(path: Path, limit: int, *, private: bool) -> bytes:
    # O_NONBLOCK: a pipe planted under this name must not hang the program.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)  # of the opened file, so that nobody can swap it between look and read
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if private and status.st_mode & _OTHERS:
            raise ExposedError(errno.EACCES, "open to other users of this computer", str(path))
        data = file.read(limit + 1)
    if len(data) > limit:
        raise TooLongError(errno.EFBIG, f"longer than {limit} bytes", str(path))
    return data


def replace(path: Path, data: bytes, *, mode: int = _OWNERS) -> None:
    """Put ``data`` under ``path`` with this mode: at every instant the old file is there, or the new one."""
    part = _write_part(path, data, mode)
    try:
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def create(path: Path, data: bytes) -> None:
    """As :func:`replace`, but only where nothing is yet: ``FileExistsError`` otherwise."""
    part = _write_part(path, data)
    try:
        _name_once(part, path)
    finally:
        part.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _name_once(part: Path, path: Path) -> None:
    try:
        path.hardlink_to(part)  # link(2) never overwrites; rename(2) would
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _name_without_links(part, path, error)


def _name_without_links(part: Path, path: Path, refusal: OSError) -> None:
    """Second best: between the look and the rename, and on such file systems only, another writer could lose."""
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from refusal
    part.replace(path)


def _write_part(path: Path, data: bytes, mode: int = _OWNERS) -> Path:
    """Write a neighbour of ``path`` to the disk; no half of it survives a failure to write."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)  # mode 0600
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(descriptor, mode)  # before the name: a file that is there is never readable by too few
            os.fsync(file.fileno())  # before the rename: the name must never point at bytes that a power cut takes
    except OSError:
        part.unlink(missing_ok=True)
        raise
    return part


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: this file system cannot sync directories, and says so
            raise
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Take ``path`` away, for good when this returns; nothing there is fine. The disk may keep the bytes."""
    path.unlink(missing_ok=True)
    _sync_directory(path.parent)


def sweep(directory: Path, prefix: str = "") -> None:
    """Remove what writers killed half-way left behind for names that begin with ``prefix``. Hold the lock."""
    for part in directory.glob(f".{prefix}*.part"):
        with suppress(FileNotFoundError):
            part.unlink()


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold the lock file ``path``; ``BlockingIOError`` if another holds it and ``wait`` is false.

    The system releases it when the process ends, however it ends: no stale lock after a crash.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(descriptor)
