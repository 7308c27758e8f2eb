"""The fifth part: nothing is left, and two officers of the service prove who somebody is."""

from __future__ import annotations

from pteri.demo.narrator import HOUR, SIGNED, Narrator
from pteri.demo.stage import Phone

__all__ = ["ProofingStory"]


class ProofingStory(Narrator):
    """Officers speak for a phone. They choose no key and see none: the claimant's own phone makes them."""

    _newcomer = ""

    def play(self) -> None:
        """Appoint them; one is not enough; two are, after 72 hours."""
        self._appoint()
        self._lose_everything()
        self._prove()

    def _appoint(self) -> None:
        self._tell.chapter(
            "Everything lost — the bank has two officers",
            "Two people of the bank may prove who somebody is. Each makes a wallet and a phone key of their own; only "
            "the public halves go into the settings of the service.",
        )
        entries = [
            self._introduced(officer, f"the {number} officer", f"desk-{number}")
            for number, officer in zip(("first", "second"), self._cast.officers, strict=True)
        ]
        self._stage.appoint(entries)
        self._tell.words("         the service was stopped and started again with them; nothing was lost by it")

    def _introduced(self, officer: Phone, who: str, pseudonym: str) -> dict[str, object]:
        officer.do("create")
        shown = self._step(
            f"{who} shows what the settings must say",
            who,
            lambda: officer.do("officer-entry", "--name", pseudonym),
            "done",
            told=f"makes wallet and phone key, and shows the public halves, under the name “{pseudonym}”",
        )
        return dict(shown["officer"])

    def _lose_everything(self) -> None:
        self._tell.chapter(
            "Everything lost — phone, words, codes, backup (A)",
            "Alice's house has burnt down. She goes to the bank with her papers and a new, empty phone.",
        )
        sixth = self._cast.sixth
        made = self._step(
            "an empty phone makes a wallet",
            "the sixth phone",
            lambda: sixth.do("create", "--show-words"),
            "done",
            told="makes a wallet of its own: nobody else ever has its key",
        )
        self._cast.newest_words = str(made["words"])
        named = self._step("name the sixth phone", "the sixth phone", lambda: sixth.do("recover", "name"), "done")
        self._tell.words(f"         it is called “{named['phone']}”; the bank finds the id of her account in its books")
        self._newcomer = str(named["thumbprint"])

    def _prove(self) -> None:
        first, second = self._cast.officers
        sixth = self._cast.sixth
        self._attest(first, "the first officer")
        claim = ("recover", "start", *self._of_alice, "--officers", *SIGNED)
        self._step(
            "claim the account with one officer",
            "the sixth phone",
            lambda: sixth.do(*claim),
            "refused",
            reason="WEAK_EVIDENCE",
            told="claims the account with one officer's word: one alone could be bribed or deceived",
        )
        self._attest(second, "the second officer")
        claimed = self._step(
            "claim the account with two officers",
            "the sixth phone",
            lambda: sixth.do(*claim),
            "waits",
            reason="EVIDENCE_HOLD",
            told="claims it again, with both: 72 hours, in which every phone, channel and the bank is told",
        )
        self._tell.statement("The sixth phone", str(claimed["statement"]))
        self._step_clock(72 * HOUR, "72 hours pass and nobody objects")
        self._step(
            "the sixth phone signs with its own wallet",
            "the sixth phone",
            lambda: sixth.do("recover", "finish", *SIGNED),
            "accepted",
            reason="HOLD_OVER",
            told="VERIFIED PHONE; every other phone is revoked, and the account has the wallet of this one",
        )
        self._cast.own = sixth
        self._prepared_again(sixth, "the sixth phone")

    def _attest(self, officer: Phone, who: str) -> None:
        self._step(
            f"{who} attests who Alice is",
            who,
            lambda: officer.do("attest", *self._of_alice, "--phone", self._newcomer, *SIGNED),
            "accepted",
            told="has seen her papers and the four words on her phone, and attests: this phone is Alice's",
            why="this phone and wallet are an officer's, and both signed for this very phone",
        )
