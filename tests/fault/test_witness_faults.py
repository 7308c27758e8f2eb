"""A witness that dies, or whose disk fails, never says two things of one tree (SV-10, SV-14)."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import pteri
from notes import NOW, ORIGIN
from pteri.core.log.witnessing import Conflict
from pteri.witness.keeper import Signed, add_checkpoint
from pteri.witness.place import memory_path, read_memory
from watching import made_witness, shown

CRASH = Path(__file__).with_name("witness_crash.py")


@pytest.mark.slow
def test_sv_10_a_witness_killed_at_any_line_signs_no_second_tree_and_goes_on(tmp_path: Path) -> None:
    paths = (Path(pteri.__file__).parents[1], Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(CRASH), str(tmp_path)],
        env={"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    # So that it cannot go blind: a witness killed nowhere would pass.
    assert int(done.stdout) >= 100


FULL_DISK = """
import resource, sys
from pathlib import Path
from notes import NOW, ORIGIN
from pteri.witness.keeper import add_checkpoint
from pteri.witness.place import open_place
from watching import shown

place = open_place(Path(sys.argv[1]))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    print(add_checkpoint(place, shown(20, 30), now=lambda: NOW))
except OSError:
    print("not signed")
"""


@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_is_no_memory_and_no_signature(tmp_path: Path, room: int) -> None:
    """Failed before the write."""
    place = made_witness(tmp_path / "witness")
    add_checkpoint(place, shown(0, 20), now=lambda: NOW)
    before = memory_path(place.directory, ORIGIN).read_bytes()
    paths = (Path(pteri.__file__).parents[1], Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(place.directory), str(room)],
        env={"PYTHONPATH": os.pathsep.join(map(str, paths))},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "not signed\n"
    assert memory_path(place.directory, ORIGIN).read_bytes() == before
    assert isinstance(add_checkpoint(place, shown(20, 30), now=lambda: NOW), Signed)


def test_a_write_whose_end_is_not_known_is_not_signed_and_the_log_asks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failed after the write: the file has its name, and the disk does not say whether it keeps it."""
    place = made_witness(tmp_path / "witness")
    add_checkpoint(place, shown(0, 20), now=lambda: NOW)

    def fail(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(5, "the disk is gone")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="gone"):
            add_checkpoint(place, shown(20, 30), now=lambda: NOW)
    last = read_memory(place.directory, ORIGIN)
    assert last is not None
    assert last.head.size == 30
    assert add_checkpoint(place, shown(20, 30), now=lambda: NOW) == Conflict(30)
    assert isinstance(add_checkpoint(place, shown(30, 30), now=lambda: NOW), Signed)
