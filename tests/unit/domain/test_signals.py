"""What operators say: four findings, one order, the worst one counts."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pteri.domain.signals import SEVERITY, Finding, Question, Signal, worst

AT = 1_795_000_000


def signal(finding: Finding, *, operator: str = "alpha", code: str = "SOMETHING") -> Signal:
    return Signal(operator=operator, question=Question.SIM_SWAP, finding=finding, code=code, asked_at=AT)


findings = st.sampled_from(Finding)
signals = st.builds(
    signal,
    findings,
    operator=st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True),
    code=st.from_regex(r"[A-Z0-9_]{1,64}", fullmatch=True),
)


def test_every_finding_has_one_place_between_best_and_worst() -> None:
    assert sorted(SEVERITY) == sorted(Finding)
    assert SEVERITY == (Finding.CLEAR, Finding.UNKNOWN, Finding.CHANGED, Finding.CONTRADICTED)


def test_of_nobody_nothing_is_known() -> None:
    assert worst(()) is Finding.UNKNOWN


@given(st.data(), st.lists(signals, min_size=1))
def test_neither_order_nor_repetition_matters(data: st.DataObject, told: list[Signal]) -> None:
    assert worst(data.draw(st.permutations([*told, *told]))) is worst(told)


@given(st.lists(signals), signals)
def test_one_more_answer_never_makes_it_better(told: list[Signal], more: Signal) -> None:
    after = worst([*told, more])
    assert SEVERITY.index(after) >= SEVERITY.index(more.finding)
    if told:
        assert SEVERITY.index(after) >= SEVERITY.index(worst(told))


@given(st.lists(signals, min_size=1))
def test_it_is_clear_only_where_everybody_says_so(told: list[Signal]) -> None:
    everybody = all(signal.finding is Finding.CLEAR for signal in told)
    assert (worst(told) is Finding.CLEAR) == everybody


@given(signals)
def test_what_is_recorded_is_read_back_the_same(told: Signal) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(told), type=Signal) == told


@pytest.mark.parametrize("name", ["", "Alpha", "alpha beta", "alpha.example", "a" * 33, "\u0430lpha", "+4915112345678"])
def test_a_name_that_could_be_something_else_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="operator's name"):
        signal(Finding.CLEAR, operator=name)


@pytest.mark.parametrize("code", ["", "no_swap", "NO SWAP", "NO-SWAP", "A" * 65, "+4915112345678"])
def test_a_code_that_could_be_something_else_is_none(code: str) -> None:
    with pytest.raises(ValueError, match="a code is"):
        signal(Finding.CLEAR, code=code)
