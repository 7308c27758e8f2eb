"""Bytes of a backup: the layout, its bounds and its one spelling; no keys (docs/spec/backup.md sections 2 and 5).

::

     0  12  "PTERI-BACKUP"
    12   1  version, 01
    13   8  series: which backups are of one wallet
    21  32  commitment to the content key
    53   1  number of slots, 1 to 8
    54   .  slots: type (1), length of the body (2, big-endian), body
     .  58  content, sealed
     .  16  tag of the content

Nothing in a well-formed file is proved before it is opened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from pteri.core.keys.secret import Secret
from pteri.wallet.errors import WalletCode, WalletError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CONTENT_BYTES",
    "MAGIC",
    "MAX_BACKUP_BYTES",
    "MAX_SLOTS",
    "Backup",
    "BackupContent",
    "Slot",
    "SlotType",
    "decode_content",
    "encode_content",
    "encode_head",
    "has_twice",
    "is_backup",
    "read_backup",
    "series_of",
]

MAGIC: Final = b"PTERI-BACKUP"
MAX_BACKUP_BYTES: Final = 16 * 1024
"""More than eight of the largest slots need. Nothing longer is read."""
MAX_SLOTS: Final = 8
CONTENT_BYTES: Final = 58
_VERSION: Final = 1
_TAG_BYTES: Final = 16
_SEALED_BYTES: Final = CONTENT_BYTES + _TAG_BYTES
_OPENING_BYTES: Final = 53
_MAX_BODY_BYTES: Final = 1024
_NETWORKS: Final = ("main", "test", "regtest")
_ENTROPY_BYTES: Final = frozenset({16, 20, 24, 28, 32})
_MAX_INSTANT: Final = 2**53 - 1


class SlotType(IntEnum):
    """Ways to open a backup. A number is never used again; those unknown here are a newer program's."""

    PASSPHRASE = 1
    CODE = 2
    DEVICE = 3
    PASSKEY = 4


_BODY_BYTES: Final = {SlotType.PASSPHRASE: 70, SlotType.CODE: 64, SlotType.DEVICE: 80, SlotType.PASSKEY: 80}
# One of each that a person types: several would be as many costly guesses for one answer.
_AT_MOST_ONCE: Final = (SlotType.PASSPHRASE, SlotType.CODE)


@dataclass(frozen=True, slots=True)
class Slot:
    """The content key, wrapped for one way to open. ``kind`` may be a number that this program does not know."""

    kind: int
    body: bytes

    def encode(self) -> bytes:
        """Bytes in the file."""
        return bytes([self.kind]) + len(self.body).to_bytes(2, "big") + self.body


@dataclass(frozen=True, slots=True)
class Backup:
    """A well-formed file."""

    series: bytes
    commitment: bytes
    slots: tuple[Slot, ...]
    sealed: bytes
    """The content with its tag."""

    @property
    def opening(self) -> bytes:
        """Bytes 0 to 52: what each slot is bound to."""
        return MAGIC + bytes([_VERSION]) + self.series + self.commitment

    @property
    def head(self) -> bytes:
        """Everything before the sealed content: what the content is bound to."""
        return encode_head(self.opening, self.slots)


@dataclass(frozen=True, slots=True)
class BackupContent:
    """What a backup keeps, and nothing else: no account, no server, no name, no key of a phone."""

    entropy: Secret
    """Of the mnemonic: 16, 20, 24, 28 or 32 bytes."""
    network: str
    """``main``, ``test`` or ``regtest``."""
    created_at: int
    """Unix second, by the clock of the phone that made it."""
    keystore_id: bytes
    """The 16 bytes of the keystore that the wallet was in."""


def series_of(keystore_id: bytes) -> bytes:
    """Public name of the backups of one keystore, 8 bytes; nobody who has only this finds the keystore."""
    return hashlib.sha256(b"pteri-backup-1 series\x00" + keystore_id).digest()[:8]


def is_backup(data: bytes) -> bool:
    """Whether these bytes begin like a backup of any version."""
    return data.startswith(MAGIC)


def encode_head(opening: bytes, slots: tuple[Slot, ...]) -> bytes:
    """Bytes before the sealed content."""
    return opening + bytes([len(slots)]) + b"".join(slot.encode() for slot in slots)


def read_backup(data: bytes) -> Backup:
    """Shape and bounds of a backup; needs no key and proves nothing.

    ``TOO_LARGE``, ``NOT_A_BACKUP`` or ``NEWER_VERSION``. Slots of an unknown type are kept and not looked into.
    """
    if len(data) > MAX_BACKUP_BYTES:
        raise WalletError(WalletCode.TOO_LARGE, "This file is over 16 KiB: too large for a backup of a wallet.")
    if not data.startswith(MAGIC) or len(data) < _OPENING_BYTES + 1:
        raise _no_backup("it does not begin like one")
    if data[12] > _VERSION:
        raise WalletError(
            WalletCode.NEWER_VERSION,
            f"This backup was made by a newer program (format {data[12]}). Update this one to use it.",
        )
    if data[12] != _VERSION:
        raise _no_backup("there is no such version")
    slots, end = _read_slots(data)
    if len(data) != end + _SEALED_BYTES:
        raise _no_backup("it is cut off" if len(data) < end + _SEALED_BYTES else "something follows its end")
    return Backup(data[13:21], data[21:53], slots, data[end:])


def _read_slots(data: bytes) -> tuple[tuple[Slot, ...], int]:
    """Slots, and where they end."""
    if not 1 <= data[_OPENING_BYTES] <= MAX_SLOTS:
        raise _no_backup("it has no slot, or too many")
    slots: list[Slot] = []
    at = _OPENING_BYTES + 1
    for _ in range(data[_OPENING_BYTES]):
        length = int.from_bytes(data[at + 1 : at + 3], "big")
        slot = Slot(data[at] if at < len(data) else 0, data[at + 3 : at + 3 + length])
        if len(slot.body) != length or len(data) < at + 3:
            raise _no_backup("it is cut off")
        _require_sound(slot)
        slots.append(slot)
        at += 3 + length
    if has_twice(slots):
        raise _no_backup("a slot is there twice")
    return tuple(slots), at


def has_twice(slots: Sequence[Slot]) -> bool:
    """Whether there are two slots of a kind that may be there once."""
    return any(sum(slot.kind == kind for slot in slots) > 1 for kind in _AT_MOST_ONCE)


def _require_sound(slot: Slot) -> None:
    if slot.kind == 0 or not 1 <= len(slot.body) <= _MAX_BODY_BYTES:
        raise _no_backup("a slot is out of bounds")
    if slot.kind in set(SlotType) and len(slot.body) != _BODY_BYTES[SlotType(slot.kind)]:
        raise _no_backup("a slot has another size than its kind")


def encode_content(content: BackupContent) -> bytes:
    """The 58 bytes that are sealed, as many for 12 words as for 24. ``ValueError`` for a value out of its bounds."""
    entropy = content.entropy.reveal()
    if len(entropy) not in _ENTROPY_BYTES or len(content.keystore_id) != 16:
        raise ValueError("the entropy or the keystore id has another size")
    if not 0 <= content.created_at <= _MAX_INSTANT:
        raise ValueError("created_at is out of bounds")
    return b"".join(
        (
            bytes([_NETWORKS.index(content.network) + 1]),
            content.created_at.to_bytes(8, "big"),
            content.keystore_id,
            bytes([len(entropy)]),
            entropy.ljust(32, b"\x00"),
        )
    )


def decode_content(plain: bytes) -> BackupContent:
    """The content of these 58 bytes; ``NOT_A_BACKUP`` if another program has sealed something else."""
    network, size = plain[0], plain[25]
    created_at = int.from_bytes(plain[1:9], "big")
    is_sound = (
        1 <= network <= len(_NETWORKS)
        and created_at <= _MAX_INSTANT
        and size in _ENTROPY_BYTES
        and not any(plain[26 + size :])
    )
    if not is_sound:
        raise _no_backup("what is sealed in it is not a wallet of this program")
    return BackupContent(Secret(plain[26 : 26 + size]), _NETWORKS[network - 1], created_at, plain[9:25])


def _no_backup(why: str) -> WalletError:
    return WalletError(
        WalletCode.NOT_A_BACKUP,
        f"This is not a backup of a PTERI wallet, or it is damaged: {why}. Use another version.",
    )
