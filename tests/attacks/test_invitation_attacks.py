"""Sign-ins of which the service keeps no record until a phone has answered: what a changed, foreign, old or invented
invitation is worth, and what a start costs. Nothing, each time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from pteri.app.forget import KEPT_S, forget_old
from pteri.core import ids, wire
from pteri.core.acts import Authenticate
from pteri.core.httpsig import SignedRequest
from pteri.core.invitation import Invitation, Terms, parse_invitation
from pteri.core.verify import Invited
from thieves import (
    EMAIL,
    HOUR,
    Stand,
    all_at_once,
    assert_denied,
    migrating,
    recorded,
    refusal,
    scanning,
    second_phone,
    setting_up,
    told,
    type_code,
)
from world import MALLORY_WORDS, START, Browser, SimPhone, World, with_act
from worlds import Worlds

NOBODY = "nobody@example.com"
_YEAR_10000 = 253_402_300_800


def terms_of(started: wire.Started) -> Terms:
    terms = parse_invitation(started.qr).terms
    assert terms is not None
    return terms


def flipped(text: str, bit: int) -> str:
    """The base64url text with one bit of its bytes the other way."""
    raw = ids.from_base64url(text)
    number = int.from_bytes(raw, "big") ^ (1 << bit)
    return ids.to_base64url(number.to_bytes(len(raw), "big"))


def lies(terms: Invited) -> Iterator[Invited]:
    """Each field with every bit or digit another, the instants also where they stay in their window."""
    changed = msgspec.structs.replace
    yield from (changed(terms, ticket=flipped(terms.ticket, bit)) for bit in range(104))
    yield from (changed(terms, session=ids.Digest(flipped(terms.session, bit))) for bit in range(256))
    numbers = {f"{number:02d}" for number in range(100)} - {terms.number}
    yield from (changed(terms, number=number) for number in sorted(numbers))
    for bit in range(40):
        yield changed(terms, issued_at=terms.issued_at ^ (1 << bit))
        yield changed(terms, expires_at=terms.expires_at ^ (1 << bit))
    for seconds in (-1, 1, 60):
        yield changed(terms, issued_at=terms.issued_at + seconds, expires_at=terms.expires_at + seconds)


def as_scanned(stand: Stand, terms: Invited) -> Stand:
    """The stand of an honest phone that was shown these terms."""
    statement = msgspec.structs.replace(
        with_act(stand.statement, session=terms.session, code=terms.number),
        issued_at=terms.issued_at,
        expires_at=terms.expires_at,
    )
    return replace(stand, statement=statement, invited=terms)


def answers_to(stand: Stand, terms: Invited) -> list[SignedRequest]:
    """From a phone that was shown other terms, and from one that signs the right statement and tells other terms."""
    liar = replace(stand, invited=terms)
    requests = [liar.request(liar.payload(stand.statement))]
    fooled = as_scanned(stand, terms)
    if fooled.statement != stand.statement and max(terms.issued_at, terms.expires_at) < _YEAR_10000:
        requests.append(fooled.request(fooled.payload(fooled.statement)))
    return requests


# --- changed terms ------------------------------------------------------------------------------------------------


def test_an_invitation_with_any_field_changed_in_any_bit_is_denied_and_writes_nothing(world: World) -> None:
    stand = scanning(world, world.enrolled())
    assert stand.invited is not None
    was = world.rows()
    changed = list(lies(stand.invited))
    assert len(changed) > 500
    assert len(set(map(str, changed))) == len(changed)
    requests = [request for terms in changed for request in answers_to(stand, terms)]
    assert len(requests) > 700
    for start in range(0, len(requests), 200):
        assert_denied(*all_at_once(world, requests[start : start + 200]))
    assert world.rows() == was
    # And the terms as they were are good still.
    assert stand.honest().status == 200


def test_an_invitation_with_any_bit_of_its_nonce_changed_is_denied_and_writes_nothing(world: World) -> None:
    stand = scanning(world, world.enrolled())
    raw, was = ids.nonce_bytes(stand.statement.nonce), world.rows()
    requests = []
    for bit in range(160):
        other = (int.from_bytes(raw, "big") ^ (1 << bit)).to_bytes(20, "big")
        signed = msgspec.structs.replace(stand.statement, nonce=ids.nonce_text(other))
        requests.append(stand.request(stand.payload(signed)))
    assert_denied(*all_at_once(world, requests))
    assert world.rows() == was


@pytest.mark.parametrize(
    "changes",
    [
        {"ticket": ""},
        {"ticket": "A"},
        {"ticket": "A" * 16},
        {"ticket": "A" * 20},
        {"ticket": "A" * 17 + "B"},
        {"ticket": "=" * 18},
        {"ticket": "\u0410" * 18},
        {"session": ""},
        {"session": "A" * 42 + "B"},
        {"number": ""},
        {"number": "4"},
        {"number": "042"},
        {"number": "42 1795000000"},
        {"number": "\u0664\u0662"},
        {"number": "42\n"},
        {"number": "4" * 800},
        {"issued_at": 0},
        {"issued_at": -1},
        {"issued_at": 2**63},
        {"expires_at": 0},
        {"expires_at": START},
        {"expires_at": 1 << 40},
        {"expires_at": (1 << 40) - 1},
        {"issued_at": (1 << 40) - 2, "expires_at": (1 << 40) - 1},
        {"expires_at": 10**30},
    ],
)
def test_terms_that_no_sign_in_can_have_are_denied_and_break_nothing(world: World, changes: dict[str, object]) -> None:
    stand = scanning(world, world.enrolled())
    assert stand.invited is not None
    was = world.rows()
    body = msgspec.json.decode(msgspec.json.encode(stand.payload(stand.statement)))
    body["invited"] |= changes
    answer = world.send(stand.phone.request_to(stand.path, msgspec.json.encode(body)))
    assert refusal(answer) in {(401, "DENIED"), (400, "BODY")}
    assert world.rows() == was


def test_terms_have_one_spelling_and_no_other_field(world: World) -> None:
    stand = scanning(world, world.enrolled())
    spelt = msgspec.json.encode(stand.payload(stand.statement))
    honest = msgspec.json.encode(stand.invited)
    others = [
        honest.replace(b'"number":', b' "number":'),
        honest[:-1] + b',"account":"acct_5X3N8J2K7Q4M"}',
        honest[:-1] + b',"ticket":"AAAAAAAAAAAAAAAAAA"}',
        honest.replace(b'"issued_at":', b'"issued_at":0'),
        honest.replace(b'"number":"', b'"number":"\\ud800'),
        b"null",
        b"{}",
        b"[]",
    ]
    for other in others:
        assert honest in spelt
        assert other != honest
        answer = world.send(stand.phone.request_to(stand.path, spelt.replace(honest, other)))
        assert refusal(answer) == (400, "BODY"), other
    assert recorded(world, stand.statement.request_id) is None


def test_terms_belong_to_one_request(world: World) -> None:
    phone = world.enrolled()
    one, two = scanning(world, phone, "one"), scanning(world, phone, "two")
    swapped = [replace(one, invited=two.invited), replace(two, invited=one.invited)]
    moved = [
        replace(stand, statement=msgspec.structs.replace(stand.statement, request_id=ids.request_id(other)))
        for stand in (one, two)
        for other in ("lgn_2Y7K4M9QWZ3T", f"bnd_{stand.statement.request_id[4:]}")
    ]
    assert_denied(*(stand.submit(stand.payload(stand.statement)) for stand in (*swapped, *moved)))
    assert one.honest().status == two.honest().status == 200


def test_terms_of_one_request_are_no_terms_of_another_of_the_same_account(world: World) -> None:
    """Even with the ticket that belongs to the other request: session, number and nonce stay with their own."""
    phone = world.enrolled()
    one, two = scanning(world, phone, "one"), scanning(world, phone, "two")
    assert one.invited is not None
    assert two.invited is not None
    moved = msgspec.structs.replace(one.statement, request_id=two.statement.request_id)
    carried = replace(one, statement=moved, invited=msgspec.structs.replace(one.invited, ticket=two.invited.ticket))
    was = world.rows()
    assert_denied(carried.honest())
    assert world.rows() == was
    assert one.honest().status == two.honest().status == 200


def test_a_ticket_cannot_be_rewritten_for_another_account_by_who_knows_both(world: World) -> None:
    """Else a sign-in that a page began for one login would end as another person's."""
    victim, mallory = world.enrolled(), world.enrolled("mallory", "mallory@example.com", words=MALLORY_WORDS)
    stand, own = scanning(world, victim), mallory.known
    assert stand.invited is not None
    assert own is not None
    ticket = ids.from_base64url(stand.invited.ticket)
    ids_of_both = [ids.account_bytes(account) for account in (stand.statement.act.account, own.account)]
    rewritten = bytes(a ^ b ^ c for a, b, c in zip(ticket, *ids_of_both, strict=True))
    invited = msgspec.structs.replace(stand.invited, ticket=ids.to_base64url(rewritten))
    statement = with_act(stand.statement, account=own.account, esim=own.esim, device=mallory.thumbprint)
    statement = msgspec.structs.replace(statement, address=mallory.wallet.pinned.address)
    was = world.rows()
    assert_denied(replace(stand, phone=mallory, statement=statement, invited=invited).honest())
    assert world.rows() == was


# --- foreign terms ------------------------------------------------------------------------------------------------


def test_the_phone_of_another_account_cannot_answer(world: World) -> None:
    victim = scanning(world, world.enrolled())
    mallory = world.enrolled("mallory's phone", "mallory@example.com", words=MALLORY_WORDS)
    was = world.rows()
    own = mallory.known
    assert own is not None
    as_himself = with_act(victim.statement, account=own.account, esim=own.esim, device=mallory.thumbprint)
    named = with_act(victim.statement, device=mallory.thumbprint)
    for statement in (as_himself, named, msgspec.structs.replace(as_himself, address=mallory.wallet.pinned.address)):
        thief = replace(victim, phone=mallory, statement=statement)
        assert_denied(thief.submit(thief.payload(statement)))
    assert world.rows() == was
    assert victim.honest().status == 200


def test_terms_of_one_site_are_nothing_at_another(world: World) -> None:
    """The worst case: the same wallet and the same device key serve both sites."""
    bank_phone, shop_phone = world.enrolled("one phone"), world.enrolled("one phone", tenant="shop")
    bank, shop = scanning(world, bank_phone), scanning(world, shop_phone)
    was = world.rows()
    moved = replace(bank, phone=shop_phone)
    act = bank.statement.act
    assert isinstance(act, Authenticate)
    here = with_act(shop.statement, session=act.session, code=act.code)
    told_there = msgspec.structs.replace(here, request_id=bank.statement.request_id, nonce=bank.statement.nonce)
    assert_denied(moved.submit(moved.payload(bank.statement)), moved.submit(moved.payload(told_there)))
    assert world.rows() == was
    assert bank.honest().status == shop.honest().status == 200


def test_terms_of_one_deployment_key_are_nothing_under_another(worlds: Worlds, world: World) -> None:
    stand = scanning(world, world.enrolled())
    other = worlds.beside(world, deployment_key=b"another key")
    was = world.rows()
    request = stand.request(stand.payload(stand.statement))
    assert_denied(other.send(request))
    assert world.rows() == was
    assert world.send(request).status == 200


def test_any_process_of_the_service_takes_an_invitation_that_another_one_made(worlds: Worlds, world: World) -> None:
    stand, other = scanning(world, world.enrolled()), worlds.beside(world)
    request = stand.request(stand.payload(stand.statement))
    first = other.send(request)
    assert first.status == 200
    assert told(world.send(request)) == told(first)
    assert type_code(stand, stand.phone.code_of(request, stand.statement)).status == 200


def test_a_record_that_there_is_counts_more_than_what_a_phone_says_of_it(world: World) -> None:
    """A sign-in that was prompted can be scanned, too; then its terms are on record, and nobody's word is needed."""
    phone, browser = world.enrolled(), Browser("desk")
    started = world.site().start_sign_in(EMAIL, browser)
    statement, invited = phone.scanned(started)
    assert statement == phone.claim(started.id).as_(wire.Claimed).statement
    liar = Stand(world, phone, statement, browser=browser, invited=next(lies(invited)))
    assert liar.honest().status == 200


def test_what_was_not_recorded_cannot_be_claimed(world: World) -> None:
    stand = scanning(world, world.enrolled())
    assert refusal(stand.phone.claim(stand.statement.request_id)) == (404, "NOT_FOUND")
    without = replace(stand, invited=None)
    assert refusal(without.honest()) == (404, "NOT_FOUND")
    assert stand.phone.prompts().prompts == ()


@pytest.mark.parametrize("prefix", ["bnd", "mig", "act", "rec", "rmv", "otp"])
def test_terms_make_nothing_but_a_sign_in(world: World, prefix: str) -> None:
    stand = scanning(world, world.enrolled())
    renamed = ids.request_id(f"{prefix}{stand.statement.request_id[3:]}")
    other = replace(stand, statement=msgspec.structs.replace(stand.statement, request_id=renamed))
    assert_denied(other.honest())
    assert recorded(world, renamed) is None


# --- time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("moved_s", "status"), [(-90, 200), (-91, 401), (0, 200), (119, 200), (120, 401), (121, 401)])
def test_an_invitation_counts_in_its_window_to_the_second(world: World, moved_s: int, status: int) -> None:
    stand, was = scanning(world, world.enrolled()), world.rows()
    world.clock.advance(moved_s)
    answer = stand.honest()
    assert answer.status == status
    if status == 401:
        assert_denied(answer)
        assert world.rows() == was


@pytest.mark.parametrize(("ahead_s", "status"), [(-91, 401), (-90, 200), (-80, 200), (80, 200), (119, 200), (120, 401)])
def test_sv_08_a_process_with_another_clock_takes_an_invitation_in_its_own_window(
    worlds: Worlds, world: World, ahead_s: int, status: int
) -> None:
    stand, other = scanning(world, world.enrolled()), worlds.beside(world, ahead_s=ahead_s)
    at = other.clock.now()
    body = msgspec.json.encode(stand.payload(stand.statement))
    request = stand.phone.key.request("POST", f"/v1/bank{stand.path}", body, at=at)
    assert other.send(request).status == status


def test_a_replay_when_the_record_was_forgotten_is_denied(world: World) -> None:
    stand = scanning(world, world.enrolled())
    request = stand.request(stand.payload(stand.statement))
    assert world.send(request).status == 200
    assert type_code(stand, stand.phone.code_of(request, stand.statement)).status == 200
    world.clock.advance(KEPT_S + HOUR)
    while world.run(forget_old(world.deployment, world.clock.now())):
        pass
    assert recorded(world, stand.statement.request_id) is None
    was = world.rows()
    assert_denied(world.send(request), stand.honest())
    assert world.rows() == was


# --- strangers ----------------------------------------------------------------------------------------------------


def many_invitations(world: World, login: str, count: int) -> list[tuple[wire.Started, Invitation]]:
    site, browser = world.site(), Browser("desk")
    started = [site.start_sign_in(login, browser, prompt=False) for _ in range(count)]
    return [(one, parse_invitation(one.qr)) for one in started]


def test_an_invitation_of_an_unknown_login_looks_like_any_other(world: World) -> None:
    world.enrolled()
    count, looks = 200, []
    for login in (EMAIL, NOBODY):
        made = many_invitations(world, login, count)
        tickets = [ids.from_base64url(terms_of(started).ticket) for started, _ in made]
        assert len(set(tickets)) == count
        # Every bit of a ticket is 0 or 1 equally often: five standard deviations are 35 of 200.
        for bit in range(104):
            ones = sum(int.from_bytes(ticket, "big") >> bit & 1 for ticket in tickets)
            assert 65 < ones < 135, bit
        looks.append(
            (
                {len(started.qr) for started, _ in made},
                {started.expires_at for started, _ in made},
                {(len(inv.request), inv.tenant, len(inv.number), inv.origin) for _, inv in made},
                {terms_of(started).expires_at - terms_of(started).issued_at for started, _ in made},
                {len(terms_of(started).nonce) for started, _ in made},
            )
        )
    assert looks[0] == looks[1]


def test_two_tickets_of_one_account_have_no_more_in_common_than_two_of_strangers(world: World) -> None:
    """Else a page that starts two sign-ins would learn whether the login has an account."""
    world.enrolled()
    apart = {}
    for login in (EMAIL, NOBODY):
        tickets = [
            int.from_bytes(ids.from_base64url(terms_of(started).ticket), "big")
            for started, _ in many_invitations(world, login, 100)
        ]
        distances = [(one ^ other).bit_count() for one in tickets for other in tickets if one < other]
        apart[login] = sum(distances) / len(distances)
        assert min(distances) > 20
    assert all(50 < mean < 54 for mean in apart.values()), apart


def test_an_invitation_of_an_unknown_login_can_never_be_satisfied(world: World) -> None:
    phone, browser = world.enrolled(), Browser("nobody's desk")
    mallory = world.enrolled("mallory's phone", "mallory@example.com", words=MALLORY_WORDS)
    started = world.site().start_sign_in(NOBODY, browser, prompt=False)
    was = world.rows()
    assert_denied(*(anyone.scan(started).decided for anyone in (phone, mallory)))
    assert_denied(world.site().enter_code("logins", started.id, "12345678", browser))
    assert world.site().progress(started) == "WAITING"
    assert world.rows() == was


def test_a_stolen_mnemonic_that_answers_scanned_sign_ins_is_noticed(world: World) -> None:
    owner = world.enrolled()
    thief = world.phone("thief's phone")
    for attempt in range(4):
        victim = scanning(world, owner, f"thief's desk {attempt}")
        statement = with_act(victim.statement, device=thief.thumbprint)
        assert_denied(replace(victim, phone=thief, statement=statement).honest())
        assert recorded(world, victim.statement.request_id) is None
        notices = [notice.kind for notice in owner.devices().notices if notice.kind == "WALLET_WITHOUT_PHONE"]
        assert len(notices) == (attempt >= 2)


def test_a_wallet_that_signs_terms_nobody_made_raises_no_alarm(world: World) -> None:
    """Else whoever once saw one signature could frighten the owner for ever."""
    owner, thief = world.enrolled(), world.phone("thief's phone")
    victim = scanning(world, owner)
    assert victim.invited is not None
    for terms in list(lies(victim.invited))[100:106]:
        invented = as_scanned(victim, terms)
        statement = with_act(invented.statement, device=thief.thumbprint)
        assert_denied(replace(invented, phone=thief, statement=statement).honest())
    assert [notice for notice in owner.devices().notices if notice.kind == "WALLET_WITHOUT_PHONE"] == []


def test_strangers_without_the_mnemonic_raise_no_alarm_by_scanning(world: World) -> None:
    victim, stranger = scanning(world, world.enrolled()), world.phone("stranger's phone", MALLORY_WORDS)
    statement = with_act(victim.statement, device=stranger.thumbprint)
    was = world.rows()
    assert_denied(*(replace(victim, phone=stranger, statement=statement).honest() for _ in range(5)))
    assert world.rows() == was


def test_a_removed_and_a_waiting_phone_answer_no_invitation(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    second.look()
    stand = scanning(world, second)
    assert old.revoke(second.thumbprint).decided.status == 200
    old.look()
    assert_denied(stand.honest())
    waiting = world.phone("waiting phone")
    world.clock.advance(73 * HOUR)
    migrating(world, old, waiting).honest()
    waiting.known = old.look()
    assert_denied(scanning(world, waiting, "another desk").honest())


# --- what it costs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [EMAIL, NOBODY])
def test_a_start_that_prompts_nobody_writes_no_row_at_all(world: World, login: str) -> None:
    world.enrolled()
    was = world.rows()
    assert sum(map(len, was.values())) > 5
    token = world.site().token().token
    for number in range(10):
        world.site().start_sign_in(login, Browser(f"desk {number}"), prompt=False)
        world.site().start_sign_in(login, Browser(f"desk {number}"), prompt=False, token=token)
    assert world.rows() == was
    world.site().start_sign_in(login, Browser("desk"), prompt=True)
    assert world.rows() != was


def test_a_repeated_start_that_prompts_nobody_is_just_another_sign_in(world: World) -> None:
    """It is the one mutating request that has no first answer: nothing was changed, so nothing can happen twice."""
    phone = world.enrolled()
    message = wire.StartSignIn(EMAIL, Browser("desk").session, prompt=False)
    answers = [world.site().call("POST", "/logins", message, idempotency_key="one-key-for-two-starts") for _ in "12"]
    first, second = (answer.as_(wire.Started) for answer in answers)
    assert first.id != second.id
    assert [phone.scan(started).decided.status for started in (first, second)] == [200, 200]


def test_the_first_row_of_a_scanned_sign_in_comes_with_its_answer(world: World) -> None:
    stand = scanning(world, world.enrolled())
    assert recorded(world, stand.statement.request_id) is None
    assert stand.honest().status == 200
    challenge = stand.challenge()
    assert (challenge.state, challenge.version, challenge.answered_by) == ("VERIFIED", 1, stand.phone.thumbprint)
    assert (challenge.nonce, challenge.prompted) == (stand.statement.nonce, False)
    assert challenge.answered_epoch == stand.statement.act.epoch


# --- progress and codes before anybody has answered ---------------------------------------------------------------


@pytest.mark.parametrize("login", [EMAIL, NOBODY])
def test_a_sign_in_without_a_record_waits_then_has_expired_and_is_nowhere_a_day_later(world: World, login: str) -> None:
    world.enrolled()
    started = world.site().start_sign_in(login, Browser("desk"), prompt=False)
    began_at = world.clock.now()

    def state(after_s: int) -> str:
        world.clock.at = began_at + after_s
        answer = world.site().call("GET", f"/logins/{started.id}")
        return str(answer.json.get("state", answer.code))

    assert [state(after_s) for after_s in (-91, -90, 0, 119)] == ["NOT_FOUND", "WAITING", "WAITING", "WAITING"]
    assert [state(after_s) for after_s in (120, HOUR, KEPT_S - 1, KEPT_S)] == [*["EXPIRED"] * 3, "NOT_FOUND"]


def test_progress_of_a_scanned_sign_in_is_told_as_of_any_other(world: World) -> None:
    phone, browser, site = world.enrolled(), Browser("desk"), world.site()
    started = site.start_sign_in(EMAIL, browser, prompt=False)
    waiting = site.call("GET", f"/logins/{started.id}").as_(wire.Progress)
    assert waiting == wire.Progress(started.id, "WAITING", started.expires_at)
    shown = phone.scan(started)
    assert site.progress(started) == "APPROVED"
    assert site.enter_code("logins", started.id, shown.code, browser).status == 200
    assert site.progress(started) == "COMPLETED"


@pytest.mark.parametrize("request_id", ["lgn_2Y7K4M9QWZ3T", f"lgn_{'0' * 26}", f"lgn_{'Z' * 26}", f"bnd_{'0' * 26}"])
def test_an_id_that_nobody_made_now_is_found_nowhere(world: World, request_id: str) -> None:
    assert refusal(world.site().call("GET", f"/logins/{request_id}")) == (404, "NOT_FOUND")


def test_an_id_of_this_second_that_is_no_sign_ins_is_found_nowhere(world: World) -> None:
    started = world.site().start_sign_in(EMAIL, Browser("desk"), prompt=False)
    for prefix in ("bnd", "mig", "otp"):
        other = f"{prefix}{started.id[3:]}"
        assert refusal(world.site().call("GET", f"/logins/{other}")) == (404, "NOT_FOUND")
        code = world.site().enter_code("logins", other, "12345678", Browser("desk"))
        assert refusal(code) == (404, "NOT_FOUND")


def test_a_code_before_anybody_has_answered_is_the_one_denial_and_is_not_counted(world: World) -> None:
    phone, browser = world.enrolled(), Browser("desk")
    known, unknown = (world.site().start_sign_in(login, browser, prompt=False) for login in (EMAIL, NOBODY))
    was = world.rows()
    guesses = [
        world.site().enter_code("logins", request, guess, browser)
        for request in (known.id, unknown.id, "lgn_2Y7K4M9QWZ3T")
        for guess in ("12345678", "00000000", "99999999", "46416065")
    ]
    assert_denied(*guesses)
    assert world.rows() == was
    shown = phone.scan(known)
    assert world.site().enter_code("logins", known.id, shown.code, browser).status == 200


# --- the same answer twice ----------------------------------------------------------------------------------------


def test_a_lost_answer_to_a_scanned_sign_in_is_told_again_and_nothing_happens_twice(world: World) -> None:
    stand = scanning(world, world.enrolled())
    request = stand.request(stand.payload(stand.statement))
    first = world.send(request)
    was = world.rows()
    assert told(world.send(request)) == told(first)
    assert refusal(stand.honest()) == (409, "CHALLENGE_CONSUMED")
    code = stand.phone.code_of(request, stand.statement)
    typed = type_code(stand, code)
    assert typed.status == 200
    assert told(world.send(request)) == told(first)
    assert world.rows() != was
    assert refusal(stand.honest()) == (409, "CHALLENGE_CONSUMED")


def test_the_answer_of_a_phone_is_not_told_to_another_one(world: World) -> None:
    old = world.enrolled()
    second = second_phone(world, old)
    old.look()
    stand = scanning(world, old)
    request = stand.request(stand.payload(stand.statement))
    assert world.send(request).status == 200
    other = replace(stand, phone=second, statement=with_act(stand.statement, device=second.thumbprint))
    repeated = other.request(other.payload(other.statement), idempotency_key=request.idempotency_key)
    assert refusal(world.send(repeated)) == (409, "CHALLENGE_CONSUMED")
    stranger: SimPhone = world.phone("a stranger")
    with_same_key = stranger.request_to(stand.path, request.body, idempotency_key=request.idempotency_key)
    assert_denied(world.send(with_same_key))


@pytest.mark.parametrize("changed", ["epoch", "account"])
def test_a_phone_whose_memory_is_wrong_is_denied_and_looks_again(world: World, changed: str) -> None:
    old = world.enrolled()
    second_phone(world, old)
    started = world.site().start_sign_in(EMAIL, Browser("desk"), prompt=False)
    assert old.known is not None
    if changed == "account":
        old.known = replace(old.look(), account=ids.account_id("acct_5X3N8J2K7Q4M"))
    assert_denied(old.scan(started).decided)
    old.look()
    assert old.scan(started).decided.status == 200


def test_terms_in_the_answer_to_anything_else_are_idle_words(world: World) -> None:
    """Where there is a record of another kind, the statement is the record's."""
    invited = scanning(world, world.enrolled()).invited
    set_up = replace(setting_up(world, world.phone("new phone")), invited=invited)
    assert set_up.honest().status == 200
    challenge = set_up.challenge()
    assert (challenge.answered_by, challenge.nonce) == (set_up.phone.thumbprint, set_up.statement.nonce)
