"""Writes vectors/witness.json: what a witness answers, from what it remembers.

PYTHONPATH=src:tests python tests/vectors/make_witness.py
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

from notes import LOG, ORIGIN, checkpoint, log_signer, text
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.note import Note, NoteSignature, NoteSigner, signed_note
from pteri.core.log.proving import consistency_proof
from pteri.core.log.tree import MAX_SIZE
from trees import Grown, grown, leaf

FILE: Final = Path(__file__).parents[2] / "vectors" / "witness.json"
NOTE: Final = (
    "What a witness answers to add-checkpoint (docs/spec/log.md section 6, C2SP tlog-witness). It watches one log with "
    "the keys 'logs'. 'last' is the note that it cosigned last, or null; 'request' the body; both in base64. 'status' "
    "is that of HTTP; 'size' what a 409 says; 'keeps_proof' whether the two notes prove that the log lied."
)
TREE: Final = grown(100)
OTHER_TREE: Final = Grown([leaf(number if number != 5 else 500) for number in range(100)])
NEXT_KEY: Final = log_signer("the log's next key")
ENEMY: Final = log_signer("an enemy")


def _body(old: str, path: tuple[bytes, ...] | list[str], note: bytes) -> bytes:
    lines = [step if isinstance(step, str) else base64.b64encode(step).decode() for step in path]
    return "".join(f"{line}\n" for line in (f"old {old}", *lines)).encode() + b"\n" + note


def _asked(old: int, new: int, tree: Grown = TREE) -> bytes:
    return _body(str(old), consistency_proof(old, new, tree.read), signed_checkpoint(tree.heads[new], LOG).note.encoded)


def _case(why: str, status: int, request: bytes, last: int | None = None, **more: Any) -> dict[str, Any]:
    note = None if last is None else base64.b64encode(checkpoint(TREE.heads[last]).note.encoded).decode()
    return {
        "expect": "accept" if status == 200 else "reject",
        "why": why,
        "status": status,
        "last": note,
        "request": base64.b64encode(request).decode(),
    } | more


def cases() -> list[dict[str, Any]]:
    good = _asked(20, 37)
    path = consistency_proof(20, 37, TREE.read)
    note = signed_checkpoint(TREE.heads[37], LOG).note
    line = note.signatures[0]
    steps = [base64.b64encode(step).decode() for step in path]
    junk = NoteSignature("somebody.example", bytes(4), bytes(64))

    def signed_by(*lines: NoteSignature) -> bytes:
        return _body("20", path, Note(note.text, lines).encoded)

    def other(body: str) -> bytes:
        return _body("20", path, signed_note(body, LOG).encoded)

    by_next = signed_checkpoint(TREE.heads[37], NEXT_KEY).note.signatures[0]
    return [
        _case("the first that it sees", 200, _asked(0, 37)),
        _case("an empty log", 200, _asked(0, 0)),
        _case("the first leaves of a log that was empty", 200, _asked(0, 37), 0),
        _case("it grew", 200, good, 20),
        _case("it grew by much, from a power of two", 200, _asked(64, 100), 64),
        _case("the same again: the time is new", 200, _asked(37, 37), 37),
        _case("lines by others stand below it", 200, signed_by(junk, line, _cosigned()), 20),
        _case("signed by the key that comes", 200, signed_by(by_next), 20),
        _case("signed by both keys", 200, signed_by(by_next, line), 20),
        _case("it starts from nothing", 409, _asked(0, 37), 20, size=20),
        _case("it starts too early", 409, _asked(10, 37), 20, size=20),
        _case("it starts too late", 409, _asked(30, 37), 20, size=20),
        _case("nothing was seen, and it starts from somewhere", 409, good, size=0),
        _case("late: a larger one was signed since", 409, good, 50, size=50),
        _case("two roots for one size", 409, _body("37", [], _note(37)), 37, size=37, keeps_proof=True),
        _case("two roots for one size, from elsewhere", 409, _asked(20, 37, OTHER_TREE), 37, size=37, keeps_proof=True),
        _case("a tree that did not grow out of it", 422, _asked(20, 37, OTHER_TREE), 20),
        _case("no path", 422, _body("20", [], note.encoded), 20),
        _case("a hash too few", 422, _body("20", path[:-1], note.encoded), 20),
        _case("a hash too many", 422, _body("20", [*steps, steps[0]], note.encoded), 20),
        _case("two hashes the other way round", 422, _body("20", [steps[1], steps[0], *steps[2:]], note.encoded), 20),
        _case("a path from another size", 422, _body("20", consistency_proof(19, 37, TREE.read), note.encoded), 20),
        _case("a path from nothing", 422, _body("0", [steps[0]], note.encoded)),
        _case("a path from a size to itself", 422, _body("37", [steps[0]], note.encoded), 37),
        _case("a log that it does not watch", 404, _foreign()),
        _case("another log under the key of this one", 404, other(text("log.other.example", "37", bytes(32))), 20),
        _case("a name that begins like the log's", 404, other(text(f"{ORIGIN}/2", "37", bytes(32))), 20),
        _case("signed by nobody that it knows", 403, signed_by(junk), 20),
        _case("signed by another key under the log's name", 403, signed_by(_line(ENEMY)), 20),
        _case(
            "the log's signature over another tree", 403, signed_by(checkpoint(TREE.heads[38]).note.signatures[0]), 20
        ),
        _case("a signature that is cut", 403, signed_by(NoteSignature(line.name, line.id, line.raw[:-1])), 20),
        _case("the id of another key", 403, signed_by(NoteSignature(line.name, bytes(4), line.raw)), 20),
        _case("one right and one forged by the log's keys", 403, signed_by(line, _forged(by_next)), 20),
        _case("the same line twice", 400, signed_by(line, line), 20),
        _case("it shrinks", 400, _body("50", [], note.encoded), 20),
        _case("nothing", 400, b""),
        _case("a checkpoint alone", 400, note.encoded),
        _case("no old size", 400, b"\n" + note.encoded),
        _case("an old size with a leading zero", 400, _body("020", path, note.encoded), 20),
        _case("an old size with a sign", 400, _body("+20", path, note.encoded), 20),
        _case("an old size that no tree has", 400, _body(str(MAX_SIZE + 1), path, note.encoded), 20),
        _case("a space behind the old size", 400, _body("20 ", path, note.encoded), 20),
        _case("another word", 400, good.replace(b"old", b"Old", 1), 20),
        _case("line ends of another system", 400, good.replace(b"\n", b"\r\n"), 20),
        _case("64 hashes", 400, _body("20", [steps[0]] * 64, note.encoded), 20),
        _case("a hash of 31 bytes", 400, _body("20", [base64.b64encode(bytes(31)).decode()], note.encoded), 20),
        _case("a hash in a second spelling", 400, _body("20", [steps[0][:-2] + "B="], note.encoded), 20),
        _case("a hash in base64url", 400, _body("20", ["-" + steps[0][1:]], note.encoded), 20),
        _case("two empty lines", 400, good.replace(b"\n\n", b"\n\n\n", 1), 20),
        _case("nothing below the empty line", 400, b"old 20\n\n", 20),
        _case("a checkpoint that nobody signed", 400, _body("20", path, note.text.encode()), 20),
        _case("no line end at the end", 400, good[:-1], 20),
        _case("something behind the end", 400, good + b"x", 20),
        _case("a signed note that is no checkpoint", 400, other("hello\n"), 20),
        _case("a checkpoint with a line of its own", 400, other(note.text + "more\n"), 20),
        _case("a root of 31 bytes", 400, other(text(ORIGIN, "37", bytes(31))), 20),
        _case("an empty tree with a root of its own", 400, other(text(ORIGIN, "0", bytes(32)))),
    ]


def _cosigned() -> NoteSignature:
    return checkpoint(TREE.heads[37], 1).note.signatures[1]


def _line(signer: NoteSigner) -> NoteSignature:
    return signed_checkpoint(TREE.heads[37], signer).note.signatures[0]


def _forged(line: NoteSignature) -> NoteSignature:
    return NoteSignature(line.name, line.id, bytes([line.raw[0] ^ 1]) + line.raw[1:])


def _note(size: int) -> bytes:
    return signed_checkpoint(OTHER_TREE.heads[size], LOG).note.encoded


def _foreign() -> bytes:
    return _body("0", [], signed_checkpoint(TREE.heads[37], log_signer("log", "log.other.example")).note.encoded)


def content() -> str:
    logs = [LOG.verifier.text, NEXT_KEY.verifier.text]
    whole = {"format": "pteri-witness-vectors-1", "note": NOTE, "logs": logs, "cases": cases()}
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(), encoding="utf-8")
