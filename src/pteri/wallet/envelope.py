"""A secret sealed under a passphrase, as one text file (docs/spec/keystore.md sections 1 to 3).

The file is one line of JSON and a line feed, byte for byte (spaces and line breaks added here)::

    {"format":"pteri-keystore-1",
     "holds":"wallet",                              or "device" or "backup"
     "id":"<16 random bytes>",                      whose copies belong together; tells nothing else
     "kdf":{"name":"argon2id","memory_kib":65536,"iterations":3,"lanes":1,"salt":"<16 random bytes>"},
     "aead":{"name":"aes-256-gcm","nonce":"<12 random bytes>"},
     "ciphertext":"<sealed secret, then 16 bytes of tag>"}LF

Bytes are base64 with padding (RFC 4648 section 4). key = Argon2id (RFC 9106, version 0x13, 32 bytes) of the
passphrase; ciphertext = AES-256-GCM under that key. The associated data is the header: the same line without
``,"ciphertext":"..."`` and without the line feed. So no value of the header can be exchanged unseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from pteri.core.keys.secret import Secret
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.tagged import MAX_FILE_BYTES, decode_tagged, encode_tagged

if TYPE_CHECKING:
    from pteri.wallet.ports import Entropy

__all__ = [
    "FORMAT",
    "LIGHT",
    "STANDARD",
    "Envelope",
    "Holds",
    "KdfCost",
    "open_sealed",
    "read_envelope",
    "seal",
    "stretched",
]

FORMAT: Final = "pteri-keystore-1"
_TAG_BYTES: Final = 16


class Holds(StrEnum):
    """What is sealed. A device key is never taken for a wallet: that would carry it into a backup.

    ``BACKUP`` is the key by which this phone opens backups that another own phone has made for it. ``TRANSFER`` is what
    it knows of the phone that it moves to, or from. ``SUCCESSOR`` is the wallet that shall take the place of this one,
    ``CODES`` are recovery codes that nobody has written down yet, ``OFFLINE`` is the seed of its offline codes.
    """

    WALLET = "wallet"
    DEVICE = "device"
    BACKUP = "backup"
    TRANSFER = "transfer"
    SUCCESSOR = "successor"
    CODES = "codes"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class KdfCost:
    """What one guess at the passphrase costs. Refuses with ``KDF_COST`` outside the bounds.

    The lower bound keeps a careless caller from sealing almost for nothing; the upper one keeps a hostile
    file from eating the machine before it has proved anything.
    """

    memory_kib: int
    """8 MiB to 1 GiB."""
    iterations: int
    """1 to 10."""
    lanes: int
    """1 to 4."""

    def __post_init__(self) -> None:
        if not (8 * 1024 <= self.memory_kib <= 1024 * 1024 and 1 <= self.iterations <= 10 and 1 <= self.lanes <= 4):
            raise WalletError(
                WalletCode.KDF_COST,
                "A wallet's key takes 8 MiB to 1 GiB of memory, 1 to 10 passes and 1 to 4 lanes; this asks "
                "for another amount. A file that does was not made by this program: use another copy.",
            )


STANDARD: Final = KdfCost(memory_kib=64 * 1024, iterations=3, lanes=1)
"""RFC 9106 section 4, second recommendation, in one lane: one processor on the owner's side, too."""
LIGHT: Final = KdfCost(memory_kib=8 * 1024, iterations=1, lanes=1)
"""The least that is accepted. For tests."""


class _Kdf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Literal["argon2id"]
    memory_kib: int
    iterations: int
    lanes: int
    salt: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


class _Aead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Literal["aes-256-gcm"]
    nonce: Annotated[bytes, msgspec.Meta(min_length=12, max_length=12)]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["pteri-keystore-1"]
    holds: Holds
    id: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    kdf: _Kdf
    aead: _Aead


class _File(_Header, frozen=True, forbid_unknown_fields=True):
    ciphertext: Annotated[bytes, msgspec.Meta(min_length=_TAG_BYTES)]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A well-formed sealed file. Nothing in it is proved before it is opened."""

    holds: Holds
    keystore_id: bytes
    cost: KdfCost
    salt: bytes
    nonce: bytes
    header: bytes
    """Canonical bytes of the header: the associated data."""
    ciphertext: bytes


def seal(
    payload: Secret,
    passphrase: Secret,
    *,
    entropy: Entropy,
    cost: KdfCost = STANDARD,
    holds: Holds = Holds.WALLET,
    keystore_id: bytes | None = None,
) -> bytes:
    """Seal ``payload``; the bytes of the file.

    Salt and nonce are drawn anew each time, so a key meets its nonce once. ``keystore_id`` is kept when the
    same secret is sealed again; without one, a new one is drawn. Refuses an empty passphrase (``PASSPHRASE``)
    and a payload whose file would be over 1 MiB (``TOO_LARGE``).
    """
    if not passphrase.reveal():
        raise WalletError(WalletCode.PASSPHRASE, "A wallet cannot be sealed under an empty passphrase. Choose one.")
    header = _Header(
        format=FORMAT,
        holds=holds,
        id=entropy.draw(16) if keystore_id is None else keystore_id,
        kdf=_Kdf("argon2id", cost.memory_kib, cost.iterations, cost.lanes, entropy.draw(16)),
        aead=_Aead("aes-256-gcm", entropy.draw(12)),
    )
    cipher = AESGCM(stretched(passphrase, cost, header.kdf.salt).reveal())
    ciphertext = cipher.encrypt(header.aead.nonce, payload.reveal(), msgspec.json.encode(header))
    data = encode_tagged(_File(header.format, header.holds, header.id, header.kdf, header.aead, ciphertext))
    if len(data) > MAX_FILE_BYTES:
        raise WalletError(WalletCode.TOO_LARGE, "This secret is too large for a wallet file of at most 1 MiB.")
    return data


def read_envelope(data: bytes) -> Envelope:
    """Shape, spelling and bounds of a sealed file; needs no passphrase and proves nothing."""
    file = decode_tagged(
        data,
        _File,
        format_name=FORMAT,
        what="a PTERI wallet file",
        remedy="Use an unchanged copy, such as a backup.",
        refusal=WalletCode.NOT_A_KEYSTORE,
    )
    return Envelope(
        holds=file.holds,
        keystore_id=file.id,
        cost=KdfCost(file.kdf.memory_kib, file.kdf.iterations, file.kdf.lanes),
        salt=file.kdf.salt,
        nonce=file.aead.nonce,
        header=msgspec.json.encode(_Header(file.format, file.holds, file.id, file.kdf, file.aead)),
        ciphertext=file.ciphertext,
    )


def open_sealed(data: bytes, passphrase: Secret, *, expected: Holds = Holds.WALLET) -> Secret:
    """Open a sealed file: 1 size, shape, spelling; 2 cost bounds; 3 expected content; 4 the key.

    Everything that a stranger can get wrong on purpose is refused before the costly derivation. Refusals:
    ``TOO_LARGE``, ``NOT_A_KEYSTORE``, ``NEWER_VERSION``, ``KDF_COST``, ``WRONG_CONTENT``,
    ``WRONG_PASSPHRASE_OR_DAMAGED``.
    """
    envelope = read_envelope(data)
    if envelope.holds is not expected:
        raise WalletError(
            WalletCode.WRONG_CONTENT,
            f"This file holds a {envelope.holds} key, and a {expected} key is expected. Choose another file.",
        )
    cipher = AESGCM(stretched(passphrase, envelope.cost, envelope.salt).reveal())
    try:
        return Secret(cipher.decrypt(envelope.nonce, envelope.ciphertext, envelope.header))
    except InvalidTag as error:
        raise WalletError(
            WalletCode.WRONG_PASSPHRASE_OR_DAMAGED,
            "This does not open: the passphrase is another one, or the file is damaged. "
            "Type the passphrase again; if you are sure of it, use a backup of the file.",
        ) from error


def stretched(passphrase: Secret, cost: KdfCost, salt: bytes) -> Secret:
    """Argon2id (RFC 9106, version 0x13) of a passphrase, 32 bytes; ``KDF_COST`` beyond this computer's memory."""
    kdf = Argon2id(
        salt=salt,
        length=32,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory_kib,
    )
    try:
        return Secret(kdf.derive(passphrase.reveal()))
    except MemoryError as error:
        raise WalletError(
            WalletCode.KDF_COST,
            f"This needs {cost.memory_kib // 1024} MiB of memory, more than this computer has free. "
            "Close other programs and try again.",
        ) from error
