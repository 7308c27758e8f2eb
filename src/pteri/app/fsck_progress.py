"""How far a look at a whole registry has come, as a value: whoever was killed goes on from there (docs/spec 9.8).

A place is kept after a bounded step, with everything that was found and counted until then. What a step did that was
not kept is done again, from the same place: so nothing is found twice, and nothing is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

import msgspec

from pteri.app.careful import CarefulReader
from pteri.app.deployment import Deployment
from pteri.app.findings import Acknowledged, Finding
from pteri.app.log_ports import LogState
from pteri.core.ids import Digest, digest_text
from pteri.core.log.tree import TreeHead

__all__ = [
    "AnchorsSeen",
    "Keep",
    "LeavesSeen",
    "OtherCheck",
    "Phase",
    "Placed",
    "Progress",
    "Subject",
    "Tally",
    "check_same",
    "mark_at",
    "subject_of",
]

_NOTHING: Final = ""


class OtherCheck(Exception):
    """What was begun is a check of something else. Says what differs, in a sentence for whoever started it."""


class Phase(StrEnum):
    """What is looked at, in this order."""

    POSITIONS = "POSITIONS"
    LOG = "LOG"
    ACCOUNTS = "ACCOUNTS"
    COMPARE = "COMPARE"
    CLAIMS = "CLAIMS"
    LEAVES = "LEAVES"
    ANCHORS = "ANCHORS"
    DONE = "DONE"


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is looked at, and by which rules. Names no person, and nothing that a thief could use."""

    program: str
    key: str
    """Name of the deployment key."""
    log: str
    """The key of the log that the settings name; empty where they name none."""
    rules: Digest
    ledger: Digest
    """Of the acknowledged acts that are compared."""


class Tally(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sum over a set of placed events, the same in whatever order they come."""

    size: int = 0
    sum: str = "0"

    def add(self, text: bytes) -> Tally:
        """With one more member."""
        total = (int(self.sum, 16) + int.from_bytes(hashlib.sha256(text).digest(), "big")) % 2**256
        return Tally(self.size + 1, f"{total:x}")


class Placed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log of positions: where it ended, how far it was read, and the events that were met on either side.

    ``first``, ``last``: marks of its first and last events, by which the database is known again.
    """

    end: int = 0
    at: int = 0
    first: str = _NOTHING
    last: str = _NOTHING
    patience: int = 20
    logged: Tally = Tally()
    placed: Tally = Tally()


class LeavesSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log's tree as it was when its leaves were begun, and the part of it that was looked at.

    ``keys``: those that hand-overs named until there, each with the smallest tree that it signs; ``witnessed``: the
    head at the place that witnesses have seen, once that was passed.
    """

    state: LogState
    size: int = 0
    peaks: tuple[bytes, ...] = ()
    position: int = 0
    witnessed: TreeHead | None = None
    keys: tuple[tuple[int, str], ...] = ()


class AnchorsSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many anchors were looked at, and what the next one is compared with: the last one, of this log."""

    seen: int = 0
    log: str = ""
    number: int = 0
    size: int = 0
    is_live: bool = False
    """Whether nothing may have followed it yet: it has never been in a block, and is not given up."""


class Progress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check that is under way, or over since ``finished_at`` (Unix second)."""

    subject: Subject
    started_at: int
    resumed: int = 0
    """How often it was interrupted."""
    finished_at: int | None = None
    phase: Phase = Phase.POSITIONS
    positions: Placed = Placed()
    account: tuple[str, str] | None = None
    """The last one that was looked at, by tenant and id."""
    claim: tuple[str, str, str] | None = None
    leaves: LeavesSeen | None = None
    accounts: int = 0
    events: int = 0
    proved: int = 0
    anchors: AnchorsSeen = AnchorsSeen()
    unchecked: dict[str, int] = {}
    found: int = 0
    findings: tuple[Finding, ...] = ()


Keep = Callable[[Progress], None]
"""Keeps a place for good: when it returns, a power cut takes nothing of it."""


def subject_of(deployment: Deployment, acknowledged: Iterable[Acknowledged], *, program: str) -> Subject:
    """What a check of this deployment looks at."""
    ledger = hashlib.sha256()
    for line in sorted(msgspec.json.encode(act) for act in acknowledged):
        ledger.update(line + b"\n")
    return Subject(
        program=program,
        key=deployment.vault.name,
        log="" if deployment.log is None else deployment.log.signer.verifier.text,
        rules=deployment.rules.digest(),
        ledger=digest_text(ledger.digest()),
    )


_DIFFERS: Final = {
    "program": "another version of this program",
    "key": "a database of another deployment key",
    "log": "a log of another key",
    "rules": "other [rules]",
    "ledger": "another ledger",
}


async def check_same(begun: Progress, subject: Subject, reader: CarefulReader, deployment: Deployment) -> None:
    """Raise ``OtherCheck`` unless it is this database, as it went on from then, that was looked at, by these rules."""
    for name, what in _DIFFERS.items():
        if getattr(begun.subject, name) != getattr(subject, name):
            raise OtherCheck(f"it is of a check with {what}")
    placed = begun.positions
    if placed.end == 0:
        return
    marks = [await mark_at(reader, deployment, at) for at in (0, placed.end - 1)]
    if marks != [placed.first, placed.last]:
        raise OtherCheck("it is of another database, or of a later state of this one")


async def mark_at(reader: CarefulReader, deployment: Deployment, position: int) -> str:
    """By which the event at this log position is known again."""
    page = await reader.page(deployment.store.log, position, 1)
    if page is None:
        return "unreadable"
    return digest_text(hashlib.sha256(msgspec.json.encode(page)).digest()) if page else "none"
