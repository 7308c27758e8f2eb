"""The store: what belongs to one account only, and what is counted before it is allowed."""

from __future__ import annotations

import msgspec
import pytest

import builders as b
from commits import committed, one
from pteri.app.ports import (
    Changeset,
    Claim,
    Claimed,
    ClaimKind,
    Committed,
    Conflict,
    ConflictKind,
    CounterKind,
    Limited,
    Store,
)

pytestmark = pytest.mark.anyio

replace = msgspec.structs.replace

OPEN = b.opened()
START = b.NOW // 3600 * 3600


# --- claims -------------------------------------------------------------------------------------------------


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


async def test_all_claims_are_read_page_by_page_in_the_order_of_their_keys(store: Store) -> None:
    assert await store.claims(None, 10) == []
    await committed(store, b.opening(1), b.opening(2), b.opening(1, tenant=b.OTHER_TENANT))
    accounts = [b.opened(1), b.opened(2), b.opened(1, tenant=b.OTHER_TENANT)]
    expected = [Claimed(account.tenant, claim, account.id) for account in accounts for claim in b.claims_of(account)]
    expected.sort(key=key_of)
    read: list[Claimed] = []
    for _ in range(5):
        page = await store.claims(key_of(read[-1]) if read else None, 2)
        assert len(page) <= 2
        read += page
    assert read == expected
    assert await store.claims(key_of(read[-1]), 2) == []
    assert await store.claims(None, 0) == []


def key_of(claimed: Claimed) -> tuple[str, str, str]:
    return claimed.tenant, claimed.claim.kind.value, claimed.claim.value


# --- counts -------------------------------------------------------------------------------------------------


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


async def test_a_look_at_a_window_adds_nothing_to_it(store: Store) -> None:
    look = replace(b.count(limit=1), adds=False)
    assert await store.commit([Changeset(b.TENANT, counts=(look,))] * 3) == [Committed()] * 3
    assert await store.count(b.TENANT, look) == 0


async def test_a_look_at_a_full_window_refuses_the_whole_changeset(store: Store) -> None:
    look = replace(b.count(limit=2), adds=False)
    looking = Changeset(b.TENANT, spent=b.nonce(), counts=(b.count("other"), look))
    full = Limited(CounterKind.FAILED_SIGN_IN, retry_at=START + 3600)
    await committed(store, Changeset(b.TENANT, counts=(b.count(),)))
    one_more = Changeset(b.TENANT, counts=(b.count(limit=2),))
    assert await store.commit([one_more, looking, one_more]) == [Committed(), full, full]
    assert [await store.count(b.TENANT, each) for each in (look, b.count("other"))] == [2, 0]
    # Of a refused changeset nothing stays: its nonce may still be spent by the right one.
    assert await store.commit([looking]) == [full]
    await committed(store, Changeset(b.TENANT, spent=b.nonce()))


async def test_a_look_sees_what_its_own_changeset_has_just_counted(store: Store) -> None:
    look = replace(b.count(limit=1), adds=False)
    assert await one(store, Changeset(b.TENANT, counts=(look, b.count()))) == Committed()
    full = Limited(CounterKind.FAILED_SIGN_IN, retry_at=START + 3600)
    other = Changeset(b.TENANT, counts=(b.count(at=START + 3600), replace(look, at=START + 3600)))
    assert await one(store, other) == replace(full, retry_at=START + 7200)
    assert await store.count(b.TENANT, b.count(at=START + 3600)) == 0


async def test_a_look_at_nothing_that_may_be_there_refuses_always_and_one_without_a_limit_never(store: Store) -> None:
    never, always = replace(b.count(), adds=False), replace(b.count(limit=0), adds=False)
    await committed(store, Changeset(b.TENANT, counts=(b.count(),)), Changeset(b.TENANT, counts=(never,)))
    assert isinstance(await one(store, Changeset(b.OTHER_TENANT, counts=(always,))), Limited)
    assert await store.count(b.TENANT, never) == 1


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
