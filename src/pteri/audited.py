"""What ``pteri audit`` reads and does, on the database that the settings name."""

from __future__ import annotations

import asyncio
from typing import Final

from pteri.app import auditing
from pteri.app.audit_ports import AuditPlace, Halt
from pteri.app.auditing import Lifted
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.settings import Settings, SettingsError
from pteri.wiring import deployed

__all__ = ["lift", "status"]

_MOST: Final = 1000


def status(settings: Settings) -> tuple[AuditPlace | None, list[Halt]]:
    """The newest round, and the first thousand accounts that are halted."""

    async def read() -> tuple[AuditPlace | None, list[Halt]]:
        async with deployed(settings) as deployment:
            audits = deployment.store.audits
            return await audits.place(), await audits.halts(None, _MOST)

    return asyncio.run(read())


def lift(settings: Settings, tenant: str, account: str, *, though_waits: bool) -> Lifted:
    """Whether it was halted and goes on, or what is in the way."""
    try:
        whose = ids.tenant_id(tenant), ids.account_id(account)
    except ProtocolError as error:
        raise SettingsError(f"{error.detail}.") from error
    return asyncio.run(_lift(settings, *whose, though_waits=though_waits))


async def _lift(settings: Settings, tenant: TenantId, account: AccountId, *, though_waits: bool) -> Lifted:
    async with deployed(settings) as deployment:
        return await auditing.lift(deployment, tenant, account, though_waits=though_waits)
