"""What ``pteri log`` does with the log of a service: begin it, look at it, take a person out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from pteri.adapters.store.opening import open_store
from pteri.adapters.system import SystemEntropy, self_test
from pteri.app.growing import first_state, handed_over, is_signed, require_log
from pteri.app.log_ports import LogState
from pteri.app.ports import Store
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.log.note import NoteSigner, NoteVerifier
from pteri.key_files import KEY_BYTES
from pteri.log_key import create_log_key, log_signer, move_key
from pteri.log_settings import LogSettings
from pteri.settings import Settings, SettingsError, add_table, log_lines

__all__ = ["LogSeen", "Rotated", "begin_log", "erase", "look", "rotate"]

T = TypeVar("T")

_KEY_FILE: Final = "log.key"
_ATTEMPTS: Final = 20


class LogSeen(msgspec.Struct, frozen=True):
    """How far a log has come. ``waiting``: events without a leaf, 500 at most are counted."""

    origin: str
    log_key: str
    size: int
    waiting: int
    witnessed_size: int
    witnesses: int
    needed: int

    @property
    def text(self) -> str:
        """For people."""
        waits = "nothing waits" if not self.waiting else f"{self.waiting} events wait for their leaf"
        seen = (
            f"{self.needed} of {self.witnesses} witnesses must see it; they have seen {self.witnessed_size} leaves."
            if self.needed
            else "Nobody watches it: anybody who owns this machine could show two logs. Name witnesses in [log]."
        )
        return f"{self.origin}: {self.size} leaves, {waits}.\n{seen}\nKey: {self.log_key}"


def begin_log(path: Path, settings: Settings, origin: str | None) -> NoteVerifier:
    """Key, first state, and the table in the settings file ``path``, in this order; what is there already is kept.

    So a beginning that was cut off is finished by the same command. ``SettingsError`` when there is a log.
    """
    base = path.absolute().parent
    log = settings.log
    if log is None:
        try:
            log = LogSettings(origin=origin or f"{settings.tenants[0].domain}/pteri", key_file=base / _KEY_FILE)
        except ValueError as error:
            raise SettingsError(f"Nothing was made: {error}.") from error
    elif origin not in {None, log.origin}:
        raise SettingsError(f"The settings name the log {log.origin}, and nothing was changed.")
    if not log.key_file.exists():
        if _with_store(settings, lambda store: store.book.state()) is not None:
            # A second key would sign a log that its readers know by another one.
            raise SettingsError(f"There is a log in this database, and no key at {log.key_file}. Restore its key.")
        entropy = SystemEntropy()
        self_test(entropy)
        create_log_key(log, entropy.draw(KEY_BYTES))
    signer = log_signer(log)
    if not _with_store(settings, lambda store: store.book.start(first_state(signer))):
        if settings.log is not None:
            raise SettingsError("There is a log in this database already. Nothing was changed.")
        # A beginning that was cut off before its last step, or a log of another name.
        _with_store(settings, lambda store: require_log(store, signer))
    if settings.log is None:
        add_table(path, log_lines(base, log))
    return signer.verifier


def look(settings: Settings) -> LogSeen:
    """The log as it is now."""
    log = _log_of(settings)
    state, waiting = _with_store(settings, _state_and_waiting)
    if state is None:
        raise SettingsError("There is no log in this database. Begin it with: pteri log new")
    quorum = log.quorum
    return LogSeen(
        origin=log.origin,
        log_key=log_signer(log).verifier.text,
        size=state.size,
        waiting=waiting,
        witnessed_size=state.witnessed_size,
        witnesses=len(log.witnesses),
        needed=0 if quorum is None else quorum.needed,
    )


class Rotated(msgspec.Struct, frozen=True):
    """The key that signs now, and where the one before it lies."""

    verifier: NoteVerifier
    old_key_file: Path


def rotate(settings: Settings) -> Rotated:
    """Hand the log over to a new key. One that was cut off is finished by the same command.

    The new key lies beside the old one until the log has handed over, so no step leaves a log without its key.
    """
    log = _log_of(settings)
    coming = msgspec.structs.replace(log, key_file=log.key_file.with_name(f"{log.key_file.name}.next"))
    if not coming.key_file.exists():
        entropy = SystemEntropy()
        self_test(entropy)
        create_log_key(coming, entropy.draw(KEY_BYTES))
    old, new = log_signer(log), log_signer(coming)
    _with_store(settings, lambda store: _hand_over(store, old, new))
    kept = log.key_file.with_name(f"{log.key_file.name}.{old.verifier.id.hex()}")
    move_key(log.key_file, coming.key_file, kept)
    return Rotated(new.verifier, kept)


async def _hand_over(store: Store, old: NoteSigner, new: NoteSigner) -> None:
    for _ in range(_ATTEMPTS):
        state = await store.book.state()
        if state is None or not is_signed(state, new):
            state = await require_log(store, old)
            if not await store.book.grow(handed_over(state, old, new)):
                continue  # a process of the service was faster
        return
    raise SettingsError("The log grows faster than it can be handed over. Stop the service, then try again.")


def erase(settings: Settings, tenant: str, account: str) -> bool:
    """Whether the secret of this account was there, and is no more."""
    _log_of(settings)
    try:
        whose = ids.tenant_id(tenant), ids.account_id(account)
    except ProtocolError as error:
        raise SettingsError(f"{error.detail}.") from error
    return _with_store(settings, lambda store: store.book.erase(*whose))


def _log_of(settings: Settings) -> LogSettings:
    if settings.log is None:
        raise SettingsError("These settings have no [log]. Begin one with: pteri log new")
    return settings.log


async def _state_and_waiting(store: Store) -> tuple[LogState | None, int]:
    state = await store.book.state()
    return state, 0 if state is None else len(await store.book.unlogged(state.next_position, 500))


def _with_store(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    async def opened() -> T:
        database = settings.server.database
        store = await open_store(database if isinstance(database, Path) else database.reveal())
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(opened())
