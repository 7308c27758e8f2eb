"""``pteri key``: the deployment keys of a service: another one, and the way of the old one out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer

from pteri.command_line import ConfigOption, JsonFlag, said_in_a_sentence, settings_of, tell

__all__ = ["app"]

app = typer.Typer(help="The deployment keys: make another one, let it write, let an old one go.", no_args_is_help=True)

_Key = Annotated[str, typer.Argument(metavar="KEY", help="Its eight letters, as `pteri key show` says them.")]
_RESTART = "Copy the file to every machine and restart every process before the next step."


@app.command("show")
def show_command(config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """Which keys there are, what each may do, and what the older ones are still needed for."""
    from pteri.keyring import look, told

    _, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        keys = look(settings)
    lines = [
        f"{key.name}  {key.standing}"
        + (f" since {datetime.fromtimestamp(key.stopped_at, UTC):%Y-%m-%d}" if key.stopped_at else "")
        + ("" if key.needed is None else f"; needed for: {told(key.needed)}")
        for key in keys
    ]
    tell({"keys": msgspec.to_builtins(keys)}, "\n".join(lines), as_json=as_json)


@app.command("new")
def new_command(config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """Make the next key. It reads only, until `pteri key rotate`."""
    from pteri.keyring import add_key

    path, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        name = add_key(settings)
    tell(
        {"key": name},
        f"The key {name} is next: known, and not yet writing.\nMake a copy of {settings.server.deployment_key_file}: "
        f"the database needs all keys in it. {_RESTART}\nThen: pteri key rotate --config {path}",
        as_json=as_json,
    )


@app.command("rotate")
def rotate_command(config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """Let the next key write. The one of before still reads."""
    from pteri.keyring import rotate

    path, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        ring = rotate(settings)
    tell(
        {"key": ring.current.name},
        f"The key {ring.current.name} writes from the next start on. {_RESTART}\n"
        f"Then give it what is kept: pteri key rekey --config {path}",
        as_json=as_json,
    )


@app.command("rekey")
def rekey_command(config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """Give to the key that writes whatever needs nobody, beside the service. Killed, it is simply run again."""
    from pteri.keyring import rekey_all

    _, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        done = rekey_all(settings)
    tell(
        msgspec.to_builtins(done),
        f"{done.accounts} accounts have their wallets under it; {done.lines} lines and {done.addresses} addresses were "
        "sealed again. Logins follow as people sign in."
        + (f"\n{done.unreadable} rows do not open under any key. Run: pteri fsck" if done.unreadable else ""),
        as_json=as_json,
    )
    if done.unreadable:
        raise typer.Exit(1)


@app.command("distrust")
def distrust_command(key: _Key, config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """Somebody else may have an older key: believe nothing under it that comes from outside."""
    from pteri.keyring import distrust

    _, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        distrust(settings, key)
    tell(
        {"key": key},
        f"Under {key} nothing that comes from outside is believed any more: links in mails, tokens, sign-ins. "
        f"It still finds logins. {_RESTART}",
        as_json=as_json,
    )


@app.command("retire")
def retire_command(key: _Key, config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """Take an older key out of the file for ever, if nothing needs it."""
    from pteri.keyring import KeyNeeded, retire

    _, settings = settings_of(config, as_json=as_json)
    try:
        with said_in_a_sentence(as_json=as_json):
            retire(settings, key)
    except KeyNeeded as error:
        tell({"error": str(error)}, f"{error} Nothing was changed.", as_json=as_json)
        raise typer.Exit(1) from error
    tell(
        {"key": key},
        f"The key {key} is gone from {settings.server.deployment_key_file}. {_RESTART} Destroy old copies of the file "
        "when every backup of the database that needs it is gone.",
        as_json=as_json,
    )
