"""A wallet sealed for the day when every phone is lost (docs/spec/backup.md).

A content key is drawn for each backup; slots wrap it, one for each way to open: a passphrase, a backup code, another
own phone, a passkey. What an attacker who holds the place where backups are kept cannot do, and by what:

* read it: the content is sealed, and costs 64 MiB for each guess at the passphrase;
* put a slot of another file in, take one away, or exchange any byte of the head: the head is bound into the content;
* make one file that opens to one wallet by one passphrase and to another by the next, or learn from one answer about
  many passphrases: the head commits to the content key, and the commitment is compared before anything is opened.

Whoever can open a backup can write another in its place. For a device slot that is everybody, since its key is
public: it tells nobody who wrote the backup. So a restore shows the address, and a drill compares it.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pteri.core.keys.secret import Secret
from pteri.wallet.backup_bytes import (
    MAGIC,
    MAX_SLOTS,
    Backup,
    BackupContent,
    decode_content,
    encode_content,
    encode_head,
    has_twice,
    read_backup,
    series_of,
)
from pteri.wallet.backup_slots import derived
from pteri.wallet.errors import WalletCode, WalletError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pteri.wallet.backup_slots import Opener, Sealer
    from pteri.wallet.ports import Entropy

__all__ = ["open_backup", "seal_backup"]

_KEY_BYTES: Final = 32
_ONCE: Final = bytes(12)


def seal_backup(content: BackupContent, sealers: Sequence[Sealer], *, entropy: Entropy) -> bytes:
    """Bytes of a new backup that each of ``sealers`` can open.

    The content key is drawn anew each time, so no two backups share a key, and none is like another. ``ValueError``
    for no sealer, or for two that may be there only once: a backup that nobody can open is none.
    """
    content_key = Secret(entropy.draw(_KEY_BYTES))
    opening = MAGIC + b"\x01" + series_of(content.keystore_id) + _commitment(content_key)
    slots = tuple(sealer.slot(content_key, opening, entropy=entropy) for sealer in sealers)
    if not 1 <= len(slots) <= MAX_SLOTS or has_twice(slots):
        raise ValueError(f"a backup has 1 to {MAX_SLOTS} slots, and one for a passphrase and a code at most")
    head = encode_head(opening, slots)
    cipher = AESGCM(derived(content_key, "content").reveal())
    return head + cipher.encrypt(_ONCE, encode_content(content), head)


def open_backup(data: bytes, opener: Opener) -> BackupContent:
    """Open a backup: 1 size, shape, version; 2 a slot of this kind; 3 the slot; 4 commitment; 5 content; 6 its sense.

    Refusals, in this order: ``TOO_LARGE``, ``NOT_A_BACKUP``, ``NEWER_VERSION``; ``NO_SUCH_SLOT``; ``KDF_COST``;
    ``WRONG_PASSPHRASE_OR_DAMAGED`` or ``WRONG_KEY_OR_DAMAGED``; ``BACKUP_DAMAGED``; ``NOT_A_BACKUP``.
    """
    backup = read_backup(data)
    content_key = _content_key(backup, opener)
    cipher = AESGCM(derived(content_key, "content").reveal())
    try:
        plain = cipher.decrypt(_ONCE, backup.sealed, backup.head)
    except InvalidTag as error:
        raise WalletError(
            WalletCode.BACKUP_DAMAGED,
            "Your key is the right one, but this backup has been changed or damaged since it was made. Use another "
            "version.",
        ) from error
    content = decode_content(plain)
    if not hmac.compare_digest(series_of(content.keystore_id), backup.series):
        raise WalletError(
            WalletCode.NOT_A_BACKUP, "This backup names another wallet than it holds. Use another version."
        )
    return content


def _content_key(backup: Backup, opener: Opener) -> Secret:
    mine = [slot for slot in backup.slots if slot.kind == opener.kind]
    if not mine:
        raise WalletError(
            WalletCode.NO_SUCH_SLOT,
            f"This backup was not made to open by {_WAYS[opener.kind]}. Use another way to open it.",
        )
    for slot in mine:
        found = opener.content_key(slot, backup.opening)
        # A slot that opens to another key is not told from one that does not open: one answer for all guesses.
        if found is not None and hmac.compare_digest(_commitment(found), backup.commitment):
            return found
    raise opener.refusal()


_WAYS: Final = {1: "a passphrase", 2: "a backup code", 3: "another phone", 4: "a passkey"}


def _commitment(content_key: Secret) -> bytes:
    return derived(content_key, "commitment").reveal()
