"""Writes vectors/rotation.json and vectors/following.json: a log with a new key, and one that contradicts itself.

PYTHONPATH=src:tests python tests/vectors/make_following.py
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import msgspec

from notes import LOG, ORIGIN, WITNESSES, checkpoint, log_signer
from pteri.core.errors import Code
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.following import Suspicion, SuspicionKind, encode_suspicion, follow, rewritten, two_handovers
from pteri.core.log.note import Note, NoteSignature, NoteSigner
from pteri.core.log.proving import consistency_proof
from pteri.core.log.rotation import ROTATION_TAG, rotation_leaf
from pteri.core.log.tree import MAX_SIZE
from trees import Grown, grown, leaf
from vectors.cases import Case, accept, reject

_VECTORS = Path(__file__).resolve().parents[2] / "vectors"
ROTATIONS = _VECTORS / "rotation.json"
FOLLOWING = _VECTORS / "following.json"
NEW, STRANGER = log_signer("new log key"), log_signer("stranger")
OTHER_LOG = log_signer("new log key", "other.example/log")
PLACE = 41
HONEST = grown(60)
OTHER = Grown([leaf(number if number != 7 else 700) for number in range(60)])


def _lines(body: str, *signers: NoteSigner) -> tuple[NoteSignature, ...]:
    return tuple(
        NoteSignature(each.verifier.name, each.verifier.id, each.private.sign(body.encode())) for each in signers
    )


def _said(
    *signers: NoteSigner, first: str = "pteri log key v1", origin: str = ORIGIN, place: str = "41", key: str = ""
) -> bytes:
    body = f"{first}\n{origin}\n{place}\n{key or NEW.verifier.text}\n"
    return ROTATION_TAG + Note(body, _lines(body, *signers)).encoded


def _entry(raw: bytes, place: int = PLACE) -> dict[str, Any]:
    return {"entry": base64.b64encode(raw).decode("ascii"), "place": place}


def rotations() -> list[Case]:
    good = rotation_leaf(LOG, NEW, place=PLACE)
    body = good[len(ROTATION_TAG) :].decode().partition("\n\n")[0] + "\n"
    [by_old, by_new] = _lines(body, LOG, NEW)
    by_thief = NoteSignature(ORIGIN, LOG.verifier.id, STRANGER.private.sign(body.encode()))
    unowned = NoteSignature(ORIGIN, NEW.verifier.id, LOG.private.sign(body.encode()))

    def signed(*lines: NoteSignature) -> bytes:
        return ROTATION_TAG + Note(body, lines).encoded

    return [
        accept("a hand-over", **_entry(good), new=NEW.verifier.text),
        accept("at the first place", **_entry(rotation_leaf(LOG, NEW, place=0), 0), new=NEW.verifier.text),
        reject("for the place before", Code.ROTATION, **_entry(good, PLACE - 1)),
        reject("for the place after", Code.ROTATION, **_entry(good, PLACE + 1)),
        reject("handed over by somebody else", Code.NOTE_SIGNATURE, **_entry(_said(STRANGER, NEW))),
        reject("under the id of the old key", Code.NOTE_SIGNATURE, **_entry(signed(by_thief, by_new))),
        reject("to a key that nobody has", Code.NOTE_SIGNATURE, **_entry(signed(by_old, unowned))),
        reject("not signed by the new key", Code.ROTATION, **_entry(signed(by_old))),
        reject("not signed by the old key", Code.ROTATION, **_entry(signed(by_new))),
        reject("the signatures in another order", Code.ROTATION, **_entry(signed(by_new, by_old))),
        reject("with a third signature", Code.ROTATION, **_entry(signed(by_old, by_new, *_lines(body, STRANGER)))),
        reject("to itself", Code.NOTE, **_entry(_said(LOG, LOG, key=LOG.verifier.text))),
        reject(
            "to the key of another log", Code.ROTATION, **_entry(_said(LOG, OTHER_LOG, key=OTHER_LOG.verifier.text))
        ),
        reject("to a witness", Code.ROTATION, **_entry(_said(LOG, WITNESSES[0], key=WITNESSES[0].verifier.text))),
        reject("another first line", Code.ROTATION, **_entry(_said(LOG, NEW, first="pteri log key v2"))),
        reject("a line too many", Code.ROTATION, **_entry(_said(LOG, NEW, place="41\n"))),
        reject("a place with a zero in front", Code.ROTATION, **_entry(_said(LOG, NEW, place="041"))),
        reject("a place that no log has", Code.ROTATION, **_entry(_said(LOG, NEW, place=str(MAX_SIZE)))),
        reject("a key that is none", Code.NOTE, **_entry(_said(LOG, NEW, key="key"))),
        reject("without its tag", Code.ROTATION, **_entry(good[len(ROTATION_TAG) :])),
        reject("with another tag", Code.ROTATION, **_entry(good.replace(b"-v1\0", b"-v2\0", 1))),
        reject("without its last newline", Code.NOTE, **_entry(good[:-1])),
        reject("too long", Code.ROTATION, **_entry(good + bytes(2048))),
        reject("nothing", Code.ROTATION, **_entry(b"")),
    ]


def _suspicion(seen: int, shown: int, tree: Grown = HONEST, path: tuple[bytes, ...] = ()) -> Suspicion:
    made = follow(checkpoint(HONEST.heads[seen]), checkpoint(tree.heads[shown]), path)
    assert isinstance(made, Suspicion)
    return made


def _claimed(kind: SuspicionKind, seen: int, shown: int, **more: Any) -> bytes:
    notes = [checkpoint(HONEST.heads[size]).note.encoded.decode() for size in (seen, shown)]
    return encode_suspicion(Suspicion(kind=kind, seen=notes[0], shown=notes[1], **more))


def suspicions() -> list[Case]:
    split = _suspicion(40, 40, OTHER)
    raw = encode_suspicion(split)
    older, newer = checkpoint(HONEST.heads[40]), checkpoint(OTHER.heads[60])
    root, path = OTHER.heads[40].root, consistency_proof(40, 60, OTHER.read)
    again = rewritten(older, newer, root, path)
    honest = consistency_proof(40, 60, HONEST.read)
    forged = signed_checkpoint(OTHER.heads[40], STRANGER).note.encoded.decode()
    of_another = signed_checkpoint(OTHER.heads[40], OTHER_LOG).note.encoded.decode()

    handover = rotation_leaf(LOG, NEW, place=41)
    robbed = two_handovers(handover, rotation_leaf(LOG, STRANGER, place=42), expected_old=LOG.verifier)
    by_stranger = two_handovers(
        rotation_leaf(STRANGER, NEW, place=41),
        rotation_leaf(STRANGER, NEW, place=42),
        expected_old=STRANGER.verifier,
    )
    next_one = rotation_leaf(NEW, STRANGER, place=42)[len(ROTATION_TAG) :].decode()

    def file(content: bytes | Suspicion) -> dict[str, str]:
        return {"file": (content if isinstance(content, bytes) else encode_suspicion(content)).decode()}

    def said(kind: str, *, proof: bool) -> dict[str, Any]:
        return {"kind": kind, "proof": proof}

    replace = msgspec.structs.replace
    return [
        accept("one size and two roots", **file(split), **said("SPLIT_VIEW", proof=True)),
        accept("the newer tree began otherwise", **file(again), **said("REWRITTEN", proof=True)),
        accept("fewer entries than were seen", **file(_suspicion(60, 40)), **said("WENT_BACK", proof=False)),
        accept("no answer", **file(_suspicion(40, 60)), **said("NOT_SHOWN", proof=False)),
        accept("a wrong answer", **file(_suspicion(40, 60, HONEST, path)), **said("NOT_SHOWN", proof=False)),
        accept("two hand-overs by one key", **file(robbed), **said("TWO_HANDOVERS", proof=True)),
        reject("one hand-over twice", Code.SUSPICION, **file(replace(robbed, shown=robbed.seen))),
        reject("a hand-over by the next key", Code.NOTE_SIGNATURE, **file(replace(robbed, shown=next_one))),
        reject("two hand-overs by another key", Code.NOTE_SIGNATURE, **file(by_stranger)),
        reject("two hand-overs with a path", Code.SUSPICION, **file(replace(robbed, path=path))),
        reject(
            "two checkpoints, said to be hand-overs",
            Code.ROTATION,
            **file(replace(split, kind=SuspicionKind.TWO_HANDOVERS)),
        ),
        reject(
            "two hand-overs, said to be checkpoints",
            Code.CHECKPOINT,
            **file(replace(robbed, kind=SuspicionKind.SPLIT_VIEW)),
        ),
        reject("the same checkpoint twice", Code.SUSPICION, **file(_claimed(SuspicionKind.SPLIT_VIEW, 40, 40))),
        reject("two sizes, said to be one", Code.SUSPICION, **file(_claimed(SuspicionKind.SPLIT_VIEW, 40, 60))),
        reject("a split with a path", Code.SUSPICION, **file(replace(split, path=path))),
        reject("a tree that grew, said to go back", Code.SUSPICION, **file(_claimed(SuspicionKind.WENT_BACK, 40, 60))),
        reject(
            "a right answer, said to be wrong",
            Code.SUSPICION,
            **file(_claimed(SuspicionKind.NOT_SHOWN, 40, 60, path=honest)),
        ),
        reject("the other way round", Code.SUSPICION, **file(_claimed(SuspicionKind.NOT_SHOWN, 60, 40))),
        reject("a tree that was not written again", Code.SUSPICION, **file(replace(again, root=older.head.root))),
        reject(
            "an honest log, accused with its own path",
            Code.SUSPICION,
            **file(_claimed(SuspicionKind.REWRITTEN, 40, 60, root=older.head.root, path=honest)),
        ),
        reject(
            "an honest log, accused with the path of another tree",
            Code.SUSPICION,
            **file(_claimed(SuspicionKind.REWRITTEN, 40, 60, root=root, path=path)),
        ),
        reject("written again, without a path", Code.SUSPICION, **file(replace(again, path=()))),
        reject("written again, without a root", Code.SUSPICION, **file(replace(again, root=None))),
        reject("a root where none belongs", Code.SUSPICION, **file(replace(split, root=root))),
        reject("a note that the log did not sign", Code.NOTE_SIGNATURE, **file(replace(split, shown=forged))),
        reject("a note of another log", Code.CHECKPOINT, **file(replace(split, shown=of_another))),
        reject("a note that is none", Code.NOTE, **file(replace(split, shown="note"))),
        reject("a step of 31 bytes", Code.SUSPICION, **file(replace(again, path=(path[0][:-1], *path[1:])))),
        reject("another format", Code.SUSPICION, **file(raw.replace(b"suspicion-1", b"suspicion-2"))),
        reject("another kind", Code.SUSPICION, **file(raw.replace(b"SPLIT_VIEW", b"SPLIT"))),
        reject("a field that is not known", Code.SUSPICION, **file(raw.replace(b"}", b',"more":1}'))),
        reject("a field twice", Code.SUSPICION, **file(raw.replace(b'"path":[]', b'"path":[],"path":[]'))),
        reject("with a space", Code.SUSPICION, **file(raw.replace(b":", b": ", 1))),
        reject("without its newline", Code.SUSPICION, **file(raw[:-1])),
        reject("nothing", Code.SUSPICION, **file(b"")),
    ]


def _content(whole: dict[str, Any]) -> str:
    return json.dumps(whole, indent=1) + "\n"


def rotation_content() -> str:
    return _content(
        {
            "format": "pteri-rotation-vectors-1",
            "note": "docs/spec/log.md section 12. `entry` (base64) stands at `place` of the log with the key `log`.",
            "log": LOG.verifier.text,
            "rotations": rotations(),
        }
    )


def following_content() -> str:
    return _content(
        {
            "format": "pteri-following-vectors-1",
            "note": "docs/spec/log.md section 14. `file` is a suspicion as text, verified with the keys `logs`.",
            "logs": [LOG.verifier.text, OTHER_LOG.verifier.text],
            "suspicions": suspicions(),
        }
    )


if __name__ == "__main__":
    ROTATIONS.write_text(rotation_content(), encoding="utf-8")
    FOLLOWING.write_text(following_content(), encoding="utf-8")
