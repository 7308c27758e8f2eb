"""The pipeline: a signed answer to a challenge, from bytes to a committed decision (docs/spec section 4.4).

parse, verify, facts, decide, evolve, commit. Everything after the challenge was found fails with one answer, except
to a phone that proved itself; that one hears reasons.
"""

from __future__ import annotations

from pteri.app.callers import Asking, parsed_request, signed_call
from pteri.app.committing import Done, commit, first_answer, with_retries
from pteri.app.deciding import decided_changes
from pteri.app.deployment import Deployment
from pteri.app.expecting import Expected, expected_answer, key_that_answered
from pteri.app.invited import challenge_of
from pteri.app.noticing import wallet_alone
from pteri.app.refusals import Clashes, Denied, NotFound, Refusal, RefusalCode
from pteri.core import ids
from pteri.core.acts import ACTS, StatementAct
from pteri.core.errors import Malformed, OutOfWindow, ProtocolError
from pteri.core.httpsig import Tag
from pteri.core.ids import RequestId
from pteri.core.keys.device import DeviceKey
from pteri.core.verify import Payload, Question, Submitted, Verified, decode_payload
from pteri.domain.account import Account
from pteri.domain.challenge import Challenge, ChallengeState

__all__ = ["respond"]


async def respond(deployment: Deployment, asking: Asking, request: RequestId) -> Done:
    """Verify, decide, record and answer one signed payload. Repeats get the first answer; races get one winner."""
    # Shape and sizes before the first read of the database.
    answer = Submitted(parsed_request(asking, Tag.DEVICE), decode_payload(asking.request.body))

    async def attempt() -> Done:
        challenge, stored = await _asked(deployment, asking, request, answer.payload)
        # First of all the repeats: the request itself may have ended the phone's right to send it.
        if challenge.state is not ChallengeState.ISSUED:
            done = await _repeated(deployment, asking, challenge, answer, stored=stored)
            if done is not None:
                return done
        expected = await _expected(deployment, asking, challenge, answer, stored=stored)
        if challenge.state is not ChallengeState.ISSUED:
            raise _consumed(asking, answer, expected.device)
        verified = await _verified(deployment, asking, challenge, answer, expected)
        return await commit(deployment, await decided_changes(deployment, asking, challenge, expected, verified))

    return await with_retries(attempt)


async def _asked(
    deployment: Deployment, asking: Asking, request: RequestId, payload: Payload
) -> tuple[Challenge, Account | None]:
    """The challenge that is answered, from our record or, where there is none yet, from the terms of its invitation."""
    invited: Challenge | None = None
    refused: Malformed | None = None
    if payload.invited is not None:
        try:
            invited = challenge_of(deployment, asking.tenant, request, payload.invited)
        except Malformed as error:
            refused = error
    # One reading for both: an account is only looked at in the place of a record that is not there.
    recorded, stored = await deployment.store.challenge_and_account(
        asking.tenant.id, request, None if invited is None else invited.account
    )
    if recorded is not None:
        return recorded, stored
    if refused is not None:
        raise Denied(f"terms: {refused.code}") from refused
    if invited is None:
        raise NotFound
    return invited, stored


async def _repeated(
    deployment: Deployment, asking: Asking, challenge: Challenge, answer: Submitted, *, stored: Account | None
) -> Done | None:
    """The first answer to the same request, for the same phone only. Costs one read, and a signature on a hit."""
    idempotency = ids.idempotency_key(asking.request.idempotency_key)
    if await deployment.store.answer(asking.tenant.id, answer.key_id, idempotency) is None:
        return None
    try:
        key = key_that_answered(challenge, answer.payload, key_id=answer.key_id, stored=stored)
        if key is None or key.thumbprint != answer.key_id:
            return None
        call = signed_call(asking, answer.parsed, key)
    except ProtocolError as error:
        raise Denied(f"repeat: {error.code}") from error
    return await first_answer(deployment, call)


async def _expected(
    deployment: Deployment,
    asking: Asking,
    challenge: Challenge,
    answer: Submitted,
    *,
    stored: Account | None,
) -> Expected:
    """Step 4: a phone that may answer this challenge, and what it must have signed."""
    try:
        return expected_answer(
            asking.tenant, challenge, answer.payload, key_id=answer.key_id, stored=stored, at=asking.at
        )
    except Malformed as error:
        raise Denied(f"keys: {error.code}") from error
    except Denied:
        wallet = None if stored is None else stored.wallet
        await wallet_alone(
            deployment, asking, challenge, answer.payload, account=stored, wallet=wallet, key_id=answer.key_id
        )
        raise


def _consumed(asking: Asking, answer: Submitted, key: DeviceKey) -> Refusal:
    """Told to a phone that proves itself. Its statement is not rebuilt: the instants are those of the code now."""
    try:
        signed_call(asking, answer.parsed, key)
    except ProtocolError as error:
        return Denied(f"consumed: {error.code}")
    return Clashes(RefusalCode.CHALLENGE_CONSUMED, "This request was answered already.")


async def _verified(
    deployment: Deployment, asking: Asking, challenge: Challenge, answer: Submitted, expected: Expected
) -> Verified[StatementAct]:
    """The one door."""
    try:
        return await deployment.verifying.verify(
            Question(
                submitted=answer,
                expected=expected.statement,
                expected_act=ACTS[expected.statement.purpose],
                expected_wallet=expected.wallet,
                expected_device=expected.device,
                expected_network=asking.tenant.network,
                expected_method=asking.request.method,
                expected_target_uri=asking.request.target_uri,
                at=asking.at,
                expected_new_wallet=expected.new_wallet,
                expected_code_key=expected.recovery_code,
                expected_signer=expected.signer,
            )
        )
    except ProtocolError as error:
        # An answer that only came too late is the owner's own, and no reason to frighten him.
        if not isinstance(error, OutOfWindow):
            await wallet_alone(
                deployment,
                asking,
                challenge,
                answer.payload,
                account=expected.account,
                wallet=expected.wallet,
                key_id=expected.device.thumbprint,
            )
        raise Denied(f"signature: {error.code}") from error
