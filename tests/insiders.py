"""Somebody inside who has the keys of the log and of witnesses, and writes the log as he likes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from leaves import ACCOUNT, TENANT
from notes import INDEXES, LOG, NOW, WITNESSES
from onlookers import watched
from pteri.app.growing import grow
from pteri.app.log_desk import LogDesk
from pteri.app.log_gate import wait_for_log
from pteri.core.errors import ProtocolError
from pteri.core.httpsig import SignedRequest
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.core.log.leaf import NOTHING, encode_leaf, parse_leaf
from pteri.core.log.note import NoteSigner
from pteri.core.log.page import LogAsked, LogEntry, LogPage
from pteri.core.log.proving import consistency_proof, inclusion_proof
from pteri.core.log.rotation import parse_rotation
from pteri.core.log.tiles import parse_path, tile_bytes
from pteri.core.log.tree import leaf_hash
from pteri.core.log.witness import cosign
from pteri.wallet.server import Reply, Request
from trees import Grown
from world import ORIGIN, SimClock

if TYPE_CHECKING:
    from phones import Hand
    from world import World
    from worlds import Worlds

__all__ = ["Insider", "chained", "insider_of", "logged", "page_asked", "with_log"]


@dataclass(frozen=True)
class Insider:
    """A log of these ``leaves``, in which the account with this ``index`` is asked for."""

    leaves: tuple[bytes, ...]
    index: bytes
    index_proof: bytes = INDEXES.proof_of(TENANT, ACCOUNT)
    signer: NoteSigner = LOG
    witnesses: int = 2
    at: int = NOW
    most: int = 400
    handovers: tuple[bytes, ...] = ()
    ahead: tuple[int, ...] = ()
    """By how much the clock of each witness is ahead, where it is."""

    def page(self, asked: LogAsked | None = None, *, size: int | None = None) -> LogPage:
        """What an honest service with this log answers."""
        asked, size = asked or LogAsked(), len(self.leaves) if size is None else size
        tree = Grown(self.leaves)
        checkpoint = signed_checkpoint(tree.heads[size], self.signer)
        clocks = [self.at + ahead for ahead in self.ahead or (0,) * self.witnesses]
        lines = [cosign(checkpoint, signer, at=at) for signer, at in zip(WITNESSES, clocks, strict=False)]
        mine = [place for place in range(size) if self._is_mine(place, asked)]
        shown = mine[: self.most]
        old = min(asked.seen_size, size)
        return LogPage(
            log_key=self.signer.verifier.text,
            witnesses=tuple(signer.verifier.text for signer in WITNESSES),
            needed=2,
            checkpoint=checkpoint.note.with_signatures(lines).encoded.decode(),
            consistency=consistency_proof(old, size, tree.read),
            handovers=self.handovers,
            handover_paths=tuple(self._path(raw, size, tree) for raw in self.handovers),
            index_key=INDEXES.public.text,
            index_proof=self.index_proof,
            entries=tuple(LogEntry(self.leaves[place]) for place in shown),
            leaf_index=shown[-1] if shown else 0,
            path=inclusion_proof(shown[-1], size, tree.read) if shown else (),
            more=len(mine) > len(shown),
        )

    def _path(self, raw: bytes, size: int, tree: Grown) -> tuple[bytes, ...]:
        """The inclusion of a hand-over, where it is one and says a place that the tree has."""
        try:
            place = parse_rotation(raw).place
        except ProtocolError:
            return ()
        return inclusion_proof(place, size, tree.read) if place < size else ()

    def answer(self, request: Request) -> Reply | None:
        """In the place of the service, to whoever asks for the log."""
        asked = page_asked(request)
        return None if asked is None else Reply(200, msgspec.json.encode(self.page(asked)))

    def show(self, request: Request) -> Reply | None:
        """The same, and what it shows to anybody: the checkpoint and tiles of this log."""
        _, is_public, path = request.target_uri.partition(f"{ORIGIN}/log/")
        if not is_public:
            return self.answer(request)
        if path == "checkpoint":
            return Reply(200, self.page().checkpoint.encode())
        tile = parse_path(path)
        if (len(self.leaves) >> 8 * tile.level) - tile.number * 256 < tile.width:
            return Reply(404, b"")
        return Reply(200, tile_bytes(tile, Grown(self.leaves).read))

    def _is_mine(self, place: int, asked: LogAsked) -> bool:
        try:
            leaf = parse_leaf(self.leaves[place])
        except ProtocolError:
            return False
        return leaf.index == self.index and leaf.account_seq > asked.after_seq


def page_asked(request: Request) -> LogAsked | None:
    """What is asked of the log, if it is."""
    if not isinstance(request, SignedRequest) or not request.target_uri.endswith("/log"):
        return None
    return msgspec.json.decode(request.body, type=LogAsked)


def chained(leaves: Sequence[bytes]) -> list[bytes]:
    """The same leaves of one account, numbered and linked again, as somebody does who left one out or put one in."""
    made: list[bytes] = []
    for seq, raw in enumerate(leaves, 1):
        previous = leaf_hash(made[-1]) if made else NOTHING
        made.append(encode_leaf(msgspec.structs.replace(parse_leaf(raw), account_seq=seq, previous=previous)))
    return made


def with_log(worlds: Worlds, desk: Callable[[Callable[[], int]], LogDesk] = watched, **options: object) -> World:
    """A service whose log three onlookers watch, unless another ``desk`` is given."""
    clock = SimClock()
    return worlds(clock=clock, log=desk(clock.now), **options)


def logged(world: World) -> None:
    """Everything that was committed is in the log now, and witnesses have seen it."""
    world.run(wait_for_log(world.deployment))
    assert world.deployment.log is not None
    assert not world.run(grow(world.store, world.deployment.log, world.deployment.entropy))


def insider_of(held: Hand) -> Insider:
    """The real log of this phone's service and account, for somebody to change."""
    world, seen = held.world, held.phone().devices()
    account = TenantId("bank"), AccountId(seen.account)
    [tail] = world.run(world.store.book.tails([account]))
    assert tail.secret is not None
    leaves = world.run(world.store.book.leaves(0, 1000))
    return Insider(tuple(leaves), tail.index, INDEXES.proof_of(*account), at=world.clock.now())
