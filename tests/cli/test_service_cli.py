"""``pteri init`` and ``pteri serve``: dangerous things are made by their own command, and refusals are sentences."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest

from pteri.database import DatabaseUrl
from pteri.settings import load_settings


def _pteri(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pteri", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, timeout=30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def started(settings: Path) -> Iterator[subprocess.Popen[str]]:
    """A service that has answered once."""
    command = [sys.executable, "-m", "pteri", "serve", "--config", str(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["event"] == "listening"
            with socket.create_connection(("127.0.0.1", load_settings(settings).server.port)) as first:
                first.settimeout(30)
                first.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert first.recv(64).startswith(b"HTTP/1.1 200")
            yield process
        finally:
            process.kill()


def test_a_new_service_has_closed_keys_and_absolute_paths(tmp_path: Path) -> None:
    made = _pteri("init", "svc", "--domain", "bank.example", "--json", cwd=tmp_path)
    assert made.returncode == 0
    settings = Path(json.loads(made.stdout)["settings"])
    assert settings == tmp_path / "svc" / "pteri.toml"
    for name in ("deployment.key", "client.key"):
        assert stat.S_IMODE((tmp_path / "svc" / name).stat().st_mode) == 0o600


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    first = _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example")
    before = {path.name: path.read_bytes() for path in (tmp_path / "svc").iterdir()}
    second = _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example")
    assert (first.returncode, second.returncode) == (0, 2)
    assert {path.name: path.read_bytes() for path in (tmp_path / "svc").iterdir()} == before


def test_a_bad_name_leaves_nothing_behind(tmp_path: Path) -> None:
    good = ("--domain", "bank.example")
    for wrong in (("--domain", "Bank Example"), (*good, "--tenant", "A!"), (*good, "--network", "moon")):
        done = _pteri("init", str(tmp_path / "svc"), *wrong)
        assert (done.returncode, done.stderr.startswith("Nothing was made: ")) == (2, True)
    assert not (tmp_path / "svc").exists()


def test_a_service_may_keep_its_registry_on_the_network(tmp_path: Path) -> None:
    url = "postgresql://pteri:marmalade@db.example:5432/pteri"
    done = _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example", "--database", url)
    assert done.returncode == 0
    assert "marmalade" not in done.stdout
    assert load_settings(tmp_path / "svc" / "pteri.toml").server.database == DatabaseUrl(url)
    wrong = _pteri(
        "init", str(tmp_path / "other"), "--domain", "bank.example", "--database", url.replace("post", "pre")
    )
    assert wrong.returncode == 2
    assert "marmalade" not in wrong.stderr
    assert not (tmp_path / "other").exists()


def test_serve_says_that_its_database_does_not_answer_and_shows_no_password(tmp_path: Path) -> None:
    url = f"postgresql://pteri:marmalade@127.0.0.1:{free_port()}/pteri"
    port = str(free_port())
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example", "--database", url, "--port", port)
    for command in ("serve", "work", "fsck"):
        done = _pteri(command, "--config", str(tmp_path / "svc" / "pteri.toml"))
        assert done.returncode == 2
        assert "database" in done.stderr
        assert "marmalade" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["-1", "0", "65536", "99999"])
def test_a_port_that_is_none_leaves_nothing_behind(tmp_path: Path, port: str) -> None:
    done = _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example", f"--port={port}")
    assert done.returncode == 2
    assert "65535" in done.stderr
    assert not (tmp_path / "svc").exists()


def test_the_port_of_http_is_not_spelt_out(tmp_path: Path) -> None:
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example", "--port", "80")
    assert load_settings(tmp_path / "svc" / "pteri.toml").server.public_origin == "http://127.0.0.1"


def test_a_server_says_that_it_listens_and_a_second_one_that_the_port_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example", "--port", str(port))
    command = [sys.executable, "-m", "pteri", "serve", "--config", str(tmp_path / "svc" / "pteri.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            told = json.loads(running.stdout.readline())
            assert (told["event"], told["public_origin"]) == ("listening", f"http://127.0.0.1:{port}")
            assert told["sends_mail"] is False
            second = _pteri(*command[3:])
            assert second.returncode == 2
            assert f"port {port}" in second.stderr
            assert "Traceback" not in second.stderr
        finally:
            running.terminate()
        assert running.wait(timeout=20) == 0


def test_ctrl_c_ends_the_service_without_a_traceback(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example", "--port", str(port))
    command = [sys.executable, "-m", "pteri", "serve", "--config", str(tmp_path / "svc" / "pteri.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()
        # It listens before it can answer; an answer shows that the signal will be caught.
        with socket.create_connection(("127.0.0.1", port), timeout=20) as asking:
            asking.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert asking.recv(1000).startswith(b"HTTP/1.1 200")
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=20)
    assert (running.returncode, errors) == (0, "")


def test_a_command_of_a_missing_extra_says_what_to_install(tmp_path: Path) -> None:
    # A program that must not be there: the import system is told so, as it is where the extra was left out.
    code = "import sys; sys.modules['structlog'] = None; from pteri.cli import main; main()"
    command = [sys.executable, "-c", code, "serve", "--config", str(tmp_path / "pteri.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pteri[server,wallet]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_version_is_shown() -> None:
    assert _pteri("--version").stdout == f"pteri {version('pteri')}\n"


def test_serve_without_settings_says_what_to_do(tmp_path: Path) -> None:
    done = _pteri("serve", "--config", str(tmp_path / "none.toml"))
    assert done.returncode == 2
    assert "pteri init" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_refuses_a_database_that_is_not_ours(tmp_path: Path) -> None:
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example")
    (tmp_path / "svc" / "pteri.sqlite3").write_bytes(os.urandom(8192))
    done = _pteri("serve", "--config", str(tmp_path / "svc" / "pteri.toml"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_serve_refuses_an_unknown_setting_and_a_rule_below_its_floor(tmp_path: Path) -> None:
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example")
    settings = tmp_path / "svc" / "pteri.toml"
    good = settings.read_text()
    for extra, named in (("[rules]\nrecovery_hold_s = 60\n", "recovery_hold_s"), ("[rulez]\nx = 1\n", "rulez")):
        settings.write_text(good.replace("[rules]\n", "") + "\n" + extra)
        done = _pteri("serve", "--config", str(settings))
        assert done.returncode == 2
        assert named in done.stderr


def test_serve_refuses_a_database_of_another_deployment_key(tmp_path: Path) -> None:
    for name in ("one", "two"):
        _pteri("init", str(tmp_path / name), "--domain", "bank.example", "--port", str(free_port()))
        with started(tmp_path / name / "pteri.toml") as process:
            process.terminate()
            assert process.wait(timeout=30) == 0
    (tmp_path / "one" / "deployment.key").write_bytes((tmp_path / "two" / "deployment.key").read_bytes())
    done = _pteri("serve", "--config", str(tmp_path / "one" / "pteri.toml"))
    assert done.returncode == 2
    assert "another deployment key" in done.stderr


def test_a_stopping_server_answers_what_it_has_begun_to_read(tmp_path: Path) -> None:
    port = free_port()
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example", "--port", str(port))
    with started(tmp_path / "svc" / "pteri.toml") as process, socket.create_connection(("127.0.0.1", port)) as half:
        half.settimeout(30)
        head = "POST /v1/site/logins HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n"
        half.sendall(head.encode() + b"{ ")
        # The server has read what was sent before it is told to stop: a second connection is answered after it.
        with socket.create_connection(("127.0.0.1", port)) as other:
            other.settimeout(30)
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert other.recv(64).startswith(b"HTTP/1.1 200")
        process.terminate()
        half.sendall(b" }")
        assert half.recv(64).startswith(b"HTTP/1.1 401")
        assert process.wait(timeout=30) == 0


def test_a_stopping_server_is_not_ready_and_ends_each_connection_with_its_answer(tmp_path: Path) -> None:
    port = free_port()
    _pteri("init", str(tmp_path / "svc"), "--domain", "bank.example", "--port", str(port))
    with started(tmp_path / "svc" / "pteri.toml") as process, socket.create_connection(("127.0.0.1", port)) as kept:
        kept.settimeout(30)
        assert asked(kept, "/readyz").startswith("HTTP/1.1 200")
        process.terminate()
        # Until it has heard the signal it answers as before; the connection stays open meanwhile.
        while (answer := asked(kept, "/readyz")).startswith("HTTP/1.1 200"):
            assert "connection: close" not in answer
        assert answer.startswith("HTTP/1.1 503")
        assert "connection: close" in answer
        assert kept.recv(1) == b""
        assert process.wait(timeout=30) == 0


def asked(connection: socket.socket, path: str) -> str:
    """The whole answer, in lower case but for its first line."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    first, rest = head.decode().split("\r\n", 1)
    length = int(rest.lower().partition("content-length: ")[2].partition("\r\n")[0])
    while length:
        length -= len(connection.recv(length))
    return f"{first}\r\n{rest.lower()}"
