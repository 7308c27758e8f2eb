"""``pteri wallet line``: with which mobile line the account goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from pteri.core.keys.secret import Secret
from pteri.wallet.account_words import line_words
from pteri.wallet.desk import Desk, command
from pteri.wallet.files import read_file
from pteri.wallet.screen import Told, signed_told

__all__ = ["add_line_commands"]

_commands = typer.Typer(no_args_is_help=True, help="The mobile line that your account goes with.")
_DAY_S: Final = 86_400

_Number = Annotated[str, typer.Argument(metavar="NUMBER", help="With its country: +49...")]
_Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking.")]
_Details = Annotated[bool, typer.Option("--details", help="Show the exact text and its SHA-256.")]


def add_line_commands(app: typer.Typer) -> None:
    """Put this group beside the other commands."""
    app.add_typer(_commands, name="line")


@command(_commands, "show")
def show(desk: Desk) -> Told:
    """Show what is known of your mobile line, how well and since when."""
    line = desk.phone().devices().line
    if line is None:
        desk.screen.say("Your account goes with no mobile line. Name one: pteri wallet line rebind +49...")
        return {"state": None, "level": 0}
    desk.screen.say(*line_words(line))
    return {
        "state": line.state,
        "level": line.level,
        "since": line.since,
        "confirmed_at": line.confirmed_at,
        "cooling_until": line.cooling_until,
        "to_phone": line.to_phone,
        "until": line.until,
    }


@command(_commands, "rebind")
def rebind(desk: Desk, *, number: _Number, yes: _Yes = False, details: _Details = False) -> Told:
    """Say which mobile line your account goes with from now on: after a new SIM or number."""
    phone = desk.phone(yes=yes, details=details)
    signed = phone.rebind_line(number)
    desk.screen.say(
        "Your account goes with this line now. For a week your words alone wait longer than usual.",
        "On each of your other phones: pteri wallet line accept " + number,
    )
    return signed_told(phone, signed, details=details)


@command(_commands, "announce")
def announce(
    desk: Desk,
    *,
    target: Annotated[str, typer.Argument(metavar="PHONE", help="Four words in quotes, a thumbprint, or 'this'.")],
    days: Annotated[int, typer.Option("--days", min=1, max=14, help="Within so many days.")] = 3,
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """Say that your SIM will move to a phone of yours, so that it is no alarm when it does."""
    phone = desk.phone(yes=yes, details=details)
    wanted = phone.thumbprint if target == "this" else phone.find_phone(target)
    signed = phone.announce_move(wanted, within_s=days * _DAY_S)
    desk.screen.say(f"Move your SIM within {days} days. A change after that, or a second one, is an alarm as ever.")
    return signed_told(phone, signed, details=details)


@command(_commands, "prove")
def prove(
    desk: Desk,
    *,
    token_file: Annotated[Path, typer.Option("--token-file", help="The temporary token, as the operator gave it.")],
) -> Told:
    """Show by your operator's token that this phone uses the line now. It opens nothing."""
    proved = desk.phone().prove_line(Secret(read_file(token_file).strip()))
    if proved.accepted:
        desk.screen.say("Your operator says that this phone uses your line.")
    else:
        desk.screen.say(
            f"Your operator did not say so: {proved.code}. You sign in as ever. Get another token, and try again."
        )
    if proved.line is not None:
        desk.screen.say(*line_words(proved.line))
    state = None if proved.line is None else proved.line.state
    return {"accepted": proved.accepted, "code": proved.code, "state": state}


@command(_commands, "accept")
def accept(desk: Desk, *, number: _Number) -> Told:
    """Tell this phone the line that another phone of yours has named."""
    desk.phone().accept_line(number)
    desk.screen.say("This phone expects that line from now on.")
    return {"accepted": True}
