"""Who signed the log: its hand-overs from key to key, its checkpoints, and the witnesses below them.

Of a log's first key a database says nothing but what it signed: where the settings name a later one, the first
hand-over is looked at with the new key alone. That is counted, and not hidden.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from pteri.app.findings import Damage, Findings
from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import LogState
from pteri.core.errors import Code, NotAuthentic, ProtocolError
from pteri.core.log.checkpoint import Checkpoint, claimed_head, open_checkpoint
from pteri.core.log.note import NoteVerifier, parse_note, parse_verifier
from pteri.core.log.rotation import EntryKind, LogKeys, entry_kind, parse_rotation
from pteri.core.log.tree import TreeHead
from pteri.core.log.witness import Quorum, verify_witnesses

__all__ = ["FEW_WITNESSES", "FIRST_KEY", "OWN_LEAF", "UNKNOWN_WITNESS", "LogSigning"]

FIRST_KEY: Final = "FIRST_LOG_KEY_UNKNOWN"
"""A hand-over, or a checkpoint, by a key that no hand-over before it names."""
OWN_LEAF: Final = "OWN_LEAF_UNKNOWN"
"""A leaf of the log's own that is no hand-over."""
UNKNOWN_WITNESS: Final = "WITNESS_UNKNOWN"
"""A line below a checkpoint by somebody whom the settings do not name."""
FEW_WITNESSES: Final = "WITNESSES_FEW"
"""The witnessed checkpoint has fewer lines of the witnesses in the settings than those ask for."""


class LogSigning:
    """The keys of one log as its own leaves name them. ``at``: now; no witness has signed later."""

    def __init__(
        self,
        desk: LogDesk | None,
        findings: Findings,
        unchecked: Counter[str],
        *,
        at: int,
        keys: tuple[tuple[int, str], ...],
    ) -> None:
        self._desk, self._findings, self._unchecked, self._at = desk, findings, unchecked, at
        self._keys = LogKeys(tuple((since, parse_verifier(text)) for since, text in keys)) if keys else None

    @property
    def keys(self) -> tuple[tuple[int, str], ...]:
        """Those that hand-overs have named so far, each with the smallest tree that it signs."""
        return () if self._keys is None else tuple((since, key.text) for since, key in self._keys.keys)

    def take(self, place: int, leaf: bytes) -> None:
        """A leaf that is of no event."""
        kind = entry_kind(leaf)
        if kind is EntryKind.EVENT:
            self._findings.note(
                Damage.LEAF_ORDER, f"the leaf at place {place} is of an account, and said to be of none"
            )
        elif kind is EntryKind.UNKNOWN:
            self._unchecked[OWN_LEAF] += 1
        else:
            try:
                self._hand_over(place, leaf)
            except ProtocolError as error:
                self._findings.note(Damage.HANDOVER, f"the hand-over at place {place}: {error.detail}")

    def _hand_over(self, place: int, leaf: bytes) -> None:
        if self._keys is not None:
            self._keys = self._keys.after(leaf, place=place)
            return
        found = parse_rotation(leaf)
        found.new.key.verify(found.note.text.encode(), found.note.signatures[1].raw)
        if found.place != place:
            raise NotAuthentic(Code.ROTATION, "a hand-over for another place in the log")
        self._unchecked[FIRST_KEY] += 1
        self._keys = LogKeys.first(found.new, since=place + 1)

    def check(self, state: LogState, *, head: TreeHead, witnessed: TreeHead | None) -> None:
        """What was signed of the log is of these heads, by the keys that it had then, and witnesses signed theirs."""
        current, desk = None if self._keys is None else self._keys.current, self._desk
        if desk is not None and current not in {None, desk.signer.verifier}:
            self._findings.note(Damage.HANDOVER, "the last hand-over names another key than the settings")
        self._check_note(state.checkpoint, head, self._key_for(state.size), "signed")
        if state.witnessed:
            self._check_note(state.witnessed, witnessed, self._key_for(state.witnessed_size), "witnessed")

    def _key_for(self, size: int) -> NoteVerifier | None:
        """The key that signs trees of this size, as far as that is known."""
        if self._keys is None:
            return None if self._desk is None else self._desk.signer.verifier
        try:
            return self._keys.key_for(size)
        except ProtocolError:
            self._unchecked[FIRST_KEY] += 1
            return None

    def _check_note(self, text: str, expected: TreeHead | None, key: NoteVerifier | None, what: str) -> None:
        note = self._findings.note
        try:
            raw = text.encode()
            if key is None:
                # What it says is compared; that anybody signed it, nobody here can see.
                parsed = parse_note(raw)
                checkpoint = Checkpoint(*claimed_head(parsed), parsed)
            else:
                checkpoint = open_checkpoint(raw, expected_log=key)
        except ProtocolError as error:
            note(Damage.CHECKPOINT_DIFFERS, f"what was signed of the log is no checkpoint of its key: {error.detail}")
            return
        if checkpoint.head != expected:
            note(Damage.CHECKPOINT_DIFFERS, f"the {what} checkpoint is not of these leaves")
        known = self._check_witnesses(checkpoint)
        quorum = None if self._desk is None else self._desk.quorum
        if what == "witnessed" and quorum is not None and known < quorum.needed:
            self._unchecked[FEW_WITNESSES] += 1

    def _check_witnesses(self, checkpoint: Checkpoint) -> int:
        """How many of the witnesses in the settings have a line below it; each is verified."""
        quorum = None if self._desk is None else self._desk.quorum
        signed = [] if quorum is None else [each for each in quorum.witnesses if checkpoint.note.signature_by(each)]
        for witness in signed:
            try:
                verify_witnesses(checkpoint, expected_quorum=Quorum.of(1, [witness]), at=self._at)
            except ProtocolError as error:
                detail = f"the line of witness {witness.name} below the checkpoint of {checkpoint.head.size} leaves"
                self._findings.note(Damage.COSIGNATURE, f"{detail}: {error.detail}")
        others = len(checkpoint.note.signatures) - 1 - len(signed)
        if others > 0:
            self._unchecked[UNKNOWN_WITNESS] += others
        return len(signed)
