"""What a phone asks the service about its own account in the log, and hears (docs/spec/log.md section 15).

Bytes are base64 in JSON. Nothing here is believed: the phone verifies every piece of it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

__all__ = ["MOST_ENTRIES", "MOST_RECORDS", "AnchorAsked", "AnchorTold", "LogAsked", "LogEntry", "LogPage"]

MOST_ENTRIES: Final = 400
"""On one page, of leaves alone; and so many exactly on each that says that there is more."""
MOST_RECORDS: Final = 40
"""The same, where each leaf comes with its record."""

_LAST: Final = (1 << 63) - 1


class LogAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Events after ``after_seq`` up to ``upto_seq`` (0: the newest), and that the tree grew since ``seen_size``.

    ``records``: with what was recorded of each, and the salt that its leaf hides behind.
    """

    after_seq: Annotated[int, msgspec.Meta(ge=0, le=_LAST)] = 0
    upto_seq: Annotated[int, msgspec.Meta(ge=0, le=_LAST)] = 0
    seen_size: Annotated[int, msgspec.Meta(ge=0, le=_LAST)] = 0
    records: bool = False


class LogEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One event of the account: its leaf, and where they were asked for its salt and the text of its record."""

    leaf: bytes
    salt: bytes | None = None
    record: str | None = None


class LogPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The newest of the log for this account.

    ``log_key``, ``index_key``, ``witnesses`` and ``needed``: what the service says of its log. A phone remembers the
    first that it hears; whom to believe, nobody here can tell it. ``checkpoint``: a note; ``consistency``: its path
    from the size that the phone saw. ``handovers``: the entries by which the log went from its first key to this one;
    each says its own place, and ``handover_paths`` are their inclusions, in the same order. ``leaf_index`` and
    ``path``: the inclusion of the last entry. ``rules``: the text of the rules that are in force. ``more``: there is a
    next page, and this one is full.
    """

    log_key: str
    witnesses: tuple[str, ...] = ()
    needed: int = 0
    checkpoint: str
    consistency: tuple[bytes, ...] = ()
    handovers: tuple[bytes, ...] = ()
    handover_paths: tuple[tuple[bytes, ...], ...] = ()
    index_key: str = ""
    index_proof: bytes = b""
    entries: tuple[LogEntry, ...] = ()
    leaf_index: int = 0
    path: tuple[bytes, ...] = ()
    rules: str = ""
    more: bool = False


class AnchorAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event of the account whose anchor is asked for, by its number."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=_LAST)]


class AnchorTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``proof``: that the event was in Litecoin, JSON of docs/spec/anchors.md section 5; empty while there is none."""

    proof: str = ""
