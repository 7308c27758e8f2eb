"""vectors/transfer.json: two phones of any make must say this to each other, and take nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
import pytest

from pteri.core.errors import Code, ProtocolError
from pteri.core.ids import TenantId
from pteri.core.transfer.elder import Elder
from pteri.core.transfer.newcomer import Newcomer
from pteri.core.transfer.offer import parse_card, parse_offer
from pteri.core.transfer.sighting import decode_sighting
from transfers import HELD_UNTIL, INDEX, WORDS, agreed, approved, matched, new_phone, newcomer_keys, old_phone
from vectors import make_transfer


class Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    at: int


class OfferCase(Case, forbid_unknown_fields=True, kw_only=True):
    kind: Literal["offer", "card"]
    tenant: TenantId
    text: str


class MessageCase(Case, forbid_unknown_fields=True, kw_only=True):
    step: Literal["offered", "confirmed", "greeted", "matched", "delivered"]
    frame: str


class SightingCase(Case, forbid_unknown_fields=True, kw_only=True):
    raw: str
    json: str


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-transfer-vectors-2"]
    note: str
    offers: list[OfferCase]
    conversation: dict[str, str | int]
    messages: list[MessageCase]
    sightings: list[SightingCase]


VECTORS = msgspec.json.decode(make_transfer.FILE.read_bytes(), type=Vectors)


def why(case: Case) -> str:
    return case.why


def settle(case: Case, call: Callable[[], object]) -> None:
    if case.expect == "accept":
        call()
        return
    with pytest.raises(ProtocolError) as refused:
        call()
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", VECTORS.offers, ids=why)
def test_offers_and_cards(case: OfferCase) -> None:
    def read() -> object:
        if case.kind == "offer":
            return parse_offer(case.text, expected_tenant=case.tenant, at=case.at).card
        return parse_card(case.text, expected_tenant=case.tenant, at=case.at)

    settle(case, read)
    if case.expect == "accept":
        # Whatever the signature is: it is the same offer, and pins the same things.
        card = newcomer_keys().offer.card
        found = parse_card(card.encode(), expected_tenant=case.tenant, at=case.at)
        assert (found.digest, found.beacon) == (card.digest, card.beacon)


def _phones(step: str) -> tuple[Elder, Newcomer]:
    newcomer = new_phone()
    elder = old_phone(newcomer.keys.offer)
    if step in {"offered", "greeted"}:
        return elder, newcomer
    if step == "matched":
        return matched(elder, newcomer)
    if step == "confirmed":
        return agreed(elder, newcomer)
    elder, newcomer = approved(elder, newcomer)
    return elder.delivered(WORDS, INDEX, at=HELD_UNTIL)[0], newcomer


@pytest.mark.parametrize("case", VECTORS.messages, ids=why)
def test_messages(case: MessageCase) -> None:
    frame, (elder, newcomer) = bytes.fromhex(case.frame), _phones(case.step)
    hear: dict[str, Callable[[], object]] = {
        "offered": lambda: newcomer.heard(frame, at=case.at),
        "confirmed": lambda: newcomer.received(frame, at=case.at),
        "greeted": lambda: elder.heard_ok(frame, at=case.at),
        "matched": lambda: elder.heard_confirmed(frame, at=case.at),
        "delivered": lambda: elder.heard_done(frame),
    }
    settle(case, hear[case.step])


@pytest.mark.parametrize("case", VECTORS.sightings, ids=why)
def test_sightings(case: SightingCase) -> None:
    raw = bytes.fromhex(case.raw)
    settle(case, lambda: decode_sighting(raw))
    if case.expect == "accept":
        assert msgspec.json.encode(decode_sighting(raw)).decode() == case.json


def test_the_whole_conversation_is_the_one_in_the_file() -> None:
    assert VECTORS.conversation == make_transfer.conversation()


def test_the_file_is_what_its_maker_writes() -> None:
    assert make_transfer.FILE.read_text(encoding="utf-8") == make_transfer.document()


@pytest.mark.parametrize("name", ["offers", "messages", "sightings"])
def test_refusals_outnumber_acceptances_and_each_case_has_its_own_reason(name: str) -> None:
    cases: list[Case] = getattr(VECTORS, name)
    assert sum(case.expect == "reject" for case in cases) > sum(case.expect == "accept" for case in cases)
    assert len({case.why for case in cases}) == len(cases)
