"""The two machines of a transfer, each with the other, and each alone at every step."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from pteri.core import ids
from pteri.core.acts import RevokeDevice
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.ids import digest_bytes
from pteri.core.keys.secret import Secret
from pteri.core.statement import Statement
from pteri.core.transfer import elder as old
from pteri.core.transfer import newcomer as new
from pteri.core.transfer.channel import Channel, Kind, enc_of
from pteri.core.transfer.delivery import Delivery, decode_delivery, encode_delivery
from pteri.core.transfer.elder import Elder, ElderState
from pteri.core.transfer.newcomer import CODE_TRIES, DELIVERY_S, Newcomer, NewcomerKeys, NewcomerState
from statements import ACCOUNT, DEVICE
from transfers import (
    ACCEPT_UNTIL,
    EXPIRES_AT,
    HELD_UNTIL,
    INDEX,
    SHOWN_AT,
    WORDS,
    address,
    agreed,
    approval,
    approved,
    fixed,
    matched,
    new_phone,
    newcomer_keys,
    old_phone,
)

OTHER_WORDS = Secret(b"legal winner thank year wave sausage worth useful legal winner thank yellow")


@pytest.fixture
def newcomer() -> Newcomer:
    return new_phone()


@pytest.fixture
def elder(newcomer: Newcomer) -> Elder:
    return old_phone(newcomer.keys.offer)


def refusal(call: Callable[[], object]) -> Code:
    with pytest.raises(ProtocolError) as refused:
        call()
    return refused.value.code


def wrong(code: str) -> str:
    return str((int(code) + 1) % 1_000_000).zfill(6)


def test_the_wallet_arrives_and_only_then_may_the_old_phone_wipe(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = approved(elder, newcomer)
    assert newcomer.account == ACCOUNT
    elder, frame = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)
    newcomer, delivery = newcomer.received(frame, at=HELD_UNTIL)
    assert (delivery.words, delivery.index) == (WORDS, INDEX)
    assert not elder.may_wipe
    elder = elder.completed("completed")
    assert elder.may_wipe
    assert elder.completed("completed") == elder.ended("given up") == elder


def arrived(elder: Elder, newcomer: Newcomer, *, revoke_old: bool = True) -> tuple[Elder, Newcomer]:
    elder, newcomer = agreed(elder, newcomer)
    statement = _with_act(approval(elder), revoke_old=revoke_old)
    elder = elder.approved(statement, held_until=HELD_UNTIL, expires_at=ACCEPT_UNTIL)
    elder, frame = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)
    return elder, newcomer.received(frame, at=HELD_UNTIL)[0].activated()


def test_a_phone_that_was_to_go_believes_server_and_new_phone_together(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = arrived(elder, newcomer)
    assert refusal(lambda: elder.completed("denied")) is Code.ORDER
    told = elder.heard_done(newcomer.done())
    assert not told.may_wipe, "the new phone's word alone is none of the server"
    assert told.heard_done(newcomer.done()) == told
    assert told.delivered(WORDS, INDEX, at=HELD_UNTIL)[0] == told
    assert told.completed("denied").may_wipe
    assert elder.completed("completed").may_wipe


def test_a_phone_that_was_to_stay_does_not_take_a_denial_for_the_end(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = arrived(elder, newcomer, revoke_old=False)
    elder = elder.heard_done(newcomer.done())
    assert refusal(lambda: elder.completed("denied")) is Code.ORDER


def test_the_new_phone_says_that_it_is_in_when_it_is(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = approved(elder, newcomer)
    assert refusal(newcomer.activated) is Code.ORDER
    assert refusal(newcomer.done) is Code.ORDER
    greeted = old_phone(new_phone().keys.offer)
    assert refusal(lambda: greeted.heard_done(b"")) is Code.ORDER
    elder, newcomer = arrived(old_phone(new_phone().keys.offer), new_phone())
    assert newcomer.activated() == newcomer.ended("given up") == newcomer
    keys = newcomer.keys
    channel = Channel.of_new(keys.offer, keys.private, enc_of(elder.to_send()))
    other = channel.seal(Kind.DONE, fixed("another statement"))
    assert refusal(lambda: elder.heard_done(other)) is Code.MISMATCH


def test_both_phones_have_the_same_transcript_and_it_is_in_the_statement(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = matched(elder, newcomer)
    assert elder.transcript == newcomer.transcript
    assert approval(elder).act == msgspec.structs.replace(approval(elder).act, transcript=newcomer.transcript)


def test_the_mailboxes_of_the_second_part_are_known_to_both_and_all_different(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = matched(elder, newcomer)
    boxes = [elder.mailbox(number) for number in range(2, 256)]
    assert boxes == [newcomer.mailbox(number) for number in range(2, 256)]
    assert len({*boxes, newcomer.keys.offer.card.mailbox}) == 255
    assert {len(box) for box in boxes} == {16}


@pytest.mark.parametrize("number", [0, 1, 256])
def test_there_is_no_other_round(elder: Elder, number: int) -> None:
    assert refusal(lambda: elder.mailbox(number)) is Code.RANGE


def test_what_is_said_twice_has_no_second_effect(elder: Elder, newcomer: Newcomer) -> None:
    greeted, offered = elder, newcomer
    elder, newcomer = approved(elder, newcomer)
    ok, confirmed = newcomer.to_send()
    assert newcomer.heard(greeted.to_send(), at=SHOWN_AT) == newcomer
    assert elder.heard_ok(ok, at=SHOWN_AT) == elder.heard_confirmed(confirmed, at=SHOWN_AT) == elder
    assert elder.approved(approval(elder), held_until=1, expires_at=2) == elder
    elder, frame = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)
    assert elder.delivered(WORDS, INDEX, at=HELD_UNTIL + 1) == (elder, frame)
    assert elder.heard_ok(ok, at=SHOWN_AT) == elder.heard_confirmed(confirmed, at=SHOWN_AT) == elder
    newcomer, first = newcomer.received(frame, at=HELD_UNTIL)
    again, second = newcomer.received(frame, at=HELD_UNTIL + DELIVERY_S)
    assert (again, second.words, second.statement) == (newcomer, first.words, first.statement)
    assert newcomer.heard(greeted.to_send(), at=SHOWN_AT) == newcomer
    assert offered.heard(greeted.to_send(), at=SHOWN_AT).to_send()[0] == ok


def test_another_old_phone_that_comes_second_is_not_heard(elder: Elder, newcomer: Newcomer) -> None:
    newcomer = newcomer.heard(elder.to_send(), at=SHOWN_AT)
    second = old_phone(newcomer.keys.offer, "another key")
    assert refusal(lambda: newcomer.heard(second.to_send(), at=SHOWN_AT)) is Code.ORDER


def test_a_code_is_shown_between_the_answer_and_its_typing_only(elder: Elder, newcomer: Newcomer) -> None:
    assert refusal(lambda: elder.code(at=SHOWN_AT)) is Code.ORDER
    elder, newcomer = matched(elder, newcomer)
    shown = elder.code(at=SHOWN_AT)
    assert len(shown) == 6
    assert shown.isdecimal()
    newcomer = newcomer.typed(f"{shown[:3]} {shown[3:]}", at=SHOWN_AT)
    elder = elder.heard_confirmed(newcomer.to_send()[1], at=SHOWN_AT)
    assert refusal(lambda: elder.code(at=SHOWN_AT)) is Code.ORDER


def test_three_wrong_codes_end_it(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = matched(elder, newcomer)
    code = elder.code(at=SHOWN_AT)
    for left in range(CODE_TRIES - 1, 0, -1):
        newcomer = newcomer.typed(wrong(code), at=SHOWN_AT)
        assert isinstance(newcomer.state, new.Answered)
        assert newcomer.state.tries_left == left
    newcomer = newcomer.typed(wrong(code), at=SHOWN_AT)
    assert newcomer.state == new.Ended("wrong code")
    assert newcomer.to_send() == ()
    assert refusal(lambda: newcomer.typed(code, at=SHOWN_AT)) is Code.ORDER
    assert newcomer.ended("too late") == newcomer


def test_the_third_try_counts(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = matched(elder, newcomer)
    code = elder.code(at=SHOWN_AT)
    for _ in range(CODE_TRIES - 1):
        newcomer = newcomer.typed(wrong(code), at=SHOWN_AT)
    assert isinstance(newcomer.typed(code, at=SHOWN_AT).state, new.Confirmed)


def test_what_is_no_code_costs_no_try(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = matched(elder, newcomer)
    assert refusal(lambda: newcomer.typed("12345", at=SHOWN_AT)) is Code.CODE_FORMAT
    assert isinstance(newcomer.state, new.Answered)
    assert newcomer.state.tries_left == CODE_TRIES


def test_the_handshake_has_ten_minutes(elder: Elder, newcomer: Newcomer) -> None:
    hello = elder.to_send()
    assert refusal(lambda: newcomer.heard(hello, at=EXPIRES_AT)) is Code.EXPIRED
    answered = newcomer.heard(hello, at=EXPIRES_AT - 1)
    ok = answered.to_send()[0]
    assert refusal(lambda: elder.heard_ok(ok, at=EXPIRES_AT)) is Code.EXPIRED
    met = elder.heard_ok(ok, at=EXPIRES_AT - 1)
    assert refusal(lambda: met.code(at=EXPIRES_AT)) is Code.EXPIRED
    code = met.code(at=EXPIRES_AT - 1)
    assert refusal(lambda: answered.typed(code, at=EXPIRES_AT)) is Code.EXPIRED
    confirmed = answered.typed(code, at=EXPIRES_AT - 1)
    assert refusal(lambda: met.heard_confirmed(confirmed.to_send()[1], at=EXPIRES_AT)) is Code.EXPIRED
    assert met.heard_confirmed(confirmed.to_send()[1], at=EXPIRES_AT - 1)


def test_the_wallet_leaves_after_the_hold_and_before_the_end(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = approved(elder, newcomer)
    assert refusal(lambda: elder.delivered(WORDS, INDEX, at=HELD_UNTIL - 1)) is Code.NOT_YET_VALID
    assert refusal(lambda: elder.delivered(WORDS, INDEX, at=ACCEPT_UNTIL)) is Code.EXPIRED
    _, frame = elder.delivered(WORDS, INDEX, at=ACCEPT_UNTIL - 1)
    assert refusal(lambda: newcomer.received(frame, at=SHOWN_AT + DELIVERY_S)) is Code.EXPIRED


def test_a_wallet_of_another_address_is_not_taken(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = approved(elder, newcomer)
    for words, index in ((OTHER_WORDS, INDEX), (WORDS, INDEX + 1)):
        _, frame = elder.delivered(words, index, at=HELD_UNTIL)
        assert refusal(lambda frame=frame: newcomer.received(frame, at=HELD_UNTIL)) is Code.WALLET_KEY  # type: ignore[misc]  # a default binds it now


@pytest.mark.parametrize("network", ["main", "test", "regtest"])
def test_the_address_is_of_the_statements_own_network(elder: Elder, newcomer: Newcomer, network: str) -> None:
    elder, newcomer = agreed(elder, newcomer)
    statement = approval(elder, network=network)
    elder = elder.approved(statement, held_until=HELD_UNTIL, expires_at=ACCEPT_UNTIL)
    _, frame = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)
    assert newcomer.received(frame, at=HELD_UNTIL)[1].statement == statement


def test_a_statement_of_an_unknown_network_is_of_no_wallet() -> None:
    statement = msgspec.structs.replace(
        approval(matched(old_phone(new_phone().keys.offer), new_phone())[0]), chain="bip122:" + "0" * 32
    )
    text = encode_delivery(Delivery(WORDS, INDEX, statement))
    assert refusal(lambda: decode_delivery(text)) is Code.NETWORK


def _with_act(statement: Statement, **values: object) -> Statement:
    return msgspec.structs.replace(statement, act=msgspec.structs.replace(statement.act, **values))


@pytest.mark.parametrize(
    "values",
    [
        {"account": ids.account_id("acct_5X3N8J2K7Q4N")},
        {"new_device": DEVICE},
        {"offer": ids.digest_text(bytes(32))},
        {"transcript": ids.digest_text(bytes(32))},
    ],
    ids=str,
)
def test_neither_phone_goes_on_with_a_statement_of_another_conversation(
    elder: Elder, newcomer: Newcomer, values: dict[str, object]
) -> None:
    elder, newcomer = agreed(elder, newcomer)
    other = _with_act(approval(elder), **values)
    assert refusal(lambda: elder.approved(other, held_until=HELD_UNTIL, expires_at=ACCEPT_UNTIL)) is Code.MISMATCH
    frame = sealed(elder, Delivery(WORDS, INDEX, other))
    assert refusal(lambda: newcomer.received(frame, at=HELD_UNTIL)) is Code.MISMATCH


def sealed(elder: Elder, delivery: Delivery) -> bytes:
    """What an old phone that cheats would say."""
    channel = Channel.of_old(elder.keys.offer, elder.keys.ephemeral)
    return channel.seal(Kind.WALLET, encode_delivery(delivery).reveal())


def test_a_statement_of_another_purpose_lets_nobody_in(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = agreed(elder, newcomer)
    other = msgspec.structs.replace(approval(elder), act=RevokeDevice(ACCOUNT, DEVICE, 17, DEVICE))
    assert refusal(lambda: elder.approved(other, held_until=HELD_UNTIL, expires_at=ACCEPT_UNTIL)) is Code.MISMATCH
    frame = sealed(elder, Delivery(WORDS, INDEX, other))
    assert refusal(lambda: newcomer.received(frame, at=HELD_UNTIL)) is Code.MISMATCH


def test_a_second_wallet_is_refused(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = approved(elder, newcomer)
    _, frame = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)
    newcomer, _ = newcomer.received(frame, at=HELD_UNTIL)
    other = _with_act(approval(elder), epoch=18)
    frame = sealed(elder, Delivery(WORDS, INDEX, other))
    assert refusal(lambda: newcomer.received(frame, at=HELD_UNTIL)) is Code.ORDER


def test_a_delivery_has_one_spelling_and_one_size(elder: Elder, newcomer: Newcomer) -> None:
    elder, _ = agreed(elder, newcomer)
    delivery = Delivery(WORDS, INDEX, approval(elder))
    text = encode_delivery(delivery).reveal()
    long = Secret(b"zoo " * 23 + b"vote")
    assert (
        len(text) == len(encode_delivery(Delivery(long, 0, approval(elder, wallet=address(long, 0)))).reveal()) == 3890
    )
    for damaged in (text[:-1], text + b"\0"):
        assert refusal(lambda damaged=damaged: decode_delivery(Secret(damaged))) is Code.LENGTH  # type: ignore[misc]  # a default binds it now
    for at in (200, 1287, 3889):  # in what fills the words, the statement, and what was seen
        damaged = text[:at] + b" " + text[at + 1 :]
        assert refusal(lambda damaged=damaged: decode_delivery(Secret(damaged))) is Code.BODY  # type: ignore[misc]  # a default binds it now
    assert refusal(lambda: encode_delivery(Delivery(WORDS, 2**31, approval(elder)))) is Code.RANGE
    assert refusal(lambda: encode_delivery(Delivery(Secret(b"abandon"), 0, approval(elder)))) is Code.MNEMONIC
    assert repr(WORDS) in repr(delivery)
    assert b"abandon" not in repr(delivery).encode()


def test_a_hello_that_names_no_account_is_refused(newcomer: Newcomer) -> None:
    channel = Channel.of_old(newcomer.keys.offer, Secret(fixed("a liar's key")))
    for named, code in ((b"\xff" * 17, Code.BODY), (b"alice", Code.FIELD), (b"", Code.FIELD)):
        frame = channel.seal(Kind.HELLO, named)
        assert refusal(lambda frame=frame: newcomer.heard(frame, at=SHOWN_AT)) is code  # type: ignore[misc]  # a default binds it now


def test_an_answer_that_names_another_phone_is_refused(elder: Elder, newcomer: Newcomer) -> None:
    greeted = elder
    elder, newcomer = matched(elder, newcomer)
    keys = newcomer.keys
    channel = Channel.of_new(keys.offer, keys.private, enc_of(greeted.to_send()))
    other = digest_bytes(DEVICE)
    assert refusal(lambda: greeted.heard_ok(channel.seal(Kind.OK, other), at=SHOWN_AT)) is Code.MISMATCH
    frame = channel.seal(Kind.CONFIRMED, other)
    assert refusal(lambda: elder.heard_confirmed(frame, at=SHOWN_AT)) is Code.MISMATCH


def test_a_private_key_that_was_not_offered_is_refused() -> None:
    assert refusal(lambda: NewcomerKeys(newcomer_keys().offer, Secret(fixed("another")))) is Code.KEY


def test_what_is_out_of_turn_is_refused_and_changes_nothing(elder: Elder, newcomer: Newcomer) -> None:
    frames = _frames()
    assert refusal(lambda: newcomer.typed("123456", at=SHOWN_AT)) is Code.ORDER
    assert refusal(lambda: newcomer.received(frames["WALLET"], at=SHOWN_AT)) is Code.ORDER
    assert refusal(lambda: elder.heard_confirmed(frames["CONFIRMED"], at=SHOWN_AT)) is Code.ORDER
    assert refusal(lambda: elder.delivered(WORDS, INDEX, at=HELD_UNTIL)) is Code.ORDER
    assert refusal(lambda: elder.completed("completed")) is Code.ORDER
    elder, newcomer = matched(elder, newcomer)
    statement = approval(elder)
    assert refusal(lambda: newcomer.received(frames["WALLET"], at=SHOWN_AT)) is Code.ORDER
    assert refusal(lambda: elder.approved(statement, held_until=1, expires_at=2)) is Code.ORDER
    over = elder.ended("stopped")
    assert over.ended("too late") == over
    for call in (
        lambda: over.heard_ok(frames["OK"], at=SHOWN_AT),
        lambda: over.heard_confirmed(frames["CONFIRMED"], at=SHOWN_AT),
        lambda: over.code(at=SHOWN_AT),
        lambda: over.approved(statement, held_until=1, expires_at=2),
        lambda: over.delivered(WORDS, INDEX, at=HELD_UNTIL),
        lambda: over.completed("completed"),
    ):
        assert refusal(call) is Code.ORDER
    ended = newcomer.ended("given up")
    assert refusal(lambda: ended.heard(frames["HELLO"], at=SHOWN_AT)) is Code.ORDER


def _frames() -> dict[str, bytes]:
    newcomer = new_phone()
    elder = old_phone(newcomer.keys.offer)
    hello = elder.to_send()
    elder, newcomer = approved(elder, newcomer)
    ok, confirmed = newcomer.to_send()
    wallet = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)[1]
    done = newcomer.received(wallet, at=HELD_UNTIL)[0].activated().done()
    return {"HELLO": hello, "OK": ok, "CONFIRMED": confirmed, "WALLET": wallet, "DONE": done}


def test_both_know_when_nothing_can_come_any_more(elder: Elder, newcomer: Newcomer) -> None:
    assert not newcomer.is_over(at=EXPIRES_AT - 1)
    assert newcomer.is_over(at=EXPIRES_AT)
    assert not elder.is_over(at=EXPIRES_AT - 1)
    assert elder.is_over(at=EXPIRES_AT)
    elder, newcomer = approved(elder, newcomer)
    assert not newcomer.is_over(at=SHOWN_AT + DELIVERY_S - 1)
    assert newcomer.is_over(at=SHOWN_AT + DELIVERY_S)
    assert not elder.is_over(at=ACCEPT_UNTIL - 1)
    assert elder.is_over(at=ACCEPT_UNTIL)
    elder, frame = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)
    newcomer, _ = newcomer.received(frame, at=HELD_UNTIL)
    assert not newcomer.is_over(at=2**40)
    assert not elder.is_over(at=2**40), "of a wallet that has left, only the server can say what came of it"
    assert elder.completed("completed").is_over(at=0)
    assert newcomer.ended("too late").is_over(at=0)
    assert newcomer.activated().is_over(at=0)


def test_every_state_survives_being_written_down_and_none_shows_a_secret(elder: Elder, newcomer: Newcomer) -> None:
    seen: list[tuple[object, ElderState | NewcomerState]] = [(ElderState, elder.state), (NewcomerState, newcomer.state)]
    elder, newcomer = matched(elder, newcomer)
    seen += [(ElderState, elder.state), (NewcomerState, newcomer.state)]
    elder, newcomer = approved(*_restart(elder, newcomer))
    seen += [(ElderState, elder.state), (NewcomerState, newcomer.state)]
    elder, frame = elder.delivered(WORDS, INDEX, at=HELD_UNTIL)
    newcomer, _ = newcomer.received(frame, at=HELD_UNTIL)
    seen += [(ElderState, elder.state), (NewcomerState, newcomer.state)]
    seen += [(ElderState, elder.completed("completed").state), (ElderState, old.Ended(ACCOUNT, "stopped"))]
    for kind, state in seen:
        written = msgspec.json.encode(state)
        assert msgspec.json.decode(written, type=kind) == state
        for secret in (WORDS.reveal(), newcomer.keys.private.reveal(), newcomer.keys.offer.secret.reveal()):
            assert secret not in written
    assert newcomer.keys.offer.secret.reveal().hex() not in repr(newcomer)


def _restart(elder: Elder, newcomer: Newcomer) -> tuple[Elder, Newcomer]:
    return old_phone(newcomer.keys.offer), new_phone()


@pytest.mark.parametrize("kind", list(Kind))
def test_no_message_passes_for_another_one(kind: Kind, elder: Elder, newcomer: Newcomer) -> None:
    frames = _frames()
    for other in Kind:
        if other is kind:
            continue
        forged = kind.header + frames[other.name][4:]
        with pytest.raises((NotAuthentic, Malformed)):
            _hear(elder, newcomer, kind, forged)


def _hear(elder: Elder, newcomer: Newcomer, kind: Kind, frame: bytes) -> object:
    match kind:
        case Kind.HELLO:
            return newcomer.heard(frame, at=SHOWN_AT)
        case Kind.OK:
            return elder.heard_ok(frame, at=SHOWN_AT)
        case Kind.CONFIRMED:
            return matched(elder, newcomer)[0].heard_confirmed(frame, at=SHOWN_AT)
        case Kind.WALLET:
            return agreed(elder, newcomer)[1].received(frame, at=SHOWN_AT)
        case Kind.DONE:
            return arrived(elder, newcomer)[0].heard_done(frame)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_bit_of_a_message_counts(kind: Kind, elder: Elder, newcomer: Newcomer) -> None:
    frame = _frames()[kind.name]
    for at in (*range(40), len(frame) // 2, len(frame) - 1):
        damaged = frame[:at] + bytes((frame[at] ^ 1,)) + frame[at + 1 :]
        with pytest.raises((NotAuthentic, Malformed)):
            _hear(elder, newcomer, kind, damaged)
    for damaged in (b"", frame[:3], frame[:4], frame[:19], frame[:-1], frame + b"\0", frame + bytes(4096)):
        with pytest.raises((NotAuthentic, Malformed)):
            _hear(elder, newcomer, kind, damaged)


def test_the_end_of_a_message_that_came_too_late_is_still_readable(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = approved(elder, newcomer)
    assert elder.heard_confirmed(newcomer.to_send()[1], at=EXPIRES_AT + 1) == elder
    with pytest.raises(OutOfWindow):
        newcomer.received(elder.delivered(WORDS, INDEX, at=HELD_UNTIL)[1], at=SHOWN_AT + DELIVERY_S)
