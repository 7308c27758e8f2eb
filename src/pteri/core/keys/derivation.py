"""BIP-32 key trees, private side only: whoever derives holds the seed.

Identity keys (``m/44'/2'/85'/0/i``, one per tenant, never funded) and spending keys live in different
accounts, so that a signature for the one can never be a signature for the other.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pteri.core.errors import Code, Malformed
from pteri.core.keys import base58, secp256k1
from pteri.core.keys.address import AddressKind
from pteri.core.keys.hashes import hash160
from pteri.core.keys.network import network_named
from pteri.core.keys.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "HARDENED",
    "IDENTITY_ACCOUNT",
    "MAX_DEPTH",
    "PURPOSES",
    "ExtendedKey",
    "account_path",
    "identity_path",
    "parse_path",
]

HARDENED: Final = 2**31
"""Added to the number of a child that needs the private key of its parent."""
MAX_DEPTH: Final = 10
"""Levels below the master key. BIP-32 has 255; no wallet goes below 6."""
IDENTITY_ACCOUNT: Final = 85
"""BIP-44 account of the keys that sign statements."""
PURPOSES: Mapping[int, AddressKind] = MappingProxyType(
    {44: AddressKind.P2PKH, 49: AddressKind.P2SH_P2WPKH, 84: AddressKind.P2WPKH, 86: AddressKind.P2TR}
)
"""First level of a path (BIP-43), and the kind of address that its keys are for."""

_XPUB_VERSION: Final = 0x0488B21E
_PATH: Final = re.compile(r"m(?:/(?:0|[1-9][0-9]{0,9})'?)*")
_MAX_PATH_CHARACTERS: Final = 1 + MAX_DEPTH * len("/2147483647'")


@dataclass(frozen=True, slots=True)
class ExtendedKey:
    """A private key that has children. Built by :meth:`from_seed`, :meth:`derive` and :meth:`child`."""

    secret: Secret
    chain_code: Secret
    """32 bytes. Secret too: with an extended public key and one child's private key it gives the parent's."""
    depth: int = 0
    parent_fingerprint: bytes = bytes(4)
    number: int = 0
    """Which child of its parent this is, ``HARDENED`` included."""
    public_key: bytes = field(init=False)
    """Compressed, 33 bytes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "public_key", secp256k1.public_key(self.secret.reveal()))

    @classmethod
    def from_seed(cls, seed: Secret) -> ExtendedKey:
        """Master key of a seed of 16 to 64 bytes (BIP-39 gives 64), else ``Malformed(LENGTH)``."""
        if not 16 <= len(seed) <= 64:
            raise Malformed(Code.LENGTH, "a seed has 16 to 64 bytes")
        both = hmac.digest(b"Bitcoin seed", seed.reveal(), "sha512")
        return cls(Secret(both[:32]), Secret(both[32:]))

    @property
    def fingerprint(self) -> bytes:
        """First 4 bytes of the key's HASH160: a name, not a proof."""
        return hash160(self.public_key)[:4]

    def derive(self, path: str) -> ExtendedKey:
        """Descendant at an absolute path. Only a master key has one: ``m`` means nothing else."""
        if self.depth:
            raise Malformed(Code.PATH, "a path that starts with m starts at the master key")
        key = self
        for number in parse_path(path):
            key = key.child(number)
        return key

    def child(self, number: int) -> ExtendedKey:
        """Child of this number (0 to 2^32 - 1; from ``HARDENED`` on hardened), else ``Malformed(PATH)``."""
        if not 0 <= number < 2 * HARDENED or self.depth >= MAX_DEPTH:
            raise Malformed(Code.PATH, "no such child")
        parent = b"\x00" + self.secret.reveal() if number >= HARDENED else self.public_key
        both = hmac.digest(self.chain_code.reveal(), parent + number.to_bytes(4, "big"), "sha512")
        # One child in 2^127 does not exist; BIP-32 says to take the next, and Malformed(KEY) says it here.
        secret = secp256k1.tweak_add_secret(self.secret.reveal(), both[:32])
        return ExtendedKey(Secret(secret), Secret(both[32:]), self.depth + 1, self.fingerprint, number)

    def xpub(self) -> str:
        """Return the extended public key with version 0488b21e, as Litecoin Core prints it on main.

        Whoever has it sees all addresses below; it is shown only to the owner.
        """
        return base58.encode_check(
            _XPUB_VERSION.to_bytes(4, "big")
            + bytes((self.depth,))
            + self.parent_fingerprint
            + self.number.to_bytes(4, "big")
            + self.chain_code.reveal()
            + self.public_key
        )


def parse_path(path: str) -> tuple[int, ...]:
    """Child numbers of a path like ``m/44'/2'/85'/0/0``, else ``Malformed(PATH)``.

    One spelling: ``'`` marks hardened levels (not h or H), no leading zeros, no empty levels; below 2^31.
    """
    if not isinstance(path, str) or len(path) > _MAX_PATH_CHARACTERS or not _PATH.fullmatch(path):
        raise Malformed(Code.PATH, "not a path like m/44'/2'/85'/0/0")
    levels = path.split("/")[1:]
    if len(levels) > MAX_DEPTH:
        raise Malformed(Code.PATH, f"more than {MAX_DEPTH} levels")
    return tuple(_index(int(level.rstrip("'"))) + HARDENED * level.endswith("'") for level in levels)


def account_path(purpose: int, network: str, account: int = 0) -> str:
    """Path of an account (BIP-44): one purpose of :data:`PURPOSES`, the network's coin type, the account."""
    if purpose not in PURPOSES:
        raise Malformed(Code.PATH, "the purposes are 44, 49, 84 and 86")
    return f"m/{purpose}'/{network_named(network).coin_type}'/{_index(account)}'"


def identity_path(index: int, network: str) -> str:
    """Path of the key that signs statements for the tenant of this index: another key, so unlinkable."""
    return f"{account_path(44, network, IDENTITY_ACCOUNT)}/0/{_index(index)}"


def _index(number: int) -> int:
    if not 0 <= number < HARDENED:
        raise Malformed(Code.PATH, "an index is between 0 and 2147483647")
    return number
