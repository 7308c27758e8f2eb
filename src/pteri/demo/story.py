"""The story: flowchart 1, both scenarios of flowchart 2, and four refusals, played for real."""

from __future__ import annotations

import json
from typing import Final

from pteri.demo.narrator import Narrator
from pteri.demo.stage import DOMAIN, TENANT, Answer, Phone, Stage
from pteri.demo.telling import Teller

__all__ = ["Story"]

_EMAIL: Final = "alice@example.com"
_LINE: Final = "+4915112345678"
_HOUR: Final = 3600
_SIGNED: Final = ("--yes", "--details")


class Story(Narrator):
    """Plays on a stage and tells it. Every step knows how it must end."""

    def __init__(self, stage: Stage, teller: Teller) -> None:
        super().__init__(stage, teller)
        self._old = Phone(stage, "old phone")
        self._new = Phone(stage, "new phone")
        self.third = Phone(stage, "third phone")
        """The phone that is Alice's own when the story is over."""
        self._swapper = Phone(stage, "sim swapper")
        self._robber = Phone(stage, "mnemonic thief")
        self._words = ""
        self._last_request = ""
        self._last_code = ""

    def play(self) -> None:
        """All chapters, in order."""
        self._link()
        self._sign_in()
        self._refuse_sim_swapper()
        self._refuse_replay()
        self._move_with_old_phone()
        self._refuse_revoked_phone()
        self._recover_without_phone()
        self._refuse_stolen_words()

    # --- flowchart 1 --------------------------------------------------------------------------------------------

    def _link(self) -> None:
        self._tell.chapter(
            "Flowchart 1 — link an account",
            f"Alice is signed in at {DOMAIN} as {_EMAIL}. She links her Litecoin wallet, her line and her phone.",
        )
        made = self._step("create a wallet", "Alice's phone", lambda: self._old.do("create", "--show-words"), "done")
        self._words = str(made["words"])
        self._tell.words(f"         wallet address {made['address']}; its words stay in the phone and on paper")
        self._step(
            "keep a sealed backup",
            "Alice's phone",
            lambda: self._old.do("backup", str(self._stage.directory / "sealed-backup.json")),
            "done",
        )
        waiting = self._start("start linking", lambda: self._stage.site.link(_EMAIL, _LINE))
        enrolled = self._step(
            "sign the link with both keys",
            "Alice's phone",
            lambda: self._old.do("enroll", waiting.qr, "--line", _LINE, *_SIGNED),
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

    def _sign_in(self) -> None:
        self._tell.chapter("Flowchart 1 — sign in", "No password, no SMS: a number to compare, a signature, a code.")
        asked = len(self._stage.wiretap.requests())
        waiting = self._start("start a sign-in", lambda: self._stage.site.sign_in(_EMAIL, prompt=False))
        self._tell.words(
            f"         the browser shows a code to scan and the number {waiting.number}; the phone must show the same",
            "         the service wrote nothing down: what it chose is in the code, and the phone sends it back",
        )
        signed = self._step(
            "approve the sign-in with both keys",
            "Alice's phone",
            lambda: self._old.do("sign-in", waiting.qr, *_SIGNED),
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
            "         tokens is once in five minutes; so a sign-in is three requests, and the phone's is one of them",
        )

    # --- refusals -----------------------------------------------------------------------------------------------

    def _refuse_sim_swapper(self) -> None:
        self._tell.chapter(
            "Refused — a SIM-swapped thief without the wallet",
            f"He has Alice's number {_LINE} on his own SIM, her e-mail, and a wallet of his own.",
        )
        self._step("a thief makes his own wallet", "the thief", lambda: self._swapper.do("create"), "done")
        self._step(
            "SIM-swapped thief claims the account",
            "the thief",
            lambda: self._swapper.do("recover", "start", *self._where, "--line", _LINE, *_SIGNED),
            "refused",
            reason="DENIED",
            told="claims the account with her line: a line is no key, and the answer tells him nothing",
        )
        waiting = self._start("the thief starts a sign-in as Alice", lambda: self._stage.site.sign_in(_EMAIL))
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
        waiting = self._start("the thief starts a sign-in as Alice", lambda: self._stage.site.sign_in(_EMAIL))
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

    # --- flowchart 2 --------------------------------------------------------------------------------------------

    def _move_with_old_phone(self) -> None:
        self._tell.chapter(
            "Flowchart 2 — a new phone, the old one at hand",
            "The new phone is empty. The wallet comes from the old one, sealed between the two: the server carries it "
            "and cannot read it.",
        )
        offered = self._step(
            "show an offer", "the new phone", lambda: self._new.do("migrate", "offer", *self._where), "done"
        )
        approve = ("migrate", "approve", str(offered["offer"]), "--revoke-old", *_SIGNED)
        self._step(
            "scan the offer",
            "the old phone",
            lambda: self._old.do(*approve),
            "done",
            told="scans it, and says hello through a mailbox of the server; it shows no code yet",
        )
        self._step(
            "answer the old phone",
            "the new phone",
            lambda: self._new.do("migrate", "answer"),
            "done",
            told="answers: only the phone whose screen was scanned can",
        )
        shown = self._step(
            "show the code", "the old phone", lambda: self._old.do(*approve), "done", told="now shows six digits"
        )
        self._step(
            "type the old phone's code on the new phone",
            "the new phone",
            lambda: self._new.do("migrate", "code", str(shown["code"])),
            "done",
            told=f"types {shown['code']}: both are in the same hands",
        )
        approved = self._step(
            "approve the new phone with both keys", "the old phone", lambda: self._old.do(*approve), "waits"
        )
        self._tell.statement("The old phone", str(approved["statement"]))
        self._step(
            "hand the wallet over before the delay is over",
            "the old phone",
            lambda: self._old.do("migrate", "hand-over", *_SIGNED),
            "refused",
            reason="NOT_YET_VALID",
            told="must wait: the security delay of 60 minutes is visible on both phones",
        )
        self._step_clock(_HOUR, "60 minutes pass")
        self._step(
            "hand the wallet over",
            "the old phone",
            lambda: self._old.do("migrate", "hand-over", *_SIGNED),
            "done",
            told="asks once more, and leaves the wallet in a mailbox, sealed for the new phone alone",
        )
        finished = self._step(
            "the new phone signs with wallet and own key",
            "the new phone",
            lambda: self._new.do("migrate", "finish", *_SIGNED),
            "accepted",
            told="VERIFIED PHONE; in the same transaction the old phone is revoked",
        )
        self._tell.statement("The new phone", str(finished["statement"]))
        self._step(
            "look what came of it",
            "the old phone",
            lambda: self._old.do("migrate", "hand-over", *_SIGNED),
            "done",
            told="hears that the new phone is in: from here on it may wipe itself, and not before",
        )

    def _refuse_revoked_phone(self) -> None:
        self._tell.chapter("Refused — the revoked old phone", "It still has the wallet and its own key.")
        waiting = self._start("start a sign-in", lambda: self._stage.site.sign_in(_EMAIL))
        self._step(
            "the revoked phone tries to approve",
            "the old phone",
            lambda: self._old.do("sign-in", waiting.qr, *_SIGNED),
            "refused",
            reason="DENIED",
            told="tries to approve: a revoked phone can do nothing, for ever",
        )

    def _recover_without_phone(self) -> None:
        self._tell.chapter(
            "Flowchart 2 — the phone is lost",
            "Alice has her words on paper and nothing else. A third phone restores, sets up codes, claims, waits.",
        )
        self._step_clock(72 * _HOUR, "three days later Alice loses her phone")
        self._step(
            "restore the words on a third phone",
            "the third phone",
            lambda: self.third.do("restore", typed=self._words),
            "done",
        )
        set_up = self._step(
            "set up sign-in codes on the third phone",
            "the third phone",
            lambda: self.third.do("recover", "codes", *self._where, *_SIGNED),
            "accepted",
            told="sets up sign-in codes, a round trip of its own: both sides derive the same; it grants nothing",
        )
        self._tell.statement("The third phone", str(set_up["statement"]))
        claimed = self._step(
            "claim the account with the restored wallet",
            "the third phone",
            lambda: self.third.do("recover", "start", *self._where, *_SIGNED),
            "waits",
        )
        self._tell.words(
            "         first, in a round trip of its own, it signed that codes work: both sides derived the same"
        )
        self._tell.statement("The third phone", str(claimed["statement"]))
        self._step(
            "the third phone tries before the hold is over",
            "the third phone",
            lambda: self.third.do("recover", "finish", *_SIGNED),
            "refused",
            reason="HELD",
            told="must wait 72 hours; if this were a thief, Alice's other phones could stop him",
        )
        self._step_clock(72 * _HOUR, "72 hours pass and nobody objects")
        self._step(
            "the third phone signs with wallet and own key",
            "the third phone",
            lambda: self.third.do("recover", "finish", *_SIGNED),
            "accepted",
            told="VERIFIED PHONE; every other phone is revoked",
        )
        asked = len(self._stage.wiretap.requests())
        waiting = self._start("start a sign-in", lambda: self._stage.site.sign_in(_EMAIL))
        prompts = self.third.do("prompts")["prompts"]
        self._tell.words(
            f"         nobody scans this time: the service wrote it down, and the phone lists it: {len(prompts)} waits",
            f"         the phone does not show the number; Alice reads {waiting.number} from the browser",
        )
        signed = self._step(
            "approve the sign-in on the third phone",
            "the third phone",
            lambda: self.third.do("sign-in", str(prompts[0]["id"]), "--number", waiting.number, *_SIGNED),
            "accepted",
            told="is given that number, fetches the typed fields, compares each, and signs with both keys",
        )
        self._step(
            "type the code into the browser",
            "the bank",
            lambda: self._stage.site.code(waiting, str(signed["code"])),
            "accepted",
            told="Alice is signed in again",
        )
        self._tell.words(f"         all that was sent: {self._sent_since(asked)}")

    def _refuse_stolen_words(self) -> None:
        self._tell.chapter(
            "Refused — the stolen mnemonic alone", "A thief has Alice's twelve words, but none of her phones."
        )
        self._step(
            "restore the stolen words", "the thief", lambda: self._robber.do("restore", typed=self._words), "done"
        )
        self._step(
            "claim the account with the words alone",
            "the thief",
            lambda: self._robber.do("recover", "start", *self._where, *_SIGNED),
            "waits",
        )
        self._tell.clock("he must wait 72 hours, and every phone of Alice is told at once", self._stage.clock.now())
        self._step(
            "the mnemonic thief tries to finish at once",
            "the thief",
            lambda: self._robber.do("recover", "finish", *_SIGNED),
            "refused",
            reason="HELD",
            told="tries to finish at once: nothing is registered before the hold is over",
        )
        seen = self._step(
            "the phone tells of the claim", "Alice's phone", lambda: self.third.do("devices"), "done", told="is told"
        )
        newest = seen["notices"][0]
        self._tell.words(f"         notice: {newest['kind']} by the phone “{newest['phone']}”")
        stopped = self._step(
            "object to the claim",
            "Alice's phone",
            lambda: self.third.do("object", *_SIGNED),
            "accepted",
            told="“It wasn't me”: objects; the claim ends, and the wallet alone opens no other for 30 days",
        )
        self._tell.statement("Alice's phone", str(stopped["statement"]))
        self._step_clock(72 * _HOUR, "72 hours pass")
        self._step(
            "the mnemonic thief tries again after the hold",
            "the thief",
            lambda: self._robber.do("recover", "finish", *_SIGNED),
            "refused",
            reason="DENIED",
            told="comes back after the hold: his claim is over",
        )

    @property
    def _where(self) -> tuple[str, ...]:
        return ("--server", self._stage.origin, "--tenant", TENANT)

    def _sent_since(self, asked: int) -> str:
        """How many requests there were since then, and the last word of the path of each."""
        sent = [request.split(b" ", 2)[1].decode().rpartition("/")[2] for request in self._stage.wiretap.requests()]
        return f"{len(sent[asked:])} requests ({', '.join(sent[asked:])})"

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
