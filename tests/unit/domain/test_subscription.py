"""A subscription at an operator: what is next, whatever was interrupted."""

from __future__ import annotations

from itertools import product

import pytest
from msgspec.structs import replace

import builders as b
from pteri.domain.subscription import (
    LIFE_S,
    LOOK_EVERY_S,
    MOST_FINDS,
    MOST_TRIES,
    SUBSCRIPTION_TABLE,
    Held,
    Next,
    Subscription,
    SubscriptionEvent,
    SubscriptionState,
    begun,
    next_step,
)
from pteri.domain.tables import IllegalTransition, step

AT = b.NOW
ESIM, OTHER = b.digest("esim"), b.digest("another line")
DAY = 86_400


def asked() -> Subscription:
    return begun(b.TENANT, b.account_id(), "alpha", ESIM, generation="g1", at=AT)


def live(at: int = AT, ends_at: int = AT + LIFE_S) -> Subscription:
    return asked().trying(at).answered("sub-1", ends_at, at)


def following(subscription: Subscription, at: int, *, wanted: bool = True) -> Next:
    return next_step(subscription, wanted=ESIM if wanted else None, at=at, outdated=False)


@pytest.mark.parametrize(("state", "event"), list(product(SubscriptionState, SubscriptionEvent)))
def test_what_the_table_does_not_know_is_a_bug(state: SubscriptionState, event: SubscriptionEvent) -> None:
    if (state, event) in SUBSCRIPTION_TABLE:
        assert step(SUBSCRIPTION_TABLE, state, event) is not state
    else:
        with pytest.raises(IllegalTransition):
            step(SUBSCRIPTION_TABLE, state, event)


def test_one_that_is_wanted_is_made_and_then_looked_at_each_hour() -> None:
    assert following(asked(), AT) is Next.CREATE
    made = live()
    assert (made.state, made.held.id, made.due_at, made.tries) == ("LIVE", "sub-1", AT + LOOK_EVERY_S, 0)
    assert following(made, AT + LOOK_EVERY_S - 1) is Next.NOTHING
    assert following(made, AT + LOOK_EVERY_S) is Next.LOOK
    assert made.looked(AT + LOOK_EVERY_S).due_at == AT + 2 * LOOK_EVERY_S


def test_one_whose_answer_is_not_recorded_is_looked_for_before_another_is_made() -> None:
    tried = asked().trying(AT)
    assert following(tried, AT) is Next.NOTHING, "whoever asked has a minute"
    assert following(tried, AT + 60) is Next.FIND
    assert following(tried.not_there(AT + 60), AT + 60) is Next.CREATE


def test_one_lives_from_when_it_is_asked_for_and_not_from_when_it_was_wanted() -> None:
    late = asked().asking(AT + 90 * DAY)
    assert (late.held.ends_at, late.unsure, late.tries) == (AT + 90 * DAY + LIFE_S, True, 1)


def test_one_that_is_postponed_counts_as_no_try() -> None:
    assert asked().postponed(AT + 60) == replace(asked(), due_at=AT + 60, version=2)


def test_whoever_never_says_what_he_has_is_asked_for_another_of_the_same_name() -> None:
    tried = asked()
    for number in range(1, MOST_FINDS + 1):
        tried = tried.trying(AT)
        assert following(tried, tried.due_at) is (Next.FIND if number < MOST_FINDS else Next.CREATE)
    assert tried.held.generation == "g1"


def test_a_no_is_no_answer_that_was_lost() -> None:
    refused = asked().trying(AT).refused()
    assert following(refused, AT + 59) is Next.NOTHING
    assert following(refused, AT + 60) is Next.CREATE


def test_the_pauses_grow_and_end_at_six_hours() -> None:
    found, subscription = [], asked()
    for _ in range(30):
        subscription = subscription.trying(AT)
        found.append(subscription.due_at - AT)
    assert found[:4] == [60, 120, 240, 480]
    assert found[-1] == 6 * 3600


def test_another_one_takes_its_place_before_its_end_and_then_the_first_is_deleted() -> None:
    made = live()
    near = AT + LIFE_S - 3 * DAY
    assert following(made.looked(near - 1), near - 1) is Next.NOTHING
    assert made.looked(near - 1).due_at == near - 1 + 60
    assert following(made, near) is Next.RENEW
    renewed = made.renewed("g2", near)
    assert (renewed.held, renewed.former) == (Held("g2", near + LIFE_S), made.held)
    assert renewed.of("g1") == made.held, "both count"
    assert renewed.of("g2") == renewed.held
    assert renewed.of("g3") is None
    assert following(renewed, near) is Next.CREATE
    second = renewed.trying(near).answered("sub-2", near + LIFE_S, near)
    assert following(second, near) is Next.DELETE_FORMER
    alone = second.without_former(near)
    assert (alone.former, alone.due_at) == (None, near + LOOK_EVERY_S)


def test_one_that_an_operator_does_not_delete_is_left_to_its_end() -> None:
    second = live().renewed("g2", AT).trying(AT).answered("sub-2", AT + LIFE_S, AT)
    for _ in range(MOST_TRIES):
        assert following(second, second.due_at) is Next.DELETE_FORMER
        second = second.trying(second.due_at)
    assert following(second, second.due_at) is Next.LEAVE_FORMER
    fresh = live().renewed("g2", AT).trying(AT).answered("sub-2", AT + LIFE_S, AT)
    assert following(fresh, AT + LIFE_S) is Next.LEAVE_FORMER


def test_a_shorter_life_than_was_asked_for_is_kept_to_and_a_longer_one_is_not() -> None:
    short = live(ends_at=AT + 900)
    assert (short.held.ends_at, short.held.renew_at, short.due_at) == (AT + 900, AT + 600, AT + 600)
    assert live(ends_at=AT + 2 * LIFE_S).held.ends_at == AT + LIFE_S
    over = live(ends_at=AT - 1)
    assert over.due_at == AT + 60, "and one of no life is not made all day"
    assert following(over, AT + 60) is Next.RENEW


def test_one_whose_address_is_of_a_key_that_writes_no_more_is_made_again_when_it_is_looked_at() -> None:
    made = live()
    assert next_step(made, wanted=ESIM, at=AT + LOOK_EVERY_S - 1, outdated=True) is Next.NOTHING
    assert next_step(made, wanted=ESIM, at=AT + LOOK_EVERY_S, outdated=True) is Next.RENEW
    assert next_step(asked(), wanted=ESIM, at=AT, outdated=True) is Next.CREATE
    assert next_step(made, wanted=None, at=AT + LOOK_EVERY_S, outdated=True) is Next.DROP


def test_one_that_the_operator_ended_is_made_again_after_a_pause() -> None:
    ended = live().ended("g2", AT)
    assert (ended.state, ended.former, ended.held.generation) == ("ASKED", None, "g2")
    assert following(ended, AT) is Next.NOTHING
    assert following(ended, AT + 60) is Next.CREATE


def test_one_that_is_not_wanted_is_deleted_and_forgotten() -> None:
    made = live()
    assert following(made, AT + LOOK_EVERY_S, wanted=False) is Next.DROP
    assert next_step(made, wanted=OTHER, at=AT + LOOK_EVERY_S, outdated=False) is Next.DROP
    leaving = made.dropped(AT)
    assert following(leaving, AT) is Next.DELETE
    assert following(leaving, AT + LIFE_S) is Next.FORGET
    for _ in range(MOST_TRIES):
        leaving = leaving.trying(AT)
    assert following(leaving, leaving.due_at) is Next.FORGET


def test_one_that_was_never_asked_for_is_forgotten_and_one_that_may_be_there_is_found() -> None:
    assert following(asked(), AT, wanted=False) is Next.DROP
    assert following(asked().dropped(AT), AT) is Next.FORGET
    lost = asked().trying(AT).dropped(AT)
    assert following(lost, AT) is Next.FIND
    assert following(lost.found("sub-1", AT), AT) is Next.DELETE
    assert following(lost.not_there(AT), AT) is Next.FORGET


def test_of_one_that_leaves_the_former_goes_first() -> None:
    both = live().renewed("g2", AT).dropped(AT)
    assert following(both, AT) is Next.DELETE_FORMER
    assert following(both.without_former(AT), AT) is Next.FORGET
