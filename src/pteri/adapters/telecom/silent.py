"""The operator nobody configured: its silence is an answer, and it is recorded like one."""

from __future__ import annotations

from pteri.app.ports import LineAnswer
from pteri.core.ids import Digest, TenantId
from pteri.domain.facts import LineStatus

__all__ = ["SilentOperator"]


class SilentOperator:
    """Knows nothing of any line. ``UNKNOWN`` never counts as confirmed and never locks anyone out."""

    async def status(self, tenant: TenantId, esim: Digest | None, at: int) -> LineAnswer:
        """Always ``UNKNOWN``, never checked."""
        del tenant, esim, at
        return LineAnswer(status=LineStatus.UNKNOWN, checked_at=None)
