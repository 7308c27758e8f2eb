"""Token buckets per network: what anonymous callers may cost (docs/spec section 10.1).

Our own and small, because the usual library (``limits``) reads the wall clock itself: a limit could then only
be tested by waiting, and time here is an argument. State is in memory and per process; limits that must hold
over restarts and nodes (failed codes, recovery starts) are rows of the store, not buckets.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pteri.http.problems import HttpCode, Kind, ProblemError
from pteri.http.proxies import address_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MAX_BUCKETS", "Rate", "RateLimiter", "network"]

MAX_BUCKETS: Final = 65_536
_UNKNOWN: Final = "unknown"
_RECENT: Final = 4096


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``burst`` requests at once, and on average ``burst`` in ``per_s`` seconds.

    Routes with equal rates share their buckets; another ``name`` makes another rate.
    """

    name: str
    burst: int
    per_s: float

    def __post_init__(self) -> None:
        if self.burst < 1 or not 0 < self.per_s < math.inf:
            raise ValueError("a rate lets at least one request through in a finite time")


@dataclass(slots=True)
class _Bucket:
    tokens: float
    seen_at: float


class RateLimiter:
    """The buckets of one rate, by key. ``clock`` gives seconds; when it goes back, nothing is refilled.

    At most ``max_buckets`` are kept and the one idle longest goes first, so a flood from many networks costs
    bounded memory. A forgotten network starts afresh: who has that many networks has that many bursts anyway.
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float], max_buckets: int = MAX_BUCKETS) -> None:
        if max_buckets < 1:
            raise ValueError("without a bucket nothing is limited")
        self.rate = rate
        self._clock = clock
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def admit(self, key: str) -> None:
        """Take one token of ``key``, or raise the 429 problem with the whole seconds until there is one."""
        now, rate = self._clock(), self.rate
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(tokens=rate.burst, seen_at=now)
            if len(self._buckets) > self._max_buckets:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
            if now > bucket.seen_at:
                bucket.tokens = min(rate.burst, bucket.tokens + (now - bucket.seen_at) * rate.burst / rate.per_s)
            bucket.seen_at = now
        if bucket.tokens < 1:
            wait_s = (1 - bucket.tokens) * rate.per_s / rate.burst
            raise ProblemError(Kind.SLOW_DOWN, code=HttpCode.RATE, retry_after_s=math.ceil(wait_s))
        bucket.tokens -= 1


@lru_cache(maxsize=_RECENT)
def network(host: str) -> str:
    """Return the network a caller is counted by: /24 of IPv4, /56 of IPv6 (what one customer gets).

    An address that is none would be a way around the limit, so all of those share one bucket.
    """
    address = address_of(host)
    if address is None:
        return _UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        return f"{ipaddress.IPv6Address(int(address) >> 72 << 72)}/56"
    return f"{ipaddress.IPv4Address(int(address) >> 8 << 8)}/24"
