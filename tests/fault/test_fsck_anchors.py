"""Whoever owns the database changes its anchors, one row at a time; ``fsck`` finds each damage and names it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import pytest

from anchors import anchor_transaction
from books import lengthened
from kept_anchors import anchored
from notes import INDEXES, LOG
from past_us import written
from pteri.adapters.store.anchor_rows import anchor_row
from pteri.app.anchor_walk import BLOCK, UNSIGNED
from pteri.app.findings import Damage, Report
from pteri.app.fsck import fsck
from pteri.app.log_desk import LogDesk
from pteri.core.anchor.transaction import parse_transaction
from pteri.core.log.tree import TreeHead
from pteri.domain.anchoring import Anchor, AnchorState, Child, plan_anchor
from world import World
from worlds import Worlds

replace = msgspec.structs.replace


@pytest.fixture(params=["sqlite", "postgres"])
def kept_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Kept:
    """A service, and the five anchors of its log."""

    world: World
    anchors: list[Anchor]

    def altered(self, number: int, **changes: object) -> None:
        """Somebody writes another record over this one, and all columns as they belong to it."""
        self.rewritten(number, replace(self.anchors[number - 1], **changes))

    def rewritten(self, number: int, anchor: Anchor) -> None:
        log, _, version, stage, size, payload = anchor_row(anchor)
        written(
            self.world,
            f"UPDATE anchors SET version = {version}, stage = {stage}, tree_size = {size}, payload = '{payload}' "
            f"WHERE log = '{log}' AND number = {number}",
        )

    def fsck(self) -> Report:
        async def at_once(_: float) -> None:
            """Nobody is at work here."""

        return self.world.run(fsck(self.world.deployment, pause=at_once, tell=lambda *_: None))

    def found(self) -> set[str]:
        return {finding.code for finding in self.fsck().findings}


@pytest.fixture
def kept(worlds: Worlds) -> Kept:
    world = worlds(log=LogDesk(LOG, INDEXES))
    world.run(lengthened(world.store.book, 20))
    return Kept(world, world.run(anchored(world.store, LOG.verifier.name)))


def test_anchors_in_every_state_that_they_come_into_are_whole(kept: Kept) -> None:
    report = kept.fsck()
    assert report.clean, report.findings
    assert report.anchors == 5
    assert report.unchecked[BLOCK] == 3
    assert [each.state for each in kept.anchors] == [
        AnchorState.FINAL,
        AnchorState.SPOILT,
        AnchorState.CONFIRMED,
        AnchorState.MINED,
        AnchorState.SENT,
    ]


def test_an_anchor_that_waits_for_its_signature_is_counted_and_no_damage(kept: Kept) -> None:
    planned = plan_anchor(kept.anchors[4].log, kept.anchors[4].head, after=kept.anchors[3], at=1)
    kept.rewritten(5, planned.handed_out("cHNidP8=", txid="aa" * 32, fee=1, change=1))
    report = kept.fsck()
    assert report.clean, report.findings
    assert report.unchecked[UNSIGNED] == 1


def other_head(kept: Kept) -> TreeHead:
    return replace(kept.anchors[2].head, root=bytes(32))


def carried(head: TreeHead) -> dict[str, object]:
    """A head with its transaction, as whoever makes a whole anchor for another tree writes them."""
    raw = anchor_transaction(head)
    return {"head": head, "raw": raw, "txid": parse_transaction(raw).shown_txid}


def moved(**changes: object) -> Callable[[Kept], None]:
    """The confirmed anchor is at another place of its block, as it says."""

    def move(kept: Kept) -> None:
        place = kept.anchors[2].place
        assert place is not None
        kept.altered(3, place=replace(place, **changes))

    return move


def doubled(kept: Kept) -> None:
    """The first step of its branch is its own name: a block with a doubled end, where none is."""
    place = kept.anchors[2].place
    assert place is not None
    name = bytes.fromhex(kept.anchors[2].txid)[::-1]
    kept.altered(3, place=replace(place, branch=(name, *place.branch[1:])))


def run(*statements: str) -> Callable[[Kept], None]:
    return lambda kept: written(kept.world, *statements)


def forgotten(kept: Kept) -> None:
    """An anchor that was mined is a plan again, so that another transaction would be made for it."""
    before = kept.anchors[3]
    kept.rewritten(4, plan_anchor(before.log, before.head, after=kept.anchors[2], at=before.planned_at))


DAMAGE: Final[dict[str, tuple[Callable[[Kept], object], set[str]]]] = {
    "an anchor is gone": (run("DELETE FROM anchors WHERE number = 2"), {Damage.ANCHOR_GAP}),
    "the first is gone": (run("DELETE FROM anchors WHERE number = 1"), {Damage.ANCHOR_GAP}),
    "a version": (run("UPDATE anchors SET version = version + 1 WHERE number = 2"), {Damage.ANCHOR_DIFFERS}),
    "a stage, so that it is sent again": (
        run("UPDATE anchors SET stage = 0 WHERE number = 1"),
        {Damage.ANCHOR_DIFFERS},
    ),
    "a size by which it is found": (
        run("UPDATE anchors SET tree_size = 9 WHERE number = 1"),
        {Damage.ANCHOR_DIFFERS},
    ),
    "the record of another": (
        run("UPDATE anchors SET payload = (SELECT payload FROM anchors AS other WHERE number = 1) WHERE number = 3"),
        {Damage.ANCHOR_DIFFERS, Damage.ANCHOR_HEAD},
    ),
    "no record at all": (run("UPDATE anchors SET payload = 'x' WHERE number = 3"), {Damage.UNREADABLE}),
    "of another log": (
        run(
            "INSERT INTO anchors SELECT 'other.example', 1, version, stage, tree_size, payload FROM anchors "
            "WHERE number = 1"
        ),
        {Damage.ANCHOR_DIFFERS, Damage.ANCHOR_HEAD},
    ),
    "final without a block": (
        lambda kept: kept.altered(1, place=None, mined_at=None),
        {Damage.ANCHOR_DIFFERS},
    ),
    "confirmed sooner than it can be": (
        lambda kept: kept.altered(4, state=AnchorState.CONFIRMED),
        {Damage.ANCHOR_DIFFERS},
    ),
    "a plan that was a transaction once": (forgotten, {Damage.ANCHOR_TWICE}),
    "another root": (lambda kept: kept.altered(3, **carried(other_head(kept))), {Damage.ANCHOR_HEAD}),
    "another root, and the transaction as it was": (
        lambda kept: kept.altered(3, head=other_head(kept)),
        {Damage.ANCHOR_HEAD, Damage.ANCHOR_TRANSACTION},
    ),
    "a tree that the log never was": (
        lambda kept: kept.altered(3, **carried(TreeHead(1000, bytes(32)))),
        {Damage.ANCHOR_HEAD},
    ),
    "an older tree than the one before": (
        lambda kept: kept.altered(3, **carried(kept.anchors[0].head)),
        {Damage.ANCHOR_HEAD},
    ),
    "a transaction of another head": (
        lambda kept: kept.altered(3, raw=anchor_transaction(kept.anchors[0].head)),
        {Damage.ANCHOR_TRANSACTION},
    ),
    "what is no transaction": (lambda kept: kept.altered(3, raw=bytes(70)), {Damage.ANCHOR_TRANSACTION}),
    "another name": (lambda kept: kept.altered(3, txid="aa" * 32), {Damage.ANCHOR_TRANSACTION}),
    "what is no name": (
        lambda kept: kept.altered(3, txid="no name"),
        {Damage.ANCHOR_TRANSACTION, Damage.ANCHOR_PLACE},
    ),
    "another change": (lambda kept: kept.altered(3, change=0), {Damage.ANCHOR_TRANSACTION}),
    "a child of another name": (
        lambda kept: kept.altered(4, children=(replace(kept.anchors[3].children[0], txid="aa" * 32),)),
        {Damage.ANCHOR_TRANSACTION},
    ),
    "a child that is no transaction": (
        lambda kept: kept.altered(4, children=(Child(raw=b"child", txid="aa" * 32, fee=1),)),
        {Damage.ANCHOR_TRANSACTION},
    ),
    "a place beyond the end of the block": (moved(position=9), {Damage.ANCHOR_PLACE}),
    "a branch of another length": (moved(branch=(bytes(32),)), {Damage.ANCHOR_PLACE}),
    "a doubled branch": (doubled, {Damage.ANCHOR_PLACE}),
    "what is no block": (moved(block="00"), {Damage.ANCHOR_PLACE}),
    "a log that is not there": (
        run("DELETE FROM log_state"),
        {Damage.NO_LOG, Damage.ANCHOR_HEAD},
    ),
    "a log that nobody can read": (
        run("UPDATE log_state SET checkpoint = 'x'"),
        {Damage.CHECKPOINT_DIFFERS, Damage.ANCHOR_HEAD},
    ),
    "leaves that are gone": (
        run("DELETE FROM leaves WHERE place = 3"),
        {Damage.LEAF_GAP, Damage.ANCHOR_HEAD},
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_whoever_changes_an_anchor_in_the_database_is_found(kept: Kept, name: str) -> None:
    damaging, expected = DAMAGE[name]
    damaging(kept)
    assert kept.found() == expected


def test_a_finding_says_which_anchor_of_which_log_it_is(kept: Kept) -> None:
    kept.altered(3, change=0)
    [finding] = kept.fsck().findings
    assert finding.detail.startswith(f"anchor 3 of {LOG.verifier.name}: ")
