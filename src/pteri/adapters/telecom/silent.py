"""The operator nobody configured: its silence is an answer, and it is recorded like one."""

from __future__ import annotations

from pteri.app.ports import LineAnswer
from pteri.core.ids import AccountId, Digest, TenantId

__all__ = ["SilentOperator"]


class SilentOperator:
    """Says nothing of any line: that never counts as confirmed and never locks anyone out."""

    async def heard(self, tenant: TenantId, account: AccountId, esim: Digest, *, since: int, at: int) -> LineAnswer:
        """Nothing, now as ever."""
        del tenant, account, esim, since, at
        return LineAnswer()
