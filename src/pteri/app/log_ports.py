"""What the log needs of the world: its book, which is in the registry's database, and witnesses.

The book's promises, on every backend:

* *once*: an event gets one leaf, a place one leaf, and neither changes;
* *in order*: events get their leaves in the order of their positions;
* *one writer wins*: of two that grow the log from one version, one does;
* *whole*: leaves, edge and signed checkpoint are there together or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from pteri.core.ids import AccountId, TenantId
from pteri.core.keys.secret import Secret
from pteri.core.log.note import Note, NoteSignature, NoteVerifier

__all__ = [
    "Growth",
    "LogBook",
    "LogFiles",
    "LogFilesUnavailable",
    "LogState",
    "Logged",
    "NewLeaf",
    "NewNode",
    "Tail",
    "Unlogged",
    "Witness",
    "WitnessBehind",
    "WitnessContradicts",
    "WitnessRefused",
    "WitnessUnavailable",
]


class LogState(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log has come. ``version`` counts its changes from 1.

    ``next_position``: of the first event that has no leaf yet. ``peaks``: the edge of a tree of ``size`` leaves.
    ``checkpoint``: the note that was signed of it; ``witnessed``: the newest one that enough witnesses have seen, empty
    before the first, of ``witnessed_size`` leaves.
    """

    version: int
    size: int
    next_position: int
    peaks: tuple[bytes, ...]
    checkpoint: str
    witnessed_size: int = 0
    witnessed: str = ""


class Unlogged(msgspec.Struct, frozen=True):
    """An event that waits for its leaf: its position, whose it is, and the text of its record as it was written."""

    position: int
    tenant: TenantId
    account: AccountId
    seq: int
    record: str


class Tail(msgspec.Struct, frozen=True):
    """Where the leaves of an account go on. ``last``: hash of its leaf ``seq``; ``epoch``: of the account after that.

    ``index``: the account's number in the log; ``secret`` makes the salts of its leaves, and is ``None`` when erased.
    """

    tenant: TenantId
    account: AccountId
    index: bytes
    secret: Secret | None
    seq: int
    last: bytes
    epoch: int


class NewLeaf(msgspec.Struct, frozen=True):
    """A leaf for its place, of this event; ``event`` is ``None`` for a leaf of the log's own."""

    place: int
    leaf: bytes
    event: tuple[TenantId, AccountId, int] | None


class NewNode(msgspec.Struct, frozen=True):
    """A complete subtree of ``256**level`` leaves, ``level`` at least 1."""

    level: int
    place: int
    hash: bytes


class Growth(msgspec.Struct, frozen=True):
    """What makes the log longer: the state after it, and everything that is new. ``tails``: new, or in place of old."""

    state: LogState
    leaves: tuple[NewLeaf, ...]
    nodes: tuple[NewNode, ...]
    tails: tuple[Tail, ...]


class Logged(msgspec.Struct, frozen=True):
    """An event of an account in the log: the text of its record, its leaf and where that is."""

    seq: int
    record: str
    place: int
    leaf: bytes


class LogBook(Protocol):
    """The log as it is kept. See the promises above. Raises ``StoreUnavailable`` when the database fails."""

    async def state(self) -> LogState | None:
        """How far it has come; ``None`` when no log was ever started."""
        ...

    async def start(self, state: LogState) -> bool:
        """Whether a log begins with this state, of version 1; false when there is one."""
        ...

    async def next_position(self) -> int:
        """The position of the next event that gets one."""
        ...

    async def unlogged(self, from_position: int, limit: int) -> list[Unlogged]:
        """Events from this position on, in order, whether they have a leaf or not."""
        ...

    async def tails(self, accounts: Sequence[tuple[TenantId, AccountId]]) -> list[Tail]:
        """The tails of those of these accounts that have one."""
        ...

    async def grow(self, growth: Growth) -> bool:
        """Whether all of it is durable now; false, and nothing is, when the log is not of the version before it."""
        ...

    async def keep_witnessed(self, note: str, size: int, *, instead_of: str) -> bool:
        """Whether this is the newest witnessed checkpoint now.

        It must be of more leaves than the one that is there, or of as many and that one is still ``instead_of``; and of
        no more than the log has.
        """
        ...

    async def leaves(self, from_place: int, limit: int) -> list[bytes]:
        """Leaves in their places from this one on."""
        ...

    async def entries(self, from_place: int, limit: int) -> list[NewLeaf]:
        """The same with their places, and of which events they are."""
        ...

    async def own_leaves(self) -> list[tuple[int, bytes]]:
        """The leaves of the log's own, by which it handed over to other keys, with their places, in order."""
        ...

    async def nodes(self, level: int, from_place: int, limit: int) -> list[bytes]:
        """Hashes of complete subtrees of ``256**level`` leaves from this place on, ``level`` at least 1."""
        ...

    async def logged(self, tenant: TenantId, account: AccountId, after_seq: int, limit: int) -> list[Logged]:
        """Events of an account that have a leaf, in order, after ``after_seq``."""
        ...

    async def erase(self, tenant: TenantId, account: AccountId) -> bool:
        """Drop the secret of an account, for ever; whether it had one."""
        ...


class WitnessUnavailable(Exception):
    """It does not answer, or not as agreed; nothing is known."""


class WitnessRefused(Exception):
    """It will not sign this: it does not know the log or its key."""


class WitnessContradicts(WitnessRefused):
    """What it saw of this log does not go with this: there are two of it, or there were."""


class WitnessBehind(Exception):
    """It saw a tree of ``size`` leaves last: ask again from there."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Witness(Protocol):
    """Somebody else who remembers what the log showed him."""

    @property
    def verifier(self) -> NoteVerifier:
        """Who it is."""
        ...

    async def cosign(self, checkpoint: Note, *, old_size: int, path: Sequence[bytes]) -> NoteSignature:
        """Its line below this checkpoint, which nobody has verified yet. ``path``: consistency from ``old_size``.

        Raises ``WitnessUnavailable``, ``WitnessRefused``, ``WitnessContradicts`` or ``WitnessBehind``.
        """
        ...


class LogFilesUnavailable(Exception):
    """The place of the files does not take or give them."""


class LogFiles(Protocol):
    """Where a web server finds the log."""

    def turn(self) -> AbstractContextManager[None]:
        """Nobody else writes here meanwhile; ``LogFilesUnavailable`` while another one does."""
        ...

    def sweep(self) -> None:
        """Take away what was left by somebody who died in his turn. Only in a turn: then nobody else writes."""
        ...

    def read(self, path: str) -> bytes | None:
        """The file under this path."""
        ...

    def has(self, path: str) -> bool:
        """Whether there is one."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Put the file there, whole or not at all, in place of another one."""
        ...
