"""A phone holds a real service to its log: what it finds, what it says, and what it keeps, on both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from insiders import insider_of, logged, page_asked, with_log
from leaves import sha
from notes import INDEXES, LOG, TWO_OF_THREE, log_signer
from onlookers import Onlooker, watched
from phones import EMAIL, Hand, client, linked, linked_also
from pteri.app.forget import forget_old
from pteri.app.growing import handed_over
from pteri.app.log_desk import LogDesk
from pteri.audit import Trusted, verify_receipt
from pteri.audit.receipts import Check, Verdict
from pteri.core.log.following import verify_suspicion
from pteri.core.log.leaf import KINDS, NOTHING, encode_leaf, parse_leaf
from pteri.core.log.page import MOST_ENTRIES, MOST_RECORDS
from pteri.core.log.receipt import encode_receipt
from pteri.core.log.tree import leaf_hash
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.log_notes import LOG_NOTES_FILE, SIGN_IN_LOGGED_S
from pteri.wallet.log_words import AlarmCode, LogAlarm
from pteri.wallet.refusals import ServerError
from pteri.wallet.server import Reply
from world import World
from worlds import Worlds

DAY = 86_400


@pytest.fixture
def world(worlds: Worlds) -> World:
    """A service with a log, and no account."""
    return with_log(worlds)


def signed_in(held: Hand) -> None:
    site = client(held.world)
    waiting = site.start_sign_in(EMAIL)
    shown = held.phone().approve(waiting.qr)
    assert site.enter_code(waiting.id, shown.code, waiting.session).state == "COMPLETED"


def lived(world: World) -> tuple[Hand, Hand]:
    """Two phones of one account that did many kinds of things, all of it in the log."""
    first = linked(world)
    signed_in(first)
    second = linked_also(world, first)
    first.phone().protect(None)
    waiting = client(world).start_sign_in(EMAIL)
    first.phone().approve(waiting.qr)
    world.clock.advance(3 * DAY)
    while world.run(forget_old(world.deployment, world.clock.now())):
        pass
    signed_in(second)
    first.phone().warn_at("alice@mail.example")
    first.phone().rebind_line("+49 151 12345678")
    first.phone().freeze()
    logged(world)
    return first, second


def test_each_phone_finds_what_it_signed_and_hears_of_the_rest(world: World) -> None:
    first, second = lived(world)
    ours, theirs = first.phone().audit_log(), second.phone().audit_log()
    assert (ours.alarm, theirs.alarm) == (None, None)
    assert ours.notes.seq == theirs.notes.seq > 8
    assert ours.seen == 3
    assert [act for act in ours.notes.acts if act.due_at] == []
    told = [(each.words, each.by) for each in ours.news]
    assert ("a new phone belongs to the account", "phone") in told
    assert ("a sign-in", "phone") in told
    assert ours.notes.found + len(ours.news) == ours.notes.seq
    # Again, nothing is new, and it costs one request.
    sent = len(first.wire.sent)
    again = first.phone().audit_log()
    assert (again.alarm, again.news, first.wire.places[sent:]) == (None, (), ["log"])


def test_a_receipt_of_every_kind_of_event_verifies_without_the_service(world: World) -> None:
    first, _ = lived(world)
    receipt = first.phone().log_receipt()
    believed = Trusted(
        log=LOG.verifier,
        index_key=INDEXES.public,
        quorum=TWO_OF_THREE,
        at=world.clock.now(),
        network="main",
    )
    found = {each.check: each for each in verify_receipt(encode_receipt(receipt), trusted=believed).found}
    assert {check for check, each in found.items() if each.verdict is not Verdict.HOLDS} == {Check.ANCHOR}, found
    third = first.phone().log_receipt(3)
    assert len(third.entries) == 3
    assert not [
        each for each in verify_receipt(encode_receipt(third), trusted=believed).found if each.verdict is Verdict.FAILS
    ]
    for seq in (-1, len(receipt.entries) + 1):
        with pytest.raises(WalletError) as none:
            first.phone().log_receipt(seq)
        assert none.value.code == WalletCode.NOT_FOUND


def test_a_long_history_is_read_page_by_page(world: World) -> None:
    held = linked(world)
    for _ in range(MOST_RECORDS + 2):
        signed_in(held)
        world.clock.advance(7)
    logged(world)
    sent = len(held.wire.sent)
    receipt = held.phone().log_receipt()
    assert len(receipt.entries) == MOST_RECORDS + 3
    assert held.wire.places[sent:] == ["log"] * 3
    # The same with so many events of the service that the leaves alone are two pages.
    real, before = insider_of(held), held.phone().audit_log()
    assert (before.alarm, before.notes.found) == (None, MOST_RECORDS + 3)
    more = list(real.leaves[-1:])
    for _ in range(MOST_ENTRIES + 1):
        more.append(noted_by_nobody(more[-1]))
    held.wire.forge = replace(real, leaves=(*real.leaves, *more[1:])).answer
    sent = len(held.wire.sent)
    looked = held.phone().audit_log()
    assert (looked.alarm, looked.notes.seq, len(looked.news)) == (None, before.notes.seq + MOST_ENTRIES + 1, 401)
    assert held.wire.places[sent:] == ["log"] * 2
    found = verify_receipt(encode_receipt(receipt), trusted=Trusted(log=LOG.verifier, at=world.clock.now()))
    assert found.is_sound


def noted_by_nobody(before: bytes) -> bytes:
    """The next leaf of the account: something that the operator said of its line."""
    last, kind = parse_leaf(before), KINDS["LineObserved"]
    changes = {"account_seq": last.account_seq + 1, "previous": leaf_hash(before), "kind": kind}
    return encode_leaf(msgspec.structs.replace(last, **changes, statement=NOTHING, wallet_signature=NOTHING))


def test_a_page_of_records_before_the_last_one_is_full(world: World) -> None:
    held = linked(world)
    signed_in(held)
    logged(world)

    def halved(request: Any) -> Reply | None:
        asked = page_asked(request)
        if asked is None or not asked.records:
            return None
        page = msgspec.json.decode(held.wire._answer(request).body)
        return Reply(200, msgspec.json.encode(page | {"entries": page["entries"][:1], "more": True}))

    held.wire.forge = halved
    with pytest.raises(ServerError, match="does not tell"):
        held.phone().log_receipt()


def test_a_service_that_handed_over_shows_that_in_its_log(worlds: Worlds) -> None:
    world = with_log(worlds, desk_without_witnesses)
    held = linked(world)
    logged(world)
    assert held.phone().audit_log().alarm is None
    state, successor = world.run(world.store.book.state()), log_signer("successor")
    assert state is not None
    assert world.run(world.store.book.grow(handed_over(state, LOG, successor)))
    anew = worlds.beside(world, log=LogDesk(successor, INDEXES))
    held.wire.world = anew
    for _ in range(2):
        looked = held.phone().audit_log()
        assert (looked.alarm, looked.size) == (None, 2)
    assert held.phone().log_key == successor.verifier.text


def test_an_event_that_this_phone_did_not_sign_is_told(world: World) -> None:
    held = linked(world)
    logged(world)
    assert held.phone().audit_log().news == ()
    signed_in(linked_also(world, held))
    logged(world)
    news = held.phone().look_at_log().news
    assert ("a sign-in", "phone") in [(each.words, each.by) for each in news]


def test_a_look_after_a_sign_in_is_silent_where_there_is_no_log_or_no_answer(worlds: Worlds) -> None:
    held = linked(worlds())
    looked = held.phone().look_at_log()
    assert looked.alarm is None
    assert looked.unanswered is not None
    with pytest.raises(ServerError) as none:
        held.phone().audit_log()
    assert none.value.status == 404
    phone = held.phone()
    held.wire.requests_to_lose = 9
    assert phone.look_at_log().alarm is None


def test_a_log_that_no_witness_has_seen_is_no_alarm_and_no_answer(worlds: Worlds) -> None:
    world = with_log(worlds, lambda now: watched(now, answers_wait=False))
    held = linked(world)
    looked = held.phone().look_at_log()
    assert (looked.alarm, looked.unanswered and looked.unanswered.code) == (None, "PENDING_LOG")


def test_a_service_that_had_a_log_and_has_none_is_an_alarm(world: World, worlds: Worlds) -> None:
    held = linked(world)
    logged(world)
    assert held.phone().audit_log().alarm is None
    other = Hand(worlds.beside(world), held.directory, held.wire, held.owner, held.label)
    held.wire.world = other.world
    for looked in (other.phone().look_at_log(), other.phone().audit_log()):
        assert looked.alarm is not None
        assert looked.alarm.code is AlarmCode.LOG_GONE


def test_nothing_is_lost_when_a_phone_dies_between_the_check_and_the_notes(world: World) -> None:
    held = linked(world)
    logged(world)
    notes = held.directory / LOG_NOTES_FILE
    before = notes.read_bytes()
    good = held.phone().audit_log()
    after = notes.read_bytes()
    # Old notes, as if it had died before they were written: the same page is checked again, with the same end.
    notes.write_bytes(before)
    assert replace(held.phone().audit_log(), notes=good.notes) == good
    assert msgspec.json.decode(notes.read_bytes())["notes"] == msgspec.json.decode(after)["notes"]


def test_notes_that_were_changed_are_an_alarm_and_the_sign_in_counts(world: World) -> None:
    held = linked(world)
    logged(world)
    held.phone().audit_log()
    notes = held.directory / LOG_NOTES_FILE
    notes.write_bytes(notes.read_bytes().replace(b'"found":1', b'"found":9'))
    signed_in(held)
    looked = held.phone().look_at_log()
    assert looked.alarm is not None
    assert looked.alarm.code is AlarmCode.NOTES_CHANGED
    with pytest.raises(WalletError, match="Somebody has changed"):
        held.phone().audit_log()


def test_a_receipt_that_the_service_mixed_up_is_not_kept(world: World) -> None:
    held, _ = lived(world)
    real = held.phone().audit_log()

    def mixed(**changes: Any) -> None:
        def forge(request: Any) -> Reply | None:
            asked = page_asked(request)
            if asked is None or not asked.records:
                return None
            page = msgspec.json.decode(held.wire._answer(request).body)
            return Reply(200, msgspec.json.encode(page | {name: make(page) for name, make in changes.items()}))

        held.wire.forge = forge

    mixed(path=lambda page: page["path"][:-1])
    with pytest.raises(LogAlarm) as wrong:
        held.phone().log_receipt()
    assert wrong.value.code == AlarmCode.CHAIN_BROKEN
    mixed(checkpoint=lambda page: page["checkpoint"].replace("\n\n", "\n\n\n"))
    with pytest.raises(LogAlarm):
        held.phone().log_receipt()
    mixed(entries=lambda page: [{"leaf": each["leaf"]} for each in page["entries"]])
    with pytest.raises(ServerError, match="does not tell"):
        held.phone().log_receipt()
    mixed(entries=lambda page: page["entries"] * 2)
    with pytest.raises(ServerError, match="does not tell"):
        held.phone().log_receipt()
    mixed(entries=lambda page: page["entries"][:0])
    with pytest.raises(ServerError, match="does not tell"):
        held.phone().log_receipt()
    assert held.phone()._notebook.read(0) == real.notes


def test_a_split_view_leaves_a_proof_that_nobody_can_deny(world: World) -> None:
    held = linked(world)
    logged(world)
    held.phone().audit_log()
    real = insider_of(held)
    held.wire.forge = replace(real, leaves=(sha("another tree"), *real.leaves[1:])).answer
    looked, again = held.phone().audit_log(), held.phone().look_at_log()
    assert looked.alarm is not None
    assert looked.alarm.code is AlarmCode.SPLIT_VIEW
    # The same lie is kept once, and its file is never written over.
    assert looked.evidence == again.evidence == held.directory / "evidence-1.json"
    kept = verify_suspicion(looked.evidence.read_bytes(), expected_logs=[LOG.verifier])
    assert kept.kind.is_proof
    other = replace(real, leaves=(sha("a third tree"), *real.leaves[1:]))
    held.wire.forge = other.answer
    assert held.phone().look_at_log().evidence == held.directory / "evidence-2.json"
    held.wire.forge = lambda _: None
    assert held.phone().audit_log().alarm is None


def test_a_disk_full_of_lies_is_not_filled_further(world: World) -> None:
    held = linked(world)
    logged(world)
    held.phone().audit_log()
    for number in range(1, 65):
        (held.directory / f"evidence-{number}.json").write_text("another lie")
    real = insider_of(held)
    held.wire.forge = replace(real, leaves=(sha("another tree"), *real.leaves[1:])).answer
    looked = held.phone().audit_log()
    assert looked.alarm is not None
    assert looked.evidence is None
    assert len(list(held.directory.glob("evidence-*"))) == 64


def desk_without_witnesses(now: Any) -> LogDesk:
    del now
    return LogDesk(LOG, INDEXES, answers_wait=True)


def test_a_log_that_nobody_watches_is_checked_all_the_same(worlds: Worlds) -> None:
    held = linked(with_log(worlds, desk_without_witnesses))
    logged(held.world)
    looked = held.phone().audit_log()
    assert (looked.alarm, looked.seen, looked.notes.seq) == (None, 0, 1)


def test_a_witness_that_is_back_brings_what_was_missing(world: World) -> None:
    held = linked(world)
    logged(world)
    held.phone().audit_log()
    assert world.deployment.log is not None
    for each in world.deployment.log.witnesses:
        assert isinstance(each, Onlooker)
        each.is_away = True
    signed_in(held)
    world.clock.advance(SIGN_IN_LOGGED_S - 1)
    assert held.phone().audit_log().alarm is None
    world.clock.advance(1)
    late = held.phone().audit_log()
    assert late.alarm is not None
    # What they have seen is from before it was due: nobody can say that it was left out.
    assert late.alarm.code is AlarmCode.OLD_LOG
    for each in world.deployment.log.witnesses:
        assert isinstance(each, Onlooker)
        each.is_away = False
    logged(world)
    assert held.phone().audit_log().alarm is None
