"""The log as rows of tables: the common ground of all databases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pteri.adapters.store.rows import Row
from pteri.app.log_ports import Growth, Logged, LogState, NewLeaf, Tail, Unlogged
from pteri.app.ports import RecordUnreadable
from pteri.core.ids import AccountId, TenantId
from pteri.core.keys.secret import Secret
from pteri.core.log.tree import HASH_BYTES

__all__ = [
    "LOG",
    "entry_of",
    "leaf_row",
    "logged_of",
    "node_rows",
    "state_of",
    "state_row",
    "tail_of",
    "tail_row",
    "unlogged_of",
]

LOG: Final = "log"
"""Name of the one row of ``log_state``."""


def state_row(state: LogState) -> Row:
    """name, version, size, next_position, peaks, checkpoint, witnessed_size, witnessed."""
    return (
        LOG,
        state.version,
        state.size,
        state.next_position,
        b"".join(state.peaks),
        state.checkpoint,
        state.witnessed_size,
        state.witnessed,
    )


def state_of(row: Iterable[Any]) -> LogState:
    """The state of such a row."""
    _, version, size, next_position, peaks, checkpoint, witnessed_size, witnessed = row
    if len(peaks) != HASH_BYTES * size.bit_count():
        # As with any record: we wrote it, so the medium failed or somebody wrote past us.
        raise RecordUnreadable("the database holds an edge of the log that cannot be one")
    return LogState(
        version=version,
        size=size,
        next_position=next_position,
        peaks=tuple(peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)),
        checkpoint=checkpoint,
        witnessed_size=witnessed_size,
        witnessed=witnessed,
    )


def leaf_row(new: NewLeaf) -> Row:
    """place, leaf, tenant, account, seq."""
    return (new.place, new.leaf, *(new.event or (None, None, None)))


def entry_of(row: Iterable[Any]) -> NewLeaf:
    """The leaf of such a row."""
    place, leaf, tenant, account, seq = row
    return NewLeaf(place, _bytes(leaf), None if tenant is None else (TenantId(tenant), AccountId(account), seq))


def node_rows(growth: Growth) -> list[Row]:
    """level, place, hash of each new subtree."""
    return [(node.level, node.place, node.hash) for node in growth.nodes]


def tail_row(tail: Tail) -> Row:
    """tenant, account, hidden_as, secret, seq, last, epoch."""
    secret = None if tail.secret is None else tail.secret.reveal()
    return tail.tenant, tail.account, tail.index, secret, tail.seq, tail.last, tail.epoch


def tail_of(row: Iterable[Any]) -> Tail:
    """The tail of such a row."""
    tenant, account, index, secret, seq, last, epoch = row
    hidden = None if secret is None else Secret(_bytes(secret))
    return Tail(TenantId(tenant), AccountId(account), _bytes(index), hidden, seq, _bytes(last), epoch)


def unlogged_of(row: Iterable[Any]) -> Unlogged:
    """position, tenant, account, seq, payload."""
    position, tenant, account, seq, record = row
    return Unlogged(position, TenantId(tenant), AccountId(account), seq, record)


def logged_of(row: Iterable[Any]) -> Logged:
    """seq, payload, place, leaf."""
    seq, record, place, leaf = row
    return Logged(seq, record, place, _bytes(leaf))


def _bytes(value: object) -> bytes:
    # One of the databases keeps whatever somebody wrote past us, text in a column of bytes too.
    if type(value) is not bytes:
        raise RecordUnreadable("the database holds text where the log has bytes")
    return value
