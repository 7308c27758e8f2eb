"""The loops that tell and deliver, taken by hand; and a small mail server on loopback that says what tests want."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from pteri.app.delivering import GaveUp, deliver_what_is_due
from pteri.app.telling import tell_of_what_is_due

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pteri.app.ports import Courier
    from world import World

__all__ = ["MailServer", "delivered", "lost", "mail_server"]


def delivered(world: World, courier: Courier | None = None) -> int:
    """What the loops do until nothing is left; how many deliveries were given up."""
    return sum(count for count, _ in lost(world, courier))


def lost(world: World, courier: Courier | None = None) -> list[tuple[int, GaveUp]]:
    """The same; what the operator hears."""
    given_up: list[tuple[int, GaveUp]] = []

    async def work() -> None:
        while await tell_of_what_is_due(world.deployment, world.clock.at):
            pass
        through = courier or world.courier
        while await deliver_what_is_due(
            world.deployment, through, world.clock.at, gave_up=lambda *told: given_up.append(told)
        ):
            pass

    world.run(work())
    return given_up


class MailServer:
    """Speaks as much SMTP as a sender needs. ``said``: every line that it heard; ``taken``: recipient and content.

    ``starttls``: what it goes over to TLS with when it is asked; without, it offers none. ``in_the_clear``: what it
    heard before.
    """

    def __init__(self, *, starttls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.starttls = starttls
        self.in_the_clear: list[str] = []
        self.taken: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.refuses: dict[str, str] = {}
        self.sender_answer = "250 yes"
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
                    await self._answer(writer, "250-loopback", f"250 {self._offered(writer)}")
                case "STARTTLS" if self.starttls is not None:
                    await self._answer(writer, "220 go on")
                    self.in_the_clear = [*self.said]
                    try:
                        await writer.start_tls(self.starttls)
                    except (ssl.SSLError, ConnectionError):
                        break
                case "RCPT":
                    recipient = line.partition("<")[2].partition(">")[0]
                    await self._answer(writer, self.refuses.get(recipient, "250 yes"))
                case "DATA":
                    await self._answer(writer, "354 go on")
                    content = (await reader.readuntil(b"\r\n.\r\n")).decode()
                    if self.data_answer.startswith("250"):
                        self.taken.append((recipient, content))
                    await self._answer(writer, self.data_answer)
                case "QUIT":
                    await self._answer(writer, "221 bye")
                    break
                case verb:
                    always = {"AUTH": "235 welcome", "MAIL": self.sender_answer}
                    await self._answer(writer, always.get(verb, "250 yes"))
        writer.close()

    def _offered(self, writer: asyncio.StreamWriter) -> str:
        if writer.get_extra_info("ssl_object") is not None:
            return "AUTH PLAIN"
        return "8BITMIME" if self.starttls is None else "STARTTLS"

    async def _answer(self, writer: asyncio.StreamWriter, *lines: str) -> None:
        if lines == ("",):
            writer.close()
            return
        writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await writer.drain()


@asynccontextmanager
async def mail_server(
    *, starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None
) -> AsyncIterator[MailServer]:
    """A server on a free port of 127.0.0.1, for as long as the block. ``implicit``: it speaks nothing but TLS."""
    server = MailServer(starttls=starttls)
    listener = await asyncio.start_server(server.talk, "127.0.0.1", 0, ssl=implicit)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server
