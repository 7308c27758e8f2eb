"""docs/spec/policy.md and section 8.1 say what the code does; what the guide shows is what happens."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

from pteri.app.replaying import CannotReplay, Signed
from pteri.audit.rechecking import Unchecked
from pteri.domain.decisions import Reason, Refuse
from pteri.domain.rows import OFFLINE_ROWS, ROWS, Row
from pteri.domain.rules import Rules, bounds
from pteri.policies.review import RiskyChoice, changes, warnings
from pteri.policies.rulebook import RULEBOOK, key_of
from pteri.policies.text import POLICY_FORMAT, rules_from_tree, value_text
from pteri.policies.tried import CASE_FORMAT, read_case

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "spec" / "policy.md").read_text(encoding="utf-8")
DECISIONS: Final = (ROOT / "docs" / "spec" / "08-decisions.md").read_text(encoding="utf-8")
GUIDE: Final = (ROOT / "docs" / "guide" / "policy.md").read_text(encoding="utf-8")
CITED: Final = re.compile(r"docs/spec/policy\.md`* section ([0-9]+)")


def section(text: str, number: str) -> str:
    [found] = re.findall(rf"^## {re.escape(number)}\.? .*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return str(found)


def rows(text: str) -> list[list[str]]:
    """Cells of the table in it, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines][2:]


def test_every_section_that_is_cited_exists() -> None:
    sections = set(re.findall(r"^## ([0-9]+)\. ", PAGE, re.MULTILINE))
    cited = [
        number
        for folder in ("src", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for number in CITED.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(cited) > 4
    assert set(cited) <= sections


def test_the_page_lists_every_rule_with_its_place_default_and_bounds() -> None:
    def told(name: str, value: int | None) -> str:
        return "" if value is None else f"`{value_text(name, value)}`"

    assert rows(section(PAGE, "2")) == [
        [
            f"`{table.name}`",
            f"`{key_of(rule.name)}`",
            f"`{rule.name}`",
            told(rule.name, getattr(Rules(), rule.name)),
            *(told(rule.name, bound) for bound in bounds(rule.name)),
        ]
        for table in RULEBOOK
        for rule in table.rules
    ]
    assert f"`format = {POLICY_FORMAT}`" in section(PAGE, "1")
    assert f'`"{CASE_FORMAT}"`' in section(PAGE, "3")


def test_the_page_lists_every_risky_choice() -> None:
    assert [row[0].strip("`") for row in rows(section(PAGE, "4"))] == list(RiskyChoice)


def test_the_page_says_why_something_is_not_decided_again() -> None:
    told = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", section(PAGE, "5")))
    assert told == set(CannotReplay) | {Unchecked.OTHER_MOMENT, Unchecked.NO_TENANT}


def decisions_of(row: Row) -> set[str]:
    return {str(reason) for reason in row.decides}


def test_the_rows_are_those_of_section_8_1_in_their_order() -> None:
    told, purpose = [], ""
    for named, condition, decision in rows(section(DECISIONS, "8.1")):
        purpose = named.strip("`") or purpose
        told.append((purpose, condition, set(re.findall(r"`([A-Z][A-Z_]+)`", decision)) & set(Reason)))
    known = [row for row in ROWS if row.purpose]
    assert [(row.purpose, row.condition) for row in known] == [(purpose, condition) for purpose, condition, _ in told]
    for row, (_, _, reasons) in zip(known, told, strict=True):
        # "As for `recover`" is said in words.
        assert decisions_of(row) == reasons or (row.purpose == "rotate" and not reasons)


def test_the_rows_before_them_are_in_the_prose_and_those_of_offline_codes_in_8_7() -> None:
    prose = section(DECISIONS, "8.1").partition("| purpose |")[0]
    assert {reason for row in ROWS if not row.purpose for reason in decisions_of(row)} == set(
        re.findall(r"`([A-Z]+_[A-Z_]+)`", prose)
    )
    table = rows(section(DECISIONS, "8.7"))
    assert [row.condition for row in OFFLINE_ROWS] == [condition for condition, _ in table]
    for row, (_, decision) in zip(OFFLINE_ROWS, table, strict=True):
        assert decisions_of(row) <= set(re.findall(r"`([A-Z_]+)`", decision))


# --- the guide ------------------------------------------------------------------------------------------------------


def test_the_digest_and_the_warnings_of_the_guide_are_those_of_its_policy() -> None:
    [rule] = re.findall(r'^recovery_hold = "5d"$', GUIDE, re.MULTILINE)
    offered = '[offline_codes]\noffline_codes = "30d"'
    rules = rules_from_tree(tomllib.loads(f"format = {POLICY_FORMAT}\n[recovery]\n{rule}\n{offered}\n"))
    for change in changes(Rules(), rules):
        assert f"Changed: {change.sentence}." in GUIDE
    assert GUIDE.count(rules.digest()) == 2
    for warned in warnings(rules):
        assert f"Risky, {warned.code}: {warned.sentence}." in GUIDE


def test_the_case_of_the_guide_is_decided_as_it_says() -> None:
    [text] = re.findall(r"^```json\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    assert json.loads(text)["format"] == CASE_FORMAT
    assert Signed(*read_case(text.encode())).decide(Rules()) == Refuse(Reason.FREEZES_SPENT)


@pytest.mark.parametrize("name", ["policy", "shadow_policy"])
def test_the_settings_of_the_guide_are_told(name: str) -> None:
    assert f"{name} = " in GUIDE
    assert f"`{name}`" in PAGE
