"""Draw the state tables of ``pteri.domain`` as Mermaid diagrams into ``docs/spec/diagrams``.

``python docs/draw_tables.py`` writes them, ``--check`` says which are stale or strange and ends with 1.
"""  # noqa: INP001 - a script beside the documents that it draws, not a package

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from pteri.domain.account import ACCOUNT_TABLE, AccountState
from pteri.domain.anchoring import ANCHOR_TABLE, AnchorState
from pteri.domain.challenge import CHALLENGE_TABLE, ChallengeState
from pteri.domain.device import DEVICE_TABLE, DeviceState
from pteri.domain.line import LINE_TABLE, LineState
from pteri.domain.migration import MIGRATION_TABLE, MigrationState
from pteri.domain.recovery import RECOVERY_TABLE, RecoveryState

StateT = TypeVar("StateT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)

_ROOT: Final = Path(__file__).resolve().parents[1]
_FOLDER: Final = Path("docs/spec/diagrams")


class Machine(NamedTuple):
    """The rows of a table (from, event, to), its states in the order of the code, and where a thing may enter."""

    rows: tuple[tuple[str, str, str], ...]
    states: tuple[str, ...]
    entries: tuple[str, ...]


def _machine(table: Mapping[tuple[StateT, EventT], StateT], states: type[StateT], *entries: StateT) -> Machine:
    rows = tuple((str(before), str(event), str(after)) for (before, event), after in table.items())
    return Machine(rows, tuple(map(str, states)), entries)


MACHINES: Final[Mapping[str, Machine]] = {
    "challenge": _machine(CHALLENGE_TABLE, ChallengeState, ChallengeState.ISSUED),
    # The first phone of an account enters verified, with the code of its binding.
    "device": _machine(DEVICE_TABLE, DeviceState, DeviceState.PENDING, DeviceState.ACTIVE),
    "account": _machine(ACCOUNT_TABLE, AccountState, AccountState.OPEN),
    "migration": _machine(MIGRATION_TABLE, MigrationState, MigrationState.OFFERED),
    "recovery": _machine(RECOVERY_TABLE, RecoveryState, RecoveryState.OPEN),
    # An account that was linked without a line gets one by its first rebinding.
    "line": _machine(LINE_TABLE, LineState, LineState.BOUND, LineState.PROBATION),
    "anchoring": _machine(ANCHOR_TABLE, AnchorState, AnchorState.PLANNED),
}


def drawn(name: str) -> str:
    """The diagram of this machine: one arrow for each row of its table, then the ends."""
    machine = MACHINES[name]
    lines = [
        f"%% Drawn from pteri.domain.{name} by docs/draw_tables.py: change the table, not this file.",
        "stateDiagram-v2",
    ]
    lines += [f"    [*] --> {entry}" for entry in machine.entries]
    lines += [f"    {before} --> {after}: {event}" for before, event, after in machine.rows]
    left = {before for before, _, _ in machine.rows}
    lines += [f"    {state} --> [*]" for state in machine.states if state not in left]
    return "\n".join([*lines, ""])


def _wrong(folder: Path) -> list[str]:
    expected = {f"{name}.mmd": drawn(name) for name in MACHINES}
    found = {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*"))}
    stale = [f"{_FOLDER / name} is not what the table says" for name in expected if found.get(name) != expected[name]]
    return stale + [f"{_FOLDER / name} is drawn from no table" for name in found if name not in expected]


def main() -> int:
    """Write the diagrams, or with ``--check`` only say what is wrong; 0 when all is well."""
    arguments = argparse.ArgumentParser(prog="draw_tables", description=__doc__)
    arguments.add_argument("--check", action="store_true", help="change nothing; end with 1 if something differs")
    arguments.add_argument("--root", type=Path, default=_ROOT, help="root of the source tree")
    wanted = arguments.parse_args()
    folder = wanted.root / _FOLDER
    if not wanted.check:
        folder.mkdir(parents=True, exist_ok=True)
        for name in MACHINES:
            (folder / f"{name}.mmd").write_text(drawn(name), "utf-8")
    wrong = _wrong(folder)
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
