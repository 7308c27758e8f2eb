"""Messages signed by a Litecoin key, as Litecoin Core, hardware and BIP-322 wallets make them.

One magic, one encoding, low s, compressed keys. A signature is never a unique token (there are other nonces,
and a less strict verifier takes 32 spellings): what must happen once hangs on the nonce in the message.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys import bip322, secp256k1
from pteri.core.keys.address import Address, AddressKind, address_of, parse_address
from pteri.core.keys.bip322 import SimpleWitness
from pteri.core.keys.hashes import double_sha256, sha256

if TYPE_CHECKING:
    from pteri.core.keys.secret import Secret

__all__ = [
    "MAX_MESSAGE_BYTES",
    "SignatureType",
    "VerifiedMessage",
    "message_digest",
    "sign_message",
    "verify_message",
    "verify_pinned",
]

MAX_MESSAGE_BYTES: Final = 4096
_MAX_SIGNATURE_CHARACTERS: Final = 255
"""Over the longest that is accepted (a P2WPKH witness, 151), so that an uncompressed key is named as such."""

_MAGIC: Final = b"\x19Litecoin Signed Message:\n"
_MISTAKEN_MAGICS: Final = (
    (b"\x18Bitcoin Signed Message:\n", "the wallet signed with Bitcoin's magic, not with Litecoin's"),
    (
        b"\x18Litecoin Signed Message:\n",
        "the wallet signed with the length byte 18, which is Bitcoin's, not 19",
    ),
)
_ANOTHER: Final = "signed by another key, or over other bytes"
_SIMPLE_PREFIX: Final = "smp"
_REFUSED_PREFIXES: Final = ("ful", "pof")
"""BIP-322 full and proof of funds. No compact signature or simple witness starts with these letters."""

_PLAIN_HEADER, _NESTED_HEADER, _NATIVE_HEADER = 31, 35, 39
_FIRST_HEADER: Final = 27
_HEADERS: Final = {
    AddressKind.P2PKH: (_PLAIN_HEADER,),
    AddressKind.P2SH_P2WPKH: (_PLAIN_HEADER, _NESTED_HEADER),
    AddressKind.P2WPKH: (_PLAIN_HEADER, _NATIVE_HEADER),
    AddressKind.P2TR: (),
}
"""First of the two accepted header bytes for each kind: compressed keys, recovery ids 0 and 1 (BIP-137)."""


class SignatureType(StrEnum):
    """Who makes it. A binding fixes one type for ever."""

    P2PKH = "ltc-msg-p2pkh"
    """Compact, for ``L...``: Litecoin Core's own, and the one it verifies."""
    BIP137 = "ltc-msg-bip137"
    """Compact, for a segwit address: Trezor (own header bytes), Electrum-LTC and Ledger (those of P2PKH)."""
    BIP322_SIMPLE = "ltc-bip322-simple"
    """A witness, for a native segwit address."""


@dataclass(frozen=True, slots=True)
class VerifiedMessage:
    """A message that the key of this address signed. Only this module makes one."""

    address: str
    """Canonical text."""
    network: str
    kind: AddressKind
    signature_type: SignatureType
    public_key: bytes
    """Compressed (33 bytes); for P2TR the x-only output key (32 bytes)."""
    rs: bytes
    """64 bytes: r || s, or the Schnorr signature."""
    message_sha256: bytes
    """What a Ledger shows while it asks."""


@dataclass(frozen=True, slots=True)
class _Compact:
    """A 65-byte signature whose header fits the kind of address and whose r and s are in range."""

    recovery_id: int
    rs: bytes


def message_digest(message: bytes) -> bytes:
    """Digest (32 bytes) that a compact signature signs, of a message of at most 4096 bytes taken as it is."""
    return double_sha256(_framed(_MAGIC, message))


def verify_message(address: str, message: bytes, signature: str, *, network: str = "main") -> VerifiedMessage:
    """Check that the key of ``address`` signed ``message``.

    ``signature`` is the text that wallets show: padded base64, for BIP-322 with the prefix ``smp`` or
    without. Raises ``Malformed`` or ``NotAuthentic``, and nothing else whatever the arguments are.
    """
    # 1. Sizes and shapes first, the cheapest before the rest; no key is touched before step 3.
    _check_size(message)
    parsed_address = parse_address(address, network=network)
    # 2. One encoding, and a form that this kind of address has.
    form = _parse_signature(signature, parsed_address.kind)
    # 3. The signature itself. Only here, where a person chooses a wallet, is it looked at what went wrong.
    return _verified(parsed_address, message, form, explained=True)


def verify_pinned(
    address: Address, public_key: bytes, message: bytes, signature: str, *, signature_type: SignatureType
) -> VerifiedMessage:
    """Check that the *pinned* key signed, in the pinned way: what the server does with a bound account.

    All of :func:`verify_message`; and a form other than ``signature_type`` is ``Malformed(FORMAT)``, a key
    other than ``public_key`` (33 bytes, for P2TR 32) is ``NotAuthentic(WALLET_KEY)``.
    """
    _check_size(message)
    form = _parse_signature(signature, address.kind)
    if _type_of(form, address.kind) is not signature_type:
        raise Malformed(Code.FORMAT, f"this account is bound to signatures of type {signature_type}")
    verified = _verified(address, message, form)
    # A compact signature commits to a hash of its key only: the bound key itself must have signed.
    if not hmac.compare_digest(verified.public_key, public_key):
        raise NotAuthentic(Code.WALLET_KEY, "signed by another key than the bound one")
    return verified


def sign_message(
    secret: Secret, message: bytes, *, kind: AddressKind = AddressKind.P2PKH, network: str = "main"
) -> str:
    """Signature text of ``message`` by ``secret``, for its address of this kind; always the same one.

    P2PKH: RFC 6979, byte for byte what Litecoin Core makes. P2SH-P2WPKH: BIP-137. P2WPKH and P2TR: BIP-322
    simple, with 32 zero bytes as BIP-340's auxiliary randomness.
    """
    _check_size(message)
    address = address_of(secp256k1.public_key(secret.reveal()), kind, network)
    if kind in (AddressKind.P2WPKH, AddressKind.P2TR):
        return _SIMPLE_PREFIX + _to_base64(bip322.sign_simple(secret, address, message))
    compact = secp256k1.sign_recoverable(secret.reveal(), message_digest(message))
    header = compact[0] + (_PLAIN_HEADER if kind is AddressKind.P2PKH else _NESTED_HEADER)
    return _to_base64(bytes((header,)) + compact[1:])


def _check_size(message: bytes) -> None:
    if not isinstance(message, bytes):
        raise Malformed(Code.ENCODING, "a message is bytes: what was signed, not a text to be encoded somehow")
    if len(message) > MAX_MESSAGE_BYTES:
        raise Malformed(Code.MESSAGE_SIZE, f"a message has at most {MAX_MESSAGE_BYTES} bytes")


def _framed(magic: bytes, message: bytes) -> bytes:
    """Magic, length as Bitcoin's variable-size integer, message."""
    _check_size(message)
    size = len(message)
    length = bytes((size,)) if size < 0xFD else b"\xfd" + size.to_bytes(2, "little")
    return magic + length + message


def _to_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _from_base64(text: str) -> bytes:
    """Bytes of standard padded base64 in its one spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError as error:  # binascii.Error is one
        raise Malformed(Code.ENCODING, "not base64") from error
    # Unused last bits may be set in a text that still decodes.
    if _to_base64(raw) != text:
        raise Malformed(Code.ENCODING, "not canonical base64")
    return raw


def _parse_signature(signature: str, kind: AddressKind) -> _Compact | SimpleWitness:
    if not isinstance(signature, str):
        raise Malformed(Code.ENCODING, "a signature is text")
    if len(signature) > _MAX_SIGNATURE_CHARACTERS:
        raise Malformed(Code.LENGTH, "too long for a signature")
    takes_witness = kind in (AddressKind.P2WPKH, AddressKind.P2TR)
    if signature.startswith(_REFUSED_PREFIXES):
        raise Malformed(Code.FORMAT, "BIP-322 full and proof of funds are not accepted")
    if signature.startswith(_SIMPLE_PREFIX):
        if not takes_witness:
            raise Malformed(Code.FORMAT, "BIP-322 simple signatures are for native segwit addresses")
        return bip322.parse_witness(_from_base64(signature[len(_SIMPLE_PREFIX) :]), kind)
    raw = _from_base64(signature)
    # No witness of ours has 65 bytes; before BIP-322 2.0 wallets wrote no prefix.
    if takes_witness and len(raw) != 65:
        return bip322.parse_witness(raw, kind)
    return _parse_compact(raw, kind)


def _parse_compact(raw: bytes, kind: AddressKind) -> _Compact:
    if len(raw) != 65:
        raise Malformed(Code.LENGTH, "a compact signature has 65 bytes")
    header, rs = raw[0], raw[1:]
    # Litecoin Core looks at three bits of the header only, so that it takes 32 spellings of one signature.
    recovery_id = (header - _FIRST_HEADER) & 3
    if header - recovery_id not in _HEADERS[kind] or recovery_id > 1:
        raise Malformed(Code.HEADER, f"header byte {header} does not belong to a {kind} address")
    secp256k1.check_rs(rs)
    return _Compact(recovery_id, rs)


def _type_of(form: _Compact | SimpleWitness, kind: AddressKind) -> SignatureType:
    if isinstance(form, SimpleWitness):
        return SignatureType.BIP322_SIMPLE
    return SignatureType.P2PKH if kind is AddressKind.P2PKH else SignatureType.BIP137


def _verified(
    address: Address, message: bytes, form: _Compact | SimpleWitness, *, explained: bool = False
) -> VerifiedMessage:
    """Check the signature itself. The one place where a ``VerifiedMessage`` comes from.

    ``explained``: say of a wrong compact signature what was done wrong. That takes two more recoveries, which nobody
    may cost a server (DS-02).
    """
    if isinstance(form, SimpleWitness):
        public_key = bip322.verify_witness(form, address, message)
    else:
        public_key = secp256k1.recover(message_digest(message), form.rs, form.recovery_id)
        if not address.belongs_to(public_key):
            raise NotAuthentic(Code.MISMATCH, _mistake(address, message, form) if explained else _ANOTHER)
    return VerifiedMessage(
        address=address.text,
        network=address.network,
        kind=address.kind,
        signature_type=_type_of(form, address.kind),
        public_key=public_key,
        rs=form.rs,
        message_sha256=sha256(message),
    )


def _mistake(address: Address, message: bytes, form: _Compact) -> str:
    """Why a signature does not match, for the person who chose the wallet. It never becomes a yes."""
    for magic, sentence in _MISTAKEN_MAGICS:
        try:
            public_key = secp256k1.recover(double_sha256(_framed(magic, message)), form.rs, form.recovery_id)
        except NotAuthentic:
            continue
        if address.belongs_to(public_key):
            return sentence
    return _ANOTHER
