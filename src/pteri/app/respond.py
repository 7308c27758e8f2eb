"""The pipeline: a signed answer to a challenge, from bytes to a committed decision (docs/spec section 4.4).

parse, verify, facts, decide, evolve, commit. Everything after the challenge was found fails with one answer, except
to a phone that proved itself; that one hears reasons.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from pteri.app.callers import Asking, Call, key_of, request_digest, signed_call
from pteri.app.committing import (
    Done,
    account_change,
    answered,
    commit,
    first_answer,
    settled,
    with_retries,
)
from pteri.app.deployment import Deployment
from pteri.app.evidence import code_mac, evidence_of, line_facts, seal_evidence
from pteri.app.noticing import notices_of, wallet_alone
from pteri.app.opening import wallet_claim
from pteri.app.ports import AccountChange, ChallengeChange, Changeset, Claim, ClaimKind, Count, CounterKind
from pteri.app.refusals import Clashes, Denied, NotFound, RefusalCode
from pteri.app.statements import bind_statement, sign_in_statement
from pteri.core import httpsig, ids, wire
from pteri.core.acts import (
    ACTS,
    ApproveMigration,
    Authenticate,
    BindWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
)
from pteri.core.errors import Malformed, ProtocolError
from pteri.core.httpsig import Tag
from pteri.core.ids import Digest, RequestId
from pteri.core.keys.device import DeviceKey
from pteri.core.statement import Statement
from pteri.core.verify import Payload, Verified, decode_payload, verify
from pteri.core.wallets import PinnedWallet, pin_wallet
from pteri.domain.account import Account
from pteri.domain.challenge import BindAsked, Challenge, ChallengeEvent, ChallengeState, SignInAsked
from pteri.domain.decisions import Decision, Hold, Permit, Refuse
from pteri.domain.device import DeviceState
from pteri.domain.effects import effects
from pteri.domain.events import Event
from pteri.domain.facts import Circumstances, Facts
from pteri.domain.policy import decide

__all__ = ["respond"]

_DAY = 86400
_SIGNING = {"accept": (DeviceState.PENDING,), "recover": (), "setup-otp": (DeviceState.ACTIVE,)}


@dataclass(frozen=True, slots=True)
class _Expected:
    """What the answer must be, rebuilt from our own records."""

    statement: Statement
    wallet: PinnedWallet
    device: DeviceKey
    stored: Account | None
    account: Account | None
    """``stored`` after ``lapsed``, what time alone has ended."""
    lapsed: tuple[Event, ...]


async def respond(deployment: Deployment, asking: Asking, request: RequestId) -> Done:
    """Verify, decide, record and answer one signed payload. Repeats get the first answer; races get one winner."""
    # Shape and sizes before the first read of the database.
    parsed = httpsig.parse(asking.request, expected_tag=Tag.DEVICE)
    payload = decode_payload(asking.request.body)

    async def attempt() -> Done:
        challenge = await deployment.store.challenge(asking.tenant.id, request)
        if challenge is None:
            raise NotFound
        expected = await _expected(deployment, asking, challenge, payload, parsed.key_id)
        repeated = await _repeated(deployment, asking, expected.device)
        if repeated is not None:
            return repeated
        verified = await _verified(deployment, asking, challenge, payload, expected)
        if challenge.state is not ChallengeState.ISSUED:
            raise Clashes(RefusalCode.CHALLENGE_CONSUMED, "This request was answered already.")
        return await _decide_and_commit(deployment, asking, challenge, expected, verified)

    return await with_retries(attempt)


async def _repeated(deployment: Deployment, asking: Asking, key: DeviceKey) -> Done | None:
    """The first answer to the same request, for the same phone only. Costs one read, and a signature on a hit."""
    idempotency = ids.idempotency_key(asking.request.idempotency_key)
    if await deployment.store.answer(asking.tenant.id, key.thumbprint, idempotency) is None:
        return None
    try:
        call = signed_call(asking, key, Tag.DEVICE)
    except ProtocolError as error:
        raise Denied(f"repeat: {error.code}") from error
    return await first_answer(deployment, call)


async def _expected(
    deployment: Deployment, asking: Asking, challenge: Challenge, payload: Payload, key_id: str
) -> _Expected:
    """Steps 2 and 3: the challenge, and a phone that may answer it. Decoys end here, like every stranger."""
    stored = await _account(deployment, challenge)
    try:
        return _rebuilt(asking, challenge, payload, key_id, stored)
    except Malformed as error:
        raise Denied(f"keys: {error.code}") from error
    except Denied:
        await wallet_alone(deployment, asking, challenge, stored, payload, key_id)
        raise


async def _account(deployment: Deployment, challenge: Challenge) -> Account | None:
    if challenge.account is None:
        return None
    return await deployment.store.account(challenge.tenant, challenge.account)


def _rebuilt(asking: Asking, challenge: Challenge, payload: Payload, key_id: str, stored: Account | None) -> _Expected:
    tenant, asked = asking.tenant, challenge.asked
    if isinstance(asked, BindAsked):
        if payload.enrolment is None or stored is not None:
            raise Denied("a binding needs keys, once")
        told = payload.enrolment.wallet
        wallet = pin_wallet(told.address, told.public_key, told.signature_type, network=tenant.network)
        key = key_of(payload.enrolment.device_key)
        statement = bind_statement(tenant, challenge, asked, wallet, key.thumbprint)
        return _Expected(statement, wallet, key, None, None, ())
    if payload.enrolment is not None or stored is None:
        raise Denied("keys where none are wanted, or a decoy")
    account, lapsed = settled(stored, asking.at)
    device = account.device(key_id)
    if isinstance(asked, SignInAsked):
        if device is None or device.state is not DeviceState.ACTIVE:
            raise Denied("not a verified phone of this account")
        statement = sign_in_statement(tenant, challenge, asked, account, device)
        return _Expected(statement, account.wallet, key_of(device.key), stored, account, lapsed)
    key = key_of(asked.device_key)
    allowed = _SIGNING.get(asked.statement.purpose, (DeviceState.ACTIVE,))
    if key.thumbprint != key_id or (device is not None and device.state not in allowed):
        raise Denied("not the phone that asked, or no longer in a state to")
    if device is None and asked.statement.purpose not in {"recover", "setup-otp"}:
        raise Denied("not a phone of this account")
    return _Expected(asked.statement, account.wallet, key, stored, account, lapsed)


async def _verified(
    deployment: Deployment, asking: Asking, challenge: Challenge, payload: Payload, expected: _Expected
) -> Verified[StatementAct]:
    """The one door."""
    try:
        return verify(
            asking.request,
            expected=expected.statement,
            expected_act=ACTS[expected.statement.purpose],
            expected_wallet=expected.wallet,
            expected_device=expected.device,
            expected_network=asking.tenant.network,
            expected_method=asking.request.method,
            expected_target_uri=asking.request.target_uri,
            at=asking.at,
        )
    except ProtocolError as error:
        await wallet_alone(deployment, asking, challenge, expected.account, payload, expected.device.thumbprint)
        raise Denied(f"signature: {error.code}") from error


async def _decide_and_commit(
    deployment: Deployment,
    asking: Asking,
    challenge: Challenge,
    expected: _Expected,
    verified: Verified[StatementAct],
) -> Done:
    tenant, rules = asking.tenant, deployment.rules
    circumstances = await line_facts(deployment, tenant.id, _esim(verified.act, expected), asking.at)
    decision = decide(verified.act, Facts(expected.account, circumstances), rules)
    decided = _decided(verified.act, decision)
    call = Call(
        tenant=tenant,
        caller=expected.device.thumbprint,
        key=ids.idempotency_key(asking.request.idempotency_key),
        digest=request_digest(asking.request),
        at=asking.at,
    )
    if isinstance(verified.act, BindWallet):
        await _still_free(deployment, call, challenge, verified)
    changeset = Changeset(
        tenant.id,
        answer=answered(call, _status(verified.act, decision), decided),
        spent=challenge.nonce,
        challenges=(
            ChallengeChange(
                challenge.version,
                _next_challenge(deployment, challenge, verified, circumstances, decision, decided),
            ),
        ),
        account=_account_change(deployment, challenge, expected, verified, circumstances, decision),
        counts=_counts(deployment, verified.act, expected, decision, asking.at),
    )
    noticed = notices_of(changeset.account, challenge)
    return await commit(deployment, msgspec.structs.replace(changeset, notices=noticed))


def _esim(act: StatementAct, expected: _Expected) -> Digest | None:
    if expected.account is not None:
        return expected.account.esim
    return act.esim if isinstance(act, BindWallet) else None


def _has_code(act: StatementAct) -> bool:
    return isinstance(act, BindWallet | Authenticate | ApproveMigration | SetupOtp)


def _decided(act: StatementAct, decision: Decision) -> wire.Decided:
    match decision:
        case Permit(reason=reason):
            return wire.Decided("permit", reason, _has_code(act))
        case Hold(reason=reason, until=until):
            return wire.Decided("hold", reason, _has_code(act), until)
        case Refuse(reason=reason):
            return wire.Decided("refuse", reason, False)


def _status(act: StatementAct, decision: Decision) -> int:
    """A held approval or claim has begun (202); an activation that comes too early has not (403)."""
    match decision:
        case Permit():
            return 200
        case Hold():
            return 202 if isinstance(act, ApproveMigration | StartRecovery) else 403
        case Refuse():
            return 403


def _next_challenge(
    deployment: Deployment,
    challenge: Challenge,
    verified: Verified[StatementAct],
    circumstances: Circumstances,
    decision: Decision,
    decided: wire.Decided,
) -> Challenge:
    answered_by = verified.device.thumbprint
    if isinstance(decision, Refuse):
        ended = challenge.after(ChallengeEvent.CANCEL)
        return msgspec.structs.replace(ended, answered_by=answered_by)
    if not decided.code_expected:
        return msgspec.structs.replace(challenge.after(ChallengeEvent.COMPLETE), answered_by=answered_by)
    rules = deployment.rules
    life_s = rules.migration_open_s if isinstance(verified.act, ApproveMigration) else rules.sign_in_s
    evidence = evidence_of(verified, circumstances, rules.digest(), decision)
    return msgspec.structs.replace(
        challenge.after(ChallengeEvent.VERIFY),
        answered_by=answered_by,
        expires_at=verified.at + life_s,
        code_mac=code_mac(deployment, challenge.tenant, verified, _code_session(challenge)),
        sealed=seal_evidence(deployment, challenge.id, evidence),
    )


def _code_session(challenge: Challenge) -> Digest:
    asked = challenge.asked
    session = asked.session if isinstance(asked, SignInAsked | BindAsked) else asked.code_session
    assert session is not None
    return session


def _account_change(
    deployment: Deployment,
    challenge: Challenge,
    expected: _Expected,
    verified: Verified[StatementAct],
    circumstances: Circumstances,
    decision: Decision,
) -> AccountChange | None:
    if expected.account is None:
        return None
    act, rules = verified.act, deployment.rules
    newcomer = _newcomer_key(challenge, verified)
    happened = effects(
        verified.statement,
        verified.sha256,
        decision,
        account=expected.account,
        newcomer_key=newcomer,
        rules=rules,
        at=verified.at,
    )
    if not happened:
        return None
    # While a code is awaited its evidence stays sealed in the challenge; it is recorded when the code is typed.
    pending = _has_code(act) and not isinstance(decision, Refuse)
    evidence = None if pending else evidence_of(verified, circumstances, rules.digest(), decision)
    enters = isinstance(act, ApproveMigration | StartRecovery) and not isinstance(decision, Refuse)
    claims = (Claim(ClaimKind.DEVICE, DeviceKey.from_sec1(newcomer).thumbprint),) if enters else ()
    return account_change(
        expected.stored,
        [*((event, None) for event in expected.lapsed), *((event, evidence) for event in happened)],
        claims=claims,
    )


def _newcomer_key(challenge: Challenge, verified: Verified[StatementAct]) -> bytes:
    if isinstance(verified.act, StartRecovery):
        return verified.device.sec1
    asked = challenge.asked
    text = "" if isinstance(asked, SignInAsked | BindAsked) else asked.newcomer_key
    return ids.from_base64url(text)


async def _still_free(
    deployment: Deployment, call: Call, challenge: Challenge, verified: Verified[StatementAct]
) -> None:
    """One wallet and one phone key serve one account of a tenant. Checked again when the code is typed."""
    script = verified.wallet.parsed(call.tenant.network).script_pub_key
    for claim in (
        wallet_claim(deployment, call, script),
        Claim(ClaimKind.DEVICE, verified.device.thumbprint),
    ):
        if await deployment.store.owner(challenge.tenant, claim) is not None:
            raise Clashes(RefusalCode.ALREADY_REGISTERED, "This account, wallet or phone is registered already.")


def _counts(
    deployment: Deployment, act: StatementAct, expected: _Expected, decision: Decision, at: int
) -> tuple[Count, ...]:
    """Changes of authority are counted in the transaction that makes them."""
    if expected.account is None or isinstance(act, Authenticate | SetupOtp) or isinstance(decision, Refuse):
        return ()
    rules, subject = deployment.rules, expected.account.id
    counts = [Count(CounterKind.AUTHORITY_CHANGE, subject, _DAY, at, rules.authority_changes_per_day)]
    if isinstance(act, StartRecovery):
        counts.append(Count(CounterKind.RECOVERY_START, subject, _DAY, at, rules.recovery_starts_per_day))
    return tuple(counts)
