"""``pteri audit``: how far the look at all accounts has come, whom it halted, and lifting that after a repair."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pteri.command_line import ConfigOption, JsonFlag, said_in_a_sentence, settings_of, tell, usage

if TYPE_CHECKING:
    from pteri.app.audit_ports import AuditPlace

__all__ = ["app"]

app = typer.Typer(
    help="The look at all accounts: how far it is, whom it halted, and lifting that.", no_args_is_help=True
)


@app.command("status")
def status_command(config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """How far the newest round is, and which accounts are halted. Exit code 1 while one is."""
    from pteri.audited import status

    _, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        place, halts = status(settings)
    lines = [_round(place), *(f"HALTED {each.tenant}/{each.account}: {each.code}, {each.detail}" for each in halts)]
    said = {"round": msgspec.to_builtins(place), "halted": msgspec.to_builtins(halts)}
    tell(said, "\n".join(lines), as_json=as_json)
    if halts:
        raise typer.Exit(1)


@app.command("lift")
def lift_command(
    tenant: Annotated[str, typer.Argument(help="Short name of the site, as in the settings.")],
    account: Annotated[str, typer.Argument(help="The account, acct_...")],
    though_waits: Annotated[
        bool, typer.Option("--though-waits", help="Also while a change waits in it, to which nobody could object.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let an account go on that was halted and is repaired: it is looked at first, and must be as it was signed."""
    from pteri.audited import lift

    _, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        lifted = lift(settings, tenant, account, though_waits=though_waits)
    said = msgspec.to_builtins(lifted)
    if lifted.done:
        tell(said, f"{tenant}/{account} goes on.", as_json=as_json)
        return
    if lifted.findings:
        wrong = "\n".join(f"{each.code}: {each.detail}" for each in lifted.findings)
        tell(said, f"{wrong}\nIt stays halted. Repair it from a copy, then try again.", as_json=as_json)
        raise typer.Exit(1)
    if lifted.waits and not though_waits:
        tell(said, _told_of_waits(lifted.waits), as_json=as_json)
        raise typer.Exit(1)
    usage("This account is not halted.", as_json=as_json)


def _told_of_waits(waits: tuple[int, ...]) -> str:
    first = _instant(waits[0])
    return (
        f"Changes that wait in this account: {len(waits)}. The first can be completed from {first} on, and nobody "
        "could object while it was halted.\n"
        "Nothing was lifted. Tell its owner to look as soon as it goes on, and to object to what is not theirs; then "
        "lift it with --though-waits."
    )


def _round(place: AuditPlace | None) -> str:
    if place is None:
        return "No account was looked at yet: the service does that while it runs."
    began = _instant(place.started_at)
    if place.ended_at is None:
        return f"Round since {began}: {place.accounts} accounts so far."
    return f"Last round {began} to {_instant(place.ended_at)}: {place.accounts} accounts."


def _instant(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
