from __future__ import annotations

import ast
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import pteri
from pteri.adapters.system import (
    ClockFileError,
    SteppedClock,
    SystemClock,
    SystemEntropy,
    advance,
    cpu_s,
    monotonic_s,
)
from pteri.wallet.ports import Clock, Entropy

CENTURY_S = 100 * 366 * 86_400


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "clock.json"


def offset_of(clock: SteppedClock) -> int:
    """Seconds between the simulated and the real clock, which may tick between the two looks."""
    before, simulated, after = SystemClock().now(), clock.now(), SystemClock().now()
    assert before == after or after - before == 1
    return simulated - before


def near(seconds: int) -> set[int]:
    return {seconds, seconds + 1}


def test_the_clocks_and_the_generator_fit_the_wallets_ports(file: Path) -> None:
    clocks: list[Clock] = [SystemClock(), SteppedClock(file)]
    entropy: Entropy = SystemEntropy()
    assert all(isinstance(clock.now(), int) for clock in clocks)
    assert isinstance(entropy.draw(1), bytes)


def test_a_clock_that_nobody_sets_has_not_stepped_and_a_simulated_one_never_has(file: Path) -> None:
    assert SystemClock().stepped_s() == 0
    stepped = SteppedClock(file)
    advance(file, 10_000)
    assert stepped.now() > SystemClock().now()
    assert stepped.stepped_s() == 0


@pytest.mark.parametrize("seconds", [-1000, 1000])
def test_a_clock_that_is_set_says_by_how_much(seconds: int) -> None:
    """Whether the clock or the counter moved, no clock can know: so a test may move the counter."""
    clock = SystemClock()
    clock._began -= seconds  # as if the clock had shown so much less when it began
    assert clock.stepped_s() == seconds


def test_real_time_is_in_seconds_of_this_century() -> None:
    assert 1_700_000_000 < SystemClock().now() < 4_100_000_000


def test_a_missing_clock_file_is_real_time(file: Path) -> None:
    assert offset_of(SteppedClock(file)) in near(0)
    assert not file.exists()


def test_a_step_is_seen_at_the_next_look(file: Path) -> None:
    clock = SteppedClock(file)
    assert offset_of(clock) in near(0)
    assert advance(file, 3600) == 3600
    assert offset_of(clock) in near(3600)
    assert advance(file, 60) == 3660
    assert offset_of(clock) in near(3660)


def test_a_file_of_the_same_size_in_the_same_instant_is_still_seen(file: Path) -> None:
    clock = SteppedClock(file)
    advance(file, 10)
    status = file.stat()
    clock.now()
    advance(file, 10)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert file.stat().st_size == status.st_size
    assert offset_of(clock) in near(20)


def test_a_clock_may_start_in_the_past(file: Path) -> None:
    file.write_text('{"offset_s": -86400}')
    assert offset_of(SteppedClock(file)) in near(-86_400)


def test_one_clock_never_goes_backwards_whatever_the_file_says(file: Path) -> None:
    clock = SteppedClock(file)
    advance(file, 100_000)
    latest = clock.now()
    file.write_text('{"offset_s":0}')
    assert clock.now() == latest
    file.unlink()
    assert clock.now() == latest
    file.write_text('{"offset_s":-5000}')
    assert clock.now() == latest
    advance(file, 200_000)
    assert clock.now() > latest
    assert offset_of(SteppedClock(file)) in near(195_000)


def test_an_unchanged_file_is_not_read_again(file: Path) -> None:
    clock = SteppedClock(file)
    file.write_text('{"offset_s":5}')
    status = file.stat()
    clock.now()
    with file.open("r+") as open_file:  # the same inode and size; then the same time
        open_file.write('{"offset_s":7}')
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert offset_of(clock) in near(5)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert offset_of(clock) in near(7)


GARBAGE = [
    b"",
    b"{}",
    b"null",
    b"[]",
    b"0",
    b"\xff",
    b'{"offset_s":"5"}',
    b'{"offset_s":null}',
    b'{"offset_s":1.5}',
    b'{"offset_s":true}',
    b'{"offset":5}',
    b'{"offset_s":5,"more":1}',
    b'{"offset_s":5} x',
    b'{"offset_s":1e400}',
    b'{"offset_s":' + b"9" * 3000 + b"}",
    b'{"offset_s":' + str(CENTURY_S + 1).encode() + b"}",
    b'{"offset_s":-' + str(CENTURY_S + 1).encode() + b"}",
    b'{"offset_s":5}' + b" " * 5000,
    b'{"a":' * 600,
]


@pytest.mark.parametrize("data", GARBAGE)
def test_garbage_in_the_clock_file_is_an_error_that_names_it(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    clock = SteppedClock(file)
    for _ in range(2):  # the second look must not take the first one's failure for a reading
        with pytest.raises(ClockFileError, match=r"clock file .*clock\.json"):
            clock.now()
    with pytest.raises(ClockFileError, match=r"clock file .*clock\.json"):
        advance(file, 1)
    assert file.read_bytes() == data


def test_a_clock_recovers_when_the_garbage_is_gone(file: Path) -> None:
    file.write_bytes(b"garbage")
    clock = SteppedClock(file)
    with pytest.raises(ClockFileError):
        clock.now()
    file.write_bytes(b'{"offset_s":9}')
    assert offset_of(clock) in near(9)


def test_a_clock_file_that_cannot_be_read_is_an_error(tmp_path: Path, file: Path) -> None:
    with pytest.raises(ClockFileError, match="Cannot read"):
        SteppedClock(tmp_path).now()
    file.write_text("{}")
    with pytest.raises(ClockFileError, match="Cannot look at"):
        SteppedClock(file / "below-a-file").now()
    with pytest.raises(ClockFileError, match="Cannot write"):
        advance(tmp_path / "none" / "clock.json", 1)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ClockFileError, match="not a regular file"):
        SteppedClock(file).now()


@pytest.mark.parametrize("seconds", [0, -1, -86_400])
def test_time_is_advanced_forward_only(file: Path, seconds: int) -> None:
    with pytest.raises(ValueError, match="forward only"):
        advance(file, seconds)
    assert not file.exists()


def test_time_is_not_advanced_beyond_a_century(file: Path) -> None:
    advance(file, CENTURY_S)
    with pytest.raises(ClockFileError, match="century"):
        advance(file, 1)
    assert offset_of(SteppedClock(file)) in near(CENTURY_S)


def test_steps_made_at_the_same_time_are_all_counted(file: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        steps = list(pool.map(lambda _: advance(file, 1), range(20)))
    assert sorted(steps) == list(range(1, 21))
    assert {path.name for path in file.parent.iterdir()} == {"clock.json", "clock.json.lock"}


def test_entropy_has_the_size_asked_for() -> None:
    entropy = SystemEntropy()
    for size in (1, 20, 32, 1 << 20):
        assert len(entropy.draw(size)) == size
    assert len({entropy.draw(16) for _ in range(100)}) == 100


@pytest.mark.parametrize("size", [0, -1, (1 << 20) + 1])
def test_no_entropy_and_too_much_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="random bytes"):
        SystemEntropy().draw(size)


def test_stop_watches_go_forward() -> None:
    start, used = monotonic_s(), cpu_s()
    sum(range(10_000))
    assert monotonic_s() >= start
    assert cpu_s() >= used >= 0


def test_nobody_else_reads_the_clock_the_generator_or_the_environment() -> None:
    root = Path(pteri.__file__).parent
    allowed = {root / "adapters" / "system.py": {"time", "secrets"}, root / "settings.py": {"os.environ"}}
    for path in root.rglob("*.py"):
        assert _ambient(path) <= allowed.get(path, set()), path


def _ambient(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                found |= {alias.name for alias in names} & {"time", "secrets", "random"}
            case ast.ImportFrom(module=str(module)):
                found |= {module} & {"time", "secrets", "random"}
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv" | "urandom"):
                found.add("os.environ" if node.attr != "urandom" else "os.urandom")
            case ast.Attribute(attr="now" | "utcnow" | "today", value=ast.Name(id="datetime" | "date")):
                found.add("time")
    return found
