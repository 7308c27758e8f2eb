"""A Litecoin wallet that signs messages and never payments (docs/spec section 2).

It holds BIP-39 words and derives one key per kind of address and index in an account of its own (85), which no coin
is ever sent to. What it signs for a service it composes itself, from typed fields: a text that somebody hands over is
signed only when nobody could take it for a sign-in.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, Self

import msgspec

from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.keys.address import Address, AddressKind, address_of
from pteri.core.keys.derivation import IDENTITY_ACCOUNT, PURPOSES, ExtendedKey, account_path
from pteri.core.keys.message import SignatureType, sign_message, verify_message
from pteri.core.keys.mnemonic import entropy_to_mnemonic, normalise_mnemonic, seed
from pteri.core.keys.network import network_named
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement, looks_like_statement, parse
from pteri.core.wallets import PinnedWallet
from pteri.wallet.refusals import SafetyCode, UnsafeError

if TYPE_CHECKING:
    from pteri.wallet.ports import Entropy

__all__ = ["Wallet"]

_ENTROPY_BYTES: Final = {12: 16, 24: 32}
_PURPOSE_OF: Final = {kind: purpose for purpose, kind in PURPOSES.items()}
_TYPE_OF: Final = {
    AddressKind.P2PKH: SignatureType.P2PKH,
    AddressKind.P2SH_P2WPKH: SignatureType.BIP137,
    AddressKind.P2WPKH: SignatureType.BIP322_SIMPLE,
    AddressKind.P2TR: SignatureType.BIP322_SIMPLE,
}


class Wallet:
    """Words, and the keys below them. ``index`` is the number of the service: another key, so unlinkable.

    ``kind`` is ``p2pkh`` (the default: what Litecoin Core verifies), ``p2sh-p2wpkh``, ``p2wpkh`` or ``p2tr``.
    ``account`` is for addresses of another wallet with the same words; leave it alone otherwise.
    """

    __slots__ = ("__words", "_master", "network")

    def __init__(self, words: Secret, passphrase: str = "", *, network: str = "main") -> None:
        """See :meth:`from_mnemonic`; ``words`` as UTF-8."""
        sentence = normalise_mnemonic(words.reveal().decode("utf-8", "replace"))
        self.network = network_named(network).name
        self.__words = Secret(sentence.encode())
        self._master = ExtendedKey.from_seed(seed(sentence, passphrase))

    @classmethod
    def new(cls, *, entropy: Entropy, words: int = 12, network: str = "main") -> Self:
        """A new wallet of 12 or 24 words. Whoever has the words has the wallet: back it up, and keep it closed."""
        if words not in _ENTROPY_BYTES:
            raise Malformed(Code.MNEMONIC, "a new wallet has 12 or 24 words")
        return cls(entropy_to_mnemonic(Secret(entropy.draw(_ENTROPY_BYTES[words]))), network=network)

    @classmethod
    def from_mnemonic(cls, words: str | Secret, passphrase: str = "", *, network: str = "main") -> Self:
        """The wallet of these words. ``passphrase`` is BIP-39's 13th or 25th word; another one is another wallet.

        ``Malformed(MNEMONIC)`` for a sentence that is none; the refusal shows no word of it.
        """
        return cls(words if isinstance(words, Secret) else _hidden(words), passphrase, network=network)

    def mnemonic(self) -> Secret:
        """The words, UTF-8. Ask for them only to write them down."""
        return self.__words

    def address(
        self, index: int = 0, *, kind: AddressKind | str = AddressKind.P2PKH, account: int = IDENTITY_ACCOUNT
    ) -> str:
        """Canonical text of the address at ``m/purpose'/coin'/account'/0/index``."""
        return self._address(index, kind, account).text

    def public_key(
        self, index: int = 0, *, kind: AddressKind | str = AddressKind.P2PKH, account: int = IDENTITY_ACCOUNT
    ) -> bytes:
        """Compressed public key, 33 bytes (for ``p2tr`` the internal key)."""
        return self._key(index, _kind(kind), account).public_key

    def path(
        self, index: int = 0, *, kind: AddressKind | str = AddressKind.P2PKH, account: int = IDENTITY_ACCOUNT
    ) -> str:
        """Where the key of :meth:`address` is derived."""
        return f"{account_path(_PURPOSE_OF[_kind(kind)], self.network, account)}/0/{index}"

    def pinned(self, index: int = 0, *, kind: AddressKind | str = AddressKind.P2PKH) -> PinnedWallet:
        """What a phone tells a service of this wallet when it is linked: address, key and type of signature."""
        address = self._address(index, kind, IDENTITY_ACCOUNT)
        is_taproot = address.kind is AddressKind.P2TR
        key = address.program if is_taproot else self.public_key(index, kind=address.kind)
        return PinnedWallet(address.text, ids.to_base64url(key), _TYPE_OF[address.kind])

    def sign(
        self,
        message: bytes | str,
        *,
        index: int = 0,
        kind: AddressKind | str = AddressKind.P2PKH,
        account: int = IDENTITY_ACCOUNT,
        allow_statement: bool = False,
    ) -> str:
        """Signature text of a message of at most 4096 bytes (a ``str`` is taken as UTF-8); always the same one.

        A text that could pass for a statement is refused: outside a ceremony nothing has compared its fields with
        what the phone knows. ``allow_statement`` is for programs that did so themselves, and then only an exact
        statement that names this address is signed.
        """
        raw = message.encode() if isinstance(message, str) else message
        if looks_like_statement(raw) or looks_like_statement(_as_read(raw)):
            self._require_own_statement(raw, self.address(index, kind=kind, account=account), allow_statement)
        return self._signature(raw, index, _kind(kind), account)

    def sign_statement(
        self, statement: Statement, *, index: int = 0, kind: AddressKind | str = AddressKind.P2PKH
    ) -> str:
        """Signature text over the statement, composed here from its typed fields.

        Refused with ``FIELD_MISMATCH`` when it names another address or network. Whether the *other* fields are
        right is for :class:`~pteri.wallet.phone.Phone`, which knows the account.
        """
        # A str has an ``encode`` of its own, too: without this line a ready-made text would be signed (PR-09).
        if not isinstance(statement, Statement):
            raise UnsafeError(
                SafetyCode.NOT_TYPED_FIELDS,
                "A ready-made text is not signed here: this wallet composes what it signs, from typed fields.",
            )
        self._require_named(statement, self.address(index, kind=kind))
        return self._signature(statement.encode(), index, _kind(kind), IDENTITY_ACCOUNT)

    def sign_as_successor(
        self, statement: Statement, *, index: int = 0, kind: AddressKind | str = AddressKind.P2PKH
    ) -> str:
        """Signature text of the wallet that the statement names as the new one; ``FIELD_MISMATCH`` otherwise."""
        named = getattr(statement.act, "new_wallet", None)
        self._require_named(msgspec.structs.replace(statement, address=str(named)), self.address(index, kind=kind))
        return self._signature(statement.encode(), index, _kind(kind), IDENTITY_ACCOUNT)

    def wipe(self) -> None:
        """Overwrite words and master key; every later use raises ``ValueError``. As far as Python allows."""
        for secret in (self.__words, self._master.secret, self._master.chain_code):
            secret.wipe()

    def __repr__(self) -> str:
        return f"Wallet(network={self.network!r}, address={self.address()!r})"

    def _require_own_statement(self, text: bytes, address: str, allow_statement: bool) -> None:
        refusal = UnsafeError(
            SafetyCode.LOOKS_LIKE_STATEMENT,
            "This text looks like a sign-in, and a wallet signs those only in its own ceremony. If somebody sent you "
            "this text, they want to sign in as you.",
        )
        try:
            statement = parse(text)
        except Malformed as error:
            raise refusal from error
        if not allow_statement:
            raise refusal
        self._require_named(statement, address)

    def _require_named(self, statement: Statement, address: str) -> None:
        for field, is_own in (
            ("address", statement.address == address),
            ("chain", statement.chain == network_named(self.network).chain_id),
        ):
            if not is_own:
                raise UnsafeError(
                    SafetyCode.FIELD_MISMATCH,
                    "This statement is for another wallet or another network. Nothing was signed.",
                    field=field,
                )

    def _signature(self, message: bytes, index: int, kind: AddressKind, account: int) -> str:
        secret = self._key(index, kind, account).secret
        signature = sign_message(secret, message, kind=kind, network=self.network)
        # A fault while signing can give the key away: no signature leaves that does not verify.
        verify_message(self._address(index, kind, account).text, message, signature, network=self.network)
        return signature

    def _address(self, index: int, kind: AddressKind | str, account: int) -> Address:
        key = self._key(index, _kind(kind), account)
        return address_of(key.public_key, _kind(kind), self.network)

    def _key(self, index: int, kind: AddressKind, account: int) -> ExtendedKey:
        return self._master.derive(self.path(index, kind=kind, account=account))


def _kind(kind: AddressKind | str) -> AddressKind:
    try:
        return AddressKind(kind)
    except ValueError as error:
        known = ", ".join(AddressKind)
        raise Malformed(Code.ADDRESS, f"the kinds of address are {known}") from error


def _as_read(message: bytes) -> bytes:
    """The text as a person reads it: no invisible characters, one kind of letter and of space."""
    text = unicodedata.normalize("NFKC", message.decode("utf-8", "replace"))
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return " ".join(visible.split()).encode("utf-8", "replace")


def _hidden(words: str) -> Secret:
    return Secret(words.encode("utf-8", "surrogatepass"))
