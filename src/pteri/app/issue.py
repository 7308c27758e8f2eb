"""Challenges that a relying party asks for: sign-in and binding, and the claim by a phone (docs/spec section 4).

A sign-in for an unknown login gets a decoy of the same shape: it can be shown, never satisfied.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from pteri.app.callers import Asking, Call, ClientAsking, client_call, key_of, newcomer_call, phone_call
from pteri.app.claiming import holder, login_claims
from pteri.app.committing import Done, answered, commit, first_answer, with_retries
from pteri.app.deployment import Deployment, Tenant
from pteri.app.invited import invitation_to, sign_in_challenge
from pteri.app.observing import commitment_to, keep_line, line_salts
from pteri.app.ports import ChallengeChange, Changeset, Claim, Claimed, ClaimKind, Count, CounterKind, Limited
from pteri.app.refusals import Clashes, Denied, NotFound, RefusalCode, SlowDown
from pteri.app.statements import bind_statement, sign_in_statement
from pteri.core import ids, wire
from pteri.core.errors import ProtocolError
from pteri.core.esim import line_commitment, line_reference
from pteri.core.ids import AccountId, RequestId
from pteri.core.invitation import TICKET_BYTES, Invitation
from pteri.core.wallets import pin_wallet
from pteri.domain.challenge import Asked, BindAsked, Challenge, ChallengeState, SignInAsked, StatementAsked
from pteri.domain.spelling import Spelling

__all__ = ["claim", "login_spellings", "new_challenge", "start_binding", "start_sign_in"]

_HOUR, _DAY = 3600, 86400
_LINE_GUESSES = 5


def login_spellings(deployment: Deployment, tenant: Tenant, login: str) -> tuple[Spelling, ...]:
    """Keyed hashes of a login name, one under each key. The clear text goes no further than this line.

    Only A to Z are folded: ``str.lower`` makes a "k" of the Kelvin sign, so whoever registers with that sign at the
    site would hold the account of somebody else here.
    """
    return deployment.vault.spellings("login", tenant.id, login.strip().encode().lower().decode())


def new_challenge(
    deployment: Deployment,
    tenant: Tenant,
    prefix: str,
    asked: Asked,
    *,
    account: AccountId | None,
    at: int,
    life_s: int,
) -> Challenge:
    """A fresh challenge. Id and nonce come from the deployment's entropy; the store refuses a nonce twice."""
    return Challenge(
        id=ids.new_request_id(prefix, at, deployment.entropy.draw(12)),
        tenant=tenant.id,
        account=account,
        nonce=ids.new_nonce(at, deployment.entropy.draw(15)),
        asked=asked,
        issued_at=at,
        expires_at=at + life_s,
    )


async def start_sign_in(deployment: Deployment, asking: ClientAsking, wanted: wire.StartSignIn) -> Done:
    """A sign-in for one browser session. Same shape, same work for known and unknown logins.

    Unless phones are to be prompted it changes nothing, so a repeat is just another one: neither can hurt.
    """
    call = client_call(deployment, asking)
    spellings = login_spellings(deployment, call.tenant, wanted.login)
    # A decoy names the same nobody each time, as an account is the same each time: what is counted by it tells nothing.
    # Made for every login, or the clock would tell which have an account. The last spelling is under the oldest key: a
    # new key makes no other nobody of it.
    nobody = ids.new_account_id(deployment.vault.tag("decoy", call.tenant.id, spellings[-1].digest)[:TICKET_BYTES])
    account = await _owner(deployment, call, spellings, nobody)
    number = _two_digits(deployment)
    block = deployment.block_for(call.tenant, call.at)
    asked = SignInAsked(session=ids.digest(wanted.session), number=number, block=block)
    challenge = sign_in_challenge(deployment, call.tenant, asked, account=account, at=call.at)
    named = account or nobody
    started = _started(invitation_to(deployment, call.tenant, challenge, named), challenge)
    if not wanted.prompt:
        return Done(201, msgspec.json.encode(started))
    return await with_retries(lambda: _commit_prompted(deployment, call, challenge, started, named))


def _claims(spellings: tuple[Spelling, ...]) -> tuple[Claim, ...]:
    return tuple(Claim(ClaimKind.LOGIN, spelling.digest) for spelling in spellings)


async def _owner(
    deployment: Deployment, call: Call, spellings: tuple[Spelling, ...], nobody: AccountId
) -> AccountId | None:
    """Whose login this is. One that is not spelt under the key that writes is spelt anew, a moment later."""
    tenant, store = call.tenant.id, deployment.store
    owners = [await store.owner(tenant, claim) for claim in _claims(spellings)]
    account = next((owner for owner in owners if owner is not None), None)
    if len(spellings) > 1:
        # Read for a nobody, too: the clock tells nothing.
        stored = await store.account(tenant, account or nobody)
        if stored is not None and None in owners:
            claims = login_claims(deployment.vault, tenant, stored.id, stored.login, spellings)
            deployment.presented.note(tuple(Claimed(tenant, claim, stored.id) for claim in claims))
    return account


def _two_digits(deployment: Deployment) -> str:
    return f"{int.from_bytes(deployment.entropy.draw(8), 'big') % 100:02d}"


async def _commit_prompted(
    deployment: Deployment, call: Call, challenge: Challenge, started: wire.Started, named: AccountId
) -> Done:
    """Show it on the phones unasked, unless there were too many: then it can still be scanned (abuse case OT-08).

    Counted by account, or by whom the decoy is for: a spelling of the login would be counted anew under a new key.
    """
    rules = deployment.rules
    limited = (
        Count(CounterKind.PROMPT, named, _HOUR, call.at, rules.prompts_per_hour),
        Count(CounterKind.PROMPT, named, _DAY, call.at, rules.prompts_per_day),
    )
    answer = answered(call, 201, started)
    prompted = msgspec.structs.replace(challenge, prompted=True)
    unlimited = tuple(msgspec.structs.replace(count, limit=None) for count in limited)
    return await commit(
        deployment,
        Changeset(call.tenant.id, answer=answer, challenges=(ChallengeChange(0, prompted),), counts=limited),
        when_limited=Changeset(
            call.tenant.id, answer=answer, challenges=(ChallengeChange(0, challenge),), counts=unlimited
        ),
    )


def _started(invitation: Invitation, challenge: Challenge) -> wire.Started:
    return wire.Started(challenge.id, invitation.number, challenge.expires_at, invitation.encode())


async def start_binding(deployment: Deployment, asking: ClientAsking, wanted: wire.StartBinding) -> Done:
    """Link an account that the relying party has just authenticated by its own means."""
    call = client_call(deployment, asking)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        spellings = login_spellings(deployment, call.tenant, wanted.login)
        if await holder(deployment.store, call.tenant.id, _claims(spellings)) is not None:
            raise Clashes(RefusalCode.ALREADY_REGISTERED, "This account, wallet or phone is registered already.")
        account = ids.new_account_id(deployment.entropy.draw(13))
        kept = None
        if wanted.line is not None:
            esim = commitment_to(deployment, call.tenant.id, account, wanted.line)
            kept = keep_line(deployment.vault, call.tenant.id, account, esim, wanted.line)
        asked = BindAsked(
            session=ids.digest(wanted.session),
            login=spellings[0].digest,
            spellings=spellings,
            esim=None if kept is None else kept.esim,
            recovery_terms=ids.digest_text(hashlib.sha256(deployment.rules.terms().encode()).digest()),
            line=kept,
            block=deployment.block_for(call.tenant, call.at),
        )
        challenge = new_challenge(
            deployment,
            call.tenant,
            "bnd",
            asked,
            account=account,
            at=call.at,
            life_s=deployment.rules.statement_s,
        )
        invitation = Invitation(challenge.id, call.tenant.id, _two_digits(deployment), deployment.public_origin)
        answer = answered(call, 201, _started(invitation, challenge))
        return await commit(
            deployment, Changeset(call.tenant.id, answer=answer, challenges=(ChallengeChange(0, challenge),))
        )

    return await with_retries(attempt)


async def claim(deployment: Deployment, asking: Asking, request: RequestId, wanted: wire.Claim) -> wire.Claimed:
    """The typed fields of a challenge, for the phone that may answer it. It changes nothing and can be repeated."""
    challenge = await deployment.store.challenge(asking.tenant.id, request)
    if challenge is None:
        raise NotFound
    if not challenge.is_live(asking.at) or challenge.state is not ChallengeState.ISSUED:
        raise Denied("challenge is over")
    try:
        return await _claimed(deployment, asking, challenge, wanted)
    except ProtocolError as error:
        raise Denied(f"claim: {error.code}") from error


async def _claimed(deployment: Deployment, asking: Asking, challenge: Challenge, wanted: wire.Claim) -> wire.Claimed:
    tenant = asking.tenant
    match challenge.asked:
        case BindAsked() as asked:
            if wanted.enrolment is None:
                raise Denied("a binding needs the keys of the phone")
            key = key_of(wanted.enrolment.device_key)
            newcomer_call(asking, key)
            told = wanted.enrolment.wallet
            wallet = pin_wallet(told.address, told.public_key, told.signature_type, network=tenant.network)
            return wire.Claimed(
                statement=bind_statement(tenant, challenge, asked, wallet, key.thumbprint),
                line_salt=await _salt_for(deployment, asking, challenge, asked, wanted.line),
                recovery_terms=deployment.rules.terms(),
            )
        case _ if wanted.line is not None:
            raise Denied("a line where none is wanted")
        case SignInAsked() as asked:
            call = await phone_call(deployment, asking)
            if call.account.id != challenge.account or wanted.enrolment is not None:
                raise Denied("phone of another account")
            return wire.Claimed(sign_in_statement(tenant, challenge, asked, call.account, call.device))
        case StatementAsked() as asked:
            if wanted.enrolment is not None:
                raise Denied("keys where none are wanted")
            newcomer_call(asking, key_of(asked.device_key))
            return wire.Claimed(asked.statement)


async def _salt_for(
    deployment: Deployment, asking: Asking, challenge: Challenge, asked: BindAsked, line: str | None
) -> str | None:
    """The salt of the line commitment, for a phone that knows the line.

    Salt and commitment together would let anyone who photographed the invitation try all numbers at home; asked here,
    a guess costs one of a few.
    """
    if asked.esim is None or line is None:
        return None
    assert challenge.account is not None
    known_by = line_reference(line)
    # Counted before it is looked at, and the right one too: else the limit would only say "wrong" in other words, and
    # a thousand guesses at once would all be looked at before the first is counted.
    guess = Count(CounterKind.LINE_GUESS, challenge.id, _HOUR, asking.at, _LINE_GUESSES)
    [outcome] = await deployment.store.commit([Changeset(asking.tenant.id, counts=(guess,))])
    if isinstance(outcome, Limited):
        raise SlowDown(outcome.retry_at)
    fitting = None
    for salt in line_salts(deployment, asking.tenant.id, challenge.account):
        # It may have begun before another key came to write. None is left out: the clock tells nothing.
        own = line_commitment(known_by, salt=salt, tenant=asking.tenant.id)
        if hmac.compare_digest(own.encode(), asked.esim.encode()):
            fitting = ids.to_base64url(salt)
    return fitting
