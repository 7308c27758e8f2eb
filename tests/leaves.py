"""Leaves of an account for the tests."""

from __future__ import annotations

import hashlib
from typing import Any

from notes import INDEXES
from pteri.core.ids import AccountId, TenantId, Thumbprint
from pteri.core.log.leaf import NOTHING, Leaf, encode_leaf, record_commitment
from pteri.core.log.tree import leaf_hash

TENANT = TenantId("bank")
ACCOUNT = AccountId("acct_5X3N8J2K7Q4M")
OTHER = AccountId("acct_6X3N8J2K7Q4M")
DEVICE = Thumbprint("hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY")
INDEX = INDEXES.index_of(TENANT, ACCOUNT)
INDEX_PROOF = INDEXES.proof_of(TENANT, ACCOUNT)
START = 1_790_000_000


def sha(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def account_leaf(number: int, previous: bytes = NOTHING, **changes: Any) -> Leaf:
    """The leaf of event ``number`` of the account, after that whose hash is ``previous``."""
    values: dict[str, Any] = {
        "index": INDEX,
        "account_seq": number,
        "previous": previous,
        "kind": 1 if number == 1 else 2,
        "statement": sha(f"statement {number}"),
        "wallet_signature": sha(f"wallet signature {number}"),
        "commitment": record_commitment(salt=sha(f"salt {number}"), device=DEVICE, record=sha(f"record {number}")),
        "epoch": 1,
        "at": START + number,
    }
    return Leaf(**(values | changes))


def chain(length: int) -> list[bytes]:
    """The first leaves of the account."""
    made: list[bytes] = []
    for number in range(1, length + 1):
        made.append(encode_leaf(account_leaf(number, leaf_hash(made[-1]) if made else NOTHING)))
    return made
