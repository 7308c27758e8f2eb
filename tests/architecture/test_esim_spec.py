"""docs/spec/esim-chip.md names what the code has, and what it shows works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import chips
from pteri import esim
from pteri.core.errors import Code, NotAuthentic
from pteri.core.euicc.certificate import MAX_CERTIFICATE_BYTES
from pteri.core.euicc.der import MAX_DEPTH, MAX_ELEMENTS
from pteri.core.euicc.es9 import refusal_of_answer
from pteri.core.euicc.notification import MAX_MESSAGE_BYTES
from pteri.core.euicc.package import MAX_PACKAGE_BYTES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "spec" / "esim-chip.md").read_text(encoding="utf-8")
CITED = re.compile(r"docs/spec/esim-chip\.md`* sections? ([0-9]+)")


def section(number: int) -> str:
    [text] = re.findall(rf"^## {number}\. .*?(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def test_every_section_that_is_cited_exists() -> None:
    sections = set(re.findall(r"^## ([0-9]+)\. ", PAGE, re.MULTILINE))
    cited = [
        number
        for folder in ("src", "tests", "docs", "vectors")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".json"}
        for number in CITED.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(cited) > 5
    assert set(cited) <= sections


def test_every_code_on_the_page_is_one() -> None:
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+)`", PAGE)) <= set(Code)


def test_the_limits_are_the_ones_of_the_code() -> None:
    told = section(2).replace(" 384", "384").replace(" 536", "536").replace(" 096", "096").replace(" 048", "048")
    for limit in (MAX_MESSAGE_BYTES, MAX_PACKAGE_BYTES, MAX_CERTIFICATE_BYTES, MAX_DEPTH, MAX_ELEMENTS):
        assert re.search(rf"\b{limit}\b", told), limit


def test_the_functions_of_the_page_are_all_that_verify() -> None:
    assert set(re.findall(r"`(verify_\w+)`", section(7))) == {
        name for name in esim.__all__ if name.startswith("verify_")
    }


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    [example] = re.findall(r"```python\n(.*?)```", section(7), re.DOTALL)
    (tmp_path / "CI.der").write_bytes(chips.CI.der())
    names: dict[str, Any] = {"der": chips.notification()}
    exec(example.replace("CI.der", str(tmp_path / "CI.der")), names)
    assert names["event"].iccid == chips.ICCID


def test_each_refusal_of_a_chip_has_the_numbers_of_the_page() -> None:
    told = {
        code: numbers
        for row in re.findall(r"^\| (`[A-Z_`, ]+) \| ([0-9./]+) \|$", section(9), re.MULTILINE)
        for code in re.findall(r"[A-Z_]{4,}", row[0])
        for numbers in row[1:]
    }
    assert len(told) > 5
    for code, numbers in told.items():
        status = refusal_of_answer(NotAuthentic(Code(code), "x")).header.function_execution_status.status_code_data
        assert status is not None
        assert f"{status.subject_code}/{status.reason_code}" == numbers
