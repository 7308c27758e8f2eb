"""Abuse cases SV-10, SV-11, SV-14 and SV-15 against witnesses that run, asked as a service asks them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from notes import LOG, ORIGIN, WITNESSES, log_signer
from pteri.adapters.system import SystemClock
from pteri.adapters.witnesses import HttpWitness
from pteri.app.log_ports import WitnessBehind, WitnessRefused, WitnessUnavailable
from pteri.core.errors import Code, ProtocolError
from pteri.core.log.checkpoint import open_checkpoint, signed_checkpoint
from pteri.core.log.following import SuspicionKind, verify_suspicion
from pteri.core.log.note import Note, NoteSignature, NoteSigner
from pteri.core.log.proving import consistency_proof
from pteri.core.log.witness import Quorum, verify_witnesses
from pteri.witness.keeper import kept_proofs
from pteri.witness.place import Place, read_memory
from trees import Grown
from watching import OTHER_TREE, TREE, made_witness, running

Ask = Callable[[Sequence[HttpWitness]], Awaitable[None]]


def asking(tmp_path: Path, ask: Ask, *, number: int = 1) -> list[Place]:
    """Real witnesses in processes of their own, which know the log, and somebody who asks them."""
    places = [made_witness(tmp_path / f"witness {each}", f"witness {each}") for each in range(number)]

    async def asked(urls: Sequence[str]) -> None:
        witnesses = [
            HttpWitness(place.signer.verifier, url, seconds=lambda: 0.0)
            for place, url in zip(places, urls, strict=True)
        ]
        try:
            await ask(witnesses)
        finally:
            for witness in witnesses:
                await witness.close()

    with ExitStack() as processes:
        urls = [processes.enter_context(running(place.directory))[1]["url"] for place in places]
        asyncio.run(asked(urls))
    return places


def shows(
    witness: HttpWitness, old: int, new: int, tree: Grown = TREE, signer: NoteSigner = LOG
) -> Awaitable[NoteSignature]:
    note = signed_checkpoint(tree.heads[new], signer).note
    return witness.cosign(note, old_size=old, path=consistency_proof(old, new, tree.read))


def test_sv_10_whoever_has_the_key_of_the_log_gets_no_quorum_for_a_tree_of_one_victim(tmp_path: Path) -> None:
    """He owns the database and the log's key, and shows everybody one tree, and one person another."""
    for_the_victim = signed_checkpoint(OTHER_TREE.heads[30], LOG)
    quorum: list[Quorum] = []

    async def attack(witnesses: Sequence[HttpWitness]) -> None:
        quorum.append(Quorum.of(2, [witness.verifier for witness in witnesses]))
        for witness in witnesses:
            await shows(witness, 0, 20)
            await shows(witness, 20, 30)
        lines = []
        for witness in witnesses:
            # Whatever he says that the witness saw last, and whatever he calls a path from there.
            for old in (0, 20):
                with pytest.raises(WitnessBehind):
                    lines.append(await shows(witness, old, 30, OTHER_TREE))
            with pytest.raises(WitnessRefused):
                lines.append(await shows(witness, 30, 30, OTHER_TREE))
            with pytest.raises(WitnessRefused):
                lines.append(await shows(witness, 30, 40, OTHER_TREE))
        assert lines == []

    places = asking(tmp_path, attack, number=3)
    with pytest.raises(ProtocolError, check=lambda error: error.code is Code.WITNESSES):
        verify_witnesses(for_the_victim, expected_quorum=quorum[0], at=SystemClock().now())
    for place in places:
        last = read_memory(place.directory, ORIGIN)
        assert last is not None
        assert last.head == TREE.heads[30]


def test_sv_11_a_log_that_was_cut_finds_witnesses_who_saw_more(tmp_path: Path) -> None:
    """The database is put back to yesterday, or some leaves are taken off its end."""

    async def attack(witnesses: Sequence[HttpWitness]) -> None:
        [witness] = witnesses
        await shows(witness, 0, 30)
        for old, new in ((0, 20), (20, 20), (20, 29)):
            with pytest.raises(WitnessBehind) as behind:
                await shows(witness, old, new)
            assert behind.value.size == 30

    asking(tmp_path, attack)


def test_sv_14_a_witness_keeps_two_roots_of_one_size_as_a_proof_for_anybody(tmp_path: Path) -> None:
    async def attack(witnesses: Sequence[HttpWitness]) -> None:
        [witness] = witnesses
        await shows(witness, 0, 30)
        with pytest.raises(WitnessRefused):
            await shows(witness, 30, 30, OTHER_TREE)
        # And nobody else makes a proof against this log: not a stranger with a key of his own under its name.
        with pytest.raises(WitnessRefused):
            await shows(witness, 30, 30, OTHER_TREE, log_signer("an enemy"))

    [place] = asking(tmp_path, attack)
    [kept] = kept_proofs(place.directory, ORIGIN)
    found = verify_suspicion(kept.path.read_bytes(), expected_logs=[LOG.verifier])
    assert found.kind is SuspicionKind.SPLIT_VIEW
    assert found.kind.is_proof


def test_sv_15_one_who_answers_and_never_ends_does_not_hold_up_those_who_sign(tmp_path: Path) -> None:
    """A witness is an outsider, too: slow on purpose, it would keep every owner waiting for his change."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")
            await reader.read()
        finally:
            writer.close()

    async def attack(witnesses: Sequence[HttpWitness]) -> None:
        honest, other = witnesses
        server = await asyncio.start_server(endless, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        slow = HttpWitness(WITNESSES[2].verifier, url, deadline_s=0.2, seconds=lambda: 0.0)
        async with asyncio.timeout(20):
            answers = await asyncio.gather(
                *(shows(each, 0, 30) for each in (honest, other, slow)), return_exceptions=True
            )
            # The next time it is not even asked.
            with pytest.raises(WitnessUnavailable, match="a moment ago"):
                await shows(slow, 0, 30)
        await slow.close()
        server.close()
        lines = [answer for answer in answers if isinstance(answer, NoteSignature)]
        assert isinstance(answers[2], WitnessUnavailable)
        quorum = Quorum.of(2, [honest.verifier, other.verifier, slow.verifier])
        note: Note = signed_checkpoint(TREE.heads[30], LOG).note.with_signatures(lines)
        shown = open_checkpoint(note.encoded, expected_log=LOG.verifier)
        assert verify_witnesses(shown, expected_quorum=quorum, at=SystemClock().now())

    asking(tmp_path, attack, number=2)
