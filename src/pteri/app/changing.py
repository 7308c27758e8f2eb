"""What a phone of the account asks for itself: remove, object, freeze, replace the wallet, say who may help.

Each gets the complete statement, to be answered like any other challenge; whether it may be is for policy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from pteri.app.asking import Also, ask, issued
from pteri.app.callers import Asking, PhoneCall, phone_call
from pteri.app.committing import Done, first_answer, settled, with_retries
from pteri.app.deployment import Deployment
from pteri.app.guessing import is_code_of
from pteri.app.refusals import NotAllowed
from pteri.core import ids, wire
from pteri.core.acts import (
    ChangeProtection,
    ConfirmBackup,
    FreezeAccount,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StatementAct,
    UnfreezeAccount,
    VetoChange,
)
from pteri.core.errors import Code, Malformed
from pteri.core.guardians import parse_guardians
from pteri.core.keys.address import parse_address
from pteri.core.keys.device import DeviceKey
from pteri.core.offline import ChainTerms, check_terms
from pteri.core.wallets import PinnedWallet, pin_wallet
from pteri.domain.account import Account
from pteri.domain.decisions import Reason
from pteri.domain.device import DeviceState
from pteri.domain.guards import codes_digest

__all__ = [
    "Wanted",
    "change_asked",
    "checked_code_key",
    "checked_wallet",
    "start_backup_check",
    "start_freeze",
    "start_offline_codes",
    "start_protection",
    "start_revocation",
    "start_rotation",
    "start_unfreeze",
    "start_veto",
]

_ACTIVE: Final = (DeviceState.ACTIVE,)
_MAY_OBJECT: Final = (DeviceState.ACTIVE, DeviceState.PENDING, DeviceState.SUSPENDED)


class Wanted(msgspec.Struct, frozen=True):
    """What a phone asks for, who signs it besides, and what it is told to check it by."""

    act: StatementAct
    also: Also = Also()
    line_salt: str | None = None


async def change_asked(
    deployment: Deployment,
    asking: Asking,
    wanted: Callable[[PhoneCall, Account], Wanted],
    *,
    allowed: tuple[DeviceState, ...] = _ACTIVE,
) -> Done:
    """The statement that this phone has to sign for it. ``wanted`` sees the account as it is now."""

    async def attempt() -> Done:
        call = await phone_call(deployment, asking, allowed=allowed)
        if (done := await first_answer(deployment, call)) is not None:
            return done
        account, _ = settled(call.account, call.at)
        change = wanted(call, account)
        code = change.also.recovery_code
        if code is not None and not await is_code_of(deployment, call, account.id, account, code):
            raise NotAllowed(Reason.WRONG_CODE_KEY, "This is no recovery code of the account. Look at the paper again.")
        return await issued(
            deployment,
            call,
            ask(
                deployment,
                call,
                change.act,
                account=account.id,
                address=account.wallet.address if change.also.wallet is None else change.also.wallet.address,
                device_key=call.device.key,
                also=change.also,
            ),
            change.line_salt,
        )

    return await with_retries(attempt)


def checked_code_key(text: str | None) -> str | None:
    """The public key of a recovery code in its one spelling, or ``Malformed``."""
    if text is not None:
        DeviceKey.from_sec1(ids.from_base64url(text))
    return text


def checked_wallet(asking: Asking, told: PinnedWallet) -> PinnedWallet:
    """A wallet as a phone tells of it: address, key and kind of signature belong together, or ``Malformed``."""
    return pin_wallet(told.address, told.public_key, told.signature_type, network=asking.tenant.network)


async def start_revocation(deployment: Deployment, asking: Asking, wanted: wire.Revoke) -> Done:
    """A verified phone wants to remove a phone, perhaps itself."""

    def change(call: PhoneCall, account: Account) -> Wanted:
        target = ids.thumbprint(wanted.target)
        if account.device(target) is None:
            raise NotAllowed(Reason.UNKNOWN_TARGET, "This account has no such phone.")
        act = RevokeDevice(account=account.id, device=call.caller, epoch=account.epoch, target=target)
        return Wanted(act, Also(recovery_code=checked_code_key(wanted.recovery_code)))

    return await change_asked(deployment, asking, change)


async def start_veto(deployment: Deployment, asking: Asking, wanted: wire.Veto) -> Done:
    """A phone objects to what waits; one that was removed, to that; one that waits takes its claim back."""

    def change(call: PhoneCall, account: Account) -> Wanted:
        case = account.recovery
        # Who claims with another wallet has no other.
        own = case is not None and case.is_open(call.at) and case.new_device == call.caller
        wallet = case.new_wallet if own and call.device.state is DeviceState.PENDING and case is not None else None
        act = VetoChange(account=account.id, device=call.caller, epoch=account.epoch, case=ids.digest(wanted.case))
        return Wanted(act, Also(wallet=wallet))

    return await change_asked(deployment, asking, change, allowed=_MAY_OBJECT)


async def start_freeze(deployment: Deployment, asking: Asking, _wanted: wire.Freeze) -> Done:
    """A verified phone stops the account."""
    return await change_asked(
        deployment,
        asking,
        lambda call, account: Wanted(FreezeAccount(account=account.id, device=call.caller, epoch=account.epoch)),
    )


async def start_unfreeze(deployment: Deployment, asking: Asking, wanted: wire.Unfreeze) -> Done:
    """A verified phone that shows a recovery code ends a freeze."""
    code = checked_code_key(wanted.recovery_code)
    return await change_asked(
        deployment,
        asking,
        lambda call, account: Wanted(
            UnfreezeAccount(account=account.id, device=call.caller, epoch=account.epoch), Also(recovery_code=code)
        ),
    )


async def start_rotation(deployment: Deployment, asking: Asking, wanted: wire.Rotate) -> Done:
    """A verified phone brings another wallet."""
    new = checked_wallet(asking, wanted.new_wallet)
    code = checked_code_key(wanted.recovery_code)

    def change(call: PhoneCall, account: Account) -> Wanted:
        act = RotateWallet(account=account.id, device=call.caller, epoch=account.epoch, new_wallet=new.address)
        return Wanted(act, Also(new_wallet=new, recovery_code=code))

    return await change_asked(deployment, asking, change)


async def start_protection(deployment: Deployment, asking: Asking, wanted: wire.Protect) -> Done:
    """A verified phone says who may help, and which recovery codes count."""
    if wanted.guardians is not None:
        parse_guardians(wanted.guardians.encode())
        for address in wanted.guardians.wallets:
            if parse_address(address, network=asking.tenant.network).text != address:
                raise Malformed(Code.ADDRESS, "a guardian is named by the one spelling of an address")
    keys = tuple(key for key in wanted.code_keys if checked_code_key(key))
    if len(set(keys)) != len(keys):
        raise Malformed(Code.FIELD, "one recovery code twice")
    if wanted.keep_codes and keys:
        raise Malformed(Code.FIELD, "recovery codes are kept or replaced, not both")
    code = checked_code_key(wanted.recovery_code)

    def change(call: PhoneCall, account: Account) -> Wanted:
        # Other codes are another epoch: an answer to a statement that keeps those of before is stale then.
        wished = account.code_keys if wanted.keep_codes else keys
        act = ChangeProtection(
            account=account.id,
            device=call.caller,
            epoch=account.epoch,
            guardians=wanted.guardians,
            codes=codes_digest(wished),
        )
        return Wanted(act, Also(recovery_code=code, code_keys=wished))

    return await change_asked(deployment, asking, change)


async def start_offline_codes(deployment: Deployment, asking: Asking, wanted: wire.PrepareOfflineCodes) -> Done:
    """A verified phone prepares codes for when it has no network."""
    end = ids.digest(wanted.chain_end)

    def change(call: PhoneCall, account: Account) -> Wanted:
        terms = check_terms(ChainTerms(account.id, call.caller, wanted.start, wanted.step, wanted.length))
        return Wanted(
            SetupOtp(
                account=account.id,
                device=call.caller,
                epoch=account.epoch,
                chain_end=end,
                length=terms.length,
                start=terms.start,
                step=terms.step,
            )
        )

    return await change_asked(deployment, asking, change)


async def start_backup_check(deployment: Deployment, asking: Asking, wanted: wire.CheckBackup) -> Done:
    """A verified phone has opened a backup and found its wallet in it."""
    backup = ids.digest(wanted.backup)
    return await change_asked(
        deployment,
        asking,
        lambda call, account: Wanted(
            ConfirmBackup(account=account.id, device=call.caller, epoch=account.epoch, backup=backup)
        ),
    )
