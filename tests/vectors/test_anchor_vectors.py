"""vectors/litecoin/anchors.json: which proofs of an anchor hold, and which must be refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pteri.audit import AuditError, verify_anchor

FILE = Path(__file__).parents[2] / "vectors" / "litecoin" / "anchors.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_bytes())
# What the program that made the file calls its refusals, and what we do.
CODES = {
    "inclusion": {"NOT_INCLUDED", "MERKLE_PATH", "TREE"},
    "OP_RETURN": {"PAYLOAD"},
    "merkle root": {"MERKLE_BRANCH"},
    "position does not fit branch length": {"MERKLE_BRANCH"},
    "broken link": {"BLOCK_LINK"},
    "proof of work": {"WORK"},
    "only 4 confirmations": {"CONFIRMATIONS"},
}


def verify(proof: dict[str, Any]) -> Any:
    checkpoint = proof["checkpoint"]
    return verify_anchor(
        proof,
        network=VECTORS["network"],
        checkpoint_height=checkpoint["height"],
        checkpoint_hash=checkpoint["hash"],
        min_confirmations=6,
    )


def test_the_file_has_as_many_cases_as_it_was_published_with() -> None:
    assert (VECTORS["format"], len(VECTORS["proofs"]), len(VECTORS["negative"])) == ("ltc-anchor-vectors/1", 9, 65)


@pytest.mark.parametrize("proof", VECTORS["proofs"], ids=lambda proof: proof["document"])
def test_a_proof_of_an_anchor_holds(proof: dict[str, Any]) -> None:
    found = verify(proof)
    shown = {"block": found.block, "time": found.time, "confirmations": found.confirmations, "work": found.work}
    assert shown == proof["expect"]
    assert (found.height, found.tree_size) == (proof["block_height"], proof["tree_size"])


@pytest.mark.parametrize("proof", VECTORS["negative"], ids=lambda proof: proof["why"])
def test_what_is_no_proof_is_refused_for_what_is_wrong(proof: dict[str, Any]) -> None:
    with pytest.raises(AuditError) as refused:
        verify(proof)
    if "document" in proof and proof["why"] == "leaf changed":
        assert refused.value.code == "NOT_INCLUDED"
    assert refused.value.code in CODES[proof["reference_error"]], refused.value
