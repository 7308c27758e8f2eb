"""When an owner is reminded of what waits, and which reminders still mean something (docs/spec section 9.3).

A reminder is written with the event that begins the wait, so that no loop must watch accounts. It says what it reminds
of; whoever reads it looks at the account, and one that speaks of another end than the account knows is not told.
"""

from __future__ import annotations

from typing import Final

from pteri.core.ids import Digest
from pteri.domain.account import Account
from pteri.domain.records import Notice

__all__ = ["ends_of_waits", "is_to_be_told", "reminder_instants"]

_HOUR: Final = 3600
_AFTER_S: Final = (24 * _HOUR, 48 * _HOUR)
_BEFORE_END_S: Final = _HOUR


def reminder_instants(began_at: int, until: int) -> tuple[int, ...]:
    """A day and two after the beginning, and an hour before the end: each where it lies between the two."""
    wanted = {*(began_at + after_s for after_s in _AFTER_S), until - _BEFORE_END_S}
    return tuple(sorted(instant for instant in wanted if began_at < instant < until))


def ends_of_waits(account: Account, at: int) -> dict[Digest, int]:
    """What waits in this account now, by the digest that began it, and until when."""
    case, migration = account.recovery, account.migration
    ends = {
        device.suspension.approval: device.suspension.revoke_at
        for device in account.devices
        if device.suspension is not None
    }
    if case is not None and case.is_open(at):
        ends[case.approval] = case.held_until
    if migration is not None and migration.is_open(at):
        ends[migration.approval] = migration.held_until
    for change in (account.protection, account.channel_change):
        if change is not None:
            ends[change.approval] = change.held_until
    return ends


def is_to_be_told(notice: Notice, account: Account, at: int) -> bool:
    """Whether it is time, and where it only reminds: whether that still waits, and until then.

    ``account``: settled at ``at``. A case that was delayed has new reminders, and those of before are not told.
    """
    if notice.at > at:
        return False
    if not notice.reminder:
        return True
    return notice.case is not None and ends_of_waits(account, at).get(notice.case) == notice.until
