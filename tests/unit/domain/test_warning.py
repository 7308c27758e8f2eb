"""Where warnings go: whoever hears now goes on hearing for three days."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import quarrels
from builders import NOW, digest, request_id, thumbprint
from ledger import DAY, HOUR, Ledger, opened
from pteri.core.ids import Digest
from pteri.domain.account import Account
from pteri.domain.addresses import addresses_after, hears_until
from pteri.domain.decisions import Hold, Permit, Reason, Refuse
from pteri.domain.events import ChannelsChanged, ChannelsHeld, ChannelsStopped, ChannelsTookEffect, Event
from pteri.domain.evolving import evolve
from pteri.domain.tables import IllegalTransition
from quarrels import HOME, THIEFS, WORK, notify, veto, warned
from stories import guarded

YES = Permit(Reason.BOTH_KEYS)
REQUEST = request_id(99)


def held(ledger: Ledger) -> Hold:
    return Hold(Reason.CHANNELS_HOLD, ledger.at + 3 * DAY)


def hearing(ledger: Ledger) -> set[Digest]:
    return set(ledger.settled()[0].channels)


@pytest.mark.parametrize("story", [opened, guarded])
def test_the_first_addresses_and_more_of_them_count_at_once(story: Callable[[], Ledger]) -> None:
    ledger = story()
    assert notify(ledger, 1, HOME) == YES
    assert notify(ledger, 1, HOME, WORK) == YES
    assert notify(ledger, 1, HOME, WORK) == YES
    assert hearing(ledger) == {HOME, WORK}


@pytest.mark.parametrize("left", [(), (WORK,), (WORK, THIEFS)])
@pytest.mark.parametrize("letters", ["W", "WC"])
def test_an_address_that_is_left_out_hears_for_three_more_days(left: tuple[Digest, ...], letters: str) -> None:
    ledger = warned(guarded())
    assert notify(ledger, 1, *left, letters=letters) == held(ledger)
    assert hearing(ledger.wait(3 * DAY - 1)) == {HOME}
    assert hearing(ledger.wait(1)) == set(left)


def test_one_change_waits_at_a_time_and_any_phone_stops_it() -> None:
    ledger = warned(guarded())
    notify(ledger, 1, THIEFS)
    for more in ((HOME, WORK), (WORK,)):
        assert notify(ledger, 2, *more) == Refuse(Reason.CHANGE_WAITS)
    waiting = ledger.now().channel_change
    assert waiting is not None
    assert veto(ledger, 2, waiting.approval) == Permit(Reason.STOPPED)
    assert isinstance(ledger.events[-1], ChannelsStopped)
    assert hearing(ledger.wait(30 * DAY)) == {HOME}
    assert notify(ledger, 2, HOME, WORK) == YES


def test_only_an_old_enough_phone_with_the_accounts_wallet_changes_anything() -> None:
    ledger = warned(guarded())
    assert notify(ledger, 3, HOME, THIEFS) == Refuse(Reason.DEVICE_NOT_ACTIVE)
    assert notify(ledger, 1, HOME, THIEFS, letters="") == Refuse(Reason.WRONG_WALLET)
    assert notify(opened().migrated(1, 2), 2, HOME) == Refuse(Reason.DEVICE_ON_PROBATION)


@pytest.mark.parametrize(
    "end",
    [
        quarrels.freeze,
        lambda ledger: quarrels.freeze(ledger, 2, ""),
        lambda ledger: ledger.revoke(2, 1),
        lambda ledger: quarrels.rotate(ledger, 2, "WC"),
    ],
)
def test_a_change_that_waits_ends_with_what_ends_other_weak_things(end: Callable[[Ledger], object]) -> None:
    ledger = warned(guarded())
    notify(ledger, 1, THIEFS)
    end(ledger)
    assert ledger.now().channel_change is None
    assert hearing(ledger.wait(30 * DAY)) == {HOME}


def test_a_change_that_another_phone_asked_for_survives_the_removal_of_a_phone() -> None:
    ledger = warned(guarded())
    notify(ledger, 1, WORK)
    ledger.revoke(1, 2)
    assert hearing(ledger.wait(3 * DAY)) == {WORK}


def test_who_recovers_an_account_finds_its_addresses_and_no_change_that_waits() -> None:
    ledger = warned(guarded())
    quarrels.claim(ledger, 3, "W")
    ledger.wait(2 * DAY)
    notify(ledger, 1, THIEFS)
    ledger.wait(DAY)
    quarrels.complete(ledger)
    assert (ledger.now().channels, ledger.now().channel_change) == ((HOME,), None)


# --- what cannot follow ---------------------------------------------------------------------------------------------


def account_of(story: Callable[[], Ledger]) -> Account:
    return story().settled()[0]


def changed(*channels: Digest, by: int = 1) -> ChannelsChanged:
    return ChannelsChanged(NOW, REQUEST, thumbprint(by), digest("approval"), channels)


def waits(*channels: Digest, by: int = 1) -> ChannelsHeld:
    return ChannelsHeld(NOW, REQUEST, thumbprint(by), digest("approval"), channels, held_until=NOW + DAY)


WAITING = evolve(account_of(lambda: warned(guarded())), waits(WORK))


@pytest.mark.parametrize(
    ("account", "event"),
    [
        (account_of(lambda: warned(guarded())), changed(WORK)),
        (WAITING, changed(HOME, WORK)),
        (account_of(guarded), changed(HOME, by=3)),
        (WAITING, waits(THIEFS)),
        (account_of(guarded), waits(by=3)),
        (account_of(guarded), ChannelsTookEffect(NOW + DAY, REQUEST)),
        (WAITING, ChannelsTookEffect(NOW + DAY - 1, REQUEST)),
        (WAITING, ChannelsTookEffect(NOW + DAY, request_id(98))),
        (account_of(guarded), ChannelsStopped(NOW, REQUEST, thumbprint(1), digest("approval"))),
        (WAITING, ChannelsStopped(NOW, REQUEST, thumbprint(1), digest("another"))),
        (WAITING, ChannelsStopped(NOW, REQUEST, thumbprint(3), digest("approval"))),
    ],
)
def test_events_that_cannot_follow_are_refused(account: Account, event: Event) -> None:
    with pytest.raises(IllegalTransition):
        evolve(account, event)


# --- the addresses that are kept ------------------------------------------------------------------------------------


def ends(before: Account, after: Account, at: int, *, sealed: tuple[Digest, ...] = ()) -> dict[Digest, int | None]:
    return {
        address.channel: address.ends_at
        for address in addresses_after(before, after, dict.fromkeys(sealed, b"sealed"), at)
    }


def test_an_address_is_kept_from_its_beginning_to_its_end_and_changed_in_between_only() -> None:
    ledger = guarded()
    bare = ledger.now()
    notify(ledger, 1, HOME)
    home = ledger.now()
    assert ends(bare, home, ledger.at, sealed=(HOME,)) == {HOME: None}
    assert addresses_after(None, home, {HOME: b"sealed"}, ledger.at) == addresses_after(
        bare, home, {HOME: b"sealed"}, ledger.at
    )
    assert ends(home, home, ledger.at) == {}
    notify(ledger, 1, WORK)
    waiting, until = ledger.now(), ledger.at + 3 * DAY
    assert ends(home, waiting, ledger.at, sealed=(WORK,)) == {HOME: until, WORK: None}
    # Time does the rest: nothing is to be written when it comes.
    after = ledger.wait(3 * DAY).settled()[0]
    assert hears_until(waiting, ledger.at) == hears_until(after, ledger.at) == {WORK: None}
    assert ends(after, after, ledger.at) == {}


def test_an_address_that_was_to_go_stays_and_one_that_was_to_come_goes_when_somebody_objects() -> None:
    ledger = warned(guarded())
    notify(ledger, 1, HOME, WORK)
    notify(ledger, 1, HOME, THIEFS)
    waiting = ledger.now()
    assert waiting.channel_change is not None
    ledger.wait(HOUR)
    veto(ledger, 2, waiting.channel_change.approval)
    assert ends(waiting, ledger.now(), ledger.at) == {WORK: None, THIEFS: ledger.at}


def test_an_address_that_comes_again_is_kept_again() -> None:
    ledger = warned(guarded())
    before = ledger.now()
    notify(ledger, 1, HOME, WORK)
    assert ends(before, ledger.now(), ledger.at, sealed=(HOME, WORK)) == {HOME: None, WORK: None}
