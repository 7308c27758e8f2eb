"""Policies over the registry of these settings: one case explained, or everything decided twice.

Nothing is written. It may run beside the service, on any machine.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from pteri import durable
from pteri.app.comparing import compare
from pteri.app.explaining import FoundCase, NoSuchCase, find_event, find_request
from pteri.app.replaying import Signed
from pteri.app.walking import Gone
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, RequestId, TenantId
from pteri.domain.rules import Rules
from pteri.policies.file import load_policy, rules_of
from pteri.policies.tried import CaseRefused, read_case
from pteri.policies.words import Compared
from pteri.settings import Settings, SettingsError
from pteri.wiring import deployed

__all__ = ["CURRENT", "RECORDED", "SHADOW", "Place", "compared", "explained", "place_of_case", "tried_case"]

RECORDED: Final = "recorded"
CURRENT: Final = "current"
SHADOW: Final = "shadow"
_PLACE: Final = re.compile(r"(?:([a-z0-9-]{1,32})/)?(acct_[0-9A-Z]{12,26})/([1-9][0-9]{0,9})")
_MAX_CASE_BYTES: Final = 1 << 20

Place = tuple[TenantId | None, AccountId, int] | RequestId


def place_of_case(text: str) -> Place | None:
    """Where a recorded case stands: ``acct_.../7``, ``tenant/acct_.../7`` or a request; ``None`` for a file."""
    if found := _PLACE.fullmatch(text):
        tenant, account, seq = found.groups()
        return (None if tenant is None else TenantId(tenant)), AccountId(account), int(seq)
    try:
        return ids.request_id(text)
    except ProtocolError:
        return None


def tried_case(path: Path) -> Signed:
    """The case in this file; ``SettingsError`` says what is wrong with it."""
    try:
        return Signed(*read_case(durable.read_regular(path, _MAX_CASE_BYTES)))
    except OSError as error:
        raise SettingsError(
            f"{path} is no case of the registry (acct_.../7 or a request), and no file that can be read: "
            f"{error.strerror}."
        ) from error
    except CaseRefused as error:
        raise SettingsError(f"{path}: {error}") from error


def explained(settings: Settings, place: Place) -> FoundCase:
    """This case of the registry; ``SettingsError`` where there is none."""
    return asyncio.run(_explained(settings, place))


async def _explained(settings: Settings, place: Place) -> FoundCase:
    async with deployed(settings) as deployment:
        try:
            with _progress("Looking for the request, {} accounts") as tell:
                if isinstance(place, str):
                    return await find_request(deployment, place, tell)
                tenant, account, seq = place
                return await find_event(deployment, account, seq, tenant)
        except (NoSuchCase, Gone) as error:
            raise SettingsError(f"{str(error)[0].upper()}{str(error)[1:]}.") from error


def compared(settings: Settings, first: str, second: str, most: int) -> Compared:
    """Everything that is recorded, decided by both; each is a file, ``current``, ``shadow``, the first ``recorded``."""
    before = None if first == RECORDED else _named(settings, first)
    if second == RECORDED:
        raise SettingsError("What was recorded can only be the first of the two: pteri policy diff recorded FILE")
    return asyncio.run(_compared(settings, (first, second), before, _named(settings, second), most))


async def _compared(
    settings: Settings, names: tuple[str, str], before: Rules | None, after: Rules, most: int
) -> Compared:
    async with deployed(settings) as deployment:
        try:
            with _progress("Deciding again, {} events") as tell:
                found = await compare(deployment, before, after, most=most, tell=tell)
        except Gone as error:
            raise SettingsError(f"Not everything could be read: {error}.") from error
    return Compared(*names, before, after, found)


def _named(settings: Settings, name: str) -> Rules:
    if name == CURRENT:
        return rules_of(settings)
    if name != SHADOW:
        return load_policy(Path(name))
    if settings.server.shadow_policy is None:
        raise SettingsError("These settings have no shadow_policy: set it in [server], or name a policy file.")
    return load_policy(settings.server.shadow_policy)


@contextmanager
def _progress(text: str) -> Iterator[Callable[[int], None]]:
    """How much is done, on standard error, if a person sits there. Of how much nobody knows before the end."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(text.format(0), total=None)
        yield lambda done: progress.update(task, description=text.format(done))
