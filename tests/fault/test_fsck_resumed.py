"""A check of a whole registry is killed wherever it keeps its place, before and after; what it finds stays the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from books import lengthened
from chains import OFFERED
from kept_anchors import anchored
from lived import Lived, lived_in
from notes import log_signer
from onlookers import caught_up, watched
from past_us import written
from pteri.app.findings import Acknowledged, Report
from pteri.app.fsck import fsck
from pteri.app.fsck_progress import OtherCheck, Phase, Progress
from pteri.app.ports import Store
from pteri.checkup_state import MAX_STATE_BYTES, held, read_state, write_state
from pteri.core.ids import AccountId, RequestId
from pteri.domain.rules import Rules
from pteri.settings import SettingsError
from short_pages import ShortPages
from world import SimClock, World

DAMAGE = (
    "DELETE FROM log WHERE position = 5",
    "UPDATE events SET payload = replace(payload, '\"at\":1', '\"at\":2') WHERE seq = 4",
    "UPDATE events SET payload = 'x' WHERE seq = 7",
    "DELETE FROM claims WHERE kind = 'LOGIN'",
    "INSERT INTO claims (tenant, kind, value, account) VALUES ('bank', 'LOGIN', 'nobody', 'acct_000000000000')",
    "UPDATE leaves SET leaf = x'00' WHERE seq = 3",
    "UPDATE log_state SET witnessed_size = witnessed_size - 1",
    "UPDATE anchors SET version = version + 1 WHERE number IN (2, 4)",
)


class Killed(Exception):
    """The process ends here."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Two people, their events in a log that witnesses have seen and that is anchored; and somebody who damaged it."""
    clock = SimClock()
    desk = watched(clock.now, answers_wait=False)
    lived = lived_in(World(tmp_path_factory.mktemp("lived"), rules=OFFERED, clock=clock, log=desk))
    assert caught_up(lived.world) == []
    lived.world.run(lengthened(lived.deployment.store.book, 20))
    lived.world.run(anchored(lived.world.store, desk.signer.verifier.name))
    assert looked_at(lived).clean
    written(lived.world, *DAMAGE)
    yield lived
    lived.world.close()


async def at_once(_: float) -> None:
    """Nobody is at work here."""


def looked_at(lived: Lived, **options: Any) -> Report:
    deployment = replace(lived.deployment, store=cast("Store", ShortPages(lived.world.store)))
    changes = {name: options.pop(name) for name in ("log", "rules", "store") if name in options}
    return lived.world.run(
        fsck(replace(deployment, **changes), pause=at_once, tell=lambda *_: None, keep_after=1, **options)
    )


@dataclass
class Dying:
    """Keeps places in a file, and kills the process at the place ``at``, from 0."""

    path: Path
    at: int
    after: bool
    kept: int = 0

    def __call__(self, progress: Progress) -> None:
        dies = self.kept == self.at
        self.kept += 1
        if dies and not self.after:
            raise Killed
        write_state(self.path, progress)
        if dies:
            raise Killed


def same(report: Report) -> tuple[object, ...]:
    """All that is said of the registry, and nothing of how often the check was killed."""
    findings = sorted(report.findings, key=msgspec.json.encode)
    return (findings, msgspec.structs.replace(report, findings=(), resumed=0, started_at=0))


def places(lived: Lived, acknowledged: list[Acknowledged]) -> list[Progress]:
    found: list[Progress] = []
    looked_at(lived, keep=found.append, acknowledged=acknowledged)
    return found


@pytest.mark.parametrize("after", [False, True], ids=["before the place is kept", "after it was kept"])
def test_a_check_that_is_killed_anywhere_goes_on_and_finds_what_one_finds(
    registry: Lived, tmp_path: Path, after: bool
) -> None:
    lost = Acknowledged(RequestId("lgn_" + "0" * 26), registry.bob, 1)
    acknowledged = [*registry.acknowledged, lost]
    whole = looked_at(registry, acknowledged=acknowledged)
    assert not whole.clean
    assert len({finding.code for finding in whole.findings}) >= 8
    count = len(places(registry, acknowledged))
    assert count > 25
    for at in range(count):
        path = tmp_path / f"state {at}"
        with pytest.raises(Killed):
            looked_at(registry, acknowledged=acknowledged, keep=Dying(path, at, after))
        report = looked_at(registry, acknowledged=acknowledged, begun=read_state(path), keep=lambda _: None)
        assert same(report) == same(whole), at


def test_a_check_that_is_killed_at_every_place_in_turn_comes_to_its_end(registry: Lived, tmp_path: Path) -> None:
    whole, path, killed = looked_at(registry), tmp_path / "state", 0
    while True:
        try:
            report = looked_at(registry, begun=read_state(path), keep=Dying(path, 1, after=True))
        except Killed:
            killed += 1
            continue
        break
    assert same(report) == same(whole)
    assert report.resumed == killed > 10


def test_places_follow_the_order_of_what_is_looked_at_and_the_last_one_says_when_it_was_over(registry: Lived) -> None:
    found = places(registry, [])
    phases = [each.phase for each in found]
    assert phases == sorted(phases, key=list(Phase).index)
    assert {Phase.LOG, Phase.ACCOUNTS, Phase.CLAIMS, Phase.LEAVES, Phase.ANCHORS} <= set(phases)
    assert [each.finished_at for each in found[:-1]] == [None] * (len(found) - 1)
    assert found[-1].finished_at == registry.world.clock.now()
    assert found[-1].found == looked_at(registry).found


def test_after_a_check_that_is_over_everything_is_looked_at_again(registry: Lived) -> None:
    over = places(registry, [])[-1]
    report = looked_at(registry, begun=over)
    assert same(report) == same(looked_at(registry))
    assert report.resumed == 0


def test_memory_of_a_place_does_not_grow_with_the_registry(registry: Lived) -> None:
    sizes = [len(msgspec.json.encode(msgspec.structs.replace(each, findings=()))) for each in places(registry, [])]
    assert max(sizes) < 4096


# --- what is refused --------------------------------------------------------------------------------------------------

OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "rules": ({"rules": Rules(probation_s=77)}, "other [rules]"),
    "ledger": ({"acknowledged": [Acknowledged(RequestId("lgn_x"), AccountId("acc_x"), 1)]}, "another ledger"),
    "program": ({"program": "2"}, "another version of this program"),
    "log": ({"log": replace(watched(SimClock().now), signer=log_signer("another"))}, "a log of another key"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_place_in_another_check_is_refused_in_a_sentence(registry: Lived, name: str) -> None:
    options, why = OTHERS[name]
    begun = places(registry, [])[12]
    with pytest.raises(OtherCheck, match=why.replace("[", r"\[")):
        looked_at(registry, begun=begun, **options)


def test_a_place_in_another_database_is_refused_though_it_has_the_same_key(registry: Lived, tmp_path: Path) -> None:
    begun = places(registry, [])[12]
    clock = SimClock()
    desk = watched(clock.now, answers_wait=False)
    other = World(tmp_path, rules=OFFERED, name="another", clock=clock, log=desk)
    other.enrolled("first phone", "alice@example.com")
    assert caught_up(other) == []
    with pytest.raises(OtherCheck, match="another database, or of a later state"):
        other.run(fsck(other.deployment, pause=at_once, tell=lambda *_: None, begun=begun))
    other.close()


@pytest.fixture
def state(registry: Lived, tmp_path: Path) -> Path:
    path = tmp_path / "state"
    write_state(path, places(registry, [])[12])
    return path


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut off": lambda raw: raw[:-2],
    "longer": lambda raw: raw + b" ",
    "one byte": lambda raw: raw.replace(b'"found":', b'"Found":', 1),
    "of a later version": lambda raw: raw.replace(b"pteri-fsck-1", b"pteri-fsck-2", 1),
    "something else": lambda _: json.dumps({"phase": "DONE"}).encode(),
    "far too long": lambda raw: raw + bytes(MAX_STATE_BYTES),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_damaged_place_is_refused_and_nothing_begins_anew_in_silence(state: Path, name: str) -> None:
    state.write_bytes(SPOILT[name](state.read_bytes()))
    before = state.read_bytes()
    with pytest.raises(SettingsError, match="damaged"):
        read_state(state)
    assert state.read_bytes() == before


def test_what_was_hashed_by_somebody_else_and_is_no_place_is_refused(state: Path, tmp_path: Path) -> None:
    write_state(tmp_path / "made", cast("Progress", {"phase": "NOWHERE"}))
    with pytest.raises(SettingsError, match="damaged"):
        read_state(tmp_path / "made")


def test_two_checks_do_not_keep_their_places_in_one_file(state: Path) -> None:
    with held(state), pytest.raises(SettingsError, match="Another check uses"), held(state):
        pass


def test_a_place_that_cannot_be_kept_ends_the_check_in_a_sentence(registry: Lived, tmp_path: Path) -> None:
    nowhere = tmp_path / "no such directory" / "state"
    uses: tuple[Callable[[], None], ...] = (
        lambda: write_state(nowhere, places(registry, [])[0]),
        lambda: enter(held(nowhere)),
    )
    for use in uses:
        with pytest.raises(SettingsError, match="Cannot keep the state"):
            use()
    with pytest.raises(SettingsError, match="Cannot keep the state"):
        read_state(tmp_path)


def enter(manager: Any) -> None:
    with manager:
        pass
