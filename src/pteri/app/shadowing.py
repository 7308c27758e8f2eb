"""A second policy that is asked after each decision and changes nothing (docs/spec/policy.md section 6).

It sees what the first one saw. The answer is made before it is asked, nothing of it is committed, and whatever goes
wrong in it is told and goes no further. A decision that is made twice, because two requests met, is told twice: what
would have been decided of everything that is recorded says ``pteri policy diff recorded shadow``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from pteri.app.differing import Gives, gives, said_shortly
from pteri.core.ids import RequestId
from pteri.domain.decisions import Decision, Hold
from pteri.domain.rules import Rules

__all__ = ["FAILED", "Shadow", "ShadowNews"]

FAILED: Final = "failed"
_TOLD_AT_FIRST: Final = 10


@dataclass(frozen=True, slots=True)
class ShadowNews:
    """The shadow decides otherwise, for the ``times``-th time in this process for this purpose and these decisions.

    ``request``: ``None`` for the link in a mail, which has none before it counts. ``longer_s``: how much longer it
    holds than the first one, where both hold. ``shadow`` is ``FAILED`` for a bug.
    """

    purpose: str
    request: RequestId | None
    decided: str
    shadow: str
    gives: Gives
    longer_s: int | None
    times: int


@dataclass(frozen=True, slots=True)
class Shadow:
    """``rules`` decide, too; ``tell`` hears of differences: of each kind the first ten, then the 16th, 32nd, 64th.

    So a policy that differs in everything fills no log. Kinds are few: purposes and reasons are closed lists.
    """

    rules: Rules
    tell: Callable[[ShadowNews], None]
    _times: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def look(
        self, purpose: str, request: RequestId | None, decision: Decision, decide: Callable[[Rules], Decision]
    ) -> None:
        """Decide as ``decide`` does by these rules, and tell where that is not ``decision``. Never raises."""
        try:
            other = decide(self.rules)
            if other == decision:
                return
            longer_s = other.until - decision.until if isinstance(decision, Hold) and isinstance(other, Hold) else None
            decisions = said_shortly(decision), said_shortly(other)
            self._count(purpose, request, decisions, gives(decision, other), longer_s)
        except Exception:  # noqa: BLE001  # the answer of those who enforce must not hang on who only watches
            with suppress(Exception):
                self._count(purpose, request, (said_shortly(decision), FAILED), "the same", None)

    def _count(
        self, purpose: str, request: RequestId | None, decisions: tuple[str, str], given: Gives, longer_s: int | None
    ) -> None:
        kind = (purpose, *decisions)
        self._times[kind] += 1
        times = self._times[kind]
        if times <= _TOLD_AT_FIRST or times & (times - 1) == 0:
            self.tell(ShadowNews(purpose, request, *decisions, given, longer_s, times))
