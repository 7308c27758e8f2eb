"""The threat model says what the tests show, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "docs" / "list_attacks.py"
READ = ("vectors/attacks.csv", "docs/attacks-in-words.csv", "docs/threat-model.md")


def run(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TOOL), "--root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of everything the tool reads, to be damaged."""
    for name in READ:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for folder in ("tests/attacks", "tests/fault"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_case_of_this_release_has_a_test_and_the_table_names_it() -> None:
    checked = run("--check")
    assert (checked.stdout, checked.stderr, checked.returncode) == ("", "", 0)


def test_a_test_that_disappears_is_missed(tree: Path) -> None:
    (tree / "tests/attacks/test_crypto_attacks.py").write_text("")
    checked = run("--check", root=tree)
    assert "CR-06 has no test" in checked.stdout
    assert "the table is not what the tests say" in checked.stdout
    assert checked.returncode == 1


def test_a_new_test_that_the_table_does_not_name_is_noticed(tree: Path) -> None:
    (tree / "tests/attacks/test_more.py").write_text("def test_ot_10_a_page_of_tomorrow_relays_nothing(): ...\n")
    assert "the table is not what the tests say" in run("--check", root=tree).stdout
    run(root=tree)
    assert "the table" not in run("--check", root=tree).stdout
    table = (tree / "docs/threat-model.md").read_text()
    assert "`tests/attacks/test_more.py::test_ot_10_a_page_of_tomorrow_relays_nothing`<br>the rest waits for:" in table


def test_a_test_of_an_unknown_case_is_refused(tree: Path) -> None:
    (tree / "tests/fault/test_more.py").write_text("class TestMore:\n    def test_zz_99_is_nothing(self): ...\n")
    checked = run("--check", root=tree)
    assert "tests/fault/test_more.py::test_zz_99_is_nothing names ZZ-99, and there is no such case" in checked.stdout
    assert checked.returncode == 1


def test_a_table_written_by_hand_is_noticed(tree: Path) -> None:
    document = tree / "docs/threat-model.md"
    document.write_text(document.read_text().replace("waits for: relying parties and console", "done", 1))
    assert "the table is not what the tests say" in run("--check", root=tree).stdout


def test_a_case_without_words_and_a_document_without_marks_stop_the_tool(tree: Path) -> None:
    document, words = tree / "docs/threat-model.md", tree / "docs/attacks-in-words.csv"
    text = document.read_text()
    document.write_text(text.replace("docs/list_attacks.py: end", "gone"))
    assert "has lost the marks" in run(root=tree).stderr
    document.write_text(text)
    words.write_text(words.read_text().replace("PR-09,", "PR-99,"))
    assert "does not have the ids" in run(root=tree).stderr
    assert document.read_text() == text
