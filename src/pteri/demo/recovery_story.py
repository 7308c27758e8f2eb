"""The third part: the phone is lost. With the words alone, with words and code, and a thief who has the words."""

from __future__ import annotations

from pteri.demo.cast import EMAIL
from pteri.demo.narrator import DAY, HOUR, SIGNED, Narrator

__all__ = ["RecoveryStory"]


class RecoveryStory(Narrator):
    """What evidence is worth: the wallet alone waits and can be stopped, a recovery code beside it counts for more."""

    def play(self) -> None:
        """Words alone; a second phone; the thief whom it stops; words and code."""
        self._recover_without_phone()
        self._add_second_phone()
        self._stop_word_thief()
        self._recover_with_code()
        self._refuse_old_words()

    def _recover_without_phone(self) -> None:
        self._tell.chapter(
            "Flowchart 2 — the phone is lost, and Alice has her words (W)",
            "A third phone restores them, sets up codes, claims the account with the wallet alone, and waits.",
        )
        self._step_clock(72 * HOUR, "three days later Alice loses her phone")
        self._step(
            "restore the words on a third phone",
            "the third phone",
            lambda: self._cast.third.do("restore", typed=self._cast.words),
            "done",
        )
        set_up = self._step(
            "set up sign-in codes on the third phone",
            "the third phone",
            lambda: self._cast.third.do("recover", "codes", *self._where, *SIGNED),
            "accepted",
            told="sets up sign-in codes, a round trip of its own: both sides derive the same; it grants nothing",
            why="the account's wallet and the phone's own key signed; nothing is decided yet",
        )
        self._tell.statement("The third phone", str(set_up["statement"]))
        claimed = self._step(
            "claim the account with the restored wallet",
            "the third phone",
            lambda: self._cast.third.do("recover", "start", *self._where, *SIGNED),
            "waits",
        )
        self._tell.words(
            "         first, in a round trip of its own, it signed that codes work: both sides derived the same"
        )
        self._tell.statement("The third phone", str(claimed["statement"]))
        self._step(
            "the third phone tries before the hold is over",
            "the third phone",
            lambda: self._cast.third.do("recover", "finish", *SIGNED),
            "refused",
            reason="HELD",
            told="must wait 72 hours; if this were a thief, Alice's other phones could stop him",
        )
        self._step_clock(72 * HOUR, "72 hours pass and nobody objects")
        self._step(
            "the third phone signs with wallet and own key",
            "the third phone",
            lambda: self._cast.third.do("recover", "finish", *SIGNED),
            "accepted",
            told="VERIFIED PHONE; every other phone is revoked",
        )
        asked = len(self._stage.wiretap.requests())
        waiting = self._start("start a sign-in", lambda: self._stage.site.sign_in(EMAIL))
        prompts = self._cast.third.do("prompts")["prompts"]
        self._tell.words(
            f"         nobody scans this time: the service wrote it down, and the phone lists it: {len(prompts)} waits",
            f"         the phone does not show the number; Alice reads {waiting.number} from the browser",
        )
        signed = self._step(
            "approve the sign-in on the third phone",
            "the third phone",
            lambda: self._cast.third.do("sign-in", str(prompts[0]["id"]), "--number", waiting.number, *SIGNED),
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
        self._cast.own = self._cast.third

    def _add_second_phone(self) -> None:
        self._tell.chapter(
            "A second phone", "Alice wants two phones in her account: what one of them loses, the other can defend."
        )
        self._step_clock(3 * DAY, "three days later the third phone may let others in")
        self._step(
            "let the tablet in, and keep the phone",
            "Alice's phone",
            lambda: self._paired(self._cast.third, self._cast.tablet),
            "waits",
            told="scans the tablet's offer, and they compare six digits, as when she moved; this time both stay",
        )
        self._step_clock(HOUR, "60 minutes pass")
        self._step(
            "hand the wallet over to the tablet",
            "Alice's phone",
            lambda: self._cast.third.do("migrate", "hand-over", *SIGNED),
            "done",
        )
        self._step(
            "the tablet signs with wallet and own key",
            "Alice's tablet",
            lambda: self._cast.tablet.do("migrate", "finish", *SIGNED),
            "accepted",
            told="VERIFIED PHONE, the account's second",
        )

    def _stop_word_thief(self) -> None:
        self._tell.chapter(
            "Refused — the stolen mnemonic alone",
            "A thief has read Alice's twelve words. Her phone is at home; she has her second one with her.",
        )
        thief, tablet = self._cast.word_thief, self._cast.tablet
        self._step("restore the stolen words", "the thief", lambda: thief.do("restore", typed=self._cast.words), "done")
        self._step(
            "claim the account with the words alone",
            "the thief",
            lambda: thief.do("recover", "start", *self._where, *SIGNED),
            "waits",
        )
        self._tell.clock("he must wait 72 hours, and every phone of Alice is told at once", self._stage.clock.now())
        self._step(
            "the mnemonic thief tries to finish at once",
            "the thief",
            lambda: thief.do("recover", "finish", *SIGNED),
            "refused",
            reason="HELD",
            told="tries to finish at once: nothing is registered before the hold is over",
        )
        seen = self._step(
            "the second phone tells of the claim",
            "Alice's tablet",
            lambda: tablet.do("devices"),
            "done",
            told="is told, like every phone of the account",
        )
        newest = seen["notices"][0]
        self._tell.words(f"         notice: {newest['kind']} by the phone “{newest['phone']}”")
        stopped = self._step(
            "the second phone objects to the claim",
            "Alice's tablet",
            lambda: tablet.do("object", *SIGNED),
            "accepted",
            reason="STOPPED",
            told="“It wasn't me”: objects; the claim ends, and the wallet alone opens no other for 30 days",
        )
        self._tell.statement("Alice's tablet", str(stopped["statement"]))
        self._step_clock(72 * HOUR, "72 hours pass")
        self._step(
            "the mnemonic thief tries again after the hold",
            "the thief",
            lambda: thief.do("recover", "finish", *SIGNED),
            "refused",
            reason="DENIED",
            told="comes back after the hold: his claim is over",
        )
        self._tell.words(
            "         The thief still has the words, so Alice should replace her wallet: pteri wallet replace-wallet. "
            "She puts it off."
        )

    def _recover_with_code(self) -> None:
        self._tell.chapter(
            "Lost phone — the words and a recovery code (W + C)",
            "A bag with both phones is stolen, switched off. Alice has her words on one paper, her codes on another. A "
            "code counts for more than the wallet alone: the wait is shorter, the 30 days do not bind her, and the "
            "account gets a new wallet.",
        )
        fourth, code = self._cast.fourth, self._cast.paper[0]
        self._step(
            "restore the words on a fourth phone",
            "the fourth phone",
            lambda: fourth.do("restore", typed=self._cast.words),
            "done",
        )
        claimed = self._step(
            "claim the account with wallet and recovery code",
            "the fourth phone",
            lambda: fourth.do("recover", "start", *self._where, "--code", *SIGNED, typed=code + "\n"),
            "waits",
            reason="EVIDENCE_HOLD",
            told="makes a new wallet; the old one, the new one, the code and the phone's own key sign the claim",
        )
        self._tell.statement("The fourth phone", str(claimed["statement"]))
        self._step(
            "the fourth phone tries before the hold is over",
            "the fourth phone",
            lambda: fourth.do("recover", "finish", *SIGNED),
            "refused",
            reason="HELD",
            told="must wait 48 hours: words and code could have been found together",
        )
        self._step_clock(48 * HOUR, "48 hours pass and nobody objects")
        finished = self._step(
            "the fourth phone signs with the new wallet",
            "the fourth phone",
            lambda: fourth.do("recover", "finish", *SIGNED),
            "accepted",
            reason="HOLD_OVER",
            told="VERIFIED PHONE; phone and tablet are revoked, and the account has the new wallet",
        )
        self._tell.statement("The fourth phone", str(finished["statement"]))
        self._cast.own = fourth
        self._prepared_again(fourth, "the fourth phone")

    def _refuse_old_words(self) -> None:
        self._step(
            "the mnemonic thief tries to stop the account",
            "the thief",
            lambda: self._cast.word_thief.do("stop", *self._where, *SIGNED),
            "refused",
            reason="DENIED",
            told="wants to stop the account with the words he still has: they are of a wallet that counts for nothing",
        )
