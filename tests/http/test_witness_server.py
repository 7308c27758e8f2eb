"""A witness over HTTP: the process that runs, asked by whoever finds its port."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from notes import LOG, ORIGIN, log_signer
from pteri.core.log.add_checkpoint import MAX_REQUEST_BYTES, parse_cosignatures
from pteri.core.log.checkpoint import signed_checkpoint
from pteri.witness.place import Place, memory_path, read_memory
from watching import OTHER_TREE, TREE, made_witness, running, shown

SIZE = "text/x.tlog.size"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return made_witness(tmp_path_factory.mktemp("witness"))


@pytest.fixture(scope="module")
def url(place: Place) -> Iterator[str]:
    with running(place.directory) as (_, told):
        yield told["url"]


def post(url: str, body: bytes) -> httpx2.Response:
    return httpx2.post(f"{url}/add-checkpoint", content=body, timeout=20)


def test_the_words_of_the_protocol(tmp_path: Path) -> None:
    """One conversation, from the first checkpoint to the day on which the log lies."""
    place = made_witness(tmp_path / "witness")
    with running(place.directory) as (_, told):
        url = told["url"]
        first = post(url, shown(0, 10))
        assert first.status_code == 200
        [line] = parse_cosignatures(first.content, expected_note=signed_checkpoint(TREE.heads[10], LOG).note)
        assert (line.name, line.id) == (place.signer.verifier.name, place.signer.verifier.id)
        assert post(url, shown(10, 20)).status_code == 200
        late = post(url, shown(10, 15))
        assert (late.status_code, late.headers["content-type"], late.content) == (409, SIZE, b"20\n")
        assert post(url, shown(20, 20)).status_code == 200
        assert post(url, shown(20, 30, OTHER_TREE)).status_code == 422
        assert post(url, shown(20, 30, signer=log_signer("an enemy"))).status_code == 403
        assert post(url, shown(20, 30, signer=log_signer("log", "log.other.example"))).status_code == 404
        assert post(url, b"old 20" + shown(0, 10).removeprefix(b"old 0")).status_code == 400
        lie = post(url, shown(20, 20, OTHER_TREE))
        assert (lie.status_code, lie.headers["content-type"], lie.content) == (409, SIZE, b"20\n")
        last = read_memory(place.directory, ORIGIN)
        assert last is not None
        assert last.head == TREE.heads[20]


@pytest.mark.parametrize("body", [b"", b"hello", b"old 0\n\n", b"old 0\n\n\n\n\n", bytes(1000), b"\xff" * 1000])
def test_garbage_is_a_bad_request(url: str, body: bytes) -> None:
    assert post(url, body).status_code == 400


def test_a_huge_body_is_refused_before_its_end(url: str) -> None:
    assert post(url, bytes(MAX_REQUEST_BYTES + 1)).status_code == 413
    host = urlsplit(url)
    with socket.create_connection((host.hostname, host.port), timeout=20) as connection:
        connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 99999999999\r\n\r\n")
        connection.sendall(bytes(MAX_REQUEST_BYTES + 1))
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/add-checkpoint", 405), ("GET", "/", 404), ("POST", "/", 404), ("POST", "/add-checkpoint/", 404)],
)
def test_there_is_nothing_else(url: str, method: str, path: str, status: int) -> None:
    assert httpx2.request(method, url + path).status_code == status


def test_many_at_once_for_one_log_are_answered_one_after_the_other(place: Place, url: str) -> None:
    last = read_memory(place.directory, ORIGIN)
    assert last is None
    with ThreadPoolExecutor(8) as many:
        answers = list(many.map(lambda new: post(url, shown(0, new)), range(10, 18)))
    [winner] = [answer for answer in answers if answer.status_code == 200]
    won = read_memory(place.directory, ORIGIN)
    assert won is not None
    parse_cosignatures(winner.content, expected_note=signed_checkpoint(won.head, LOG).note)
    losers = [answer for answer in answers if answer is not winner]
    assert {(each.status_code, each.content) for each in losers} == {(409, b"%d\n" % won.head.size)}


def test_a_witness_that_cannot_remember_does_not_sign(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    with running(place.directory) as (_, told):
        memory_path(place.directory, ORIGIN).unlink()
        answer = post(told["url"], shown(0, 10))
        assert answer.status_code == 500
        assert "—" not in answer.text


def test_it_runs_until_it_is_told_to_stop_and_another_goes_on_from_there(tmp_path: Path) -> None:
    place = made_witness(tmp_path / "witness")
    with running(place.directory) as (process, told):
        assert post(told["url"], shown(0, 10)).status_code == 200
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0
        assert [json.loads(line) for line in out.splitlines()] == [{"event": "cosigned", "log": ORIGIN, "size": 10}]
    with running(place.directory) as (_, told):
        assert post(told["url"], shown(0, 12)).content == b"10\n"
        assert post(told["url"], shown(10, 12)).status_code == 200


HURRIED = """
import sys
from pathlib import Path
from pteri.adapters.system import SystemClock
from pteri.witness import server
from pteri.witness.place import open_place

listener = server.listen("127.0.0.1", 0)
print(listener.getsockname()[1], flush=True)
limits = server.Limits(body_s=float(sys.argv[2]), life_s=float(sys.argv[3]))
server.run(open_place(Path(sys.argv[1])), SystemClock(), listener, for_s=120, limits=limits)
"""


@contextmanager
def hurried(place: Place, body_s: float, life_s: float) -> Iterator[int]:
    """A witness with less patience: its port."""
    command = [sys.executable, "-c", HURRIED, str(place.directory), str(body_s), str(life_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def test_a_body_that_does_not_come_is_not_waited_for(place: Place) -> None:
    with hurried(place, 0.2, 60) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 100\r\n\r\nold ")
        assert connection.recv(100).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("said", [b"", b"POST /add-checkpoint HTTP/1.1\r\nx: "])
def test_whoever_says_little_does_not_hold_a_connection(place: Place, said: bytes) -> None:
    with hurried(place, 60, 0.2) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(said)
        with suppress(ConnectionResetError):
            assert connection.recv(100) == b""
