"""A hundred commands of phones, each in a process of its own, without starting Python a hundred times.

A host process loads the wallet's program, sees no key, and forks for each command: the child is ``pteri wallet`` with
these arguments, reads and leaves what that does, and ends. Half of the demo's time would go into loading otherwise.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping
from tempfile import TemporaryFile
from typing import IO, Final, NoReturn

import msgspec

__all__ = ["Commands", "Said"]

_COMMAND_S: Final = 60
_STOP_S: Final = 15


class _Asked(msgspec.Struct, frozen=True):
    arguments: list[str]
    typed: str


class Said(msgspec.Struct, frozen=True):
    """What a command left on its two outputs."""

    out: str
    errors: str


class Commands:
    """The host, from outside. ``environment`` is that of every command."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._host = subprocess.Popen(
            [sys.executable, "-m", "pteri.demo.commands"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(environment),
        )

    def run(self, arguments: list[str], typed: str) -> Said:
        """``pteri wallet`` with these arguments, to its end; ``typed`` goes to its standard input."""
        assert self._host.stdin is not None
        assert self._host.stdout is not None
        self._host.stdin.write(msgspec.json.encode(_Asked(arguments, typed)) + b"\n")
        self._host.stdin.flush()
        line = self._host.stdout.readline()
        if not line:
            raise RuntimeError("the process that runs the phones' commands has ended")
        return msgspec.json.decode(line, type=Said)

    def close(self) -> None:
        """End the host. Again is fine."""
        for pipe in (self._host.stdin, self._host.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._host.wait(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._host.kill()
            self._host.wait()


def _host() -> None:
    """Answer until nobody asks any more."""
    import pteri.wallet.cli  # noqa: F401, PLC0415 - loaded once, here, and not in the process that plays the story

    # Of its own: a child's standard input must not begin with what was read ahead here.
    with os.fdopen(os.dup(0), "rb") as requests, os.fdopen(os.dup(1), "wb") as answers:
        for line in requests:
            answers.write(msgspec.json.encode(_forked(msgspec.json.decode(line, type=_Asked))) + b"\n")
            answers.flush()


def _forked(asked: _Asked) -> Said:
    with TemporaryFile() as typed, TemporaryFile() as out, TemporaryFile() as errors:
        typed.write(asked.typed.encode())
        typed.seek(0)
        child = os.fork()
        if child == 0:
            _become(asked.arguments, (typed, out, errors))
        os.waitpid(child, 0)
        return Said(_read(out), _read(errors))


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _become(arguments: list[str], files: tuple[IO[bytes], ...]) -> NoReturn:
    """The command. Randomness comes from the system at each draw, so a child repeats none of another one's."""
    from pteri.wallet.cli import app  # noqa: PLC0415 - see _host

    signal.alarm(_COMMAND_S)  # the default of that signal ends the process
    try:
        for number, file in enumerate(files):
            os.dup2(file.fileno(), number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
        app(arguments, prog_name="pteri wallet")
    except SystemExit:
        pass  # how every command ends; what it says is in its output
    except BaseException:  # noqa: BLE001 - whatever it was, it is told, and nothing of the host runs on in a child
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    _host()
