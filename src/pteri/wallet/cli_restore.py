"""``pteri wallet restore``: bring a wallet back, from a backup or from its words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pteri.core.keys.address import AddressKind
from pteri.core.keys.secret import Secret
from pteri.wallet.answering import Network
from pteri.wallet.backup import open_backup
from pteri.wallet.backup_bytes import is_backup
from pteri.wallet.backups.drill import wallet_of
from pteri.wallet.backups.keeping import newest_version, read_version
from pteri.wallet.cli_opening import (
    ByCodeOption,
    ByPhoneOption,
    FromOption,
    VersionOption,
    asked,
    named_version,
    opener,
    place_of,
)
from pteri.wallet.desk import Desk, command
from pteri.wallet.files import read_file
from pteri.wallet.refusals import utc_text
from pteri.wallet.screen import Told
from pteri.wallet.wallet import Wallet

__all__ = ["add_restore_command", "address_told"]

_commands = typer.Typer()

_Net = Annotated[Network, typer.Option("--network", help="Litecoin network. A backup knows its own.")]
_Remember = Annotated[bool, typer.Option("--remember", help="Let this computer's keychain open the wallet.")]


def add_restore_command(app: typer.Typer) -> None:
    """Put this command beside those of the wallet."""
    app.add_typer(_commands)


@command(_commands, "restore")
def restore(
    desk: Desk,
    *,
    backup: Annotated[Path | None, typer.Option("--backup", help="A backup file, or an older sealed copy.")] = None,
    place: FromOption = None,
    version: VersionOption = None,
    code: ByCodeOption = False,
    by_phone: ByPhoneOption = False,
    remember: _Remember = False,
    network: _Net = "main",
) -> Told:
    """Bring a wallet back: from a backup, or from its words, typed or on standard input."""
    if backup is not None and place is not None:
        raise typer.BadParameter("say --backup or --from, not both")
    desk.keystore.require_no_wallet()
    if backup is None and place is None:
        wallet, passphrase = _from_words(desk, network)
    else:
        data = _from_place(desk, place, version) if backup is None else read_file(backup)
        if backup is not None and not is_backup(data):
            # A copy of wallet.json, as earlier releases made them: whoever has one must get in for ever.
            passphrase = desk.passphrase
            wallet = Wallet.from_mnemonic(desk.keystore.restore(backup, passphrase), network=network)
        else:
            wallet, passphrase = _from_backup(desk, data, code=code, by_phone=by_phone)
    if remember:
        desk.remember(passphrase)
    desk.screen.say(
        f"Your wallet is back. Its address is {wallet.address()}",
        "This computer is still a new phone for your account: add it with an old phone, or start a recovery.",
    )
    return address_told(wallet, 0, AddressKind.P2PKH)


def address_told(wallet: Wallet, index: int, kind: AddressKind) -> dict[str, object]:
    """What a program hears of an address."""
    return {
        "address": wallet.address(index, kind=kind),
        "path": wallet.path(index, kind=kind),
        "kind": str(kind),
        "network": wallet.network,
    }


def _from_words(desk: Desk, network: Network) -> tuple[Wallet, Secret]:
    words = asked(desk, "The words of the wallet, in order (they are not shown): ")
    wallet = Wallet.from_mnemonic(words, network=network)
    passphrase = desk.chosen_passphrase()
    desk.keep(wallet, passphrase)
    return wallet, passphrase


def _from_place(desk: Desk, place: str | None, version: str | None) -> bytes:
    store, named = place_of(desk, place)
    with desk.screen.busy(f"Reading from {named} ..."):
        return read_version(store, named_version(version) or newest_version(store))


def _from_backup(desk: Desk, data: bytes, *, code: bool, by_phone: bool) -> tuple[Wallet, Secret]:
    way = opener(desk, code=code, by_phone=by_phone)
    with desk.screen.busy("Opening the backup: this takes a second on purpose ..."):
        content = open_backup(data, way)
    # Who opens by code may have forgotten the passphrase: the wallet here gets one of its own.
    passphrase = desk.chosen_passphrase() if code else desk.passphrase
    wallet = wallet_of(content)
    desk.keep(wallet, passphrase, keystore_id=content.keystore_id)
    desk.screen.say(f"The backup was made on {utc_text(content.created_at)}.")
    return wallet, passphrase
