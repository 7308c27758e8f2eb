"""``pteri wallet``: the commands that keep a wallet safe. What each does is in :mod:`pteri.wallet.backups`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from pteri.core import hpke
from pteri.core.ids import Digest, from_base64url, to_base64url
from pteri.core.keys.mnemonic import mnemonic_to_entropy
from pteri.core.keys.secret import Secret
from pteri.wallet.answering import Network
from pteri.wallet.backup import seal_backup
from pteri.wallet.backup_bytes import BackupContent, SlotType, read_backup, series_of
from pteri.wallet.backup_code import new_backup_code, spaced_backup_code
from pteri.wallet.backup_slots import ForCode, ForDevice, ForPassphrase, Sealer
from pteri.wallet.backups.drill import OwnAddress, drill
from pteri.wallet.backups.keeping import backup_digest, list_versions, read_version, save_version
from pteri.wallet.backups.notes import load_notes, save_notes
from pteri.wallet.backups.places import is_service
from pteri.wallet.backups.store import BackupStore, Version
from pteri.wallet.cli_opening import (
    ByCodeOption,
    ByPhoneOption,
    FromOption,
    VersionOption,
    named_version,
    opener,
    place_of,
)
from pteri.wallet.desk import Desk, command
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import create_file
from pteri.wallet.memory import remembered
from pteri.wallet.refusals import utc_text
from pteri.wallet.screen import Told

__all__ = ["add_backup_commands"]

_WAYS: Final = {
    SlotType.PASSPHRASE: "passphrase",
    SlotType.CODE: "code",
    SlotType.DEVICE: "phone",
    SlotType.PASSKEY: "passkey",
}

_commands = typer.Typer()

_Net = Annotated[Network, typer.Option("--network", help="Litecoin network, if this phone has no account yet.")]
_To = Annotated[
    str | None, typer.Option("--to", help="A folder, webdav:NAME, s3:NAME or gdrive:NAME. Else where the last went.")
]
_Phones = Annotated[
    list[str] | None, typer.Option("--phone", help="Backup key of another own phone, which may open it, too.")
]


def add_backup_commands(app: typer.Typer) -> None:
    """Put these commands beside those of the wallet."""
    app.add_typer(_commands)


@command(_commands, "backup")
def backup(
    desk: Desk,
    *,
    target: Annotated[str | None, typer.Argument(help="A folder, or the name of a new file.")] = None,
    place: _To = None,
    code: Annotated[bool, typer.Option("--code", help="Also make a backup code, to be written on paper.")] = False,
    phones: _Phones = None,
    network: _Net = "main",
) -> Told:
    """Keep a sealed backup of the wallet. It holds no key of this phone: alone it adds no phone to your account."""
    if target is not None and place is not None:
        raise typer.BadParameter("say one target, or --to")
    made = new_backup_code(entropy=desk.machine.entropy) if code else None
    content = _content(desk, network)
    sealers: list[Sealer] = [ForPassphrase(desk.passphrase, desk.machine.cost)]
    sealers += [] if made is None else [ForCode(made)]
    sealers += [ForDevice(from_base64url(phone)) for phone in phones or ()]
    with desk.screen.busy("Sealing the wallet: this takes a second on purpose ..."):
        data = seal_backup(content, sealers, entropy=desk.machine.entropy)
    if target is not None and not is_service(target) and not Path(target).is_dir():
        told = _saved_as_file(desk, Path(target), data)
    else:
        told = _saved(desk, target or place, data)
    desk.screen.say("It opens with the passphrase of today, also when you change yours later; without that it is lost.")
    if made is not None:
        told["code"] = spaced_backup_code(made)
        desk.screen.say(
            "Or with this backup code. Write it on paper with the date, keep it away from the backup, show it nobody:",
            "",
            spaced_backup_code(made),
        )
    return told


@command(_commands, "backups")
def backups(desk: Desk, *, place: FromOption = None) -> Told:
    """List the backups in a place, the newest first: when, how they open, and whether they are whole."""
    store, named = place_of(desk, place)
    with desk.screen.busy(f"Looking into {named} ..."):
        found = [(version, *_looked_at(desk, store, version)) for version in reversed(list_versions(store))]
    desk.screen.show_table(
        f"Backups in {named}",
        ("Made", "Opens with", "State", "Name"),
        [(utc_text(version.made_at), ", ".join(ways), state, version.name) for version, ways, state in found],
    )
    drilled_at = load_notes(desk.keystore.directory).drilled_at
    last = "never" if drilled_at is None else utc_text(drilled_at)
    desk.screen.say(f"Last drill on this phone: {last}. To try a backup without risk: pteri wallet drill")
    told = [
        {"name": version.name, "made_at": version.made_at, "opens_with": ways, "state": state}
        for version, ways, state in found
    ]
    return {"place": named, "backups": told, "drilled_at": drilled_at}


@command(_commands, "drill")
def try_backup(
    desk: Desk,
    *,
    place: FromOption = None,
    version: VersionOption = None,
    code: ByCodeOption = False,
    by_phone: ByPhoneOption = False,
    record: Annotated[
        bool, typer.Option("--record", help="Record with your account, without asking, that the backup works.")
    ] = False,
    network: _Net = "main",
) -> Told:
    """Try the newest backup: it is opened and compared with this wallet. No backup is changed, no word is shown."""
    store, named = place_of(desk, place)
    own, way = _own_address(desk, network), opener(desk, code=code, by_phone=by_phone)
    series = series_of(desk.keystore.wallet_id())
    with desk.screen.busy("Opening the newest backup: this takes a second on purpose ..."):
        done = drill(store, way, own=own, series=series, version=named_version(version))
    _note(desk, drilled_at=desk.machine.clock.now())
    desk.screen.say(
        f"The backup of {utc_text(done.version.made_at)} opens, and it is this wallet: {done.address}",
        f"Its SHA-256: {done.digest}",
    )
    told = {"place": named, "name": done.version.name, "digest": done.digest, "address": done.address}
    return told | {"recorded": _recorded(desk, done.digest, unasked=record)}


def _recorded(desk: Desk, backup: Digest, *, unasked: bool) -> bool:
    """Tell the account, if the person wants it: without that nobody reminds them when no backup was tried for long."""
    state = remembered(desk.keystore)
    if state is None or state.account is None:
        return False
    question = "Record with your account that this backup works?"
    if not unasked and not (desk.screen.is_interactive and typer.confirm(question, err=desk.screen.as_json)):
        return False
    desk.phone(yes=unasked).confirm_backup(backup)
    desk.screen.say("Your account remembers that this backup was tried today.")
    return True


@command(_commands, "backup-key")
def backup_key(desk: Desk) -> Told:
    """Show the key by which your other phones let this one open their backups; made at the first call."""
    keystore, machine = desk.keystore, desk.machine
    passphrase = desk.passphrase if keystore.has_wallet() or keystore.has_backup_key() else desk.chosen_passphrase()
    if not keystore.has_backup_key():
        if keystore.has_wallet():
            keystore.open_wallet(passphrase)  # one passphrase opens all files of a phone
        private = Secret(machine.entropy.draw(hpke.KEY_BYTES))
        keystore.create_backup_key(private, passphrase, entropy=machine.entropy, cost=machine.cost)
    public = to_base64url(hpke.public_of(keystore.open_backup_key(passphrase)))
    desk.screen.say(f"On your other phone: pteri wallet backup --phone {public}")
    return {"key": public}


def _content(desk: Desk, network: Network) -> BackupContent:
    keystore = desk.keystore
    entropy = mnemonic_to_entropy(keystore.open_wallet(desk.passphrase))
    account = _own_address_told(desk)
    named = network if account is None else account.network
    return BackupContent(entropy, named, desk.machine.clock.now(), keystore.wallet_id())


def _own_address(desk: Desk, network: Network) -> OwnAddress:
    """As the account knows it, if there is one; else of the wallet that is here."""
    return _own_address_told(desk) or OwnAddress(desk.wallet(network).address(), network)


def _own_address_told(desk: Desk) -> OwnAddress | None:
    try:
        state = desk.keystore.load_state()
    except WalletError as error:
        if error.code is not WalletCode.NOT_FOUND:
            raise
        return None
    return OwnAddress(state.address, state.network, state.tenant_index)


def _saved_as_file(desk: Desk, path: Path, data: bytes) -> dict[str, object]:
    create_file(path, data)
    desk.screen.say(f"Saved as {path}.")
    return {"file": str(path), "digest": backup_digest(data)}


def _saved(desk: Desk, place: str | None, data: bytes) -> dict[str, object]:
    store, named = place_of(desk, place)
    now = desk.machine.clock.now()
    with desk.screen.busy(f"Saving to {named}, and reading it back ..."):
        saved = save_version(store, data, at=now)
    _note(desk, place=named, saved_at=now)
    name = saved.version.name
    desk.screen.say(f"Saved in {named} as {name}, and read back byte for byte.")
    if saved.removed:
        desk.screen.say(f"Older than the newest five, and removed: {len(saved.removed)}.")
    if saved.unremoved:
        desk.screen.say(f"{len(saved.unremoved)} older ones could not be removed there. Nothing is lost by that.")
    told: dict[str, object] = {"place": named, "name": name, "digest": saved.digest}
    told |= {"removed": len(saved.removed), "unremoved": len(saved.unremoved)}
    return told if is_service(named) else told | {"file": str(Path(named) / name)}


def _looked_at(desk: Desk, store: BackupStore, version: Version) -> tuple[list[str], str]:
    """What can be said of a version without opening it: how it opens, and its state."""
    try:
        found = read_backup(read_version(store, version))
    except WalletError as error:
        return [], f"unusable: {error.code}"
    known = set(SlotType)
    ways = [_WAYS[SlotType(slot.kind)] if slot.kind in known else "a newer way" for slot in found.slots]
    keystore = desk.keystore
    is_another = keystore.has_wallet() and series_of(keystore.wallet_id()) != found.series
    return list(dict.fromkeys(ways)), "whole, of another wallet" if is_another else "whole"


def _note(desk: Desk, **changes: object) -> None:
    directory = desk.keystore.directory
    with desk.keystore.exclusive():
        save_notes(directory, msgspec.structs.replace(load_notes(directory), **changes))
