"""Challenges that a phone asks for itself: migration, activation, code set-up, removal (docs/spec section 6).

Each carries the complete statement from the start, for the phone that asked and no other.
"""

from __future__ import annotations

from pteri.app.asking import Also, ask, issued
from pteri.app.callers import Asking, Call, phone_call
from pteri.app.committing import Done, first_answer, settled, with_retries
from pteri.app.deployment import Deployment
from pteri.app.ports import Claim, ClaimKind
from pteri.app.refusals import Clashes, NotAllowed, RefusalCode
from pteri.core import ids, wire
from pteri.core.acts import ActivateDevice, ApproveMigration
from pteri.core.ids import Digest
from pteri.core.transfer.offer import parse_card
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account
from pteri.domain.decisions import Reason
from pteri.domain.device import DeviceState

__all__ = ["start_activation", "start_migration"]


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
        return await issued(deployment, call, challenge)

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
        call = await phone_call(deployment, asking, allowed=(DeviceState.PENDING, DeviceState.ACTIVE))
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account, _ = settled(call.account, call.at)
        approval, held_until, wallet = _awaited(account, call)
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
            address=(wallet or account.wallet).address,
            device_key=call.device.key,
            also=Also(wallet=wallet),
        )
        return await issued(deployment, call, challenge)

    return await with_retries(attempt)


def _awaited(account: Account, call: Call) -> tuple[Digest, int, PinnedWallet | None]:
    """What waits for this phone: by which approval, until when, and which wallet signs if it is another one."""
    migration, recovery = account.migration, account.recovery
    if migration is not None and migration.new_device == call.caller and migration.is_open(call.at):
        if not migration.confirmed:
            raise NotAllowed(Reason.NOTHING_TO_ACCEPT, "First type the code that the old phone shows.")
        return migration.approval, migration.held_until, None
    if recovery is not None and recovery.new_device == call.caller and recovery.is_open(call.at):
        return recovery.approval, recovery.held_until, recovery.new_wallet
    raise NotAllowed(Reason.NOTHING_TO_ACCEPT, "Nothing waits for this phone any more. Start again.")
