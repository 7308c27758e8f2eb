"""The transaction that carries an anchor: read byte by byte, and what it says (docs/spec/anchors.md sections 1 and 2).

Only what a transaction of our own can look like is read. Its id is made of the bytes without the witness, so those are
taken out here, and no byte is left that nothing accounts for.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.core.anchor.reading import Reader
from pteri.core.errors import Code, Malformed, NotAuthentic
from pteri.core.keys.hashes import double_sha256
from pteri.core.log.checking import check_head
from pteri.core.log.tree import HASH_BYTES, TreeHead

__all__ = [
    "PAYLOAD_BYTES",
    "Output",
    "Transaction",
    "anchored_head",
    "parse_payload",
    "parse_transaction",
    "payload",
    "payload_script",
    "virtual_bytes",
]

PAYLOAD_BYTES: Final = 45
_TAG: Final = b"PTER\x01"
_OP_RETURN: Final = 0x6A
_MAX_BYTES: Final = 100_000
_SEGWIT: Final = b"\x00\x01"
_MAX_MONEY: Final = 84_000_000 * 100_000_000
"""All the litoshi that will ever be."""


class Output(msgspec.Struct, frozen=True):
    """Litoshi, and the script that spends them."""

    value: int
    script: bytes


class Transaction(msgspec.Struct, frozen=True):
    """A transaction that was read. ``txid`` as it is hashed; people see it with its bytes the other way round.

    ``stripped``: its bytes without the witness, which are what the id is the hash of.
    """

    txid: bytes
    stripped: bytes
    outputs: tuple[Output, ...]

    @property
    def shown_txid(self) -> str:
        """The id as nodes and people write it."""
        return self.txid[::-1].hex()


def payload(head: TreeHead) -> bytes:
    """``"PTER" 01 size root``: 45 bytes, the size in eight, big-endian.

    With the root alone, one path would fit trees of several sizes.
    """
    check_head(head)
    return _TAG + head.size.to_bytes(8, "big") + head.root


def parse_payload(raw: bytes) -> TreeHead:
    """The tree head of a payload, else ``Malformed(PAYLOAD)``."""
    if len(raw) != PAYLOAD_BYTES or not raw.startswith(_TAG):
        raise Malformed(Code.PAYLOAD, "a payload is 45 bytes that begin with PTER and 01")
    return check_head(TreeHead(int.from_bytes(raw[5:13], "big"), raw[13:]))


def virtual_bytes(transaction: Transaction, raw: bytes) -> int:
    """What its fee is measured by: three quarters of it are the bytes without the witness (BIP-141), rounded up."""
    return (3 * len(transaction.stripped) + len(raw) + 3) // 4


def payload_script(raw: bytes) -> bytes:
    """``OP_RETURN`` and one push of these bytes."""
    return bytes((_OP_RETURN, len(raw))) + raw


def anchored_head(transaction: Transaction) -> TreeHead:
    """The one tree head that this transaction anchors. ``NotAuthentic(PAYLOAD)`` for none, or for two."""
    silent = [output.script for output in transaction.outputs if output.script[:1] == bytes((_OP_RETURN,))]
    if len(silent) != 1 or len(silent[0]) != 2 + PAYLOAD_BYTES or silent[0][1] != PAYLOAD_BYTES:
        raise NotAuthentic(Code.PAYLOAD, "the transaction has not exactly one payload")
    return parse_payload(silent[0][2:])


def parse_transaction(raw: bytes) -> Transaction:
    """The transaction of these bytes, else ``Malformed(TRANSACTION)``."""
    if not 60 <= len(raw) <= _MAX_BYTES:
        raise Malformed(Code.TRANSACTION, "a transaction has 60 to 100000 bytes")
    reader = _Reader(raw)
    version = reader.take(4)
    # After the version stands the number of inputs. None is the mark of what came later, and then flags say which.
    has_witness = raw[4:6] == _SEGWIT
    if has_witness:
        reader.take(2)
    elif raw[4] == 0:
        # 08 is Litecoin's mark of a transaction with a part in the extension block, as the last one of a block has.
        # Such a one is not ours: an anchor pays from and to ordinary outputs only.
        raise Malformed(Code.TRANSACTION, "no inputs, or parts of an extension block")
    start = reader.at
    inputs = reader.count(least=1)
    for _ in range(inputs):
        reader.take(36)
        reader.take(reader.count())
        reader.take(4)
    outputs = tuple(_output(reader) for _ in range(reader.count(least=1)))
    body = raw[start : reader.at]
    if has_witness and not [True for _ in range(inputs) if _witness(reader)]:
        # The same transaction without a witness is spelt without the mark.
        raise Malformed(Code.TRANSACTION, "marked as having a witness, and has none")
    stripped = version + body + reader.take(4)
    if reader.at != len(raw):
        raise Malformed(Code.TRANSACTION, "bytes after the end of the transaction")
    if len(stripped) == 2 * HASH_BYTES:
        # As long as two hashes: an inner node of a block's tree could be shown as this transaction, or it as a node.
        raise Malformed(Code.TRANSACTION, "a transaction of 64 bytes proves nothing")
    return Transaction(double_sha256(stripped), stripped, outputs)


def _output(reader: _Reader) -> Output:
    value = int.from_bytes(reader.take(8), "little")
    if value > _MAX_MONEY:
        raise Malformed(Code.TRANSACTION, "more money than there is")
    return Output(value, reader.take(reader.count()))


def _witness(reader: _Reader) -> int:
    """Number of items that stand in the witness of one input."""
    items = reader.count()
    for _ in range(items):
        reader.take(reader.count())
    return items


class _Reader(Reader):
    def __init__(self, raw: bytes) -> None:
        super().__init__(raw, code=Code.TRANSACTION, what="the transaction")

    def count(self, *, least: int = 0) -> int:
        """A number in its shortest form, and no larger than the bytes that could follow it."""
        [first] = self.take(1)
        width = {0xFD: 2, 0xFE: 4, 0xFF: 8}.get(first, 0)
        value = int.from_bytes(self.take(width), "little") if width else first
        if width and value < (0xFD if width == 2 else 1 << 4 * width):
            raise Malformed(Code.TRANSACTION, "a number that could be shorter")
        if not least <= value <= len(self.raw) - self.at:
            raise Malformed(Code.TRANSACTION, "a number that the transaction has no room for")
        return value
