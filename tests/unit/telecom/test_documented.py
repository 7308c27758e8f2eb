"""Every documented refusal has its meaning, and no other is one: vectors/camara_errors.csv against the one table."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pteri.adapters.telecom.camara.documented import DOCUMENTED, UNDOCUMENTED, WEATHER, meaning_of
from pteri.domain.signals import Finding, Question, Signal

ROOT = Path(__file__).parents[3]
ROWS = list(csv.DictReader((ROOT / "vectors" / "camara_errors.csv").read_text("utf-8").splitlines()))
REAL = [row for row in ROWS if row["api"] != "made up"]
NONE = [row for row in ROWS if row["api"] == "made up"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['api']} {row['status']} {row['code']}")
def test_a_refusal_means_what_is_written(row: dict[str, str]) -> None:
    assert meaning_of(int(row["status"]), row["code"]).finding == Finding(row["expect"])
    assert row["why"]


def test_what_is_documented_is_in_the_table_and_nothing_else() -> None:
    assert {(int(row["status"]), row["code"]) for row in REAL} == set(DOCUMENTED)
    assert all(meaning_of(int(row["status"]), row["code"]) is UNDOCUMENTED for row in NONE)


def test_no_refusal_is_ever_clear_and_each_has_a_code_that_can_be_recorded() -> None:
    for meaning in DOCUMENTED.values():
        assert meaning.finding is not Finding.CLEAR
        Signal(operator="a", question=Question.SIM_SWAP, finding=meaning.finding, code=meaning.code, asked_at=0)


def test_a_word_about_the_line_is_never_taken_for_weather() -> None:
    assert not {meaning.code for meaning in DOCUMENTED.values() if meaning.finding is not Finding.UNKNOWN} & WEATHER


@given(st.integers(), st.text())
def test_whatever_else_is_said_is_unknown(status: int, code: str) -> None:
    if (status, code) not in DOCUMENTED:
        assert meaning_of(status, code).finding is Finding.UNKNOWN


def test_the_specification_has_the_same_table() -> None:
    text = (ROOT / "docs" / "spec" / "operator.md").read_text("utf-8")
    written = {
        tuple(cell.strip(" `") for cell in line.split("|")[1:5])
        for line in text.splitlines()
        if line.startswith("| ") and line.split("|")[1].strip().isdigit()
    }
    assert written == {
        (str(status), code, meaning.finding.value, meaning.code) for (status, code), meaning in DOCUMENTED.items()
    }
