"""One step of the story after the other: act, see how it ended, tell it with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pteri.adapters.system import monotonic_s
from pteri.demo.cast import Cast
from pteri.demo.stage import TENANT, Answer, Phone, Stage
from pteri.demo.telling import MEANINGS, Outcome, Step, Teller
from pteri.wallet.client import Waiting

__all__ = ["DAY", "HOUR", "OPERATOR", "SIGNED", "Narrator", "StoryStopped"]

HOUR: Final = 3600
DAY: Final = 24 * HOUR
OPERATOR: Final = "the operator (A SIMULATOR)"
SIGNED: Final = ("--yes", "--details")


class StoryStopped(Exception):
    """A step that must succeed was refused: what follows would make no sense."""


class Narrator:
    """What every part of the story needs of its stage, its teller and its cast."""

    def __init__(self, stage: Stage, teller: Teller, cast: Cast) -> None:
        self._stage = stage
        self._tell = teller
        self._cast = cast

    def play(self) -> None:
        """This part, from its first step to its last."""
        raise NotImplementedError

    def _step(
        self,
        name: str,
        who: str,
        act: Callable[[], Answer],
        must: Outcome,
        *,
        reason: str | None = None,
        told: str | None = None,
        why: str | None = None,
        shows: Mapping[str, object] | None = None,
    ) -> Answer:
        """Act and tell. A yes that became a no ends the story; any other wrong end is told as such.

        ``why``: in words, where the reason says it too shortly; the server's own log comes first. ``shows``: what the
        answer must say besides.
        """
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
                why=self._stage.why() or why or MEANINGS.get(found, ""),
                expected=outcome == must and reason in {None, found} and _says(answer, shows or {}),
                at=self._stage.clock.now(),
                took_s=round(monotonic_s() - start, 3),
                told=told or name,
            )
        )
        if answer.ok and "code" in answer.told:
            self._cast.codes.append(str(answer["code"]))
        if not answer.ok and must != "refused":
            raise StoryStopped(f"{name}: {answer.told}")
        return answer

    def _start(self, name: str, act: Callable[[], Waiting]) -> Waiting:
        start = monotonic_s()
        waiting = act()
        took = round(monotonic_s() - start, 3)
        self._tell.step(Step(name, "the bank", "done", "", "", True, self._stage.clock.now(), took, name))
        return waiting

    def _paired(self, phone: Phone, newcomer: Phone) -> Answer:
        """What both phones do until the old one has signed; each command was told when Alice moved."""
        offer = str(newcomer.do("migrate", "offer", *self._where)["offer"])
        phone.do("migrate", "approve", offer, *SIGNED)
        newcomer.do("migrate", "answer")
        newcomer.do("migrate", "code", str(phone.do("migrate", "approve", offer, *SIGNED)["code"]))
        return phone.do("migrate", "approve", offer, *SIGNED)

    def _prepared_again(self, phone: Phone, who: str) -> None:
        """After a new wallet: codes on paper, since the old ones went with the old wallet; and a backup."""
        protected = self._step(
            f"{who} makes new recovery codes",
            who,
            lambda: phone.do("protect", *SIGNED),
            "accepted",
            told="shows two new recovery codes, since the old ones went with the old wallet; the guardians stay",
            why="the wallet came today, with this phone, and has no codes yet",
        )
        self._cast.write_down(protected["recovery_codes"])
        self._cast.backup = self._stage.directory / f"backup-{phone.home.name}.bin"
        self._step(
            f"{who} keeps a sealed backup of the new wallet",
            who,
            lambda: phone.do("backup", str(self._cast.backup)),
            "done",
            told="keeps a sealed backup of the new wallet on Alice's USB stick",
        )

    def _at_desk(self, act: str, **order: str) -> Answer:
        """What somebody does at the desk of the simulated operator."""
        return Answer(True, "", self._stage.operator.do(act, **order))

    def _step_clock(self, seconds: int, text: str) -> None:
        self._stage.advance(seconds)
        self._tell.clock(text, self._stage.clock.now())

    @property
    def _where(self) -> tuple[str, ...]:
        return ("--server", self._stage.origin, "--tenant", TENANT)

    @property
    def _of_alice(self) -> tuple[str, ...]:
        return (*self._where, "--account", self._cast.account)

    def _sent_since(self, asked: int) -> str:
        """How many requests there were since then, and the last word of the path of each."""
        sent = [request.split(b" ", 2)[1].decode().rpartition("/")[2] for request in self._stage.wiretap.requests()]
        return f"{len(sent[asked:])} requests ({', '.join(sent[asked:])})"


def _says(answer: Answer, shows: Mapping[str, object]) -> bool:
    return all(answer.told.get(name) == value for name, value in shows.items())


def _outcome(answer: Answer) -> Outcome:
    if not answer.ok:
        return "refused"
    return "waits" if answer.told.get("decision") == "hold" else "accepted"
