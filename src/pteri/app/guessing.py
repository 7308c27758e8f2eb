"""Recovery codes that are wrong: a few a day for each account, whoever asks (abuse case RE-08).

A right one is never counted, so that nobody uses up the tries of somebody else; and what is counted is the account that
is named, whether there is one or not, so that the limit tells nobody which there are.
"""

from __future__ import annotations

from typing import Final

from pteri.app.callers import Call
from pteri.app.deployment import Deployment
from pteri.app.ports import Changeset, Count, CounterKind, Limited
from pteri.app.refusals import SlowDown
from pteri.core.ids import AccountId
from pteri.domain.account import Account

__all__ = ["is_code_of"]

_DAY: Final = 86_400


async def is_code_of(
    deployment: Deployment, call: Call, named: AccountId, account: Account | None, code: str | None
) -> bool:
    """Whether this is the public key of a code of the account; a wrong one is counted. ``SlowDown`` after too many."""
    if code is None:
        return False
    if account is not None and code in account.code_keys:
        return True
    guess = Count(CounterKind.RECOVERY_CODE, named, _DAY, call.at, deployment.rules.recovery_code_tries_per_day)
    [outcome] = await deployment.store.commit([Changeset(call.tenant.id, counts=(guess,))])
    if isinstance(outcome, Limited):
        raise SlowDown(outcome.retry_at)
    return False
