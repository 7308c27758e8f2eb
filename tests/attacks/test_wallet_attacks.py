"""Abuse cases against the wallet: PR-09 and PR-10, and what a thief does to an invitation: PR-08 and PR-17."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from builders import digest
from phones import EMAIL, client, hand, linked, linked_also, through, unasked
from pteri.core import wire
from pteri.core.ids import from_base64url, to_base64url
from pteri.core.invitation import Invitation, parse_invitation
from pteri.core.statement import Statement
from pteri.wallet.client import BrowserSession
from pteri.wallet.refusals import BAD_ANSWER, UNREACHABLE, SafetyCode, ServerError, UnsafeError
from pteri.wallet.server import Reply, Request
from pteri.wallet.wallet import Wallet
from world import ALICE_WORDS, MALLORY_WORDS, World

WALLET = Wallet.from_mnemonic(ALICE_WORDS)


def signed_in(world: World) -> Statement:
    """A statement the wallet has just signed in a ceremony of its own."""
    held = linked(world)
    return held.phone().approve(client(world).start_sign_in(EMAIL).qr).statement


@pytest.mark.parametrize("kind", [str, bytes, bytearray, memoryview])
def test_pr_09_the_wallet_refuses_a_ready_made_text_in_the_place_of_typed_fields(world: World, kind: type[Any]) -> None:
    text = signed_in(world).encode()
    handed: Any = text.decode() if kind is str else kind(text)
    with pytest.raises(UnsafeError) as refused:
        WALLET.sign_statement(handed)
    assert refused.value.code is SafetyCode.NOT_TYPED_FIELDS


def test_pr_09_an_object_that_only_encodes_itself_to_a_text_is_not_signed(world: World) -> None:
    made = signed_in(world)

    class Impostor:
        address, chain = made.address, made.chain

        def encode(self) -> bytes:
            return b"I owe you everything."

    impostor: Any = Impostor()
    with pytest.raises(UnsafeError) as refused:
        WALLET.sign_statement(impostor)
    assert refused.value.code is SafetyCode.NOT_TYPED_FIELDS


@pytest.mark.parametrize("extra", ["text", "message", "statement_text"])
def test_pr_09_a_server_cannot_send_a_text_along_with_the_fields(world: World, extra: str) -> None:
    held = linked(world)
    waiting = client(world).start_sign_in(EMAIL)

    def forge(request: Request) -> Reply | None:
        if not request.target_uri.endswith("/claim"):
            return None
        told = through(world, request).json
        return Reply(200, msgspec.json.encode(told | {extra: "I owe you everything."}))

    held.wire.forge = forge
    before = len(held.wire.responses)
    with pytest.raises(ServerError) as refused:
        held.phone().approve(waiting.id, number=waiting.number)
    assert refused.value.code == BAD_ANSWER
    assert len(held.wire.responses) == before


def test_pr_09_what_the_phone_signs_is_what_its_owner_was_shown(world: World) -> None:
    held = linked(world)
    shown = held.phone().approve(client(world).start_sign_in(EMAIL).qr)
    review = held.owner.shown[-1]
    assert review.text.encode() == shown.statement.encode()
    payload = msgspec.json.decode(held.wire.responses[-1].body)
    assert payload["wallet_signature"]["signature"] == WALLET.sign_statement(shown.statement)
    assert review.sha256_hex == shown.statement.sha256().hex().upper()


LOOK_ALIKES = [
    "evil.example wants you to sign in with your Litecoin account:",
    "Dear Alice! bank.example WANTS YOU TO SIGN IN WITH YOUR LITECOIN ACCOUNT: thank you",
    "bank.example wants you to\nREMOVE A PHONE\nwith your Litecoin account:\n",
    "\ufeffbank.example wants you to sign in with your Litecoin account:\nL...",
    "bank.example wants you to sign in with your Litecoin account:\r\nURI: https://bank.example/",
    "bank.example wants you to sign in with your Lite\u200bcoin account:",
    "bank.example wants\u00a0you to sign in with\tyour\u2003Litecoin account:",
    "bank.example \uff57\uff41\uff4e\uff54\uff53 you to sign in with your Litecoin account:",
]


@pytest.mark.parametrize("allow", [False, True])
@pytest.mark.parametrize("text", LOOK_ALIKES)
def test_pr_10_a_text_that_only_looks_like_a_statement_is_never_signed(text: str, allow: bool) -> None:
    with pytest.raises(UnsafeError) as refused:
        WALLET.sign(text, allow_statement=allow)
    assert refused.value.code is SafetyCode.LOOKS_LIKE_STATEMENT


def test_pr_10_even_an_exact_statement_is_signed_in_its_own_ceremony_only(world: World) -> None:
    with pytest.raises(UnsafeError) as refused:
        WALLET.sign(signed_in(world).encode())
    assert refused.value.code is SafetyCode.LOOKS_LIKE_STATEMENT


@pytest.mark.parametrize("change", [b" ", b"\n", b"\x00"])
def test_pr_10_a_statement_with_one_byte_more_is_no_statement(world: World, change: bytes) -> None:
    exact = signed_in(world).encode()
    for text in (exact + change, change + exact, exact.replace(b"Version: 1\n", b"Version: 1" + change + b"\n")):
        with pytest.raises(UnsafeError) as refused:
            WALLET.sign(text, allow_statement=True)
        assert refused.value.code is SafetyCode.LOOKS_LIKE_STATEMENT


def test_pr_10_ordinary_texts_are_signed() -> None:
    assert WALLET.sign("Lets test Pteri Node sign a Signature")
    assert WALLET.sign("He wants you to sign in with your Bitcoin account:")


def test_pr_10_the_fields_of_a_claim_are_the_only_way_in(world: World) -> None:
    """A claim is decoded strictly: unknown fields in statement or act are another protocol, not ours."""
    made = signed_in(world)
    told = msgspec.to_builtins(wire.Claimed(made))
    told["statement"]["act"]["note"] = "sign this, too"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, wire.Claimed)


# --- PR-08: what is scanned, with one value changed ----------------------------------------------------------------


def changed(name: str, value: Callable[[Any], object]) -> Callable[[Invitation], Invitation]:
    """The invitation with one value that a thief would rather have; the checks of its grammar are passed."""

    def change(invitation: Invitation) -> Invitation:
        terms = invitation.terms
        assert terms is not None
        if name in terms.__struct_fields__:
            terms = msgspec.structs.replace(terms, **{name: value(getattr(terms, name))})
            return msgspec.structs.replace(invitation, terms=terms)
        return msgspec.structs.replace(invitation, **{name: value(getattr(invitation, name))})

    return change


def other_ticket(ticket: str) -> str:
    raw = from_base64url(ticket)
    return to_base64url(raw[:-1] + bytes([raw[-1] ^ 0x10]))


THIEFS_SESSION = digest("the thief's own browser")
UNSEEN = {
    "session": changed("session", lambda _: THIEFS_SESSION),
    "number": changed("number", lambda number: f"{(int(number) + 1) % 100:02d}"),
    "nonce": changed("nonce", lambda nonce: nonce[:-1] + ("1" if nonce.endswith("0") else "0")),
    "nonce of another second": changed("nonce", lambda nonce: "00000000" + nonce[8:]),
    "issued earlier": changed("issued_at", lambda at: at - 1),
    "issued later": changed("issued_at", lambda at: at + 1),
    "expires earlier": changed("expires_at", lambda at: at - 1),
    "expires later": changed("expires_at", lambda at: at + 100),
    "ticket": changed("ticket", other_ticket),
    "ticket of nobody": changed("ticket", lambda _: to_base64url(bytes(13))),
    "request": changed("request", lambda request: request[:-1] + ("1" if request.endswith("0") else "0")),
}
"""What only the server can tell. The number is shown to the owner, who has another one on the screen."""
SEEN = {
    "tenant": (changed("tenant", lambda _: "shop"), "tenant"),
    "origin": (changed("origin", lambda _: "https://evil.example"), "origin"),
    "origin without TLS": (changed("origin", lambda _: "http://pteri.example"), "origin"),
    "already over": (changed("issued_at", lambda at: at - 1000), "issued_at"),
    "for ever": (changed("expires_at", lambda at: at + 60_000), "issued_at"),
    "from tomorrow": (changed("issued_at", lambda at: at + 100), "issued_at"),
}


@pytest.mark.parametrize("what", UNSEEN)
def test_pr_08_an_invitation_that_a_thief_changed_signs_nobody_in(world: World, what: str) -> None:
    held, waiting = linked(world), unasked(world)
    forged = UNSEEN[what](parse_invitation(waiting.qr))
    assert forged != parse_invitation(waiting.qr)
    with pytest.raises(ServerError) as denied:
        held.phone().approve(forged.encode())
    assert (denied.value.code, denied.value.status) == ("DENIED", 401)
    for request in {forged.request, waiting.id}:
        assert client(world).progress(request).state == "WAITING"
    # And the real one is as good as before.
    code = held.phone().approve(waiting.qr).code
    assert client(world).enter_code(waiting.id, code, waiting.session).state == "COMPLETED"


@pytest.mark.parametrize("what", SEEN)
def test_pr_08_what_the_phone_can_see_in_an_invitation_it_refuses_before_it_signs(world: World, what: str) -> None:
    held, waiting = linked(world), unasked(world)
    change, field = SEEN[what]
    sent, asked = len(held.wire.sent), len(held.owner.shown)
    with pytest.raises(UnsafeError) as refused:
        held.phone().approve(change(parse_invitation(waiting.qr)).encode())
    assert refused.value.field == field
    assert (len(held.wire.sent), len(held.owner.shown)) == (sent, asked)


def test_pr_08_the_terms_of_two_sign_ins_cannot_be_mixed(world: World) -> None:
    """Also of two that were begun in the same second, for the same login."""
    held = linked(world)
    one, other = (parse_invitation(unasked(world).qr) for _ in range(2))
    assert one.terms is not None
    assert other.terms is not None
    for name in ("session", "nonce", "ticket"):
        mixed = msgspec.structs.replace(one.terms, **{name: getattr(other.terms, name)})
        with pytest.raises(ServerError) as denied:
            held.phone().approve(msgspec.structs.replace(one, terms=mixed).encode())
        assert denied.value.status == 401
    with pytest.raises(ServerError):
        held.phone().approve(msgspec.structs.replace(one, terms=other.terms).encode())


def test_pr_08_a_thief_who_gets_his_own_session_approved_does_not_get_in(world: World) -> None:
    """The owner scans a code in which the session is the thief's: the code he is shown opens nothing, anywhere."""
    held, waiting = linked(world), unasked(world)
    thiefs = BrowserSession(to_base64url(b"t" * 32))
    forged = changed("session", lambda _: thiefs.hash)(parse_invitation(waiting.qr))
    with pytest.raises(ServerError):
        held.phone().approve(forged.encode())
    for code in ("00000000", "12345678"):
        with pytest.raises(ServerError) as denied:
            client(world).enter_code(waiting.id, code, thiefs)
        assert denied.value.status == 401


def test_pr_08_a_code_that_another_account_photographed_signs_nobody_in(world: World) -> None:
    owner, waiting = linked(world), unasked(world)
    mallory, site = hand(world, "mallory's phone", MALLORY_WORDS), client(world)
    binding = site.start_binding("mallory@example.com")
    site.enter_code(binding.id, mallory.phone().enroll(binding.qr).code, binding.session)
    with pytest.raises(ServerError) as denied:
        mallory.phone().approve(waiting.qr)
    assert denied.value.status == 401
    assert site.progress(waiting.id).state == "WAITING"
    shown = owner.phone().approve(waiting.qr)
    assert site.enter_code(waiting.id, shown.code, waiting.session).account == shown.statement.act.account


def test_pr_08_of_two_phones_that_scan_one_code_the_first_one_signs_in(world: World) -> None:
    first = linked(world)
    second = linked_also(world, first)
    first.phone().approve(unasked(world).qr)  # now both know the account as it is
    waiting = unasked(world)
    code = second.phone().approve(waiting.qr).code
    with pytest.raises(ServerError) as late:
        first.phone().approve(waiting.qr)
    assert (late.value.code, late.value.status) == ("CHALLENGE_CONSUMED", 409)
    assert client(world).enter_code(waiting.id, code, waiting.session).device == second.phone().thumbprint


# --- PR-17: an account that has changed since -------------------------------------------------------------------------


def test_pr_17_a_scanned_sign_in_of_an_epoch_that_is_over_counts_for_nothing(world: World) -> None:
    """Signed before the change and sent after it, by a phone that is itself as good as ever."""
    held, waiting = linked(world), unasked(world)
    kept: list[Request] = []

    def forge(request: Request) -> Reply | None:
        if request.target_uri.endswith("/response"):
            kept.append(request)
            raise ServerError(UNREACHABLE, "kept back")
        return None

    held.wire.forge = forge
    with pytest.raises(ServerError):
        held.phone().approve(waiting.qr)
    held.wire.forge = lambda _: None
    held.phone().protect(None)
    late = through(world, kept[0])
    assert (late.status, late.code) == (401, "DENIED")
    assert client(world).progress(waiting.id).state == "WAITING"
