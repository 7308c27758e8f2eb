"""The block that a statement names: whether Litecoin has it, and since when (docs/spec/log.md section 10).

What an auditor brings is a block that he knows and the headers after it. Nothing of a service is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pteri.core.anchor.header_chain import parse_headers, verify_headers
from pteri.core.errors import Code, NotAuthentic, ProtocolError
from pteri.core.statement import parse

if TYPE_CHECKING:
    from pteri.core.anchor.headers import Header
    from pteri.core.anchor.proof import Block
    from pteri.core.ids import BlockId
    from pteri.domain.records import RecordedEvent

__all__ = ["KnownBlocks", "MinedAt", "block_of", "check_not_before", "known_blocks"]

_AHEAD_S: Final = 7200
"""How far a miner's clock may be ahead (Litecoin Core, validation.cpp)."""


@dataclass(frozen=True, slots=True)
class MinedAt:
    """``time``: the second that its miner wrote, which may be two hours off; ``after``: how many headers follow it."""

    height: int
    time: int
    after: int


@dataclass(frozen=True, slots=True)
class KnownBlocks:
    """Verified headers after the block ``known``, by their names. :func:`known_blocks` makes it."""

    known: Block
    blocks: Mapping[str, MinedAt]


def known_blocks(raw: bytes, *, expected_network: str, known: Block) -> KnownBlocks:
    """The blocks of this file of headers, which follow ``known``; verified, or ``ProtocolError``."""
    headers: tuple[Header, ...] = parse_headers(raw)
    verify_headers(headers, expected_network=expected_network, after=known)
    newest = len(headers) - 1
    return KnownBlocks(
        known,
        {
            header.shown_id: MinedAt(known.height + 1 + place, header.time, newest - place)
            for place, header in enumerate(headers)
        },
    )


def block_of(recorded: RecordedEvent) -> BlockId | None:
    """The block that the statement of this event names. Of what is no statement, the history says so."""
    if recorded.evidence is None:
        return None
    try:
        return parse(recorded.evidence.statement.encode("utf-8", "replace")).block
    except ProtocolError:
        return None


def check_not_before(mined: MinedAt, *, at: int) -> None:
    """Return when what was recorded at this second can have named this block, else ``NotAuthentic(NOT_YET_VALID)``.

    The clock of a service that records before a block is found what names it, is wrong, or was set.
    """
    if at < mined.time - _AHEAD_S:
        raise NotAuthentic(Code.NOT_YET_VALID, "recorded before the block was found that its statement names")
