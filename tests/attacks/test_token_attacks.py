"""Tokens of relying parties: what a changed, old, foreign or stolen one is worth, and where it is never written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest
import structlog

from pteri.app.refusals import Denied
from pteri.app.tokens import LIFE_S, new_token, token_holder
from pteri.core import ids, wire
from pteri.core.httpsig import Tag
from pteri.core.ids import TenantId, Thumbprint
from thieves import EMAIL, SCANNED, WAYS, assert_denied, before, challenge_of, refusal, rewired, told
from world import Answered, Browser, Key, Site, World, bearing
from worlds import Worlds

SOME_LOGIN = "lgn_2Y7K4M9QWZ3T"


def started(world: World, token: str, site: str = "bank") -> Answered:
    """What the most harmless request with this token is told."""
    message = wire.StartSignIn(EMAIL, Browser("desk").session, prompt=False)
    return world.site(site).call("POST", "/logins", message, token=token)


# --- what it is for -----------------------------------------------------------------------------------------------


def test_a_whole_sign_in_goes_by_a_token(world: World) -> None:
    phone, browser, site = world.enrolled(), Browser("desk"), world.site()
    token = site.token()
    assert token.expires_at == world.clock.now() + LIFE_S
    asked = site.start_sign_in(EMAIL, browser, prompt=False, token=token.token)
    assert site.progress(asked, token=token.token) == "WAITING"
    shown = phone.scan(asked)
    typed = site.enter_code("logins", asked.id, shown.code, browser, token=token.token)
    assert typed.as_(wire.SignedIn).state == "COMPLETED"
    assert site.progress(asked, token=token.token) == "COMPLETED"


def test_signed_requests_and_those_with_a_token_are_requests_of_one_caller(world: World) -> None:
    phone, browser, site = world.enrolled(), Browser("desk"), world.site()
    asked = site.start_sign_in(EMAIL, browser)
    code, token, key = phone.approve(asked).code, site.token().token, "one-key-signed-or-not"
    signed = site.enter_code("logins", asked.id, code, browser, idempotency_key=key)
    assert signed.status == 200
    assert told(site.enter_code("logins", asked.id, code, browser, idempotency_key=key, token=token)) == told(signed)
    other = site.enter_code("logins", asked.id, code[::-1], browser, idempotency_key=key, token=token)
    assert refusal(other) == (409, "KEY_REUSED")


@pytest.mark.parametrize("token_first", [True, False])
def test_sv_05_one_key_with_another_body_conflicts_with_a_token_too(world: World, token_first: bool) -> None:
    site, key = world.site(), "one-key-for-two-requests"
    tokens = [site.token().token, None] if token_first else [None, site.token().token]
    answers = [
        site.call("POST", "/logins", wire.StartSignIn(EMAIL, Browser(name).session), idempotency_key=key, token=token)
        for name, token in zip(("one", "two"), tokens, strict=True)
    ]
    assert [refusal(answer) for answer in answers] == [(201, ""), (409, "KEY_REUSED")]


def test_a_start_with_a_token_that_is_repeated_hears_its_first_answer(world: World) -> None:
    site, message = world.site(), wire.StartSignIn(EMAIL, Browser("desk").session)
    token = site.token().token
    answers = [
        site.call("POST", "/logins", message, idempotency_key="one-key-for-one-start", token=token) for _ in "123"
    ]
    assert len({answer.body for answer in answers}) == 1


# --- changed tokens -----------------------------------------------------------------------------------------------


def flips(token: str) -> list[str]:
    """The token with any bit of any of its characters the other way, as far as a header can carry it."""
    changed = []
    for place in range(len(token)):
        for bit in range(7):
            character = chr(ord(token[place]) ^ (1 << bit))
            if "!" <= character <= "~":
                changed.append(f"{token[:place]}{character}{token[place + 1 :]}")
    return changed


def test_a_token_with_any_bit_flipped_is_nobodys(world: World) -> None:
    token, tenant = world.site().token().token, world.deployment.tenant("bank")
    assert token_holder(world.deployment, tenant, token, at=world.clock.now()) in tenant.client_keys
    changed = flips(token)
    assert len(changed) > 500
    for other in changed:
        with pytest.raises(Denied):
            token_holder(world.deployment, tenant, other, at=world.clock.now())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:0],
        lambda token: token[:-1],
        lambda token: f"{token}A",
        lambda token: f"{token}=",
        lambda token: token.upper(),
        lambda token: token.replace("ct1.", "ct2."),
        lambda token: token.replace("ct1.", ""),
        lambda token: token.replace("ct1.", "ct1.0"),
        lambda token: token.replace("ct1.", "ct1.+"),
        lambda token: token.replace(".", ":"),
        lambda token: f"{token}\n",
        lambda token: f" {token}",
        lambda token: f"{token}.{token}",
        lambda token: f"ct1.{'9' * 13}.{token.split('.', 2)[2]}",
        lambda token: token.translate({ord(str(digit)): 0x0660 + digit for digit in range(10)}),
    ],
    ids=range(15),
)
def test_a_token_has_one_spelling(world: World, spoil: Any) -> None:
    token, tenant = world.site().token().token, world.deployment.tenant("bank")
    with pytest.raises(Denied):
        token_holder(world.deployment, tenant, spoil(token), at=world.clock.now())


def test_a_few_changed_tokens_at_the_door_hear_the_one_denial(world: World) -> None:
    token = world.site().token().token
    stranger = world.site("shop").call("GET", f"/logins/{SOME_LOGIN}", token=token)
    assert_denied(stranger, *(started(world, changed) for changed in flips(token)[::40]))
    assert started(world, token).status == 201


# --- where and when it counts -------------------------------------------------------------------------------------


def test_a_token_of_one_site_is_nothing_at_another(world: World) -> None:
    bank, shop = world.site("bank").token().token, world.site("shop").token().token
    assert_denied(started(world, bank, "shop"), started(world, shop, "bank"))
    assert started(world, bank, "bank").status == started(world, shop, "shop").status == 201


def test_a_token_is_its_sites_also_where_two_sites_share_a_client_key(world: World) -> None:
    tenants = world.deployment.tenants
    shared = {**tenants[TenantId("bank")].client_keys, **tenants[TenantId("shop")].client_keys}
    rewired(world, tenants={name: replace(tenant, client_keys=shared) for name, tenant in tenants.items()})
    bank = world.site("bank").token().token
    assert started(world, bank, "bank").status == 201
    assert_denied(started(world, bank, "shop"))


def test_a_token_of_one_deployment_is_nothing_at_another(worlds: Worlds, world: World) -> None:
    other = worlds.beside(world, deployment_key=b"another key")
    token, foreign = world.site().token().token, other.site().token().token
    assert_denied(started(other, token), started(world, foreign))


def test_a_token_expires_at_its_second(world: World) -> None:
    token = world.site().token()
    world.clock.at = token.expires_at - 1
    assert started(world, token.token).status == 201
    world.clock.at = token.expires_at
    assert_denied(started(world, token.token))
    world.clock.advance(24 * 3600)
    assert_denied(started(world, token.token))


@pytest.mark.parametrize(("ahead_s", "good_for_s"), [(0, 300), (80, 220), (-80, 380), (-90, 390)])
def test_sv_08_a_token_counts_at_a_process_whose_clock_is_not_quite_right(
    worlds: Worlds, world: World, ahead_s: int, good_for_s: int
) -> None:
    token, other = world.site().token().token, worlds.beside(world, ahead_s=ahead_s)
    assert started(other, token).status == 201
    world.clock.advance(good_for_s - 1)
    assert started(other, token).status == 201
    world.clock.advance(1)
    assert_denied(started(other, token))


def test_a_token_that_would_live_longer_than_any_is_denied(worlds: Worlds, world: World) -> None:
    """Whoever has a broken clock must not make tokens that last for ever."""
    behind = worlds.beside(world, ahead_s=-91)
    assert_denied(started(behind, world.site().token().token))
    tenant = world.deployment.tenant("bank")
    for_ever = new_token(world.deployment, tenant, next(iter(tenant.client_keys)), at=world.clock.now() + 10**9)
    assert_denied(started(world, for_ever.token))


def test_a_token_ends_with_its_key(world: World) -> None:
    """Taking a key out of the settings ends it at the next start: its tokens must not outlive it."""
    token = world.site().token().token
    successor = Key("the new key of the bank").private.public
    tenants = dict(world.deployment.tenants)
    bank = TenantId("bank")
    tenants[bank] = replace(tenants[bank], client_keys={successor.thumbprint: successor})
    rewired(world, tenants=tenants)
    assert_denied(started(world, token))


def test_a_token_is_made_for_a_key_of_the_site_only(world: World) -> None:
    body, at = msgspec.json.encode(wire.Nothing()), world.clock.now()
    phone = world.enrolled()
    strangers = [world.sites["shop"], phone.key, Key("nobody")]
    requests = [key.request("POST", "/v1/bank/tokens", body, at=at, tag=Tag.CLIENT) for key in strangers]
    assert_denied(*(world.send(request) for request in requests))


# --- where it is not taken ----------------------------------------------------------------------------------------


def posted(world: World, path: str, message: msgspec.Struct, token: str) -> Answered:
    return world.site().call("POST", path, message, token=token)


def test_a_token_links_nothing_and_buys_no_other_token(world: World) -> None:
    phone, browser, token = world.phone("old phone"), Browser("desk"), world.site().token().token
    asked = world.site().start_binding(EMAIL, browser)
    shown = phone.bind(asked)
    was = world.rows()
    answers = [
        posted(world, "/tokens", wire.Nothing(), token),
        posted(world, "/bindings", wire.StartBinding("bob@example.com", browser.session), token),
        world.site().call("GET", f"/bindings/{asked.id}", token=token),
        world.site().enter_code("bindings", asked.id, shown.code, browser, token=token),
    ]
    assert [refusal(answer) for answer in answers] == [(401, "SIGNATURE_HEADERS")] * 4
    assert world.rows() == was


def test_a_code_of_a_binding_is_not_taken_by_way_of_the_sign_ins(world: World) -> None:
    """The two routes ask the same of the service: a token must not reach a binding by the other one's address."""
    phone, browser, site = world.phone("old phone"), Browser("desk"), world.site()
    asked = site.start_binding(EMAIL, browser)
    shown = phone.bind(asked)
    token = site.token().token
    typed = site.enter_code("logins", asked.id, shown.code, browser, token=token)
    assert refusal(typed) == (404, "NOT_FOUND")
    looked = site.call("GET", f"/logins/{asked.id}", token=token)
    assert refusal(looked) == (404, "NOT_FOUND")
    assert challenge_of(world, asked.id).state == "VERIFIED"
    assert site.enter_code("bindings", asked.id, shown.code, browser).status == 200


@pytest.mark.parametrize("way", [way for way in WAYS if way != "bind"])
def test_a_token_is_no_phone(world: World, way: str) -> None:
    stand, token = before(way, world), world.site().token().token
    body = msgspec.json.encode(stand.payload(stand.statement))
    was = world.rows()
    paths: dict[str, bytes] = {
        f"/challenges/{stand.statement.request_id}/response": body,
        f"/challenges/{stand.statement.request_id}/claim": b"{}",
        "/prompts": b"{}",
        "/devices": b"{}",
        "/activations": b"{}",
        "/revocations": msgspec.json.encode(wire.Revoke(Thumbprint(stand.phone.thumbprint))),
    }
    for path, sent in paths.items():
        answer = world.run(
            world.ask("POST", f"/v1/bank{path}", sent, bearing(token, "a-key-of-the-thief-0"), host=b"abc")
        )
        assert refusal(answer) == (401, "SIGNATURE_HEADERS"), path
    assert world.rows() == was
    assert way == SCANNED or stand.challenge().state == "ISSUED"


def test_a_token_beside_a_signature_is_refused_though_both_are_right(world: World) -> None:
    """What is checked by the one must not be believed to be checked by the other."""
    token, at = world.site().token().token, world.clock.now()
    body = msgspec.json.encode(wire.StartSignIn(EMAIL, Browser("desk").session))
    signed = world.sites["bank"].request("POST", "/v1/bank/logins", body, at=at, tag=Tag.CLIENT)
    was = world.rows()
    both = world.send(signed, authorization=f"Bearer {token}")
    assert refusal(both) == (400, "REQUEST_HEADERS")
    for name in ("signature", "signature-input", "content-digest"):
        headers = bearing(token, signed.idempotency_key) | {name: signed.headers()[name]}
        answer = world.run(world.ask("POST", "/v1/bank/logins", body, headers, host=b"abc"))
        assert refusal(answer) == (400, "REQUEST_HEADERS"), name
    assert world.rows() == was
    assert world.send(signed).status == 201


@pytest.mark.parametrize(
    "header",
    ["{token}", "bearer {token}", "Basic {token}", "Bearer  {token}", "Bearer", "Bearer ", "Bearer {token} x", "Token"],
)
def test_another_way_to_send_a_token_is_none(world: World, header: str) -> None:
    token = world.site().token().token
    body = msgspec.json.encode(wire.StartSignIn(EMAIL, Browser("desk").session, prompt=False))
    headers = bearing(token, "a-key-of-a-back-end-1") | {"authorization": header.format(token=token)}
    answer = world.run(world.ask("POST", "/v1/bank/logins", body, headers, host=b"abc"))
    assert refusal(answer) == (400, "REQUEST_HEADERS")


@pytest.mark.parametrize("key", ["", "short", "a" * 65, "with a blank in it", "k\u00e9y-of-sixteen-or-more"])
def test_a_token_with_a_key_that_is_none_is_refused(world: World, key: str) -> None:
    token = world.site().token().token
    body = msgspec.json.encode(wire.StartSignIn(EMAIL, Browser("desk").session))
    headers = {name: value.encode() for name, value in bearing(token, key).items()}
    was = world.rows()
    answer = world.run(world.ask("POST", "/v1/bank/logins", body, headers, host=b"abc"))  # type: ignore[arg-type]  # bytes, as some clients send them
    assert answer.status in {400, 401}
    assert world.rows() == was


# --- where it is never written ------------------------------------------------------------------------------------


def test_a_token_is_in_no_log_no_problem_and_no_row(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    browser, site = Browser("desk"), world.site()
    asked = site.start_sign_in(EMAIL, browser)
    with structlog.testing.capture_logs() as entries:
        token = site.token().token
        told_to_callers = [
            started(world, token, "shop"),
            site.call("GET", f"/logins/{SOME_LOGIN}", token=token),
            site.enter_code("logins", asked.id, "12345678", browser, token=token),
            site.enter_code("bindings", asked.id, "12345678", browser, token=token),
            site.call("POST", "/logins", wire.Nothing(), token=token),
            site.call("PUT", "/logins", wire.Nothing(), token=token),
            *(started(world, changed) for changed in flips(token)[::100]),
        ]
        world.clock.advance(LIFE_S)
        told_to_callers.append(started(world, token))
    printed = capfd.readouterr()
    assert entries
    assert all(answer.status >= 400 for answer in told_to_callers)
    mac = token.rsplit(".", 1)[1]
    written = [repr(entries), caplog.text, printed.out, printed.err, *(str(answer) for answer in told_to_callers)]
    assert not any(mac in text for text in written)
    assert not any(mac.encode() in content for content in world.stolen().values())


def test_printing_a_request_does_not_show_its_token(world: World) -> None:
    from pteri.app.callers import BearerRequest, ClientAsking  # noqa: PLC0415 - what is printed here

    token = world.site().token().token
    request = BearerRequest("POST", "https://pteri.example/v1/bank/logins", b'{"secret":1}', "k" * 16, token)
    printed = f"{request} {ClientAsking(world.deployment.tenant('bank'), request, 1)!r}"
    assert token not in printed
    assert "secret" not in printed


def test_two_tokens_of_one_second_are_the_same_and_of_two_are_not(world: World) -> None:
    """Nothing is stored of a token, so nothing but key and second can be in it."""
    first, again = world.site().token(), world.site().token()
    assert first == again
    world.clock.advance(1)
    later = world.site().token()
    assert later.token.split(".")[2] == first.token.split(".")[2] == world.sites["bank"].private.public.thumbprint
    assert later.token.rsplit(".", 1)[1] != first.token.rsplit(".", 1)[1]


def test_tokens_cost_no_row(world: World) -> None:
    was = world.rows()
    site: Site = world.site()
    for _ in range(3):
        site.token()
    assert world.rows() == was
    assert ids.thumbprint(site.token().token.split(".")[2]) == site.key.private.public.thumbprint
