"""Litecoin addresses of the four kinds that one key can sign for, and private keys in WIF.

Accounts are bound to :attr:`Address.script_pub_key`, never to a string. Refused on purpose: script addresses
of the old version (``3...``, which look like Bitcoin's, and ``2...``), P2WSH, MWEB, later witness versions.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

from pteri.core.errors import Code, Malformed
from pteri.core.keys import base58, bech32, secp256k1
from pteri.core.keys.hashes import hash160, tagged_hash
from pteri.core.keys.network import NETWORKS, Network, network_named
from pteri.core.keys.secret import Secret

__all__ = [
    "NETWORKS",
    "Address",
    "AddressKind",
    "Network",
    "address_of",
    "decode_wif",
    "encode_wif",
    "network_named",
    "parse_address",
    "program_of",
    "taproot_tweak",
]

_MAX_BASE58: Final = 35
"""21 bytes and a checksum never need more characters; the shortest segwit address has more."""
_MAX_WIF: Final = 52


class AddressKind(StrEnum):
    """How an address commits to its key."""

    P2PKH = "p2pkh"
    """``L...``: hash of the key (BIP-44 wallets). The one kind that Litecoin Core verifies messages for."""
    P2SH_P2WPKH = "p2sh-p2wpkh"
    """``M...``: hash of a script with the hash of the key (BIP-49 wallets)."""
    P2WPKH = "p2wpkh"
    """``ltc1q...``: hash of the key (BIP-84 wallets)."""
    P2TR = "p2tr"
    """``ltc1p...``: the key itself, tweaked, no script tree (BIP-86 wallets)."""


_PROGRAM_BYTES: Final = {
    AddressKind.P2PKH: 20,
    AddressKind.P2SH_P2WPKH: 20,
    AddressKind.P2WPKH: 20,
    AddressKind.P2TR: 32,
}
_SCRIPTS: Final = {
    AddressKind.P2PKH: (b"\x76\xa9\x14", b"\x88\xac"),  # OP_DUP OP_HASH160 <20> OP_EQUALVERIFY OP_CHECKSIG
    AddressKind.P2SH_P2WPKH: (b"\xa9\x14", b"\x87"),  # OP_HASH160 <20> OP_EQUAL
    AddressKind.P2WPKH: (b"\x00\x14", b""),  # OP_0 <20>
    AddressKind.P2TR: (b"\x51\x20", b""),  # OP_1 <32>
}


@dataclass(frozen=True, slots=True)
class Address:
    """An address that can exist: ``program`` has the size of its kind and, for P2TR, is the x of a point."""

    kind: AddressKind
    network: str
    """``main``, ``test`` or ``regtest``."""
    program: bytes
    """What the script commits to: HASH160 of the key or of the script (20 bytes), or the output key (32)."""
    text: str = field(init=False, compare=False)
    """The one spelling: base58check, or bech32 in lower case."""

    def __post_init__(self) -> None:
        network = network_named(self.network)
        if len(self.program) != _PROGRAM_BYTES[self.kind]:
            raise Malformed(Code.ADDRESS, f"not the program of a {self.kind} address")
        if self.kind is AddressKind.P2TR:
            try:
                secp256k1.parse_xonly(self.program)
            except Malformed as error:
                raise Malformed(Code.ADDRESS, "no key can sign for this address") from error
        object.__setattr__(self, "text", _text(self.kind, network, self.program))

    @property
    def script_pub_key(self) -> bytes:
        """The output script (22 to 34 bytes) that this address stands for."""
        before, after = _SCRIPTS[self.kind]
        return before + self.program + after

    def belongs_to(self, public_key: bytes) -> bool:
        """Whether this is the address of a compressed key (33 bytes, on the curve); in constant time."""
        return hmac.compare_digest(program_of(public_key, self.kind), self.program)


def _text(kind: AddressKind, network: Network, program: bytes) -> str:
    if kind in (AddressKind.P2PKH, AddressKind.P2SH_P2WPKH):
        version = network.p2pkh_version if kind is AddressKind.P2PKH else network.p2sh_version
        return base58.encode_check(bytes((version,)) + program)
    return bech32.encode_segwit(network.hrp, int(kind is AddressKind.P2TR), program)


def taproot_tweak(internal_xonly: bytes) -> bytes:
    """BIP-341 tweak (32 bytes) of an internal key without a script tree (BIP-86)."""
    return tagged_hash("TapTweak", internal_xonly)


def program_of(public_key: bytes, kind: AddressKind) -> bytes:
    """Return what an address of this kind says of a compressed key that is known to be on the curve."""
    if kind is AddressKind.P2TR:
        xonly = public_key[1:]
        return secp256k1.tweak_add_public(b"\x02" + xonly, taproot_tweak(xonly))[1:]
    key_hash = hash160(public_key)
    return hash160(b"\x00\x14" + key_hash) if kind is AddressKind.P2SH_P2WPKH else key_hash


def address_of(public_key: bytes, kind: AddressKind, network: str) -> Address:
    """Address of a compressed key (33 bytes, for P2TR the internal key), else ``Malformed(KEY)``."""
    return Address(kind, network, program_of(secp256k1.parse_public_key(public_key), kind))


def parse_address(text: str, *, network: str) -> Address:
    """Address of this text on this network; refusals are ``Malformed`` with ``ADDRESS`` or ``NETWORK``.

    ``.text`` of the result equals ``text``, except that upper-case bech32 (as in QR codes) becomes lower
    case.
    """
    expected = network_named(network)
    if not isinstance(text, str):
        raise Malformed(Code.ADDRESS, "an address is text")
    return _parsed(text, expected.name)


@lru_cache(maxsize=4096)
def _parsed(text: str, network: str) -> Address:
    """Base58 and its checksum cost as much as a few lines of a database, and the same people come again."""
    expected = network_named(network)
    if len(text) <= _MAX_BASE58:
        return _from_base58(text, expected)
    version, program = bech32.decode_segwit(expected.hrp, text)
    match version, len(program):
        case 0, 20:
            return Address(AddressKind.P2WPKH, network, program)
        case 1, 32:
            return Address(AddressKind.P2TR, network, program)
    raise Malformed(Code.ADDRESS, "a script or a later witness version: no single key signs for it")


def _from_base58(text: str, network: Network) -> Address:
    payload = base58.decode_check(text, code=Code.ADDRESS)
    version, program = payload[:1], payload[1:]
    if version == bytes((network.p2pkh_version,)):
        return Address(AddressKind.P2PKH, network.name, program)
    if version == bytes((network.p2sh_version,)):
        return Address(AddressKind.P2SH_P2WPKH, network.name, program)
    if version == bytes((network.p2sh_version_old,)):
        raise Malformed(Code.ADDRESS, "the old form of a script address, which Bitcoin shares: use the M form")
    raise Malformed(Code.ADDRESS, f"not an address of the Litecoin {network.name} network")


def encode_wif(secret: Secret, network: str) -> Secret:
    """Wallet import format (52 ASCII characters) of a private key, for compressed public keys."""
    version = bytes((network_named(network).wif_version,))
    secp256k1.public_key(secret.reveal())  # refuses what is no key
    return Secret(base58.encode_check(version + secret.reveal() + b"\x01").encode("ascii"))


def decode_wif(text: str, *, network: str) -> Secret:
    """Private key (32 bytes) of a WIF text of this network, else ``Malformed(KEY)``.

    Keys with an uncompressed public key (51 characters) are refused: their addresses are other addresses.
    """
    version = bytes((network_named(network).wif_version,))
    if not isinstance(text, str) or len(text) != _MAX_WIF:
        raise Malformed(Code.KEY, f"a private key in wallet import format has {_MAX_WIF} characters")
    payload = base58.decode_check(text, code=Code.KEY)
    secret = payload[1:-1]
    if payload[:1] != version or payload[-1:] != b"\x01" or len(secret) != 32:
        raise Malformed(Code.KEY, f"not a private key of the Litecoin {network} network")
    secp256k1.public_key(secret)  # refuses zero and n or more
    return Secret(secret)
