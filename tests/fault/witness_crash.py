"""Child of test_witness_faults.py: kills a witness at each line that decides, writes or signs.

Run as ``witness_crash.py DIRECTORY``. For n = 1, 2, 3... a fork of this process is shown a checkpoint and dies by
SIGKILL as it reaches the n-th line of the modules that touch the memory, until one survives. What a fork answered is
in a pipe, as it would be on a wire. After each death the log shows the same size with *another* root, and with the same
one. Prints the number of deaths.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from notes import NOW, ORIGIN
from pteri import durable
from pteri.core.log.witnessing import Conflict, Contradiction
from pteri.witness import keeper
from pteri.witness import place as places
from pteri.witness.keeper import Signed, add_checkpoint, kept_proofs
from pteri.witness.place import memory_path, open_place, read_memory
from trees import Grown, leaf
from watching import TREE, made_witness, shown

WATCHED = frozenset(module.__file__ for module in (durable, keeper, places))
OLD, NEW = 20, 30
# It has grown out of what the witness saw, and is not what it is shown.
FORKED = Grown([leaf(number if number != NEW - 1 else -1) for number in range(NEW)])


def answer_of(home: Path, raw: bytes) -> Any:
    return add_checkpoint(open_place(home), raw, now=lambda: NOW)


def dies_at(line: int, home: Path, raw: bytes) -> tuple[bool, bytes]:
    """Whether it was killed there, and what it had answered."""
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        _answer_until(line, home, raw, tell)
        os._exit(0)
    os.close(tell)
    with os.fdopen(hear, "rb") as pipe:
        heard = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}, status
    return status != 0, heard


def _answer_until(line: int, home: Path, raw: bytes, tell: int) -> None:
    place, reached = open_place(home), 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal reached
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event in {"line", "return"}:
            reached += 1
            if reached == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    answer = add_checkpoint(place, raw, now=lambda: NOW)
    sys.settrace(None)
    if isinstance(answer, Signed):
        os.write(tell, answer.line.line.encode())


def size_of(home: Path) -> int:
    last = read_memory(home, ORIGIN)
    assert last is not None, "it forgot"
    return last.head.size


def check_honest(home: Path, heard: bytes) -> None:
    """The log asks again, as it does when an answer was lost."""
    size = size_of(home)
    assert size in {OLD, NEW}
    assert not heard or size == NEW, "signed and not remembered"
    answer = answer_of(home, shown(OLD, NEW))
    if size == NEW:
        assert answer == Conflict(NEW)
        answer = answer_of(home, shown(NEW, NEW))
    assert isinstance(answer, Signed)


def check_liar(home: Path, heard: bytes) -> None:
    """The log makes use of the death, and shows another tree of the same size."""
    size = size_of(home)
    forked = answer_of(home, shown(OLD, NEW, FORKED))
    if size == NEW:
        assert isinstance(forked, Contradiction)
        assert [proof.size for proof in kept_proofs(home, ORIGIN)] == [NEW]
    else:
        # Nobody has a signature for the first: this one is the first.
        assert not heard
        assert isinstance(forked, Signed)
        assert isinstance(answer_of(home, shown(NEW, NEW)), Contradiction)
    assert not list(memory_path(home, ORIGIN).parent.glob(".*.part")), "a leftover was not swept"


def main(directory: Path) -> None:
    template, home = directory / "template", directory / "home"
    made_witness(template)
    answer_of(template, shown(0, OLD))
    deaths = 0
    for look in (check_honest, check_liar):
        line, died = 1, True
        while died:
            shutil.copytree(template, home)
            died, heard = dies_at(line, home, shown(OLD, NEW))
            assert died or heard
            look(home, heard)
            shutil.rmtree(home)
            line += 1
        deaths += line - 2
    # The proof against a liar is there whole, or it is made when he lies again.
    line, died = 1, True
    while died:
        shutil.copytree(template, home)
        died, _ = dies_at(line, home, shown(0, OLD, Grown([leaf(-number) for number in range(OLD)])))
        assert len(kept_proofs(home, ORIGIN)) in ({0, 1} if died else {1})
        assert isinstance(answer_of(home, shown(0, OLD, FORKED)), Conflict)
        assert isinstance(answer_of(home, shown(0, OLD, Grown([leaf(-each) for each in range(OLD)]))), Contradiction)
        assert len(kept_proofs(home, ORIGIN)) == 1
        shutil.rmtree(home)
        line += 1
    assert size_of(template) == OLD == TREE.heads[OLD].size
    print(deaths + line - 2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
