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
limits = server.Limits(*map(float, sys.argv[2:4]), *map(int, sys.argv[4:6]))
proxies = frozenset(sys.argv[6:])
server.run(open_place(Path(sys.argv[1])), SystemClock(), listener, for_s=120, limits=limits, proxies=proxies)
"""


@contextmanager
def hurried(
    place: Place, body_s: float, life_s: float, per_minute: int = 1200, connections: int = 32, *proxies: str
) -> Iterator[int]:
    """A witness with less patience: its port."""
    values = map(str, (body_s, life_s, per_minute, connections, *proxies))
    command = [sys.executable, "-c", HURRIED, str(place.directory), *values]
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


# --- how much one network has -----------------------------------------------------------------------------------


def asked(port: int, source: str = "127.0.0.1", said: str = "") -> httpx2.Response:
    """One request from this address; ``said``: of whom the web server in front says that he asks."""
    with httpx2.Client(transport=httpx2.HTTPTransport(local_address=source)) as client:
        headers = {"x-forwarded-for": said} if said else {}
        return client.post(f"http://127.0.0.1:{port}/add-checkpoint", content=b"garbage", headers=headers)


def test_one_network_has_so_many_requests_and_another_one_its_own(place: Place) -> None:
    with hurried(place, 60, 60, 3) as port:
        assert [asked(port).status_code for _ in range(3)] == [400, 400, 400]
        late = asked(port)
        assert late.status_code == 429
        assert 1 <= int(late.headers["retry-after"]) <= 20
        # Another address of the same network is the same caller. Whoever calls himself another one is, too.
        assert asked(port, "127.0.0.2").status_code == 429
        assert asked(port, said="192.0.2.1").status_code == 429
        assert asked(port, "127.0.1.1").status_code == 400


def test_who_has_had_enough_is_told_before_his_body_is_read(place: Place) -> None:
    with hurried(place, 60, 60, 1) as port:
        assert asked(port).status_code == 400
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 100\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 429 ")


def test_behind_a_web_server_whoever_it_names_is_counted(place: Place) -> None:
    with hurried(place, 60, 60, 2, 1, "127.0.0.1") as port:
        assert [asked(port, said="192.0.2.1").status_code for _ in range(3)] == [400, 400, 429]
        # What he wrote there himself stands before what the web server wrote.
        assert asked(port, said="198.51.100.7, 192.0.2.9").status_code == 429
        assert asked(port, said="198.51.100.7").status_code == 400
        # From elsewhere the header says nothing.
        assert [asked(port, "127.0.1.1", f"203.0.{each}.1").status_code for each in range(3)] == [400, 400, 429]


def test_one_network_does_not_hold_all_connections(place: Place) -> None:
    def connected(source: str) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(source, 0))

    def is_let_go(connection: socket.socket) -> bool:
        with suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 1\r\n\r\nx")
            return not connection.recv(1000)
        return True

    with hurried(place, 60, 60, 1200, 2) as port, connected("127.0.0.1") as held:
        with connected("127.0.0.1"), connected("127.0.0.2") as third, connected("127.0.1.1") as other:
            assert is_let_go(third)
            assert not is_let_go(other)
            assert not is_let_go(held)
        # One of the two has ended: as soon as the witness sees it, there is room again.
        while True:
            with connected("127.0.0.2") as again:
                if not is_let_go(again):
                    break
