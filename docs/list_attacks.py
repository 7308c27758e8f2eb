"""Write the table of abuse cases in ``threat-model.md``: which test shows each one, or what it waits for.

``python docs/list_attacks.py`` writes it, ``--check`` says what differs and ends with 1. A test belongs to a case by
its name: ``test_pr_04_...`` under ``tests/attacks`` or ``tests/fault`` shows PR-04.
"""  # noqa: INP001 - a script beside the document that it writes, not a package

from __future__ import annotations

import argparse
import ast
import csv
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

START: Final = "<!-- written by docs/list_attacks.py: begin -->"
END: Final = "<!-- written by docs/list_attacks.py: end -->"

_ROOT: Final = Path(__file__).resolve().parents[1]
_CASES: Final = Path("vectors/attacks.csv")
_WORDS: Final = Path("docs/attacks-in-words.csv")
_DOCUMENT: Final = Path("docs/threat-model.md")
_TEST_FOLDERS: Final = (Path("tests/attacks"), Path("tests/fault"))
_TEST_NAME: Final = re.compile(r"test_([a-z]{2})_([0-9]{2})_")

MUST_BE_SHOWN: Final = (
    *(f"PR-{number:02d}" for number in range(1, 26)),
    *(f"OT-{number:02d}" for number in (*range(1, 10), *range(12, 18))),
    *(f"SV-{number:02d}" for number in (*range(1, 10), 17, 18, 19)),
    *(f"CR-{number:02d}" for number in (*range(1, 8), 9, 13)),
    *(f"MI-{number:02d}" for number in range(1, 19)),
    *(f"RE-{number:02d}" for number in range(1, 18)),
    *(f"DS-{number:02d}" for number in range(1, 9)),
    *(f"TE-{number:02d}" for number in range(1, 12)),
    *("CR-08", "CR-10", "CR-11", "CR-12", *(f"SV-{number:02d}" for number in range(10, 16))),
)
"""What this release answers for: without a test, the check fails."""

WAITS_FOR: Final[Mapping[str, str]] = {
    **dict.fromkeys(("WB", "OT-10", "OT-11", "SV-16", "SV-20"), "relying parties and console"),
}
"""The later issue of every other case, by its id or by its area."""


def main() -> int:
    """Write the table, or with ``--check`` only say what is wrong; 0 when all is well."""
    arguments = argparse.ArgumentParser(prog="list_attacks", description=__doc__)
    arguments.add_argument("--check", action="store_true", help="change nothing; end with 1 if something differs")
    arguments.add_argument("--root", type=Path, default=_ROOT, help="root of the source tree")
    wanted = arguments.parse_args()
    actions = _actions(wanted.root)
    tests = dict(_tests(wanted.root))
    document = wanted.root / _DOCUMENT
    written = document.read_text(encoding="utf-8")
    table = _with_table(written, _table(actions, tests))
    wrong = list(_unshown(actions, tests))
    if wanted.check:
        wrong += ["the table is not what the tests say: run docs/list_attacks.py"] if table != written else []
    else:
        document.write_text(table, encoding="utf-8")
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


def _actions(root: Path) -> dict[str, str]:
    """The action of each case in our own words, in the order of the cases."""
    cases = [row["id"] for row in _rows(root / _CASES)]
    words = {row["id"]: row["action"] for row in _rows(root / _WORDS)}
    if cases != list(words):
        raise SystemExit(f"{_WORDS} does not have the ids of {_CASES}, in their order")
    return words


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _tests(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Each case that has tests, with their names as pytest takes them."""
    found: dict[str, list[str]] = {}
    for folder in _TEST_FOLDERS:
        for path in sorted((root / folder).glob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                if named := _TEST_NAME.match(node.name):
                    case = f"{named[1].upper()}-{named[2]}"
                    found.setdefault(case, []).append(f"{folder.as_posix()}/{path.name}::{node.name}")
    yield from found.items()


def _unshown(actions: Mapping[str, str], tests: Mapping[str, list[str]]) -> Iterator[str]:
    """What is wrong between cases and tests, one sentence each."""
    for case, names in tests.items():
        if case not in actions:
            yield f"{names[0]} names {case}, and there is no such case"
    for case in actions:
        if case in MUST_BE_SHOWN:
            if case not in tests:
                yield f"{case} has no test: {actions[case]}"
        elif _later(case) is None:
            yield f"{case} has neither a test to have nor an issue to wait for"


def _later(case: str) -> str | None:
    return WAITS_FOR.get(case) or WAITS_FOR.get(case[:2])


def _table(actions: Mapping[str, str], tests: Mapping[str, list[str]]) -> str:
    lines = ["| id | what the attacker does | shown by, or waits for |", "|---|---|---|"]
    lines += [f"| {case} | {action} | {_shown_by(case, tests.get(case, []))} |" for case, action in actions.items()]
    return "\n".join(lines)


def _shown_by(case: str, names: list[str]) -> str:
    shown = [f"`{name}`" for name in names]
    if case not in MUST_BE_SHOWN:
        # A case that came early has some of its tests: it is not done before its issue is.
        shown.append(f"{'the rest waits for' if names else 'waits for'}: {_later(case)}")
    return "<br>".join(shown) or "**no test**"


def _with_table(document: str, table: str) -> str:
    before, start, rest = document.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise SystemExit(f"{_DOCUMENT} has lost the marks between which the table stands")
    return f"{before}{START}\n\n{table}\n\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
