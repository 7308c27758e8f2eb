"""Leaves: one form, one chain for each account, and nothing that a reader could guess a person from."""

from __future__ import annotations

import typing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaves import DEVICE, INDEX, account_leaf, chain, sha
from pteri.core.errors import Code, ProtocolError
from pteri.core.ids import Thumbprint, to_base64url
from pteri.core.log.leaf import (
    KINDS,
    LEAF_BYTES,
    NOTHING,
    Leaf,
    encode_leaf,
    parse_leaf,
    record_commitment,
    verify_account_chain,
    verify_commitment,
)
from pteri.core.log.tree import leaf_hash
from pteri.domain.events import Event

NEW_DEVICE = Thumbprint(to_base64url(sha("another phone")))


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def test_a_leaf_reads_back_as_it_was() -> None:
    raw = encode_leaf(account_leaf(1))
    assert len(raw) == LEAF_BYTES
    assert raw.startswith(b"pteri-leaf-v1\0" + INDEX)
    assert parse_leaf(raw) == account_leaf(1)


def test_every_event_has_a_number_of_its_own() -> None:
    tags = {event.__struct_config__.tag for event in typing.get_args(Event)}
    assert set(KINDS) == tags
    assert len(set(KINDS.values())) == len(KINDS)
    assert all(1 <= number <= 255 for number in KINDS.values())


def test_the_numbers_stay_as_they_were_published() -> None:
    assert (KINDS["AccountBound"], KINDS["DeviceRevoked"], KINDS["WalletRotated"]) == (1, 12, 33)
    assert KINDS["FrozenByLink"] == 40


@pytest.mark.parametrize(
    "changes",
    [
        {"index": b"short"},
        {"index": NOTHING},
        {"index": None},
        {"commitment": NOTHING},
        {"account_seq": 0},
        {"account_seq": 2},
        {"account_seq": 2**63, "previous": sha("a leaf")},
        {"account_seq": True},
        {"previous": sha("a leaf")},
        {"kind": 0},
        {"kind": 256},
        {"statement": NOTHING},
        {"wallet_signature": NOTHING},
        {"epoch": -1},
        {"epoch": 2**63},
        {"at": -1},
        {"at": 1.5},
    ],
    ids=str,
)
def test_a_leaf_that_cannot_be_is_not_written(changes: dict[str, Any]) -> None:
    with refused(Code.LEAF):
        encode_leaf(account_leaf(1, **changes))


@pytest.mark.parametrize("change", [b"", b"x" * 199, encode_leaf(account_leaf(1)) + b"\0", "x" * 199, None], ids=repr)
def test_what_is_not_a_leaf_is_refused(change: bytes) -> None:
    with refused(Code.LEAF):
        parse_leaf(change)


def test_an_event_that_nobody_signed_has_neither_statement_nor_signature() -> None:
    leaf = account_leaf(1, statement=NOTHING, wallet_signature=NOTHING)
    assert parse_leaf(encode_leaf(leaf)) == leaf


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=LEAF_BYTES, max_size=LEAF_BYTES) | st.binary(min_size=185, max_size=185))
def test_whatever_comes_in_a_leaf_reads_back_as_it_was_or_is_refused(raw: bytes) -> None:
    for attempt in (raw, b"pteri-leaf-v1\0" + raw[-185:]):
        try:
            leaf = parse_leaf(attempt)
        except ProtocolError:
            continue
        assert encode_leaf(leaf) == attempt


def test_the_leaves_of_an_account_follow_each_other() -> None:
    leaves = chain(5)
    assert verify_account_chain(leaves, expected_index=INDEX) == parse_leaf(leaves[-1])
    assert verify_account_chain(leaves[:1], expected_index=INDEX).account_seq == 1


def rewritten(leaves: list[bytes], place: int, **changes: object) -> list[bytes]:
    leaf = account_leaf(place + 1, parse_leaf(leaves[place]).previous, **changes)
    return [*leaves[:place], encode_leaf(leaf), *leaves[place + 1 :]]


@pytest.mark.parametrize(
    ("why", "leaves"),
    [
        ("one is missing", chain(5)[:2] + chain(5)[3:]),
        ("the first is missing", chain(5)[1:]),
        ("two changed places", [chain(3)[0], chain(3)[2], chain(3)[1]]),
        ("one is there twice", [*chain(3), chain(3)[2]]),
        ("one was rewritten", rewritten(chain(5), 2, at=1)),
        ("one has the number after its own", rewritten(chain(3), 2, account_seq=4)),
        ("one is of another account", rewritten(chain(3), 2, index=sha("another"))),
        ("one is of an earlier epoch", rewritten(chain(3), 2, epoch=0)),
    ],
)
def test_leaves_that_do_not_follow_each_other_are_refused(why: str, leaves: list[bytes]) -> None:
    with refused(Code.LEAF):
        verify_account_chain(leaves, expected_index=INDEX)


def test_an_account_without_leaves_is_none() -> None:
    with refused(Code.LEAF):
        verify_account_chain([], expected_index=INDEX)


def test_a_leaf_commits_to_its_phone_and_record() -> None:
    leaf = account_leaf(3, leaf_hash(b""))
    terms = {"salt": sha("salt 3"), "expected_device": DEVICE, "expected_record": sha("record 3")}
    assert verify_commitment(leaf, **terms) is leaf  # type: ignore[arg-type]  # one dict of three kinds
    for change in (
        {"salt": sha("salt 4")},
        {"expected_device": NEW_DEVICE},
        {"expected_device": None},
        {"expected_record": sha("record 4")},
    ):
        with refused(Code.LEAF):
            verify_commitment(leaf, **(terms | change))
    for salt, record in ((b"short", sha("record")), (sha("salt"), b"short")):
        with refused(Code.LENGTH):
            record_commitment(salt=salt, device=None, record=record)
    assert record_commitment(salt=sha("s"), device=None, record=sha("r")) != leaf.commitment


def test_a_leaf_can_be_of_a_kind_that_this_program_does_not_know() -> None:
    """A monitor that is a release behind still reads the log."""
    assert parse_leaf(encode_leaf(account_leaf(1, kind=200))).kind == 200
    assert isinstance(account_leaf(1), Leaf)
