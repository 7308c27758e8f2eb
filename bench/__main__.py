"""``make bench``: what a full durable sign-in costs this service, and others, on this machine.

``--quick`` takes a minute or two and measures no peers; without an option it is about ten minutes; ``--full`` adds ten
million accounts and the memory after a million sign-ins, and takes an hour. Figures are ratios out of one run: what
else the machine does in that time is in all of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench.figures import details_text, figures_of, figures_text
from bench.machine import this_machine
from bench.plot import plot
from bench.results import Results, write_results
from bench.suite import PROFILES, Suite

_HERE: Final = Path(__file__).parent
RESULTS: Final = _HERE / "results"


def main() -> None:
    """Measure, keep, print."""
    wanted = _arguments()
    results = Results(profile=wanted.profile, machine=this_machine())
    console = Console(stderr=True)
    shown = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pteri-bench-")))
        progress = stack.enter_context(Progress(*shown, console=console, disable=not console.is_terminal))
        suite = Suite(PROFILES[wanted.profile], results, directory, progress, keep=lambda: _keep(results))
        suite.run()
    kept = _keep(results)
    if wanted.reference:
        write_results(_HERE / "reference.json", results)
    figures = figures_of(results)
    if wanted.json:
        print(json.dumps({"figures": msgspec.to_builtins(figures), "results": msgspec.to_builtins(results)}))
        return
    print(details_text(results))
    print(f"\nfigures\n{figures_text(figures)}\n\n{kept}\n{kept.with_suffix('.svg')}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__, allow_abbrev=False)
    group = parser.add_mutually_exclusive_group()
    for name in ("quick", "full"):
        group.add_argument(f"--{name}", dest="profile", action="store_const", const=name)
    parser.set_defaults(profile="usual")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--reference", action="store_true", help="also keep it as bench/reference.json, for the guide")
    return parser.parse_args()


def _keep(results: Results) -> Path:
    """In a file for this run, and under a name that always is the last one's."""
    stamp = results.machine.at.replace(":", "").replace("+0000", "Z")
    path = RESULTS / f"{stamp}-{results.profile}.json"
    picture = plot(results)
    for place in (path, RESULTS / "latest.json"):
        write_results(place, results)
        place.with_suffix(".svg").write_text(picture, encoding="utf-8")
    return path


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, subprocess.SubprocessError) as error:
        print(f"The benchmark failed: {error}", file=sys.stderr)
        sys.exit(1)
