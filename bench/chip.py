"""What it costs to believe an eSIM chip, in raw verifications of P-256 at the same moment.

The figure that is promised is with both certificates remembered: they are verified once, and their times, ranges and
revocations each time. What the first message of a chip costs, and of a manufacturer, is told beside it: then there are
three signatures to verify, so it can never be less than three.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.raw import p256_verification
from pteri.adapters.system import cpu_s
from pteri.esim import TrustAnchors, verify_notification

__all__ = ["ChipCost", "chip_cost"]

_LAB: Final = Path(__file__).parents[1] / "vectors" / "esim" / "lab"
_AT: Final = 1_790_000_000
_ROUNDS: Final = 15
_GROUP: Final = 30


class ChipCost(msgspec.Struct, frozen=True):
    """CPU of one notification over that of one raw verification: medians over rounds of both, one after the other."""

    known: float
    new_chip: float
    new_manufacturer: float


def chip_cost() -> ChipCost:
    """Measure all three."""
    one, other = (_read(f"{phone}/001-enable.der") for phone in ("phone1", "phone2"))
    rounds = [_round(one, other) for _ in range(_ROUNDS)]
    known, new_chip, new_manufacturer = (statistics.median(found) for found in zip(*rounds, strict=True))
    return ChipCost(known, new_chip, new_manufacturer)


def _round(one: bytes, other: bytes) -> tuple[float, float, float]:
    # Places that have seen nothing yet, one for each try: what they remember is what is measured.
    places = [TrustAnchors.load([_LAB / "ci.cert.der"], lab=True) for _ in range(2 * _GROUP)]
    fresh, acquainted = places[:_GROUP], places[_GROUP:]
    for anchors in acquainted:
        verify_notification(other, anchors=anchors, at=_AT)
    floor = _each([p256_verification()] * _GROUP)
    new_manufacturer, new_chip, known = (
        _each([_verification(one, anchors) for anchors in group]) for group in (fresh, acquainted, acquainted)
    )
    return known / floor, new_chip / floor, new_manufacturer / floor


def _verification(der: bytes, anchors: TrustAnchors) -> Callable[[], object]:
    return lambda: verify_notification(der, anchors=anchors, at=_AT)


def _each(work: Sequence[Callable[[], object]]) -> float:
    start = cpu_s()
    for one in work:
        one()
    return (cpu_s() - start) / len(work)


def _read(name: str) -> bytes:
    return (_LAB / name).read_bytes()
