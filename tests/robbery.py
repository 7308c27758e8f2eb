"""Owner and thief over one account: who holds what at first is drawn, and then everybody does what he can.

The factors are those of docs/spec section 8.4: wallet, a verified phone, a recovery code, guardians, officers; and the
line, which is none. Acts go through ``decide``, ``effects`` and ``evolve`` as the service would send them. An attentive
owner answers within a day whatever threatens him; an inattentive one sleeps. The properties are those of the formal
model of recovery, over the real policy.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from builders import digest, sec1_text, thumbprint, wallet
from chains import OFFERED
from ledger import DAY, HOUR, Ledger, Policy
from pteri.core.acts import (
    SAME_WALLET,
    AttestIdentity,
    ChangeProtection,
    FreezeAccount,
    RotateWallet,
    StartRecovery,
    StatementAct,
    UnfreezeAccount,
    VetoChange,
    VouchForRecovery,
)
from pteri.core.guardians import Guardians
from pteri.core.ids import Digest, Thumbprint
from pteri.core.wallets import PinnedWallet
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Decision, Hold, Permit, Refuse
from pteri.domain.events import (
    ChannelsChanged,
    ChannelsHeld,
    ChannelsTookEffect,
    DeviceActivated,
    Event,
    RecoveryStarted,
    SignedInOffline,
    WalletRotated,
)
from pteri.domain.evolving import fold
from pteri.domain.facts import LineStatus, Signer
from pteri.domain.guards import codes_digest
from pteri.domain.policy import decide
from pteri.domain.recovery import CaseKind, RecoveryState
from pteri.domain.standing import Strength, strength
from side_doors import SAFE, Doors, enter_offline, preparing, stop_by_link, warning_at

OWNER: Final = "owner"
THIEF: Final = "thief"
PEOPLE: Final = (OWNER, THIEF)
TICK: Final = 12 * HOUR
GUARDIAN_WALLETS: Final = (91, 92, 93)
OFFICERS: Final = ("officer 1", "officer 2", "officer 3")
FIRST_CODE: Final = 71

holders = st.sampled_from([(), (OWNER,), (THIEF,), PEOPLE])
one_holder = st.sampled_from([(), (OWNER,), (THIEF,)])
choices = st.integers(0, 31)
READERS: Final[tuple[tuple[str, ...], ...]] = ((), (OWNER,), (THIEF,), (THIEF, OWNER))
"""Whose addresses warnings go to."""


class RobberyMachine(RuleBasedStateMachine):
    """``wallets`` and ``codes``: who knows which secret. ``phones``: who holds which phone, by its number.

    ``scene``: what is not drawn but given, for who looks for one attack.
    """

    policy: ClassVar[Policy] = staticmethod(decide)
    doors: ClassVar[Doors] = SAFE
    scene: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(policy=type(self).policy, rules=OFFERED)
        self.wallets: dict[int, set[str]] = {}
        self.codes: dict[int, set[str]] = {}
        self.phones: dict[int, str] = {}
        self.takers: list[str] = []
        self.next_wallet = 2
        self.next_code = FIRST_CODE + 2

    # --- the beginning ----------------------------------------------------------------------------------------------

    @initialize(
        knows_wallet=holders,
        holds_phone=one_holder,
        second_phone=one_holder,
        knows_code=holders,
        guardians=st.booleans(),
        proofing=st.booleans(),
        false_friends=st.integers(0, 1),
        false_officers=st.integers(0, 1),
        attentive=st.booleans(),
        reacts_after=st.sampled_from([0, TICK]),
        line=st.sampled_from([LineStatus.CONTINUOUS, LineStatus.UNKNOWN]),
    )
    def somebody_holds_what(  # noqa: PLR0917  # a draw of everything
        self,
        knows_wallet: tuple[str, ...],
        holds_phone: tuple[str, ...],
        second_phone: tuple[str, ...],
        knows_code: tuple[str, ...],
        guardians: bool,
        proofing: bool,
        false_friends: int,
        false_officers: int,
        attentive: bool,
        reacts_after: int,
        line: LineStatus,
    ) -> None:
        drawn: dict[str, Any] = {
            "knows_wallet": knows_wallet,
            "holds_phone": holds_phone,
            "second_phone": second_phone,
            "knows_code": knows_code,
            "guardians": guardians,
            "proofing": proofing,
            "false_friends": false_friends,
            "false_officers": false_officers,
            "attentive": attentive,
            "reacts_after": reacts_after,
            "line": line,
        }
        self.begin(**(drawn | type(self).scene))

    def begin(
        self,
        *,
        knows_wallet: tuple[str, ...],
        holds_phone: tuple[str, ...],
        second_phone: tuple[str, ...],
        knows_code: tuple[str, ...],
        guardians: bool,
        proofing: bool,
        false_friends: int,
        false_officers: int,
        attentive: bool,
        reacts_after: int,
        line: LineStatus,
    ) -> None:
        ledger = self.ledger
        assert isinstance(ledger.bind(1), Permit)
        self.set_protection(has_guardians=guardians, has_code=bool(knows_code))
        if second_phone:
            ledger.migrated(1, 2)
        ledger.wait(30 * DAY)
        self.wallets = {1: set(knows_wallet)}
        self.codes = {FIRST_CODE: set(knows_code)}
        self.phones = {1: holds_phone[0]} if holds_phone else {}
        if second_phone:
            self.phones[2] = second_phone[0]
        self.loyal = {OWNER: len(GUARDIAN_WALLETS) - false_friends if guardians else 0, THIEF: false_friends}
        self.sworn = {OWNER: len(OFFICERS) - false_officers if proofing else 0, THIEF: false_officers}
        self.attentive, self.reacts_after = attentive, reacts_after
        ledger.line = line
        self.first = {person: self.factors(person) for person in PEOPLE}
        self.threatened_at: int | None = None

    def set_protection(self, *, has_guardians: bool, has_code: bool) -> None:
        if not has_guardians and not has_code:
            return
        friends = Guardians(2, tuple(sorted(wallet(number).address for number in GUARDIAN_WALLETS)))
        keys = (sec1_text(FIRST_CODE),) if has_code else ()
        decision = self.protect(1, friends if has_guardians else None, keys)
        assert isinstance(decision, Permit)

    # --- what people try --------------------------------------------------------------------------------------------

    @rule(ticks=st.sampled_from([1, 1, 2, 4, 6, 14]))
    def time_passes(self, ticks: int) -> None:
        for _ in range(ticks):
            self.one_tick()

    @rule(line=st.sampled_from(LineStatus))
    def the_line_is_swapped(self, line: LineStatus) -> None:
        self.ledger.line = line

    @rule(who=st.sampled_from(PEOPLE), which=choices)
    def somebody_claims_the_account(self, who: str, which: int) -> None:
        self.claim(who, which)

    @rule(who=st.sampled_from([THIEF, THIEF, OWNER]), which=choices)
    def somebody_sees_a_claim_through(self, who: str, which: int) -> None:
        """He asks again when the freeze is over, waits out every hold, and is there when it ends."""
        if isinstance(self.claim(who, which), Refuse):
            self.one_tick()
            self.one_tick()
            self.claim(who, which)
        self.wait_for(who)

    @rule(who=st.sampled_from([THIEF, THIEF, OWNER]), with_code=st.booleans())
    def somebody_sees_another_wallet_through(self, who: str, with_code: bool) -> None:
        number = self.verified_phone(who)
        if number is not None:
            self.rotate(who, number, with_code=with_code)
            self.wait_for(who)

    @rule(who=st.sampled_from([THIEF, OWNER]))
    def somebody_sees_new_codes_through_and_replaces_the_wallet(self, who: str) -> None:
        number = self.verified_phone(who)
        if number is None or not self.knows_wallet(who):
            return
        self.somebody_makes_new_codes(who=who, with_code=True, keep_guardians=False)
        for _ in range(6):
            self.one_tick()
        number = self.verified_phone(who)
        if number is not None:
            self.rotate(who, number, with_code=True)

    def wait_for(self, who: str) -> None:
        for _ in range(14):
            case = self.account().recovery
            if case is None or case.state is not RecoveryState.OPEN or self.holder(case.new_device) != who:
                return
            self.one_tick()
            self.complete(who)

    @rule(who=st.sampled_from(PEOPLE), with_code=st.booleans())
    def somebody_replaces_the_wallet(self, who: str, with_code: bool) -> None:
        number = self.verified_phone(who)
        if number is not None:
            self.rotate(who, number, with_code=with_code)

    @rule(who=st.sampled_from(PEOPLE))
    def somebody_completes_what_waits(self, who: str) -> None:
        self.complete(who)

    @rule(who=st.sampled_from(PEOPLE))
    def somebody_objects(self, who: str) -> None:
        self.object(who)

    @rule(who=st.sampled_from(PEOPLE), with_what=st.sampled_from(["D", "C", "W"]))
    def somebody_freezes(self, who: str, with_what: str) -> None:
        self.freeze(who, with_what)

    @rule(who=st.sampled_from(PEOPLE))
    def somebody_freezes_again_and_again(self, who: str) -> None:
        for _ in range(4):
            self.freeze(who, "W")
            self.one_tick()
            self.one_tick()

    @rule(who=st.sampled_from(PEOPLE), whose=st.sampled_from(READERS))
    def somebody_says_where_warnings_go(self, who: str, whose: tuple[str, ...]) -> None:
        number = self.verified_phone(who)
        if number is not None and self.knows_wallet(who):
            self.submit(who, warning_at(self.ledger, number, *whose))

    @rule(who=st.sampled_from([THIEF, THIEF, OWNER]), times=st.sampled_from([1, 4]))
    def somebody_uses_the_link_of_a_mail(self, who: str, times: int) -> None:
        for _ in range(times):
            self.use_link(who)
            if times > 1:
                self.one_tick()
                self.one_tick()

    @rule(who=st.sampled_from(PEOPLE))
    def somebody_prepares_offline_codes(self, who: str) -> None:
        number = self.verified_phone(who)
        if number is not None and self.knows_wallet(who):
            self.submit(who, preparing(self.ledger, number))

    @rule(who=st.sampled_from(PEOPLE))
    def somebody_types_offline_codes(self, who: str) -> None:
        """Those of every phone that was ever his, twice: also of one that was taken from him."""
        for number in [number for number, holder in self.phones.items() if holder == who]:
            for _ in range(2):
                if (done := enter_offline(self.ledger, number, type(self).doors)) is not None:
                    self.the_code_opened_no_more_than_a_session(who, *done)

    @rule(who=st.sampled_from(PEOPLE), with_code=st.booleans())
    def somebody_unfreezes(self, who: str, with_code: bool) -> None:
        number = self.verified_phone(who)
        if number is not None and self.knows_wallet(who):
            account = self.account()
            act = UnfreezeAccount(account.id, thumbprint(number), account.epoch)
            self.submit(who, act, signer=self.signer(who, with_code=with_code))

    @rule(who=st.sampled_from(PEOPLE), with_code=st.booleans(), keep_guardians=st.booleans())
    def somebody_makes_new_codes(self, who: str, with_code: bool, keep_guardians: bool) -> None:
        number = self.verified_phone(who)
        if number is None or not self.knows_wallet(who):
            return
        made, self.next_code = self.next_code, self.next_code + 1
        self.codes[made] = {who}
        guardians = self.account().guardians if keep_guardians else None
        signer = self.signer(who, with_code=with_code)
        self.protect(number, guardians, (sec1_text(made),), signer=signer, who=who)

    @rule(who=st.sampled_from(PEOPLE), which=choices, with_code=st.booleans())
    def somebody_removes_a_phone(self, who: str, which: int, with_code: bool) -> None:
        number = self.verified_phone(who)
        if number is None or not self.knows_wallet(who):
            return
        target = which % len(self.account().devices)
        act = self.ledger.removal(number, 1)
        act = msgspec.structs.replace(act, target=self.account().devices[target].thumbprint)
        self.submit(who, act, signer=self.signer(who, with_code=with_code))

    @rule(who=st.sampled_from(PEOPLE))
    def somebody_adds_a_phone(self, who: str) -> None:
        number = self.verified_phone(who)
        if number is None or not self.knows_wallet(who):
            return
        new = self.new_phone(who)
        if isinstance(self.submit(who, self.ledger.approval(number, new), newcomer=new), Hold):
            self.ledger.type_migration_code()
            self.one_tick()
            self.complete(who)

    @rule(who=st.sampled_from(PEOPLE))
    def somebody_signs_with_the_first_wallet_of_all(self, who: str) -> None:
        """Also when another one has taken its place: then it counts for nothing."""
        if who not in self.wallets[1]:
            return
        account, old = self.account(), Signer(wallet=wallet(1))
        new = self.new_phone(who)
        acts: list[StatementAct] = [
            FreezeAccount(account.id, thumbprint(new), account.epoch),
            self.claim_act(new, ("W",), SAME_WALLET),
        ]
        if account.recovery is not None:
            number = self.verified_phone(who)
            acts.append(VetoChange(account.id, thumbprint(number or new), account.epoch, account.recovery.approval))
        for act in acts:
            if account.wallet != old.wallet:
                assert isinstance(self.submit(who, act, signer=old, newcomer=new), Refuse)

    # --- doing it ---------------------------------------------------------------------------------------------------

    def claim(self, who: str, which: int) -> Decision:
        """With the ``which``-th of all sets of evidence: he shows of it what he has, and says the rest."""
        new = self.waiting_phone(who) or self.new_phone(who)
        self.gather_voices(who, new)
        letters = _LETTERS[which % len(_LETTERS)]
        same = letters == ("W",)
        own = self.new_wallet(who)
        signer = Signer(
            wallet=self.account().wallet if "W" in letters and self.knows_wallet(who) else own,
            new_wallet=None if same else own,
            code_key=self.code_key(who),
        )
        act = self.claim_act(new, letters, SAME_WALLET if same else own.address)
        return self.submit(who, act, newcomer=new, signer=signer)

    def claim_act(self, new: int, letters: tuple[str, ...], new_wallet: str) -> StartRecovery:
        return msgspec.structs.replace(self.ledger.claim(new), evidence=letters, new_wallet=new_wallet)

    def gather_voices(self, who: str, new: int) -> None:
        """Whoever is on his side speaks for his phone."""
        account = self.account()
        if account.guardians is not None:
            spoken = account.spoken_for(thumbprint(new), "G", self.ledger.at)
            for number in self.friends(who):
                if wallet(number).address in spoken:
                    continue
                vouch = VouchForRecovery(account.id, thumbprint(number), account.epoch, thumbprint(new))
                self.submit(who, vouch, newcomer=number, signer=Signer(wallet=wallet(number)))
        for officer in sorted(set(self.officers(who)) - account.spoken_for(thumbprint(new), "A", self.ledger.at)):
            attest = AttestIdentity(account.id, thumbprint(81), account.epoch, thumbprint(new))
            self.submit(who, attest, newcomer=81, signer=Signer(wallet=wallet(81), officer=officer))

    def rotate(self, who: str, number: int, *, with_code: bool) -> Decision:
        if self.knows_wallet(who):
            signer = self.signer(who, with_code=with_code, new_wallet=self.new_wallet(who))
        else:
            self.gather_voices(who, number)
            own = self.new_wallet(who)
            signer = Signer(wallet=own, new_wallet=own)
        assert signer.new_wallet is not None
        account = self.account()
        act = RotateWallet(account.id, thumbprint(number), account.epoch, signer.new_wallet.address)
        return self.submit(who, act, signer=signer)

    def complete(self, who: str) -> None:
        for way in (self.account().recovery, self.account().migration):
            if way is None or self.holder(way.new_device) != who:
                continue
            new_wallet = getattr(way, "new_wallet", None)
            act = self.ledger.acceptance(self.number_of(way.new_device))
            self.submit(
                who,
                msgspec.structs.replace(act, approval=way.approval),
                signer=Signer(wallet=new_wallet or self.account().wallet),
            )

    def object(self, who: str) -> Decision | None:
        """To whatever of the other one's waits; with a removed phone, to its removal."""
        account = self.account()
        if not self.knows_wallet(who):
            return None
        for device in account.devices:
            if device.suspension is not None and self.holder(device.thumbprint) == who:
                act = VetoChange(account.id, device.thumbprint, account.epoch, device.suspension.approval)
                return self.submit(who, act)
        number, approval = self.verified_phone(who), self.waits_for_other(who)
        if number is None or approval is None:
            return None
        return self.submit(who, VetoChange(account.id, thumbprint(number), account.epoch, approval))

    def freeze(self, who: str, with_what: str) -> Decision | None:
        account, number = self.account(), self.verified_phone(who)
        stranger = Signer(wallet=wallet(99))
        if with_what == "D" and number is not None:
            return self.submit(who, FreezeAccount(account.id, thumbprint(number), account.epoch), signer=stranger)
        act = FreezeAccount(account.id, thumbprint(self.new_phone(who)), account.epoch)
        if with_what == "C" and self.code_key(who) is not None:
            return self.submit(who, act, signer=msgspec.structs.replace(stranger, code_key=self.code_key(who)))
        if with_what == "W" and self.knows_wallet(who):
            return self.submit(who, act)
        return None

    def use_link(self, who: str) -> None:
        """He has a mail of this account if one of his addresses hears."""
        if digest(f"address of {who}") not in self.account().channels:
            return
        stopped = stop_by_link(self.ledger, type(self).doors)
        if stopped is not None:
            self.the_link_gave_nothing(stopped[0])

    def protect(
        self,
        number: int,
        guardians: Guardians | None,
        keys: tuple[str, ...],
        signer: Signer | None = None,
        who: str = OWNER,
    ) -> Decision:
        account = self.account()
        act = ChangeProtection(account.id, thumbprint(number), account.epoch, guardians, codes_digest(keys))
        return self.submit(who, act, signer=signer, code_keys=keys)

    # --- watching ---------------------------------------------------------------------------------------------------

    def submit(
        self,
        who: str,
        act: StatementAct,
        *,
        newcomer: int = 0,
        signer: Signer | None = None,
        code_keys: tuple[str, ...] = (),
    ) -> Decision:
        ledger = self.ledger
        recorded = len(ledger.events)
        before = ledger.settled()[0] if ledger.account is not None else None
        decision = ledger.submit(act, newcomer=newcomer, signer=signer, code_keys=code_keys)
        for event in ledger.events[recorded:]:
            assert before is not None
            self.nobody_was_made_deaf(event, before)
            self.watch(who, event, before)
        return decision

    def nobody_was_made_deaf(self, event: Event, before: Account) -> None:
        """RE-15: whoever hears now hears for three days more, and of what takes it away."""
        if isinstance(event, ChannelsChanged):
            assert set(before.channels) <= set(event.channels)
        if isinstance(event, ChannelsTookEffect):
            began = [one.at for one in self.ledger.events if isinstance(one, ChannelsHeld)]
            assert event.at - began[-1] >= 72 * HOUR

    def watch(self, who: str, event: Event, before: Account) -> None:
        case = before.recovery
        if isinstance(event, RecoveryStarted) and event.evidence == ("W",) and before.stopped_at:
            assert event.at >= before.stopped_at + self.ledger.rules.recovery_blocked_s, "stopped, and back already"
        if not isinstance(event, DeviceActivated | WalletRotated):
            return
        if isinstance(event, DeviceActivated) and (case is None or case.approval != event.approval):
            return  # a migration: whoever approved it held everything that a phone holds already
        assert before.state is AccountState.OPEN or self.is_strong(event, before), "a stopped account changed hands"
        self.takers.append(who)
        if who is THIEF:
            self.the_thief_was_not_quick(event, before)
            self.the_thief_did_not_win_what_he_must_not_win()
        # Whoever has the account now has made new secrets where the old ones went.
        if isinstance(event, WalletRotated) or event.new_wallet is not None:
            pinned = self.account().wallet
            number = next(number for number in range(2, self.next_wallet) if wallet(number) == pinned)
            self.wallets[number] = {who}

    def the_link_gave_nothing(self, before: Account) -> None:
        """It stops, and leaves everything where it is; what guardians or officers speak for, too."""
        after = self.account()
        assert (before.state, after.state) == (AccountState.OPEN, AccountState.FROZEN)
        assert (after.wallet, after.code_keys, after.guardians) == (before.wallet, before.code_keys, before.guardians)
        assert after.channels == before.channels
        assert after.active_devices() == before.active_devices()
        case = before.recovery
        if (
            case is not None
            and case.is_open(self.ledger.at)
            and strength(frozenset(case.evidence)) >= Strength.GUARDIANS
        ):
            assert after.recovery == case

    def the_code_opened_no_more_than_a_session(self, who: str, before: Account, event: SignedInOffline) -> None:
        """It is the code of a phone that counts now, and it counted once."""
        after = self.account()
        assert before.state is AccountState.OPEN
        assert before.known(event.device) in before.active_devices()
        assert self.holder(event.device) == who
        used = [one.element for one in self.ledger.events if isinstance(one, SignedInOffline)]
        assert len(used) == len(set(used))
        assert (after.epoch, after.wallet, after.recovery) == (before.epoch, before.wallet, before.recovery)

    def is_strong(self, event: DeviceActivated | WalletRotated, before: Account) -> bool:
        letters = event.evidence if isinstance(event, WalletRotated) else before.recovery.evidence  # type: ignore[union-attr]  # a case
        return strength(frozenset(letters)) >= Strength.GUARDIANS

    def the_thief_was_not_quick(self, event: DeviceActivated | WalletRotated, before: Account) -> None:
        """NeverInstant, and never faster than what he shows."""
        if isinstance(event, WalletRotated) and set("WDC") <= set(event.evidence):
            return
        case = before.recovery
        assert case is not None
        assert event.at - case.opened_at >= 48 * HOUR
        if case.evidence == ("W",):
            assert event.at - case.opened_at >= 72 * HOUR
            if self.ledger.line in {LineStatus.CHANGED, LineStatus.CONTRADICTED}:
                assert event.at - case.opened_at >= 7 * DAY

    def the_thief_did_not_win_what_he_must_not_win(self) -> None:
        first, mine, his = self.first, self.first[OWNER], self.first[THIEF]
        assert "W" in his, "NoWalletNoTakeover"
        robbed = set("WDC") <= his
        if not self.attentive:
            return
        assert not ("A" in mine and not robbed and mine & set("WDC")), f"AttentiveSafe {first}"
        assert not (set("WD") <= mine and not his & set("CD")), f"WalletThief {first}"
        assert not ("C" in mine and "C" not in his), f"CodeStops {first}"

    @invariant()
    def while_the_account_is_open_some_phone_is_verified(self) -> None:
        """I4."""
        if self.ledger.account is not None and self.account().state is AccountState.OPEN:
            assert self.account().active_devices()

    @invariant()
    def the_wallet_alone_does_not_keep_an_account_shut(self) -> None:
        account = self.ledger.account
        if account is not None:
            recent = [at for at in account.freezes if at > self.ledger.at - 7 * DAY]
            assert len(recent) <= self.ledger.rules.freezes

    def teardown(self) -> None:
        if self.ledger.account is not None:
            self.whoever_can_be_proved_gets_the_account_back()
            assert fold(self.ledger.events) == self.ledger.account, "I5"

    def whoever_can_be_proved_gets_the_account_back(self) -> None:
        """Regain, whatever the other one objects to."""
        if "A" not in self.first[OWNER]:
            return
        before = len(self.takers)
        for _ in range(40):
            self.object(THIEF)
            self.freeze(THIEF, "D")
            self.freeze(THIEF, "W")
            self.use_link(THIEF)
            self.pursue()
            self.complete(OWNER)
            if OWNER in self.takers[before:]:
                return
            self.ledger.wait(TICK)
        raise AssertionError("the owner can be proved and does not get the account back")

    # --- the owner's day --------------------------------------------------------------------------------------------

    def one_tick(self) -> None:
        """Half a day; an attentive owner looks before it is over."""
        if self.attentive:
            self.owner_reacts()
        self.ledger.wait(TICK)
        if self.attentive:
            self.owner_reacts()

    def owner_reacts(self) -> None:
        if not self.is_threatened():
            self.threatened_at = None
            return
        if self.threatened_at is None:
            self.threatened_at = self.ledger.at
        if self.ledger.at - self.threatened_at < self.reacts_after:
            return
        self.object(OWNER)
        self.pursue()
        for factor in ("D", "C", "W"):
            if self.is_threatened() and self.account().state is AccountState.OPEN:
                self.freeze(OWNER, factor)
        if self.is_threatened():
            self.use_link(OWNER)

    def is_threatened(self) -> bool:
        account = self.account()
        if self.waits_for_other(OWNER) is not None or account.state is not AccountState.OPEN:
            return True
        return any(
            device.suspension is not None and self.holder(device.thumbprint) == OWNER for device in account.devices
        )

    def pursue(self) -> None:
        """Whoever can be proved, is; and asks again until the case is open."""
        account = self.account()
        case = account.recovery
        mine = case is not None and case.is_open(self.ledger.at) and self.holder(case.new_device) == OWNER
        if case is not None and mine and strength(frozenset(case.evidence)) is Strength.RE_PROOFED:
            self.complete(OWNER)
            return
        new = self.waiting_phone(OWNER) or self.new_phone(OWNER)
        self.gather_voices(OWNER, new)
        shown = self.factors(OWNER, new)
        for letters in (("A",), ("G", "W"), ("C", "G")):
            if set(letters) <= shown:
                own = self.new_wallet(OWNER)
                signer = Signer(
                    wallet=self.account().wallet if "W" in letters else own,
                    new_wallet=own,
                    code_key=self.code_key(OWNER) if "C" in letters else None,
                )
                decision = self.submit(OWNER, self.claim_act(new, letters, own.address), newcomer=new, signer=signer)
                if isinstance(decision, Hold):
                    return

    # --- looking ----------------------------------------------------------------------------------------------------

    def account(self) -> Account:
        return self.ledger.settled()[0]

    def factors(self, who: str, new: int | None = None) -> set[str]:
        """Letters that this person can show, for his new phone ``new``."""
        account = self.account()
        letters = {
            "W": self.knows_wallet(who),
            "D": self.verified_phone(who) is not None,
            "C": self.code_key(who) is not None,
            "G": account.guardians is not None and self.loyal[who] >= account.guardians.needed,
            "A": self.sworn[who] >= 2,
        }
        found = {letter for letter, held in letters.items() if held}
        return found if new is None else found - {"D"}

    def knows_wallet(self, who: str) -> bool:
        return any(wallet(number) == self.account().wallet and who in known for number, known in self.wallets.items())

    def code_key(self, who: str) -> str | None:
        keys = [sec1_text(number) for number, known in self.codes.items() if who in known]
        return next((key for key in keys if key in self.account().code_keys), None)

    def verified_phone(self, who: str) -> int | None:
        verified = {device.thumbprint for device in self.account().active_devices()}
        mine = [number for number, holder in self.phones.items() if holder == who]
        return next((number for number in mine if thumbprint(number) in verified), None)

    def waiting_phone(self, who: str) -> int | None:
        case = self.account().recovery
        if case is None or not case.is_open(self.ledger.at) or case.kind is CaseKind.ROTATE:
            return None
        return self.number_of(case.new_device) if self.holder(case.new_device) == who else None

    def waits_for_other(self, who: str) -> Digest | None:
        """What the other one has begun, by its digest."""
        account = self.account()
        case, protection, migration = account.recovery, account.protection, account.migration
        addresses = account.channel_change
        if case is not None and case.state is RecoveryState.OPEN and self.holder(case.new_device) != who:
            return case.approval
        if protection is not None and self.holder(protection.by) != who:
            return protection.approval
        if migration is not None and migration.is_open(self.ledger.at) and self.holder(migration.new_device) != who:
            return migration.approval
        if addresses is not None and self.holder(addresses.by) != who:
            return addresses.approval
        return None

    def holder(self, device: Thumbprint) -> str | None:
        return next((who for number, who in self.phones.items() if thumbprint(number) == device), None)

    def number_of(self, device: Thumbprint) -> int:
        return next(number for number in self.phones if thumbprint(number) == device)

    def new_phone(self, who: str) -> int:
        number = 100 + len(self.phones)
        self.phones[number] = who
        return number

    def new_wallet(self, who: str) -> PinnedWallet:
        made, self.next_wallet = self.next_wallet, self.next_wallet + 1
        self.wallets[made] = {who}
        return wallet(made)

    def signer(self, who: str, *, with_code: bool, new_wallet: PinnedWallet | None = None) -> Signer:
        return Signer(
            wallet=self.account().wallet, new_wallet=new_wallet, code_key=self.code_key(who) if with_code else None
        )

    def friends(self, who: str) -> tuple[int, ...]:
        loyal = self.loyal[who]
        return GUARDIAN_WALLETS[:loyal] if who == OWNER else GUARDIAN_WALLETS[len(GUARDIAN_WALLETS) - loyal :]

    def officers(self, who: str) -> tuple[str, ...]:
        sworn = self.sworn[who]
        return OFFICERS[:sworn] if who == OWNER else OFFICERS[len(OFFICERS) - sworn :]


_LETTERS: Final = (
    ("W",),
    ("W",),
    ("C", "W"),
    ("G", "W"),
    ("C", "G"),
    ("A",),
    ("A", "W"),
    ("C",),
    ("G",),
    ("C", "G", "W"),
)
