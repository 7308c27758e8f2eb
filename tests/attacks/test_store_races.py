"""Many at once, from several processes with many threads each, on one store: one effect."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

import builders as b
from postgres import PostgresServer
from pteri.adapters.store.opening import open_store
from pteri.app.ports import Changeset, Committed, Conflict, ConflictKind, Outcome
from pteri.domain.account import Account
from pteri.domain.device import DeviceState
from whole import check_whole

PROCESSES, THREADS = 4, 25
ASKED, REMOVAL = b.sign_in(1), b.removal_asked(b.opened(), 2)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A store with one account, and a sign-in and a removal waiting for its phone."""
    with ExitStack() as stack:
        if request.param == "postgres":
            server: PostgresServer = request.getfixturevalue("postgres_server")
            place = stack.enter_context(server.store())
        else:
            place = str(tmp_path / "store.db")
        assert commit(place, b.opening(), b.issued(ASKED, REMOVAL)) == [Committed()] * 2
        yield place


def commit(place: str, *batch: Changeset) -> list[Outcome]:
    async def work() -> list[Outcome]:
        store = await open_store(place)
        outcomes = await store.commit(batch)
        await store.close()
        return outcomes

    return asyncio.run(work())


def race(what: str, place: str) -> Counter[str]:
    """What a hundred racers said."""
    script = Path(__file__).with_name("store_racer.py")
    racers = [
        subprocess.Popen(
            [sys.executable, str(script), what, place, str(THREADS), str(1 + number * THREADS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for number in range(PROCESSES)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [line for racer in racers for line in racer.communicate(timeout=60)[0].splitlines()]
    assert len(said) == PROCESSES * THREADS
    return Counter(said)


def after(place: str) -> Account:
    async def look() -> Account:
        store = await open_store(place)
        await check_whole(store)
        account = await store.account(b.TENANT, b.account_id())
        await store.close()
        assert account is not None
        return account

    return asyncio.run(look())


@pytest.mark.slow
def test_sv_01_a_hundred_parallel_submissions_of_one_challenge_give_one_acceptance(place: str) -> None:
    assert race("submission", place) == {"sign-in Committed": 1, "sign-in NONCE_SPENT": 99}
    assert after(place).version == 2


@pytest.mark.slow
def test_sv_01_one_request_sent_a_hundred_times_at_once_has_one_effect_and_one_answer(place: str) -> None:
    assert race("repetition", place) == {"sign-in Committed": 1, "sign-in Repeated": 99}
    assert after(place).version == 2


@pytest.mark.slow
def test_sv_02_of_many_sign_ins_and_removals_from_one_version_one_wins(place: str) -> None:
    said = race("either", place)
    assert said["sign-in Committed"] + said["removal Committed"] == 1
    assert after(place).version == 2
    removed = after(place).devices[0].state is DeviceState.REVOKED
    assert removed == (said["removal Committed"] == 1)


@pytest.mark.slow
def test_sv_04_a_hundred_sequencers_give_each_event_one_position(place: str) -> None:
    crowd = [b.opening(number) for number in range(10, 210)]
    assert commit(place, *crowd) == [Committed()] * 200
    said = race("sequencing", place)
    assert sum(int(total) * racers for total, racers in said.items()) == 201

    async def look() -> None:
        store = await open_store(place)
        await check_whole(store, sequenced=True)
        await store.close()

    asyncio.run(look())


def in_one_batch(place: str, first: Changeset, second: Changeset) -> list[Outcome]:
    return commit(place, first, second)


def by_two_servers(place: str, first: Changeset, second: Changeset) -> list[Outcome]:
    return commit(place, first) + commit(place, second)


Way = Callable[[str, Changeset, Changeset], list[Outcome]]


@pytest.mark.parametrize("way", [in_one_batch, by_two_servers])
def test_sv_02_after_the_removal_of_a_phone_its_sign_in_is_not_accepted(place: str, way: Way) -> None:
    sign_in, removal = b.response(b.opened(), ASKED, 1), b.removal(b.opened(), REMOVAL, 2)
    refused = Conflict(ConflictKind.ACCOUNT_VERSION)
    assert way(place, removal, sign_in) == [Committed(), refused]
    assert after(place).devices[0].state is DeviceState.REVOKED
    assert commit(place, sign_in) == [refused]


@pytest.mark.parametrize("way", [in_one_batch, by_two_servers])
def test_sv_02_after_a_sign_in_the_removal_of_its_phone_is_decided_again(place: str, way: Way) -> None:
    sign_in, removal = b.response(b.opened(), ASKED, 1), b.removal(b.opened(), REMOVAL, 2)
    assert way(place, sign_in, removal) == [Committed(), Conflict(ConflictKind.ACCOUNT_VERSION)]
    again = b.removal(after(place), REMOVAL, 2)
    assert commit(place, again) == [Committed()]
    second = b.response(b.opened(), ASKED, 3)
    assert commit(place, second) == [Conflict(ConflictKind.NONCE_SPENT)]
    assert commit(place, msgspec.structs.replace(second, spent=None, challenges=())) == [
        Conflict(ConflictKind.ACCOUNT_VERSION)
    ]
    assert after(place).devices[0].state is DeviceState.REVOKED
