"""What the owner must hear of, written in the transaction that causes it (docs/spec section 9.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from pteri.app.callers import Asking, Call
from pteri.app.deployment import Deployment
from pteri.app.ports import AccountChange, Changeset, Count, CounterKind
from pteri.app.statements import sign_in_statement
from pteri.core.acts import phone_name
from pteri.core.errors import ProtocolError
from pteri.core.ids import Digest, RequestId, Thumbprint
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
    ChannelsChanged,
    ChannelsHeld,
    ChannelsStopped,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    LineAged,
    LineObserved,
    LineRebound,
    MigrationApproved,
    MoveAnnounced,
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
from pteri.domain.line import LineEvent
from pteri.domain.records import Notice, NoticeKind, RecordedEvent
from pteri.domain.recovery import CaseKind
from pteri.domain.reminding import is_to_be_told, reminder_instants

__all__ = ["Merged", "merged", "notices_for", "notices_of", "wallet_alone"]

_DAY = 86400


class _Told(msgspec.Struct, frozen=True):
    """What one event makes people hear. ``case`` and ``began_at``: of what waits until ``until``, if anything does."""

    kind: NoticeKind
    phone: Thumbprint | None
    until: int | None = None
    case: Digest | None = None
    began_at: int = 0


def notices_of(change: AccountChange | None, challenge: Challenge) -> tuple[Notice, ...]:
    """What is told of the changes that the answer to this challenge led to."""
    return notices_for(change, challenge.id)


def notices_for(change: AccountChange | None, request: RequestId) -> tuple[Notice, ...]:
    """One notice for each event that changes, or may soon change, who holds the account; and those that remind of it.

    At most three remind of one case, all written now: until they are due nobody is told, and no loop looks for them.
    """
    if change is None:
        return ()
    notices: list[Notice] = []
    for recorded in change.events:
        event = recorded.event
        notices += [
            _notice(recorded, f"{request}:{told.kind}:{told.phone}", event.at, told) for told in _told_of(event)
        ]
        if (waits := _begun_by(event, change.account)) is not None and waits.until is not None:
            notices += [
                _notice(recorded, f"{request}:{waits.kind}:{waits.phone}:{instant}", instant, waits, reminder=True)
                for instant in reminder_instants(waits.began_at, waits.until)
                if instant > event.at
            ]
    return tuple(notices)


def _notice(recorded: RecordedEvent, notice_id: str, at: int, told: _Told, *, reminder: bool = False) -> Notice:
    return Notice(
        id=notice_id,
        tenant=recorded.tenant,
        account=recorded.account,
        at=at,
        kind=told.kind,
        phone="" if told.phone is None else phone_name(told.phone),
        until=told.until,
        case=told.case,
        reminder=reminder,
    )


def _told_of(event: Event) -> list[_Told]:
    match event:
        case AccountBound(device=device):
            return [_Told(NoticeKind.PHONE_ADDED, device)]
        case DeviceActivated(device=device, revoked=revoked):
            gone = [_Told(NoticeKind.PHONE_REMOVED, phone) for phone in revoked]
            return [_Told(NoticeKind.PHONE_ADDED, device), *gone]
        case DeviceRevoked(device=device):
            return [_Told(NoticeKind.PHONE_REMOVED, device)]
        case LineObserved() | LineAged():
            return [_Told(NoticeKind.LINE_SUSPECT, None)] if event.happened in _WARNS else []
        case RecoveryDelayed():
            return [_Told(NoticeKind.CLAIM_DELAYED, event.by, case=event.approval)]
        case _:
            begun = _begun(event)
            return _told_of_quarrel(event) if begun is None else [begun]


def _begun(event: Event) -> _Told | None:
    """What begins to wait with this event."""
    match event:
        case MigrationApproved(new_device=device, held_until=until):
            kind = NoticeKind.MIGRATION_APPROVED
        case RecoveryStarted(new_device=device, held_until=until):
            kind = NoticeKind.RECOVERY_STARTED
        case RotationStarted(device=device, held_until=until):
            kind = NoticeKind.WALLET_CHANGE_STARTED
        case ProtectionHeld(device=device, held_until=until):
            kind = NoticeKind.PROTECTION_CHANGE_STARTED
        case ChannelsHeld(device=device, held_until=until):
            kind = NoticeKind.CHANNELS_CHANGE_STARTED
        case DeviceSuspended(device=device, revoke_at=until):
            kind = NoticeKind.PHONE_REMOVED
        case _:
            return None
    return _Told(kind, device, until, event.approval, event.at)


_CASES: Final[Mapping[CaseKind, NoticeKind]] = {
    CaseKind.RECOVER: NoticeKind.RECOVERY_STARTED,
    CaseKind.ROTATE: NoticeKind.WALLET_CHANGE_STARTED,
}


def _begun_by(event: Event, after: Account) -> _Told | None:
    """What waits from this event on, or longer than before: what is to be reminded of."""
    if not isinstance(event, RecoveryDelayed):
        return _begun(event)
    case = after.recovery
    assert case is not None
    return _Told(_CASES[case.kind], case.new_device, case.held_until, case.approval, case.opened_at)


_WARNS: Final = frozenset({LineEvent.CHANGE, LineEvent.RECYCLE, LineEvent.RUN_OUT})
_QUARRELS: Final[Mapping[type[Event], tuple[NoticeKind, str, str | None]]] = {
    RecoveryStopped: (NoticeKind.CLAIM_STOPPED, "by", None),
    RecoveryWithdrawn: (NoticeKind.CLAIM_STOPPED, "by", None),
    ProtectionStopped: (NoticeKind.CLAIM_STOPPED, "by", None),
    ChannelsStopped: (NoticeKind.CLAIM_STOPPED, "by", None),
    ChannelsChanged: (NoticeKind.CHANNELS_CHANGED, "device", None),
    RecoveryContested: (NoticeKind.ACCOUNT_CONTESTED, "by", None),
    AccountContested: (NoticeKind.ACCOUNT_CONTESTED, "by", None),
    SuspensionObjected: (NoticeKind.ACCOUNT_CONTESTED, "device", None),
    AccountFrozen: (NoticeKind.ACCOUNT_FROZEN, "by", "until"),
    AccountUnfrozen: (NoticeKind.ACCOUNT_UNFROZEN, "by", None),
    WalletRotated: (NoticeKind.WALLET_CHANGED, "device", None),
    ProtectionChanged: (NoticeKind.PROTECTION_CHANGED, "device", None),
    SpokenFor: (NoticeKind.SPOKEN_FOR, "new_device", "until"),
    OfflineCodesPrepared: (NoticeKind.OFFLINE_CODES_PREPARED, "device", None),
    SignedInOffline: (NoticeKind.OFFLINE_CODE_USED, "device", None),
    LineRebound: (NoticeKind.LINE_REBOUND, "device", None),
    MoveAnnounced: (NoticeKind.MOVE_ANNOUNCED, "device", "until"),
}
"""What is told of an event, and which of its fields say of whom and until when."""


def _told_of_quarrel(event: Event) -> list[_Told]:
    if type(event) not in _QUARRELS:
        return []
    kind, phone, until = _QUARRELS[type(event)]
    return [_Told(kind, getattr(event, phone), None if until is None else getattr(event, until))]


_MERGED: Final = frozenset({*_CASES.values(), NoticeKind.CLAIM_STOPPED})
"""What somebody can cause again and again who has one factor, from a new phone each time."""


class Merged(msgspec.Struct, frozen=True):
    """The newest of ``times`` notices that say the same."""

    notice: Notice
    times: int


def merged(notices: Iterable[Notice], account: Account, at: int) -> list[Merged]:
    """What is to be told at ``at``, newest first, as in ``notices``; ``account`` is settled then.

    Of cases that began, or ended, within a day one line is left, which counts them and names the last: who opens one
    and takes it back all day must not push what else happened out of the owner's list (abuse case RE-14).
    """
    places: dict[NoticeKind, int] = {}
    told: list[Merged] = []
    for notice in notices:
        if not is_to_be_told(notice, account, at):
            continue
        place = None if notice.reminder else places.get(notice.kind)
        if place is not None and told[place].notice.at - notice.at < _DAY:
            told[place] = Merged(told[place].notice, told[place].times + 1)
            continue
        if notice.kind in _MERGED and not notice.reminder:
            places[notice.kind] = len(told)
        told.append(Merged(notice, 1))
    return told


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
