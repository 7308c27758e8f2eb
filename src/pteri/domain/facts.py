"""What a decision may look at: only what is already recorded (law 2).

The account is the fold of the recorded events; the rest, :class:`Circumstances`, is recorded with the decision, so
that an auditor who holds the log reaches the same one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account
from pteri.domain.signals import Signal

__all__ = ["SEVERITY", "Circumstances", "Facts", "LineStatus", "Signer"]


class LineStatus(StrEnum):
    """What is known of the mobile line: a continuity signal, never an authority."""

    CONTINUOUS = "CONTINUOUS"
    """Asked within five minutes, the same line, no change since binding."""
    UNKNOWN = "UNKNOWN"
    """Nobody was asked or nobody answered: never counts as confirmed, never locks anyone out."""
    CHANGED = "CHANGED"
    """The line changed after it was bound."""
    CONTRADICTED = "CONTRADICTED"
    """The answer was about another line, or not authentic."""


SEVERITY: Final = (LineStatus.CONTINUOUS, LineStatus.UNKNOWN, LineStatus.CHANGED, LineStatus.CONTRADICTED)
"""From best to worst; a worse status never makes a decision more permissive."""


class Circumstances(msgspec.Struct, frozen=True):
    """The recorded part: instant (Unix seconds), line status and when an operator last answered at all.

    ``signals``: what each operator said of it now.
    """

    at: int
    line: LineStatus
    line_checked_at: int | None
    signals: tuple[Signal, ...] = ()


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Whose signatures were on the statement besides the phone's, each verified; all of it is in the evidence.

    ``wallet`` signed as the wallet of the statement, ``new_wallet`` as the one that shall take its place (the same one,
    where the account's own is lost). ``code_key``: the public key of a recovery code. ``officer``: the name under which
    the settings know wallet and phone as an officer's.
    """

    wallet: PinnedWallet
    new_wallet: PinnedWallet | None = None
    code_key: str | None = None
    officer: str | None = None


class Facts(msgspec.Struct, frozen=True):
    """The account as it is at this instant (``None``: not bound yet), the circumstances, and who signed."""

    account: Account | None
    circumstances: Circumstances
    signer: Signer
