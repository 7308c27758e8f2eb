"""A service and real witnesses: processes of ``pteri witness run``, asked over HTTP."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2

from notes import INDEXES, LOG
from pteri.adapters.system import SystemClock
from pteri.adapters.witnesses import PAUSE_S, HttpWitness
from pteri.app.log_desk import LogDesk
from pteri.core.log.checkpoint import open_checkpoint
from pteri.core.log.note import parse_verifier
from pteri.core.log.page import LogAsked, LogPage
from pteri.core.log.witness import Quorum, verify_witnesses
from watching import made_witness, running
from world import SimClock
from worlds import Worlds


def test_two_witnesses_on_loopback_sign_what_a_phone_then_believes(worlds: Worlds, tmp_path: Path) -> None:
    # A witness signs with the time of this machine, so the service has it, too.
    clock, counted = SimClock(SystemClock().now()), [0.0]
    places = [made_witness(tmp_path / label, label) for label in ("one", "other")]
    with ExitStack() as processes:
        told = [processes.enter_context(running(place.directory)) for place in places]
        witnesses = tuple(
            HttpWitness(place.signer.verifier, said["url"], seconds=lambda: counted[0])
            for place, (_, said) in zip(places, told, strict=True)
        )
        quorum = Quorum.of(2, [witness.verifier for witness in witnesses])
        world = worlds(clock=clock, log=LogDesk(LOG, INDEXES, quorum=quorum, witnesses=witnesses))
        try:
            phone = world.enrolled()

            def believed() -> int:
                seen = phone.post("/log", LogAsked()).as_(LogPage)
                shown = open_checkpoint(seen.checkpoint.encode(), expected_log=LOG.verifier)
                return verify_witnesses(shown, expected_quorum=quorum, at=clock.now()).checkpoint.head.size

            assert believed() == 1
            # One of them dies. A change of authority is done, and its answer waits.
            process, said = told[1]
            process.kill()
            process.wait()
            frozen = phone.freeze()
            assert frozen.decided.code == "PENDING_LOG"
            assert believed() == 1
            # It comes back with what it remembers, and the same request is answered.
            port = said["url"].rpartition(":")[2]
            processes.enter_context(running(places[1].directory, "--port", port))
            assert world.send(frozen.request).code == "PENDING_LOG"
            counted[0] += PAUSE_S
            assert world.send(frozen.request).status == 200
            assert believed() == 2
        finally:
            for witness in witnesses:
                world.run(witness.close())


def test_a_new_service_with_two_new_witnesses_shows_a_checkpoint_that_both_have_seen(tmp_path: Path) -> None:
    """As the guide says it: a service, its log, two witnesses, and a look from outside."""
    port = free_port()
    made = pteri("init", str(tmp_path / "service"), "--domain", "bank.example", "--port", str(port))
    settings = Path(made["settings"])
    log_key = pteri("log", "new", "--config", str(settings))["log_key"]
    keys, tables = [], ""
    with ExitStack() as processes:
        watching = []
        for name in ("one.example", "other.example"):
            home = str(tmp_path / name)
            keys.append(pteri("witness", "new", home, "--name", name)["witness_key"])
            pteri("witness", "trust", home, log_key)
            process, told = processes.enter_context(running(Path(home)))
            watching.append(process)
            tables += f'\n[[log.witnesses]]\nkey = "{keys[-1]}"\nurl = "{told["url"]}"\n'
        text = settings.read_text(encoding="utf-8")
        text = text.replace("witnesses = []\n", "").replace("needed = 0\n", "needed = 2\n")
        settings.write_text(text + tables, encoding="utf-8")
        processes.enter_context(started(settings))
        for process in watching:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["event"] == "cosigned"
        note = published_checkpoint(f"http://127.0.0.1:{port}/log/checkpoint")
        shown = open_checkpoint(note, expected_log=parse_verifier(log_key))
        quorum = Quorum.of(2, [parse_verifier(key) for key in keys])
        seen = verify_witnesses(shown, expected_quorum=quorum, at=SystemClock().now()).seen
        assert [name for name, _ in seen] == ["one.example", "other.example"]
        trusted = [word for key in keys for word in ("--witness", key)]
        site = f"http://127.0.0.1:{port}/log"
        found = pteri("verify", "log", site, "--log-key", log_key, *trusted, "--needed", "2")
        assert found["origin"] == "bank.example/pteri"


def published_checkpoint(url: str) -> bytes:
    """Both have signed; the service has only to write it down."""
    for _ in range(2000):
        answer = httpx2.get(url)
        if answer.status_code == 200:
            return answer.content
    raise AssertionError("no checkpoint that both have seen")


@contextmanager
def started(settings: Path) -> Iterator[None]:
    command = [sys.executable, "-P", "-m", "pteri", "serve", "--config", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["event"] == "listening"
            yield
        finally:
            process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def pteri(*words: str) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "pteri", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))
