"""Abuse cases SV-10 to SV-15, CR-08, CR-11, CR-12, DS-05 and DS-08: what the log stops, and whoever verifies it."""

from __future__ import annotations

import hashlib
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchors import mined, proof
from leaves import ACCOUNT, DEVICE, INDEX, TENANT, account_leaf, chain, sha
from notes import INDEXES, LOG, NOW, ORIGIN, TWO_OF_THREE, WITNESSES, checkpoint, log_signer, private, text, witness
from onlookers import caught_up, logged, onlookers, sign_in
from pteri.app.growing import grow
from pteri.app.log_desk import LogDesk, Stance
from pteri.app.sequence import give_positions
from pteri.audit import AuditError, verify_anchor
from pteri.core.anchor.headers import parse_header
from pteri.core.errors import Code, ProtocolError
from pteri.core.keys.ed25519 import NoteKey
from pteri.core.log.checking import verify_consistency, verify_inclusion
from pteri.core.log.checkpoint import Checkpoint, open_checkpoint, signed_checkpoint, verify_split_view
from pteri.core.log.leaf import encode_leaf, record_commitment, verify_account_chain
from pteri.core.log.note import Note, NoteSignature
from pteri.core.log.proving import consistency_proof, inclusion_proof
from pteri.core.log.tree import TreeHead, leaf_hash, node_hash
from pteri.core.log.witness import cosign, verify_witnesses
from thieves import HOUR, second_phone
from trees import Grown, grown, leaf
from world import LINE, NEW_WORDS, OTHER_LINE
from worlds import Worlds

DAY = 86_400

HONEST = grown(60)
FOR_THE_VICTIM = Grown([leaf(number if number != 41 else 4100) for number in range(60)])
ADDRESS = "LLDMii8GzCbbveb6aka78Go79cCX2BZ65t"


def refused(*codes: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code in codes)


def seen_by(made: Checkpoint, number: int) -> Checkpoint:
    note = made.note.with_signatures([cosign(made, signer, at=NOW) for signer in WITNESSES[:number]])
    return open_checkpoint(note.encoded, expected_log=LOG.verifier)


class Witness:
    """Cosigns what follows from what it cosigned last."""

    def __init__(self, number: int) -> None:
        self._signer = witness(number)
        self._last = TreeHead(0, HONEST.heads[0].root)

    def add(self, made: Checkpoint, path: tuple[bytes, ...]) -> NoteSignature:
        self._last = verify_consistency(path, expected_old=self._last, expected_new=made.head)
        return cosign(made, self._signer, at=NOW)


def test_sv_10_a_second_tree_for_one_owner_finds_no_witnesses() -> None:
    witnesses = [Witness(number) for number in (1, 2, 3)]
    shown_to_all, shown_to_one = checkpoint(HONEST.heads[60]), checkpoint(FOR_THE_VICTIM.heads[60])
    path = consistency_proof(0, 60, HONEST.read)
    lines = [each.add(shown_to_all, path) for each in witnesses]
    opened = open_checkpoint(shown_to_all.note.with_signatures(lines).encoded, expected_log=LOG.verifier)
    assert verify_witnesses(opened, expected_quorum=TWO_OF_THREE, at=NOW)
    for each in witnesses:
        with refused(Code.NOT_CONSISTENT):
            each.add(shown_to_one, ())
    # Nor do the lines for the one tree hold for the other.
    moved = open_checkpoint(shown_to_one.note.with_signatures(lines).encoded, expected_log=LOG.verifier)
    with refused(Code.NOTE_SIGNATURE):
        verify_witnesses(moved, expected_quorum=TWO_OF_THREE, at=NOW)
    with refused(Code.WITNESSES):
        verify_witnesses(shown_to_one, expected_quorum=TWO_OF_THREE, at=NOW)


def test_sv_10_two_phones_that_compare_checkpoints_find_the_split() -> None:
    old_phone, new_phone = checkpoint(HONEST.heads[50]), checkpoint(FOR_THE_VICTIM.heads[60])
    # The log would have to show that the one grew out of the other; whichever tree the path is from, it does not.
    for tree in (HONEST, FOR_THE_VICTIM):
        with refused(Code.NOT_CONSISTENT):
            verify_consistency(
                consistency_proof(50, 60, tree.read), expected_old=old_phone.head, expected_new=new_phone.head
            )


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 59))
def test_sv_11_a_log_that_was_cut_or_rewritten_is_not_consistent(old: int, new: int, place: int) -> None:
    rewritten = Grown([leaf(number if number != place else -1) for number in range(60)])
    if new < old:
        # Cut: no path at all makes the older tree out of the newer one.
        with refused(Code.NOT_CONSISTENT):
            verify_consistency((), expected_old=HONEST.heads[old], expected_new=HONEST.heads[new])
    elif place < old:
        with refused(Code.NOT_CONSISTENT):
            verify_consistency(
                consistency_proof(old, new, rewritten.read),
                expected_old=HONEST.heads[old],
                expected_new=rewritten.heads[new],
            )
    else:
        path = consistency_proof(old, new, rewritten.read)
        assert verify_consistency(path, expected_old=HONEST.heads[old], expected_new=rewritten.heads[new])


def test_sv_11_an_event_that_was_left_out_of_an_account_is_missed_by_its_owner() -> None:
    leaves = chain(5)
    for missing in range(4):
        with refused(Code.LEAF):
            verify_account_chain(leaves[:missing] + leaves[missing + 1 :], expected_index=INDEX)


def test_sv_13_nobody_finds_a_person_in_a_leaf_by_trying_names() -> None:
    """Everything about the account is known to the reader, but no secret: no hash of it stands in the leaf."""
    raw = encode_leaf(account_leaf(1))
    known = [TENANT, ACCOUNT, DEVICE, ADDRESS, "alice@example.com", "+491700000001", ORIGIN, "AccountBound"]
    windows = {raw[at : at + 32] for at in range(len(raw) - 31)}
    tags = ["", "\3\1", "\3\3", INDEXES.public.text, "PTERI-LEAF-v1\0", "PTERI-LEAF-v1\0" + "\0" * 32]
    for tag, first, join, second in product(tags, known, ("", "\0", "\n", " "), ["", *known]):
        guess = (tag + first + join + second).encode()
        wide = hashlib.sha512(guess).digest()
        for hashed in (hashlib.sha256(guess), hashlib.sha256(hashlib.sha256(guess).digest())):
            assert hashed.digest() not in windows
        assert not {wide[:32], wide[32:]} & windows
    for name in known:
        assert name.encode() not in raw
    # With the index key and the random bytes the same reader finds both; the owner does with his proof and his salt.
    assert INDEXES.index_of(TENANT, ACCOUNT) in windows
    assert record_commitment(salt=sha("salt 1"), device=DEVICE, record=sha("record 1")) in windows


def test_sv_14_two_roots_for_one_size_are_kept_as_a_proof_against_the_log() -> None:
    one, other = checkpoint(HONEST.heads[60], 2), checkpoint(FOR_THE_VICTIM.heads[60], 1)
    proven = verify_split_view(one.note.encoded, other.note.encoded, expected_log=LOG.verifier)
    assert proven.first.head.size == proven.second.head.size == 60
    # And nobody can make one against an honest log.
    forged = signed_checkpoint(FOR_THE_VICTIM.heads[60], log_signer("an enemy"))
    with refused(Code.NOTE_SIGNATURE):
        verify_split_view(one.note.encoded, forged.note.encoded, expected_log=LOG.verifier)


def test_sv_15_a_checkpoint_that_too_few_have_seen_is_no_receipt_yet_and_becomes_one() -> None:
    made = checkpoint(HONEST.heads[60])
    for number in (0, 1):
        with refused(Code.WITNESSES):
            verify_witnesses(seen_by(made, number), expected_quorum=TWO_OF_THREE, at=NOW)
    # The same checkpoint, when the second witness is back.
    assert verify_witnesses(seen_by(made, 2), expected_quorum=TWO_OF_THREE, at=NOW).checkpoint.head == made.head


SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    # The same points in spellings that are not theirs.
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
]


@pytest.mark.parametrize("raw", SMALL_ORDER)
def test_cr_08_a_key_of_small_order_or_in_another_spelling_is_refused(raw: str) -> None:
    with refused(Code.KEY):
        NoteKey.from_raw(bytes.fromhex(raw))


def test_cr_08_a_signature_has_one_s() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    key, message = private("log"), b"a text"
    signature = key.sign(message)
    twin = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    with refused(Code.RANGE):
        key.public.verify(message, twin)


def signed(body: str) -> bytes:
    return Note(body, (NoteSignature(ORIGIN, LOG.verifier.id, LOG.private.sign(body.encode())),)).encoded


GOOD = checkpoint(HONEST.heads[60])


@pytest.mark.parametrize(
    ("why", "raw"),
    [
        ("two notes", GOOD.note.encoded + b"\n" + GOOD.note.encoded),
        ("a note within a note", signed(GOOD.note.encoded.decode())),
        ("wrong origin", signed(text("another.example/log", "60", GOOD.head.root))),
        ("a zero in front of the size", signed(text(ORIGIN, "060", GOOD.head.root))),
        ("unknown key", signed_checkpoint(GOOD.head, log_signer("unknown")).note.encoded),
        ("no newline at the end", GOOD.note.encoded[:-1]),
    ],
)
def test_cr_11_a_checkpoint_in_another_form_is_refused(why: str, raw: bytes) -> None:
    with refused(Code.NOTE, Code.CHECKPOINT, Code.NOTE_SIGNATURE):
        open_checkpoint(raw, expected_log=LOG.verifier)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 60), st.data())
def test_cr_12_a_path_fits_one_leaf_at_one_place(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    head = HONEST.heads[size]
    path = inclusion_proof(index, size, HONEST.read)
    other = data.draw(st.integers(0, size + 64).filter(lambda place: place != index))
    for longer in ([*path, path[-1]], [path[0], *path], [*path, head.root]):
        with refused(Code.MERKLE_PATH):
            verify_inclusion(leaf(index), longer, expected_index=index, expected_head=head)
    with refused(Code.NOT_INCLUDED, Code.MERKLE_PATH, Code.TREE):
        verify_inclusion(leaf(index), path, expected_index=other, expected_head=head)


def test_cr_12_a_node_is_no_leaf_and_a_leaf_is_no_node() -> None:
    """In a tree of two the root is SHA-256(01 || a || b): no leaf hashes to it, whatever bytes it has."""
    head = HONEST.heads[2]
    left, right = HONEST.read(0, 0), HONEST.read(0, 1)
    assert node_hash(left, right) == head.root
    for shown in (left + right, b"\1" + left + right, b"\0" + left + right):
        with refused(Code.NOT_INCLUDED):
            verify_inclusion(shown, [], expected_index=0, expected_head=TreeHead(1, head.root))
    # A leaf that looks like a node: its two halves are not in the tree.
    forged = Grown([b"\1" + leaf_hash(leaf(7)) + leaf_hash(leaf(8))])
    with refused(Code.NOT_INCLUDED, Code.MERKLE_PATH):
        path = [leaf_hash(leaf(8))]
        verify_inclusion(leaf(7), path, expected_index=0, expected_head=TreeHead(2, forged.heads[1].root))


def test_ds_08_an_anchor_whose_block_was_replaced_is_none_and_the_next_one_is() -> None:
    """A reorganisation of six blocks: the old block is in no chain that goes on, and the anchor is mined again."""
    old = proof()

    def verify(fields: dict[str, Any], confirmations: int) -> int:
        return verify_anchor(
            fields,
            network="regtest",
            checkpoint_height=old["checkpoint"]["height"],
            checkpoint_hash=old["checkpoint"]["hash"],
            min_confirmations=confirmations,
        ).height

    assert verify(old, 6) == 1002
    # The other branch leaves it before the block of the anchor, and has one block more.
    first = parse_header(bytes.fromhex(old["headers"][0]))
    longer = [first]
    while len(longer) < 8:
        longer.append(mined(longer[-1].id, bytes(32), at=first.time + len(longer)))
    headers = [header.raw.hex() for header in longer]
    with pytest.raises(AuditError, match="MERKLE_BRANCH"):
        verify(old | {"headers": headers}, 6)
    # Nor can the lost block be put into the longer branch.
    with pytest.raises(AuditError, match="BLOCK_LINK"):
        verify(old | {"headers": [*headers[:1], old["headers"][1], *headers[2:]]}, 6)
    # The same transaction in a later block of it: the same leaf, anchored a little later.
    again = mined(longer[2].id, bytes.fromhex(old["merkle_root_displayed"])[::-1], at=first.time + 9)
    follow = [again]
    while len(follow) < 6:
        follow.append(mined(follow[-1].id, bytes(32), at=first.time + 9 + len(follow)))
    anew = {
        "headers": [header.raw.hex() for header in [*longer[:3], *follow]],
        "header_index": 3,
        "block_height": 1004,
        "block_hash": again.shown_id,
    }
    assert verify(old | anew, 6) == 1004


def test_sv_15_for_an_hour_without_a_quorum_changes_wait_and_sign_ins_go_on(worlds: Worlds) -> None:
    world = logged(worlds)
    owner = world.enrolled()
    for each in onlookers(world)[1:]:
        each.is_away = True
    frozen = owner.rebind_line(OTHER_LINE)
    heard = []
    for _ in range(6):
        assert (world.send(frozen.request).status, world.send(frozen.request).code) == (503, "PENDING_LOG")
        assert sign_in(world, owner) == 200
        heard += caught_up(world)
        # Younger than the request's own window, which is all that a repeat has.
        world.clock.advance(30)
    # Somebody is told, once of each, and nobody is called a liar.
    assert [news.stance for news in heard] == [Stance.SILENT, Stance.SILENT]
    onlookers(world)[1].is_away = False
    assert world.send(frozen.request).status == 200
    world.clock.advance(HOUR)
    assert sign_in(world, owner) == 200
    # One is back, and the other one is no news.
    back = onlookers(world)[1].verifier.name
    assert [(news.witness, news.stance) for news in caught_up(world)] == [(back, Stance.SIGNS)]
    assert sign_in(world, owner) == 200


def test_ds_05_whoever_has_a_phone_of_an_account_fills_the_log_with_so_much_and_no_more(worlds: Worlds) -> None:
    world = worlds(log=LogDesk(LOG, INDEXES))
    owner = world.enrolled("her phone", "carol@example.com", index=3)
    others = world.enrolled("another owner", "bob@example.com", words=NEW_WORDS)
    allowed = world.deployment.rules.authority_changes_per_day
    statuses = [owner.rebind_line(line).decided.status for line in [LINE, OTHER_LINE] * allowed]
    changed, slowed = statuses.count(200), statuses.count(429)
    assert 0 < changed <= allowed
    assert changed + slowed == len(statuses)
    # What policy refuses is recorded, too: a new phone may not remove an older one.
    old = world.enrolled()
    newcomer, elder = second_phone(world, old), old.thumbprint
    refused = [newcomer.revoke(elder).decided.status for _ in range(110)]
    assert (refused.count(403), refused.count(429)) == (100, 10)
    while world.run(give_positions(world.deployment.store)):
        pass
    desk = LogDesk(LOG, INDEXES)
    while world.run(grow(world.deployment.store, desk, world.deployment.entropy)):
        pass
    state = world.run(world.deployment.store.book.state())
    assert state is not None
    assert state.size < 3 + 2 * allowed + 100 + 10
    # Nobody else is slowed down, and the next day the owner goes on.
    assert others.rebind_line(OTHER_LINE).decided.status == 200
    world.clock.advance(2 * DAY)
    assert newcomer.revoke(elder).decided.status == 403
