"""The sixth part: the bank asks the (simulated) operator, and Alice's SIM changes, by a thief's doing and by hers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pteri.demo.cast import LINE
from pteri.demo.line_narrator import LineNarrator
from pteri.demo.narrator import DAY, HOUR, SIGNED
from pteri.demo.stage import Answer, Phone

__all__ = ["LineStory"]


_TOLD: Final = "is told, like every phone of the account, as soon as the bank has heard of it"


class LineStory(LineNarrator):
    """A line is a sign and no key: a change of it lets nobody in, locks nobody out, and is told."""

    def play(self) -> None:
        """Nothing special; a SIM swap; all is well again; a move that was announced, and one that was not."""
        self._ask_operator()
        self._swap_without_wallet()
        self._say_all_is_well()
        self._move_announced()
        self._move_unannounced()

    def _ask_operator(self) -> None:
        self._tell.chapter(
            "The mobile line — the bank asks the operator (A SIMULATOR)",
            "From now on the bank asks Alice's mobile operator whether her line has changed. THE OPERATOR OF THIS DEMO "
            "IS A SIMULATOR: what happens at its desk happens to no real number.",
        )
        self._step_clock(4 * DAY, "four days later Alice's sixth phone is no new one any more")
        self._stage.join_operator()
        self._tell.words(
            "         the service was stopped and started again with [[operators]] in its settings",
            "         subscribe = true: it has asked the operator to tell of SIM swaps as they happen, too",
        )
        self._signed_in("sign in with a line that is as it was", "signs in", "CONTINUOUS", "BOUND")
        self._stage.until_told_of(LINE)

    def _swap_without_wallet(self) -> None:
        self._tell.chapter(
            "The mobile line — a SIM swap, without the wallet",
            f"A thief talks a shop into a new SIM: Alice's number {LINE} rings on his phone now. He has a wallet of "
            "his own, and none of her keys.",
        )
        thief = self._cast.swapper
        self._desk(
            "swap the SIM into the thief's phone",
            "gives the thief a new SIM with Alice's number; her own goes dead",
            "swap",
            number=LINE,
            phone="a thief's phone",
        )
        self._told_of_change(
            "Alice's phone is told before anybody signs in",
            "Alice's phone",
            self._cast.own,
            "is told at once: the operator told the bank unasked, and nobody had to sign in first",
        )
        self._step_clock(HOUR, "an hour passes")
        self._step(
            "SIM-swapped thief claims the account that asks operators",
            "the thief",
            lambda: thief.do("recover", "start", *self._where, "--line", LINE, *SIGNED),
            "refused",
            reason="DENIED",
            told="claims the account with the line that he really has now: it gains him nothing",
        )
        token = self._token_of("a thief's phone", "the thief's phone")
        self._step(
            "SIM-swapped thief shows a genuine token of the operator",
            "the thief",
            lambda: thief.do("line", "prove", "--token-file", str(token)),
            "refused",
            told="has a genuine token of the operator, and no account to show it for: his is no phone of Alice's",
            why="only a phone of the account is asked for a token, and what a token shows opens nothing",
        )
        self._signed_in("sign in while a thief has the number", "signs in as ever", "CHANGED", "SUSPECT")
        shown = self._step(
            "line show says what to do",
            "Alice's phone",
            lambda: self._line_shown(self._cast.own),
            "done",
            told="pteri wallet line show says what has happened and what to do:",
            shows={"says": "SUSPECT"},
        )
        self._tell.words(*(f"         {line}" for line in shown["screen"]))
        self._told_of_change("Alice's phone is told of the SIM swap", "Alice's phone", self._cast.own)

    def _line_shown(self, phone: Phone) -> Answer:
        """What a person reads; it must name the command that ends the alarm, and that else she calls the operator."""
        screen = phone.screen("line", "show")
        read = " ".join(screen)
        says = "SUSPECT" if "pteri wallet line rebind" in read and "call your operator at once" in read else ""
        return Answer(bool(screen), "", {"screen": screen, "says": says})

    def _told_of_change(self, name: str, who: str, phone: Phone, told: str = _TOLD) -> None:
        self._step(
            name,
            who,
            lambda: self._newest_notice(phone),
            "done",
            reason="LINE_SUSPECT",
            told=told,
        )

    def _say_all_is_well(self) -> None:
        self._tell.chapter(
            "The mobile line — the owner says that all is well",
            "Alice calls her operator, shows her papers, and gets her number back on a new SIM. To the bank that is "
            "one more change: no operator can say that all is well. She can, with wallet and phone.",
        )
        self._desk(
            "give Alice her number back",
            "takes the number from the thief and puts it on a new SIM of Alice's",
            "transfer",
            number=LINE,
            phone="Alice's phone",
        )
        self._rebound("say that the line is Alice's again", "it is mine again, with this SIM", LINE)
        self._tell.words(
            "         No alarm any more; for a week her words alone wait longer, and then it is as before."
        )
        self._step_clock(7 * DAY, "a week passes")

    def _move_announced(self) -> None:
        self._tell.chapter(
            "The mobile line — a move to a new phone, announced",
            "Alice buys a seventh phone and lets it in, as before. Days later she moves her SIM there: the operator "
            "gives her a new ICCID, and to everybody who asks that looks like a SIM swap. So she says it beforehand.",
        )
        sixth, seventh = self._cast.sixth, self._cast.seventh
        self._step(
            "let the seventh phone in, and keep the sixth",
            "Alice's phone",
            lambda: self._paired(sixth, seventh),
            "waits",
            told="scans the seventh phone's offer, and they compare six digits; both stay",
        )
        self._step_clock(HOUR, "60 minutes pass")
        self._step(
            "hand the wallet over to the seventh phone",
            "Alice's phone",
            lambda: sixth.do("migrate", "hand-over", *SIGNED),
            "done",
        )
        entered = self._step(
            "the seventh phone signs with wallet and own key",
            "the seventh phone",
            lambda: seventh.do("migrate", "finish", *SIGNED),
            "accepted",
            told="VERIFIED PHONE, and the sixth one stays",
        )
        self._step_clock(4 * DAY, "four days later Alice wants her number on it")
        announced = self._step(
            "announce the move of the SIM",
            "Alice's phone",
            lambda: sixth.do("line", "announce", str(entered["phone"]), "--days", "3", *SIGNED),
            "accepted",
            reason="BOTH_KEYS",
            told=f"pteri wallet line announce “{entered['phone']}”: within three days my SIM will be there",
        )
        self._tell.statement("Alice's phone", str(announced["statement"]))
        self._step_clock(HOUR, "an hour later Alice is at the shop")
        self._desk(
            "transfer the number to the seventh phone",
            "moves the number to the seventh phone, with a new ICCID",
            "transfer",
            number=LINE,
            phone="the seventh phone",
        )
        self._signed_in("sign in while the move is under way", "signs in; no alarm", "UNKNOWN", "PROBATION")
        token = self._token_of("the seventh phone", "the seventh phone")
        self._step(
            "the seventh phone shows the operator's token",
            "the seventh phone",
            lambda: self._proved(seventh, token),
            "accepted",
            reason="MOVED",
            told="pteri wallet line prove: the operator says that this very phone uses the number now",
            why="the line has arrived on the phone that the owner named",
        )
        self._cast.own = seventh
        self._step_clock(HOUR, "an hour passes")
        self._signed_in(
            "sign in with the line where it moved",
            "signs in with the seventh phone",
            "CONTINUOUS",
            "MOVED",
            line_level=2,
        )
        self._tell.words("         and line level 2: the number was seen on a phone of hers; that fades within 30 days")

    def _token_of(self, phone: str, who: str) -> Path:
        """A temporary token, as the operator gives it to the phone that has the SIM."""
        given = self._desk(
            f"give {who} a token", f"gives {who} a token, good once and for five minutes", "token", phone=phone
        )
        file = self._stage.directory / "operator-token.txt"
        file.write_text(str(given["token"]))
        return file

    def _proved(self, phone: Phone, token: Path) -> Answer:
        shown = phone.do("line", "prove", "--token-file", str(token))
        # The operator's word is no one-time code of this phone.
        told = {name: value for name, value in shown.told.items() if name != "code"}
        return Answer(shown.ok and bool(shown.told.get("accepted")), shown.code, told)

    def _move_unannounced(self) -> None:
        self._tell.chapter(
            "The mobile line — a move that nobody announced",
            "Weeks later Alice gets another SIM for the same phone, and forgets to say it. Nobody can tell that from a "
            "thief, so it is an alarm, until she ends it.",
        )
        self._step_clock(14 * DAY, "two weeks pass")
        self._desk(
            "transfer the number, unannounced",
            "gives Alice a new SIM with a new ICCID",
            "transfer",
            number=LINE,
            phone="the seventh phone",
        )
        self._signed_in(
            "sign in after a move that nobody announced", "signs in as ever", "CHANGED", "SUSPECT", line_level=2
        )
        self._told_of_change("the sixth phone is told of the change", "Alice's sixth phone", self._cast.sixth)
        self._rebound("say that the unannounced move was hers", "that was me", LINE)
        self._step_clock(7 * DAY, "a week passes")
