"""A few connections to one PostgreSQL, opened when they are needed: one statement each time, every wait bounded.

Each statement is a transaction of its own, so a failure means one of two things. The server said no: then nothing was
done, and what lost against another transaction is sent again. Or nobody knows: then a reading is sent again on a new
connection, and a writing makes the store unavailable, because it may have been done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own

from pteri.app.ports import StoreUnavailable

__all__ = ["OUTAGES", "USUAL", "Connections", "NotAsHoped", "Patience", "connect", "unavailable"]

_ATTEMPTS: Final = 10
_GRACE_S: Final = 2.0


OUTAGES: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What the driver says when a connection breaks, beside what the server says."""

_SETTINGS: Final = {
    # "durable": the log of writes is on the disk before a commit returns, whatever the server's default is. The one
    # stronger promise that there is stays.
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    # Every statement finds rows by whole keys: with these off, no plan that was made while a table was small walks
    # through all of it later, and all transactions lock rows in the order in which they name them.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
    # A plan for each call costs as much as the call, and finds what every plan finds: the keys.
    "plan_cache_mode": "force_generic_plan",
}
# A database that merely speaks PostgreSQL's protocol may not know all of them.
_SET: Final = """
    SELECT set_config(name, value, false)
    FROM unnest($1::text[], $2::text[]) AS wanted (name, value)
    WHERE name IN (SELECT name FROM pg_settings)
    AND NOT (name = 'synchronous_commit' AND current_setting(name) = 'remote_apply')
    """

_BUGS: Final = frozenset({"22", "23", "42"})
"""Classes of SQLSTATE that mean that we are wrong and not the world. Nobody catches these."""
_AGAIN: Final = frozenset({"40001", "40P01"})
"""Lost against another transaction, and surely not done."""
_HARMLESS: Final = _BUGS | {"40"}
"""Classes after which a connection is as good as before."""

T = TypeVar("T")
Work = Callable[[asyncpg.Connection], Awaitable[T]]


class NotAsHoped(Exception):
    """Raised in a transaction that is not to be, because a condition does not hold."""


def _always() -> bool:
    return True


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. ``connect_s``: for a new connection, or one that another caller has. ``answer_s``: for one statement."""

    connect_s: float = 5.0
    answer_s: float = 10.0


USUAL: Final = Patience()


async def connect(url: str, patience: Patience) -> asyncpg.Connection:
    """A new connection, set up for what the store promises. Raises what the driver raises."""
    async with asyncio.timeout(patience.connect_s):
        connection = await asyncpg.connect(
            url,
            timeout=patience.connect_s,
            command_timeout=patience.answer_s + _GRACE_S,
            max_cached_statement_lifetime=0,  # for as long as the connection lives
            server_settings={"application_name": "pteri"},
        )
    try:
        # The server gives up first: then it is known that nothing was done.
        wanted = {**_SETTINGS, "statement_timeout": str(round(patience.answer_s * 1000))}
        await connection.fetch(_SET, list(wanted), list(wanted.values()))
    except BaseException:
        connection.terminate()
        raise
    return connection


def unavailable(error: BaseException) -> StoreUnavailable:
    """The world failing, said once in the words of the port. Never the text of the error: it may hold values."""
    state = getattr(error, "sqlstate", None)
    return StoreUnavailable(f"the database failed: {type(error).__name__}{f' {state}' if state else ''}")


class Connections:
    """At most ``most`` connections at once. Belongs to the event loop it is used in."""

    def __init__(self, url: str, most: int, patience: Patience) -> None:
        self._url = url
        self._patience = patience
        self._turns = asyncio.Semaphore(most)
        self._idle: list[asyncpg.Connection] = []
        self._closed = False

    def __repr__(self) -> str:
        return "Connections(...)"  # the URL may hold a password

    def keep(self, connection: asyncpg.Connection) -> None:
        """Take over a connection that is open already."""
        self._idle.append(connection)

    async def read(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Rows of a statement that changes nothing, asked again when a connection breaks."""
        return await self._until_known(lambda connection: connection.fetch(query, *values), harmless=_always)

    async def write(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Rows of a statement that is durable when this returns, or was not done at all.

        Raises ``StoreUnavailable`` when nobody knows, or nothing could be done, and the driver's error for bugs.
        """
        return await self._until_known(lambda connection: connection.fetch(query, *values), harmless=_never)

    async def transaction(self, work: Work[T]) -> T:
        """What ``work`` returns, durable; nothing of it when it raises. It may be called again, on another connection.

        As :meth:`write`, and here it is known that nothing was done until the end of the transaction was asked for.
        """
        ending = False

        async def whole(connection: asyncpg.Connection) -> T:
            nonlocal ending
            ending = False
            await connection.execute("BEGIN")
            try:
                result = await work(connection)
            except Exception:
                if not connection.is_closed():
                    await connection.execute("ROLLBACK")
                raise
            ending = True
            await connection.execute("COMMIT")
            return result

        return await self._until_known(whole, harmless=lambda: not ending)

    async def _until_known(self, work: Work[T], *, harmless: Callable[[], bool]) -> T:
        """Try again what surely did nothing, and what does no harm when it is done twice."""
        for _ in range(_ATTEMPTS):
            try:
                return await self._once(work)
            except asyncpg.PostgresError as error:
                if str(error.sqlstate)[:2] in _BUGS:
                    raise
                failure: Exception = error
                if error.sqlstate not in _AGAIN and not harmless():
                    break
            except OUTAGES as error:
                failure = error
                if isinstance(error, TimeoutError) or not harmless():
                    break
        raise unavailable(failure) from failure

    async def _once(self, work: Work[T]) -> T:
        if self._closed:
            raise RuntimeError("the store is closed")
        if self._turns.locked():
            async with asyncio.timeout(self._patience.connect_s):
                await self._turns.acquire()
        else:
            await self._turns.acquire()
        try:
            connection = await self._connection()
            try:
                return await work(connection)
            except asyncpg.PostgresError as error:
                if str(error.sqlstate)[:2] not in _HARMLESS:
                    connection.terminate()  # the server is going down, or worse
                raise
            except NotAsHoped:
                raise
            except BaseException:
                connection.terminate()  # in the middle of something, and nobody waits for its end
                raise
            finally:
                self._give_back(connection)
        finally:
            self._turns.release()

    async def _connection(self) -> asyncpg.Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        return await connect(self._url, self._patience)

    def _give_back(self, connection: asyncpg.Connection) -> None:
        if self._closed:
            connection.terminate()
        elif not connection.is_closed():
            self._idle.append(connection)

    async def close(self) -> None:
        """Close what is open. What is still running is not waited for."""
        self._closed = True
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.close(timeout=self._patience.connect_s)
            except (asyncpg.PostgresError, *OUTAGES):
                connection.terminate()
