"""The second part: flowchart 2, with the old phone at hand."""

from __future__ import annotations

from pteri.demo.cast import EMAIL
from pteri.demo.narrator import HOUR, SIGNED, Narrator

__all__ = ["MovingStory"]


class MovingStory(Narrator):
    """Alice buys a new phone, and the old one is nobody's any more."""

    def play(self) -> None:
        """Move, and what the old phone can still do."""
        self._move_with_old_phone()
        self._refuse_revoked_phone()

    def _move_with_old_phone(self) -> None:
        self._tell.chapter(
            "Flowchart 2 — a new phone, the old one at hand",
            "The new phone is empty. The wallet comes from the old one, sealed between the two: the server carries it "
            "and cannot read it.",
        )
        offered = self._step(
            "show an offer", "the new phone", lambda: self._cast.new.do("migrate", "offer", *self._where), "done"
        )
        approve = ("migrate", "approve", str(offered["offer"]), "--revoke-old", *SIGNED)
        self._step(
            "scan the offer",
            "the old phone",
            lambda: self._cast.old.do(*approve),
            "done",
            told="scans it, and says hello through a mailbox of the server; it shows no code yet",
        )
        self._step(
            "answer the old phone",
            "the new phone",
            lambda: self._cast.new.do("migrate", "answer"),
            "done",
            told="answers: only the phone whose screen was scanned can",
        )
        shown = self._step(
            "show the code", "the old phone", lambda: self._cast.old.do(*approve), "done", told="now shows six digits"
        )
        self._step(
            "type the old phone's code on the new phone",
            "the new phone",
            lambda: self._cast.new.do("migrate", "code", str(shown["code"])),
            "done",
            told=f"types {shown['code']}: both are in the same hands",
        )
        approved = self._step(
            "approve the new phone with both keys", "the old phone", lambda: self._cast.old.do(*approve), "waits"
        )
        self._tell.statement("The old phone", str(approved["statement"]))
        self._step(
            "hand the wallet over before the delay is over",
            "the old phone",
            lambda: self._cast.old.do("migrate", "hand-over", *SIGNED),
            "refused",
            reason="NOT_YET_VALID",
            told="must wait: the security delay of 60 minutes is visible on both phones",
        )
        self._step_clock(HOUR, "60 minutes pass")
        self._step(
            "hand the wallet over",
            "the old phone",
            lambda: self._cast.old.do("migrate", "hand-over", *SIGNED),
            "done",
            told="asks once more, and leaves the wallet in a mailbox, sealed for the new phone alone",
        )
        finished = self._step(
            "the new phone signs with wallet and own key",
            "the new phone",
            lambda: self._cast.new.do("migrate", "finish", *SIGNED),
            "accepted",
            told="VERIFIED PHONE; in the same transaction the old phone is revoked",
        )
        self._tell.statement("The new phone", str(finished["statement"]))
        self._step(
            "look what came of it",
            "the old phone",
            lambda: self._cast.old.do("migrate", "hand-over", *SIGNED),
            "done",
            told="hears that the new phone is in: from here on it may wipe itself, and not before",
        )

    def _refuse_revoked_phone(self) -> None:
        self._tell.chapter("Refused — the revoked old phone", "It still has the wallet and its own key.")
        waiting = self._start("start a sign-in", lambda: self._stage.site.sign_in(EMAIL))
        self._step(
            "the revoked phone tries to approve",
            "the old phone",
            lambda: self._cast.old.do("sign-in", waiting.qr, *SIGNED),
            "refused",
            reason="DENIED",
            told="tries to approve: a revoked phone can do nothing, for ever",
        )
