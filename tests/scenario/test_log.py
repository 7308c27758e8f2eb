"""What a phone hears of its own account from the log, and which answers wait for its witnesses."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec
import pytest

from notes import INDEXES, LOG, WITNESSES, log_signer
from onlookers import Onlooker, caught_up, desk_of, logged, onlookers, sign_in
from pteri.app.growing import NoLog, grow, handed_over
from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import WitnessBehind
from pteri.app.sequence import give_positions
from pteri.app.witnessing import WitnessNews, show_to_witnesses
from pteri.audit.receipts import Check, Trusted, Verdict, verify_receipt
from pteri.core.ids import TenantId
from pteri.core.log.checking import verify_consistency, verify_inclusion
from pteri.core.log.checkpoint import Checkpoint, open_checkpoint, signed_checkpoint
from pteri.core.log.index import verify_index
from pteri.core.log.leaf import KINDS, parse_leaf, verify_account_chain
from pteri.core.log.note import Note, NoteSignature
from pteri.core.log.page import MOST_RECORDS, LogAsked, LogPage
from pteri.core.log.receipt import Entry, Receipt, encode_receipt
from pteri.core.log.tree import EMPTY_FRONTIER
from pteri.core.log.witness import Quorum, verify_witnesses
from thieves import HOUR, second_phone
from world import NEW_WORDS, START, SimClock, SimPhone, World
from worlds import Worlds


def page(phone: SimPhone, after_seq: int = 0, upto_seq: int = 0, seen_size: int = 0) -> LogPage:
    return phone.post("/log", LogAsked(after_seq, upto_seq, seen_size)).as_(LogPage)


def verified(world: World, seen: LogPage) -> Checkpoint:
    shown = open_checkpoint(seen.checkpoint.encode(), expected_log=LOG.verifier)
    quorum = desk_of(world).quorum
    assert quorum is not None
    verify_witnesses(shown, expected_quorum=quorum, at=world.clock.now())
    return shown


def test_a_phone_finds_what_it_did_in_the_log_and_can_check_all_of_it(worlds: Worlds) -> None:
    world = logged(worlds)
    phone, other = world.enrolled(), world.enrolled("other", "bob@example.com", words=NEW_WORDS)
    assert sign_in(world, phone) == 200
    caught_up(world)
    seen = page(phone)
    shown = verified(world, seen)
    leaves = [entry.leaf for entry in seen.entries]
    assert [parse_leaf(leaf).kind for leaf in leaves] == [KINDS["AccountBound"], KINDS["SignedIn"]]
    assert (
        verify_inclusion(leaves[-1], list(seen.path), expected_index=seen.leaf_index, expected_head=shown.head).size
        == shown.head.size
    )
    account = phone.devices().account
    index = verify_index(
        seen.index_proof,
        expected_key=INDEXES.public,
        expected_index=parse_leaf(leaves[0]).index,
        expected_tenant=TenantId("bank"),
        expected_account=account,
    )
    verify_account_chain(leaves, expected_index=index)
    assert seen.index_key == INDEXES.public.text
    assert {parse_leaf(entry.leaf).index for entry in page(other).entries} != {index}


def test_a_phone_asks_for_what_is_new_and_that_the_log_only_grew(worlds: Worlds) -> None:
    world = logged(worlds)
    phone = world.enrolled()
    before = verified(world, page(phone))
    for _ in range(3):
        assert sign_in(world, phone) == 200
    caught_up(world)
    later = page(phone, after_seq=1, seen_size=before.head.size)
    assert [parse_leaf(entry.leaf).account_seq for entry in later.entries] == [2, 3, 4]
    assert all(entry.salt is None and entry.record is None for entry in later.entries)
    now = verified(world, later)
    verify_consistency(list(later.consistency), expected_old=before.head, expected_new=now.head)
    assert page(phone, after_seq=4).entries == ()
    assert [parse_leaf(each.leaf).account_seq for each in page(phone, after_seq=1, upto_seq=2).entries] == [2]


def test_records_come_in_pages_with_the_salts_of_their_leaves(worlds: Worlds) -> None:
    world = logged(worlds)
    phone = world.enrolled()
    for _ in range(MOST_RECORDS + 1):
        world.clock.advance(400)
        assert sign_in(world, phone) == 200
    caught_up(world)
    first = phone.post("/log", LogAsked(records=True)).as_(LogPage)
    assert (len(first.entries), first.more) == (MOST_RECORDS, True)
    rest = phone.post("/log", LogAsked(after_seq=MOST_RECORDS, records=True)).as_(LogPage)
    assert (len(rest.entries), rest.more) == (2, False)
    assert all(entry.salt and entry.record for entry in (*first.entries, *rest.entries))
    assert msgspec.json.decode(rest.rules)


def test_a_service_without_a_log_says_so_and_strangers_hear_nothing(worlds: Worlds) -> None:
    world = worlds()
    phone = world.enrolled()
    assert phone.post("/log", LogAsked()).status == 404
    assert world.phone("a stranger").post("/log", LogAsked()).status == 401


# --- I8 ------------------------------------------------------------------------------------------------------


def test_a_change_of_authority_is_answered_under_a_witnessed_checkpoint(worlds: Worlds) -> None:
    world = logged(worlds)
    phone = world.enrolled()
    assert [each.asked for each in onlookers(world)] == [1, 1, 1]
    # No loop has run: whoever waits does the work.
    assert verified(world, page(phone)).head.size == 1


def test_without_its_witnesses_a_change_is_done_and_not_told_and_the_same_request_hears_it_later(
    worlds: Worlds,
) -> None:
    world = logged(worlds)
    phone = world.enrolled()
    for each in onlookers(world)[:2]:
        each.is_away = True
    frozen = phone.freeze()
    assert (frozen.decided.status, frozen.decided.code) == (503, "PENDING_LOG")
    assert int(frozen.decided.headers["retry-after"]) > 0
    again = world.send(frozen.request)
    assert (again.status, again.code) == (503, "PENDING_LOG")
    assert world.account_of(phone).state == "CONTESTED"
    onlookers(world)[0].is_away = False
    told = world.send(frozen.request)
    assert told.status == 200
    assert world.send(frozen.request).body == told.body
    assert verified(world, page(phone)).head.size == 2


def test_sign_ins_go_on_while_no_witness_answers(worlds: Worlds) -> None:
    world = logged(worlds)
    phone = world.enrolled()
    for each in onlookers(world):
        each.is_away = True
    assert sign_in(world, phone) == 200
    assert [refusal.is_alarm for refusal in caught_up(world)] == [False, False, False]
    assert verified(world, page(phone)).head.size == 1


def test_a_sign_in_that_records_on_its_way_what_time_has_ended_waits_for_nobody(worlds: Worlds) -> None:
    world = logged(worlds)
    phone = world.enrolled()
    other = second_phone(world, phone)
    assert phone.revoke(other.thumbprint).decided.status == 200
    for each in onlookers(world):
        each.is_away = True
    world.clock.advance(25 * HOUR)
    before = world.account_of(phone)
    assert sign_in(world, phone) == 200
    # The removal took effect with it; it had moved authority when it was signed.
    after = world.account_of(phone)
    assert (after.version, after.epoch) == (before.version + 2, before.epoch)


def test_answers_do_not_wait_where_the_settings_do_not_ask_for_it(worlds: Worlds) -> None:
    world = logged(worlds, answers_wait=False)
    for each in onlookers(world):
        each.is_away = True
    phone = world.enrolled()
    assert phone.post("/log", LogAsked()).code == "PENDING_LOG"


def test_after_a_hand_over_a_phone_hears_nothing_under_two_keys(worlds: Worlds) -> None:
    world = logged(worlds)
    phone = world.enrolled()
    seen = page(phone)
    state = world.run(world.deployment.store.book.state())
    assert state is not None
    successor = log_signer("successor")
    assert world.run(world.deployment.store.book.grow(handed_over(state, LOG, successor)))
    # A process that was not started anew: its log stands still, and says so.
    with pytest.raises(NoLog):
        caught_up(world)
    with pytest.raises(NoLog):
        world.run(show_to_witnesses(world.deployment.store.book, desk_of(world), at=START, tell=lambda _: None))
    assert page(phone).checkpoint == seen.checkpoint
    # One that was: until witnesses trust the new key, what they have seen is the old one's.
    anew = dataclasses.replace(desk_of(world), signer=successor)
    other = worlds.beside(world, log=anew)
    assert other.phone("phone").post("/log", LogAsked()).status == 401
    again = SimPhone(other, phone.key, phone.wallet)
    assert again.post("/log", LogAsked()).code == "PENDING_LOG"


def test_a_witness_that_has_seen_more_is_an_alarm(worlds: Worlds) -> None:
    world = logged(worlds, answers_wait=False)
    world.enrolled()
    # Somebody else signs with the log's key: or this database is an old copy of the real one.
    [first, *_] = onlookers(world)
    elsewhere = EMPTY_FRONTIER
    for number in range(5):
        elsewhere, _ = elsewhere.appended(bytes([number]) * 32)
    first.last = signed_checkpoint(elsewhere.head, LOG)
    told = caught_up(world)
    assert [(refusal.witness, refusal.is_alarm) for refusal in told] == [(first.verifier.name, True)]


@dataclass
class Overtaken(Onlooker):
    """Another process of the service shows it more, just before this one comes."""

    overtake: Callable[[], Awaitable[int]] | None = None

    async def cosign(self, checkpoint: Note, *, old_size: int, path: Sequence[bytes]) -> NoteSignature:
        if self.overtake is None:
            return await super().cosign(checkpoint, old_size=old_size, path=path)
        raise WitnessBehind(await self.overtake())


def test_a_witness_to_whom_another_process_has_shown_more_is_no_alarm(worlds: Worlds) -> None:
    clock = SimClock()
    witness = Overtaken(WITNESSES[0], LOG.verifier, clock.now)
    desk = LogDesk(LOG, INDEXES, quorum=Quorum.of(1, [witness.verifier]), witnesses=(witness,))
    world = worlds(clock=clock, log=desk)
    phone = world.enrolled()
    store, entropy = world.deployment.store, world.deployment.entropy
    assert sign_in(world, phone) == 200
    world.run(give_positions(store))
    world.run(grow(store, desk, entropy))
    assert sign_in(world, phone) == 200

    async def overtake() -> int:
        await give_positions(store)
        await grow(store, desk, entropy)
        state = await store.book.state()
        assert state is not None
        return state.size

    witness.overtake = overtake
    told: list[WitnessNews] = []
    assert not world.run(show_to_witnesses(store.book, desk, at=clock.now(), tell=told.append))
    assert told == []
    # With what there is now it is shown, and signs.
    witness.overtake = None
    assert caught_up(world) == []
    assert verified(world, page(phone)).head.size == 3


# --- receipts ------------------------------------------------------------------------------------------------


def receipt_of(phone: SimPhone) -> bytes:
    """What a phone puts together of one page."""
    told = phone.post("/log", LogAsked(records=True)).as_(LogPage)
    assert not told.more
    entries = tuple(Entry(each.leaf, each.salt or b"", each.record or "") for each in told.entries)
    return encode_receipt(
        Receipt(
            tenant=TenantId("bank"),
            account=phone.devices().account,
            index_proof=told.index_proof,
            entries=entries,
            rules=told.rules,
            leaf_index=told.leaf_index,
            path=told.path,
            checkpoint=told.checkpoint,
        )
    )


def test_a_receipt_with_acts_of_officers_is_whole_for_who_knows_them_and_not_wrong_for_who_does_not(
    worlds: Worlds,
) -> None:
    world = logged(worlds)
    account = world.enrolled().devices().account
    new = world.phone("new phone", NEW_WORDS)
    for name in ("ofc-1", "ofc-2"):
        assert world.officer(name).attest(account, new).decided.status == 200
    new.claim_account("A", account=account)
    world.clock.advance(72 * 3600)
    assert new.activate().decided.status == 200
    caught_up(world)
    quorum = desk_of(world).quorum
    knows_all = Trusted(
        log=LOG.verifier,
        index_key=INDEXES.public,
        quorum=quorum,
        at=world.clock.now(),
        officers=world.deployment.tenants[TenantId("bank")].officers,
    )
    receipt = receipt_of(new)
    for officers, fails, unsaid in ((knows_all.officers, False, False), (None, False, True), ({}, True, False)):
        found = verify_receipt(receipt, trusted=dataclasses.replace(knows_all, officers=officers)).found
        history = [each for each in found if each.check is Check.HISTORY]
        assert any(each.verdict is Verdict.FAILS for each in history) == fails
        assert any("OFFICERS_UNKNOWN (2)" in each.detail for each in history) == unsaid
        assert all(each.verdict is Verdict.HOLDS for each in found if each.check in {Check.RECORDS, Check.INDEX})
