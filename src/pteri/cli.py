"""The command ``pteri``: start a service, play the demo, be a phone, verify a message or a receipt.

Exit codes: 0 yes, 1 no (with a stable code), 2 the command line is wrong.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from pteri.anchor_cli import app as anchor_app
from pteri.audit_cli import app as audit_app
from pteri.command_line import ConfigOption, JsonFlag, said_in_a_sentence, settings_of, tell, usage
from pteri.key_cli import app as key_app
from pteri.load.cli import bench_command, load_command
from pteri.log_cli import app as log_app
from pteri.policies.cli import app as policy_app
from pteri.verify_cli import app as verify_app
from pteri.witness.cli import app as witness_app

__all__ = ["app", "main"]

app = typer.Typer(
    name="pteri",
    help="Sign in with a wallet on your phone: both keys, no password, no SMS.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(verify_app, name="verify")
app.add_typer(policy_app, name="policy")
app.add_typer(anchor_app, name="anchor")
app.add_typer(log_app, name="log")
app.add_typer(audit_app, name="audit")
app.add_typer(key_app, name="key")
app.add_typer(witness_app, name="witness")

_OF_EXTRAS = frozenset(
    {"alembic", "asyncpg", "httptools", "httpx2", "keyring", "segno", "starlette", "structlog", "uvicorn", "uvloop"}
)


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"pteri {version('pteri')}")
        raise typer.Exit


@app.callback()
def program(
    *,
    version_: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    """Sign in with a wallet on your phone: both keys, no password, no SMS."""


@app.command("init")
def init_command(
    directory: Annotated[Path, typer.Argument(help="Where the settings, keys and database will be.")],
    domain: Annotated[str, typer.Option(help="Host name of your site, as people know it.")],
    tenant: Annotated[str, typer.Option(help="Short name of your site in the API.")] = "site",
    network: Annotated[str, typer.Option(help="main, test or regtest.")] = "main",
    port: Annotated[int, typer.Option(help="Port on this machine.")] = 8750,
    database: Annotated[
        str, typer.Option(help="A file, or postgresql://user@host:5432/name; a password belongs into PGPASSFILE.")
    ] = "pteri.sqlite3",
    as_json: JsonFlag = False,
) -> None:
    """Make a new service: settings, deployment key, and the key your site signs its requests with."""
    from pteri.provision import provision
    from pteri.settings import SettingsError

    try:
        made = provision(directory, domain=domain, tenant=tenant, network=network, port=port, database=database)
    except SettingsError as error:
        usage(str(error), as_json=as_json)
    tell(
        {"settings": str(made.settings), "client_key_file": str(made.client_key_file)},
        f"Made {made.settings}.\nYour site's own key is in {made.client_key_file}: keep it where your site runs.\n"
        f"Begin its public log with: pteri log new --config {made.settings}\n"
        f"Start the service with: pteri serve --config {made.settings}",
        as_json=as_json,
    )


@app.command("serve")
def serve_command(
    config: ConfigOption = None,
    inherited: Annotated[tuple[int, int] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the service until it is told to stop (SIGTERM or Ctrl-C)."""
    from pteri.serving import serve

    path, settings = settings_of(config)
    with said_in_a_sentence():
        if inherited is None and settings.server.processes > 1:
            from pteri.supervise import supervise

            command = (sys.executable, "-P", "-m", "pteri", "serve", "--config", str(path), "--inherited")
            supervise(settings, command)
        else:
            serve(settings, inherited=inherited)


@app.command("work")
def work_command(config: ConfigOption = None) -> None:
    """Do only the work after the commit, beside any number of services, until told to stop."""
    from pteri.serving import work

    _, settings = settings_of(config)
    with said_in_a_sentence():
        work(settings)


@app.command("fsck")
def fsck_command(
    config: ConfigOption = None,
    ledger: Annotated[
        Path | None, typer.Option(help="Acknowledged sign-ins, as `pteri load --ledger` writes them.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Where it keeps how far it has come: killed, it goes on from there.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Prove that the database is whole, while the service runs or not: each event, signature, position and snapshot."""
    from msgspec import to_builtins

    from pteri.checkup import check_up, report_text

    _, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        report = check_up(settings, ledger, state)
    tell({"clean": report.clean, **to_builtins(report)}, report_text(report), as_json=as_json)
    if not report.clean:
        raise typer.Exit(1)


@app.command("demo")
def demo_command(
    as_json: JsonFlag = False,
    keep: Annotated[Path | None, typer.Option(help="A new directory for the demo's files.")] = None,
    stay: Annotated[bool, typer.Option(help="In a terminal, let the server run on to look around.")] = True,
) -> None:
    """Play the whole story against a real server with real phones, and say who signed what and why."""
    from pteri.demo.play import play

    raise typer.Exit(play(as_json=as_json, keep=keep, stay=stay))


@app.command("operator-sim")
def operator_sim_command(
    directory: Annotated[Path, typer.Argument(help="Where its client key is; made there if there is none.")],
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on this machine; nobody else reaches it. 0: a free one.")
    ] = 8790,
    for_s: Annotated[int, typer.Option("--for", min=1, max=86_400, help="Seconds until it stops by itself.")] = 3600,
    clock_file: Annotated[
        Path | None, typer.Option(help="The simulated clock of the service that asks, as its clock_file says.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """SIMULATE a mobile operator on loopback, with a desk where SIMs are swapped. Never for real people."""
    from pteri.operator_sim import simulate

    with said_in_a_sentence(as_json=as_json):
        simulate(directory, port=port, for_s=for_s, clock_file=clock_file, as_json=as_json)


app.command("load")(load_command)
# The benchmarks have their own options, and their own --help.
app.command(
    "bench", add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)(bench_command)


def _mount_wallet() -> None:
    """``pteri wallet`` needs the wallet extra; without it the other commands still work."""
    try:
        from pteri.wallet.cli import app as wallet_app
    except ModuleNotFoundError as error:
        if error.name not in _OF_EXTRAS:
            raise
        return
    app.add_typer(wallet_app, name="wallet")


def main() -> None:
    """Entry point."""
    _mount_wallet()
    try:
        app()
    except ModuleNotFoundError as error:
        # Only a program of an extra may be missing; a hole in our own is a bug and shows itself.
        if error.name is None or error.name.partition(".")[0] not in _OF_EXTRAS:
            raise
        print(
            f"This command needs {error.name}, which is not installed. Install all of PTERI: "
            "pip install 'pteri[server,wallet]'",
            file=sys.stderr,
        )
        sys.exit(2)
