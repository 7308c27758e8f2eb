"""How a service asks a witness: whatever that one answers, the service hears one of four things."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from notes import LOG, NOW, WITNESSES, checkpoint
from pteri.adapters.witnesses import PAUSE_S, HttpWitness
from pteri.app.log_ports import WitnessBehind, WitnessRefused, WitnessUnavailable
from pteri.core.log.add_checkpoint import encode_cosignatures, parse_add_checkpoint
from pteri.core.log.note import NoteSignature
from pteri.core.log.proving import consistency_proof
from pteri.core.log.witness import cosign
from trees import grown

TREE = grown(40)
SHOWN = checkpoint(TREE.heads[37])
PATH = consistency_proof(20, 37, TREE.read)
LINES = [cosign(SHOWN, signer, at=NOW) for signer in WITNESSES]
MINE = WITNESSES[0].verifier
SIZE = "text/x.tlog.size"


class Peer:
    """Answers everybody with these bytes, and keeps what was asked."""

    def __init__(self, answer: bytes, *, hangs: bool = False) -> None:
        self.answer, self.hangs = answer, hangs
        self.asked: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            [length] = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            self.asked.append(head + await reader.readexactly(length))
            writer.write(self.answer)
            await writer.drain()
            if self.hangs:
                await reader.read()
        finally:
            writer.close()


def reply(status: int, body: bytes, kind: str = "text/plain", more: str = "") -> bytes:
    head = (
        f"HTTP/1.1 {status} x\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{more}connection: close\r\n\r\n"
    )
    return head.encode() + body


@asynccontextmanager
async def asking(
    peer: Peer, *, deadline_s: float = 20.0, seconds: Callable[[], float] = lambda: 1.0
) -> AsyncIterator[HttpWitness]:
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    witness = HttpWitness(MINE, f"http://127.0.0.1:{port}/w", deadline_s=deadline_s, seconds=seconds)
    try:
        yield witness
    finally:
        await witness.close()
        server.close()


def cosigned(witness: HttpWitness, old_size: int = 20) -> Awaitable[NoteSignature]:
    return witness.cosign(SHOWN.note, old_size=old_size, path=PATH)


def heard(peer: Peer, *, deadline_s: float = 20.0, old_size: int = 20) -> NoteSignature:
    async def ask() -> NoteSignature:
        async with asking(peer, deadline_s=deadline_s) as witness:
            return await cosigned(witness, old_size)

    return asyncio.run(ask())


def test_it_sends_what_the_protocol_says_and_takes_its_own_line() -> None:
    peer = Peer(reply(200, encode_cosignatures([LINES[1], LINES[0]])))
    assert heard(peer) == LINES[0]
    [asked] = peer.asked
    head, _, body = asked.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /w/add-checkpoint HTTP/1.1\r\n")
    request = parse_add_checkpoint(body)
    assert (request.old_size, request.path, request.checkpoint) == (20, PATH, SHOWN.note)


def test_a_witness_that_saw_another_size_is_asked_from_there() -> None:
    with pytest.raises(WitnessBehind) as behind:
        heard(Peer(reply(409, b"31\n", SIZE)))
    assert behind.value.size == 31
    with pytest.raises(WitnessBehind):
        heard(Peer(reply(409, b"31\n", "Text/X.Tlog.Size; charset=utf-8")))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, b"", "text/plain"),
        (404, b"", "text/plain"),
        (422, b"", "text/plain"),
        (409, b"", "text/plain"),
        # It starts from where it was asked to start, and still says no: it saw another tree of this size.
        (409, b"20\n", SIZE),
    ],
)
def test_no_is_no(status: int, body: bytes, kind: str) -> None:
    with pytest.raises(WitnessRefused):
        heard(Peer(reply(status, body, kind)))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        reply(200, b""),
        reply(200, b"thank you\n"),
        reply(200, encode_cosignatures(LINES[1:])),
        reply(200, encode_cosignatures([LINES[0], LINES[0]])),
        reply(200, b"more\n\n" + encode_cosignatures(LINES)),
        reply(200, encode_cosignatures(LINES) + b"\n" * 70_000),
        reply(409, b"037\n", SIZE),
        reply(409, b"x" * 100, SIZE),
        reply(500, b""),
        reply(503, b""),
        reply(307, b"", more="location: http://127.0.0.1:1/\r\n"),
    ],
)
def test_what_is_no_answer_says_nothing(answer: bytes) -> None:
    with pytest.raises(WitnessUnavailable):
        heard(Peer(answer))


def test_an_answer_that_does_not_end_is_not_waited_for() -> None:
    with pytest.raises(WitnessUnavailable, match="in time"):
        heard(Peer(b"HTTP/1.1 200 x\r\ncontent-length: 1000\r\n\r\n", hangs=True), deadline_s=0.2)


def test_nobody_there_is_nobody_there() -> None:
    async def ask() -> None:
        async with asking(Peer(b"")) as witness:
            pass
        again = HttpWitness(MINE, witness._url.removesuffix("/add-checkpoint"), seconds=lambda: 1.0)
        try:
            await cosigned(again)
        finally:
            await again.close()

    with pytest.raises(WitnessUnavailable, match="cannot be reached"):
        asyncio.run(ask())


def test_who_did_not_answer_is_left_alone_for_a_moment_and_then_asked_again() -> None:
    now = [100.0]

    async def ask() -> None:
        peer = Peer(reply(500, b""))
        async with asking(peer, seconds=lambda: now[0]) as witness:
            for _ in range(3):
                with pytest.raises(WitnessUnavailable):
                    await cosigned(witness)
            assert len(peer.asked) == 1
            now[0] += PAUSE_S
            peer.answer = reply(200, encode_cosignatures(LINES))
            assert await cosigned(witness) == LINES[0]
            # No is an answer: it is asked again whenever there is something to ask.
            peer.answer = reply(422, b"")
            for _ in range(2):
                with pytest.raises(WitnessRefused):
                    await cosigned(witness)
            assert len(peer.asked) == 4

    asyncio.run(ask())


def test_it_is_who_the_settings_say() -> None:
    assert HttpWitness(MINE, "http://127.0.0.1:1").verifier == MINE != LOG.verifier
