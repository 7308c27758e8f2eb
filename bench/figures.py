"""The figures that are promised: each with what it must at least be, what it should be, and what came out.

Two measurements of one run are compared by their ratio to the floor of their own moment, not by their microseconds:
the machine may have been slower in one of the two.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bench.botnet import Noticed
from bench.results import BASE_ACCOUNTS, Results
from pteri.load.telling import duration

__all__ = ["Figure", "details_text", "figures_of", "figures_text"]

MANY = 64
FEW = 16


class Figure(msgspec.Struct, frozen=True):
    """``at_least`` and ``aim`` are upper bounds where ``small_is_good``. ``value`` is ``None`` when not measured."""

    what: str
    value: float | None
    at_least: float
    aim: float
    small_is_good: bool = False
    unit: str = ""

    @property
    def verdict(self) -> str:
        """``aim met``, ``met``, ``MISSED`` or ``not measured``."""
        if self.value is None:
            return "not measured"
        if self._reaches(self.aim):
            return "aim met"
        return "met" if self._reaches(self.at_least) else "MISSED"

    def _reaches(self, bound: float) -> bool:
        assert self.value is not None
        return self.value <= bound if self.small_is_good else self.value >= bound


def figures_of(results: Results) -> list[Figure]:
    """All of them, in the order in which they were promised."""
    return [
        Figure(
            f"SQLite: two verifications over a sign-in's CPU ({MANY} clients)", _ratio(results, "SQLite"), 0.30, 0.50
        ),
        Figure(f"PostgreSQL: the same, CPU of the API ({MANY} clients)", _ratio(results, "PostgreSQL"), 0.25, 0.45),
        Figure(
            "FastAPI + a transaction each: its CPU over ours", _over(results, "FastAPI + pydantic"), 2.5, 4.0, unit="x"
        ),
        Figure("py_webauthn + FastAPI: its CPU over ours", _over(results, "py_webauthn"), 2.5, 4.5, unit="x"),
        Figure(
            "privacyIDEA, cheapest PIN hash: its CPU over ours",
            _over(results, "privacyIDEA validate/check, cheapest PIN hash"),
            100,
            250,
            unit="x",
        ),
        _growth_with_accounts(results),
        Figure("PostgreSQL: two processes against one", _two_processes(results), 1.6, 1.8, unit="x"),
        Figure(f"p99 over p50 at {MANY} clients (SQLite)", _tail(results), 4.0, 2.5, small_is_good=True, unit="x"),
        _memory(results),
        _noticed(results, "one network", 3.0, 1.5),
        _noticed(results, "everywhere", 5.0, 3.0),
        _chip(results),
        _tree(results),
    ]


def _ratio(results: Results, store: str) -> float | None:
    cost = results.cost(store, clients=MANY) or results.cost(store, clients=FEW)
    return None if cost is None else cost.ratio.median


def _over(results: Results, peer: str) -> float | None:
    """Compared at few clients: peers gain nothing by more of them, and we do."""
    theirs, ours = results.peer(peer), results.cost("SQLite", clients=FEW)
    return None if theirs is None or ours is None else ours.ratio.median / theirs.ratio


def _growth_with_accounts(results: Results) -> Figure:
    sizes = list(results.sizes("SQLite", clients=FEW))
    largest = sizes[-1].accounts if sizes else BASE_ACCOUNTS
    grown = sizes[0].ratio.median / sizes[-1].ratio.median if len(sizes) > 1 else None
    what = f"{largest:,} accounts against {BASE_ACCOUNTS:,}: CPU of a sign-in (SQLite)"
    return Figure(what, grown, 1.3, 1.1, small_is_good=True, unit="x")


def _two_processes(results: Results) -> float | None:
    """How much more two do than one, on cores of their own.

    Here generator, database and service share the cores, so the wall clock cannot tell. Two processes do twice as much
    as one, but for what each sign-in costs more when there are two, and for time in which they only wait: idle time
    of the machine while 64 clients wait for answers is counted as such.
    """
    one, two = (results.cost("PostgreSQL", clients=MANY, processes=processes) for processes in (1, 2))
    if one is None or two is None:
        return None
    return 2 * two.ratio.median / one.ratio.median * min(1.0, two.machine_busy + 0.02)


def _tail(results: Results) -> float | None:
    cost = results.cost("SQLite", clients=MANY)
    return None if cost is None else cost.p99_over_p50.median


def _memory(results: Results) -> Figure:
    growth = results.growth
    what, value = "memory of one process after many sign-ins", None
    if growth is not None and growth.memory_bytes:
        what = f"memory of one process after {growth.sign_ins[-1]:,} sign-ins"
        value = growth.memory_bytes[-1] / 2**20
    return Figure(what, value, 200, 120, small_is_good=True, unit=" MiB")


def _noticed(results: Results, where: str, at_least: float, aim: float) -> Figure:
    """The botnet computes on the cores that it attacks: on a machine of its own it would be noticed less."""
    botnet = results.botnet(where)
    what = f"DS-01: p99 beside 100,000 logins a minute from {where}, over p99 alone"
    value = None if botnet is None else botnet.p99_over_alone.median
    return Figure(what, value, at_least, aim, small_is_good=True, unit="x")


def _chip(results: Results) -> Figure:
    what = "eSIM: CPU of one notification over a raw P-256 verification (certificates remembered)"
    value = None if results.chip is None else results.chip.known
    return Figure(what, value, 3.0, 2.0, small_is_good=True, unit="x")


def _tree(results: Results) -> Figure:
    """Twenty hashes of a path and not a million: what grows is the depth, from 13 to 20 or 23."""
    ours = results.tree("ours")
    largest = ours[-1].leaves if ours else 1_000_000
    grown = ours[-1].inclusion_s / ours[0].inclusion_s if len(ours) > 1 else None
    what = f"log: CPU of an inclusion proof among {largest:,} leaves over one among 10,000"
    return Figure(what, grown, 3.0, 2.0, small_is_good=True, unit="x")


def figures_text(figures: list[Figure]) -> str:
    """A table for a terminal."""
    rows = [("", "value", "at least", "aim", "")]
    for figure in figures:
        number = _number_of(figure)
        sign = "<=" if figure.small_is_good else ">="
        rows.append(
            (
                figure.what,
                number(figure.value),
                sign + number(figure.at_least),
                sign + number(figure.aim),
                figure.verdict,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        f"  {row[0]:<{widths[0]}}  " + "  ".join(f"{row[c]:>{widths[c]}}" for c in (1, 2, 3)) + f"  {row[4]}"
        for row in rows
    )


def _number_of(figure: Figure) -> Callable[[float | None], str]:
    def number(value: float | None) -> str:
        if value is None:
            return "-"
        digits = 2 if figure.aim < 10 else 0
        return f"{value:.{digits}f}{figure.unit}"

    return number


def details_text(results: Results) -> str:
    """Everything else of a run, for people."""
    machine, lines = results.machine, []
    lines.append(
        f"{machine.processor}, {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB, {machine.system}, "
        f"Python {machine.python}, SQLite {machine.sqlite}, PostgreSQL {results.postgres or '-'}, {machine.commit}"
    )
    if machine.load_before > 0.5:
        lines.append(f"  The machine had other things to do (load {machine.load_before:.1f}): believe the ratios only.")
    if results.raw is not None:
        limits = results.raw
        commits = f"one durable commit {duration(limits.durable_commit_s)} (SQLite)"
        if results.postgres_commit_s is not None:
            commits += f", {duration(results.postgres_commit_s)} (PostgreSQL)"
        verified = f"secp256k1 {duration(limits.secp256k1_verify_s)}, P-256 {duration(limits.p256_verify_s)} of CPU"
        lines.append(f"  raw limits: one verification {verified}; {commits}")
    lines += _chip_rows(results)
    lines += _tree_rows(results)
    lines += ["", *_cost_rows(results)]
    for store, split in results.splits.items():
        shares = ", ".join(f"{kind} {share:.0%}" for kind, share in split.shares.items() if share >= 0.005)
        lines.append(f"  {store}: where the service's CPU goes: {shares} ({split.samples} samples)")
    for storage in results.storage:
        lines.append(
            f"  {storage.store}: a sign-in leaves {storage.kept_bytes:,.0f} bytes for ever and "
            f"{storage.passing_bytes:,.0f} for a day; an account takes {storage.account_bytes:,.0f}"
        )
    if results.growth is not None:
        grown = zip(results.growth.sign_ins, results.growth.memory_bytes, strict=True)
        lines.append("  memory: " + ", ".join(f"{done:,}: {size / 2**20:.0f} MiB" for done, size in grown))
    for botnet in results.botnets:
        lines += _botnet_rows(botnet)
    if results.peers:
        lines.append("")
    for peer in results.peers:
        lines.append(f"  {peer.name} ({peer.version}): {duration(peer.cpu_per_sign_in_s)} of CPU a sign-in")
        lines += [f"    does: {peer.does}", f"    does not: {peer.lacks}"]
    lines += [f"  left out: {what}" for what in results.left_out]
    return "\n".join(lines)


def _chip_rows(results: Results) -> list[str]:
    cost = results.chip
    if cost is None:
        return []
    remembered = (
        f"  eSIM: one notification costs {cost.known:.1f} P-256 verifications where both certificates are remembered"
    )
    return [f"{remembered}, {cost.new_chip:.1f} of a new chip, {cost.new_manufacturer:.1f} of a new manufacturer"]


def _botnet_rows(botnet: Noticed) -> list[str]:
    alone, beside, flood = botnet.alone, botnet.beside, botnet.flood
    got = ", ".join(f"{count:,} times {status}" for status, count in sorted(flood.answers.items()))
    latency = f"p99 {duration(alone.p99_s.median)} alone, {duration(beside.p99_s.median)} beside it"
    rate = f"{alone.rate_per_s.median:.0f} and {beside.rate_per_s.median:.0f} sign-ins a second"
    trouble = f"{beside.failed} failed, {beside.slowed} requests told to wait"
    return [
        f"  DS-01, {flood.per_s * 60:,.0f} logins a minute from {botnet.where}: {got}",
        f"    honest sign-ins, {botnet.clients} cl.: {latency}; {rate}; {trouble}",
    ]


def _cost_rows(results: Results) -> list[str]:
    header = f"  {'':<54}{'CPU':>9}{'spread':>17}{'DB CPU':>9}{'ratio':>7}{'per s':>8}{'p50':>9}{'p99':>9}{'memory':>9}"
    rows = [header]
    for cost in results.costs:
        asked = " prompted" if cost.prompt else ""
        kind = f"{cost.store}, {cost.processes} proc., {cost.accounts:,} acc., {cost.clients} cl.{asked}"
        spread = f"{cost.cpu_s.least * 1e6:.0f}-{cost.cpu_s.most * 1e6:.0f} us"
        database = duration(cost.database_cpu_s.median) if cost.database_cpu_s.median else "-"
        rows.append(
            f"  {kind:<54}{duration(cost.cpu_s.median):>9}{spread:>17}{database:>9}"
            f"{cost.ratio.median:>7.3f}{cost.rate_per_s.median:>8.0f}{duration(cost.p50_s.median):>9}"
            f"{duration(cost.p99_s.median):>9}{cost.memory_bytes / 2**20:>5.0f} MiB"
        )
        if cost.failed:
            rows.append(f"    {cost.failed} sign-ins failed")
    return rows


def _tree_rows(results: Results) -> list[str]:
    rows = []
    for ours, theirs in zip(results.tree("ours"), results.tree("pymerkle"), strict=True):
        rows.append(
            f"  log of {ours.leaves:,} leaves: {ours.appends_per_cpu_s:,.0f} appends a CPU second with everything that "
            f"is kept (pymerkle, tree alone: {theirs.appends_per_cpu_s / ours.appends_per_cpu_s:.1f} times that)"
        )
        rows.append(
            f"    inclusion {duration(ours.inclusion_s)}, {ours.inclusion_bytes} bytes (pymerkle takes "
            f"{theirs.inclusion_s / ours.inclusion_s:,.0f} times as long); consistency {duration(ours.consistency_s)}, "
            f"{ours.consistency_bytes} bytes ({theirs.consistency_s / ours.consistency_s:,.0f} times); "
            f"{ours.memory_mib:.0f} MiB of memory ({theirs.memory_mib:.0f}), {ours.file_mib:,.0f} MiB of disk "
            f"({theirs.file_mib:,.0f})"
        )
    return rows
