"""Challenges that a relying party asks for: sign-in and binding, and the claim by a phone (docs/spec section 4).

A sign-in for an unknown login gets a decoy of the same shape: it can be shown, never satisfied.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from pteri.app.callers import Asking, Call, client_call, key_of, phone_call, signed_call
from pteri.app.committing import Done, answered, commit, first_answer, with_retries
from pteri.app.deployment import Deployment, Tenant
from pteri.app.ports import ChallengeChange, Changeset, Claim, ClaimKind, Count, CounterKind, Limited
from pteri.app.refusals import Clashes, Denied, NotFound, RefusalCode, SlowDown
from pteri.app.statements import bind_statement, sign_in_statement
from pteri.core import ids, wire
from pteri.core.errors import ProtocolError
from pteri.core.esim import line_commitment, line_reference
from pteri.core.httpsig import Tag
from pteri.core.ids import AccountId, Digest, RequestId
from pteri.core.invitation import Invitation
from pteri.core.wallets import pin_wallet
from pteri.domain.challenge import Asked, BindAsked, Challenge, ChallengeState, SignInAsked, StatementAsked

__all__ = ["claim", "login_of", "new_challenge", "start_binding", "start_sign_in"]

_HOUR, _DAY = 3600, 86400
_LINE_GUESSES = 5


def login_of(deployment: Deployment, tenant: Tenant, login: str) -> Digest:
    """Keyed hash of a login name. The clear text goes no further than this line.

    Only A to Z are folded: ``str.lower`` makes a "k" of the Kelvin sign, so whoever registers with that sign at the
    site would hold the account of somebody else here.
    """
    return deployment.vault.blind("login", tenant.id, login.strip().encode().lower().decode())


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
        id=ids.new_request_id(prefix, deployment.entropy.draw(17)),
        tenant=tenant.id,
        account=account,
        nonce=ids.new_nonce(deployment.entropy.draw(20)),
        asked=asked,
        issued_at=at,
        expires_at=at + life_s,
    )


async def start_sign_in(deployment: Deployment, asking: Asking, wanted: wire.StartSignIn) -> Done:
    """A sign-in for one browser session. Same shape, same work for known and unknown logins."""
    call = client_call(asking)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        login = login_of(deployment, call.tenant, wanted.login)
        account = await deployment.store.owner(call.tenant.id, Claim(ClaimKind.LOGIN, login))
        number = f"{int.from_bytes(deployment.entropy.draw(8), 'big') % 100:02d}"
        asked = SignInAsked(session=ids.digest(wanted.session), number=number)
        challenge = new_challenge(
            deployment,
            call.tenant,
            "lgn",
            asked,
            account=account,
            at=call.at,
            life_s=deployment.rules.sign_in_s,
        )
        return await _commit_prompted(deployment, call, challenge, number, login)

    return await with_retries(attempt)


async def _commit_prompted(
    deployment: Deployment, call: Call, challenge: Challenge, number: str, login: Digest
) -> Done:
    """Show it on the phones unasked, unless there were too many: then it can still be scanned (abuse case OT-08)."""
    rules = deployment.rules
    limited = (
        Count(CounterKind.PROMPT, login, _HOUR, call.at, rules.prompts_per_hour),
        Count(CounterKind.PROMPT, login, _DAY, call.at, rules.prompts_per_day),
    )
    answer = answered(call, 201, _started(deployment, call, challenge, number))
    prompted = msgspec.structs.replace(challenge, prompted=True)
    unlimited = tuple(msgspec.structs.replace(count, limit=None) for count in limited)
    return await commit(
        deployment,
        Changeset(call.tenant.id, answer=answer, challenges=(ChallengeChange(0, prompted),), counts=limited),
        when_limited=Changeset(
            call.tenant.id, answer=answer, challenges=(ChallengeChange(0, challenge),), counts=unlimited
        ),
    )


def _started(deployment: Deployment, call: Call, challenge: Challenge, number: str) -> wire.Started:
    invitation = Invitation(challenge.id, call.tenant.id, number, deployment.public_origin)
    return wire.Started(challenge.id, number, challenge.expires_at, invitation.encode())


async def start_binding(deployment: Deployment, asking: Asking, wanted: wire.StartBinding) -> Done:
    """Link an account that the relying party has just authenticated by its own means."""
    call = client_call(asking)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        login = login_of(deployment, call.tenant, wanted.login)
        if await deployment.store.owner(call.tenant.id, Claim(ClaimKind.LOGIN, login)) is not None:
            raise Clashes(RefusalCode.ALREADY_REGISTERED, "This account, wallet or phone is registered already.")
        account = ids.new_account_id(deployment.entropy.draw(13))
        number = f"{int.from_bytes(deployment.entropy.draw(8), 'big') % 100:02d}"
        asked = BindAsked(
            session=ids.digest(wanted.session),
            login=login,
            esim=_commitment(deployment, call.tenant, account, wanted.line),
            recovery_terms=ids.digest_text(hashlib.sha256(deployment.rules.terms().encode()).digest()),
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
        answer = answered(call, 201, _started(deployment, call, challenge, number))
        return await commit(
            deployment, Changeset(call.tenant.id, answer=answer, challenges=(ChallengeChange(0, challenge),))
        )

    return await with_retries(attempt)


def _salt(deployment: Deployment, tenant: Tenant, account: AccountId) -> bytes:
    return deployment.vault.derive("line-salt", tenant.id, account)


def _commitment(deployment: Deployment, tenant: Tenant, account: AccountId, line: str | None) -> Digest | None:
    if line is None:
        return None
    salt = _salt(deployment, tenant, account)
    return line_commitment(line_reference(line), salt=salt, tenant=tenant.id)


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
            signed_call(asking, key, Tag.DEVICE)
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
            signed_call(asking, key_of(asked.device_key), Tag.DEVICE)
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
    salt = _salt(deployment, asking.tenant, challenge.account)
    own = line_commitment(known_by, salt=salt, tenant=asking.tenant.id)
    return ids.to_base64url(salt) if hmac.compare_digest(own.encode(), asked.esim.encode()) else None
