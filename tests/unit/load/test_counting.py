"""Percentiles, plans and reports: the arithmetic of a run."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pteri.load.latency import Histogram
from pteri.load.plan import Plan, PlanError
from pteri.load.tally import STEPS, Tally, report_of
from pteri.load.telling import duration, text_of

SECONDS = st.floats(1e-6, 1000)


def histogram(samples: list[float]) -> Histogram:
    made = Histogram()
    for sample in samples:
        made.add(sample)
    return made


@given(st.lists(SECONDS, min_size=1), st.sampled_from([1, 50, 90, 99, 99.9, 100]))
def test_a_percentile_is_that_of_the_sorted_samples_within_one_percent(samples: list[float], percent: float) -> None:
    exact = sorted(samples)[math.ceil(len(samples) * percent / 100) - 1]
    found = histogram(samples).percentile(percent)
    assert exact * (1 - 1e-9) <= found <= exact * 1.011


@given(st.lists(SECONDS), st.lists(SECONDS))
def test_two_histograms_add_up_to_one_of_all_samples(some: list[float], others: list[float]) -> None:
    merged = histogram(some)
    merged.merge(histogram(others))
    assert merged == histogram(some + others)


def test_nothing_measured_is_nothing() -> None:
    told = Histogram().told()
    assert (told.count, told.p50_s, told.p99_s, told.longest_s) == (0, 0, 0, 0)


def test_no_sample_is_shorter_than_a_microsecond() -> None:
    assert histogram([0.0, -1.0]).count == 2


@pytest.mark.parametrize("percent", [0, -1, 100.1])
def test_a_percentile_outside_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        Histogram().percentile(percent)


def test_a_histogram_survives_its_way_between_processes() -> None:
    made = histogram([0.001, 0.002, 7])
    assert msgspec.json.decode(msgspec.json.encode(made), type=Histogram) == made


def plan(**changes: object) -> Plan:
    made = Plan(
        origin="http://127.0.0.1:8750",
        tenant="bank",
        domain="bank.example",
        network="main",
        client_key_file="client.key",
        clients=16,
        processes=3,
        people=64,
        sign_ins=100,
    )
    return msgspec.structs.replace(made, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sign_ins": None}, "--sign-ins N or --seconds N"),
        ({"sign_ins": 0}, "--sign-ins"),
        ({"sign_ins": 100_000_001}, "--sign-ins"),
        ({"seconds": 0.5}, "--seconds"),
        ({"seconds": 604_801}, "--seconds"),
        ({"clients": 0}, "--clients"),
        ({"clients": 4097, "people": 5000}, "--clients"),
        ({"processes": 0}, "--processes"),
        ({"processes": 17}, "--processes"),
        ({"clients": 100, "processes": 65, "people": 100}, "--processes"),
        ({"people": 15}, "--people"),
        ({"people": 1_000_001}, "--people"),
    ],
)
def test_a_run_without_an_end_or_people_is_not_started(changes: dict[str, object], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        plan(**changes).checked()


@given(st.integers(1, 64), st.integers(1, 500), st.integers(0, 500), st.integers(1, 10_000))
def test_the_shares_of_all_processes_are_the_whole_plan(processes: int, more: int, people: int, sign_ins: int) -> None:
    clients = processes + more
    whole = plan(processes=processes, clients=clients, people=clients + people, sign_ins=sign_ins)
    shares = [whole.share(process) for process in range(processes)]
    assert sum(share.clients for share in shares) == clients
    assert sum(share.sign_ins or 0 for share in shares) == sign_ins
    assert sorted(number for share in shares for number in share.people) == list(range(clients + people))
    # Each client needs a person of its own, also where the shares are uneven.
    assert all(share.clients <= len(share.people) for share in shares)


def tally(sign_ins: int, *, wall_s: float, cpu_s: float, refused: int = 0) -> Tally:
    made = Tally(wall_s=wall_s, cpu_s=cpu_s, slowed=1, repeated=2)
    for _ in range(sign_ins):
        made.whole.add(0.03)
        for step in STEPS:
            made.steps[step].add(0.01)
    for _ in range(refused):
        made.refuse("401 DENIED")
    return made


def test_a_report_is_the_sum_and_lasts_as_long_as_the_slowest() -> None:
    report = report_of([tally(100, wall_s=2, cpu_s=1), tally(300, wall_s=4, cpu_s=1, refused=3)])
    assert (report.sign_ins, report.failed, report.seconds, report.rate_per_s) == (400, 3, 4, 100)
    assert (report.refused, report.slowed, report.repeated) == ({"401 DENIED": 3}, 2, 4)
    assert {step: latency.count for step, latency in report.steps.items()} == dict.fromkeys(STEPS, 400)
    assert report.generator_cpu_per_sign_in_s == pytest.approx(2 / 400)
    assert (report.generator_cpu_share, report.generator_saturated) == (0.5, False)


def test_a_generator_that_only_computes_says_that_it_measured_itself() -> None:
    report = report_of([tally(10, wall_s=1, cpu_s=0.1), tally(10, wall_s=1, cpu_s=0.95)])
    assert report.generator_saturated
    assert "bottleneck" in text_of(report)
    assert "bottleneck" not in text_of(report_of([tally(10, wall_s=1, cpu_s=0.1)]))


def test_a_run_in_which_nothing_worked_is_told_too() -> None:
    text = text_of(report_of([tally(0, wall_s=1, cpu_s=0.1, refused=25)]))
    assert text.startswith("0 sign-ins in 1.0 s: 0.0 a second, 25 failed")
    assert "25 times 401 DENIED" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0.00 us"), (1e-7, "0.10 us"), (1.5e-5, "15.0 us"), (2.5e-3, "2.50 ms"), (0.123, "123 ms"), (75, "75.0 s")],
)
def test_a_duration_has_three_digits_and_a_unit(seconds: float, words: str) -> None:
    assert duration(seconds) == words
