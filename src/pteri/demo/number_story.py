"""The last part: a thief with words and number, a number that is lost for ever, and an operator that is silent."""

from __future__ import annotations

from pteri.demo.cast import LINE, NEW_LINE
from pteri.demo.line_narrator import LineNarrator
from pteri.demo.narrator import DAY, SIGNED
from pteri.demo.stage import Answer

__all__ = ["NumberStory"]


class NumberStory(LineNarrator):
    """Bad signs of a line make those wait longer who have the wallet alone. No sign makes anybody wait less."""

    def play(self) -> None:
        """Words and number together; port-out; somebody else's number; no answer at all."""
        self._steal_words_and_number()
        self._port_out()
        self._recycle()
        self._be_silent()

    def _steal_words_and_number(self) -> None:
        self._tell.chapter(
            "Refused — the stolen mnemonic and the number, too",
            "A thief has read the words of Alice's wallet, and has swapped her SIM so that no call reaches her. With "
            "the words alone he would wait three days. A line that has just changed makes it seven.",
        )
        thief = self._cast.line_thief
        self._desk(
            "swap the SIM once more",
            "gives a thief a new SIM with Alice's number",
            "swap",
            number=LINE,
            phone="another thief's phone",
        )
        self._step(
            "restore the newest words",
            "the thief",
            lambda: thief.do("restore", typed=self._cast.newest_words),
            "done",
            told="restores the words on a phone of his own",
        )
        self._step(
            "claim the account with words and number",
            "the thief",
            self._claimed,
            "waits",
            reason="LINE_CHANGED_HOLD",
            told="claims the account with the words: he must wait 7 days, not 3",
            shows={"waits_days": 7},
        )
        self._step_clock(3 * DAY, "three days pass")
        self._step(
            "the thief tries after three days",
            "the thief",
            lambda: thief.do("recover", "finish", *SIGNED),
            "refused",
            reason="HELD",
            told="comes back after three days: four more to wait, in which every phone of Alice knows of him",
        )
        self._step(
            "the owner objects to the claim with her number",
            "Alice's phone",
            lambda: self._cast.own.do("object", *SIGNED),
            "accepted",
            reason="STOPPED",
            told="“It wasn't me”: objects, and the claim is over",
        )
        self._tell.words("         Her words are known now: pteri wallet replace-wallet is what she does next.")
        self._desk(
            "give Alice her number back once more",
            "takes the number from the thief and puts it on a new SIM of Alice's",
            "transfer",
            number=LINE,
            phone="the seventh phone",
        )
        self._rebound("say that the line is Alice's once more", "it is mine again, with this SIM", LINE)
        self._step_clock(7 * DAY, "a week passes")

    def _claimed(self) -> Answer:
        claimed = self._cast.line_thief.do("recover", "start", *self._where, *SIGNED)
        until = claimed.told.get("until") or 0
        return Answer(
            claimed.ok, claimed.code, claimed.told | {"waits_days": round((until - self._stage.clock.now()) / DAY)}
        )

    def _port_out(self) -> None:
        self._tell.chapter(
            "The mobile line — port-out fraud",
            "This time a thief takes the number to another operator. The bank's operator does not know it any more.",
        )
        self._desk("port the number out", "lets the number go to another operator", "port-out", number=LINE)
        self._signed_in("sign in after a port-out", "signs in as ever; every phone is told", "CHANGED", "SUSPECT")

    def _recycle(self) -> None:
        self._tell.chapter(
            "The mobile line — the number is somebody else's",
            "Alice never gets it back. A month later the number is given to a stranger, who has done nothing wrong and "
            "must not come near her account.",
        )
        self._step_clock(30 * DAY, "a month passes")
        self._desk(
            "give the number to a stranger",
            "gives it to a stranger",
            "connect",
            number=LINE,
            phone="a stranger's phone",
        )
        self._signed_in("sign in after the number was recycled", "signs in as ever", "CHANGED", "DETACHED")
        self._step(
            "try to bind the number that is gone",
            "Alice",
            lambda: self._cast.own.do("line", "rebind", LINE, *SIGNED),
            "refused",
            reason="LINE_GONE",
            told=f"pteri wallet line rebind {LINE}: the old number is detached for ever, also for her",
        )
        self._desk(
            "connect Alice's new number",
            "connects a new number to Alice's phone",
            "connect",
            number=NEW_LINE,
            phone="the seventh phone",
        )
        self._rebound("bind the new number", "this is my number now", NEW_LINE)
        self._step(
            "tell the other phone the new number",
            "Alice's sixth phone",
            lambda: self._cast.sixth.do("line", "accept", NEW_LINE),
            "done",
            told=f"pteri wallet line accept {NEW_LINE}: this phone expects it from now on, too",
        )
        self._step_clock(7 * DAY, "a week passes")

    def _be_silent(self) -> None:
        self._tell.chapter(
            "The mobile line — the operator is silent for a day",
            "Silence is not consent, and no accusation: nothing is confirmed, and nobody is locked out.",
        )
        self._signed_in("sign in with the new number", "signs in", "CONTINUOUS", "BOUND")
        self._desk("let the operator be unreachable", "answers nobody any more", "weather", outage="unreachable")
        self._step_clock(DAY, "a day passes")
        self._signed_in("sign in while the operator is silent", "signs in all the same", "UNKNOWN", "BOUND")
        self._desk("let the operator answer again", "answers again", "weather")
