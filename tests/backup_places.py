"""Places for backups: a folder, and servers on loopback that live as long as the test."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dav_server import PASSWORD, USER
from pteri.wallet.backups.places import PLACES_FILE

ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIAEXAMPLE", "a secret access key"


@contextmanager
def serving(program: str, *arguments: str) -> Iterator[int]:
    """The port of a server; it ends with the block."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name(program)), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
        process.stdout.close()


def describe(directory: Path, text: str) -> None:
    """Write ``backups.toml`` as its owner would."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / PLACES_FILE
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def webdav(port: int, *, path: str = "/dav/alice", password: str = PASSWORD) -> str:
    """The table of ``webdav:home``."""
    return (
        f'[webdav.home]\nendpoint = "http://127.0.0.1:{port}{path}/"\nusername = "{USER}"\npassword = "{password}"\n'
        'folder = "backups/pteri"\n'
    )


def s3(port: int, bucket: str) -> str:
    """The table of ``s3:vault``."""
    return (
        f'[s3.vault]\nendpoint = "http://127.0.0.1:{port}"\nregion = "us-east-1"\nbucket = "{bucket}"\n'
        f'access_key_id = "{ACCESS_KEY_ID}"\nsecret_access_key = "{SECRET_ACCESS_KEY}"\n'
    )


def make_bucket(port: int, bucket: str) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{bucket}", method="PUT")
    with urllib.request.urlopen(request, timeout=30):
        pass
