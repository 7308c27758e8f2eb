"""Statements and all the other texts of core: one spelling, and no exception but ours, whatever comes in."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from pteri.core import ids
from pteri.core.acts import ACTS, ALL_PHONES, SAME_WALLET
from pteri.core.errors import Malformed
from pteri.core.guardians import MAX_GUARDIANS, Guardians
from pteri.core.resources import act_from_resources, resources_of
from pteri.core.statement import Statement, after_block, looks_like_statement, parse
from statements import ADDRESS, BLOCK, DEVICE, EXAMPLES, LINE, NEW_DEVICE, statement

few = settings(max_examples=200, deadline=None)
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TEXTS = [statement(act).encode() for act in EXAMPLES.values()]
TEXTS += [after_block(statement(act), BLOCK).encode() for act in EXAMPLES.values()]

digests = st.binary(min_size=32, max_size=32).map(ids.digest_text)
numbers = st.integers(0, 2**53 - 1) | st.sampled_from([0, 1, 2**53 - 1])
addresses = st.text("Lltc1qpzry9x8gf2tvdw0s3jn54khce6mua7", min_size=26, max_size=64)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
guardians = st.sets(addresses, min_size=2, max_size=MAX_GUARDIANS).flatmap(
    lambda wallets: st.builds(Guardians, st.integers(2, len(wallets)), st.just(tuple(sorted(wallets))))
)
GOOD_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "account": st.text(CROCKFORD, min_size=12, max_size=26).map("acct_".__add__),
    "esim": st.none() | digests,
    "epoch": numbers,
    "code": st.from_regex(r"[0-9]{2}", fullmatch=True).filter(str.isascii),
    "revoke_old": st.booleans(),
    "evidence": st.sets(st.sampled_from("ACDGW"), min_size=1).map(lambda letters: tuple(sorted(letters))),
    "lost": st.none() | st.tuples(digests),
    "new_wallet": st.just(SAME_WALLET) | addresses,
    "chain_end": st.none() | digests,
    "length": numbers,
    "start": numbers,
    "step": numbers,
    "until": numbers,
    "guardians": st.none() | guardians,
    "codes": st.none() | digests,
    "channels": st.sets(digests, max_size=4).map(lambda found: tuple(sorted(found))),
}
GOOD_FRAME: dict[str, st.SearchStrategy[Any]] = {
    # Five long labels make one character too many.
    "domain": st.lists(labels, min_size=1, max_size=5).map(".".join).filter(lambda host: len(host) <= 63),
    "address": addresses,
    "chain": st.binary(min_size=16, max_size=16).map(lambda raw: f"bip122:{raw.hex()}"),
    "nonce": st.text(CROCKFORD, min_size=32, max_size=32),
    "issued_at": st.integers(0, 253_402_300_799),
    "expires_at": st.integers(0, 253_402_300_799),
    "request_id": st.text(CROCKFORD, min_size=12, max_size=26).map("mig_".__add__),
    "block": st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex),
}
# Texts that are nearly right, foreign to the grammar, or of another type.
edges = st.sampled_from(
    [DEVICE, NEW_DEVICE, LINE, ADDRESS, ALL_PHONES, SAME_WALLET, "none", "yes", "no", "0", "7", "00", "acct_", "W"]
)
strings = st.text(max_size=70) | edges | edges.map(lambda text: text + "\n") | edges.map(lambda text: f"{text},{text}")
anything = st.one_of(
    strings,
    st.integers(),
    st.integers(-(10**5000), 10**5000),
    st.booleans(),
    st.none(),
    st.floats(),
    st.binary(max_size=8),
    st.lists(strings, max_size=3),
    st.lists(strings, max_size=3).map(tuple),
)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    kind = ACTS[draw(st.sampled_from(sorted(ACTS)))]
    act = kind(**{name: draw(GOOD_FIELDS.get(name, digests)) for name in kind.__struct_fields__})
    frame = {name: draw(values) for name, values in GOOD_FRAME.items()}
    block = frame.pop("block")
    return after_block(Statement(**frame, act=act), block)


@few
@given(statements())
def test_what_is_written_is_read_back_and_written_the_same(said: Statement) -> None:
    text = said.encode()
    assert parse(text) == said
    assert parse(text).encode() == text
    assert len(text) <= 1024
    assert looks_like_statement(text)


@few
@given(statements())
def test_a_statement_is_the_same_after_a_journey_through_json(said: Statement) -> None:
    assert msgspec.json.decode(msgspec.json.encode(said), type=Statement).encode() == said.encode()


@few
@given(st.binary(max_size=1100) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_a_statement_or_malformed(raw: bytes) -> None:
    try:
        said = parse(raw)
    except Malformed:
        return
    assert said.encode() == raw


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A statement with up to four small changes: bytes put in, left out, swapped or taken from another one."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 60)))
        other = draw(st.sampled_from(TEXTS))
        source = draw(st.integers(0, len(other)))
        put_in = draw(
            st.one_of(
                st.binary(max_size=4),
                st.sampled_from(
                    [
                        b"",
                        b"\n",
                        b"\r\n",
                        b" ",
                        b"0",
                        b"\x00",
                        b"\xef\xbb\xbf",
                        b"\nNonce: ",
                        b"\n- pteri:",
                        b"\n- pteri:block:",
                    ]
                ),
                st.just(other[source : source + end - start]),
                st.just(text[start:end] * 2),
                st.just(text[start:end].swapcase()),
            )
        )
        text = text[:start] + put_in + text[end:]
    return text


@few
@given(mutated())
def test_no_mutation_reads_as_something_that_is_written_otherwise(raw: bytes) -> None:
    try:
        said = parse(raw)
    except Malformed:
        return
    assert said.encode() == raw


@few
@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_a_field_of_any_value_is_read_back_equal_or_malformed(name: str, data: st.DataObject) -> None:
    act = EXAMPLES[name]
    fields = data.draw(st.sets(st.sampled_from(act.__struct_fields__), min_size=1, max_size=3))
    changed = msgspec.structs.replace(act, **{field: data.draw(anything) for field in sorted(fields)})
    said = statement(changed)
    try:
        text = said.encode()
    except Malformed:
        return
    back = parse(text)
    assert back == said
    assert [type(getattr(back.act, field)) for field in fields] == [type(getattr(changed, field)) for field in fields]


@few
@given(st.sampled_from(sorted(GOOD_FRAME)), anything)
def test_a_frame_of_any_value_is_read_back_equal_or_malformed(field: str, value: object) -> None:
    said = msgspec.structs.replace(statement(EXAMPLES["remove a phone"]), **{field: value})
    try:
        text = said.encode()
    except Malformed:
        return
    assert parse(text) == said


@few
@given(statements(), statements())
def test_two_statements_with_the_same_bytes_are_the_same(one: Statement, other: Statement) -> None:
    assert (one.encode() == other.encode()) is (one == other)


@few
@given(st.sampled_from([*sorted(ACTS), "transfer", ""]), st.lists(strings, max_size=9))
def test_any_lines_are_an_act_or_malformed(purpose: str, lines: list[str]) -> None:
    try:
        act = act_from_resources(purpose, lines)
    except Malformed:
        return
    assert resources_of(act) == lines


@few
@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_lines_with_any_value_are_an_act_of_that_spelling_or_malformed(name: str, data: st.DataObject) -> None:
    lines = resources_of(EXAMPLES[name])
    place = data.draw(st.integers(0, len(lines) - 1))
    key = ":".join(lines[place].split(":")[:2])
    lines[place] = f"{key}:{data.draw(strings)}"
    try:
        act = act_from_resources(EXAMPLES[name].purpose, lines)
    except Malformed:
        return
    assert resources_of(act) == lines


@few
@given(st.binary(max_size=300))
def test_looking_at_any_bytes_raises_nothing(raw: bytes) -> None:
    assert isinstance(looks_like_statement(raw), bool)
