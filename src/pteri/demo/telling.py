"""How the demo tells what happens: for a person step by step, for a program as one JSON object."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

__all__ = ["MEANINGS", "Outcome", "Step", "Teller"]

Outcome = Literal["done", "accepted", "waits", "refused"]
_WIDTH: Final = 100
_MARKS: Final[dict[str, tuple[str, str]]] = {
    "done": ("·", "bold"),
    "accepted": ("✔ yes", "bold green"),
    "waits": ("… waits", "bold yellow"),
    "refused": ("✘ no", "bold red"),
}


MEANINGS: Final = {
    "BOTH_KEYS": "the account's wallet and a verified phone of it signed this very text",
    "LINE_NOT_CONFIRMED": "both keys signed this very text; nobody confirms the line, so the level is REDUCED",
    "BACKUP_CHECK_DUE": "both keys signed this very text; a backup of the wallet has not been tried for long",
    "SECURITY_DELAY": "both keys signed; a new phone waits an hour, seen and stoppable by the old one",
    "RECOVERY_HOLD": "the wallet alone proves too little: it waits, seen and stoppable by every phone",
    "LINE_CHANGED_HOLD": "the wallet alone, and the line has changed lately: it waits a week in place of three days",
    "LINE_GONE": "this number was given to somebody else, and belongs to this account never again",
    "LINE_SUSPECT": "the operator knows of a change that the owner had not announced",
    "EVIDENCE_HOLD": "more than the wallet was shown; how long it waits depends on what that is worth",
    "ACCOUNT_NOT_OPEN": "while the account is contested nobody acts in it, but for whom guardians or officers speak",
    "WEAK_EVIDENCE": "what is shown is not enough, and it would not be enough tomorrow either",
    "VETO_SPENT": "each case of guardians or officers is delayed once, or a thief could object for ever",
    "CONTESTED": "both sides have the wallet and one thing more: nobody gets anything until others say whose it is",
    "DELAYED": "guardians or officers speak for the other phone: they are delayed once, and cannot be stopped",
    "STOPPED": "wallet and a verified phone objected, and the wallet alone does not stand against that",
    "HOLD_OVER": "the waiting time has passed, and nobody objected",
    "HELD": "the waiting time has begun, and is not over",
    "NOT_YET_VALID": "the old phone itself keeps the wallet back until the waiting time is over",
    "COMPLETED": "the code follows from both signatures, and came from the browser that it is for",
    "DOES_NOT_HOLD": "what is published is not what was signed",
    "SAME_ANSWER": "the request is known: its recorded answer is sent, and nothing is done",
}
"""Why the server said yes or no, by its reason. For a denial its own log has more than it tells the caller."""


class Step(msgspec.Struct, frozen=True):
    """One thing that happened.

    ``reason``: the stable code; ``why``: the same in words, for a denial those of the server's log; ``at``: simulated
    Unix second; ``took_s``: real seconds; ``expected``: as it must be.
    """

    name: str
    who: str
    outcome: Outcome
    reason: str
    why: str
    expected: bool
    at: int
    took_s: float
    told: str


class Teller:
    """Tells each step as it happens and remembers all."""

    def __init__(self, *, quiet: bool, no_color: bool) -> None:
        self.steps: list[Step] = []
        self._quiet = quiet
        self._out = Console(
            no_color=no_color, highlight=False, width=min(_WIDTH, shutil.get_terminal_size((_WIDTH, 24)).columns)
        )

    def chapter(self, title: str, *about: str) -> None:
        """A new part of the story."""
        if not self._quiet:
            self._out.rule(Text(title, style="bold cyan"), align="left", style="cyan")
            for line in about:
                self._out.print(Text(line, style="italic"))

    def statement(self, signer: str, text: str) -> None:
        """What a person read before both keys signed it."""
        if not self._quiet:
            title = Text(f"{signer}: signed by the wallet key and by the phone's own key", style="bold")
            self._out.print(Panel(Text(text), title=title, title_align="left", border_style="blue", expand=False))

    def step(self, step: Step) -> None:
        """Something happened."""
        self.steps.append(step)
        if self._quiet:
            return
        mark, style = _MARKS[step.outcome]
        line = Text.assemble((f"{mark:8}", style), (f"{step.who}: ", "bold"), step.told)
        if step.reason:
            line.append(f"  [{step.reason}]", style="magenta")
        self._out.print(line)
        if step.why:
            place = "the server's log says why: " if step.reason == "DENIED" else "because "
            self._out.print(Text(f"         {place}{step.why}", style="dim"))
        if not step.expected:
            self._out.print(Text("         this should not have happened", style="bold white on red"))

    def clock(self, text: str, at: int) -> None:
        """The simulated clock was stepped."""
        if not self._quiet:
            now = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
            self._out.print(Text(f"  ⏱     {text}  (simulated clock: {now})", style="yellow"))

    def words(self, *lines: str) -> None:
        """Plain words."""
        if not self._quiet:
            for line in lines:
                # A path or a command that was broken in two could not be copied.
                self._out.print(Text(line), soft_wrap=True)
