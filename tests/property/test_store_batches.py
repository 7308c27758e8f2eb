"""However requests are batched, the store answers each as if it had come alone, whatever the database."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import msgspec
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import builders as b
from postgres import PostgresServer, in_a_thread
from pteri.adapters.store.postgres import PostgresStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import (
    AccountChange,
    ChallengeChange,
    Changeset,
    Claim,
    ClaimKind,
    Committed,
    CounterKind,
    Limited,
    Outcome,
    Repeated,
    Store,
)
from pteri.domain.challenge import ChallengeEvent
from whole import check_whole

replace = msgspec.structs.replace

LIMIT = 2
FEW = st.integers(1, 3)
SHARED_CLAIM = Claim(ClaimKind.WALLET, b.digest("only one can have it"))


def wanting(change: AccountChange | None, *claims: Claim) -> AccountChange:
    assert change is not None
    return replace(change, claims=(*change.claims, *claims))


ACCOUNTS = [
    *(b.opening(number).account for number in (1, 2)),
    *(b.change(b.opened(1), b.signed_in(b.opened(1), second)) for second in (1, 2)),
    wanting(b.opening(3).account, SHARED_CLAIM),
    wanting(b.change(b.opened(2), b.signed_in(b.opened(2), 1)), SHARED_CLAIM),
    wanting(b.change(b.opened(1), b.signed_in(b.opened(1), 3)), SHARED_CLAIM),
]
CHALLENGES = st.one_of(
    # Some want a nonce that another one has, or had. None of them moves: a nonce never changes.
    st.builds(lambda number, nonce: ChallengeChange(0, replace(b.sign_in(3 + number), nonce=b.nonce(nonce))), FEW, FEW),
    FEW.map(lambda number: ChallengeChange(0, b.sign_in(number))),
    FEW.map(lambda number: ChallengeChange(0, b.sign_in(number).after(ChallengeEvent.VERIFY))),
    FEW.map(lambda number: ChallengeChange(1, b.sign_in(number).after(ChallengeEvent.VERIFY))),
    FEW.map(lambda number: ChallengeChange(1, b.sign_in(number).after(ChallengeEvent.CANCEL))),
    FEW.map(
        lambda number: ChallengeChange(2, b.sign_in(number).after(ChallengeEvent.VERIFY).after(ChallengeEvent.COMPLETE))
    ),
)
COUNTS = st.builds(
    lambda limit, adds, at: replace(b.count(limit=limit, at=at), adds=adds),
    st.sampled_from([None, 0, 1, LIMIT, LIMIT, LIMIT]),
    st.booleans(),
    st.sampled_from([b.NOW, b.NOW, b.NOW + 3600]),
)
ANY_CHANGESET = st.builds(
    Changeset,
    tenant=st.just(b.TENANT),
    answer=st.none() | st.builds(b.answer, FEW, caller=st.integers(1, 2), request=st.sampled_from("ab")),
    spent=st.none() | FEW.map(b.nonce),
    challenges=st.lists(CHALLENGES, max_size=2).map(tuple),
    account=st.none() | st.sampled_from(ACCOUNTS),
    notices=st.lists(FEW.map(b.notice), max_size=1).map(tuple),
    counts=st.lists(COUNTS, max_size=2).map(tuple),
)
PART = st.sampled_from(("answer", "spent", "challenges", "account", "counts"))


def only(changeset: Changeset, parts: set[str]) -> Changeset:
    """Few things at once: what asks for much is nearly always refused."""
    nothing = Changeset(b.TENANT)
    return replace(nothing, **{part: getattr(changeset, part) for part in parts})


CHANGESETS = ANY_CHANGESET | st.builds(only, ANY_CHANGESET, st.sets(PART, min_size=1, max_size=2))


async def committed(store: Store, batches: Sequence[Sequence[Changeset]]) -> list[Outcome]:
    outcomes = [outcome for batch in batches for outcome in await store.commit(batch)]
    await check_whole(store)
    await store.close()
    return outcomes


Rows = dict[str, list[tuple[Any, ...]]]


def in_a_file(batches: Sequence[Sequence[Changeset]]) -> tuple[list[Outcome], Rows]:
    """Outcomes, and every row of the database afterwards."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "store.db"
        outcomes = asyncio.run(committed(SqliteStore.open(path), batches))
        with closing(sqlite3.connect(path)) as connection:
            names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in names}
    del rows["schema_versions"]  # no other database has it
    return outcomes, {name: sorted(found, key=repr) for name, found in rows.items()}


def in_a_database(
    server: PostgresServer, batches: Sequence[Sequence[Changeset]], *, in_steps: bool
) -> tuple[list[Outcome], Rows]:
    """The same of a PostgreSQL database."""

    async def work(url: str) -> tuple[list[Outcome], Rows]:
        outcomes = await committed(await PostgresStore.open(url, in_steps=in_steps), batches)
        connection = await asyncpg.connect(url)
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = {name: [tuple(row) for row in await connection.fetch(f"SELECT * FROM {name}")] for (name,) in names}
        await connection.close()
        return outcomes, {name: sorted(found, key=repr) for name, found in rows.items()}

    with server.store() as url:
        return in_a_thread(work(url))


def freed_nonce() -> list[Changeset]:
    """A challenge is cancelled, and a new one has its nonce: in one batch the old one must go first."""
    cancelled = Changeset(b.TENANT, challenges=(ChallengeChange(1, b.sign_in(1).after(ChallengeEvent.CANCEL)),))
    return [b.issued(b.sign_in(1)), cancelled, b.issued(replace(b.sign_in(2), nonce=b.nonce(1)))]


@settings(max_examples=150, deadline=None)
@given(st.lists(CHANGESETS, max_size=12), st.integers(0, 12))
@example(freed_nonce(), 1)
def test_a_batch_gives_what_its_changesets_give_one_by_one(changesets: list[Changeset], middle: int) -> None:
    apart = in_a_file([[changeset] for changeset in changesets])
    assert in_a_file([changesets]) == apart
    assert in_a_file([changesets[:middle], changesets[middle:]]) == apart


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CHANGESETS, max_size=12), st.integers(0, 12))
@example(freed_nonce(), 1)
def test_a_batch_gives_in_postgresql_what_its_changesets_give_one_by_one_in_a_file(
    postgres_server: PostgresServer, changesets: list[Changeset], middle: int
) -> None:
    apart = in_a_file([[changeset] for changeset in changesets])
    assert in_a_database(postgres_server, [changesets], in_steps=False) == apart
    halves = [changesets[:middle], changesets[middle:]]
    assert in_a_database(postgres_server, halves, in_steps=True) == apart


@settings(max_examples=80, deadline=None)
@given(st.lists(CHANGESETS, min_size=8, max_size=30))
def test_in_any_batch_each_nonce_key_and_version_is_used_once(changesets: list[Changeset]) -> None:
    outcomes, _ = in_a_file([changesets])
    done = [changeset for changeset, outcome in zip(changesets, outcomes, strict=True) if outcome == Committed()]
    nonces = [changeset.spent for changeset in done if changeset.spent]
    versions = [(each.account.account.id, each.account.expected_version) for each in done if each.account]
    moves = [(move.challenge.id, move.expected_version) for changeset in done for move in changeset.challenges]
    answers = {(each.answer.caller, each.answer.key): each.answer for each in done if each.answer}
    claims = {(claim, each.account.account.id) for each in done if each.account for claim in each.account.claims}
    for used in (nonces, versions, moves):
        assert len(set(used)) == len(used)
    assert len({claim for claim, _ in claims}) == len(claims)
    assert len(answers) == sum(changeset.answer is not None for changeset in done)
    for changeset, outcome in zip(changesets, outcomes, strict=True):
        if isinstance(outcome, Repeated):
            assert changeset.answer is not None
            assert outcome.answer == answers[changeset.answer.caller, changeset.answer.key]
            assert outcome.answer.request_sha256 == changeset.answer.request_sha256
        if isinstance(outcome, Limited):
            assert outcome.kind is CounterKind.FAILED_SIGN_IN
    check_windows(done)


def check_windows(done: list[Changeset]) -> None:
    """Nothing was let into a window that was full."""
    totals: dict[int, int] = {}
    for count in (count for changeset in done for count in changeset.counts):
        window = count.at // count.window_s
        assert count.limit is None or totals.get(window, 0) < count.limit
        totals[window] = totals.get(window, 0) + count.adds
