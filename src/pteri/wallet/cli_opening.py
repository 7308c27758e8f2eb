"""``pteri wallet``: what restoring and drilling ask for alike: which place, which version, opened by what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from pteri.core.keys.secret import Secret
from pteri.wallet.backup_code import backup_code_from_text
from pteri.wallet.backup_slots import ByCode, ByDevice, ByPassphrase, Opener
from pteri.wallet.backups.notes import load_notes
from pteri.wallet.backups.places import open_place, whole_place
from pteri.wallet.backups.store import BackupStore, Version, version_from_name
from pteri.wallet.desk import Desk
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import read_file
from pteri.wallet.paper_code import recovery_code_from_text

__all__ = [
    "ByCodeOption",
    "ByPhoneOption",
    "CodeFileOption",
    "FromOption",
    "VersionOption",
    "asked",
    "named_version",
    "opener",
    "place_of",
    "recovery_code_asked",
]

FromOption = Annotated[
    str | None, typer.Option("--from", help="A folder, webdav:NAME, s3:NAME or gdrive:NAME. Else where the last went.")
]
VersionOption = Annotated[
    str | None, typer.Option("--version", help="Name of an older version, as 'backups' shows it.")
]
ByCodeOption = Annotated[bool, typer.Option("--code", help="Open with the backup code instead of the passphrase.")]
ByPhoneOption = Annotated[bool, typer.Option("--by-phone", help="Open with this phone's own backup key.")]
CodeFileOption = Annotated[
    Path | None, typer.Option("--code-file", help="File with a recovery code, instead of typing it.")
]

_MAX_TYPED: Final = 1024


def opener(desk: Desk, *, code: bool, by_phone: bool) -> Opener:
    """How the person opens a backup: by the passphrase, unless something else was said."""
    if code and by_phone:
        raise typer.BadParameter("say --code or --by-phone, not both")
    if code:
        return ByCode(backup_code_from_text(asked(desk, "Backup code (it is not shown): ")))
    if by_phone:
        return ByDevice(desk.keystore.open_backup_key(desk.passphrase))
    return ByPassphrase(desk.passphrase)


def place_of(desk: Desk, place: str | None) -> tuple[BackupStore, str]:
    """The store and its whole name; without a name, the one of the last backup. ``PLACE`` if there was none."""
    directory = desk.keystore.directory
    text = load_notes(directory).place if place is None else whole_place(place)
    if text is None:
        raise WalletError(
            WalletCode.PLACE,
            "No backup has been made on this phone, so say which place you mean: a folder, webdav:NAME, s3:NAME or "
            "gdrive:NAME.",
        )
    return open_place(text, directory=directory), text


def named_version(name: str | None) -> Version | None:
    """The version of this name, if one was given; ``NOT_FOUND`` for what is no name."""
    version = None if name is None else version_from_name(name)
    if name is not None and version is None:
        raise WalletError(
            WalletCode.NOT_FOUND,
            "That is not the name of a backup; pteri wallet backups shows the names that are there.",
        )
    return version


def asked(desk: Desk, question: str) -> str:
    """A secret text that a person types unseen, or the first line of standard input."""
    if desk.screen.is_interactive:
        return desk.machine.prompt(question)
    return sys.stdin.readline(_MAX_TYPED)


def recovery_code_asked(desk: Desk, file: Path | None) -> Secret:
    """A recovery code that a person types unseen, or has in a file: never an argument, which others could read."""
    text = (
        asked(desk, "Recovery code (it is not shown): ") if file is None else read_file(file).decode("utf-8", "replace")
    )
    return recovery_code_from_text(text)
