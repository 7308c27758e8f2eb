"""What an auditor finds in a published log (docs/spec/log.md section 13)."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import Final

import msgspec

from pteri.audit.receipts import Verdict
from pteri.core.errors import ProtocolError
from pteri.core.log.following import Suspicion

__all__ = ["Found", "LogCheck", "LogFinding", "LogFindings"]

_TOLD: Final = 20


class LogCheck(StrEnum):
    """What is looked at, in this order. Closed; a name is never reused."""

    CHECKPOINT = "CHECKPOINT"
    """The log signed the checkpoint, by the key that it has at this size."""
    WITNESSES = "WITNESSES"
    """Enough witnesses saw it."""
    KEYS = "KEYS"
    """Each key was handed over by the one before it."""
    ENTRIES = "ENTRIES"
    """Every entry is there, and is one."""
    TREE = "TREE"
    """The entries make the root of the checkpoint."""
    TILES = "TILES"
    """Every tile is what the entries make."""
    ACCOUNTS = "ACCOUNTS"
    """The leaves of each account are in their order, without a gap."""
    KNOWN = "KNOWN"
    """The log begins with the one that was seen before."""


class LogFinding(msgspec.Struct, frozen=True):
    """One check, what came of it, and a sentence; where something failed, a code and the place.

    ``where``: the path of a file, or ``entry`` and its place in the log.
    """

    check: LogCheck
    verdict: Verdict
    detail: str
    code: str | None = None
    where: str | None = None


class LogFindings(msgspec.Struct, frozen=True):
    """All checks of one log. ``first``: the first entry that was read; the ones before were by an earlier run.

    ``suspicion``: two checkpoints that do not follow each other, to be kept. ``state``: for the next run, only where
    all that was read holds. Both are bytes of files.
    """

    origin: str
    size: int
    first: int
    accounts: int
    found: tuple[LogFinding, ...]
    suspicion: Suspicion | None = None
    state: bytes | None = None

    @property
    def is_sound(self) -> bool:
        """Nothing failed."""
        return all(each.verdict is not Verdict.FAILS for each in self.found)

    @property
    def is_complete(self) -> bool:
        """Everything was checked, and holds."""
        return all(each.verdict is Verdict.HOLDS for each in self.found)


class Found:
    """Findings while they are made. A check that fails in very many places tells the first, and how many more."""

    def __init__(self) -> None:
        self._failed: dict[LogCheck, list[LogFinding]] = {}
        self._times: Counter[LogCheck] = Counter()
        self._else: dict[LogCheck, LogFinding] = {}

    def fail(self, check: LogCheck, where: str | None, error: ProtocolError) -> None:
        """This check fails here."""
        self._times[check] += 1
        if self._times[check] <= _TOLD:
            finding = LogFinding(check, Verdict.FAILS, error.detail, str(error.code), where)
            self._failed.setdefault(check, []).append(finding)

    def hold(self, check: LogCheck, detail: str) -> None:
        """This check holds, if nothing of it fails."""
        self._else.setdefault(check, LogFinding(check, Verdict.HOLDS, detail))

    def doubt(self, check: LogCheck, detail: str) -> None:
        """This check cannot be made, or not whole."""
        self._else[check] = LogFinding(check, Verdict.UNKNOWN, detail)

    def has_failed(self, check: LogCheck) -> bool:
        """Whether anything of it failed."""
        return self._times[check] > 0

    def has_said(self, check: LogCheck) -> bool:
        """Whether anything else was said of it."""
        return check in self._else

    def all(self) -> tuple[LogFinding, ...]:
        """In the order of the checks."""
        made: list[LogFinding] = []
        for check in LogCheck:
            failed = self._failed.get(check, [])
            made += failed
            if self._times[check] > len(failed):
                more = f"and in at least {self._times[check] - len(failed)} more places"
                made.append(LogFinding(check, Verdict.FAILS, more, failed[-1].code))
            other = self._else.get(check)
            if other is not None and (not failed or other.verdict is Verdict.UNKNOWN):
                made.append(other)
        return tuple(made)
