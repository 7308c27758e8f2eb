"""One body, one reading: whatever two parsers could disagree about is refused."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from time import process_time
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pteri.core.errors import Code, Malformed
from pteri.http import strictjson

SECRET = "46416065"


class Colour(enum.StrEnum):
    RED = "red"


class Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    ratio: float = 0.0


class Tree(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    name: str
    leaf: Leaf | None = None
    leaves: list[Leaf] = []
    trees: list[Tree] = []
    counts: dict[str, int] = {}
    pair: tuple[int, str] | None = None
    colour: Colour = Colour.RED
    exact: Literal["x"] = "x"
    short: Annotated[str, msgspec.Meta(max_length=3)] = ""


def refused(body: bytes | str, **limits: int) -> Malformed:
    data = body.encode() if isinstance(body, str) else body
    with pytest.raises(Malformed) as caught:
        strictjson.decode(data, Tree, **limits)
    assert caught.value.__cause__ is None, "a cause would carry what was sent into a log"
    return caught.value


def test_the_canonical_body_and_a_spaced_one_are_read() -> None:
    tree = Tree("a", Leaf(1, 2.5), [Leaf(3)], [Tree("b")], {"k": 1}, (1, "z"))
    assert strictjson.decode(msgspec.json.encode(tree), Tree) == tree
    assert strictjson.decode(b' {"leaf": {"number": 7}, "name": "a"} ', Tree) == Tree("a", Leaf(7))


@pytest.mark.parametrize(
    "body",
    [
        '{"name":"a","name":"a"}',
        '{"name":"a","\\u006eame":"b"}',
        '{"name":"a","leaf":{"number":1,"number":2}}',
        '{"name":"a","leaves":[{"number":1},{"number":1,"number":2}]}',
        '{"name":"a","counts":{"k":1,"k":2}}',
        '{"name":"a","trees":[{"name":"b","trees":[{"name":"c","name":"c"}]}]}',
    ],
)
def test_a_field_that_comes_twice_is_refused_at_any_depth_and_in_any_spelling(body: str) -> None:
    assert refused(body).detail == "a field comes twice"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ('{"name":"a","status":"ACTIVE"}', "no such field: status"),
        ('{"name":"a","leaf":{"number":1,"epoch":99}}', "no such field: epoch"),
        ('{"name":"a","46416065":1}', "a field that does not exist"),
        ('{"name":"a","`x":1}', "a field that does not exist"),
        ('{"name":"a","a` - at `$.b":1}', "no such field: a"),
        (f'{{"name":"a","{"x" * 41}":1}}', "a field that does not exist"),
        ("{}", "missing field: $.name"),
        ('{"name":"a","leaf":{}}', "missing field: $.leaf.number"),
        ('{"name":"a","leaves":[{"number":1},{}]}', "missing field: $.leaves[1].number"),
        ("[]", "not of the expected form: $"),
        ("null", "not of the expected form: $"),
        ('{"name":null}', "not of the expected form: $.name"),
        ('{"name":"a","pair":[1]}', "not of the expected form: $.pair"),
        ('{"name":"a","leaf":{"number":1.5}}', "not of the expected form: $.leaf.number"),
        ('{"name":"a","leaf":{"number":"1"}}', "not of the expected form: $.leaf.number"),
        ('{"name":"a","leaf":{"number":1e400}}', "not of the expected form: $.leaf.number"),
        ('{"name":"a","leaf":{"number":1,"ratio":1e400}}', "not of the expected form: $.leaf.ratio"),
        ('{"name":"a","leaf":{"number":1,"ratio":-1e400}}', "not of the expected form: $.leaf.ratio"),
        ('{"name":"a","leaf":{"number":1,"ratio":"NaN"}}', "not of the expected form: $.leaf.ratio"),
        (f'{{"name":"a","leaf":{{"number":{"9" * 9000}}}}}', "not of the expected form: $.leaf.number"),
    ],
)
def test_the_refusal_names_the_field(body: str, detail: str) -> None:
    error = refused(body)
    assert (error.code, error.detail) == (Code.BODY, detail)


@pytest.mark.parametrize(
    "body",
    [
        f'{{"name":"a","colour":"{SECRET}"}}',
        f'{{"name":"a","exact":"{SECRET}"}}',
        f'{{"name":"a","exact":"{SECRET}\' - at `$.{SECRET}`"}}',
        f'{{"name":"a","short":"{SECRET}"}}',
        f'{{"name":"a","counts":{{"{SECRET}":"{SECRET}"}}}}',
        f'{{"name":"a","leaf":"{SECRET}"}}',
        f'{{"name":{SECRET}}}',
        f'{{"{SECRET}":"{SECRET}"}}',
        f'{{"name":"{SECRET}"',
        f'{{"name":"{SECRET}\\ud800"}}',
    ],
)
def test_what_was_sent_is_never_in_the_refusal(body: str) -> None:
    assert SECRET not in str(refused(body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"name":"a"}x',
        b'{"name":"a"}{}',
        b'{"name":"a",}',
        b"{'name':'a'}",
        b'{"name":"a"} // comment',
        b'{"name":"a\x00"}',
        b'{"name":"a\tb"}',
        b'{"name":"\\x41"}',
        b'{"name":"\\ud800"}',
        b'{"name":"\\udc00\\ud800"}',
        b'\xef\xbb\xbf{"name":"a"}',
        b'{"name":"a","leaf":{"number":NaN}}',
        b'{"name":"a","leaf":{"number":1,"ratio":NaN}}',
        b'{"name":"a","leaf":{"number":1,"ratio":Infinity}}',
        b'{"name":"a","leaf":{"number":1,"ratio":-Infinity}}',
        b'{"name":"a","leaf":{"number":01}}',
        b'{"name":"a","leaf":{"number":0x1}}',
        b'{"name":"a","leaf":{"number":+1}}',
        b'{"name":"a","leaf":{"number":1,"ratio":.5}}',
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    error = refused(body)
    assert (error.code, error.detail) == (Code.BODY, "the body is not JSON")


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"\xff"}',
        b'{"name":"\xc0\xaf"}',
        b'{"name":"\xed\xa0\x80"}',
        b'{"name":"\xf5\x80\x80\x80"}',
        '{"name":"é"}'.encode("latin-1"),
        '{"name":"a"}'.encode("utf-16"),
        b'{"\xff":1}',
    ],
)
def test_what_is_not_utf_8_is_refused(body: bytes) -> None:
    error = refused(body)
    assert (error.code, error.detail) == (Code.BODY, "the body is not UTF-8")


def test_the_size_is_bounded_before_anything_is_read() -> None:
    body = b'{"name":"a"}'
    assert strictjson.decode(body, Tree, max_bytes=len(body)) == Tree("a")
    assert refused(body, max_bytes=len(body) - 1).code is Code.TOO_LARGE
    assert refused(b"\xff" * (strictjson.MAX_BYTES + 1)).code is Code.TOO_LARGE


def nested(levels: int) -> bytes:
    return b'{"name":"a","trees":[' * levels + b'{"name":"a"}' + b"]}" * levels


def test_the_depth_is_bounded_at_exactly_the_limit() -> None:
    assert strictjson.decode(nested(7), Tree).name == "a"  # 7 objects, 7 arrays, one object: 15
    assert refused(nested(8)).detail == "the body is nested deeper than 16 levels"
    assert strictjson.decode(nested(8), Tree, max_depth=17).name == "a"


def test_brackets_in_strings_and_beside_each_other_are_not_depth() -> None:
    name = '[{"\\' * 200
    assert strictjson.decode(msgspec.json.encode(Tree(name)), Tree) == Tree(name)
    wide = Tree("a", leaves=[Leaf(n) for n in range(200)])
    assert strictjson.decode(msgspec.json.encode(wide), Tree) == wide


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"name":"a","trees":[' * 5000,
        b'{"a":' * 20_000,
        b'{"' + b'\\"' * 50_000,
        b'["' * 50_000,
        b"]" * 100_000,
        b'{"name":"' + b"\\" * 99_990,
        nested(3000),
        b'{"name":"a",' + b'"counts":{"k":1},' * 6000 + b'"exact":"x"}',
        b'{"name":"a","leaf":{"number":' + b"9" * 99_000 + b"}}",
    ],
)
def test_hostile_shapes_cost_little_time(body: bytes) -> None:
    before = process_time()
    refused(body, max_bytes=200_000)
    assert process_time() - before < 1  # some milliseconds; quadratic work would take minutes


@given(st.binary(max_size=64) | st.text(alphabet='{}[]":,\\ naeu06ml1.x', max_size=40).map(str.encode))
@settings(max_examples=200)
def test_no_bytes_lead_to_another_exception(body: bytes) -> None:
    try:
        strictjson.decode(body, Tree)
    except Malformed:
        return


@given(
    name=st.text(st.characters(codec="utf-8")),
    counts=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), st.integers(-(2**63), 2**63)),
    indent=st.integers(0, 2),
    escaped=st.booleans(),
)
@settings(max_examples=100)
def test_every_spelling_of_a_value_without_doubles_is_read(
    name: str, counts: dict[str, int], indent: int, escaped: bool
) -> None:
    body = json.dumps({"counts": counts, "name": name}, indent=indent, ensure_ascii=escaped)
    assert strictjson.decode(body.encode(), Tree, max_bytes=10**6) == Tree(name, counts=counts)


class Open(msgspec.Struct):
    name: str


class OpenInside(msgspec.Struct, forbid_unknown_fields=True):
    inner: list[dict[str, Open | None]]


class Untyped(msgspec.Struct, forbid_unknown_fields=True):
    value: Any


class Undecoded(msgspec.Struct, forbid_unknown_fields=True):
    value: msgspec.Raw


class Foreign(msgspec.Struct, forbid_unknown_fields=True):
    value: tuple[complex, ...]


@dataclass
class Plain:
    name: str


class Holder(msgspec.Struct, forbid_unknown_fields=True):
    value: Plain


class Typed(TypedDict):
    name: str


class TypedHolder(msgspec.Struct, forbid_unknown_fields=True):
    value: Typed


class Named(NamedTuple):
    name: str


class NamedHolder(msgspec.Struct, forbid_unknown_fields=True):
    value: Annotated[Named, msgspec.Meta(title="x", extra={"why": "metadata is looked through"})]


@pytest.mark.parametrize("type_", [Open, OpenInside, Untyped, Undecoded, Foreign, Holder, TypedHolder, NamedHolder])
def test_a_type_that_is_not_closed_is_our_bug(type_: type[msgspec.Struct]) -> None:
    with pytest.raises(TypeError):
        strictjson.decode(b"{}", type_)
