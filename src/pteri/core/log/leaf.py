"""What the log says of one event: enough to find one's own and to be held to it, and nothing about anybody else.

docs/spec/log.md section 8. A leaf has 199 bytes, all of them fixed in place::

    "pteri-leaf-v1" 00 | index 32 | account_seq 8 | previous 32 | kind 1 | statement 32 | wallet_signature 32
    | commitment 32 | epoch 8 | at 8

Numbers are unsigned and big-endian. Who it is about, ``index`` hides (:mod:`pteri.core.log.index`); which phone, and
what exactly was recorded, ``commitment`` hides behind 32 random bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from pteri.core import ids
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.ids import Thumbprint
from pteri.core.log.tree import leaf_hash

__all__ = [
    "KINDS",
    "LEAF_BYTES",
    "LEAF_TAG",
    "NOTHING",
    "SALT_BYTES",
    "Leaf",
    "encode_leaf",
    "parse_leaf",
    "record_commitment",
    "verify_account_chain",
    "verify_commitment",
]

LEAF_TAG: Final = b"pteri-leaf-v1\x00"
"""How the leaf of an event begins, and no other entry of the log."""
LEAF_BYTES: Final = 199
SALT_BYTES: Final = 32
NOTHING: Final = bytes(32)
"""Where there is no earlier leaf, no statement, no wallet signature."""

KINDS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "AccountBound": 1,
        "SignedIn": 2,
        "SignInApproved": 3,
        "SignInLapsed": 4,
        "MigrationApproved": 5,
        "MigrationConfirmed": 6,
        "MigrationExpired": 7,
        "RecoveryStarted": 8,
        "RecoveryExpired": 9,
        "DeviceActivated": 10,
        "DeviceSuspended": 11,
        "DeviceRevoked": 12,
        "SuspensionEnded": 13,
        "CodesSetUp": 14,
        "ActRefused": 15,
        "ActHeld": 16,
        "AccountContested": 17,
        "AccountFrozen": 18,
        "AccountUnfrozen": 19,
        "BackupVerified": 20,
        "FreezeEnded": 21,
        "ProtectionChanged": 22,
        "ProtectionHeld": 23,
        "ProtectionStopped": 24,
        "ProtectionTookEffect": 25,
        "RecoveryContested": 26,
        "RecoveryDelayed": 27,
        "RecoveryStopped": 28,
        "RecoveryWithdrawn": 29,
        "RotationStarted": 30,
        "SpokenFor": 31,
        "SuspensionObjected": 32,
        "WalletRotated": 33,
        "OfflineCodesPrepared": 34,
        "SignedInOffline": 35,
        "ChannelsChanged": 36,
        "ChannelsHeld": 37,
        "ChannelsTookEffect": 38,
        "ChannelsStopped": 39,
        "FrozenByLink": 40,
        "LineObserved": 41,
        "LineAged": 42,
        "LineRebound": 43,
        "MoveAnnounced": 44,
        "ChipAnswered": 45,
        "ChipTold": 46,
    }
)
"""The number of each event's tag. A number is never reused; a reader leaves one that it does not know a number."""

_LAYOUT: Final = struct.Struct(">14s32sQ32sB32s32s32sQQ")
_COMMITMENT_TAG: Final = b"PTERI-LEAF-v1\x00"
_LAST: Final = (1 << 63) - 1


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """One event as the log shows it. By itself it proves nothing: where it is, an inclusion proof says.

    ``account_seq``: the event's number in its account, from 1 without gaps; ``previous``: hash of the leaf before it;
    ``at``: Unix second of the decision.
    """

    index: bytes
    account_seq: int
    previous: bytes
    kind: int
    statement: bytes
    wallet_signature: bytes
    commitment: bytes
    epoch: int
    at: int


def encode_leaf(leaf: Leaf) -> bytes:
    """The 199 bytes; ``Malformed(LEAF)`` when it cannot be one."""
    hashes = (leaf.index, leaf.previous, leaf.statement, leaf.wallet_signature, leaf.commitment)
    if any(type(value) is not bytes or len(value) != 32 for value in hashes):
        raise Malformed(Code.LEAF, "the hashes in a leaf have 32 bytes")
    numbers = ((leaf.account_seq, 1, _LAST), (leaf.kind, 1, 255), (leaf.epoch, 0, _LAST), (leaf.at, 0, _LAST))
    if any(type(value) is not int or not least <= value <= most for value, least, most in numbers):
        raise Malformed(Code.LEAF, "a number in a leaf is outside its range")
    if NOTHING in {leaf.index, leaf.commitment}:
        raise Malformed(Code.LEAF, "a leaf is of an account, and commits to a record")
    if (leaf.account_seq == 1) != (leaf.previous == NOTHING):
        raise Malformed(Code.LEAF, "the first leaf of an account has none before it, and every other one has")
    if (leaf.statement == NOTHING) != (leaf.wallet_signature == NOTHING):
        raise Malformed(Code.LEAF, "a statement is signed by a wallet, and a wallet signs a statement")
    return _LAYOUT.pack(
        LEAF_TAG,
        leaf.index,
        leaf.account_seq,
        leaf.previous,
        leaf.kind,
        leaf.statement,
        leaf.wallet_signature,
        leaf.commitment,
        leaf.epoch,
        leaf.at,
    )


def parse_leaf(raw: bytes) -> Leaf:
    """The leaf of these bytes, else ``Malformed(LEAF)``."""
    if type(raw) is not bytes or len(raw) != LEAF_BYTES:
        raise Malformed(Code.LEAF, "a leaf has 199 bytes")
    tag, index, account_seq, previous, kind, statement, wallet_signature, commitment, epoch, at = _LAYOUT.unpack(raw)
    if tag != LEAF_TAG:
        raise Malformed(Code.LEAF, "not a leaf of this version")
    leaf = Leaf(
        index=index,
        account_seq=account_seq,
        previous=previous,
        kind=kind,
        statement=statement,
        wallet_signature=wallet_signature,
        commitment=commitment,
        epoch=epoch,
        at=at,
    )
    # All rules of a leaf stand in one place, and hold for what is read as for what is written.
    encode_leaf(leaf)
    return leaf


def record_commitment(*, salt: bytes, device: Thumbprint | None, record: bytes) -> bytes:
    """``SHA-256("PTERI-LEAF-v1" 00 salt device record)``: 32 bytes each, ``device`` zero where no phone did it.

    ``record``: SHA-256 of the event and its evidence as they are kept. A leaf that committed to the statement alone
    would let the service show other circumstances, other rules or another decision for it later.
    """
    if len(salt) != SALT_BYTES or len(record) != 32:
        raise Malformed(Code.LENGTH, "a salt and a record's hash have 32 bytes")
    named = NOTHING if device is None else ids.from_base64url(ids.thumbprint(device))
    return hashlib.sha256(_COMMITMENT_TAG + salt + named + record).digest()


def verify_commitment(leaf: Leaf, *, salt: bytes, expected_device: Thumbprint | None, expected_record: bytes) -> Leaf:
    """The leaf, which commits to this phone and this record, else ``NotAuthentic(LEAF)``."""
    found = record_commitment(salt=salt, device=expected_device, record=expected_record)
    if not hmac.compare_digest(found, leaf.commitment):
        raise NotAuthentic(Code.LEAF, "the leaf is of another phone, or of another record")
    return leaf


def verify_account_chain(leaves: Sequence[bytes], *, expected_index: bytes) -> Leaf:
    """The last leaf of an account whose leaves from the first on are these, in this order, without a gap.

    What follows the last one, nothing here says: that, the owner looks for by his index in the whole log. Raises
    ``Malformed(LEAF)`` or ``NotAuthentic(LEAF)``.
    """
    last: Leaf | None = None
    previous = NOTHING
    for number, raw in enumerate(leaves, 1):
        leaf = parse_leaf(raw)
        if leaf.index != expected_index:
            raise NotAuthentic(Code.LEAF, f"leaf {number} is of another account")
        if leaf.account_seq != number or leaf.previous != previous:
            raise NotAuthentic(Code.LEAF, f"leaf {number} does not follow the one before it")
        if last is not None and leaf.epoch < last.epoch:
            raise NotAuthentic(Code.LEAF, f"leaf {number} is of an earlier epoch than the one before it")
        last, previous = leaf, leaf_hash(raw)
    if last is None:
        raise Malformed(Code.LEAF, "an account has a leaf, or more")
    return last
