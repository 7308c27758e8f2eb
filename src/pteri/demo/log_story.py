"""The log: what a phone, an auditor and somebody inside can do with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final

from pteri.demo.narrator import Narrator
from pteri.demo.stage import Answer

__all__ = ["LogStory"]

_BANK: Final = "who runs the service"
_AUDITOR: Final = "an auditor"


class LogStory(Narrator):
    """Everything above became leaves of a public log, while it happened."""

    def play(self) -> None:
        """Look, keep a receipt, verify all of it; then somebody inside changes one event."""
        self._look()
        self._keep_a_receipt()
        self._rewrite()

    def _look(self) -> None:
        self._tell.chapter(
            "The log — what happened stays so",
            "Each event of this story is a leaf of a tree that the bank signs and publishes. It names nobody; Alice's "
            "phone knows which leaves are hers.",
        )
        self._step(
            "look at the log",
            _BANK,
            lambda: self._stage.command("log", "show", "--config", str(self._stage.settings)),
            "done",
            told="pteri log show: how many leaves there are, and that none is missing",
            shows={"waiting": 0},
        )
        self._step(
            "let the phone check its own part of the log",
            "Alice's phone",
            lambda: self._cast.own.do("audit"),
            "done",
            told="pteri wallet audit: the log only grew, and has everything that this phone signed",
        )

    def _keep_a_receipt(self) -> None:
        receipt = str(self._stage.directory / "receipt.json")
        self._step(
            "keep a receipt",
            "Alice's phone",
            lambda: self._cast.own.do("receipt", "--out", receipt),
            "done",
            told="pteri wallet receipt: every record of the account, and the proof that the log has it",
        )
        keys = ("--log-key", self._stage.log_key, "--index-key", self._stage.index_key)
        self._step(
            "verify the receipt without the bank",
            _AUDITOR,
            lambda: self._stage.command("verify", "receipt", receipt, *keys),
            "done",
            told="pteri verify receipt: both signatures, each decision by the bank's rules, and the place in the log",
        )
        self._verified("verify the whole log", "pteri verify log: every leaf, every tile, every account, offline")

    def _verified(self, name: str, told: str) -> Answer:
        return self._step(name, _AUDITOR, self._read, "done", told=told)

    def _read(self) -> Answer:
        return self._stage.command("verify", "log", f"{self._stage.origin}/log", "--log-key", self._stage.log_key)

    def _rewrite(self) -> None:
        self._tell.chapter(
            "Refused — somebody inside rewrites the past",
            "Whoever owns the database can change every row in it. This one makes a leaf say something else.",
        )
        with closing(sqlite3.connect(self._stage.database)) as connection, connection:
            [(leaf,)] = connection.execute("SELECT leaf FROM leaves WHERE place = 3").fetchall()
            forged = leaf[:-1] + bytes((leaf[-1] ^ 1,))
            connection.execute("UPDATE leaves SET leaf = ? WHERE place = 3", (forged,))
        self._step(
            "verify the log that somebody has changed",
            _AUDITOR,
            self._read,
            "refused",
            told="pteri verify log: this is not what the bank signed, and it says which entry",
            why="the leaves do not make the root that the bank signed",
        )
        with closing(sqlite3.connect(self._stage.database)) as connection, connection:
            connection.execute("UPDATE leaves SET leaf = ? WHERE place = 3", (leaf,))
        self._verified("verify the log as it was", "with the right row back, all of it holds again")
