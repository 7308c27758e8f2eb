"""One step of the story after the other: act, see how it ended, tell it with its reason."""

from __future__ import annotations

from collections.abc import Callable

from pteri.adapters.system import monotonic_s
from pteri.demo.stage import Answer, Stage
from pteri.demo.telling import MEANINGS, Outcome, Step, Teller
from pteri.wallet.client import Waiting

__all__ = ["Narrator", "StoryStopped"]


class StoryStopped(Exception):
    """A step that must succeed was refused: what follows would make no sense."""


class Narrator:
    """What every story needs of its stage and its teller."""

    def __init__(self, stage: Stage, teller: Teller) -> None:
        self._stage = stage
        self._tell = teller
        self.codes: list[str] = []
        """Every one-time code that a phone showed."""

    def _step(
        self,
        name: str,
        who: str,
        act: Callable[[], Answer],
        must: Outcome,
        *,
        reason: str | None = None,
        told: str | None = None,
    ) -> Answer:
        """Act and tell. A yes that became a no ends the story; any other wrong end is told as such."""
        start = monotonic_s()
        answer = act()
        outcome = _outcome(answer)
        if must == "done" and outcome == "accepted":
            outcome = "done"
        found = answer.code or str(answer.told.get("reason") or answer.told.get("state", ""))
        self._tell.step(
            Step(
                name=name,
                who=who,
                outcome=outcome,
                reason=found,
                why=self._stage.why() or MEANINGS.get(found, ""),
                expected=outcome == must and reason in {None, found},
                at=self._stage.clock.now(),
                took_s=round(monotonic_s() - start, 3),
                told=told or name,
            )
        )
        if answer.ok and "code" in answer.told:
            self.codes.append(str(answer["code"]))
        if not answer.ok and must != "refused":
            raise StoryStopped(f"{name}: {answer.told}")
        return answer

    def _start(self, name: str, act: Callable[[], Waiting]) -> Waiting:
        start = monotonic_s()
        waiting = act()
        took = round(monotonic_s() - start, 3)
        self._tell.step(Step(name, "the bank", "done", "", "", True, self._stage.clock.now(), took, name))
        return waiting

    def _step_clock(self, seconds: int, text: str) -> None:
        self._stage.advance(seconds)
        self._tell.clock(text, self._stage.clock.now())


def _outcome(answer: Answer) -> Outcome:
    if not answer.ok:
        return "refused"
    return "waits" if answer.told.get("decision") == "hold" else "accepted"
