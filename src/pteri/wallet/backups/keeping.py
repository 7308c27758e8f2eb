"""Versions of a backup in a place: none overwritten, the newest proved before the oldest goes.

Read ``docs/spec/backup.md`` section 8 for what a place may do wrong. In short: it can lose what it was given, and say
so or not; it cannot make this code remove a good version before a newer one was read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pteri.core.ids import Digest, digest_text
from pteri.core.keys.hashes import sha256
from pteri.wallet.backup_bytes import read_backup
from pteri.wallet.backups.store import Version, new_version, version_from_name
from pteri.wallet.errors import WalletCode, WalletError

if TYPE_CHECKING:
    from pteri.wallet.backups.store import BackupStore

__all__ = ["KEPT", "Saved", "backup_digest", "list_versions", "newest_version", "read_version", "save_version"]

KEPT: Final = 5
"""Good versions of one wallet that stay, the newest included."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What has become of a new backup."""

    version: Version
    digest: Digest
    removed: tuple[Version, ...]
    """Older ones that have made room."""
    unremoved: tuple[Version, ...]
    """Older ones that the place did not remove: nothing is lost, it is only fuller."""


def backup_digest(data: bytes) -> Digest:
    """SHA-256 of a backup file: what a statement says of it."""
    return digest_text(sha256(data))


def list_versions(store: BackupStore, *, series: bytes | None = None) -> list[Version]:
    """Versions by time, of one wallet or of all. What the names say, and nothing more."""
    named = (version_from_name(name) for name in store.names())
    return sorted(
        version for version in named if version is not None and (series is None or version.series == series.hex())
    )


def newest_version(store: BackupStore, *, series: bytes | None = None) -> Version:
    """The newest; ``NOT_FOUND`` without one, ``SEVERAL_WALLETS`` if it is not clear of which wallet."""
    versions = list_versions(store, series=series)
    if not versions:
        raise WalletError(
            WalletCode.NOT_FOUND,
            "There is no such backup in this place. Look into another one, or make a backup first.",
        )
    if len({version.series for version in versions}) > 1:
        newest = {version.series: version.name for version in versions}
        raise WalletError(
            WalletCode.SEVERAL_WALLETS,
            f"This place holds backups of {len(newest)} wallets. Say which with --version: "
            + ", ".join(sorted(newest.values(), reverse=True)[:5])
            + ".",
        )
    return versions[-1]


def read_version(store: BackupStore, version: Version) -> bytes:
    """Bytes of a version, the ones its name was made for; ``BACKUP_DAMAGED`` otherwise."""
    data = store.read(version.name)
    if not version.is_of(data):
        raise WalletError(
            WalletCode.BACKUP_DAMAGED,
            f"{version.name} is not what was saved under this name: its upload was interrupted, or it was changed. "
            "Choose an older one with --version.",
        )
    return data


def save_version(store: BackupStore, data: bytes, *, at: int, kept: int = KEPT) -> Saved:
    """Keep a backup as the newest version and, once the place has given it back, let the oldest go.

    1 a name that is newer than all good ones, even if this clock is slow; 2 add; 3 read back, byte for byte; 4 listed;
    5 remove what is older than the ``kept`` newest good ones of this wallet. Refusals until 4 leave every older version
    where it is: those of the place, and ``NOT_KEPT`` if what it says and what it has differ.
    """
    if kept < 1:
        raise ValueError("at least the newest is kept")
    series = read_backup(data).series
    older = [version for version in list_versions(store, series=series) if _is_good(store, version)]
    after = older[-1].made_at + 1 if older else 0
    version = new_version(data, series=series, at=max(at, after))
    store.add(version.name, data)
    _require_kept(store, version, data)
    removed, unremoved = _remove(store, older[: max(0, len(older) + 1 - kept)])
    return Saved(version, backup_digest(data), removed, unremoved)


def _require_kept(store: BackupStore, version: Version, data: bytes) -> None:
    try:
        is_kept = store.read(version.name) == data and version.name in store.names()
    except WalletError as error:
        if error.code not in {WalletCode.NOT_FOUND, WalletCode.TOO_LARGE}:
            raise
        is_kept = False
    if not is_kept:
        raise WalletError(
            WalletCode.NOT_KEPT,
            "The place took the backup, and does not give the same bytes back or does not list it. Do not count on "
            "it: older versions are untouched; try again, or use another place.",
        )


def _is_good(store: BackupStore, version: Version) -> bool:
    """Whether a version counts. What cannot be read now does not count and is not removed either."""
    try:
        data = store.read(version.name)
        return version.is_of(data) and read_backup(data).series.hex() == version.series
    except WalletError:
        return False


def _remove(store: BackupStore, oldest: list[Version]) -> tuple[tuple[Version, ...], tuple[Version, ...]]:
    removed: list[Version] = []
    unremoved: list[Version] = []
    for version in oldest:
        try:
            store.remove(version.name)
            removed.append(version)
        except WalletError:
            # The new backup is safe, which is what was asked for; the caller is told what is left.
            unremoved.append(version)
    return tuple(removed), tuple(unremoved)
