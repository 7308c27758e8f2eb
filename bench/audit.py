"""What the audit of all accounts costs, beside the sign-ins that made what it looks at.

``python -m bench.audit`` links some people to a service of its own, lets them sign in, and then looks at every account
as the loop does. Printed is CPU: of a sign-in (in the service's processes), of an event that is looked at, and the
second over the first, which alone means anything on another machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

import msgspec

from bench.processes import usage_of
from bench.service import place, served
from pteri.adapters.system import cpu_s
from pteri.app.account_audit import AccountAudit
from pteri.load.fleet import run
from pteri.settings import Settings, load_settings
from pteri.wiring import deployed

__all__ = ["AuditCost", "audit_cost"]

_PIECE = 8
"""As many events as the loop looks at between two pauses."""


class AuditCost(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of CPU. ``sign_ins_per_event``: so much of a sign-in is what one audited event costs."""

    accounts: int
    events: int
    sign_in_s: float
    event_s: float
    """With its share of what is looked at beside events."""
    sign_ins_per_event: float
    findings: int


def audit_cost(directory: Path, *, people: int, seconds: float) -> AuditCost:
    """One measurement, on a registry in SQLite that is made for it."""
    where = place(directory, "pteri.sqlite3")
    began: list[float] = []
    with served(where) as service:
        plan = service.plan(clients=min(people, 8), people=people, seconds=seconds)
        report = run(plan, before=lambda: began.append(usage_of(service.pid).cpu_s))
        used_s = usage_of(service.pid).cpu_s - began[0]
    accounts, events, findings, audit_s = asyncio.run(_look(load_settings(directory / "bench.toml")))
    sign_in_s, event_s = used_s / max(report.sign_ins, 1), audit_s / max(events, 1)
    return AuditCost(
        accounts=accounts,
        events=events,
        sign_in_s=sign_in_s,
        event_s=event_s,
        sign_ins_per_event=event_s / sign_in_s,
        findings=findings,
    )


async def _look(settings: Settings) -> tuple[int, int, int, float]:
    events = findings = 0
    async with deployed(settings) as deployment:
        keys = await deployment.store.audits.accounts(None, 1000)
        began = cpu_s()
        for key in keys:
            audit = AccountAudit(deployment, *key)
            while not audit.is_over:
                events += await audit.step(_PIECE)
            findings += len(audit.findings)
        return len(keys), events, findings, cpu_s() - began


def main() -> None:
    """The figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    parser.add_argument("--people", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pteri-bench-") as directory:
        found = audit_cost(Path(directory), people=wanted.people, seconds=wanted.seconds)
    print(json.dumps(msgspec.to_builtins(found), indent=1))


if __name__ == "__main__":
    main()
