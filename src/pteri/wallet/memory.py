"""What a phone knows before a statement and after it: its memory as values, read and written elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from pteri.core.acts import (
    SAME_WALLET,
    ActivateDevice,
    ApproveMigration,
    Authenticate,
    BindWallet,
    ChangeProtection,
    FreezeAccount,
    RebindLine,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    UnfreezeAccount,
    VetoChange,
)
from pteri.core.ids import digest, digest_text
from pteri.wallet.checks import Known
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.journal import Pinned
from pteri.wallet.refusals import SafetyCode, UnsafeError

if TYPE_CHECKING:
    from pteri.core.ids import Thumbprint
    from pteri.core.statement import Statement
    from pteri.core.wire import Decided
    from pteri.wallet.keystore import Keystore
    from pteri.wallet.state import PhoneState

__all__ = [
    "BACKUP_CHECK_DUE",
    "CONTESTED",
    "already_enrolled",
    "is_linked",
    "known_before",
    "linked",
    "not_enrolled",
    "pinned_after",
    "pinned_decided",
    "remembered",
    "state_after",
    "state_decided",
]

CONTESTED: Final = "CONTESTED"
"""Reason of a decision after which nobody signs in until guardians or officers have spoken."""
BACKUP_CHECK_DUE: Final = "BACKUP_CHECK_DUE"
"""Reason of a sign-in that counts, by somebody who has not tried a backup for long."""


def remembered(keystore: Keystore) -> PhoneState | None:
    """What the phone wrote down, if anything."""
    try:
        return keystore.load_state()
    except WalletError as error:
        if error.code is WalletCode.NOT_FOUND:
            return None
        raise


def is_linked(state: PhoneState | None) -> bool:
    """Whether the server has ever shown an account of this phone: the epoch of a bound account is at least 1.

    A link whose code was never typed leaves epoch 0, and may be begun again.
    """
    return state is not None and state.account is not None and state.epoch > 0


def linked(state: PhoneState) -> PhoneState:
    """The same, of a phone that has an account; else ``NOT_ENROLLED``."""
    if state.account is None:
        raise not_enrolled()
    return state


def not_enrolled() -> UnsafeError:
    """The refusal of a phone without account."""
    return UnsafeError(
        SafetyCode.NOT_ENROLLED,
        "This phone is not connected to an account. Scan the code that your account's page shows, "
        "or add this phone with an old one.",
    )


def already_enrolled() -> UnsafeError:
    """The refusal of a phone that has an account."""
    return UnsafeError(
        SafetyCode.ALREADY_ENROLLED,
        "This phone is connected to an account, and a phone serves one. If it was removed there, "
        "let it forget the account first; or use another directory.",
    )


def known_before(
    state: PhoneState,
    pinned: Pinned | None,
    *,
    address: str,
    device: Thumbprint,
    line: str | None,
    line_salt: str | None,
    at: int,
) -> Known:
    """What the phone holds a statement against. ``line_salt`` as told now; without one, as remembered."""
    return Known(
        network=state.network,
        address=address,
        device=device,
        tenant=state.tenant,
        domain=None if pinned is None else pinned.domain,
        account=state.account,
        epoch=state.epoch,
        is_line_known=pinned is not None and pinned.is_line_known,
        esim=None if pinned is None else pinned.esim,
        line=line,
        line_salt=state.line_salt if line_salt is None else line_salt,
        at=at,
    )


def state_after(state: PhoneState, statement: Statement, *, line_salt: str | None = None) -> PhoneState:
    """What is remembered once this statement has been answered with yes. A code set-up alone connects nothing."""
    act = statement.act
    if isinstance(act, SetupOtp):
        return state
    salt = state.line_salt if line_salt is None else digest(line_salt)
    return msgspec.structs.replace(state, account=act.account, epoch=max(state.epoch, act.epoch), line_salt=salt)


def state_decided(state: PhoneState, statement: Statement, decided: Decided) -> PhoneState:
    """The same, with what only the decision tells: whether the epoch has moved, and which wallet the account has now.

    Without that, the next scanned sign-in would be composed for an account that is no longer so. An epoch that is
    remembered too small is told by the server's next statement; one too great would refuse every honest one.
    """
    act = statement.act
    epoch = act.epoch + 1 if _moves_epoch(act, decided) else state.epoch
    address = state.address
    if decided.decision == "permit" and isinstance(act, RotateWallet):
        address = act.new_wallet
    elif isinstance(act, ActivateDevice):
        address = statement.address
    return msgspec.structs.replace(state, epoch=max(state.epoch, epoch), address=address)


def _moves_epoch(act: StatementAct, decided: Decided) -> bool:
    """Whether what was decided changes who may do what in the account (docs/spec section 7.3)."""
    match act:
        case ActivateDevice() | RevokeDevice() | RotateWallet() | ChangeProtection() | FreezeAccount():
            return decided.decision == "permit"
        case UnfreezeAccount() | RebindLine():
            return decided.decision == "permit"
        case VetoChange():
            return decided.reason == CONTESTED
        case _:
            return False


def pinned_after(pinned: Pinned | None, statement: Statement) -> Pinned:
    """What every later statement must say again."""
    before, act = pinned or Pinned(statement.domain), statement.act
    named = msgspec.structs.replace(before, domain=statement.domain)
    if isinstance(act, RotateWallet):
        return msgspec.structs.replace(named, approval=digest_text(statement.sha256()), new_wallet_by="rotate")
    if not isinstance(act, BindWallet | Authenticate | ApproveMigration | ActivateDevice | StartRecovery):
        return named
    accepted = msgspec.structs.replace(named, is_line_known=True, esim=act.esim)
    if isinstance(act, StartRecovery):
        by: Literal["recover"] | None = None if act.new_wallet == SAME_WALLET else "recover"
        return msgspec.structs.replace(accepted, approval=digest_text(statement.sha256()), new_wallet_by=by)
    if isinstance(act, ActivateDevice):
        return msgspec.structs.replace(accepted, approval=None, new_wallet_by=None)
    return accepted


def pinned_decided(pinned: Pinned, statement: Statement, decided: Decided) -> Pinned:
    """The same, with what only the decision tells: a wallet that was replaced at once leaves nothing to complete."""
    act = statement.act
    done = isinstance(act, RotateWallet) and decided.decision == "permit"
    taken_back = isinstance(act, VetoChange) and act.case == pinned.approval
    if done or taken_back:
        return msgspec.structs.replace(pinned, approval=None, new_wallet_by=None)
    if isinstance(act, RebindLine) and decided.decision == "permit":
        return msgspec.structs.replace(pinned, is_line_known=True, esim=act.new_esim)
    return pinned
