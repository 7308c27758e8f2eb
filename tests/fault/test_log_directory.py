"""The directory of the published log, while a process that writes into it is killed."""

from __future__ import annotations

import itertools
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

WRITER = """
import itertools, os, signal, sys
from pathlib import Path
from pteri.adapters.log_files import LogDirectory

files, last, seen = LogDirectory(Path(sys.argv[1])), int(sys.argv[2]), itertools.count(1)

def look(event, arguments):
    # Whatever a process asks of its file system: open, mkdir, rename, chmod.
    if event.startswith(("os.", "open")) and next(seen) == last:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(look)
with files.turn():
    files.write("tile/0/000", b"hashes")
    files.write("checkpoint", b"a note")
"""


@pytest.mark.slow
def test_a_file_of_the_log_is_whole_and_everybodys_from_the_moment_it_is_there(tmp_path: Path) -> None:
    killed = 0
    for last in itertools.count(1):
        directory = tmp_path / str(last)
        directory.mkdir()
        code = subprocess.run(
            [sys.executable, "-c", WRITER, str(directory), str(last)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            timeout=60,
            check=False,
        ).returncode
        for path, content in (("tile/0/000", b"hashes"), ("checkpoint", b"a note")):
            file = directory / path
            if file.exists():
                assert file.read_bytes() == content
                # A full tile is never written again: what is closed to a web server now stays so.
                assert stat.S_IMODE(file.stat().st_mode) == 0o644
        assert (directory / "tile/0/000").exists() or not (directory / "checkpoint").exists()
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
    assert killed > 8
