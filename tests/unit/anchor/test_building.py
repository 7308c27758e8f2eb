"""Proofs put together from their parts: an auditor reads them, and wrong parts make wrong proofs."""

from __future__ import annotations

from typing import Any

import pytest

from anchors import anchor_transaction, block_tree, branch_of, proof
from pteri.audit import AuditError, verify_anchor
from pteri.core.anchor.branch import MAX_TRANSACTIONS, block_root, branch_from
from pteri.core.anchor.building import proof_fields
from pteri.core.anchor.proof import Block, read_anchor_proof
from pteri.core.anchor.transaction import parse_transaction, virtual_bytes
from pteri.core.errors import Code, Malformed
from pteri.core.log.tree import TreeHead


def parts() -> dict[str, Any]:
    """Of a proof that holds."""
    read = read_anchor_proof(proof())
    return {
        "leaf": read.leaf,
        "leaf_index": read.leaf_index,
        "audit_path": read.audit_path,
        "head": read.head,
        "transaction": read.transaction,
        "position": read.position,
        "transactions": read.transactions,
        "branch": read.branch,
        "block": read.block,
        "checkpoint": read.checkpoint,
        "headers": [header.raw for header in read.headers],
    }


def verify(fields: dict[str, Any]) -> int:
    known = proof()["checkpoint"]
    return verify_anchor(
        fields, network="regtest", checkpoint_height=known["height"], checkpoint_hash=known["hash"]
    ).height


def test_a_proof_from_its_parts_is_the_proof_and_verifies() -> None:
    assert proof_fields(**parts()) == proof()
    assert verify(proof_fields(**parts())) == 1002


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"leaf_index": 3}, Code.NOT_INCLUDED),
        ({"leaf": b"another"}, Code.NOT_INCLUDED),
        ({"head": TreeHead(5, bytes(32))}, Code.NOT_INCLUDED),
        ({"position": 4}, Code.MERKLE_BRANCH),
        ({"block": Block(1003, "00" * 32)}, Code.MERKLE_BRANCH),
        ({"checkpoint": Block(1000, "11" * 32)}, Code.BLOCK_LINK),
        ({"headers": []}, Code.ANCHOR),
    ],
)
def test_wrong_parts_make_a_proof_that_nobody_accepts(change: dict[str, Any], code: Code) -> None:
    fields = proof_fields(**(parts() | change))
    with pytest.raises(AuditError) as refused:
        verify(fields)
    assert refused.value.code == code


def test_parts_that_can_be_no_transaction_or_branch_are_refused() -> None:
    for change in ({"transaction": b"\2" * 70}, {"branch": ()}, {"head": TreeHead(-1, bytes(32))}):
        with pytest.raises(Malformed):
            proof_fields(**(parts() | change))


@pytest.mark.parametrize("count", range(1, 20))
def test_a_branch_from_every_place_of_a_block_leads_to_its_root(count: int) -> None:
    txids = [bytes((number,)) * 32 for number in range(count)]
    rows = block_tree(txids)
    for position, txid in enumerate(txids):
        branch = branch_from(txids, position)
        assert list(branch) == branch_of(rows, position)
        assert block_root(txid, branch, position=position, count=count) == rows[-1][0]


@pytest.mark.parametrize(("count", "position"), [(0, 0), (1, 1), (3, -1), (MAX_TRANSACTIONS + 1, 0)])
def test_there_is_no_branch_from_a_place_that_a_block_has_not(count: int, position: int) -> None:
    with pytest.raises(Malformed) as refused:
        branch_from([bytes(32)] * count, position)
    assert refused.value.code is Code.MERKLE_BRANCH


def test_what_a_fee_is_measured_by_counts_the_witness_for_a_quarter() -> None:
    raw = anchor_transaction(TreeHead(5, bytes(32)))
    parsed = parse_transaction(raw)
    assert virtual_bytes(parsed, raw) == 166
    assert virtual_bytes(parsed, parsed.stripped) == len(parsed.stripped)
    assert parsed.shown_txid == parsed.txid[::-1].hex()
