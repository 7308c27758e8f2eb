"""What a relying party is told when a session is an account's, however that was proved (docs/spec section 10.2)."""

from __future__ import annotations

from pteri.core import wire
from pteri.core.ids import Thumbprint
from pteri.domain.account import Account
from pteri.domain.continuity import line_level
from pteri.domain.decisions import Level, Permit
from pteri.domain.records import Evidence
from pteri.domain.rules import Rules

__all__ = ["signed_in"]


def signed_in(
    account: Account,
    evidence: Evidence,
    *,
    device: Thumbprint,
    at: int,
    acr: str,
    amr: tuple[str, ...],
    rules: Rules,
) -> wire.SignedIn:
    """The session is ``account``'s since ``at``. ``acr`` and ``amr`` say how that was proved, and no more."""
    line = account.mobile_line
    level = evidence.decision.level if isinstance(evidence.decision, Permit) else Level.REDUCED
    return wire.SignedIn(
        state="COMPLETED",
        account=account.id,
        epoch=account.epoch,
        device=device,
        level="FULL" if level is Level.FULL else "REDUCED",
        line=evidence.circumstances.line,
        line_checked_at=evidence.circumstances.line_checked_at,
        acr=acr,
        amr=amr,
        auth_time=at,
        line_state=None if line is None else line.state,
        line_level=0 if line is None else line_level(line, at, rules),
        line_confirmed_at=None if line is None else line.confirmed_at or None,
    )
