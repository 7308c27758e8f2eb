"""Who signed the log: hand-overs, checkpoints and witnesses, looked at by ``fsck`` on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from books import lengthened, state_of
from notes import LOG, WITNESSES, log_signer, witness
from onlookers import caught_up, watched
from past_us import written
from pteri.app.findings import Damage, Report
from pteri.app.fsck import fsck
from pteri.app.growing import Longer, handed_over
from pteri.app.log_desk import LogDesk
from pteri.app.log_signing import FEW_WITNESSES, FIRST_KEY, OWN_LEAF, UNKNOWN_WITNESS
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.note import Note, NoteSigner, parse_note
from pteri.core.log.rotation import rotation_leaf
from pteri.core.log.tree import Frontier
from pteri.core.log.witness import Quorum
from world import SimClock, World
from worlds import Worlds

SECOND, THIRD, MALLORY = log_signer("second"), log_signer("third"), log_signer("mallory")


@pytest.fixture(params=["sqlite", "postgres"])
def kept_in(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(worlds: Worlds) -> World:
    """A person whose events are in a log that two of three witnesses have seen."""
    clock = SimClock()
    world = worlds(clock=clock, log=watched(clock.now, answers_wait=False))
    world.enrolled("phone", "alice@example.com")
    assert caught_up(world) == []
    return world


def desk(world: World) -> LogDesk:
    assert world.deployment.log is not None
    return world.deployment.log


async def at_once(_: float) -> None:
    """Nobody is at work here."""


def looked_at(world: World, **changes: Any) -> Report:
    deployment = replace(world.deployment, log=replace(desk(world), **changes))
    return world.run(fsck(deployment, pause=at_once, tell=lambda *_: None))


def codes(report: Report) -> set[str]:
    return {finding.code for finding in report.findings}


def hand_over(world: World, old: NoteSigner, new: NoteSigner) -> None:
    book = world.store.book
    assert world.run(book.grow(handed_over(world.run(state_of(book)), old, new)))


def forced_over(world: World, by: NoteSigner, new: NoteSigner) -> None:
    """Somebody inside writes a hand-over into the tree, whole, that the log's own key never signed."""
    book = world.store.book
    longer = Longer(before := world.run(state_of(book)))
    longer.append(rotation_leaf(by, new, place=before.size), None)
    assert world.run(book.grow(longer.growth(new, ())))


def signed_by(world: World, signer: NoteSigner) -> None:
    """The checkpoint of the tree as it is, by another key."""
    state = world.run(state_of(world.store.book))
    note = signed_checkpoint(Frontier.of(state.size, state.peaks).head, signer).note.encoded.decode()
    written(world, f"UPDATE log_state SET checkpoint = '{note}'")


def test_a_log_that_went_from_key_to_key_is_whole(world: World) -> None:
    hand_over(world, LOG, SECOND)
    hand_over(world, SECOND, THIRD)
    report = looked_at(world, signer=THIRD)
    assert report.clean, report.findings
    # Of the first key the database knows nothing: one hand-over, and what witnesses saw before it.
    assert report.unchecked == {FIRST_KEY: 2}


def test_a_hand_over_that_the_key_before_did_not_sign_is_found_though_the_tree_has_it(world: World) -> None:
    hand_over(world, LOG, SECOND)
    forced_over(world, MALLORY, THIRD)
    assert codes(looked_at(world, signer=THIRD)) == {Damage.HANDOVER, Damage.CHECKPOINT_DIFFERS}


def test_a_first_hand_over_that_was_altered_is_found(world: World) -> None:
    hand_over(world, LOG, SECOND)
    [(place, leaf)] = world.run(world.store.book.own_leaves())
    altered = leaf[:-20] + (b"A" if leaf[-20:-19] != b"A" else b"B") + leaf[-19:]
    literal = f"x'{altered.hex()}'" if world.directory.joinpath("pteri.sqlite3").exists() else f"'\\x{altered.hex()}'"
    written(world, f"UPDATE leaves SET leaf = {literal} WHERE place = {place}")
    assert Damage.HANDOVER in codes(looked_at(world, signer=SECOND))


def test_a_hand_over_for_another_place_is_found(world: World) -> None:
    book = world.store.book
    longer = Longer(before := world.run(state_of(book)))
    longer.append(rotation_leaf(LOG, SECOND, place=before.size + 7), None)
    assert world.run(book.grow(longer.growth(SECOND, ())))
    assert Damage.HANDOVER in codes(looked_at(world, signer=SECOND))


def test_the_key_in_the_settings_is_the_one_that_the_last_hand_over_names(world: World) -> None:
    hand_over(world, LOG, SECOND)
    assert codes(looked_at(world)) == {Damage.HANDOVER}


def test_a_checkpoint_that_the_key_before_signs_after_it_handed_over_is_found(world: World) -> None:
    hand_over(world, LOG, SECOND)
    signed_by(world, LOG)
    assert codes(looked_at(world, signer=SECOND)) == {Damage.CHECKPOINT_DIFFERS}


def test_without_a_log_in_the_settings_the_checkpoint_is_that_of_the_last_key_all_the_same(world: World) -> None:
    hand_over(world, LOG, SECOND)
    no_desk = replace(world.deployment, log=None)
    assert world.run(fsck(no_desk, pause=at_once, tell=lambda *_: None)).clean
    signed_by(world, MALLORY)
    assert codes(world.run(fsck(no_desk, pause=at_once, tell=lambda *_: None))) == {Damage.CHECKPOINT_DIFFERS}


def test_a_leaf_of_an_account_that_is_said_to_be_the_logs_own_is_found(world: World) -> None:
    book = world.store.book
    [leaf, *_] = world.run(book.leaves(0, 1))
    longer = Longer(world.run(state_of(book)))
    longer.append(leaf, None)
    assert world.run(book.grow(longer.growth(LOG, ())))
    assert codes(looked_at(world)) == {Damage.LEAF_ORDER}


def test_a_leaf_of_its_own_that_nobody_here_can_read_is_counted(world: World) -> None:
    world.run(lengthened(world.store.book, 3))
    report = looked_at(world)
    assert report.clean
    assert report.unchecked == {OWN_LEAF: 3}


# --- witnesses --------------------------------------------------------------------------------------------------------


def witnessed(world: World) -> Note:
    return parse_note(world.run(state_of(world.store.book)).witnessed.encode())


def test_a_line_that_a_witness_did_not_sign_is_found(world: World) -> None:
    note = witnessed(world)
    [first, second, *others] = note.signatures
    assert first.name == LOG.verifier.name
    forged = msgspec.structs.replace(second, raw=second.raw[:-1] + bytes((second.raw[-1] ^ 1,)))
    text = Note(note.text, (first, forged, *others)).encoded.decode()
    written(world, f"UPDATE log_state SET witnessed = '{text}'")
    report = looked_at(world)
    assert codes(report) == {Damage.COSIGNATURE}
    assert second.name in report.findings[0].detail


def test_a_line_of_a_time_that_has_not_come_is_found(world: World) -> None:
    world.clock.set(-3600)
    assert codes(looked_at(world)) == {Damage.COSIGNATURE}


def test_lines_of_witnesses_that_the_settings_do_not_name_are_counted(world: World) -> None:
    lines = len(witnessed(world).signatures) - 1
    report = looked_at(world, quorum=Quorum.of(1, [witness(9).verifier]))
    assert report.clean
    assert report.unchecked == {UNKNOWN_WITNESS: lines, FEW_WITNESSES: 1}
    assert looked_at(world, quorum=None).unchecked == {UNKNOWN_WITNESS: lines}


def test_a_checkpoint_that_lost_a_line_says_that_it_has_too_few(world: World) -> None:
    note = witnessed(world)
    text = Note(note.text, note.signatures[:2]).encoded.decode()
    written(world, f"UPDATE log_state SET witnessed = '{text}'")
    assert looked_at(world).unchecked == {FEW_WITNESSES: 1}
    assert looked_at(world, quorum=Quorum.of(1, [signer.verifier for signer in WITNESSES])).unchecked == {}
