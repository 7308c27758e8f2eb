"""``pteri log``: begin the log of a service, look at it, take a person out of it.

A log and its key are begun here and never implicitly: a service that found its database empty and began a new one under
the old name would show the world two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from pteri.command_line import ConfigOption, JsonFlag, said_in_a_sentence, settings_of, tell, usage

if TYPE_CHECKING:
    from pteri.logbook import Rotated

__all__ = ["app"]

app = typer.Typer(
    help="The public log of a service: begin it, look at it, take a person out of it.", no_args_is_help=True
)


@app.command("new")
def new_command(
    config: ConfigOption = None,
    origin: Annotated[
        str | None,
        typer.Option(help="Name of the log for ever. By itself: the first tenant's domain and /pteri."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make the keys of a new log, begin the log in the database, and add [log] to the settings."""
    from pteri.logbook import begin_log

    path, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        begun = begin_log(path, settings, origin)
    tell(
        {"log_key": begun.log.text, "index_key": begun.index.text, "origin": begun.log.name},
        f"The log {begun.log.name} has begun.\nIts key, for everybody who wants to check it:\n\n  {begun.log.text}\n\n"
        f"Its index key, which shows that an account has one number in it:\n\n  {begun.index.text}\n\n"
        "Give both to your auditors on another way than your own web site. Keep the private keys safe: they are in the "
        "files that [log] names.",
        as_json=as_json,
    )


@app.command("show")
def show_command(config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """How far the log has come, what waits for its leaf, and what witnesses have seen."""
    from pteri.logbook import look

    _, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        seen = look(settings)
    tell(msgspec.to_builtins(seen), seen.text, as_json=as_json)


@app.command("rotate")
def rotate_command(config: ConfigOption = None, as_json: JsonFlag = False) -> None:
    """Hand the log over to a new key, by an entry of the log that both keys sign. Then restart the service."""
    from pteri.logbook import rotate

    _, settings = settings_of(config, as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        done = rotate(settings)
    tell(
        {
            "log_key": done.verifier.text,
            "old_key_file": str(done.old_key_file),
            "was_finished": done.was_finished,
            "set_aside": None if done.set_aside is None else str(done.set_aside),
        },
        _rotated_text(done),
        as_json=as_json,
    )


def _rotated_text(done: Rotated) -> str:
    first = (
        "An earlier rotation had been cut off after the log had handed over. It is finished now, and no other key was "
        "made: rotate once more if that key may have been seen. The log is signed by:"
        if done.was_finished
        else "The log is signed by a new key now:"
    )
    aside = (
        ""
        if done.set_aside is None
        else f"\n\nAn earlier rotation had been cut off before the log had handed over. Its key is in "
        f"{done.set_aside}: the log never had it, and when `pteri log show` shows the new one, it can be destroyed."
    )
    return (
        f"{first}\n\n  {done.verifier.text}\n\nRestart every process of the service: until then its log stands still. "
        "Tell your witnesses and auditors; the log itself proves the hand-over to them. The old key is in "
        f"{done.old_key_file}: it signs nothing any more, and can be destroyed.{aside}"
    )


@app.command("erase")
def erase_command(
    tenant: Annotated[str, typer.Argument(help="The tenant of the account.")],
    account: Annotated[str, typer.Argument(help="The account, acct_...")],
    config: ConfigOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone, and I know.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Forget what hides behind the leaves of this account. Every proof stays right; nobody makes a receipt again."""
    from pteri.logbook import erase

    _, settings = settings_of(config, as_json=as_json)
    if not yes:
        usage("After this nobody can show what those leaves say, ever. If you are sure, add --yes.", as_json=as_json)
    with said_in_a_sentence(as_json=as_json):
        done = erase(settings, tenant, account)
    tell(
        {"erased": done},
        "Erased: nobody can show any more what the leaves of this account say. Whoever has your index key and "
        "knows the account still finds which leaves those are, and your database still keeps its events."
        if done
        else "Nothing was changed: the log has no such account, or it was erased before.",
        as_json=as_json,
    )
    if not done:
        raise typer.Exit(1)
