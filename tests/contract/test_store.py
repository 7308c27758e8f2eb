"""The store: atomic, durable, serial, once and apart, one test per promise, over every backend."""

from __future__ import annotations

import msgspec
import pytest

import builders as b
from commits import OpenStore, committed, one, shown
from pteri.app.ports import (
    ChallengeChange,
    Changeset,
    Claim,
    ClaimKind,
    Committed,
    Conflict,
    ConflictKind,
    CounterKind,
    Limited,
    Repeated,
    Store,
)
from pteri.domain.challenge import ChallengeEvent

pytestmark = pytest.mark.anyio

replace = msgspec.structs.replace

OPEN = b.opened()
ASKED = b.sign_in()
APPROVAL = b.approval(OPEN, ASKED)
APPROVAL_CLAIMS = b.change_of(APPROVAL).claims


# --- atomic, durable ----------------------------------------------------------------------------------------


async def test_a_committed_changeset_is_visible_whole(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED), APPROVAL)
    change = b.change_of(APPROVAL)
    assert await store.account(b.TENANT, OPEN.id) == change.account
    assert await store.history(b.TENANT, OPEN.id, 1, 10) == list(change.events)
    assert await store.challenge(b.TENANT, ASKED.id) == APPROVAL.challenges[0].challenge
    assert await store.answer(b.TENANT, b.thumbprint(), b.key()) == APPROVAL.answer
    assert await store.notices(b.TENANT, OPEN.id, b.LATER, 10) == list(APPROVAL.notices)
    assert await store.count(b.TENANT, APPROVAL.counts[0]) == 1
    assert [await store.owner(b.TENANT, claim) for claim in change.claims] == [OPEN.id]


async def test_what_one_handle_committed_every_other_handle_sees(open_store: OpenStore) -> None:
    writer, reader = await open_store(), await open_store()
    await committed(writer, b.opening(), b.issued(ASKED), APPROVAL)
    assert await shown(reader) == await shown(writer)


async def test_what_was_committed_is_there_after_everything_was_closed(open_store: OpenStore) -> None:
    first = await open_store()
    await committed(first, b.opening(), b.issued(ASKED), APPROVAL)
    before = await shown(first)
    await first.close()
    assert await shown(await open_store()) == before


async def test_an_empty_batch_and_an_empty_changeset_change_nothing(store: Store) -> None:
    before = await shown(store)
    assert await store.commit([]) == []
    assert await one(store, Changeset(b.TENANT)) == Committed()
    assert await shown(store) == before


SPENT_ELSEWHERE = b.sign_in(2)
REFUSED = {
    "account version": (
        replace(APPROVAL, account=b.change_of(b.moved(b.change_of(b.moved(OPEN, 1)).account, 2))),
        Conflict(ConflictKind.ACCOUNT_VERSION),
    ),
    "account exists": (
        replace(APPROVAL, account=b.change_of(b.opening())),
        Conflict(ConflictKind.ACCOUNT_VERSION),
    ),
    "account unknown": (
        replace(APPROVAL, account=b.change_of(b.moved(b.opened(9), 1))),
        Conflict(ConflictKind.ACCOUNT_VERSION),
    ),
    "challenge version": (
        replace(APPROVAL, challenges=(ChallengeChange(2, replace(ASKED, version=3)),)),
        Conflict(ConflictKind.CHALLENGE_VERSION),
    ),
    "challenge unknown": (
        replace(APPROVAL, challenges=(ChallengeChange(1, replace(b.sign_in(9), version=2)),)),
        Conflict(ConflictKind.CHALLENGE_VERSION),
    ),
    "challenge exists": (
        replace(APPROVAL, challenges=(ChallengeChange(0, replace(ASKED, nonce=b.nonce(9))),)),
        Conflict(ConflictKind.CHALLENGE_VERSION),
    ),
    "nonce of a living challenge": (
        replace(APPROVAL, challenges=(ChallengeChange(0, replace(b.sign_in(9), nonce=ASKED.nonce)),), spent=None),
        Conflict(ConflictKind.NONCE_SPENT),
    ),
    "nonce spent": (
        replace(APPROVAL, spent=SPENT_ELSEWHERE.nonce),
        Conflict(ConflictKind.NONCE_SPENT),
    ),
    "challenge with a spent nonce": (
        replace(APPROVAL, challenges=(*APPROVAL.challenges, ChallengeChange(0, SPENT_ELSEWHERE))),
        Conflict(ConflictKind.NONCE_SPENT),
    ),
    "second claim taken": (
        replace(
            APPROVAL,
            account=replace(
                b.change_of(APPROVAL), claims=(*APPROVAL_CLAIMS, Claim(ClaimKind.WALLET, b.digest("taken")))
            ),
        ),
        Conflict(ConflictKind.CLAIM_TAKEN, ClaimKind.WALLET),
    ),
    "key reused": (
        replace(APPROVAL, answer=b.answer(2, request="another request")),
        Conflict(ConflictKind.KEY_REUSED),
    ),
    "second limit": (
        replace(APPROVAL, counts=(*APPROVAL.counts, b.count("limited", limit=1))),
        Limited(CounterKind.FAILED_SIGN_IN, retry_at=b.NOW // 3600 * 3600 + 3600),
    ),
}


async def prepared(store: Store) -> None:
    """Account 1 and its challenge wait for the approval; another account holds what a bad changeset wants."""
    taken = b.change(None, b.bound(3), claims=(Claim(ClaimKind.WALLET, b.digest("taken")),))
    await committed(
        store,
        b.opening(),
        b.issued(ASKED),
        Changeset(b.TENANT, answer=b.answer(2), spent=SPENT_ELSEWHERE.nonce, account=taken),
        Changeset(b.TENANT, counts=(b.count("limited"),)),
    )


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refused_changeset_says_why_and_leaves_nothing_behind(store: Store, name: str) -> None:
    changeset, outcome = REFUSED[name]
    await prepared(store)
    before = await shown(store)
    assert await one(store, changeset) == outcome
    assert await shown(store) == before
    # Its nonce is not spent either: the right changeset still goes through.
    assert await one(store, APPROVAL) == Committed()


# --- apart --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFUSED)
async def test_a_refused_changeset_hurts_no_other_of_its_batch(store: Store, name: str) -> None:
    changeset, outcome = REFUSED[name]
    await prepared(store)
    before, after = b.opening(4), b.opening(5)
    assert await store.commit([before, changeset, after, APPROVAL]) == [
        Committed(),
        outcome,
        Committed(),
        Committed(),
    ]
    assert await store.account(b.TENANT, b.account_id(4)) == b.opened(4)
    assert await store.account(b.TENANT, b.account_id(5)) == b.opened(5)


async def test_a_batch_is_applied_in_order(store: Store) -> None:
    first = b.moved(OPEN, 1)
    second = b.moved(b.change_of(first).account, 2)
    assert await store.commit([b.opening(), first, second]) == [Committed()] * 3
    assert await store.account(b.TENANT, OPEN.id) == b.change_of(second).account


# --- serial -------------------------------------------------------------------------------------------------


async def test_of_two_commits_from_one_account_version_the_second_gets_a_conflict(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    await committed(here, b.opening())
    assert await one(here, b.moved(OPEN, 1)) == Committed()
    assert await one(there, b.moved(OPEN, 2)) == Conflict(ConflictKind.ACCOUNT_VERSION)


async def test_of_two_commits_from_one_account_version_in_one_batch_the_second_gets_a_conflict(store: Store) -> None:
    await committed(store, b.opening())
    assert await store.commit([b.moved(OPEN, 1), b.moved(OPEN, 2)]) == [
        Committed(),
        Conflict(ConflictKind.ACCOUNT_VERSION),
    ]


async def test_an_account_is_bound_once(store: Store) -> None:
    assert await store.commit([b.opening(), b.opening()]) == [
        Committed(),
        Conflict(ConflictKind.ACCOUNT_VERSION),
    ]


async def test_of_two_changes_from_one_challenge_version_the_second_gets_a_conflict(store: Store) -> None:
    await committed(store, b.issued(ASKED))
    verified = Changeset(b.TENANT, challenges=(ChallengeChange(1, ASKED.after(ChallengeEvent.VERIFY)),))
    cancelled = Changeset(b.TENANT, challenges=(ChallengeChange(1, ASKED.after(ChallengeEvent.CANCEL)),))
    assert await store.commit([verified, cancelled]) == [
        Committed(),
        Conflict(ConflictKind.CHALLENGE_VERSION),
    ]
    assert await store.challenge(b.TENANT, ASKED.id) == verified.challenges[0].challenge


async def test_one_changeset_may_move_several_challenges(store: Store) -> None:
    other = b.sign_in(2)
    await committed(store, b.issued(ASKED, other))
    moves = tuple(ChallengeChange(1, each.after(ChallengeEvent.CANCEL)) for each in (ASKED, other))
    await committed(store, Changeset(b.TENANT, challenges=moves))
    assert await store.challenge(b.TENANT, other.id) == moves[1].challenge


async def test_an_old_challenge_version_does_not_come_back(store: Store) -> None:
    verified = ASKED.after(ChallengeEvent.VERIFY)
    await committed(store, b.issued(ASKED), Changeset(b.TENANT, challenges=(ChallengeChange(1, verified),)))
    again = Changeset(b.TENANT, challenges=(ChallengeChange(1, verified),))
    assert await one(store, again) == Conflict(ConflictKind.CHALLENGE_VERSION)


# --- once ---------------------------------------------------------------------------------------------------


async def test_a_nonce_is_spent_once(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await one(here, Changeset(b.TENANT, spent=b.nonce())) == Committed()
    assert await one(there, Changeset(b.TENANT, spent=b.nonce())) == Conflict(ConflictKind.NONCE_SPENT)


async def test_it_is_known_which_nonces_were_spent_and_in_which_tenant(store: Store) -> None:
    await committed(store, Changeset(b.TENANT, spent=b.nonce(1)), b.issued(b.sign_in(2)))
    assert await store.is_spent(b.TENANT, b.nonce(1))
    assert not await store.is_spent(b.OTHER_TENANT, b.nonce(1))
    assert not await store.is_spent(b.TENANT, b.nonce(2))  # it waits


async def test_a_nonce_repeated_inside_one_batch_is_spent_once(store: Store) -> None:
    outcomes = await store.commit([Changeset(b.TENANT, spent=b.nonce())] * 66)
    assert outcomes == [Committed()] + [Conflict(ConflictKind.NONCE_SPENT)] * 65


async def test_a_nonce_stays_spent_when_its_challenge_and_answer_are_forgotten(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED), b.response(OPEN, ASKED))
    assert await store.forget_answers(b.NOW + 10**6, 100) > 0
    assert await one(store, Changeset(b.TENANT, spent=ASKED.nonce)) == Conflict(ConflictKind.NONCE_SPENT)
    assert await one(store, b.issued(ASKED)) == Conflict(ConflictKind.NONCE_SPENT)


async def test_two_new_challenges_cannot_share_a_nonce(store: Store) -> None:
    twin = replace(b.sign_in(2), nonce=ASKED.nonce)
    assert await one(store, b.issued(ASKED, twin)) == Conflict(ConflictKind.NONCE_SPENT)
    assert await store.challenge(b.TENANT, ASKED.id) is None


async def test_a_challenge_may_be_issued_and_answered_in_one_changeset(store: Store) -> None:
    answered = ASKED.after(ChallengeEvent.VERIFY)
    await committed(store, replace(b.issued(answered), spent=ASKED.nonce))
    assert await one(store, Changeset(b.TENANT, spent=ASKED.nonce)) == Conflict(ConflictKind.NONCE_SPENT)


async def test_a_repeat_reads_the_first_answer_word_for_word_and_changes_nothing(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED), APPROVAL)
    before = await shown(store)
    later = replace(b.answer_of(APPROVAL), status=500, body=b"something else", at=b.NOW + 60)
    assert await one(store, replace(APPROVAL, answer=later)) == Repeated(b.answer_of(APPROVAL))
    assert await shown(store) == before


async def test_a_repeat_inside_one_batch_reads_the_first_answer(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED))
    assert await store.commit([APPROVAL, APPROVAL]) == [Committed(), Repeated(b.answer_of(APPROVAL))]


async def test_a_repeat_of_a_refused_request_is_judged_anew(store: Store) -> None:
    early = b.moved(OPEN, 1, answered=1)
    assert await store.commit([early, b.opening(), early]) == [
        Conflict(ConflictKind.ACCOUNT_VERSION),
        Committed(),
        Committed(),
    ]


async def test_sv_05_a_key_with_another_request_is_refused(store: Store) -> None:
    await committed(store, Changeset(b.TENANT, answer=b.answer()))
    again = Changeset(b.TENANT, answer=b.answer(request="another request"))
    assert await one(store, again) == Conflict(ConflictKind.KEY_REUSED)


async def test_the_recorded_answer_comes_before_every_other_reason(store: Store) -> None:
    await committed(store, Changeset(b.TENANT, answer=b.answer(), spent=b.nonce()))
    full = b.count(limit=0)
    again = Changeset(
        b.TENANT, answer=b.answer(), spent=b.nonce(), counts=(full,), account=b.change(OPEN, b.signed_in(OPEN))
    )
    assert await one(store, again) == Repeated(b.answer())
    assert await store.count(b.TENANT, full) == 0


async def test_two_callers_may_choose_the_same_key(store: Store) -> None:
    mine, yours = b.answer(caller=1), b.answer(caller=2, body=b"for you")
    await committed(store, Changeset(b.TENANT, answer=mine), Changeset(b.TENANT, answer=yours))
    assert await store.answer(b.TENANT, b.thumbprint(2), b.key()) == yours


@pytest.mark.parametrize("body", [b"", b"\x00\xff" * 1000], ids=["empty", "any bytes"])
async def test_an_answer_keeps_its_bytes(store: Store, body: bytes) -> None:
    await committed(store, Changeset(b.TENANT, answer=b.answer(body=body)))
    assert await store.answer(b.TENANT, b.thumbprint(), b.key()) == b.answer(body=body)


async def test_there_is_no_answer_to_what_was_never_asked(store: Store) -> None:
    assert await store.answer(b.TENANT, b.thumbprint(), b.key()) is None


async def test_what_is_pinned_first_stays_for_ever(open_store: OpenStore) -> None:
    first, second = await open_store(), await open_store()
    assert await first.pin("deployment key", "one") == "one"
    assert await second.pin("deployment key", "two") == "one"
    assert await first.pin("deployment key", "two") == "one"
    assert await second.pin("another name", "two") == "two"
