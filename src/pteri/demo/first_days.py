"""The first part: flowchart 1, and two thieves who have no key of Alice's."""

from __future__ import annotations

import json

from pteri.demo.cast import EMAIL, LINE
from pteri.demo.narrator import DAY, OPERATOR, SIGNED, Narrator
from pteri.demo.stage import DOMAIN, Answer

__all__ = ["FirstDays"]


class FirstDays(Narrator):
    """Alice links her account, says who may help her one day, and signs in."""

    _last_request = ""
    _last_code = ""

    def play(self) -> None:
        """Link, protect, sign in, and what others try."""
        self._connect()
        self._link()
        self._protect()
        self._sign_in()
        self._refuse_sim_swapper()
        self._refuse_replay()

    def _connect(self) -> None:
        self._tell.chapter(
            "A mobile operator — A SIMULATOR",
            "Alice has a mobile number. Its operator is simulated: a process of this demo, on this machine, which no "
            "real line or SIM stands behind. The bank does not ask it yet.",
        )
        self._step(
            "connect Alice's number at the SIMULATED operator",
            OPERATOR,
            lambda: self._at_desk("connect", number=LINE, phone="Alice's phone"),
            "done",
            told=f"connects {LINE} to Alice's phone",
        )
        self._step_clock(DAY, "the next day")

    def _link(self) -> None:
        self._tell.chapter(
            "Flowchart 1 — link an account",
            f"Alice is signed in at {DOMAIN} as {EMAIL}. She links her Litecoin wallet, her line and her phone.",
        )
        made = self._step(
            "create a wallet", "Alice's phone", lambda: self._cast.old.do("create", "--show-words"), "done"
        )
        self._cast.words = str(made["words"])
        self._tell.words(f"         wallet address {made['address']}; its words stay in the phone and on paper")
        self._step(
            "keep a sealed backup",
            "Alice's phone",
            lambda: self._cast.old.do("backup", str(self._stage.directory / "sealed-backup.json")),
            "done",
        )
        waiting = self._start("start linking", lambda: self._stage.site.link(EMAIL, LINE))
        enrolled = self._step(
            "sign the link with both keys",
            "Alice's phone",
            lambda: self._cast.old.do("enroll", waiting.qr, "--line", LINE, *SIGNED),
            "accepted",
        )
        self._tell.statement("Alice's phone", str(enrolled["statement"]))
        self._tell.words(f"         the code {_spaced(enrolled)} follows from both signatures; Alice types it there")
        self._step(
            "type the code into the bank's page",
            "the bank",
            lambda: self._stage.site.code(waiting, str(enrolled["code"])),
            "accepted",
            told="wallet, line and phone belong to the account: VERIFIED PHONE",
        )
        self._cast.account = str(enrolled["account"])

    def _protect(self) -> None:
        self._tell.chapter(
            "Flowchart 1 — before anything is lost",
            "The words on paper are not enough: whoever finds them has them, too. On the day of the link Alice says at "
            "once who may help her.",
        )
        named: list[str] = []
        for friend, name in zip(self._cast.friends, ("a friend", "Alice's aunt"), strict=True):
            made = self._step(f"{name} makes a wallet", name, lambda phone=friend: phone.do("create"), "done")  # type: ignore[misc]
            named += ["--guardian", str(made["address"])]
        protected = self._step(
            "name two guardians and get two recovery codes",
            "Alice's phone",
            lambda: self._cast.old.do("protect", *named, "--needed", "2", *SIGNED),
            "accepted",
            told="names both as guardians, and shows two recovery codes: Alice writes them on a second paper",
            why="the account was linked today and had neither, so there is nothing that a thief could replace",
        )
        self._tell.statement("Alice's phone", str(protected["statement"]))
        self._cast.write_down(protected["recovery_codes"])
        self._tell.words("         the service knows public keys that follow from the codes, and no code")

    def _sign_in(self) -> None:
        self._tell.chapter("Flowchart 1 — sign in", "No password, no SMS: a number to compare, a signature, a code.")
        asked = len(self._stage.wiretap.requests())
        waiting = self._start("start a sign-in", lambda: self._stage.site.sign_in(EMAIL, prompt=False))
        self._tell.words(
            f"         the browser shows a code to scan and the number {waiting.number}; the phone must show the same",
            "         the service wrote nothing down: what it chose is in the code, and the phone sends it back",
        )
        signed = self._step(
            "approve the sign-in with both keys",
            "Alice's phone",
            lambda: self._cast.old.do("sign-in", waiting.qr, *SIGNED),
            "accepted",
            told="scans it, composes the text from the code and from what it knows, and signs with both keys",
        )
        self._tell.statement("Alice's phone", str(signed["statement"]))
        self._last_request, self._last_code = str(signed["request"]), str(signed["code"])
        self._step(
            "type the code into the browser",
            "the bank",
            lambda: self._stage.site.code(waiting, self._last_code),
            "accepted",
            told="Alice is signed in",
        )
        self._tell.words(
            f"         all that was sent: {self._sent_since(asked)}",
            "         tokens is once in five minutes; so a sign-in is three requests, and the phone's is one of them;",
            "         after it, the phone looks once at the log of the service",
        )

    def _refuse_sim_swapper(self) -> None:
        self._tell.chapter(
            "Refused — a SIM-swapped thief without the wallet",
            f"He has Alice's number {LINE} on his own SIM, her e-mail, and a wallet of his own.",
        )
        self._step("a thief makes his own wallet", "the thief", lambda: self._cast.swapper.do("create"), "done")
        self._step(
            "SIM-swapped thief claims the account",
            "the thief",
            lambda: self._cast.swapper.do("recover", "start", *self._where, "--line", LINE, *SIGNED),
            "refused",
            reason="DENIED",
            told="claims the account with her line: a line is no key, and the answer tells him nothing",
        )
        waiting = self._start("the thief starts a sign-in as Alice", lambda: self._stage.site.sign_in(EMAIL))
        self._step(
            "SIM-swapped thief guesses a code",
            "the thief",
            lambda: self._stage.site.code(waiting, "12345678"),
            "refused",
            reason="DENIED",
            told="guesses a code: nobody approved, so there is no code at all",
        )

    def _refuse_replay(self) -> None:
        self._tell.chapter("Refused — a replayed payload", "Someone on the network recorded Alice's signed approval.")
        recorded = self._stage.wiretap.requests(f"/challenges/{self._last_request}/response".encode())[0]
        self._step(
            "replay the recorded payload",
            "the network",
            lambda: self._replayed(recorded),
            "accepted",
            reason="SAME_ANSWER",
            told="sends it again unchanged: the first answer comes back, word for word, and nothing happens twice",
        )
        waiting = self._start("the thief starts a sign-in as Alice", lambda: self._stage.site.sign_in(EMAIL))
        self._step(
            "replay the payload on a fresh challenge",
            "the network",
            lambda: self._replayed(recorded.replace(self._last_request.encode(), waiting.id.encode())),
            "refused",
            reason="DENIED",
            told="sends it to a fresh sign-in: both signatures are for another request",
        )
        self._step(
            "replay the code in another session",
            "the thief",
            lambda: self._stage.site.code(waiting, self._last_code),
            "refused",
            reason="DENIED",
            told="types Alice's used code into his own browser",
        )

    def _replayed(self, raw: bytes) -> Answer:
        head, _, body = self._stage.wiretap.replay(raw).partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status >= 300:
            return Answer(False, str(json.loads(body)["code"]), {})
        # A yes counts only if it is the recorded one: an answer of its own would be a second effect.
        return Answer(True, "", {"reason": "SAME_ANSWER" if body in self._stage.wiretap.everything() else "NEW_ANSWER"})


def _spaced(answer: Answer) -> str:
    code = str(answer["code"])
    return f"{code[:4]} {code[4:]}"
