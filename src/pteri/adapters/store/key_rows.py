"""How deployment keys and spellings become rows."""

from __future__ import annotations

from pteri.adapters.store.rows import Row
from pteri.app.key_ports import RegisteredKey
from pteri.app.ports import Claimed

__all__ = ["claimed_row", "key_of", "key_row"]


def key_row(key: RegisteredKey) -> Row:
    """number, name, mark, retired."""
    return key.number, key.name, key.mark, int(key.retired)


def key_of(row: Row) -> RegisteredKey:
    """The inverse of :func:`key_row`."""
    number, name, mark, retired = row
    return RegisteredKey(number, name, mark, bool(retired))


def claimed_row(claimed: Claimed) -> Row:
    """tenant, kind, value, account, mac_key, bond."""
    claim = claimed.claim
    return claimed.tenant, claim.kind.value, claim.value, claimed.account, claim.key, claim.bond
