"""A relying party's token: used where it may be, replaced when it must be, and no code is ever tried twice by it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest

from builders import digest
from phones import EMAIL, Wire, client, linked, through, unasked
from pteri.core.httpsig import SignedRequest
from pteri.core.ids import RequestId, TenantId
from pteri.core.keys.device import DevicePrivateKey
from pteri.core.keys.secret import Secret
from pteri.core.wire import Progress, StartSignIn, Token
from pteri.wallet.client import BrowserSession, Client, Waiting
from pteri.wallet.refusals import BAD_ANSWER, UNREACHABLE, ServerError
from pteri.wallet.server import Reply, Request, TokenRequest
from world import ORIGIN, START, SimClock, SimEntropy, World

KEY = DevicePrivateKey.from_random(b"k" * 48)
BANK = TenantId("bank")
LOGIN = RequestId("lgn_2Y7K4M9QWZ3T")
STARTED = msgspec.json.encode(StartSignIn(EMAIL, digest("a session")))
DENIAL = Reply(401, msgspec.json.encode({"code": "DENIED", "detail": "Not accepted."}))


def site_on(world: World, **changes: Any) -> tuple[Client, Wire]:
    carrier = Wire(world, **changes)
    return client(world, carrier=carrier), carrier


def approved(world: World, site: Client) -> tuple[Waiting, str]:
    """A sign-in whose code waits to be typed."""
    held = linked(world)
    waiting = site.start_sign_in(EMAIL, prompt=False)
    return waiting, held.phone().approve(waiting.qr).code


def wrong(code: str, step: int = 1) -> str:
    return f"{(int(code) + step) % 10**8:08d}"


# --- where it is used --------------------------------------------------------------------------------------------


def test_a_whole_sign_in_costs_one_signature_and_the_next_one_none(world: World) -> None:
    site, carrier = site_on(world)
    waiting, code = approved(world, site)
    assert site.progress(waiting.id).state == "APPROVED"
    assert site.enter_code(waiting.id, code, waiting.session).state == "COMPLETED"
    site.start_sign_in(EMAIL)
    assert carrier.places == ["tokens", "logins", waiting.id, "code", "logins"]
    assert [type(request) for request in carrier.sent] == [SignedRequest] + [TokenRequest] * 4
    assert len({request.idempotency_key for request in carrier.sent}) == 5


def test_what_links_an_account_is_always_signed(world: World) -> None:
    site, carrier = site_on(world)
    site.start_sign_in(EMAIL)
    waiting = site.start_binding("bob@example.com")
    site.progress(waiting.id)
    with pytest.raises(ServerError):
        site.enter_code(waiting.id, "12345678", waiting.session)
    assert [type(request) for request in carrier.sent[2:]] == [SignedRequest] * 3


def test_the_service_keeps_nothing_of_a_sign_in_that_prompts_nobody(world: World) -> None:
    held, site = linked(world), client(world)
    quiet = site.start_sign_in(EMAIL, prompt=False)
    loud = site.start_sign_in(EMAIL)
    assert [prompt.id for prompt in held.phone().prompts().prompts] == [loud.id]
    store = world.deployment.store
    kept = [world.run(store.challenge(BANK, waiting.id)) is not None for waiting in (quiet, loud)]
    assert kept == [False, True]


# --- when it is replaced -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("later", "fetched"), [(269, 1), (270, 2), (300, 2), (86_400, 2)])
def test_a_token_is_replaced_30_s_before_it_ends(world: World, later: int, fetched: int) -> None:
    site, carrier = site_on(world)
    site.start_sign_in(EMAIL)
    world.clock.advance(later)
    site.start_sign_in(EMAIL)
    assert carrier.places.count("tokens") == fetched
    assert len(carrier.tokens) == 2


def of_another_deployment(request: Request) -> Reply | None:
    """What a service with another deployment key says to a token of ours."""
    return DENIAL if isinstance(request, TokenRequest) else None


@pytest.mark.parametrize("what", ["start", "look", "type the code"])
def test_a_token_that_is_refused_stops_no_sign_in(world: World, what: str) -> None:
    site, carrier = site_on(world)
    waiting, code = approved(world, site)
    before = len(carrier.sent)
    carrier.forge = of_another_deployment
    acts: dict[str, Callable[[], object]] = {
        "start": lambda: site.start_sign_in(EMAIL, prompt=False),
        "look": lambda: site.progress(waiting.id),
        "type the code": lambda: site.enter_code(waiting.id, code, waiting.session),
    }
    assert acts[what]()
    refused, signed = carrier.sent[before:]
    assert isinstance(refused, TokenRequest)
    assert isinstance(signed, SignedRequest)
    assert (refused.method, refused.target_uri, refused.body) == (signed.method, signed.target_uri, signed.body)
    assert refused.idempotency_key == signed.idempotency_key
    carrier.forge = lambda _: None
    site.start_sign_in(EMAIL)
    assert carrier.places[-2:] == ["tokens", "logins"]


def test_a_clock_that_was_set_back_only_costs_a_request(world: World) -> None:
    """By the client's clock the token is young, by the service's it has ended."""
    clock, carrier = SimClock(), Wire(world)
    site = Client(
        ORIGIN, "bank", world.sites["bank"].private, transport=carrier, clock=clock, entropy=SimEntropy("set back")
    )
    site.start_sign_in(EMAIL, prompt=False)
    world.clock.advance(299)
    assert site.start_sign_in(EMAIL, prompt=False).qr
    world.clock.advance(1)
    clock.advance(60)
    assert site.start_sign_in(EMAIL, prompt=False).qr
    assert [type(request) for request in carrier.sent[-2:]] == [TokenRequest, SignedRequest]


def test_a_key_that_was_taken_away_ends_its_tokens_at_once_and_gets_no_other(world: World) -> None:
    site, _ = site_on(world)
    site.start_sign_in(EMAIL)
    keys = world.deployment.tenants[BANK].client_keys
    assert isinstance(keys, dict)
    keys.clear()
    with pytest.raises(ServerError) as denied:
        site.start_sign_in(EMAIL)
    assert (denied.value.code, denied.value.status) == ("DENIED", 401)


# --- wrong codes -------------------------------------------------------------------------------------------------


def test_a_wrong_code_is_one_attempt_although_the_client_makes_sure(world: World) -> None:
    site, carrier = site_on(world)
    waiting, code = approved(world, site)
    for step in (1, 2):
        before = len(carrier.sent)
        with pytest.raises(ServerError) as denied:
            site.enter_code(waiting.id, wrong(code, step), waiting.session)
        assert denied.value.status == 401
        by_token, by_signature = carrier.sent[before:]
        assert by_token.idempotency_key == by_signature.idempotency_key
    assert site.progress(waiting.id).state == "APPROVED"
    assert site.enter_code(waiting.id, code, waiting.session).state == "COMPLETED"
    assert carrier.places.count("tokens") == 1  # a denial of the code is no reason to throw the token away


def test_three_wrong_codes_end_a_sign_in_as_ever(world: World) -> None:
    site, _ = site_on(world)
    waiting, code = approved(world, site)
    for step in (1, 2, 3):
        with pytest.raises(ServerError):
            site.enter_code(waiting.id, wrong(code, step), waiting.session)
        assert site.progress(waiting.id).state == ("FAILED" if step == 3 else "APPROVED")
    with pytest.raises(ServerError):
        site.enter_code(waiting.id, code, waiting.session)


def test_a_wrong_code_with_a_token_that_has_ended_is_one_attempt_too(world: World) -> None:
    site, carrier = site_on(world)
    waiting, code = approved(world, site)
    carrier.forge = of_another_deployment
    with pytest.raises(ServerError):
        site.enter_code(waiting.id, wrong(code), waiting.session)
    carrier.forge = lambda _: None
    with pytest.raises(ServerError):
        site.enter_code(waiting.id, wrong(code, 2), waiting.session)
    assert site.progress(waiting.id).state == "APPROVED"
    assert site.enter_code(waiting.id, code, waiting.session).state == "COMPLETED"


@pytest.mark.parametrize("lost", [1, 2])
def test_a_code_whose_answer_is_lost_is_sent_again_to_the_letter(world: World, lost: int) -> None:
    site, carrier = site_on(world)
    waiting, code = approved(world, site)
    before = len(carrier.sent)
    carrier.answers_to_lose = lost
    assert site.enter_code(waiting.id, code, waiting.session).state == "COMPLETED"
    assert carrier.sent[before:] == [carrier.sent[before]] * (lost + 1)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 500, 503])
def test_no_other_refusal_is_asked_about_again(world: World, status: int) -> None:
    site, carrier = site_on(world)
    site.start_sign_in(EMAIL)
    carrier.forge = lambda _: Reply(status, msgspec.json.encode({"code": "X", "detail": "No."}))
    with pytest.raises(ServerError) as refused:
        site.start_sign_in(EMAIL)
    assert refused.value.status == status
    assert carrier.places == ["tokens", "logins", "logins"]


def test_a_signature_that_gets_another_refusal_than_the_token_shows_that_the_token_was_bad(world: World) -> None:
    site, carrier = site_on(world)
    site.start_sign_in(EMAIL)
    slow = Reply(429, msgspec.json.encode({"code": "SLOW_DOWN", "detail": "Wait."}))
    carrier.forge = lambda request: DENIAL if isinstance(request, TokenRequest) else slow
    with pytest.raises(ServerError) as refused:
        site.start_sign_in(EMAIL)
    assert refused.value.status == 429
    carrier.forge = lambda _: None
    site.start_sign_in(EMAIL)
    assert carrier.places.count("tokens") == 2


# --- what a strange service may say ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token", ["", "a b", "a\r\nx-evil: 1", "t\u00f6ken", "x" * 513, '"', "===", "a=b", "\U0001f511"]
)
def test_a_token_that_is_none_goes_into_no_header(token: str) -> None:
    transport = Answering(token=token)
    with pytest.raises(ServerError) as refused:
        site_before(transport).start_sign_in(EMAIL)
    assert refused.value.code == BAD_ANSWER
    assert token not in refused.value.message or token == ""
    assert [request.target_uri for request in transport.sent] == [f"{ORIGIN}/v1/bank/tokens"]


def test_a_token_is_in_no_text_that_somebody_may_print(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    site, carrier = site_on(world)
    waiting = site.start_sign_in(EMAIL)
    carrier.forge = lambda request: DENIAL if isinstance(request, TokenRequest) else None
    with pytest.raises(ServerError) as denied:
        site.enter_code(waiting.id, "12345678", waiting.session)
    [*_, request] = carrier.tokens
    secret = request.token.reveal().decode()
    assert request.headers()["authorization"] == f"Bearer {secret}"
    texts = [repr(request), str(request), repr(site), repr(vars(site._busy)), str(denied.value), repr(denied.value)]
    assert not [text for text in [*texts, caplog.text] if secret in text or secret.rpartition(".")[2] in text]


# --- many threads ------------------------------------------------------------------------------------------------


@dataclass
class Answering:
    """A service that gives tokens and knows one sign-in; many threads may ask it."""

    token: str = "ct1.a"
    good_until: int = START + 10_000
    clock: SimClock = field(default_factory=SimClock)
    sent: list[Request] = field(default_factory=list)
    issued: int = 0
    barrier: threading.Barrier | None = None
    is_away: bool = False

    def send(self, request: Request) -> Reply:
        self.sent.append(request)
        if self.is_away:
            raise ServerError(UNREACHABLE, "nobody there")
        if request.target_uri.endswith("/tokens"):
            if self.barrier is not None:
                self.barrier.wait(timeout=30)
            self.issued += 1
            return Reply(201, msgspec.json.encode(Token(self.token, self.clock.now() + 300)))
        if isinstance(request, TokenRequest) and self.clock.now() >= self.good_until:
            return DENIAL
        return Reply(200, msgspec.json.encode(Progress(LOGIN, "WAITING", START + 120)))

    def close(self) -> None:
        pass


def site_before(transport: Answering) -> Client:
    return Client(ORIGIN, "bank", KEY, transport=transport, clock=transport.clock, entropy=SimEntropy("threads"))


def test_threads_that_begin_at_once_all_get_through_and_share_a_token_afterwards() -> None:
    transport = Answering(barrier=threading.Barrier(8))
    site = site_before(transport)
    with ThreadPoolExecutor(8) as pool:
        states = [future.result().state for future in [pool.submit(site.progress, LOGIN) for _ in range(8)]]
        transport.barrier = None
        states += [future.result().state for future in [pool.submit(site.progress, LOGIN) for _ in range(100)]]
    assert states == ["WAITING"] * 108
    assert transport.issued == 8


def test_threads_whose_token_ends_under_them_all_get_through() -> None:
    transport = Answering(good_until=START + 100)
    site = site_before(transport)
    site.progress(LOGIN)
    transport.clock.advance(100)
    with ThreadPoolExecutor(8) as pool:
        states = [future.result().state for future in [pool.submit(site.progress, LOGIN) for _ in range(64)]]
    assert states == ["WAITING"] * 64


def test_a_token_that_another_thread_has_fetched_meanwhile_is_kept() -> None:
    """This thread's token was refused; while it asked with a signature, another thread got a new one."""
    transport = Answering()
    site = site_before(transport)
    site.progress(LOGIN)
    busy, old = site._busy, site._busy._held
    assert old is not None
    transport.clock.advance(280)
    site.progress(LOGIN)
    newer = busy._held
    busy._drop(old)
    assert busy._held is newer is not None
    busy._drop(newer)
    assert busy._held is None


def test_without_an_answer_to_the_request_for_a_token_nothing_is_known() -> None:
    transport = Answering(is_away=True)
    site = site_before(transport)
    with pytest.raises(ServerError) as lost:
        site.progress(LOGIN)
    assert lost.value.may_repeat
    assert transport.sent == [transport.sent[0]] * 3


def test_a_request_with_a_token_says_what_it_is_and_hides_the_rest(world: World) -> None:
    request = TokenRequest("POST", f"{ORIGIN}/v1/bank/logins", b"{}", "0123456789abcdef", Secret(b"ct1.secret"))
    assert request.headers() == {"authorization": "Bearer ct1.secret", "idempotency-key": "0123456789abcdef"}
    assert "ct1" not in repr(request)
    assert through(world, replace(request, body=STARTED)).status == 401


def test_a_session_is_the_same_with_and_without_a_prompt(world: World) -> None:
    session = BrowserSession.new(entropy=SimEntropy("own session"))
    assert client(world).start_sign_in(EMAIL, session, prompt=False).session == session
    assert unasked(world).session != session
