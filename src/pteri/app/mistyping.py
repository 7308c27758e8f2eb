"""Wrong codes: counted in their challenge and for the hour; no account is ever locked by them (docs/spec section 5)."""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.app.callers import Call
from pteri.app.committing import Done, answered, commit
from pteri.app.deployment import Deployment
from pteri.app.lapsing import sign_in_lapsed
from pteri.app.noticing import notices_of
from pteri.app.ports import AccountChange, ChallengeChange, Changeset, Count, CounterKind
from pteri.app.refusals import Denied
from pteri.core import wire
from pteri.domain.account import Account
from pteri.domain.challenge import (
    BindAsked,
    Challenge,
    ChallengeEvent,
    ChallengeState,
    SignInAsked,
    StatementAsked,
)

__all__ = ["mistype", "mistyped", "still_allowed"]

_HOUR: Final = 3600


def still_allowed(deployment: Deployment, call: Call, challenge: Challenge) -> tuple[Count, ...]:
    """What a right code must find: neither tenant nor account has had its share of this hour's wrong ones.

    Looked at in the commit that the code completes. The account is not locked by it.
    """
    rules = deployment.rules
    return (
        Count(CounterKind.WRONG_CODE, call.tenant.id, _HOUR, call.at, rules.tenant_wrong_codes_per_hour, adds=False),
        Count(
            CounterKind.FAILED_SIGN_IN,
            _subject(challenge),
            _HOUR,
            call.at,
            rules.failed_sign_ins_per_hour,
            adds=False,
        ),
    )


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
    # Counted before it could tell right from wrong: who is over the limit hears the same of both.
    wrong, ended = still_allowed(deployment, call, challenge)
    return after, (
        msgspec.structs.replace(wrong, adds=True),
        msgspec.structs.replace(ended, adds=failed),
    )


async def mistyped(deployment: Deployment, call: Call, challenge: Challenge, stored: Account | None) -> Done:
    """Record a wrong code and deny it; where no approval waits for a code there is nothing to count.

    ``stored``: the account of the challenge, which gets the end of an approved sign-in into its log.
    """
    if challenge.state is not ChallengeState.VERIFIED or not challenge.is_live(call.at):
        raise Denied("no approval waits for a code here")
    after, counts = mistype(deployment, call, challenge)
    change = _end_of_sign_in(deployment, call, challenge, after, stored)
    return await commit(
        deployment,
        Changeset(
            call.tenant.id,
            # Recorded, so that a repeat of the same request is not a second attempt.
            answer=answered(call, 401, wire.Nothing()),
            challenges=(ChallengeChange(challenge.version, after),),
            account=change,
            notices=notices_of(change, challenge),
            counts=counts,
        ),
    )


def _end_of_sign_in(
    deployment: Deployment, call: Call, challenge: Challenge, after: Challenge, stored: Account | None
) -> AccountChange | None:
    if after.state is not ChallengeState.FAILED or not isinstance(challenge.asked, SignInAsked) or stored is None:
        return None
    return sign_in_lapsed(deployment, challenge, stored, call.at)
