"""Abuse cases of area "migration" with real phones and the real service between them; each name carries its id."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from phones import HOUR, PASSPHRASE, Hand, client, empty_hand, hand, let_in, linked, moved, through
from pteri.adapters.beacon import SimulatedBeacon
from pteri.core import wire
from pteri.core.base45 import from_base45
from pteri.core.errors import Code, ProtocolError
from pteri.core.ids import from_base64url, tenant_id, to_base64url
from pteri.core.transfer.offer import parse_offer
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.keystore import LIGHT, Keystore
from pteri.wallet.new_phone import NewPhone
from pteri.wallet.phone import Phone
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from pteri.wallet.server import PlainRequest, Reply, Request
from thieves import accepting, assert_denied
from world import MALLORY_WORDS, ORIGIN, SimEntropy, World


def carried(*hands: Hand) -> bytes:
    """Everything that the server has seen of these phones."""
    return b"\n".join(request.target_uri.encode() + request.body for held in hands for request in held.wire.sent)


def wire_card(held: Hand) -> str:
    """What the server was told of the offer."""
    [asked] = [request for request in held.wire.sent if request.target_uri.endswith("/migrations")]
    return msgspec.json.decode(asked.body, type=wire.StartMigration).card


def texts(hand_: Hand) -> list[bytes]:
    """Every message that this phone left in a mailbox."""
    puts = [request for request in hand_.wire.sent if isinstance(request, PlainRequest) and request.method == "PUT"]
    return [from_base64url(msgspec.json.decode(put.body, type=wire.PutMessage).message) for put in puts]


def test_mi_01_the_server_that_carries_a_whole_move_sees_neither_words_nor_offer(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    offer = new.new_phone().offer(ORIGIN, "bank")
    let_in(old, new, offer=offer)
    world.clock.advance(HOUR)
    old.phone().hand_over()
    assert new.new_phone().receive()
    new.phone().activate()
    seen = carried(old, new) + b"".join(texts(old) + texts(new)) + b"".join(world.stolen().values())
    assert b"abandon" not in seen
    assert offer.encode() not in seen
    secret = parse_offer(offer, expected_tenant=tenant_id("bank"), at=world.clock.now() - HOUR).secret.reveal()
    assert secret not in seen
    assert secret not in from_base45(wire_card(old).removeprefix("PTERI-CARD1:"))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_mi_01_a_relay_that_changes_a_message_stops_the_move_and_nothing_else(world: World, place: int) -> None:
    old, new = linked(world), empty_hand(world)

    def forge(request: Request) -> Reply | None:
        if not isinstance(request, PlainRequest) or request.method != "GET" or "/mailboxes/" not in request.target_uri:
            return None
        seen = msgspec.json.decode(through(world, request).body, type=wire.MailboxSeen)
        messages = list(seen.messages)
        if len(messages) > place:
            raw = from_base64url(messages[place])
            messages[place] = to_base64url(raw[:-1] + bytes((raw[-1] ^ 1,)))
        return Reply(200, msgspec.json.encode(msgspec.structs.replace(seen, messages=tuple(messages))))

    old.wire.forge = new.wire.forge = forge
    with pytest.raises(ProtocolError) as refused:
        let_in(old, new)
    assert refused.value.code is Code.SEALED
    assert [phone.state for phone in old.phone().devices().phones] == ["ACTIVE"]


def test_mi_02_who_photographs_the_code_and_is_faster_is_noticed_by_the_old_phone(world: World) -> None:
    old, new, thief = linked(world), empty_hand(world), linked_thief(world)
    offer = new.new_phone().offer(ORIGIN, "bank")
    assert thief.phone().approve_offer(offer, revoke_old=False).step == "greeted"
    with pytest.raises(UnsafeError) as refused:
        old.phone().approve_offer(offer, revoke_old=False)
    assert refused.value.code is SafetyCode.SOMEBODY_ELSE_FIRST
    moving = old.phone().move()
    assert moving is not None
    assert (moving.step, moving.code) == ("ended", None)
    # And the new phone tells who it thinks it is talking to only with a code that its owner cannot have.
    assert new.new_phone().answer()
    with pytest.raises(UnsafeError):
        new.new_phone().enter_code("000000")
    assert not new.new_phone().receive()


def linked_thief(world: World) -> Hand:
    """Mallory has a phone of his own account, of the same service."""
    held, site = hand(world, "thief's phone", MALLORY_WORDS), client(world)
    waiting = site.start_binding("mallory@example.com")
    site.enter_code(waiting.id, held.phone().enroll(waiting.qr).code, waiting.session)
    return held


def test_mi_04_without_a_beacon_the_new_phone_waits_an_hour_and_the_owner_is_told(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    moving = let_in(old, new)
    assert (moving.near, moving.until) == (False, world.clock.now() + HOUR)
    assert "MIGRATION_APPROVED" in {notice.kind for notice in old.phone().devices().notices}
    with pytest.raises(ProtocolError) as early:
        old.phone().hand_over()
    assert early.value.code is Code.NOT_YET_VALID
    old.phone().revoke(old.phone().find_phone(moving.new_phone))
    world.clock.advance(HOUR)
    assert old.phone().hand_over().step == "ended"
    assert not new.new_phone().receive()


def test_mi_05_an_offer_of_the_phone_nearby_with_somebody_elses_key_in_it_is_refused(world: World) -> None:
    held, air = linked(world), world.directory / "air"
    air.mkdir()
    nearby, attacker = empty_hand(world), empty_hand(world, "attacker")
    radio = NewPhone.open(
        Keystore(nearby.directory),
        PASSPHRASE,
        transport=nearby.wire,
        clock=nearby,
        entropy=SimEntropy("a new phone with a radio"),
        beacon=SimulatedBeacon(air),
        cost=LIGHT,
    )
    radio.offer(ORIGIN, "bank")
    # The same device key with a channel of the attacker's: what malware on the new phone would offer.
    attacker.directory.mkdir(mode=0o700)
    (attacker.directory / "device.json").write_bytes((nearby.directory / "device.json").read_bytes())
    mixed = attacker.new_phone().offer(ORIGIN, "bank")
    with pytest.raises(ProtocolError) as refused:
        hearing(held, air).approve_offer(mixed, revoke_old=True)
    assert refused.value.code is Code.BEACON
    assert held.phone().move() is None
    assert hearing(held, air).approve_offer(radio.offer(ORIGIN, "bank"), revoke_old=True).near


def hearing(held: Hand, air: Path) -> Phone:
    """The old phone, with a radio."""
    return Phone.open(
        Keystore(held.directory),
        PASSPHRASE,
        transport=held.wire,
        confirm=held.owner,
        clock=held,
        entropy=SimEntropy("a phone with a radio"),
        cost=LIGHT,
        beacon=SimulatedBeacon(air),
    )


@pytest.mark.parametrize("what", ["/migrations", "/response"])
def test_mi_09_an_answer_that_was_lost_is_the_same_when_it_is_asked_for_again(world: World, what: str) -> None:
    old, new = linked(world), empty_hand(world)
    offer = new.new_phone().offer(ORIGIN, "bank")
    old.phone().approve_offer(offer, revoke_old=True)
    new.new_phone().answer()
    new.new_phone().enter_code(old.phone().approve_offer(offer, revoke_old=True).spaced)
    left = 3

    def forge(request: Request) -> Reply | None:
        nonlocal left
        if not request.target_uri.endswith(what) or left == 0:
            return None
        left -= 1
        through(world, request)
        raise ServerError("UNREACHABLE", "lost")

    old.wire.forge = forge
    with pytest.raises(ServerError):
        old.phone().approve_offer(offer, revoke_old=True)
    assert old.phone().approve_offer(offer, revoke_old=True).step == "approved"
    answers = [request for request in old.wire.responses if request.target_uri.endswith("/response")]
    assert len({request.body for request in answers[-4:]}) <= 2
    events = [notice.kind for notice in old.phone().devices().notices]
    assert events.count("MIGRATION_APPROVED") == 1


def test_mi_10_the_old_phone_keeps_the_wallet_until_the_new_one_is_in(world: World) -> None:
    old, new = linked(world), empty_hand(world)

    def keeps() -> None:
        with pytest.raises(UnsafeError) as refused:
            old.phone().wipe_after_move()
        assert refused.value.code in {SafetyCode.MOVE_UNDER_WAY, SafetyCode.NO_MOVE}
        assert Keystore(old.directory).has_wallet()

    keeps()
    let_in(old, new, revoke_old=True)
    keeps()
    world.clock.advance(HOUR)
    old.phone().hand_over()
    keeps()
    new.new_phone().receive()
    keeps()
    new.phone().activate()
    keeps()
    assert old.phone().hand_over().step == "completed"
    old.phone().wipe_after_move()
    assert not Keystore(old.directory).has_wallet()


def test_mi_10_a_denial_alone_is_no_reason_to_wipe(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    moved(old, new, revoke_old=True)
    old.wire.forge = lambda request: Reply(401, b"{}") if request.target_uri.endswith("/devices") else None
    with pytest.raises(ServerError):
        old.phone().hand_over()
    with pytest.raises(UnsafeError):
        old.phone().wipe_after_move()


def test_mi_11_a_phone_that_was_not_approved_does_not_accept_in_the_place_of_one_that_was(world: World) -> None:
    old, new, thief = world.enrolled(), world.phone("new phone"), world.phone("thief's phone")
    stand = accepting(world, old, new)
    assert_denied(thief.start_activation())
    assert_denied(world.send(thief.response(stand.statement)))
    assert {phone.state for phone in old.devices().phones} == {"ACTIVE", "PENDING"}


def test_mi_12_a_phone_without_the_wallet_does_not_accept(world: World) -> None:
    old, new = world.enrolled(), world.phone("new phone")
    stand = accepting(world, old, new)
    other = world.phone("new phone", MALLORY_WORDS)
    assert_denied(world.send(other.response(stand.statement)))
    assert {phone.state for phone in old.devices().phones} == {"ACTIVE", "PENDING"}
    assert new.answer(stand.statement).decided.status == 200


@pytest.mark.parametrize("days", [1, 7])
def test_mi_16_yesterdays_offer_is_refused_and_its_mailbox_gone(world: World, days: int) -> None:
    old, new = linked(world), empty_hand(world)
    offer = new.new_phone().offer(ORIGIN, "bank")
    world.clock.advance(days * 24 * HOUR)
    with pytest.raises(ProtocolError) as refused:
        old.phone().approve_offer(offer, revoke_old=True)
    assert refused.value.code is Code.EXPIRED
    with pytest.raises(UnsafeError) as late:
        new.new_phone().answer()
    assert late.value.code is SafetyCode.OUT_OF_WINDOW


def test_mi_08_a_delivery_that_nobody_fetched_in_time_is_made_again_in_another_mailbox(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    let_in(old, new)
    world.clock.advance(HOUR)
    for _ in range(3):
        assert old.phone().hand_over().step == "delivered"
        world.clock.advance(600)
    assert not new.new_phone().receive()
    assert old.phone().hand_over().step == "delivered"
    assert new.new_phone().receive()
    assert new.phone().activate().decision == "permit"
    assert old.phone().hand_over().step == "completed"
    frames = [text for text in texts(old) if len(text) > 1000]
    assert len(set(frames)) == 1, "however often it is sent, it is one message"


def test_mi_15_the_owner_of_the_old_phone_is_asked_again_before_the_wallet_leaves(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    let_in(old, new)
    world.clock.advance(HOUR)
    asked = len(old.owner.shown)
    old.owner.refuses = "migrate"
    with pytest.raises(UnsafeError) as refused:
        old.phone().hand_over()
    assert refused.value.code is SafetyCode.DECLINED
    assert not new.new_phone().receive()
    old.owner.refuses = ""
    old.phone().hand_over()
    assert [review.hands_over for review in old.owner.shown[asked:]] == [True, True]


def test_a_second_move_does_not_push_aside_the_first(world: World) -> None:
    old, new, other = linked(world), empty_hand(world), empty_hand(world, "other phone")
    let_in(old, new)
    with pytest.raises(UnsafeError) as refused:
        old.phone().approve_offer(other.new_phone().offer(ORIGIN, "bank"), revoke_old=False)
    assert refused.value.code is SafetyCode.MOVE_UNDER_WAY
    old.phone().revoke(old.phone().find_phone(new.new_phone().name))
    let_in(old, other)


def test_a_new_phone_with_another_wallet_keeps_it_and_takes_none(world: World) -> None:
    old, new = linked(world), hand(world, "new phone", MALLORY_WORDS)
    let_in(old, new)
    world.clock.advance(HOUR)
    old.phone().hand_over()
    with pytest.raises(WalletError) as refused:
        new.new_phone().receive()
    assert refused.value.code is WalletCode.EXISTS
