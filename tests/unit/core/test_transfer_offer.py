"""Offers of a new phone and the cards that a server gets of them. More texts are in vectors/transfer.json."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from pteri.core import ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.transfer.elder import is_near
from pteri.core.transfer.offer import MAX_CHARACTERS, OFFER_LIFE_S, Card, make_offer, parse_card, parse_offer
from statements import NEW_PHONE
from transfers import BANK, EXPIRES_AT, SHOWN_AT, fixed, newcomer_keys

OFFER = newcomer_keys().offer
TEXT = OFFER.encode()
CARD = OFFER.card.encode()
Read = Callable[[str], Card]


def read_offer(text: str, *, at: int = SHOWN_AT) -> Card:
    return parse_offer(text, expected_tenant=BANK, at=at).card


def read_card(text: str, *, at: int = SHOWN_AT) -> Card:
    return parse_card(text, expected_tenant=BANK, at=at)


BOTH = pytest.mark.parametrize(("read", "text"), [(read_offer, TEXT), (read_card, CARD)], ids=["offer", "card"])


def test_an_offer_is_what_was_offered() -> None:
    offer = parse_offer(TEXT, expected_tenant=BANK, at=SHOWN_AT)
    assert offer == OFFER
    assert offer.secret == OFFER.secret
    assert (offer.card.device, offer.card.new_device) == (NEW_PHONE.public, NEW_PHONE.public.thumbprint)
    assert (offer.card.tenant, offer.card.expires_at) == (BANK, EXPIRES_AT)


def test_a_card_is_the_offer_without_its_secret() -> None:
    card = parse_card(CARD, expected_tenant=BANK, at=SHOWN_AT)
    assert card == OFFER.card
    raw = from_base45(CARD.removeprefix("PTERI-CARD1:"))
    assert OFFER.secret.reveal() not in raw
    assert hashlib.sha256(OFFER.secret.reveal()).digest() in raw


def test_digest_and_beacon_pin_the_body_and_the_secret_under_different_labels() -> None:
    pinned = from_base45(CARD.removeprefix("PTERI-CARD1:"))[:-64]
    assert ids.digest_bytes(OFFER.card.digest) == hashlib.sha256(b"PTERI-OFFER-v1\0" + pinned).digest()
    assert OFFER.card.beacon == hashlib.sha256(b"PTERI-BEACON-v1\0" + pinned).digest()[:16]


def test_the_longest_offer_fits_a_code_that_a_camera_reads() -> None:
    longest = make_offer(
        NEW_PHONE,
        tenant=ids.tenant_id("t" * 32),
        mailbox=bytes(16),
        channel_key=fixed("key"),
        secret=Secret(fixed("secret")),
        expires_at=EXPIRES_AT,
    )
    assert len(longest.encode()) <= len(longest.card.encode()) <= MAX_CHARACTERS


@BOTH
@pytest.mark.parametrize("at", [EXPIRES_AT - 2 * OFFER_LIFE_S, SHOWN_AT, EXPIRES_AT - 1])
def test_it_is_good_until_it_expires(read: Callable[..., Card], text: str, at: int) -> None:
    assert read(text, at=at) == OFFER.card


@BOTH
@pytest.mark.parametrize(
    ("at", "code"), [(EXPIRES_AT, Code.EXPIRED), (EXPIRES_AT - 2 * OFFER_LIFE_S - 1, Code.LIFETIME), (0, Code.LIFETIME)]
)
def test_outside_its_time_it_is_nothing(read: Callable[..., Card], text: str, at: int, code: Code) -> None:
    with pytest.raises(OutOfWindow) as refused:
        read(text, at=at)
    assert refused.value.code is code


def test_an_offer_for_another_service_is_not_for_this_one() -> None:
    for call in (parse_offer, parse_card):
        text = TEXT if call is parse_offer else CARD
        with pytest.raises(NotAuthentic) as refused:
            call(text, expected_tenant=ids.tenant_id("shop"), at=SHOWN_AT)
        assert refused.value.code is Code.OFFER


@BOTH
def test_each_bit_is_signed(read: Read, text: str) -> None:
    prefix, _, encoded = text.partition(":")
    raw = from_base45(encoded)
    for at in range(len(raw)):
        damaged = raw[:at] + bytes((raw[at] ^ 1,)) + raw[at + 1 :]
        with pytest.raises(ProtocolError):
            read(f"{prefix}:{to_base45(damaged)}")


@BOTH
def test_what_is_no_offer_is_refused(read: Read, text: str) -> None:
    prefix, _, encoded = text.partition(":")
    raw = from_base45(encoded)
    name = raw[122:-96]
    assert name == b"bank"
    for other in (
        "",
        prefix,
        f"{prefix}:",
        encoded,
        text.lower(),
        " " + text,
        text + "0" * 300,
        f"https://bank.example/{text}",
        f"PTERI-PHONE1:{encoded}",
        f"PTERI1:{encoded}",
        CARD if text == TEXT else TEXT,
        f"{prefix}:{to_base45(raw[:122] + raw[-96:])}",
        f"{prefix}:{to_base45(raw[:122] + b't' * 33 + raw[-96:])}",
        f"{prefix}:{to_base45(raw[:122] + bytes((0xC3, 0xA4)) + raw[-96:])}",
        f"{prefix}:{to_base45(bytes((2,)) + raw[1:])}",
    ):
        with pytest.raises(Malformed) as refused:
            read(other)
        assert refused.value.code is Code.OFFER, other


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(Malformed):
        parse_offer(TEXT.encode(), expected_tenant=BANK, at=SHOWN_AT)  # type: ignore[arg-type]  # from a caller without types


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"mailbox": bytes(15)}, Code.LENGTH),
        ({"channel_key": bytes(31)}, Code.LENGTH),
        ({"secret": Secret(bytes(33))}, Code.LENGTH),
        ({"expires_at": -1}, Code.FIELD),
        ({"expires_at": 2**64}, Code.FIELD),
        ({"tenant": "A bank"}, Code.FIELD),
    ],
    ids=str,
)
def test_an_offer_of_other_values_is_not_made(values: dict[str, object], code: Code) -> None:
    usual: dict[str, object] = {
        "tenant": BANK,
        "mailbox": bytes(16),
        "channel_key": fixed("key"),
        "secret": Secret(fixed("secret")),
        "expires_at": EXPIRES_AT,
    }
    with pytest.raises(Malformed) as refused:
        make_offer(NEW_PHONE, **(usual | values))  # type: ignore[arg-type]  # the point is to pass wrong ones
    assert refused.value.code is code


def test_a_signature_of_another_phone_makes_no_offer() -> None:
    other = DevicePrivateKey(Secret(fixed("another phone")))
    raw = from_base45(CARD.removeprefix("PTERI-CARD1:"))
    forged = raw[:-64] + other.sign(b"PTERI-MIG1:" + raw[:-64])
    with pytest.raises(NotAuthentic) as refused:
        read_card("PTERI-CARD1:" + to_base45(forged))
    assert refused.value.code is Code.DEVICE_SIGNATURE


def test_the_secret_is_not_shown() -> None:
    assert OFFER.secret.reveal().hex() not in repr(OFFER)
    assert "Secret(32 bytes)" in repr(OFFER)


def test_near_is_what_is_heard_and_without_radio_nothing_is_known() -> None:
    assert is_near(OFFER.card, {OFFER.card.beacon, bytes(16)})
    assert not is_near(OFFER.card, None)
    assert not is_near(OFFER.card, ())


def test_another_phone_nearby_than_the_one_that_was_scanned_is_refused() -> None:
    with pytest.raises(NotAuthentic) as refused:
        is_near(OFFER.card, {bytes(16)})
    assert refused.value.code is Code.BEACON
