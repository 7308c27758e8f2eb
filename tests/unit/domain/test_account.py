from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from builders import NOW, bound, digest, request_id, sec1_text, thumbprint
from ledger import DAY, HOUR, MINUTE, Ledger
from pteri.domain import evolving
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Reason
from pteri.domain.device import Device, DeviceState, Suspension
from pteri.domain.events import (
    AccountBound,
    AccountContested,
    AccountFrozen,
    AccountUnfrozen,
    ActHeld,
    ActRefused,
    CodesSetUp,
    DeviceActivated,
    DeviceRevoked,
    DeviceSuspended,
    Event,
    FreezeEnded,
    FrozenByLink,
    LineRebound,
    MigrationApproved,
    MigrationConfirmed,
    MigrationExpired,
    OfflineCodesPrepared,
    ProtectionChanged,
    ProtectionTookEffect,
    RecoveryContested,
    RecoveryExpired,
    RecoveryStarted,
    SignedIn,
    SignedInOffline,
    SignInApproved,
    SignInLapsed,
    SuspensionEnded,
    SuspensionObjected,
    WalletRotated,
)
from pteri.domain.evolving import AUTHORITY_CHANGES, evolve, fold, lapses
from pteri.domain.migration import MigrationState
from pteri.domain.recovery import RecoveryState
from pteri.domain.tables import IllegalTransition
from stories import STORIES, acts_on, grown

REQUEST = request_id(99)
AUTHORITY = (
    DeviceActivated,
    DeviceSuspended,
    DeviceRevoked,
    WalletRotated,
    ProtectionChanged,
    AccountFrozen,
    AccountUnfrozen,
    AccountContested,
    RecoveryContested,
    SuspensionObjected,
    FrozenByLink,
    LineRebound,
)


def phone(account: Account, number: int) -> Device:
    found = account.device(thumbprint(number))
    assert found is not None
    return found


def state(account: Account, number: int) -> DeviceState:
    return phone(account, number).state


def approved(by: int, new: int, at: int = NOW, *, hold_s: int = HOUR) -> MigrationApproved:
    return MigrationApproved(
        at,
        REQUEST,
        by=thumbprint(by),
        new_device=thumbprint(new),
        new_key=sec1_text(new),
        approval=digest(f"approval {new}"),
        revoke_old=False,
        held_until=at + hold_s,
        expires_at=at + 10 * MINUTE,
    )


def started(new: int, at: int = NOW) -> RecoveryStarted:
    return RecoveryStarted(
        at,
        REQUEST,
        new_device=thumbprint(new),
        new_key=sec1_text(new),
        approval=digest(f"approval {new}"),
        evidence=("W",),
        held_until=at + 3 * DAY,
        expires_at=at + 10 * DAY,
    )


def activated(new: int, *gone: int, at: int = NOW) -> DeviceActivated:
    return DeviceActivated(
        at,
        REQUEST,
        thumbprint(new),
        approval=digest(f"approval {new}"),
        revoked=tuple(thumbprint(number) for number in gone),
        probation_until=at + 3 * DAY,
    )


def account_of(*events: Event) -> Account:
    account = fold((bound(), *events))
    assert account is not None
    return account


def confirmed(new: int) -> MigrationConfirmed:
    return MigrationConfirmed(NOW, REQUEST, thumbprint(new), expires_at=NOW + DAY)


def expired(new: int) -> MigrationExpired:
    return MigrationExpired(NOW, REQUEST, thumbprint(new))


def revoked(number: int, by: int, at: int = NOW) -> DeviceRevoked:
    return DeviceRevoked(at, REQUEST, thumbprint(number), by=thumbprint(by))


def suspended(number: int, by: int, at: int = NOW) -> DeviceSuspended:
    return DeviceSuspended(at, REQUEST, thumbprint(number), by=thumbprint(by), revoke_at=at + DAY)


# --- one event at a time --------------------------------------------------------------------------------------------


def test_an_account_begins_with_its_first_phone_verified_in_epoch_1() -> None:
    event = bound()
    account = evolve(None, event)
    assert (account.state, account.version, account.epoch, account.bound_at) == (AccountState.OPEN, 1, 1, event.at)
    assert (account.id, account.tenant, account.login) == (event.account, event.tenant, event.login)
    assert (account.wallet, account.esim, account.recovery_terms) == (event.wallet, event.esim, event.recovery)
    assert account.devices == (
        Device(event.device, event.device_key, DeviceState.ACTIVE, created_at=event.at, last_seen_at=event.at),
    )
    assert (account.migration, account.recovery) == (None, None)


@pytest.mark.parametrize("kind", [SignedIn, SignInApproved])
def test_a_sign_in_only_says_when_the_phone_was_seen(kind: type[SignedIn | SignInApproved]) -> None:
    before = account_of()
    after = evolve(before, kind(NOW + 60, REQUEST, thumbprint(1)))
    assert phone(after, 1) == msgspec.structs.replace(phone(before, 1), last_seen_at=NOW + 60)
    assert after == msgspec.structs.replace(before, version=2, devices=after.devices)


@pytest.mark.parametrize("number", [1, 2, 9])
def test_an_approved_sign_in_whose_code_never_came_changes_nothing_whatever_became_of_its_phone(number: int) -> None:
    """It is recorded a day later: the phone may be gone by then."""
    before = account_of(approved(1, 2), activated(2, 1))
    after = evolve(before, SignInLapsed(NOW + DAY, REQUEST, thumbprint(number)))
    assert after == msgspec.structs.replace(before, version=before.version + 1)


@pytest.mark.parametrize(("hold_s", "begins"), [(HOUR, MigrationState.HELD), (0, MigrationState.APPROVED)])
def test_an_approved_migration_makes_the_new_phone_wait(hold_s: int, begins: MigrationState) -> None:
    account = account_of(approved(1, 2, hold_s=hold_s))
    assert account.migration is not None
    assert (account.migration.state, account.migration.confirmed) == (begins, False)
    assert (account.migration.old_device, account.migration.new_device) == (thumbprint(1), thumbprint(2))
    assert account.migration.expires_at == NOW + 10 * MINUTE
    assert (phone(account, 2).state, phone(account, 2).key) == (DeviceState.PENDING, sec1_text(2))
    assert account.epoch == 1


def test_a_confirmed_migration_has_time_to_be_accepted() -> None:
    account = account_of(approved(1, 2), confirmed(2))
    assert account.migration is not None
    assert (account.migration.confirmed, account.migration.expires_at) == (True, NOW + DAY)
    assert (account.migration.state, state(account, 2)) == (MigrationState.HELD, DeviceState.PENDING)


def test_an_expired_migration_drops_the_new_phone() -> None:
    account = account_of(approved(1, 2), expired(2))
    assert account.migration is not None
    assert (account.migration.state, state(account, 2)) == (MigrationState.EXPIRED, DeviceState.DROPPED)
    assert account.epoch == 1


def test_a_started_recovery_makes_the_new_phone_wait() -> None:
    account = account_of(started(3))
    assert account.recovery is not None
    assert (account.recovery.state, account.recovery.opened_at) == (RecoveryState.OPEN, NOW)
    assert (state(account, 3), account.epoch) == (DeviceState.PENDING, 1)


def test_an_expired_recovery_drops_the_new_phone() -> None:
    account = account_of(started(3), RecoveryExpired(NOW + DAY, REQUEST, thumbprint(3)))
    assert account.recovery is not None
    assert (account.recovery.state, account.recovery.ended_at) == (RecoveryState.EXPIRED, NOW + DAY)
    assert (state(account, 3), account.epoch) == (DeviceState.DROPPED, 1)


def test_a_phone_activated_by_a_migration_is_verified_and_on_probation() -> None:
    account = account_of(approved(1, 2), confirmed(2), activated(2, 1, at=NOW + HOUR))
    assert account.migration is not None
    assert account.migration.state is MigrationState.COMPLETED
    assert [state(account, number) for number in (1, 2)] == [DeviceState.REVOKED, DeviceState.ACTIVE]
    assert (phone(account, 2).probation_until, phone(account, 2).last_seen_at) == (NOW + HOUR + 3 * DAY, NOW + HOUR)
    assert account.epoch == 2


def test_a_phone_activated_by_a_recovery_ends_what_the_others_had_begun() -> None:
    account = account_of(started(3), approved(1, 2), activated(3, 1, 2, at=NOW + DAY))
    assert account.recovery is not None
    assert account.migration is not None
    assert (account.recovery.state, account.recovery.ended_at) == (RecoveryState.COMPLETED, NOW + DAY)
    assert account.migration.state is MigrationState.VETOED
    gone = DeviceState.REVOKED
    assert [state(account, number) for number in (1, 2, 3)] == [gone, gone, DeviceState.ACTIVE]


def test_a_suspended_phone_is_there_until_its_time_has_come() -> None:
    account = account_of(approved(1, 2), activated(2), suspended(1, by=2))
    assert (state(account, 1), account.epoch) == (DeviceState.SUSPENDED, 3)
    assert phone(account, 1).suspension == Suspension(REQUEST, NOW + DAY)
    ended = evolve(account, SuspensionEnded(NOW + DAY, REQUEST, thumbprint(1)))
    assert (state(ended, 1), phone(ended, 1).suspension, ended.epoch) == (DeviceState.REVOKED, None, 3)


def test_a_suspended_phone_may_be_revoked_sooner() -> None:
    account = account_of(approved(1, 2), activated(2), suspended(1, by=2), revoked(1, by=2))
    assert (state(account, 1), phone(account, 1).suspension, account.epoch) == (DeviceState.REVOKED, None, 4)


def test_removing_a_waiting_phone_stops_what_it_waits_for() -> None:
    migrating = account_of(approved(1, 2), revoked(2, by=1))
    recovering = account_of(started(3), revoked(3, by=1, at=NOW + HOUR))
    assert migrating.migration is not None
    assert recovering.recovery is not None
    assert migrating.migration.state is MigrationState.VETOED
    assert (recovering.recovery.state, recovering.recovery.ended_at) == (RecoveryState.REJECTED, NOW + HOUR)
    assert (state(migrating, 2), state(recovering, 3)) == (DeviceState.REVOKED, DeviceState.REVOKED)


@pytest.mark.parametrize("removal", [suspended(2, by=1), revoked(2, by=2)])
def test_removing_the_phone_that_approved_a_migration_ends_it_too(removal: Event) -> None:
    account = account_of(approved(1, 2), activated(2), approved(2, 3), confirmed(3), removal)
    assert account.migration is not None
    assert (account.migration.state, state(account, 3)) == (MigrationState.VETOED, DeviceState.DROPPED)
    assert account.epoch == 3


def test_removing_a_bystander_ends_nothing() -> None:
    account = account_of(approved(1, 2), activated(2), started(3), approved(1, 4), suspended(2, by=1))
    assert account.migration is not None
    assert account.recovery is not None
    assert (account.migration.state, account.recovery.state) == (MigrationState.HELD, RecoveryState.OPEN)
    assert [state(account, number) for number in (3, 4)] == [DeviceState.PENDING, DeviceState.PENDING]


def test_removing_the_old_phone_of_a_migration_that_is_over_changes_nothing_of_it() -> None:
    account = account_of(approved(1, 2), activated(2), suspended(1, by=2))
    assert account.migration is not None
    assert (account.migration.state, state(account, 2)) == (MigrationState.COMPLETED, DeviceState.ACTIVE)


def test_removing_the_phone_of_a_recovery_that_is_over_rejects_nothing() -> None:
    account = account_of(started(3), activated(3, 1), approved(3, 4), activated(4), suspended(3, by=4))
    assert account.recovery is not None
    assert (account.recovery.state, account.recovery.ended_at) == (RecoveryState.COMPLETED, NOW)
    assert state(account, 3) is DeviceState.SUSPENDED


@pytest.mark.parametrize(
    "event",
    [
        CodesSetUp(NOW, REQUEST, thumbprint(9)),
        ActRefused(NOW, REQUEST, "revoke", thumbprint(9), Reason.LAST_DEVICE),
        ActHeld(NOW, REQUEST, "accept", thumbprint(9), Reason.RECOVERY_HOLD, NOW),
    ],
)
def test_what_grants_nothing_changes_nothing_but_the_count(event: Event) -> None:
    before = account_of()
    assert evolve(before, event) == msgspec.structs.replace(before, version=2)


# --- illegal orders -------------------------------------------------------------------------------------------------


ILLEGAL: dict[str, tuple[Event, ...]] = {
    "an account bound twice": (bound(),),
    "an account bound twice by another phone": (bound(2),),
    "a sign-in by a stranger": (SignedIn(NOW, REQUEST, thumbprint(9)),),
    "an approval of a sign-in by a stranger": (SignInApproved(NOW, REQUEST, thumbprint(9)),),
    "an offline code of a phone that has prepared none": (
        SignedInOffline(NOW, REQUEST, thumbprint(1), slot=0, element="A" * 26, rules=digest("rules")),
    ),
    "an offline code twice": (
        OfflineCodesPrepared(NOW, REQUEST, thumbprint(1), digest("end"), start=NOW, step=30, length=2880),
        SignedInOffline(NOW, REQUEST, thumbprint(1), slot=7, element="A" * 26, rules=digest("rules")),
        SignedInOffline(NOW, REQUEST, thumbprint(1), slot=7, element="A" * 26, rules=digest("rules")),
    ),
    "a sign-in by a waiting phone": (approved(1, 2), SignedIn(NOW, REQUEST, thumbprint(2))),
    "a sign-in by a revoked phone": (
        approved(1, 2),
        activated(2, 1),
        SignedIn(NOW, REQUEST, thumbprint(1)),
    ),
    "a sign-in by a suspended phone": (
        approved(1, 2),
        activated(2),
        suspended(1, by=2),
        SignedIn(NOW, REQUEST, thumbprint(1)),
    ),
    "a second migration": (approved(1, 2), approved(1, 3)),
    "a migration by a stranger": (approved(9, 2),),
    "a migration by a waiting phone": (started(3), approved(3, 2)),
    "a migration to a phone that is there": (approved(1, 1),),
    "a migration to a phone that was dropped": (approved(1, 2), expired(2), approved(1, 2)),
    "a migration to a phone that was removed": (approved(1, 2), revoked(2, by=1), approved(1, 2)),
    "a code without a migration": (confirmed(2),),
    "a code of another migration": (approved(1, 2), confirmed(3)),
    "a code of a migration that expired": (approved(1, 2), expired(2), confirmed(2)),
    "a code of a migration that was stopped": (approved(1, 2), revoked(2, by=1), confirmed(2)),
    "a code of a migration that completed": (approved(1, 2), activated(2), confirmed(2)),
    "the end of no migration": (expired(2),),
    "the end of another migration": (approved(1, 2), expired(1)),
    "the end of a migration of a phone that waits for a recovery": (approved(1, 2), started(3), expired(3)),
    "the end of a migration twice": (approved(1, 2), expired(2), expired(2)),
    "the end of a migration that completed": (approved(1, 2), activated(2), expired(2)),
    "a second recovery": (started(3), started(4)),
    "a recovery by a phone that is there": (started(1),),
    "the end of no recovery": (RecoveryExpired(NOW, REQUEST, thumbprint(3)),),
    "the end of another recovery": (started(3), RecoveryExpired(NOW, REQUEST, thumbprint(1))),
    "the end of a recovery of a phone that waits for a migration": (
        approved(1, 2),
        started(3),
        RecoveryExpired(NOW, REQUEST, thumbprint(2)),
    ),
    "the end of a recovery that was stopped": (
        started(3),
        revoked(3, by=1),
        RecoveryExpired(NOW, REQUEST, thumbprint(3)),
    ),
    "a stranger activated": (activated(9),),
    "a verified phone activated": (activated(1),),
    "a phone activated twice": (approved(1, 2), activated(2), activated(2)),
    "a dropped phone activated": (approved(1, 2), expired(2), activated(2)),
    "a removed phone activated": (started(3), revoked(3, by=1), activated(3)),
    "a phone activated on another approval": (
        approved(1, 2),
        msgspec.structs.replace(activated(2), approval=digest("another")),
    ),
    "a claimant activated on another approval": (
        started(3),
        msgspec.structs.replace(activated(3), approval=digest("approval 2")),
    ),
    "a stranger removed by an activation": (approved(1, 2), activated(2, 9)),
    "a phone removed by its own activation": (approved(1, 2), activated(2, 2, 2)),
    "a stranger suspended": (suspended(9, by=1),),
    "a waiting phone suspended": (approved(1, 2), suspended(2, by=1)),
    "a phone suspended by a stranger": (suspended(1, by=9),),
    "a phone suspended by a waiting one": (approved(1, 2), suspended(1, by=2)),
    "a phone suspended twice": (approved(1, 2), activated(2), suspended(1, by=2), suspended(1, by=2)),
    "a stranger revoked": (revoked(9, by=1),),
    "a phone revoked by a stranger": (revoked(1, by=9),),
    "a phone revoked by a suspended one": (approved(1, 2), activated(2), suspended(1, by=2), revoked(2, by=1)),
    "a phone revoked twice": (approved(1, 2), revoked(2, by=1), revoked(2, by=1)),
    "the end of no suspension": (SuspensionEnded(NOW, REQUEST, thumbprint(9)),),
    "the end of a suspension twice": (
        approved(1, 2),
        activated(2),
        suspended(1, by=2),
        SuspensionEnded(NOW, REQUEST, thumbprint(1)),
        SuspensionEnded(NOW, REQUEST, thumbprint(1)),
    ),
}


@pytest.mark.parametrize("events", ILLEGAL.values(), ids=ILLEGAL.keys())
def test_what_cannot_follow_is_a_bug_that_says_so(events: tuple[Event, ...]) -> None:
    before = account_of(*events[:-1])
    with pytest.raises(IllegalTransition):
        evolve(before, events[-1])


def test_no_event_but_the_binding_is_the_first() -> None:
    told = {type(event): event for ledger in LEDGERS for event in ledger.events}
    told |= {
        SignedIn: SignedIn(NOW, REQUEST, thumbprint(1)),
        SignInApproved: SignInApproved(NOW, REQUEST, thumbprint(1)),
        SignInLapsed: SignInLapsed(NOW, REQUEST, thumbprint(1)),
        CodesSetUp: CodesSetUp(NOW, REQUEST, thumbprint(1)),
    }
    assert told.keys() == set(get_args(Event))
    for event in told.values():
        if not isinstance(event, AccountBound):
            with pytest.raises(IllegalTransition, match="the first event of an account binds it"):
                evolve(None, event)


def test_every_event_has_its_fold() -> None:
    """Or an event of a later version would stop the program at its first reader."""
    assert {AccountBound, *evolving._FOLDS} == set(get_args(Event))  # the table itself


# --- the fold -------------------------------------------------------------------------------------------------------


def everything_that_happens() -> list[Ledger]:
    """Each story, and each of them one act later."""
    ledgers = []
    for story in STORIES.values():
        begun = story()
        for attempt in acts_on(begun):
            ledger = begun.copy()
            attempt.on(ledger)
            ledgers.append(ledger)
    return ledgers


LEDGERS = everything_that_happens()


def test_the_stories_tell_of_every_event() -> None:
    told = {type(event) for ledger in LEDGERS for event in ledger.events}
    by_a_code = {SignedIn, SignInLapsed, CodesSetUp}
    assert told | by_a_code | {SignInApproved} == set(get_args(Event))  # which nothing makes any more


def test_nothing_folds_to_no_account() -> None:
    assert fold(()) is None


def test_the_account_is_the_fold_of_its_events_and_its_version_counts_them() -> None:
    for ledger in LEDGERS:
        assert fold(ledger.events) == ledger.now()
        assert ledger.now().version == len(ledger.events)


def test_the_epoch_moves_by_one_at_each_change_of_authority_and_never_else() -> None:
    for ledger in LEDGERS:
        changes = sum(isinstance(event, AUTHORITY) for event in ledger.events)
        assert ledger.now().epoch == 1 + changes
    assert set(AUTHORITY) == AUTHORITY_CHANGES


def test_whatever_changes_who_may_do_what_moves_the_epoch_unless_time_did_it() -> None:
    """A phone that enters waits, and one that goes with its wait had no authority."""
    by_time = {SuspensionEnded, FreezeEnded, ProtectionTookEffect}
    for ledger in LEDGERS:
        account: Account | None = None
        for event in ledger.events:
            before, account = account, evolve(account, event)
            if before is not None and type(event) not in AUTHORITY_CHANGES | by_time:
                assert authority_of(before) == authority_of(account)


def authority_of(account: Account) -> tuple[object, ...]:
    verified = [device.thumbprint for device in account.active_devices()]
    return verified, account.wallet, account.state, account.guardians, account.code_keys, account.esim


def test_a_phone_that_has_left_stays_in_the_account_as_its_tombstone() -> None:
    ends = {DeviceState.REVOKED, DeviceState.DROPPED}
    for ledger in LEDGERS:
        account: Account | None = None
        gone: set[str] = set()
        for event in ledger.events:
            account = evolve(account, event)
            assert gone <= {device.thumbprint for device in account.devices if device.state in ends}
            gone |= {device.thumbprint for device in account.devices if device.state in ends}


def test_evolve_changes_nothing_in_place() -> None:
    before = account_of(approved(1, 2))
    copy = msgspec.json.decode(msgspec.json.encode(before), type=Account)
    evolve(before, activated(2, 1))
    assert before == copy


# --- time alone -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("story", "until", "ended"),
    [
        ("migration waits for its code", 10 * MINUTE, MigrationExpired),
        ("migration inside its delay", 25 * HOUR, MigrationExpired),
        ("recovery inside its hold", 10 * DAY, RecoveryExpired),
        ("phone suspended", DAY, SuspensionEnded),
    ],
)
def test_time_ends_a_thing_at_its_instant_and_not_a_second_before(
    story: str, until: int, ended: type[MigrationExpired | RecoveryExpired | SuspensionEnded]
) -> None:
    ledger = STORIES[story]()
    account, begun = ledger.now(), ledger.at
    assert lapses(account, begun + until - 1) == ()
    [event] = lapses(account, begun + until)
    assert isinstance(event, ended)
    assert event.at == begun + until
    assert lapses(evolve(account, event), begun + until) == ()


def test_what_time_has_ended_names_the_request_that_began_it() -> None:
    ledger = grown()
    ledger.revoke(2, 1)
    ledger.approve(2, 3)
    ledger.recover(4)
    begun = [event.request for event in ledger.events[-3:]]
    ledger.wait(11 * DAY)
    ended = lapses(ledger.now(), ledger.at)
    assert [type(event) for event in ended] == [SuspensionEnded, MigrationExpired, RecoveryExpired]
    assert [event.request for event in ended] == begun


@pytest.mark.parametrize("story", STORIES)
def test_what_time_has_ended_is_recorded_once_whenever_that_is(story: str) -> None:
    for wait in (0, HOUR, DAY, 40 * DAY):
        ledger = STORIES[story]().wait(wait)
        settled, _ = ledger.settled()
        assert lapses(settled, ledger.at) == ()
        assert settled.epoch == ledger.now().epoch
        assert settled.active_devices() == ledger.now().active_devices()


def test_what_time_has_ended_takes_its_place_before_the_act_that_finds_it() -> None:
    ledger = STORIES["recovery was not accepted in time"]()
    before = ledger.now().version
    ledger.sign_in_with_code(1)
    assert [type(event) for event in ledger.events[before:]] == [RecoveryExpired, SignedIn]
    assert ledger.now().version == before + 2


# --- looking --------------------------------------------------------------------------------------------------------


def test_phones_are_known_by_four_words_and_found_by_their_thumbprint() -> None:
    account = grown().now()
    assert [len(device.name.split()) for device in account.devices] == [4, 4]
    assert len({device.name for device in account.devices}) == 2
    assert account.known(thumbprint(2)) is account.device(thumbprint(2))
    assert account.device(thumbprint(9)) is None
    with pytest.raises(IllegalTransition):
        account.known(thumbprint(9))


def test_a_phone_keeps_its_place_whatever_happens_to_it() -> None:
    ledger = grown()
    ledger.revoke(2, 1)
    ledger.sign_in_with_code(2)
    assert [device.thumbprint for device in ledger.now().devices] == [thumbprint(1), thumbprint(2)]
