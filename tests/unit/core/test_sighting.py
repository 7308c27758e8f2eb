"""What two phones tell each other of the log, inside the messages that they send anyway."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from leaves import sha
from pteri.core.errors import Code, ProtocolError
from pteri.core.ids import digest_bytes
from pteri.core.transfer.channel import MAX_FRAME_BYTES, Channel, Kind, enc_of
from pteri.core.transfer.delivery import Delivery, decode_delivery, encode_delivery
from pteri.core.transfer.elder import Elder
from pteri.core.transfer.newcomer import Newcomer
from pteri.core.transfer.sighting import (
    NOTHING_SEEN,
    SIGHTING_BYTES,
    Sighting,
    decode_sighting,
    encode_sighting,
    fits,
)
from transfers import ACCEPT_UNTIL, HELD_UNTIL, INDEX, SHOWN_AT, WORDS, agreed, approval, matched, new_phone, old_phone

SHOWN = Sighting(note="a note\n\n\u2014 log AAAA\n")
SEEN = Sighting(
    note="a later note\n\n\u2014 log BBBB\n",
    log_key="log+00000000+AAAA",
    witnesses=("one", "two", "three"),
    needed=2,
    index_key="log+11111111+AAAA",
)
IN = msgspec.structs.replace(SEEN, leaf=sha("leaf"), place=7)


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


def told(elder: Elder, newcomer: Newcomer) -> tuple[Elder, Newcomer]:
    """Both, as far as the wallet, with all that they say of the log."""
    newcomer = newcomer.heard(elder.to_send(), at=SHOWN_AT, seen=SHOWN)
    elder = elder.heard_ok(newcomer.to_send()[0], at=SHOWN_AT)
    newcomer = newcomer.typed(elder.code(at=SHOWN_AT), at=SHOWN_AT)
    elder = elder.heard_confirmed(newcomer.to_send()[1], at=SHOWN_AT)
    elder = elder.approved(approval(elder), held_until=HELD_UNTIL, expires_at=ACCEPT_UNTIL)
    elder, frame = elder.delivered(WORDS, INDEX, at=HELD_UNTIL, seen=SEEN)
    newcomer, delivery = newcomer.received(frame, at=HELD_UNTIL)
    assert delivery.seen == SEEN
    return elder, newcomer


@pytest.mark.parametrize("sighting", [NOTHING_SEEN, SHOWN, SEEN, IN])
def test_what_is_told_comes_back_and_has_one_size(sighting: Sighting) -> None:
    raw = encode_sighting(sighting)
    assert decode_sighting(raw) == sighting
    assert len(raw) == SIGHTING_BYTES == 2602


def test_what_has_no_room_is_not_cut() -> None:
    most = 2600 - len(msgspec.json.encode(Sighting(note="x"))) + 1
    assert fits(Sighting(note="x" * most))
    assert decode_sighting(encode_sighting(Sighting(note="x" * most))).note == "x" * most
    assert not fits(Sighting(note="x" * (most + 1)))
    assert refusal(lambda: encode_sighting(Sighting(note="x" * (most + 1)))) is Code.LENGTH


def framed(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text.ljust(SIGHTING_BYTES - 2, b"\0")


@pytest.mark.parametrize(
    "raw",
    [
        framed(b""),
        framed(b"null"),
        framed(b"{"),
        framed(b"\xff"),
        framed(b"[" * 2000),
        framed(b"{ }"),
        framed(b'{"note":""}'),
        framed(b'{"note":"a","note":"a"}'),
        framed(b'{"note":"\\u0061"}'),
        framed(b'{"note":1}'),
        framed(b'{"other":1}'),
        framed(b'{"needed":-1}'),
        framed(b'{"needed":256}'),
        framed(b'{"place":9223372036854775808}'),
        framed(b'{"leaf":"AA"}'),
        framed(b"{}")[:-1] + b"\1",
        (4000).to_bytes(2, "big") + framed(b"{}")[2:],
    ],
)
def test_anything_else_is_refused(raw: bytes) -> None:
    assert refusal(lambda: decode_sighting(raw)) is Code.BODY


def test_another_size_is_refused() -> None:
    raw = encode_sighting(SEEN)
    assert refusal(lambda: decode_sighting(raw[:-1])) is refusal(lambda: decode_sighting(raw + b"\0")) is Code.LENGTH


def test_each_hears_what_the_other_has_seen_and_remembers_it(elder: Elder, newcomer: Newcomer) -> None:
    elder, newcomer = told(elder, newcomer)
    assert elder.new_phone_saw == SHOWN
    after = elder.heard_done(newcomer.activated(IN).done())
    assert after.completed("denied").heard_done(newcomer.activated(IN).done()) == after.completed("denied")
    late = elder.completed("completed")
    assert late.heard_done(newcomer.activated(IN).done()) == after.completed("completed")
    assert late != after.completed("completed")


def test_what_is_said_once_is_said_again_in_the_same_words(elder: Elder, newcomer: Newcomer) -> None:
    again = newcomer.heard(elder.to_send(), at=SHOWN_AT, seen=SHOWN)
    assert again.heard(elder.to_send(), at=SHOWN_AT, seen=SEEN) == again
    elder, newcomer = told(elder, newcomer)
    assert newcomer.to_send()[0] == again.to_send()[0]
    first = elder.delivered(WORDS, INDEX, at=HELD_UNTIL, seen=SEEN)
    assert (
        elder.delivered(WORDS, INDEX, at=HELD_UNTIL) == elder.delivered(WORDS, INDEX, at=HELD_UNTIL, seen=IN) == first
    )
    inside = newcomer.activated(IN)
    assert inside.activated(SHOWN).done() == inside.done() != newcomer.activated(SHOWN).done()


def test_the_transcript_has_what_the_new_phone_was_shown(elder: Elder, newcomer: Newcomer) -> None:
    one = newcomer.heard(elder.to_send(), at=SHOWN_AT, seen=SHOWN)
    other = newcomer.heard(elder.to_send(), at=SHOWN_AT)
    assert one.transcript != other.transcript
    assert elder.heard_ok(one.to_send()[0], at=SHOWN_AT).transcript == one.transcript


def test_no_message_shows_by_its_size_whether_there_is_a_log(elder: Elder, newcomer: Newcomer) -> None:
    plain_elder, plain = matched(elder, newcomer)
    rich_elder, rich = told(elder, newcomer)
    assert len(plain.to_send()[0]) == len(rich.to_send()[0])
    plain_elder, plain = agreed(elder, newcomer)
    plain_elder = plain_elder.approved(approval(plain_elder), held_until=HELD_UNTIL, expires_at=ACCEPT_UNTIL)
    wallet = plain_elder.delivered(WORDS, INDEX, at=HELD_UNTIL)[1]
    assert len(wallet) == len(rich_elder.delivered(WORDS, INDEX, at=HELD_UNTIL)[1]) <= MAX_FRAME_BYTES
    plain = plain.received(wallet, at=HELD_UNTIL)[0].activated()
    assert len(plain.done()) == len(rich.activated(IN).done())


def test_a_message_that_says_less_or_more_is_refused_and_nothing_is_shown(elder: Elder, newcomer: Newcomer) -> None:
    heard = newcomer.heard(elder.to_send(), at=SHOWN_AT)
    keys, name = newcomer.keys, digest_bytes(newcomer.keys.offer.card.new_device)
    channel = Channel.of_new(keys.offer, keys.private, enc_of(elder.to_send()))
    assert refusal(lambda: elder.heard_ok(channel.seal(Kind.OK, name), at=SHOWN_AT)) is Code.LENGTH
    lie = channel.seal(Kind.OK, name + framed(b"null"))
    assert refusal(lambda: elder.heard_ok(lie, at=SHOWN_AT)) is Code.BODY
    ready = elder.heard_ok(heard.to_send()[0], at=SHOWN_AT)
    more = channel.seal(Kind.CONFIRMED, name + encode_sighting(NOTHING_SEEN))
    assert refusal(lambda: ready.heard_confirmed(more, at=SHOWN_AT)) is Code.MISMATCH
    elder, newcomer = told(elder, newcomer)
    short = channel.seal(Kind.DONE, approval(elder).sha256())
    assert refusal(lambda: elder.heard_done(short)) is Code.LENGTH


def test_a_delivery_with_a_sighting_has_one_spelling(elder: Elder, newcomer: Newcomer) -> None:
    elder, _ = agreed(elder, newcomer)
    text = encode_delivery(Delivery(WORDS, INDEX, approval(elder), SEEN))
    assert decode_delivery(text).seen == SEEN
