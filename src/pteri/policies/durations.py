"""Times as people write them in a policy: a whole number and one unit, ``"72h"`` (docs/spec/policy.md section 1)."""

from __future__ import annotations

from typing import Final

__all__ = ["duration_text", "seconds_from"]

_UNITS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_DIGITS: Final = frozenset("0123456789")
_MAX_DIGITS: Final = 10


def seconds_from(text: str) -> int | None:
    """How many seconds ``"72h"`` is; ``None`` for anything that is not a whole number and one of s, m, h, d."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not 1 <= len(number) <= _MAX_DIGITS or not _DIGITS.issuperset(number):
        return None
    if number != "0" and number.startswith("0"):
        return None
    return int(number) * _UNITS[unit]


def duration_text(seconds: int) -> str:
    """The same time in the largest unit that fits without a rest; up to three days in hours, as people speak."""
    if seconds == 0:
        return "0s"
    if seconds <= 3 * _UNITS["d"] and seconds % _UNITS["h"] == 0:
        return f"{seconds // _UNITS['h']}h"
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{seconds // _UNITS[unit]}{unit}"
