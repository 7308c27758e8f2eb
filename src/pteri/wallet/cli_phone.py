"""``pteri wallet``: the commands of a phone. What each does is in :class:`pteri.wallet.phone.Phone`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pteri.core.acts import phone_name
from pteri.core.ids import account_id
from pteri.wallet.account_words import NEVER_ASKED, UNPROTECTED, account_lines
from pteri.wallet.answering import Network
from pteri.wallet.ceremony import ShownCode, Signed
from pteri.wallet.cli_channels import add_channel_commands
from pteri.wallet.cli_guard import add_guard_commands
from pteri.wallet.cli_line import add_line_commands
from pteri.wallet.cli_log import add_log_commands, log_told_after_sign_in
from pteri.wallet.cli_move import add_move_commands
from pteri.wallet.cli_offline import add_offline_commands
from pteri.wallet.cli_opening import CodeFileOption, recovery_code_asked
from pteri.wallet.desk import Desk, command
from pteri.wallet.memory import BACKUP_CHECK_DUE
from pteri.wallet.refusals import ServerError, utc_text
from pteri.wallet.screen import Told, signed_told, statement_told

if TYPE_CHECKING:
    from pteri.core.ids import Thumbprint
    from pteri.core.wire import DevicesSeen
    from pteri.wallet.phone import Phone
    from pteri.wallet.signing_in import ShownAnswer

__all__ = ["add_phone_commands"]

_THIS_PHONE = "this"
_AT_ONCE = "If it is in a thief's hands: the same with --code removes it at once."

_phone = typer.Typer()
_recover = typer.Typer(no_args_is_help=True, help="Get the account back when every phone is lost.")

_Net = Annotated[Network, typer.Option("--network", help="Litecoin network.")]
_Index = Annotated[int, typer.Option("--index", min=0, max=2**31 - 1, help="Number of the service: each has its key.")]
_Line = Annotated[str | None, typer.Option("--line", help="Number or ICCID of this phone, to compare.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking.")]
_Details = Annotated[bool, typer.Option("--details", help="Show the exact text and its SHA-256.")]
_Server = Annotated[str, typer.Option("--server", help="Address of the server, such as https://id.bank.example.")]
_Tenant = Annotated[str, typer.Option("--tenant", help="Name of the service on that server.")]


def add_phone_commands(app: typer.Typer) -> None:
    """Put these commands beside those of the wallet."""
    app.add_typer(_phone)
    add_move_commands(app)
    add_guard_commands(app)
    add_offline_commands(app)
    add_channel_commands(app)
    add_line_commands(app)
    add_log_commands(app)
    app.add_typer(_recover, name="recover")


@command(_phone, "enroll")
def enroll(
    desk: Desk,
    *,
    invitation: Annotated[str, typer.Argument(help="The text of the code that your account's page shows.")],
    line: _Line = None,
    index: _Index = 0,
    network: _Net = "main",
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """Link your account to this wallet and this phone."""
    phone = desk.phone(yes=yes, details=details, network=network, index=index, may_make_key=True)
    shown = phone.enroll(invitation, line=line)
    desk.screen.say(f"Type this code on the page where you started: {shown.spaced}")
    desk.screen.say(
        f"This phone is called: {phone.name}",
        "",
        *UNPROTECTED,
        "On the day of the link that counts at once.",
        "",
        NEVER_ASKED,
    )
    return _code(phone, shown, details=details) | {"protected": False}


@command(_phone, "sign-in")
def sign_in(
    desk: Desk,
    *,
    request: Annotated[str, typer.Argument(help="The text of the code on the other screen, or the id of a prompt.")],
    number: Annotated[str | None, typer.Option("--number", help="The two digits on the other screen.")] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Use no network: show the answer to the camera of the other screen.")
    ] = False,
    line: _Line = None,
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """Sign in on another screen."""
    phone = desk.phone(yes=yes, details=details, offline=offline)
    if offline:
        return _answer(desk, phone, phone.answer_offline(request, number=number, line=line), details=details)
    shown = phone.approve(request, number=number, line=line)
    desk.screen.say(f"Type this code on the other screen: {shown.spaced}")
    _remind_of_backup(desk, shown)
    return _code(phone, shown, details=details) | log_told_after_sign_in(desk, phone)


@command(_phone, "prompts")
def prompts(desk: Desk) -> Told:
    """List the sign-ins that wait for you."""
    waiting = desk.phone().prompts()
    for prompt in waiting.prompts:
        desk.screen.say(f"{prompt.id}  until {utc_text(prompt.expires_at)}")
    if not waiting.prompts:
        desk.screen.say("Nobody is signing in.")
    if waiting.unasked:
        desk.screen.say(
            f"{waiting.unasked} more were too many to be shown. If you are signing in, scan the code there."
        )
    # Not their numbers: those are to be read from the other screen, or approving would prove nothing.
    shown = [{"id": prompt.id, "expires_at": prompt.expires_at} for prompt in waiting.prompts]
    return {"prompts": shown, "unasked": waiting.unasked}


@command(_phone, "devices")
def devices(desk: Desk) -> Told:
    """List the phones of your account, what is open, and what happened."""
    seen = desk.phone().devices()
    for phone in seen.phones:
        mine = "  (this phone)" if phone.this_phone else ""
        desk.screen.say(f"{phone_name(phone.thumbprint)}: {phone.state}{mine}")
    desk.screen.say(*account_lines(seen))
    for notice in seen.notices:
        until = "" if notice.until is None else f", until {utc_text(notice.until)}"
        again = f", {notice.times} times" if notice.times > 1 else ", and it still waits" if notice.reminder else ""
        desk.screen.say(f"{utc_text(notice.at)}: {notice.kind} {notice.phone}{until}{again}")
    return _builtins(seen)


@command(_phone, "revoke")
def revoke(
    desk: Desk,
    *,
    target: Annotated[str, typer.Argument(metavar="PHONE", help="Four words in quotes, a thumbprint, or 'this'.")],
    code: Annotated[
        bool, typer.Option("--code", help="Show a recovery code, so that another phone goes at once: you are asked.")
    ] = False,
    code_file: CodeFileOption = None,
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """Remove a phone from your account for ever: another one within a day, or at once with a recovery code."""
    phone = desk.phone(yes=yes, details=details)
    wanted = phone.thumbprint if target == _THIS_PHONE else phone.find_phone(target)
    with_code = code or code_file is not None
    shown = recovery_code_asked(desk, code_file) if with_code else None
    try:
        signed = phone.revoke(wanted, code=shown)
    except ServerError as error:
        if error.code != "HELD":
            raise
        name = phone_name(wanted)
        advice = f"The phone {name} is suspended already: it can do nothing but object. {_AT_ONCE}"
        raise ServerError(error.code, advice, status=error.status, until=error.until) from error
    desk.screen.say(*_removed(phone, wanted))
    return signed_told(phone, signed, details=details) | {"removed": phone_name(wanted), "thumbprint": wanted}


def _removed(phone: Phone, target: Thumbprint) -> list[str]:
    """What the target can still do, as the server tells it now."""
    name = phone_name(target)
    if target == phone.thumbprint:
        return [f"The phone {name} can do nothing any more."]
    try:
        seen = {one.thumbprint: one for one in phone.devices().phones}
    except ServerError:
        return [f"The removal of the phone {name} counts. How far it is: pteri wallet devices"]
    gone_at = seen[target].revoke_at if target in seen else None
    if gone_at is None:
        return [f"The phone {name} can do nothing any more."]
    return [f"The phone {name} can do nothing but object, and is removed for ever at {utc_text(gone_at)}.", _AT_ONCE]


@command(_phone, "forget")
def forget(
    desk: Desk,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Forget without asking.")] = False,
) -> Told:
    """Forget the account and the key of this phone, after it was removed there. The wallet stays."""
    phone = desk.phone()
    if not yes and desk.screen.is_interactive:
        typer.confirm("Forget the account on this phone?", abort=True, err=desk.screen.as_json)
    phone.forget()
    desk.screen.say("This phone has forgotten the account. The wallet is still here.")
    return {"forgotten": phone.name}


@command(_recover, "codes")
def set_up_codes(
    desk: Desk,
    *,
    server: _Server,
    tenant: _Tenant,
    index: _Index = 0,
    network: _Net = "main",
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """New phone: set up sign-in codes, the first step of a recovery. 'recover start' does it too, if it is not done."""
    phone = desk.phone(yes=yes, details=details, network=network, index=index, may_make_key=True)
    shown = phone.set_up_codes(server, tenant)
    desk.screen.say("This phone and the service derive the same codes. Go on with: pteri wallet recover start")
    return signed_told(phone, shown, details=details)


@command(_recover, "start")
def start_recovery(
    desk: Desk,
    *,
    server: _Server,
    tenant: _Tenant,
    code: Annotated[bool, typer.Option("--code", help="Show a recovery code: you are asked for it.")] = False,
    code_file: CodeFileOption = None,
    guardians: Annotated[bool, typer.Option("--guardians", help="Guardians have spoken for this phone.")] = False,
    officers: Annotated[bool, typer.Option("--officers", help="Two officers have spoken for this phone.")] = False,
    account: Annotated[
        str | None, typer.Option("--account", help="Your account, if its wallet is lost, too: this one is the new one.")
    ] = None,
    line: _Line = None,
    index: _Index = 0,
    network: _Net = "main",
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """New phone: ask for the account with what is left. Your other phones are told and can stop it."""
    phone = desk.phone(yes=yes, details=details, network=network, index=index, may_make_key=True)
    with_code = code or code_file is not None
    shown = recovery_code_asked(desk, code_file) if with_code else None
    letters = {"W": account is None, "C": with_code, "G": guardians, "A": officers}
    signed = phone.start_recovery(
        server,
        tenant,
        line=line,
        evidence=tuple(sorted(letter for letter, is_shown in letters.items() if is_shown)),
        account=None if account is None else account_id(account),
        code=shown,
    )
    desk.screen.say("The recovery has begun.", *_waiting(signed), "After that: pteri wallet recover finish")
    return signed_told(phone, signed, details=details)


@command(_recover, "name")
def name_phone(desk: Desk, *, index: _Index = 0, network: _Net = "main") -> Told:
    """New phone: show what guardians or officers need to speak for it."""
    phone = desk.phone(network=network, index=index, may_make_key=True)
    desk.screen.say(
        f"This phone is called: {phone.name}", f"Its id, for your guardians or the help desk: {phone.thumbprint}"
    )
    return {"phone": phone.name, "thumbprint": phone.thumbprint}


@command(_recover, "status")
def recovery_status(desk: Desk) -> Told:
    """Show how far the recovery is."""
    seen: DevicesSeen = desk.phone().devices()
    state = next((phone.state for phone in seen.phones if phone.this_phone), None)
    if seen.recovery is None:
        desk.screen.say("No recovery was started.")
    else:
        desk.screen.say(
            f"The recovery is {seen.recovery.state}; its waiting time ends {utc_text(seen.recovery.held_until)}"
        )
    return {"recovery": None if seen.recovery is None else _builtins(seen.recovery), "this_phone": state}


@command(_recover, "finish")
def finish_recovery(desk: Desk, *, line: _Line = None, yes: _Yes = False, details: _Details = False) -> Told:
    """New phone: take the account over, once the waiting time is over. Every other phone is removed."""
    return _finish(desk, line, yes, details)


def _finish(desk: Desk, line: str | None, yes: bool, details: bool) -> Told:
    phone = desk.phone(yes=yes, details=details)
    brings_wallet = phone.brings_wallet
    signed = phone.activate(line=line)
    desk.screen.say(f"This phone, {phone.name}, now belongs to your account, and no other phone does.")
    if brings_wallet:
        desk.screen.say(
            "Your account has a new wallet, and this phone works with it. The one before, and the recovery codes that "
            "belonged to it, count for nothing.",
            "Now make a backup of the new one: pteri wallet backup FOLDER",
            "And today, new recovery codes on paper: pteri wallet protect",
        )
    return signed_told(phone, signed, details=details) | {"new_wallet": brings_wallet}


def _waiting(signed: Signed) -> tuple[str, ...]:
    return () if signed.until is None else (f"The waiting time ends {utc_text(signed.until)}",)


def _remind_of_backup(desk: Desk, shown: ShownCode) -> None:
    if shown.reason == BACKUP_CHECK_DUE:
        desk.screen.say(
            "For long nobody has tried whether a backup of this wallet opens. Do it soon: pteri wallet drill --record",
        )


def _code(phone: Phone, shown: ShownCode, *, details: bool) -> dict[str, object]:
    return {"code": shown.code, **signed_told(phone, shown, details=details)}


def _answer(desk: Desk, phone: Phone, shown: ShownAnswer, *, details: bool) -> Told:
    statement = shown.statement
    desk.screen.say(
        "Show this to the camera of the other screen, the one where you sign in:",
    )
    desk.screen.show_qr(shown.text)
    desk.screen.say(
        shown.text,
        f"It is good until {utc_text(statement.expires_at)}, once, and in that one browser; there is no code to type. "
        "Show it to no other screen.",
        f"No network was used. The time is that of this phone's own clock: {utc_text(shown.signed_at)}. If the other "
        "screen refuses it, look at the clock and start again there; if it refuses it again, connect this phone and "
        "look at the account with: pteri wallet devices",
    )
    told: dict[str, object] = {
        "answer": shown.text,
        "signed_at": shown.signed_at,
        "clock": "own",
        "expires_at": statement.expires_at,
        **statement_told(phone, statement, details=details),
    }
    return told


def _builtins(seen: msgspec.Struct) -> dict[str, object]:
    told = msgspec.to_builtins(seen)
    assert isinstance(told, dict)
    return told
