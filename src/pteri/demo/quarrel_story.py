"""The fourth part: a thief has the phone and the wallet, and objects to the owner. Guardians decide."""

from __future__ import annotations

from pteri.demo.cast import EMAIL
from pteri.demo.narrator import DAY, SIGNED, Narrator
from pteri.demo.stage import Answer, Phone

__all__ = ["QuarrelStory"]


class QuarrelStory(Narrator):
    """No machine tells an owner with wallet and code from a thief with wallet and phone. People decide."""

    def play(self) -> None:
        """He stops her claim, nobody gets in, and her guardians end it."""
        self._steal_phone()
        self._contest()
        self._break_the_tie()
        self._refuse_stolen_phone()

    def _steal_phone(self) -> None:
        self._tell.chapter(
            "Quarrel — a thief holds the phone and the wallet in it",
            "He took the fourth phone out of Alice's hand while it was open, and knows its passphrase. Alice has her "
            "backup on a USB stick and her new codes on paper.",
        )
        self._step_clock(5 * DAY, "five days later")
        copy = self._stage.directory / "copied-by-the-thief.bin"
        self._step(
            "copy the wallet out of the stolen phone",
            "the thief",
            lambda: self._copied(str(copy)),
            "done",
            told="copies the wallet out of the stolen phone to a computer of his own, to be sure of it",
        )
        fifth = self._cast.fifth
        fifth.use_passphrase_of(self._cast.fourth)
        self._step(
            "restore the backup on a fifth phone",
            "the fifth phone",
            lambda: fifth.do("restore", "--backup", str(self._cast.backup)),
            "done",
        )

    def _copied(self, copy: str) -> Answer:
        stolen, own = self._cast.fourth, self._cast.phone_thief
        own.use_passphrase_of(stolen)
        stolen.do("backup", copy)
        return own.do("restore", "--backup", copy)

    def _vouch(self, guardian: Phone, who: str, newcomer: str) -> None:
        self._step(
            f"{who} speaks for the new phone",
            who,
            lambda: guardian.do("vouch", *self._of_alice, "--phone", newcomer, *SIGNED),
            "accepted",
            told="has met Alice, read the four words on her new phone, and speaks for it",
            why="this wallet is one of the account's guardians, and signed for this very phone",
        )

    def _contest(self) -> None:
        fifth, stolen = self._cast.fifth, self._cast.fourth
        self._step(
            "the owner claims with wallet and recovery code",
            "the fifth phone",
            lambda: fifth.do("recover", "start", *self._where, "--code", *SIGNED, typed=self._cast.paper[0] + "\n"),
            "waits",
            reason="EVIDENCE_HOLD",
            told="claims the account with backup and code (W + C): 48 hours",
        )
        stopped = self._step(
            "the thief objects with phone and wallet",
            "the stolen phone",
            lambda: stolen.do("object", *SIGNED),
            "accepted",
            reason="CONTESTED",
            told="“It wasn't me”: objects, as the owner would. The claim ends, and the account is CONTESTED",
        )
        self._tell.statement("The stolen phone", str(stopped["statement"]))
        waiting = self._start("the thief starts a sign-in as Alice", lambda: self._stage.site.sign_in(EMAIL))
        self._step(
            "the thief tries to sign in to the contested account",
            "the stolen phone",
            lambda: stolen.do("sign-in", waiting.qr, *SIGNED),
            "refused",
            reason="ACCOUNT_NOT_OPEN",
            told="has gained nothing by it: nobody signs in and nothing changes until guardians or officers speak",
        )

    def _break_the_tie(self) -> None:
        self._tell.chapter(
            "Quarrel — two guardians speak for the owner (W + G)",
            "They see Alice, and read the four words of her new phone from its screen. An objection delays them once, "
            "by 24 hours, and cannot stop them.",
        )
        fifth, stolen = self._cast.fifth, self._cast.fourth
        self._step(
            "forget the ended claim",
            "the fifth phone",
            lambda: fifth.do("forget", "--yes"),
            "done",
            told="forgets the claim that was ended, and its key with it: a key that was in an account never comes back",
        )
        named = self._step("name the new phone", "the fifth phone", lambda: fifth.do("recover", "name"), "done")
        self._tell.words(f"         it is called “{named['phone']}”")
        for friend, who in zip(self._cast.friends, ("a friend", "Alice's aunt"), strict=True):
            self._vouch(friend, who, str(named["thumbprint"]))
        claimed = self._step(
            "the owner claims with wallet and guardians",
            "the fifth phone",
            lambda: fifth.do("recover", "start", *self._where, "--guardians", *SIGNED),
            "waits",
            reason="EVIDENCE_HOLD",
            told="claims the account again, with wallet and guardians: 24 hours",
        )
        self._tell.statement("The fifth phone", str(claimed["statement"]))
        self._step(
            "the thief objects to the guardians",
            "the stolen phone",
            lambda: stolen.do("object", *SIGNED),
            "accepted",
            reason="DELAYED",
            told="objects again: this time it only delays, by 24 hours",
        )
        self._step(
            "the thief objects to the guardians once more",
            "the stolen phone",
            lambda: stolen.do("object", *SIGNED),
            "refused",
            reason="VETO_SPENT",
            told="objects once more: an objection to guardians counts once",
        )
        self._step_clock(DAY, "24 hours pass")
        self._step(
            "the owner tries on the day of the delay",
            "the fifth phone",
            lambda: fifth.do("recover", "finish", *SIGNED),
            "refused",
            reason="HELD",
            told="must wait another day",
        )
        self._step_clock(DAY, "another 24 hours pass")
        self._step(
            "the owner's phone signs with a new wallet",
            "the fifth phone",
            lambda: fifth.do("recover", "finish", *SIGNED),
            "accepted",
            reason="HOLD_OVER",
            told="VERIFIED PHONE; the stolen one is revoked, the account is open and has a new wallet",
        )
        self._cast.own = fifth
        self._prepared_again(fifth, "the fifth phone")

    def _refuse_stolen_phone(self) -> None:
        self._step(
            "the stolen phone asks for its account",
            "the stolen phone",
            lambda: self._cast.fourth.do("devices"),
            "refused",
            reason="DENIED",
            told="is nobody's phone any more",
        )
        self._step(
            "the thief claims the account with the copied wallet",
            "the thief",
            lambda: self._cast.phone_thief.do("recover", "start", *self._where, *SIGNED),
            "refused",
            reason="DENIED",
            told="claims the account with his copy of the old wallet: it counts for nothing any more, for ever",
        )
