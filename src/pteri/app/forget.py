"""Least data kept: recorded answers and ended challenges go a day after they can matter (docs/spec section 9.1).

Spent nonces and events stay for ever: what was signed once stays signed once. A sign-in that a phone approved and whose
code never came is only in its challenge: it is recorded, with its evidence, before that is forgotten.
"""

from __future__ import annotations

from typing import Final

from pteri.app.deployment import Deployment
from pteri.app.halting import is_halted, steady_time
from pteri.app.lapsing import sign_in_lapsed
from pteri.app.noticing import notices_of
from pteri.app.ports import ChallengeChange, Changeset, Committed
from pteri.domain.challenge import Challenge, ChallengeEvent
from pteri.domain.mailbox import GONE_S

__all__ = ["FORGET_BATCH", "KEPT_S", "forget_old"]

KEPT_S: Final = 24 * 3600
FORGET_BATCH: Final = 500
_LAPSED_BATCH: Final = 50


async def forget_old(deployment: Deployment, at: int) -> int:
    """Drop some of what ended more than a day before ``at``, mailboxes at their end; how many rows, a few batches.

    One small transaction: whoever wants it all asks again, and lets requests in between. While there are approved
    sign-ins to record, those are what is done.
    """
    # What is old by the clock and by the time that has passed: a repeat must still find its first answer.
    at = min(at, steady_time(deployment.clock, at))
    before = at - KEPT_S
    lapsed = await deployment.store.unfinished(before, _LAPSED_BATCH)
    if not lapsed:
        emptied = await deployment.store.forget_mailboxes(at, at - GONE_S, FORGET_BATCH)
        gone = await deployment.store.forget_addresses(at, FORGET_BATCH)
        return emptied + gone + await deployment.store.forget_answers(before, FORGET_BATCH)
    recorded = 0
    for challenge in lapsed:
        recorded += await _recorded(deployment, challenge, at)
    return recorded


async def _recorded(deployment: Deployment, challenge: Challenge, at: int) -> bool:
    """Whether it is in the log now; what somebody else changed meanwhile is looked at again in the next turn."""
    assert challenge.account is not None
    stored = await deployment.store.account(challenge.tenant, challenge.account)
    assert stored is not None
    change = sign_in_lapsed(deployment, challenge, stored, at)
    changeset = Changeset(
        challenge.tenant,
        challenges=(ChallengeChange(challenge.version, challenge.after(ChallengeEvent.CANCEL)),),
        account=change,
        # Of what time has ended before, such as an announced move of the line that never arrived.
        notices=notices_of(change, challenge),
    )
    if is_halted(deployment.clock, changeset.account):
        return False
    [outcome] = await deployment.store.commit([changeset])
    return isinstance(outcome, Committed)
