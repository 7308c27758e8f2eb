"""The whole proof of an anchor, and the public functions that an auditor calls."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchors import CHANGE, REGTEST_BITS, anchor_transaction, mined, proof, scrypt_of, transaction
from pteri.audit import (
    AnchoredAt,
    AuditError,
    DoesNotHold,
    Unreadable,
    verify_anchor,
    verify_consistency,
    verify_inclusion,
)
from pteri.core.anchor.headers import parse_header, target_of
from pteri.core.anchor.proof import Block, beginning_after, read_anchor_proof, verify_anchor_proof
from pteri.core.anchor.transaction import payload
from pteri.core.log.proving import consistency_proof, inclusion_proof
from pteri.core.log.tree import TreeHead
from trees import grown, leaf

GOOD = proof()
KNOWN = {"checkpoint_height": 1000, "checkpoint_hash": GOOD["checkpoint"]["hash"]}
TREE = grown(9)


def verify(fields: Any, *, network: Any = "regtest", min_confirmations: Any = 6, **known: Any) -> AnchoredAt:
    return verify_anchor(fields, network=network, min_confirmations=min_confirmations, **(KNOWN | known))


def changed(**fields: Any) -> dict[str, Any]:
    return copy.deepcopy(GOOD) | fields


def refused(code: str, kind: type[AuditError] = AuditError) -> pytest.RaisesExc[AuditError]:
    return pytest.raises(kind, check=lambda error: error.code == code)


def test_a_proof_that_holds_says_when_the_leaf_was_there() -> None:
    found = verify(GOOD)
    assert (found.height, found.confirmations, found.work) == (1002, 6, 12)
    assert (found.leaf_index, found.tree_size, found.tree_root) == (2, 5, GOOD["tree_root"])
    assert found.block == GOOD["block_hash"]


def test_remarks_prove_nothing_and_harm_nothing() -> None:
    assert verify(changed(note="an anchor", expect={"time": 0})) == verify(GOOD)


def test_a_document_beside_the_leaf_is_the_one_that_was_hashed() -> None:
    for document in ("another", None, 5, "\ud800"):
        with refused("NOT_INCLUDED", DoesNotHold):
            verify(changed(document=document))


def test_a_block_without_others_before_it_can_be_anchored_in() -> None:
    alone = proof(size=1, index=0, transactions=1, position=0, after=1)
    assert verify(alone, min_confirmations=1).confirmations == 1


@pytest.mark.parametrize("field", sorted(GOOD))
def test_every_field_must_be_there_and_of_its_type(field: str) -> None:
    missing = changed()
    del missing[field]
    with refused("ANCHOR", Unreadable):
        verify(missing)
    for value in (None, True, -1, 1.5, "", "zz", "ABCD" * 16, b"", [None], {"height": 0}, "0x" + "0" * 62):
        with pytest.raises(AuditError):
            verify(changed(**{field: value}))


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("NOT_INCLUDED", {"leaf_data": leaf(3).hex()}),
        ("MERKLE_PATH", {"tree_size": 9}),
        ("PAYLOAD", {"op_return_payload": payload(TREE.heads[6]).hex()}),
        ("PAYLOAD", {"op_return_payload": payload(TreeHead(6, TREE.heads[5].root)).hex()}),
        ("PAYLOAD", {"tx": anchor_transaction(TREE.heads[6]).hex()}),
        ("PAYLOAD", {"tx": transaction([CHANGE, CHANGE, CHANGE]).hex()}),
        ("TRANSACTION", {"txid": "00" * 32}),
        ("TRANSACTION", {"tx": GOOD["tx"].replace("00093d00", "01093d00")}),
        ("MERKLE_BRANCH", {"tx_pos": 2}),
        ("MERKLE_BRANCH", {"tx_pos": 11}),
        ("MERKLE_BRANCH", {"block_tx_count": 9}),
        ("MERKLE_BRANCH", {"branch": GOOD["branch"][1:]}),
        ("MERKLE_BRANCH", {"header_index": 2}),
        ("MERKLE_BRANCH", {"merkle_root_displayed": "00" * 32}),
        ("BLOCK_LINK", {"block_hash": "00" * 32}),
        ("BLOCK_LINK", {"block_height": 1003}),
        ("BLOCK_LINK", {"checkpoint": {"height": 999, "hash": GOOD["checkpoint"]["hash"]}}),
        ("BLOCK_LINK", {"checkpoint": {"height": 1000, "hash": "00" * 32}}),
        ("BLOCK_LINK", {"headers": GOOD["headers"][1:]}),
        ("ANCHOR", {"header_index": 7}),
        ("ANCHOR", {"headers": []}),
        ("CONFIRMATIONS", {"headers": GOOD["headers"][:-1]}),
    ],
    ids=str,
)
def test_what_was_changed_is_named(code: str, change: dict[str, Any]) -> None:
    with refused(code):
        verify(changed(**change))


@pytest.mark.parametrize("fields", [None, [], "proof", [("tx", "")], {}, {"checkpoint": []}], ids=repr)
def test_what_is_no_proof_at_all_is_refused(fields: Any) -> None:
    with refused("ANCHOR", Unreadable):
        verify(fields)


def test_the_size_is_anchored_with_the_root() -> None:
    """One path fits trees of several sizes: with the root alone, a leaf could be shown in a tree that never was."""
    first = proof(size=3, index=0)
    assert verify(first)
    with refused("PAYLOAD"):
        verify(first | {"tree_size": 4})


def test_the_work_of_every_header_is_checked_also_before_the_block() -> None:
    for place in (0, 1, 6):
        headers = [*GOOD["headers"]]
        lazy = without_work(headers[place])
        headers[place] = lazy
        with pytest.raises(AuditError):
            verify(changed(headers=headers))
    # The first header links to the known block whatever its nonce is, and the next one is mined on it for real.
    lazy = without_work(GOOD["headers"][0])
    built = proof_on(lazy)
    with refused("WORK"):
        verify(built)


def without_work(raw: str) -> str:
    """The same header with the first number that does not meet the target."""
    for nonce in range(1000):
        other = bytes.fromhex(raw)[:-4] + nonce.to_bytes(4, "little")
        if scrypt_of(other) > target_of(REGTEST_BITS):
            return other.hex()
    raise AssertionError("every second one is")


def proof_on(first: str) -> dict[str, Any]:
    header = parse_header(bytes.fromhex(first))
    anchor = mined(header.id, bytes.fromhex(GOOD["merkle_root_displayed"])[::-1])
    headers = [header, anchor]
    while len(headers) < 7:
        headers.append(mined(headers[-1].id, bytes(32)))
    return changed(headers=[each.raw.hex() for each in headers], block_hash=anchor.shown_id)


def test_the_known_block_is_the_verifiers() -> None:
    with refused("BLOCK_LINK"):
        verify(GOOD, checkpoint_height=999)
    with refused("BLOCK_LINK"):
        verify(GOOD, checkpoint_hash="00" * 32)
    wrong: list[tuple[Any, Any]] = [
        (None, "00" * 32),
        (1000, None),
        (-1, "00" * 32),
        (True, "00" * 32),
        (1000, "AB" * 32),
    ]
    for height, shown in wrong:
        with refused("ANCHOR", Unreadable):
            verify(GOOD, checkpoint_height=height, checkpoint_hash=shown)


def test_whoever_knows_a_later_block_needs_no_headers_before_it() -> None:
    proof_read = read_anchor_proof(GOOD)
    between = Block(1001, proof_read.headers[0].shown_id)
    later = beginning_after(proof_read, between)
    assert (later.checkpoint, later.headers, later.header_index) == (between, proof_read.headers[1:], 0)
    found = verify_anchor_proof(
        later, expected_network="regtest", expected_checkpoint=between, expected_confirmations=6
    )
    assert (found.height, found.confirmations) == (1002, 6)
    # The block that it begins after already, one from before, the anchor's own, and one of another name.
    own = Block(1002, proof_read.headers[1].shown_id)
    for known in (proof_read.checkpoint, Block(999, between.shown_id), own, Block(1001, "00" * 32)):
        assert beginning_after(proof_read, known) is proof_read
    far = msgspec.structs.replace(proof_read, header_index=50)
    assert beginning_after(far, Block(1040, between.shown_id)) is far


def test_a_proof_of_regtest_is_none_of_another_network() -> None:
    for network in ("main", "test"):
        with refused("WORK"):
            verify(GOOD, network=network)
    others: list[Any] = ["bitcoin", None, [], {}]
    for network in others:
        with refused("NETWORK", Unreadable):
            verify(GOOD, network=network)


@pytest.mark.parametrize("confirmations", [0, -1, True, None, "6", 1.0])
def test_confirmations_are_one_or_more(confirmations: Any) -> None:
    with refused("CONFIRMATIONS", Unreadable):
        verify(GOOD, min_confirmations=confirmations)


def test_the_tree_is_verified_by_the_same_rules() -> None:
    head = TREE.heads[9]
    path = inclusion_proof(4, 9, TREE.read)
    assert verify_inclusion(leaf(4), path, index=4, size=9, root=head.root) == head
    grew = consistency_proof(5, 9, TREE.read)
    old = TREE.heads[5]
    sizes = {"old_size": 5, "old_root": old.root, "new_size": 9, "new_root": head.root}
    assert verify_consistency(grew, **sizes) == TreeHead(9, head.root)  # type: ignore[arg-type]  # two types in one
    with refused("NOT_INCLUDED", DoesNotHold):
        verify_inclusion(leaf(5), path, index=4, size=9, root=head.root)
    with refused("NOT_CONSISTENT", DoesNotHold):
        verify_consistency(grew, **(sizes | {"new_root": old.root}))  # type: ignore[arg-type]  # the same


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=70)
    | st.binary(max_size=40)
    | st.sampled_from([1000, 2**64, KNOWN["checkpoint_hash"], "regtest", "main", GOOD["tx"]]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(GOOD)), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(anything, anything, anything, anything, anything)
def test_garbage_of_any_type_is_refused_and_nothing_else(
    first: Any, second: Any, third: Any, fourth: Any, fifth: Any
) -> None:
    for attempt in (
        lambda: verify_anchor(
            first, network=second, checkpoint_height=third, checkpoint_hash=fourth, min_confirmations=fifth
        ),
        lambda: verify_inclusion(first, second, index=third, size=fourth, root=fifth),
        lambda: verify_consistency(first, old_size=second, old_root=third, new_size=fourth, new_root=fifth),
    ):
        with pytest.raises(AuditError) as refusal:
            attempt()
        assert refusal.value.code.isupper()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(GOOD)), anything)
def test_garbage_in_one_field_is_refused_and_nothing_else(field: str, value: Any) -> None:
    if value == GOOD[field]:
        return
    with pytest.raises(AuditError):
        verify(changed(**{field: value}))
