"""What one process of a run has seen, and the sum over all of them."""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.load.latency import Histogram, Latency

__all__ = ["STEPS", "Report", "Tally", "report_of"]

STEPS: Final = ("start", "response", "code")
"""The three requests of a sign-in, in order."""
_SATURATED: Final = 0.85
"""A generator that computes for more of the time than this is late with its own requests: it measures itself."""


class Tally(msgspec.Struct):
    """Counters of one process. ``wall_s`` and ``cpu_s`` are those of the measured part."""

    steps: dict[str, Histogram] = msgspec.field(default_factory=lambda: {step: Histogram() for step in STEPS})
    whole: Histogram = msgspec.field(default_factory=Histogram)
    refused: dict[str, int] = {}
    slowed: int = 0
    repeated: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def refuse(self, reason: str) -> None:
        """A sign-in that did not come to its end."""
        self.refused[reason] = self.refused.get(reason, 0) + 1


class Report(msgspec.Struct, frozen=True):
    """A run.

    ``slowed``: answers that asked to wait (429, 503). ``repeated``: requests that were sent again after that or after
    a lost connection. ``generator_cpu_share``: of the busiest generator process, 1 is a whole core.
    """

    sign_ins: int
    failed: int
    seconds: float
    rate_per_s: float
    sign_in: Latency
    steps: dict[str, Latency]
    refused: dict[str, int]
    slowed: int
    repeated: int
    generator_cpu_per_sign_in_s: float
    generator_cpu_share: float
    generator_saturated: bool


def report_of(tallies: list[Tally]) -> Report:
    """The sum. The run took as long as its slowest process."""
    whole, steps = Histogram(), {step: Histogram() for step in STEPS}
    refused: dict[str, int] = {}
    for tally in tallies:
        whole.merge(tally.whole)
        for step, histogram in tally.steps.items():
            steps[step].merge(histogram)
        for reason, count in tally.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    seconds = max((tally.wall_s for tally in tallies), default=0.0)
    share = max((tally.cpu_s / tally.wall_s for tally in tallies if tally.wall_s), default=0.0)
    done = whole.count
    return Report(
        sign_ins=done,
        failed=sum(refused.values()),
        seconds=seconds,
        rate_per_s=done / seconds if seconds else 0.0,
        sign_in=whole.told(),
        steps={step: histogram.told() for step, histogram in steps.items()},
        refused=refused,
        slowed=sum(tally.slowed for tally in tallies),
        repeated=sum(tally.repeated for tally in tallies),
        generator_cpu_per_sign_in_s=sum(tally.cpu_s for tally in tallies) / done if done else 0.0,
        generator_cpu_share=share,
        generator_saturated=share > _SATURATED,
    )
