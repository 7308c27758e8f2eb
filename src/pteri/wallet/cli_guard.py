"""``pteri wallet``: the commands that look after one's own account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from pteri.core.guardians import Guardians
from pteri.core.ids import account_id, digest
from pteri.wallet.account_words import STOPPED
from pteri.wallet.answering import Network
from pteri.wallet.cli_helping import add_helping_commands
from pteri.wallet.cli_opening import CodeFileOption, recovery_code_asked
from pteri.wallet.desk import Desk, command
from pteri.wallet.paper_code import spaced_paper_code
from pteri.wallet.refusals import SafetyCode, UnsafeError, utc_text
from pteri.wallet.screen import Told, signed_told

if TYPE_CHECKING:
    from pteri.wallet.ceremony import Signed
    from pteri.wallet.phone import Phone

__all__ = ["add_guard_commands"]

_commands = typer.Typer()

_Yes = Annotated[bool, typer.Option("--yes", help="Sign without asking.")]
_Details = Annotated[bool, typer.Option("--details", help="Show the exact text and its SHA-256.")]
_Server = Annotated[str, typer.Option("--server", help="Address of the server, such as https://id.bank.example.")]
_Tenant = Annotated[str, typer.Option("--tenant", help="Name of the service on that server.")]
_Net = Annotated[Network, typer.Option("--network", help="Litecoin network.")]
_Index = Annotated[int, typer.Option("--index", min=0, max=2**31 - 1, help="Number of the service: each has its key.")]
_WithCode = Annotated[bool, typer.Option("--code", help="Show a recovery code: you are asked for it.")]

_OBJECTED: Final = {
    "STOPPED": "It is stopped. If you did not start it, somebody has something of yours: replace your wallet now with "
    "pteri wallet replace-wallet",
    "DELAYED": "It waits a day longer, and cannot be stopped: guardians or officers speak for that phone. "
    "Talk to them today.",
    "CONTESTED": STOPPED["CONTESTED"],
}


def add_guard_commands(app: typer.Typer) -> None:
    """Put these commands beside those of the phone."""
    app.add_typer(_commands)
    add_helping_commands(app)


@command(_commands, "object")
def object_to(
    desk: Desk,
    *,
    case: Annotated[
        str | None, typer.Argument(help="Digest of a case, as 'devices' shows it; else what waits.")
    ] = None,
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """Object to a change that waits and that you did not start; on the phone that started it: take it back."""
    phone = desk.phone(yes=yes, details=details)
    signed = phone.object_to(digest(case or _only_case(phone)))
    desk.screen.say(_OBJECTED.get(signed.reason, f"Your objection counts: {signed.reason}"))
    return signed_told(phone, signed, details=details)


def _only_case(phone: Phone) -> str:
    seen = phone.devices()
    waiting = [seen.recovery.case] if seen.recovery is not None and seen.recovery.state == "OPEN" else []
    waiting += [change.case for change in (seen.protection, seen.channel_change) if change is not None]
    waiting += [one.case for one in seen.phones if one.this_phone and one.case is not None]
    if len(waiting) != 1:
        raise UnsafeError(
            SafetyCode.NOTHING_SINGLE,
            f"{len(waiting)} things wait that you could object to. Look at pteri wallet devices, and name the case. "
            "A phone that another phone lets in is stopped with pteri wallet revoke.",
        )
    return waiting[0]


@command(_commands, "freeze")
def freeze(desk: Desk, *, yes: _Yes = False, details: _Details = False) -> Told:
    """Something is wrong: stop all sign-ins and changes of your account."""
    phone = desk.phone(yes=yes, details=details)
    signed = phone.freeze()
    desk.screen.say(_stopped(signed))
    return signed_told(phone, signed, details=details)


@command(_commands, "unfreeze")
def unfreeze(desk: Desk, *, code_file: CodeFileOption = None, yes: _Yes = False, details: _Details = False) -> Told:
    """End a freeze early, with a recovery code."""
    phone = desk.phone(yes=yes, details=details)
    signed = phone.unfreeze(recovery_code_asked(desk, code_file))
    desk.screen.say("The account is open again. If somebody else has your words: pteri wallet replace-wallet --code")
    return signed_told(phone, signed, details=details)


@command(_commands, "protect")
def protect(
    desk: Desk,
    *,
    guardian: Annotated[list[str] | None, typer.Option("--guardian", help="Wallet address of a guardian.")] = None,
    needed: Annotated[int, typer.Option("--needed", help="How many of them must speak.")] = 2,
    no_guardians: Annotated[bool, typer.Option("--no-guardians", help="Nobody may help any more.")] = False,
    new_codes: Annotated[
        bool, typer.Option("--new-codes/--no-codes", help="Two new recovery codes in place of those of now, or none.")
    ] = True,
    keep_codes: Annotated[bool, typer.Option("--keep-codes", help="The recovery codes on paper stay.")] = False,
    code: _WithCode = False,
    code_file: CodeFileOption = None,
    show_again: Annotated[bool, typer.Option("--show-again", help="Show codes that were made and not seen.")] = False,
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """Say who may help when phones are lost, and get recovery codes on paper."""
    if keep_codes and not new_codes:
        raise typer.BadParameter("say --keep-codes or --no-codes, not both")
    phone = desk.phone(yes=yes, details=details)
    if show_again:
        return _shown_again(desk, phone)
    shown = recovery_code_asked(desk, code_file) if code or code_file is not None else None
    named = _guardians(phone, guardian or [], needed, no_guardians=no_guardians)
    done = phone.protect(named, code=shown, with_codes=new_codes, keeps_codes=keep_codes)
    desk.screen.say(
        "This counts now."
        if done.signed.until is None
        else f"This counts from {utc_text(done.signed.until)} on, unless a phone of yours objects. "
        "Until then the guardians and codes of before do."
    )
    codes = [spaced_paper_code(one) for one in done.codes]
    _say_codes(desk, codes)
    if keep_codes:
        desk.screen.say("The recovery codes that you have on paper stay.")
    told = signed_told(phone, done.signed, details=details) | {
        "guardians": [] if named is None else list(named.wallets),
        "recovery_codes": codes,
    }
    phone.codes_are_written_down()
    return told


def _guardians(phone: Phone, addresses: list[str], needed: int, *, no_guardians: bool) -> Guardians | None:
    """Those that were named; without any, those of now."""
    if no_guardians:
        return None
    return Guardians(needed, tuple(sorted(addresses))) if addresses else phone.devices().guardians


def _shown_again(desk: Desk, phone: Phone) -> Told:
    codes = [spaced_paper_code(one) for one in phone.codes_to_write_down()]
    _say_codes(desk, codes)
    if not codes:
        desk.screen.say("No codes wait here to be written down.")
    phone.codes_are_written_down()
    return {"recovery_codes": codes}


def _say_codes(desk: Desk, codes: list[str]) -> None:
    if codes:
        desk.screen.say(
            "Write these recovery codes on paper, and keep them apart from this phone. They are not shown again:",
            "",
            *codes,
        )


@command(_commands, "replace-wallet")
def replace_wallet(
    desk: Desk,
    *,
    code: _WithCode = False,
    code_file: CodeFileOption = None,
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """Give your account a new wallet, for when somebody may have your words: at once with a recovery code."""
    phone = desk.phone(yes=yes, details=details)
    shown = recovery_code_asked(desk, code_file) if code or code_file is not None else None
    signed = phone.finish_rotation() or phone.rotate(code=shown)
    if signed.until is None:
        desk.screen.say(
            "Your account has a new wallet, and so has this phone. The old one counts for nothing; a sealed copy of it "
            "stays here.",
            "Now make a backup of the new one: pteri wallet backup FOLDER",
            "And new recovery codes, on paper: pteri wallet protect",
        )
    else:
        desk.screen.say(
            f"The new wallet is ready. It waits until {utc_text(signed.until)}; then give this command again.",
            "Until then your wallet works as before.",
        )
    return signed_told(phone, signed, details=details)


@command(_commands, "discard-new-wallet")
def discard_new_wallet(desk: Desk) -> Told:
    """Let go of a new wallet that was made here for your account and came to nothing. One in use stays."""
    # Also a phone that has forgotten its account, and its key with it, may hold one.
    done = desk.phone(may_make_key=True).discard_new_wallet()
    desk.screen.say(
        f"The new wallet {done.address} is gone. No account has it."
        if done.copy is None
        else f"The new wallet {done.address} waits no longer. The service does not tell this phone whether an account "
        f"has it, so a sealed copy stays: {done.copy}"
    )
    return {"address": done.address, "copy": None if done.copy is None else str(done.copy)}


@command(_commands, "stop")
def stop(
    desk: Desk,
    *,
    server: _Server,
    tenant: _Tenant,
    account: Annotated[str | None, typer.Option("--account", help="Id of the account; needed with a code.")] = None,
    code: _WithCode = False,
    code_file: CodeFileOption = None,
    index: _Index = 0,
    network: _Net = "main",
    yes: _Yes = False,
    details: _Details = False,
) -> Told:
    """Without a phone of the account: stop it, with its wallet or with a recovery code."""
    with_code = code or code_file is not None
    if with_code and account is None:
        raise typer.BadParameter("with a code, name the account: --account")
    phone = desk.phone(yes=yes, details=details, network=network, index=index, may_make_key=True)
    shown = recovery_code_asked(desk, code_file) if with_code else None
    signed = phone.stop(server, tenant, None if account is None else account_id(account), code=shown)
    desk.screen.say(_stopped(signed))
    return signed_told(phone, signed, details=details)


def _stopped(signed: Signed) -> str:
    return STOPPED.get(signed.reason, f"The account is stopped: {signed.reason}")
