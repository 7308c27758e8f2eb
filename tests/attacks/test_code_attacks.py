"""Abuse cases OT-01 to OT-09 and OT-12 to OT-15: guessing, moving, replaying, malleating and reading one-time codes."""

from __future__ import annotations

import ast
import base64
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
import structlog
from msgspec.structs import replace

from pteri.app import codes, evidence
from pteri.app.ports import Count, CounterKind
from pteri.core import ids, wire
from pteri.core.acts import Authenticate
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.keys.message import SignatureType, message_digest, verify_message
from pteri.core.otp import DIGITS, spaced
from pteri.core.verify import Payload, WalletSignature
from pteri.domain.rules import Rules
from thieves import (
    EMAIL,
    HOUR,
    Stand,
    account_of,
    all_at_once,
    assert_denied,
    before,
    binding,
    challenge_of,
    crowded,
    device_rs,
    device_twin,
    history_of,
    refusal,
    rewired,
    scanning,
    setting_up,
    sign_with_nonce,
    signing_in,
    told,
    type_code,
    wallet_twin,
)
from world import MALLORY_WORDS, Answered, Browser, World
from worlds import Worlds

if TYPE_CHECKING:
    from pteri.app.ports import Vault

WITH_A_CODE = ["authenticate", "bind", "setup-otp"]


def approved(stand: Stand, **options: Any) -> str:
    """The phone answers; the code that it shows."""
    request = stand.request(stand.payload(stand.statement), **options)
    decided = stand.world.send(request)
    assert decided.status in {200, 202}, decided.body
    return stand.phone.code_of(request, stand.statement)


def wrong(code: str, how_many: int = 1) -> list[str]:
    """Other codes, the nearest first: they share all digits but the last ones."""
    return [f"{(int(code) + offset) % 10**DIGITS:08d}" for offset in range(1, how_many + 1)]


def code_request(stand: Stand, code: str) -> SignedRequest:
    assert stand.browser is not None
    message = wire.EnterCode(code, ids.to_base64url(stand.browser.secret))
    path = f"/v1/bank/logins/{stand.statement.request_id}/code"
    at = stand.world.clock.now()
    return stand.world.sites["bank"].request("POST", path, msgspec.json.encode(message), at=at, tag=Tag.CLIENT)


# --- OT-01, OT-02, OT-03: guessing -------------------------------------------------------------------------------


def test_ot_01_no_guess_is_right_while_nobody_has_approved(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    guesses = ["00000000", "12345678", "99999999", *wrong("46416065", 20)]
    assert_denied(*(type_code(stand, guess) for guess in guesses))
    # Nothing was counted: the owner, who approves now, still has all his attempts.
    code = approved(stand)
    assert_denied(*(type_code(stand, guess) for guess in wrong(code, 2)))
    assert type_code(stand, code).status == 200


def test_ot_01_a_guess_at_a_stranger_a_decoy_or_a_wrong_code_is_told_the_same(world: World) -> None:
    site, phone = world.site(), world.enrolled()
    waiting, shown = signing_in(world, phone, "waiting"), signing_in(world, phone, "shown")
    code = approved(shown)
    nobody = site.start_sign_in("nobody@example.com", Browser("nobody"))
    late = signing_in(world, phone, "late")
    late_code = approved(late)
    answers = [
        site.enter_code("logins", nobody.id, "12345678", Browser("nobody")),
        type_code(waiting, "12345678"),
        type_code(shown, wrong(code)[0]),
        type_code(shown, code, browser=Browser("another")),
    ]
    world.clock.advance(120)
    answers.append(type_code(late, late_code))
    assert_denied(*answers)


def test_ot_02_the_fourth_code_is_refused_though_it_is_the_right_one(world: World) -> None:
    phone = world.enrolled()
    stand = signing_in(world, phone)
    code = approved(stand)
    assert_denied(*(type_code(stand, guess) for guess in wrong(code, 3)))
    assert challenge_of(world, stand.statement.request_id).state == "FAILED"
    assert_denied(type_code(stand, code))
    # Only that sign-in has failed: the account is not locked.
    again = signing_in(world, phone, "again")
    assert type_code(again, approved(again)).status == 200


def test_ot_02_a_repeated_request_is_not_a_second_attempt(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    code = approved(stand)
    guess = wrong(code)[0]
    assert_denied(*(type_code(stand, guess, key="one-attempt-repeated") for _ in range(10)))
    assert challenge_of(world, stand.statement.request_id).mistypes == 1
    assert refusal(type_code(stand, code, key="one-attempt-repeated")) == (409, "KEY_REUSED")
    assert type_code(stand, code).status == 200


def test_ot_02_a_hundred_guesses_at_once_are_three_guesses(world: World) -> None:
    stand = signing_in(crowded(world), world.enrolled())
    code = approved(stand)
    guesses = [*wrong(code, 99), code]
    answers = all_at_once(world, [code_request(stand, guess) for guess in guesses])
    assert_denied(*answers)
    challenge = challenge_of(world, stand.statement.request_id)
    assert (challenge.state, challenge.mistypes) == ("FAILED", 3)


def test_ot_03_a_spray_over_many_accounts_trips_the_budget_of_the_tenant(worlds: Worlds) -> None:
    world = worlds(rules=Rules(tenant_wrong_codes_per_hour=5))
    stands = [victim(world, number) for number in range(7)]
    shown = [approved(stand) for stand in stands]
    assert_denied(*(type_code(stand, wrong(code)[0]) for stand, code in zip(stands[:5], shown[:5], strict=True)))
    tripped = type_code(stands[5], wrong(shown[5])[0])
    assert refusal(tripped) == (429, "SLOW_DOWN")
    wait_s = HOUR - world.clock.now() % HOUR
    assert tripped.headers["retry-after"] == str(wait_s)
    # Not even a right code gets through, or the answer would tell guesses apart.
    assert told(type_code(stands[6], shown[6])) == told(tripped)
    world.clock.advance(wait_s)
    again = signing_in(world, stands[6].phone, "next hour", login="victim6@example.com")
    assert type_code(again, approved(again)).status == 200


def counted(world: World, kind: CounterKind, subject: str) -> int:
    count = Count(kind, subject, HOUR, world.clock.now())
    return world.run(world.deployment.store.count(ids.tenant_id("bank"), count))


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_ot_03_of_many_guesses_at_once_the_budget_of_the_tenant_lets_exactly_so_many_be_looked_at(
    worlds: Worlds, seed: int | None
) -> None:
    most = 17
    world = worlds(rules=Rules(tenant_wrong_codes_per_hour=most))
    phones = [world.enrolled(f"phone {number}", f"{number}@example.com", index=number) for number in range(5)]
    stands = [
        scanning(world, phone, f"desk {number} {again}", login=f"{number}@example.com")
        for number, phone in enumerate(phones)
        for again in range(4)
    ]
    shown = [approved(stand) for stand in stands]
    guesses = [
        code_request(stand, guess)
        for stand, code in zip(stands, shown, strict=True)
        for guess in wrong(code, 2)  # the third would end the sign-in
    ]
    answers = all_at_once(crowded(world, seed=seed), guesses)
    assert Counter(refusal(answer) for answer in answers) == {(401, "DENIED"): most, (429, "SLOW_DOWN"): 40 - most}
    assert counted(world, CounterKind.WRONG_CODE, "bank") == most
    assert sum(stand.challenge().mistypes for stand in stands) == most


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_ot_03_of_many_guesses_at_once_exactly_ten_sign_ins_of_an_account_fail(world: World, seed: int | None) -> None:
    phone, most = world.enrolled(), Rules().failed_sign_ins_per_hour
    stands = [scanning(world, phone, f"desk {number}") for number in range(most + 4)]
    guesses = [code_request(stand, guess) for stand in stands for guess in wrong(approved(stand), 3)]
    answers = all_at_once(crowded(world, seed=seed), guesses)
    assert {refusal(answer) for answer in answers} <= {(401, "DENIED"), (429, "SLOW_DOWN")}
    account = account_of(stands[0])
    assert counted(world, CounterKind.FAILED_SIGN_IN, account) == most
    states = Counter(stand.challenge().state for stand in stands)
    assert states == {"FAILED": most, "VERIFIED": 4}
    # What was looked at is what was counted, in each sign-in and for the tenant.
    looked_at = sum(stand.challenge().mistypes for stand in stands)
    assert counted(world, CounterKind.WRONG_CODE, "bank") == looked_at
    assert Counter(answer.status for answer in answers) == {401: looked_at, 429: len(answers) - looked_at}


@pytest.mark.parametrize("full", ["account", "tenant"])
def test_ot_03_a_right_code_while_the_window_is_full_waits_and_nothing_is_lost(worlds: Worlds, full: str) -> None:
    rules = Rules(failed_sign_ins_per_hour=1) if full == "account" else Rules(tenant_wrong_codes_per_hour=3)
    world = worlds(rules=rules)
    # Ten seconds before the hour is over.
    world.clock.at = (world.clock.at // HOUR + 1) * HOUR - 10
    phone = world.enrolled()
    failed, mine = scanning(world, phone, "thief's desk"), scanning(world, phone, "my desk")
    code = approved(mine)
    assert_denied(*(type_code(failed, guess) for guess in wrong(approved(failed), 3)))
    was = world.rows()
    for typed in (code, wrong(code)[0], code):
        told_to_wait = type_code(mine, typed)
        assert refusal(told_to_wait) == (429, "SLOW_DOWN")
        assert told_to_wait.headers["retry-after"] == "10"
    assert world.rows() == was
    assert (mine.challenge().state, mine.challenge().mistypes) == ("VERIFIED", 0)
    world.clock.advance(10)
    assert type_code(mine, code).status == 200


def test_ot_03_right_codes_use_up_nobodys_share(worlds: Worlds) -> None:
    world = worlds(rules=Rules(failed_sign_ins_per_hour=1, tenant_wrong_codes_per_hour=1))
    phone = world.enrolled()
    for number in range(5):
        stand = scanning(world, phone, f"desk {number}")
        assert type_code(stand, approved(stand)).status == 200
    assert counted(world, CounterKind.WRONG_CODE, "bank") == 0


def victim(world: World, number: int) -> Stand:
    """Somebody with an account of his own, who has begun to sign in."""
    login = f"victim{number}@example.com"
    phone = world.enrolled(f"phone {number}", login, index=number)
    return signing_in(world, phone, f"desk {number}", login=login)


def test_ot_03_one_blind_approval_is_worth_less_than_one_in_thirty_million() -> None:
    values_per_code = -(-(2**31) // 10**DIGITS)
    assert Rules().code_attempts * values_per_code / 2**31 < 3.1e-8


def test_ot_03_the_wrong_codes_of_a_phone_lock_no_browser_out(worlds: Worlds) -> None:
    """A mnemonic thief, or anybody with an account of his own, sets codes up again and again and sends wrong ones."""
    world = worlds(rules=Rules(tenant_wrong_codes_per_hour=5, failed_sign_ins_per_hour=2))
    phone, thief = world.enrolled(), world.phone("thief's phone")
    for _ in range(4):
        set_up = setting_up(world, thief)
        code = approved(set_up)
        for guess in wrong(code, 3):
            assert_denied(thief.post("/recoveries", wire.StartRecovery(set_up.statement.request_id, guess)))
        assert_denied(thief.post("/recoveries", wire.StartRecovery(set_up.statement.request_id, code)))
    stand = signing_in(world, phone)
    assert type_code(stand, approved(stand)).status == 200


def test_ot_03_one_login_that_is_bound_again_and_again_uses_up_its_own_share_only(worlds: Worlds) -> None:
    """Each binding makes a new account: counted by account, one person could lock all browsers of a site out."""
    world = worlds(rules=Rules(tenant_wrong_codes_per_hour=12, failed_sign_ins_per_hour=2))
    phone, thief = world.enrolled(), world.phone("thief's phone", MALLORY_WORDS)
    for number in range(2):
        stand = binding(world, thief, "thief@example.com", f"try {number}")
        assert_denied(*(type_code(stand, guess) for guess in wrong(approved(stand), 3)))
    for number in range(6):
        stand = binding(world, thief, "thief@example.com", f"more {number}")
        assert refusal(type_code(stand, wrong(approved(stand))[0])) == (429, "SLOW_DOWN")
    signing = signing_in(world, phone)
    assert type_code(signing, approved(signing)).status == 200


@pytest.mark.parametrize(("after_s", "status"), [(119, 201), (120, 401), (3600, 401)])
def test_ot_05_the_code_of_a_set_up_lives_for_two_minutes(world: World, after_s: int, status: int) -> None:
    world.enrolled()
    set_up = setting_up(world, world.phone("new phone"))
    code = approved(set_up)
    world.clock.advance(after_s)
    message = wire.StartRecovery(set_up.statement.request_id, code)
    assert set_up.phone.post("/recoveries", message).status == status


def test_ot_04_an_approved_migration_starts_no_recovery(world: World) -> None:
    old, new = world.enrolled(), world.phone("new phone")
    shown = old.approve_offer(new.offer())
    message = wire.StartRecovery(shown.statement.request_id, shown.code)
    assert refusal(old.post("/recoveries", message)) == (404, "NOT_FOUND")


# --- OT-04, OT-05: another place, another time --------------------------------------------------------------------


def test_ot_04_the_code_of_one_sign_in_is_refused_in_another(world: World) -> None:
    phone = world.enrolled()
    one, two = signing_in(world, phone, "one"), signing_in(world, phone, "two")
    codes_shown = approved(one), approved(two)
    assert_denied(type_code(two, codes_shown[0]), type_code(one, codes_shown[1]))
    assert type_code(one, codes_shown[0]).status == 200
    assert type_code(two, codes_shown[1]).status == 200


def test_ot_04_the_code_is_refused_in_another_browser_session(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    code = approved(stand)
    assert_denied(*(type_code(stand, code, browser=Browser(f"thief {number}")) for number in range(5)))
    # The session is proved by its secret; its hash, which everybody on the way has seen, is not enough.
    act = stand.statement.act
    assert isinstance(act, Authenticate)
    by_hash = Browser("thief")
    by_hash.secret = ids.digest_bytes(act.session)
    assert_denied(type_code(stand, code, browser=by_hash))
    assert challenge_of(world, stand.statement.request_id).mistypes == 0
    assert type_code(stand, code).status == 200


def test_ot_04_the_code_of_one_site_is_refused_at_another(world: World) -> None:
    phone = world.enrolled("one phone")
    world.enrolled("one phone", tenant="shop", index=1)
    stand = signing_in(world, phone)
    code = approved(stand)
    assert stand.browser is not None
    # There it is a sign-in that nobody has answered.
    assert_denied(world.site("shop").enter_code("logins", stand.statement.request_id, code, stand.browser))


def test_ot_05_a_code_opens_one_session_once(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    code = approved(stand)
    first = type_code(stand, code, key="the-first-of-them")
    assert first.status == 200
    assert_denied(type_code(stand, code), type_code(stand, spaced(code)))
    assert told(type_code(stand, code, key="the-first-of-them")) == told(first)


def test_ot_05_of_fifty_at_once_one_opens_a_session(world: World) -> None:
    stand = signing_in(crowded(world), world.enrolled())
    code = approved(stand)
    answers = all_at_once(world, [code_request(stand, code) for _ in range(50)])
    assert [answer.status for answer in answers if answer.status != 401] == [200]
    assert_denied(*(answer for answer in answers if answer.status == 401))
    assert events_of(stand).count("SignedIn") == 1


def events_of(stand: Stand) -> list[str]:
    account = stand.challenge().account
    assert account is not None
    return [event.name for event in history_of(stand.world, account)]


# --- OT-06, OT-07: spelling and comparison -------------------------------------------------------------------------


def with_leading_zero(world: World) -> tuple[Stand, str]:
    phone = world.enrolled()
    for number in range(100):
        stand = signing_in(world, phone, f"desk {number}")
        code = approved(stand)
        if code.startswith("0"):
            return stand, code
    raise AssertionError("a hundred codes and none begins with 0")


def misspelt(code: str) -> Iterator[str]:
    arabic, fullwidth, bold = ("".join(chr(first + int(digit)) for digit in code) for first in (0x660, 0xFF10, 0x1D7CE))
    yield from (arabic, fullwidth, bold, f"{code[:-1]}{arabic[-1]}")
    yield from (code[:7], f"{code}0", code.lstrip("0"), str(int(code)), "")
    yield from (f" {code}", f"{code} ", f"{code}\n", f"{code[:3]} {code[3:]}", f"{code[:4]}  {code[4:]}")
    yield from (f"{code[:4]}{mark}{code[4:]}" for mark in ("-", "\t", "\u00a0", "\u2009", "_", "."))
    yield from (f"+{code[1:]}", f"-{code[1:]}", f"{code[:-2]}e1", f"0x{code[2:]}", f"{code[:-1]}²", "A" * 8, "\0" * 8)


def test_ot_06_a_code_has_one_spelling_and_one_group_space(world: World) -> None:
    stand, code = with_leading_zero(world)
    for text in misspelt(code):
        assert refusal(type_code(stand, text)) == (400, "CODE_FORMAT"), text
    for text in ("0" * 17, code * 1000):
        assert refusal(type_code(stand, text)) == (400, "BODY")
    # None of them was an attempt.
    assert challenge_of(world, stand.statement.request_id).mistypes == 0
    assert type_code(stand, spaced(code)).status == 200


def test_ot_06_a_code_that_is_a_json_number_is_refused(world: World) -> None:
    stand, code = with_leading_zero(world)
    honest = code_request(stand, code)
    body = honest.body.replace(f'"{code}"'.encode(), str(int(code)).encode())
    path = honest.target_uri.removeprefix("https://pteri.example")
    numeric = world.sites["bank"].request("POST", path, body, at=world.clock.now(), tag=Tag.CLIENT)
    assert refusal(world.send(numeric)) == (400, "BODY")


SECRET_NAMES = {"code", "given", "secret", "code_mac", "sealed", "wallet_rs", "device_rs"}


def names_in(node: ast.AST) -> set[str]:
    return {found.id for found in ast.walk(node) if isinstance(found, ast.Name)} | {
        found.attr for found in ast.walk(node) if isinstance(found, ast.Attribute)
    }


def open_comparisons(source: str) -> list[str]:
    """Comparisons of something secret by an operator that stops at the first difference."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Compare)
        and not all(isinstance(operator, ast.Is | ast.IsNot) for operator in node.ops)
        and names_in(node) & SECRET_NAMES
    ]


def test_ot_07_no_operator_compares_a_code_or_a_session_secret() -> None:
    assert open_comparisons("if code == given: pass") == ["code == given"]
    for module in (codes, evidence):
        source = inspect.getsource(module)
        assert open_comparisons(source) == []
        assert source.count("compare_digest") == 1


def test_ot_07_codes_are_compared_as_keyed_hashes_that_share_no_prefix_when_codes_do(world: World) -> None:
    vault, request = world.deployment.vault, "lgn_2Y7K4M9QWZ3T"

    def mac(code: str) -> bytes:
        return ids.digest_bytes(vault.blind("code", ids.tenant_id("bank"), f"{request}:{code}"))

    right = "46416065"
    macs = [mac(guess) for guess in wrong(right, 100)]
    assert {len(found) for found in macs} == {32}
    # 100 codes that begin as the right one: their hashes agree with its hash as often as random bytes do.
    assert sum(found[0] == mac(right)[0] for found in macs) <= 4
    assert not any(found[:2] == mac(right)[:2] for found in macs)
    bits = [(int.from_bytes(found) ^ int.from_bytes(mac(right))).bit_count() for found in macs]
    assert 120 < sum(bits) / len(bits) < 136


class CountingVault:
    """The real vault; it counts how often a code is hashed."""

    def __init__(self, vault: Vault) -> None:
        self._vault, self.codes = vault, 0

    def blind(self, kind: str, tenant: ids.TenantId, value: str) -> ids.Digest:
        self.codes += kind == "code"
        return self._vault.blind(kind, tenant, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)


def test_ot_07_every_guess_costs_one_hash_whatever_it_is_a_guess_at(world: World) -> None:
    vault = CountingVault(world.deployment.vault)
    rewired(world, vault=cast("Vault", vault))
    phone = world.enrolled()
    decoy = world.site().start_sign_in("nobody@example.com", Browser("nobody"))
    waiting, shown = signing_in(world, phone, "waiting"), signing_in(world, phone, "shown")
    code = approved(shown)
    guesses: tuple[Callable[[], Answered], ...] = (
        lambda: world.site().enter_code("logins", decoy.id, "12345678", Browser("nobody")),
        lambda: type_code(waiting, "12345678"),
        lambda: type_code(shown, wrong(code)[0]),
        lambda: type_code(shown, code),
        lambda: type_code(shown, code),
    )
    for guess in guesses:
        hashed = vault.codes
        guess()
        assert vault.codes == hashed + 1


# --- OT-08, OT-09: a push bomber -----------------------------------------------------------------------------------


def test_ot_08_of_forty_sign_ins_in_an_hour_five_are_shown_unasked(world: World) -> None:
    phone = world.enrolled()
    bombed = [world.site().start_sign_in(EMAIL, Browser(f"bomber {number}")) for number in range(40)]
    shown = phone.prompts()
    assert len(shown.prompts) == 5
    assert {prompt.id for prompt in shown.prompts} <= {started.id for started in bombed}
    # One merged word about the rest.
    assert shown.unasked == 35
    mine = Browser("the owner")
    started = world.site().start_sign_in(EMAIL, mine)
    assert started.id not in {prompt.id for prompt in phone.prompts().prompts}
    code = phone.approve(started).code
    assert world.site().enter_code("logins", started.id, code, mine).status == 200


def test_ot_08_the_day_has_a_limit_too_and_the_owner_is_told_of_the_rest(world: World) -> None:
    phone, shown = world.enrolled(), []
    for hour in range(6):
        for number in range(8):
            world.site().start_sign_in(EMAIL, Browser(f"bomber {hour} {number}"))
        seen = phone.prompts()
        shown.append(len(seen.prompts))
        assert len(seen.prompts) + seen.unasked == 8
        world.clock.advance(HOUR)
    assert max(shown) == 5
    assert sum(shown) <= 20
    assert shown[-1] == 0
    assert phone.prompts().unasked == 0


def test_ot_08_bombing_an_unknown_login_answers_like_a_known_one(world: World) -> None:
    world.enrolled()
    for login in (EMAIL, "nobody@example.com"):
        for number in range(8):
            browser = Browser(f"{login} {number}")
            answer = world.site().call("POST", "/logins", wire.StartSignIn(login, browser.session))
            assert (answer.status, sorted(answer.json)) == (201, ["expires_at", "id", "number", "qr"])


def test_ot_09_an_approval_given_to_a_bomber_lets_his_browser_nowhere(world: World) -> None:
    phone, bombers = world.enrolled(), Browser("bomber")
    started = world.site().start_sign_in(EMAIL, bombers)
    [prompt] = phone.prompts().prompts
    statement = phone.claim(prompt.id).as_(wire.Claimed).statement
    decided = phone.answer(statement)
    # He sees that it was approved. The code is on the victim's screen only: in no answer that reaches him.
    assert world.site().progress(started) == "APPROVED"
    seen_by_bomber = [
        world.site().call("GET", f"/logins/{started.id}"),
        world.site().enter_code("logins", started.id, wrong(decided.code)[0], bombers),
        decided.decided,
    ]
    for answer in seen_by_bomber:
        assert decided.code not in answer.body.decode()
        assert spaced(decided.code) not in answer.body.decode()
    guesses = [code for code in (prompt.number * 4, "00000000", started.number.zfill(8)) if code != decided.code]
    assert_denied(*(world.site().enter_code("logins", started.id, guess, bombers) for guess in guesses[:2]))
    assert world.site().progress(started) == "FAILED"


# --- OT-12, OT-13, OT-14: signatures that are not unique -----------------------------------------------------------


@pytest.mark.parametrize("purpose", ["authenticate", "bind"])
def test_ot_12_the_high_s_twin_of_the_wallet_signature_is_denied(world: World, purpose: str) -> None:
    stand = before(purpose, world)
    honest = stand.payload(stand.statement)
    twin = WalletSignature(SignatureType.P2PKH, wallet_twin(honest.wallet_signature.signature))
    assert_denied(stand.submit(msgspec.structs.replace(honest, wallet_signature=twin)))
    assert type_code(stand, approved(stand)).status == 200
    assert stand.submit(msgspec.structs.replace(honest, wallet_signature=twin)).status >= 400


@pytest.mark.parametrize("twin_first", [False, True])
def test_ot_13_the_twin_of_a_device_signature_is_the_same_payload(world: World, twin_first: bool) -> None:
    stand = signing_in(world, world.enrolled())
    original = stand.request(stand.payload(stand.statement))
    twin = device_twin(original)
    assert twin.signature != original.signature
    first, second = (twin, original) if twin_first else (original, twin)
    accepted = world.send(first)
    assert accepted.status == 200
    after = stand.challenge()
    assert told(world.send(second)) == told(accepted)
    assert stand.challenge() == after
    codes_shown = {stand.phone.code_of(request, stand.statement) for request in (original, twin)}
    assert len(codes_shown) == 1
    assert type_code(stand, codes_shown.pop()).status == 200
    assert events_of(stand) == ["AccountBound", "SignedIn"]


def test_ot_13_a_crowd_of_twins_is_accepted_once(world: World) -> None:
    stand = signing_in(crowded(world), world.enrolled())
    original = stand.request(stand.payload(stand.statement))
    answers = all_at_once(world, [original, device_twin(original)] * 20)
    assert [answer.status for answer in answers] == [200] * 40
    assert len({answer.body for answer in answers}) == 1
    assert type_code(stand, stand.phone.code_of(original, stand.statement)).status == 200
    assert events_of(stand) == ["AccountBound", "SignedIn"]


def test_ot_14_of_two_honest_signatures_the_first_wins_and_the_code_follows_it(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    digest = message_digest(stand.statement.encode())
    payloads = [
        stand.payload(
            stand.statement,
            wallet_signature=WalletSignature(SignatureType.P2PKH, sign_with_nonce(stand.phone.wallet, digest, nonce)),
        )
        for nonce in (0x1234567, 0x7654321)
    ]
    first, second = (stand.request(payload) for payload in payloads)
    for payload in payloads:
        signature = payload.wallet_signature.signature
        assert verify_message(stand.phone.wallet.pinned.address, stand.statement.encode(), signature)
    shown, other = (stand.phone.code_of(request, stand.statement) for request in (first, second))
    assert shown != other
    assert world.send(first).status == 200
    assert refusal(world.send(second)) == (409, "CHALLENGE_CONSUMED")
    resigned = stand.request(payloads[1], idempotency_key=first.idempotency_key)
    assert refusal(world.send(resigned)) == (409, "KEY_REUSED")
    assert_denied(type_code(stand, other))
    assert type_code(stand, shown).status == 200


# --- OT-15: readers ------------------------------------------------------------------------------------------------


def spellings(raw: bytes) -> set[bytes]:
    """Every way in which bytes get into files and logs by accident."""
    padded = base64.b64encode(raw)
    return {
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        padded,
        padded.rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
        str(int.from_bytes(raw)).encode(),
        repr(raw).encode(),
    }


def secrets_of(request: SignedRequest, code: str) -> set[bytes]:
    payload = msgspec.json.decode(request.body, type=Payload)
    wallet = base64.b64decode(payload.wallet_signature.signature)
    device = device_rs(request)
    found = {code.encode(), spaced(code).encode(), payload.wallet_signature.signature.encode(), request.body}
    for raw in (wallet, wallet[1:33], wallet[33:], wallet[1:], device, device[:32], device[32:]):
        found |= spellings(raw)
    return found


# What a phone approves of another one is recorded at once, with its evidence: no code is awaited for it.
@pytest.mark.parametrize("purpose", sorted(set(WITH_A_CODE) - {"migrate"}))
def test_ot_15_a_pending_act_leaves_neither_signature_nor_code_in_logs_or_files(
    world: World, purpose: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    with structlog.testing.capture_logs() as entries:
        stand = before(purpose, world)
        request = stand.request(stand.payload(stand.statement))
        assert world.send(request).status in {200, 202}
        code = stand.phone.code_of(request, stand.statement)
        repeats = [request, device_twin(request), replace(request, idempotency_key="another-key-altogether")]
        repeats += [replace(request, body=request.body[:-1]), replace(request, signature_input="")]
        repeats += [replace(request, target_uri=request.target_uri.replace("/response", "/claim"))]
        refused = [world.send(repeat) for repeat in repeats]
        refused += [stand.submit(stand.payload(stand.statement))]
        refused += [stand.submit(stand.payload(stand.statement, client="x" * 1500), idempotency_key="k" * 16)]
        refused += [] if stand.browser is None else [type_code(stand, wrong(code)[0]), type_code(stand, f"{code}0")]
    assert entries
    printed = capfd.readouterr()
    logged = "\n".join([repr(entries), caplog.text, printed.out, printed.err]).encode()
    answered = b"\n".join(answer.body for answer in refused)
    stored = b"\0".join(world.stolen().values())
    # The search can find something: what everybody may read is there.
    assert stand.statement.request_id.encode() in stored
    for secret in secrets_of(request, code):
        assert secret not in logged
        assert secret not in stored
        assert secret not in answered


def test_ot_15_a_completed_sign_in_still_leaves_no_code(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    code = approved(stand)
    with structlog.testing.capture_logs() as entries:
        assert type_code(stand, code).status == 200
        assert_denied(type_code(stand, code))
    assert code.encode() not in b"\0".join(world.stolen().values())
    assert code not in repr(entries)


class TalkativeVault:
    """A key service that fails and quotes what it was asked: the code in clear."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def blind(self, kind: str, tenant: ids.TenantId, value: str) -> ids.Digest:
        if kind == "code":
            raise RuntimeError(f"could not hash {value}")
        return self._vault.blind(kind, tenant, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)


def test_ot_15_an_error_that_quotes_the_code_reaches_neither_log_nor_caller(world: World) -> None:
    phone = world.enrolled()
    rewired(world, vault=cast("Vault", TalkativeVault(world.deployment.vault)))
    stand = signing_in(world, phone)
    request = stand.request(stand.payload(stand.statement))
    code = stand.phone.code_of(request, stand.statement)
    with structlog.testing.capture_logs() as entries:
        failed = world.send(request)
    assert refusal(failed) == (500, "INTERNAL")
    assert [entry["event"] for entry in entries] == ["request_failed"]
    for secret in secrets_of(request, code):
        assert secret not in repr(entries).encode()
        assert secret not in failed.body


def test_ot_15_printing_a_request_shows_neither_signature_nor_body(world: World) -> None:
    stand = binding(world, world.phone("old phone"))
    request = stand.request(stand.payload(stand.statement))
    printed = f"{request} {request!r}".encode()
    for secret in secrets_of(request, stand.phone.code_of(request, stand.statement)):
        assert secret not in printed


def test_ot_15_the_answer_that_a_phone_gets_holds_no_code(world: World) -> None:
    stand = signing_in(world, world.enrolled())
    answer: Answered = stand.honest()
    assert set(answer.json) == {"decision", "reason", "code_expected"}
