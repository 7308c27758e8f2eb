"""How long things took, in little memory: a histogram with steps of one percent, whatever the number of samples."""

from __future__ import annotations

import math

import msgspec

__all__ = ["Histogram", "Latency"]

_STEPS_PER_E = 100
"""Buckets for each factor e: neighbours differ by one percent."""
_SHORTEST_S = 1e-6


class Latency(msgspec.Struct, frozen=True):
    """What is told of a histogram. Seconds; all zero when nothing was measured."""

    count: int
    p50_s: float
    p90_s: float
    p99_s: float
    p999_s: float
    longest_s: float


class Histogram(msgspec.Struct):
    """Samples by size. Two of them add up, so that processes can measure apart."""

    buckets: dict[int, int] = {}
    longest_s: float = 0.0

    def add(self, seconds: float) -> None:
        """One sample; less than a microsecond counts as one."""
        bucket = int(math.log(max(seconds, _SHORTEST_S) / _SHORTEST_S) * _STEPS_PER_E)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1
        self.longest_s = max(self.longest_s, seconds)

    def merge(self, other: Histogram) -> None:
        """Take over all samples of the other."""
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.longest_s = max(self.longest_s, other.longest_s)

    @property
    def count(self) -> int:
        """How many samples."""
        return sum(self.buckets.values())

    def percentile(self, percent: float) -> float:
        """The size that this share of the samples does not pass, at most one percent too long; 0 without samples."""
        if not 0 < percent <= 100:
            raise ValueError("a percentile is over 0 and at most 100")
        wanted = math.ceil(self.count * percent / 100)
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                return min(_SHORTEST_S * math.exp((bucket + 1) / _STEPS_PER_E), self.longest_s)
        return 0.0

    def told(self) -> Latency:
        """What people want to know of it."""
        return Latency(
            count=self.count,
            p50_s=self.percentile(50),
            p90_s=self.percentile(90),
            p99_s=self.percentile(99),
            p999_s=self.percentile(99.9),
            longest_s=self.longest_s,
        )
