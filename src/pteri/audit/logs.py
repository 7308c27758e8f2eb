"""Verifying a whole published log: every entry, every tile, every account (docs/spec/log.md section 13).

The auditor brings the key of the log and, if he has them, witnesses and a checkpoint that he saw before. Whatever is
published is read as if an enemy had written it; each finding says which file, entry or account it is about.
"""

from __future__ import annotations

from collections.abc import Callable

from pteri.audit.edge import Edge
from pteri.audit.errors import DoesNotHold, NotKept, Unreadable, in_our_words
from pteri.audit.handovers import Handovers
from pteri.audit.log_findings import Found, LogCheck, LogFindings
from pteri.audit.log_reading import Reading
from pteri.audit.log_state import Kept, decode_state, encode_state
from pteri.audit.published import CHECKPOINT_PATH, NotPublished, PublishedLog, ReadFile
from pteri.audit.tails import TAIL_BYTES, Tails
from pteri.core.errors import Code, NotAuthentic, ProtocolError
from pteri.core.log.checkpoint import Checkpoint, claimed_head, open_checkpoint
from pteri.core.log.following import Suspicion, follow, rewritten
from pteri.core.log.note import Note, NoteVerifier, parse_note
from pteri.core.log.proving import consistency_proof, head_of
from pteri.core.log.tiles import nodes_from_tiles
from pteri.core.log.tree import TreeHead
from pteri.core.log.witness import Quorum, verify_witnesses

__all__ = ["verify_log"]


def verify_log(
    read: ReadFile,
    *,
    expected_log: NoteVerifier,
    quorum: Quorum | None,
    at: int,
    known: bytes | None = None,
    state: bytes | None = None,
    progress: Callable[[int, int], None] = lambda _done, _size: None,
) -> LogFindings:
    """What of this log holds.

    ``expected_log``: a key that the log has or had; later ones are followed from it. ``at``: now, for the clocks of
    witnesses. ``known``: a checkpoint that the auditor kept. ``state``: what an earlier run of his returned; then
    only what is new is read. Memory: 88 bytes for each account, and as much again and a half for the table.

    Raises :class:`pteri.audit.AuditError` when there is no checkpoint of such a log, ``NotKept`` when what the auditor
    kept is not that; whatever fails is a finding, and no exception. What ``read`` raises else, passes.
    """
    log = PublishedLog(read)
    try:
        raw = log.checkpoint()
    except NotPublished as error:
        raise Unreadable(str(Code.CHECKPOINT), f"no checkpoint: {error.detail}") from error
    with in_our_words():
        note = parse_note(raw)
        origin, head = claimed_head(note)
    try:
        kept = None if state is None else decode_state(state, expected_log=expected_log)
        known_note = None if known is None else parse_note(known)
        if known_note is not None:
            claimed_head(known_note)
    except ProtocolError as error:
        raise NotKept(str(error.code), f"what you kept: {error.detail}") from error
    if origin != expected_log.name:
        raise DoesNotHold(str(Code.CHECKPOINT), f"the log of {origin}, and not that of {expected_log.name}")
    return _Judging(log, note, head, kept, expected_log).findings(known_note, quorum, at, progress)


class _Judging:
    def __init__(
        self, log: PublishedLog, note: Note, head: TreeHead, kept: Kept | None, expected_log: NoteVerifier
    ) -> None:
        self._log, self._note, self._head, self._kept = log, note, head, kept
        self._brought = expected_log
        self._found = Found()
        edge, tails, keys = (Edge(), Tails(), None) if kept is None else (kept.edge.copy(), kept.tails, kept.keys)
        self._first = edge.size
        self._reading = Reading(log, self._found, edge, tails, Handovers(expected_log, keys))
        self._suspicion: Suspicion | None = None

    def findings(
        self, known: Note | None, quorum: Quorum | None, at: int, progress: Callable[[int, int], None]
    ) -> LogFindings:
        checkpoint = self._early()
        if checkpoint is not None or not self._found.has_failed(LogCheck.CHECKPOINT):
            if self._first <= self._head.size:
                known_size = [] if known is None else [claimed_head(known)[1].size]
                self._reading.run(self._head.size, known_size, progress)
                self._keys()
                self._tree()
                self._entries()
            checkpoint = self._signed()
            self._witnessed(checkpoint, quorum, at)
            self._compare_known(checkpoint, known)
        for check in LogCheck:
            self._found_or_unknown(check)
        found = self._found.all()
        made = LogFindings(
            origin=self._brought.name,
            size=self._head.size,
            first=self._first,
            accounts=len(self._reading.tails),
            found=found,
            suspicion=self._suspicion,
        )
        if not made.is_sound or checkpoint is None:
            return made
        kept = Kept(checkpoint, self._reading.handovers.keys, self._reading.edge, self._reading.tails)
        return LogFindings(made.origin, made.size, made.first, made.accounts, found, None, encode_state(kept))

    def _early(self) -> Checkpoint | None:
        """The checkpoint, if a key that is known already signed it: a forged one costs no reading."""
        keys = [self._brought] if self._kept is None else [key for _, key in self._kept.keys.keys]
        for key in keys:
            if self._note.signature_by(key) is not None:
                try:
                    return open_checkpoint(self._note.encoded, expected_log=key)
                except ProtocolError as error:
                    self._found.fail(LogCheck.CHECKPOINT, CHECKPOINT_PATH, error)
        return None

    def _keys(self) -> None:
        handovers = self._reading.handovers
        for place, error in handovers.finish():
            self._found.fail(LogCheck.KEYS, f"entry {place}", error)
        number = len(handovers.keys.keys)
        said = "one key, from the first entry on" if number == 1 else f"{number} keys, each handed over by the last"
        if handovers.earlier:
            said = f"{number} from the one you brought on; what came before it, nobody vouches for but the log"
        self._found.hold(LogCheck.KEYS, said)

    def _tree(self) -> None:
        reading = self._reading
        if reading.stopped_at is not None:
            self._found.doubt(LogCheck.TREE, f"neither entries nor hashes from entry {reading.stopped_at} on")
            return
        tiles = reading.wrong_tiles
        if reading.edge.head == self._head:
            self._found.hold(LogCheck.TREE, f"all {self._head.size} entries make the root of the checkpoint")
        elif reading.by_tiles is not None and reading.by_tiles.head == self._head:
            # The tiles are what the log signed; the entries are not.
            for where, what in reading.wrong_entries:
                self._found.fail(LogCheck.TREE, where, NotAuthentic(Code.NOT_INCLUDED, what))
            tiles = reading.wrong_upper
        else:
            error = NotAuthentic(Code.NOT_INCLUDED, "the entries do not make the root of the checkpoint")
            self._found.fail(LogCheck.TREE, CHECKPOINT_PATH, error)
        for path, what in tiles:
            self._found.fail(LogCheck.TILES, path, NotAuthentic(Code.TILE, what))
        self._found.hold(LogCheck.TILES, "every tile is what the entries make")

    def _entries(self) -> None:
        if self._reading.stopped_at is not None:
            return
        if self._reading.unknown:
            self._found.doubt(LogCheck.ENTRIES, f"{self._reading.unknown} entries of a kind that is not known here")
        self._found.hold(LogCheck.ENTRIES, "every entry is there, and is one")
        number = len(self._reading.tails)
        self._found.hold(
            LogCheck.ACCOUNTS,
            f"the leaves of {number} accounts are in their order, without a gap ({number * TAIL_BYTES} bytes kept)",
        )

    def _signed(self) -> Checkpoint | None:
        size = self._head.size
        try:
            key = self._reading.handovers.keys.key_for(size)
            opened = open_checkpoint(self._note.encoded, expected_log=key)
        except ProtocolError as error:
            self._found.fail(LogCheck.CHECKPOINT, CHECKPOINT_PATH, error)
            return None
        self._found.hold(LogCheck.CHECKPOINT, f"{opened.origin} signed a tree of {size} entries with this root")
        return opened

    def _witnessed(self, checkpoint: Checkpoint | None, quorum: Quorum | None, at: int) -> None:
        if checkpoint is None or quorum is None:
            return
        try:
            seen = verify_witnesses(checkpoint, expected_quorum=quorum, at=at).seen
        except ProtocolError as error:
            self._found.fail(LogCheck.WITNESSES, CHECKPOINT_PATH, error)
            return
        self._found.hold(LogCheck.WITNESSES, "seen by " + ", ".join(name for name, _ in seen))

    def _compare_known(self, checkpoint: Checkpoint | None, known: Note | None) -> None:
        if checkpoint is None:
            return
        if self._kept is not None:
            self._compare_seen(checkpoint, self._kept.checkpoint)
        if known is None:
            return
        try:
            _, head = claimed_head(known)
            key = self._reading.handovers.keys.key_for(head.size)
            seen = open_checkpoint(known.encoded, expected_log=key)
        except ProtocolError as error:
            detail = f"the checkpoint that you kept: {error.detail}"
            self._found.fail(LogCheck.KNOWN, None, type(error)(error.code, detail))
            return
        self._compare_seen(checkpoint, seen)

    def _compare_seen(self, checkpoint: Checkpoint, seen: Checkpoint) -> None:
        size = seen.head.size
        if self._reading.edge.head == self._head and self._reading.heads.get(size) == seen.head:
            self._found.hold(LogCheck.KNOWN, f"it begins with the tree of {size} entries that you saw")
            return
        suspicion = self._suspect(checkpoint, seen)
        if suspicion is None:
            self._found.hold(LogCheck.KNOWN, f"its tiles lead from the tree of {size} entries that you saw to this one")
            return
        self._suspicion = self._suspicion or suspicion
        said = f"does not follow from the tree of {size} entries that you saw: {suspicion.kind}"
        self._found.fail(LogCheck.KNOWN, CHECKPOINT_PATH, NotAuthentic(Code.NOT_CONSISTENT, said))

    def _suspect(self, checkpoint: Checkpoint, seen: Checkpoint) -> Suspicion | None:
        """Both checkpoints, with the best proof that the published tiles give; ``None`` if they do follow."""
        path: tuple[bytes, ...] = ()
        if 0 < seen.head.size < self._head.size:
            node = nodes_from_tiles(self._head.size, self._log.read_tile)
            try:
                path = consistency_proof(seen.head.size, self._head.size, node)
                if not isinstance(follow(seen, checkpoint, path), Suspicion):
                    return None
                return rewritten(seen, checkpoint, head_of(seen.head.size, node).root, path)
            except (ProtocolError, NotPublished):
                # Without good tiles there is no proof; the two notes stay.
                pass
        followed = follow(seen, checkpoint, path)
        return followed if isinstance(followed, Suspicion) else None

    def _found_or_unknown(self, check: LogCheck) -> None:
        if not self._found.has_failed(check) and not self._found.has_said(check):
            self._found.doubt(check, _UNSAID.get(check, "not looked at"))


_UNSAID = {
    LogCheck.WITNESSES: "nobody said whose word counts as a witness",
    LogCheck.KNOWN: "you kept no checkpoint to compare with",
}
