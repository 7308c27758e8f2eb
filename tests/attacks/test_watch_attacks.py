"""Abuse cases SV-10 to SV-12, SV-14 and SV-15: an insider changes the log, and the phone of the owner watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from insiders import Insider, insider_of, logged, page_asked, with_log
from leaves import sha
from looks import BEGUN, code
from notes import LOG, log_signer
from phones import Hand, client, hand, linked
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.following import SuspicionKind, verify_suspicion
from pteri.core.log.leaf import KINDS, encode_leaf, parse_leaf
from pteri.core.log.page import LogAsked
from pteri.core.log.rotation import rotation_leaf
from pteri.core.log.tree import leaf_hash
from pteri.wallet.log_notes import CHANGE_LOGGED_S, LOG_NOTES_FILE
from pteri.wallet.log_words import NOT_OF_THE_LOG, AlarmCode
from pteri.wallet.server import Reply, Request
from pteri.wallet.watching import Whose, check_page
from world import MALLORY_WORDS
from worlds import Worlds


@pytest.fixture
def held(worlds: Worlds) -> Hand:
    """A phone that has seen its account in the log of a service, with entries of somebody else around it."""
    world = with_log(worlds)
    made = linked(world)
    other, site = hand(world, "mallory's phone", MALLORY_WORDS), client(world)
    waiting = site.start_binding("mallory@example.com")
    site.enter_code(waiting.id, other.phone().enroll(waiting.qr).code, waiting.session)
    logged(world)
    assert made.phone().audit_log().alarm is None
    return made


def frozen(held: Hand) -> Insider:
    """The log after the owner has stopped the account, which this phone has not seen there yet."""
    held.phone().freeze()
    return insider_of(held)


def found(held: Hand, insider: Insider) -> AlarmCode | None:
    """What the phone cries when the service answers from this log; its notes stay, and an honest look is good again."""
    before = (held.directory / LOG_NOTES_FILE).read_bytes()
    held.wire.forge = insider.answer
    looked = held.phone().look_at_log()
    held.wire.forge = lambda _: None
    if looked.alarm is not None and looked.alarm.code not in NOT_OF_THE_LOG:
        assert (held.directory / LOG_NOTES_FILE).read_bytes() == before
        assert held.phone().audit_log().alarm is None
    return None if looked.alarm is None else looked.alarm.code


def test_sv_10_a_log_for_one_owner_alone_has_no_witnesses(held: Hand) -> None:
    real = frozen(held)
    assert found(held, replace(real, witnesses=1)) is AlarmCode.UNWITNESSED
    assert found(held, replace(real, witnesses=0)) is AlarmCode.UNWITNESSED


def test_sv_10_nor_is_it_signed_by_a_key_that_the_phone_knows(held: Hand) -> None:
    assert found(held, replace(frozen(held), signer=log_signer("an enemy"))) is AlarmCode.OTHER_KEY


@pytest.mark.parametrize(
    ("change", "cry"),
    [
        (lambda leaves: leaves[:1], AlarmCode.LOG_WENT_BACK),
        (lambda leaves: (leaves[0], sha("another leaf"), *leaves[2:]), AlarmCode.LOG_CHANGED),
        (lambda leaves: leaves[1:], AlarmCode.SPLIT_VIEW),
    ],
)
def test_sv_11_a_log_that_was_cut_or_rewritten_is_an_alarm_of_the_phone(
    held: Hand, change: Callable[[tuple[bytes, ...]], tuple[bytes, ...]], cry: AlarmCode
) -> None:
    real = frozen(held)
    assert found(held, replace(real, leaves=change(real.leaves))) is cry
    assert (held.directory / "evidence-1.json").exists()


def test_sv_11_an_act_that_the_service_accepted_and_left_out_is_missed(held: Hand) -> None:
    real = frozen(held)
    without = replace(real, leaves=real.leaves[:-1])
    assert found(held, without) is None
    held.world.clock.advance(CHANGE_LOGGED_S)
    # What witnesses saw before it was due says nothing of it for ever, and is old by the phone's clock.
    assert found(held, without) is AlarmCode.OLD_LOG
    assert found(held, replace(without, at=held.world.clock.now())) is AlarmCode.MISSING_ACT
    assert held.phone().audit_log().alarm is None


def test_sv_11_a_service_that_always_says_that_there_is_more_hides_no_act_behind_it(held: Hand) -> None:
    real = frozen(held)
    held.world.clock.advance(CHANGE_LOGGED_S)
    without = replace(real, leaves=real.leaves[:-1], at=held.world.clock.now())

    def always_more(request: Request) -> Reply | None:
        asked = page_asked(request)
        if asked is None:
            return None
        return Reply(200, msgspec.json.encode(msgspec.structs.replace(without.page(asked), more=True)))

    held.wire.forge = always_more
    looked = held.phone().look_at_log()
    assert looked.alarm is not None
    assert looked.alarm.code is AlarmCode.HELD_BACK


def test_sv_14_a_retired_key_that_hands_over_once_more_leaves_a_proof_with_the_phone(held: Hand) -> None:
    """Its thief stands between, with a tree of his own that goes on where this phone looked last."""
    real, new, thief = frozen(held), log_signer("the next key"), log_signer("a thief")
    place = len(real.leaves)
    moved, stolen = (rotation_leaf(LOG, key, place=place) for key in (new, thief))
    held.wire.forge = replace(real, leaves=(*real.leaves, moved), signer=new, handovers=(moved,)).answer
    looked = held.phone().audit_log()
    assert (looked.alarm, looked.handed_over) == (None, True)
    held.wire.forge = replace(real, leaves=(*real.leaves, stolen), signer=thief, handovers=(stolen,)).answer
    looked = held.phone().look_at_log()
    assert looked.alarm is not None
    assert looked.alarm.code is AlarmCode.TWO_HANDOVERS
    assert looked.evidence is not None
    proof = verify_suspicion(looked.evidence.read_bytes(), expected_logs=[LOG.verifier])
    assert proof.kind is SuspicionKind.TWO_HANDOVERS
    # Nor does he bring a phone that has not looked since to a key of his own with a page that is genuine otherwise.
    beside = real.page(LogAsked())
    told = msgspec.structs.replace(beside, handovers=(stolen,), handover_paths=(beside.path,))
    fresh = check_page(
        BEGUN, told, whose=Whose(TenantId("bank"), AccountId(held.phone().devices().account)), at=real.at
    )
    assert code(fresh) is AlarmCode.NOT_INCLUDED


def test_sv_11_an_act_that_was_left_out_with_one_after_it_breaks_the_chain(held: Hand) -> None:
    real = frozen(held)
    last = parse_leaf(real.leaves[-1])
    after = encode_leaf(msgspec.structs.replace(last, account_seq=last.account_seq + 1, previous=sha("left out")))
    assert found(held, replace(real, leaves=(*real.leaves[:-1], after))) is AlarmCode.CHAIN_BROKEN


def test_sv_12_an_entry_of_another_account_is_an_alarm_of_the_phone(held: Hand) -> None:
    real = frozen(held)
    own = parse_leaf(real.leaves[-1])
    [theirs] = [leaf for leaf in real.leaves if parse_leaf(leaf).index != real.index]
    moved = encode_leaf(msgspec.structs.replace(own, index=parse_leaf(theirs).index))
    insider = Insider((*real.leaves[:-1], moved), parse_leaf(theirs).index, real.index_proof, at=real.at)
    assert found(held, insider) is AlarmCode.NOT_MY_ACCOUNT


def test_sv_11_an_event_that_somebody_inside_put_into_the_account_is_told_to_its_owner(held: Hand) -> None:
    real = frozen(held)
    own = [leaf for leaf in real.leaves if parse_leaf(leaf).index == real.index]
    forged = encode_leaf(
        msgspec.structs.replace(
            parse_leaf(own[-1]),
            account_seq=len(own) + 1,
            previous=leaf_hash(own[-1]),
            kind=KINDS["DeviceActivated"],
            statement=sha("nobody's statement"),
            wallet_signature=sha("nobody's signature"),
            at=1,
        )
    )
    held.wire.forge = replace(real, leaves=(*real.leaves, forged)).answer
    [news] = held.phone().look_at_log().news
    assert (news.words, news.by) == ("a new phone belongs to the account", "phone")


def test_sv_11_a_statement_of_the_phone_with_a_signature_that_is_not_its_own_is_an_alarm(held: Hand) -> None:
    real = frozen(held)
    forged = msgspec.structs.replace(parse_leaf(real.leaves[-1]), wallet_signature=sha("not the owner's"))
    assert found(held, replace(real, leaves=(*real.leaves[:-1], encode_leaf(forged)))) is AlarmCode.OTHER_SIGNATURE
