"""A sign-in by an offline code: the phone has no network, and what it shows is typed (docs/spec section 5.4).

The code names no session and no sign-in, so it is only taken together with the invitation that this server made for the
browser session that it is typed into.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final

from msgspec.structs import replace

from pteri.app.callers import Call, ClientAsking, client_call
from pteri.app.committing import Done, account_change, answered, commit, first_answer, settled, with_retries
from pteri.app.deployment import Deployment
from pteri.app.differing import OFFLINE
from pteri.app.handed_in import handed_in
from pteri.app.noticing import notices_of
from pteri.app.ports import ChallengeChange, Changeset, Count, CounterKind
from pteri.app.refusals import SlowDown
from pteri.core import ids, wire
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, RequestId
from pteri.core.offline import (
    SpentElement,
    TypedElement,
    parse_offline_code,
    verify_for_nobody,
    verify_offline_code,
)
from pteri.domain import offline
from pteri.domain.account import Account, OfflineChain
from pteri.domain.challenge import Challenge, ChallengeEvent, ChallengeState
from pteri.domain.decisions import Permit
from pteri.domain.events import SignedInOffline
from pteri.domain.facts import LineStatus

__all__ = ["enter_offline_code"]

_HOUR: Final = 3600


async def enter_offline_code(
    deployment: Deployment, asking: ClientAsking, request: RequestId, wanted: wire.EnterOfflineCode
) -> Done:
    """The offline code typed into the browser session of a sign-in that no phone has answered.

    A wrong one is counted for the account, whether there is one or not; it slows down offline codes and nothing else.
    """
    call = client_call(deployment, asking)
    typed = parse_offline_code(wanted.code)
    invited = handed_in(deployment, call, request, wanted.invitation, session_secret=wanted.session_secret)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        guess = _guess(deployment, call, invited.named)
        if await deployment.store.count(call.tenant.id, guess) >= deployment.rules.offline_guesses_per_hour:
            # Said before any hashing: a guess must not cost more than it does the guesser.
            raise SlowDown((call.at // _HOUR + 1) * _HOUR)
        recorded, stored = await deployment.store.challenge_and_account(call.tenant.id, request, invited.named)
        challenge = invited.challenge if recorded is None else recorded
        account = None if stored is None or not invited.authentic else settled(stored, call.at)[0]
        found = await _found(deployment, call, request, typed, account, named=invited.named)
        if found is None or not _waits(challenge, call.at):
            return await _wrong(deployment, call, guess)
        assert stored is not None
        return await _taken(deployment, call, challenge, stored, *found)

    return await with_retries(attempt)


def _guess(deployment: Deployment, call: Call, named: ids.AccountId) -> Count:
    return Count(CounterKind.OFFLINE_GUESS, named, _HOUR, call.at, deployment.rules.offline_guesses_per_hour)


def _waits(challenge: Challenge, at: int) -> bool:
    """Whether nobody has answered this sign-in."""
    return challenge.state is ChallengeState.ISSUED and challenge.is_live(at)


async def _found(
    deployment: Deployment,
    call: Call,
    request: RequestId,
    typed: TypedElement,
    account: Account | None,
    *,
    named: AccountId,
) -> tuple[OfflineChain, SpentElement] | None:
    """The chain of this account that the code belongs to, where policy lets it count."""
    chains = () if account is None else _in_use(account, call.at)
    if account is None or not chains:
        # As much work as for an account that has some, or the clock would tell which have.
        tag = deployment.vault.tag("offline-decoy", call.tenant.id, named)
        with suppress(ProtocolError):
            await asyncio.to_thread(verify_for_nobody, typed, tag=tag, at=call.at)
        return None
    for chain in chains:
        try:
            # Up to sixty thousandths of a second: not while everybody else waits.
            spent = await asyncio.to_thread(
                verify_offline_code,
                typed,
                expected_terms=chain.terms,
                expected_end=chain.end,
                spent=chain.spent,
                at=call.at,
            )
        except ProtocolError:
            continue
        decide = partial(offline.sign_in, chain.terms.device, account)
        decision = decide(deployment.rules)
        if deployment.shadow is not None:
            deployment.shadow.look(OFFLINE, request, decision, decide)
        return (chain, spent) if isinstance(decision, Permit) else None
    return None


def _in_use(account: Account, at: int) -> list[OfflineChain]:
    """Without those that have run out: a guess at them would cost nothing."""
    return [chain for chain in account.offline if at < chain.terms.ends_at]


async def _wrong(deployment: Deployment, call: Call, guess: Count) -> Done:
    return await commit(
        deployment,
        # Recorded, so that a repeat of the same request is not a second attempt.
        Changeset(call.tenant.id, answer=answered(call, 401, wire.Nothing()), counts=(guess,)),
    )


async def _taken(  # noqa: PLR0917  # all that this one commit is about
    deployment: Deployment,
    call: Call,
    challenge: Challenge,
    stored: Account,
    chain: OfflineChain,
    spent: SpentElement,
) -> Done:
    signed_in = SignedInOffline(
        at=call.at,
        request=challenge.id,
        device=chain.terms.device,
        slot=spent.slot,
        element=spent.element,
        rules=deployment.rules.digest(),
    )
    _, lapsed = settled(stored, call.at)
    change = account_change(stored, [*((event, None) for event in lapsed), (signed_in, None)])
    completed = replace(challenge.after(ChallengeEvent.COMPLETE), answered_by=chain.terms.device)
    told = wire.SignedIn(
        state="COMPLETED",
        account=change.account.id,
        epoch=change.account.epoch,
        device=chain.terms.device,
        level="REDUCED",
        # Nobody was asked: what is not recorded must not be told.
        line=LineStatus.UNKNOWN,
        line_checked_at=None,
        acr="pteri:offline",
        amr=("otp", "user", "offline"),
        auth_time=call.at,
    )
    return await commit(
        deployment,
        Changeset(
            call.tenant.id,
            answer=answered(call, 200, told),
            spent=challenge.nonce,
            challenges=(ChallengeChange(challenge.version, completed),),
            account=change,
            notices=notices_of(change, challenge),
            # Nor may many at once come through together, when the share of this hour is used up meanwhile.
            counts=(replace(_guess(deployment, call, stored.id), adds=False),),
        ),
    )
