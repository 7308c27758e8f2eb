"""Backups in a folder: a USB stick, or the folder of iCloud Drive, Google Drive or another service on this computer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pteri import durable
from pteri.wallet.backup_bytes import MAX_BACKUP_BYTES
from pteri.wallet.backups.store import MAX_LISTED, version_from_name
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import create_file, read_file, remove_file, writing

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FolderStore"]


class FolderStore:
    """See :class:`~pteri.wallet.backups.store.BackupStore`. The folder must be there; it is not made.

    An absent folder is mostly a stick that is not plugged in, and a folder made in its place would hide that.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """See the port; ``NOT_FOUND`` without the folder."""
        found: list[str] = []
        try:
            for path in self._folder.iterdir():
                if version_from_name(path.name) is not None:
                    found.append(path.name)
                if len(found) > MAX_LISTED:
                    raise WalletError(
                        WalletCode.TOO_LARGE, f"{self._folder} holds far too many backups. Use another folder."
                    )
        except FileNotFoundError as error:
            raise self._no_folder() from error
        except OSError as error:
            raise WalletError(
                WalletCode.READ_FAILED,
                f"Cannot look into {self._folder}: {error.strerror or 'the system gave no reason'}.",
            ) from error
        return sorted(found)

    def read(self, name: str) -> bytes:
        """See the port."""
        data = read_file(self._path(name))
        if len(data) > MAX_BACKUP_BYTES:
            raise WalletError(WalletCode.TOO_LARGE, f"{name} is over 16 KiB: too large for a backup of a wallet.")
        return data

    def add(self, name: str, data: bytes) -> None:
        """See the port. The file is there whole or not at all; what a killed writer left is swept away first."""
        path = self._path(name)
        if not self._folder.is_dir():
            raise self._no_folder()
        with writing(self._folder):
            durable.sweep(self._folder, "pteri-backup-")
        create_file(path, data)

    def remove(self, name: str) -> None:
        """See the port."""
        remove_file(self._path(name))

    def _path(self, name: str) -> Path:
        if version_from_name(name) is None:
            raise ValueError("not the name of a version")
        return self._folder / name

    def _no_folder(self) -> WalletError:
        return WalletError(
            WalletCode.NOT_FOUND, f"There is no folder {self._folder}. Plug it in or make it, then try again."
        )
