"""The wallet that shall take the place of this one: sealed beside it before anybody hears of it.

Its file is there before the first signature, so no accepted statement can name a wallet that nobody has. Once the
account has it, the old wallet becomes a numbered copy and the new one takes its name: each step may be interrupted, and
the next start finishes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from pteri.core.keys.secret import Secret
from pteri.wallet.copies import save_copy
from pteri.wallet.envelope import STANDARD, Holds, KdfCost, open_sealed, seal
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import create_file, is_there, read_file, remove_file, replace_file
from pteri.wallet.paper_code import recovery_code_from_text
from pteri.wallet.wallet import Wallet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pteri.wallet.keystore import Keystore
    from pteri.wallet.ports import Entropy
    from pteri.wallet.state import PhoneState

__all__ = ["Succession", "decode_codes", "encode_codes"]


class _Codes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    codes: Annotated[tuple[bytes, ...], msgspec.Meta(min_length=1, max_length=2)]


def encode_codes(codes: tuple[Secret, ...]) -> Secret:
    """What is sealed in ``codes.json`` (docs/spec/keystore.md section 6)."""
    return Secret(msgspec.json.encode(_Codes(tuple(code.reveal() for code in codes))))


def decode_codes(payload: Secret) -> tuple[Secret, ...]:
    """The recovery codes of it; ``NOT_A_KEYSTORE`` unless it is exactly what :func:`encode_codes` makes of codes."""
    try:
        codes = tuple(Secret(code) for code in msgspec.json.decode(payload.reveal(), type=_Codes).codes)
        is_exact = encode_codes(codes) == payload and all(_is_code(code) for code in codes)
    except (ValueError, RecursionError):
        is_exact = False
    if not is_exact:
        raise WalletError(
            WalletCode.NOT_A_KEYSTORE,
            "The file codes.json opens, and what is in it are no recovery codes. Remove it, and make new codes with "
            "another phone, or with a code that you have on paper.",
        )
    return codes


def _is_code(code: Secret) -> bool:
    try:
        return recovery_code_from_text(code.reveal().decode("ascii")) == code
    except WalletError:
        return False


class Succession:
    """Sealed files of a change that is not over. Callers hold the keystore's lock.

    ``passphrase`` is asked for at each use, and refuses when the phone has closed its keys.
    """

    def __init__(
        self, keystore: Keystore, passphrase: Callable[[], Secret], *, entropy: Entropy, cost: KdfCost = STANDARD
    ) -> None:
        self._keystore = keystore
        self._passphrase = passphrase
        self._entropy = entropy
        self._cost = cost

    def successor(self, network: str) -> Wallet | None:
        """The new wallet, if there is one."""
        if not is_there(self._path(Holds.SUCCESSOR)):
            return None
        words = open_sealed(read_file(self._path(Holds.SUCCESSOR)), self._passphrase(), expected=Holds.SUCCESSOR)
        return Wallet.from_mnemonic(words, network=network)

    def prepared(self, words: Secret | None, network: str) -> Wallet:
        """The new wallet: the one that is there, or of these words, or of fresh ones; sealed when this returns.

        ``EXISTS`` when another one waits already: it may be the one that the account is going to have.
        """
        present = self.successor(network)
        if present is None:
            made = (
                Wallet.new(entropy=self._entropy, network=network)
                if words is None
                else Wallet.from_mnemonic(words, network=network)
            )
            create_file(self._path(Holds.SUCCESSOR), self._sealed(made.mnemonic(), Holds.SUCCESSOR))
            return made
        if words is not None and Wallet.from_mnemonic(words, network=network).mnemonic() != present.mnemonic():
            raise WalletError(
                WalletCode.EXISTS,
                "Another new wallet is waiting here to take the place of this one. Go on with that one.",
            )
        return present

    def settle(self, state: PhoneState) -> Wallet | None:
        """Put the new wallet in the place of the old one, if the account has it. The old one stays as a copy."""
        successor = self.successor(state.network)
        if successor is None or successor.address(state.tenant_index) != state.address:
            return None
        directory, wallet = self._keystore.directory, self._path(Holds.WALLET)
        with self._keystore.exclusive():
            if self._keystore.open_wallet(self._passphrase()) != successor.mnemonic():
                save_copy(directory, read_file(wallet))
                # A series of backups of its own: it is another wallet.
                replace_file(wallet, self._sealed(successor.mnemonic(), Holds.WALLET))
            remove_file(self._path(Holds.SUCCESSOR))
        return successor

    def discard(self) -> None:
        """Remove the new wallet. Callers know that no account has it and no case brings it."""
        remove_file(self._path(Holds.SUCCESSOR))

    def set_aside(self, network: str) -> Path:
        """The same, but a sealed, numbered copy stays here: for when nobody can say whether an account has it."""
        successor = self.successor(network)
        assert successor is not None, "callers have seen it"
        copy = save_copy(self._keystore.directory, self._sealed(successor.mnemonic(), Holds.WALLET))
        self.discard()
        return copy

    def keep_codes(self, codes: tuple[Secret, ...]) -> None:
        """Seal recovery codes until somebody says that they are written down."""
        replace_file(self._path(Holds.CODES), self._sealed(encode_codes(codes), Holds.CODES))

    def codes(self) -> tuple[Secret, ...]:
        """The codes that nobody has written down yet; none if there are none."""
        if not is_there(self._path(Holds.CODES)):
            return ()
        payload = open_sealed(read_file(self._path(Holds.CODES)), self._passphrase(), expected=Holds.CODES)
        return decode_codes(payload)

    def forget_codes(self) -> None:
        """They are on paper now."""
        remove_file(self._path(Holds.CODES))

    def _sealed(self, payload: Secret, holds: Holds) -> bytes:
        return seal(payload, self._passphrase(), entropy=self._entropy, cost=self._cost, holds=holds)

    def _path(self, holds: Holds) -> Path:
        return self._keystore.directory / f"{holds}.json"
