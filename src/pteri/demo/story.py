"""The story: flowchart 1, both scenarios of flowchart 2, refusals, the ways back, the line, the chip, the log."""

from __future__ import annotations

from typing import Final

from pteri.demo.cast import Cast
from pteri.demo.chip_story import ChipStory
from pteri.demo.first_days import FirstDays
from pteri.demo.line_story import LineStory
from pteri.demo.log_story import LogStory
from pteri.demo.moving_story import MovingStory
from pteri.demo.narrator import Narrator
from pteri.demo.number_story import NumberStory
from pteri.demo.proofing_story import ProofingStory
from pteri.demo.quarrel_story import QuarrelStory
from pteri.demo.recovery_story import RecoveryStory
from pteri.demo.stage import Phone, Stage
from pteri.demo.telling import Teller

__all__ = ["Story"]

_PARTS: Final[tuple[type[Narrator], ...]] = (
    FirstDays,
    MovingStory,
    RecoveryStory,
    QuarrelStory,
    ProofingStory,
    LineStory,
    ChipStory,
    NumberStory,
    LogStory,
)


class Story:
    """Plays on a stage and tells it. Every step knows how it must end."""

    def __init__(self, stage: Stage, teller: Teller) -> None:
        self.cast = Cast(stage)
        self._parts = [part(stage, teller, self.cast) for part in _PARTS]

    def play(self) -> None:
        """All parts, in order: each begins where the one before has left Alice."""
        for part in self._parts:
            part.play()

    @property
    def own(self) -> Phone:
        """The phone that is Alice's own now."""
        return self.cast.own
