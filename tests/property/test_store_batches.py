"""However requests are batched, the store answers each as if it had come alone."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

import builders as b
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import ChallengeChange, Changeset, Committed, CounterKind, Limited, Outcome, Repeated
from pteri.domain.challenge import ChallengeEvent
from whole import check_whole

LIMIT = 2
FEW = st.integers(1, 3)

ACCOUNTS = [opening.account for opening in (b.opening(1), b.opening(2))] + [
    b.change(b.opened(1), b.signed_in(b.opened(1), second)) for second in (1, 2)
]
CHALLENGES = st.one_of(
    FEW.map(lambda number: ChallengeChange(0, b.sign_in(number))),
    FEW.map(lambda number: ChallengeChange(1, b.sign_in(number).after(ChallengeEvent.VERIFY))),
)
CHANGESETS = st.builds(
    Changeset,
    tenant=st.just(b.TENANT),
    answer=st.none() | st.builds(b.answer, FEW, caller=st.integers(1, 2), request=st.sampled_from("ab")),
    spent=st.none() | FEW.map(b.nonce),
    challenges=st.lists(CHALLENGES, max_size=2).map(tuple),
    account=st.none() | st.sampled_from(ACCOUNTS),
    notices=st.lists(FEW.map(b.notice), max_size=1).map(tuple),
    counts=st.lists(st.just(b.count(limit=LIMIT)), max_size=2).map(tuple),
)


def run(place: str, name: str, batches: list[list[Changeset]]) -> tuple[list[Outcome], list[str]]:
    """Outcomes, and every row of the database afterwards."""
    path = Path(place) / name

    async def work() -> list[Outcome]:
        store = SqliteStore.open(path)
        outcomes = [outcome for batch in batches for outcome in await store.commit(batch)]
        await check_whole(store)
        await store.close()
        return outcomes

    outcomes = asyncio.run(work())
    with closing(sqlite3.connect(path)) as connection:
        return outcomes, list(connection.iterdump())


@settings(max_examples=80, deadline=None)
@given(st.lists(CHANGESETS, max_size=12), st.integers(0, 12))
def test_a_batch_gives_what_its_changesets_give_one_by_one(changesets: list[Changeset], middle: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        together = run(place, "together", [changesets])
        assert run(place, "apart", [[changeset] for changeset in changesets]) == together
        assert run(place, "halved", [changesets[:middle], changesets[middle:]]) == together


@settings(max_examples=80, deadline=None)
@given(st.lists(CHANGESETS, min_size=8, max_size=30))
def test_in_any_batch_each_nonce_key_and_version_is_used_once(changesets: list[Changeset]) -> None:
    with tempfile.TemporaryDirectory() as place:
        outcomes, _ = run(place, "store", [changesets])
    done = [changeset for changeset, outcome in zip(changesets, outcomes, strict=True) if outcome == Committed()]
    nonces = [changeset.spent for changeset in done if changeset.spent]
    versions = [(each.account.account.id, each.account.expected_version) for each in done if each.account]
    moves = [(move.challenge.id, move.expected_version) for changeset in done for move in changeset.challenges]
    answers = {(each.answer.caller, each.answer.key): each.answer for each in done if each.answer}
    for used in (nonces, versions, moves):
        assert len(set(used)) == len(used)
    assert len(answers) == sum(changeset.answer is not None for changeset in done)
    assert sum(len(changeset.counts) for changeset in done) <= LIMIT
    for changeset, outcome in zip(changesets, outcomes, strict=True):
        if isinstance(outcome, Repeated):
            assert changeset.answer is not None
            assert outcome.answer == answers[changeset.answer.caller, changeset.answer.key]
            assert outcome.answer.request_sha256 == changeset.answer.request_sha256
        if isinstance(outcome, Limited):
            assert outcome.kind is CounterKind.FAILED_SIGN_IN
