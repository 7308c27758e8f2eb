"""The parent of many processes, with small programs in their place: when it starts again, and when it gives up."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest

from pteri.settings import SettingsError
from pteri.supervise import Group

# It has as many lives as its file has lines: in each it is ready, and dies at once. After the last it is never ready.
MORTAL = """
import os, sys
path, _, channel = sys.argv[1:]
lives = open(path).read().splitlines()
if not lives:
    sys.exit(1)
open(path, "w").writelines(line + "\\n" for line in lives[1:])
os.write(int(channel), b"ready\\n")
"""


def pauses_until_it_gives_up(tmp_path: Path, lives: int) -> list[float]:
    path, pauses = tmp_path / "lives", list[float]()
    path.write_text("life\n" * lives)

    async def at_once(seconds: float) -> None:
        pauses.append(seconds)

    async def run(listener: socket.socket) -> None:
        await Group(listener, (sys.executable, "-c", MORTAL, str(path)), 1, pause=at_once).run({})

    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(SettingsError, match="did not start"):
        asyncio.run(run(listener))
    return pauses


def test_a_program_that_is_never_ready_is_started_once(tmp_path: Path) -> None:
    assert pauses_until_it_gives_up(tmp_path, lives=0) == []


def test_a_process_that_dies_again_and_again_is_started_less_and_less_often_and_in_the_end_no_more(
    tmp_path: Path,
) -> None:
    deaths, failures = 4, 10
    pauses = pauses_until_it_gives_up(tmp_path, lives=deaths)
    assert pauses[:deaths] == [0.0, 0.5, 1.0, 2.0]
    assert pauses[deaths:] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert len(pauses) == deaths + failures - 1
