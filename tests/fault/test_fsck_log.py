"""Whoever owns the database changes the log, one row at a time; ``fsck`` finds each damage and names it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from books import lengthened
from chains import OFFERED
from lived import Lived, lived_in
from notes import indexes, log_signer
from onlookers import caught_up, watched
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.findings import Damage, Report
from pteri.app.fsck import fsck
from pteri.app.log_desk import LogDesk
from world import SimClock, World

Damaging = Callable[[sqlite3.Connection, Lived], object]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Two people, all of whose events are in a log that witnesses have seen."""
    clock = SimClock()
    desk = watched(clock.now, answers_wait=False)
    registry = lived_in(World(tmp_path_factory.mktemp("lived"), rules=OFFERED, clock=clock, log=desk))
    # Witnesses have seen a part of it, and then more came.
    assert caught_up(registry.world) == []
    book = registry.deployment.store.book
    registry.world.run(lengthened(book, 600))
    return registry


@pytest.fixture
def copy(registry: Lived, tmp_path: Path) -> Path:
    path = tmp_path / "copy.sqlite3"
    original = registry.world.directory / "pteri.sqlite3"
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    return path


async def at_once(_: float) -> None:
    """Nobody is at work on these files."""


def looked_at(registry: Lived, path: Path, **changes: Any) -> Report:
    async def look() -> Report:
        store = SqliteStore.open(path)
        try:
            deployment = replace(registry.deployment, store=store, **changes)
            return await fsck(deployment, pause=at_once, tell=lambda *_: None)
        finally:
            await store.close()

    return asyncio.run(look())


def damaged(registry: Lived, path: Path, damaging: Damaging) -> None:
    with closing(sqlite3.connect(path)) as connection:
        damaging(connection, registry)
        connection.commit()
        assert connection.total_changes, "nothing was damaged"


def run(*statements: str) -> Damaging:
    """Damage by statements; ``:alice`` and ``:bob`` are the two accounts."""

    def work(connection: sqlite3.Connection, registry: Lived) -> None:
        names = {"alice": registry.alice, "bob": registry.bob}
        for statement in statements:
            connection.execute(statement, names)

    return work


MIDDLE: Final = "WHERE account = :alice AND seq = 4"
SWAP_LEAVES: Final = (
    "UPDATE leaves SET place = -1 WHERE place = 3",
    "UPDATE leaves SET place = 3 WHERE place = 4",
    "UPDATE leaves SET place = 4 WHERE place = -1",
)
SWAP_POSITIONS: Final = tuple(
    statement.replace("leaves", "log").replace("place", "position") for statement in SWAP_LEAVES
)
LAST_PLACE: Final = "(SELECT MAX(place) FROM leaves)"
DAMAGE: Final[dict[str, tuple[Damaging, set[str]]]] = {
    "a byte of a leaf": (
        run(f"UPDATE leaves SET leaf = CAST(substr(leaf, 1, length(leaf) - 1) || x'7f' AS BLOB) {MIDDLE}"),
        {Damage.LEAF_DIFFERS, Damage.EDGE_DIFFERS, Damage.CHECKPOINT_DIFFERS, Damage.NODE_DIFFERS},
    ),
    "what is no leaf": (run(f"UPDATE leaves SET leaf = x'00' {MIDDLE}"), {Damage.LEAF_DIFFERS}),
    "a leaf that no database can read": (run(f"UPDATE leaves SET leaf = leaf || x'ff' {MIDDLE}"), {Damage.UNREADABLE}),
    "a leaf that is text": (run(f"UPDATE leaves SET leaf = 'text' {MIDDLE}"), {Damage.UNREADABLE}),
    "a tail that is text": (
        run("UPDATE log_accounts SET last = 'text' WHERE account = :bob"),
        {Damage.TAIL_DIFFERS, Damage.UNREADABLE},
    ),
    "a tail that no database can read": (
        run("UPDATE log_accounts SET last = last || x'ff' WHERE account = :bob"),
        {Damage.TAIL_DIFFERS, Damage.UNREADABLE},
    ),
    "the record of an event": (
        run(f"UPDATE events SET payload = replace(payload, '\"at\":1', '\"at\":2') {MIDDLE}"),
        {Damage.LEAF_DIFFERS},
    ),
    "a leaf of the log's own": (
        run(f"UPDATE leaves SET leaf = x'0102' WHERE place = {LAST_PLACE} - 5"),
        {Damage.EDGE_DIFFERS, Damage.CHECKPOINT_DIFFERS},
    ),
    "a dropped leaf": (run(f"DELETE FROM leaves {MIDDLE}"), {Damage.LEAF_GAP}),
    "the last leaf dropped": (run(f"DELETE FROM leaves WHERE place = {LAST_PLACE}"), {Damage.LEAF_GAP}),
    "a leaf more": (
        run(f"INSERT INTO leaves (place, leaf) SELECT {LAST_PLACE} + 1, leaf FROM leaves WHERE place = 0"),
        {Damage.LEAF_GAP},
    ),
    "leaves in another order": (run(*SWAP_LEAVES), {Damage.LEAF_ORDER}),
    "positions in another order": (run(*SWAP_POSITIONS), {Damage.LEAF_ORDER}),
    "a leaf that is said to be another's": (
        run(f"UPDATE leaves SET seq = 4000 {MIDDLE}"),
        {Damage.LEAF_ORDER, Damage.TAIL_DIFFERS},
    ),
    "a leaf that is said to be nobody's": (
        run(f"UPDATE leaves SET tenant = NULL, account = NULL, seq = NULL {MIDDLE}"),
        {Damage.LEAF_ORDER},
    ),
    "a subtree": (run("UPDATE log_nodes SET hash = zeroblob(32) WHERE place = 1"), {Damage.NODE_DIFFERS}),
    "a dropped subtree": (run("DELETE FROM log_nodes WHERE place = 1"), {Damage.NODE_DIFFERS}),
    "a subtree more": (run("INSERT INTO log_nodes VALUES (2, 0, zeroblob(32))"), {Damage.NODE_DIFFERS}),
    "a tail that goes on elsewhere": (
        run("UPDATE log_accounts SET last = zeroblob(32) WHERE account = :bob"),
        {Damage.TAIL_DIFFERS},
    ),
    "a tail of an older event": (
        run("UPDATE log_accounts SET seq = seq - 1 WHERE account = :bob"),
        {Damage.TAIL_DIFFERS},
    ),
    "a tail ahead of its leaves": (
        run("UPDATE log_accounts SET seq = seq + 1 WHERE account = :bob"),
        {Damage.TAIL_DIFFERS},
    ),
    "a tail of another epoch": (
        run("UPDATE log_accounts SET epoch = epoch + 1 WHERE account = :bob"),
        {Damage.TAIL_DIFFERS},
    ),
    "a tail of another number": (
        run("UPDATE log_accounts SET hidden_as = zeroblob(32) WHERE account = :bob"),
        {Damage.LEAF_DIFFERS, Damage.TAIL_DIFFERS},
    ),
    "a tail with another secret": (
        run("UPDATE log_accounts SET secret = zeroblob(32) WHERE account = :bob"),
        {Damage.LEAF_DIFFERS},
    ),
    "a dropped tail": (run("DELETE FROM log_accounts WHERE account = :bob"), {Damage.TAIL_DIFFERS}),
    "an edge": (run("UPDATE log_state SET peaks = zeroblob(length(peaks))"), {Damage.EDGE_DIFFERS}),
    "an edge of another size": (run("UPDATE log_state SET peaks = x''"), {Damage.EDGE_DIFFERS}),
    "a log that forgot its end": (
        run("UPDATE log_state SET size = 0, peaks = x'', next_position = 0"),
        {Damage.LEAF_GAP, Damage.NODE_DIFFERS, Damage.CHECKPOINT_DIFFERS},
    ),
    "a log that is longer than its leaves": (
        run("UPDATE log_state SET size = 1024, peaks = zeroblob(32)"),
        {Damage.LEAF_GAP},
    ),
    "a next position": (
        run("UPDATE log_state SET next_position = next_position - 1"),
        {Damage.EDGE_DIFFERS},
    ),
    "a checkpoint that nobody signed": (
        run("UPDATE log_state SET checkpoint = replace(checkpoint, char(10) || '6', char(10) || '7')"),
        {Damage.CHECKPOINT_DIFFERS},
    ),
    "the checkpoint before": (run("UPDATE log_state SET checkpoint = witnessed"), {Damage.CHECKPOINT_DIFFERS}),
    "a witnessed checkpoint of another size": (
        run("UPDATE log_state SET witnessed_size = witnessed_size - 1"),
        {Damage.CHECKPOINT_DIFFERS},
    ),
    "what witnesses saw": (run("UPDATE log_state SET witnessed = checkpoint"), {Damage.CHECKPOINT_DIFFERS}),
    "no checkpoint at all": (run("UPDATE log_state SET checkpoint = 'x'"), {Damage.CHECKPOINT_DIFFERS}),
    "no log any more": (run("DELETE FROM log_state"), {Damage.NO_LOG}),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_whoever_changes_the_log_in_the_database_is_found(registry: Lived, copy: Path, name: str) -> None:
    damaging, expected = DAMAGE[name]
    damaged(registry, copy, damaging)
    found = {finding.code for finding in looked_at(registry, copy).findings}
    assert expected <= found


def test_a_log_as_it_should_be_is_whole_and_every_leaf_was_looked_at(registry: Lived, copy: Path) -> None:
    report = looked_at(registry, copy)
    assert report.clean, report.findings
    assert report.leaves == report.events + 600
    assert "ERASED" not in report.unchecked


def test_events_that_wait_for_their_leaf_are_no_damage(registry: Lived, copy: Path) -> None:
    states = ("UPDATE log_state SET size = 0, next_position = 0, peaks = x'', witnessed = '', witnessed_size = 0",)
    damaged(registry, copy, run(*states, "DELETE FROM leaves", "DELETE FROM log_nodes", "DELETE FROM log_accounts"))
    report = looked_at(registry, copy)
    assert {finding.code for finding in report.findings} == {Damage.CHECKPOINT_DIFFERS}
    assert report.leaves == 0


def test_a_finding_about_a_leaf_names_the_account_and_its_event(registry: Lived, copy: Path) -> None:
    damaged(registry, copy, run(f"UPDATE leaves SET leaf = x'00' {MIDDLE}"))
    report = looked_at(registry, copy)
    named = [finding for finding in report.findings if finding.code == Damage.LEAF_DIFFERS]
    assert (named[0].tenant, named[0].account, named[0].seq) == ("bank", registry.alice, 4)


def test_a_number_that_is_not_by_the_index_key_of_the_log_is_found(registry: Lived, copy: Path) -> None:
    assert registry.deployment.log is not None
    other = replace(registry.deployment.log, indexes=indexes("another"))
    found = [finding.code for finding in looked_at(registry, copy, log=other).findings]
    assert found == [Damage.TAIL_DIFFERS] * 2


def test_an_erased_account_is_not_checked_and_its_leaves_are_in_the_tree_as_before(registry: Lived, copy: Path) -> None:
    damaged(registry, copy, run("UPDATE log_accounts SET secret = NULL WHERE account = :bob"))
    report = looked_at(registry, copy)
    assert report.clean, report.findings
    with closing(sqlite3.connect(copy)) as connection:
        [(bobs,)] = connection.execute("SELECT COUNT(*) FROM events WHERE account = ?", (registry.bob,))
    assert report.unchecked["ERASED"] == bobs > 0


def test_what_is_known_of_an_erased_account_is_compared_all_the_same(registry: Lived, copy: Path) -> None:
    change = "UPDATE events SET payload = replace(payload, '\"at\":1', '\"at\":2') WHERE account = :bob AND seq = 2"
    damaged(registry, copy, run("UPDATE log_accounts SET secret = NULL WHERE account = :bob", change))
    assert Damage.LEAF_DIFFERS in {finding.code for finding in looked_at(registry, copy).findings}


def test_the_log_of_another_key_is_found(registry: Lived, copy: Path) -> None:
    assert registry.deployment.log is not None
    other = replace(registry.deployment.log, signer=log_signer("another"))
    assert {finding.code for finding in looked_at(registry, copy, log=other).findings} == {Damage.CHECKPOINT_DIFFERS}


def test_a_log_that_the_settings_do_not_name_is_looked_at_without_its_key(registry: Lived, copy: Path) -> None:
    no_desk: LogDesk | None = None
    assert looked_at(registry, copy, log=no_desk).clean
    damaged(registry, copy, run("UPDATE log_state SET checkpoint = witnessed"))
    assert not looked_at(registry, copy, log=no_desk).clean


def test_one_wrong_leaf_is_named_once_and_not_with_all_that_follow_it(registry: Lived, copy: Path) -> None:
    damaged(
        registry,
        copy,
        run(f"UPDATE leaves SET leaf = CAST(substr(leaf, 1, length(leaf) - 1) || x'7f' AS BLOB) {MIDDLE}"),
    )
    named = [finding for finding in looked_at(registry, copy).findings if finding.code == Damage.LEAF_DIFFERS]
    assert [finding.seq for finding in named] == [4, 5]  # its own content, and that the next one follows another


def test_sv_09_a_phone_that_was_written_into_account_and_record_is_not_in_the_leaf(registry: Lived, copy: Path) -> None:
    mallory = "A" * 43

    def put(connection: sqlite3.Connection, registry: Lived) -> None:
        [(phone,)] = connection.execute(
            "SELECT json_extract(payload, '$.event.device') FROM events WHERE account = ? AND seq = 1", (registry.bob,)
        )
        for table, column in (("events", "payload"), ("accounts", "state")):
            changed = f"UPDATE {table} SET {column} = replace({column}, ?, ?) WHERE account = ?"
            connection.execute(changed, (phone, mallory, registry.bob))

    damaged(registry, copy, put)
    named = {(finding.code, finding.account) for finding in looked_at(registry, copy).findings}
    assert (Damage.LEAF_DIFFERS, registry.bob) in named
    assert not any(account == registry.alice for _, account in named)
