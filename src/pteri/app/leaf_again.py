"""One leaf again from the stored record of its event, compared with the leaf that is there."""

from __future__ import annotations

from typing import Final

import msgspec

from pteri.app.log_ports import Tail
from pteri.audit.leaves import leaf_of, read_record
from pteri.core.log.leaf import NOTHING, encode_leaf, parse_leaf
from pteri.core.log.salts import leaf_salt
from pteri.core.log.tree import leaf_hash
from pteri.domain.evolving import AUTHORITY_CHANGES

__all__ = ["Chained", "Compared", "compared_leaf"]

_NO_SALT: Final = bytes(32)


class Chained(msgspec.Struct, frozen=True):
    """Where the chain of an account stands before an event."""

    seq: int = 0
    last: bytes = NOTHING
    epoch: int = 0


class Compared(msgspec.Struct, frozen=True):
    """The chain after a leaf, and in which of its fields it is not that of its record."""

    after: Chained
    others: tuple[str, ...]


def compared_leaf(leaf: bytes, record: str, seq: int, *, tail: Tail, before: Chained) -> Compared:
    """This leaf against its record. ``ProtocolError`` when record or leaf is none.

    Of an erased account the commitment cannot be made again, and everything else is compared.
    """
    parsed, recorded = parse_leaf(leaf), read_record(record)
    again = leaf_of(
        recorded,
        record,
        index=tail.index,
        previous=before.last,
        salt=_NO_SALT if tail.secret is None else leaf_salt(tail.secret, seq),
        epoch=before.epoch + (seq == 1 or type(recorded.event) in AUTHORITY_CHANGES),
    )
    if tail.secret is None:
        again = msgspec.structs.replace(again, commitment=parsed.commitment)
    others: tuple[str, ...] = ()
    if encode_leaf(again) != leaf:
        others = tuple(name for name in again.__struct_fields__ if getattr(again, name) != getattr(parsed, name))
    # From the leaf as it stands: one that is wrong is named once, and not with all that follow it.
    return Compared(Chained(seq, leaf_hash(leaf), parsed.epoch), others)
