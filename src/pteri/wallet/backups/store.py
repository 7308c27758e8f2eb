"""A place that keeps backups: four calls, and names that say when (docs/spec/backup.md section 8).

Nothing is believed of a place. What it takes is read back; what it lists counts only if it is what its name says.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

__all__ = ["MAX_LISTED", "BackupStore", "Version", "new_version", "version_from_name"]

MAX_LISTED: Final = 10_000
"""Over so many names a place is refused: somebody fills it, or it was never meant for backups."""

_NAME: Final = re.compile(r"pteri-backup-([0-9]{8}T[0-9]{6}Z)-([0-9a-f]{16})-([0-9a-f]{16})\.bin")
_INSTANT: Final = "%Y%m%dT%H%M%SZ"
_LAST_INSTANT: Final = 253402300799
"""9999-12-31T23:59:59Z: the last that such a name can say."""


class BackupStore(Protocol):
    """One place. Each promise is a test in ``tests/contract/test_backup_stores.py``.

    Every method may refuse with ``PLACE_DENIED``, and the reading ones with ``READ_FAILED``, the writing ones with
    ``WRITE_FAILED``. ``name`` is always the name of a :class:`Version`; anything else is a ``ValueError``.
    """

    def names(self) -> list[str]:
        """Names of versions that are there, sorted. Other files are not mentioned. ``TOO_LARGE`` for far too many."""
        ...

    def read(self, name: str) -> bytes:
        """Exactly what is there, at most 16 KiB; ``NOT_FOUND`` or ``TOO_LARGE``."""
        ...

    def add(self, name: str, data: bytes) -> None:
        """Keep ``data`` under a name that is free; ``EXISTS`` otherwise, and what is there stays."""
        ...

    def remove(self, name: str) -> None:
        """No such name any more. Nothing there is fine."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """What the name of a version says: in the order of time."""

    made_at: int
    series: str
    """Which wallet, as 16 hexadecimal characters; from the head of the backup."""
    check: str
    """First 8 bytes of the SHA-256 of the file, in hex: a half-written file is seen, and no two files meet."""

    @property
    def name(self) -> str:
        """Name in a place."""
        at = datetime.fromtimestamp(self.made_at, UTC)
        return f"pteri-backup-{at:%Y%m%dT%H%M%SZ}-{self.series}-{self.check}.bin"

    def is_of(self, data: bytes) -> bool:
        """Whether these are the bytes that the name was made for."""
        return _check(data) == self.check


def new_version(data: bytes, *, series: bytes, at: int) -> Version:
    """What a new backup is called."""
    return Version(min(max(at, 0), _LAST_INSTANT), series.hex(), _check(data))


def version_from_name(name: str) -> Version | None:
    """Read a name; None if it is no version's. Each version has one name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        at = int(datetime.strptime(match[1], _INSTANT).replace(tzinfo=UTC).timestamp())
    except ValueError:  # the 30th of February
        return None
    version = Version(at, match[2], match[3])
    return version if at >= 0 and version.name == name else None


def _check(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
