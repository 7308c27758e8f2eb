"""Showing the log to its witnesses: a checkpoint counts when enough of them have seen that the log only grew.

It reads what the log has and what was seen of it last, and can be killed on any line: a witness remembers itself what
it saw, and says so when we do not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from pteri.app.growing import NoLog, is_signed
from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import LogBook, Witness, WitnessBehind, WitnessRefused, WitnessUnavailable
from pteri.app.log_reading import consistency
from pteri.core.errors import ProtocolError
from pteri.core.log.checkpoint import Checkpoint, open_checkpoint
from pteri.core.log.note import NoteSignature
from pteri.core.log.witness import Quorum, verify_witnesses

__all__ = ["Refusal", "show_to_witnesses"]


class Refusal(msgspec.Struct, frozen=True):
    """A witness that did not sign: which, and why. For the operator; a witness that refuses is an alarm."""

    witness: str
    why: str
    is_alarm: bool


_ROUNDS: Final = 3


async def show_to_witnesses(book: LogBook, desk: LogDesk, *, at: int, tell: Callable[[Refusal], None]) -> bool:
    """Bring the witnessed checkpoint up to the log; whether it moved.

    One showing at a time in each process: of a hundred that wait, the first one's is that of most others, too.
    """
    async with desk.showing:
        return await _show(book, desk, at, tell)


async def _show(book: LogBook, desk: LogDesk, at: int, tell: Callable[[Refusal], None]) -> bool:
    state = await book.state()
    if desk.quorum is None or state is None or (state.witnessed and state.witnessed_size >= state.size):
        return False
    if not is_signed(state, desk.signer):
        # Handed over to a key that this process does not have: whoever has it shows it.
        raise NoLog("the log in this database is of another key or name than the settings say")
    checkpoint = open_checkpoint(state.checkpoint.encode(), expected_log=desk.signer.verifier)
    showing = _Showing(book, checkpoint, at, desk.seen, tell)
    lines = [line for line in await asyncio.gather(*map(showing.to, desk.witnesses)) if line is not None]
    if len(lines) < desk.quorum.needed:
        return False
    note = checkpoint.note.with_signatures(lines)
    return await book.keep_witnessed(note.encoded.decode(), checkpoint.head.size)


@dataclass(frozen=True, slots=True)
class _Showing:
    """One checkpoint on its way to everybody."""

    book: LogBook
    checkpoint: Checkpoint
    at: int
    seen: dict[str, int]
    tell: Callable[[Refusal], None]

    async def to(self, witness: Witness) -> NoteSignature | None:
        """The line of this witness, verified; ``None`` when it does not sign."""
        name, size = witness.verifier.name, self.checkpoint.head.size
        for _ in range(_ROUNDS):
            old = min(self.seen.get(name, 0), size)
            path = await consistency(self.book, old, size)
            try:
                line = await witness.cosign(self.checkpoint.note, old_size=old, path=path)
                self._check(line, witness)
            except WitnessBehind as behind:
                if behind.size > size:
                    if await self._has_grown_to(behind.size):
                        # Another process of this service was faster, and shows it what there is now.
                        return None
                    # It saw more than there is: somebody else signs with our key, or this database is an old copy.
                    self._refused(name, f"it has seen {behind.size} leaves, and there are {size}")
                    return None
                self.seen[name] = behind.size
                continue
            except WitnessRefused as refused:
                self._refused(name, str(refused))
                return None
            except (WitnessUnavailable, ProtocolError) as error:
                self.tell(Refusal(name, str(error), is_alarm=False))
                return None
            self.seen[name] = size
            return line
        return None

    async def _has_grown_to(self, size: int) -> bool:
        state = await self.book.state()
        return state is not None and state.size >= size

    def _refused(self, name: str, why: str) -> None:
        self.tell(Refusal(name, why, is_alarm=True))

    def _check(self, line: NoteSignature, witness: Witness) -> None:
        """Nothing that a witness has not signed goes into a note: one bad line spoils it for everybody."""
        shown = msgspec.structs.replace(self.checkpoint, note=self.checkpoint.note.with_signatures([line]))
        verify_witnesses(shown, expected_quorum=Quorum.of(1, [witness.verifier]), at=self.at)
