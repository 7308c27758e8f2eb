"""The Litecoin networks and the constants that tell them apart (chainparams.cpp of Litecoin Core)."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from pteri.core.errors import Code, Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NETWORKS", "Network", "network_named"]


@dataclass(frozen=True, slots=True)
class Network:
    """One Litecoin network. The versions are base58check version bytes; ``hrp`` is the bech32 prefix."""

    name: str
    p2pkh_version: int
    p2sh_version: int
    p2sh_version_old: int
    """Bitcoin's own version, which Litecoin used first (3..., 2...). It is only named in a refusal."""
    wif_version: int
    hrp: str
    coin_type: int
    """SLIP-44: 2 for Litecoin, 1 for the test networks of every coin."""
    chain_id: str
    """CAIP-2 identifier, ``bip122:`` and the first 32 hex digits of the genesis block's id."""


NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        network.name: network
        for network in (
            Network("main", 0x30, 0x32, 0x05, 0xB0, "ltc", 2, "bip122:12a765e31ffd4059bada1e25190f6e98"),
            Network("test", 0x6F, 0x3A, 0xC4, 0xEF, "tltc", 1, "bip122:4966625a4b2851d9fdee139e56211a0d"),
            Network("regtest", 0x6F, 0x3A, 0xC4, 0xEF, "rltc", 1, "bip122:530827f38f93b43ed12af0b3ad25a288"),
        )
    }
)
"""The three networks by name. Base58 addresses of test and regtest are the same strings."""


def network_named(name: str) -> Network:
    """Network of this name, else ``Malformed(NETWORK)``."""
    # isinstance first: an unhashable value would raise TypeError out of the look-up.
    if not isinstance(name, str) or name not in NETWORKS:
        raise Malformed(Code.NETWORK, "the networks are main, test and regtest")
    return NETWORKS[name]
