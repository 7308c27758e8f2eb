"""What the history of one account says until an event, as far as a later event may refer to it.

Memory does not grow with the history: the account, the open approval of a migration, and the last few epochs.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from pteri.audit.proofs import Before
from pteri.domain.account import Account
from pteri.domain.events import Event, MigrationApproved, MigrationConfirmed
from pteri.domain.evolving import evolve

__all__ = ["Past"]

_EPOCHS: Final = 64


class Past:
    """The past after the events taken so far."""

    def __init__(self) -> None:
        self.account: Account | None = None
        self._approval: tuple[Account, MigrationApproved] | None = None
        self._epochs: OrderedDict[int, Account] = OrderedDict()

    @property
    def before(self) -> Before:
        """For the next event. It is the same mapping of epochs, so it is looked at before that event is taken."""
        return Before(self.account, self._approval, self._epochs)

    def take(self, event: Event) -> Account:
        """The account after this event; ``IllegalTransition`` for one that cannot follow, and nothing has changed."""
        before = self.account
        after = evolve(before, event)
        self.account = after
        self._epochs[after.epoch] = after
        if len(self._epochs) > _EPOCHS:
            self._epochs.popitem(last=False)
        if isinstance(event, MigrationApproved) and before is not None:
            self._approval = (before, event)
        elif isinstance(event, MigrationConfirmed):
            self._approval = None
        return after
