"""A circuit breaker per operator: whoever does not answer is left alone for a while (abuse case TE-06).

The state is a value and time an argument. After so many failures one after the other nobody asks; after a rest one
question goes through, and its answer decides.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.adapters.telecom.camara.documented import WEATHER
from pteri.app.operators import Operator
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Finding, Question, Signal

__all__ = ["FAILURES", "REST_S", "Breaker", "GuardedOperator"]

FAILURES: Final = 5
REST_S: Final = 30


class Breaker(msgspec.Struct, frozen=True):
    """``failures`` one after the other; ``asked_again_at``: before it nobody is asked (Unix seconds)."""

    failures: int = 0
    asked_again_at: int = 0

    def lets(self, at: int) -> bool:
        """Whether a question may go out now."""
        return self.failures < FAILURES or at >= self.asked_again_at

    def trying(self, at: int) -> Breaker:
        """After one was let through. While it is open that is a trial, and the next one is a rest away."""
        return self if self.failures < FAILURES else Breaker(self.failures, at + REST_S)

    def after(self, *, answered: bool, at: int) -> Breaker:
        """After it came back."""
        if answered:
            return Breaker()
        failures = min(self.failures + 1, FAILURES)
        return Breaker(failures, at + REST_S if failures == FAILURES else 0)


class GuardedOperator:
    """An operator behind its breaker. A question that is not asked is ``UNKNOWN``: ``CIRCUIT_OPEN``, at once."""

    def __init__(self, name: str, operator: Operator) -> None:
        self.name = name
        self.breaker = Breaker()
        self._operator = operator

    async def ask(self, number: PhoneNumber, *, since: int, at: int) -> tuple[Signal, ...]:
        """See :class:`~pteri.app.operators.Operator`."""
        if not self._may_ask(at):
            level_1 = (Question.SIM_SWAP, Question.DEVICE_SWAP, Question.RECYCLING)
            return tuple(self._unasked(question, at) for question in level_1)
        signals = await self._operator.ask(number, since=since, at=at)
        self._note(signals, at)
        return signals

    async def possession(self, number: PhoneNumber, token: Secret, *, at: int) -> Signal:
        """See :class:`~pteri.app.operators.Operator`. The token is spent here, too."""
        if not self._may_ask(at):
            token.wipe()
            return self._unasked(Question.POSSESSION, at)
        signal = await self._operator.possession(number, token, at=at)
        self._note((signal,), at)
        return signal

    def _may_ask(self, at: int) -> bool:
        if not self.breaker.lets(at):
            return False
        self.breaker = self.breaker.trying(at)
        return True

    def _note(self, signals: tuple[Signal, ...], at: int) -> None:
        # One service of many that is down is no reason to leave the others alone.
        answered = any(signal.code not in WEATHER for signal in signals)
        self.breaker = self.breaker.after(answered=answered, at=at)

    def _unasked(self, question: Question, at: int) -> Signal:
        return Signal(operator=self.name, question=question, finding=Finding.UNKNOWN, code="CIRCUIT_OPEN", asked_at=at)
