"""The relying party's client against the real service."""

from __future__ import annotations

import hashlib

import pytest

from phones import EMAIL, Wire, client, linked
from pteri.core.errors import Code, Malformed
from pteri.core.ids import digest_text, from_base64url, to_base64url
from pteri.wallet.client import BrowserSession, Client
from pteri.wallet.refusals import ServerError
from world import ORIGIN, SimEntropy, World

SECRET = to_base64url(b"s" * 32)


def test_a_session_keeps_its_secret_to_itself_and_tells_its_hash() -> None:
    session = BrowserSession(SECRET)
    assert session.hash == digest_text(hashlib.sha256(b"s" * 32).digest())
    assert SECRET not in repr(session)
    assert session.hash not in repr(session)
    entropy = SimEntropy("sessions")
    assert BrowserSession.new(entropy=entropy) != BrowserSession.new(entropy=entropy)


@pytest.mark.parametrize(
    "secret", ["", "x", SECRET + "=", SECRET[:-1] + "t", to_base64url(bytes(31)), to_base64url(bytes(33))]
)
def test_a_session_secret_has_32_bytes_in_one_spelling(secret: str) -> None:
    with pytest.raises(Malformed) as refused:
        BrowserSession(secret)
    assert refused.value.code in {Code.ENCODING, Code.LENGTH}


def test_a_key_may_be_given_as_text(world: World) -> None:
    secret = to_base64url(world.sites["bank"].private.secret.reveal())
    site = Client(ORIGIN, "bank", secret, transport=Wire(world), clock=world.clock, entropy=SimEntropy("key as text"))
    with site:
        assert site.start_sign_in(EMAIL).qr.startswith("PTERI1:")
    assert secret not in repr(site)


@pytest.mark.parametrize("key", ["", "AA", "!" * 43, to_base64url(bytes(32)), to_base64url(b"\xff" * 32)])
def test_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    with pytest.raises(Malformed):
        Client(ORIGIN, "bank", key, transport=Wire(world), clock=world.clock, entropy=SimEntropy("no key"))


def test_a_stranger_starts_nothing(world: World) -> None:
    stranger = Client(
        ORIGIN,
        "bank",
        world.sites["shop"].private,
        transport=Wire(world),
        clock=world.clock,
        entropy=SimEntropy("stranger"),
    )
    with pytest.raises(ServerError) as refused:
        stranger.start_sign_in(EMAIL)
    assert (refused.value.status, refused.value.code) == (401, "DENIED")


def test_a_session_of_the_sites_own_is_kept(world: World) -> None:
    site = client(world)
    assert site.start_sign_in(EMAIL, SECRET).session == BrowserSession(SECRET)
    assert site.start_binding("bob@example.com", BrowserSession(SECRET)).session.secret == SECRET
    assert site.start_sign_in(EMAIL).session != site.start_sign_in(EMAIL).session


def test_the_code_counts_in_its_own_session_only(world: World) -> None:
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    code = held.phone().approve(waiting.qr).code
    with pytest.raises(ServerError) as refused:
        site.enter_code(waiting.id, code, SECRET)
    assert refused.value.status == 401
    assert site.enter_code(waiting.id, code, waiting.session).account


def test_three_wrong_codes_end_a_sign_in_and_nothing_else(world: World) -> None:
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    code = held.phone().approve(waiting.qr).code
    for wrong in (f"{(int(code) + step) % 10**8:08d}" for step in (1, 2, 3)):
        with pytest.raises(ServerError):
            site.enter_code(waiting.id, wrong, waiting.session)
    assert site.progress(waiting.id).state == "FAILED"
    with pytest.raises(ServerError):
        site.enter_code(waiting.id, code, waiting.session)
    again = site.start_sign_in(EMAIL)
    assert site.enter_code(again.id, held.phone().approve(again.qr).code, again.session).state == "COMPLETED"


def test_a_binding_is_followed_like_a_sign_in(world: World) -> None:
    site = client(world)
    waiting = site.start_binding(EMAIL)
    assert site.progress(waiting.id).state == "WAITING"
    world.clock.advance(300)
    assert site.progress(waiting.id).state == "EXPIRED"


@pytest.mark.parametrize("request_id", ["", "lgn", "mig_00000000000000000000000000", "../logins", "lgn_x/code"])
def test_an_id_that_is_of_no_sign_in_is_refused_before_anything_is_sent(world: World, request_id: str) -> None:
    site = client(world)
    with pytest.raises(Malformed):
        site.progress(request_id)
    with pytest.raises(Malformed):
        site.enter_code(request_id, "12345678", SECRET)


def test_what_a_browser_waits_with_hides_its_secret(world: World) -> None:
    waiting = client(world).start_sign_in(EMAIL)
    assert waiting.session.secret not in repr(waiting)
    assert len(from_base64url(waiting.session.secret)) == 32
