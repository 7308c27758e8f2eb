"""The wallet's files on disk, with the system's refusals in plain words."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pteri import durable
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.tagged import MAX_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "create_file",
    "is_there",
    "read_file",
    "remove_file",
    "replace_file",
    "require_private",
    "writing",
]


def read_file(path: Path) -> bytes:
    """Content of a file of at most 1 MiB; ``NOT_FOUND``, ``TOO_LARGE`` or ``READ_FAILED``."""
    try:
        return durable.read_regular(path, MAX_FILE_BYTES)
    except FileNotFoundError as error:
        raise WalletError(WalletCode.NOT_FOUND, f"There is no {path}. Check the name, or create it first.") from error
    except durable.TooLongError as error:
        raise WalletError(WalletCode.TOO_LARGE, f"{path} is over 1 MiB: not a file of this wallet.") from error
    except OSError as error:
        raise WalletError(WalletCode.READ_FAILED, f"Cannot read {path}: {_reason(error)}.") from error


def create_file(path: Path, data: bytes) -> None:
    """Write a new file, whole or not at all; ``EXISTS`` or ``WRITE_FAILED``."""
    with writing(path):
        durable.create(path, data)


def replace_file(path: Path, data: bytes) -> None:
    """Write the file anew, whole or not at all; ``WRITE_FAILED``."""
    with writing(path):
        durable.replace(path, data)


def remove_file(path: Path) -> None:
    """No such file any more; ``WRITE_FAILED``."""
    with writing(path):
        durable.remove(path)


def is_there(path: Path) -> bool:
    """Whether anything has this name. "I may not look" is ``READ_FAILED``, never "no"."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise WalletError(WalletCode.READ_FAILED, f"Cannot look at {path}: {_reason(error)}.") from error
    return True


def require_private(directory: Path) -> None:
    """``EXPOSED`` unless the directory is the user's own and closed to others; ``NOT_FOUND`` without one."""
    try:
        status = directory.stat()
    except FileNotFoundError as error:
        raise WalletError(WalletCode.NOT_FOUND, f"There is no wallet in {directory}. Create or restore one.") from error
    except OSError as error:
        raise WalletError(WalletCode.READ_FAILED, f"Cannot look at {directory}: {_reason(error)}.") from error
    if status.st_uid != os.geteuid():
        raise WalletError(
            WalletCode.EXPOSED,
            f"{directory} belongs to another user of this computer. Use a directory of your own.",
        )
    if status.st_mode & 0o077:
        raise WalletError(
            WalletCode.EXPOSED,
            f"Other users of this computer can look into {directory}. Close it with: chmod 700 '{directory}'",
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Translate what the system says while ``path`` is written."""
    try:
        yield
    except FileExistsError as error:
        raise WalletError(
            WalletCode.EXISTS,
            f"{path} is already there, and is not overwritten. Choose another name, or move it away.",
        ) from error
    except OSError as error:
        raise WalletError(
            WalletCode.WRITE_FAILED,
            f"Cannot write {path}: {_reason(error)}. No file is half written; put this right and try again.",
        ) from error


def _reason(error: OSError) -> str:
    return error.strerror or "the system gave no reason"
