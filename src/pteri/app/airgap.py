"""A sign-in answered by a phone without network: the browser's camera brings both signatures (docs/spec section 4.6).

The request that the phone signed is built again and goes through the one door like any other. It completes the sign-in
at once: that the answer came back to the session that showed the invitation is what a typed code would have proved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Final, Never

import msgspec

from pteri.app.callers import Call, ClientAsking, client_call, key_of
from pteri.app.committing import Done, account_change, answered, commit, first_answer, settled, with_retries
from pteri.app.deployment import Deployment
from pteri.app.evidence import evidence_of
from pteri.app.handed_in import HandedIn, handed_in
from pteri.app.noticing import notices_of, wallet_alone
from pteri.app.observing import look_at_line
from pteri.app.ports import AccountChange, ChallengeChange, Changeset, Count, CounterKind
from pteri.app.refusals import Clashes, Denied, RefusalCode, SlowDown
from pteri.app.session_told import signed_in
from pteri.app.statements import sign_in_statement, statement_for
from pteri.core import httpsig, ids, wire
from pteri.core.acts import Authenticate, StatementAct
from pteri.core.airgap import AirgapAnswer, answered_request, parse_answer
from pteri.core.errors import OutOfWindow, ProtocolError
from pteri.core.httpsig import Tag
from pteri.core.ids import RequestId
from pteri.core.keys import secp256k1
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.message import SignatureType
from pteri.core.statement import Statement
from pteri.core.verify import Invited, Question, Submitted, Verified, submitted, verify_wallet
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account
from pteri.domain.challenge import Challenge, ChallengeEvent, ChallengeState, SignInAsked
from pteri.domain.decisions import Permit
from pteri.domain.device import Device, DeviceState
from pteri.domain.effects import effects
from pteri.domain.events import Event, SignedIn
from pteri.domain.facts import Facts, Signer
from pteri.domain.policy import decide
from pteri.domain.records import Evidence
from pteri.domain.rules import Rules

__all__ = ["bring_answer"]

_HOUR: Final = 3600
_NO_POINT: Final = ids.to_base64url(bytes(33))


@dataclass(frozen=True, slots=True)
class _SignIn:
    """A sign-in with the state and version of its record, where there is one; its times are those of its terms.

    ``account``: as stored; ``None`` for a decoy, and for terms that this server never made.
    """

    challenge: Challenge
    asked: SignInAsked
    invited: Invited
    account: Account | None


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer beside the account that it is for, ``stored`` after ``lapsed``, and the statement it must be over."""

    sign_in: _SignIn
    stored: Account
    account: Account
    lapsed: tuple[Event, ...]
    device: Device
    statement: Statement
    submitted: Submitted


async def bring_answer(
    deployment: Deployment, asking: ClientAsking, request: RequestId, wanted: wire.BringAnswer
) -> Done:
    """Verify, decide, record and answer in one step. Repeats get the first answer; races get one winner."""
    call = client_call(deployment, asking)
    # Shape and sizes before the first read of the database.
    answer = parse_answer(wanted.answer)
    # Another browser, that saw both codes, ends here: it learns nothing and uses nothing up.
    shown = handed_in(deployment, call, request, wanted.invitation, session_secret=wanted.session_secret)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        return await _completed(deployment, call, await _sign_in(deployment, call, shown), answer)

    return await with_retries(attempt)


async def _sign_in(deployment: Deployment, call: Call, shown: HandedIn) -> _SignIn:
    made, asked, terms = shown.challenge, shown.challenge.asked, shown.invitation.terms
    assert isinstance(asked, SignInAsked)
    assert terms is not None
    recorded, stored = await deployment.store.challenge_and_account(call.tenant.id, made.id, shown.named)
    is_ours = shown.authentic and shown.invitation.origin == deployment.public_origin
    if recorded is not None:
        is_ours = is_ours and recorded.nonce == made.nonce
        made = msgspec.structs.replace(made, state=recorded.state, version=recorded.version, prompted=recorded.prompted)
    invited = Invited(
        terms.session, shown.invitation.number, terms.issued_at, terms.expires_at, terms.ticket, terms.block
    )
    return _SignIn(made, asked, invited, stored if is_ours else None)


async def _completed(deployment: Deployment, call: Call, sign_in: _SignIn, answer: AirgapAnswer) -> Done:
    if answer.request != sign_in.challenge.id:
        await _denied(deployment, call, sign_in, "the answer to something else")
    if sign_in.account is None:
        _work_for_nobody(deployment, call, sign_in, answer)
        await _denied(deployment, call, sign_in, "a decoy, or other terms")
    brought = _beside(deployment, call, sign_in, sign_in.account, answer)
    if brought.device.state is not DeviceState.ACTIVE:
        await _look_at_wallet(deployment, call, brought)
        await _denied(deployment, call, sign_in, "not a verified phone of this account")
    try:
        verified = await _verified(deployment, call, brought)
    except ProtocolError as error:
        # An answer that only came too late is the owner's own, and no reason to frighten him.
        if not isinstance(error, OutOfWindow):
            await _look_at_wallet(deployment, call, brought)
        await _denied(deployment, call, sign_in, f"signature: {error.code}")
    try:
        return await commit(deployment, await _changes(deployment, call, brought, verified))
    except SlowDown as full:
        # As a sign-in whose code was wrong too often: it is over, and the next one may be right.
        raise Denied("too many wrong answers before") from full


def _beside(deployment: Deployment, call: Call, sign_in: _SignIn, stored: Account, answer: AirgapAnswer) -> _Answered:
    """The request of this answer, as the phone that it names would have signed it. A stranger's has a phone, too."""
    account, lapsed = settled(stored, call.at)
    stranger = Device(answer.device, "", DeviceState.PENDING, call.at, call.at)
    device = account.device(answer.device) or stranger
    statement = sign_in_statement(call.tenant, sign_in.challenge, sign_in.asked, account, device)
    of = _submitted(deployment, sign_in, answer, statement, account.wallet.signature_type)
    return _Answered(sign_in, stored, account, lapsed, device, statement, of)


def _submitted(
    deployment: Deployment,
    sign_in: _SignIn,
    answer: AirgapAnswer,
    statement: Statement,
    signature_type: SignatureType,
) -> Submitted:
    return submitted(
        answered_request(
            answer,
            statement,
            signature_type=signature_type,
            invited=sign_in.invited,
            origin=deployment.public_origin,
            tenant=sign_in.challenge.tenant,
        )
    )


async def _verified(deployment: Deployment, call: Call, brought: _Answered) -> Verified[StatementAct]:
    """The one door; before it, whether somebody was there already, which an honest phone hears as ``Clashes``."""
    request, key = brought.submitted.parsed.request, key_of(brought.device.key)
    if brought.sign_in.challenge.state is not ChallengeState.ISSUED:
        httpsig.verify_parsed(
            brought.submitted.parsed,
            key=key,
            expected_method=request.method,
            expected_target_uri=request.target_uri,
            expected_tag=Tag.DEVICE,
            at=call.at,
        )
        raise Clashes(RefusalCode.CHALLENGE_CONSUMED, "This request was answered already.")
    return await deployment.verifying.verify(
        Question(
            submitted=brought.submitted,
            expected=brought.statement,
            expected_act=Authenticate,
            expected_wallet=brought.account.wallet,
            expected_device=key,
            expected_network=call.tenant.network,
            expected_method=request.method,
            expected_target_uri=request.target_uri,
            at=call.at,
        )
    )


async def _changes(
    deployment: Deployment, call: Call, brought: _Answered, verified: Verified[StatementAct]
) -> Changeset:
    """Ask the line, decide, and say everything that this answer changes."""
    rules, challenge = deployment.rules, brought.sign_in.challenge
    looked = await look_at_line(
        deployment,
        call.tenant.id,
        brought.account,
        of=brought.account.id,
        esim=brought.account.esim,
        request=challenge.id,
        at=call.at,
    )
    assert looked.account is not None
    brought = replace(brought, account=looked.account, lapsed=(*brought.lapsed, *looked.events))
    circumstances = looked.circumstances
    signer = Signer(wallet=verified.wallet, new_wallet=None, code_key=None, officer=None)
    facts = Facts(brought.account, circumstances, signer)
    decision = decide(verified.act, facts, rules)
    if deployment.shadow is not None:
        deployment.shadow.look(verified.act.purpose, challenge.id, decision, partial(decide, verified.act, facts))
    evidence = evidence_of(verified, circumstances, rules.digest(), decision)
    permitted = isinstance(decision, Permit)
    happened: tuple[Event, ...] = (SignedIn(at=call.at, request=challenge.id, device=brought.device.thumbprint),)
    if not permitted:
        happened = effects(
            verified.statement,
            verified.sha256,
            decision,
            account=brought.account,
            signer=signer,
            circumstances=circumstances,
            newcomer_key=b"",
            code_keys=(),
            rules=rules,
        )
    change = account_change(
        brought.stored,
        [*((event, None) for event in brought.lapsed), *((event, evidence) for event in happened)],
    )
    ended = msgspec.structs.replace(
        challenge.after(ChallengeEvent.COMPLETE if permitted else ChallengeEvent.CANCEL),
        answered_by=brought.device.thumbprint,
        answered_epoch=verified.act.epoch,
    )
    return Changeset(
        call.tenant.id,
        # The reason is for the phone, which hears it when it has a network again; the browser may be anybody's.
        answer=answered(call, 200, _told(call, brought, change, evidence, rules))
        if permitted
        else answered(call, 401, wire.Nothing()),
        spent=challenge.nonce,
        challenges=(ChallengeChange(challenge.version, ended),),
        account=change,
        notices=notices_of(change, challenge),
        counts=(_wrong_answers(deployment, call, challenge.id, adds=False),),
    )


def _told(call: Call, brought: _Answered, change: AccountChange, evidence: Evidence, rules: Rules) -> wire.SignedIn:
    # No code was typed. What a camera reads can be shown to it by somebody else, so this claims no more than a code.
    return signed_in(
        change.account,
        evidence,
        device=brought.device.thumbprint,
        at=call.at,
        acr="pteri:airgap",
        amr=("pop", "hwk", "user"),
        rules=rules,
    )


async def _look_at_wallet(deployment: Deployment, call: Call, brought: _Answered) -> None:
    await wallet_alone(
        deployment,
        call,
        brought.sign_in.challenge,
        brought.submitted.payload,
        account=brought.account,
        wallet=brought.account.wallet,
        key_id=brought.device.thumbprint,
    )


def _work_for_nobody(deployment: Deployment, call: Call, sign_in: _SignIn, answer: AirgapAnswer) -> None:
    """What a stranger's answer to an account that exists costs, or the clock would tell which do."""
    challenge, network = sign_in.challenge, call.tenant.network
    assert challenge.account is not None
    nobodys = _nobodys_wallet(network)
    act = Authenticate(challenge.account, answer.device, None, 1, sign_in.asked.session, sign_in.asked.number)
    statement = statement_for(
        call.tenant,
        nobodys.address,
        act,
        request=challenge.id,
        nonce=challenge.nonce,
        issued_at=challenge.issued_at,
        life_s=challenge.expires_at - challenge.issued_at,
        block=sign_in.asked.block,
    )
    try:
        payload = _submitted(deployment, sign_in, answer, statement, nobodys.signature_type).payload
        verify_wallet(payload, expected=statement, expected_wallet=nobodys, expected_network=network)
    except ProtocolError:
        return


@cache
def _nobodys_wallet(network: str) -> PinnedWallet:
    """With the address of a key that everybody knows, and for a key no point: nothing is ever signed for it."""
    address = address_of(secp256k1.public_key(bytes(31) + b"\1"), AddressKind.P2PKH, network)
    return PinnedWallet(address.text, _NO_POINT, SignatureType.P2PKH)


async def _denied(deployment: Deployment, call: Call, sign_in: _SignIn, why: str) -> Never:
    """Count it and deny it. Of a sign-in with too many nothing more is written, and nothing is accepted either."""
    count = _wrong_answers(deployment, call, sign_in.challenge.id, adds=True)
    # The answer is recorded, so that a repeat of the same request is not a second attempt.
    answer = answered(call, 401, wire.Nothing())
    await deployment.store.commit([Changeset(call.tenant.id, answer=answer, counts=(count,))])
    raise Denied(why)


def _wrong_answers(deployment: Deployment, call: Call, request: RequestId, *, adds: bool) -> Count:
    """Wrong ones in the session of this sign-in. Nobody guesses a signature: this bounds what garbage may cost."""
    return Count(CounterKind.WRONG_ANSWER, request, _HOUR, call.at, deployment.rules.code_attempts, adds=adds)
