"""Offers of a new phone. More texts, good and bad, are in vectors/phone.json."""

from __future__ import annotations

import hashlib

import pytest

from pteri.core import ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Code, Malformed, NotAuthentic, OutOfWindow, ProtocolError
from pteri.core.offer import OFFER_LIFE_S, make_offer, parse_offer
from statements import ISSUED_AT, NEW_PHONE

BANK = ids.tenant_id("bank")
EXPIRES_AT = ISSUED_AT + OFFER_LIFE_S
RANDOM = bytes(range(16))
OFFER = make_offer(NEW_PHONE, tenant=BANK, expires_at=EXPIRES_AT, random=RANDOM)
PREFIX = "PTERI-PHONE1:"


def test_an_offer_names_the_key_of_the_phone_that_shows_it() -> None:
    offer = parse_offer(OFFER, expected_tenant=BANK, at=ISSUED_AT)
    assert offer.device_key == NEW_PHONE.public.sec1
    assert (offer.tenant, offer.expires_at) == (BANK, EXPIRES_AT)


def test_digest_and_transcript_pin_the_whole_body_under_different_labels() -> None:
    body = from_base45(OFFER.removeprefix(PREFIX))[:-64]
    offer = parse_offer(OFFER, expected_tenant=BANK, at=ISSUED_AT)
    assert ids.digest_bytes(offer.digest) == hashlib.sha256(b"PTERI-OFFER-v1\0" + body).digest()
    assert ids.digest_bytes(offer.transcript) == hashlib.sha256(b"PTERI-TRANSCRIPT-v1\0" + body).digest()
    again = make_offer(NEW_PHONE, tenant=BANK, expires_at=EXPIRES_AT, random=RANDOM[::-1])
    assert parse_offer(again, expected_tenant=BANK, at=ISSUED_AT).digest != offer.digest


@pytest.mark.parametrize("at", [EXPIRES_AT - 2 * OFFER_LIFE_S, ISSUED_AT, EXPIRES_AT - 1])
def test_an_offer_is_good_until_it_expires(at: int) -> None:
    assert parse_offer(OFFER, expected_tenant=BANK, at=at).expires_at == EXPIRES_AT


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (EXPIRES_AT, Code.EXPIRED),
        (EXPIRES_AT + 1, Code.EXPIRED),
        (EXPIRES_AT - 2 * OFFER_LIFE_S - 1, Code.LIFETIME),
        (0, Code.LIFETIME),
    ],
)
def test_outside_its_time_an_offer_is_nothing(at: int, code: Code) -> None:
    with pytest.raises(OutOfWindow) as refused:
        parse_offer(OFFER, expected_tenant=BANK, at=at)
    assert refused.value.code is code


def test_an_offer_for_another_service_is_not_for_this_one() -> None:
    with pytest.raises(NotAuthentic) as refused:
        parse_offer(OFFER, expected_tenant=ids.tenant_id("shop"), at=ISSUED_AT)
    assert refused.value.code is Code.OFFER


def test_no_bit_of_an_offer_can_be_changed() -> None:
    raw = from_base45(OFFER.removeprefix(PREFIX))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ProtocolError):
            parse_offer(PREFIX + to_base45(bytes(changed)), expected_tenant=BANK, at=ISSUED_AT)


@pytest.mark.parametrize("size", [0, 1, 64, 65, 153, 186, 200])
def test_an_offer_of_another_size_is_refused_before_any_key_work(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        parse_offer(PREFIX + to_base45(b"\x04" * size), expected_tenant=BANK, at=ISSUED_AT)
    assert refused.value.code is Code.OFFER


@pytest.mark.parametrize("size", [321, 10_000_000])
def test_a_text_over_320_characters_is_not_decoded(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        parse_offer(PREFIX.ljust(size, "z"), expected_tenant=BANK, at=ISSUED_AT)
    assert refused.value.code is Code.OFFER


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_an_offer_is_made_from_16_random_bytes(size: int) -> None:
    with pytest.raises(Malformed) as refused:
        make_offer(NEW_PHONE, tenant=BANK, expires_at=EXPIRES_AT, random=bytes(size))
    assert refused.value.code is Code.LENGTH


@pytest.mark.parametrize("expires_at", [-1, 2**64, 10**30])
def test_an_instant_that_does_not_fit_its_eight_bytes_makes_no_offer(expires_at: int) -> None:
    with pytest.raises(Malformed) as refused:
        make_offer(NEW_PHONE, tenant=BANK, expires_at=expires_at, random=RANDOM)
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("tenant", ["", "BANK", "t" * 33, "b\u00e4nk", "bank\0"])
def test_a_tenant_outside_its_grammar_makes_no_offer(tenant: str) -> None:
    with pytest.raises(Malformed) as refused:
        make_offer(NEW_PHONE, tenant=ids.TenantId(tenant), expires_at=EXPIRES_AT, random=RANDOM)
    assert refused.value.code is Code.FIELD


@pytest.mark.parametrize("value", [None, 7, b"PTERI-PHONE1:", "\ud800", PREFIX + "\ud800\ud800"])
def test_what_was_scanned_is_text(value: str) -> None:
    with pytest.raises(Malformed):
        parse_offer(value, expected_tenant=BANK, at=ISSUED_AT)
