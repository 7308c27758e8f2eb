"""BIP-322 "simple" signatures for native segwit: a witness that would spend a transaction nobody can send.

The message is hashed into a virtual transaction ``to_spend`` whose only output is locked by the address; the
signature is the witness of ``to_sign``, which spends it. Only the two kinds with one key: P2WPKH (BIP-143)
and P2TR by key path (BIP-341). The chain is not part of what is signed: the statement's own text names it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys import secp256k1
from pteri.core.keys.address import Address, AddressKind, taproot_tweak
from pteri.core.keys.der import decode_der, encode_der
from pteri.core.keys.hashes import double_sha256, hash160, sha256, tagged_hash

if TYPE_CHECKING:
    from pteri.core.keys.secret import Secret

__all__ = ["SimpleWitness", "message_hash", "parse_witness", "sign_simple", "to_spend_id", "verify_witness"]

_SIGHASH_DEFAULT, _SIGHASH_ALL = 0x00, 0x01
_ZERO_U32: Final = bytes(4)
_ZERO_U64: Final = bytes(8)
_OUTPUTS: Final = _ZERO_U64 + b"\x01\x6a"
"""The one output of ``to_sign``: amount 0, script OP_RETURN."""


@dataclass(frozen=True, slots=True)
class SimpleWitness:
    """A witness of the one accepted shape, not yet verified."""

    public_key: bytes | None
    """Compressed key (P2WPKH); None for P2TR, where the address is the key."""
    rs: bytes
    """r || s, in range and with low s, or a Schnorr signature: 64 bytes."""
    sighash: int
    """BIP-341 hash type that was signed; always ALL for P2WPKH."""


def message_hash(message: bytes) -> bytes:
    """Tagged hash of the message (BIP-322, "Full")."""
    return tagged_hash("BIP0322-signed-message", message)


def to_spend_id(script_pub_key: bytes, message: bytes) -> bytes:
    """Transaction id of ``to_spend``, 32 bytes in the order of the wire."""
    script_sig = b"\x00\x20" + message_hash(message)
    return double_sha256(
        _ZERO_U32  # version
        + b"\x01"  # one input: no output of any transaction
        + bytes(32)
        + b"\xff" * 4
        + bytes((len(script_sig),))
        + script_sig
        + _ZERO_U32  # sequence
        + b"\x01"  # one output: amount 0, locked by the address
        + _ZERO_U64
        + bytes((len(script_pub_key),))
        + script_pub_key
        + _ZERO_U32  # lock time
    )


def parse_witness(raw: bytes, kind: AddressKind) -> SimpleWitness:
    """Witness of a P2WPKH or P2TR spend in its one accepted shape; every refusal is ``Malformed``.

    P2WPKH: strict DER with low s and hash type ALL, and a key of 33 bytes. P2TR: 64 bytes (DEFAULT), or 65
    that end in ALL; no annex, no script path. DEFAULT spelt out as a 65th byte 00 is invalid by BIP-341.
    """
    items = _items(raw)
    if kind is AddressKind.P2TR:
        if len(items) != 1 or len(items[0]) not in (64, 65):
            raise Malformed(Code.WITNESS, "a taproot witness is one signature of 64 or 65 bytes")
        signature, sighash = items[0][:64], items[0][64:]
        if sighash not in (b"", bytes((_SIGHASH_ALL,))):
            raise Malformed(Code.SIGHASH, "only DEFAULT and ALL sign the whole of it")
        return SimpleWitness(None, signature, sighash[0] if sighash else _SIGHASH_DEFAULT)
    if len(items) != 2 or not items[0] or len(items[1]) != 33:
        raise Malformed(Code.WITNESS, "a P2WPKH witness is a signature and a compressed key")
    der, sighash = items[0][:-1], items[0][-1:]
    if sighash != bytes((_SIGHASH_ALL,)):
        raise Malformed(Code.SIGHASH, "only ALL signs the whole of it")
    rs = decode_der(der)
    secp256k1.check_rs(rs)
    return SimpleWitness(items[1], rs, _SIGHASH_ALL)


def verify_witness(witness: SimpleWitness, address: Address, message: bytes) -> bytes:
    """Key that signed ``message`` for ``address``: 33 bytes, or the 32-byte output key for P2TR.

    ``witness`` was parsed for the kind of ``address``. Raises ``NotAuthentic``: MISMATCH for the key of
    another address, SIGNATURE for one that does not verify; ``Malformed(KEY)`` when the "key" is no point.
    """
    if witness.public_key is None:
        digest = _taproot_digest(address.script_pub_key, message, witness.sighash)
        key, good = address.program, secp256k1.schnorr_verify(address.program, digest, witness.rs)
    else:
        key = witness.public_key
        if not hmac.compare_digest(hash160(key), address.program):
            raise NotAuthentic(Code.MISMATCH, "the witness holds the key of another address")
        good = secp256k1.verify(key, _segwit_v0_digest(address, message), witness.rs)
    if not good:
        raise NotAuthentic(Code.SIGNATURE, "the signature is not over this message for this address")
    return key


def sign_simple(secret: Secret, address: Address, message: bytes) -> bytes:
    """Sign with ``secret``, whose P2WPKH or P2TR address ``address`` is (not checked here): the witness."""
    if address.kind is AddressKind.P2TR:
        digest = _taproot_digest(address.script_pub_key, message, _SIGHASH_DEFAULT)
        return b"\x01\x40" + secp256k1.schnorr_sign(_taproot_secret(secret), digest)
    rs = secp256k1.sign_recoverable(secret.reveal(), _segwit_v0_digest(address, message))[1:]
    signature = encode_der(rs) + bytes((_SIGHASH_ALL,))
    key = secp256k1.public_key(secret.reveal())
    return b"\x02" + bytes((len(signature),)) + signature + bytes((len(key),)) + key


def _taproot_secret(secret: Secret) -> bytes:
    """Secret of the output key (BIP-341, "taproot_tweak_seckey"); the internal point is taken with even y."""
    internal = secp256k1.public_key(secret.reveal())
    even = secret.reveal() if internal[0] == 0x02 else secp256k1.negate_secret(secret.reveal())
    return secp256k1.tweak_add_secret(even, taproot_tweak(internal[1:]))


def _items(raw: bytes) -> list[bytes]:
    """Witness stack: a count, then items with their lengths. One-byte numbers reach; others are refused."""
    items: list[bytes] = []
    position = 1
    while position < len(raw):
        end = position + 1 + raw[position]
        if raw[position] > 0xFC or end > len(raw):
            raise Malformed(Code.WITNESS, "an item is longer than the witness")
        items.append(raw[position + 1 : end])
        position = end
    if not raw or raw[0] != len(items):
        raise Malformed(Code.WITNESS, "not as many items as the witness says")
    return items


def _segwit_v0_digest(address: Address, message: bytes) -> bytes:
    """BIP-143 digest of ``to_sign`` for hash type ALL."""
    outpoint = to_spend_id(address.script_pub_key, message) + _ZERO_U32
    script_code = b"\x19\x76\xa9\x14" + address.program + b"\x88\xac"
    return double_sha256(
        _ZERO_U32  # version
        + double_sha256(outpoint)
        + double_sha256(_ZERO_U32)  # sequences
        + outpoint
        + script_code
        + _ZERO_U64  # amount
        + _ZERO_U32  # sequence
        + double_sha256(_OUTPUTS)
        + _ZERO_U32  # lock time
        + _SIGHASH_ALL.to_bytes(4, "little")
    )


def _taproot_digest(script_pub_key: bytes, message: bytes, sighash: int) -> bytes:
    """BIP-341 digest of ``to_sign`` by key path, epoch 0."""
    outpoint = to_spend_id(script_pub_key, message) + _ZERO_U32
    return tagged_hash(
        "TapSighash",
        b"\x00"  # epoch
        + bytes((sighash,))
        + _ZERO_U32  # version
        + _ZERO_U32  # lock time
        + sha256(outpoint)
        + sha256(_ZERO_U64)  # amounts
        + sha256(bytes((len(script_pub_key),)) + script_pub_key)
        + sha256(_ZERO_U32)  # sequences
        + sha256(_OUTPUTS)
        + b"\x00"  # spend type: key path, no annex
        + _ZERO_U32,  # index of the input
    )
