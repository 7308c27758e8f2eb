"""Whom a request is counted by when proxies stand in front. Used for rate limits, and for nothing else."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

__all__ = ["Address", "Network", "TrustedProxies", "address_of"]

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAX_HOPS: Final = 16
_MAX_ADDRESS: Final = 45
"""Characters of the longest address; nothing longer is kept in a cache."""
_RECENT: Final = 4096


@lru_cache(maxsize=_RECENT)
def address_of(host: str) -> Address | None:
    """The address that ``host`` spells, an IPv4 address in IPv6 clothes as what it is; ``None`` if it is none."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        # from the number, not the text: the zone after % is for the caller to choose
        return ipaddress.IPv6Address(int(address))
    return address


class TrustedProxies:
    """The networks of our own proxies. Nobody else's word about a caller's address is believed."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = tuple(networks)
        self.trusts = lru_cache(maxsize=_RECENT)(self._trusts)

    def caller(self, peer: str, forwarded: bytes | None) -> str:
        """The rightmost address of ``X-Forwarded-For`` that is not a proxy of ours; else the peer itself.

        Each proxy adds on the right whom it saw, so what a caller writes there is always further left, and is never
        looked at. ``forwarded`` is the one header value, or ``None`` where there is none or more than one.
        """
        if forwarded is None or not self.trusts(peer):
            return peer
        for hop in reversed(forwarded.decode("latin-1").rsplit(",", _MAX_HOPS)[-_MAX_HOPS:]):
            host = hop.strip(" \t")
            if len(host) > _MAX_ADDRESS or "%" in host or address_of(host) is None:
                return peer
            if not self.trusts(host):
                return host
        return peer

    def _trusts(self, host: str) -> bool:
        address = address_of(host)
        return address is not None and any(address in network for network in self._networks)
