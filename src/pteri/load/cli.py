# ruff: noqa: PLC0415, T201
"""``pteri load`` and ``pteri bench``. What a command needs is imported when it runs; what it says is printed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from pteri.load.fleet import Progress
    from pteri.load.plan import Plan
    from pteri.settings import TenantSettings

__all__ = ["bench_command", "load_command"]

_ROOT = Path(__file__).resolve().parents[3]


def load_command(
    config: Annotated[Path, typer.Option(help="The settings file of the service: origin, tenant, network.")],
    *,
    client_key_file: Annotated[
        Path | None, typer.Option(help="The key of the relying party. Without it, client.key beside the settings.")
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Which tenant, where the settings name several.")] = None,
    connect: Annotated[
        str | None, typer.Option(help="Where to connect in place of the public origin, as http://127.0.0.1:8750.")
    ] = None,
    sign_ins: Annotated[int | None, typer.Option(help="End after so many sign-ins.")] = None,
    seconds: Annotated[float | None, typer.Option(help="End after so many seconds.")] = None,
    clients: Annotated[int, typer.Option(help="Sign-ins under way at once.")] = 16,
    processes: Annotated[int, typer.Option(help="Generator processes the clients are spread over.")] = 1,
    people: Annotated[int | None, typer.Option(help="Accounts that sign in; new ones are made first.")] = None,
    prompt: Annotated[bool, typer.Option(help="Show each sign-in on the phones unasked, too.")] = False,
    ledger: Annotated[
        Path | None, typer.Option(help="A file that gets a line for every sign-in that was acknowledged.")
    ] = None,
    patience: Annotated[float, typer.Option(help="Seconds for which a request without an answer is repeated.")] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Sign made-up people in at a running service, with real signatures, and say how long it took.

    It makes accounts load-0@people.invalid, load-1@... and leaves them there: use a service of its own.
    """
    from pteri.load.fleet import LoadFailed, run
    from pteri.load.plan import Plan, PlanError
    from pteri.load.telling import text_of

    site, origin = _site(config, tenant, as_json)
    key_file = (client_key_file or config.absolute().parent / "client.key").absolute()
    _require_key(key_file, as_json)
    plan = Plan(
        origin=origin,
        tenant=site.id,
        domain=site.domain,
        network=site.network,
        client_key_file=str(key_file),
        clients=clients,
        processes=processes,
        people=people or max(64, 2 * clients),
        sign_ins=sign_ins,
        seconds=seconds,
        prompt=prompt,
        ledger=None if ledger is None else str(ledger.absolute()),
        connect=connect,
        patience_s=patience,
    )
    try:
        with _shown(plan, quiet=as_json) as heard:
            report = run(plan, heard)
    except PlanError as error:
        _usage(str(error), as_json)
    except LoadFailed as error:
        _told({"error": str(error)}, f"The run failed: {error}", as_json)
        raise typer.Exit(1) from None
    import msgspec

    _told(msgspec.to_builtins(report), text_of(report), as_json)
    if report.failed:
        raise typer.Exit(1)


def bench_command(ctx: typer.Context) -> None:
    """Measure this machine: the benchmarks of the source tree, with all their options (--help shows them)."""
    if not (_ROOT / "bench" / "__main__.py").exists():
        _usage(
            "The benchmarks are in the source tree of PTERI, not in the installed package: run make bench there.", False
        )
    command = [sys.executable, "-m", "bench", *ctx.args]
    raise typer.Exit(subprocess.call(command, cwd=_ROOT))  # noqa: S603 - this program, and the words typed by its user


def _site(config: Path, tenant: str | None, as_json: bool) -> tuple[TenantSettings, str]:
    from pteri.settings import SettingsError, load_settings

    try:
        settings = load_settings(config)
    except SettingsError as error:
        _usage(str(error), as_json)
    named = [site for site in settings.tenants if tenant in {None, site.id}]
    if len(named) != 1:
        known = ", ".join(site.id for site in settings.tenants)
        _usage(f"Which tenant? Give --tenant with one of: {known}", as_json)
    return named[0], settings.server.public_origin


def _require_key(path: Path, as_json: bool) -> None:
    from pteri.core.errors import ProtocolError
    from pteri.core.keys.device import DevicePrivateKey
    from pteri.load.worker import read_client_key

    try:
        DevicePrivateKey(read_client_key(path))
    except OSError as error:
        _usage(f"Cannot read the key of the relying party, {path}: {error.strerror}.", as_json)
    except ProtocolError:
        _usage(f"{path} is not the key of a relying party: 32 bytes in base64url.", as_json)


@contextmanager
def _shown(plan: Plan, *, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal; programs get nothing between."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bars(*shown, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bars:
        preparing = bars.add_task("accounts", total=plan.people)
        signing = bars.add_task("sign-ins", total=plan.sign_ins)

        def heard(progress: Progress) -> None:
            if progress.phase == 0:
                bars.update(preparing, completed=progress.done)
            else:
                failed = f", {progress.failed} failed" if progress.failed else ""
                bars.update(preparing, completed=plan.people)
                bars.update(signing, completed=progress.done, description=f"sign-ins{failed}")

        yield heard


def _told(values: dict[str, Any], text: str, as_json: bool) -> None:
    print(json.dumps(values) if as_json else text)


def _usage(message: str, as_json: bool) -> NoReturn:
    print(json.dumps({"error": message}) if as_json else message, file=sys.stdout if as_json else sys.stderr)
    raise typer.Exit(2)
