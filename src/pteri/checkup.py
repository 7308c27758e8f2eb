"""``pteri fsck``: look at the whole registry of these settings, and say what was found.

Exit codes: 0 whole, 1 something is wrong, 2 it could not be looked at.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress as Bar

from pteri.app.findings import Acknowledged, Finding, Report
from pteri.app.fsck import fsck
from pteri.app.fsck_progress import Keep, OtherCheck, Progress
from pteri.checkup_state import held, read_state, write_state
from pteri.settings import Settings, SettingsError
from pteri.wiring import deployed

__all__ = ["check_up", "read_ledger", "report_text"]


def check_up(settings: Settings, ledger: Path | None, state: Path | None = None) -> Report:
    """Everything that :func:`pteri.app.fsck.fsck` finds; a bar on standard error, if a person sits there.

    ``state``: the file that says how far it has come; a check that was killed goes on from there.
    """
    acknowledged = [] if ledger is None else read_ledger(ledger)
    if state is None:
        return asyncio.run(_check_up(settings, acknowledged))
    with held(state):
        begun = read_state(state)
        _say_where(state, begun)
        try:
            return asyncio.run(_check_up(settings, acknowledged, begun, lambda now: write_state(state, now)))
        except OtherCheck as error:
            raise SettingsError(
                f"{state} does not belong to this check: {error}. Nothing was looked at. Name another file, or remove "
                "this one to look at everything from the beginning."
            ) from error


async def _check_up(
    settings: Settings, acknowledged: list[Acknowledged], begun: Progress | None = None, keep: Keep | None = None
) -> Report:
    async with deployed(settings) as deployment:
        with _bar() as tell:
            return await fsck(
                deployment,
                acknowledged=acknowledged,
                pause=asyncio.sleep,
                tell=tell,
                program=version("pteri"),
                begun=begun,
                keep=keep,
            )


def _say_where(state: Path, begun: Progress | None) -> None:
    if begun is None:
        return
    if begun.finished_at is not None:
        said = f"The last check in {state} ended at {_instant(begun.finished_at)}. Everything is looked at again."
    else:
        said = (
            f"The check that began at {_instant(begun.started_at)} goes on from {state}: {begun.accounts} accounts, "
            f"{begun.events} events, {begun.found} findings so far."
        )
    sys.stderr.write(f"{said}\n")


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Looking at every event", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def read_ledger(path: Path) -> list[Acknowledged]:
    """The acknowledged acts in this file, a JSON object a line. ``SettingsError`` names the line that is none.

    Whoever wrote it may have been killed: what follows the last line end was perhaps never acknowledged.
    """
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise SettingsError(f"Cannot read the ledger {path}: {error.strerror}.") from error
    acts = []
    for number, line in enumerate(lines, start=1):
        try:
            acts.append(msgspec.json.decode(line, type=Acknowledged))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}, line {number}, is not an acknowledged act: {error}.") from error
    return acts


def report_text(report: Report) -> str:
    """The report for a person."""
    lines = [_line(finding) for finding in report.findings]
    if report.found > len(report.findings):
        lines.append(f"... and {report.found - len(report.findings)} more.")
    lines += [f"HALTED {halt.tenant}/{halt.account}: since {_instant(halt.at)}, {halt.code}" for halt in report.halted]
    lines.append(
        f"{report.accounts} accounts, {report.events} events, {report.positions} log positions. "
        f"Proved again from its signatures: {report.proved} events."
    )
    if report.anchors:
        lines.append(f"{report.anchors} anchors.")
    if report.resumed:
        lines.append(
            f"This check began at {_instant(report.started_at)} and was interrupted {report.resumed} times. What was "
            "looked at before is as it was then."
        )
    if report.acknowledged:
        lines.append(f"Compared with {report.acknowledged} acknowledged acts.")
    lines += [f"Not checked, {reason}: {times}" for reason, times in report.unchecked.items()]
    lines.append("Whole." if report.clean else f"Not whole: {report.found} findings.")
    return "\n".join(lines)


def _line(finding: Finding) -> str:
    where = f" {finding.tenant}/{finding.account}" if finding.account else ""
    event = "" if finding.seq is None else f" event {finding.seq}"
    return f"{finding.code}{where}{event}: {finding.detail}"
