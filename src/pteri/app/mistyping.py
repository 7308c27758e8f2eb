"""Wrong codes: counted in their challenge and for the hour; no account is ever locked by them (docs/spec section 5)."""

from __future__ import annotations

from typing import Final

from pteri.app.callers import Call
from pteri.app.committing import Done, answered, commit
from pteri.app.deployment import Deployment
from pteri.app.ports import ChallengeChange, Changeset, Count, CounterKind
from pteri.app.refusals import Denied, SlowDown
from pteri.core import wire
from pteri.domain.challenge import BindAsked, Challenge, ChallengeEvent, ChallengeState, StatementAsked

__all__ = ["mistype", "mistyped", "not_too_many"]

_HOUR: Final = 3600


async def not_too_many(deployment: Deployment, call: Call, challenge: Challenge) -> None:
    """``SlowDown`` while the tenant or the account has had its share of this hour. The account is not locked by it."""
    rules = deployment.rules
    for kind, subject, limit in (
        (CounterKind.WRONG_CODE, call.tenant.id, rules.tenant_wrong_codes_per_hour),
        (CounterKind.FAILED_SIGN_IN, _subject(challenge), rules.failed_sign_ins_per_hour),
    ):
        window = Count(kind, subject, _HOUR, call.at)
        if await deployment.store.count(call.tenant.id, window) >= limit:
            raise SlowDown((call.at // _HOUR + 1) * _HOUR)


def _subject(challenge: Challenge) -> str:
    """Whose share it is. Each binding has a new account: counted by it, one login could use up the tenant's share."""
    if isinstance(challenge.asked, BindAsked):
        return challenge.asked.login
    return challenge.account or challenge.id


def mistype(deployment: Deployment, call: Call, challenge: Challenge) -> tuple[Challenge, tuple[Count, ...]]:
    """The challenge after a wrong code, and what is counted."""
    failed = challenge.mistypes + 1 >= deployment.rules.code_attempts
    after = challenge.after(ChallengeEvent.FAIL if failed else ChallengeEvent.MISTYPE)
    if isinstance(challenge.asked, StatementAsked):
        # A phone's own code is nobody's guess: counted, it would let one phone lock browsers out of all accounts.
        return after, ()
    counts = [Count(CounterKind.WRONG_CODE, call.tenant.id, _HOUR, call.at)]
    if failed:
        counts.append(Count(CounterKind.FAILED_SIGN_IN, _subject(challenge), _HOUR, call.at))
    return after, tuple(counts)


async def mistyped(deployment: Deployment, call: Call, challenge: Challenge) -> Done:
    """Record a wrong code and deny it; where no approval waits for a code there is nothing to count."""
    if challenge.state is not ChallengeState.VERIFIED or not challenge.is_live(call.at):
        raise Denied("no approval waits for a code here")
    after, counts = mistype(deployment, call, challenge)
    return await commit(
        deployment,
        Changeset(
            call.tenant.id,
            # Recorded, so that a repeat of the same request is not a second attempt.
            answer=answered(call, 401, wire.Nothing()),
            challenges=(ChallengeChange(challenge.version, after),),
            counts=counts,
        ),
    )
