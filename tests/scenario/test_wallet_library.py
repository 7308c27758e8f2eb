"""The flowcharts again, played by the real phone library and the real client against the real service."""

from __future__ import annotations

import pytest

from builders import digest
from phones import EMAIL, PASSPHRASE, Hand, Wire, client, empty_hand, hand, let_in, linked, moved
from pteri.app.telling import tell_of_what_is_due
from pteri.core.acts import phone_name
from pteri.core.errors import Code, Malformed, ProtocolError
from pteri.core.guardians import Guardians
from pteri.core.keys.secret import Secret
from pteri.wallet.copies import wallet_copies
from pteri.wallet.envelope import Holds, open_sealed
from pteri.wallet.keystore import LIGHT, Keystore
from pteri.wallet.phone import Phone
from pteri.wallet.refusals import SafetyCode, ServerError, UnsafeError
from pteri.wallet.wallet import Wallet
from world import ALICE_WORDS, FRIENDS_WORDS, LINE, OFFICERS, ORIGIN, SimEntropy, World

HOUR = 3600


def test_an_account_is_linked_and_signs_in(world: World) -> None:
    held, site = linked(world, line=LINE), client(world)
    waiting = site.start_sign_in(EMAIL)
    assert site.progress(waiting.id).state == "WAITING"
    shown = held.phone().approve(waiting.qr, line=LINE)
    assert site.progress(waiting.id).state == "APPROVED"
    signed_in = site.enter_code(waiting.id, shown.spaced, waiting.session.secret)
    assert signed_in.device == held.phone().thumbprint
    assert site.progress(waiting.id).state == "COMPLETED"


def test_a_site_hears_what_happens_to_its_accounts(world: World) -> None:
    held, site = linked(world), client(world)
    world.run(tell_of_what_is_due(world.deployment, world.clock.at))
    feed = site.notices()
    assert [notice.kind for notice in feed.notices] == ["PHONE_ADDED"]
    assert feed.notices[0].account == held.phone().devices().account
    assert site.notices(feed.cursor).notices == ()
    with pytest.raises(Malformed):
        site.notices("1&after=2")


def test_a_scanned_sign_in_takes_three_requests_and_the_first_one_keeps_nothing(world: World) -> None:
    held, carrier = linked(world, line=LINE), Wire(world)
    site = client(world, carrier=carrier)
    site.start_sign_in("nobody@example.com", prompt=False)  # buys the token
    before, kept = len(carrier.sent), world.rows()
    waiting = site.start_sign_in(EMAIL, prompt=False)
    assert world.rows() == kept
    phone = held.phone()
    sent = len(held.wire.sent)
    shown = phone.approve(waiting.qr)
    assert site.enter_code(waiting.id, shown.code, waiting.session).device == phone.thumbprint
    assert (carrier.places[before:], held.wire.places[sent:]) == (["logins", "code"], ["response"])


def test_a_prompt_is_approved_with_the_number_of_the_other_screen(world: World) -> None:
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    phone = held.phone()
    [prompt] = phone.prompts().prompts
    with pytest.raises(UnsafeError) as refused:
        phone.approve(prompt.id)
    assert refused.value.code is SafetyCode.NUMBER_NEEDED
    shown = phone.approve(prompt.id, number=waiting.number)
    assert site.enter_code(waiting.id, shown.code, waiting.session).state == "COMPLETED"


def test_the_old_phone_lets_a_new_one_in_and_goes(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    moving = let_in(old, new, revoke_old=True)
    assert (moving.step, moving.new_phone) == ("approved", new.new_phone().name)
    assert moving.until == world.clock.now() + HOUR
    assert moving.signed is not None
    assert moving.signed.decision == "hold"
    assert not new.new_phone().receive()
    with pytest.raises(ProtocolError) as early:
        old.phone().hand_over()
    assert early.value.code is Code.NOT_YET_VALID
    world.clock.advance(HOUR)
    assert old.phone().hand_over().step == "delivered"
    assert new.new_phone().receive()
    assert new.phone().activate().decision == "permit"
    states = {seen.thumbprint: seen.state for seen in new.phone().devices().phones}
    assert states == {old.phone().thumbprint: "REVOKED", new.phone().thumbprint: "ACTIVE"}

    waiting = client(world).start_sign_in(EMAIL)
    code = new.phone().approve(waiting.qr).code
    assert client(world).enter_code(waiting.id, code, waiting.session).device == new.phone().thumbprint
    with pytest.raises(ServerError) as gone:
        old.phone().approve(client(world).start_sign_in(EMAIL).qr)
    assert gone.value.status == 401


def test_all_phones_lost_the_words_alone_get_the_account_back_after_a_wait(world: World) -> None:
    lost, new = linked(world), hand(world, "new phone")
    begun = new.phone().start_recovery(ORIGIN, "bank")
    assert (begun.decision, begun.until) == ("hold", world.clock.now() + 72 * HOUR)
    recovery = new.phone().devices().recovery
    assert recovery is not None
    assert recovery.new_phone == new.phone().name
    with pytest.raises(ServerError) as early:
        new.phone().activate()
    assert early.value.code == "HELD"
    world.clock.advance(72 * HOUR)
    assert new.phone().activate().decision == "permit"
    states = {seen.thumbprint: seen.state for seen in new.phone().devices().phones}
    assert states[lost.phone().thumbprint] == "REVOKED"


def test_the_owner_stops_a_recovery_with_the_old_phone(world: World) -> None:
    owner, thief = linked(world), hand(world, "a thief's phone")
    thief.phone().start_recovery(ORIGIN, "bank")
    case = owner.phone().devices().recovery
    assert case is not None
    assert owner.phone().object_to(case.case).reason == "STOPPED"
    world.clock.advance(72 * HOUR)
    with pytest.raises(ServerError):
        thief.phone().activate()


def test_a_removed_phone_forgets_and_is_a_new_phone_then(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    moved(old, new, revoke_old=True)
    new.phone().activate()
    before = old.phone()
    before.forget()
    again = old.phone()
    assert again.thumbprint != before.thumbprint
    assert again.name == phone_name(again.thumbprint)
    assert old.new_phone().offer(ORIGIN, "bank").startswith("PTERI-MIG1:")


NEW_WORDS = "legal winner thank year wave sausage worth useful legal winner thank yellow"
FRIENDS = (
    "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
    "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong",
)
DAY = 24 * HOUR


def friends(world: World) -> tuple[Hand, Hand]:
    """Two people who never linked an account here, with phones of their own."""
    first, second = (hand(world, f"friend {number}", words) for number, words in enumerate(FRIENDS))
    return first, second


def protected(owner: Hand, *helpers: Hand) -> tuple[Secret, ...]:
    """Guardians and recovery codes, on the day of the link: they count at once."""
    addresses = sorted(Wallet.from_mnemonic(words).address() for words in FRIENDS[: len(helpers)])
    done = owner.phone().protect(Guardians(2, tuple(addresses)) if helpers else None)
    assert done.signed.decision == "permit"
    owner.phone().codes_are_written_down()
    return done.codes


def signs_in(world: World, held: Hand) -> bool:
    waiting = client(world).start_sign_in(EMAIL)
    code = held.phone().approve(waiting.qr).code
    return client(world).enter_code(waiting.id, code, waiting.session).device == held.phone().thumbprint


def address(words: str) -> str:
    return Wallet.from_mnemonic(words).address()


def test_a_freeze_by_a_phone_ends_sign_ins_until_others_have_spoken(world: World) -> None:
    held = linked(world)
    assert held.phone().freeze().reason == "CONTESTED"
    assert held.phone().devices().state == "CONTESTED"
    with pytest.raises(ServerError):
        held.phone().approve(client(world).start_sign_in(EMAIL).qr)


def test_the_wallet_alone_stops_the_account_for_a_day_and_the_owner_ends_that_with_a_code(world: World) -> None:
    owner, elsewhere = linked(world), hand(world, "computer of a friend")
    [code, _] = protected(owner)
    stopped = elsewhere.phone().stop(ORIGIN, "bank")
    assert stopped.reason == "FROZEN"
    assert owner.phone().devices().frozen_until == world.clock.now() + DAY
    assert not Keystore(elsewhere.directory).directory.joinpath("state.json").exists()
    assert owner.phone().unfreeze(code).decision == "permit"
    assert signs_in(world, owner)


def test_a_recovery_code_alone_stops_the_account_from_any_wallet(world: World) -> None:
    owner = linked(world)
    [code, _] = protected(owner)
    account = owner.phone().devices().account
    stopped = hand(world, "anything", NEW_WORDS).phone().stop(ORIGIN, "bank", account, code=code)
    assert stopped.reason == "CONTESTED"


def test_the_wallet_is_replaced_at_once_with_a_code_and_the_old_one_is_kept_as_a_copy(world: World) -> None:
    owner = linked(world)
    [code, _] = protected(owner)
    assert owner.phone().rotate(Secret(NEW_WORDS.encode()), code=code).decision == "permit"
    seen = owner.phone().devices()
    assert seen.wallet == address(NEW_WORDS)
    assert signs_in(world, owner)
    [copy] = wallet_copies(owner.directory)
    assert open_sealed(copy.read_bytes(), PASSPHRASE, expected=Holds.WALLET) == Secret(ALICE_WORDS.encode())
    assert not (owner.directory / "successor.json").exists()


def test_without_a_code_the_wallet_is_replaced_after_a_wait_and_works_as_before_until_then(world: World) -> None:
    owner = linked(world)
    begun = owner.phone().rotate()
    assert (begun.decision, begun.until) == ("hold", world.clock.now() + 72 * HOUR)
    assert signs_in(world, owner)
    with pytest.raises(ServerError):
        owner.phone().activate()
    world.clock.advance(72 * HOUR)
    assert owner.phone().activate().decision == "permit"
    assert owner.phone().devices().wallet not in {"", address(ALICE_WORDS)}
    assert signs_in(world, owner)


def test_wallet_and_code_bring_the_account_back_in_two_days_with_another_wallet(world: World) -> None:
    owner, new = linked(world), hand(world, "new phone")
    [code, _] = protected(owner)
    begun = new.phone().start_recovery(ORIGIN, "bank", evidence=("C", "W"), code=code)
    assert begun.until == world.clock.now() + 48 * HOUR
    world.clock.advance(48 * HOUR)
    assert new.phone().activate().decision == "permit"
    seen = new.phone().devices()
    assert seen.wallet != address(ALICE_WORDS)
    assert signs_in(world, new)
    with pytest.raises(ServerError):
        owner.phone().devices()


@pytest.mark.parametrize("evidence", [("G", "W"), ("C", "G")])
def test_guardians_bring_the_account_back_in_a_day(world: World, evidence: tuple[str, ...]) -> None:
    owner, helpers = linked(world), friends(world)
    codes, account = protected(owner, *helpers), owner.phone().devices().account
    words = ALICE_WORDS if "W" in evidence else NEW_WORDS
    new = hand(world, "new phone", words)
    newcomer = new.phone().thumbprint
    for friend in helpers:
        assert friend.phone().vouch(ORIGIN, "bank", account, newcomer).decision == "permit"
    code = codes[0] if "C" in evidence else None
    begun = new.phone().start_recovery(ORIGIN, "bank", evidence=evidence, account=account, code=code)
    assert begun.until == world.clock.now() + DAY
    world.clock.advance(DAY)
    assert new.phone().activate().decision == "permit"
    seen = new.phone().devices()
    assert (seen.wallet == address(NEW_WORDS)) is ("W" not in evidence)
    assert signs_in(world, new)


def officer(world: World, name: str) -> Phone:
    """The phone of somebody whom the settings of the bank name as an officer."""
    known = world.officer(name)
    held = hand(world, name, FRIENDS_WORDS)
    entropy = SimEntropy(name)
    Keystore(held.directory).create_device(known.key.private.secret, PASSPHRASE, entropy=entropy, cost=LIGHT)
    return Phone.open(
        Keystore(held.directory),
        PASSPHRASE,
        transport=held.wire,
        confirm=held.owner,
        clock=held,
        entropy=entropy,
        index=50 + OFFICERS.index(name),
    )


def test_two_officers_bring_back_the_account_of_somebody_who_lost_everything(world: World) -> None:
    account = linked(world).phone().devices().account
    new = hand(world, "new phone", NEW_WORDS)
    for name in OFFICERS[:2]:
        with pytest.raises(ServerError):
            new.phone().start_recovery(ORIGIN, "bank", evidence=("A",), account=account)
        assert officer(world, name).attest(ORIGIN, "bank", account, new.phone().thumbprint).decision == "permit"
    begun = new.phone().start_recovery(ORIGIN, "bank", evidence=("A",), account=account)
    assert begun.until == world.clock.now() + 72 * HOUR
    world.clock.advance(72 * HOUR)
    assert new.phone().activate().decision == "permit"
    assert new.phone().devices().wallet == address(NEW_WORDS)
    assert signs_in(world, new)


def test_the_owner_objects_to_a_claim_with_wallet_and_code_and_nobody_signs_in_until_others_speak(world: World) -> None:
    owner, thief = linked(world), hand(world, "a thief's phone")
    [code, _] = protected(owner)
    thief.phone().start_recovery(ORIGIN, "bank", evidence=("C", "W"), code=code)
    case = owner.phone().devices().recovery
    assert case is not None
    assert owner.phone().object_to(case.case).reason == "CONTESTED"
    assert owner.phone().devices().state == "CONTESTED"


def test_a_claimant_takes_the_claim_back(world: World) -> None:
    owner, new = linked(world), hand(world, "new phone")
    [code, _] = protected(owner)
    new.phone().start_recovery(ORIGIN, "bank", evidence=("C", "W"), code=code)
    case = owner.phone().devices().recovery
    assert case is not None
    assert new.phone().object_to(case.case).reason == "STOPPED"
    ended = owner.phone().devices().recovery
    assert ended is not None
    assert ended.state == "WITHDRAWN"


def test_a_backup_that_was_opened_is_on_record(world: World) -> None:
    owner = linked(world)
    assert owner.phone().confirm_backup(digest("a sealed file")).decision == "permit"
    assert owner.phone().devices().backup_verified_at == world.clock.now()


def test_other_guardians_wait_and_the_owner_objects(world: World) -> None:
    owner = linked(world)
    protected(owner)
    held = owner.phone().protect(Guardians(2, tuple(sorted(address(words) for words in FRIENDS))))
    assert held.signed.decision == "hold"
    waiting = owner.phone().devices().protection
    assert waiting is not None
    assert owner.phone().object_to(waiting.case).reason == "STOPPED"
    assert owner.phone().devices().protection is None


def test_codes_of_a_lost_answer_are_the_codes_that_count(world: World) -> None:
    owner = linked(world)
    phone = owner.phone()
    # The first answer brings the statement; those to the signed answer are lost, all three.
    owner.wire.forge = lambda request: None if "/response" not in request.target_uri else _lost(owner)
    with pytest.raises(ServerError):
        phone.protect(None)
    owner.wire.forge = lambda _: None
    done = owner.phone().protect(None)
    assert done.codes == owner.phone().codes_to_write_down()
    owner.phone().codes_are_written_down()
    assert owner.phone().codes_to_write_down() == ()
    assert owner.phone().rotate(code=done.codes[1]).decision == "permit"


def _lost(held: Hand) -> None:
    held.wire.answers_to_lose = 1


def test_a_wallet_that_was_replaced_under_a_lost_answer_is_taken_over_when_it_is_learned(world: World) -> None:
    owner = linked(world)
    [code, _] = protected(owner)
    owner.wire.forge = lambda request: None if "/response" not in request.target_uri else _lost(owner)
    with pytest.raises(ServerError):
        owner.phone().rotate(code=code)
    owner.wire.forge = lambda _: None
    world.clock.advance(HOUR)  # too late to repeat the request
    with pytest.raises(UnsafeError) as told:
        owner.phone().rotate(code=code)
    assert told.value.code is SafetyCode.WALLET_IS_NEW
    assert signs_in(world, owner)
