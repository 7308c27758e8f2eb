"""Writes vectors/log.json: roots, proofs, and what must not pass for one.

PYTHONPATH=src:tests python tests/vectors/make_log.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pteri.core.errors import Code
from pteri.core.log.proving import consistency_proof, inclusion_proof
from pteri.core.log.tree import EMPTY_ROOT
from trees import Grown, grown, leaf, root_by_definition
from vectors.cases import Case, accept, reject

FILE = Path(__file__).parents[2] / "vectors" / "log.json"
NOTE = (
    "The tree of the log (docs/spec/log.md, RFC 9162). Leaf n is the text 'leaf n'. 'roots' are those of the first so "
    "many leaves. Each case of 'inclusion' says that 'leaf' (hex) is at 'index' of the tree of 'size' with 'root', "
    "each of 'consistency' that the tree of 'new_size' begins with that of 'old_size'; paths from below, hex. It is "
    "accepted, or refused with 'code'."
)
SIZES = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100)
TREE = grown(100)


def roots() -> list[dict[str, Any]]:
    return [
        {"size": size, "root": root_by_definition([leaf(number) for number in range(size)]).hex()} for size in SIZES
    ]


def _included(index: int, size: int, /, **changes: Any) -> dict[str, Any]:
    whole = {
        "leaf": leaf(index).hex(),
        "index": index,
        "size": size,
        "root": TREE.heads[size].root.hex(),
        "path": [step.hex() for step in inclusion_proof(index, size, TREE.read)],
    }
    return whole | changes


def inclusion() -> list[Case]:
    good = _included(37, 100)
    path = good["path"]
    left, right = TREE.read(0, 36), TREE.read(0, 37)
    return [
        accept("the only leaf", **_included(0, 1)),
        accept("the first of many", **_included(0, 100)),
        accept("in the middle", **good),
        accept("the last, next to nothing", **_included(100 - 1, 100)),
        accept("the last of a full tree", **_included(63, 64)),
        accept("the first after a full tree", **_included(64, 100)),
        reject("another leaf", Code.NOT_INCLUDED, **_included(37, 100, leaf=leaf(38).hex())),
        reject("an empty leaf", Code.NOT_INCLUDED, **_included(37, 100, leaf="")),
        reject("the place of its sister", Code.NOT_INCLUDED, **_included(37, 100, index=36)),
        reject("the place a tree further", Code.TREE, **_included(37, 100, index=137)),
        reject("a place after the end", Code.TREE, **_included(37, 100, index=100)),
        reject("no leaf of an empty tree", Code.TREE, **_included(0, 1, size=0, root=EMPTY_ROOT.hex())),
        reject("a size with a longer path", Code.MERKLE_PATH, **_included(37, 100, size=129)),
        reject("a size with a shorter path", Code.MERKLE_PATH, **_included(37, 100, size=64)),
        reject("the root of another size", Code.NOT_INCLUDED, **_included(37, 100, root=TREE.heads[99].root.hex())),
        reject("one bit of the root", Code.NOT_INCLUDED, **_included(37, 100, root=_flipped(good["root"]))),
        reject("one bit of the lowest step", Code.NOT_INCLUDED, **good | {"path": [_flipped(path[0]), *path[1:]]}),
        reject("one bit of the highest step", Code.NOT_INCLUDED, **good | {"path": [*path[:-1], _flipped(path[-1])]}),
        reject("the steps from above", Code.NOT_INCLUDED, **good | {"path": path[::-1]}),
        reject("without its last step", Code.MERKLE_PATH, **good | {"path": path[:-1]}),
        reject("without its first step", Code.MERKLE_PATH, **good | {"path": path[1:]}),
        reject("with a step too many", Code.MERKLE_PATH, **good | {"path": [*path, path[-1]]}),
        reject("a path of one leaf", Code.MERKLE_PATH, **_included(0, 1, path=[EMPTY_ROOT.hex()])),
        reject("a step of 31 bytes", Code.TREE, **good | {"path": [path[0][:-2], *path[1:]]}),
        reject("a step of 33 bytes", Code.TREE, **good | {"path": [path[0] + "00", *path[1:]]}),
        reject(
            "an inner node as a leaf of a smaller tree",
            Code.NOT_INCLUDED,
            leaf=(left + right).hex(),
            index=18,
            size=50,
            root=good["root"],
            path=path[1:],
        ),
        reject(
            "an inner node with its own prefix as a leaf",
            Code.NOT_INCLUDED,
            leaf=(b"\1" + left + right).hex(),
            index=18,
            size=50,
            root=good["root"],
            path=path[1:],
        ),
        reject("the last leaf twice, to fill the tree", Code.MERKLE_PATH, **_included(99, 100, index=100, size=101)),
    ]


def _grew(old: int, new: int, tree: Grown = TREE, /, **changes: Any) -> dict[str, Any]:
    whole = {
        "old_size": old,
        "old_root": TREE.heads[old].root.hex(),
        "new_size": new,
        "new_root": tree.heads[new].root.hex(),
        "path": [step.hex() for step in consistency_proof(old, new, tree.read)],
    }
    return whole | changes


def consistency() -> list[Case]:
    good, full = _grew(37, 100), _grew(64, 100)
    path = good["path"]
    rewritten = Grown([leaf(number if number != 5 else 500) for number in range(100)])
    dropped = Grown([leaf(number) for number in range(1, 101)])
    swapped = Grown([leaf(number ^ 1) for number in range(100)])
    return [
        accept("from nothing", **_grew(0, 100)),
        accept("nothing new", **_grew(100, 100)),
        accept("nothing from nothing", **_grew(0, 0)),
        accept("one more", **_grew(99, 100)),
        accept("from the first leaf", **_grew(1, 100)),
        accept("from a ragged tree", **good),
        accept("from a full tree, whose root the path does not repeat", **full),
        accept("from a full tree to a full tree", **_grew(16, 64)),
        reject("a leaf was rewritten", Code.NOT_CONSISTENT, **_grew(37, 100, rewritten)),
        reject("the first leaf was dropped", Code.NOT_CONSISTENT, **_grew(37, 100, dropped)),
        reject("leaves changed places", Code.NOT_CONSISTENT, **_grew(37, 100, swapped)),
        reject("the log was cut", Code.NOT_CONSISTENT, **_grew(100, 100, new_size=99, new_root=_root(99))),
        reject("the log was emptied", Code.NOT_CONSISTENT, **_grew(0, 0, old_size=100, old_root=_root(100))),
        reject("two roots for one size", Code.NOT_CONSISTENT, **_grew(100, 100, new_root=_root(99))),
        reject("a path where nothing is new", Code.MERKLE_PATH, **_grew(100, 100, path=[_root(100)])),
        reject("a path from nothing", Code.MERKLE_PATH, **_grew(0, 100, path=[_root(100)])),
        reject("an empty tree with a root", Code.TREE, **_grew(0, 100, old_root=_root(1))),
        reject("another old root", Code.NOT_CONSISTENT, **good | {"old_root": _root(36)}),
        reject("another new root", Code.NOT_CONSISTENT, **good | {"new_root": _root(99)}),
        reject("another old root of a full tree", Code.NOT_CONSISTENT, **full | {"old_root": _root(63)}),
        reject("the path of an older size", Code.MERKLE_PATH, **good | {"path": _grew(36, 100)["path"]}),
        reject("without its last step", Code.MERKLE_PATH, **good | {"path": path[:-1]}),
        reject("without its first step", Code.MERKLE_PATH, **good | {"path": path[1:]}),
        reject("with a step too many", Code.MERKLE_PATH, **good | {"path": [*path, path[-1]]}),
        reject("a full tree that repeats its root", Code.MERKLE_PATH, **full | {"path": [_root(64), *full["path"]]}),
        reject("without a path", Code.MERKLE_PATH, **good | {"path": []}),
        reject("the steps from above", Code.NOT_CONSISTENT, **good | {"path": path[::-1]}),
        reject("one bit of a step", Code.NOT_CONSISTENT, **good | {"path": [*path[:-1], _flipped(path[-1])]}),
        reject("a step of 31 bytes", Code.TREE, **good | {"path": [path[0][:-2], *path[1:]]}),
    ]


def _root(size: int) -> str:
    return TREE.heads[size].root.hex()


def _flipped(value: str) -> str:
    return f"{int(value, 16) ^ 1:064x}"


def content() -> str:
    whole = {
        "format": "pteri-log-vectors-1",
        "note": NOTE,
        "roots": roots(),
        "inclusion": inclusion(),
        "consistency": consistency(),
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
