"""What the owner must hear of, written in the transaction that causes it (docs/spec section 9.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pteri.app.callers import Asking, Call
from pteri.app.deployment import Deployment
from pteri.app.ports import AccountChange, Changeset, Count, CounterKind
from pteri.app.statements import sign_in_statement
from pteri.core.acts import phone_name
from pteri.core.errors import ProtocolError
from pteri.core.ids import Thumbprint
from pteri.core.statement import Statement
from pteri.core.verify import Payload, verify_wallet
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account
from pteri.domain.challenge import BindAsked, Challenge, SignInAsked
from pteri.domain.device import Device, DeviceState
from pteri.domain.events import (
    AccountBound,
    AccountContested,
    AccountFrozen,
    AccountUnfrozen,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    MigrationApproved,
    OfflineCodesPrepared,
    ProtectionChanged,
    ProtectionHeld,
    ProtectionStopped,
    RecoveryContested,
    RecoveryDelayed,
    RecoveryStarted,
    RecoveryStopped,
    RecoveryWithdrawn,
    RotationStarted,
    SignedInOffline,
    SpokenFor,
    SuspensionObjected,
    WalletRotated,
)
from pteri.domain.records import Notice, NoticeKind

__all__ = ["notices_of", "wallet_alone"]

_DAY = 86400


def notices_of(change: AccountChange | None, challenge: Challenge) -> tuple[Notice, ...]:
    """One notice for each event that changes, or may soon change, who holds the account."""
    if change is None:
        return ()
    notices: list[Notice] = []
    for recorded in change.events:
        for kind, phone, until in _told_of(recorded.event):
            notices.append(
                Notice(
                    id=f"{challenge.id}:{kind}:{phone}",
                    tenant=recorded.tenant,
                    account=recorded.account,
                    at=recorded.event.at,
                    kind=kind,
                    phone=phone_name(phone),
                    until=until,
                )
            )
    return tuple(notices)


def _told_of(event: Event) -> list[tuple[NoticeKind, Thumbprint, int | None]]:
    match event:
        case AccountBound(device=device):
            return [(NoticeKind.PHONE_ADDED, device, None)]
        case MigrationApproved(new_device=device, held_until=until):
            return [(NoticeKind.MIGRATION_APPROVED, device, until)]
        case RecoveryStarted(new_device=device, held_until=until):
            return [(NoticeKind.RECOVERY_STARTED, device, until)]
        case DeviceActivated(device=device, revoked=revoked):
            gone: list[tuple[NoticeKind, Thumbprint, int | None]] = [
                (NoticeKind.PHONE_REMOVED, phone, None) for phone in revoked
            ]
            return [(NoticeKind.PHONE_ADDED, device, None), *gone]
        case DeviceSuspended(device=device, revoke_at=until):
            return [(NoticeKind.PHONE_REMOVED, device, until)]
        case DeviceRevoked(device=device):
            return [(NoticeKind.PHONE_REMOVED, device, None)]
        case _:
            return _told_of_quarrel(event)


_QUARRELS: Final[Mapping[type[Event], tuple[NoticeKind, str, str | None]]] = {
    RecoveryStopped: (NoticeKind.CLAIM_STOPPED, "by", None),
    RecoveryWithdrawn: (NoticeKind.CLAIM_STOPPED, "by", None),
    ProtectionStopped: (NoticeKind.CLAIM_STOPPED, "by", None),
    RecoveryDelayed: (NoticeKind.CLAIM_DELAYED, "by", None),
    RecoveryContested: (NoticeKind.ACCOUNT_CONTESTED, "by", None),
    AccountContested: (NoticeKind.ACCOUNT_CONTESTED, "by", None),
    SuspensionObjected: (NoticeKind.ACCOUNT_CONTESTED, "device", None),
    AccountFrozen: (NoticeKind.ACCOUNT_FROZEN, "by", "until"),
    AccountUnfrozen: (NoticeKind.ACCOUNT_UNFROZEN, "by", None),
    RotationStarted: (NoticeKind.WALLET_CHANGE_STARTED, "device", "held_until"),
    WalletRotated: (NoticeKind.WALLET_CHANGED, "device", None),
    ProtectionHeld: (NoticeKind.PROTECTION_CHANGE_STARTED, "device", "held_until"),
    ProtectionChanged: (NoticeKind.PROTECTION_CHANGED, "device", None),
    SpokenFor: (NoticeKind.SPOKEN_FOR, "new_device", "until"),
    OfflineCodesPrepared: (NoticeKind.OFFLINE_CODES_PREPARED, "device", None),
    SignedInOffline: (NoticeKind.OFFLINE_CODE_USED, "device", None),
}
"""What is told of an event, and which of its fields say of whom and until when."""


def _told_of_quarrel(event: Event) -> list[tuple[NoticeKind, Thumbprint, int | None]]:
    if type(event) not in _QUARRELS:
        return []
    kind, phone, until = _QUARRELS[type(event)]
    return [(kind, getattr(event, phone), None if until is None else getattr(event, until))]


async def wallet_alone(
    deployment: Deployment,
    asking: Asking | Call,
    challenge: Challenge,
    payload: Payload,
    *,
    account: Account | None,
    wallet: PinnedWallet | None,
    key_id: Thumbprint,
) -> None:
    """Count right wallet signatures that came without a verified phone, and tell the owner (abuse case PR-01).

    It changes nothing else: the challenge stays as it was, and the caller hears the one denial.
    """
    statement = _as_if_from(asking, challenge, account, key_id)
    if statement is None or wallet is None:
        return
    try:
        verify_wallet(payload, expected=statement, expected_wallet=wallet, expected_network=asking.tenant.network)
    except ProtocolError:
        return
    if account is None:
        return
    count = Count(CounterKind.WALLET_ALONE, account.id, _DAY, asking.at)
    await deployment.store.commit([Changeset(asking.tenant.id, counts=(count,))])
    # Counted first and read after: of a hundred at once, the last one at least sees them all.
    if await deployment.store.count(asking.tenant.id, count) < deployment.rules.wallet_alone_notice:
        return
    notice = Notice(
        # The id lets one notice a day through.
        id=f"wallet-alone:{account.id}:{asking.at // _DAY}",
        tenant=account.tenant,
        account=account.id,
        at=asking.at,
        kind=NoticeKind.WALLET_WITHOUT_PHONE,
        phone=phone_name(key_id),
    )
    await deployment.store.commit([Changeset(asking.tenant.id, notices=(notice,))])


def _as_if_from(
    asking: Asking | Call, challenge: Challenge, account: Account | None, key_id: Thumbprint
) -> Statement | None:
    """The statement a thief with the wallet would have signed, naming the phone he came with."""
    match challenge.asked:
        case SignInAsked() as asked:
            if account is None:
                return None
            stranger = Device(key_id, "", DeviceState.PENDING, asking.at, asking.at)
            return sign_in_statement(asking.tenant, challenge, asked, account, stranger)
        case BindAsked():
            return None
        case asked:
            return asked.statement
