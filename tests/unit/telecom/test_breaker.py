"""The circuit breaker as a value: closed, open, tried again; time is an argument."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pteri.adapters.telecom.breaker import FAILURES, REST_S, Breaker

AT = 1_795_000_000


def failed(times: int) -> Breaker:
    breaker = Breaker()
    for _ in range(times):
        breaker = breaker.after(answered=False, at=AT)
    return breaker


def test_it_opens_with_the_fifth_failure_in_a_row() -> None:
    assert failed(FAILURES - 1).lets(AT)
    assert not failed(FAILURES).lets(AT)
    assert failed(FAILURES - 1).after(answered=True, at=AT).after(answered=False, at=AT).lets(AT)


def test_after_a_rest_one_is_let_through_and_no_second_one() -> None:
    open_ = failed(FAILURES)
    assert not open_.lets(AT + REST_S - 1)
    assert open_.lets(AT + REST_S)
    tried = open_.trying(AT + REST_S)
    assert not tried.lets(AT + REST_S)
    assert tried.lets(AT + 2 * REST_S)


def test_the_answer_to_the_trial_decides() -> None:
    tried = failed(FAILURES).trying(AT + REST_S)
    assert tried.after(answered=True, at=AT + REST_S) == Breaker()
    assert not tried.after(answered=False, at=AT + REST_S + 2).lets(AT + 2 * REST_S + 1)


@given(st.lists(st.booleans(), max_size=30))
def test_whatever_happens_it_lets_somebody_through_after_a_rest(story: list[bool]) -> None:
    breaker = Breaker()
    for answered in story:
        breaker = breaker.after(answered=answered, at=AT)
    assert breaker.lets(AT + REST_S)
    assert breaker.lets(AT) or not any(story[-FAILURES:])
