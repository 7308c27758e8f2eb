"""Nobody is told of a change of authority before the log has it, where witnesses can see it (docs/spec/log.md; I8).

Whoever waits does the work himself that the loops do anyway: so an answer comes as soon as it can, however many wait,
and whatever a loop does at the same moment. Where witnesses are silent, the change is durable and its answer waits: the
same request, sent again, asks again. Sign-ins go on.
"""

from __future__ import annotations

from typing import Final

from pteri.app.deployment import Deployment
from pteri.app.growing import grow, require_log
from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import LogState
from pteri.app.log_reading import published
from pteri.app.refusals import PendingLog
from pteri.app.sequence import give_positions
from pteri.app.witnessing import ask_witnesses

__all__ = ["wait_for_log"]

_TURNS: Final = 64
"""Of 200 events each. Others may be faster, and then their turn counts."""


async def wait_for_log(deployment: Deployment) -> None:
    """Return when a checkpoint that may be shown has everything that was committed before; else ``PendingLog``."""
    desk = deployment.log
    if desk is None or not desk.answers_wait:
        return
    state = await _logged(deployment, desk)
    if _may_be_shown(state, desk, state.size):
        return
    # Nobody is told here what a witness says: the loop tells the operator, whoever asked.
    await ask_witnesses(deployment.store.book, desk, at=deployment.clock.now())
    if not _may_be_shown(await require_log(deployment.store, desk.signer), desk, state.size):
        raise PendingLog


async def _logged(deployment: Deployment, desk: LogDesk) -> LogState:
    """A state of the log that has leaves for all that was committed before."""
    store = deployment.store
    for _ in range(_TURNS):
        if not await give_positions(store):
            break
    else:
        # Positions go by the order of keys: with so many that wait, this one's own may not be among those given.
        raise PendingLog
    wanted = await store.book.next_position()
    for _ in range(_TURNS):
        state = await require_log(store, desk.signer)
        if state.next_position >= wanted:
            return state
        await grow(store, desk, deployment.entropy)
    raise PendingLog


def _may_be_shown(state: LogState, desk: LogDesk, size: int) -> bool:
    shown = published(state, desk)
    return shown is not None and shown.size >= size
