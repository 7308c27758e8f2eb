"""The store: what is read is what was written, by its own tenant only; and what may be forgotten."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

import builders as b
from commits import committed
from pteri.app.ports import ChallengeChange, Changeset, Claim, ClaimKind, Store
from pteri.core.ids import TenantId
from pteri.domain.account import Account
from pteri.domain.challenge import Challenge, ChallengeEvent

pytestmark = pytest.mark.anyio

replace = msgspec.structs.replace

OPEN = b.opened()
ASKED = b.sign_in()
APPROVAL = b.approval(OPEN, ASKED)
START = b.NOW // 3600 * 3600


# --- reading ------------------------------------------------------------------------------------------------

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
    assert await store.notices(b.TENANT, b.account_id(), b.LATER, 10) == []
    assert await store.positions(b.TENANT, b.account_id(), 0, 10) == []
    assert await store.account_of(b.TENANT, b.claims_of(OPEN)[0]) is None
    assert await store.challenge_and_account(b.TENANT, b.request_id()) == (None, None)
    assert await store.prompts(b.TENANT, b.account_id(), b.NOW) == []
    assert await store.accounts(None, 10) == []


async def test_sv_16_another_tenant_sees_nothing_by_the_same_ids(store: Store) -> None:
    await committed(store, b.opening(), b.issued(ASKED), APPROVAL)
    assert await store.challenge(b.OTHER_TENANT, ASKED.id) is None
    assert await store.account(b.OTHER_TENANT, OPEN.id) is None
    assert await store.history(b.OTHER_TENANT, OPEN.id, 0, 10) == []
    assert await store.notices(b.OTHER_TENANT, OPEN.id, b.LATER, 10) == []
    assert await store.answer(b.OTHER_TENANT, b.thumbprint(), b.key()) is None
    assert await store.owner(b.OTHER_TENANT, b.claims_of(OPEN)[0]) is None
    assert await store.account_of(b.OTHER_TENANT, b.claims_of(OPEN)[0]) is None
    assert await store.challenge_and_account(b.OTHER_TENANT, ASKED.id) == (None, None)
    assert await store.positions(b.OTHER_TENANT, OPEN.id, 0, 10) == []
    assert await store.count(b.OTHER_TENANT, APPROVAL.counts[0]) == 0


async def test_an_account_is_found_by_each_of_its_claims_as_last_committed(store: Store) -> None:
    await committed(store, b.opening(), b.opening(2), b.moved(OPEN, 1))
    now = b.change_of(b.moved(OPEN, 1)).account
    assert [await store.account_of(b.TENANT, claim) for claim in b.claims_of(OPEN)] == [now] * 3
    assert await store.account_of(b.TENANT, b.claims_of(b.opened(2))[0]) == b.opened(2)
    same_value = Claim(ClaimKind.WALLET, b.claims_of(OPEN)[0].value)
    assert await store.account_of(b.TENANT, same_value) is None


async def test_a_challenge_is_read_with_the_account_that_it_is_for(store: Store) -> None:
    moved = b.moved(OPEN, 1)
    await committed(store, b.opening(), b.issued(ASKED, b.decoy(2), b.binding(3)), moved)
    assert await store.challenge_and_account(b.TENANT, ASKED.id) == (ASKED, b.change_of(moved).account)
    # A decoy is for nobody, and a binding is for an account that does not exist yet.
    assert await store.challenge_and_account(b.TENANT, b.request_id(2)) == (b.decoy(2), None)
    assert await store.challenge_and_account(b.TENANT, b.request_id(3)) == (b.binding(3), None)


async def test_in_the_place_of_a_challenge_that_is_not_there_another_account_is_read(store: Store) -> None:
    await committed(store, b.opening(), b.opening(5), b.issued(ASKED, b.decoy(2)))
    other = b.opened(5)
    assert await store.challenge_and_account(b.TENANT, b.request_id(9), other.id) == (None, other)
    assert await store.challenge_and_account(b.TENANT, b.request_id(9), b.account_id(9)) == (None, None)
    assert await store.challenge_and_account(b.OTHER_TENANT, b.request_id(9), other.id) == (None, None)
    # What is recorded counts, also where it is for nobody.
    assert await store.challenge_and_account(b.TENANT, ASKED.id, other.id) == (ASKED, OPEN)
    assert await store.challenge_and_account(b.TENANT, b.request_id(2), other.id) == (b.decoy(2), None)


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
    assert await store.notices(b.TENANT, OPEN.id, b.LATER, 10) == [new, old]
    assert await store.notices(b.TENANT, OPEN.id, b.LATER, 1) == [new]


async def test_a_notice_is_not_read_before_its_time(store: Store) -> None:
    now, later = b.notice(1, at=b.NOW), b.notice(2, at=b.NOW + 60)
    await committed(store, Changeset(b.TENANT, notices=(now, later)))
    assert await store.notices(b.TENANT, OPEN.id, b.NOW + 59, 10) == [now]
    assert await store.notices(b.TENANT, OPEN.id, b.NOW + 60, 10) == [later, now]


async def test_the_same_notice_again_is_no_second_one(store: Store) -> None:
    first, again = b.notice(1), b.notice(1, at=b.NOW + 60)
    await committed(store, Changeset(b.TENANT, notices=(first,)), Changeset(b.TENANT, notices=(again,)))
    assert await store.notices(b.TENANT, OPEN.id, b.LATER, 10) == [first]


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


# --- unfinished ---------------------------------------------------------------------------------------------


def approved(number: int, *, ended_s_ago: int) -> Challenge:
    """A sign-in that a phone approved, and that ended so long ago."""
    return b.sign_in(number, issued_at=b.NOW - 120 - ended_s_ago).after(ChallengeEvent.VERIFY)


async def test_approved_sign_ins_that_ended_without_their_code_are_found_oldest_first(store: Store) -> None:
    newest, oldest, middle = (approved(number, ended_s_ago=ago) for number, ago in ((1, 10), (2, 30), (3, 20)))
    others = (
        approved(4, ended_s_ago=0),  # half-open: it ends in this very second, and that is not before
        b.sign_in(5, issued_at=b.NOW - 200),
        approved(6, ended_s_ago=40).after(ChallengeEvent.COMPLETE),
        approved(7, ended_s_ago=40).after(ChallengeEvent.CANCEL),
        replace(b.removal_asked(OPEN, 8).after(ChallengeEvent.VERIFY), expires_at=b.NOW - 10),
    )
    await committed(store, b.issued(newest, oldest, middle, *others))
    assert await store.unfinished(b.NOW, 10) == [oldest, middle, newest]
    assert await store.unfinished(b.NOW - 10, 10) == [oldest, middle]
    assert await store.unfinished(b.NOW, 2) == [oldest, middle]
    assert await store.unfinished(b.NOW, 0) == []


async def test_a_sign_in_is_unfinished_from_its_approval_to_its_code(store: Store) -> None:
    asked = b.sign_in(issued_at=b.NOW - 200)
    verified = asked.after(ChallengeEvent.VERIFY)
    steps = (asked, verified, verified.after(ChallengeEvent.MISTYPE))
    found = []
    for before, challenge in enumerate((*steps, steps[-1].after(ChallengeEvent.COMPLETE))):
        await committed(store, Changeset(b.TENANT, challenges=(ChallengeChange(before, challenge),)))
        found.append(await store.unfinished(b.NOW, 10))
    assert found == [[], [steps[1]], [steps[2]], []]


# --- forgetting ---------------------------------------------------------------------------------------------


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
