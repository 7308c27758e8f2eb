"""``pteri policy``: write, look at, try and compare policies.

Exit codes: 0 yes, or no difference; 1 not valid, or a difference; 2 the command line, the settings or a file is wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pteri.command_line import ConfigOption, JsonFlag, said_in_a_sentence, tell, usage
from pteri.domain.rules import Rules
from pteri.policies.file import PolicyRefused, load_policy, rules_of, write_policy
from pteri.policies.review import changes, warnings
from pteri.policies.text import policy_text
from pteri.settings import Settings, SettingsError, load_settings, read_environment

__all__ = ["app"]

app = typer.Typer(help="Policy as a file: write it, check it, and see what it would decide.", no_args_is_help=True)


@app.command("new")
def new_command(
    file: Annotated[Path, typer.Argument(help="The policy file to write; it must not be there yet.")],
    config: Annotated[Path | None, typer.Option(help="Take the rules of these settings, not the defaults.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a policy file with every rule, its bounds and what it protects from."""
    with said_in_a_sentence(as_json=as_json):
        rules = Rules() if config is None else rules_of(load_settings(config))
        write_policy(file, rules)
    tell({"policy": str(file), "digest": rules.digest()}, f"Made {file}, digest {rules.digest()}.", as_json=as_json)


@app.command("show")
def show_command(
    file: Annotated[Path | None, typer.Argument(help="A policy file; without one the defaults.")] = None,
    config: Annotated[Path | None, typer.Option(help="Show the rules of these settings.")] = None,
) -> None:
    """Print a policy as a complete file, with a comment on each rule."""
    if file is not None and config is not None:
        usage("Give a policy file or --config, not both.", as_json=False)
    with said_in_a_sentence(as_json=False):
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
        tell({"valid": False, "problems": list(error.problems)}, f"Not valid.\n{error}", as_json=as_json)
        raise typer.Exit(1) from None
    except SettingsError as error:
        usage(str(error), as_json=as_json)
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
    tell(found, "\n".join(lines), as_json=as_json)


@app.command("explain")
def explain_command(
    case: Annotated[str, typer.Argument(help="acct_.../7, TENANT/acct_.../7, a request id, or a JSON file.")],
    policy: Annotated[Path | None, typer.Option(help="Decide by this policy, not by that of the settings.")] = None,
    config: ConfigOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what policy saw of a case, which row decided, which rules mattered; decide it again."""
    from pteri.policies.looking import explained, place_of_case, tried_case
    from pteri.policies.words import explain_recorded, explain_tried

    with said_in_a_sentence(as_json=as_json):
        place = place_of_case(case)
        if place is None:
            given = policy is not None or config is not None or read_environment().config is not None
            rules = _rules(policy, config) if given else Rules()
            told = explain_tried(tried_case(Path(case)), rules)
        else:
            settings = _settings(config)
            rules = rules_of(settings) if policy is None else load_policy(policy)
            told = explain_recorded(explained(settings, place), rules)
    tell(told.tree, "\n".join(told.lines), as_json=as_json)
    if told.agrees is False:
        raise typer.Exit(1)


@app.command("diff")
def diff_command(
    first: Annotated[str, typer.Argument(metavar="A", help="A policy file, current, shadow, or recorded.")],
    second: Annotated[str, typer.Argument(metavar="B", help="A policy file, current or shadow.")],
    config: ConfigOption = None,
    limit: Annotated[int, typer.Option(min=0, max=100_000, help="How many cases to name.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Decide everything that is recorded by two policies, and say what would have been decided otherwise."""
    from pteri.policies.looking import compared
    from pteri.policies.words import comparison_text, comparison_tree

    with said_in_a_sentence(as_json=as_json):
        found = compared(_settings(config), first, second, limit)
    tell(comparison_tree(found), comparison_text(found), as_json=as_json)
    if found.found.different:
        raise typer.Exit(1)


def _rules(policy: Path | None, config: Path | None) -> Rules:
    return rules_of(_settings(config)) if policy is None else load_policy(policy)


def _settings(config: Path | None) -> Settings:
    path = config or read_environment().config
    if path is None:
        raise SettingsError("Which settings? Give --config FILE, or set PTERI_CONFIG.")
    return load_settings(path)
