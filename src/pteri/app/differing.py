"""How two decisions of one case differ, in short words that are counted and logged: no person is in them."""

from __future__ import annotations

from typing import Final, Literal

from pteri.domain.decisions import Decision, Hold, Permit, permissiveness

__all__ = ["LINK", "OFFLINE", "Gives", "gives", "said_shortly"]

LINK: Final = "freeze by a link"
OFFLINE: Final = "offline code"
"""What counts without a statement, in the place of its purpose."""

Gives = Literal["more", "less", "the same"]
"""What a person gets of the second decision, compared with the first: sooner, or at all, is more."""


def said_shortly(decision: Decision) -> str:
    """Kind and reason, without instants."""
    kind = "permit" if isinstance(decision, Permit) else "hold" if isinstance(decision, Hold) else "refuse"
    return f"{kind} {decision.reason}"


def gives(before: Decision, after: Decision) -> Gives:
    """What ``after`` gives."""
    one, other = permissiveness(before), permissiveness(after)
    if one == other:
        return "the same"
    return "more" if other > one else "less"
