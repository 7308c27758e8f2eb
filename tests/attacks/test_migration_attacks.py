"""Abuse cases of area "migration" against the conversation of two phones, and CR-09; each name carries its id.

The relay is the attacker's in all of them: it reads, drops, doubles, delays and changes whatever it likes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from pteri.core import hpke
from pteri.core.errors import Code, Malformed, NotAuthentic, ProtocolError
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.transfer import newcomer as new
from pteri.core.transfer.channel import Channel, Kind, enc_of
from pteri.core.transfer.elder import Agreed, Elder, Greeted, Matched, is_near
from pteri.core.transfer.newcomer import Answered, Newcomer, NewcomerKeys, Offered
from pteri.core.transfer.offer import Offer, make_offer, parse_card, parse_offer
from statements import ACCOUNT, NEW_PHONE
from transfers import (
    BANK,
    EXPIRES_AT,
    HELD_UNTIL,
    INDEX,
    SHOWN_AT,
    WORDS,
    agreed,
    approved,
    fixed,
    matched,
    new_phone,
    newcomer_keys,
    old_phone,
)

CODE = matched(old_phone(newcomer_keys().offer), new_phone())[0].code(at=SHOWN_AT)


def conversation(label: str = "first") -> dict[str, bytes]:
    """Every message of an honest one, as the relay has it."""
    newcomer = new_phone(label)
    elder = old_phone(newcomer.keys.offer)
    hello = elder.to_send()
    elder, newcomer = approved(elder, newcomer)
    ok, confirmed = newcomer.to_send()
    _, wallet = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)
    return {"HELLO": hello, "OK": ok, "CONFIRMED": confirmed, "WALLET": wallet}


def takes(elder: Elder, newcomer: Newcomer, frame: bytes) -> list[str]:
    """Whatever either phone would do with this message now, other than refuse it or find that it knows it."""
    steps: dict[str, Callable[[], bool]] = {
        "heard": lambda: newcomer.heard(frame, at=SHOWN_AT) != newcomer,
        "received": lambda: newcomer.received(frame, at=SHOWN_AT)[0] != newcomer,
        "heard_ok": lambda: elder.heard_ok(frame, at=SHOWN_AT) != elder,
        "heard_confirmed": lambda: elder.heard_confirmed(frame, at=SHOWN_AT) != elder,
    }
    changed = []
    for name, step in steps.items():
        try:
            if step():
                changed.append(name)
        except ProtocolError:
            pass
    return changed


# MI-01: relay and server operator


def test_mi_01_the_relay_reads_nothing_of_what_it_carries() -> None:
    carried = b"".join(conversation().values())
    keys = newcomer_keys()
    for secret in (
        WORDS.reveal(),
        b"abandon",
        ACCOUNT.encode(),
        keys.private.reveal(),
        keys.offer.secret.reveal(),
        b"bank.example",
    ):
        assert secret not in carried


def test_mi_01_what_the_relay_changes_is_refused_by_both() -> None:
    newcomer = new_phone()
    elder = old_phone(newcomer.keys.offer)
    for frame in conversation().values():
        for at in range(0, len(frame), 7):
            damaged = frame[:at] + bytes((frame[at] ^ 0x80,)) + frame[at + 1 :]
            assert takes(elder, newcomer, damaged) == []
    for stage in (matched, agreed):
        elder, newcomer = stage(old_phone(new_phone().keys.offer), new_phone())
        for frame in conversation().values():
            assert takes(elder, newcomer, frame[:-1] + bytes((frame[-1] ^ 1,))) == []


def test_mi_01_a_relay_that_is_also_the_server_knows_the_card_and_not_the_secret() -> None:
    keys = newcomer_keys()
    card = parse_card(keys.offer.card.encode(), expected_tenant=BANK, at=SHOWN_AT)
    guessed = Offer(card, Secret(card.secret_sha256))
    newcomer = new_phone()
    with pytest.raises(NotAuthentic) as refused:
        newcomer.heard(old_phone(guessed, "the server's key").to_send(), at=SHOWN_AT)
    assert refused.value.code is Code.SEALED


# MI-02: a shoulder surfer with the code and the network


def test_mi_02_who_photographed_the_code_and_answers_first_stops_it_and_gains_nothing() -> None:
    newcomer = new_phone()
    seen = parse_offer(newcomer.keys.offer.encode(), expected_tenant=BANK, at=SHOWN_AT)
    thief, owner = old_phone(seen, "the thief's key"), old_phone(seen)
    newcomer = newcomer.heard(thief.to_send(), at=SHOWN_AT)
    (ok,) = newcomer.to_send()
    # The owner's phone does not take the answer that was made for the thief, so it shows no code and sends nothing.
    with pytest.raises(NotAuthentic):
        owner.heard_ok(ok, at=SHOWN_AT)
    assert isinstance(owner.state, Greeted)
    with pytest.raises(NotAuthentic) as refused:
        owner.code(at=SHOWN_AT)
    assert refused.value.code is Code.ORDER
    # And the new phone, waiting for a code that nobody shows, is over in ten minutes.
    assert newcomer.is_over(at=EXPIRES_AT)


def opened_with(offer: Offer, private: Secret, ephemeral: Secret) -> set[str]:
    """Which messages of a recorded conversation these keys open, each from the side that it was sent to."""
    carried, found = conversation(), set()
    for name, frame in carried.items():
        kind = Kind[name]
        with suppress(ProtocolError):
            if kind.is_from_old:
                Channel.of_new(offer, private, enc_of(carried["HELLO"])).open(kind, frame)
            else:
                Channel.of_old(offer, ephemeral).open(kind, frame)
            found.add(name)
    return found


def test_mi_02_a_server_with_every_message_and_the_photographed_code_opens_none_of_them() -> None:
    keys = newcomer_keys()
    photographed = parse_offer(keys.offer.encode(), expected_tenant=BANK, at=SHOWN_AT)
    for label in ("the server's key", "another of its keys"):
        own = Secret(fixed(label))
        assert opened_with(photographed, own, own) == set()
    # It is the key that never leaves the new phone that it lacks, and nothing else.
    assert opened_with(photographed, keys.private, Secret(fixed("any"))) == {"HELLO", "WALLET"}


def test_mi_02_the_thief_cannot_answer_in_the_new_phones_place() -> None:
    keys = newcomer_keys()
    owner = old_phone(keys.offer)
    own = Secret(fixed("the thief's channel"))
    mixed = make_offer(
        DevicePrivateKey(Secret(fixed("the thief's phone"))),
        tenant=BANK,
        mailbox=keys.offer.card.mailbox,
        channel_key=hpke.public_of(own),
        secret=keys.offer.secret,
        expires_at=EXPIRES_AT,
    )
    channel = Channel.of_new(mixed, own, enc_of(owner.to_send()))
    frame = channel.seal(Kind.OK, fixed("thumbprint"))
    with pytest.raises(NotAuthentic) as refused:
        owner.heard_ok(frame, at=SHOWN_AT)
    assert refused.value.code is Code.SEALED


def test_mi_02_the_thiefs_own_wallet_is_not_taken_without_the_code() -> None:
    newcomer = new_phone()
    thief = old_phone(newcomer.keys.offer, "the thief's key")
    newcomer = newcomer.heard(thief.to_send(), at=SHOWN_AT)
    thief = thief.heard_ok(newcomer.to_send()[0], at=SHOWN_AT)
    frame = Channel.of_old(thief.keys.offer, thief.keys.ephemeral).seal(Kind.WALLET, bytes(1288))
    with pytest.raises(NotAuthentic) as refused:
        newcomer.received(frame, at=SHOWN_AT)
    assert refused.value.code is Code.ORDER


# MI-03: grinding for a code


def test_mi_03_a_key_whose_code_is_the_same_gains_nothing_for_no_code_is_shown() -> None:
    """With codes shortened to two digits the search takes a moment; the rule that stops it does not count digits."""
    offer = newcomer_keys().offer
    owner = old_phone(offer)
    wanted = Channel.of_old(offer, owner.keys.ephemeral).code()[-2:]
    tried = (old_phone(offer, f"key {number}") for number in itertools.count())
    thief = next(one for one in tried if Channel.of_old(offer, one.keys.ephemeral).code()[-2:] == wanted)
    newcomer = new_phone().heard(thief.to_send(), at=SHOWN_AT)
    with pytest.raises(NotAuthentic):
        owner.heard_ok(newcomer.to_send()[0], at=SHOWN_AT)
    with pytest.raises(NotAuthentic):
        owner.code(at=SHOWN_AT)


def test_mi_03_a_code_typed_for_another_offer_is_wrong_there() -> None:
    _, mine = matched(old_phone(newcomer_keys().offer), new_phone())
    other, _ = matched(old_phone(newcomer_keys("second").offer), new_phone("second"))
    after = mine.typed(other.code(at=SHOWN_AT), at=SHOWN_AT)
    assert isinstance(after.state, Answered)
    assert after.state.tries_left == new.CODE_TRIES - 1


# MI-04: a code on a web page or in a chat


def test_mi_04_no_link_is_an_offer() -> None:
    text = newcomer_keys().offer.encode()
    for link in (
        f"https://bank.example/add-phone#{text}",
        f"pteri://{text}",
        f"intent://{text}",
        text.lower(),
        text.replace("PTERI-MIG1:", "pteri-mig1://"),
        f"web+pteri:{text}",
    ):
        with pytest.raises(Malformed) as refused:
            parse_offer(link, expected_tenant=BANK, at=SHOWN_AT)
        assert refused.value.code is Code.OFFER


def test_mi_04_an_offer_from_afar_is_not_near_and_so_waits() -> None:
    assert is_near(newcomer_keys().offer.card, ()) is False


# MI-05: a real phone's device key with the attacker's channel key


def test_mi_05_a_beacon_stands_for_the_whole_offer_and_not_for_the_phone_alone() -> None:
    real = newcomer_keys().offer
    for changed in (
        {"channel_key": hpke.public_of(Secret(fixed("the attacker's channel")))},
        {"secret": Secret(fixed("the attacker's secret"))},
        {"mailbox": fixed("the attacker's mailbox", 16)},
        {"expires_at": EXPIRES_AT + 1},
    ):
        values = {
            "tenant": BANK,
            "mailbox": real.card.mailbox,
            "channel_key": real.card.channel_key,
            "secret": real.secret,
            "expires_at": EXPIRES_AT,
        }
        mixed = make_offer(NEW_PHONE, **(values | changed))  # type: ignore[arg-type]  # the values differ in type
        assert mixed.card.new_device == real.card.new_device
        with pytest.raises(NotAuthentic) as refused:
            is_near(mixed.card, {real.card.beacon})
        assert refused.value.code is Code.BEACON


# MI-08: the line is cut, on any line


@pytest.mark.parametrize("lost", list(itertools.product((False, True), repeat=4)), ids=str)
def test_mi_08_messages_that_are_lost_doubled_or_late_leave_it_done_or_undone(lost: tuple[bool, ...]) -> None:
    newcomer = new_phone()
    elder = old_phone(newcomer.keys.offer)
    everything = conversation()
    for (_, frame), is_lost in zip(everything.items(), lost, strict=True):
        for other in everything.values():
            if other is not frame:
                takes(elder, newcomer, other)
        if not is_lost:
            elder, newcomer = hear(elder, newcomer, frame)
            elder, newcomer = hear(elder, newcomer, frame)
    hello, ok, confirmed, wallet = lost
    assert isinstance(newcomer.state, new.Received) == (not (hello or ok or wallet))
    assert isinstance(elder.state, Agreed) == (not (ok or confirmed))
    assert not elder.may_wipe


def hear(elder: Elder, newcomer: Newcomer, frame: bytes) -> tuple[Elder, Newcomer]:
    """Both phones, restarted from what they wrote down, hear this; the owner does what the screens ask."""
    elder, newcomer = restarted(elder, newcomer)
    try:
        match frame[3]:
            case 1:
                newcomer = newcomer.heard(frame, at=SHOWN_AT)
            case 2:
                elder = elder.heard_ok(frame, at=SHOWN_AT)
            case 3:
                elder = elder.heard_confirmed(frame, at=SHOWN_AT)
            case _:
                newcomer, _ = newcomer.received(frame, at=SHOWN_AT)
    except ProtocolError:
        pass
    if isinstance(elder.state, Matched | Agreed) and isinstance(newcomer.state, Answered):
        newcomer = newcomer.typed(CODE, at=SHOWN_AT)  # the owner read it from the old phone's screen
    return elder, newcomer


def restarted(elder: Elder, newcomer: Newcomer) -> tuple[Elder, Newcomer]:
    text = newcomer.keys.offer.encode()
    offer = parse_offer(text, expected_tenant=BANK, at=SHOWN_AT)
    keys = NewcomerKeys(offer, Secret(newcomer.keys.private.reveal()))
    return Elder(type(elder.keys)(offer, elder.keys.ephemeral), elder.state), Newcomer(keys, newcomer.state)


def orders() -> Iterator[tuple[str, ...]]:
    yield from itertools.permutations(("HELLO", "OK", "CONFIRMED", "WALLET"))


@pytest.mark.parametrize("order", list(orders()), ids="-".join)
def test_mi_08_messages_in_any_other_order_do_no_more_than_in_theirs(order: tuple[str, ...]) -> None:
    newcomer = new_phone()
    elder = old_phone(newcomer.keys.offer)
    everything = conversation()
    for name in order:
        elder, newcomer = hear(elder, newcomer, everything[name])
    # What a phone makes of a message hangs on what it heard before, and on nothing else.
    assert isinstance(newcomer.state, new.Received) == (order.index("WALLET") > order.index("HELLO")) * (
        order.index("WALLET") > order.index("OK")
    )
    assert isinstance(elder.state, Agreed) == (order.index("CONFIRMED") > order.index("OK"))
    # Whatever the order was, the rest of the honest conversation can still follow it.
    for frame in everything.values():
        elder, newcomer = hear(elder, newcomer, frame)
    assert isinstance(newcomer.state, new.Received)
    assert isinstance(elder.state, Agreed)


# MI-10: wiping too early


def test_mi_10_no_step_before_the_servers_word_lets_the_old_phone_wipe() -> None:
    newcomer = new_phone()
    elder = old_phone(newcomer.keys.offer)
    steps = [elder]
    steps.append(matched(elder, newcomer)[0])
    steps.append(agreed(elder, newcomer)[0])
    elder, newcomer = approved(elder, newcomer)
    steps.append(elder)
    elder, _ = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)
    steps += [elder, elder.ended("stopped")]
    assert not any(step.may_wipe for step in steps)
    for step in (*steps[:3], steps[-1]):
        with pytest.raises(NotAuthentic):
            step.completed("completed")
    assert elder.completed("completed").may_wipe


# MI-16: yesterday's offer


def test_mi_16_yesterdays_offer_and_yesterdays_messages_are_of_no_use() -> None:
    text = newcomer_keys().offer.encode()
    with pytest.raises(ProtocolError) as refused:
        parse_offer(text, expected_tenant=BANK, at=EXPIRES_AT + 86_400)
    assert refused.value.code is Code.EXPIRED
    today = Newcomer(newcomer_keys("today"), Offered())
    for frame in conversation().values():
        assert takes(old_phone(today.keys.offer), today, frame) == []


# MI-18: a weaker suite, a degenerate point

LOW_ORDER = [
    0,
    1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
    2**255 - 20,
    2**255 - 19,
    2**255 - 18,
]


@pytest.mark.parametrize("point", LOW_ORDER)
def test_mi_18_a_point_of_low_order_is_refused_on_both_sides(point: int) -> None:
    raw = point.to_bytes(32, "little")
    offer = make_offer(
        NEW_PHONE,
        tenant=BANK,
        mailbox=bytes(16),
        channel_key=raw,
        secret=Secret(fixed("secret")),
        expires_at=EXPIRES_AT,
    )
    with pytest.raises(Malformed) as refused:
        old_phone(offer).to_send()
    assert refused.value.code is Code.KEY
    hello = Kind.HELLO.header + raw + conversation()["HELLO"][36:]
    with pytest.raises(Malformed) as refused:
        new_phone().heard(hello, at=SHOWN_AT)
    assert refused.value.code is Code.KEY


def test_mi_18_no_message_names_a_suite_and_another_version_is_not_understood() -> None:
    hello = conversation()["HELLO"]
    for first in (0, 1, 3, 255):
        with pytest.raises(Malformed):
            new_phone().heard(bytes((first,)) + hello[1:], at=SHOWN_AT)


# CR-09: sealed for somewhere else


def test_cr_09_a_message_of_another_migration_does_not_open() -> None:
    newcomer = new_phone()
    elder = old_phone(newcomer.keys.offer)
    strange = conversation("second")
    assert all(takes(elder, newcomer, frame) == [] for frame in strange.values())
    for stage in (matched, agreed, approved):
        elder, newcomer = stage(old_phone(new_phone().keys.offer), new_phone())
        assert all(takes(elder, newcomer, frame) == [] for frame in strange.values())


def test_cr_09_other_info_other_associated_data_and_a_replayed_sequence_do_not_open() -> None:
    own = Secret(fixed("own"))
    sender = hpke.sender(hpke.public_of(own), info=b"this migration", ephemeral=Secret(fixed("once")))
    sealed = sender.seal(b"text", b"place")
    receiver = hpke.receiver(sender.enc, own, info=b"this migration")
    other = hpke.receiver(sender.enc, own, info=b"another one")
    for end, aad in ((other, b"place"), (receiver, b"another place")):
        with pytest.raises(NotAuthentic) as refused:
            end.open(sealed, aad)
        assert refused.value.code is Code.SEALED
    assert receiver.open(sealed, b"place") == b"text"
    with pytest.raises(NotAuthentic):
        receiver.open(sealed, b"place")
