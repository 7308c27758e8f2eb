"""Random quarrels over one account: claims, wallets, objections, freezes, guardians, officers and codes.

The rules of ``many_phones.AccountMachine`` that came with recovery that holds, and the invariants that watch them.
"""

from __future__ import annotations

from typing import ClassVar, Final

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

import quarrels
from builders import sec1_text, wallet
from ledger import DAY, Ledger
from pteri.core.acts import StatementAct
from pteri.core.guardians import Guardians
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Decision, Permit
from pteri.domain.device import DeviceState
from pteri.domain.events import (
    ChannelsChanged,
    ChannelsHeld,
    ChannelsTookEffect,
    DeviceActivated,
    Event,
    FrozenByLink,
    RecoveryStarted,
    SignedInOffline,
    WalletRotated,
)
from pteri.domain.facts import Signer
from pteri.domain.recovery import Recovery, RecoveryState
from quarrels import GUARDIANS, OFFICERS, STRANGER, friends
from side_doors import SAFE, Doors, enter_offline, preparing, stop_by_link, warning_at
from stories import Attempt

choices = st.integers(0, 31)
ADDRESSES: Final[tuple[tuple[str, ...], ...]] = ((), ("owner",), ("thief",), ("owner", "thief"))
CODES: Final = (quarrels.CODE, quarrels.OTHER_CODE)
WAYS: Final = ("W", "W", "WC", "WG", "CG", "A", "C", "G", "DC", "WD")
SECRETS: Final = ("W", "W", "WC", "C", "")
QUORUMS: Final[tuple[Guardians | None, ...]] = (None, friends(), friends(91, 92), friends(needed=3))


class Quarrels(RuleBasedStateMachine):
    """Everybody may try everything here, too: also the thief, the false friend and the finder of a code."""

    ledger: Ledger
    changed_in: set[int]
    doors: ClassVar[Doors] = SAFE

    def submit(self, attempt: Attempt) -> Decision:
        raise NotImplementedError

    def phone(self, choice: int) -> int:
        raise NotImplementedError

    def newcomer(self, choice: int) -> int:
        raise NotImplementedError

    # --- acts -------------------------------------------------------------------------------------------------------

    @rule(who=choices, which=choices, code=st.sampled_from([0, 0, 71, 72]), secrets=st.sampled_from(SECRETS))
    def guardians_and_codes_are_changed(self, who: int, which: int, code: int, secrets: str) -> None:
        codes = (code,) if code else ()
        act = quarrels.protection(self.ledger, self.phone(who), QUORUMS[which % len(QUORUMS)], *codes)
        self.submit(Attempt(act, signer=self.signed(secrets), code_keys=quarrels.code_keys(*codes)))

    @rule(which=st.sampled_from((*GUARDIANS, 1)), whom=choices)
    def a_guardian_speaks(self, which: int, whom: int) -> None:
        act = quarrels.vouching(self.ledger, which, self.newcomer(whom))
        self.submit(Attempt(act, which, Signer(wallet=wallet(which))))

    @rule(officer=st.sampled_from((*OFFICERS, None)), whom=choices)
    def an_officer_speaks(self, officer: str | None, whom: int) -> None:
        act = quarrels.attesting(self.ledger, self.newcomer(whom))
        self.submit(Attempt(act, quarrels.OFFICE, Signer(wallet=wallet(quarrels.OFFICE), officer=officer)))

    @rule(whom=choices, letters=st.sampled_from(WAYS), helped=st.booleans())
    def a_phone_claims_the_account_with_more(self, whom: int, letters: str, helped: bool) -> None:
        new = self.newcomer(whom)
        if helped:
            self.everybody_speaks_for(new)
        self.claim(new, letters)

    @precondition(lambda self: self.case() is not None)
    @rule(letters=st.sampled_from(WAYS))
    def a_claimant_comes_back_with_more(self, letters: str) -> None:
        case = self.case()
        assert case is not None
        number = self.number_in_case(case)
        self.everybody_speaks_for(number)
        self.claim(number, letters)

    @rule(who=choices, secrets=st.sampled_from(SECRETS), new=st.integers(2, 8), helped=st.booleans())
    def a_phone_asks_for_another_wallet(self, who: int, secrets: str, new: int, helped: bool) -> None:
        number = self.phone(who)
        if helped:
            self.everybody_speaks_for(number)
        self.submit(Attempt(quarrels.rotation(self.ledger, number, new), signer=self.signed(secrets, new=new)))

    @precondition(lambda self: self.case() is not None)
    @rule(patient=st.sampled_from([True, True, False]), own=st.sampled_from([True, True, False]))
    def a_case_is_completed(self, patient: bool, own: bool) -> None:
        case = self.case()
        assert case is not None
        if patient:
            self.ledger.wait(max(0, case.held_until - self.ledger.at))
        account = self.ledger.settled()[0]
        act, right = quarrels.completing(account)
        self.submit(Attempt(act, signer=Signer(wallet=right if own else wallet(STRANGER))))

    @rule(who=choices, which=choices, secrets=st.sampled_from(SECRETS))
    def somebody_objects(self, who: int, which: int, secrets: str) -> None:
        account = self.ledger.settled()[0]
        ways = (account.recovery, account.migration, account.protection, account.channel_change)
        waits = [way.approval for way in ways if way is not None]
        waits += [device.suspension.approval for device in account.devices if device.suspension is not None]
        if waits:
            act = quarrels.objection(self.ledger, self.phone(who), waits[which % len(waits)])
            self.submit(Attempt(act, signer=self.signed(secrets)))

    @rule(who=choices, secrets=st.sampled_from(SECRETS), officer=st.sampled_from([None, None, OFFICERS[0]]))
    def somebody_stops_the_account(self, who: int, secrets: str, officer: str | None) -> None:
        signer = self.signed(secrets, officer=officer)
        self.submit(Attempt(quarrels.freezing(self.ledger, self.phone(who)), signer=signer))

    @rule(days=st.sampled_from([0, 1, 2]))
    def the_wallet_alone_stops_the_account_again_and_again(self, days: int) -> None:
        for _ in range(3):
            self.submit(Attempt(quarrels.freezing(self.ledger, STRANGER), signer=self.signed("W")))
            self.ledger.wait(days * DAY)

    @rule(who=choices, secrets=st.sampled_from(SECRETS))
    def somebody_lets_the_account_go_on(self, who: int, secrets: str) -> None:
        self.submit(Attempt(quarrels.unfreezing(self.ledger, self.phone(who)), signer=self.signed(secrets)))

    @rule(who=choices)
    def somebody_signs_in_with_the_first_wallet_of_all(self, who: int) -> None:
        self.submit(Attempt(self.ledger.authenticate(self.phone(who)), signer=Signer(wallet=wallet(1))))

    @rule(who=choices)
    def a_backup_is_recorded(self, who: int) -> None:
        self.submit(Attempt(quarrels.backup(self.ledger, self.phone(who))))

    @rule(who=choices, names=st.sampled_from(ADDRESSES), secrets=st.sampled_from(SECRETS))
    def warnings_shall_go_elsewhere(self, who: int, names: tuple[str, ...], secrets: str) -> None:
        self.submit(Attempt(warning_at(self.ledger, self.phone(who), *names), signer=self.signed(secrets)))

    @rule(times=st.sampled_from([1, 1, 4]))
    def somebody_uses_the_link_of_a_mail(self, times: int) -> None:
        for _ in range(times):
            if (stopped := stop_by_link(self.ledger, type(self).doors)) is not None:
                self.the_link_only_stopped(*stopped)
            if times > 1:
                self.ledger.wait(DAY)

    @rule(who=choices, secrets=st.sampled_from(SECRETS))
    def a_phone_prepares_offline_codes(self, who: int, secrets: str) -> None:
        self.submit(Attempt(preparing(self.ledger, self.phone(who)), signer=self.signed(secrets)))

    @rule(who=choices, times=st.sampled_from([1, 2]))
    def an_offline_code_is_typed(self, who: int, times: int) -> None:
        for _ in range(times):
            if (done := enter_offline(self.ledger, self.phone(who), type(self).doors)) is not None:
                self.the_offline_code_opened_a_session_and_nothing_else(*done)

    @rule(offered_s=st.sampled_from([0, 30 * DAY, 30 * DAY]))
    def the_tenant_offers_offline_codes_or_does_not(self, offered_s: int) -> None:
        self.ledger.rules = msgspec.structs.replace(self.ledger.rules, offline_codes_s=offered_s)

    def claim(self, number: int, letters: str) -> None:
        new = 3 + len(self.ledger.now().old_wallets)
        act = quarrels.claiming(self.ledger, number, letters, new=new)
        signer = self.signed(letters, new=0 if frozenset(letters) == frozenset("W") else new)
        self.submit(Attempt(act, number, signer))

    def everybody_speaks_for(self, number: int) -> None:
        for guardian in GUARDIANS[:2]:
            self.a_guardian_speaks_for(guardian, number)
        for officer in OFFICERS:
            act = quarrels.attesting(self.ledger, number)
            self.submit(Attempt(act, quarrels.OFFICE, Signer(wallet=wallet(quarrels.OFFICE), officer=officer)))

    def a_guardian_speaks_for(self, guardian: int, number: int) -> None:
        act = quarrels.vouching(self.ledger, guardian, number)
        self.submit(Attempt(act, guardian, Signer(wallet=wallet(guardian))))

    def signed(self, secrets: str, *, new: int = 0, officer: str | None = None) -> Signer:
        """Most often with a code that counts, where one is shown."""
        account = self.ledger.now()
        own: PinnedWallet = account.wallet if "W" in secrets else wallet(new or STRANGER)
        shown = account.code_keys[0] if account.code_keys else sec1_text(CODES[0])
        return Signer(
            wallet=own,
            new_wallet=wallet(new) if new else None,
            code_key=shown if "C" in secrets else None,
            officer=officer,
        )

    def case(self) -> Recovery | None:
        account = self.ledger.account
        case = None if account is None else account.recovery
        return case if case is not None and case.is_open(self.ledger.at) else None

    def number_in_case(self, case: Recovery) -> int:
        devices = self.ledger.now().devices
        return next(place for place, device in enumerate(devices, 1) if device.thumbprint == case.new_device)

    # --- watching ---------------------------------------------------------------------------------------------------

    def another_wallet_came_only_by_what_an_owner_shows(
        self, act: StatementAct, event: Event, before: Account, after: Account
    ) -> None:
        """And a wallet that has gone never comes back."""
        assert after.wallet not in after.old_wallets
        if after.wallet == before.wallet:
            return
        assert isinstance(event, WalletRotated | DeviceActivated)
        assert after.old_wallets == (*before.old_wallets, before.wallet)
        assert after.protection is None
        assert not after.code_keys
        case = before.recovery
        if act.purpose == "rotate":
            assert isinstance(event, WalletRotated)
            assert set("CDW") <= set(event.evidence)
            assert before.state is AccountState.OPEN
        else:
            assert case is not None
            assert (case.new_wallet, case.approval) == (after.wallet, event.approval)
            assert event.at - case.opened_at >= shortest_wait_s(case.evidence)

    def the_link_only_stopped(self, before: Account, event: FrozenByLink) -> None:
        after = self.ledger.now()
        assert before.state is AccountState.OPEN
        assert (after.state, after.frozen_until) == (AccountState.FROZEN, event.until)
        for kept in ("wallet", "old_wallets", "channels", "guardians", "code_keys", "esim"):
            assert getattr(after, kept) == getattr(before, kept)
        assert after.active_devices() == before.active_devices()
        assert before.epoch not in self.changed_in
        self.changed_in.add(before.epoch)
        self.the_wallet_alone_kept_within_its_freezes(after)

    def the_offline_code_opened_a_session_and_nothing_else(self, before: Account, event: SignedInOffline) -> None:
        after = self.ledger.now()
        assert before.state is AccountState.OPEN
        assert before.known(event.device).state is DeviceState.ACTIVE
        assert self.ledger.rules.offline_codes_s
        assert event.element not in {one.element for one in self.ledger.events[:-1] if isinstance(one, SignedInOffline)}
        for kept in ("epoch", "state", "wallet", "channels", "guardians", "code_keys", "recovery", "migration"):
            assert getattr(after, kept) == getattr(before, kept)

    def an_address_that_hears_goes_on_hearing_for_three_days(self, event: Event, before: Account) -> None:
        if isinstance(event, ChannelsTookEffect):
            began = [one.at for one in self.ledger.events if isinstance(one, ChannelsHeld) and one.at <= event.at]
            assert event.at - began[-1] >= 3 * DAY
        if isinstance(event, ChannelsChanged):
            assert set(before.channels) <= set(event.channels)

    def a_strong_case_ended_only_by_its_phone_or_something_stronger(
        self, act: StatementAct, event: Event, before: Account, after: Account
    ) -> None:
        was, case = before.recovery, after.recovery
        if was is None or was.state is not RecoveryState.OPEN or not is_strong(was.evidence):
            return
        assert case is not None
        if case.approval == was.approval and case.state is RecoveryState.OPEN:
            assert case.held_until <= was.held_until + DAY
            assert not (was.delayed and case.held_until != was.held_until)
            return
        stronger = isinstance(event, RecoveryStarted | WalletRotated) or event.name == "RotationStarted"
        migration = before.migration
        # A phone that goes with the migration that it approved itself takes its wish with it.
        left = isinstance(event, DeviceActivated) and migration is not None and migration.old_device == was.new_device
        assert act.device == was.new_device or stronger or left or event.name == "RecoveryExpired"

    def a_stopped_account_was_opened_only_by_a_strong_case_or_time_or_everything(
        self, event: Event, before: Account, after: Account
    ) -> None:
        if before.state is AccountState.OPEN or after.state is not AccountState.OPEN:
            return
        if event.name in {"FreezeEnded", "AccountUnfrozen"}:
            assert before.state is AccountState.FROZEN
            return
        assert isinstance(event, DeviceActivated | WalletRotated)
        assert before.recovery is not None
        assert is_strong(before.recovery.evidence)

    def the_wallet_alone_kept_within_its_freezes(self, account: Account) -> None:
        recent = [at for at in account.freezes if at > self.ledger.at - self.ledger.rules.freezes_window_s]
        assert len(recent) <= self.ledger.rules.freezes

    def guardians_and_codes_came_by_a_code_a_wait_or_on_the_first_day(
        self, attempt: Attempt, decision: Decision, event: Event, before: Account
    ) -> None:
        if event.name != "ProtectionChanged":
            return
        assert isinstance(decision, Permit)
        signer = attempt.signer or Signer(wallet=before.wallet)
        fresh = self.ledger.at < (before.pinned_at or before.bound_at) + self.ledger.rules.protection_fresh_s
        assert signer.wallet == before.wallet
        assert signer.code_key in before.code_keys or (fresh and not before.code_keys)


def is_strong(evidence: tuple[str, ...]) -> bool:
    return "A" in evidence or ("G" in evidence and bool({"W", "C"} & set(evidence)))


def shortest_wait_s(evidence: tuple[str, ...]) -> int:
    """As the protocol says it, written once more."""
    if "G" in evidence and {"W", "C"} & set(evidence):
        return DAY
    if "A" not in evidence and "C" in evidence:
        return 2 * DAY
    return 3 * DAY
