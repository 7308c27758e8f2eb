"""Where the files of a log are read from: a directory and a site, and nothing beside them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pteri.audit.published import NotPublished, ReadFile
from pteri.published import CannotAsk, directory_reader, site_reader
from published import Published, events

SMALL = Published(events(3))


def now() -> float:
    return 0.0


@contextmanager
def site(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A site on this machine that answers like this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/log"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def says(status: int, content: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def test_a_directory_is_read(tmp_path: Path) -> None:
    read = directory_reader(SMALL.write(tmp_path))
    for path, content in SMALL.files.items():
        assert read(path, len(content)) == content
    with pytest.raises(NotPublished, match="longer"):
        read("checkpoint", 10)
    for path in ("tile/0/001", "checkpoint/x", "tile/0/000.p/3/x"):
        with pytest.raises(NotPublished):
            read(path, 1000)


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret", "tile/../../secret", "tile/..", "", "secret", "tile/a\n"])
def test_nothing_else_is_ever_asked_for(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    log = tmp_path / "log"
    log.mkdir()
    for read in (directory_reader(log), site_reader("https://log.example", monotonic_s=now)):
        with pytest.raises(NotPublished):
            read(path, 1000)


def test_a_link_does_not_lead_out_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    log = SMALL.write(tmp_path / "log")
    (log / "checkpoint").unlink()
    (log / "checkpoint").symlink_to(tmp_path / "secret")
    (log / "tile" / "1").symlink_to(tmp_path)
    (log / "tile" / "2").symlink_to(log / "tile" / "2")
    read = directory_reader(log)
    for path in ("checkpoint", "tile/1/secret"):
        with pytest.raises(NotPublished, match="link out"):
            read(path, 1000)
    with pytest.raises((NotPublished, CannotAsk)):
        read("tile/2", 1000)
    # The directory itself may be reached by a link: that is how the auditor named it.
    (tmp_path / "link").symlink_to(log)
    assert directory_reader(tmp_path / "link")("tile/0/000.p/3", 1000) == SMALL.files["tile/0/000.p/3"]


def test_what_is_no_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "tile").mkdir()
    os.mkfifo(tmp_path / "tile" / "pipe")
    read = directory_reader(tmp_path)
    for path in ("checkpoint", "tile/pipe"):
        with pytest.raises(NotPublished, match="not a file"):
            read(path, 1000)
    with pytest.raises(CannotAsk):
        directory_reader(tmp_path / "none")


def served(handler: BaseHTTPRequestHandler) -> None:
    path = handler.path.removeprefix("/log/")
    says(200, SMALL.files[path])(handler) if path in SMALL.files else says(404)(handler)


def test_a_site_is_read() -> None:
    with site(served) as url:
        read: ReadFile = site_reader(url + "/", monotonic_s=now)
        for path, content in SMALL.files.items():
            assert read(path, len(content)) == content
        with pytest.raises(NotPublished, match="not there"):
            read("tile/0/001", 1000)
        with pytest.raises(NotPublished, match="longer"):
            read("checkpoint", 10)


@pytest.mark.parametrize(
    "answer",
    [
        says(302, Location="https://elsewhere.example/checkpoint"),
        says(500, b"broken"),
        says(204),
        says(206, b"part"),
        says(200, b"x", Content_Encoding="gzip"),
        says(200, b"short", Content_Length="10"),
        lambda handler: handler.wfile.write(b"no http\r\n\r\n"),
        lambda handler: handler.connection.close(),
    ],
)
def test_a_site_that_does_not_answer_says_nothing_of_the_log(answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
    with site(answer) as url, pytest.raises(CannotAsk):
        site_reader(url, monotonic_s=now)("checkpoint", 1000)


def test_what_a_site_sends_in_place_of_an_answer_is_not_printed() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x1b[2J\r\n\r\n")

    with site(answer) as url:
        with pytest.raises(CannotAsk) as refused:
            site_reader(url, monotonic_s=now)("checkpoint", 1000)
        assert str(refused.value).isprintable()
        assert "BadStatusLine" in str(refused.value)


def test_a_site_that_never_ends_is_left_alone() -> None:
    with site(says(200, b"x" * 3_000_000)) as url:
        with pytest.raises(NotPublished, match="longer"):
            site_reader(url, monotonic_s=now)("checkpoint", 200_000)
        seconds = iter([0.0, 1.0, 500.0])
        with pytest.raises(CannotAsk, match="too long"):
            site_reader(url, monotonic_s=lambda: next(seconds))("checkpoint", 200_000)


def test_a_site_that_is_not_there_is_said_to_be_that() -> None:
    with site(served) as url:
        pass
    with pytest.raises(CannotAsk, match="Cannot read"):
        site_reader(url, monotonic_s=now)("checkpoint", 1000)


@pytest.mark.parametrize(
    "url",
    [
        "http://log.example",
        "http://10.0.0.1/log",
        "ftp://log.example",
        "file:///etc",
        "https://",
        "https://user@log.example",
        "https://:word@log.example",
        "https://log.example/?a=b",
        "https://log.example/#a",
        "https://log.example:0x50/",
        "https://log.example:99999/",
        "//log.example",
        "http://localhost.log.example",
    ],
)
def test_a_log_is_read_over_https_or_from_this_machine(url: str) -> None:
    with pytest.raises(CannotAsk):
        site_reader(url, monotonic_s=now)
