"""Many phones, one account, any order, any time: a machine that watches the invariants of docs/spec section 7.

Random acts go through ``decide``, ``effects`` and ``evolve`` as the service would send them. I1 (a challenge is
answered once) and I8 (the log) are not here: they belong to the store.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from builders import account_id, digest, thumbprint
from ledger import DAY, HOUR, MINUTE, Ledger, Policy
from pteri.core.acts import ActivateDevice, ApproveMigration, RevokeDevice, StartRecovery, StatementAct
from pteri.core.ids import Thumbprint
from pteri.domain.account import Account, evolve, fold
from pteri.domain.decisions import Decision, Hold, Permit, Refuse, permissiveness
from pteri.domain.device import Device, DeviceState
from pteri.domain.events import DeviceActivated, DeviceRevoked, DeviceSuspended, Event, SignedIn, SignInLapsed
from pteri.domain.facts import SEVERITY, Facts, LineStatus
from pteri.domain.migration import OPEN_MIGRATIONS
from pteri.domain.policy import decide
from pteri.domain.recovery import RecoveryState
from pteri.domain.rules import rules_from

choices = st.integers(0, 31)
ENDED: Final = frozenset({DeviceState.REVOKED, DeviceState.DROPPED})


class AccountMachine(RuleBasedStateMachine):
    """One wallet and as many phones as come. Everybody may try everything, also a statement of yesterday."""

    policy: ClassVar[Policy] = staticmethod(decide)

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(policy=type(self).policy)
        self.kept: list[tuple[StatementAct, int]] = []
        self.waiting_for_code: list[tuple[int, int]] = []
        self.changed_in: set[int] = set()
        self.gone: set[Thumbprint] = set()

    # --- acts -------------------------------------------------------------------------------------------------------

    @initialize(migration_open_s=st.sampled_from([10 * MINUTE, 2 * HOUR]))
    def phone_1_binds_the_account(self, migration_open_s: int) -> None:
        self.ledger.rules = rules_from({"migration_open_s": migration_open_s})
        assert isinstance(self.ledger.bind(1), Permit)

    @rule(seconds=st.sampled_from([1, MINUTE, 10 * MINUTE, HOUR, DAY, 3 * DAY, 7 * DAY, 31 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.ledger.wait(seconds)

    @rule(line=st.sampled_from(LineStatus))
    def the_line_changes(self, line: LineStatus) -> None:
        self.ledger.line = line

    @rule(who=choices)
    def a_sign_in_is_approved(self, who: int) -> None:
        number, epoch = self.phone(who), self.ledger.now().epoch
        if isinstance(self.submit(self.ledger.authenticate(number)), Permit):
            self.waiting_for_code.append((number, epoch))

    @precondition(lambda self: self.waiting_for_code)
    @rule(which=choices, typed=st.sampled_from([True, True, False]))
    def the_code_of_a_sign_in_is_typed_or_never_comes(self, which: int, typed: bool) -> None:
        """The service looks again at epoch and phone: both may have changed since the approval."""
        number, epoch = self.waiting_for_code.pop(which % len(self.waiting_for_code))
        account, at, request = self.ledger.now(), self.ledger.at, self.ledger.next_request()
        phone = account.known(thumbprint(number))
        if not typed:
            self.ledger.record(SignInLapsed(at, request, phone.thumbprint))
            assert self.ledger.now() == msgspec.structs.replace(account, version=account.version + 1)
        elif account.epoch == epoch and phone.state is DeviceState.ACTIVE:
            self.ledger.record(SignedIn(at, request, phone.thumbprint))

    @rule(who=choices, whom=choices, revoke_old=st.booleans())
    def a_migration_is_approved(self, who: int, whom: int, revoke_old: bool) -> None:
        new = self.newcomer(whom)
        self.submit(self.ledger.approval(self.phone(who), new, revoke_old=revoke_old), newcomer=new)

    @rule(who=choices, revoke_old=st.booleans(), typed=st.sampled_from([True, True, False]))
    def a_migration_takes_its_course(self, who: int, revoke_old: bool, typed: bool) -> None:
        """A short way to accounts with several phones; now and then nobody types the code."""
        new, ledger = self.stranger(), self.ledger
        approval = ledger.approval(self.phone(who), new, revoke_old=revoke_old)
        if isinstance(self.submit(approval, newcomer=new), Hold):
            if typed:
                ledger.type_migration_code()
            ledger.wait(ledger.rules.migration_hold_s)
            self.submit(ledger.acceptance(new))

    @precondition(lambda self: self.migration_waits())
    @rule(right=st.sampled_from([True, True, False]))
    def the_code_of_a_migration_is_typed(self, right: bool) -> None:
        if right:
            self.ledger.type_migration_code()
        else:
            self.ledger.mistype_migration_code()

    @rule(who=choices)
    def a_phone_accepts(self, who: int) -> None:
        self.submit(self.ledger.acceptance(self.phone(who)))

    @precondition(lambda self: self.pending())
    @rule(which=choices, patient=st.booleans(), honest=st.sampled_from([True, True, False]))
    def a_phone_that_waits_accepts(self, which: int, patient: bool, honest: bool) -> None:
        waiting = self.pending()
        number = self.number_of(waiting[which % len(waiting)])
        if patient:
            self.ledger.wait(max(self.ledger.rules.migration_hold_s, self.held_s(number)))
        acceptance = self.ledger.acceptance(number)
        if not honest:
            self.submit(msgspec.structs.replace(acceptance, approval=digest("another")))
        self.submit(acceptance)

    @rule(whom=choices)
    def a_phone_claims_the_account(self, whom: int) -> None:
        new = self.newcomer(whom)
        self.submit(self.ledger.claim(new), newcomer=new)

    @rule(who=choices, whom=choices)
    def a_phone_is_removed_by_somebody_who_insists(self, who: int, whom: int) -> None:
        by, target = self.phone(who), self.phone(whom)
        self.submit(self.ledger.removal(by, target))
        self.submit(self.ledger.removal(by, target))

    @rule(who=choices)
    def codes_are_set_up(self, who: int) -> None:
        self.ledger.set_up_codes(self.phone(who))

    @precondition(lambda self: self.kept)
    @rule(which=choices)
    def a_statement_of_yesterday_is_signed_again(self, which: int) -> None:
        act, newcomer = self.kept[which % len(self.kept)]
        self.submit(act, newcomer=newcomer)

    @rule(who=choices, whom=choices, field=st.sampled_from(["epoch", "esim", "approval", "account"]))
    def a_statement_is_spoilt(self, who: int, whom: int, field: str) -> None:
        ledger, number, new = self.ledger, self.phone(who), self.newcomer(whom)
        wrong = {
            "epoch": ledger.now().epoch - 1,
            "esim": None,
            "approval": digest("another"),
            "account": account_id(7),
        }
        for act in (ledger.authenticate(number), ledger.approval(number, new), ledger.acceptance(number)):
            if field in act.__struct_fields__:
                self.submit(msgspec.structs.replace(act, **{field: wrong[field]}), newcomer=new)

    # --- watching what an act does ----------------------------------------------------------------------------------

    def submit(self, act: StatementAct, *, newcomer: int = 0) -> Decision:
        self.kept.append((act, newcomer))
        self.a_worse_line_gives_no_more(act)
        before, recorded = self.ledger.settled()[0], len(self.ledger.events)
        decision = self.ledger.submit(act, newcomer=newcomer)
        if not isinstance(decision, Refuse):
            self.only_who_may_has_acted(act, before)
        account = self.ledger.now() if recorded == 0 else fold(self.ledger.events[:recorded])
        for event in self.ledger.events[recorded:]:
            assert account is not None
            after = evolve(account, event)
            self.nobody_became_verified_but_by_his_own_statement(act, event, account, after)
            self.authority_changed_once_in_this_epoch(act, event)
            self.no_suspension_was_cut_short(event, account)
            account = after
        return decision

    def a_worse_line_gives_no_more(self, act: StatementAct) -> None:
        """I6."""
        account = self.ledger.settled()[0]
        given = [
            permissiveness(self.ledger.policy(act, Facts(account, self.ledger.circumstances(line)), self.ledger.rules))
            for line in SEVERITY
        ]
        assert given == sorted(given, reverse=True)

    def only_who_may_has_acted(self, act: StatementAct, account: Account) -> None:
        """I3, and what every statement must name."""
        assert (act.account, act.epoch) == (account.id, account.epoch)
        if not isinstance(act, RevokeDevice):
            assert getattr(act, "esim", account.esim) == account.esim
        device = account.device(act.device)
        if isinstance(act, StartRecovery):
            assert device is None
            before = account.recovery
            if before is not None and before.state is RecoveryState.REJECTED:
                assert self.ledger.at >= before.ended_at + self.ledger.rules.recovery_blocked_s
            return
        assert device is not None
        wanted = DeviceState.PENDING if isinstance(act, ActivateDevice) else DeviceState.ACTIVE
        assert device.state is wanted
        target = account.device(act.target) if isinstance(act, RevokeDevice) else None
        removes = target is not None and target is not device and target.state is not DeviceState.PENDING
        if isinstance(act, ApproveMigration) or removes:
            assert not device.on_probation(self.ledger.at)

    def nobody_became_verified_but_by_his_own_statement(
        self, act: StatementAct, event: Event, before: Account, after: Account
    ) -> None:
        """I7, and nobody became verified at once."""
        known = {device.thumbprint for device in before.active_devices()}
        for device in after.active_devices():
            if device.thumbprint in known:
                continue
            assert isinstance(act, ActivateDevice)
            assert isinstance(event, DeviceActivated)
            assert device.thumbprint == event.device == act.device
            waited_s, rules = self.ledger.at - before.known(device.thumbprint).created_at, self.ledger.rules
            if before.migration is not None and before.migration.new_device == device.thumbprint:
                assert before.migration.confirmed
                assert waited_s >= rules.migration_hold_s
            else:
                assert waited_s >= rules.recovery_hold_s

    def authority_changed_once_in_this_epoch(self, act: StatementAct, event: Event) -> None:
        """I2."""
        if isinstance(event, DeviceActivated | DeviceSuspended | DeviceRevoked):
            assert act.epoch not in self.changed_in
            self.changed_in.add(act.epoch)

    def no_suspension_was_cut_short(self, event: Event, before: Account) -> None:
        if isinstance(event, DeviceRevoked):
            suspension = before.known(event.device).suspension
            assert suspension is None or self.ledger.at >= suspension.revoke_at

    # --- invariants -------------------------------------------------------------------------------------------------

    @invariant()
    def the_account_is_the_fold_of_its_events(self) -> None:
        """I5."""
        assert fold(self.ledger.events) == self.ledger.account
        if self.ledger.account is not None:
            assert self.ledger.account.version == len(self.ledger.events)

    @invariant()
    def some_phone_is_verified(self) -> None:
        """I4, also after whatever time has ended."""
        if self.ledger.account is not None:
            assert self.ledger.account.active_devices()
            assert self.ledger.settled()[0].active_devices()

    @invariant()
    def who_has_left_never_returns(self) -> None:
        if self.ledger.account is not None:
            ended = {device.thumbprint for device in self.ledger.account.devices if device.state in ENDED}
            assert self.gone <= ended
            self.gone = ended

    @invariant()
    def every_phone_that_waits_waits_for_one_open_thing(self) -> None:
        if self.ledger.account is None:
            return
        account, recovery, migration = self.ledger.account, self.ledger.account.recovery, self.ledger.account.migration
        waited_for = []
        if migration is not None and migration.state in OPEN_MIGRATIONS:
            waited_for.append(migration.new_device)
            assert account.known(migration.old_device).state is DeviceState.ACTIVE
        if recovery is not None and recovery.state is RecoveryState.OPEN:
            waited_for.append(recovery.new_device)
        assert sorted(waited_for) == sorted(device.thumbprint for device in self.pending())

    @invariant()
    def a_suspension_is_there_exactly_while_it_lasts(self) -> None:
        if self.ledger.account is not None:
            for device in self.ledger.account.devices:
                assert (device.suspension is not None) == (device.state is DeviceState.SUSPENDED)

    # --- looking ----------------------------------------------------------------------------------------------------

    def phone(self, choice: int) -> int:
        """Most often a verified phone, else one that waits or has left, or one that nobody knows."""
        account = self.ledger.now()
        known = [self.number_of(device) for device in account.devices]
        verified = [self.number_of(device) for device in account.active_devices()]
        candidates = [*verified, *known, *verified, self.stranger()]
        return candidates[choice % len(candidates)]

    def newcomer(self, choice: int) -> int:
        """Most often a phone that nobody knows."""
        candidates = [self.stranger(), self.stranger(), self.phone(choice)]
        return candidates[choice % len(candidates)]

    def stranger(self) -> int:
        return len(self.ledger.now().devices) + 1

    def number_of(self, device: Device) -> int:
        """Phones are numbered in the order in which they come."""
        return self.ledger.now().devices.index(device) + 1

    def pending(self) -> list[Device]:
        account = self.ledger.account
        return [] if account is None else [phone for phone in account.devices if phone.state is DeviceState.PENDING]

    def held_s(self, number: int) -> int:
        """How long a recovery by this phone is still held."""
        recovery = self.ledger.now().recovery
        if recovery is None or recovery.new_device != thumbprint(number):
            return 0
        return recovery.held_until - self.ledger.at

    def migration_waits(self) -> bool:
        if self.ledger.account is None:
            return False
        migration = self.ledger.settled()[0].migration
        return migration is not None and migration.is_open(self.ledger.at) and not migration.confirmed
