"""``pteri wallet migrate``: a move to another phone, with both at hand. What each step does is in the library.

Each command does what is due now and may be given again. In a terminal those of the beginning wait for the other
phone; a program says with ``--wait`` for how many seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from pteri.core.otp import parse_code
from pteri.wallet.desk import Desk, command
from pteri.wallet.refusals import SafetyCode, UnsafeError, utc_text
from pteri.wallet.screen import Told, signed_told
from pteri.wallet.session import OPEN_FOR_S

if TYPE_CHECKING:
    from pteri.wallet.new_phone import NewPhone
    from pteri.wallet.phone import Phone
    from pteri.wallet.transferring import Moving

__all__ = ["add_move_commands"]

_MOST_WAIT_S: Final = 600
_POLL_S: Final = 1.0
_LATER: Final = {
    "approved": "The move goes on, and it is tried again before the wallet is handed over.",
    "delivered": "It is tried again when the new phone is in; until it could be, this phone is not emptied.",
    "completed": "Until it can, this phone keeps its wallet. Finish on the new phone, then do the same again here.",
}

_migrate = typer.Typer(no_args_is_help=True, help="Move to another phone, with the old one at hand.")

_Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking.")]
_Details = Annotated[bool, typer.Option("--details", help="Show the exact text and its SHA-256.")]
_Line = Annotated[str | None, typer.Option("--line", help="Number or ICCID of this phone, to compare.")]
_Server = Annotated[str, typer.Option("--server", help="Address of the server, such as https://id.bank.example.")]
_Tenant = Annotated[str, typer.Option("--tenant", help="Name of the service on that server.")]
_Wait = Annotated[
    int | None, typer.Option("--wait", min=0, max=_MOST_WAIT_S, help="Seconds to wait for the other phone.")
]


def add_move_commands(app: typer.Typer) -> None:
    """Put these commands beside those of the wallet."""
    app.add_typer(_migrate, name="migrate")


@command(_migrate, "offer")
def offer(desk: Desk, *, server: _Server, tenant: _Tenant, wait: _Wait = None) -> Told:
    """New phone: show the code that the old phone scans. The wallet comes from there: restore nothing here."""
    phone = desk.new_phone()
    text = phone.offer(server, tenant)
    desk.screen.say(f"This phone is called: {phone.name}", "Scan this with the old phone, within ten minutes:")
    desk.screen.show_qr(text)
    desk.screen.say(text)
    told: dict[str, object] = {"offer": text, "phone": phone.name, "thumbprint": phone.thumbprint}
    if _wait_for(desk, wait, phone.answer):
        _take_code(desk, phone)
        told["answered"] = True
    return told


@command(_migrate, "answer")
def answer(desk: Desk, *, wait: _Wait = None) -> Told:
    """New phone: answer the old one, which then shows a code."""
    phone = desk.new_phone()
    answered = _wait_for(desk, wait, phone.answer)
    if answered:
        desk.screen.say("The old phone shows a code now. Give it here with: pteri wallet migrate code DIGITS")
    else:
        desk.screen.say("The old phone has not scanned the code yet.")
    return {"answered": answered}


@command(_migrate, "code")
def code(desk: Desk, *, digits: Annotated[str, typer.Argument(help="The six digits on the old phone.")]) -> Told:
    """New phone: enter the code of the old one."""
    desk.new_phone().enter_code(digits)
    _say_confirmed(desk)
    return {"confirmed": True}


@command(_migrate, "finish")
def finish(desk: Desk, *, line: _Line = None, yes: _Yes = False, details: _Details = False, wait: _Wait = None) -> Told:
    """New phone: take the wallet from the old one, and become a phone of the account."""
    newcomer = desk.new_phone()
    if not _wait_for(desk, wait, newcomer.receive):
        raise UnsafeError(
            SafetyCode.NO_MOVE,
            "The old phone has not handed the wallet over yet. Do that there, when the waiting time is over, with: "
            "pteri wallet migrate hand-over",
        )
    desk.close()
    phone = desk.phone(yes=yes, details=details)
    signed = phone.activate(line=line)
    desk.screen.say(f"This phone, {phone.name}, now belongs to your account.")
    return signed_told(phone, signed, details=details)


@command(_migrate, "approve")
def approve(
    desk: Desk,
    *,
    offer: Annotated[str, typer.Argument(help="The text that the new phone shows.")],
    revoke_old: Annotated[bool, typer.Option("--revoke-old", help="Remove this phone when the new one is in.")] = False,
    yes: _Yes = False,
    details: _Details = False,
    wait: _Wait = None,
) -> Told:
    """Old phone: let the new one in. Again, it goes on where it was."""
    # The person has asked it to wait for the other phone, and holds both.
    phone = desk.phone(yes=yes, details=details, open_for_s=OPEN_FOR_S + _patience_s(desk, wait))
    moving = _approved(desk, phone, offer, wait, revoke_old=revoke_old)
    if moving.step == "greeted":
        desk.screen.say("The new phone has not answered yet. Do the same again in a moment.")
    if moving.step == "approved":
        assert moving.until is not None
        desk.screen.say(
            f"The new phone, {moving.new_phone}, is let in. From {utc_text(moving.until)} on, hand the wallet over "
            "here with: pteri wallet migrate hand-over"
        )
    _say_unknown(desk, moving)
    if moving.signed is None:
        return _told(moving)
    return _told(moving) | signed_told(phone, moving.signed, details=details)


@command(_migrate, "hand-over")
def hand_over(desk: Desk, *, yes: _Yes = False, details: _Details = False) -> Told:
    """Old phone: hand the wallet to the new one, once the waiting time is over. Again, it says what came of it."""
    moving = desk.phone(yes=yes, details=details).hand_over()
    desk.screen.say(
        {
            "delivered": "The wallet is on its way. Finish on the new phone now, with: pteri wallet migrate finish",
            "completed": "The new phone is in."
            if moving.compared == "unknown"
            else "The new phone is in. This one may be emptied, with: pteri wallet migrate wipe",
        }.get(moving.step, "Nothing came of this move. This phone is what it was.")
    )
    _say_unknown(desk, moving)
    return _told(moving)


@command(_migrate, "wipe")
def wipe(desk: Desk, *, yes: Annotated[bool, typer.Option("--yes", help="Wipe without asking.")] = False) -> Told:
    """Old phone: remove wallet, key and memory, when the new phone is in and not before."""
    phone = desk.phone()
    if not yes and desk.screen.is_interactive:
        typer.confirm("Remove the wallet from this phone?", abort=True, err=desk.screen.as_json)
    phone.wipe_after_move()
    desk.screen.say("This phone holds nothing any more.")
    return {"wiped": phone.name}


@command(_migrate, "give-up")
def give_up(desk: Desk) -> Told:
    """Either phone: forget a move that nothing came of."""
    if desk.is_linked():
        desk.phone().give_up_move()
    else:
        desk.new_phone().give_up()
    desk.screen.say("This move is forgotten.")
    return {"given_up": True}


def _approved(desk: Desk, phone: Phone, offer: str, wait: int | None, *, revoke_old: bool) -> Moving:
    """As far as it goes within the time; the code is shown as soon as there is one."""
    shown: set[str] = set()
    moving = phone.approve_offer(offer, revoke_old=revoke_old)

    def is_done() -> bool:
        nonlocal moving
        if moving.step in {"greeted", "matched"}:
            moving = phone.approve_offer(offer, revoke_old=revoke_old)
        if moving.code is not None and moving.code not in shown:
            shown.add(moving.code)
            desk.screen.say(f"Type this code on the new phone: {moving.spaced}")
        return moving.step not in {"greeted", "matched"}

    _wait_for(desk, wait, is_done)
    return moving


def _say_unknown(desk: Desk, moving: Moving) -> None:
    """That what the two phones are shown of the log could not be compared, where it is so."""
    if moving.compared == "unknown" and moving.step in _LATER:
        desk.screen.say(
            "This phone could not compare what the service shows as its log with what the new phone was shown. "
            + _LATER[moving.step]
        )


def _take_code(desk: Desk, phone: NewPhone) -> None:
    """Ask the person for the code of the old phone, until it is right or over. A program says it in its own command."""
    while desk.screen.is_interactive:
        try:
            phone.enter_code(parse_code(typer.prompt("The code on the old phone"), digits=6))
        except UnsafeError as error:
            desk.screen.say(error.message)
            if not phone.awaits_code:
                raise
        else:
            _say_confirmed(desk)
            return


def _say_confirmed(desk: Desk) -> None:
    desk.screen.say(
        "That is right. When the waiting time is over and the old phone has handed the wallet over, finish here with: "
        "pteri wallet migrate finish"
    )


def _wait_for(desk: Desk, wait: int | None, is_done: Callable[[], bool]) -> bool:
    machine = desk.machine
    until = machine.clock.now() + _patience_s(desk, wait)
    while not is_done():
        if machine.clock.now() >= until:
            return False
        machine.pause(_POLL_S)
    return True


def _patience_s(desk: Desk, wait: int | None) -> int:
    return (_MOST_WAIT_S if desk.screen.is_interactive else 0) if wait is None else wait


def _told(moving: Moving) -> dict[str, object]:
    compared = None if moving.compared == "nothing" else moving.compared
    told = {
        "step": moving.step,
        "new_phone": moving.new_phone,
        "code": moving.code,
        "until": moving.until,
        "compared": compared,
    }
    return {name: value for name, value in told.items() if value is not None}
