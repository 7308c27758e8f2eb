"""Accounts that have lived: one ledger for each situation that policy tells apart, and the acts to try on them.

Phone 1 binds, phones 2 to 4 are newcomers, phone 9 nobody knows; guardians, officers and codes are those of
``quarrels``. Each call makes a ledger of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

import chains
import lines
import quarrels
from builders import account_id, digest, thumbprint, wallet
from ledger import DAY, HOUR, MINUTE, Ledger, opened
from pteri.core.acts import BindWallet, SetupOtp, StatementAct
from pteri.core.euicc.notification import Operation
from pteri.domain.facts import Facts, LineStatus, Signer
from pteri.domain.rules import rules_from
from quarrels import CODE, NEW_WALLET, OTHER_CODE, friends, protected, signed_by

if TYPE_CHECKING:
    from pteri.core.ids import Digest
    from pteri.domain.account import Account
    from pteri.domain.decisions import Decision

PROBATION: Final = 3 * DAY


def grown() -> Ledger:
    """Two verified phones, both past their probation."""
    return opened().migrated(1, 2).wait(PROBATION)


def guarded() -> Ledger:
    """The same, with guardians and a recovery code since the first day."""
    return protected(opened()).migrated(1, 2).wait(PROBATION)


def _with(ledger: Ledger, *acts: Callable[[Ledger], object]) -> Ledger:
    for act in acts:
        act(ledger)
    return ledger


STORIES: Final[dict[str, Callable[[], Ledger]]] = {
    "just bound": opened,
    "no backup tried for long": lambda: opened(rules=rules_from({"backup_check_s": DAY})).wait(2 * DAY),
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
    "recovery stopped": lambda: _with(opened(), lambda it: it.recover(3), lambda it: quarrels.veto(it, 1)),
    "recovery stopped long ago": lambda: _with(
        opened(), lambda it: it.recover(3), lambda it: quarrels.veto(it, 1), lambda it: it.wait(30 * DAY)
    ),
    "recovery taken back": lambda: _with(opened(), lambda it: it.recover(3), lambda it: quarrels.veto(it, 3)),
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
    "guarded": guarded,
    "guarded, its codes waiting to be replaced": lambda: _with(
        guarded(), lambda it: quarrels.protect(it, 1, friends(), OTHER_CODE)
    ),
    "guarded, its codes replaced by time": lambda: _with(
        guarded(), lambda it: quarrels.protect(it, 1, None, OTHER_CODE), lambda it: it.wait(3 * DAY)
    ),
    "guarded, its codes not replaced after all": lambda: _with(
        guarded(),
        lambda it: quarrels.protect(it, 1, None, OTHER_CODE),
        lambda it: quarrels.veto(it, 2, it.events[-1].approval),  # type: ignore[union-attr]  # of ProtectionHeld
    ),
    "voices for a newcomer": lambda: quarrels.spoken_for(guarded(), "GA", 3),
    "voices for a verified phone": lambda: quarrels.spoken_for(guarded(), "A", 1),
    "claimed with a code": lambda: _with(guarded(), lambda it: quarrels.claim(it, 3, "WC")),
    "claimed with guardians": lambda: _with(
        quarrels.spoken_for(guarded(), "G", 3), lambda it: quarrels.claim(it, 3, "WG")
    ),
    "claimed with guardians, and delayed": lambda: _with(
        quarrels.spoken_for(guarded(), "G", 3), lambda it: quarrels.claim(it, 3, "CG"), lambda it: quarrels.veto(it, 1)
    ),
    "claimed with officers": lambda: _with(
        quarrels.spoken_for(guarded(), "A", 3), lambda it: quarrels.claim(it, 3, "A")
    ),
    "claimed with guardians, and recovered": lambda: _with(
        quarrels.spoken_for(guarded(), "G", 3),
        lambda it: quarrels.claim(it, 3, "WG"),
        lambda it: it.wait(DAY),
        quarrels.complete,
    ),
    "another wallet waits": lambda: _with(guarded(), lambda it: quarrels.rotate(it, 1)),
    "another wallet waits with officers": lambda: _with(
        quarrels.spoken_for(guarded(), "A", 1), lambda it: quarrels.rotate(it, 1, "A")
    ),
    "another wallet": lambda: _with(guarded(), lambda it: quarrels.rotate(it, 1, "WC")),
    "another wallet after a wait": lambda: _with(
        guarded(), lambda it: quarrels.rotate(it, 1), lambda it: it.wait(3 * DAY), quarrels.complete
    ),
    "frozen": lambda: _with(guarded(), quarrels.freeze),
    "frozen twice": lambda: _with(guarded(), quarrels.freeze, lambda it: it.wait(DAY), quarrels.freeze),
    "frozen twice, and over": lambda: _with(
        guarded(), quarrels.freeze, lambda it: it.wait(DAY), quarrels.freeze, lambda it: it.wait(DAY)
    ),
    "unfrozen": lambda: _with(guarded(), quarrels.freeze, quarrels.unfreeze),
    "contested by a phone": lambda: _with(guarded(), lambda it: quarrels.freeze(it, 2, "")),
    "contested by an objection": lambda: _with(
        guarded(), lambda it: quarrels.claim(it, 3, "WC"), lambda it: quarrels.veto(it, 1)
    ),
    "contested by a phone that came back": lambda: _with(
        guarded(),
        lambda it: it.revoke(2, 1),
        lambda it: quarrels.veto(it, 1, it.events[-1].approval),  # type: ignore[union-attr]  # of DeviceSuspended
    ),
    "offline codes prepared": lambda: _with(chains.offering(), lambda it: chains.prepare(it, 1)),
    "signed in with an offline code": lambda: _with(
        chains.offering(), lambda it: chains.prepare(it, 1), lambda it: it.wait(HOUR), lambda it: chains.sign_in(it, 1)
    ),
    "frozen by a link": lambda: _with(guarded(), quarrels.freeze_by_link),
    "warned": lambda: quarrels.warned(guarded()),
    "warned, and the address shall go": lambda: _with(
        quarrels.warned(guarded()), lambda it: quarrels.notify(it, 1, quarrels.WORK)
    ),
    "warned elsewhere": lambda: _with(
        quarrels.warned(guarded()), lambda it: quarrels.notify(it, 1, quarrels.WORK), lambda it: it.wait(3 * DAY)
    ),
    "without a line": lambda: opened(has_line=False),
    "line swapped": lambda: _with(grown(), lambda it: lines.hear(it, lines.swap(it))),
    "line swapped, and rebound": lambda: _with(
        grown(), lambda it: lines.hear(it, lines.swap(it)), lambda it: it.wait(HOUR), lambda it: lines.rebind(it, 1)
    ),
    "line given to somebody else": lambda: _with(grown(), lambda it: lines.hear(it, lines.recycled(it))),
    "chip known": lambda: _with(
        grown(),
        lines.chip_answers,
        lambda it: lines.chip_tells(it, Operation.ENABLE, 2),
        lambda it: lines.chip_tells(it, Operation.DISABLE, 3),
    ),
    "line silent for long": lambda: _with(grown(), lambda it: lines.hear(it, lines.silence(it), silent_s=3 * DAY)),
    "move of the line announced": lambda: _with(grown(), lambda it: lines.announce(it, 1, 2)),
    "move of the line in its time": lambda: _with(
        grown(),
        lambda it: lines.announce(it, 1, 2),
        lambda it: it.wait(HOUR),
        lambda it: lines.hear(it, lines.swap(it)),
    ),
    "line moved": lambda: _with(
        grown(),
        lambda it: lines.announce(it, 1, 2),
        lambda it: it.wait(HOUR),
        lambda it: lines.hear(it, lines.swap(it)),
        lambda it: lines.see(it, 2),
    ),
    "line moved, and that is long ago": lambda: _with(
        grown(),
        lambda it: lines.rebind(it, 1),
        lambda it: it.wait(7 * DAY),
        lambda it: lines.rebind(it, 1, "a third line"),
    ),
    "contested, and claimed with guardians": lambda: _with(
        quarrels.spoken_for(guarded(), "G", 3),
        lambda it: quarrels.freeze(it, 2, ""),
        lambda it: quarrels.claim(it, 3, "WG"),
    ),
}


class Attempt(NamedTuple):
    """An act, and what comes with it: the phone that it lets in or speaks for, who signed it, keys of codes."""

    act: StatementAct
    newcomer: int = 0
    signer: Signer | None = None
    code_keys: tuple[str, ...] = ()

    def on(self, ledger: Ledger) -> Decision:
        return ledger.submit(self.act, newcomer=self.newcomer, signer=self.signer, code_keys=self.code_keys)

    def facts(self, ledger: Ledger, account: Account | None, line: LineStatus | None = None) -> Facts:
        return ledger.facts(account, line, self.signer)


def acts_on(ledger: Ledger) -> Iterator[Attempt]:
    """Every act by every phone, right and wrong, signed by the account's wallet; those of quarrels also by others."""
    account = ledger.settled()[0]
    for number in (1, 2, 3, 4, 9):
        for attempt in _acts_by(ledger, number):
            yield attempt
            for changed in _spoilt(attempt.act, account):
                yield attempt._replace(act=changed)
        yield from _quarrels_of(ledger, number)


def _acts_by(ledger: Ledger, number: int) -> Iterator[Attempt]:
    account = ledger.settled()[0]
    yield Attempt(_binding(account, number))
    yield Attempt(ledger.authenticate(number))
    yield Attempt(ledger.authenticate(number), signer=Signer(wallet=wallet(NEW_WALLET)))
    for new in (2, 4, 9):
        for revoke_old in (True, False):
            yield Attempt(ledger.approval(number, new, revoke_old=revoke_old), new)
    yield Attempt(ledger.acceptance(number))
    yield Attempt(ledger.claim(number), number)
    for target in (1, 2, 3, 4, 9):
        yield Attempt(ledger.removal(number, target))
    yield Attempt(SetupOtp(account.id, thumbprint(number), account.epoch, None, length=0, start=0, step=0))
    yield Attempt(chains.preparing(ledger, number))
    yield Attempt(quarrels.backup(ledger, number))
    for channels in ((), (quarrels.HOME,), (quarrels.HOME, quarrels.WORK)):
        yield Attempt(quarrels.addressing(ledger, number, *channels))

    for name in ("another line", "esim 1"):
        yield Attempt(lines.rebinding(ledger, number, name))
    yield Attempt(lines.announcing(ledger, number, 2))
    yield Attempt(lines.announcing(ledger, number, 2, within=30 * DAY))


def _quarrels_of(ledger: Ledger, number: int) -> Iterator[Attempt]:
    account = ledger.settled()[0]
    stranger, own, coded = signed_by(ledger, ""), signed_by(ledger), signed_by(ledger, "WC")
    if account.recovery is not None:
        act, wallet_then = quarrels.completing(account)
        yield Attempt(msgspec.structs.replace(act, device=thumbprint(number)), signer=Signer(wallet=wallet_then))
    for letters in ("WC", "WG", "CG", "A"):
        yield Attempt(quarrels.claiming(ledger, number, letters), number, signed_by(ledger, letters, new=NEW_WALLET))
    for letters in ("W", "WC", "C", ""):
        yield Attempt(quarrels.rotation(ledger, number), signer=signed_by(ledger, letters, new=NEW_WALLET))
    for case in _waiting(account):
        yield Attempt(quarrels.objection(ledger, number, case), signer=own)
        yield Attempt(quarrels.objection(ledger, number, case), signer=stranger)
    yield Attempt(ledger.removal(number, 1), signer=coded)
    for signer in (stranger, own, coded, msgspec.structs.replace(stranger, officer=quarrels.OFFICERS[0])):
        yield Attempt(quarrels.freezing(ledger, number), signer=signer)
    for signer in (own, coded):
        yield Attempt(quarrels.addressing(ledger, number, quarrels.WORK), signer=signer)
        yield Attempt(quarrels.unfreezing(ledger, number), signer=signer)
        for guardians, code in ((friends(), CODE), (friends(91, 92), OTHER_CODE)):
            wish = quarrels.protection(ledger, number, guardians, code)
            yield Attempt(wish, signer=signer, code_keys=quarrels.code_keys(code))
    itself = msgspec.structs.replace(friends(), wallets=(account.wallet.address,))
    yield Attempt(quarrels.protection(ledger, number, itself), signer=own)
    for wallet_number in (91, 9):
        yield Attempt(quarrels.vouching(ledger, number, 3), number, Signer(wallet=wallet(wallet_number)))
    for officer in (quarrels.OFFICERS[0], None):
        yield Attempt(quarrels.attesting(ledger, 3, by=number), number, Signer(wallet=wallet(81), officer=officer))


def _waiting(account: Account) -> Iterator[Digest]:
    """Everything to which somebody could object, also if it is over."""
    ways = (account.recovery, account.migration, account.protection, account.channel_change)
    yield from (way.approval for way in ways if way is not None)
    yield from (device.suspension.approval for device in account.devices if device.suspension is not None)
    yield digest("nothing that waits")


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
