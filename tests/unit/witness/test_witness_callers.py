"""What one caller may cost a witness."""

from __future__ import annotations

import pytest

from pteri.witness.callers import Callers, caller_of, network

HEADER = b"x-forwarded-for"


def test_a_caller_has_so_many_at_once_and_then_so_many_in_a_minute() -> None:
    callers = Callers(per_minute=3, connections=1)
    assert [callers.wait_s("a", 0.0) for _ in range(4)] == [0, 0, 0, 20]
    assert callers.wait_s("a", 10.0) == 10
    assert callers.wait_s("a", 20.0) == 0
    assert callers.wait_s("a", 20.0) == 20
    # Who was away for an hour has a minute's worth, and no more.
    assert [callers.wait_s("a", 3600.0) for _ in range(4)] == [0, 0, 0, 20]


def test_each_caller_has_his_own() -> None:
    callers = Callers(per_minute=1, connections=1)
    assert [callers.wait_s(each, 0.0) for each in ("a", "b", "a")] == [0, 0, 60]


def test_a_clock_that_goes_back_gives_nothing() -> None:
    callers = Callers(per_minute=1, connections=1)
    assert [callers.wait_s("a", at) for at in (100.0, 0.0)] == [0, 60]


def test_of_very_many_callers_the_one_who_was_idle_longest_is_forgotten() -> None:
    callers = Callers(per_minute=1, connections=1, most=2)
    assert [callers.wait_s(each, 0.0) for each in ("a", "b", "a", "c")] == [0, 0, 60, 0]
    assert callers.wait_s("a", 0.0) == 60
    assert callers.wait_s("b", 0.0) == 0


def test_a_caller_has_so_many_connections_and_gets_another_when_one_ends() -> None:
    callers = Callers(per_minute=1, connections=2)
    assert [callers.connects(each) for each in ("a", "a", "a", "b")] == [True, True, False, True]
    callers.leaves("a")
    assert [callers.connects("a") for _ in range(2)] == [True, False]
    for _ in range(2):
        callers.leaves("a")
    assert callers.connects("a")


@pytest.mark.parametrize("bad", [(0, 1, 1), (1, 0, 1), (1, 1, 0)])
def test_a_limit_lets_something_through(bad: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="lets something through"):
        Callers(per_minute=bad[0], connections=bad[1], most=bad[2])


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("::ffff:192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2ff::7", "2001:db8:1:200::/56"),
        ("", "unknown"),
        ("no address", "unknown"),
        ("192.0.2.77:80", "unknown"),
    ],
)
def test_a_caller_is_a_network(address: str, counted: str) -> None:
    assert network(address) == counted


def test_only_a_web_server_that_was_named_says_who_asks() -> None:
    said = [(HEADER, b"192.0.2.1"), (b"host", b"w")]
    assert caller_of("127.0.0.1", said, frozenset()) == "127.0.0.0/24"
    assert caller_of("127.0.0.1", said, frozenset({"127.0.0.1"})) == "192.0.2.0/24"
    assert caller_of("127.0.0.2", said, frozenset({"127.0.0.1"})) == "127.0.0.0/24"


@pytest.mark.parametrize(
    ("headers", "counted"),
    [
        ([], "unknown"),
        ([(HEADER, b"")], "unknown"),
        ([(HEADER, b"198.51.100.1, 192.0.2.1")], "192.0.2.0/24"),
        ([(HEADER, b"198.51.100.1"), (HEADER, b" 192.0.2.1 ")], "192.0.2.0/24"),
        ([(HEADER, b"192.0.2.1, evil")], "unknown"),
        ([(HEADER, b"9," * 4096 + b"192.0.2.1")], "unknown"),
    ],
)
def test_the_last_word_of_the_header_counts(headers: list[tuple[bytes, bytes]], counted: str) -> None:
    assert caller_of("127.0.0.1", headers, frozenset({"127.0.0.1"})) == counted
