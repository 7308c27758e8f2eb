"""A report for people."""

from __future__ import annotations

from pteri.load.latency import Latency
from pteri.load.tally import Report

__all__ = ["duration", "text_of"]


def text_of(report: Report) -> str:
    """A few lines with a table."""
    done = f"{report.sign_ins} sign-ins in {report.seconds:.1f} s"
    own = f"{duration(report.generator_cpu_per_sign_in_s)} of CPU for each sign-in"
    lines = [
        f"{done}: {report.rate_per_s:.1f} a second, {report.failed} failed",
        "",
        f"  {'':<10}{'p50':>10}{'p90':>10}{'p99':>10}{'p99.9':>10}{'longest':>10}",
        *(_row(step, latency) for step, latency in report.steps.items()),
        _row("sign-in", report.sign_in),
        "",
        f"  asked to wait {report.slowed} times, requests sent again {report.repeated} times",
        f"  the generator: {own}, its busiest process computed {report.generator_cpu_share:.0%} of the time",
    ]
    if report.generator_saturated:
        lines.append(
            "  The generator was the bottleneck: give it more --processes, or the service could do more than this."
        )
    lines += [f"  failed: {count} times {reason}" for reason, count in sorted(report.refused.items())]
    return "\n".join(lines)


def _row(name: str, latency: Latency) -> str:
    values = (latency.p50_s, latency.p90_s, latency.p99_s, latency.p999_s, latency.longest_s)
    return f"  {name:<10}" + "".join(f"{duration(value):>10}" for value in values)


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1 or unit == "us":
            value = seconds * factor
            return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"
    raise AssertionError("the last unit takes everything")
