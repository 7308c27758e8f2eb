"""Where the passphrase comes from: a file the person named, the system's keychain, or the person.

In this order: what was named for this run goes before what happens to be there, and nobody is asked in vain.
No environment variable holds a passphrase; the one that names the file is read in ``pteri.settings``.
"""

from __future__ import annotations

import getpass
import unicodedata
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from pteri import durable
from pteri.core.keys.secret import Secret
from pteri.wallet.errors import WalletCode, WalletError

if TYPE_CHECKING:
    from pathlib import Path

    from keyring.backend import KeyringBackend

__all__ = [
    "MIN_NEW_CHARACTERS",
    "Keychain",
    "Prompt",
    "find_passphrase",
    "new_passphrase",
    "passphrase_from_keychain",
    "passphrase_from_text",
    "read_passphrase_file",
    "real_keychain",
    "remember_passphrase",
    "system_keychain",
    "terminal_prompt",
]

MIN_NEW_CHARACTERS: Final = 12
_MAX_BYTES: Final = 1024
_SERVICE: Final = "pteri-wallet"

# The keychains that keep a secret, by module. A list of good ones: the bad ones (keyring's own fail, null and
# chainer, plain-text files of add-ons) have no end.
_REAL_KEYCHAINS: Final = frozenset(
    f"keyring.backends.{name}" for name in ("SecretService", "Windows", "kwallet", "libsecret", "macOS")
)

Prompt = Callable[[str], str]
"""Asks the person the given question, unseen, and returns what was typed."""


class Keychain(Protocol):
    """The keychain of the operating system, as the ``keyring`` package speaks to it."""

    def get_password(self, service: str, username: str, /) -> str | None:
        """Entry of this service and name, if there is one."""
        ...

    def set_password(self, service: str, username: str, password: str, /) -> None:
        """Write the entry of this service and name."""
        ...


def find_passphrase(
    wallet_name: str,
    *,
    file: Path | None,
    keychain: Keychain | None,
    prompt: Prompt | None,
) -> Secret:
    """Get the passphrase of an existing wallet from the first of the three that has one (``NO_PASSPHRASE``).

    A named file that cannot be used is an error and not passed over: the person meant it.
    """
    if file is not None:
        return read_passphrase_file(file)
    remembered = None if keychain is None else passphrase_from_keychain(keychain, wallet_name)
    if remembered is not None:
        return remembered
    if prompt is not None:
        return passphrase_from_text(prompt("Passphrase of the wallet: "))
    raise WalletError(
        WalletCode.NO_PASSPHRASE,
        "No passphrase: the keychain has none for this wallet and there is nobody to ask. "
        "Name a file that holds it, or run this in a terminal.",
    )


def new_passphrase(prompt: Prompt) -> Secret:
    """Ask for a new passphrase, twice. ``PASSPHRASE`` if it is under 12 characters or the two differ."""
    first = passphrase_from_text(prompt(f"New passphrase, at least {MIN_NEW_CHARACTERS} characters: "))
    if len(first.reveal().decode()) < MIN_NEW_CHARACTERS:
        raise WalletError(
            WalletCode.PASSPHRASE,
            f"This is under {MIN_NEW_CHARACTERS} characters. A few unrelated words are easy to keep.",
        )
    if first != passphrase_from_text(prompt("The same again: ")):
        raise WalletError(
            WalletCode.PASSPHRASE, "These were two different passphrases. Nothing was changed; try again."
        )
    return first


def passphrase_from_text(text: str) -> Secret:
    """Bytes of a passphrase (RFC 8265 section 4.2): every space becomes U+0020, then NFC, then UTF-8.

    So the same passphrase typed on two keyboards is the same bytes. ``PASSPHRASE`` if it is empty, over 1024
    bytes or has control or unassigned characters; the refusal never quotes it.
    """
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)
    normal = unicodedata.normalize("NFC", spaced)
    if not normal:
        raise WalletError(WalletCode.PASSPHRASE, "This passphrase is empty. Type at least one character.")
    # Cs first of all: a lone surrogate has no UTF-8. Cn: the next Unicode may normalise it another way.
    if any(unicodedata.category(character) in {"Cc", "Cn", "Cs"} for character in normal):
        raise WalletError(
            WalletCode.PASSPHRASE,
            "This passphrase has a character that nobody can type, such as a line break. Leave it out.",
        )
    raw = normal.encode()
    if len(raw) > _MAX_BYTES:
        raise WalletError(WalletCode.PASSPHRASE, f"This passphrase is over {_MAX_BYTES} bytes. Use a shorter one.")
    return Secret(raw)


def read_passphrase_file(path: Path) -> Secret:
    """Passphrase in a text file: one line of UTF-8, with or without line end, open to its owner alone."""
    try:
        data = durable.read_private(path, _MAX_BYTES + 2)  # and CR LF
        text = data.decode()
    except FileNotFoundError as error:
        raise WalletError(WalletCode.NOT_FOUND, f"There is no passphrase file {path}. Check the name.") from error
    except durable.ExposedError as error:
        raise WalletError(
            WalletCode.EXPOSED,
            f"Other users of this computer can open the passphrase file. Close it with: chmod 600 '{path}'",
        ) from error
    except durable.TooLongError as error:
        raise WalletError(WalletCode.TOO_LARGE, f"{path} is too long for a passphrase file of one line.") from error
    except OSError as error:
        raise WalletError(WalletCode.READ_FAILED, f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError:
        # No cause: the reader's error carries the bytes of the file.
        raise WalletError(
            WalletCode.PASSPHRASE, f"{path} is not UTF-8 text. Save it as one line of plain text."
        ) from None
    return passphrase_from_text(text.removesuffix("\n").removesuffix("\r"))


def system_keychain() -> Keychain | None:
    """Find the keychain of this operating system, if it has one and the ``keyring`` package is installed.

    ``keyring``'s own choice is not asked for: its configuration file and environment variable may name a
    backend that writes passphrases down in clear.
    """
    try:
        from keyring import backend  # noqa: PLC0415 - optional: comes with the extra "wallet"
    except ImportError:
        return None
    viable: list[KeyringBackend] = sorted(backend.get_all_keyring(), key=backend.by_priority, reverse=True)
    return real_keychain(viable)


def real_keychain(candidates: Iterable[Keychain]) -> Keychain | None:
    """Pick the first candidate known to keep a secret."""
    return next((found for found in candidates if _home_module(found) in _REAL_KEYCHAINS), None)


def _home_module(found: Keychain) -> str:
    return type(found).__module__


def passphrase_from_keychain(keychain: Keychain, wallet_name: str) -> Secret | None:
    """Ask the keychain for the passphrase of this wallet; ``KEYCHAIN`` if it is locked or says no."""
    try:
        text = keychain.get_password(_SERVICE, wallet_name)
    except Exception as error:  # backends raise errors of D-Bus, COM and the Mac: no common parent
        raise _keychain_refusal() from error
    return None if text is None else passphrase_from_text(text)


def remember_passphrase(keychain: Keychain, wallet_name: str, passphrase: Secret) -> None:
    """Let the keychain remember; ``KEYCHAIN`` if it says no or does not give it back."""
    try:
        keychain.set_password(_SERVICE, wallet_name, passphrase.reveal().decode())
    except Exception:  # noqa: BLE001 - as above
        # No cause: a backend may quote its arguments in its error.
        raise _keychain_refusal() from None
    if passphrase_from_keychain(keychain, wallet_name) != passphrase:
        raise _keychain_refusal()


def _keychain_refusal() -> WalletError:
    return WalletError(
        WalletCode.KEYCHAIN,
        "The keychain of this computer refused. Unlock it, or use a passphrase file instead.",
    )


def terminal_prompt(question: str) -> str:
    """Ask in the terminal without showing what is typed; ``NO_PASSPHRASE`` where there is none."""
    with warnings.catch_warnings():
        # getpass would rather show the passphrase than not ask.
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(question)
        except (getpass.GetPassWarning, EOFError) as error:
            raise WalletError(
                WalletCode.NO_PASSPHRASE,
                "There is no terminal that can hide a passphrase while it is typed. Name a file that holds it instead.",
            ) from error
