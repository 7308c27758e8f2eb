"""Many headers after a block that is known: a file of them, and whether they are what the network mined.

docs/spec/anchors.md section 4. The file is headers of 80 bytes, one after the other; the first follows the known block.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pteri.core.anchor.headers import (
    HEADER_BYTES,
    INTERVAL,
    MAX_HEADERS,
    WORK_RULES,
    Header,
    check_links,
    check_targets,
    check_work,
    parse_header,
)
from pteri.core.errors import Code, Malformed
from pteri.core.keys.network import network_named

if TYPE_CHECKING:
    from pteri.core.anchor.proof import Block

__all__ = ["LOOK_BACK", "MAX_FILE_BYTES", "parse_headers", "verify_headers"]

MAX_FILE_BYTES: Final = HEADER_BYTES * MAX_HEADERS
LOOK_BACK: Final = INTERVAL + 12
"""So many headers before one decide which target and which time it may have."""


def parse_headers(raw: bytes) -> tuple[Header, ...]:
    """The headers of a file, else ``Malformed(ANCHOR)``. Nothing of them is verified."""
    if len(raw) > MAX_FILE_BYTES:
        raise Malformed(Code.ANCHOR, f"more than {MAX_HEADERS} headers: name a newer block before them")
    return tuple(parse_header(raw[at : at + HEADER_BYTES]) for at in range(0, len(raw), HEADER_BYTES))


def verify_headers(
    headers: Sequence[Header], *, expected_network: str, after: Block, before: Sequence[Header] = ()
) -> None:
    """Return when these follow the block ``after``, have targets that they may have, and their work.

    ``before``: headers that end with that block and were verified; at least :data:`LOOK_BACK` of them where there are
    so many. Without them ``after`` is known from elsewhere. Raises ``Malformed`` or ``NotAuthentic``.
    """
    rules = WORK_RULES[network_named(expected_network).name]
    check_links(headers, expected_previous=after.id)
    check_targets([*before, *headers], first_height=after.height + 1 - len(before), rules=rules)
    check_work(headers)
