"""What it costs to believe an eSIM chip, in raw verifications of P-256 at the same moment.

Three cases. *Known*: both certificates are remembered, so one signature is verified, and times, range and revocations
are looked at. *A new chip* of a known manufacturer: two signatures, and its certificate is read. *A new manufacturer*:
three signatures, and both certificates are read, so it can never be less than three. Each chip and each manufacturer
here is another one, with keys and numbers of its own: what is remembered of others helps as far as in a service.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from bench.raw import p256_verification
from pteri.adapters.system import SystemEntropy, cpu_s
from pteri.adapters.telecom.lab_chain import LabChain
from pteri.adapters.telecom.software_euicc import SoftwareEuicc
from pteri.core.euicc.numbers import iccid
from pteri.esim import TrustAnchors, verify_notification
from pteri.serving import settle_memory

__all__ = ["ChipCost", "chip_cost"]

_AT: Final = 1_790_000_000
_ADDRESS: Final = "id.bank.example"
_PROFILE: Final = iccid("89490200001234567894")
_ROUNDS: Final = 15
_GROUP: Final = 30


class ChipCost(msgspec.Struct, frozen=True):
    """CPU of one notification over that of one raw verification: medians over rounds of both, one after the other."""

    known: float
    new_chip: float
    new_manufacturer: float


def chip_cost() -> ChipCost:
    """Measure all three, with the search for garbage as a service has it."""
    settle_memory()
    chain = _Chain("Known Maker")
    rounds = [_round(chain, number) for number in range(_ROUNDS)]
    known, new_chip, new_manufacturer = (statistics.median(found) for found in zip(*rounds, strict=True))
    return ChipCost(known, new_chip, new_manufacturer)


class _Chain:
    """The chips of one manufacturer, and the place that trusts its issuer."""

    def __init__(self, maker: str) -> None:
        self._chain = LabChain(at=_AT, entropy=SystemEntropy(), maker=maker)
        self._anchors = TrustAnchors.from_der([self._chain.anchor], lab=True)

    def new_chip(self, number: int) -> Callable[[], object]:
        """What a chip that nobody has seen says of its profile, to be verified."""
        said = _enabled(self._chain.chip(number, address=_ADDRESS))
        return lambda: verify_notification(said, anchors=self._anchors, at=_AT)


def _round(chain: _Chain, number: int) -> tuple[float, float, float]:
    new_chips = [chain.new_chip(number * _GROUP + one) for one in range(_GROUP)]
    new_makers = [_Chain(f"Maker {number}-{one}").new_chip(one) for one in range(_GROUP)]
    chain.new_chip(0)()  # the manufacturer is known now, and since the first round the place is at work
    floor = _each([p256_verification()] * _GROUP)
    new_manufacturer, new_chip, known = (_each(group) for group in (new_makers, new_chips, new_chips))
    return known / floor, new_chip / floor, new_manufacturer / floor


def _enabled(chip: SoftwareEuicc) -> bytes:
    chip.install(_PROFILE, transaction_id=bytes(16))
    [said] = chip.enable(_PROFILE)
    return said


def _each(work: Sequence[Callable[[], object]]) -> float:
    """The median: what else this machine does meanwhile falls on a few of them."""
    found = []
    for one in work:
        start = cpu_s()
        one()
        found.append(cpu_s() - start)
    return statistics.median(found)
