"""Many phones, one account, any order, any time: a machine that watches the invariants of docs/spec section 7.

Random acts go through ``decide``, ``effects`` and ``evolve`` as the service would send them. I1 (a challenge is
answered once) and I8 (the log) are not here: they belong to the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Final

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

import quarrels
from builders import account_id, digest, thumbprint
from ledger import DAY, HOUR, MINUTE, Ledger, Policy
from many_quarrels import Quarrels, is_strong, shortest_wait_s
from pteri.core.acts import (
    ActivateDevice,
    ApproveMigration,
    AttestIdentity,
    Authenticate,
    ChangeChannels,
    ChangeProtection,
    ConfirmBackup,
    FreezeAccount,
    RevokeDevice,
    RotateWallet,
    SetupOtp,
    StartRecovery,
    StatementAct,
    UnfreezeAccount,
    VetoChange,
    VouchForRecovery,
)
from pteri.core.ids import Thumbprint
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Decision, Hold, Permit, Refuse, permissiveness
from pteri.domain.device import Device, DeviceState
from pteri.domain.events import (
    DeviceActivated,
    DeviceRevoked,
    Event,
    SignedIn,
    SignInLapsed,
    SuspensionObjected,
)
from pteri.domain.evolving import AUTHORITY_CHANGES, evolve, fold
from pteri.domain.facts import SEVERITY, LineStatus, Signer
from pteri.domain.migration import OPEN_MIGRATIONS
from pteri.domain.policy import decide
from pteri.domain.recovery import CaseKind, RecoveryState
from pteri.domain.rules import rules_from
from stories import Attempt

choices = st.integers(0, 31)
ENDED: Final = frozenset({DeviceState.REVOKED, DeviceState.DROPPED})
_BY_ANYBODY: Final = StartRecovery | FreezeAccount | VouchForRecovery | AttestIdentity | SetupOtp
_BY_PHONES: Final[dict[type[StatementAct], set[DeviceState]]] = {
    ActivateDevice: {DeviceState.PENDING, DeviceState.ACTIVE},
    VetoChange: {DeviceState.PENDING, DeviceState.ACTIVE, DeviceState.SUSPENDED},
}
_IN_EVERY_STATE: Final = (
    StartRecovery | ActivateDevice | VetoChange | VouchForRecovery | AttestIdentity | RotateWallet | SetupOtp
)
_BY_THE_WALLET: Final = (
    Authenticate | ApproveMigration | RevokeDevice | ChangeProtection | ChangeChannels | UnfreezeAccount | ConfirmBackup
)


class AccountMachine(Quarrels):
    """One account and as many phones as come. Everybody may try everything, also a statement of yesterday."""

    policy: ClassVar[Policy] = staticmethod(decide)
    begun: ClassVar[Callable[[], Ledger] | None] = None
    """What has happened before, for who looks for one attack."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(policy=type(self).policy)
        self.kept: list[Attempt] = []
        self.waiting_for_code: list[tuple[int, int]] = []
        self.changed_in: set[int] = set()
        self.gone: set[Thumbprint] = set()

    # --- acts -------------------------------------------------------------------------------------------------------

    @initialize(migration_open_s=st.sampled_from([10 * MINUTE, 2 * HOUR]), guarded=st.booleans())
    def phone_1_binds_the_account(self, migration_open_s: int, guarded: bool) -> None:
        if (begun := type(self).begun) is not None:
            self.ledger = replace(begun(), policy=type(self).policy)
            return
        self.ledger.rules = rules_from({"migration_open_s": migration_open_s, "offline_codes_s": 30 * DAY})
        assert isinstance(self.ledger.bind(1), Permit)
        if guarded:
            quarrels.protected(self.ledger)

    @rule(seconds=st.sampled_from([1, MINUTE, 10 * MINUTE, HOUR, DAY, 3 * DAY, 7 * DAY, 31 * DAY]))
    def time_passes(self, seconds: int) -> None:
        self.ledger.wait(seconds)

    @rule(line=st.sampled_from(LineStatus))
    def the_line_changes(self, line: LineStatus) -> None:
        self.ledger.line = line

    @rule(who=choices)
    def a_sign_in_is_approved(self, who: int) -> None:
        number, epoch = self.phone(who), self.ledger.now().epoch
        if isinstance(self.submit(Attempt(self.ledger.authenticate(number))), Permit):
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
        self.submit(Attempt(self.ledger.approval(self.phone(who), new, revoke_old=revoke_old), new))

    @rule(who=choices, revoke_old=st.booleans(), typed=st.sampled_from([True, True, False]))
    def a_migration_takes_its_course(self, who: int, revoke_old: bool, typed: bool) -> None:
        """A short way to accounts with several phones; now and then nobody types the code."""
        new, ledger = self.stranger(), self.ledger
        approval = ledger.approval(self.phone(who), new, revoke_old=revoke_old)
        if isinstance(self.submit(Attempt(approval, new)), Hold):
            if typed:
                ledger.type_migration_code()
            ledger.wait(ledger.rules.migration_hold_s)
            self.submit(Attempt(ledger.acceptance(new)))

    @precondition(lambda self: self.migration_waits())
    @rule(right=st.sampled_from([True, True, False]))
    def the_code_of_a_migration_is_typed(self, right: bool) -> None:
        if right:
            self.ledger.type_migration_code()
        else:
            self.ledger.mistype_migration_code()

    @rule(who=choices)
    def a_phone_accepts(self, who: int) -> None:
        self.submit(Attempt(self.ledger.acceptance(self.phone(who))))

    @precondition(lambda self: self.pending())
    @rule(which=choices, patient=st.booleans(), honest=st.sampled_from([True, True, False]))
    def a_phone_that_waits_accepts(self, which: int, patient: bool, honest: bool) -> None:
        waiting = self.pending()
        number = self.number_of(waiting[which % len(waiting)])
        if patient:
            self.ledger.wait(max(self.ledger.rules.migration_hold_s, self.held_s(number)))
        acceptance = Attempt(self.ledger.acceptance(number), signer=self.accepting(number))
        if not honest:
            self.submit(acceptance._replace(act=msgspec.structs.replace(acceptance.act, approval=digest("another"))))
        self.submit(acceptance)

    def accepting(self, number: int) -> Signer:
        """The wallet that the account will have, if this phone claims it."""
        account = self.ledger.now()
        case = account.recovery
        claims = case is not None and case.new_device == thumbprint(number)
        return Signer(wallet=case.new_wallet or account.wallet if case is not None and claims else account.wallet)

    @rule(whom=choices)
    def a_phone_claims_the_account(self, whom: int) -> None:
        new = self.newcomer(whom)
        self.submit(Attempt(self.ledger.claim(new), new))

    @rule(who=choices, whom=choices, secrets=st.sampled_from(["W", "W", "WC"]))
    def a_phone_is_removed_by_somebody_who_insists(self, who: int, whom: int, secrets: str) -> None:
        by, target = self.phone(who), self.phone(whom)
        self.submit(Attempt(self.ledger.removal(by, target)))
        self.submit(Attempt(self.ledger.removal(by, target), signer=self.signed(secrets)))

    @rule(who=choices)
    def codes_are_set_up(self, who: int) -> None:
        self.ledger.set_up_codes(self.phone(who))

    @precondition(lambda self: self.kept)
    @rule(which=choices)
    def a_statement_of_yesterday_is_signed_again(self, which: int) -> None:
        self.submit(self.kept[which % len(self.kept)])

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
                self.submit(Attempt(msgspec.structs.replace(act, **{field: wrong[field]}), new))

    # --- watching what an act does ----------------------------------------------------------------------------------

    def submit(self, attempt: Attempt) -> Decision:
        act, before, recorded = attempt.act, self.ledger.settled()[0], len(self.ledger.events)
        # Whoever signed it then signs it again: with the wallet of then.
        attempt = attempt._replace(signer=attempt.signer or Signer(wallet=before.wallet))
        self.kept.append(attempt)
        self.a_worse_line_gives_no_more(attempt)
        decision = attempt.on(self.ledger)
        if not isinstance(decision, Refuse):
            self.only_who_may_has_acted(attempt, before)
        account = self.ledger.now() if recorded == 0 else fold(self.ledger.events[:recorded])
        for event in self.ledger.events[recorded:]:
            assert account is not None
            after = evolve(account, event)
            self.nobody_became_verified_but_by_his_own_statement(act, event, account, after)
            self.authority_changed_once_in_this_epoch(act, event)
            self.no_suspension_was_cut_short(attempt, event, account)
            self.another_wallet_came_only_by_what_an_owner_shows(act, event, account, after)
            self.a_strong_case_ended_only_by_its_phone_or_something_stronger(act, event, account, after)
            self.a_stopped_account_was_opened_only_by_a_strong_case_or_time_or_everything(event, account, after)
            self.an_address_that_hears_goes_on_hearing_for_three_days(event, account)
            self.guardians_and_codes_came_by_a_code_a_wait_or_on_the_first_day(attempt, decision, event, account)
            account = after
        self.the_wallet_alone_kept_within_its_freezes(self.ledger.now())
        return decision

    def a_worse_line_gives_no_more(self, attempt: Attempt) -> None:
        """I6."""
        ledger, account = self.ledger, self.ledger.settled()[0]
        given = [
            permissiveness(ledger.policy(attempt.act, attempt.facts(ledger, account, line), ledger.rules))
            for line in SEVERITY
        ]
        assert given == sorted(given, reverse=True)

    def only_who_may_has_acted(self, attempt: Attempt, account: Account) -> None:
        """I3, and what every statement must name."""
        act, signer, device = attempt.act, attempt.signer, account.device(attempt.act.device)
        assert signer is not None
        assert (act.account, act.epoch) == (account.id, account.epoch)
        assert getattr(act, "esim", account.esim) == account.esim
        if not isinstance(act, _BY_ANYBODY):
            assert device is not None
            assert device.state in _BY_PHONES.get(type(act), {DeviceState.ACTIVE})
        if not isinstance(act, _IN_EVERY_STATE):
            assert account.state in {AccountState.OPEN, AccountState.FROZEN}
            assert account.state is AccountState.OPEN or isinstance(act, FreezeAccount | UnfreezeAccount)
        if isinstance(act, _BY_THE_WALLET):
            assert signer.wallet == account.wallet
        if isinstance(act, ActivateDevice):
            case = account.recovery
            mine = case is not None and case.approval == act.approval
            assert signer.wallet == (account.wallet if case is None or not mine else case.new_wallet or account.wallet)
        if isinstance(act, StartRecovery):
            self.only_who_shows_it_claims(act, signer, account)
        target = account.device(act.target) if isinstance(act, RevokeDevice) else None
        removes = target is not None and target is not device and target.state is not DeviceState.PENDING
        prepares = isinstance(act, SetupOtp) and act.chain_end is not None
        if prepares:
            assert device is not None
            assert (device.state, account.state) == (DeviceState.ACTIVE, AccountState.OPEN)
            assert signer.wallet == account.wallet
        if isinstance(act, ApproveMigration | RotateWallet | ChangeChannels) or removes or prepares:
            assert device is not None
            assert not device.on_probation(self.ledger.at)

    def only_who_shows_it_claims(self, act: StartRecovery, signer: Signer, account: Account) -> None:
        device = account.device(act.device)
        assert device is None or device.state is DeviceState.PENDING
        assert "D" not in act.evidence
        assert is_strong(act.evidence) or (account.state is AccountState.OPEN and "W" in act.evidence)
        if "W" in act.evidence:
            assert signer.wallet == account.wallet
        if "C" in act.evidence:
            assert signer.code_key in account.code_keys
        if "G" in act.evidence:
            assert account.guardians is not None
            speaking = account.spoken_for(act.device, "G", self.ledger.at) & set(account.guardians.wallets)
            assert len(speaking - {account.wallet.address}) >= account.guardians.needed
        if "A" in act.evidence:
            assert len(account.spoken_for(act.device, "A", self.ledger.at)) >= 2
        if act.evidence == ("W",) and account.stopped_at:
            assert self.ledger.at >= account.stopped_at + self.ledger.rules.recovery_blocked_s

    def nobody_became_verified_but_by_his_own_statement(
        self, act: StatementAct, event: Event, before: Account, after: Account
    ) -> None:
        """I7, and nobody became verified at once."""
        known = {device.thumbprint for device in before.active_devices()}
        for device in after.active_devices():
            if device.thumbprint in known:
                continue
            assert device.thumbprint == act.device
            if isinstance(event, SuspensionObjected):
                # Who was verified before is back, and nobody acts until others have spoken.
                assert before.known(device.thumbprint).state is DeviceState.SUSPENDED
                assert after.state is AccountState.CONTESTED
                continue
            assert isinstance(act, ActivateDevice)
            assert isinstance(event, DeviceActivated)
            waited_s, case = self.ledger.at - before.known(device.thumbprint).created_at, before.recovery
            if before.migration is not None and before.migration.new_device == device.thumbprint:
                assert before.migration.confirmed
                assert waited_s >= self.ledger.rules.migration_hold_s
            else:
                assert case is not None
                assert self.ledger.at - case.opened_at >= shortest_wait_s(case.evidence)

    def authority_changed_once_in_this_epoch(self, act: StatementAct, event: Event) -> None:
        """I2."""
        if type(event) in AUTHORITY_CHANGES:
            assert act.epoch not in self.changed_in
            self.changed_in.add(act.epoch)

    def no_suspension_was_cut_short(self, attempt: Attempt, event: Event, before: Account) -> None:
        if isinstance(event, DeviceRevoked):
            suspension = before.known(event.device).suspension
            coded = attempt.signer is not None and attempt.signer.code_key in before.code_keys
            assert suspension is None or coded or self.ledger.at >= suspension.revoke_at

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
            if recovery.kind is CaseKind.RECOVER:
                waited_for.append(recovery.new_device)
            else:
                assert account.known(recovery.new_device).state is DeviceState.ACTIVE
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
