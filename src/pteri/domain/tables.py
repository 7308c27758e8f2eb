"""The stepper under every state table: a missing pair is a bug that says so (docs/spec section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

__all__ = ["IllegalTransition", "step"]

StateT = TypeVar("StateT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)


class IllegalTransition(RuntimeError):
    """We are wrong: policy let an act through that its state table does not know. Nobody catches this."""


def step(table: Mapping[tuple[StateT, EventT], StateT], state: StateT, event: EventT) -> StateT:
    """The next state, or :class:`IllegalTransition`."""
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition(f"{state} does not take {event}") from None
