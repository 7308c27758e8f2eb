"""``pteri wallet channels``: where warnings go besides the phones."""

from __future__ import annotations

from typing import Annotated

import typer

from pteri.wallet.desk import Desk, command
from pteri.wallet.refusals import utc_text
from pteri.wallet.screen import Told, signed_told

__all__ = ["add_channel_commands"]

_commands = typer.Typer(no_args_is_help=True, help="Addresses that hear what happens to your account.")

_Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking.")]
_Details = Annotated[bool, typer.Option("--details", help="Show the exact text and its SHA-256.")]


def add_channel_commands(app: typer.Typer) -> None:
    """Put this group beside the other commands."""
    app.add_typer(_commands, name="channels")


@command(_commands, "show")
def show(desk: Desk) -> Told:
    """Show where warnings go: of each address its first letter and its host."""
    seen = desk.phone().channels()
    desk.screen.say(*(f"Warnings go to {address}" for address in seen.addresses))
    if not seen.addresses:
        desk.screen.say("Warnings go to your phones only. Name an address: pteri wallet channels set you@mail.example")
    if seen.waiting is not None and seen.held_until is not None:
        then = ", ".join(seen.waiting) or "no address"
        desk.screen.say(
            f"From {utc_text(seen.held_until)} on they go to: {then}.", f"Not you? pteri wallet object {seen.case}"
        )
    return {
        "addresses": list(seen.addresses),
        "waiting": None if seen.waiting is None else list(seen.waiting),
        "held_until": seen.held_until,
        "case": seen.case,
    }


@command(_commands, "set")
def set_channels(
    desk: Desk,
    *,
    addresses: Annotated[
        list[str] | None, typer.Argument(metavar="ADDRESS...", help="Every address, also those of now.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="No address at all.")] = False,
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """Say where warnings shall go, all addresses at once. One that you leave out hears for three more days."""
    if none == bool(addresses):
        raise typer.BadParameter("name at least one address, or say --none")
    phone = desk.phone(yes=yes, details=details)
    signed = phone.warn_at(*(addresses or ()))
    if signed.until is None:
        desk.screen.say("From now on warnings go there, too.")
    else:
        desk.screen.say(
            f"It changes {utc_text(signed.until)}. Until then those of now hear everything, also of this change.",
            "Any phone of yours can stop it: pteri wallet object",
        )
    return signed_told(phone, signed, details=details)
