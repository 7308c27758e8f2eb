"""What the old phone hands over in the end: words, the statement that let the new phone in, and what it saw of the log.

Layout of the sealed text, always 3,890 bytes so that its size tells nothing: number of the wallet's key (4), length
of the words (2), words (UTF-8, filled with zeros to 256), length of the statement (2), statement (filled to 1024), and
a sighting (2,602).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pteri.core.acts import ApproveMigration
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.ids import AccountId, Digest, Thumbprint, digest_text
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.derivation import ExtendedKey, identity_path
from pteri.core.keys.mnemonic import normalise_mnemonic, seed
from pteri.core.keys.network import NETWORKS
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement, parse
from pteri.core.transfer.sighting import NOTHING_SEEN, SIGHTING_BYTES, Sighting, decode_sighting, encode_sighting

__all__ = ["Delivery", "decode_delivery", "encode_delivery", "require_own"]

_WORDS: Final = 256
_STATEMENT: Final = 1024
_BEFORE_SEEN: Final = 4 + 2 + _WORDS + 2 + _STATEMENT


@dataclass(frozen=True, slots=True)
class Delivery:
    """``words`` of the wallet, ``index`` of its key for this service, and the signed ``migrate`` statement.

    ``seen``: whom the old phone believes of the log, and the newest checkpoint that it verified.
    """

    words: Secret
    index: int
    statement: Statement
    seen: Sighting = NOTHING_SEEN

    @property
    def approval(self) -> Digest:
        """What the new phone's own statement must complete."""
        return digest_text(self.statement.sha256())


def encode_delivery(delivery: Delivery) -> Secret:
    """The text to seal; ``Malformed`` for a wallet or statement with no spelling."""
    if not 0 <= delivery.index < 2**31:
        raise Malformed(Code.RANGE, "not the number of a key")
    words = normalise_mnemonic(delivery.words.reveal().decode("utf-8", "replace")).encode()
    text = _filled(words, _WORDS) + _filled(delivery.statement.encode(), _STATEMENT)
    return Secret(delivery.index.to_bytes(4, "big") + text + encode_sighting(delivery.seen))


def decode_delivery(text: Secret) -> Delivery:
    """The inverse, in one spelling; ``NotAuthentic(WALLET_KEY)`` if the statement is of another wallet."""
    raw = text.reveal()
    if len(raw) != _BEFORE_SEEN + SIGHTING_BYTES:
        raise Malformed(Code.LENGTH, "not the delivery of a wallet")
    statement = parse(_unfilled(raw[6 + _WORDS : _BEFORE_SEEN]))
    seen = decode_sighting(raw[_BEFORE_SEEN:])
    delivery = Delivery(Secret(_unfilled(raw[4 : 6 + _WORDS])), int.from_bytes(raw[:4], "big"), statement, seen)
    if encode_delivery(delivery) != text:
        raise Malformed(Code.BODY, "not the one spelling of a delivery")
    if _address(delivery) != statement.address:
        raise NotAuthentic(Code.WALLET_KEY, "the statement is not of the wallet that came with it")
    return delivery


def require_own(
    statement: Statement, *, account: AccountId, new_device: Thumbprint, offer: Digest, transcript: Digest
) -> None:
    """The statement lets in this phone, of this conversation, into this account; else ``NotAuthentic(MISMATCH)``."""
    act = statement.act
    said = (account, new_device, offer, transcript)
    if not isinstance(act, ApproveMigration) or (act.account, act.new_device, act.offer, act.transcript) != said:
        raise NotAuthentic(Code.MISMATCH, "the statement is of another conversation")


def _address(delivery: Delivery) -> str:
    network = next((name for name, known in NETWORKS.items() if known.chain_id == delivery.statement.chain), "")
    master = ExtendedKey.from_seed(seed(delivery.words.reveal().decode()))
    key = master.derive(identity_path(delivery.index, network))
    return address_of(key.public_key, AddressKind.P2PKH, network).text


def _filled(text: bytes, size: int) -> bytes:
    assert len(text) <= size, "words and statements have their own, smaller limits"
    return len(text).to_bytes(2, "big") + text.ljust(size, b"\0")


def _unfilled(raw: bytes) -> bytes:
    return raw[2 : 2 + int.from_bytes(raw[:2], "big")]
