"""The log as plain files: tiles first, the checkpoint last, so that whoever reads a checkpoint finds what it is of.

It reads where it left off from the checkpoint that it published last. Full tiles never change; a partial one is
replaced by a wider one, under another name.
"""

from __future__ import annotations

import asyncio
from typing import Final

from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import LogBook, LogFiles, LogState
from pteri.app.log_reading import file_bytes, head, published
from pteri.core.errors import ProtocolError
from pteri.core.log.checkpoint import claimed_head
from pteri.core.log.note import parse_note
from pteri.core.log.tiles import bundles_between, tile_path, tiles_between

__all__ = ["CHECKPOINT", "OtherLog", "publish"]

CHECKPOINT: Final = "checkpoint"


class OtherLog(Exception):
    """Where the log should be published is another one, or a longer one of this name."""


async def publish(book: LogBook, desk: LogDesk, files: LogFiles) -> bool:
    """Write what is new; whether anything was. ``OtherLog`` rather than take back a word that people may have read."""
    # A slow one of two could put an older checkpoint over a newer one: whoever saw both would cry.
    with files.turn():
        state = await book.state()
        shown = None if state is None else published(state, desk)
        if state is None or shown is None:
            return False
        there = await _size_of(book, desk, files.read(CHECKPOINT), state)
        if shown.size <= there:
            return False
        grown = max(there, 0), shown.size
        for tile in (*bundles_between(*grown), *tiles_between(*grown)):
            path = tile_path(tile)
            # A full tile never changes. It is there when a turn before this one was cut off; but where no checkpoint
            # says whose it is, it may be of another log.
            if there < 0 or not (tile.is_full and files.has(path)):
                # Beside the requests of this process: a disk takes its time, and a first publication has many files.
                await asyncio.to_thread(files.write, path, await file_bytes(book, tile))
        await asyncio.to_thread(files.write, CHECKPOINT, shown.checkpoint)
        return True


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
