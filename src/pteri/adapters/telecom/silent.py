"""The operator nobody configured: its silence is an answer, and it is recorded like one."""

from __future__ import annotations

from pteri.app.observing import nobody_to_ask
from pteri.app.ports import LineAnswer
from pteri.core.ids import AccountId, Digest, TenantId
from pteri.core.keys.secret import Secret
from pteri.domain.signals import Signal

__all__ = ["SilentOperator"]


class SilentOperator:
    """Says nothing of any line: that never counts as confirmed and never locks anyone out."""

    async def heard(self, tenant: TenantId, account: AccountId, esim: Digest, *, since: int, at: int) -> LineAnswer:
        """Nothing, now as ever."""
        del tenant, account, esim, since, at
        return LineAnswer()

    async def alive(self, tenant: TenantId, account: AccountId, esim: Digest, token: Secret, *, at: int) -> Signal:
        """Nobody to ask."""
        del tenant, account, esim
        token.wipe()
        return nobody_to_ask(at)
