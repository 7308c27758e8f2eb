"""The fold of what stops others and of who may help: one event at a time, and what cannot follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from builders import NOW, bound, digest, request_id, sec1_text, thumbprint, wallet
from ledger import DAY, HOUR
from pteri.domain.account import Account, AccountState
from pteri.domain.device import DeviceState
from pteri.domain.events import (
    AccountContested,
    AccountFrozen,
    AccountUnfrozen,
    BackupVerified,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    FreezeEnded,
    MigrationApproved,
    ProtectionChanged,
    ProtectionHeld,
    ProtectionStopped,
    ProtectionTookEffect,
    RecoveryContested,
    RecoveryDelayed,
    RecoveryExpired,
    RecoveryStarted,
    RecoveryStopped,
    RecoveryWithdrawn,
    RotationStarted,
    SpokenFor,
    SuspensionObjected,
    WalletRotated,
)
from pteri.domain.evolving import evolve, fold, lapses
from pteri.domain.migration import MigrationState
from pteri.domain.recovery import RecoveryState
from pteri.domain.rules import MOST_FREEZES
from pteri.domain.tables import IllegalTransition
from quarrels import CODE, OTHER_CODE, code_keys, friends

if TYPE_CHECKING:
    from pteri.core.guardians import Guardians
    from pteri.core.ids import Digest
    from pteri.core.wallets import PinnedWallet

REQUEST, LATER = request_id(99), request_id(100)
CASE, OTHER = digest("case"), digest("another case")


def account_of(*events: Event) -> Account:
    account = fold((bound(), *events))
    assert account is not None
    return account


def state(account: Account, number: int) -> DeviceState:
    return account.known(thumbprint(number)).state


def case_state(account: Account) -> RecoveryState:
    assert account.recovery is not None
    return account.recovery.state


# --- events ---------------------------------------------------------------------------------------------------------


def let_in(new: int = 2, *, by: int = 1) -> tuple[Event, ...]:
    """A second verified phone."""
    approval = digest(f"approval {new}")
    return (
        MigrationApproved(
            NOW,
            REQUEST,
            by=thumbprint(by),
            new_device=thumbprint(new),
            new_key=sec1_text(new),
            approval=approval,
            revoke_old=False,
            held_until=NOW,
            expires_at=NOW + DAY,
        ),
        DeviceActivated(NOW, REQUEST, thumbprint(new), approval=approval, revoked=(), probation_until=NOW),
    )


def started(
    *evidence: str, new: int = 3, approval: Digest = CASE, at: int = NOW, new_wallet: PinnedWallet | None = None
) -> RecoveryStarted:
    return RecoveryStarted(
        at,
        REQUEST,
        new_device=thumbprint(new),
        new_key=sec1_text(new),
        approval=approval,
        evidence=evidence,
        held_until=at + 3 * DAY,
        expires_at=at + 10 * DAY,
        new_wallet=new_wallet,
    )


def rotating(*evidence: str, by: int = 1, at: int = NOW) -> RotationStarted:
    return RotationStarted(
        at,
        REQUEST,
        device=thumbprint(by),
        approval=CASE,
        evidence=evidence,
        new_wallet=wallet(5),
        held_until=at + 3 * DAY,
        expires_at=at + 10 * DAY,
    )


def rotated(*evidence: str, by: int = 1, to: int = 5, approval: Digest = CASE, at: int = NOW) -> WalletRotated:
    return WalletRotated(at, REQUEST, thumbprint(by), approval=approval, evidence=evidence, wallet=wallet(to))


def changed(guardians: Guardians | None, *codes: int, by: int = 1) -> ProtectionChanged:
    return ProtectionChanged(NOW, REQUEST, thumbprint(by), OTHER, guardians, code_keys(*codes))


def held(guardians: Guardians | None, *codes: int, by: int = 1) -> ProtectionHeld:
    return ProtectionHeld(NOW, REQUEST, thumbprint(by), OTHER, guardians, code_keys(*codes), held_until=NOW + 3 * DAY)


def voice(letter: str, by: str, new: int = 3, at: int = NOW) -> SpokenFor:
    return SpokenFor(
        at,
        REQUEST,
        thumbprint(new),
        letter,
        by,
        wallet(91),
        device=thumbprint(91),
        device_key=sec1_text(91),
        until=at + DAY,
    )


def suspended(number: int, by: int) -> DeviceSuspended:
    return DeviceSuspended(
        NOW, REQUEST, thumbprint(number), by=thumbprint(by), revoke_at=NOW + DAY, approval=digest("removal")
    )


FROZEN = AccountFrozen(NOW, REQUEST, thumbprint(9), until=NOW + DAY)
CONTESTED = AccountContested(NOW, REQUEST, thumbprint(1), evidence=("D",))
THAWED = FreezeEnded(NOW + DAY, REQUEST)
UNFROZEN = AccountUnfrozen(NOW, REQUEST, thumbprint(1))
STOPPED = RecoveryStopped(NOW + HOUR, REQUEST, thumbprint(1), CASE)
DELAYED = RecoveryDelayed(NOW, REQUEST, thumbprint(1), CASE, delay_s=DAY)
QUARREL = RecoveryContested(NOW, REQUEST, thumbprint(1), CASE)
WITHDRAWN = RecoveryWithdrawn(NOW, REQUEST, thumbprint(3), CASE)
OBJECTED = SuspensionObjected(NOW, REQUEST, thumbprint(2))
HELD_OVER = ProtectionTookEffect(NOW + 3 * DAY, REQUEST)
KEPT = ProtectionStopped(NOW, REQUEST, thumbprint(1), OTHER)


# --- objections -----------------------------------------------------------------------------------------------------


def test_a_stopped_case_is_remembered_and_moves_no_authority() -> None:
    account = account_of(started("W"), STOPPED)
    assert (case_state(account), account.stopped_at, state(account, 3)) == (
        RecoveryState.REJECTED,
        NOW + HOUR,
        DeviceState.DROPPED,
    )
    assert (account.epoch, account.state) == (1, AccountState.OPEN)


def test_a_case_is_delayed_with_its_end() -> None:
    account = account_of(started("A"), DELAYED)
    case = account.recovery
    assert case is not None
    assert (case.state, case.delayed, case.ended_at) == (RecoveryState.OPEN, True, 0)
    assert (case.held_until, case.expires_at) == (NOW + 4 * DAY, NOW + 11 * DAY)
    assert account.epoch == 1


def test_a_contested_case_contests_the_account() -> None:
    account = account_of(started("C", "W"), held(None), QUARREL)
    assert (case_state(account), account.state, account.epoch) == (RecoveryState.CONTESTED, AccountState.CONTESTED, 2)
    assert (state(account, 3), account.protection) == (DeviceState.DROPPED, None)


def test_a_withdrawn_case_is_over_for_its_phone_alone() -> None:
    account = account_of(started("A"), WITHDRAWN)
    assert (case_state(account), state(account, 3), account.epoch) == (RecoveryState.WITHDRAWN, DeviceState.DROPPED, 1)
    rotation = account_of(rotating("D", "W"), RecoveryWithdrawn(NOW, REQUEST, thumbprint(1), CASE))
    assert (case_state(rotation), state(rotation, 1)) == (RecoveryState.WITHDRAWN, DeviceState.ACTIVE)


def test_a_removed_phone_that_objects_is_back_and_the_account_contested() -> None:
    account = account_of(*let_in(), suspended(2, by=1), OBJECTED)
    assert (state(account, 2), account.known(thumbprint(2)).suspension) == (DeviceState.ACTIVE, None)
    assert (account.state, account.epoch) == (AccountState.CONTESTED, 4)


# --- freezes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [FROZEN, CONTESTED])
def test_what_stops_an_account_ends_every_weak_thing_that_waits(stop: Event) -> None:
    account = account_of(*let_in(), *let_in(4)[:1], started("C", "W"), held(None), stop)
    assert account.migration is not None
    assert (account.migration.state, state(account, 4)) == (MigrationState.VETOED, DeviceState.DROPPED)
    assert (case_state(account), state(account, 3)) == (RecoveryState.CONTESTED, DeviceState.DROPPED)
    assert (account.protection, account.epoch) == (None, 3)


@pytest.mark.parametrize("stop", [FROZEN, CONTESTED])
@pytest.mark.parametrize("evidence", [("G", "W"), ("C", "G"), ("A",)])
def test_it_ends_no_case_of_guardians_or_officers(stop: Event, evidence: tuple[str, ...]) -> None:
    account = account_of(started(*evidence), stop)
    assert (case_state(account), state(account, 3)) == (RecoveryState.OPEN, DeviceState.PENDING)


def test_a_freeze_says_how_long_it_lasts_and_is_counted() -> None:
    account = account_of(FROZEN)
    assert (account.state, account.frozen_by, account.frozen_until) == (AccountState.FROZEN, REQUEST, NOW + DAY)
    assert (account.freezes, account.epoch) == ((NOW,), 2)


def test_time_ends_a_freeze_without_moving_authority_and_a_person_moves_it() -> None:
    thawed, unfrozen = account_of(FROZEN, THAWED), account_of(FROZEN, UNFROZEN)
    for account in (thawed, unfrozen):
        assert (account.state, account.frozen_by, account.frozen_until) == (AccountState.OPEN, None, 0)
        assert account.freezes == (NOW,)
    assert (thawed.epoch, unfrozen.epoch) == (2, 3)


def test_an_account_remembers_no_more_freezes_than_rules_can_ask_for() -> None:
    account = account_of()
    for number in range(MOST_FREEZES + 2):
        at = NOW + number * DAY
        account = evolve(account, AccountFrozen(at=at, request=request_id(number + 1), by=thumbprint(1), until=at + 1))
        account = evolve(account, FreezeEnded(at=at + 1, request=request_id(number + 1)))
    assert account.freezes == tuple(NOW + number * DAY for number in (2, 3, 4))


def test_a_freeze_may_become_a_quarrel_and_then_no_time_ends_it() -> None:
    account = account_of(FROZEN, CONTESTED)
    assert (account.state, account.frozen_by, account.frozen_until) == (AccountState.CONTESTED, None, 0)
    assert lapses(account, NOW + 1000 * DAY) == ()


def test_time_ends_a_freeze_at_its_instant() -> None:
    account = account_of(FROZEN)
    assert lapses(account, NOW + DAY - 1) == ()
    assert lapses(account, NOW + DAY) == (FreezeEnded(NOW + DAY, REQUEST),)


# --- another wallet -------------------------------------------------------------------------------------------------


def test_another_wallet_at_once_leaves_nothing_of_the_old_one() -> None:
    account = account_of(
        changed(friends(), CODE),
        FROZEN,
        THAWED,
        started("W"),
        STOPPED,
        BackupVerified(NOW, REQUEST, thumbprint(1), digest("backup")),
        held(None),
        rotated("C", "D", "W", at=NOW + 2 * DAY),
    )
    assert (account.wallet, account.old_wallets, account.pinned_at) == (wallet(5), (wallet(1),), NOW + 2 * DAY)
    assert (account.code_keys, account.protection, account.freezes, account.stopped_at) == ((), None, (), 0)
    assert (account.guardians, account.backup_verified_at) == (friends(), 0)


def test_another_wallet_at_the_end_of_its_case_ends_every_quarrel() -> None:
    account = account_of(*let_in(), voice("A", "officer 1", 1), CONTESTED, rotating("A", "D"), rotated("A", "D"))
    assert (case_state(account), account.wallet, account.state) == (
        RecoveryState.COMPLETED,
        wallet(5),
        AccountState.OPEN,
    )
    assert (account.vouchers, state(account, 1), state(account, 2)) == ((), DeviceState.ACTIVE, DeviceState.ACTIVE)


@pytest.mark.parametrize(("first", "then"), [(("W",), "CDW"), (("G", "W"), "ACDW"), (("C", "W"), "CDW")])
def test_another_wallet_at_once_takes_the_place_of_a_weaker_case(first: tuple[str, ...], then: str) -> None:
    account = account_of(started(*first), rotated(*then, approval=OTHER))
    assert (case_state(account), state(account, 3), account.wallet) == (
        RecoveryState.PREEMPTED,
        DeviceState.DROPPED,
        wallet(5),
    )


def test_a_claim_that_completes_brings_its_wallet() -> None:
    done = DeviceActivated(NOW, REQUEST, thumbprint(3), CASE, (thumbprint(1),), NOW + DAY, new_wallet=wallet(5))
    account = account_of(changed(friends(), CODE), started("A", new_wallet=wallet(5)), done)
    assert (account.wallet, account.old_wallets, account.code_keys) == (wallet(5), (wallet(1),), ())


# --- cases beside removals ------------------------------------------------------------------------------------------


def test_a_phone_that_is_removed_while_it_asks_for_another_wallet_asks_no_longer() -> None:
    """And the wallet alone is not stopped for it: nobody objected to that."""
    for removal in (suspended(2, by=1), DeviceRevoked(NOW, REQUEST, thumbprint(2), by=thumbprint(2))):
        account = account_of(*let_in(), rotating("D", "W", by=2), removal)
        assert (case_state(account), account.stopped_at) == (RecoveryState.REJECTED, 0)


def test_a_claimant_that_was_removed_in_the_first_release_is_a_claim_that_was_stopped() -> None:
    """And the account is as that release has kept it: its record had no other field for it."""
    account = account_of(started("W"), DeviceRevoked(NOW + HOUR, REQUEST, thumbprint(3), by=thumbprint(1)))
    assert account.recovery is not None
    assert account.recovery.stopped_since(NOW)
    assert not account.recovery.stopped_since(NOW + HOUR)
    assert account.stopped_at == 0


def test_a_removed_phone_takes_its_wish_for_other_codes_with_it() -> None:
    account = account_of(*let_in(), held(None, OTHER_CODE, by=2), suspended(2, by=1))
    assert account.protection is None
    assert account_of(*let_in(), held(None, OTHER_CODE), suspended(2, by=1)).protection is not None


def test_a_claim_that_comes_back_stronger_keeps_its_phone() -> None:
    account = account_of(started("W"), started("G", "W", approval=OTHER, at=NOW + DAY))
    case = account.recovery
    assert case is not None
    assert (case.state, case.approval, case.evidence, case.opened_at) == (
        RecoveryState.OPEN,
        OTHER,
        ("G", "W"),
        NOW + DAY,
    )
    assert state(account, 3) is DeviceState.PENDING


def test_a_stronger_claim_takes_the_place_of_another_phones() -> None:
    account = account_of(started("W"), started("A", new=4, approval=OTHER))
    assert [state(account, number) for number in (3, 4)] == [DeviceState.DROPPED, DeviceState.PENDING]
    rotation = account_of(started("W"), rotating("A", "D"))
    assert (case_state(rotation), state(rotation, 3)) == (RecoveryState.OPEN, DeviceState.DROPPED)


def test_a_wait_for_another_wallet_that_nobody_completed_leaves_its_phone() -> None:
    account = account_of(rotating("D", "W"), RecoveryExpired(NOW + 10 * DAY, REQUEST, thumbprint(1)))
    assert (case_state(account), state(account, 1), account.wallet) == (
        RecoveryState.EXPIRED,
        DeviceState.ACTIVE,
        wallet(1),
    )


# --- who may help ---------------------------------------------------------------------------------------------------


def test_guardians_and_codes_that_count_move_the_epoch_and_those_that_wait_do_not() -> None:
    account = account_of(changed(friends(), CODE))
    assert (account.guardians, account.code_keys, account.epoch) == (friends(), code_keys(CODE), 2)
    waiting = evolve(account, held(None, OTHER_CODE))
    assert (waiting.guardians, waiting.code_keys, waiting.epoch) == (friends(), code_keys(CODE), 2)
    later = evolve(waiting, HELD_OVER)
    assert (later.guardians, later.code_keys, later.protection) == (None, code_keys(OTHER_CODE), None)
    kept = evolve(waiting, KEPT)
    assert (kept.guardians, kept.code_keys, kept.protection) == (friends(), code_keys(CODE), None)


def test_time_makes_other_guardians_count_at_its_instant() -> None:
    account = account_of(held(friends()))
    assert lapses(account, NOW + 3 * DAY - 1) == ()
    assert lapses(account, NOW + 3 * DAY) == (HELD_OVER,)


def test_who_speaks_twice_has_one_voice_and_lapsed_ones_are_dropped() -> None:
    account = account_of(voice("G", "friend"), voice("A", "friend"), voice("G", "friend", 4))
    assert account.spoken_for(thumbprint(3), "G", NOW) == set()
    assert account.spoken_for(thumbprint(4), "G", NOW) == {"friend"}
    assert account.spoken_for(thumbprint(3), "A", NOW) == {"friend"}
    assert account.spoken_for(thumbprint(3), "A", NOW + DAY) == set()
    later = evolve(account, voice("G", "another", at=NOW + DAY))
    assert [one.by for one in later.vouchers] == ["another"]


def test_a_backup_that_works_is_remembered() -> None:
    account = account_of(BackupVerified(NOW + HOUR, REQUEST, thumbprint(1), digest("backup")))
    assert (account.backup_verified_at, account.epoch) == (NOW + HOUR, 1)


# --- illegal orders -------------------------------------------------------------------------------------------------

ILLEGAL: dict[str, tuple[Event, ...]] = {
    "an objection by a stranger": (started("W"), msgspec.structs.replace(STOPPED, by=thumbprint(9))),
    "an objection by the claimant": (started("W"), msgspec.structs.replace(STOPPED, by=thumbprint(3))),
    "an objection to no case": (STOPPED,),
    "an objection to another case": (started("W", approval=OTHER), STOPPED),
    "an objection to a case that is over": (started("W"), STOPPED, STOPPED),
    "a delay by a stranger": (started("A"), msgspec.structs.replace(DELAYED, by=thumbprint(9))),
    "a delay of no case": (DELAYED,),
    "a second delay": (started("A"), DELAYED, DELAYED),
    "a quarrel by a stranger": (started("C", "W"), msgspec.structs.replace(QUARREL, by=thumbprint(9))),
    "a quarrel over nothing": (QUARREL,),
    "a case taken back by another phone": (started("W"), msgspec.structs.replace(WITHDRAWN, by=thumbprint(1))),
    "no case taken back": (WITHDRAWN,),
    "an objection of a phone that was not removed": (*let_in(), OBJECTED),
    "an objection of a stranger to a removal": (OBJECTED,),
    "an objection of a phone that is gone": (
        *let_in(),
        suspended(2, by=1),
        DeviceRevoked(NOW, REQUEST, thumbprint(2), by=thumbprint(1)),
        OBJECTED,
    ),
    "a freeze of a frozen account": (FROZEN, FROZEN),
    "a freeze of a contested account": (CONTESTED, FROZEN),
    "the end of no freeze": (THAWED,),
    "the end of another freeze": (FROZEN, msgspec.structs.replace(THAWED, request=LATER)),
    "the end of a freeze before its time": (FROZEN, msgspec.structs.replace(THAWED, at=NOW + DAY - 1)),
    "the end of a freeze twice": (FROZEN, THAWED, THAWED),
    "the end of a freeze that became a quarrel": (FROZEN, CONTESTED, THAWED),
    "an open account unfrozen": (UNFROZEN,),
    "a contested account unfrozen": (CONTESTED, UNFROZEN),
    "an account unfrozen by a stranger": (FROZEN, msgspec.structs.replace(UNFROZEN, by=thumbprint(9))),
    "guardians of a stranger": (changed(friends(), by=9),),
    "guardians of a waiting phone": (started("W"), changed(friends(), by=3)),
    "a wait for guardians of a stranger": (held(friends(), by=9),),
    "two waits for guardians": (held(friends()), held(None)),
    "guardians who did not wait": (HELD_OVER,),
    "guardians who did not wait long enough": (held(friends()), msgspec.structs.replace(HELD_OVER, at=NOW + DAY)),
    "guardians of another wait": (held(friends()), msgspec.structs.replace(HELD_OVER, request=LATER)),
    "an objection to no guardians": (KEPT,),
    "an objection to other guardians": (held(friends()), msgspec.structs.replace(KEPT, approval=CASE)),
    "an objection to guardians by a stranger": (held(friends()), msgspec.structs.replace(KEPT, by=thumbprint(9))),
    "a backup of a stranger": (BackupVerified(NOW, REQUEST, thumbprint(9), digest("backup")),),
    "a second claim that is not stronger": (started("W"), started("C", "W", new=4, approval=OTHER)),
    "a claim again with as much": (started("W"), started("W", approval=OTHER)),
    "a wait for another wallet beside a claim": (started("C", "W"), rotating("D", "W")),
    "a wait for another wallet of a stranger": (rotating("D", "W", by=9),),
    "another wallet on a stranger's phone": (rotated("C", "D", "W", by=9),),
    "another wallet beside the guardians of somebody else": (started("G", "W"), rotated("C", "D", "W", approval=OTHER)),
    "another wallet beside a claim with as much as it has": (started("W"), rotated("D", "W", approval=OTHER)),
    "the same wallet again": (rotated("C", "D", "W", to=1),),
    "the first wallet again": (rotated("C", "D", "W"), rotated("C", "D", "W", to=1)),
}


@pytest.mark.parametrize("events", ILLEGAL.values(), ids=ILLEGAL.keys())
def test_what_cannot_follow_is_a_bug_that_says_so(events: tuple[Event, ...]) -> None:
    before = account_of(*events[:-1])
    with pytest.raises(IllegalTransition):
        evolve(before, events[-1])
