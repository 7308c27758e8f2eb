"""The wallet an account is pinned to: address, public key and signature type, fixed at binding (docs/spec 2.3)."""

from __future__ import annotations

import msgspec

from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.keys.address import Address, AddressKind, address_of, parse_address
from pteri.core.keys.message import SignatureType

__all__ = ["PinnedWallet", "pin_wallet"]

_TYPES = {
    AddressKind.P2PKH: {SignatureType.P2PKH},
    AddressKind.P2SH_P2WPKH: {SignatureType.BIP137},
    AddressKind.P2WPKH: {SignatureType.BIP137, SignatureType.BIP322_SIMPLE},
    AddressKind.P2TR: {SignatureType.BIP322_SIMPLE},
}


class PinnedWallet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``address`` is canonical text; ``public_key`` is base64url of 33 bytes, for taproot of the 32-byte output key."""

    address: str
    public_key: str
    signature_type: SignatureType

    def parsed(self, network: str) -> Address:
        """The address as bytes, on the tenant's network only."""
        return parse_address(self.address, network=network)

    def key_bytes(self) -> bytes:
        """The pinned key."""
        return ids.from_base64url(self.public_key)


def pin_wallet(address: str, public_key: str, signature_type: SignatureType, *, network: str) -> PinnedWallet:
    """What a phone says of its wallet, checked: the key belongs to the address and the type fits it.

    Comparing later signatures with a pinned key, and not with "some key that hashes to the address", is what makes
    a legacy signature commit to its key.
    """
    parsed = parse_address(address, network=network)
    key = ids.from_base64url(public_key)
    if signature_type not in _TYPES[parsed.kind]:
        raise Malformed(Code.FORMAT, "this signature type does not fit this kind of address")
    if parsed.kind is AddressKind.P2TR:
        if key != parsed.program:
            raise Malformed(Code.KEY, "not the output key of this address")
    elif address_of(key, parsed.kind, network).script_pub_key != parsed.script_pub_key:
        raise Malformed(Code.KEY, "not the key of this address")
    return PinnedWallet(address=parsed.text, public_key=public_key, signature_type=signature_type)
