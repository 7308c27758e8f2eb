"""Abuse case SV-10: a service with two faces, and an owner whose two phones compare them in a move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from insiders import Insider, insider_of, logged, with_log
from peers import alarmed, grown, nothing, proof_in, signed_in, silent, wipe_refused, with_another_first
from phones import HOUR, Hand, empty_hand, let_in, linked, moved
from pteri.core.log.following import SuspicionKind
from pteri.wallet.keystore import Keystore
from pteri.wallet.log_words import AlarmCode
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from world import ORIGIN, World
from worlds import Worlds


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


@pytest.mark.parametrize(
    ("face", "kind"),
    [
        (with_another_first, SuspicionKind.SPLIT_VIEW),
        (lambda real: replace(with_another_first(real), leaves=with_another_first(real).leaves[:-1]), None),
    ],
)
def test_sv_10_another_log_for_the_new_phone_is_seen_before_there_is_a_code(
    old: Hand, new: Hand, face: Callable[[Insider], Insider], kind: SuspicionKind | None
) -> None:
    assert old.phone().audit_log().alarm is None
    signed_in(old)
    new.wire.forge = face(insider_of(old)).show
    offer = new.new_phone().offer(ORIGIN, "bank")
    old.phone().approve_offer(offer, revoke_old=True)
    assert new.new_phone().answer()
    cried = alarmed(lambda: old.phone().approve_offer(offer, revoke_old=True))
    assert cried.evidence == str(old.directory / "evidence-1.json")
    assert "not emptied" in cried.message
    assert proof_in(old).kind is (kind or SuspicionKind.REWRITTEN)
    assert proof_in(old).kind.is_proof
    # It is over: no code, no statement, no second try with the same offer that goes on.
    moving = old.phone().move()
    assert moving is not None
    assert (moving.step, moving.code) == ("ended", None)
    assert wipe_refused(old) == SafetyCode.MOVE_UNDER_WAY
    assert [phone.state for phone in old.phone().devices().phones] == ["ACTIVE"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda real: replace(real, witnesses=1), AlarmCode.UNWITNESSED),
        (lambda real: replace(real, witnesses=0), AlarmCode.UNWITNESSED),
    ],
)
def test_sv_10_what_no_witness_has_seen_is_not_taken_for_the_log_of_the_new_phone(
    old: Hand, new: Hand, change: Callable[[Insider], Insider], code: AlarmCode
) -> None:
    assert old.phone().audit_log().alarm is None
    new.wire.forge = change(insider_of(old)).show
    alarmed(lambda: let_in(old, new), code)
    assert not list(old.directory.glob("evidence*"))


def test_sv_10_another_log_from_the_code_on_is_seen_by_the_new_phone_before_it_keeps_the_wallet(
    old: Hand, new: Hand
) -> None:
    let_in(old, new, revoke_old=True)
    old.world.clock.advance(HOUR)
    assert old.phone().hand_over().step == "delivered"
    new.wire.forge = with_another_first(insider_of(old)).show
    cried = alarmed(lambda: new.new_phone().receive())
    assert cried.evidence == str(new.directory / "evidence-1.json")
    assert proof_in(new).kind is SuspicionKind.SPLIT_VIEW
    assert not Keystore(new.directory).has_wallet()
    # Nor later, when the service shows again what it should.
    new.wire.forge = nothing
    with pytest.raises(UnsafeError) as over:
        new.new_phone().receive()
    assert over.value.code is SafetyCode.NO_MOVE
    assert wipe_refused(old) == SafetyCode.MOVE_UNDER_WAY


def test_sv_10_another_log_for_the_new_phone_once_it_is_in_is_an_alarm_and_the_old_one_keeps_its_wallet(
    old: Hand, new: Hand
) -> None:
    moved(old, new, revoke_old=True)
    lie = grown(with_another_first(insider_of(old)), 3)
    new.wire.forge = lie.answer
    cried = alarmed(lambda: new.phone().activate(), AlarmCode.LOG_CHANGED)
    assert cried.evidence is not None
    assert proof_in(new).kind is SuspicionKind.NOT_SHOWN
    with pytest.raises(ServerError):
        old.phone().hand_over()  # removed, and the new phone has not said why
    assert wipe_refused(old) == SafetyCode.MOVE_UNDER_WAY
    # When the service shows the real one again, the move ends as it should have.
    new.wire.forge = nothing
    new.phone().activate()
    assert old.phone().hand_over().compared == "same"
    old.phone().wipe_after_move()


def test_sv_10_another_log_for_the_old_phone_alone_keeps_it_from_wiping_itself(old: Hand, new: Hand) -> None:
    moved(old, new)
    real = insider_of(old)
    lie = grown(real, 5)
    old.wire.forge = lie.show
    assert old.phone().look_at_log().alarm is None  # it grew out of what this phone saw
    new.phone().activate()
    old.wire.forge = lambda request: None if request.target_uri.endswith("/devices") else lie.show(request)
    for _ in range(2):
        alarmed(lambda: old.phone().hand_over())
        alarmed(lambda: old.phone().wipe_after_move())
    assert proof_in(old).kind.is_proof
    assert not (old.directory / "evidence-2.json").exists()
    assert Keystore(old.directory).has_wallet()
    # A silent service does not make it forget.
    old.wire.forge = silent
    assert old.phone().hand_over().compared == "unknown"
    assert wipe_refused(old) == SafetyCode.NOT_COMPARED


def test_sv_10_what_could_not_be_compared_before_the_code_is_compared_before_the_wallet_leaves(
    old: Hand, new: Hand
) -> None:
    assert old.phone().audit_log().alarm is None
    lie = with_another_first(insider_of(old))
    signed_in(old)
    new.wire.forge = lie.show
    old.wire.forge = silent
    assert let_in(old, new).compared == "unknown"
    old.world.clock.advance(HOUR)
    old.wire.forge = nothing
    alarmed(lambda: old.phone().hand_over())
    assert proof_in(old).kind is SuspicionKind.REWRITTEN
    new.wire.forge = nothing
    assert not new.new_phone().receive()


def test_sv_10_an_alarm_about_the_log_itself_shows_no_code_either(old: Hand, new: Hand) -> None:
    assert old.phone().audit_log().alarm is None
    offer = new.new_phone().offer(ORIGIN, "bank")
    old.phone().approve_offer(offer, revoke_old=True)
    assert new.new_phone().answer()
    old.wire.forge = with_another_first(insider_of(old)).answer
    alarmed(lambda: old.phone().approve_offer(offer, revoke_old=True), AlarmCode.SPLIT_VIEW)
    # It clears up: within the time of the offer the same move goes on.
    old.wire.forge = nothing
    assert old.phone().approve_offer(offer, revoke_old=True).compared == "same"
