"""Codes: what ties an approval on the phone to the one session whose person can see the phone (docs/spec section 5).

Two places take a code: the browser session of a sign-in or binding, and the recovery that follows a code set-up. (That
of a migration is between the two phones: the server neither makes nor sees it.) Wrong ones are counted in the
challenge; the account is never locked by them.
"""

from __future__ import annotations

import hashlib
import hmac

from pteri.app.asking import Also, ask
from pteri.app.callers import Asking, Call, ClientAsking, client_call, key_of, newcomer_call
from pteri.app.changing import checked_code_key, checked_wallet
from pteri.app.claiming import login_claims, wallet_claims
from pteri.app.committing import Done, account_change, answered, commit, first_answer, settled, with_retries
from pteri.app.deployment import Deployment
from pteri.app.evidence import is_code, open_evidence
from pteri.app.guessing import is_code_of
from pteri.app.mistyping import mistyped, still_allowed
from pteri.app.noticing import notices_of
from pteri.app.ports import (
    AccountChange,
    ChallengeChange,
    Changeset,
    Claim,
    ClaimKind,
)
from pteri.app.refusals import Denied, NotAllowed, NotFound, Refusal
from pteri.app.session_told import signed_in
from pteri.core import ids, wire
from pteri.core.acts import SAME_WALLET, BindWallet, StartRecovery
from pteri.core.errors import ProtocolError
from pteri.core.ids import RequestId
from pteri.core.otp import parse_code
from pteri.core.statement import parse
from pteri.core.verify import decode_payload
from pteri.domain.account import Account
from pteri.domain.challenge import (
    BindAsked,
    Challenge,
    ChallengeEvent,
    ChallengeState,
    SignInAsked,
    StatementAsked,
)
from pteri.domain.decisions import Reason
from pteri.domain.device import DeviceState
from pteri.domain.events import (
    AccountBound,
    CodesSetUp,
    SignedIn,
)
from pteri.domain.records import Evidence

__all__ = ["enter_code", "start_recovery"]


async def enter_code(
    deployment: Deployment,
    asking: ClientAsking,
    request: RequestId,
    wanted: wire.EnterCode,
    *,
    of: type[SignInAsked | BindAsked],
) -> Done:
    """The code typed into the browser session of a sign-in or a binding.

    ``of`` says which: what may be done with a token must not reach what needs a signature.
    """
    call = client_call(deployment, asking)
    code = parse_code(wanted.code)
    secret = ids.from_base64url(wanted.session_secret)

    async def attempt() -> Done:
        challenge, stored = await deployment.store.challenge_and_account(call.tenant.id, request)
        # A repeat finds its challenge changed by the first time; where it is not, the commit finds the repeat.
        waits = challenge is not None and challenge.state is ChallengeState.VERIFIED
        if not waits and (done := await first_answer(deployment, call)) is not None:
            return done
        if challenge is None or not isinstance(challenge.asked, of):
            raise _unknown(request, of)
        _same_session(challenge.asked, secret)
        if not _is_right(deployment, call, challenge, code):
            return await mistyped(deployment, call, challenge, stored)
        evidence = open_evidence(deployment, challenge)
        change = _completion(deployment, call, challenge, evidence, stored)
        told = _signed_in(deployment, call, challenge, change.account, evidence)
        return await commit(
            deployment,
            Changeset(
                call.tenant.id,
                answer=answered(call, 200, told),
                challenges=(ChallengeChange(challenge.version, challenge.after(ChallengeEvent.COMPLETE)),),
                account=change,
                notices=notices_of(change, challenge),
                line=challenge.asked.line if isinstance(challenge.asked, BindAsked) else None,
                counts=still_allowed(deployment, call, challenge),
            ),
        )

    return await with_retries(attempt)


def _unknown(request: RequestId, of: type[SignInAsked | BindAsked]) -> Refusal:
    """A sign-in that no phone has answered has no record: its code is as wrong as any other."""
    if of is SignInAsked and request.startswith("lgn_"):
        return Denied("nobody has answered, or it never was")
    return NotFound()


def _same_session(asked: SignInAsked | BindAsked, secret: bytes) -> None:
    """The code counts in the session it is bound to, which the browser proves by the secret behind the hash."""
    given = ids.digest_text(hashlib.sha256(secret).digest())
    if not hmac.compare_digest(given.encode(), asked.session.encode()):
        raise Denied("another session")


def _is_right(deployment: Deployment, call: Call, challenge: Challenge, code: str) -> bool:
    """Right code of a live, approved challenge. The keyed hash is computed in any case: one time class for all."""
    right = is_code(deployment, challenge, code)
    return right and challenge.state is ChallengeState.VERIFIED and challenge.is_live(call.at)


def _completion(
    deployment: Deployment, call: Call, challenge: Challenge, evidence: Evidence, stored: Account | None
) -> AccountChange:
    if isinstance(challenge.asked, BindAsked):
        if stored is not None:
            raise Denied("bound already")
        return _binding(deployment, call, challenge, evidence)
    if stored is None or challenge.answered_by is None:
        raise Denied("no account")
    account, lapsed = settled(stored, call.at)
    device = account.device(challenge.answered_by)
    # Authority may have changed between the approval and the code: nothing is accepted after it did.
    if account.epoch != challenge.answered_epoch or device is None or device.state is not DeviceState.ACTIVE:
        raise Denied("authority changed since the approval")
    completed = SignedIn(at=call.at, request=challenge.id, device=device.thumbprint)
    return account_change(stored, [*((event, None) for event in lapsed), (completed, evidence)])


def _binding(deployment: Deployment, call: Call, challenge: Challenge, evidence: Evidence) -> AccountChange:
    asked, act = challenge.asked, parse(evidence.statement.encode("ascii")).act
    assert isinstance(asked, BindAsked)
    assert isinstance(act, BindWallet)
    enrolment = decode_payload(evidence.signed.body).enrolment
    assert enrolment is not None
    bound = AccountBound(
        at=call.at,
        request=challenge.id,
        account=act.account,
        tenant=call.tenant.id,
        login=asked.login,
        wallet=enrolment.wallet,
        esim=act.esim,
        recovery=act.recovery,
        device=act.device,
        device_key=enrolment.device_key,
    )
    script = enrolment.wallet.parsed(call.tenant.network).script_pub_key
    return account_change(
        None,
        [(bound, evidence)],
        claims=(
            *(
                login_claims(deployment.vault, call.tenant.id, act.account, asked.login, asked.spellings)
                or (Claim(ClaimKind.LOGIN, asked.login),)
            ),
            *wallet_claims(deployment, call.tenant.id, script),
            Claim(ClaimKind.DEVICE, act.device),
        ),
    )


def _signed_in(
    deployment: Deployment, call: Call, challenge: Challenge, account: Account, evidence: Evidence
) -> wire.SignedIn:
    assert challenge.answered_by is not None
    # A typed code is not phishing-resistant, and the answer says so.
    return signed_in(
        account,
        evidence,
        device=challenge.answered_by,
        at=call.at,
        acr="pteri:otp",
        amr=("pop", "hwk", "user", "otp"),
        rules=deployment.rules,
    )


async def start_recovery(deployment: Deployment, asking: Asking, wanted: wire.StartRecovery) -> Done:
    """The code of the set-up comes back, computed by the phone: the mechanism works. Then recovery may be asked for."""
    code = parse_code(wanted.code)

    async def attempt() -> Done:
        call, challenge, asked = await _set_up(deployment, asking, wanted.setup)
        if (done := await first_answer(deployment, call)) is not None:
            return done
        if challenge.state is not ChallengeState.VERIFIED or not challenge.is_live(call.at):
            raise Denied("no code set-up is open")
        if not is_code(deployment, challenge, code):
            return await mistyped(deployment, call, challenge, None)
        assert challenge.account is not None
        stored = await deployment.store.account(call.tenant.id, challenge.account)
        assert stored is not None
        account, lapsed = settled(stored, call.at)
        set_up = CodesSetUp(at=call.at, request=challenge.id, device=call.caller)
        change = account_change(
            stored, [*((event, None) for event in lapsed), (set_up, open_evidence(deployment, challenge))]
        )
        recovery_code = checked_code_key(wanted.recovery_code)
        if recovery_code is not None and not await is_code_of(deployment, call, account.id, account, recovery_code):
            raise NotAllowed(Reason.WRONG_CODE_KEY, "This is no recovery code of the account. Look at the paper again.")
        new = None if wanted.new_wallet is None else checked_wallet(asking, wanted.new_wallet)
        signs = account.wallet if "W" in wanted.evidence else new
        if signs is None:
            raise NotAllowed(Reason.NEW_WALLET_NEEDED, "Without the wallet of the account, bring a new one.")
        act = StartRecovery(
            account=account.id,
            device=call.caller,
            esim=account.esim,
            epoch=account.epoch,
            evidence=wanted.evidence,
            lost=None,
            new_wallet=SAME_WALLET if new is None else new.address,
        )
        claim = ask(
            deployment,
            call,
            act,
            account=account.id,
            address=signs.address,
            device_key=asked.device_key,
            also=Also(
                wallet=None if signs == account.wallet else signs,
                new_wallet=new,
                recovery_code=recovery_code,
            ),
        )
        assert isinstance(claim.asked, StatementAsked)
        return await commit(
            deployment,
            Changeset(
                call.tenant.id,
                answer=answered(call, 201, wire.Claimed(claim.asked.statement)),
                challenges=(
                    ChallengeChange(challenge.version, challenge.after(ChallengeEvent.COMPLETE)),
                    ChallengeChange(0, claim),
                ),
                account=change,
            ),
        )

    return await with_retries(attempt)


async def _set_up(deployment: Deployment, asking: Asking, setup: str) -> tuple[Call, Challenge, StatementAsked]:
    """The set-up this phone asked for, and its authentic request."""
    challenge = await deployment.store.challenge(asking.tenant.id, ids.request_id(setup))
    if challenge is None or not isinstance(challenge.asked, StatementAsked):
        raise NotFound
    if challenge.asked.statement.purpose != "setup-otp":
        raise NotFound
    try:
        call = newcomer_call(asking, key_of(challenge.asked.device_key))
    except ProtocolError as error:
        raise Denied(f"recovery: {error.code}") from error
    return call, challenge, challenge.asked
