"""Every way to a verified phone and to another wallet: recovery is never weaker than signing in.

A sign-in needs the wallet and a verified phone. Whoever gets more than a sign-in shows at least as much, or waits in
sight of everybody who could object. When a new way appears, these tests fail until somebody has written down what it
needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple, get_args

import pytest

from ledger import DAY, HOUR, Ledger
from pteri.core.acts import ActivateDevice, BindWallet, RotateWallet, StatementAct, VetoChange
from pteri.domain.account import Account, AccountState
from pteri.domain.decisions import Permit
from pteri.domain.events import (
    AccountBound,
    DeviceActivated,
    Event,
    SuspensionObjected,
    WalletRotated,
)
from pteri.domain.evolving import evolve
from pteri.domain.rules import FLOORS
from quarrels import freeze_by_link
from stories import STORIES, Attempt, acts_on


class Way(NamedTuple):
    """An act and the event that it led to, and what the phone had been when it came: nothing is ``None``."""

    act: type[StatementAct]
    event: type[Event]
    was: str | None


TO_A_VERIFIED_PHONE: Final[dict[Way, str]] = {
    Way(BindWallet, AccountBound, None): "wallet and phone of its own, and the code in the Web2 session",
    Way(ActivateDevice, DeviceActivated, "PENDING"): "a migration or a claim that has waited; see below",
    Way(VetoChange, SuspensionObjected, "SUSPENDED"): "the wallet and the phone itself, which was verified a day ago",
}
TO_ANOTHER_WALLET: Final[dict[Way, str]] = {
    Way(ActivateDevice, DeviceActivated, "PENDING"): "a claim with more than the wallet that has waited",
    Way(ActivateDevice, WalletRotated, "ACTIVE"): "a verified phone with the wallet, or with others, that has waited",
    Way(RotateWallet, WalletRotated, "ACTIVE"): "wallet, verified phone and recovery code at once",
}
SIGN_IN: Final = frozenset("WD")
WAITED: Final = {
    frozenset("W"): 72 * HOUR,
    frozenset("WD"): 72 * HOUR,
    frozenset("WC"): 48 * HOUR,
    frozenset("WG"): 24 * HOUR,
    frozenset("CG"): 24 * HOUR,
    frozenset("A"): 72 * HOUR,
}
"""The least evidence of every case, and how long it was seen. All others show one of these and more."""


class Step(NamedTuple):
    """One recorded event, with the account before and after it, and what was submitted."""

    attempt: Attempt
    event: Event
    before: Account
    after: Account
    ledger: Ledger


@cache
def steps() -> tuple[Step, ...]:
    """What everything that anybody can do in any story leads to, now and when the wait is over."""
    return tuple(step for step in _steps() if step.before != step.after)


def _steps() -> Iterator[Step]:
    for story in STORIES.values():
        for wait in (0, 3 * DAY):
            begun = story().wait(wait)
            for attempt in acts_on(begun):
                ledger = begun.copy()
                account, recorded = ledger.now(), len(ledger.events)
                attempt.on(ledger)
                for event in ledger.events[recorded:]:
                    before, account = account, evolve(account, event)
                    yield Step(attempt, event, before, account, ledger)


def became_verified(step: Step) -> list[str | None]:
    """What each phone was that is verified now and was not before."""
    verified = {device.thumbprint for device in step.before.active_devices()}
    new = [device.thumbprint for device in step.after.active_devices() if device.thumbprint not in verified]
    known = [step.before.device(thumbprint) for thumbprint in new]
    return [None if device is None else str(device.state) for device in known]


def test_these_are_all_the_ways_to_a_verified_phone() -> None:
    found = {Way(type(step.attempt.act), type(step.event), was) for step in steps() for was in became_verified(step)}
    assert found | {Way(BindWallet, AccountBound, None)} == set(TO_A_VERIFIED_PHONE)


def test_these_are_all_the_ways_to_another_wallet() -> None:
    found = set()
    for step in steps():
        if step.before.wallet != step.after.wallet:
            device = step.before.known(step.attempt.act.device)
            found.add(Way(type(step.attempt.act), type(step.event), str(device.state)))
    assert found == set(TO_ANOTHER_WALLET)


def test_every_purpose_and_every_event_was_looked_at() -> None:
    """What grants nothing, and what time or a code typed elsewhere leads to, is no way in."""
    assert {type(attempt.act) for attempt in acts_on(STORIES["guarded"]())} == set(get_args(StatementAct))
    silent = {"AccountBound", "SignedIn", "SignInApproved", "SignInLapsed", "CodesSetUp", "MigrationConfirmed"}
    silent |= {"SignedInOffline"}  # a code that opens a session, and no statement
    # Nobody signs it, and all that it does is to stop the account: see the test below.
    silent |= {"FrozenByLink"}
    # Nobody signs what an operator says, nor what time does to a line: tests/property/test_line_evidence.py.
    silent |= {"LineObserved", "LineAged", "ChipAnswered", "ChipTold"}
    told = {step.event.name for step in steps()}
    assert told | silent == {event.__name__ for event in get_args(Event)}


def test_the_link_in_a_mail_is_no_way_in() -> None:
    """In every story it makes an open account a frozen one, and nobody may do more than before."""
    for story in STORIES.values():
        for wait in (0, 3 * DAY):
            ledger = story().wait(wait)
            before = ledger.settled()[0]
            if not isinstance(freeze_by_link(ledger), Permit):
                assert ledger.settled()[0] == before
                continue
            after = ledger.now()
            assert (before.state, after.state) == (AccountState.OPEN, AccountState.FROZEN)
            assert (after.wallet, after.guardians, after.code_keys) == (
                before.wallet,
                before.guardians,
                before.code_keys,
            )
            assert after.active_devices() == before.active_devices()
            assert (after.channels, after.channel_change, after.protection) == (before.channels, None, None)


def test_nobody_becomes_verified_but_by_the_phones_own_statement() -> None:
    """I7: whoever else signs, it is the phone that becomes verified whose key signed the last word."""
    for step in steps():
        verified = {device.thumbprint for device in step.before.active_devices()}
        new = {device.thumbprint for device in step.after.active_devices()} - verified
        assert new <= {step.attempt.act.device}


def test_a_phone_is_let_in_by_a_verified_one_with_the_wallet_after_an_hour_or_by_a_case() -> None:
    seen = set()
    for step in steps():
        if not isinstance(step.event, DeviceActivated):
            continue
        case, migration = step.before.recovery, step.before.migration
        if case is not None and case.approval == step.event.approval:
            weighed(frozenset(case.evidence), step.event.at - case.opened_at)
            seen.add("a case")
            continue
        assert migration is not None
        assert migration.approval == step.event.approval
        # Who approved it signed as for a sign-in, with more behind it: the code on both screens and an hour in sight.
        approved = step.before.known(migration.old_device)
        assert approved.state == "ACTIVE"
        assert migration.confirmed
        assert step.event.at >= step.before.known(step.event.device).created_at + HOUR
        seen.add("a migration")
    assert seen == {"a case", "a migration"}


def test_another_wallet_needs_all_that_an_owner_has_or_more_than_a_sign_in_and_a_wait() -> None:
    at_once = 0
    for step in steps():
        if step.before.wallet == step.after.wallet:
            continue
        case = step.before.recovery
        if isinstance(step.attempt.act, RotateWallet):
            assert isinstance(step.event, WalletRotated)
            assert frozenset(step.event.evidence) >= frozenset("WDC")
            at_once += 1
            continue
        assert case is not None
        weighed(frozenset(case.evidence), step.event.at - case.opened_at)
        assert frozenset(case.evidence) != frozenset("W")
    assert at_once


def weighed(evidence: frozenset[str], waited_s: int) -> None:
    """At least one row of what is enough, for as long as it takes; and where it is less than a sign-in, in sight."""
    enough = [seconds for least, seconds in WAITED.items() if least <= evidence]
    assert enough, evidence
    assert waited_s >= min(enough)
    assert evidence >= SIGN_IN or waited_s >= 24 * HOUR


def test_no_setting_makes_a_wait_shorter_than_this() -> None:
    assert FLOORS["recovery_hold_s"] == WAITED[frozenset("W")] == WAITED[frozenset("WD")]
    assert FLOORS["recovery_hold_code_s"] == WAITED[frozenset("WC")]
    assert FLOORS["recovery_hold_guardians_s"] == WAITED[frozenset("WG")] == WAITED[frozenset("CG")]
    assert FLOORS["recovery_hold_proofed_s"] == WAITED[frozenset("A")]


@pytest.mark.parametrize("story", ["guarded", "two phones", "claimed with officers", "frozen", "another wallet"])
def test_a_sign_in_itself_needs_wallet_and_verified_phone(story: str) -> None:
    """What recovery is measured against."""
    ledger = STORIES[story]()
    account = ledger.settled()[0]
    for attempt in acts_on(ledger):
        if attempt.act.purpose != "authenticate":
            continue
        if isinstance(attempt.on(ledger.copy()), Permit):
            assert attempt.signer is None or attempt.signer.wallet == account.wallet
            assert attempt.act.device in {device.thumbprint for device in account.active_devices()}
