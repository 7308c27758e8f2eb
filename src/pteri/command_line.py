"""What all commands of a service share: how they say yes and no, and which settings they mean.

Exit codes: 0 yes, 1 no (with a stable code), 2 the command line is wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from pteri.settings import Settings

__all__ = ["ConfigOption", "JsonFlag", "said_in_a_sentence", "settings_of", "tell", "usage"]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="The settings file (or PTERI_CONFIG).")]


def tell(values: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Say it to a program or to a person."""
    print(json.dumps(values) if as_json else text)


def usage(message: str, *, as_json: bool) -> NoReturn:
    """End: it cannot be done like this, and this is what to mend."""
    if as_json:
        print(json.dumps({"error": message}))
    else:
        print(message, file=sys.stderr)
    raise typer.Exit(2)


def settings_of(config: Path | None, *, as_json: bool = False) -> tuple[Path, Settings]:
    """The settings file that was meant, and what is in it."""
    from pteri.settings import SettingsError, load_settings, read_environment

    path = config or read_environment().config
    if path is None:
        usage("Which settings? Give --config FILE, or make a new service with: pteri init", as_json=as_json)
    try:
        return path, load_settings(path)
    except SettingsError as error:
        usage(str(error), as_json=as_json)


@contextmanager
def said_in_a_sentence(*, as_json: bool = False) -> Iterator[None]:
    """What keeps a service from running is told to the person who starts it, and is no traceback."""
    from pteri.adapters.store.errors import StoreRefused
    from pteri.adapters.system import EntropyFailure
    from pteri.app.ports import StoreUnavailable
    from pteri.settings import SettingsError

    try:
        yield
    except (SettingsError, StoreRefused, StoreUnavailable, EntropyFailure) as error:
        usage(str(error), as_json=as_json)
