"""Several operators as one: all are asked at once, under one deadline, and the worst answer wins.

The worst wins where signals are read (``domain.signals.worst``): all of them are told, and so recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from pteri.app.operators import Operator
from pteri.core.keys.secret import Secret
from pteri.core.phone_number import PhoneNumber
from pteri.domain.signals import Finding, Question, Signal

__all__ = ["DEADLINE_S", "SeveralOperators"]

DEADLINE_S: Final = 2.0
"""For all of them together (abuse case TE-06)."""
_LEVEL_1: Final = (Question.SIM_SWAP, Question.DEVICE_SWAP, Question.RECYCLING)


class SeveralOperators:
    """``operators`` by name, at least one; ``verifier``: the name of the one that exchanges temporary tokens.

    One at most: a token that is shown to two operators could be spent by the other one.
    """

    def __init__(
        self, operators: Mapping[str, Operator], *, verifier: str | None = None, deadline_s: float = DEADLINE_S
    ) -> None:
        if not operators:
            raise ValueError("nobody to ask: a silent operator is one, too")
        if verifier is not None and verifier not in operators:
            raise ValueError("the operator that verifies numbers is none of these")
        self._operators = dict(operators)
        self._verifier = verifier
        self._deadline_s = deadline_s

    async def ask(self, number: PhoneNumber, *, since: int, at: int) -> tuple[Signal, ...]:
        """The signals of all, in the order of the operators."""
        told = await asyncio.gather(
            *(self._one(name, operator, number, since, at) for name, operator in self._operators.items())
        )
        return tuple(signal for signals in told for signal in signals)

    async def possession(self, number: PhoneNumber, token: Secret, *, at: int) -> Signal:
        """The word of the one operator that may see tokens."""
        try:
            if self._verifier is None:
                return _unknown(next(iter(self._operators)), Question.POSSESSION, "NOT_OFFERED", at)
            async with asyncio.timeout(self._deadline_s):
                return await self._operators[self._verifier].possession(number, token, at=at)
        except TimeoutError:
            return _unknown(str(self._verifier), Question.POSSESSION, "TIMEOUT", at)
        finally:
            token.wipe()

    async def _one(self, name: str, operator: Operator, number: PhoneNumber, since: int, at: int) -> tuple[Signal, ...]:
        try:
            async with asyncio.timeout(self._deadline_s):
                return await operator.ask(number, since=since, at=at)
        except TimeoutError:
            return tuple(_unknown(name, question, "TIMEOUT", at) for question in _LEVEL_1)


def _unknown(operator: str, question: Question, code: str, at: int) -> Signal:
    return Signal(operator=operator, question=question, finding=Finding.UNKNOWN, code=code, asked_at=at)
