"""A server on loopback that answers as it was told, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Answerer = Callable[[int, bytes], bytes | None]
"""From the number of the request and its bytes to the bytes of the answer; ``None`` hangs up instead."""


class Scripted:
    """What was seen. ``origin`` is where it listens."""

    def __init__(self) -> None:
        self.origin = ""
        self.requests: list[bytes] = []
        self.connections = 0


@asynccontextmanager
async def scripted(answerer: Answerer) -> AsyncIterator[Scripted]:
    seen = Scripted()
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                seen.requests.append(head + await reader.readexactly(size))
                answer = answerer(len(seen.requests), seen.requests[-1])
                if answer is None:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    seen.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await server.wait_closed()


def answer(status: int, body: bytes = b"{}", *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status} Said\r\ncontent-length: {len(body)}\r\n{lines}\r\n".encode() + body
