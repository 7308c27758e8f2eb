"""Whether a registry is whole, asked through its port: what must hold whoever raced, died or failed before."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pteri.domain.evolving import fold

if TYPE_CHECKING:
    from pteri.app.ports import Store

_ALL = 1_000_000


async def check_whole(store: Store, *, sequenced: bool = False) -> None:
    """Every account is the fold of its events; every event has at most one position, in order of its account.

    ``sequenced``: and exactly one.
    """
    logged = defaultdict(list)
    for position, entry in enumerate(await store.log(0, _ALL)):
        assert entry.position == position
        logged[entry.recorded.tenant, entry.recorded.account].append(entry.recorded)
    for account in await store.accounts(None, _ALL):
        history = await store.history(account.tenant, account.id, 0, _ALL)
        assert [recorded.seq for recorded in history] == list(range(1, account.version + 1))
        assert fold(recorded.event for recorded in history) == account
        positioned = logged.pop((account.tenant, account.id), [])
        assert positioned == history[: len(positioned)]
        assert not sequenced or len(positioned) == len(history)
    assert not logged
