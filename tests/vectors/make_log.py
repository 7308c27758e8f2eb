"""Writes vectors/log.json: roots, proofs, and what must not pass for one.

PYTHONPATH=src:tests python tests/vectors/make_log.py
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from leaves import account_leaf, chain, sha
from notes import LOG, NOW, ORIGIN, WITNESSES, checkpoint, log_signer, text, witness
from pteri.core.errors import Code
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.leaf import NOTHING, encode_leaf
from pteri.core.log.note import Note, NoteSignature
from pteri.core.log.proving import consistency_proof, inclusion_proof
from pteri.core.log.tree import EMPTY_ROOT
from pteri.core.log.witness import cosign
from trees import Grown, grown, leaf, root_by_definition
from vectors.cases import Case, accept, reject

FILE = Path(__file__).parents[2] / "vectors" / "log.json"
NOTE = (
    "The tree of the log (docs/spec/log.md, RFC 9162). Leaf n is the text 'leaf n'. 'roots' are those of the first so "
    "many leaves. Each case of 'inclusion' says that 'leaf' (hex) is at 'index' of the tree of 'size' with 'root', "
    "each of 'consistency' that the tree of 'new_size' begins with that of 'old_size'; paths from below, hex. It is "
    "accepted, or refused with 'code'. Each case of 'checkpoints' is a note (base64) that is opened with the key 'log' "
    "and, when 'needed' is not 0, with so many of 'witnesses' at the second 'at'. Each of 'leaves' is a leaf (hex)."
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


def _note(body: str) -> Note:
    """Whatever it says, signed by the log."""
    return Note(body, (NoteSignature(LOG.verifier.name, LOG.verifier.id, LOG.private.sign(body.encode())),))


def checkpoints() -> list[Case]:
    head = TREE.heads[37]
    good, size, root = checkpoint(head), "37", head.root

    def opened(note: Note | bytes | str, needed: int = 0) -> dict[str, Any]:
        raw = note.encoded if isinstance(note, Note) else note.encode() if isinstance(note, str) else note
        return {"note": base64.b64encode(raw).decode("ascii"), "needed": needed}

    def seen(*lines: NoteSignature) -> Note:
        return good.note.with_signatures(lines)

    [signature] = good.note.signatures
    first, second = (cosign(good, signer, at=NOW) for signer in WITNESSES[:2])
    of_another = cosign(checkpoint(TREE.heads[38]), WITNESSES[1], at=NOW)
    plain = good.note.encoded.decode()
    own = {"size": 37, "root": root.hex()}
    return [
        accept("a checkpoint", **opened(good.note), **own),
        accept("of an empty log", **opened(checkpoint(TREE.heads[0]).note), size=0, root=EMPTY_ROOT.hex()),
        accept("with a line by a stranger", **opened(seen(NoteSignature("stranger", b"1234", b"x"))), **own),
        accept("seen by two of three", **opened(seen(first, second), 2), **own),
        accept(
            "seen by two, and by a stranger", **opened(seen(cosign(good, witness(9), at=NOW), first, second), 2), **own
        ),
        reject(
            "by another key of the same name",
            Code.NOTE_SIGNATURE,
            **opened(signed_checkpoint(head, log_signer("x")).note),
        ),
        reject(
            "by the same key under another name",
            Code.NOTE_SIGNATURE,
            **opened(signed_checkpoint(head, log_signer("log", "x")).note),
        ),
        reject("of another log", Code.CHECKPOINT, **opened(_note(text("another.example", size, root)))),
        reject("a size with a zero in front", Code.CHECKPOINT, **opened(_note(text(ORIGIN, "037", root)))),
        reject("a size with a sign", Code.CHECKPOINT, **opened(_note(text(ORIGIN, "+37", root)))),
        reject("a size with a space", Code.CHECKPOINT, **opened(_note(text(ORIGIN, "37 ", root)))),
        reject("a size that no tree has", Code.TREE, **opened(_note(text(ORIGIN, "9223372036854775808", root)))),
        reject("an empty log with a root", Code.TREE, **opened(_note(text(ORIGIN, "0", root)))),
        reject("a root of 31 bytes", Code.CHECKPOINT, **opened(_note(text(ORIGIN, size, root[:-1])))),
        reject("a root without its padding", Code.ENCODING, **opened(_note(text(ORIGIN, size, root).replace("=", "")))),
        reject("an extension line", Code.CHECKPOINT, **opened(_note(text(ORIGIN, size, root) + "more\n"))),
        reject("two lines", Code.CHECKPOINT, **opened(_note(f"{ORIGIN}\n37\n"))),
        reject("a note within a note", Code.CHECKPOINT, **opened(_note(plain))),
        reject(
            "two notes, one after the other",
            Code.NOTE_SIGNATURE,
            **opened(plain + "\n" + plain[len(good.note.text) + 1 :]),
        ),
        reject("without its last newline", Code.NOTE, **opened(plain[:-1])),
        reject("with carriage returns", Code.NOTE, **opened(plain.replace("\n", "\r\n"))),
        reject("without a signature", Code.NOTE, **opened(good.note.text + "\n")),
        reject("the same signature twice", Code.NOTE, **opened(plain + signature.line)),
        reject("a changed size", Code.NOTE_SIGNATURE, **opened(plain.replace("\n37\n", "\n38\n"))),
        reject(
            "a changed root",
            Code.NOTE_SIGNATURE,
            **opened(plain.replace(text("", "", root)[2:], text("", "", sha("x"))[2:])),
        ),
        reject("seen by one of three", Code.WITNESSES, **opened(seen(first), 2)),
        reject(
            "seen by one, and by a stranger", Code.WITNESSES, **opened(seen(first, cosign(good, witness(9), at=NOW)), 2)
        ),
        reject("a cosignature of another checkpoint", Code.NOTE_SIGNATURE, **opened(seen(first, of_another), 2)),
        reject(
            "a cosignature with another time",
            Code.NOTE_SIGNATURE,
            **opened(seen(first, NoteSignature(second.name, second.id, bytes(8) + second.raw[8:])), 2),
        ),
        reject(
            "a cosignature of the future",
            Code.WITNESSES,
            **opened(seen(first, cosign(good, WITNESSES[1], at=NOW + 301)), 2),
        ),
    ]


def leaves() -> list[Case]:
    first, second = chain(2)
    unsigned = account_leaf(1, kind=40, statement=NOTHING, wallet_signature=NOTHING)

    def changed(at: int, value: bytes) -> str:
        return (first[:at] + value + first[at + len(value) :]).hex()

    return [
        accept("the first of an account", leaf=first.hex()),
        accept("the second", leaf=second.hex()),
        accept("an event that nobody signed", leaf=encode_leaf(unsigned).hex()),
        accept("a kind that is not known here", leaf=encode_leaf(account_leaf(1, kind=200)).hex()),
        reject("nothing", Code.LEAF, leaf=""),
        reject("a byte too few", Code.LEAF, leaf=first[:-1].hex()),
        reject("a byte too many", Code.LEAF, leaf=(first + b"\0").hex()),
        reject("another version", Code.LEAF, leaf=changed(12, b"2")),
        reject("of no account", Code.LEAF, leaf=changed(14, bytes(32))),
        reject("number zero", Code.LEAF, leaf=changed(46, bytes(8))),
        reject("the second without a first", Code.LEAF, leaf=changed(46, (2).to_bytes(8, "big"))),
        reject("the first with one before it", Code.LEAF, leaf=changed(54, sha("a leaf"))),
        reject("kind zero", Code.LEAF, leaf=changed(86, b"\0")),
        reject("a wallet signature without a statement", Code.LEAF, leaf=changed(87, bytes(32))),
        reject("a statement without a wallet signature", Code.LEAF, leaf=changed(119, bytes(32))),
        reject("without a record", Code.LEAF, leaf=changed(151, bytes(32))),
        reject("an epoch above 2**63", Code.LEAF, leaf=changed(183, b"\xff")),
        reject("a time above 2**63", Code.LEAF, leaf=changed(191, b"\xff")),
    ]


def content() -> str:
    whole = {
        "format": "pteri-log-vectors-1",
        "note": NOTE,
        "roots": roots(),
        "inclusion": inclusion(),
        "consistency": consistency(),
        "log": LOG.verifier.text,
        "witnesses": [signer.verifier.text for signer in WITNESSES],
        "at": NOW,
        "checkpoints": checkpoints(),
        "leaves": leaves(),
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
