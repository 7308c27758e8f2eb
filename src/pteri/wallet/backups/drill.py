"""The drill: whether the newest backup opens, and is of this wallet (docs/spec/backup.md section 9).

A backup that was never opened is a hope. The drill does all that a restore does, but writes nothing and shows no word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pteri.core.ids import Digest
from pteri.core.keys.mnemonic import entropy_to_mnemonic
from pteri.wallet.backup import open_backup
from pteri.wallet.backups.keeping import backup_digest, newest_version, read_version
from pteri.wallet.backups.store import Version
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.wallet import Wallet

if TYPE_CHECKING:
    from pteri.wallet.backup_bytes import BackupContent
    from pteri.wallet.backup_slots import Opener
    from pteri.wallet.backups.store import BackupStore

__all__ = ["Drill", "OwnAddress", "drill", "wallet_of"]


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """What this phone knows of its own wallet without opening it."""

    address: str
    network: str
    index: int = 0


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill that went well."""

    version: Version
    digest: Digest
    """SHA-256 of the file: what a statement ``backup-verified`` says."""
    address: str


def drill(
    store: BackupStore, opener: Opener, *, own: OwnAddress, series: bytes | None = None, version: Version | None = None
) -> Drill:
    """Open the newest version of this wallet (or ``version``) and compare its address with the phone's own.

    Refusals: those of the place, of :func:`~pteri.wallet.backup.open_backup`, and ``OTHER_WALLET``. Nothing is kept of
    the words, and nothing is written.
    """
    chosen = newest_version(store, series=series) if version is None else version
    data = read_version(store, chosen)
    wallet = wallet_of(open_backup(data, opener), network=own.network)
    address = wallet.address(own.index)
    wallet.wipe()
    if address != own.address:
        raise WalletError(
            WalletCode.OTHER_WALLET,
            "This backup is sound, but it is of another wallet than the one on this phone. Make a new backup now.",
        )
    return Drill(chosen, backup_digest(data), address)


def wallet_of(content: BackupContent, *, network: str | None = None) -> Wallet:
    """The wallet that a backup holds, on its own network or on ``network``."""
    words = entropy_to_mnemonic(content.entropy)
    return Wallet.from_mnemonic(words, network=content.network if network is None else network)
