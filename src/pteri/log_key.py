"""The keys of the log, which signs it and which numbers its accounts: files that ``pteri log new`` makes only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.core.keys.ed25519 import NotePrivateKey
from pteri.core.log.index import AccountIndexes
from pteri.core.log.note import KeyKind, NoteSigner
from pteri.core.log.vrf import VrfPrivateKey
from pteri.key_files import create_key_file, read_key_file

if TYPE_CHECKING:
    from pteri.log_settings import LogSettings

__all__ = ["account_indexes", "create_index_key", "create_log_key", "log_signer"]

_WHAT: Final = "log key"
_INDEX: Final = "index key"
_MADE_BY: Final = "a new log gets one from: pteri log new"


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
