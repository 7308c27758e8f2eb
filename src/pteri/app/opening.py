"""Challenges that a phone asks for itself: migration, activation, code set-up, removal (docs/spec section 6).

Each carries the complete statement from the start, for the phone that asked and no other.
"""

from __future__ import annotations

from pteri.app.callers import Asking, Call, key_of, newcomer_call, phone_call
from pteri.app.claiming import wallet_claim
from pteri.app.committing import Done, answered, commit, first_answer, settled, with_retries
from pteri.app.deployment import Deployment
from pteri.app.ports import ChallengeChange, Changeset, Claim, ClaimKind
from pteri.app.refusals import Clashes, Denied, NotAllowed, RefusalCode
from pteri.app.statements import statement_for
from pteri.core import ids, wire
from pteri.core.acts import ActivateDevice, ApproveMigration, RevokeDevice, SetupOtp, StatementAct
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, Digest
from pteri.core.keys.address import parse_address
from pteri.core.transfer.offer import parse_card
from pteri.domain.account import Account
from pteri.domain.challenge import Challenge, StatementAsked
from pteri.domain.decisions import Reason
from pteri.domain.device import DeviceState

__all__ = ["ask", "set_up_codes", "start_activation", "start_migration", "start_revocation"]

_PREFIXES = {"migrate": "mig", "accept": "act", "recover": "rec", "revoke": "rmv", "setup-otp": "otp"}


def ask(
    deployment: Deployment,
    call: Call,
    act: StatementAct,
    *,
    account: AccountId | None,
    address: str,
    device_key: str,
    newcomer_key: str = "",
    code_session: Digest | None = None,
) -> Challenge:
    """A fresh challenge for exactly this act by exactly this phone."""
    request = ids.new_request_id(_PREFIXES[act.purpose], call.at, deployment.entropy.draw(12))
    nonce = ids.new_nonce(call.at, deployment.entropy.draw(15))
    life_s = deployment.rules.statement_s
    statement = statement_for(call.tenant, address, act, request=request, nonce=nonce, issued_at=call.at, life_s=life_s)
    return Challenge(
        id=request,
        tenant=call.tenant.id,
        account=account,
        nonce=nonce,
        asked=StatementAsked(statement, device_key, newcomer_key, code_session),
        issued_at=call.at,
        expires_at=call.at + life_s,
    )


async def _issued(deployment: Deployment, call: Call, challenge: Challenge) -> Done:
    assert isinstance(challenge.asked, StatementAsked)
    answer = answered(call, 201, wire.Claimed(challenge.asked.statement))
    return await commit(
        deployment, Changeset(call.tenant.id, answer=answer, challenges=(ChallengeChange(0, challenge),))
    )


async def start_migration(deployment: Deployment, asking: Asking, wanted: wire.StartMigration) -> Done:
    """The old phone has scanned a new one, and the two have agreed on a code: their own affair."""

    async def attempt() -> Done:
        call = await phone_call(deployment, asking)
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account, _ = settled(call.account, call.at)
        card = parse_card(wanted.card, expected_tenant=call.tenant.id, at=call.at)
        newcomer = card.new_device
        await _may_enter(deployment, call, account, newcomer)
        if call.device.on_probation(call.at):
            raise NotAllowed(
                Reason.DEVICE_ON_PROBATION,
                "This phone is new. Until its trial time is over it can sign in and nothing else.",
                until=call.device.probation_until,
            )
        if account.migration is not None and account.migration.is_open(call.at):
            raise NotAllowed(Reason.MIGRATION_OPEN, "Another new phone is waiting. Remove it first, or let it finish.")
        act = ApproveMigration(
            account=account.id,
            device=call.caller,
            esim=account.esim,
            epoch=account.epoch,
            new_device=newcomer,
            offer=card.digest,
            transcript=ids.digest(wanted.transcript),
            revoke_old=wanted.revoke_old,
        )
        challenge = ask(
            deployment,
            call,
            act,
            account=account.id,
            address=account.wallet.address,
            device_key=call.device.key,
            newcomer_key=ids.to_base64url(card.device.sec1),
        )
        return await _issued(deployment, call, challenge)

    return await with_retries(attempt)


async def _may_enter(deployment: Deployment, call: Call, account: Account, newcomer: str) -> None:
    """A thumbprint enters once in a tenant, for ever: a removed phone cannot come back, nor serve two accounts."""
    owner = await deployment.store.owner(call.tenant.id, Claim(ClaimKind.DEVICE, newcomer))
    if owner == account.id:
        raise NotAllowed(
            Reason.DEVICE_TOMBSTONED,
            "This phone key was in this account before. Make a new one on that phone.",
        )
    if owner is not None:
        raise Clashes(RefusalCode.ALREADY_REGISTERED, "This account, wallet or phone is registered already.")


async def start_activation(deployment: Deployment, asking: Asking) -> Done:
    """The new phone wants to become verified: after its code, and when the hold is over."""

    async def attempt() -> Done:
        call = await phone_call(deployment, asking, allowed=(DeviceState.PENDING,))
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account, _ = settled(call.account, call.at)
        approval, held_until = _awaited(account, call)
        if call.at < held_until:
            raise NotAllowed(
                RefusalCode.HELD,
                "The waiting time is not over. Nothing is lost: come back when it is.",
                until=held_until,
            )
        act = ActivateDevice(
            account=account.id, device=call.caller, esim=account.esim, epoch=account.epoch, approval=approval
        )
        challenge = ask(
            deployment,
            call,
            act,
            account=account.id,
            address=account.wallet.address,
            device_key=call.device.key,
        )
        return await _issued(deployment, call, challenge)

    return await with_retries(attempt)


def _awaited(account: Account, call: Call) -> tuple[Digest, int]:
    migration, recovery = account.migration, account.recovery
    if migration is not None and migration.new_device == call.caller and migration.is_open(call.at):
        if not migration.confirmed:
            raise NotAllowed(Reason.NOTHING_TO_ACCEPT, "First type the code that the old phone shows.")
        return migration.approval, migration.held_until
    if recovery is not None and recovery.new_device == call.caller and recovery.is_open(call.at):
        return recovery.approval, recovery.held_until
    raise NotAllowed(Reason.NOTHING_TO_ACCEPT, "Nothing waits for this phone any more. Start again.")


async def start_revocation(deployment: Deployment, asking: Asking, wanted: wire.Revoke) -> Done:
    """A verified phone wants to remove a phone, perhaps itself."""

    async def attempt() -> Done:
        call = await phone_call(deployment, asking)
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account, _ = settled(call.account, call.at)
        act = RevokeDevice(
            account=account.id, device=call.caller, epoch=account.epoch, target=ids.thumbprint(wanted.target)
        )
        if account.device(wanted.target) is None:
            raise NotAllowed(Reason.UNKNOWN_TARGET, "This account has no such phone.")
        challenge = ask(
            deployment,
            call,
            act,
            account=account.id,
            address=account.wallet.address,
            device_key=call.device.key,
        )
        return await _issued(deployment, call, challenge)

    return await with_retries(attempt)


async def set_up_codes(deployment: Deployment, asking: Asking, wanted: wire.SetUpCodes) -> Done:
    """A phone with a restored wallet introduces itself. Unknown wallets get a decoy: nobody learns which exist."""
    try:
        key = key_of(wanted.device_key)
        call = newcomer_call(asking, key)
    except ProtocolError as error:
        raise Denied(f"code set-up: {error.code}") from error
    address = parse_address(wanted.address, network=asking.tenant.network)

    async def attempt() -> Done:
        if (done := await first_answer(deployment, call)) is not None:
            return done
        # One question for wallets that an account has and for those that none has.
        account = await deployment.store.account_of(
            call.tenant.id, wallet_claim(deployment, call.tenant.id, address.script_pub_key)
        )
        shown, epoch = _decoy(deployment, call, address.text)
        if account is not None:
            shown, epoch = account.id, settled(account, call.at)[0].epoch
        act = SetupOtp(account=shown, device=key.thumbprint, epoch=epoch, chain_end=None, length=0, start=0, step=0)
        challenge = ask(
            deployment,
            call,
            act,
            account=None if account is None else account.id,
            address=address.text,
            device_key=wanted.device_key,
            code_session=Digest(key.thumbprint),
        )
        return await _issued(deployment, call, challenge)

    return await with_retries(attempt)


def _decoy(deployment: Deployment, call: Call, address: str) -> tuple[AccountId, int]:
    """The same made-up account every time an unknown wallet is asked for."""
    made_up = deployment.vault.derive("decoy", call.tenant.id, address)
    return ids.new_account_id(made_up[:13]), 1 + made_up[13] % 3
