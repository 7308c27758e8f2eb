"""What this phone notes of its backups: where the last one went, and when one was last opened. Not secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import read_file, replace_file
from pteri.wallet.tagged import decode_tagged, encode_tagged

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["NOTES_FILE", "BackupNotes", "load_notes", "save_notes"]

NOTES_FILE: Final = "backups.json"
_FORMAT: Final = "pteri-backups-1"


class BackupNotes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Content of ``backups.json``. A courtesy: nothing is decided by it."""

    format: Literal["pteri-backups-1"] = _FORMAT
    place: str | None = None
    """Where the last backup went, as it is given to ``--to``."""
    saved_at: int | None = None
    drilled_at: int | None = None


def load_notes(directory: Path) -> BackupNotes:
    """Notes of this phone; empty ones before the first backup."""
    try:
        data = read_file(directory / NOTES_FILE)
    except WalletError as error:
        if error.code is WalletCode.NOT_FOUND:
            return BackupNotes()
        raise
    return decode_tagged(
        data,
        BackupNotes,
        format_name=_FORMAT,
        what="the notes about backups",
        remedy="Neither wallet nor backups are touched: delete this file.",
        refusal=WalletCode.NOT_A_STATE,
    )


def save_notes(directory: Path, notes: BackupNotes) -> None:
    """Note this from now on. Hold the keystore's lock."""
    replace_file(directory / NOTES_FILE, encode_tagged(notes))
