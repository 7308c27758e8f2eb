from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import product
from typing import NamedTuple, TypeVar

import pytest

from pteri.domain.account import ACCOUNT_TABLE, AccountEvent, AccountState
from pteri.domain.challenge import CHALLENGE_TABLE, ChallengeEvent, ChallengeState
from pteri.domain.device import DEVICE_TABLE, DeviceEvent, DeviceState
from pteri.domain.line import LINE_TABLE, LineEvent, LineState
from pteri.domain.migration import MIGRATION_TABLE, OPEN_MIGRATIONS, MigrationEvent, MigrationState
from pteri.domain.recovery import RECOVERY_TABLE, RecoveryEvent, RecoveryState
from pteri.domain.tables import IllegalTransition, step

StateT = TypeVar("StateT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)


class Machine(NamedTuple):
    """A table with what people were told of it: where it starts, and where it never leaves again."""

    table: Mapping[tuple[StrEnum, StrEnum], StrEnum]
    states: type[StrEnum]
    events: type[StrEnum]
    start: StrEnum
    ends: frozenset[StrEnum]


def _plain(table: Mapping[tuple[StateT, EventT], StateT]) -> Mapping[tuple[StrEnum, StrEnum], StrEnum]:
    return {(state, event): after for (state, event), after in table.items()}


MACHINES: Mapping[str, Machine] = {
    "challenge": Machine(
        _plain(CHALLENGE_TABLE),
        ChallengeState,
        ChallengeEvent,
        ChallengeState.ISSUED,
        frozenset({ChallengeState.COMPLETED, ChallengeState.FAILED, ChallengeState.CANCELLED}),
    ),
    "device": Machine(
        _plain(DEVICE_TABLE),
        DeviceState,
        DeviceEvent,
        DeviceState.PENDING,
        frozenset({DeviceState.REVOKED, DeviceState.DROPPED}),
    ),
    "migration": Machine(
        _plain(MIGRATION_TABLE),
        MigrationState,
        MigrationEvent,
        MigrationState.OFFERED,
        frozenset({MigrationState.COMPLETED, MigrationState.EXPIRED, MigrationState.VETOED}),
    ),
    "recovery": Machine(
        _plain(RECOVERY_TABLE),
        RecoveryState,
        RecoveryEvent,
        RecoveryState.OPEN,
        frozenset(RecoveryState) - {RecoveryState.OPEN},
    ),
    "line": Machine(
        _plain(LINE_TABLE),
        LineState,
        LineEvent,
        LineState.BOUND,
        frozenset(),
    ),
    "account": Machine(
        _plain(ACCOUNT_TABLE),
        AccountState,
        AccountEvent,
        AccountState.OPEN,
        frozenset(),
    ),
}
every_machine = pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES.keys())


@every_machine
def test_every_pair_steps_as_its_table_says_or_is_a_bug_that_says_so(machine: Machine) -> None:
    for state, event in product(machine.states, machine.events):
        if (state, event) in machine.table:
            assert step(machine.table, state, event) is machine.table[state, event]
        else:
            with pytest.raises(IllegalTransition, match=f"^{state} does not take {event}$"):
                step(machine.table, state, event)


@every_machine
def test_ends_never_leave_and_every_other_state_does(machine: Machine) -> None:
    leaving = {state for (state, _), after in machine.table.items() if after is not state}
    assert leaving == set(machine.states) - machine.ends
    assert not {state for state, _ in machine.table} & machine.ends


@every_machine
def test_every_state_is_reached_and_every_event_is_of_use(machine: Machine) -> None:
    reached = {machine.start} | set(machine.table.values())
    assert reached == set(machine.states)
    assert {event for _, event in machine.table} == set(machine.events)


@pytest.mark.parametrize("name", sorted(MACHINES.keys() - {"account", "line"}))
def test_nothing_comes_back_to_where_it_started(name: str) -> None:
    machine = MACHINES[name]
    assert machine.start not in {after for (before, _), after in machine.table.items() if before is not after}


def test_an_account_comes_back_to_where_it_started_from_everywhere() -> None:
    """Whatever stops an account, something opens it again."""
    back = {before for (before, _), after in ACCOUNT_TABLE.items() if after is AccountState.OPEN}
    assert back == set(AccountState)


def test_a_contested_account_is_opened_by_a_case_and_by_nothing_else() -> None:
    leaving = {
        event for (before, event), after in ACCOUNT_TABLE.items() if AccountState.CONTESTED is before is not after
    }
    assert leaving == {AccountEvent.RESOLVE}


def test_a_case_waits_longer_without_another_state_and_ends_by_everything_else() -> None:
    staying = {event for (_, event), after in RECOVERY_TABLE.items() if after is RecoveryState.OPEN}
    assert staying == {RecoveryEvent.DELAY}


def test_a_phone_becomes_active_by_its_own_signatures_or_when_it_objects_to_its_removal() -> None:
    ways = {pair for pair, after in DEVICE_TABLE.items() if after is DeviceState.ACTIVE}
    assert ways == {(DeviceState.PENDING, DeviceEvent.ACTIVATE), (DeviceState.SUSPENDED, DeviceEvent.REINSTATE)}


def test_a_suspended_phone_can_only_be_revoked_or_come_back() -> None:
    after = {event: end for (state, event), end in DEVICE_TABLE.items() if state is DeviceState.SUSPENDED}
    assert after == {DeviceEvent.REVOKE: DeviceState.REVOKED, DeviceEvent.REINSTATE: DeviceState.ACTIVE}


def test_a_migration_is_open_in_exactly_the_states_it_can_complete_from() -> None:
    completing = {state for state, event in MIGRATION_TABLE if event is MigrationEvent.COMPLETE}
    assert completing == OPEN_MIGRATIONS


def test_only_a_verified_challenge_takes_wrong_codes() -> None:
    takes = {state for state, event in CHALLENGE_TABLE if event in {ChallengeEvent.MISTYPE, ChallengeEvent.FAIL}}
    assert takes == {ChallengeState.VERIFIED}


def test_nothing_but_wallet_and_phone_makes_a_suspect_line_better() -> None:
    """No answer of an operator and no passage of time, whoever sends it: after a swap the thief is who passes."""
    for worse in (LineState.SUSPECT, LineState.DETACHED):
        leaving = {event for (before, event), after in LINE_TABLE.items() if before is worse and after is not worse}
        assert leaving - {LineEvent.RECYCLE} == {LineEvent.REBIND}


def test_a_line_is_moved_by_being_seen_and_only_after_the_owner_said_so() -> None:
    ways = {pair for pair, after in LINE_TABLE.items() if after is LineState.MOVED is not pair[0]}
    assert ways == {(LineState.PROBATION, LineEvent.CONFIRM)}
    before = {event for (_, event), after in LINE_TABLE.items() if after is LineState.PROBATION}
    assert before == {LineEvent.EXPLAIN, LineEvent.REBIND}
