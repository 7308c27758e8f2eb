"""Who plays, and what Alice keeps apart from her phones: her words, her codes on paper, her backup."""

from __future__ import annotations

from pathlib import Path

from pteri.demo.stage import Phone, Stage

__all__ = ["EMAIL", "LINE", "NEW_LINE", "Cast"]

EMAIL = "alice@example.com"
LINE = "+4915112345678"
NEW_LINE = "+4915187654321"
"""What she gets when ``LINE`` has become somebody else's."""


class Cast:
    """Every part of the story works with the same people and the same things."""

    def __init__(self, stage: Stage) -> None:
        self.old = Phone(stage, "old phone")
        self.new = Phone(stage, "new phone")
        self.third = Phone(stage, "third phone")
        self.tablet = Phone(stage, "tablet")
        self.fourth = Phone(stage, "fourth phone")
        """Of this one, and not of the ones before, somebody else will know the passphrase."""
        self.fifth = Phone(stage, "fifth phone")
        self.sixth = Phone(stage, "sixth phone")
        self.seventh = Phone(stage, "seventh phone")
        self.swapper = Phone(stage, "sim swapper")
        self.word_thief = Phone(stage, "mnemonic thief")
        self.phone_thief = Phone(stage, "phone thief")
        self.line_thief = Phone(stage, "thief of words and line")
        self.friends = (Phone(stage, "friend"), Phone(stage, "aunt"))
        self.officers = (Phone(stage, "first officer"), Phone(stage, "second officer"))
        self.own = self.old
        """The phone that is Alice's own now: at the end of the story, the one to go on with by hand."""
        self.account = ""
        self.words = ""
        """Of her first wallet, on paper."""
        self.newest_words = ""
        """Of the wallet that she made last."""
        self.paper: list[str] = []
        """Her recovery codes, as they stand on her newest sheet."""
        self.papers: list[str] = []
        """Every recovery code that was ever shown."""
        self.backup = Path()
        """Her newest sealed backup."""
        self.codes: list[str] = []
        """Every one-time code that a phone showed."""

    def write_down(self, codes: list[str]) -> None:
        """A new sheet of paper in the place of the old one."""
        self.paper = list(codes)
        self.papers += codes
