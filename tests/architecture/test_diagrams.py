"""The drawn state machines are the tables of the code, arrow by arrow."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import pytest

from pteri.domain.account import ACCOUNT_TABLE
from pteri.domain.anchoring import ANCHOR_TABLE
from pteri.domain.challenge import CHALLENGE_TABLE
from pteri.domain.device import DEVICE_TABLE
from pteri.domain.line import LINE_TABLE
from pteri.domain.migration import MIGRATION_TABLE
from pteri.domain.recovery import RECOVERY_TABLE

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "docs" / "draw_tables.py"
DIAGRAMS = Path("docs/spec/diagrams")
ARROW = re.compile(r"    (\w+) --> (\w+): (\w+)")
ROW = re.compile(r"\| ([A-Z]+) \| ([A-Z_]+) \| ([A-Z]+) \|")


StateT = TypeVar("StateT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)


def _names(table: Mapping[tuple[StateT, EventT], StateT]) -> set[tuple[str, str, str]]:
    return {(str(before), str(event), str(after)) for (before, event), after in table.items()}


TABLES = {
    "challenge": _names(CHALLENGE_TABLE),
    "device": _names(DEVICE_TABLE),
    "account": _names(ACCOUNT_TABLE),
    "migration": _names(MIGRATION_TABLE),
    "recovery": _names(RECOVERY_TABLE),
    "line": _names(LINE_TABLE),
    "anchoring": _names(ANCHOR_TABLE),
}
every_table = pytest.mark.parametrize(("name", "table"), TABLES.items(), ids=TABLES.keys())


def draw(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), "--root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_no_diagram_is_stale() -> None:
    checked = draw("--check", root=ROOT)
    assert (checked.stdout, checked.stderr, checked.returncode) == ("", "", 0)


@every_table
def test_a_diagram_has_an_arrow_for_each_row_of_its_table_and_no_other(
    name: str, table: set[tuple[str, str, str]]
) -> None:
    drawn = (ROOT / DIAGRAMS / f"{name}.mmd").read_text()
    assert {(before, event, after) for before, after, event in ARROW.findall(drawn)} == table


@every_table
def test_the_specification_lists_the_rows_of_the_table_and_no_other(
    name: str, table: set[tuple[str, str, str]]
) -> None:
    """Section 7 says them in words, for people who read and for auditors who write their own."""
    sections = re.split(r"^## 7\.\d ", (ROOT / "docs/spec/07-states.md").read_text(), flags=re.MULTILINE)
    [section] = [text for text in sections if text.lower().startswith(f"{name}\n")]
    assert set(ROW.findall(section)) == table


@pytest.mark.parametrize("damage", ["an arrow less", "an arrow more", "another start", "gone"])
def test_a_stale_diagram_is_noticed_and_drawn_again(tmp_path: Path, damage: str) -> None:
    assert draw(root=tmp_path).returncode == 0
    path = tmp_path / DIAGRAMS / "device.mmd"
    text = path.read_text()
    match damage:
        case "an arrow less":
            path.write_text(text.replace("    SUSPENDED --> REVOKED: REVOKE\n", ""))
        case "an arrow more":
            path.write_text(text + "    REVOKED --> ACTIVE: FORGIVE\n")
        case "another start":
            path.write_text(text.replace("[*] --> ACTIVE", "[*] --> SUSPENDED"))
        case _:
            path.unlink()
    checked = draw("--check", root=tmp_path)
    assert (checked.stdout, checked.returncode) == ("docs/spec/diagrams/device.mmd is not what the table says\n", 1)
    assert draw(root=tmp_path).returncode == 0
    assert path.read_text() == text


def test_a_diagram_of_no_table_is_noticed(tmp_path: Path) -> None:
    draw(root=tmp_path)
    (tmp_path / DIAGRAMS / "anchor.mmd").write_text("stateDiagram-v2\n")
    checked = draw("--check", root=tmp_path)
    assert (checked.stdout, checked.returncode) == ("docs/spec/diagrams/anchor.mmd is drawn from no table\n", 1)
