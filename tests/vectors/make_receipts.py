"""Writes vectors/receipt.json: a receipt that holds, and what must be seen in others.

    PYTHONPATH=src:tests:. python tests/vectors/make_receipts.py

The first receipt was made once, of an account in a service under test; it stays as it is, the others come of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from anchors import proof
from notes import INDEXES, LOG, NOW, WITNESSES, indexes, log_signer
from pteri.audit import Check
from pteri.audit.leaves import leaf_of, read_record
from pteri.core.errors import Code
from pteri.core.ids import AccountId
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.leaf import NOTHING, encode_leaf, parse_leaf
from pteri.core.log.receipt import Entry, Receipt, encode_receipt, parse_receipt
from pteri.core.log.tree import TreeHead, leaf_hash
from receipts import in_a_log

FILE = Path(__file__).parents[2] / "vectors" / "receipt.json"
NOTE = (
    "Receipts (docs/spec/log.md section 10), each as the text of its file, verified with the keys 'log' and "
    "'index_key', two of 'witnesses' at the second 'at', on the main network, without a known block. 'expect': HOLDS "
    "(all but the anchor, which is unknown), FAILS (with 'code' at 'check', and at what stands in 'also'), or "
    "UNREADABLE with 'code'."
)


def base() -> Receipt:
    """The receipt that everything else is made of."""
    first = json.loads(FILE.read_bytes())["cases"][0]
    return parse_receipt(first["receipt"].encode())


def cases(good: Receipt) -> list[dict[str, Any]]:
    def fails(why: str, check: Check, code: str, **changes: Any) -> dict[str, Any]:
        text = encode_receipt(msgspec.structs.replace(good, **changes)).decode()
        return {"expect": "FAILS", "why": why, "check": str(check), "code": code, "receipt": text}

    def unreadable(why: str, code: Code, text: str) -> dict[str, Any]:
        return {"expect": "UNREADABLE", "why": why, "code": str(code), "receipt": text}

    def last(**changes: Any) -> dict[str, Any]:
        return {"entries": (*good.entries[:-1], msgspec.structs.replace(good.entries[-1], **changes))}

    whole = encode_receipt(good).decode()
    entry = good.entries[-1]
    elsewhere, _, _ = in_a_log(b"another leaf")
    of_another = signed_checkpoint(elsewhere.head, log_signer("another")).note.encoded.decode()
    other = AccountId(f"{good.account[:-1]}{'0' if good.account[-1] != '0' else '1'}")
    split = signed_checkpoint(TreeHead(20, bytes(32)), LOG).note.encoded.decode()
    unseen = good.checkpoint[: good.checkpoint.rindex("\u2014")]
    later = entry.record.replace('"at":', '"at":1', 1)

    def anchor(size: int = 20, **changed: Any) -> dict[str, Any]:
        fields = proof(leaf_data=entry.leaf, size=size, index=good.leaf_index) | changed
        return {"anchor": msgspec.Raw(msgspec.json.encode(fields))}

    anchored = encode_receipt(msgspec.structs.replace(good, **anchor())).decode()
    payload = proof(leaf_data=entry.leaf, size=19, index=good.leaf_index)["op_return_payload"]
    return [
        {"expect": "HOLDS", "why": "a receipt of an account that was bound", "receipt": whole},
        {"expect": "HOLDS", "why": "with an anchor, and no block to count from", "receipt": anchored},
        fails("an anchor of another event", Check.ANCHOR, "ANCHOR", **anchor(leaf_data=b"another".hex())),
        fails("an anchor of the event at another place", Check.ANCHOR, "ANCHOR", **anchor(leaf_index=3)),
        fails("an anchor of another tree of the same size", Check.ANCHOR, "ANCHOR", **anchor(size=21)),
        fails("an anchor of a tree without the event", Check.ANCHOR, "TREE", **anchor(tree_size=11)),
        fails("an anchor with another payload", Check.ANCHOR, "PAYLOAD", **anchor(op_return_payload=payload)),
        fails("an anchor in another transaction", Check.ANCHOR, "TRANSACTION", **anchor(txid="00" * 32)),
        fails("an anchor that is none", Check.ANCHOR, "ANCHOR", anchor=msgspec.Raw(b"7")),
        fails("another salt", Check.RECORDS, "LEAF", **last(salt=bytes(32))),
        fails("the number of another account", Check.INDEX, "VRF", index_proof=INDEXES.proof_of(good.tenant, other)),
        fails(
            "a number by another key", Check.INDEX, "VRF", index_proof=indexes("x").proof_of(good.tenant, good.account)
        ),
        fails("a proof of a number that is none", Check.INDEX, "LEAF", index_proof=b"\2" + bytes(32)),
        {
            "expect": "FAILS",
            "why": "a second number of the account, in every leaf",
            "check": "INDEX",
            "code": "LEAF",
            "receipt": encode_receipt(numbered(good, indexes("x").index_of(good.tenant, good.account))).decode(),
        },
        fails("another place", Check.INCLUSION, "NOT_INCLUDED", leaf_index=good.leaf_index + 1),
        fails("a place after the end", Check.INCLUSION, "TREE", leaf_index=21),
        fails("a shorter path", Check.INCLUSION, "MERKLE_PATH", path=good.path[1:]),
        fails("a longer path", Check.INCLUSION, "MERKLE_PATH", path=(*good.path, good.path[0])),
        fails("a checkpoint that one witness saw", Check.WITNESSES, "WITNESSES", checkpoint=unseen),
        unreadable("nothing", Code.RECEIPT, ""),
        unreadable("an empty object", Code.RECEIPT, "{}\n"),
        unreadable("without its newline", Code.RECEIPT, whole[:-1]),
        unreadable("with spaces", Code.RECEIPT, whole.replace('":', '": ', 1)),
        unreadable("a field twice", Code.RECEIPT, whole[:-2] + ',"format":"pteri-receipt-1"}\n'),
        unreadable("a field that is not known", Code.RECEIPT, whole[:-2] + ',"trust":"me"}\n'),
        unreadable("another version", Code.RECEIPT, whole.replace("pteri-receipt-1", "pteri-receipt-2")),
        unreadable("no events", Code.RECEIPT, encode_receipt(msgspec.structs.replace(good, entries=())).decode()),
        unreadable("a tenant that is none", Code.FIELD, whole.replace('"tenant":"bank"', '"tenant":"BANK"', 1)),
        unreadable("a record with a name twice", Code.LEAF, changed_record(good, entry.record[:-1] + ',"seq":1}')),
        unreadable("a record that is none", Code.LEAF, changed_record(good, "{}")),
        {
            "expect": "FAILS",
            "why": "a record with a space more",
            "check": "RECORDS",
            "code": "LEAF",
            "receipt": changed_record(good, entry.record + " "),
        },
        {
            "expect": "FAILS",
            "why": "by another log, which is no log here, and of another tree",
            "check": "CHECKPOINT",
            "code": "NOTE_SIGNATURE",
            "also": ["INCLUSION"],
            "receipt": encode_receipt(msgspec.structs.replace(good, checkpoint=of_another)).decode(),
        },
        {
            "expect": "FAILS",
            "why": "a tree that the log signed for nobody else",
            "check": "WITNESSES",
            "code": "WITNESSES",
            "also": ["INCLUSION"],
            "receipt": encode_receipt(msgspec.structs.replace(good, checkpoint=split)).decode(),
        },
        {
            "expect": "FAILS",
            "why": "another time in the record",
            "check": "RECORDS",
            "code": "LEAF",
            "also": ["HISTORY"],
            "receipt": changed_record(good, later),
        },
    ]


def numbered(good: Receipt, index: bytes) -> Receipt:
    """The same events, in a log that files the account under this number."""
    entries: list[Entry] = []
    for entry in good.entries:
        leaf = leaf_of(
            read_record(entry.record),
            entry.record,
            index=index,
            previous=leaf_hash(entries[-1].leaf) if entries else NOTHING,
            salt=entry.salt,
            epoch=parse_leaf(entry.leaf).epoch,
        )
        entries.append(msgspec.structs.replace(entry, leaf=encode_leaf(leaf)))
    checkpoint, place, path = in_a_log(entries[-1].leaf)
    note = checkpoint.note.encoded.decode()
    return msgspec.structs.replace(good, entries=tuple(entries), leaf_index=place, path=path, checkpoint=note)


def changed_record(good: Receipt, text: str) -> str:
    last = msgspec.structs.replace(good.entries[-1], record=text)
    return encode_receipt(msgspec.structs.replace(good, entries=(*good.entries[:-1], last))).decode()


def content(good: Receipt) -> str:
    whole = {
        "format": "pteri-receipt-vectors-1",
        "note": NOTE,
        "log": LOG.verifier.text,
        "index_key": INDEXES.public.text,
        "witnesses": [signer.verifier.text for signer in WITNESSES],
        "needed": 2,
        "at": NOW,
        "cases": cases(good),
    }
    return json.dumps(whole, indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(content(base()), encoding="utf-8")
