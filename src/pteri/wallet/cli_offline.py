"""``pteri wallet offline-codes``: sign in where the phone has no network."""

from __future__ import annotations

from typing import Annotated

import typer

from pteri.core.offline import spaced_offline_code
from pteri.wallet.desk import Desk, command
from pteri.wallet.offline_notes import OfflineNotes
from pteri.wallet.offline_signing import MOST_DAYS
from pteri.wallet.refusals import utc_text
from pteri.wallet.screen import Told, signed_told

__all__ = ["add_offline_commands"]

_offline = typer.Typer(no_args_is_help=True, help="Codes to type where this phone has no network.")

_Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking.")]
_Details = Annotated[bool, typer.Option("--details", help="Show the exact text and its SHA-256.")]


def add_offline_commands(app: typer.Typer) -> None:
    """Put these commands beside those of the phone."""
    app.add_typer(_offline, name="offline-codes")


@command(_offline, "prepare")
def prepare(
    desk: Desk,
    *,
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="For how long.")] = MOST_DAYS,
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """While there is a network: prepare codes for when there is none, in place of those of before."""
    phone = desk.phone(yes=yes, details=details)
    signed = phone.prepare_offline_codes(days)
    ends_at = phone.offline_code().ends_at
    desk.screen.say(
        f"This phone can show offline codes until {utc_text(ends_at)}: pteri wallet offline-codes show",
        "They are long, and a page that is not the right one could pass them on: use them only in need.",
    )
    return signed_told(phone, signed, details=details) | {"ends_at": ends_at}


@command(_offline, "show")
def show(desk: Desk) -> Told:
    """Show the code of now. It needs no network, and a clock that is right."""
    machine = desk.machine
    notes = OfflineNotes(desk.keystore, lambda: desk.passphrase, entropy=machine.entropy, cost=machine.cost)
    shown = notes.code(machine.clock.now())
    desk.screen.say(
        f"Type this on the page where you sign in, as an offline code: {spaced_offline_code(shown.code)}",
        "It counts for about two minutes, and once. Look at the address of that page first.",
    )
    return {"code": shown.code, "ends_at": shown.ends_at}
