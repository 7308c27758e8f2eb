"""The pace in which the end of a backchannel authentication is asked for, on a loop whose time passes by waiting."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator

import msgspec
import pytest

from operators import AT, NUMBER, Joined
from pteri.adapters.telecom.camara.exchange import Reply, Request
from pteri.domain.signals import Finding, Signal


class WaitingLoop(asyncio.SelectorEventLoop):
    """Nobody waits: when nothing is left to do, it is at once as late as the next thing to do."""

    def __init__(self) -> None:
        super().__init__()
        self._late = 0.0

    def time(self) -> float:
        return self._late

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]  # asyncio keeps them to itself
            self._late = max(self._late, self._scheduled[0].when())  # type: ignore[attr-defined]  # likewise
        super()._run_once()  # type: ignore[misc]  # likewise


def polled(*errors: str, interval_s: int | None = 1, deadline_s: float = 1e6) -> tuple[Signal, list[float]]:
    """An operator says these errors to the first polls; what became of it, and the seconds of all polls."""
    joined = Joined(deadline_s=deadline_s)
    to_say: Iterator[str] = iter(errors)
    polls: list[float] = []

    def change(request: Request, reply: Reply) -> Reply:
        if request.url.endswith("/bc-authorize"):
            started = msgspec.json.decode(reply.body)
            del started["interval"]
            more = {} if interval_s is None else {"interval": interval_s}
            return dataclasses.replace(reply, body=msgspec.json.encode({**started, **more, "expires_in": 10**6}))
        if request.url.endswith("/token"):
            polls.append(asyncio.get_running_loop().time())
            if (error := next(to_say, None)) is not None:
                return dataclasses.replace(reply, status=400, body=msgspec.json.encode({"error": error}))
        return reply

    class Pending:
        """The simulated operator answers the last poll only."""

        async def send(self, request: Request) -> Reply:
            if request.url.endswith("/token") and len(polls) < len(errors):
                return change(request, Reply(400, {}, b""))
            return change(request, await joined.transport.inner.send(request))

        async def close(self) -> None:
            """Nothing is held."""

    joined.operator._transport = Pending()
    with asyncio.Runner(loop_factory=WaitingLoop) as runner:
        signal = runner.run(joined.operator.possession(NUMBER, joined.token(), at=AT))
    return signal, polls


def test_the_first_poll_goes_out_at_once_and_the_next_ones_in_the_interval() -> None:
    signal, polls = polled("authorization_pending", "authorization_pending", interval_s=3)
    assert (signal.finding, polls) == (Finding.CLEAR, [0, 3, 6])


def test_an_operator_that_says_no_interval_means_five_seconds() -> None:
    assert polled("authorization_pending", interval_s=None)[1] == [0, 5]


def test_whoever_is_told_to_slow_down_waits_five_seconds_more_from_then_on() -> None:
    signal, polls = polled("slow_down", "authorization_pending", "slow_down", interval_s=2)
    assert (signal.finding, polls) == (Finding.CLEAR, [0, 7, 14, 26])


def test_the_deadline_ends_the_polls() -> None:
    signal, polls = polled(*["authorization_pending"] * 9, deadline_s=2.5)
    assert (signal.finding, signal.code, polls) == (Finding.UNKNOWN, "TIMEOUT", [0, 1, 2])


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "transaction_failed", "invalid_grant"])
def test_any_other_no_ends_them_at_once(error: str) -> None:
    signal, polls = polled("authorization_pending", error)
    assert (signal.finding, signal.code, polls) == (Finding.UNKNOWN, f"OAUTH_{error.upper()}", [0, 1])
