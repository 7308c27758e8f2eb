"""The loops that tell and deliver, taken by hand; and a small mail server on loopback that says what tests want."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pteri.app.delivering import deliver_what_is_due
from pteri.app.telling import tell_of_what_is_due

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pteri.app.ports import Courier
    from world import World

__all__ = ["MailServer", "delivered", "mail_server"]


def delivered(world: World, courier: Courier | None = None) -> int:
    """What the loops do until nothing is left; how many deliveries were given up."""
    given_up: list[int] = []

    async def work() -> None:
        while await tell_of_what_is_due(world.deployment, world.clock.at):
            pass
        through = courier or world.courier
        while await deliver_what_is_due(world.deployment, through, world.clock.at, gave_up=given_up.append):
            pass

    world.run(work())
    return sum(given_up)


class MailServer:
    """Speaks as much SMTP as a sender needs. ``said``: every line that it heard; ``taken``: recipient and content."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.refuses: set[str] = set()
        self.data_answer = "250 taken"
        self.greeting = "220 loopback"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One conversation. An empty answer hangs up."""
        recipient = ""
        await self._answer(writer, self.greeting)
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.said.append(line)
            match line.split(" ")[0].upper():
                case "EHLO":
                    await self._answer(writer, "250 loopback")
                case "RCPT":
                    recipient = line.partition("<")[2].partition(">")[0]
                    await self._answer(writer, "550 no such mailbox" if recipient in self.refuses else "250 yes")
                case "DATA":
                    await self._answer(writer, "354 go on")
                    content = (await reader.readuntil(b"\r\n.\r\n")).decode()
                    if self.data_answer.startswith("250"):
                        self.taken.append((recipient, content))
                    await self._answer(writer, self.data_answer)
                case "QUIT":
                    await self._answer(writer, "221 bye")
                    break
                case _:
                    await self._answer(writer, "250 yes")
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, *lines: str) -> None:
        if lines == ("",):
            writer.close()
            return
        writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await writer.drain()


@asynccontextmanager
async def mail_server() -> AsyncIterator[MailServer]:
    """A server on a free port of 127.0.0.1, for as long as the block."""
    server = MailServer()
    listener = await asyncio.start_server(server.talk, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server
