"""``pteri wallet``: the wallet's command line. Its callback is a composition root: it finds out about this machine."""

from __future__ import annotations

import hashlib
import sys
from typing import Annotated

import typer

from pteri.adapters.system import SteppedClock, SystemClock, SystemEntropy, pause
from pteri.core.keys.address import AddressKind
from pteri.settings import read_environment
from pteri.wallet.answering import Network
from pteri.wallet.cli_backup import add_backup_commands
from pteri.wallet.cli_phone import add_phone_commands
from pteri.wallet.cli_restore import add_restore_command, address_told
from pteri.wallet.desk import Desk, Machine, command
from pteri.wallet.passphrase import system_keychain, terminal_prompt
from pteri.wallet.screen import Told
from pteri.wallet.transport import HttpTransport
from pteri.wallet.wallet import Wallet

__all__ = ["app", "this_machine"]

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_show_locals=False, help="A wallet and phone on this computer."
)

_Net = Annotated[Network, typer.Option("--network", help="Litecoin network.")]
_Index = Annotated[int, typer.Option("--index", min=0, max=2**31 - 1, help="Number of the service: each has its key.")]
_Kind = Annotated[AddressKind, typer.Option("--kind", help="Kind of address.")]
_Remember = Annotated[bool, typer.Option("--remember", help="Let this computer's keychain open the wallet.")]


def this_machine() -> Machine:
    """The real one: environment, clock, randomness, terminal, keychain."""
    environment = read_environment()
    clock_file = environment.clock_file
    return Machine(
        home=environment.wallet_home,
        passphrase_file=environment.passphrase_file,
        no_color=environment.no_color,
        is_interactive=sys.stdin.isatty() and sys.stdout.isatty(),
        clock=SystemClock() if clock_file is None else SteppedClock(clock_file),
        entropy=SystemEntropy(),
        connect=HttpTransport,
        keychain=system_keychain,
        prompt=terminal_prompt,
        pause=pause,
    )


@app.callback()
def wallet_group(ctx: typer.Context) -> None:
    """Keys, sign-ins and phones of one person, in one closed directory."""
    if ctx.find_object(Machine) is None:
        ctx.obj = this_machine()


@command(app, "create")
def create(
    desk: Desk,
    *,
    words: Annotated[int, typer.Option("--words", help="12 or 24.")] = 12,
    show_words: Annotated[bool, typer.Option("--show-words", help="Show the words, to write them down.")] = False,
    remember: _Remember = False,
    network: _Net = "main",
) -> Told:
    """Make a new wallet, sealed under a passphrase."""
    wallet = Wallet.new(entropy=desk.machine.entropy, words=words, network=network)
    passphrase = desk.chosen_passphrase()
    desk.keep(wallet, passphrase)
    if remember:
        desk.remember(passphrase)
    desk.screen.say(f"Your wallet is ready. Its address is {wallet.address()}")
    told: dict[str, object] = address_told(wallet, 0, AddressKind.P2PKH)
    if show_words:
        sentence = wallet.mnemonic().reveal().decode()
        desk.screen.say("Write these words on paper, in this order, and show them to nobody:", "", sentence)
        told["words"] = sentence
    else:
        desk.screen.say("Keep a sealed copy elsewhere now, such as on a USB stick: pteri wallet backup FOLDER")
    return told


@command(app, "address")
def address(desk: Desk, *, index: _Index = 0, kind: _Kind = AddressKind.P2PKH, network: _Net = "main") -> Told:
    """Show an address of the wallet."""
    told = address_told(desk.wallet(network), index, kind)
    desk.screen.say(str(told["address"]))
    return told


@command(app, "sign")
def sign(
    desk: Desk,
    *,
    message: Annotated[str, typer.Argument(help="The text to sign, in UTF-8.")],
    index: _Index = 0,
    kind: _Kind = AddressKind.P2PKH,
    network: _Net = "main",
) -> Told:
    """Sign a text of your own. What looks like a sign-in is refused: those are signed in their own ceremony."""
    wallet = desk.wallet(network)
    signature = wallet.sign(message, index=index, kind=kind)
    desk.screen.say(signature)
    digest = hashlib.sha256(message.encode()).hexdigest().upper()
    return {"address": wallet.address(index, kind=kind), "signature": signature, "message_sha256": digest}


add_restore_command(app)
add_backup_commands(app)
add_phone_commands(app)
