"""A mailbox of the relay: places, limits, and its end."""

from __future__ import annotations

import pytest

from pteri.core.ids import TenantId
from pteri.domain.mailbox import LIFE_S, MAX_MESSAGE_BYTES, MAX_MESSAGES, Mailbox, Unfit

NOW = 1_795_000_000
EMPTY = Mailbox(TenantId("bank"), "AAAAAAAAAAAAAAAAAAAAAA", NOW + LIFE_S)


def put(mailbox: Mailbox, place: int, message: bytes, *, at: int = NOW) -> Mailbox:
    after = mailbox.with_message(place, message, at=at)
    assert isinstance(after, Mailbox)
    return after


def full() -> Mailbox:
    mailbox = EMPTY
    for place in range(MAX_MESSAGES):
        mailbox = put(mailbox, place, b"%d" % place)
    return mailbox


def test_messages_stand_in_the_order_of_their_places() -> None:
    mailbox = put(put(EMPTY, 0, b"one"), 1, b"two")
    assert mailbox.messages == (b"one", b"two")
    assert (EMPTY.version, mailbox.version) == (1, 3)


def test_the_same_message_in_the_same_place_is_one_message() -> None:
    mailbox = put(put(EMPTY, 0, b"one"), 1, b"two")
    assert put(mailbox, 0, b"one") is mailbox
    assert put(full(), 7, b"7") == full()


@pytest.mark.parametrize(("place", "message"), [(0, b"another"), (2, b"two"), (255, b"one"), (-1, b"one")])
def test_a_place_is_taken_once_and_none_is_left_out(place: int, message: bytes) -> None:
    assert put(EMPTY, 0, b"one").with_message(place, message, at=NOW) is Unfit.TAKEN


def test_it_takes_eight_messages_of_4096_bytes() -> None:
    assert full().with_message(8, b"one more", at=NOW) is Unfit.FULL
    assert put(EMPTY, 0, bytes(MAX_MESSAGE_BYTES)).messages == (bytes(MAX_MESSAGE_BYTES),)
    assert EMPTY.with_message(0, bytes(MAX_MESSAGE_BYTES + 1), at=NOW) is Unfit.TOO_LARGE
    assert EMPTY.with_message(0, b"", at=NOW) is Unfit.EMPTY


def test_it_lives_ten_minutes() -> None:
    assert put(EMPTY, 0, b"one", at=NOW + LIFE_S - 1)
    assert EMPTY.with_message(0, b"one", at=NOW + LIFE_S) is Unfit.ENDED
    assert not EMPTY.is_over(NOW + LIFE_S - 1)
    assert EMPTY.is_over(NOW + LIFE_S)


def test_once_closed_it_holds_nothing_and_takes_nothing() -> None:
    closed = put(EMPTY, 0, b"one").closed()
    assert (closed.messages, closed.version) == ((), 3)
    assert closed.is_over(NOW)
    assert closed.with_message(0, b"one", at=NOW) is Unfit.ENDED
    assert closed.closed() is closed
