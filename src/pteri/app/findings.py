"""What a look at the whole registry finds, as values with stable codes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from pteri.app.audit_ports import Halt
from pteri.core.ids import AccountId, RequestId
from pteri.domain.account import Account

__all__ = ["Acknowledged", "Damage", "Finding", "Findings", "Report"]

_MOST: Final = 1000


class Damage(StrEnum):
    """What is wrong with the registry, beside what can be wrong with one history. Closed; a name is never reused."""

    UNREADABLE = "RECORD_UNREADABLE"
    MISPLACED = "RECORD_MISPLACED"
    NO_ACCOUNT = "ACCOUNT_MISSING"
    GAP = "EVENT_GAP"
    SNAPSHOT = "SNAPSHOT_DIFFERS"
    CLAIM = "CLAIM_DIFFERS"
    """What an account has belongs to nobody, or to another."""
    UNBACKED = "CLAIM_UNBACKED"
    """Something is claimed for an account that has it not."""
    NOT_SPENT = "NONCE_NOT_SPENT"
    NO_POSITION = "POSITION_MISSING"
    POSITION_ORDER = "POSITION_ORDER"
    SEQUENCER = "SEQUENCER_FAILS"
    LOG_GAP = "LOG_GAP"
    LOG_DIFFERS = "LOG_DIFFERS"
    LOST = "ACKNOWLEDGED_LOST"
    DOUBLED = "ACKNOWLEDGED_TWICE"
    NO_LOG = "TREE_MISSING"
    """The settings name a log, and the database has none."""
    LEAF_GAP = "LEAF_GAP"
    """A place of the log's tree without a leaf, or a leaf beyond its end."""
    LEAF_ORDER = "LEAF_ORDER"
    """A leaf that is of another event than the positions say."""
    LEAF_DIFFERS = "LEAF_DIFFERS"
    """A leaf that is not that of its stored record."""
    NODE_DIFFERS = "NODE_DIFFERS"
    TAIL_DIFFERS = "TAIL_DIFFERS"
    """An account whose chain would go on from somewhere else than its last leaf."""
    EDGE_DIFFERS = "EDGE_DIFFERS"
    """Size, edge or next position are not those of the leaves."""
    CHECKPOINT_DIFFERS = "CHECKPOINT_DIFFERS"
    """What was signed, or witnessed, is not of these leaves, or not signed by the log's key."""
    HANDOVER = "HANDOVER_DIFFERS"
    """A hand-over of the log to another key that its two keys did not sign, or after which another key signs."""
    COSIGNATURE = "COSIGNATURE_DIFFERS"
    """A line below a checkpoint that the witness whose name it bears did not sign."""
    ANCHOR_GAP = "ANCHOR_GAP"
    """The anchors of a log are not numbered from 1 without gaps."""
    ANCHOR_DIFFERS = "ANCHOR_DIFFERS"
    """The row of an anchor is not that of its record, or the record is in no state that an anchor comes into."""
    ANCHOR_TWICE = "ANCHOR_TWICE"
    """Two anchors of one log are open at once."""
    ANCHOR_HEAD = "ANCHOR_HEAD_DIFFERS"
    """An anchor of a tree that the log never was."""
    ANCHOR_TRANSACTION = "ANCHOR_TRANSACTION_DIFFERS"
    """A transaction that does not carry the head of its anchor, or has another name."""
    ANCHOR_PLACE = "ANCHOR_PLACE_DIFFERS"
    """A place in a block that no transaction can have."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is wrong. ``seq``: the event, where it is about one."""

    code: str
    detail: str
    tenant: str = ""
    account: str = ""
    seq: int | None = None


class Acknowledged(msgspec.Struct, frozen=True):
    """A sign-in or binding that somebody was told of: it must be there, once."""

    request: RequestId
    account: AccountId
    at: int


class Report(msgspec.Struct, frozen=True):
    """What was looked at and what was found. ``findings`` holds the first thousand of ``found``."""

    accounts: int
    events: int
    positions: int
    proved: int
    """Events whose evidence was verified and decided again, all of it."""
    acknowledged: int
    unchecked: dict[str, int]
    found: int
    findings: tuple[Finding, ...]
    leaves: int = 0
    """Leaves of the log's tree that were looked at."""
    anchors: int = 0
    halted: tuple[Halt, ...] = ()
    """The first thousand accounts that the audit halted. Where nothing is wrong with one, a halt can be lifted."""
    started_at: int = 0
    """Unix second in which the check began; of what was looked at then, it says how it was then."""
    resumed: int = 0
    """How often it was interrupted and went on."""

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return self.found == 0


class Findings:
    """What was found so far. All of it is counted; memory for the first thousand is enough to act on."""

    def __init__(self, found: int = 0, kept: Iterable[Finding] = ()) -> None:
        self.found = found
        self.kept: list[Finding] = list(kept)

    def note(self, code: str, detail: str, account: Account | None = None, seq: int | None = None) -> None:
        """Something is wrong."""
        self.found += 1
        if len(self.kept) < _MOST:
            where = ("", "") if account is None else (account.tenant, account.id)
            self.kept.append(Finding(code, detail, *where, seq))

    def note_event(self, code: str, detail: str, event: tuple[str, str, int]) -> None:
        """Something is wrong with this event, of an account that may not be there."""
        self.found += 1
        if len(self.kept) < _MOST:
            self.kept.append(Finding(code, detail, *event))
