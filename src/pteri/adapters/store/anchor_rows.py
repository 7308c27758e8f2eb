"""How an anchor is kept in a row, whatever the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pteri.adapters.store import codec
from pteri.app.anchor_ports import KeptAnchor
from pteri.domain.anchoring import Anchor, AnchorState

__all__ = ["anchor_row", "check_new", "kept_of"]

_STAGES: Final = {
    AnchorState.PLANNED: 0,
    AnchorState.SENT: 0,
    AnchorState.MINED: 1,
    AnchorState.CONFIRMED: 1,
    AnchorState.FINAL: 2,
    AnchorState.SPOILT: 3,
}
"""Revision 0008 says what they mean."""


def anchor_row(anchor: Anchor) -> tuple[str, int, int, int, int, str]:
    """Its columns: log, number, version, stage, tree size, payload."""
    stage = _STAGES[anchor.state]
    return anchor.log, anchor.number, anchor.version, stage, anchor.head.size, codec.encode(anchor)


def kept_of(row: Iterable[Any]) -> KeptAnchor:
    """The anchor of such a row, and whether the row is its own."""
    log, number, *others, payload = row
    anchor = codec.decode_anchor(payload)
    return KeptAnchor(log, number, anchor_row(anchor)[:-1] == (log, number, *others), anchor)


def check_new(anchor: Anchor) -> None:
    """A bug of the caller, said before it is in the database."""
    if anchor.version != 1 or anchor.state is not AnchorState.PLANNED:
        raise ValueError("an anchor begins with its plan")
