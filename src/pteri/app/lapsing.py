"""The end of an approved sign-in whose code never came, or came wrong too often: it goes into the log."""

from __future__ import annotations

from pteri.app.committing import account_change, settled
from pteri.app.deployment import Deployment
from pteri.app.evidence import open_evidence
from pteri.app.ports import AccountChange
from pteri.domain.account import Account
from pteri.domain.challenge import Challenge
from pteri.domain.events import SignInLapsed

__all__ = ["sign_in_lapsed"]


def sign_in_lapsed(deployment: Deployment, challenge: Challenge, stored: Account, at: int) -> AccountChange:
    """The change of its account, with the evidence. ``challenge``: as it was while it waited for its code."""
    assert challenge.answered_by is not None
    _, ended = settled(stored, at)
    lapsed = SignInLapsed(at=at, request=challenge.id, device=challenge.answered_by)
    return account_change(stored, [*((event, None) for event in ended), (lapsed, open_evidence(deployment, challenge))])
