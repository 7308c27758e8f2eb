"""Signatures of all requests that are here now are checked together (docs/spec section 4.4).

It collects as long as each turn of the event loop brings more; there is no timer, so a lone request waits for nobody.
What it gains to go through one curve at a time is in :func:`pteri.core.verify.verify_each`; each request has its own
outcome.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from pteri.core.acts import StatementAct
from pteri.core.verify import Question, Verified, verify_each

__all__ = ["VerifyTogether"]

_MOST: Final = 64
"""So many at once block the loop for about ten milliseconds."""

_Question = Question[StatementAct]
_Future = asyncio.Future[Verified[StatementAct]]


class VerifyTogether:
    """Collects what is asked in these turns of the event loop."""

    def __init__(self) -> None:
        self._waiting: list[tuple[_Question, _Future]] = []

    async def verify(self, question: _Question) -> Verified[StatementAct]:
        """As :func:`pteri.core.verify.verify`; raises ``ProtocolError``."""
        loop = asyncio.get_running_loop()
        future: _Future = loop.create_future()
        self._waiting.append((question, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._look, loop, 1)
        return await future

    def _look(self, loop: asyncio.AbstractEventLoop, seen: int) -> None:
        """One turn later: wait another one while there come more."""
        if seen < len(self._waiting) < _MOST:
            loop.call_soon(self._look, loop, len(self._waiting))
        else:
            self._verify_waiting()

    def _verify_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        # Who hung up meanwhile costs no key work.
        wanted = [(question, future) for question, future in waiting if not future.done()]
        try:
            outcomes: list[Any] = verify_each([question for question, _ in wanted])
        except Exception as bug:  # noqa: BLE001 - handed to whoever waits, never swallowed
            outcomes = [bug] * len(wanted)
        for (_, future), outcome in zip(wanted, outcomes, strict=True):
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
