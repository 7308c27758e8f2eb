"""Abuse cases against the wallet: PR-09 and PR-10."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from phones import EMAIL, client, linked
from pteri.core import wire
from pteri.core.httpsig import SignedRequest
from pteri.core.statement import Statement
from pteri.wallet.refusals import BAD_ANSWER, SafetyCode, ServerError, UnsafeError
from pteri.wallet.server import Reply
from pteri.wallet.wallet import Wallet
from world import ALICE_WORDS, World

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
    invitation = client(world).start_sign_in(EMAIL).qr

    def forge(request: SignedRequest) -> Reply | None:
        if not request.target_uri.endswith("/claim"):
            return None
        told = world.send(request).json
        return Reply(200, msgspec.json.encode(told | {extra: "I owe you everything."}))

    held.wire.forge = forge
    before = len(held.wire.responses)
    with pytest.raises(ServerError) as refused:
        held.phone().approve(invitation)
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
