"""What ``pteri log`` does with the log of a service: begin it, look at it, take a person out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from pteri import durable
from pteri.adapters.store.opening import open_store
from pteri.adapters.system import SystemEntropy, self_test
from pteri.app.growing import first_state, handed_over, is_signed, require_index_key, require_log
from pteri.app.log_ports import LogState
from pteri.app.log_seen import has_seen
from pteri.app.ports import Store
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.log.index import IndexKey
from pteri.core.log.note import NoteSigner, NoteVerifier
from pteri.key_files import KEY_BYTES
from pteri.log_key import account_indexes, create_index_key, create_log_key, log_signer, move_key
from pteri.log_settings import LogSettings
from pteri.settings import Settings, SettingsError, add_table, log_lines

__all__ = ["Begun", "LogSeen", "Rotated", "begin_log", "erase", "look", "rotate"]

T = TypeVar("T")

_KEY_FILE: Final = "log.key"
_INDEX_KEY_FILE: Final = "index.key"
_ATTEMPTS: Final = 20


class Begun(msgspec.Struct, frozen=True):
    """The public keys of a log that has begun: who signs it, and by which key its accounts are numbered."""

    log: NoteVerifier
    index: IndexKey


class LogSeen(msgspec.Struct, frozen=True):
    """How far a log has come. ``waiting``: events without a leaf, 500 at most are counted."""

    origin: str
    log_key: str
    index_key: str
    size: int
    waiting: int
    witnessed_size: int
    witnesses: int
    needed: int
    unfinished_rotation: str | None = None
    """A key that a rotation made to which the log was never handed over."""

    @property
    def text(self) -> str:
        """For people."""
        waits = "nothing waits" if not self.waiting else f"{self.waiting} events wait for their leaf"
        seen = (
            f"{self.needed} of {self.witnesses} witnesses must see it; they have seen {self.witnessed_size} leaves."
            if self.needed
            else "Nobody watches it: anybody who owns this machine could show two logs. Name witnesses in [log]."
        )
        lines = [f"{self.origin}: {self.size} leaves, {waits}.", seen]
        if self.unfinished_rotation is not None:
            lines.append(
                f"A rotation was cut off before the log had handed over: the key in {self.unfinished_rotation} signs "
                "nothing. Rotate with `pteri log rotate`, which makes a new one and sets this one aside; or delete it."
            )
        return "\n".join([*lines, f"Key: {self.log_key}", f"Index key: {self.index_key}"])


def begin_log(path: Path, settings: Settings, origin: str | None) -> Begun:
    """Keys, first state, and the table in the settings file ``path``, in this order; what is there already is kept.

    So a beginning that was cut off is finished by the same command. ``SettingsError`` when there is a log.
    """
    base = path.absolute().parent
    log = settings.log
    if log is None:
        try:
            log = LogSettings(
                origin=origin or f"{settings.tenants[0].domain}/pteri",
                key_file=base / _KEY_FILE,
                index_key_file=base / _INDEX_KEY_FILE,
            )
        except ValueError as error:
            raise SettingsError(f"Nothing was made: {error}.") from error
    elif origin not in {None, log.origin}:
        raise SettingsError(f"The settings name the log {log.origin}, and nothing was changed.")
    _create_keys(settings, log)
    signer, indexes = log_signer(log), account_indexes(log)
    if not _with_store(settings, lambda store: store.book.start(first_state(signer))):
        if settings.log is not None:
            raise SettingsError("There is a log in this database already. Nothing was changed.")
        # A beginning that was cut off before its last step, or a log of another name.
        _with_store(settings, lambda store: require_log(store, signer))
    _with_store(settings, lambda store: require_index_key(store, indexes.public))
    if settings.log is None:
        add_table(path, log_lines(base, log))
    return Begun(signer.verifier, indexes.public)


def _create_keys(settings: Settings, log: LogSettings) -> None:
    missing = [
        (path, create)
        for path, create in ((log.key_file, create_log_key), (log.index_key_file, create_index_key))
        if not path.exists()
    ]
    if missing and _with_store(settings, lambda store: store.book.state()) is not None:
        # Keys come before the log, so they were lost: new ones would be those of another log.
        raise SettingsError(f"There is a log in this database already. Restore its key {missing[0][0]}.")
    for _, create in missing:
        entropy = SystemEntropy()
        self_test(entropy)
        create(log, entropy.draw(KEY_BYTES))


def look(settings: Settings) -> LogSeen:
    """The log as it is now."""
    log = _log_of(settings)
    signer, indexes = log_signer(log), account_indexes(log)
    state, waiting = _with_store(settings, _state_and_waiting)
    if state is None:
        raise SettingsError("There is no log in this database. Begin it with: pteri log new")
    coming = coming_key(log)
    if not is_signed(state, signer):
        raise SettingsError(_of_another_key(state, coming))
    # Whoever is told another key than the log's would find that nothing holds.
    _with_store(settings, lambda store: require_index_key(store, indexes.public))
    quorum = log.quorum
    return LogSeen(
        origin=log.origin,
        log_key=signer.verifier.text,
        index_key=indexes.public.text,
        size=state.size,
        waiting=waiting,
        witnessed_size=0 if quorum is None or not has_seen(state, quorum) else state.witnessed_size,
        witnesses=len(log.witnesses),
        needed=0 if quorum is None else quorum.needed,
        unfinished_rotation=None if coming is None else str(coming.key_file),
    )


def _of_another_key(state: LogState, coming: LogSettings | None) -> str:
    """Why the newest checkpoint is not by the key that the settings name."""
    if coming is not None and is_signed(state, log_signer(coming)):
        return (
            f"A rotation was cut off after the log had handed over to the key in {coming.key_file}. Until it is "
            "finished the log stands still. Finish it with: pteri log rotate"
        )
    return (
        "The newest checkpoint in this database is not signed by the key that the settings name, or under another "
        "name. Restore the key that signed last: on another machine it may have been rotated."
    )


class Rotated(msgspec.Struct, frozen=True):
    """The key that signs now, and where the one before it lies.

    ``was_finished``: this is the rotation that was cut off before, and no new one. ``set_aside``: a key that an earlier
    one had made and the log never had.
    """

    verifier: NoteVerifier
    old_key_file: Path
    was_finished: bool = False
    set_aside: Path | None = None


def rotate(settings: Settings) -> Rotated:
    """Hand the log over to a new key. One that was cut off is finished by the same command, wherever that was.

    The new key lies beside the old one until the log has handed over, so no step leaves a log without its key. A key
    that lies there and that the log does not have is not taken: nobody knows any more since when it lies there, and who
    had the old one may have it, too.
    """
    log = _log_of(settings)
    try:
        with durable.locked(log.key_file.with_name(f".{log.key_file.name}.lock"), wait=False):
            durable.sweep(log.key_file.parent, log.key_file.name)
            return _rotated(settings, log)
    except BlockingIOError as error:
        raise SettingsError("Another rotation of this log is under way on this machine.") from error
    except OSError as error:
        raise SettingsError(f"Cannot write beside {log.key_file}: {error.strerror}.") from error


def _rotated(settings: Settings, log: LogSettings) -> Rotated:
    old, coming, aside = log_signer(log), _coming(log), None
    if coming.key_file.exists():
        left = log_signer(coming)
        if left.verifier == old.verifier:
            # An earlier one was cut off at its very last step. It is finished; this one begins.
            durable.remove(coming.key_file)
        elif _with_store(settings, lambda store: _has_handed_over(store, old, left)):
            return Rotated(left.verifier, _moved(log, coming, old), was_finished=True)
        else:
            aside = _set_aside(log, coming, left)
    entropy = SystemEntropy()
    self_test(entropy)
    create_log_key(coming, entropy.draw(KEY_BYTES))
    new = log_signer(coming)
    _with_store(settings, lambda store: _hand_over(store, old, new))
    return Rotated(new.verifier, _moved(log, coming, old), set_aside=aside)


def coming_key(log: LogSettings) -> LogSettings | None:
    """Where the key of a rotation lies that has not come to its end; ``None`` where there is none."""
    coming = _coming(log)
    return coming if coming.key_file.exists() else None


def _coming(log: LogSettings) -> LogSettings:
    return msgspec.structs.replace(log, key_file=log.key_file.with_name(f"{log.key_file.name}.next"))


def _moved(log: LogSettings, coming: LogSettings, old: NoteSigner) -> Path:
    kept = log.key_file.with_name(f"{log.key_file.name}.{old.verifier.id.hex()}")
    move_key(log.key_file, coming.key_file, kept)
    return kept


def _set_aside(log: LogSettings, coming: LogSettings, left: NoteSigner) -> Path:
    """Not destroyed: a hand-over to it may still be on its way to the database, from a command that was killed."""
    aside = log.key_file.with_name(f"{log.key_file.name}.unused.{left.verifier.id.hex()}")
    coming.key_file.replace(aside)
    return aside


async def _has_handed_over(store: Store, old: NoteSigner, new: NoteSigner) -> bool:
    """Whether the log is by the new key; else it must be by the old one, or nothing is touched."""
    state = await store.book.state()
    if state is not None and is_signed(state, new):
        return True
    await require_log(store, old)
    return False


async def _hand_over(store: Store, old: NoteSigner, new: NoteSigner) -> None:
    for _ in range(_ATTEMPTS):
        state = await store.book.state()
        if state is not None and is_signed(state, new):
            return
        # False when a process of the service was faster.
        if await store.book.grow(handed_over(await require_log(store, old), old, new)):
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
