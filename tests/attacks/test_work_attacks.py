"""Abuse cases SV-06, SV-07, DS-02 and DS-03: what strangers learn from answers and from the work behind them, and what
their requests cost. Work is counted, never timed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import msgspec
import pytest

from pteri.core import ids, wire
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.keys.message import SignatureType
from pteri.core.verify import WalletSignature
from pteri.domain.rules import Rules
from thieves import (
    EMAIL,
    HOUR,
    SCANNED,
    Stand,
    assert_denied,
    before,
    binding,
    challenge_of,
    migrating,
    refusal,
    scanning,
    setting_up,
    signing_in,
    told,
    type_code,
    with_device_rs,
)
from work import Work, counted
from world import MALLORY_WORDS, Answered, Browser, Key, SimPhone, SimWallet, World, with_act
from worlds import Worlds

NOBODY = "nobody@example.com"


def measured(world: World, request: Callable[[], Answered]) -> tuple[Work, Answered]:
    request()  # whatever is remembered of keys and addresses is remembered for all of them
    with counted(world) as work:
        answer = request()
    return work, answer


def shape(answer: Answered) -> object:
    """An answer without its values: status, names, sizes, and all headers that are no random id."""
    sizes = {name: len(str(value)) for name, value in answer.json.items()}
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status, sizes, headers


# --- SV-06: who has an account ------------------------------------------------------------------------------------


def people(world: World) -> dict[str, str]:
    """Logins in every situation that a page could meet."""
    world.enrolled()
    busy = world.enrolled("busy phone", "busy@example.com", index=1)
    migrating(world, busy, world.phone("new phone", index=1)).honest()
    robbed = "robbed@example.com"
    world.enrolled("robbed phone", robbed, index=2)
    world.phone("thief's phone", index=2).start_recovery()
    return {"existing": EMAIL, "unknown": NOBODY, "letting a phone in": "busy@example.com", "being recovered": robbed}


@pytest.mark.parametrize("prompt", [True, False])
@pytest.mark.parametrize("by_token", [True, False])
def test_sv_06_a_start_answers_and_works_the_same_for_every_login(world: World, prompt: bool, by_token: bool) -> None:
    token = world.site().token().token if by_token else None
    found = {}
    for name, login in people(world).items():
        message = wire.StartSignIn(login, Browser("desk").session, prompt)
        work, answer = measured(world, partial(world.site().call, "POST", "/logins", message, token=token))
        found[name] = (shape(answer), work)
        assert answer.status == 201
    assert all(other == found["existing"] for other in found.values()), found
    _, work = found["unknown"]
    assert (work.store, work.changes) == ({"owner": 1, **({"commit": 1} if prompt else {})}, int(prompt))
    assert work.curves == ({} if by_token else {"P-256": 1})


def test_sv_06_a_login_that_was_prompted_too_often_looks_the_same_whether_it_exists(world: World) -> None:
    found = []
    for login in (EMAIL, NOBODY):
        if login == EMAIL:
            world.enrolled()
        for number in range(6):
            world.site().start_sign_in(login, Browser(f"bomber {number}"))
        message = wire.StartSignIn(login, Browser("desk").session)
        work, answer = measured(world, partial(world.site().call, "POST", "/logins", message))
        found.append((shape(answer), work))
    assert found[0] == found[1]


@pytest.mark.parametrize("prompt", [True, False])
def test_sv_06_what_follows_a_start_tells_nothing_either(world: World, prompt: bool) -> None:
    world.enrolled()
    stranger, browser, site = world.phone("a stranger", MALLORY_WORDS), Browser("desk"), world.site()
    found = []
    for login in (EMAIL, NOBODY):
        started = site.start_sign_in(login, browser, prompt=prompt)
        asks: tuple[Callable[[], Answered], ...] = (
            partial(site.call, "GET", f"/logins/{started.id}"),
            partial(site.enter_code, "logins", started.id, "12345678", browser),
            partial(stranger.claim, started.id),
        )
        found.append([(shape(answer), work) for work, answer in (measured(world, ask) for ask in asks)])
    assert found[0] == found[1]


# --- SV-07: which addresses and phones are known ------------------------------------------------------------------


def test_sv_07_asking_for_a_recovery_of_an_unknown_wallet_answers_and_works_the_same(world: World) -> None:
    world.enrolled()
    found = []
    for prober in (world.phone("prober"), world.phone("other prober", MALLORY_WORDS)):
        message = wire.SetUpCodes(prober.sec1_text, prober.wallet.pinned.address)
        work, answer = measured(world, partial(prober.post, "/code-setups", message))
        assert answer.status == 201
        found.append((shape(answer), work))
    assert found[0] == found[1]


def test_sv_07_the_decoy_of_a_wallet_is_the_same_every_time(world: World) -> None:
    """Else two questions would show what one does not."""
    world.enrolled()
    prober = world.phone("prober's phone", MALLORY_WORDS)
    accounts = {setting_up(world, prober).statement.act.account for _ in range(3)}
    assert len(accounts) == 1
    epochs = {setting_up(world, prober).statement.act.epoch for _ in range(3)}
    assert epochs < {1, 2, 3}


def test_sv_07_nobody_but_the_phone_that_asked_answers_a_decoy(world: World) -> None:
    world.enrolled()
    found = []
    for asker in (world.phone("asker"), world.phone("other asker", MALLORY_WORDS)):
        stand = setting_up(world, asker)
        stranger = replace(stand, phone=replace(asker, key=Key(f"stranger beside {asker.key.label}")))
        request = stranger.request(stranger.payload(stand.statement, statement_sha256=ids.digest_text(bytes(32))))
        work, answer = measured(world, partial(world.send, request))
        assert_denied(answer)
        found.append((told(answer), work.curves))
    assert found[0] == found[1]


def with_wallet_of(stand: Stand, words: str) -> Stand:
    """A signature that is right in form and by another wallet than the one that was named."""
    signature = WalletSignature(SignatureType.P2PKH, SimWallet(words).sign(stand.statement.encode()))
    payload = stand.payload(stand.statement, wallet_signature=signature)
    return replace(stand, phone=replace(stand.phone, wallet=_Fixed(payload, stand.phone.wallet)))


class _Fixed(SimWallet):
    """The named address; the signature of somebody else."""

    def __init__(self, payload: Any, named: SimWallet) -> None:
        self.pinned, self._signature = named.pinned, payload.wallet_signature.signature

    def sign(self, text: bytes) -> str:
        del text
        return str(self._signature)


def test_sv_07_answering_for_an_unknown_wallet_is_denied_with_the_same_work(world: World) -> None:
    world.enrolled()
    found = []
    for prober in (world.phone("prober"), world.phone("other prober", MALLORY_WORDS, index=4)):
        stand = with_wallet_of(setting_up(world, prober), MALLORY_WORDS)
        work, answer = measured(world, stand.honest)
        assert_denied(answer)
        found.append((told(answer), work.curves))
    assert found[0] == found[1]


def test_sv_07_a_binding_with_a_known_address_shows_nothing_to_who_cannot_sign_for_it(world: World) -> None:
    world.enrolled("old phone")
    found = []
    for prober in (world.phone("prober"), world.phone("other prober", MALLORY_WORDS, index=3)):
        stand = binding(world, prober, f"{prober.wallet.index}@example.com", f"desk {prober.wallet.index}")
        work, answer = measured(world, with_wallet_of(stand, MALLORY_WORDS).honest)
        assert_denied(answer)
        found.append((told(answer), work))
    assert found[0] == found[1]


@pytest.mark.parametrize("path", ["/devices", "/prompts", "/activations", "/revocations"])
def test_sv_07_whether_a_phone_is_known_is_told_to_nobody_but_that_phone(world: World, path: str) -> None:
    old, stranger = world.enrolled(), world.phone("a stranger")
    other_site = world.enrolled("shop phone", tenant="shop", index=1)
    message: msgspec.Struct = wire.Nothing()
    if path == "/revocations":
        message = wire.Revoke(ids.thumbprint(old.thumbprint))
    forged = []
    for phone in (old, stranger, other_site):
        request = replace(phone, tenant="bank").request_to(path, msgspec.json.encode(message))
        forged.append(with_device_rs(request, Key("a thief").private.sign(b"whatever")))
    assert_denied(*(world.send(request) for request in forged))
    assert_denied(stranger.post(path, message))


# --- DS-02: cheap checks first ------------------------------------------------------------------------------------

Bad: TypeAlias = Callable[[World, Stand], SignedRequest]


def honest_request(stand: Stand) -> SignedRequest:
    return stand.request(stand.payload(stand.statement))


def _zeros(text: str) -> str:
    return f"pteri=:{base64.b64encode(bytes(64)).decode()}:" if text else ""


def _with_terms(stand: Stand, **changes: Any) -> SignedRequest:
    assert stand.invited is not None
    invited = msgspec.structs.replace(stand.invited, **changes)
    return stand.request(stand.payload(stand.statement, invited=invited))


def _by_stranger(world: World, stand: Stand) -> SignedRequest:
    stranger = replace(stand, phone=world.phone("a stranger", MALLORY_WORDS))
    return stranger.request(stranger.payload(stand.statement, statement_sha256=ids.digest_text(bytes(32))))


def _lying(stand: Stand, **changes: Any) -> SignedRequest:
    return stand.request(stand.payload(stand.statement, **changes))


NO_KEY_WORK: dict[str, Bad] = {
    "no signature": lambda _, stand: msgspec.structs.replace(honest_request(stand), signature=""),
    "no form": lambda _, stand: msgspec.structs.replace(honest_request(stand), signature_input="sig=()"),
    "two signatures": lambda _, stand: msgspec.structs.replace(
        honest_request(stand), signature=", ".join([honest_request(stand).signature] * 2)
    ),
    "a relying party's tag": lambda world, stand: stand.phone.key.request(
        "POST", f"/v1/bank{stand.path}", honest_request(stand).body, at=world.clock.now(), tag=Tag.CLIENT
    ),
    "another body": lambda _, stand: msgspec.structs.replace(honest_request(stand), body=b'{"a":1}'),
    "no payload": lambda _, stand: stand.phone.request_to(stand.path, b"{}"),
    "a large payload": lambda _, stand: _lying(stand, client="x" * 4000),
    "an id that nobody made": lambda _, stand: stand.phone.request_to(
        "/challenges/lgn_2Y7K4M9QWZ3T/response", honest_request(replace(stand, invited=None)).body
    ),
    "a phone that nobody knows": _by_stranger,
    "a request of yesterday": lambda world, stand: stand.phone.key.request(
        "POST", f"/v1/bank{stand.path}", honest_request(stand).body, at=world.clock.now() - 86_400
    ),
    "a request of tomorrow": lambda world, stand: stand.phone.key.request(
        "POST", f"/v1/bank{stand.path}", honest_request(stand).body, at=world.clock.now() + 86_400
    ),
}
BAD_TERMS: dict[str, Bad] = {
    "no ticket": lambda _, stand: _with_terms(stand, ticket=""),
    "a ticket for nobody": lambda _, stand: _with_terms(stand, ticket="A" * 17 + "A"),
    "no session": lambda _, stand: _with_terms(stand, session=ids.Digest("")),
    "terms that are over": lambda world, stand: _with_terms(
        stand, issued_at=world.clock.now() - 400, expires_at=world.clock.now() - 280
    ),
    "terms of the future": lambda world, stand: _with_terms(
        stand, issued_at=world.clock.now() + 400, expires_at=world.clock.now() + 520
    ),
    "terms that never end": lambda world, stand: _with_terms(stand, expires_at=world.clock.now() + 10_000),
}


def costs(world: World, stand: Stand, request: SignedRequest) -> Work:
    """The work for a request that is refused and leaves everything as it was."""
    was = world.rows()
    work, answer = measured(world, lambda: world.send(request))
    assert answer.status in {400, 401, 404, 413}, answer.body
    assert (world.rows(), work.changes) == (was, 0)
    return work


@pytest.mark.parametrize("way", ["authenticate", SCANNED, "migrate", "bind"])
@pytest.mark.parametrize("what", NO_KEY_WORK)
def test_ds_02_what_is_cheap_to_see_is_refused_before_any_curve(world: World, what: str, way: str) -> None:
    stand = before(way, world)
    work = costs(world, stand, NO_KEY_WORK[what](world, stand))
    assert not work.curves
    assert sum(work.store.values()) <= 2


@pytest.mark.parametrize("what", BAD_TERMS)
def test_ds_02_terms_that_cannot_be_good_are_refused_before_any_curve(world: World, what: str) -> None:
    stand = before(SCANNED, world)
    work = costs(world, stand, BAD_TERMS[what](world, stand))
    assert not work.curves
    assert sum(work.store.values()) <= 2


@pytest.mark.parametrize("way", ["authenticate", SCANNED])
def test_ds_02_a_wrong_phone_costs_no_work_on_the_wallets_curve(world: World, way: str) -> None:
    stand = before(way, world)
    other = ids.digest_text(bytes(32))
    forged = with_device_rs(_lying(stand, statement_sha256=other), Key("a thief").private.sign(b"whatever"))
    assert costs(world, stand, forged).curves == {"P-256": 1}
    # Also when the phone is right: the digest comes before the wallet.
    assert costs(world, stand, _lying(stand, statement_sha256=other)).curves == {"P-256": 1}


@pytest.mark.parametrize("way", ["authenticate", SCANNED])
def test_ds_02_a_phone_with_a_wrong_wallet_signature_costs_a_bounded_number_of_looks(world: World, way: str) -> None:
    stand = before(way, world)
    wrong = WalletSignature(SignatureType.P2PKH, SimWallet(MALLORY_WORDS).sign(stand.statement.encode()))
    work = costs(world, stand, _lying(stand, wallet_signature=wrong))
    # Once to refuse it, and once to see whether it is the stolen wallet of PR-01.
    assert work.curves == {"P-256": 1, "secp256k1": 2}
    assert costs(world, stand, _lying(stand, wallet_signature=WalletSignature(SignatureType.P2PKH, ""))).curves == {
        "P-256": 1
    }


def test_ds_02_a_stranger_with_everything_but_the_phone_costs_one_look_at_his_signature(world: World) -> None:
    """He has scanned the code and knows account, epoch and line: then his signature might be the stolen wallet's."""
    stand = before(SCANNED, world)
    stranger = world.phone("a stranger", MALLORY_WORDS)
    statement = with_act(stand.statement, device=stranger.thumbprint)
    thief = replace(stand, phone=stranger, statement=statement)
    work = costs(world, thief, thief.request(thief.payload(statement)))
    assert work.curves == {"secp256k1": 1}


def test_ds_02_a_site_that_is_none_costs_nothing(world: World) -> None:
    message, at = msgspec.json.encode(wire.StartSignIn(EMAIL, Browser("desk").session)), world.clock.now()
    own, stranger = world.sites["bank"], Key("a stranger")
    requests: dict[str, Callable[[], Answered]] = {
        "unknown key": lambda: world.send(stranger.request("POST", "/v1/bank/logins", message, at=at, tag=Tag.CLIENT)),
        "old": lambda: world.send(own.request("POST", "/v1/bank/logins", message, at=at - 400, tag=Tag.CLIENT)),
        "no token": lambda: world.site().call("POST", "/logins", wire.Nothing(), token="ct1.1.a.b"),
        "a made-up token": lambda: world.site().call(
            "POST",
            "/logins",
            wire.StartSignIn(EMAIL, Browser("desk").session),
            token=f"ct1.{at + 300}.{own.private.public.thumbprint}.{'A' * 43}",
        ),
    }
    for name, request in requests.items():
        work, answer = measured(world, request)
        assert answer.status in {400, 401}, name
        assert not work.curves, name
        assert not work.store, name


# --- DS-03: nobody is locked out ----------------------------------------------------------------------------------


def test_ds_03_a_hundred_wrong_codes_end_one_sign_in_and_lock_nobody_out(world: World) -> None:
    phone = world.enrolled()
    attacked = signing_in(world, phone, "thief's desk")
    request = honest_request(attacked)
    assert world.send(request).status == 200
    right = phone.code_of(request, attacked.statement)
    wrong = [f"{(int(right) + offset) % 10**8:08d}" for offset in range(1, 101)]
    assert_denied(*(type_code(attacked, guess) for guess in wrong))
    assert challenge_of(world, attacked.statement.request_id).state == "FAILED"
    # The owner goes on, prompted or by scanning, in this very second.
    for begun in (signing_in, scanning):
        mine = begun(world, phone, f"my desk {begun.__name__}")
        answer = honest_request(mine)
        assert world.send(answer).status == 200
        assert type_code(mine, phone.code_of(answer, mine.statement)).status == 200


@pytest.mark.parametrize("prompt", [True, False])
def test_ds_03_guesses_at_sign_ins_that_nobody_approved_use_up_nobodys_share(world: World, prompt: bool) -> None:
    phone, site = world.enrolled(), world.site()
    for number in range(40):
        browser = Browser(f"thief {number}")
        started = site.start_sign_in(EMAIL, browser, prompt=prompt)
        assert_denied(*(site.enter_code("logins", started.id, f"{guess:08d}", browser) for guess in range(3)))
    mine = Browser("my desk")
    started = site.start_sign_in(EMAIL, mine, prompt=False)
    shown = phone.scan(started)
    assert site.enter_code("logins", started.id, shown.code, mine).status == 200


def test_ds_03_a_share_that_is_used_up_comes_back_with_the_hour(worlds: Worlds) -> None:
    world = worlds(rules=Rules(failed_sign_ins_per_hour=1))
    phone: SimPhone = world.enrolled()
    other = world.enrolled("other phone", "other@example.com", index=1)

    def signed_in(by: SimPhone, login: str, label: str) -> tuple[int, str]:
        stand = scanning(world, by, label, login=login)
        request = honest_request(stand)
        assert world.send(request).status == 200
        return refusal(type_code(stand, by.code_of(request, stand.statement)))

    failed = scanning(world, phone, "thief's desk")
    assert failed.honest().status == 200
    assert_denied(*(type_code(failed, f"{guess:08d}") for guess in range(3)))
    assert signed_in(phone, EMAIL, "my desk") == (429, "SLOW_DOWN")
    assert signed_in(other, "other@example.com", "another desk") == (200, "")
    world.clock.advance(HOUR)
    assert signed_in(phone, EMAIL, "my desk, later") == (200, "")
