"""From the cost of one sign-in to machines and money: the arithmetic behind docs/guide/sizing.md.

``python -m bench.sizing`` prints the tables from ``bench/reference.json``; another file can be named. ``--write`` puts
them into the guide. Prices and habits are assumptions, stated in the first table: change them there and run it again.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Final

import msgspec

from bench.figures import MANY
from bench.results import Results, read_results
from pteri.load.telling import duration

__all__ = ["ASSUMED", "REFERENCE", "Assumed", "Measured", "Need", "in_page", "measured_in", "need_of", "page_of"]

REFERENCE: Final = Path(__file__).parent / "reference.json"
PAGE: Final = Path(__file__).parents[1] / "docs" / "guide" / "sizing.md"
SIZES: Final = (1_000_000, 100_000_000, 1_000_000_000)
_BEGIN, _END = "<!-- computed: begin -->", "<!-- computed: end -->"
_DAY_S: Final = 86_400
_HOURS_A_MONTH: Final = 730
_GB: Final = 1e9


class Assumed(msgspec.Struct, frozen=True, kw_only=True):
    """What nobody here can measure."""

    sign_ins_per_account_and_day: float = 1.0
    peak_over_mean: float = 5.0
    """The busiest seconds of a day against the mean of that day."""
    used_at_peak: float = 0.5
    """Share of the cores that may be busy then; the rest is for one machine that fails, and for the kernel."""
    database_copies: int = 3
    """The database, its standby, and the backups, as so many times its size."""
    years: int = 5
    """Events are kept for ever; the second price is after so many years of them."""
    dollars_per_core_hour: float = 0.04
    dollars_per_gb_month: float = 0.08
    least_api_cores: int = 2
    least_database_cores: int = 4
    most_cores_of_one_database: int = 64
    most_tb_of_one_database: float = 20.0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a run found, on PostgreSQL."""

    api_cpu_s: float
    database_cpu_s: float
    kept_bytes: float
    passing_bytes: float
    account_bytes: float


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What so many accounts need."""

    accounts: int
    mean_per_s: float
    peak_per_s: float
    api_cores: int
    database_cores: int
    databases: int
    first_gb: float
    """One copy at the start: the accounts, and what is kept for a day."""
    yearly_gb: float
    """One copy more every year."""
    first_month_dollars: float
    last_month_dollars: float
    dollars_per_account_and_year: float
    """In the last of the years."""


ASSUMED: Final = Assumed()


def measured_in(results: Results) -> Measured:
    """``ValueError`` for a run without PostgreSQL: one file on one machine is not what grows."""
    cost = results.cost("PostgreSQL", clients=MANY)
    storage = next((one for one in results.storage if one.store == "PostgreSQL"), None)
    if cost is None or storage is None:
        raise ValueError("this run has not measured PostgreSQL")
    return Measured(
        api_cpu_s=cost.cpu_s.median,
        database_cpu_s=cost.database_cpu_s.median,
        kept_bytes=storage.kept_bytes,
        passing_bytes=storage.passing_bytes,
        account_bytes=storage.account_bytes,
    )


def need_of(accounts: int, measured: Measured, assumed: Assumed = ASSUMED) -> Need:
    """The arithmetic."""
    mean = accounts * assumed.sign_ins_per_account_and_day / _DAY_S
    peak = mean * assumed.peak_over_mean
    api = max(assumed.least_api_cores, math.ceil(peak * measured.api_cpu_s / assumed.used_at_peak))
    database = max(assumed.least_database_cores, math.ceil(peak * measured.database_cpu_s / assumed.used_at_peak))
    # An account is linked by an event that is as long as a sign-in's.
    account = measured.account_bytes + measured.kept_bytes
    first = (accounts * account + mean * _DAY_S * measured.passing_bytes) / _GB
    yearly = mean * _DAY_S * 365 * measured.kept_bytes / _GB
    # Each database has a standby of its size.
    computing = (api + 2 * database) * assumed.dollars_per_core_hour * _HOURS_A_MONTH
    keeping = assumed.database_copies * assumed.dollars_per_gb_month
    last = computing + (first + assumed.years * yearly) * keeping
    return Need(
        accounts=accounts,
        mean_per_s=mean,
        peak_per_s=peak,
        api_cores=api,
        database_cores=database,
        databases=max(
            math.ceil(database / assumed.most_cores_of_one_database),
            math.ceil((first + assumed.years * yearly) / 1000 / assumed.most_tb_of_one_database),
        ),
        first_gb=first,
        yearly_gb=yearly,
        first_month_dollars=computing + first * keeping,
        last_month_dollars=last,
        dollars_per_account_and_year=last * 12 / accounts,
    )


def page_of(results: Results, assumed: Assumed = ASSUMED) -> str:
    """The computed part of the page, as Markdown."""
    measured, machine = measured_in(results), results.machine
    needs = [need_of(accounts, measured, assumed) for accounts in SIZES]
    rows: list[tuple[str, list[str]]] = [
        ("sign-ins a second, mean", [_short(need.mean_per_s) for need in needs]),
        ("sign-ins a second, peak", [_short(need.peak_per_s) for need in needs]),
        ("cores of the service", [_short(need.api_cores) for need in needs]),
        ("cores of PostgreSQL (as many again for standbys)", [_short(need.database_cores) for need in needs]),
        (
            f"databases to spread the accounts over, after {assumed.years} years",
            [_short(need.databases) for need in needs],
        ),
        ("first size of one copy", [_bytes(need.first_gb) for need in needs]),
        ("more every year", [_bytes(need.yearly_gb) for need in needs]),
        ("dollars a month at first", [_short(need.first_month_dollars) for need in needs]),
        (f"dollars a month after {assumed.years} years", [_short(need.last_month_dollars) for need in needs]),
        ("dollars for an account and year then", [f"{need.dollars_per_account_and_year:.4f}" for need in needs]),
    ]
    where = f"{machine.processor} with {machine.cores} cores, Python {machine.python}, PostgreSQL {results.postgres}"
    measured_on = f"Measured on {where}, on {machine.at[:10]} ({machine.commit}):"
    return "\n".join(
        (
            measured_on,
            "",
            "| measured | |",
            "|---|---|",
            f"| CPU of the service for one sign-in | {duration(measured.api_cpu_s)} |",
            f"| CPU of PostgreSQL for one sign-in | {duration(measured.database_cpu_s)} |",
            f"| bytes of a sign-in, kept for ever | {_short(measured.kept_bytes)} |",
            f"| bytes of a sign-in, kept for a day | {_short(measured.passing_bytes)} |",
            f"| bytes of an account | {_short(measured.account_bytes)} |",
            "",
            "| assumed | |",
            "|---|---|",
            f"| sign-ins of an account in a day | {assumed.sign_ins_per_account_and_day:g} |",
            f"| peak over mean | {assumed.peak_over_mean:g} |",
            f"| share of the cores in use at the peak | {assumed.used_at_peak:.0%} |",
            f"| copies of the data (database, standby, backups) | {assumed.database_copies} |",
            f"| dollars for a core-hour | {assumed.dollars_per_core_hour:g} |",
            f"| dollars for a GB-month | {assumed.dollars_per_gb_month:g} |",
            f"| most cores of one database | {assumed.most_cores_of_one_database} |",
            f"| most TB of one database | {assumed.most_tb_of_one_database:g} |",
            "",
            "| accounts | " + " | ".join(f"{need.accounts:,}" for need in needs) + " |",
            "|---|" + "---|" * len(needs),
            *(f"| {name} | " + " | ".join(values) + " |" for name, values in rows),
        )
    )


def in_page(page: str, computed: str) -> str:
    """The page with this between its two marks; ``ValueError`` when it has lost them."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError("the page has lost its marks")
    return f"{before}{_BEGIN}\n\n{computed}\n\n{_END}{after}"


def _short(value: float) -> str:
    """Two digits that count, and the zeros behind them written out."""
    if value < 10:
        return f"{value:.2g}" if value < 1 else f"{value:.1f}".removesuffix(".0")
    digits = max(0, int(math.log10(value)) - 1)
    return f"{round(value / 10**digits) * 10**digits:,}"


def _bytes(gigabytes: float) -> str:
    for factor, unit in ((1e6, "PB"), (1e3, "TB")):
        if gigabytes >= factor:
            return f"{gigabytes / factor:.1f} {unit}"
    return f"{gigabytes:.1f} GB"


def main() -> None:
    """Print the tables, or write them into the guide."""
    parser = argparse.ArgumentParser(prog="python -m bench.sizing", description="Machines and money from a run.")
    parser.add_argument("run", nargs="?", type=Path, default=REFERENCE)
    parser.add_argument("--write", action="store_true", help="put the tables into the guide")
    wanted = parser.parse_args()
    computed = page_of(read_results(wanted.run))
    if wanted.write:
        PAGE.write_text(in_page(PAGE.read_text(encoding="utf-8"), computed), encoding="utf-8")
    else:
        print(computed)


if __name__ == "__main__":
    main()
