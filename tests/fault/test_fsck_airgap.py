"""A registry with sign-ins that came by camera is whole like any other, and what is changed in one of them is found."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from airgaps import offline
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.findings import Acknowledged, Report
from pteri.app.fsck import fsck
from pteri.core import ids, wire
from world import World
from worlds import Worlds

Change = Callable[[dict[str, Any]], None]
SIGNED_IN, REFUSED = 2, 4


@dataclass(frozen=True)
class Kept:
    """A link, a sign-in by camera, a freeze, a sign-in by camera that policy refused; as a file."""

    world: World
    file: Path
    account: str
    acknowledged: list[Acknowledged]


@pytest.fixture
def kept(worlds: Worlds, tmp_path: Path) -> Kept:
    world = worlds()
    phone = world.enrolled()
    world.clock.advance(5)
    stand = offline(world, phone)
    done = stand.bring().as_(wire.SignedIn)
    told = [Acknowledged(ids.request_id(stand.started.id), done.account, world.clock.now())]
    world.clock.advance(5)
    assert phone.freeze().decided.status == 200
    phone.look()
    assert offline(world, phone, "frozen").bring().status == 401
    world.run(world.store.sequence(100))
    file = tmp_path / "copy.sqlite3"
    with closing(sqlite3.connect(world.directory / "pteri.sqlite3")) as source, closing(sqlite3.connect(file)) as copy:
        source.backup(copy)
    return Kept(world, file, done.account, told)


def looked_at(kept: Kept) -> Report:
    async def look() -> Report:
        store = SqliteStore.open(kept.file)
        try:
            return await fsck(
                replace(kept.world.deployment, store=store),
                acknowledged=kept.acknowledged,
                pause=_at_once,
                tell=lambda *_: None,
            )
        finally:
            await store.close()

    return asyncio.run(look())


async def _at_once(_: float) -> None:
    """Nobody is at work on this file."""


def changed(kept: Kept, seq: int, change: Change) -> set[tuple[str, int | None]]:
    """What is found after this change of an event."""
    with closing(sqlite3.connect(kept.file)) as connection:
        [(text,)] = connection.execute("SELECT payload FROM events WHERE seq = ?", (seq,)).fetchall()
        tree = json.loads(text)
        change(tree)
        new = json.dumps(tree, separators=(",", ":"), ensure_ascii=False)
        assert new != text
        connection.execute("UPDATE events SET payload = ? WHERE seq = ?", (new, seq))
        connection.commit()
    return {(finding.code, finding.seq) for finding in looked_at(kept).findings}


def test_a_registry_with_sign_ins_by_camera_is_whole(kept: Kept) -> None:
    report = looked_at(kept)
    assert report.findings == ()
    assert (report.events, report.proved, report.unchecked) == (4, 4, {})


def _signed(**values: Any) -> Change:
    def change(tree: dict[str, Any]) -> None:
        for name, value in values.items():
            told = tree["evidence"]["signed"][name]
            tree["evidence"]["signed"][name] = value(told) if callable(value) else value

    return change


def _lapsed(tree: dict[str, Any]) -> None:
    tree["event"]["event"] = "SignInLapsed"


def _a_second_later(tree: dict[str, Any]) -> None:
    tree["event"]["at"] += 1


CHANGES: dict[str, tuple[Change, str]] = {
    "signed for the phone's own way": (
        _signed(target_uri=lambda uri: uri.replace("/logins/", "/challenges/").replace("/answer", "/response")),
        "EVIDENCE_SIGNATURE",
    ),
    "signed for another sign-in": (_signed(target_uri=lambda uri: uri.replace("lgn_0", "lgn_1")), "EVIDENCE_OF"),
    "signed for another server": (_signed(target_uri=lambda uri: uri.replace("//", "//x")), "EVIDENCE_SIGNATURE"),
    "signed at another time": (
        _signed(signature_input=lambda text: text.replace("created=1", "created=2")),
        "EVIDENCE_SIGNATURE",
    ),
    "another key of the request": (_signed(idempotency_key=lambda key: key[:-1] + "!"), "EVIDENCE_SIGNATURE"),
    "another method": (_signed(method="PUT"), "EVIDENCE_OF"),
}


@pytest.mark.parametrize("seq", [SIGNED_IN, REFUSED])
@pytest.mark.parametrize("name", CHANGES)
def test_evidence_that_was_changed_is_found(kept: Kept, name: str, seq: int) -> None:
    change, code = CHANGES[name]
    [(found, where)] = changed(kept, seq, change)
    assert found.startswith(code)
    assert where == seq


def test_what_came_by_camera_never_waited_for_a_code(kept: Kept) -> None:
    """So it was not completed later than it was decided, and cannot have lapsed."""
    assert ("EFFECT_DIFFERS", SIGNED_IN) in changed(kept, SIGNED_IN, _a_second_later)


def test_what_came_by_camera_cannot_be_told_as_lapsed(kept: Kept) -> None:
    assert ("EVIDENCE_OF_ANOTHER_ACT", SIGNED_IN) in changed(kept, SIGNED_IN, _lapsed)
