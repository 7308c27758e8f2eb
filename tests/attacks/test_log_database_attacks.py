"""Abuse case SV-11 from end to end: an insider with the whole database, and a service that publishes from it.

He writes rows as he likes; he has not the log's key. Whoever reads the published log, or shows it to its witnesses,
finds him.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import pytest

from notes import LOG
from onlookers import caught_up, desk_of, logged, onlookers, sign_in
from pteri.app.log_reading import shown_file
from pteri.app.ports import StoreUnavailable
from pteri.app.refusals import NotFound
from pteri.audit.leaves import leaf_of, read_record
from pteri.audit.log_findings import LogCheck, LogFindings
from pteri.audit.logs import verify_log
from pteri.audit.published import NotPublished
from pteri.audit.receipts import Verdict
from pteri.core.log.leaf import NOTHING, encode_leaf, parse_leaf
from pteri.core.log.page import LogAsked, LogPage
from pteri.core.log.tree import leaf_hash
from world import NEW_WORDS, SimPhone, SqliteFile, World
from worlds import PostgresDatabase, Worlds

Insider = Callable[["Registry"], None]


@dataclass
class Registry:
    """The database in an insider's hands."""

    world: World

    def run(self, statement: str, *values: Any) -> None:
        """One statement, its values as ``?``."""
        database = self.world.database
        if isinstance(database, SqliteFile):
            with closing(sqlite3.connect(database.path)) as connection, connection:
                connection.execute(statement, values)
            return
        assert isinstance(database, PostgresDatabase)
        for number in range(1, len(values) + 1):
            statement = statement.replace("?", f"${number}", 1)
        self.world.run(_once(database.url, statement, values))

    def leaf(self, place: int) -> bytes:
        [found] = self.world.run(self.world.deployment.store.book.leaves(place, 1))
        return found


async def _once(url: str, statement: str, values: tuple[Any, ...]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()


def lived(worlds: Worlds) -> tuple[World, SimPhone]:
    """Two people and seven events, in a log that three onlookers have seen."""
    world = logged(worlds)
    alice = world.enrolled()
    world.enrolled("bob's phone", "bob@example.com", words=NEW_WORDS)
    for _ in range(5):
        world.clock.advance(60)
        assert sign_in(world, alice) == 200
    assert caught_up(world) == []
    return world, alice


def read_by_an_auditor(world: World, known: bytes | None = None) -> LogFindings:
    """The published log, as anybody reads it."""

    def read(path: str, limit: int) -> bytes:
        try:
            content = world.run(shown_file(world.deployment.store.book, desk_of(world), path))
        except (NotFound, StoreUnavailable) as error:
            raise NotPublished(str(error)) from error
        assert len(content) <= limit
        return content

    quorum = desk_of(world).quorum
    return verify_log(read, expected_log=LOG.verifier, quorum=quorum, at=world.clock.now(), known=known)


def failures(found: LogFindings) -> set[LogCheck]:
    return {each.check for each in found.found if each.verdict is Verdict.FAILS}


def change(registry: Registry) -> None:
    leaf = parse_leaf(registry.leaf(3))
    forged = encode_leaf(type(leaf)(**{**_fields(leaf), "commitment": bytes([7]) * 32}))
    registry.run("UPDATE leaves SET leaf = ? WHERE place = ?", forged, 3)


def _fields(leaf: Any) -> dict[str, Any]:
    return {name: getattr(leaf, name) for name in leaf.__struct_fields__}


def drop(registry: Registry) -> None:
    registry.run("DELETE FROM leaves WHERE place = ?", 3)


def drop_and_close_the_gap(registry: Registry) -> None:
    drop(registry)
    for place in range(4, 7):
        registry.run("UPDATE leaves SET place = ? WHERE place = ?", place - 1, place)


def add(registry: Registry) -> None:
    for place in range(6, 2, -1):
        registry.run("UPDATE leaves SET place = ? WHERE place = ?", place + 1, place)
    leaf = registry.leaf(2)
    registry.run("INSERT INTO leaves (place, leaf) VALUES (?, ?)", 3, leaf)


def reorder(registry: Registry) -> None:
    one, other = registry.leaf(3), registry.leaf(4)
    registry.run("UPDATE leaves SET leaf = ? WHERE place = ?", other, 3)
    registry.run("UPDATE leaves SET leaf = ? WHERE place = ?", one, 4)


def cut_the_last(registry: Registry) -> None:
    for place in (5, 6):
        registry.run("DELETE FROM leaves WHERE place = ?", place)


@pytest.mark.parametrize("insider", [change, drop, drop_and_close_the_gap, add, reorder, cut_the_last])
def test_sv_11_whoever_owns_the_database_cannot_touch_an_event_of_the_log(worlds: Worlds, insider: Insider) -> None:
    world, _ = lived(worlds)
    assert read_by_an_auditor(world).is_sound
    insider(Registry(world))
    found = read_by_an_auditor(world)
    assert failures(found) & {LogCheck.ENTRIES, LogCheck.TREE}
    assert all(each.detail for each in found.found)
    places = [each.where for each in found.found if each.verdict is Verdict.FAILS and each.where is not None]
    assert any("entr" in place for place in places), places


def test_sv_11_a_log_that_is_set_back_was_seen_to_be_longer(worlds: Worlds) -> None:
    world, alice = lived(worlds)
    kept = world.run(world.deployment.store.book.state())
    assert kept is not None
    for _ in range(2):
        world.clock.advance(60)
        assert sign_in(world, alice) == 200
    caught_up(world)
    latest = world.run(shown_file(world.deployment.store.book, desk_of(world), "checkpoint"))
    registry = Registry(world)
    # Everything as it was two events ago, with the checkpoint that the log signed then: nothing in it is forged.
    registry.run("DELETE FROM leaves WHERE place >= ?", kept.size)
    registry.run(
        "UPDATE log_state SET size = ?, next_position = ?, peaks = ?, checkpoint = ?, witnessed_size = ?, "
        "witnessed = ?",
        *(kept.size, kept.next_position, b"".join(kept.peaks), kept.checkpoint, kept.witnessed_size, kept.witnessed),
    )
    assert read_by_an_auditor(world).is_sound
    found = read_by_an_auditor(world, known=latest)
    assert failures(found) == {LogCheck.KNOWN}
    assert found.suspicion is not None
    # And whoever goes on from there finds no witness: they remember more than there is.
    world.clock.advance(60)
    registry.run("DELETE FROM log_accounts")
    told = onlookers(world)
    assert {each.last.head.size for each in told if each.last is not None} == {kept.size + 2}


def test_sv_11_a_record_that_was_changed_makes_its_leaf_no_more(worlds: Worlds) -> None:
    world, alice = lived(worlds)
    # Another reason for the same decision: what was known of the line.
    Registry(world).run("UPDATE events SET payload = replace(payload, '\"UNKNOWN\"', '\"CONTINUOUS\"')")
    page = alice.post("/log", LogAsked(records=True)).as_(LogPage)
    assert read_by_an_auditor(world).is_sound
    assert page.entries
    with pytest.raises(AssertionError):
        _made_of_their_records(page)


def _made_of_their_records(page: LogPage) -> None:
    previous = NOTHING
    for entry in page.entries:
        assert entry.record is not None
        assert entry.salt is not None
        told = parse_leaf(entry.leaf)
        made = leaf_of(
            read_record(entry.record),
            entry.record,
            index=told.index,
            previous=previous,
            salt=entry.salt,
            epoch=told.epoch,
        )
        assert encode_leaf(made) == entry.leaf
        previous = leaf_hash(entry.leaf)


def test_sv_11_a_registry_that_nobody_touched_makes_every_leaf_again(worlds: Worlds) -> None:
    _, alice = lived(worlds)
    _made_of_their_records(alice.post("/log", LogAsked(records=True)).as_(LogPage))


def test_a_person_who_was_erased_leaves_every_proof_valid(worlds: Worlds) -> None:
    world, alice = lived(worlds)
    before = world.run(shown_file(world.deployment.store.book, desk_of(world), "checkpoint"))
    account = alice.devices().account
    seen = alice.post("/log", LogAsked(records=True)).as_(LogPage)
    tenant = next(iter(world.run(world.deployment.store.accounts(None, 1)))).tenant
    assert world.run(world.deployment.store.book.erase(tenant, account))
    assert read_by_an_auditor(world, known=before).is_sound
    now = alice.post("/log", LogAsked(records=True)).as_(LogPage)
    assert [entry.leaf for entry in now.entries] == [entry.leaf for entry in seen.entries]
    assert {(entry.salt, entry.record) for entry in now.entries} == {(None, None)}
    stolen = b"".join(world.stolen().values()) if world.database.__class__ is PostgresDatabase else b""
    assert not any(entry.salt is not None and entry.salt in stolen for entry in seen.entries)
    # Whoever goes on using the account still gets leaves, under the same number, and nobody can open them.
    world.clock.advance(60)
    assert sign_in(world, alice) == 200
    assert caught_up(world) == []
    assert read_by_an_auditor(world, known=before).is_sound
