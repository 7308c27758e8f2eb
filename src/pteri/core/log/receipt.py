"""A receipt: one event of an account with all that an auditor needs to verify it (docs/spec/log.md section 10).

It has the whole history of the account until then. Each leaf names the one before it, so one inclusion proof, of the
last leaf, stands for all. Records are carried as the text that was hashed; what they say is read elsewhere.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from pteri.core import ids
from pteri.core.errors import Code, Malformed
from pteri.core.ids import AccountId, TenantId

__all__ = ["MAX_RECEIPT_BYTES", "Entry", "Receipt", "encode_receipt", "parse_receipt"]

MAX_RECEIPT_BYTES: Final = 32 * 1024 * 1024
MAX_ENTRIES: Final = 10_000
_FORMAT: Final = "pteri-receipt-1"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event: its leaf, the salt of its commitment, and the text of the record that it commits to."""

    leaf: bytes
    salt: bytes
    record: str


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Entries from the account's first on; the last is what the receipt is for. Nothing of it is verified.

    ``rules``: the text of the rules that its records name by their digest. ``checkpoint``: a note. ``anchor``: the
    proof of an anchor of the last leaf, or ``null``.
    """

    format: Literal["pteri-receipt-1"] = _FORMAT
    tenant: TenantId
    account: AccountId
    index_proof: bytes
    entries: tuple[Entry, ...]
    rules: str
    leaf_index: int
    path: tuple[bytes, ...]
    checkpoint: str
    anchor: msgspec.Raw = msgspec.Raw(b"null")


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(Receipt)


def encode_receipt(receipt: Receipt) -> bytes:
    """The receipt as JSON, with a newline at its end."""
    return _ENCODER.encode(receipt) + b"\n"


def parse_receipt(raw: bytes) -> Receipt:
    """The receipt of these bytes, which are exactly what :func:`encode_receipt` writes, else ``Malformed(RECEIPT)``."""
    if type(raw) is not bytes or len(raw) > MAX_RECEIPT_BYTES:
        raise Malformed(Code.TOO_LARGE, "a receipt has at most 32 MiB")
    try:
        receipt = _DECODER.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(Code.RECEIPT, "not a receipt of this version") from error
    ids.tenant_id(receipt.tenant)
    ids.account_id(receipt.account)
    if not 1 <= len(receipt.entries) <= MAX_ENTRIES:
        raise Malformed(Code.RECEIPT, "a receipt is for one event or more")
    if encode_receipt(receipt) != raw:
        # A doubled name would be read one way here and another way elsewhere.
        raise Malformed(Code.RECEIPT, "not in the one spelling of a receipt")
    return receipt
