"""Writes vectors/watching.json: pages of a log that a phone takes, and those at which it cries.

PYTHONPATH=src:tests python tests/vectors/make_watching.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from insiders import Insider, chained
from leaves import ACCOUNT, INDEX, OTHER, START, TENANT, account_leaf, chain, sha
from notes import INDEXES, LOG, NOW, WITNESSES, indexes, log_signer
from pteri.core.log.leaf import NOTHING, encode_leaf
from pteri.core.log.page import LogAsked, LogEntry, LogPage
from pteri.core.log.rotation import rotation_leaf
from pteri.core.log.tree import leaf_hash
from pteri.wallet.log_notes import LogNotes, SignedAct
from pteri.wallet.log_words import AlarmCode
from pteri.wallet.watching import Given, Whose, check_page
from trees import leaf
from vectors.cases import Case

WATCHING = Path(__file__).resolve().parents[2] / "vectors" / "watching.json"
ME = Whose(TENANT, ACCOUNT)
MINE = chain(4)
HONEST = Insider((leaf(0), MINE[0], leaf(1), MINE[1], MINE[2], leaf(2), MINE[3]), INDEX)
NEW, ENEMY = log_signer("the next key"), log_signer("an enemy")
_AS_REMEMBERED = Given()
_replaced = msgspec.structs.replace


def _act(number: int, due_at: int = 0, signature: str = "wallet signature") -> SignedAct:
    return SignedAct(sha(f"statement {number}"), sha(f"{signature} {number}"), START + number, due_at)


BEGUN = LogNotes(since=START)
SEEN = check_page(BEGUN, HONEST.page(size=4), whose=ME, at=NOW).notes
ASKED = LogAsked(after_seq=2, seen_size=4)


def _case(
    why: str,
    page: LogPage,
    cry: AlarmCode | None = None,
    *,
    notes: LogNotes = SEEN,
    at: int = NOW,
    given: Given = _AS_REMEMBERED,
) -> Case:
    made: dict[str, Any] = {
        "expect": "accept" if cry is None else "reject",
        "why": why,
        "notes": msgspec.to_builtins(notes),
        "page": msgspec.to_builtins(page),
        "at": at,
    }
    if given != _AS_REMEMBERED:
        made["given"] = msgspec.to_builtins(given)
    if cry is not None:
        return made | {"code": str(cry)}
    found = check_page(notes, page, whose=ME, at=at, given=given)
    news = [{"seq": each.seq, "kind": each.kind, "at": each.at, "by": each.by} for each in found.news]
    return made | {"after": msgspec.to_builtins(found.notes), "news": news, "older": found.older}


def cases() -> list[Case]:
    page = HONEST.page(ASKED)
    handover = rotation_leaf(LOG, NEW, place=7)
    moved = replace(HONEST, leaves=(*HONEST.leaves, handover), signer=NEW, handovers=(handover,))
    followed = check_page(SEEN, moved.page(ASKED), whose=ME, at=NOW).notes
    stolen = rotation_leaf(LOG, ENEMY, place=7)
    robbed = replace(HONEST, leaves=(*HONEST.leaves, stolen), signer=ENEMY, handovers=(stolen,))
    other_tree = replace(HONEST, leaves=(leaf(9), *HONEST.leaves[1:]))
    index = INDEXES.index_of(TENANT, OTHER)
    theirs = Insider((leaf(0), encode_leaf(account_leaf(1, index=index))), index, INDEXES.proof_of(TENANT, OTHER))
    unsigned = encode_leaf(account_leaf(5, leaf_hash(MINE[3]), kind=40, statement=NOTHING, wallet_signature=NOTHING))
    gap = Insider((*HONEST.leaves[:4], MINE[3]), INDEX)
    back = encode_leaf(account_leaf(3, leaf_hash(MINE[1]), epoch=0))
    left_out = Insider((leaf(0), *chained([MINE[0], MINE[2]])), INDEX)
    late = encode_leaf(account_leaf(3, leaf_hash(MINE[1]), at=253_402_300_800))

    # A genuine page, and beside it a hand-over by the key that the phone believes to one of a thief.
    beside = _replaced(page, handovers=(rotation_leaf(LOG, ENEMY, place=7),), handover_paths=(page.path,))

    def ending(raw: bytes) -> LogPage:
        return replace(HONEST, leaves=(*HONEST.leaves[:4], raw)).page(ASKED)

    return [
        _case("the first look", HONEST.page(), notes=BEGUN),
        _case("the first look, of older events", HONEST.page(), notes=LogNotes(since=START + 9)),
        _case("a longer log", page),
        _case("the same log", HONEST.page(ASKED, size=4)),
        _case("what the phone signed is found", page, notes=_replaced(SEEN, acts=(_act(3, NOW), _act(4), _act(9)))),
        _case("what nobody signed", replace(HONEST, leaves=(*HONEST.leaves, unsigned)).page(ASKED)),
        _case("not due yet", page, notes=_replaced(SEEN, acts=(_act(9, NOW + 1),))),
        _case("handed over to a new key", moved.page(ASKED)),
        _case("a hand-over that was followed, again", moved.page(LogAsked(after_seq=4, seen_size=8)), notes=followed),
        _case(
            "by the log's time not due, and by the phone's",
            page,
            AlarmCode.OLD_LOG,
            notes=_replaced(SEEN, acts=(_act(9, NOW + 1),)),
            at=NOW + 1,
        ),
        _case("one witness of three from the future", replace(HONEST, witnesses=3, ahead=(301, 0, 0)).page(ASKED)),
        _case(
            "a new key that the person gives",
            replace(HONEST, signer=ENEMY).page(ASKED),
            given=Given(ENEMY.verifier.text),
        ),
        _case("without the proof of an index that is known", _replaced(page, index_proof=b"")),
        _case("another key", replace(HONEST, signer=ENEMY).page(ASKED), AlarmCode.OTHER_KEY),
        _case("a new key without a hand-over", replace(moved, handovers=()).page(ASKED), AlarmCode.OTHER_KEY),
        _case("the old key after its hand-over", replace(moved, signer=LOG).page(ASKED), AlarmCode.OTHER_KEY),
        _case("a hand-over without a path", _replaced(moved.page(ASKED), handover_paths=()), AlarmCode.NOT_INCLUDED),
        _case("a hand-over that the log does not have", beside, AlarmCode.NOT_INCLUDED),
        _case(
            "two hand-overs by one key",
            replace(moved, handovers=(handover, stolen)).page(ASKED),
            AlarmCode.TWO_HANDOVERS,
        ),
        _case(
            "another hand-over than was followed",
            robbed.page(LogAsked(after_seq=4, seen_size=8)),
            AlarmCode.TWO_HANDOVERS,
            notes=followed,
        ),
        _case(
            "another key of the indexes",
            _replaced(page, index_key=indexes("another").public.text),
            AlarmCode.OTHER_KEY,
        ),
        _case("not the key that the person gives", page, AlarmCode.OTHER_KEY, given=Given(ENEMY.verifier.text)),
        _case("one witness of two", replace(HONEST, witnesses=1).page(ASKED), AlarmCode.UNWITNESSED),
        _case(
            "a page that asks for no witness",
            _replaced(replace(HONEST, witnesses=0).page(ASKED), witnesses=(), needed=0),
            AlarmCode.UNWITNESSED,
        ),
        _case(
            "not the witness that the person gives",
            page,
            AlarmCode.UNWITNESSED,
            given=Given(witnesses=(WITNESSES[2].verifier.text,)),
        ),
        _case("witnesses from the future", replace(HONEST, at=NOW + 301).page(ASKED), AlarmCode.PHONE_CLOCK),
        _case("one of two from the future", replace(HONEST, ahead=(301, 0)).page(ASKED), AlarmCode.PHONE_CLOCK),
        _case(
            "one witness from the future", replace(HONEST, at=NOW + 301, witnesses=1).page(ASKED), AlarmCode.UNWITNESSED
        ),
        _case("a shorter log", HONEST.page(ASKED, size=3), AlarmCode.LOG_WENT_BACK),
        _case("another tree of the same size", other_tree.page(ASKED, size=4), AlarmCode.SPLIT_VIEW),
        _case("a tree that begins otherwise", other_tree.page(ASKED), AlarmCode.LOG_CHANGED),
        _case("without a path", _replaced(page, consistency=()), AlarmCode.LOG_CHANGED),
        _case("a leaf left out", gap.page(ASKED), AlarmCode.CHAIN_BROKEN),
        _case("an earlier epoch", ending(back), AlarmCode.CHAIN_BROKEN),
        _case(
            "a leaf that follows another one",
            ending(encode_leaf(account_leaf(3, sha("another")))),
            AlarmCode.CHAIN_BROKEN,
        ),
        _case("of another account", theirs.page(), AlarmCode.NOT_MY_ACCOUNT, notes=BEGUN),
        _case(
            "no proof the first time", _replaced(HONEST.page(), index_proof=b""), AlarmCode.NOT_MY_ACCOUNT, notes=BEGUN
        ),
        _case("a path that is too short", _replaced(page, path=page.path[:-1]), AlarmCode.NOT_INCLUDED),
        _case("another place", _replaced(page, leaf_index=5), AlarmCode.NOT_INCLUDED),
        _case(
            "an entry that the tree does not have",
            _replaced(page, entries=(*page.entries, LogEntry(unsigned))),
            AlarmCode.NOT_INCLUDED,
        ),
        _case(
            "another wallet signature",
            page,
            AlarmCode.OTHER_SIGNATURE,
            notes=_replaced(SEEN, acts=(_act(3, NOW, "forged"),)),
        ),
        _case("what is due is missing", page, AlarmCode.MISSING_ACT, notes=_replaced(SEEN, acts=(_act(9, NOW),))),
        _case(
            "left out, and the chain mended",
            left_out.page(),
            AlarmCode.MISSING_ACT,
            notes=_replaced(BEGUN, acts=(_act(1, NOW), _act(2, NOW))),
        ),
        _case("a leaf of 198 bytes", _replaced(page, entries=(LogEntry(MINE[2][:-1]),)), AlarmCode.UNREADABLE),
        _case("a time after the year 9999", ending(late), AlarmCode.UNREADABLE),
        _case("a next page after an empty one", _replaced(page, entries=(), more=True), AlarmCode.HELD_BACK),
        _case(
            "due, and said to be on the next page",
            replace(HONEST, most=1).page(ASKED),
            AlarmCode.HELD_BACK,
            notes=_replaced(SEEN, acts=(_act(9, NOW),)),
        ),
        _case("no checkpoint", _replaced(page, checkpoint="nothing"), AlarmCode.UNREADABLE),
    ]


def content() -> str:
    whole = {
        "format": "pteri-watching-vectors-1",
        "note": "docs/spec/log.md section 16. What comes of `page` for a phone with `notes`; bytes are in base64.",
        "tenant": TENANT,
        "account": ACCOUNT,
        "pages": cases(),
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    WATCHING.write_text(content(), encoding="utf-8")
