"""Showing the log to its witnesses: a checkpoint counts when enough of them have seen that the log only grew.

It reads what the log has and who has seen it, and can be killed on any line: a witness remembers itself what it saw,
and says so when we do not. Whoever is named in the settings and has not signed what is newest is asked, also when
enough others have: people may believe him and not them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from pteri.app.growing import NoLog, is_signed
from pteri.app.log_desk import Asked, LogDesk, Stance, Standing
from pteri.app.log_ports import (
    LogBook,
    LogState,
    Witness,
    WitnessBehind,
    WitnessContradicts,
    WitnessRefused,
    WitnessUnavailable,
)
from pteri.app.log_reading import consistency
from pteri.app.log_seen import has_seen, joined, missing
from pteri.core.errors import ProtocolError
from pteri.core.log.checkpoint import Checkpoint, open_checkpoint
from pteri.core.log.note import NoteSignature
from pteri.core.log.witness import Quorum, verify_witnesses

__all__ = ["ASK_AGAIN_S", "WitnessNews", "ask_witnesses", "news_of", "show_to_witnesses", "whom_to_ask"]

ASK_AGAIN_S: Final = 60
"""A checkpoint that enough have seen is shown to the others again after so long: nobody waits for them."""
_ROUNDS: Final = 3
_ALARMS: Final = frozenset({Stance.REFUSES, Stance.CONTRADICTS})


class WitnessNews(msgspec.Struct, frozen=True):
    """What is new of a witness, for the operator; one that refuses is an alarm."""

    witness: str
    stance: Stance
    why: str

    @property
    def is_alarm(self) -> bool:
        """Whether somebody should be woken."""
        return self.stance in _ALARMS


async def show_to_witnesses(book: LogBook, desk: LogDesk, *, at: int, tell: Callable[[WitnessNews], None]) -> bool:
    """Bring the witnessed checkpoint up to the log; whether it moved. Then tell what has changed of the witnesses."""
    moved = await ask_witnesses(book, desk, at=at)
    for news in news_of(desk.standing, desk.told):
        desk.told[news.witness] = news.stance
        tell(news)
    return moved


def news_of(standing: Mapping[str, Standing], told: Mapping[str, Stance]) -> tuple[WitnessNews, ...]:
    """Whoever does something else than the operator was told last. Until told otherwise, he takes it that all sign."""
    return tuple(
        WitnessNews(name, now.stance, now.why)
        for name, now in sorted(standing.items())
        if now.stance is not told.get(name, Stance.SIGNS)
    )


async def ask_witnesses(book: LogBook, desk: LogDesk, *, at: int) -> bool:
    """Show the newest checkpoint to whoever has not signed it, and keep it when enough have; whether it moved.

    One showing at a time in each process: of a hundred that wait, the first one's is that of most others, too.
    """
    async with desk.showing:
        return await _show(book, desk, at)


def whom_to_ask(state: LogState, quorum: Quorum, asked: Mapping[str, Asked], *, at: int) -> frozenset[str]:
    """Everybody whose line is missing. When the others are enough, only who was not asked for this a moment ago."""
    lacking = missing(state, quorum)
    if state.witnessed_size < state.size or not has_seen(state, quorum):
        return lacking
    return frozenset(name for name in lacking if not _is_recent(asked.get(name), state.size, at))


def _is_recent(asked: Asked | None, size: int, at: int) -> bool:
    # A clock that was set back would put it off for as long.
    return asked is not None and asked.size == size and 0 <= at - asked.at < ASK_AGAIN_S


async def _show(book: LogBook, desk: LogDesk, at: int) -> bool:
    state = await book.state()
    if desk.quorum is None or state is None:
        return False
    if not is_signed(state, desk.signer):
        # Handed over to a key that this process does not have: whoever has it shows it.
        raise NoLog("the log in this database is of another key or name than the settings say")
    names = whom_to_ask(state, desk.quorum, desk.asked, at=at)
    if not names:
        return False
    checkpoint = open_checkpoint(state.checkpoint.encode(), expected_log=desk.signer.verifier)
    showing = _Showing(book, desk, checkpoint, at)
    asked = [witness for witness in desk.witnesses if witness.verifier.name in names]
    lines = [line for line in await asyncio.gather(*map(showing.to, asked)) if line is not None]
    return bool(lines) and await _keep(book, desk.quorum, checkpoint, lines, state)


async def _keep(
    book: LogBook, quorum: Quorum, checkpoint: Checkpoint, lines: list[NoteSignature], state: LogState
) -> bool:
    """Store the note, beside what another process stored of the same checkpoint meanwhile."""
    size = checkpoint.head.size
    for _ in range(_ROUNDS):
        note = joined(checkpoint, state, lines, quorum)
        if note is None or state.witnessed_size > size:
            return False
        if await book.keep_witnessed(note, size, instead_of=state.witnessed):
            return True
        now = await book.state()
        assert now is not None  # a log that has begun is never taken away
        state = now
    return False


@dataclass(frozen=True, slots=True)
class _Showing:
    """One checkpoint on its way to everybody."""

    book: LogBook
    desk: LogDesk
    checkpoint: Checkpoint
    at: int

    async def to(self, witness: Witness) -> NoteSignature | None:
        """The line of this witness, verified; ``None`` when it does not sign."""
        name = witness.verifier.name
        self.desk.asked[name] = Asked(self.checkpoint.head.size, self.at)
        try:
            line = await self._line_of(witness)
        except WitnessContradicts as contradicts:
            self._stands(name, Stance.CONTRADICTS, str(contradicts))
        except WitnessRefused as refused:
            self._stands(name, Stance.REFUSES, str(refused))
        except (WitnessUnavailable, ProtocolError) as error:
            self._stands(name, Stance.SILENT, str(error))
        else:
            if line is not None:
                self._stands(name, Stance.SIGNS, "")
            return line
        return None

    async def _line_of(self, witness: Witness) -> NoteSignature | None:
        name, size, seen = witness.verifier.name, self.checkpoint.head.size, self.desk.seen
        for _ in range(_ROUNDS):
            old = min(seen.get(name, 0), size)
            path = await consistency(self.book, old, size)
            try:
                line = await witness.cosign(self.checkpoint.note, old_size=old, path=path)
            except WitnessBehind as behind:
                if behind.size > size:
                    if await self._has_grown_to(behind.size):
                        # Another process of this service was faster, and shows it what there is now.
                        return None
                    # It saw more than there is: somebody else signs with our key, or this database is an old copy.
                    raise WitnessContradicts(f"it has seen {behind.size} leaves, and there are {size}") from behind
                seen[name] = behind.size
                continue
            self._check(line, witness)
            seen[name] = size
            return line
        raise WitnessUnavailable("it says each time that it saw another size")

    async def _has_grown_to(self, size: int) -> bool:
        state = await self.book.state()
        return state is not None and state.size >= size

    def _stands(self, name: str, stance: Stance, why: str) -> None:
        self.desk.standing[name] = Standing(stance, why)

    def _check(self, line: NoteSignature, witness: Witness) -> None:
        """Nothing that a witness has not signed goes into a note: one bad line spoils it for everybody."""
        shown = msgspec.structs.replace(self.checkpoint, note=self.checkpoint.note.with_signatures([line]))
        verify_witnesses(shown, expected_quorum=Quorum.of(1, [witness.verifier]), at=self.at)
