"""The keys of the log, which signs it and which numbers its accounts: files that ``pteri log new`` makes only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri import durable
from pteri.core.keys.ed25519 import NotePrivateKey
from pteri.core.log.index import AccountIndexes
from pteri.core.log.note import KeyKind, NoteSigner
from pteri.core.log.vrf import VrfPrivateKey
from pteri.key_files import create_key_file, read_key_file
from pteri.settings import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    from pteri.log_settings import LogSettings

__all__ = ["account_indexes", "create_index_key", "create_log_key", "log_signer", "move_key"]

_WHAT: Final = "log key"
_INDEX: Final = "index key"
_MADE_BY: Final = "a new log gets one from: pteri log new"
_MAX_BYTES: Final = 1024


def create_log_key(log: LogSettings, random: bytes) -> None:
    """Write a new key of 32 random bytes. It overwrites none: the log would have two."""
    create_key_file(log.key_file, random, what=_WHAT)


def log_signer(log: LogSettings) -> NoteSigner:
    """The log's own key under its origin; ``SettingsError`` when it cannot be read."""
    seed = read_key_file(log.key_file, what=_WHAT, made_by=_MADE_BY)
    return NoteSigner.of(log.origin, KeyKind.LOG, NotePrivateKey(seed))


def create_index_key(log: LogSettings, random: bytes) -> None:
    """Write a new key of 32 random bytes. It overwrites none: every account would have two numbers."""
    create_key_file(log.index_key_file, random, what=_INDEX)


def account_indexes(log: LogSettings) -> AccountIndexes:
    """The numbers of the accounts in this log; ``SettingsError`` when their key cannot be read."""
    seed = read_key_file(log.index_key_file, what=_INDEX, made_by=_MADE_BY)
    return AccountIndexes.of(log.origin, VrfPrivateKey(seed))


def move_key(place: Path, coming: Path, kept: Path) -> None:
    """Put the key in ``coming`` into ``place``, and keep the one that was there in ``kept``."""
    try:
        if not kept.exists():
            durable.create(kept, durable.read_private(place, _MAX_BYTES))
        durable.replace(place, durable.read_private(coming, _MAX_BYTES))
        durable.remove(coming)
    except OSError as error:
        raise SettingsError(f"Cannot move the new {_WHAT} to {place}: {error.strerror}. Do it by hand.") from error
