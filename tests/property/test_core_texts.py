"""Base45, invitations, offers, ids, codes and payloads: canonical form only, and no exception but ours."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pteri.core import ids
from pteri.core.base45 import from_base45, to_base45
from pteri.core.errors import Malformed, ProtocolError
from pteri.core.esim import line_commitment
from pteri.core.invitation import Invitation, parse_invitation
from pteri.core.keys.secret import Secret
from pteri.core.otp import one_time_code, parse_code, spaced
from pteri.core.transfer.offer import make_offer, parse_card, parse_offer
from pteri.core.verify import Payload, decode_payload, verify, verify_wallet
from pteri.core.wallets import pin_wallet
from signing import URI, WALLET, enrolment, named, payload, request
from statements import EXAMPLES, ISSUED_AT, NEW_PHONE, PHONE
from transfers import newcomer_keys

few = settings(max_examples=200, deadline=None)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
BANK = ids.tenant_id("bank")
OFFER = newcomer_keys().offer.encode()
SIGN_IN = named(EXAMPLES["sign in, with a line"])
BIND = named(EXAMPLES["link an account, with a line"])
GOOD = payload(SIGN_IN)
BODIES = [msgspec.json.encode(GOOD), msgspec.json.encode(payload(BIND, enrolment=enrolment()))]

crockford = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=12, max_size=26)
requests = crockford.map(lambda text: ids.request_id(f"lgn_{text}"))
tenants = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True).map(ids.tenant_id)
two_digits = st.integers(0, 99).map(lambda number: f"{number:02d}")
origins = st.builds(
    lambda host, port: f"https://{host}" + (f":{port}" if port else ""),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]{2,9})?", fullmatch=True),
    st.none() | st.integers(1, 65_535).filter(lambda port: port != 443),
)


@st.composite
def spoilt(draw: st.DrawFn, good: str) -> str:
    """A text with some of it replaced."""
    start = draw(st.integers(0, len(good)))
    end = draw(st.integers(start, min(len(good), start + 6)))
    return good[:start] + draw(st.text(ALPHABET, max_size=6) | st.text(max_size=3)) + good[end:]


# --- base45 and base64url ----------------------------------------------------------------------------------------


@few
@given(st.binary(max_size=200))
def test_bytes_come_back_from_base45_and_base64url(raw: bytes) -> None:
    assert from_base45(to_base45(raw)) == raw
    assert ids.from_base64url(ids.to_base64url(raw)) == raw


@few
@given(st.text(ALPHABET, max_size=60) | st.text(max_size=30))
def test_base45_reads_only_what_it_writes(text: str) -> None:
    try:
        raw = from_base45(text)
    except Malformed:
        return
    assert to_base45(raw) == text


@few
@given(st.text("ABCDwxyz0189-_", max_size=60) | st.text(max_size=30))
def test_base64url_reads_only_what_it_writes(text: str) -> None:
    try:
        raw = ids.from_base64url(text)
    except Malformed:
        return
    assert ids.to_base64url(raw) == text


# --- invitations and offers --------------------------------------------------------------------------------------


@few
@given(st.builds(Invitation, requests, tenants, two_digits, origins))
def test_an_invitation_comes_back(invitation: Invitation) -> None:
    assert parse_invitation(invitation.encode()) == invitation


@few
@given(
    st.text(max_size=80)
    | st.text(ALPHABET, max_size=80).map("PTERI1:".__add__)
    | st.binary(max_size=80).map(lambda raw: "PTERI1:" + to_base45(raw))
    | st.builds(Invitation, requests, tenants, two_digits, origins).flatmap(lambda good: spoilt(good.encode()))
)
def test_any_text_is_an_invitation_in_its_one_spelling_or_malformed(text: str) -> None:
    try:
        invitation = parse_invitation(text)
    except Malformed:
        return
    assert invitation.encode() == text


@few
@given(st.builds(Invitation, *([st.text(max_size=40) | st.none() | st.integers()] * 4)))
def test_an_invitation_of_any_values_is_read_back_equal_or_malformed(invitation: Invitation) -> None:
    try:
        text = invitation.encode()
    except Malformed:
        return
    assert parse_invitation(text) == invitation


@few
@given(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32), tenants)
def test_an_offer_is_good_in_its_last_twenty_minutes(
    expires_at: int, mailbox: bytes, secret: bytes, tenant: ids.TenantId
) -> None:
    made = make_offer(
        NEW_PHONE,
        tenant=tenant,
        mailbox=mailbox,
        channel_key=secret[::-1],
        secret=Secret(secret),
        expires_at=expires_at,
    )
    offer = parse_offer(made.encode(), expected_tenant=tenant, at=expires_at - 1)
    assert (offer, offer.secret) == (made, made.secret)
    assert parse_card(made.card.encode(), expected_tenant=tenant, at=expires_at - 1) == made.card


@few
@given(
    st.text(max_size=80)
    | st.text(ALPHABET, max_size=300).map("PTERI-MIG1:".__add__)
    | st.binary(min_size=215, max_size=255).map(lambda raw: "PTERI-MIG1:" + to_base45(raw))
    | spoilt(OFFER)
)
def test_any_text_is_the_offer_that_was_signed_or_refused(text: str) -> None:
    try:
        offer = parse_offer(text, expected_tenant=BANK, at=ISSUED_AT)
    except ProtocolError:
        return
    assert offer == parse_offer(OFFER, expected_tenant=BANK, at=ISSUED_AT)
    assert text == OFFER


@few
@given(st.text(max_size=70), st.binary(max_size=40), st.text(max_size=40))
def test_a_line_of_any_values_has_a_commitment_or_is_malformed(line: str, salt: bytes, tenant: str) -> None:
    try:
        commitment = line_commitment(line, salt=salt, tenant=ids.TenantId(tenant))
    except Malformed:
        return
    assert ids.digest(commitment) == commitment


# --- codes -------------------------------------------------------------------------------------------------------


@few
@given(st.text(max_size=12) | st.from_regex(r"[0-9]{4} ?[0-9]{4}", fullmatch=True))
def test_a_typed_code_is_eight_ascii_digits_or_malformed(text: str) -> None:
    try:
        code = parse_code(text)
    except Malformed:
        return
    assert len(code) == 8
    assert set(code) <= set("0123456789")
    assert text in {code, spaced(code)}


@few
@given(
    st.binary(max_size=100),
    *([st.binary(min_size=63, max_size=65) | st.binary(min_size=64, max_size=64)] * 2),
    st.text(max_size=20),
    st.binary(min_size=31, max_size=33) | st.binary(min_size=32, max_size=32),
    st.text(max_size=20),
    st.integers(0, 12),
)
def test_a_code_of_any_values_has_its_digits_or_is_malformed(  # noqa: PLR0917  # as many as a code is made of
    statement: bytes, wallet: bytes, device: bytes, request_id: str, session: bytes, nonce: str, digits: int
) -> None:
    try:
        code = one_time_code(
            statement,
            wallet_signature=wallet,
            device_signature=device,
            request_id=request_id,
            session_hash=session,
            nonce=nonce,
            digits=digits,
        )
    except Malformed:
        return
    assert parse_code(code, digits=digits) == code


# --- payloads ----------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Any bytes, any JSON, a good payload with a value replaced, or one with bytes replaced."""
    good = draw(st.sampled_from(BODIES))
    form = draw(st.sampled_from(["bytes", "json", "field", "spoilt"]))
    if form == "bytes":
        return draw(st.binary(max_size=200))
    if form == "json":
        return msgspec.json.encode(draw(json_values))
    if form == "field":
        built: dict[str, Any] = msgspec.json.decode(good)
        built[draw(st.sampled_from([*built, "extra"]))] = draw(json_values)
        return msgspec.json.encode(built)
    start = draw(st.integers(0, len(good)))
    end = draw(st.integers(start, min(len(good), start + 8)))
    return good[:start] + draw(st.binary(max_size=4) | st.sampled_from([b" ", b"\\u0041", b'","'])) + good[end:]


@few
@given(bodies())
def test_any_body_is_a_payload_in_its_one_spelling_or_malformed(body: bytes) -> None:
    try:
        found = decode_payload(body)
    except Malformed:
        return
    assert msgspec.json.encode(found) == body


@few
@given(bodies())
def test_any_body_that_a_phone_signs_is_the_expected_answer_or_refused(body: bytes) -> None:
    try:
        verified = verify(
            request(body),
            expected=SIGN_IN,
            expected_act=type(SIGN_IN.act),
            expected_wallet=WALLET.pinned,
            expected_device=PHONE.public,
            expected_network="main",
            expected_method="POST",
            expected_target_uri=URI,
            at=ISSUED_AT + 5,
        )
    except ProtocolError:
        return
    # Only what names the program may differ.
    assert msgspec.structs.replace(decode_payload(body), client=GOOD.client) == GOOD
    assert verified.statement == SIGN_IN


@few
@given(st.text(max_size=100), st.text(max_size=50))
def test_a_payload_of_any_texts_is_refused_by_one_of_ours(signature: str, sha256: str) -> None:
    lie = Payload(msgspec.structs.replace(GOOD.wallet_signature, signature=signature), ids.Digest(sha256))
    for statement_sha256 in (lie.statement_sha256, GOOD.statement_sha256):
        try:
            verify_wallet(
                msgspec.structs.replace(lie, statement_sha256=statement_sha256),
                expected=SIGN_IN,
                expected_wallet=WALLET.pinned,
                expected_network="main",
            )
        except ProtocolError:
            continue
        raise AssertionError("a text that was never signed was accepted")


@few
@given(st.text(max_size=70), st.text(max_size=60), st.sampled_from(["main", "test", "regtest", "", "bitcoin"]))
def test_a_wallet_of_any_texts_is_pinned_as_itself_or_refused(address: str, key: str, network: str) -> None:
    try:
        pin_wallet(address, key, WALLET.signature_type, network=network)
    except ProtocolError:
        return
    raise AssertionError("a text that is no address was pinned")


READERS = [
    *(ids.account_id, ids.request_id, ids.nonce, ids.thumbprint, ids.digest, ids.domain, ids.tenant_id),
    *(ids.idempotency_key, ids.address_text),
]


@few
@given(st.sampled_from(READERS), st.text(max_size=70) | st.text("acwxt_019AZ-.", max_size=50))
def test_any_text_is_an_id_unchanged_or_malformed(read: Any, text: str) -> None:
    try:
        assert read(text) == text
    except Malformed:
        return
    assert text.isascii()
    assert not any(one.isspace() for one in text)
