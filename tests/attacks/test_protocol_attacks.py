"""Abuse cases PR-01 to PR-08 and PR-11 to PR-25, played over HTTP against the whole service.

PR-09 and PR-10 are refusals of a wallet and stand with its tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pteri.core import ids, wire
from pteri.core.acts import ACTS
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.keys.address import AddressKind, address_of
from pteri.core.keys.message import SignatureType, sign_message, verify_message
from pteri.core.otp import one_time_code
from pteri.core.statement import Statement
from pteri.core.verify import WalletSignature
from pteri.core.wallets import PinnedWallet
from thieves import (
    EMAIL,
    HOUR,
    WAYS,
    Stand,
    accepting,
    all_at_once,
    as_purpose,
    assert_denied,
    before,
    binding,
    challenge_of,
    crowded,
    device_rs,
    digest,
    is_untouched,
    migrating,
    recovering,
    refusal,
    same_key,
    second_phone,
    send_with_headers,
    setting_up,
    signing_in,
    single_changes,
    told,
    type_code,
    with_device_rs,
)
from world import ALICE_WORDS, MALLORY_WORDS, Browser, Key, SimPhone, SimWallet, World, with_act

WALLET_WITHOUT_PHONE = "WALLET_WITHOUT_PHONE"


def wallet_signature(wallet: SimWallet, text: bytes) -> WalletSignature:
    return WalletSignature(SignatureType.P2PKH, wallet.sign(text))


def warnings_of(stand: Stand) -> list[str]:
    return [notice.kind for notice in stand.phone.devices().notices if notice.kind == WALLET_WITHOUT_PHONE]


def named(stand: Stand, thief: Any) -> Stand:
    """What a thief would sign: the victim's statement, naming the phone he came with."""
    return Stand(stand.world, thief, with_act(stand.statement, device=thief.thumbprint), browser=stand.browser)


# --- PR-01: the mnemonic alone -----------------------------------------------------------------------------------


def test_pr_01_a_stolen_mnemonic_without_a_phone_is_denied_and_spends_nothing(world: World) -> None:
    victim = signing_in(world, world.enrolled())
    thief = named(victim, world.phone("thief's phone"))
    assert_denied(thief.honest(), thief.submit(thief.payload(victim.statement)))
    assert is_untouched(victim)
    assert victim.honest().status == 200


def test_pr_01_a_stolen_mnemonic_in_the_name_of_the_victims_phone_is_denied(world: World) -> None:
    victim = signing_in(world, world.enrolled())
    mine = world.phone("thief's phone").key
    request = victim.request(victim.payload(victim.statement))
    forged = with_device_rs(request, mine.private.sign(b"whatever the thief can sign"))
    assert_denied(world.send(forged))
    assert is_untouched(victim)


def test_pr_01_the_owner_is_told_at_the_third_signature_without_a_phone_and_once(world: World) -> None:
    victim = signing_in(world, world.enrolled())
    thief = named(victim, world.phone("thief's phone"))
    for expected in ([], [], [WALLET_WITHOUT_PHONE], [WALLET_WITHOUT_PHONE]):
        assert_denied(thief.honest())
        assert warnings_of(victim) == expected


def test_pr_01_a_thief_who_asks_a_hundred_times_at_once_does_not_slip_past_the_notice(world: World) -> None:
    victim = signing_in(crowded(world), world.enrolled())
    thief = named(victim, world.phone("thief's phone"))
    attempts = [thief.request(thief.payload(thief.statement)) for _ in range(100)]
    assert_denied(*all_at_once(world, attempts))
    assert warnings_of(victim) == [WALLET_WITHOUT_PHONE]


def test_pr_01_strangers_without_the_mnemonic_cannot_raise_the_alarm(world: World) -> None:
    victim = signing_in(world, world.enrolled())
    stranger = world.phone("stranger's phone", MALLORY_WORDS)
    for _ in range(5):
        assert_denied(*named(victim, stranger).submit_signed_over(victim.statement))
    assert warnings_of(victim) == []


def test_pr_01_the_owners_own_late_answers_raise_no_alarm(world: World) -> None:
    phone = world.enrolled()
    for _ in range(4):
        stand = signing_in(world, phone)
        world.clock.advance(120)
        assert_denied(stand.honest())
    assert warnings_of(stand) == []


# --- PR-02: the device key alone ---------------------------------------------------------------------------------


def signature_spellings(stand: Stand) -> dict[str, WalletSignature]:
    text, thief = stand.statement.encode(), SimWallet(MALLORY_WORDS)
    right = stand.phone.wallet.sign(text)
    return {
        "empty": WalletSignature(SignatureType.P2PKH, ""),
        "another key": wallet_signature(thief, text),
        "another index of the same mnemonic": wallet_signature(SimWallet(ALICE_WORDS, 1), text),
        "another text": wallet_signature(stand.phone.wallet, b"Pay 1 LTC"),
        "another type": WalletSignature(SignatureType.BIP137, right),
        "a witness": WalletSignature(SignatureType.BIP322_SIMPLE, f"smp{right}"),
        "not base64": WalletSignature(SignatureType.P2PKH, right[:-1]),
        "a second spelling": WalletSignature(SignatureType.P2PKH, f"{right}\n"),
        "zeros": WalletSignature(SignatureType.P2PKH, "H" + "A" * 86 + "="),
        "a long text": WalletSignature(SignatureType.P2PKH, "A" * 1000),
    }


@pytest.mark.parametrize("purpose", WAYS)
def test_pr_02_an_extracted_device_key_without_the_wallet_is_denied(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    for signature in signature_spellings(stand).values():
        assert_denied(stand.submit(stand.payload(stand.statement, wallet_signature=signature)))
    assert is_untouched(stand)
    assert stand.honest().status < 300


def test_pr_02_a_payload_without_a_wallet_signature_is_malformed(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    whole = msgspec.json.decode(msgspec.json.encode(stand.payload(stand.statement)))
    for lacking in ({**whole, "wallet_signature": None}, {"statement_sha256": whole["statement_sha256"]}):
        answer = world.send(stand.phone.request_to(stand.path, msgspec.json.encode(lacking)))
        assert refusal(answer) == (400, "BODY")
    assert is_untouched(stand)


# --- PR-03: the mnemonic and an approval -------------------------------------------------------------------------


def test_pr_03_the_code_of_an_approval_cannot_be_computed_with_the_mnemonic(world: World) -> None:
    """The thief starts the login in his own browser, and the victim approves it without looking."""
    victim = signing_in(world, world.enrolled(), "thief's browser")
    request = victim.request(victim.payload(victim.statement))
    assert world.send(request).status == 200
    statement, act = victim.statement, victim.statement.act
    assert hasattr(act, "session")
    stolen = verify_message(
        victim.phone.wallet.pinned.address, statement.encode(), victim.phone.wallet.sign(statement.encode())
    )
    thief = world.phone("thief's phone")
    same_request = thief.request_to(victim.path, request.body, idempotency_key=request.idempotency_key)
    guesses = [
        one_time_code(
            statement.encode(),
            wallet_signature=stolen.rs,
            device_signature=guessed,
            request_id=statement.request_id,
            session_hash=ids.digest_bytes(act.session),
            nonce=statement.nonce,
        )
        for guessed in (bytes(64), stolen.rs, device_rs(same_request))
    ]
    assert victim.phone.code_of(request, statement) not in guesses
    assert_denied(*(type_code(victim, code) for code in guesses))
    assert challenge_of(world, statement.request_id).state == "FAILED"


# --- PR-04, PR-05: replays ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("later_s", [0, 1, 60])
def test_pr_04_a_replay_hears_the_first_answer_or_that_it_is_too_late(world: World, later_s: int) -> None:
    stand = signing_in(world, world.enrolled())
    world.clock.advance(later_s)
    first = stand.request(stand.payload(stand.statement))
    accepted = world.send(first)
    assert accepted.status == 200
    after = stand.challenge()
    world.clock.advance(later_s)
    assert told(world.send(first)) == told(accepted)
    again = stand.request(msgspec.json.decode(first.body, type=type(stand.payload(stand.statement))))
    assert refusal(world.send(again)) == (409, "CHALLENGE_CONSUMED")
    other_body = stand.payload(stand.statement, client="another body")
    reused = stand.request(other_body, idempotency_key=first.idempotency_key)
    assert refusal(world.send(reused)) == (409, "KEY_REUSED")
    assert stand.challenge() == after


def test_pr_04_a_replay_under_another_key_or_path_is_denied(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    first = stand.request(stand.payload(stand.statement))
    assert world.send(first).status == 200
    assert_denied(world.send(replace(first, idempotency_key="a-key-of-the-thief-0")))
    claim = first.target_uri.replace("/response", "/claim")
    # The body is no claim: it is refused before anybody asks who signed it.
    assert refusal(world.send(replace(first, target_uri=claim))) == (400, "BODY")


def test_pr_04_a_replay_when_all_is_over_is_denied(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    first = stand.request(stand.payload(stand.statement))
    world.send(first)
    world.clock.advance(300)
    assert_denied(world.send(first))


def test_pr_05_a_payload_replayed_on_a_fresh_challenge_is_denied(world: World) -> None:
    phone = world.enrolled()
    old, fresh = signing_in(world, phone, "old"), signing_in(world, phone, "fresh")
    sent = old.request(old.payload(old.statement))
    assert world.send(sent).status == 200
    moved = replace(sent, target_uri=sent.target_uri.replace(old.statement.request_id, fresh.statement.request_id))
    assert_denied(world.send(moved))
    # Even the phone itself cannot make an old wallet signature count again.
    assert_denied(fresh.submit(old.payload(old.statement)), *fresh.submit_signed_over(old.statement))
    assert is_untouched(fresh)


# --- PR-06: a malicious tenant -----------------------------------------------------------------------------------


def test_pr_06_a_signature_obtained_by_another_site_is_denied(world: World) -> None:
    """The worst case: the same wallet and the same device key serve both sites."""
    bank_phone = world.enrolled("one phone")
    shop_phone = world.enrolled("one phone", tenant="shop")
    assert shop_phone.thumbprint == bank_phone.thumbprint
    shop, bank = signing_in(world, shop_phone), signing_in(world, bank_phone)
    given = shop.request(shop.payload(shop.statement))
    moved = replace(given, target_uri=given.target_uri.replace(shop.statement.request_id, bank.statement.request_id))
    moved = replace(moved, target_uri=moved.target_uri.replace("/shop/", "/bank/"))
    assert_denied(world.send(moved))
    lookalike = msgspec.structs.replace(bank.statement, domain=shop.statement.domain)
    assert_denied(*bank.submit_signed_over(shop.statement), *bank.submit_signed_over(lookalike))
    assert is_untouched(bank)
    assert refusal(world.send(shop.phone.request_to(bank.path, given.body))) == (404, "NOT_FOUND")


def test_pr_06_another_sites_key_can_ask_nothing_of_this_one(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    path = f"/v1/bank/logins/{stand.statement.request_id}"
    for key in (world.sites["shop"], stand.phone.key):
        answer = world.send(key.request("GET", path, b"", at=world.clock.now(), tag=Tag.CLIENT))
        assert_denied(answer)


# --- PR-07, PR-08: another statement -----------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", WAYS)
def test_pr_07_a_signature_for_any_other_purpose_is_denied(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    for other in sorted(ACTS):
        if other != stand.statement.purpose:
            signed = as_purpose(stand.statement, other)
            assert signed.nonce == stand.statement.nonce
            assert_denied(*stand.submit_signed_over(signed))
    assert is_untouched(stand)
    assert stand.honest().status < 300


@pytest.mark.parametrize("purpose", WAYS)
def test_pr_08_a_statement_with_any_single_field_changed_is_denied(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    fields = {*Statement.__struct_fields__, *stand.statement.act.__struct_fields__} - {"act"}
    changes = single_changes(stand.statement)
    assert {name for name, _ in changes} == fields
    for _, changed in changes:
        assert_denied(*stand.submit_signed_over(changed))
    assert is_untouched(stand)
    assert stand.honest().status < 300


# --- PR-17, PR-18: after the authority changed --------------------------------------------------------------------


def test_pr_17_a_sign_in_signed_under_an_old_epoch_is_denied(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    stand = signing_in(world, old)
    assert second.revoke(second.thumbprint).decided.status == 200
    assert_denied(stand.honest())
    fresh = Stand(world, old, old.claim(stand.statement.request_id).as_(wire.Claimed).statement)
    assert fresh.honest().status == 200


def test_pr_17_an_approval_given_before_the_change_opens_no_session_after_it(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    stand = signing_in(world, old)
    request = stand.request(stand.payload(stand.statement))
    assert world.send(request).status == 200
    second.revoke(second.thumbprint)
    assert_denied(type_code(stand, old.code_of(request, stand.statement)))


@pytest.mark.parametrize("purpose", ["migrate", "accept", "recover", "revoke", "setup-otp"])
def test_pr_17_every_other_statement_of_an_old_epoch_changes_nothing(world: World, purpose: str) -> None:
    """The phone that asked for it proved itself, so it hears why."""
    old = world.enrolled()
    second, third = second_phone(world, old), world.phone("third phone")
    stand = {
        "migrate": lambda: migrating(world, old, third),
        "accept": lambda: accepting(world, old, third),
        "recover": lambda: recovering(world, third),
        "revoke": lambda: Stand(world, old, old.start_revocation(second.thumbprint).as_(wire.Claimed).statement),
        "setup-otp": lambda: setting_up(world, third),
    }[purpose]()
    second.revoke(second.thumbprint)
    seen = old.devices()
    assert refusal(stand.honest()) == (403, "STALE_EPOCH")
    assert old.devices() == seen


def test_pr_18_a_revoked_phone_with_the_right_wallet_is_told_what_strangers_are_told(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    stand = signing_in(world, second)
    assert old.revoke(second.thumbprint).decided.status == 200
    stranger = named(stand, world.phone("a stranger"))
    assert_denied(stand.honest(), stranger.honest(), second.claim(stand.statement.request_id))
    world.clock.advance(25 * HOUR)
    assert_denied(named(signing_in(world, old), second).honest())


# --- PR-19, PR-20, PR-21: what is registered already ---------------------------------------------------------------


def test_pr_19_a_revoked_device_key_never_comes_back_into_its_account(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    second.revoke(second.thumbprint)
    world.clock.advance(1000 * HOUR)
    assert refusal(old.start_migration(second.offer())) == (403, "DEVICE_TOMBSTONED")
    # By recovery: with both signatures it hears why, before any code or case.
    assert refusal(setting_up(world, second).honest()) == (403, "DEVICE_TOMBSTONED")
    assert old.devices().recovery is None


def test_pr_19_a_revoked_device_key_enters_no_other_account_of_the_tenant(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    second.revoke(second.thumbprint)
    other = same_key(world, "second phone", MALLORY_WORDS)
    assert other.thumbprint == second.thumbprint
    stand = binding(world, other, "mallory@example.com")
    assert refusal(stand.honest()) == (409, "ALREADY_REGISTERED")
    mallory = world.enrolled("mallory's phone", "mallory@example.com", words=MALLORY_WORDS)
    assert refusal(mallory.start_migration(other.offer())) == (409, "ALREADY_REGISTERED")


def test_pr_20_one_device_key_serves_one_account(world: World) -> None:
    world.enrolled("one phone")
    twin = same_key(world, "one phone", MALLORY_WORDS)
    assert refusal(binding(world, twin, "mallory@example.com").honest()) == (409, "ALREADY_REGISTERED")
    mallory = world.enrolled("mallory's phone", "mallory@example.com", words=MALLORY_WORDS)
    assert refusal(mallory.start_migration(twin.offer())) == (409, "ALREADY_REGISTERED")
    # By recovery of the thief's own account with the victim's device key: nothing enters there either.
    assert [seen.thumbprint for seen in mallory.devices().phones] == [mallory.thumbprint]


def test_pr_20_a_recovery_cannot_take_a_device_key_of_another_account(world: World) -> None:
    world.enrolled("one phone")
    mallory = world.enrolled("mallory's phone", "mallory@example.com", words=MALLORY_WORDS)
    claimed = same_key(world, "one phone", MALLORY_WORDS).start_recovery()
    assert refusal(claimed.decided) == (409, "ALREADY_REGISTERED")
    assert mallory.devices().recovery is None


def test_pr_21_a_wallet_bound_to_one_account_is_refused_for_another(world: World) -> None:
    world.enrolled()
    stand = binding(world, world.phone("another phone"), "mallory@example.com")
    known_wallet = stand.honest()
    known_phone = binding(world, same_key(world, "old phone", MALLORY_WORDS), "eve@example.com").honest()
    assert refusal(known_wallet) == (409, "ALREADY_REGISTERED")
    assert told(known_wallet) == told(known_phone)


def test_pr_21_of_two_bindings_under_way_with_one_wallet_the_second_code_is_refused(world: World) -> None:
    stands = [binding(world, world.phone(f"phone {name}"), f"{name}@example.com", name) for name in ("one", "two")]
    codes = []
    for stand in stands:
        request = stand.request(stand.payload(stand.statement))
        assert world.send(request).status == 200
        codes.append(stand.phone.code_of(request, stand.statement))
    answers = [type_code(stand, code) for stand, code in zip(stands, codes, strict=True)]
    assert answers[0].status == 200
    assert refusal(answers[1]) == (409, "ALREADY_REGISTERED")
    assert stands[1].phone.post("/devices", wire.Nothing()).status == 401


class SegwitWallet(SimWallet):
    """The same key behind a native segwit address, which its wallet spells in capitals or not."""

    def __init__(self, words: str, *, capitals: bool) -> None:
        super().__init__(words)
        public_key = self._key.public_key
        address = address_of(public_key, AddressKind.P2WPKH, "main").text
        self.pinned = PinnedWallet(
            address.upper() if capitals else address, ids.to_base64url(public_key), SignatureType.BIP322_SIMPLE
        )

    def sign(self, text: bytes) -> str:
        return sign_message(self._key.secret, text, kind=AddressKind.P2WPKH)


def segwit_binding(world: World, label: str, login: str, *, capitals: bool) -> tuple[Stand, SignedRequest]:
    phone = SimPhone(world, Key(label), SegwitWallet(ALICE_WORDS, capitals=capitals))
    stand = binding(world, phone, login, label)
    witness = WalletSignature(SignatureType.BIP322_SIMPLE, phone.wallet.sign(stand.statement.encode()))
    return stand, stand.request(stand.payload(stand.statement, wallet_signature=witness))


def test_pr_21_one_wallet_in_another_spelling_is_neither_bound_nor_another_wallet(world: World) -> None:
    """Bech32 may be written in capitals: what is registered is the one spelling that the statement shows."""
    spelt, in_capitals = segwit_binding(world, "capital phone", EMAIL, capitals=True)
    assert spelt.statement.address == spelt.statement.address.lower()
    assert_denied(world.send(in_capitals))
    assert is_untouched(spelt)
    first, request = segwit_binding(world, "first phone", EMAIL, capitals=False)
    assert world.send(request).status == 200
    assert type_code(first, first.phone.code_of(request, first.statement)).status == 200
    assert world.account_of(first.phone).wallet.address == first.statement.address
    _, again = segwit_binding(world, "another phone", "mallory@example.com", capitals=False)
    assert refusal(world.send(again)) == (409, "ALREADY_REGISTERED")


# --- PR-22, PR-23, PR-24 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("twin", "mine"), [("mi\u212ae@example.com", "mike@example.com"), ("\u0130@example.com", "i\u0307@example.com")]
)
def test_pr_21_a_login_that_only_looks_like_anothers_is_another_login(world: World, twin: str, mine: str) -> None:
    """The Kelvin sign in lower case is a "k": a site that tells the two apart must not find one account here."""
    thief = world.enrolled("thief's phone", twin, words=MALLORY_WORDS)
    started = world.site().start_sign_in(mine, Browser("thief's desk"))
    assert_denied(thief.claim(started.id))
    assert world.enrolled("my phone", mine).devices().account != thief.devices().account


def test_pr_21_a_login_in_capitals_is_the_same_login(world: World) -> None:
    phone = world.enrolled("my phone", "mike@example.com")
    started = world.site().start_sign_in("Mike@EXAMPLE.com", Browser("my desk"))
    assert phone.claim(started.id).status == 200


def test_pr_22_a_thief_who_scans_the_victims_code_binds_nothing(world: World) -> None:
    victim_browser, thief = Browser("victim's desk"), world.phone("thief's phone", MALLORY_WORDS)
    started = world.site().start_binding(EMAIL, victim_browser)
    shown = thief.bind(started)
    assert shown.decided.status == 200
    # His code is on his phone. The page asks the victim, whose own phone says that somebody was faster.
    victim = world.phone("old phone")
    statement = with_act(shown.statement, device=victim.thumbprint)
    statement = msgspec.structs.replace(statement, address=victim.wallet.pinned.address)
    late = Stand(world, victim, statement, victim.enrolment())
    assert refusal(late.honest()) == (409, "CHALLENGE_CONSUMED")
    # He can type it nowhere: not in a session of his own, and not without the site's key.
    assert_denied(world.site().enter_code("bindings", started.id, shown.code, Browser("thief's desk")))
    message = wire.EnterCode(shown.code, ids.to_base64url(victim_browser.secret))
    by_phone = thief.key.request(
        "POST",
        f"/v1/bank/bindings/{started.id}/code",
        msgspec.json.encode(message),
        at=world.clock.now(),
        tag=Tag.CLIENT,
    )
    assert_denied(world.send(by_phone))
    assert_denied(thief.post("/devices", wire.Nothing()))


def test_pr_22_a_victim_who_scans_the_thiefs_code_gives_nothing_away(world: World) -> None:
    """The thief shows a binding of his own; the code that would complete it stays on the victim's phone."""
    thief_browser, victim = Browser("thief's desk"), world.phone("victim's phone")
    started = world.site().start_binding("mallory@example.com", thief_browser)
    shown = victim.bind(started)
    guesses = [f"{number:08d}" for number in range(3) if f"{number:08d}" != shown.code]
    assert_denied(*(world.site().enter_code("bindings", started.id, guess, thief_browser) for guess in guesses))
    # The wallet is still free: the victim links his own account as if nothing had been.
    world.enrolled("another phone", EMAIL)


DOWNGRADES: dict[str, Callable[[str], str]] = {
    "none": lambda text: text.replace('alg="ecdsa-p256-sha256"', 'alg="none"'),
    "HS256": lambda text: text.replace('alg="ecdsa-p256-sha256"', 'alg="HS256"'),
    "hmac": lambda text: text.replace('alg="ecdsa-p256-sha256"', 'alg="hmac-sha256"'),
    "ed25519": lambda text: text.replace('alg="ecdsa-p256-sha256"', 'alg="ed25519"'),
    "no algorithm": lambda text: text.replace(';alg="ecdsa-p256-sha256"', ""),
    "no key": lambda text: text[: text.index(";keyid")] + text[text.index(";alg") :],
    "fewer components": lambda text: text.replace(' "content-digest"', ""),
    "no body covered": lambda text: text.replace('"@target-uri" "content-digest"', '"@target-uri"'),
    "another tag": lambda text: text.replace("pteri-device-v1", "pteri-client-v1"),
    "two signatures": lambda text: f"{text}, {text}",
}


@pytest.mark.parametrize("kind", DOWNGRADES)
def test_pr_23_a_downgraded_signature_is_denied_on_every_step(world: World, kind: str) -> None:
    stand = signing_in(world, world.enrolled())
    claim = stand.phone.request_to(f"/challenges/{stand.statement.request_id}/claim", b"{}")
    steps = [
        stand.request(stand.payload(stand.statement)),
        claim,
        stand.phone.request_to("/devices", b"{}"),
        stand.phone.request_to("/prompts", b"{}"),
    ]
    downgraded = [replace(step, signature_input=DOWNGRADES[kind](step.signature_input)) for step in steps]
    assert all(changed != step for changed, step in zip(downgraded, steps, strict=True))
    assert_denied(*(world.send(changed) for changed in downgraded))
    assert is_untouched(stand)


@pytest.mark.parametrize("name", ["signature", "signature-input", "content-digest", "idempotency-key"])
def test_pr_23_a_request_without_its_signature_is_refused(world: World, name: str) -> None:
    stand = signing_in(world, world.enrolled())
    request = stand.request(stand.payload(stand.statement))
    kept = {key: value for key, value in request.headers().items() if key != name}
    assert refusal(send_with_headers(world, request, list(kept.items()))) == (401, "SIGNATURE_HEADERS")
    doubled = [*request.headers().items(), (name, request.headers()[name])]
    assert refusal(send_with_headers(world, request, doubled)) == (401, "SIGNATURE_HEADERS")
    assert_denied(send_with_headers(world, request, [*kept.items(), (name, "")]))
    assert is_untouched(stand)


def test_pr_23_the_key_of_another_phone_counts_in_no_name(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    thief = world.phone("thief's phone")
    mallory = world.enrolled("mallory's phone", "mallory@example.com", words=MALLORY_WORDS)
    for other in (thief, mallory):
        body = msgspec.json.encode(stand.payload(stand.statement))
        own = other.request_to(stand.path, body)
        victims = stand.request(stand.payload(stand.statement))
        renamed = replace(own, signature_input=victims.signature_input)
        assert_denied(world.send(own), world.send(renamed))
    assert is_untouched(stand)


def test_pr_23_a_signature_of_zeros_tells_nobody_which_keys_are_registered(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    path = f"/v1/bank/logins/{stand.statement.request_id}"
    keys = [world.sites["bank"], world.sites["shop"], world.phone("a stranger").key]
    forged = [key.request("GET", path, b"", at=world.clock.now(), tag=Tag.CLIENT) for key in keys]
    for rs in (bytes(64), b"\xff" * 64, bytes(63) + b"\x01"):
        assert_denied(*(world.send(with_device_rs(request, rs)) for request in forged))


def test_pr_24_no_line_or_an_old_line_in_the_statement_is_denied(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    assert_denied(*stand.submit_signed_over(with_act(stand.statement, esim=None)))
    assert_denied(*stand.submit_signed_over(with_act(stand.statement, esim=digest("the line before"))))
    assert is_untouched(stand)


def test_pr_24_a_line_that_the_account_does_not_have_is_denied_too(world: World) -> None:
    phone, browser = world.phone("old phone"), Browser("desk")
    started = world.site().start_binding(EMAIL, browser, line=None)
    shown = phone.bind(started)
    assert world.site().enter_code("bindings", started.id, shown.code, browser).status == 200
    stand = signing_in(world, phone)
    assert_denied(*stand.submit_signed_over(with_act(stand.statement, esim=digest("a line"))))
    assert stand.honest().status == 200
