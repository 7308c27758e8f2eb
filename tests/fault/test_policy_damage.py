"""Policies over a registry that is damaged: what can be read is decided again, and what cannot is counted."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chains import OFFERED
from lived import Lived, lived
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.comparing import Comparison, compare
from pteri.app.explaining import FoundCase, NoSuchCase, find_event
from pteri.app.replaying import CannotReplay
from pteri.app.walking import Gone
from pteri.policies.words import explain_recorded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return lived(tmp_path_factory.mktemp("lived"))


@pytest.fixture
def copy(registry: Lived, tmp_path: Path) -> Path:
    path = tmp_path / "copy.sqlite3"
    original = registry.world.directory / "pteri.sqlite3"
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    return path


def damage(path: Path, statement: str, registry: Lived) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        done = connection.execute(statement, {"alice": registry.alice, "bob": registry.bob})
        assert done.rowcount > 0


def compared(registry: Lived, path: Path) -> Comparison:
    async def look() -> Comparison:
        store = SqliteStore.open(path)
        try:
            deployment = replace(registry.deployment, store=store)
            return await compare(deployment, None, OFFERED, most=10, tell=lambda _: None)
        finally:
            await store.close()

    return asyncio.run(look())


def explained(registry: Lived, path: Path, seq: int) -> FoundCase:
    async def look() -> FoundCase:
        store = SqliteStore.open(path)
        try:
            return await find_event(replace(registry.deployment, store=store), registry.alice, seq, None)
        finally:
            await store.close()

    return asyncio.run(look())


def test_an_event_that_cannot_be_read_hides_what_comes_after_it_in_its_account_and_no_other(
    registry: Lived, copy: Path
) -> None:
    damage(copy, "UPDATE events SET payload = '{' WHERE account = :alice AND seq = 20", registry)
    report = compared(registry, copy)
    assert report.left_out[CannotReplay.UNREADABLE] == 1
    assert report.left_out[CannotReplay.HISTORY_BROKEN] == 3
    assert (report.accounts, report.events, report.different) == (2, 27, 0)
    assert explained(registry, copy, 19).proof == ()
    with pytest.raises(NoSuchCase, match="event 20 of account"):
        explained(registry, copy, 20)
    told = explain_recorded(explained(registry, copy, 21), OFFERED)
    assert told.tree["not_decided_again"]["code"] == "HISTORY_BROKEN"
    assert "run pteri fsck" in told.lines[-1]


def test_an_event_that_is_gone_hides_what_comes_after_it(registry: Lived, copy: Path) -> None:
    damage(copy, "DELETE FROM events WHERE account = :alice AND seq = 2", registry)
    report = compared(registry, copy)
    assert report.left_out == {CannotReplay.HISTORY_BROKEN: 21}
    assert report.decided == 1 + 4


def test_an_event_that_cannot_follow_is_no_case_and_neither_is_what_comes_after_it(registry: Lived, copy: Path) -> None:
    damage(
        copy,
        "UPDATE events SET payload = (SELECT payload FROM events WHERE account = :bob AND seq = 1) "
        "WHERE account = :bob AND seq = 2",
        registry,
    )
    assert compared(registry, copy).left_out[CannotReplay.HISTORY_BROKEN] >= 2


def test_evidence_that_says_nothing_is_no_case_and_hides_no_other(registry: Lived, copy: Path) -> None:
    damage(
        copy,
        "UPDATE events SET payload = json_set(payload, '$.evidence.statement', 'x') WHERE account = :bob AND seq = 2",
        registry,
    )
    report = compared(registry, copy)
    assert report.left_out == {CannotReplay.NOT_DECIDED: 3, CannotReplay.UNREADABLE: 1}
    assert report.different == 0


def test_evidence_that_is_gone_is_no_case(registry: Lived, copy: Path) -> None:
    damage(
        copy,
        "UPDATE events SET payload = json_set(payload, '$.evidence', json('null')) WHERE account = :bob AND seq = 2",
        registry,
    )
    assert compared(registry, copy).left_out[CannotReplay.UNREADABLE] == 1


def test_a_forged_decision_is_a_difference_to_what_was_recorded(registry: Lived, copy: Path) -> None:
    damage(
        copy,
        "UPDATE events SET payload = replace(payload, 'SECURITY_DELAY', 'RECOVERY_HOLD') "
        "WHERE account = :alice AND seq = 6",
        registry,
    )
    report = compared(registry, copy)
    assert [(case.seq, case.before, case.after) for case in report.cases] == [
        (6, "hold RECOVERY_HOLD", "hold SECURITY_DELAY")
    ]
    told = explain_recorded(explained(registry, copy, 6), OFFERED)
    assert told.agrees is False
    assert any("DECISION_DIFFERS" in line for line in told.lines)


def test_a_forged_signature_is_told_beside_the_decision(registry: Lived, copy: Path) -> None:
    damage(
        copy,
        "UPDATE events SET payload = json_set(payload, '$.evidence.signed.idempotency_key', 'idem_another') "
        "WHERE account = :alice AND seq = 6",
        registry,
    )
    assert compared(registry, copy).different == 0
    [said] = explained(registry, copy, 6).proof
    assert said.startswith("EVIDENCE_SIGNATURE: ")


def test_an_account_that_cannot_be_read_ends_the_walk_and_is_said_to(registry: Lived, copy: Path) -> None:
    damage(copy, "UPDATE accounts SET state = '{' WHERE account = :alice", registry)
    with pytest.raises(Gone, match="run pteri fsck"):
        compared(registry, copy)


def test_events_that_are_missing_at_the_end_are_no_cases(registry: Lived, copy: Path) -> None:
    damage(copy, "DELETE FROM events WHERE account = :bob", registry)
    report = compared(registry, copy)
    assert (report.accounts, report.events) == (2, 23)
