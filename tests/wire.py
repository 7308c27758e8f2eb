"""A wire between a store and its PostgreSQL that is cut at a chosen statement, before or after the server does it.

``before``: the statement never arrives. ``after``: the server has done it, and its answer is lost. These are the two
faces of every failure at a distance, whoever dies: the process, the server or the network.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import parse_qs, urlsplit

__all__ = ["When", "Wire"]

When = Literal["before", "after"]

_SOCKET: Final = ".s.PGSQL.5432"
_LAST: Final = {
    b"S": b"Z",  # "sync", answered by "ready"
    b"Q": b"Z",  # "query"
    b"H": b"TnE",  # "flush", after a statement was described: by its columns, or an error
}
"""Letter of the message that ends what a client sends at once, and letters of what ends the answer."""
_GOODBYE: Final = b"X"


async def _nothing() -> None:
    """What else happens at a cut."""


class Wire:
    """``async with Wire(url) as wire``: who uses ``wire.url`` reaches the same database through it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server_socket = Path(parse_qs(parts.query)["host"][0]) / _SOCKET
        self._place = Path(tempfile.mkdtemp(prefix="pteri-wire-"))
        self.url = parts._replace(query=f"host={self._place}").geturl()
        self.statements = 0
        """How many went to the server since the last ``cut_at``."""
        self.was_cut = False
        self._cut: tuple[int, When] | None = None
        self._at_the_cut: Callable[[], Awaitable[object]] = _nothing
        self._ends: set[asyncio.StreamWriter] = set()
        self._talks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_unix_server(self._connected, self._place / _SOCKET)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        for end in self._ends:
            end.close()
        await asyncio.gather(*self._talks, return_exceptions=True)
        await self._listening.wait_closed()
        shutil.rmtree(self._place)

    def cut_at(self, statement: int, when: When, at_the_cut: Callable[[], Awaitable[object]] = _nothing) -> None:
        """Cut the wire once, at the n-th statement from now, from 1, of whichever connection.

        ``at_the_cut``: what happens at that moment; both ends hear of the cut when it is done.
        """
        self.statements, self.was_cut = 0, False
        self._cut, self._at_the_cut = (statement, when), at_the_cut

    def stay_whole(self) -> None:
        """Cut nothing from now on."""
        self._cut = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        try:
            there, back = await asyncio.open_unix_connection(self._server_socket)
        except OSError:
            writer.close()
            return
        self._ends |= {writer, back}
        lost: list[bytes] = []
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._forward(reader, back, (writer, back), lost))
                both.create_task(self._answer(there, writer, (writer, back), lost))
        except* (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for end in (writer, back):
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()
            self._ends -= {writer, back}

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        ends: tuple[asyncio.StreamWriter, ...],
        lost: list[bytes],
    ) -> None:
        size = await reader.readexactly(4)  # the first message has no letter
        back.write(size + await reader.readexactly(int.from_bytes(size) - 4))
        waiting = b""
        while True:
            letter, size = await reader.readexactly(1), await reader.readexactly(4)
            waiting += letter + size + await reader.readexactly(int.from_bytes(size) - 4)
            if letter in _LAST:
                self.statements += 1
                if self._cut == (self.statements, "before"):
                    await self._cut_now(ends)
                elif self._cut == (self.statements, "after"):
                    lost.append(_LAST[letter])
            if letter in {*_LAST, _GOODBYE}:
                back.write(waiting)
                waiting = b""

    async def _answer(
        self,
        there: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ends: tuple[asyncio.StreamWriter, ...],
        lost: list[bytes],
    ) -> None:
        while True:
            letter, size = await there.readexactly(1), await there.readexactly(4)
            message = letter + size + await there.readexactly(int.from_bytes(size) - 4)
            if not lost:
                writer.write(message)
            elif letter in lost[0]:
                await self._cut_now(ends)

    async def _cut_now(self, ends: tuple[asyncio.StreamWriter, ...]) -> None:
        self._cut, self.was_cut = None, True
        await self._at_the_cut()
        for end in ends:
            end.transport.abort()
        raise ConnectionAbortedError
