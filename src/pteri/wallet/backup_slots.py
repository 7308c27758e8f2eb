"""Slots of a backup: the content key wrapped for each way to open it (docs/spec/backup.md section 4).

``For...`` says for whom a backup is sealed, ``By...`` who opens it. A slot is bound to its own parameters and to bytes
0 to 52 of its file, the commitment included: in another file it opens nothing.

Each wrapping key is used once, since it comes of a salt (or an ephemeral key) drawn for this very slot; so its nonce
may be all zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pteri.core import hpke
from pteri.core.errors import Malformed, NotAuthentic
from pteri.core.keys.secret import Secret
from pteri.wallet.backup_bytes import Slot, SlotType
from pteri.wallet.envelope import STANDARD, KdfCost, stretched
from pteri.wallet.errors import WalletCode, WalletError

if TYPE_CHECKING:
    from pteri.wallet.ports import Entropy

__all__ = [
    "WRAPPED_BYTES",
    "ByCode",
    "ByDevice",
    "ByPasskey",
    "ByPassphrase",
    "ForCode",
    "ForDevice",
    "ForPasskey",
    "ForPassphrase",
    "Opener",
    "Sealer",
    "derived",
]

WRAPPED_BYTES: Final = 48
"""A content key of 32 bytes, and 16 bytes of tag."""
_SALT_BYTES: Final = 16
_ONCE: Final = bytes(12)
"""Nonce of a key that seals one thing."""
_DEVICE_INFO: Final = b"pteri-backup-1 device"


class Sealer(Protocol):
    """For whom a backup is sealed."""

    def slot(self, content_key: Secret, opening: bytes, *, entropy: Entropy) -> Slot:
        """Wrap the content key of the file that begins with ``opening``."""
        ...


class Opener(Protocol):
    """Who opens a backup."""

    kind: ClassVar[SlotType]

    def content_key(self, slot: Slot, opening: bytes) -> Secret | None:
        """Unwrap a slot of this kind; None if it does not open. ``KDF_COST`` before anything costly."""
        ...

    def refusal(self) -> WalletError:
        """What the person hears when no slot has opened."""
        ...


def derived(key: Secret, purpose: str, *, salt: bytes = b"") -> Secret:
    """HKDF-SHA-256 (RFC 5869), 32 bytes, for one purpose: no two uses share a key."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=b"pteri-backup-1 " + purpose.encode())
    return Secret(kdf.derive(key.reveal()))


def _wrap(content_key: Secret, wrapping_key: Secret, opening: bytes, kind: SlotType, parameters: bytes) -> Slot:
    bound_to = opening + bytes([kind]) + parameters
    wrapped = AESGCM(wrapping_key.reveal()).encrypt(_ONCE, content_key.reveal(), bound_to)
    return Slot(kind, parameters + wrapped)


def _unwrap(slot: Slot, wrapping_key: Secret, opening: bytes) -> Secret | None:
    parameters, wrapped = slot.body[:-WRAPPED_BYTES], slot.body[-WRAPPED_BYTES:]
    try:
        opened = AESGCM(wrapping_key.reveal()).decrypt(_ONCE, wrapped, opening + bytes([slot.kind]) + parameters)
    except InvalidTag:
        return None
    return Secret(opened)


@dataclass(frozen=True, slots=True)
class ForPassphrase:
    """A slot that a passphrase opens: memory (4), passes (1), lanes (1), salt (16), wrapped key (48)."""

    passphrase: Secret
    cost: KdfCost = STANDARD

    def slot(self, content_key: Secret, opening: bytes, *, entropy: Entropy) -> Slot:
        """See :class:`Sealer`. Refuses an empty passphrase (``PASSPHRASE``)."""
        if not len(self.passphrase):
            raise WalletError(WalletCode.PASSPHRASE, "A backup cannot be sealed under an empty passphrase. Choose one.")
        salt = entropy.draw(_SALT_BYTES)
        parameters = b"".join(
            (self.cost.memory_kib.to_bytes(4, "big"), bytes([self.cost.iterations, self.cost.lanes]), salt)
        )
        key = derived(stretched(self.passphrase, self.cost, salt), "passphrase")
        return _wrap(content_key, key, opening, SlotType.PASSPHRASE, parameters)


@dataclass(frozen=True, slots=True)
class ByPassphrase:
    """Open with the passphrase."""

    passphrase: Secret
    kind: ClassVar[SlotType] = SlotType.PASSPHRASE

    def content_key(self, slot: Slot, opening: bytes) -> Secret | None:
        """See :class:`Opener`."""
        body = slot.body
        cost = KdfCost(int.from_bytes(body[:4], "big"), body[4], body[5])  # its bounds are checked here
        return _unwrap(slot, derived(stretched(self.passphrase, cost, body[6:22]), "passphrase"), opening)

    def refusal(self) -> WalletError:
        """See :class:`Opener`."""
        return WalletError(
            WalletCode.WRONG_PASSPHRASE_OR_DAMAGED,
            "This backup does not open: the passphrase is another one, or the file is damaged. A backup keeps the "
            "passphrase it was made under. Type it again; if you are sure of it, use another version or the backup "
            "code.",
        )


@dataclass(frozen=True, slots=True)
class ForCode:
    """A slot that a backup code opens: salt (16), wrapped key (48). 100 random bits need no stretching."""

    code: Secret

    def slot(self, content_key: Secret, opening: bytes, *, entropy: Entropy) -> Slot:
        """See :class:`Sealer`."""
        salt = entropy.draw(_SALT_BYTES)
        return _wrap(content_key, derived(self.code, "code", salt=salt), opening, SlotType.CODE, salt)


@dataclass(frozen=True, slots=True)
class ByCode:
    """Open with the backup code, as :func:`~pteri.wallet.backup_code.backup_code_from_text` gives it."""

    code: Secret
    kind: ClassVar[SlotType] = SlotType.CODE

    def content_key(self, slot: Slot, opening: bytes) -> Secret | None:
        """See :class:`Opener`."""
        return _unwrap(slot, derived(self.code, "code", salt=slot.body[:_SALT_BYTES]), opening)

    def refusal(self) -> WalletError:
        """See :class:`Opener`."""
        return WalletError(
            WalletCode.WRONG_KEY_OR_DAMAGED,
            "This backup does not open: the backup code is of another backup, or the file is damaged. Each backup "
            "has its own code; look at the date beside it, or use another version.",
        )


@dataclass(frozen=True, slots=True)
class ForDevice:
    """A slot that another own phone opens: the ephemeral public key of HPKE (32), wrapped key (48).

    ``public`` is the X25519 backup key of that phone, 32 bytes. It does not stand in the file: nobody learns from two
    backups that they are for one phone. ``Malformed(KEY)`` if it is not usable.
    """

    public: bytes

    def slot(self, content_key: Secret, opening: bytes, *, entropy: Entropy) -> Slot:
        """See :class:`Sealer`."""
        sender = hpke.sender(self.public, info=_DEVICE_INFO, ephemeral=Secret(entropy.draw(hpke.KEY_BYTES)))
        wrapped = sender.seal(content_key.reveal(), opening + bytes([SlotType.DEVICE]) + sender.enc)
        return Slot(SlotType.DEVICE, sender.enc + wrapped)


@dataclass(frozen=True, slots=True)
class ByDevice:
    """Open with the private backup key of this phone."""

    private: Secret
    kind: ClassVar[SlotType] = SlotType.DEVICE

    def content_key(self, slot: Slot, opening: bytes) -> Secret | None:
        """See :class:`Opener`."""
        enc, wrapped = slot.body[: hpke.KEY_BYTES], slot.body[hpke.KEY_BYTES :]
        hpke.public_of(self.private)  # a key of another size is the caller's fault, not the file's
        try:
            receiver = hpke.receiver(enc, self.private, info=_DEVICE_INFO)
            return Secret(receiver.open(wrapped, opening + bytes([slot.kind]) + enc))
        except (NotAuthentic, Malformed):  # sealed for another phone, or an ephemeral key that is none
            return None

    def refusal(self) -> WalletError:
        """See :class:`Opener`."""
        return WalletError(
            WalletCode.WRONG_KEY_OR_DAMAGED,
            "This backup was not made for this phone, or the file is damaged. Use the passphrase or another version.",
        )


@dataclass(frozen=True, slots=True)
class ForPasskey:
    """A slot that a passkey opens: what the passkey is asked for (32), wrapped key (48).

    ``output`` is what the WebAuthn extension ``prf`` answers to ``asked``: 32 bytes.
    """

    output: Secret
    asked: bytes

    def slot(self, content_key: Secret, opening: bytes, *, entropy: Entropy) -> Slot:
        """See :class:`Sealer`. Draws nothing: ``asked`` is drawn before, by who asks the passkey, and used once."""
        del entropy
        _require_size(self.output)
        if len(self.asked) != 32:
            raise ValueError("a passkey is asked for 32 bytes")
        return _wrap(
            content_key, derived(self.output, "passkey", salt=self.asked), opening, SlotType.PASSKEY, self.asked
        )


@dataclass(frozen=True, slots=True)
class ByPasskey:
    """Open with the answer of a passkey to the first 32 bytes of a slot of this kind."""

    output: Secret
    kind: ClassVar[SlotType] = SlotType.PASSKEY

    def content_key(self, slot: Slot, opening: bytes) -> Secret | None:
        """See :class:`Opener`."""
        _require_size(self.output)
        return _unwrap(slot, derived(self.output, "passkey", salt=slot.body[:32]), opening)

    def refusal(self) -> WalletError:
        """See :class:`Opener`."""
        return WalletError(
            WalletCode.WRONG_KEY_OR_DAMAGED,
            "This backup does not open with this passkey: it is another one, or the file is damaged. Use the "
            "passphrase or another version.",
        )


def _require_size(output: Secret) -> None:
    if len(output) != 32:
        raise ValueError("the answer of a passkey has 32 bytes")
