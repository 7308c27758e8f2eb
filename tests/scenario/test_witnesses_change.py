"""The operator names other witnesses: what they have seen counts from the first turn on, and nothing else does."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from notes import LOG, WITNESSES, witness
from onlookers import Onlooker, caught_up, desk_of, logged, onlookers
from pteri.adapters.log_files import LogDirectory
from pteri.app.log_desk import LogDesk, Stance
from pteri.app.log_ports import LogState
from pteri.app.log_reading import shown_file
from pteri.app.publishing import CHECKPOINT, publish
from pteri.app.refusals import NotFound
from pteri.app.witnessing import ASK_AGAIN_S, ask_witnesses
from pteri.core.log.note import NoteSigner, parse_note
from pteri.core.log.page import LogAsked, LogPage
from pteri.core.log.witness import Quorum
from world import SimPhone, World
from worlds import Worlds


def watched_by(world: World, needed: int, *signers: NoteSigner) -> LogDesk:
    """The log as other settings have it; who was a witness before is still the same."""
    before = {each.verifier.name: each for each in onlookers(world)}
    asked = tuple(
        before.get(signer.verifier.name) or Onlooker(signer, LOG.verifier, world.clock.now) for signer in signers
    )
    quorum = Quorum.of(needed, [each.verifier for each in asked])
    return LogDesk(LOG, desk_of(world).indexes, quorum=quorum, witnesses=asked)


def restarted(worlds: Worlds, world: World, needed: int, *signers: NoteSigner) -> World:
    """The same service with other settings."""
    return worlds.beside(world, log=watched_by(world, needed, *signers))


def state_of(world: World) -> LogState:
    state = world.run(world.deployment.store.book.state())
    assert state is not None
    return state


def signers_of(world: World) -> set[str]:
    return {line.name for line in parse_note(state_of(world).witnessed.encode()).signatures} - {LOG.verifier.name}


def same(phone: SimPhone, world: World) -> SimPhone:
    """The phone, which now speaks to this service."""
    return SimPhone(world, phone.key, phone.wallet)


FOURTH = witness(4)
NAMES = {signer.verifier.name for signer in WITNESSES}


def test_a_witness_that_is_added_signs_the_checkpoint_that_is_there_in_the_next_turn(worlds: Worlds) -> None:
    before = logged(worlds)
    phone = before.enrolled()
    assert signers_of(before) == NAMES
    world = restarted(worlds, before, 2, *WITNESSES, FOURTH)
    # Nothing has grown: he is asked for the tree of the same size, and nobody else is asked again.
    asked = [each.asked for each in onlookers(world)]
    assert caught_up(world) == []
    assert [each.asked for each in onlookers(world)] == [*asked[:3], 1]
    assert signers_of(world) == NAMES | {FOURTH.verifier.name}
    assert state_of(world).witnessed_size == state_of(world).size == 1
    assert same(phone, world).post("/log", LogAsked()).as_(LogPage).checkpoint == state_of(world).witnessed
    caught_up(world)
    assert [each.asked for each in onlookers(world)] == [*asked[:3], 1]


def test_a_checkpoint_that_only_former_witnesses_have_seen_is_not_shown_until_those_of_today_have(
    worlds: Worlds,
) -> None:
    before = logged(worlds)
    phone = before.enrolled()
    world = restarted(worlds, before, 2, WITNESSES[0], FOURTH)
    [_, fourth] = onlookers(world)
    fourth.is_away = True
    there = same(phone, world)
    assert there.post("/log", LogAsked()).code == "PENDING_LOG"
    with pytest.raises(NotFound):
        world.run(shown_file(world.deployment.store.book, desk_of(world), CHECKPOINT))
    assert [news.stance for news in caught_up(world)] == [Stance.SILENT]
    assert there.post("/log", LogAsked()).code == "PENDING_LOG"
    fourth.is_away = False
    assert [news.stance for news in caught_up(world)] == [Stance.SIGNS]
    assert there.post("/log", LogAsked()).as_(LogPage).checkpoint == state_of(world).witnessed


def test_i8_a_change_is_not_answered_on_the_word_of_witnesses_who_are_no_longer_named(worlds: Worlds) -> None:
    before = logged(worlds)
    phone = before.enrolled()
    world = restarted(worlds, before, 2, WITNESSES[0], FOURTH)
    onlookers(world)[1].is_away = True
    frozen = same(phone, world).freeze()
    assert frozen.decided.code == "PENDING_LOG"
    # A process with the settings of yesterday shows it to its own witnesses, and that helps nobody here.
    assert before.send(frozen.request).status == 200
    assert state_of(world).witnessed_size == state_of(world).size
    assert world.send(frozen.request).code == "PENDING_LOG"
    onlookers(world)[1].is_away = False
    assert world.send(frozen.request).status == 200


def test_two_processes_with_other_settings_leave_each_other_their_witnesses_lines(worlds: Worlds) -> None:
    one = logged(worlds)
    phone = one.enrolled()
    other = restarted(worlds, one, 1, FOURTH)
    there = same(phone, other)
    for _ in range(3):
        caught_up(other)
        caught_up(one)
        assert phone.post("/log", LogAsked()).status == there.post("/log", LogAsked()).status == 200
    assert signers_of(one) == NAMES | {FOURTH.verifier.name}
    assert onlookers(other)[0].asked == 1


def test_who_was_away_when_enough_others_signed_signs_later_without_a_growth(worlds: Worlds) -> None:
    world = logged(worlds)
    onlookers(world)[2].is_away = True
    world.enrolled()
    assert len(signers_of(world)) == 2
    onlookers(world)[2].is_away = False
    assert [news.stance for news in caught_up(world)] == [Stance.SILENT]
    assert len(signers_of(world)) == 2
    world.clock.advance(ASK_AGAIN_S)
    assert [news.stance for news in caught_up(world)] == [Stance.SIGNS]
    assert signers_of(world) == NAMES


def test_lines_that_came_later_are_published_too(worlds: Worlds, tmp_path: Path) -> None:
    world = logged(worlds)
    onlookers(world)[2].is_away = True
    world.enrolled()
    book, desk, files = world.deployment.store.book, desk_of(world), LogDirectory(tmp_path / "published")
    assert world.run(publish(book, desk, files))
    assert not world.run(publish(book, desk, files))
    before = files.read(CHECKPOINT)
    onlookers(world)[2].is_away = False
    world.clock.advance(ASK_AGAIN_S)
    assert world.run(ask_witnesses(book, desk, at=world.clock.now()))
    assert world.run(publish(book, desk, files))
    assert files.read(CHECKPOINT) == state_of(world).witnessed.encode() != before
    # A process that knows of no witnesses takes no line away.
    unwatched = dataclasses.replace(desk, quorum=None, witnesses=())
    assert not world.run(publish(book, unwatched, files))
    assert files.read(CHECKPOINT) == state_of(world).witnessed.encode()


def test_a_damaged_note_is_mended_by_the_next_turn(worlds: Worlds) -> None:
    world = logged(worlds)
    phone = world.enrolled()
    book, state = world.deployment.store.book, state_of(world)
    assert world.run(book.keep_witnessed("no note", state.size, instead_of=state.witnessed))
    assert phone.post("/log", LogAsked()).code == "PENDING_LOG"
    caught_up(world)
    assert phone.post("/log", LogAsked()).status == 200
