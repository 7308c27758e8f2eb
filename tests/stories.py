"""Accounts that have lived: one ledger for each situation that policy tells apart, and the acts to try on them.

Phone 1 binds, phones 2 to 4 are newcomers, phone 9 nobody knows. Each call makes a ledger of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from builders import account_id, digest, thumbprint
from ledger import DAY, HOUR, MINUTE, Ledger, opened
from pteri.core.acts import BindWallet, SetupOtp, StatementAct

if TYPE_CHECKING:
    from pteri.domain.account import Account

PROBATION: Final = 3 * DAY


def grown() -> Ledger:
    """Two verified phones, both past their probation."""
    return opened().migrated(1, 2).wait(PROBATION)


def _with(ledger: Ledger, *acts: Callable[[Ledger], object]) -> Ledger:
    for act in acts:
        act(ledger)
    return ledger


STORIES: Final[dict[str, Callable[[], Ledger]]] = {
    "just bound": opened,
    "migration waits for its code": lambda: _with(opened(), lambda it: it.approve(1, 2)),
    "migration without its code is over": lambda: _with(
        opened(), lambda it: it.approve(1, 2), lambda it: it.wait(10 * MINUTE)
    ),
    "migration inside its delay": lambda: _with(
        opened(), lambda it: it.approve(1, 2, revoke_old=True), Ledger.type_migration_code
    ),
    "migration may be accepted": lambda: _with(
        opened(),
        lambda it: it.approve(1, 2, revoke_old=True),
        Ledger.type_migration_code,
        lambda it: it.wait(HOUR),
    ),
    "migration was not accepted in time": lambda: _with(
        opened(), lambda it: it.approve(1, 2), Ledger.type_migration_code, lambda it: it.wait(25 * HOUR)
    ),
    "migration ended by wrong codes": lambda: _with(
        opened(), lambda it: it.approve(1, 2), Ledger.mistype_migration_code
    ),
    "migration stopped": lambda: _with(opened(), lambda it: it.approve(1, 2), lambda it: it.revoke(1, 2)),
    "new phone on probation": lambda: opened().migrated(1, 2),
    "new phone alone": lambda: opened().migrated(1, 2, revoke_old=True),
    "two phones": grown,
    "approver suspended": lambda: _with(grown(), lambda it: it.approve(2, 3), lambda it: it.revoke(1, 2)),
    "phone suspended": lambda: _with(grown(), lambda it: it.revoke(2, 1)),
    "phone suspended for long enough": lambda: _with(grown(), lambda it: it.revoke(2, 1), lambda it: it.wait(DAY)),
    "phone gone by itself": lambda: _with(grown(), lambda it: it.revoke(1, 1)),
    "recovery inside its hold": lambda: _with(opened(), lambda it: it.recover(3)),
    "recovery may be accepted": lambda: _with(opened(), lambda it: it.recover(3), lambda it: it.wait(3 * DAY)),
    "recovery was not accepted in time": lambda: _with(
        opened(), lambda it: it.recover(3), lambda it: it.wait(10 * DAY)
    ),
    "recovery stopped": lambda: _with(opened(), lambda it: it.recover(3), lambda it: it.revoke(1, 3)),
    "recovery stopped long ago": lambda: _with(
        opened(), lambda it: it.recover(3), lambda it: it.revoke(1, 3), lambda it: it.wait(30 * DAY)
    ),
    "recovered": lambda: opened().recovered(3),
    "recovery races a migration": lambda: _with(
        opened(),
        lambda it: it.recover(3),
        lambda it: it.wait(3 * DAY - HOUR),
        lambda it: it.approve(1, 2, revoke_old=True),
        Ledger.type_migration_code,
        lambda it: it.wait(HOUR),
    ),
    "recovered in spite of a migration": lambda: _with(
        grown(),
        lambda it: it.recover(3),
        lambda it: it.wait(3 * DAY - HOUR),
        lambda it: it.approve(1, 4),
        lambda it: it.revoke(2, 1),
        lambda it: it.wait(HOUR),
        lambda it: it.activate(3),
    ),
}


def acts_on(ledger: Ledger) -> Iterator[tuple[StatementAct, int]]:
    """Every act by every phone, right and wrong, with the number of the phone that it would let in."""
    account = ledger.settled()[0]
    for number in (1, 2, 3, 4, 9):
        for act, newcomer in _acts_by(ledger, number):
            yield act, newcomer
            for changed in _spoilt(act, account):
                yield changed, newcomer


def _acts_by(ledger: Ledger, number: int) -> Iterator[tuple[StatementAct, int]]:
    account = ledger.settled()[0]
    yield _binding(account, number), 0
    yield ledger.authenticate(number), 0
    for new in (2, 4, 9):
        for revoke_old in (True, False):
            yield ledger.approval(number, new, revoke_old=revoke_old), new
    yield ledger.acceptance(number), 0
    yield ledger.claim(number), number
    for target in (1, 2, 3, 4, 9):
        yield ledger.removal(number, target), 0
    yield SetupOtp(account.id, thumbprint(number), account.epoch, None, length=0, start=0, step=0), 0


def _binding(account: Account, number: int) -> BindWallet:
    return BindWallet(
        account.id,
        thumbprint(number),
        account.esim,
        epoch=0,
        session=digest("session"),
        recovery=account.recovery_terms,
    )


def _spoilt(act: StatementAct, account: Account) -> Iterator[StatementAct]:
    """The same act with one field as a thief, a late phone or a faulty client would have it."""
    wrong: dict[str, list[object]] = {
        "account": [account_id(77)],
        "epoch": [act.epoch + 1, 0],
        "esim": [digest("another line"), None],
        "approval": [digest("another approval")],
        "evidence": [("D", "W"), ("A",), ("C",)],
        "lost": [(thumbprint(1),)],
        "new_wallet": [account.wallet.address],
        "chain_end": [digest("chain end")],
    }
    for name, values in wrong.items():
        if name in act.__struct_fields__:
            for value in values:
                yield msgspec.structs.replace(act, **{name: value})
