"""The domain without an application around it: signed acts go through ``decide``, ``effects`` and ``evolve``.

A :class:`Ledger` does to one account what the service does, in the same order, and keeps the events. Phones and wallets
are numbers, as in ``builders``. ``policy`` can be exchanged, so that a test may ask what one missing check costs.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

from builders import DOMAIN, NETWORK, NOW, bound, digest, nonce, phone, request_id, thumbprint, wallet
from pteri.core.acts import (
    SAME_WALLET,
    ActivateDevice,
    ApproveMigration,
    Authenticate,
    BindWallet,
    RevokeDevice,
    SetupOtp,
    StartRecovery,
    StatementAct,
)
from pteri.core.keys.network import network_named
from pteri.core.statement import Statement
from pteri.domain.account import Account
from pteri.domain.decisions import Decision, Hold, Permit, Refuse
from pteri.domain.effects import effects
from pteri.domain.events import Event, MigrationConfirmed, MigrationExpired, SignedIn
from pteri.domain.evolving import evolve, lapses
from pteri.domain.facts import Circumstances, Facts, LineStatus, Signer
from pteri.domain.policy import decide
from pteri.domain.rules import Rules

if TYPE_CHECKING:
    from pteri.core.ids import Digest, RequestId

Policy = Callable[[StatementAct, Facts, Rules], Decision]

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 24 * HOUR


@dataclass
class Ledger:
    """One account and its time. ``events`` are all that happened; ``account`` is kept beside them, never folded."""

    policy: Policy = decide
    rules: Rules = field(default_factory=Rules)
    line: LineStatus = LineStatus.CONTINUOUS
    at: int = NOW
    account: Account | None = None
    events: list[Event] = field(default_factory=list)
    numbers: count[int] = field(default_factory=lambda: count(1))
    has_line: bool = True

    # --- what a person and the service do ---------------------------------------------------------------------------

    def bind(self, number: int = 1) -> Decision:
        """Phone and wallet ``number`` link the account, and the code is typed."""
        begun = bound(number)
        if not self.has_line:
            begun = msgspec.structs.replace(begun, esim=None)
        act = BindWallet(
            begun.account, begun.device, begun.esim, epoch=0, session=digest("session"), recovery=begun.recovery
        )
        facts = self.facts(self.account, signer=Signer(wallet=begun.wallet))
        decision = self.policy(act, facts, self.rules)
        if isinstance(decision, Permit):
            self.record(msgspec.structs.replace(begun, at=self.at, request=self.next_request()))
        return decision

    def submit(
        self, act: StatementAct, *, newcomer: int = 0, signer: Signer | None = None, code_keys: tuple[str, ...] = ()
    ) -> Decision:
        """A verified statement with this act, signed by the account's wallet unless ``signer`` says otherwise.

        ``newcomer``: the phone that it lets in or speaks for.
        """
        account, lapsed = self.settled()
        signed_by = signer or Signer(wallet=account.wallet)
        decision = self.policy(act, self.facts(account, signer=signed_by), self.rules)
        statement = self.statement(act)
        happened = effects(
            statement,
            approval_of(statement.request_id),
            decision,
            account=account,
            signer=signed_by,
            circumstances=self.circumstances(),
            newcomer_key=phone(newcomer).sec1 if newcomer else b"",
            code_keys=code_keys,
            rules=self.rules,
        )
        if happened:
            for event in (*lapsed, *happened):
                self.record(event)
        return decision

    def sign_in(self, number: int) -> Decision:
        return self.submit(self.authenticate(number))

    def sign_in_with_code(self, number: int) -> None:
        """The approval and at once its code, with which it is recorded."""
        assert isinstance(self.sign_in(number), Permit)
        for event in self.settled()[1]:
            self.record(event)
        self.record(SignedIn(at=self.at, request=self.next_request(), device=thumbprint(number)))

    def approve(self, old: int, new: int, *, revoke_old: bool = False) -> Decision:
        return self.submit(self.approval(old, new, revoke_old=revoke_old), newcomer=new)

    def type_migration_code(self) -> None:
        """The code that the old phone shows is typed on the new one; only while that can still matter."""
        account, lapsed = self.settled()
        migration = account.migration
        assert migration is not None
        assert migration.is_open(self.at)
        for event in lapsed:
            self.record(event)
        until = migration.held_until + self.rules.migration_accept_s
        self.record(MigrationConfirmed(self.at, migration.request, migration.new_device, until))

    def mistype_migration_code(self) -> None:
        """The third wrong code ends the migration."""
        migration = self.now().migration
        assert migration is not None
        self.record(MigrationExpired(self.at, migration.request, migration.new_device))

    def activate(self, number: int) -> Decision:
        """The phone accepts whatever let it in."""
        return self.submit(self.acceptance(number))

    def recover(self, number: int) -> Decision:
        return self.submit(self.claim(number), newcomer=number)

    def revoke(self, by: int, target: int) -> Decision:
        return self.submit(self.removal(by, target))

    def set_up_codes(self, number: int) -> Decision:
        account = self.now()
        return self.submit(SetupOtp(account.id, thumbprint(number), account.epoch, None, length=0, start=0, step=0))

    # --- whole stories ----------------------------------------------------------------------------------------------

    def copy(self) -> Ledger:
        """This account and its past; from here on each goes its own way."""
        return replace(self, events=list(self.events), numbers=copy(self.numbers))

    def wait(self, seconds: int) -> Ledger:
        self.at += seconds
        return self

    def migrated(self, old: int, new: int, *, revoke_old: bool = False) -> Ledger:
        """The new phone is verified; its probation has just begun."""
        assert isinstance(self.approve(old, new, revoke_old=revoke_old), Hold)
        self.type_migration_code()
        self.wait(self.rules.migration_hold_s)
        assert isinstance(self.activate(new), Permit)
        return self

    def recovered(self, new: int) -> Ledger:
        assert isinstance(self.recover(new), Hold)
        self.wait(self.rules.recovery_hold_s)
        assert isinstance(self.activate(new), Permit)
        return self

    # --- acts as honest phones make them ----------------------------------------------------------------------------

    def authenticate(self, number: int) -> Authenticate:
        account = self.now()
        return Authenticate(
            account.id, thumbprint(number), account.esim, account.epoch, session=digest("session"), code="42"
        )

    def approval(self, old: int, new: int, *, revoke_old: bool = False) -> ApproveMigration:
        account = self.now()
        return ApproveMigration(
            account.id,
            thumbprint(old),
            account.esim,
            account.epoch,
            new_device=thumbprint(new),
            offer=digest(f"offer {new}"),
            transcript=digest(f"transcript {new}"),
            revoke_old=revoke_old,
        )

    def acceptance(self, number: int) -> ActivateDevice:
        account = self.now()
        waits = [account.migration, account.recovery]
        approvals = [way.approval for way in waits if way is not None and way.new_device == thumbprint(number)]
        approval = approvals[0] if approvals else digest("no approval")
        return ActivateDevice(account.id, thumbprint(number), account.esim, account.epoch, approval=approval)

    def claim(self, number: int) -> StartRecovery:
        account = self.now()
        return StartRecovery(
            account.id,
            thumbprint(number),
            account.esim,
            account.epoch,
            evidence=("W",),
            lost=None,
            new_wallet=SAME_WALLET,
        )

    def removal(self, by: int, target: int) -> RevokeDevice:
        account = self.now()
        return RevokeDevice(account.id, thumbprint(by), account.epoch, target=thumbprint(target))

    # --- looking ----------------------------------------------------------------------------------------------------

    def now(self) -> Account:
        """The account as last recorded."""
        assert self.account is not None
        return self.account

    def settled(self) -> tuple[Account, tuple[Event, ...]]:
        """The account after what time alone has ended, and those events."""
        account = self.now()
        lapsed = lapses(account, self.at)
        for event in lapsed:
            account = evolve(account, event)
        return account, lapsed

    def states(self) -> dict[int, str]:
        """State of each phone, by its number."""
        numbers = {thumbprint(number): number for number in range(1, 12)}
        return {numbers[device.thumbprint]: str(device.state) for device in self.settled()[0].devices}

    def facts(self, account: Account | None, line: LineStatus | None = None, signer: Signer | None = None) -> Facts:
        """What a decision on this account sees now, signed by its wallet unless ``signer`` says otherwise."""
        by = signer or Signer(wallet=wallet() if account is None else account.wallet)
        return Facts(account, self.circumstances(line), by)

    def circumstances(self, line: LineStatus | None = None) -> Circumstances:
        return Circumstances(self.at, line or self.line, self.at)

    # --- recording --------------------------------------------------------------------------------------------------

    def record(self, event: Event) -> None:
        self.account = evolve(self.account, event)
        self.events.append(event)

    def next_request(self) -> RequestId:
        return request_id(next(self.numbers))

    def statement(self, act: StatementAct) -> Statement:
        number = next(self.numbers)
        return Statement(
            domain=DOMAIN,
            address=wallet().address,
            chain=network_named(NETWORK).chain_id,
            nonce=nonce(number),
            issued_at=self.at,
            expires_at=self.at + 300,
            request_id=request_id(number),
            act=act,
        )


def approval_of(request: RequestId) -> Digest:
    """Stands for the digest of the statement of this request."""
    return digest(f"statement {request}")


def opened(**changes: object) -> Ledger:
    """A ledger whose account is bound by phone 1."""
    ledger = Ledger(**changes)  # type: ignore[arg-type]  # the fields of a ledger, by name
    assert isinstance(ledger.bind(), Permit)
    return ledger


def reason_of(decision: Decision) -> str:
    return str(decision.reason)


def refused(decision: Decision) -> bool:
    return isinstance(decision, Refuse)
