"""A mobile network that exists in memory: lines, phones, swaps, and the weather. THIS IS A SIMULATOR.

Pure and stateful: every act takes its time as an argument, slowness is a number and nobody waits for it.
``simulated_camara`` speaks the operator's side of CAMARA for it; ``sim_server`` puts that on a socket.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from pteri.core.phone_number import PhoneNumber

__all__ = ["Lie", "Line", "NoSuchLine", "Outage", "SimulatedNetwork"]

TOKEN_S: Final = 300
"""Life of a temporary token (TS.43 section 2.8.6)."""


class Outage(StrEnum):
    """How the operator fails, when it does."""

    UNREACHABLE = "unreachable"
    UNAVAILABLE = "unavailable"
    TOO_MANY_REQUESTS = "too-many-requests"
    MALFORMED = "malformed"


class Lie(StrEnum):
    """What a dishonest or broken operator does."""

    NEVER_SWAPPED = "never-swapped"
    """Says of everybody that nothing ever happened."""
    STALE = "stale"
    """Gives answers of ten minutes ago."""
    REPLAYED = "replayed"
    """Gives the answer to another question."""
    UNDATED = "undated"
    """Says null, and not how far back that reaches."""


class NoSuchLine(Exception):
    """This operator serves no such number, or no such phone is in use."""


@dataclass(frozen=True, slots=True)
class Line:
    """A subscription. Instants in Unix seconds. ``phone`` and ``iccid`` are made-up and mean nothing elsewhere."""

    iccid: str = field(repr=False)
    phone: str
    sim_at: int
    phone_at: int
    subscriber_at: int


class SimulatedNetwork:
    """One operator's lines and how it feels today."""

    def __init__(self) -> None:
        self.outage: Outage | None = None
        self.slow_s = 0.0
        self.lie: Lie | None = None
        self.cap_h: int | None = None
        """The longest ``maxAge`` that this operator looks back, in hours; ``None``: all that CAMARA allows."""
        self.monitored_days: int | None = None
        """It keeps dates for so many days; ``None``: for ever."""
        self._lines: dict[PhoneNumber, Line] = {}
        self._tokens: dict[str, tuple[str, int]] = {}
        self._made = 0

    # --- the desk: what happens to a line ---------------------------------------------------------------------------

    def connect(self, number: PhoneNumber, phone: str, *, at: int) -> Line:
        """A new subscription. CAMARA counts it as a swap."""
        return self._set(number, Line(self._new_iccid(), phone, at, at, at))

    def swap(self, number: PhoneNumber, phone: str, *, at: int) -> Line:
        """A new SIM in another phone: what a SIM swapper talks the shop into."""
        return self._set(
            number, replace(self.line(number), iccid=self._new_iccid(), phone=phone, sim_at=at, phone_at=at)
        )

    def transfer(self, number: PhoneNumber, phone: str, *, at: int) -> Line:
        """The owner's own move to a new phone, as it usually goes: with a new ICCID. It looks like a swap."""
        return self.swap(number, phone, at=at)

    def move(self, number: PhoneNumber, phone: str, *, at: int) -> Line:
        """The same profile in another phone."""
        return self._set(number, replace(self.line(number), phone=phone, phone_at=at))

    def port_out(self, number: PhoneNumber) -> None:
        """The number leaves for another operator."""
        self.line(number)
        del self._lines[number]

    def recycle(self, number: PhoneNumber, phone: str, *, at: int) -> Line:
        """The number is given to somebody else."""
        self.line(number)
        return self.connect(number, phone, at=at)

    # --- the phone's side (TS.43): a temporary token ----------------------------------------------------------------

    def temporary_token(self, phone: str, secret: str, *, at: int) -> str:
        """A token for the phone that holds a working SIM. ``secret`` is drawn by the caller, so that it is random."""
        if not any(line.phone == phone for line in self._lines.values()):
            raise NoSuchLine
        self._tokens[secret] = (phone, at + TOKEN_S)
        return secret

    def redeem(self, token: str, *, at: int) -> PhoneNumber | None:
        """The number that the phone of this token uses now. A token is good once, and for five minutes."""
        phone, until = self._tokens.pop(token, ("", 0))
        found = [number for number, line in self._lines.items() if line.phone == phone]
        return found[0] if found and at < until else None

    # --- what the operator knows ------------------------------------------------------------------------------------

    def line(self, number: PhoneNumber) -> Line:
        """The line of a number; :class:`NoSuchLine`."""
        try:
            return self._lines[number]
        except KeyError:
            raise NoSuchLine from None

    def numbers(self) -> tuple[PhoneNumber, ...]:
        """Every number that is served."""
        return tuple(self._lines)

    def _set(self, number: PhoneNumber, line: Line) -> Line:
        self._lines[number] = line
        return line

    def _new_iccid(self) -> str:
        self._made += 1
        payload = f"8999900{self._made:011d}"
        return payload + _luhn(payload)


def _luhn(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
