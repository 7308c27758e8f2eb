"""CR-13, weak randomness: the half that start-up stops. The other half is the unique constraint on nonces."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from pteri.adapters.system import EntropyFailure, SystemEntropy, self_test


class Generator:
    """Answers the n-th draw, from 0, with what the given function makes of n and the size."""

    def __init__(self, make: Callable[[int, int], bytes]) -> None:
        self._make = make
        self._drawn = 0

    def draw(self, size: int) -> bytes:
        number, self._drawn = self._drawn, self._drawn + 1
        return self._make(number, size)


def noise(number: int, size: int) -> bytes:
    return hashlib.shake_256(bytes([number])).digest(size)


STUCK: dict[str, Callable[[int, int], bytes]] = {
    "all zero": lambda _number, size: bytes(size),
    "all ones": lambda _number, size: b"\xff" * size,
    "one byte for ever": lambda _number, size: b"\x5a" * size,
    "another single byte each time": lambda number, size: bytes([number + 1]) * size,
    "stuck from the second draw on": lambda number, size: noise(0, size) if number == 0 else bytes(size),
    "stuck in the first draw": lambda number, size: bytes(size) if number == 0 else noise(1, size),
    "the same bytes twice": lambda _number, size: noise(7, size),
    "nothing": lambda _number, _size: b"",
    "too little": lambda number, size: noise(number, size - 1),
    "too much": lambda number, size: noise(number, size + 1),
    "nothing the second time": lambda number, size: noise(number, size) if number == 0 else b"",
}


@pytest.mark.parametrize("fault", STUCK)
def test_cr_13_a_stuck_generator_does_not_start(fault: str) -> None:
    with pytest.raises(EntropyFailure):
        self_test(Generator(STUCK[fault]))


def test_cr_13_a_generator_that_moves_starts() -> None:
    self_test(Generator(noise))


def test_cr_13_the_generator_of_this_machine_starts() -> None:
    self_test(SystemEntropy())
