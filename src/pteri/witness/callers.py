"""What one caller may cost a witness: so many requests in a minute, and so many connections at once.

Counted before a body is read, let alone a signature verified. A caller is a network, since who has one address of it
has the others; behind a web server it is the network which that one names. Time is an argument; all is in memory.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

__all__ = ["MOST_CALLERS", "Callers", "caller_of", "network"]

MOST_CALLERS: Final = 65_536
"""Who was idle longest is forgotten first: who has that many networks has that many bursts anyway."""
_UNKNOWN: Final = "unknown"
_MAX_HEADER: Final = 4096
_MINUTE_S: Final = 60.0


class Callers:
    """Everybody who asked lately."""

    def __init__(self, *, per_minute: int, connections: int, most: int = MOST_CALLERS) -> None:
        if per_minute < 1 or connections < 1 or most < 1:
            raise ValueError("a limit lets something through")
        self._per_minute, self._connections, self._most = per_minute, connections, most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._open: Counter[str] = Counter()

    def wait_s(self, caller: str, now: float) -> float:
        """Count a request; how long this caller must wait before the next, 0 when this one is to be answered."""
        tokens, seen_at = self._buckets.pop(caller, (float(self._per_minute), now))
        rate = self._per_minute / _MINUTE_S
        tokens = min(float(self._per_minute), tokens + max(0.0, now - seen_at) * rate)
        admitted = tokens >= 1
        self._buckets[caller] = (tokens - 1 if admitted else tokens, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if admitted else (1 - tokens) / rate

    def connects(self, caller: str) -> bool:
        """Count a connection; whether this caller may have it. If so, it is to be taken back when it ends."""
        if self._open[caller] >= self._connections:
            return False
        self._open[caller] += 1
        return True

    def leaves(self, caller: str) -> None:
        """A connection that was counted has ended."""
        self._open[caller] -= 1
        if self._open[caller] <= 0:
            del self._open[caller]


def caller_of(peer: str, headers: Iterable[tuple[bytes, bytes]], proxies: frozenset[str]) -> str:
    """By which network a request is counted. ``proxies``: addresses of web servers in front, which say who asked.

    Of ``X-Forwarded-For`` the last entry counts, which the nearest of them wrote; what stands before it, anybody can
    have sent. Who is not one of them is believed nothing.
    """
    if peer not in proxies:
        return network(peer)
    said = b",".join(value for name, value in headers if name == b"x-forwarded-for")
    if len(said) > _MAX_HEADER:
        return _UNKNOWN
    return network(said.rpartition(b",")[2].strip().decode("latin-1"))


def network(address: str) -> str:
    """/24 of IPv4, /56 of IPv6. What is no address is one caller: else it would be a way around the limit."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return _UNKNOWN
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    wide = 24 if parsed.version == 4 else 56
    return str(ipaddress.ip_network((parsed.packed, wide), strict=False))
