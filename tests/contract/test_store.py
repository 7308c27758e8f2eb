"""What :class:`pteri.app.ports.Store` promises, one test per promise, over every backend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec
import pytest

import builders as b
from pteri.adapters.store.errors import InconsistentChangeset
from pteri.app.ports import (
    AccountChange,
    Answer,
    ChallengeChange,
    Changeset,
    Claim,
    ClaimKind,
    Committed,
    Conflict,
    ConflictKind,
    CounterKind,
    Limited,
    LogEntry,
    Outcome,
    Repeated,
    Store,
)
from pteri.core.ids import TenantId
from pteri.domain.account import Account, fold
from pteri.domain.challenge import Challenge, ChallengeEvent

pytestmark = pytest.mark.anyio

OpenStore = Callable[[], Awaitable[Store]]
replace = msgspec.structs.replace

OPEN = b.opened()
ASKED = b.sign_in()
APPROVAL = b.approval(OPEN, ASKED)


async def one(store: Store, changeset: Changeset) -> Outcome:
    [outcome] = await store.commit([changeset])
    return outcome


async def committed(store: Store, *changesets: Changeset) -> None:
    assert await store.commit(changesets) == [Committed()] * len(changesets)


async def shown(store: Store) -> list[object]:
    """Everything that a changeset of account 1, challenge 1 and their numbers could have left behind."""
    tenant, account = b.TENANT, b.account_id()
    return [
        await store.accounts(None, 100),
        await store.history(tenant, account, 0, 100),
        [await store.challenge(tenant, b.request_id(number)) for number in range(1, 4)],
        [await store.answer(tenant, b.thumbprint(), b.key(number)) for number in range(1, 4)],
        [await store.owner(tenant, claim) for claim in (*b.claims_of(OPEN), *APPROVAL_CLAIMS)],
        await store.notices(tenant, account, 100),
        [await store.count(tenant, count) for count in APPROVAL.counts],
        await store.prompts(tenant, account, b.NOW),
    ]


def account_change(changeset: Changeset) -> AccountChange:
    assert changeset.account is not None
    return changeset.account


def given(changeset: Changeset) -> Answer:
    assert changeset.answer is not None
    return changeset.answer


APPROVAL_CLAIMS = account_change(APPROVAL).claims


def moved(account: Account, number: int, answer: int | None = None) -> Changeset:
    """Account one event further, answered under key ``answer`` if given."""
    return Changeset(
        account.tenant,
        answer=None if answer is None else b.answer(answer),
        account=b.change(account, b.signed_in(account, number)),
    )


# --- atomic, durable ----------------------------------------------------------------------------------------------


async def test_a_committed_changeset_is_visible_whole(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED), APPROVAL)
    change = account_change(APPROVAL)
    assert await store.account(b.TENANT, OPEN.id) == change.account
    assert await store.history(b.TENANT, OPEN.id, 1, 10) == list(change.events)
    assert await store.challenge(b.TENANT, ASKED.id) == APPROVAL.challenges[0].challenge
    assert await store.answer(b.TENANT, b.thumbprint(), b.key()) == APPROVAL.answer
    assert await store.notices(b.TENANT, OPEN.id, 10) == list(APPROVAL.notices)
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
        replace(APPROVAL, account=account_change(moved(account_change(moved(OPEN, 1)).account, 2))),
        Conflict(ConflictKind.ACCOUNT_VERSION),
    ),
    "account exists": (
        replace(APPROVAL, account=account_change(b.opening())),
        Conflict(ConflictKind.ACCOUNT_VERSION),
    ),
    "account unknown": (
        replace(APPROVAL, account=account_change(moved(b.opened(9), 1))),
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
                account_change(APPROVAL), claims=(*APPROVAL_CLAIMS, Claim(ClaimKind.WALLET, b.digest("taken")))
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


# --- apart --------------------------------------------------------------------------------------------------------


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
    first = moved(OPEN, 1)
    second = moved(account_change(first).account, 2)
    assert await store.commit([b.opening(), first, second]) == [Committed()] * 3
    assert await store.account(b.TENANT, OPEN.id) == account_change(second).account


# --- serial -------------------------------------------------------------------------------------------------------


async def test_of_two_commits_from_one_account_version_the_second_gets_a_conflict(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    await committed(here, b.opening())
    assert await one(here, moved(OPEN, 1)) == Committed()
    assert await one(there, moved(OPEN, 2)) == Conflict(ConflictKind.ACCOUNT_VERSION)


async def test_of_two_commits_from_one_account_version_in_one_batch_the_second_gets_a_conflict(store: Store) -> None:
    await committed(store, b.opening())
    assert await store.commit([moved(OPEN, 1), moved(OPEN, 2)]) == [
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


# --- once ---------------------------------------------------------------------------------------------------------


async def test_a_nonce_is_spent_once(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await one(here, Changeset(b.TENANT, spent=b.nonce())) == Committed()
    assert await one(there, Changeset(b.TENANT, spent=b.nonce())) == Conflict(ConflictKind.NONCE_SPENT)


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
    later = replace(given(APPROVAL), status=500, body=b"something else", at=b.NOW + 60)
    assert await one(store, replace(APPROVAL, answer=later)) == Repeated(given(APPROVAL))
    assert await shown(store) == before


async def test_a_repeat_inside_one_batch_reads_the_first_answer(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED))
    assert await store.commit([APPROVAL, APPROVAL]) == [Committed(), Repeated(given(APPROVAL))]


async def test_a_repeat_of_a_refused_request_is_judged_anew(store: Store) -> None:
    early = moved(OPEN, 1, answer=1)
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


# --- claims -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ClaimKind)
async def test_what_one_account_claimed_no_other_account_gets(store: Store, kind: ClaimKind) -> None:
    claim = Claim(kind, b.digest("something that only one can have"))
    first = Changeset(b.TENANT, account=b.change(None, b.bound(1), claims=(claim,)))
    second = Changeset(b.TENANT, account=b.change(None, b.bound(2), claims=(claim,)))
    assert await store.commit([first, second]) == [Committed(), Conflict(ConflictKind.CLAIM_TAKEN, kind)]
    assert await store.owner(b.TENANT, claim) == b.account_id(1)


async def test_an_account_may_claim_again_what_it_holds(store: Store) -> None:
    again = b.change(OPEN, b.signed_in(OPEN), claims=b.claims_of(OPEN))
    await committed(store, b.opening(), Changeset(b.TENANT, account=again))


async def test_one_value_may_be_claimed_once_per_kind_and_tenant(store: Store) -> None:
    login, phone = Claim(ClaimKind.LOGIN, b.digest("same")), Claim(ClaimKind.DEVICE, b.digest("same"))
    await committed(
        store,
        Changeset(b.TENANT, account=b.change(None, b.bound(1), claims=(login,))),
        Changeset(b.TENANT, account=b.change(None, b.bound(2), claims=(phone,))),
        Changeset(b.OTHER_TENANT, account=b.change(None, b.bound(1, tenant=b.OTHER_TENANT), claims=(login,))),
    )


async def test_nobody_owns_what_nobody_claimed(store: Store) -> None:
    assert await store.owner(b.TENANT, Claim(ClaimKind.LOGIN, b.digest("nobody"))) is None


# --- counts -------------------------------------------------------------------------------------------------------

START = b.NOW // 3600 * 3600


async def test_a_window_holds_as_many_as_its_limit_and_names_the_second_it_opens_again(store: Store) -> None:
    counted = Changeset(b.TENANT, counts=(b.count(limit=3),))
    full = Limited(CounterKind.FAILED_SIGN_IN, retry_at=START + 3600)
    assert await store.commit([counted] * 5) == [Committed()] * 3 + [full] * 2
    assert await store.count(b.TENANT, b.count()) == 3


async def test_a_new_window_begins_at_a_multiple_of_its_length(store: Store) -> None:
    last = Changeset(b.TENANT, counts=(b.count(at=START + 3599, limit=1),))
    first = Changeset(b.TENANT, counts=(b.count(at=START + 3600, limit=1),))
    assert await store.commit([last, first, first]) == [
        Committed(),
        Committed(),
        Limited(CounterKind.FAILED_SIGN_IN, retry_at=START + 7200),
    ]
    assert await store.count(b.TENANT, b.count(at=START)) == 1


async def test_a_node_whose_clock_is_behind_counts_in_the_older_window(store: Store) -> None:
    newer, older = b.count(at=START + 3600, limit=1), b.count(at=START + 3599, limit=1)
    await committed(store, Changeset(b.TENANT, counts=(newer,)), Changeset(b.TENANT, counts=(older,)))
    assert [await store.count(b.TENANT, each) for each in (newer, older)] == [1, 1]


async def test_a_limit_of_zero_lets_nothing_in(store: Store) -> None:
    outcome = await one(store, Changeset(b.TENANT, counts=(b.count(limit=0),)))
    assert outcome == Limited(CounterKind.FAILED_SIGN_IN, retry_at=START + 3600)
    assert await store.count(b.TENANT, b.count()) == 0


async def test_without_a_limit_everything_is_counted(store: Store) -> None:
    await committed(store, *[Changeset(b.TENANT, counts=(b.count(),))] * 50)
    assert await store.count(b.TENANT, b.count(limit=3)) == 50
    assert isinstance(await one(store, Changeset(b.TENANT, counts=(b.count(limit=50),))), Limited)


async def test_one_changeset_may_count_the_same_thing_twice(store: Store) -> None:
    twice = Changeset(b.TENANT, counts=(b.count(limit=3), b.count(limit=3)))
    assert await store.commit([twice, twice]) == [
        Committed(),
        Limited(CounterKind.FAILED_SIGN_IN, retry_at=START + 3600),
    ]
    assert await store.count(b.TENANT, b.count()) == 2


async def test_each_kind_subject_window_and_tenant_is_counted_apart(store: Store) -> None:
    mine = b.count("me", limit=1)
    others = (
        b.count("you", limit=1),
        b.count("me", kind=CounterKind.PROMPT, limit=1),
        b.count("me", window_s=86_400, limit=1),
    )
    await committed(
        store,
        Changeset(b.TENANT, counts=(mine, *others)),
        Changeset(b.OTHER_TENANT, counts=(mine,)),
    )
    assert isinstance(await one(store, Changeset(b.TENANT, counts=(mine,))), Limited)


# --- for ever, complete -------------------------------------------------------------------------------------------


async def some_history(store: Store) -> list[Changeset]:
    """Two tenants, three accounts, seven events."""
    opened = [b.opening(2), b.opening(1, tenant=b.OTHER_TENANT), b.opening(1)]
    moves = [moved(OPEN, 1)]
    moves.append(moved(account_change(moves[0]).account, 2))
    moves += [moved(b.opened(2), 1), moved(b.opened(1, tenant=b.OTHER_TENANT), 1)]
    await committed(store, *opened, *moves)
    return opened + moves


async def whole_log(store: Store) -> list[LogEntry]:
    return await store.log(0, 1000)


def place(entry: LogEntry) -> tuple[str, str, int]:
    return entry.recorded.tenant, entry.recorded.account, entry.recorded.seq


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_every_event_gets_one_position_without_gaps_in_order_of_its_account(store: Store, limit: int) -> None:
    changesets = await some_history(store)
    given_positions = []
    while taken := await store.sequence(limit):
        given_positions.append(taken)
    log = await whole_log(store)
    assert max(given_positions) <= limit
    assert sum(given_positions) == len(log) == 7
    assert [entry.position for entry in log] == list(range(7))
    events = [event for changeset in changesets for event in account_change(changeset).events]
    assert sorted(map(place, log)) == sorted((event.tenant, event.account, event.seq) for event in events)
    for account in {place(entry)[:2] for entry in log}:
        seqs = [entry.recorded.seq for entry in log if place(entry)[:2] == account]
        assert seqs == list(range(1, len(seqs) + 1))
    assert all(entry.recorded in events for entry in log)


async def test_an_event_has_no_position_before_the_sequencer_gives_one(store: Store) -> None:
    await some_history(store)
    assert await whole_log(store) == []
    assert await store.sequence(0) == 0
    assert await whole_log(store) == []


async def test_later_events_continue_the_log_where_it_stands(store: Store) -> None:
    await some_history(store)
    await store.sequence(100)
    before = await whole_log(store)
    await committed(store, b.opening(3))
    assert await store.sequence(100) == 1
    assert (await whole_log(store))[:7] == before
    [last] = await store.log(7, 100)
    assert (last.position, last.recorded.account) == (7, b.account_id(3))


async def test_two_sequencers_give_no_event_two_positions(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    await some_history(here)
    assert [await here.sequence(4), await there.sequence(4), await here.sequence(4)] == [4, 3, 0]
    assert len({place(entry) for entry in await whole_log(here)}) == 7


async def test_the_log_is_read_in_pages(store: Store) -> None:
    await some_history(store)
    await store.sequence(100)
    log = await whole_log(store)
    assert [await store.log(start, 3) for start in (0, 3, 6, 7)] == [log[0:3], log[3:6], log[6:7], []]
    assert await store.log(0, 0) == []


async def test_nothing_that_a_store_does_changes_an_event(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED), APPROVAL)
    before = await store.history(b.TENANT, OPEN.id, 0, 100)
    await store.sequence(100)
    await store.forget_answers(b.NOW + 10**6, 100)
    await store.commit([APPROVAL, b.opening(), moved(OPEN, 1)])
    assert await store.history(b.TENANT, OPEN.id, 0, 100) == before


async def test_a_stored_account_is_the_fold_of_its_events(store: Store) -> None:
    await some_history(store)
    for account in await store.accounts(None, 100):
        history = await store.history(account.tenant, account.id, 0, 100)
        assert account == fold(recorded.event for recorded in history)


# --- reading ------------------------------------------------------------------------------------------------------

CHALLENGES = {
    "sign-in": ASKED,
    "binding": b.binding(),
    "decoy": b.decoy(),
    "statement": b.removal_asked(OPEN),
    "answered": replace(
        ASKED.after(ChallengeEvent.VERIFY),
        answered_by=b.thumbprint(),
        code_mac=b.digest("code"),
        sealed=b"\x00\xff",
        mistypes=2,
    ),
}


@pytest.mark.parametrize("challenge", CHALLENGES.values(), ids=CHALLENGES.keys())
async def test_a_challenge_is_read_as_it_was_written(store: Store, challenge: Challenge) -> None:
    await committed(store, b.issued(challenge))
    assert await store.challenge(b.TENANT, challenge.id) == challenge


async def test_unknown_ids_read_as_nothing(store: Store) -> None:
    assert await store.challenge(b.TENANT, b.request_id()) is None
    assert await store.account(b.TENANT, b.account_id()) is None
    assert await store.history(b.TENANT, b.account_id(), 0, 10) == []
    assert await store.notices(b.TENANT, b.account_id(), 10) == []
    assert await store.prompts(b.TENANT, b.account_id(), b.NOW) == []
    assert await store.accounts(None, 10) == []


async def test_sv_16_another_tenant_sees_nothing_by_the_same_ids(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED), APPROVAL)
    assert await store.challenge(b.OTHER_TENANT, ASKED.id) is None
    assert await store.account(b.OTHER_TENANT, OPEN.id) is None
    assert await store.history(b.OTHER_TENANT, OPEN.id, 0, 10) == []
    assert await store.notices(b.OTHER_TENANT, OPEN.id, 10) == []
    assert await store.answer(b.OTHER_TENANT, b.thumbprint(), b.key()) is None
    assert await store.owner(b.OTHER_TENANT, b.claims_of(OPEN)[0]) is None
    assert await store.count(b.OTHER_TENANT, APPROVAL.counts[0]) == 0


async def test_tenants_with_the_same_ids_do_not_meet(store: Store) -> None:
    mine, theirs = b.sign_in(), b.sign_in(tenant=b.OTHER_TENANT)
    await committed(
        store,
        b.opening(),
        b.opening(tenant=b.OTHER_TENANT),
        b.issued(mine),
        b.issued(theirs),
        Changeset(b.TENANT, spent=b.nonce(), answer=b.answer()),
        Changeset(b.OTHER_TENANT, spent=b.nonce(), answer=b.answer(request="another request")),
    )
    assert await store.challenge(b.OTHER_TENANT, theirs.id) == theirs
    assert await store.prompts(b.TENANT, OPEN.id, b.NOW) == [mine]


async def test_prompts_are_the_live_unanswered_sign_ins_newest_first(store: Store) -> None:
    oldest, newest = b.sign_in(1, issued_at=b.NOW - 60), b.sign_in(2, issued_at=b.NOW)
    answered = b.sign_in(3, issued_at=b.NOW - 30)
    not_prompted = (
        b.sign_in(4, prompted=False),
        b.sign_in(5, issued_at=b.NOW - 120),  # half-open: dead in this very second
        b.sign_in(6, issued_at=b.NOW + 1),
        b.sign_in(7, account=2),
        replace(b.decoy(8), prompted=True),
        replace(b.removal_asked(OPEN, 9), prompted=True),
    )
    await committed(store, b.issued(oldest, newest, answered, *not_prompted))
    await committed(store, Changeset(b.TENANT, challenges=(ChallengeChange(1, answered.after(ChallengeEvent.VERIFY)),)))
    assert await store.prompts(b.TENANT, OPEN.id, b.NOW) == [newest, oldest]


async def test_a_phone_is_shown_at_most_twenty_prompts(store: Store) -> None:
    many = [b.sign_in(number, issued_at=b.NOW - number) for number in range(1, 26)]
    await committed(store, b.issued(*many))
    assert await store.prompts(b.TENANT, OPEN.id, b.NOW) == many[:20]


async def test_a_challenge_that_becomes_prompted_is_listed(store: Store) -> None:
    quiet = b.sign_in(prompted=False)
    loud = replace(quiet, prompted=True, version=2)
    await committed(store, b.issued(quiet), Changeset(b.TENANT, challenges=(ChallengeChange(1, loud),)))
    assert await store.prompts(b.TENANT, OPEN.id, b.NOW) == [loud]


async def test_history_is_read_in_pages(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED), APPROVAL)
    events = await store.history(b.TENANT, OPEN.id, 0, 100)
    assert [event.seq for event in events] == [1, 2, 3]
    assert await store.history(b.TENANT, OPEN.id, 1, 1) == events[1:2]
    assert await store.history(b.TENANT, OPEN.id, 3, 100) == []


async def test_notices_are_read_newest_first(store: Store) -> None:
    old, new = b.notice(1, at=b.NOW), b.notice(2, at=b.NOW + 1)
    await committed(store, b.opening(), Changeset(b.TENANT, notices=(new, old, b.notice(1, account=2))))
    assert await store.notices(b.TENANT, OPEN.id, 10) == [new, old]
    assert await store.notices(b.TENANT, OPEN.id, 1) == [new]


async def test_the_same_notice_again_is_no_second_one(store: Store) -> None:
    first, again = b.notice(1), b.notice(1, at=b.NOW + 60)
    await committed(store, Changeset(b.TENANT, notices=(first,)), Changeset(b.TENANT, notices=(again,)))
    assert await store.notices(b.TENANT, OPEN.id, 10) == [first]


async def test_all_accounts_are_read_in_pages_over_all_tenants(store: Store) -> None:
    tenants: Sequence[TenantId] = (b.TENANT, b.OTHER_TENANT)
    await committed(store, *(b.opening(number, tenant=tenant) for tenant in tenants for number in (2, 1, 3)))
    found: list[Account] = []
    after = None
    while page := await store.accounts(after, 2):
        found += page
        after = (page[-1].tenant, page[-1].id)
    expected = sorted((tenant, b.account_id(number)) for tenant in tenants for number in (1, 2, 3))
    assert [(account.tenant, account.id) for account in found] == expected


# --- forgetting ---------------------------------------------------------------------------------------------------


async def test_old_answers_dead_challenges_and_ended_windows_are_forgotten(store: Store) -> None:
    await committed(
        store,
        Changeset(b.TENANT, answer=b.answer()),
        b.issued(ASKED),
        Changeset(b.TENANT, counts=(b.count(),)),
    )
    assert await store.forget_answers(b.NOW, 100) == 0
    assert await store.forget_answers(b.NOW + 1, 100) == 1
    assert await store.answer(b.TENANT, b.thumbprint(), b.key()) is None
    assert await store.forget_answers(ASKED.expires_at, 100) == 0
    assert await store.forget_answers(ASKED.expires_at + 1, 100) == 1
    assert await store.challenge(b.TENANT, ASKED.id) is None
    assert await store.forget_answers(START + 3600, 100) == 0
    assert await store.forget_answers(START + 3601, 100) == 1
    assert await store.count(b.TENANT, b.count()) == 0


async def test_forgetting_takes_small_steps_oldest_first(store: Store) -> None:
    answers = [replace(b.answer(number), at=b.NOW - number) for number in range(1, 6)]
    await committed(store, *(Changeset(b.TENANT, answer=each) for each in answers), b.issued(ASKED))
    later = b.NOW + 10**6
    assert await store.forget_answers(later, 0) == 0
    assert await store.forget_answers(later, 2) == 2
    left = [await store.answer(b.TENANT, b.thumbprint(), each.key) for each in answers]
    assert left == [*answers[:3], None, None]
    assert [await store.forget_answers(later, 2), await store.forget_answers(later, 2)] == [2, 2]
    assert await store.forget_answers(later, 2) == 0


# --- bugs of ours -------------------------------------------------------------------------------------------------

TWO = account_change(APPROVAL)
THEIRS = b.opened(1, tenant=b.OTHER_TENANT)
CONTRADICTIONS = {
    "events with a gap": replace(APPROVAL, account=replace(TWO, events=TWO.events[1:])),
    "events in the wrong order": replace(APPROVAL, account=replace(TWO, events=TWO.events[::-1])),
    "events from another version": replace(APPROVAL, account=replace(TWO, expected_version=2)),
    "a negative version": replace(APPROVAL, account=replace(TWO, expected_version=-1)),
    "no events": replace(APPROVAL, account=replace(TWO, events=())),
    "events that stop short": replace(APPROVAL, account=replace(TWO, events=TWO.events[:1])),
    "an account that did not move": replace(APPROVAL, account=replace(TWO, account=OPEN)),
    "events of another account": replace(
        APPROVAL, account=replace(TWO, events=tuple(replace(event, account=b.account_id(2)) for event in TWO.events))
    ),
    "events of another tenant": replace(
        APPROVAL, account=replace(TWO, events=tuple(replace(event, tenant=b.OTHER_TENANT) for event in TWO.events))
    ),
    "an account of another tenant": Changeset(b.TENANT, account=b.change(THEIRS, b.signed_in(THEIRS))),
    "a challenge of another tenant": replace(
        APPROVAL, challenges=(ChallengeChange(0, b.sign_in(tenant=b.OTHER_TENANT)),)
    ),
    "a challenge that did not move": replace(APPROVAL, challenges=(ChallengeChange(1, ASKED),)),
    "a negative challenge version": replace(APPROVAL, challenges=(ChallengeChange(-1, ASKED),)),
    "a notice of another tenant": replace(APPROVAL, notices=(b.notice(tenant=b.OTHER_TENANT),)),
    "a window without length": replace(APPROVAL, counts=(b.count(window_s=0),)),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
async def test_a_changeset_that_contradicts_itself_is_a_bug_and_stops_its_batch(store: Store, name: str) -> None:
    await committed(store, b.opening(), b.issued(ASKED))
    before = await shown(store)
    with pytest.raises(InconsistentChangeset):
        await store.commit([b.opening(2), CONTRADICTIONS[name]])
    assert await shown(store) == before
    await committed(store, APPROVAL)


async def test_a_negative_limit_is_a_bug_and_not_everything(store: Store) -> None:
    await some_history(store)
    for call in (
        store.log(0, -1),
        store.sequence(-1),
        store.accounts(None, -1),
        store.forget_answers(b.NOW, -1),
        store.history(b.TENANT, OPEN.id, 0, -1),
        store.notices(b.TENANT, OPEN.id, -1),
    ):
        with pytest.raises(ValueError):
            await call
