"""Asking until there is an answer: what a careful client does when the service is away, or asks to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from pteri.adapters.system import monotonic_s
from pteri.load.http1 import Answer, BadAnswer, Connection, ConnectionLost

if TYPE_CHECKING:
    from pteri.load.http1 import Target
    from pteri.load.tally import Tally

__all__ = ["Refused", "Talk", "refusal_of"]

T = TypeVar("T")

_ASKS_TO_WAIT: Final = frozenset({429, 503})
_SHORTEST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 2.0


class Refused(Exception):
    """The service said no, or nothing until patience was at its end. ``code`` is its own, stable."""

    def __init__(self, code: str, status: int = 0) -> None:
        super().__init__(f"{status} {code}" if status else code)
        self.code = code
        self.status = status


class Talk:
    """One client's connection. A request is repeated as it was, so it has one effect however often it was sent."""

    def __init__(self, target: Target, tally: Tally, *, patience_s: float) -> None:
        self._connection = Connection(target, timeout_s=patience_s)
        self._tally = tally
        self._patience_s = patience_s

    async def ask(self, request: Callable[[], bytes], answer: type[T], *, step: str | None = None) -> T:
        """The answer of this type. ``request`` is called for each attempt, for headers that may have got old."""
        began = monotonic_s()
        found = await self._answer(request, began + self._patience_s)
        if step is not None:
            self._tally.steps[step].add(monotonic_s() - began)
        if not 200 <= found.status < 300:
            raise refusal_of(found)
        try:
            return msgspec.json.decode(found.body, type=answer)
        except msgspec.MsgspecError as error:
            raise Refused("NOT_UNDERSTOOD", found.status) from error

    async def _answer(self, request: Callable[[], bytes], until: float) -> Answer:
        wait_s = _SHORTEST_WAIT_S
        while True:
            try:
                found = await self._connection.ask(request())
            except BadAnswer as error:
                raise Refused("NOT_HTTP") from error
            except ConnectionLost as error:
                if monotonic_s() + wait_s >= until:
                    raise Refused("UNREACHABLE") from error
            else:
                if found.status not in _ASKS_TO_WAIT:
                    return found
                self._tally.slowed += 1
                wait_s = max(wait_s, found.retry_after_s or 0)
                if monotonic_s() + wait_s >= until:
                    raise refusal_of(found)
            await asyncio.sleep(wait_s)
            self._tally.repeated += 1
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


class _Problem(msgspec.Struct, frozen=True):
    code: str = "WITHOUT_CODE"


def refusal_of(answer: Answer) -> Refused:
    """The refusal in an answer that is none of the good ones."""
    try:
        return Refused(msgspec.json.decode(answer.body, type=_Problem).code, answer.status)
    except msgspec.MsgspecError:
        return Refused("WITHOUT_CODE", answer.status)
