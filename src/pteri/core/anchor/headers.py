"""Headers of blocks: that they follow each other, and what they cost (docs/spec/anchors.md section 4).

A block is named by the double SHA-256 of its header; the work is in another hash of the same bytes, scrypt. Whoever
checks the name against the target checks nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Final

import msgspec

from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.hashes import double_sha256

__all__ = [
    "HEADER_BYTES",
    "INTERVAL",
    "MAX_HEADERS",
    "WORK_RULES",
    "Header",
    "Targets",
    "WorkRules",
    "check_links",
    "check_targets",
    "check_work",
    "compact_of",
    "parse_header",
    "retargeted",
    "target_of",
    "work_of",
]

HEADER_BYTES: Final = 80
MAX_HEADERS: Final = 100_000
"""Half a year. Each that is right cost its miner far more than it costs us."""
INTERVAL: Final = 2016
"""Blocks between two changes of the target."""
_TIMESPAN_S: Final = 302_400
"""How long these should take: three and a half days."""
_MEDIAN_OF: Final = 11


class Targets(Enum):
    """How the targets of a network change."""

    BY_RULE = "by the retargeting rule"
    ANY = "a block that is late may have the easiest"
    ALL_THE_SAME = "never"


class WorkRules(msgspec.Struct, frozen=True):
    """What a network asks of a header (chainparams.cpp of Litecoin Core).

    ``limit``: the easiest target. ``least_work``: hashes that one block must have cost, or it is not believed, whatever
    its own target says; a floor of ours.
    """

    limit: int
    least_work: int
    targets: Targets


WORK_RULES: Final[Mapping[str, WorkRules]] = MappingProxyType(
    {
        # A tenth of what the network spent on a block in 2024. The target of the first header hangs on nothing else.
        "main": WorkRules((1 << 236) - 1, 1 << 54, Targets.BY_RULE),
        "test": WorkRules((1 << 236) - 1, 1 << 20, Targets.ANY),
        "regtest": WorkRules((1 << 255) - 1, 2, Targets.ALL_THE_SAME),
    }
)


class Header(msgspec.Struct, frozen=True):
    """A header taken apart; hashes as they are hashed. Nothing of it is verified."""

    raw: bytes
    previous: bytes
    root: bytes
    time: int
    bits: int

    @property
    def id(self) -> bytes:
        """The name by which the next header points to it."""
        return double_sha256(self.raw)

    @property
    def shown_id(self) -> str:
        """The name as nodes and people write it: the bytes the other way round."""
        return self.id[::-1].hex()


def parse_header(raw: bytes) -> Header:
    """The header of these 80 bytes, else ``Malformed(ANCHOR)``."""
    if len(raw) != HEADER_BYTES:
        raise Malformed(Code.ANCHOR, "a header has 80 bytes")
    return Header(
        raw, raw[4:36], raw[36:68], int.from_bytes(raw[68:72], "little"), int.from_bytes(raw[72:76], "little")
    )


def target_of(bits: int) -> int:
    """The target of its short form. ``Malformed(WORK)`` for one that is negative, zero, too large or misspelt."""
    size, word = bits >> 24, bits & 0x7FFFFF
    target = word >> 8 * (3 - size) if size <= 3 else word << 8 * (size - 3)
    if bits & 0x800000 or not 0 < target < 1 << 256 or compact_of(target) != bits:
        raise Malformed(Code.WORK, "not a target")
    return target


def compact_of(target: int) -> int:
    """The short form of a target: its length in bytes, and its first three, of which the top bit is a sign."""
    size = (target.bit_length() + 7) // 8
    word = target << 8 * (3 - size) if size <= 3 else target >> 8 * (size - 3)
    if word & 0x800000:
        word, size = word >> 8, size + 1
    return size << 24 | word


def work_of(target: int) -> int:
    """How many hashes it takes on average to meet this target."""
    return (1 << 256) // (target + 1)


def retargeted(bits: int, took_s: int, *, limit: int) -> int:
    """The short target of the next interval after one that took so long, by the arithmetic of Litecoin Core.

    Where the product could have a bit too many for its 256, it loses the lowest one instead: so do we.
    """
    target = target_of(bits)
    took_s = min(max(took_s, _TIMESPAN_S // 4), _TIMESPAN_S * 4)
    shift = 1 if target.bit_length() > limit.bit_length() - 1 else 0
    changed = (target >> shift) * took_s // _TIMESPAN_S << shift
    return compact_of(min(changed, limit))


def check_links(headers: Sequence[Header], *, expected_previous: bytes) -> None:
    """Return when each header points to the one before it, the first to this block; else ``NotAuthentic``."""
    previous = expected_previous
    for header in headers:
        if header.previous != previous:
            raise NotAuthentic(Code.BLOCK_LINK, "a header does not follow the one before it")
        previous = header.id


def check_targets(headers: Sequence[Header], *, first_height: int, rules: WorkRules) -> None:
    """Return when every header may have the target that it claims, and its time, else ``NotAuthentic(WORK)``.

    What came before the first header is not known: its target is held to the floor only, and a change is held to the
    rule exactly from the second one on, and to the largest step before that. Litecoin looks back over the whole
    interval, 2016 blocks and not 2015.
    """
    for place, header in enumerate(headers):
        target = target_of(header.bits)
        if target > rules.limit or work_of(target) < rules.least_work:
            raise NotAuthentic(Code.WORK, "a header claims a target that is too easy")
        last = sorted(other.time for other in headers[max(0, place - _MEDIAN_OF) : place])
        if len(last) == _MEDIAN_OF and header.time <= last[_MEDIAN_OF // 2]:
            raise NotAuthentic(Code.WORK, "a header is older than those before it")
        if rules.targets is Targets.ALL_THE_SAME and header.bits != compact_of(rules.limit):
            raise NotAuthentic(Code.WORK, "a header has another target than all have")
        if place and rules.targets is Targets.BY_RULE:
            _check_change(headers, place, first_height + place, rules)


def _check_change(headers: Sequence[Header], place: int, height: int, rules: WorkRules) -> None:
    before, bits = headers[place - 1], headers[place].bits
    if height % INTERVAL:
        if bits != before.bits:
            raise NotAuthentic(Code.WORK, "a target changed within its interval")
        return
    if place > INTERVAL:
        took_s = before.time - headers[place - 1 - INTERVAL].time
        if bits != retargeted(before.bits, took_s, limit=rules.limit):
            raise NotAuthentic(Code.WORK, "a target changed otherwise than the rule says")
        return
    easiest = retargeted(before.bits, _TIMESPAN_S * 4, limit=rules.limit)
    hardest = retargeted(before.bits, 0, limit=rules.limit)
    if not target_of(hardest) <= target_of(bits) <= target_of(easiest):
        raise NotAuthentic(Code.WORK, "a target changed by more than a step")


def check_work(headers: Sequence[Header]) -> int:
    """All hashes that these headers cost, when each met its target, else ``NotAuthentic(WORK)``.

    Verifying one takes a millisecond or two.
    """
    work = 0
    for header in headers:
        target = target_of(header.bits)
        found = hashlib.scrypt(header.raw, salt=header.raw, n=1024, r=1, p=1, dklen=32)
        if int.from_bytes(found, "little") > target:
            raise NotAuthentic(Code.WORK, "a header without its work")
        work += work_of(target)
    return work
