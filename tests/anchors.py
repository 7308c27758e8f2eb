"""Small blocks of regtest for the tests: transactions, their tree, and headers with real work."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from pteri.core.anchor.headers import Header, parse_header, target_of
from pteri.core.anchor.transaction import payload, payload_script
from pteri.core.keys.hashes import double_sha256
from pteri.core.log.proving import inclusion_proof
from pteri.core.log.tree import TreeHead
from trees import Grown, leaf

REGTEST_BITS = 0x207FFFFF
START = 1_795_000_000


def varint(number: int) -> bytes:
    if number < 0xFD:
        return bytes((number,))
    width, mark = (2, 0xFD) if number < 1 << 16 else (4, 0xFE) if number < 1 << 32 else (8, 0xFF)
    return bytes((mark,)) + number.to_bytes(width, "little")


def output(script: bytes, value: int = 0) -> bytes:
    return value.to_bytes(8, "little") + varint(len(script)) + script


CHANGE = output(bytes.fromhex("0014") + bytes(20), 4_000_000)
SPENT = b"\x11" * 32 + bytes(4) + b"\0" + b"\xfe\xff\xff\xff"
WITNESS = b"\2" + varint(71) + b"\x30" * 71 + varint(33) + b"\2" * 33


def transaction(
    outputs: Sequence[bytes],
    *,
    inputs: Sequence[bytes] = (SPENT,),
    witness: bytes | None = WITNESS,
    mark: bytes = b"\0\1",
) -> bytes:
    body = varint(len(inputs)) + b"".join(inputs) + varint(len(outputs)) + b"".join(outputs)
    if witness is None:
        return b"\2\0\0\0" + body + bytes(4)
    return b"\2\0\0\0" + mark + body + witness + bytes(4)


def anchor_transaction(head: TreeHead) -> bytes:
    return transaction([output(payload_script(payload(head))), CHANGE])


def stripped(raw: bytes) -> bytes:
    """Of a transaction with one input and :data:`WITNESS`."""
    return raw[:4] + raw[6 : -4 - len(WITNESS)] + raw[-4:]


def block_tree(txids: Sequence[bytes]) -> list[list[bytes]]:
    """All rows of a block's tree, each as wide as it is before its end is doubled."""
    rows = [list(txids)]
    while len(rows[-1]) > 1:
        row = rows[-1] + rows[-1][-1:] * (len(rows[-1]) & 1)
        rows.append([double_sha256(row[at] + row[at + 1]) for at in range(0, len(row), 2)])
    return rows


def branch_of(rows: Sequence[Sequence[bytes]], position: int) -> list[bytes]:
    steps = []
    for row in rows[:-1]:
        steps.append(row[min(position ^ 1, len(row) - 1)])
        position >>= 1
    return steps


def scrypt_of(raw: bytes) -> int:
    """The number that a header's work is measured by."""
    return int.from_bytes(hashlib.scrypt(raw, salt=raw, n=1024, r=1, p=1, dklen=32), "little")


def mined(previous: bytes, root: bytes, *, at: int = START, bits: int = REGTEST_BITS) -> Header:
    """A header with its work."""
    start = (0x20000000).to_bytes(4, "little") + previous + root + at.to_bytes(4, "little") + bits.to_bytes(4, "little")
    target = target_of(bits)
    for nonce in range(1 << 32):
        raw = start + nonce.to_bytes(4, "little")
        if scrypt_of(raw) <= target:
            return parse_header(raw)
    raise AssertionError("half of all numbers will do")


def proof(
    *,
    size: int = 5,
    index: int = 2,
    transactions: int = 7,
    position: int = 3,
    after: int = 6,
    leaf_data: bytes | None = None,
) -> dict[str, Any]:
    """The fields of a proof that holds: a block before the anchor's, it, and so many in all from it on."""
    data = leaf(index) if leaf_data is None else leaf_data
    tree = Grown([data if number == index else leaf(number) for number in range(size)])
    head = tree.heads[size]
    raw = anchor_transaction(head)
    txids = [hashlib.sha256(b"transaction %d" % number).digest() for number in range(transactions)]
    txids[position] = double_sha256(stripped(raw))
    rows = block_tree(txids)
    known = bytes(range(32))
    headers = [mined(known, bytes(32))]
    headers.append(mined(headers[-1].id, rows[-1][0], at=START + 1))
    while len(headers) < 1 + after:
        headers.append(mined(headers[-1].id, bytes(32), at=START + len(headers)))
    return {
        "leaf_data": data.hex(),
        "leaf_index": index,
        "tree_size": size,
        "tree_root": head.root.hex(),
        "audit_path": [step.hex() for step in inclusion_proof(index, size, tree.read)],
        "op_return_payload": payload(head).hex(),
        "tx": raw.hex(),
        "txid": txids[position][::-1].hex(),
        "block_tx_count": transactions,
        "tx_pos": position,
        "branch": [step.hex() for step in branch_of(rows, position)],
        "merkle_root_displayed": rows[-1][0][::-1].hex(),
        "block_hash": headers[1].shown_id,
        "block_height": 1002,
        "headers": [header.raw.hex() for header in headers],
        "header_index": 1,
        "checkpoint": {"height": 1000, "hash": known[::-1].hex()},
    }
