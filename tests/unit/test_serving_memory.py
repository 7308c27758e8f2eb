"""What the serving process does about Python's search for dead objects."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pteri.serving import settle_memory


@pytest.fixture
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


def test_what_was_there_at_the_start_is_walked_through_no_more(as_before: None) -> None:
    settle_memory()
    assert gc.get_freeze_count() > 10_000


def test_dead_cycles_are_still_found_without_being_asked(as_before: None) -> None:
    settle_memory()
    made = 3 * gc.get_threshold()[0]
    for _ in range(made):
        ring: list[object] = []
        ring.append(ring)
    del ring
    assert sum(1 for one in gc.get_objects() if type(one) is list and len(one) == 1 and one[0] is one) < made / 2
