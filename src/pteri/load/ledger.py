"""Which sign-ins the service has acknowledged: a file that ``pteri fsck --ledger`` compares with the registry.

A line is written after the answer was read and before the next request is sent, so what stands here was promised.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pteri.core.ids import AccountId, RequestId

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Acknowledged", "Ledger"]


class Acknowledged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sign-in that the service said is completed; ``at`` is the generator's clock, Unix seconds."""

    request: RequestId
    account: AccountId
    at: int


class Ledger:
    """Lines of JSON at the end of a file, whole ones, also when several processes write."""

    def __init__(self, path: Path) -> None:
        # One write(2) to the end of the file for each line: the system keeps them apart.
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, acknowledged: Acknowledged) -> None:
        """Add a line."""
        os.write(self._descriptor, msgspec.json.encode(acknowledged) + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
