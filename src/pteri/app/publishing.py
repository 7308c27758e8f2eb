"""The log as plain files: tiles first, the checkpoint last, so that whoever reads a checkpoint finds what it is of.

It reads where it left off from the checkpoint that it published last. Full tiles never change; a partial one is
replaced by a wider one, under another name.
"""

from __future__ import annotations

from typing import Final

from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import LogBook, LogFiles
from pteri.app.log_reading import file_bytes, published
from pteri.core.errors import ProtocolError
from pteri.core.log.checkpoint import open_checkpoint
from pteri.core.log.tiles import bundles_between, tile_path, tiles_between

__all__ = ["CHECKPOINT", "OtherLog", "publish"]

CHECKPOINT: Final = "checkpoint"


class OtherLog(Exception):
    """Where the log should be published is another one, or a longer one of this name."""


async def publish(book: LogBook, desk: LogDesk, files: LogFiles) -> bool:
    """Write what is new; whether anything was. ``OtherLog`` rather than take back a word that people may have read."""
    state = await book.state()
    shown = None if state is None else published(state, desk)
    if shown is None:
        return False
    # A slow one of two could put an older checkpoint over a newer one: whoever saw both would cry.
    with files.turn():
        before = files.read(CHECKPOINT)
        there = -1 if before is None else _size_of(before, desk)
        if shown.size < there:
            raise OtherLog("the published log is longer than this one: is this an old copy of the database?")
        if shown.size == there:
            return False
        grown = max(there, 0), shown.size
        for tile in (*bundles_between(*grown), *tiles_between(*grown)):
            path = tile_path(tile)
            # A full tile never changes. It is there when a turn before this one was cut off.
            if not (tile.is_full and files.has(path)):
                files.write(path, await file_bytes(book, tile))
        files.write(CHECKPOINT, shown.checkpoint)
        return True


def _size_of(note: bytes, desk: LogDesk) -> int:
    try:
        return open_checkpoint(note, expected_log=desk.signer.verifier).head.size
    except ProtocolError as error:
        raise OtherLog("what is published there was not signed by the key of this log") from error
