"""Abuse case OT-17: codes of a phone without a network, over HTTP on both databases."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from chains import DAY, OFFERED, STEP, Chain, enter, prepared
from pteri.core import wire
from pteri.core.ids import to_base64url
from pteri.core.offline import AHEAD, BEHIND
from world import ALICE_WORDS, Answered, Browser, Key, Shown, SimPhone, SimWallet, World
from worlds import Worlds

ALICE = "alice@example.com"


@pytest.fixture
def world(worlds: Worlds) -> World:
    """A service that takes offline codes."""
    return worlds(rules=OFFERED)


@pytest.fixture
def phone(world: World) -> SimPhone:
    return world.enrolled()


@pytest.fixture
def chain(phone: SimPhone) -> Chain:
    made, shown = prepared(phone)
    assert shown.decided.status == 200, shown.decided.body
    return made


def started(world: World, label: str = "browser", login: str = ALICE) -> tuple[wire.Started, Browser]:
    browser = Browser(label)
    return world.site().start_sign_in(login, browser, prompt=False), browser


def typed(world: World, code: str, label: str = "browser", login: str = ALICE) -> Answered:
    """A fresh sign-in, and this code in its browser."""
    begun, browser = started(world, label, login)
    return enter(world.site(), begun, code, browser)


def history(world: World, phone: SimPhone) -> list[str]:
    account = world.account_of(phone)
    return [one.event.name for one in world.run(world.store.history(account.tenant, account.id, 0, 100))]


def test_a_phone_without_a_network_signs_in_with_a_code_that_it_shows(
    world: World, phone: SimPhone, chain: Chain
) -> None:
    world.clock.advance(5 * 3600)
    done = typed(world, chain.shown(world.clock.now())).as_(wire.SignedIn)
    assert (done.state, done.device, done.level) == ("COMPLETED", phone.thumbprint, "REDUCED")
    # Nobody can take it for more than it is.
    assert (done.acr, done.amr, done.line, done.line_checked_at) == (
        "pteri:offline",
        ("otp", "user", "offline"),
        "UNKNOWN",
        None,
    )
    assert history(world, phone)[-1] == "SignedInOffline"
    notices = [notice.kind for notice in phone.devices().notices]
    assert {"OFFLINE_CODES_PREPARED", "OFFLINE_CODE_USED"} <= set(notices)


def test_it_is_typed_in_groups_and_in_any_case(world: World, chain: Chain) -> None:
    shown = chain.shown(world.clock.now()).lower()
    assert typed(world, "-".join(shown[at : at + 4] for at in range(0, 28, 4))).status == 200


def test_ot_17_a_code_that_was_taken_is_refused_in_every_session(world: World, chain: Chain) -> None:
    code = chain.shown(world.clock.now())
    assert typed(world, code).status == 200
    assert typed(world, code).status == 401
    assert typed(world, code, "another browser").status == 401


def test_ot_17_no_code_from_before_one_that_was_taken_counts(world: World, chain: Chain) -> None:
    older = chain.shown(world.clock.now())
    world.clock.advance(2 * STEP)
    newer = chain.shown(world.clock.now())
    assert typed(world, newer).status == 200
    assert typed(world, older).status == 401


def test_ot_17_a_code_counts_while_it_is_typed_and_no_longer(world: World, chain: Chain) -> None:
    world.clock.advance(100 * STEP)
    now = world.clock.now()
    for slots in range(-BEHIND - 1, AHEAD + 2):
        wanted = 200 if -BEHIND <= slots <= AHEAD else 401
        assert typed(world, chain.shown(now + slots * STEP), f"browser {slots}").status == wanted, slots


def test_ot_17_after_the_end_of_the_chain_no_code_of_it_counts(world: World, chain: Chain) -> None:
    world.clock.advance(DAY - 1)
    last = chain.shown(world.clock.now())
    begun, browser = started(world)
    world.clock.advance(1)
    assert enter(world.site(), begun, last, browser).status == 401
    world.clock.advance(-1)
    assert enter(world.site(), begun, last, browser).status == 200


def test_ot_17_a_reader_of_the_database_learns_nothing_that_makes_the_next_code(world: World, chain: Chain) -> None:
    world.clock.advance(10 * STEP)
    assert typed(world, chain.shown(world.clock.now())).status == 200
    everything = b"".join(world.stolen().values())
    assert chain.seed.reveal() not in everything
    for slot in range(11, 40):
        code = chain.shown(chain.terms.start + slot * STEP)
        assert code[:26].encode() not in everything, slot


def test_ot_17_two_at_once_one_wins(world: World, chain: Chain) -> None:
    code = chain.shown(world.clock.now())
    begun = [started(world, f"browser {number}") for number in range(4)]

    async def race() -> list[int]:
        site = world.site()
        answers = await asyncio.gather(
            *(
                site.acall(
                    "POST",
                    f"/logins/{one.id}/offline-code",
                    wire.EnterOfflineCode(one.qr, code, to_base64url(browser.secret)),
                )
                for one, browser in begun
            )
        )
        return sorted(answer.status for answer in answers)

    assert world.run(race()) == [200, 401, 401, 401]


def test_ot_17_in_two_processes_a_code_counts_once(worlds: Worlds, world: World, chain: Chain) -> None:
    other = worlds.beside(world)
    code = chain.shown(world.clock.now())
    assert typed(world, code).status == 200
    assert typed(other, code).status == 401


def test_the_same_request_again_reads_the_first_answer(world: World, phone: SimPhone, chain: Chain) -> None:
    begun, browser = started(world)
    code = chain.shown(world.clock.now())
    first = enter(world.site(), begun, code, browser, idempotency_key="typed-once-0000000000")
    again = enter(world.site(), begun, code, browser, idempotency_key="typed-once-0000000000")
    assert (first.status, first.body) == (again.status, again.body)
    assert history(world, phone).count("SignedInOffline") == 1


def test_one_sign_in_is_opened_once_whichever_way_the_phone_answers(
    world: World, phone: SimPhone, chain: Chain
) -> None:
    begun, browser = started(world)
    shown = phone.scan(begun)
    assert shown.decided.status == 200
    assert enter(world.site(), begun, chain.shown(world.clock.now()), browser).status == 401
    assert world.site().enter_code("logins", begun.id, shown.code, browser).status == 200
    other, window = started(world, "another browser")
    assert enter(world.site(), other, chain.shown(world.clock.now()), window).status == 200
    assert phone.scan(other).decided.status == 409


def test_ot_17_the_code_of_one_account_opens_no_other(world: World, chain: Chain) -> None:
    bob = world.enrolled("phone of bob", "bob@example.com", words=ALICE_WORDS, index=7)
    assert prepared(bob, "chain of bob")[1].decided.status == 200
    assert typed(world, chain.shown(world.clock.now()), login="bob@example.com").status == 401


def test_ot_17_an_invitation_of_another_session_site_or_making_is_refused(world: World, chain: Chain) -> None:
    begun, browser = started(world)
    other, _ = started(world, "another browser")
    code = chain.shown(world.clock.now())
    site = world.site()
    assert enter(site, begun, code, Browser("another browser")).status == 401
    assert enter(site, begun, code, browser, qr=other.qr).status == 400
    binding = site.start_binding("carol@example.com", browser)
    assert enter(site, begun, code, browser, qr=binding.qr).status == 400
    assert enter(site, begun, code, browser, qr="PTERI1:" + "A" * 60).status == 400
    # Terms that this server never made: another life, another person.
    for place in (60, 90, 110, 130, 150):
        letter = "1" if begun.qr[place] != "1" else "2"
        changed = begun.qr[:place] + letter + begun.qr[place + 1 :]
        assert enter(site, begun, code, browser, qr=changed).status in {400, 401}
    assert enter(site, begun, code, browser).status == 200


def test_ot_17_a_phone_that_is_removed_takes_its_codes_with_it(world: World, phone: SimPhone) -> None:
    second = added(world, phone)
    phone.look()
    chain, shown = prepared(phone)
    assert shown.decided.status == 200
    wish = wire.Revoke(phone.key.private.public.thumbprint)
    assert second.answered(second.post("/revocations", wish)).decided.status == 200
    assert typed(world, chain.shown(world.clock.now())).status == 401


def added(world: World, phone: SimPhone) -> SimPhone:
    """A second phone of the account, out of its probation."""
    second = world.phone("second phone")
    assert phone.approve_offer(second.offer(), revoke_old=False).decided.status == 202
    world.clock.advance(3600)
    assert second.activate().decided.status == 200
    world.clock.advance(world.deployment.rules.probation_s)
    return second


def test_a_frozen_account_takes_no_code(world: World, phone: SimPhone, chain: Chain) -> None:
    assert phone.freeze().decided.status == 200
    assert typed(world, chain.shown(world.clock.now())).status == 401
    assert history(world, phone)[-1] == "AccountContested"


def test_ot_17_ten_wrong_codes_in_an_hour_slow_down_offline_codes_and_nothing_else(
    world: World, phone: SimPhone, chain: Chain
) -> None:
    strange = Chain(msgspec.structs.replace(chain.terms, length=chain.terms.length - 1), chain.seed)
    wrong = strange.shown(world.clock.now())
    answers = [typed(world, wrong, f"browser {number}").status for number in range(12)]
    assert answers == [401] * 10 + [429] * 2
    slowed = typed(world, chain.shown(world.clock.now()))
    assert (slowed.status, slowed.headers["retry-after"].isdigit()) == (429, True)
    begun, browser = started(world)
    assert world.site().enter_code("logins", begun.id, phone.scan(begun).code, browser).status == 200
    world.clock.advance(3600)
    assert typed(world, chain.shown(world.clock.now())).status == 200


def test_ot_17_who_has_no_account_or_no_codes_is_answered_alike(world: World, phone: SimPhone, chain: Chain) -> None:
    """Also in what is counted: or ten wrong codes would tell who has an account."""
    assert phone.thumbprint
    world.enrolled("phone of bob", "bob@example.com", index=7)
    strange = Chain(msgspec.structs.replace(chain.terms, length=chain.terms.length - 1), chain.seed)
    told = {}
    for login in (ALICE, "bob@example.com", "nobody@example.com"):
        answers = [typed(world, strange.shown(world.clock.now()), f"{login} {n}", login) for n in range(11)]
        told[login] = [(answer.status, answer.json.get("code")) for answer in answers]
    assert told[ALICE] == told["bob@example.com"] == told["nobody@example.com"]
    assert [status for status, _ in told[ALICE]] == [401] * 10 + [429]


def test_a_mistyped_code_is_told_and_costs_no_try(world: World, chain: Chain) -> None:
    code = chain.shown(world.clock.now())
    for place in range(len(code)):
        wrong = code[:place] + ("0" if code[place] != "0" else "1") + code[place + 1 :]
        refused = typed(world, wrong, f"browser {place}")
        assert (refused.status, refused.json["code"]) == (400, "CODE_FORMAT")
    assert typed(world, code).status == 200


# --- who may prepare them -------------------------------------------------------------------------------------------


def test_without_the_tenants_wish_there_are_none(worlds: Worlds) -> None:
    world = worlds()
    phone = world.enrolled()
    chain, shown = prepared(phone)
    assert (shown.decided.status, shown.decided.json["code"]) == (403, "NOT_OFFERED")
    assert typed(world, chain.shown(world.clock.now())).status == 401


@pytest.mark.parametrize(("days", "late"), [(31, 0), (1, -301), (1, 91)])
def test_a_chain_that_is_too_long_or_does_not_begin_now_is_not_taken(
    world: World, phone: SimPhone, days: int, late: int
) -> None:
    start = world.clock.now() + late
    terms = msgspec.structs.replace(prepared(phone)[0].terms, start=start, step=60, length=days * DAY // 60)
    chain = Chain(terms, prepared(phone)[0].seed)
    wish = wire.PrepareOfflineCodes(chain.end, start, 60, terms.length)
    shown = phone.answered(phone.post("/offline-codes", wish))
    assert (shown.decided.status, shown.decided.json["code"]) == (403, "NOT_OFFERED")


@pytest.mark.parametrize(("step", "length"), [(29, 10), (601, 10), (30, 86_401)])
def test_a_chain_that_no_phone_makes_is_malformed(world: World, phone: SimPhone, step: int, length: int) -> None:
    wish = wire.PrepareOfflineCodes(world.account_of(phone).login, world.clock.now(), step, length)
    refused = phone.post("/offline-codes", wish)
    assert (refused.status, refused.json["code"]) == (400, "FIELD")


def test_a_new_phone_prepares_none_before_its_probation_is_over(world: World, phone: SimPhone) -> None:
    second = world.phone("second phone")
    phone.approve_offer(second.offer(), revoke_old=False)
    world.clock.advance(3600)
    assert second.activate().decided.status == 200
    second.look()
    refused = prepared(second)[1].decided
    assert (refused.status, refused.json["code"]) == (403, "DEVICE_ON_PROBATION")


def test_codes_prepared_anew_take_the_place_of_those_of_before(world: World, phone: SimPhone, chain: Chain) -> None:
    newer, shown = prepared(phone, "another chain")
    assert shown.decided.status == 200
    assert typed(world, chain.shown(world.clock.now())).status == 401
    assert typed(world, newer.shown(world.clock.now())).status == 200


def test_ot_17_the_same_chain_prepared_once_more_does_not_forget_what_was_used(
    world: World, phone: SimPhone, chain: Chain
) -> None:
    code = chain.shown(world.clock.now())
    assert typed(world, code).status == 200
    same, shown = prepared(phone, start=chain.terms.start)
    assert (shown.decided.status, same.end) == (200, chain.end)
    assert typed(world, code).status == 401
    world.clock.advance(STEP)
    assert typed(world, chain.shown(world.clock.now())).status == 200


def test_another_wallet_ends_the_codes_that_the_old_one_signed(world: World, phone: SimPhone, chain: Chain) -> None:
    code = Key("recovery code")
    assert phone.protect(None, (code,)).decided.status == 200
    assert phone.rotate(SimWallet(ALICE_WORDS, 33), code=code).decided.status == 200
    assert typed(world, chain.shown(world.clock.now())).status == 401
    newer, shown = prepared_again(phone)
    assert shown.decided.status == 200
    assert typed(world, newer.shown(world.clock.now())).status == 200


def prepared_again(phone: SimPhone) -> tuple[Chain, Shown]:
    phone.look()
    return prepared(phone, "another chain")


def test_after_a_recovery_they_are_prepared_anew_on_the_new_phone(world: World, phone: SimPhone) -> None:
    newcomer, (longer, _) = world.phone("new phone"), prepared(phone, "a longer chain", days=7)
    assert newcomer.start_recovery().decided.status == 202
    world.clock.advance(world.deployment.rules.recovery_hold_s)
    assert typed(world, longer.shown(world.clock.now())).status == 200
    assert newcomer.activate().decided.status == 200
    world.clock.advance(STEP)
    assert typed(world, longer.shown(world.clock.now())).status == 401
    world.clock.advance(world.deployment.rules.probation_s)
    newer, shown = prepared_again(newcomer)
    assert shown.decided.status == 200
    assert typed(world, newer.shown(world.clock.now())).status == 200
