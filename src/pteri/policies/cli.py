"""``pteri policy``: write, look at, try and compare policies.

Exit codes: 0 yes, or no difference; 1 not valid, or a difference; 2 the command line, the settings or a file is wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from pteri.domain.rules import Rules
from pteri.policies.file import PolicyRefused, load_policy, rules_of, write_policy
from pteri.policies.review import changes, warnings
from pteri.policies.text import policy_text
from pteri.settings import Settings, SettingsError, load_settings, read_environment

__all__ = ["app"]

app = typer.Typer(help="Policy as a file: write it, check it, and see what it would decide.", no_args_is_help=True)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="The settings file (or PTERI_CONFIG).")]


@app.command("new")
def new_command(
    file: Annotated[Path, typer.Argument(help="The policy file to write; it must not be there yet.")],
    config: Annotated[Path | None, typer.Option(help="Take the rules of these settings, not the defaults.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a policy file with every rule, its bounds and what it protects from."""
    with _said_in_a_sentence(as_json=as_json):
        rules = Rules() if config is None else rules_of(load_settings(config))
        write_policy(file, rules)
    _tell({"policy": str(file), "digest": rules.digest()}, f"Made {file}, digest {rules.digest()}.", as_json)


@app.command("show")
def show_command(
    file: Annotated[Path | None, typer.Argument(help="A policy file; without one the defaults.")] = None,
    config: Annotated[Path | None, typer.Option(help="Show the rules of these settings.")] = None,
) -> None:
    """Print a policy as a complete file, with a comment on each rule."""
    if file is not None and config is not None:
        _usage("Give a policy file or --config, not both.", as_json=False)
    with _said_in_a_sentence(as_json=False):
        if file is not None:
            rules = load_policy(file)
        else:
            rules = Rules() if config is None else rules_of(load_settings(config))
    print(policy_text(rules), end="")


@app.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(help="The policy file.")],
    as_json: JsonFlag = False,
) -> None:
    """Say whether a policy is valid, where it differs from the defaults, and which of its choices are risky."""
    try:
        rules = load_policy(file)
    except PolicyRefused as error:
        _tell({"valid": False, "problems": list(error.problems)}, f"Not valid.\n{error}", as_json)
        raise typer.Exit(1) from None
    except SettingsError as error:
        _usage(str(error), as_json=as_json)
    changed, risky = changes(Rules(), rules), warnings(rules)
    lines = [f"Valid. Digest {rules.digest()}"]
    lines += [f"Changed: {change.sentence}." for change in changed] or ["Every rule has its default."]
    lines += [f"Risky, {warned.code}: {warned.sentence}." for warned in risky]
    found = {
        "valid": True,
        "digest": rules.digest(),
        "changes": [
            {"rule": change.name, "default": change.before, "value": change.after, "says": change.sentence}
            for change in changed
        ],
        "warnings": [{"code": warned.code, "says": warned.sentence} for warned in risky],
    }
    _tell(found, "\n".join(lines), as_json)


def _settings(config: Path | None) -> Settings:
    path = config or read_environment().config
    if path is None:
        raise SettingsError("Which settings? Give --config FILE, or set PTERI_CONFIG.")
    return load_settings(path)


@contextmanager
def _said_in_a_sentence(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        _usage(str(error), as_json=as_json)


def _tell(values: dict[str, Any], text: str, as_json: bool) -> None:
    print(json.dumps(values) if as_json else text)


def _usage(message: str, *, as_json: bool) -> NoReturn:
    if as_json:
        print(json.dumps({"error": message}))
    else:
        print(message, file=sys.stderr)
    raise typer.Exit(2)
