"""``pteri fsck``: look at the whole registry of these settings, and say what was found.

Exit codes: 0 whole, 1 something is wrong, 2 it could not be looked at.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress

from pteri.app.findings import Acknowledged, Finding, Report
from pteri.app.fsck import fsck
from pteri.settings import Settings, SettingsError
from pteri.wiring import deployed

__all__ = ["check_up", "read_ledger", "report_text"]


def check_up(settings: Settings, ledger: Path | None) -> Report:
    """Everything that :func:`pteri.app.fsck.fsck` finds; a bar on standard error, if a person sits there."""
    acknowledged = [] if ledger is None else read_ledger(ledger)
    return asyncio.run(_check_up(settings, acknowledged))


async def _check_up(settings: Settings, acknowledged: list[Acknowledged]) -> Report:
    async with deployed(settings) as deployment:
        with _bar() as tell:
            return await fsck(deployment, acknowledged=acknowledged, pause=asyncio.sleep, tell=tell)


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
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
    lines.append(
        f"{report.accounts} accounts, {report.events} events, {report.positions} log positions. "
        f"Proved again from its signatures: {report.proved} events."
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
