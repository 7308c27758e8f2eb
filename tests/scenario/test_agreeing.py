"""Two phones in a move compare what each was shown of the log: honest services, and silent ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from insiders import Insider, insider_of, logged, with_log
from notes import LOG, log_signer
from onlookers import desk_of, watched
from peers import nothing, remembered_of, signed_in, silent, tiles_withheld, wipe_refused
from phones import HOUR, Hand, empty_hand, let_in, linked, moved
from pteri.app.log_gate import wait_for_log
from pteri.core.log.rotation import rotation_leaf
from pteri.wallet.keystore import Keystore
from pteri.wallet.refusals import SafetyCode, ServerError
from pteri.wallet.server import Reply, Request
from world import ORIGIN, World
from worlds import Worlds

_NEXT = log_signer("the next key")


@pytest.fixture
def world(worlds: Worlds) -> World:
    """A service with a log, and no account."""
    return with_log(worlds)


@pytest.fixture
def old(world: World) -> Hand:
    held = linked(world)
    logged(world)
    return held


@pytest.fixture
def new(world: World) -> Hand:
    return empty_hand(world)


@pytest.mark.parametrize("revoke_old", [True, False])
def test_both_are_shown_one_log_and_the_old_phone_wipes_when_it_has_seen_the_new_one_in_it(
    old: Hand, new: Hand, revoke_old: bool
) -> None:
    assert let_in(old, new, revoke_old=revoke_old).compared == "same"
    old.world.clock.advance(HOUR)
    assert old.phone().hand_over().compared == "same"
    assert new.new_phone().receive()
    # What the old phone knows of the log is what the new one begins with: the service is not asked whom to believe.
    assert remembered_of(new) == (LOG.verifier.text, 0)
    new.phone().activate()
    assert remembered_of(new)[1] > 2
    moving = old.phone().hand_over()
    assert (moving.step, moving.compared) == ("completed", "same")
    old.phone().wipe_after_move()
    assert not Keystore(old.directory).has_wallet()
    assert not list(old.directory.glob("evidence*")) + list(new.directory.glob("evidence*"))
    looked = new.phone().audit_log()
    assert (looked.alarm, looked.news) == (None, ())


def test_a_service_without_a_log_is_asked_for_none_by_the_old_phone(worlds: Worlds) -> None:
    plain = worlds()
    held, newcomer = linked(plain), empty_hand(plain)
    assert let_in(held, newcomer, revoke_old=True).compared == "nothing"
    plain.clock.advance(HOUR)
    held.phone().hand_over()
    newcomer.new_phone().receive()
    newcomer.phone().activate()
    moving = held.phone().hand_over()
    assert (moving.step, moving.compared) == ("completed", "nothing")
    assert not {"log", "checkpoint"} & set(held.wire.places)
    assert newcomer.wire.places.count("checkpoint") == 1
    held.phone().wipe_after_move()
    assert not Keystore(held.directory).has_wallet()


@pytest.mark.parametrize("hides", [silent, tiles_withheld])
def test_a_service_that_shows_nobody_its_log_holds_up_no_move_and_nothing_is_wiped(
    old: Hand, new: Hand, hides: Callable[[Request], Reply | None]
) -> None:
    assert old.phone().audit_log().alarm is None
    new.wire.forge = hides
    offer = new.new_phone().offer(ORIGIN, "bank")
    old.phone().approve_offer(offer, revoke_old=True)
    assert new.new_phone().answer()
    signed_in(old)
    old.wire.forge = hides
    moving = old.phone().approve_offer(offer, revoke_old=True)
    assert (moving.step, moving.compared) == ("matched", "unknown")
    new.new_phone().enter_code(moving.spaced)
    assert old.phone().approve_offer(offer, revoke_old=True).compared == "unknown"
    old.world.clock.advance(HOUR)
    assert old.phone().hand_over().compared == "unknown"
    assert new.new_phone().receive()
    new.phone().activate()
    moving = old.phone().hand_over()
    assert (moving.step, moving.compared) == ("completed", "unknown")
    assert wipe_refused(old) == SafetyCode.NOT_COMPARED
    # Days later it shows it again: what the new phone said is remembered.
    old.world.clock.advance(72 * HOUR)
    old.wire.forge = nothing
    old.phone().wipe_after_move()
    assert not Keystore(old.directory).has_wallet()


def test_a_phone_that_never_looked_begins_to_when_the_new_one_tells_of_a_log(old: Hand, new: Hand) -> None:
    assert not (old.directory / "log.json").exists() or old.phone().log_key == ""
    assert let_in(old, new).compared == "same"
    assert old.phone().log_key == LOG.verifier.text


def test_a_new_phone_that_heard_nothing_of_the_log_once_it_is_in_looks_again(old: Hand, new: Hand) -> None:
    moved(old, new, revoke_old=True)
    new.wire.forge = lambda request: Reply(503, b"") if request.target_uri.endswith("/bank/log") else None
    new.phone().activate()
    with pytest.raises(ServerError):
        old.phone().hand_over()
    new.wire.forge = nothing
    new.phone().activate()
    assert old.phone().hand_over().compared == "same"


def test_what_the_new_phone_said_too_late_for_the_old_one_leaves_it_with_its_wallet(old: Hand, new: Hand) -> None:
    moved(old, new)
    new.phone().activate()
    old.world.clock.advance(HOUR)  # the mailbox is over
    moving = old.phone().hand_over()
    assert (moving.step, moving.compared) == ("completed", "unknown")
    assert wipe_refused(old) == SafetyCode.NOT_COMPARED


def test_a_service_that_answers_before_its_log_has_the_entry_is_asked_again_before_the_old_phone_is_told(
    worlds: Worlds,
) -> None:
    world = with_log(worlds, lambda now: watched(now, answers_wait=False))
    held, newcomer = linked(world), empty_hand(world)
    _in_time(world)
    moved(held, newcomer, revoke_old=True)
    _in_time(world)
    newcomer.phone().activate()
    # What it said now would have no entry, and it is never said in other words.
    with pytest.raises(ServerError):
        held.phone().hand_over()
    _in_time(world)
    newcomer.phone().activate()
    moving = held.phone().hand_over()
    assert (moving.step, moving.compared) == ("completed", "same")
    held.phone().wipe_after_move()
    assert not Keystore(held.directory).has_wallet()


def test_a_log_that_hands_over_to_a_new_key_while_the_phones_talk_is_still_one_log(old: Hand, new: Hand) -> None:
    assert old.phone().audit_log().alarm is None
    offer = new.new_phone().offer(ORIGIN, "bank")
    old.phone().approve_offer(offer, revoke_old=False)
    assert new.new_phone().answer()
    # What the new phone was shown is signed by the key before, and the old one has followed to the next.
    old.wire.forge = _handed_over(old).show
    moving = old.phone().approve_offer(offer, revoke_old=False)
    assert (moving.step, moving.compared) == ("matched", "same")
    assert old.phone().log_key == _NEXT.verifier.text


def test_a_log_that_hands_over_before_the_new_phone_is_in_is_followed_at_the_end(old: Hand, new: Hand) -> None:
    moved(old, new)
    # The service answers after its log has the entry; both are shown it under the next key.
    new.wire.forge = lambda request: _handed_over(old).show(request)
    new.phone().activate()
    assert new.phone().log_key == _NEXT.verifier.text
    old.wire.forge = _handed_over(old).show
    moving = old.phone().hand_over()
    assert (moving.step, moving.compared) == ("completed", "same")
    assert old.phone().log_key == _NEXT.verifier.text


def _handed_over(held: Hand) -> Insider:
    """The log of this phone's service, which has a new key now."""
    real = insider_of(held)
    moved = rotation_leaf(LOG, _NEXT, place=len(real.leaves))
    return replace(real, leaves=(*real.leaves, moved), signer=_NEXT, handovers=(moved,))


def _in_time(world: World) -> None:
    """The log has by now what was answered before."""
    world.run(wait_for_log(replace(world.deployment, log=replace(desk_of(world), answers_wait=True))))
