"""The seventh part: the (simulated) eSIM chip of Alice's phone answers the bank, and stays truthful in a SIM swap."""

from __future__ import annotations

from typing import Final

from pteri.adapters.system import SystemEntropy
from pteri.adapters.telecom.lab_chain import LabChain
from pteri.core.euicc.numbers import iccid
from pteri.demo.cast import LINE
from pteri.demo.lab_phone import LabPhone
from pteri.demo.line_narrator import LineNarrator
from pteri.demo.narrator import DAY, HOUR
from pteri.demo.stage import CHIP_ADDRESS, Answer

__all__ = ["ChipStory"]

_CHIP: Final = "the chip (A LAB'S)"
_PROFILE: Final = iccid("89490200001234567894")
_PROVED: Final = "8.2.6"
"""What a phone hears whose chip has proved itself: there is no profile to download."""


class ChipStory(LineNarrator):
    """What a chip signs confirms, and opens nothing; and what it says does not speak against a swap."""

    def play(self) -> None:
        """A chip answers; it tells what was done; a swap, in which it looks perfect; all is well again."""
        self._tell.chapter(
            "The eSIM chip — it answers the bank (A LAB'S CHIP)",
            "Alice's phone has an eSIM chip. Its own settings scan a code of the bank's as if a profile were to be "
            "downloaded; the chip signs the answer. THE CHIP, ITS MAKER AND ITS ISSUER ARE MADE FOR THIS DEMO: they "
            "are believed here because the settings say “lab”, and by no service for real people.",
        )
        chain = LabChain(at=self._stage.clock.now(), entropy=SystemEntropy())
        self._stage.meet_chips(chain)
        self._tell.words("         the service was stopped and started again with [esim] in its settings")
        origin = self._stage.origin
        ours = LabPhone(chain.chip(1, address=CHIP_ADDRESS), anchor=chain.anchor, origin=origin)
        self._bind(ours)
        self._refuse_a_chip_of_nobody(chain.anchor)
        self._enable(ours)
        self._swap()
        self._say_all_is_well()

    def _bind(self, phone: LabPhone) -> None:
        started = self._step(
            "ask for an activation code",
            "Alice's phone",
            lambda: self._cast.own.do("line", "chip"),
            "done",
            told="pteri wallet line chip: shows a text that eSIM settings scan, good once and for ten minutes",
        )
        self._step(
            "the chip answers the bank's challenge",
            _CHIP,
            lambda: _heard(phone.scan(str(started["activation"]))),
            "done",
            reason=_PROVED,
            told="signs the bank's challenge and the token; the settings hear that there is no profile to download",
            why="the proof was all that was wanted, and whether the token counted is told to nobody",
        )
        self._known("the bank knows the chip", 4, "shows it: the chip answered (level 4)")

    def _refuse_a_chip_of_nobody(self, anchor: bytes) -> None:
        other = LabChain(at=self._stage.clock.now(), entropy=SystemEntropy())
        forged = LabPhone(other.chip(1, address=CHIP_ADDRESS), anchor=anchor, origin=self._stage.origin)
        started = self._cast.own.do("line", "chip")
        self._step(
            "a chip that nobody vouches for answers",
            "a forged chip",
            lambda: _heard(forged.scan(str(started["activation"]))),
            "refused",
            reason="8.11.1",
            told="has the same number and a genuine code, and certificates that it made itself",
            why="no issuer that the bank trusts has signed for its maker",
        )

    def _enable(self, phone: LabPhone) -> None:
        phone.chip.install(_PROFILE, transaction_id=bytes(16))
        [enabled] = phone.chip.enable(_PROFILE)
        self._step(
            "the chip says that a profile is in use",
            _CHIP,
            lambda: _brought(phone, enabled),
            "done",
            told="signs “enabled” as its second event, and the phone brings it to the bank",
        )
        self._known(
            "the bank knows that it is in use", 5, "shows it: the chip answered and a profile is in use (level 5)"
        )

    def _swap(self) -> None:
        self._tell.chapter(
            "The eSIM chip — a SIM swap, and the chip looks perfect",
            "A thief swaps Alice's SIM. Nothing happens to her chip: it still says, truthfully, “enabled”. It cannot "
            "know that the number rings elsewhere, so its word does not speak against the operator's.",
        )
        self._desk(
            "swap the SIM while the chip is in use",
            "gives the thief a new SIM with Alice's number; her chip notices nothing",
            "swap",
            number=LINE,
            phone="a thief's phone",
        )
        self._step_clock(HOUR, "an hour passes")
        self._step(
            "sign in with a perfect chip and a swapped line",
            "Alice",
            lambda: self._sign_in(self._cast.own),
            "accepted",
            reason="SUSPECT",
            told="signs in as ever; the bank hears: level REDUCED, line CHANGED (SUSPECT), chip level 5",
            why="the chip is no authority: it clears no alarm, and the thief's token would not clear it either",
            shows={"level": "REDUCED", "line": "CHANGED", "chip_level": 5},
        )

    def _say_all_is_well(self) -> None:
        self._desk(
            "give Alice her number back once more",
            "takes the number from the thief and puts it on Alice's phone again",
            "transfer",
            number=LINE,
            phone="the seventh phone",
        )
        self._rebound("say that the line is Alice's after the swap", "it is mine again, with this SIM", LINE)
        self._step_clock(7 * DAY, "a week passes")

    def _known(self, name: str, level: int, told: str) -> None:
        self._step(name, "Alice's phone", self._chip_seen, "done", told=told, shows={"level": level})

    def _chip_seen(self) -> Answer:
        seen = self._cast.own.do("devices")
        return Answer(seen.ok, seen.code, {"level": (seen.told.get("chip") or {}).get("level", 0)})


def _heard(subject: str) -> Answer:
    proved = subject == _PROVED
    return Answer(proved, "" if proved else subject, {"reason": subject})


def _brought(phone: LabPhone, notification: bytes) -> Answer:
    phone.bring(notification)
    return Answer(True, "", {})
