"""Rate limits, with the time in the test's hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pteri.http.problems import HttpCode, Kind, ProblemError
from pteri.http.ratelimit import Rate, RateLimiter, network


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def limiter(clock: Clock, *, burst: int = 3, per_s: float = 60, max_buckets: int = 10) -> RateLimiter:
    return RateLimiter(Rate("test", burst, per_s), clock=clock, max_buckets=max_buckets)


def wait_of(limited: RateLimiter, key: str) -> int | None:
    """0 when admitted, else the seconds to wait."""
    try:
        limited.admit(key)
    except ProblemError as error:
        return error.retry_after_s
    return 0


def test_a_burst_is_admitted_and_the_next_request_is_told_when_to_come_back() -> None:
    clock = Clock()
    limited = limiter(clock)
    assert [wait_of(limited, "a") for _ in range(5)] == [0, 0, 0, 20, 20]


def test_the_refusal_is_the_one_of_its_kind() -> None:
    limited = limiter(Clock(), burst=1)
    limited.admit("a")
    with pytest.raises(ProblemError) as caught:
        limited.admit("a")
    assert (caught.value.kind, caught.value.code) == (Kind.SLOW_DOWN, HttpCode.RATE)


def test_who_waits_as_told_is_admitted_once() -> None:
    clock = Clock()
    limited = limiter(clock)
    for _ in range(4):
        wait_of(limited, "a")
    clock.now += 20
    assert [wait_of(limited, "a"), wait_of(limited, "a")] == [0, 20]


def test_who_comes_a_moment_early_is_told_the_rest_rounded_up() -> None:
    clock = Clock()
    limited = limiter(clock)
    for _ in range(3):
        wait_of(limited, "a")
    clock.now += 19.5
    assert wait_of(limited, "a") == 1
    assert wait_of(limited, "a") == 1, "a refusal costs nothing"


def test_a_long_pause_fills_the_bucket_and_no_more() -> None:
    clock = Clock()
    limited = limiter(clock)
    wait_of(limited, "a")
    clock.now += 10_000
    assert [wait_of(limited, "a") for _ in range(4)] == [0, 0, 0, 20]


def test_one_network_does_not_slow_down_another() -> None:
    clock = Clock()
    limited = limiter(clock, burst=1)
    assert [wait_of(limited, "a"), wait_of(limited, "b"), wait_of(limited, "a")] == [0, 0, 60]


def test_a_clock_that_goes_back_refills_nothing_and_locks_nobody_out() -> None:
    clock = Clock()
    limited = limiter(clock, burst=1)
    wait_of(limited, "a")
    clock.now -= 500
    assert wait_of(limited, "a") == 60
    clock.now += 60
    assert wait_of(limited, "a") == 0


def test_the_number_of_buckets_is_bounded_and_the_idle_ones_go_first() -> None:
    clock = Clock()
    limited = limiter(clock, burst=1, max_buckets=3)
    for key in ("a", "b", "c"):
        wait_of(limited, key)
    assert wait_of(limited, "a") == 60  # seen again: now "b" is idle longest
    wait_of(limited, "d")
    assert len(limited) == 3
    assert wait_of(limited, "a") == 60
    for number in range(1000):
        wait_of(limited, str(number))
    assert len(limited) == 3


@given(st.lists(st.floats(0, 30), max_size=60))
@settings(max_examples=100)
def test_no_pattern_of_requests_gets_more_than_the_burst_and_the_average(pauses: list[float]) -> None:
    clock = Clock()
    limited = limiter(clock, burst=5, per_s=50)
    admitted = 0
    for pause in pauses:
        clock.now += pause
        admitted += wait_of(limited, "a") == 0
    assert admitted <= 5 + math.floor(sum(pauses) / 10 + 1e-6)


@pytest.mark.parametrize(("burst", "per_s"), [(0, 1), (-1, 1), (1, 0), (1, -1), (1, math.inf), (1, math.nan)])
def test_a_rate_that_admits_nobody_or_everybody_is_refused(burst: int, per_s: float) -> None:
    with pytest.raises(ValueError, match="a rate lets"):
        Rate("test", burst, per_s)


def test_a_limiter_without_buckets_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is limited"):
        limiter(Clock(), max_buckets=0)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("203.0.113.255", "203.0.113.0/24"),
        ("203.0.114.7", "203.0.114.0/24"),
        ("2001:db8:0:1ff::1", "2001:db8:0:100::/56"),
        ("2001:db8:0:100:ffff::", "2001:db8:0:100::/56"),
        ("2001:db8:0:200::1", "2001:db8:0:200::/56"),
        ("::1", "::/56"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/56"),
        ("fe80::1%chosen-by-the-caller", "fe80::/56"),
        ("", "unknown"),
        ("unix:", "unknown"),
        ("203.0.113.7:80", "unknown"),
        ("0203.0.113.7", "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_callers_are_counted_by_network(host: str, expected: str) -> None:
    assert network(host) == expected
