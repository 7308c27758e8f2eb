"""The transaction of an anchor: read byte by byte, with one id and one meaning."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anchors import CHANGE, SPENT, WITNESS, anchor_transaction, output, stripped, transaction, varint
from pteri.core.anchor.transaction import anchored_head, parse_payload, parse_transaction, payload, payload_script
from pteri.core.errors import Code, ProtocolError
from pteri.core.keys.hashes import double_sha256
from pteri.core.log.tree import EMPTY_ROOT, TreeHead

HEAD = TreeHead(7, hashlib.sha256(b"a root").digest())
SAYS = output(payload_script(payload(HEAD)))
GOOD = anchor_transaction(HEAD)


def refused(code: Code) -> pytest.RaisesExc[ProtocolError]:
    return pytest.raises(ProtocolError, check=lambda error: error.code is code)


def test_a_payload_is_45_bytes_and_says_size_and_root() -> None:
    raw = payload(HEAD)
    assert raw == b"PTER\1" + (7).to_bytes(8, "big") + HEAD.root
    assert parse_payload(raw) == HEAD


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", Code.PAYLOAD),
        (payload(HEAD)[:-1], Code.PAYLOAD),
        (payload(HEAD) + b"\0", Code.PAYLOAD),
        (b"PTER\2" + payload(HEAD)[5:], Code.PAYLOAD),
        (b"pter\1" + payload(HEAD)[5:], Code.PAYLOAD),
        (payload(HEAD)[:5] + b"\xff" * 8 + HEAD.root, Code.TREE),
        (payload(HEAD)[:5] + bytes(8) + HEAD.root, Code.TREE),
    ],
)
def test_what_is_no_payload_is_refused(raw: bytes, code: Code) -> None:
    with refused(code):
        parse_payload(raw)


def test_an_empty_tree_can_be_anchored() -> None:
    head = TreeHead(0, EMPTY_ROOT)
    assert anchored_head(parse_transaction(anchor_transaction(head))) == head


def test_the_id_is_that_of_the_bytes_without_the_witness() -> None:
    plain = transaction([SAYS, CHANGE], witness=None)
    assert stripped(GOOD) == plain
    assert parse_transaction(GOOD).txid == parse_transaction(plain).txid == double_sha256(plain)
    assert [out.value for out in parse_transaction(GOOD).outputs] == [0, 4_000_000]


def test_a_transaction_with_many_inputs_is_read() -> None:
    raw = transaction([SAYS, CHANGE], inputs=[SPENT] * 300, witness=WITNESS * 300)
    assert anchored_head(parse_transaction(raw)) == HEAD


@pytest.mark.parametrize(
    ("why", "raw"),
    [
        ("nothing", b""),
        ("too long", transaction([SAYS] + [CHANGE] * 4000)),
        ("cut", GOOD[:-1]),
        ("a byte too many", GOOD + b"\0"),
        ("no inputs", transaction([SAYS, CHANGE], inputs=[], witness=None)),
        ("no outputs", transaction([], inputs=[SPENT, SPENT], witness=WITNESS * 2)),
        ("of the extension block", transaction([SAYS, CHANGE], mark=b"\0\x08")),
        ("with a witness and an extension block", transaction([SAYS, CHANGE], mark=b"\0\x09")),
        ("with flag zero", transaction([SAYS, CHANGE], mark=b"\0\0")),
        ("marked as having a witness, and with empty ones", transaction([SAYS, CHANGE], witness=b"\0")),
        ("a witness for one of two inputs", transaction([SAYS, CHANGE], inputs=[SPENT, SPENT], witness=WITNESS)),
        ("a number that could be shorter", GOOD.replace(b"\0\1\1", b"\0\1\xfd\1\0", 1)),
        ("more money than there is", transaction([SAYS, output(b"", 84 * 10**14 + 1)])),
        ("a script beyond the end", transaction([SAYS[:8] + varint(0xFFFF) + SAYS[9:], CHANGE])),
        (
            "as many outputs as there are bytes in the world",
            GOOD.replace(b"\xfe\xff\xff\xff\2", b"\xfe\xff\xff\xff\xff" + b"\xff" * 8, 1),
        ),
    ],
)
def test_what_is_no_transaction_of_an_anchor_is_refused(why: str, raw: bytes) -> None:
    with refused(Code.TRANSACTION):
        parse_transaction(raw)


def test_every_shortest_number_has_its_limit() -> None:
    for short, long in ((b"\xfc", b"\xfd\xfc\0"), (varint(0xFFFF), b"\xfe\xff\xff\0\0")):
        assert short != long
        script = output(b"\x51" * 3)
        raw = transaction([SAYS, script[:8] + long + script[9:]])
        with refused(Code.TRANSACTION):
            parse_transaction(raw)
    wide = transaction([SAYS, CHANGE, output(b"\x51" * 0xFD), output(b"\x52" * 0xFFFF)])
    assert len(parse_transaction(wide).outputs[3].script) == 0xFFFF
    assert parse_transaction(transaction([SAYS, output(b"\x51" * 70_000)])).outputs[1].script == b"\x51" * 70_000


def test_a_transaction_of_64_bytes_could_be_a_node_and_is_refused() -> None:
    raw = transaction([output(b"\x51" * 4)], witness=None)
    assert len(raw) == 64
    with refused(Code.TRANSACTION):
        parse_transaction(raw)
    longer = transaction([output(b"\x51" * 5)], witness=None)
    assert parse_transaction(longer).txid == double_sha256(longer)
    # Also where the witness hides its length.
    with refused(Code.TRANSACTION):
        parse_transaction(transaction([output(b"\x51" * 4)]))


@pytest.mark.parametrize(
    ("why", "outputs"),
    [
        ("none", [CHANGE]),
        ("two", [SAYS, SAYS]),
        ("one and a remark", [SAYS, output(b"\x6a\2hi")]),
        ("a longer push", [output(b"\x6a\x2e" + payload(HEAD) + b"\0"), CHANGE]),
        ("a push in another form", [output(b"\x6a\x4c\x2d" + payload(HEAD)), CHANGE]),
        ("something after it", [output(payload_script(payload(HEAD)) + b"\x51"), CHANGE]),
        ("a shorter push", [output(b"\x6a\x2c" + payload(HEAD)[:-1]), CHANGE]),
        ("another length than it says", [output(b"\x6a\x2c" + payload(HEAD)), CHANGE]),
        ("in a script that can be spent", [output(b"\x2d" + payload(HEAD) + b"\x75\x51"), CHANGE]),
    ],
)
def test_a_transaction_anchors_one_tree_in_one_form(why: str, outputs: list[bytes]) -> None:
    with refused(Code.PAYLOAD):
        anchored_head(parse_transaction(transaction(outputs)))


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=60, max_size=300), st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_whatever_comes_in_is_read_or_refused(noise: bytes, place: int, change: int) -> None:
    changed = GOOD[:place] + bytes((GOOD[place] ^ change,)) + GOOD[place + 1 :]
    for raw in (noise, b"\2\0\0\0\0\1" + noise, changed):
        try:
            found = parse_transaction(raw)
        except ProtocolError:
            continue
        assert len(found.txid) == 32
