"""Measurements, one function each. All of them repeat, and give what lies in the middle with how far it spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Final

import msgspec

from bench import raw, split
from bench.machine import Busy
from bench.postgres import Postgres
from bench.processes import usage_of
from bench.seed import PEOPLE, Seeded
from bench.service import Service, served
from bench.split import Split
from pteri.load.fleet import run
from pteri.load.latency import Latency
from pteri.load.tally import Report

__all__ = ["Growth", "SignInCost", "Spread", "memory_growth", "sign_in_cost", "time_split"]

_SETTLE_S: Final = 1.0
"""What the loops of the service do after the last answer (log positions) belongs to the sign-ins, too."""
_WARM_S: Final = 1.0


class Spread(msgspec.Struct, frozen=True):
    """The median, and the least and the most there was."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))


class SignInCost(msgspec.Struct, frozen=True, kw_only=True):
    """Full durable sign-ins of one kind. CPU is of the service's processes and, apart, of PostgreSQL's.

    ``ratio``: one secp256k1 and one P-256 verification over that CPU, both of the same moment. ``machine_busy``: of
    all cores, by all programs, the generator among them.
    """

    store: str
    processes: int
    accounts: int
    clients: int
    prompt: bool
    sign_ins: int
    failed: int
    cpu_s: Spread
    database_cpu_s: Spread
    ratio: Spread
    rate_per_s: Spread
    p50_s: Spread
    p99_s: Spread
    p99_over_p50: Spread
    steps: dict[str, Latency]
    memory_bytes: int
    generator_cpu_s: float
    generator_cpu_share: float
    machine_busy: float


class Growth(msgspec.Struct, frozen=True):
    """Memory of one process of the service, by the number of sign-ins it had done."""

    sign_ins: list[int]
    memory_bytes: list[int]


class _Once(msgspec.Struct, frozen=True):
    report: Report
    cpu_s: float
    database_cpu_s: float
    floor_s: float
    busy: float


def sign_in_cost(
    seeded: Seeded,
    *,
    database: Postgres | None,
    processes: int,
    clients: int,
    seconds: float,
    repeats: int,
    prompt: bool = False,
    generators: int = 1,
) -> SignInCost:
    """``repeats`` runs of ``seconds`` on one start of the service, after one that does not count."""
    with served(seeded.where, processes=processes) as service:
        plan: dict[str, object] = {"clients": clients, "processes": generators, "prompt": prompt}
        _once(service, seeded, database, seconds=_WARM_S, plan=plan)
        runs = [_once(service, seeded, database, seconds=seconds, plan=plan) for _ in range(repeats)]
        memory = usage_of(service.pid).largest_bytes
    reports = [one.report for one in runs]
    costs = [one.cpu_s / max(one.report.sign_ins, 1) for one in runs]
    return SignInCost(
        store="SQLite" if database is None else "PostgreSQL",
        processes=processes,
        accounts=seeded.accounts,
        clients=clients,
        prompt=prompt,
        sign_ins=sum(report.sign_ins for report in reports),
        failed=sum(report.failed for report in reports),
        cpu_s=Spread.of(costs),
        database_cpu_s=Spread.of([one.database_cpu_s / max(one.report.sign_ins, 1) for one in runs]),
        ratio=Spread.of([one.floor_s / cost for one, cost in zip(runs, costs, strict=True)]),
        rate_per_s=Spread.of([report.rate_per_s for report in reports]),
        p50_s=Spread.of([report.sign_in.p50_s for report in reports]),
        p99_s=Spread.of([report.sign_in.p99_s for report in reports]),
        p99_over_p50=Spread.of([report.sign_in.p99_s / max(report.sign_in.p50_s, 1e-9) for report in reports]),
        steps=reports[0].steps,
        memory_bytes=memory,
        generator_cpu_s=statistics.median(report.generator_cpu_per_sign_in_s for report in reports),
        generator_cpu_share=max(report.generator_cpu_share for report in reports),
        machine_busy=statistics.median(one.busy for one in runs),
    )


def _once(
    service: Service, seeded: Seeded, database: Postgres | None, *, seconds: float, plan: dict[str, object]
) -> _Once:
    people = max(PEOPLE // 2, int(str(plan["clients"])))
    wanted = service.plan(people=people, seconds=seconds, standings=str(seeded.standings), **plan)  # type: ignore[arg-type]
    floor = raw.two_verifications_s()
    began: list[tuple[float, float, Busy]] = []

    def before() -> None:
        began.append((usage_of(service.pid).cpu_s, _database_cpu_s(database), Busy()))

    report = run(wanted, before=before)
    cpu, database_cpu, busy = began[0]
    share = busy.share()
    time.sleep(_SETTLE_S)
    return _Once(
        report=report,
        cpu_s=usage_of(service.pid).cpu_s - cpu,
        database_cpu_s=_database_cpu_s(database) - database_cpu,
        floor_s=(floor + raw.two_verifications_s()) / 2,
        busy=share,
    )


def _database_cpu_s(database: Postgres | None) -> float:
    return 0.0 if database is None else usage_of(database.pid).cpu_s


def time_split(seeded: Seeded, *, clients: int, seconds: float) -> Split:
    """Which part of its CPU the service (of one process) spends on what."""
    file = seeded.where.directory / "split.json"
    file.unlink(missing_ok=True)
    with served(seeded.where, program=("-m", "bench.split", str(file))) as service:
        plan = service.plan(clients=clients, people=PEOPLE // 2, seconds=seconds, standings=str(seeded.standings))
        run(plan, before=lambda: split.begin(service.pid))
        return split.end(service.pid, file)


def memory_growth(
    seeded: Seeded, *, sign_ins: int, looks: int, heard: Callable[[int], None] = lambda _: None
) -> Growth:
    """Memory of one process on SQLite, looked at while it does so many sign-ins."""
    found, done = Growth([], []), 0
    with served(seeded.where) as service:
        for _ in range(looks):
            plan = service.plan(
                clients=64, people=PEOPLE, sign_ins=sign_ins // looks, standings=str(seeded.standings), processes=2
            )
            done += run(plan).sign_ins
            found.sign_ins.append(done)
            found.memory_bytes.append(usage_of(service.pid).largest_bytes)
            heard(done)
    return found
