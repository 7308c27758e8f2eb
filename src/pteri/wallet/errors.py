"""What can go wrong on the person's own computer, in words for that person.

Every message says what happened and what to do next. ``code`` is stable and closed: programs switch on it,
never on the text. No message carries a secret, nor raw text out of a file that somebody else may have
written.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["WalletCode", "WalletError"]


class WalletCode(StrEnum):
    """Why the wallet cannot go on."""

    WRONG_PASSPHRASE_OR_DAMAGED = "WRONG_PASSPHRASE_OR_DAMAGED"  # noqa: S105 - the name of a refusal
    """A sealed file does not open. Authenticated encryption cannot tell the two apart, so neither do we."""
    NOT_A_KEYSTORE = "NOT_A_KEYSTORE"
    """Not a sealed file of this format, or changed by another program."""
    NOT_A_STATE = "NOT_A_STATE"
    """``state.json`` is not what this program wrote."""
    WRONG_CONTENT = "WRONG_CONTENT"
    """A sealed file that holds something else: a device key where a wallet is expected, or the reverse."""
    NEWER_VERSION = "NEWER_VERSION"
    """Written by a newer program."""
    KDF_COST = "KDF_COST"
    """A key derivation outside the accepted bounds, or beyond this computer's memory."""
    TOO_LARGE = "TOO_LARGE"
    """Over the size limit of its kind."""
    EXISTS = "EXISTS"
    """There is one already, and nothing is overwritten."""
    NOT_FOUND = "NOT_FOUND"
    """There is none."""
    LOCKED = "LOCKED"
    """Another program is working with this wallet."""
    EXPOSED = "EXPOSED"
    """Other users of the computer have access to what must be the owner's alone."""
    READ_FAILED = "READ_FAILED"
    """The system refused to read."""
    WRITE_FAILED = "WRITE_FAILED"
    """The system refused to write. What was there before is still there."""
    PASSPHRASE = "PASSPHRASE"  # noqa: S105 - the name of a refusal
    """Not usable as a passphrase: empty, too short to be new, too long, control characters, two spellings."""
    NO_PASSPHRASE = "NO_PASSPHRASE"  # noqa: S105 - the name of a refusal
    """No keychain entry, no passphrase file and nobody to ask."""
    KEYCHAIN = "KEYCHAIN"
    """The keychain of the operating system refused."""

    WALLET_IN_USE = "WALLET_IN_USE"
    """A new wallet that an account has, or is going to have, is not discarded."""
    LOCKED_AGAIN = "LOCKED_AGAIN"
    """The wallet was open long enough and has closed by itself."""
    NOT_A_BACKUP = "NOT_A_BACKUP"
    """Not a backup of this format: cut, lengthened, or another thing altogether."""
    WRONG_KEY_OR_DAMAGED = "WRONG_KEY_OR_DAMAGED"
    """A backup does not open by this backup code, phone or passkey; or its slot is damaged."""
    BACKUP_DAMAGED = "BACKUP_DAMAGED"
    """The key is the right one, and the rest of the file is not what was sealed; or a version is half there."""
    NO_SUCH_SLOT = "NO_SUCH_SLOT"
    """This backup was not made to open this way."""
    BACKUP_CODE = "BACKUP_CODE"
    """Not a backup code, or mistyped."""
    RECOVERY_CODE = "RECOVERY_CODE"
    """Not a recovery code, or mistyped."""
    OTHER_WALLET = "OTHER_WALLET"
    """A sound backup, of another wallet."""
    SEVERAL_WALLETS = "SEVERAL_WALLETS"
    """A place holds backups of several wallets, and nobody has said which one is meant."""
    NOT_KEPT = "NOT_KEPT"
    """A place took a backup and does not give the same bytes back, or does not list them."""
    PLACE = "PLACE"
    """Where backups go is not described as it must be, or not at all."""
    PLACE_DENIED = "PLACE_DENIED"
    """The place does not accept its name, password or key."""
    NO_CLOUD = "NO_CLOUD"
    """The part of this program that speaks to such places is not installed."""


class WalletError(Exception):
    """The wallet cannot go on. ``str()`` is the plain message; ``code`` is stable, from a closed list per class."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)  # both, so that the exception survives pickling between processes
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message
