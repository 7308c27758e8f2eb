"""``pteri key``: another deployment key comes, writes, and an old one goes (docs/spec section 9.8).

The file comes first and the database after it where a key is added, so that no key is needed that could be lost; and
the other way round where one is taken away, so that none is lost that is needed. What was cut off is finished by the
same command.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from rich.console import Console
from rich.progress import Progress

from pteri.adapters.key_ring import KEY_BYTES, HeldKey, KeyRing, KeyRingError, Standing
from pteri.adapters.store.opening import open_store
from pteri.adapters.system import SystemClock, SystemEntropy, self_test
from pteri.adapters.vault import DeploymentVault
from pteri.app.deployment import Deployment
from pteri.app.key_ports import RegisteredKey
from pteri.app.ports import Store
from pteri.app.rekeying import Need, Rekeyed, needs_of, rekey
from pteri.core.keys.secret import Secret
from pteri.database import Database
from pteri.deployment_key import locked_key_ring, read_key_ring, write_key_ring
from pteri.settings import Settings, SettingsError
from pteri.wiring import deployed

__all__ = ["KEPT_DAYS", "KeyNeeded", "KeySeen", "add_key", "distrust", "look", "rekey_all", "retire", "rotate"]

T = TypeVar("T")

KEPT_DAYS: Final = 8
"""Longer than anything lives that a key has made and that nobody counts: a link in a mail, seven days."""
_DAY_S: Final = 86_400
_PIN: Final = "deployment key"


class KeySeen(msgspec.Struct, frozen=True):
    """One key of the file. ``needed``: what an older one is still wanted for."""

    name: str
    standing: str
    stopped_at: int
    needed: Need | None = None


class KeyNeeded(Exception):
    """This key cannot go: the text says what needs it."""


def look(settings: Settings) -> tuple[KeySeen, ...]:
    """The keys, and what each older one is wanted for."""

    async def seen(deployment: Deployment) -> tuple[KeySeen, ...]:
        ring = read_key_ring(settings.server.deployment_key_file)
        return tuple([await _seen(deployment, ring, held) for held in ring if held.name in deployment.vault.names])

    return _with_service(settings, seen)


async def _seen(deployment: Deployment, ring: KeyRing, held: HeldKey) -> KeySeen:
    older = held.standing in {Standing.FORMER, Standing.DISTRUSTED}
    needed = await needs_of(deployment, held.name, await _others(deployment.store, ring, held.name)) if older else None
    return KeySeen(held.name, held.standing, held.stopped_at, needed)


def add_key(settings: Settings) -> str:
    """A next key: made, and known to the database from then on. Its name."""
    path, database = settings.server.deployment_key_file, settings.server.database
    with locked_key_ring(path) as before:
        known = _with_store(database, lambda store: store.keys.registered())
        coming = before.coming
        if coming is None or coming.name in {key.name for key in known}:
            entropy = SystemEntropy()
            self_test(entropy)
            ring = _step(lambda: before.with_next(Secret(entropy.draw(KEY_BYTES))))
            _with_store(database, lambda store: _check_made_here(store, ring, known))
            write_key_ring(path, ring)
        else:
            ring = before  # cut off before the database knew of it
        assert ring.coming is not None
        _with_store(database, lambda store: _register(store, ring, known))
        return ring.coming.name


async def _check_made_here(store: Store, ring: KeyRing, known: list[RegisteredKey]) -> None:
    """Another database than that of these keys gets none."""
    vault = DeploymentVault(ring, SystemEntropy())
    mark = vault.mark(vault.name)
    if known:
        right = any(key.name == vault.name and key.mark == mark and not key.retired for key in known)
    else:
        right = await store.pin(_PIN, mark) == mark
    if not right:
        raise SettingsError("This database was made with another deployment key. Restore that key.")


async def _register(store: Store, ring: KeyRing, known: list[RegisteredKey]) -> None:
    await _check_made_here(store, ring, known)
    vault = DeploymentVault(ring, SystemEntropy())
    names = {key.name for key in known}
    first = max((key.number for key in known), default=0) + 1
    new = [held.name for held in reversed(ring.keys) if held.name not in names]
    await store.keys.register([RegisteredKey(first + place, name, vault.mark(name)) for place, name in enumerate(new)])


def rotate(settings: Settings) -> KeyRing:
    """The next key writes from now on."""
    path, at = settings.server.deployment_key_file, SystemClock().now()
    with locked_key_ring(path) as ring:
        rotated = _step(lambda: ring.rotated(at))
        known = _with_store(settings.server.database, lambda store: store.keys.registered())
        if rotated.current.name not in {key.name for key in known if not key.retired}:
            raise SettingsError(f"The database does not know the key {rotated.current.name}. Finish: pteri key new")
        write_key_ring(path, rotated)
        return rotated


def distrust(settings: Settings, name: str) -> None:
    """Somebody else may have this older key: nothing that comes from outside is believed under it."""
    path = settings.server.deployment_key_file
    with locked_key_ring(path) as ring:
        write_key_ring(path, _step(lambda: ring.distrusting(name)))


def rekey_all(settings: Settings) -> Rekeyed:
    """Give to the key that writes whatever needs nobody."""

    async def work(deployment: Deployment) -> Rekeyed:
        with _bar() as tell:
            return await rekey(deployment, tell)

    return _with_service(settings, work)


def retire(settings: Settings, name: str) -> None:
    """Take this older key away for ever; ``KeyNeeded`` while anything needs it."""
    path, at = settings.server.deployment_key_file, SystemClock().now()
    with locked_key_ring(path) as ring:
        without = _step(lambda: ring.without(name))
        held = ring.named(name)
        waits_until = held.stopped_at + KEPT_DAYS * _DAY_S
        if at < waits_until:
            raise KeyNeeded(
                f"The key {name} wrote until a few days ago, and links in mails that it has made live for seven days. "
                f"It can go from {datetime.fromtimestamp(waits_until, UTC):%Y-%m-%d %H:%M} UTC on."
            )

        async def work(deployment: Deployment) -> None:
            if name not in deployment.vault.names:
                return  # cut off after the database had let it go
            with _bar() as tell:
                await rekey(deployment, tell)
            need = await needs_of(deployment, name, await _others(deployment.store, ring, name))
            if need.rows:
                raise KeyNeeded(f"The key {name} is still needed, for {need.rows} rows: {told(need)}.")
            await deployment.store.keys.retire(name)

        _with_service(settings, work)
        write_key_ring(path, without)


def told(need: Need) -> str:
    """In words, without what is none."""
    counts = {
        "logins that nobody presented since": need.logins,
        "chips that were heard under it": need.chips,
        "wallets": need.wallets,
        "kept lines": need.lines,
        "kept addresses": need.addresses,
        "sign-ins whose code never came": need.sign_ins,
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing"


async def _others(store: Store, ring: KeyRing, name: str) -> list[str]:
    """The names under which a login is found without this key; the empty one while the very first key is among them."""
    known = await store.keys.registered()
    others = [held.name for held in ring if held.name != name]
    first = next((key.name for key in known if key.number == 1), name)
    return [*others, *([""] if first in others else [])]


def _step(step: Callable[[], KeyRing]) -> KeyRing:
    try:
        return step()
    except KeyRingError as error:
        raise SettingsError(str(error)) from error


def _with_store(database: Database, work: Callable[[Store], Awaitable[T]]) -> T:
    async def whole() -> T:
        store = await open_store(database if isinstance(database, Path) else database.reveal())
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(whole())


def _with_service(settings: Settings, work: Callable[[Deployment], Awaitable[T]]) -> T:
    async def whole() -> T:
        async with deployed(settings) as deployment:
            return await work(deployment)

    return asyncio.run(whole())


@contextmanager
def _bar() -> Iterator[Callable[[int], None]]:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("Giving what is kept to the key that writes", total=None)
        yield lambda done: progress.update(task, completed=done)
