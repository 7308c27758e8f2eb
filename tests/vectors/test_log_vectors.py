"""vectors/log.json: every log has these roots, and every verifier takes these proofs and no others."""

from __future__ import annotations

import base64
from typing import Literal

import msgspec
import pytest

from pteri.core.errors import Code, ProtocolError
from pteri.core.log.checking import verify_consistency, verify_inclusion
from pteri.core.log.checkpoint import open_checkpoint
from pteri.core.log.leaf import encode_leaf, parse_leaf
from pteri.core.log.note import parse_verifier
from pteri.core.log.tree import TreeHead
from pteri.core.log.witness import Quorum, verify_witnesses
from vectors import make_log


class Case(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    path: list[str]

    def steps(self) -> list[bytes]:
        return [bytes.fromhex(step) for step in self.path]


class InclusionCase(Case, forbid_unknown_fields=True, kw_only=True):
    leaf: str
    index: int
    size: int
    root: str


class ConsistencyCase(Case, forbid_unknown_fields=True, kw_only=True):
    old_size: int
    old_root: str
    new_size: int
    new_root: str


class Root(msgspec.Struct, forbid_unknown_fields=True):
    size: int
    root: str


class CheckpointCase(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    note: str
    needed: int
    size: int | None = None
    root: str | None = None


class LeafCase(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    expect: Literal["accept", "reject"]
    why: str
    code: Code | None = None
    leaf: str


class Vectors(msgspec.Struct, forbid_unknown_fields=True):
    format: Literal["pteri-log-vectors-1"]
    note: str
    roots: list[Root]
    inclusion: list[InclusionCase]
    consistency: list[ConsistencyCase]
    log: str
    witnesses: list[str]
    at: int
    checkpoints: list[CheckpointCase]
    leaves: list[LeafCase]


VECTORS = msgspec.json.decode(make_log.FILE.read_bytes(), type=Vectors)


def why(case: Case | CheckpointCase | LeafCase) -> str:
    return case.why


def test_the_file_is_what_the_program_writes() -> None:
    assert make_log.FILE.read_text(encoding="utf-8") == make_log.content()


@pytest.mark.parametrize("kind", ["inclusion", "consistency", "checkpoints", "leaves"])
def test_more_is_refused_than_accepted(kind: str) -> None:
    cases: list[Case] = getattr(VECTORS, kind)
    assert sum(case.expect == "reject" for case in cases) > sum(case.expect == "accept" for case in cases)


@pytest.mark.parametrize("root", VECTORS.roots, ids=lambda root: str(root.size))
def test_a_tree_of_this_size_has_this_root(root: Root) -> None:
    assert make_log.TREE.heads[root.size] == TreeHead(root.size, bytes.fromhex(root.root))


@pytest.mark.parametrize("case", VECTORS.inclusion, ids=why)
def test_a_leaf_is_in_the_log_or_not_as_it_says(case: InclusionCase) -> None:
    head = TreeHead(case.size, bytes.fromhex(case.root))

    def verify() -> TreeHead:
        return verify_inclusion(bytes.fromhex(case.leaf), case.steps(), expected_index=case.index, expected_head=head)

    if case.expect == "accept":
        assert verify() == head
        return
    with pytest.raises(ProtocolError) as refused:
        verify()
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", VECTORS.consistency, ids=why)
def test_a_log_grew_or_was_rewritten_as_it_says(case: ConsistencyCase) -> None:
    old = TreeHead(case.old_size, bytes.fromhex(case.old_root))
    new = TreeHead(case.new_size, bytes.fromhex(case.new_root))

    if case.expect == "accept":
        assert verify_consistency(case.steps(), expected_old=old, expected_new=new) == new
        return
    with pytest.raises(ProtocolError) as refused:
        verify_consistency(case.steps(), expected_old=old, expected_new=new)
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", VECTORS.checkpoints, ids=why)
def test_a_checkpoint_is_believed_or_not_as_it_says(case: CheckpointCase) -> None:
    log = parse_verifier(VECTORS.log)
    raw = base64.b64decode(case.note)

    def open_it() -> TreeHead:
        checkpoint = open_checkpoint(raw, expected_log=log)
        if case.needed:
            quorum = Quorum.of(case.needed, [parse_verifier(text) for text in VECTORS.witnesses])
            verify_witnesses(checkpoint, expected_quorum=quorum, at=VECTORS.at)
        return checkpoint.head

    if case.expect == "accept":
        assert case.size is not None
        assert case.root is not None
        assert open_it() == TreeHead(case.size, bytes.fromhex(case.root))
        return
    with pytest.raises(ProtocolError) as refused:
        open_it()
    assert refused.value.code is case.code


@pytest.mark.parametrize("case", VECTORS.leaves, ids=why)
def test_a_leaf_is_read_or_refused_as_it_says(case: LeafCase) -> None:
    raw = bytes.fromhex(case.leaf)
    if case.expect == "accept":
        assert encode_leaf(parse_leaf(raw)) == raw
        return
    with pytest.raises(ProtocolError) as refused:
        parse_leaf(raw)
    assert refused.value.code is case.code
