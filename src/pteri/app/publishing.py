"""The log as plain files: tiles first, the checkpoint last, so that whoever reads a checkpoint finds what it is of.

It reads where it left off from the checkpoint that it published last. Full tiles never change; a partial one is
replaced by a wider one, under another name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import LogBook, LogFiles, LogFilesUnavailable, LogState
from pteri.app.log_reading import file_bytes, head, published
from pteri.core.errors import ProtocolError
from pteri.core.log.checkpoint import claimed_head
from pteri.core.log.note import parse_note
from pteri.core.log.tiles import bundles_between, tile_path, tiles_between

__all__ = ["CHECKPOINT", "OtherLog", "PublishNews", "Publisher", "publish", "says_more"]

CHECKPOINT: Final = "checkpoint"


class OtherLog(Exception):
    """Where the log should be published is another one, or a longer one of this name."""


class PublishNews(StrEnum):
    """What an operator hears of the published files: once when it begins, and once when it is over."""

    IS_ANOTHER = "log_is_another"
    CANNOT = "log_not_published"
    GOES_ON = "log_published_again"


@dataclass(slots=True)
class Publisher:
    """The loop that publishes, and what it has told the operator. ``tell`` hears what is new, and why."""

    book: LogBook
    desk: LogDesk
    files: LogFiles
    tell: Callable[[PublishNews, str], None]
    _told: tuple[PublishNews, str] = field(default=(PublishNews.GOES_ON, ""), init=False)

    async def turn(self) -> bool:
        """One turn; whether anything was written."""
        try:
            wrote = await publish(self.book, self.desk, self.files)
        except OtherLog as error:
            # Each of its reasons is another trouble; those of a disk change from file to file.
            self._say((PublishNews.IS_ANOTHER, str(error)), str(error))
        except LogFilesUnavailable as error:
            self._say((PublishNews.CANNOT, ""), str(error))
        else:
            self._say((PublishNews.GOES_ON, ""), "")
            return wrote
        return False

    def _say(self, news: tuple[PublishNews, str], why: str) -> None:
        if news != self._told:
            self._told = news
            self.tell(news[0], why)


async def publish(book: LogBook, desk: LogDesk, files: LogFiles) -> bool:
    """Write what is new; whether anything was. ``OtherLog`` rather than take back a word that people may have read."""
    # A slow one of two could put an older checkpoint over a newer one: whoever saw both would cry.
    with files.turn():
        await _finished(files.sweep)
        state = await book.state()
        shown = None if state is None else published(state, desk)
        if state is None or shown is None:
            return False
        note = files.read(CHECKPOINT)
        there = await _size_of(book, desk, note, state)
        if note is not None and (shown.size, says_more(shown.checkpoint, note)) <= (there, False):
            return False
        grown = max(there, 0), shown.size
        for tile in (*bundles_between(*grown), *tiles_between(*grown)) if shown.size > there else ():
            path = tile_path(tile)
            # A full tile never changes. It is there when a turn before this one was cut off; but where no checkpoint
            # says whose it is, it may be of another log.
            if there < 0 or not (tile.is_full and files.has(path)):
                # Beside the requests of this process: a disk takes its time, and a first publication has many files.
                await _finished(files.write, path, await file_bytes(book, tile))
        await _finished(files.write, CHECKPOINT, shown.checkpoint)
        return True


def says_more(shown: bytes, there: bytes) -> bool:
    """Whether this note has a line that the published one of the same size lacks. Lines are never taken away."""
    return not set(parse_note(shown).signatures) <= set(parse_note(there).signatures)


async def _finished(work: Callable[..., None], *values: object) -> None:
    """In a thread. Who is cancelled meanwhile waits for its end: nobody else has a turn while a thread still writes."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *values))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        with suppress(LogFilesUnavailable):
            working.result()
        raise


async def _size_of(book: LogBook, desk: LogDesk, note: bytes | None, state: LogState) -> int:
    """How far the published log has come, if it is ours: whoever signed, our own tree says what it was then."""
    if note is None:
        return -1
    try:
        origin, there = claimed_head(parse_note(note))
    except ProtocolError as error:
        raise OtherLog("what is published there is no checkpoint") from error
    if origin != desk.signer.verifier.name:
        raise OtherLog("the log that is published there has another name")
    if there.size > state.size:
        raise OtherLog("the published log is longer than this one: is this an old copy of the database?")
    if await head(book, there.size) != there:
        raise OtherLog("the log that is published there is not the beginning of this one")
    return there.size
