"""A personal identifier as it is kept: a keyed hash, and which key made it (docs/spec section 9.8)."""

from __future__ import annotations

import msgspec

from pteri.core.ids import Digest

__all__ = ["Spelling"]


class Spelling(msgspec.Struct, frozen=True):
    """One identifier under one deployment key: the name of the key, and the keyed hash."""

    key: str
    digest: Digest
