"""The registry in a PostgreSQL database, for any number of processes on any number of machines.

Every write is one statement under conditions, never a lock that is held while something else happens: two processes
that want the same account, nonce or key are told apart by the database, and the one that was late judges again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own

from pteri.adapters.store import codec, postgres_sql
from pteri.adapters.store.batched import BatchedReads
from pteri.adapters.store.connections import OUTAGES, USUAL, Connections, NotAsHoped, Patience, connect, unavailable
from pteri.adapters.store.consistency import at_most, check_consistency
from pteri.adapters.store.errors import StoreRefused
from pteri.adapters.store.judging import judge
from pteri.adapters.store.postgres_anchors import PostgresAnchors
from pteri.adapters.store.postgres_audits import PostgresAudits
from pteri.adapters.store.postgres_commit import READ_HELD, Asked, Step, guarded, steps
from pteri.adapters.store.postgres_keys import PostgresKeys
from pteri.adapters.store.postgres_log import PostgresLogBook
from pteri.adapters.store.postgres_schema import bring_up_to_date, is_postgresql_itself
from pteri.adapters.store.postgres_subscriptions import PostgresSubscriptions
from pteri.adapters.store.rows import (
    Held,
    Writes,
    address_of,
    answer_of,
    claimed_of,
    counter_key,
    delivery_of,
    delivery_row,
    keys_of,
    line_of,
)
from pteri.app.ports import Answer, Changeset, Claim, Claimed, Count, LogEntry, Outcome, StoreUnavailable
from pteri.core.ids import AccountId, Digest, IdempotencyKey, Nonce, RequestId, TenantId, Thumbprint
from pteri.domain.account import Account
from pteri.domain.addresses import Address
from pteri.domain.challenge import Challenge
from pteri.domain.kept_line import Heard, KeptLine
from pteri.domain.mailbox import Mailbox
from pteri.domain.records import Delivery, Notice, RecordedEvent, Telling

__all__ = ["PostgresStore"]

_CONNECTIONS: Final = 6
_MOST_PROMPTS: Final = 20
_ATTEMPTS: Final = 100
"""How often others may be faster before the store is unavailable. Each time one of them has got something done."""

_REFUSALS: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
"""What no waiting mends: wrong password, no such database, no right to make tables."""


class PostgresStore:
    """Keeps the promises of :class:`pteri.app.ports.Store`. Belongs to the event loop it was opened in."""

    def __init__(self, connections: Connections, *, in_steps: bool) -> None:
        self._connections = connections
        self._in_steps = in_steps
        self.anchors = PostgresAnchors(connections)
        self.subscriptions = PostgresSubscriptions(connections)
        self.keys = PostgresKeys(connections)
        self.book = PostgresLogBook(connections)
        self.audits = PostgresAudits(connections)
        self._answers = BatchedReads(connections.read, postgres_sql.ANSWERS)
        self._challenges = BatchedReads(connections.read, postgres_sql.CHALLENGES)
        self._with_accounts = BatchedReads(connections.read, postgres_sql.CHALLENGES_WITH_ACCOUNTS)
        self._accounts = BatchedReads(connections.read, postgres_sql.ACCOUNTS)
        self._owners = BatchedReads(connections.read, postgres_sql.OWNERS)
        self._spent = BatchedReads(connections.read, postgres_sql.SPENT)
        self._owned = BatchedReads(connections.read, postgres_sql.ACCOUNTS_BY_CLAIM)
        self._totals = BatchedReads(connections.read, postgres_sql.TOTALS)

    @classmethod
    async def open(cls, url: str, patience: Patience = USUAL, *, in_steps: bool | None = None) -> PostgresStore:
        """Open the store in the database at ``postgresql://user@host:5432/name``; an empty one becomes a store.

        Raises ``StoreRefused`` for a database that is of another program or a newer one, or does not let us in, and
        ``StoreUnavailable`` when it does not answer. The URL may hold a password, so it stands in no message.
        ``in_steps``: write with one statement a table; ``None``: with one for all where the database is PostgreSQL.
        """
        try:
            connection = await connect(url, patience)
        except (ValueError, OverflowError):
            raise StoreRefused("This is not the URL of a PostgreSQL database.") from None  # its text shows the URL
        except _REFUSALS as error:
            raise StoreRefused(f"The database does not let us in: {type(error).__name__}.") from error
        except (asyncpg.PostgresError, *OUTAGES) as error:
            raise unavailable(error) from error
        try:
            is_postgresql = await is_postgresql_itself(connection)
            await bring_up_to_date(connection, tuned=is_postgresql)
        except _REFUSALS as error:
            connection.terminate()
            raise StoreRefused("This user may not make tables in the database.") from error
        except (asyncpg.PostgresError, *OUTAGES) as error:
            connection.terminate()
            raise unavailable(error) from error
        except BaseException:
            connection.terminate()
            raise
        connections = Connections(url, _CONNECTIONS, patience)
        connections.keep(connection)
        return cls(connections, in_steps=not is_postgresql if in_steps is None else in_steps)

    async def commit(self, batch: Sequence[Changeset]) -> list[Outcome]:
        """Make these changesets durable in one transaction, in order, each with its own outcome."""
        for changeset in batch:
            check_consistency(changeset)
        judged = judge(batch, Held(hoped=True))
        done = judged.all_committed and (judged.writes is None or await self._written(judged.writes))
        for _ in range(_ATTEMPTS):
            if done:
                return judged.outcomes
            asked = Asked(keys_of(batch))
            judged = judge(batch, asked.held(await self._connections.read(READ_HELD, *asked.arrays())))
            done = judged.writes is None or await self._written(judged.writes)
        raise StoreUnavailable("others changed the same things all the time")

    async def _written(self, writes: Writes) -> bool:
        """Whether all of it is durable now; false when a condition did not hold, and then nothing is."""
        try:
            if self._in_steps:
                await self._written_in_steps(steps(writes))
            elif (whole := guarded(writes)) is not None:
                statement, arrays = whole
                await self._connections.write(statement, *arrays)
        except (asyncpg.DivisionByZeroError, NotAsHoped):
            return False
        return True

    async def _written_in_steps(self, wanted: Sequence[Step]) -> None:
        async def work(connection: asyncpg.Connection) -> None:
            for step in wanted:
                given = await connection.fetch(step.statement, *step.arrays)
                if step.rows is not None and len(given) != step.rows:
                    raise NotAsHoped

        if wanted:
            await self._connections.transaction(work)

    async def answer(self, tenant: TenantId, caller: Thumbprint, key: IdempotencyKey) -> Answer | None:
        """What was answered to this caller's request with this key."""
        row = await self._answers.row(tenant, caller, key)
        if row is None:
            return None
        found = (row["request_sha256"], row["status"], row["body"], row["at"], row["on_log"])
        return answer_of((tenant, caller, key), found)

    async def challenge(self, tenant: TenantId, request: RequestId) -> Challenge | None:
        """The challenge with this id."""
        row = await self._challenges.row(tenant, request)
        return None if row is None else codec.decode_challenge(row["payload"])

    async def challenge_and_account(
        self, tenant: TenantId, request: RequestId, otherwise: AccountId | None = None
    ) -> tuple[Challenge | None, Account | None]:
        """The challenge with this id, and the account it is for; where there is none, the account ``otherwise``."""
        row = await self._with_accounts.row(tenant, request, otherwise or "")
        if row is None:
            return None, None
        payload, state = row["payload"], row["state"]
        return (
            None if payload is None else codec.decode_challenge(payload),
            None if state is None else codec.decode_account(state),
        )

    async def prompts(self, tenant: TenantId, account: AccountId, at: int) -> list[Challenge]:
        """Live, prompted, unanswered sign-ins of an account, newest first, at most 20."""
        rows = await self._connections.read(postgres_sql.PROMPTS, tenant, account, at, _MOST_PROMPTS)
        return [codec.decode_challenge(row["payload"]) for row in rows]

    async def account(self, tenant: TenantId, account: AccountId) -> Account | None:
        """The account as last committed."""
        row = await self._accounts.row(tenant, account)
        return None if row is None else codec.decode_account(row["state"])

    async def owner(self, tenant: TenantId, claim: Claim) -> AccountId | None:
        """Which account holds this claim."""
        row = await self._owners.row(tenant, claim.kind.value, claim.value)
        return None if row is None else AccountId(row["account"])

    async def claims(self, after: tuple[str, str, str] | None, limit: int) -> list[Claimed]:
        """All claims in order of (tenant, kind, value), after the given one: for checks over everything."""
        rows = await self._connections.read(postgres_sql.ALL_CLAIMS, *(after or ("", "", "")), at_most(limit))
        return [claimed_of(tuple(row)) for row in rows]

    async def is_spent(self, tenant: TenantId, nonce: Nonce) -> bool:
        """Whether this nonce was spent."""
        return await self._spent.row(tenant, nonce) is not None

    async def account_of(self, tenant: TenantId, claim: Claim) -> Account | None:
        """The account that holds this claim, as last committed."""
        row = await self._owned.row(tenant, claim.kind.value, claim.value)
        return None if row is None else codec.decode_account(row["state"])

    async def count(self, tenant: TenantId, count: Count) -> int:
        """How many its window holds now."""
        row = await self._totals.row(*counter_key(tenant, count))
        return 0 if row is None else row["total"]

    async def history(self, tenant: TenantId, account: AccountId, after_seq: int, limit: int) -> list[RecordedEvent]:
        """Events of an account in order, after ``after_seq``."""
        rows = await self._connections.read(postgres_sql.HISTORY, tenant, account, after_seq, at_most(limit))
        return [codec.decode_recorded(row["payload"]) for row in rows]

    async def positions(
        self, tenant: TenantId, account: AccountId, after_seq: int, limit: int
    ) -> list[tuple[int, int | None]]:
        """``seq`` of the events after ``after_seq`` in order, each with its log position or ``None``."""
        rows = await self._connections.read(postgres_sql.POSITIONS, tenant, account, after_seq, at_most(limit))
        return [(row["seq"], row["position"]) for row in rows]

    async def notices(self, tenant: TenantId, account: AccountId, at: int, limit: int) -> list[Notice]:
        """Those that are to be told by ``at``, newest first."""
        rows = await self._connections.read(postgres_sql.NOTICES, tenant, account, at, at_most(limit))
        return [codec.decode_notice(row["payload"]) for row in rows]

    async def untold(self, at: int, limit: int) -> list[Notice]:
        """Notices whose time has come and that nobody dealt with, oldest first."""
        rows = await self._connections.read(postgres_sql.UNTOLD, at, at_most(limit))
        return [codec.decode_notice(row["payload"]) for row in rows]

    async def tell(self, tenant: TenantId, tellings: Sequence[Telling]) -> None:
        """Give those that are told the next places of this tenant; nobody deals with any of them again.

        Of two at once one finds its places taken, and reads again.
        """
        for _ in range(_ATTEMPTS):
            try:
                return await self._connections.transaction(lambda each: _told(each, tenant, tellings))
            except asyncpg.UniqueViolationError:
                continue
        raise StoreUnavailable("others took the same places all the time")

    async def told(self, tenant: TenantId, after: int, limit: int) -> list[tuple[int, Notice]]:
        """Notices of a tenant with their places, in order, after this one."""
        rows = await self._connections.read(postgres_sql.TOLD_AFTER, tenant, after, at_most(limit))
        return [(row["place"], codec.decode_notice(row["payload"])) for row in rows]

    async def deliveries(self, at: int, limit: int) -> list[tuple[Delivery, Notice]]:
        """Deliveries that are due, the longest due first."""
        rows = await self._connections.read(postgres_sql.DELIVERIES, at, at_most(limit))
        return [(delivery_of(tuple(row)), codec.decode_notice(row["payload"])) for row in rows]

    async def delivered(self, done: Sequence[Delivery], later: Sequence[Delivery]) -> None:
        """Those that are done are over; those for later are as they say now, where they are not over."""

        async def work(connection: asyncpg.Connection) -> None:
            await connection.execute(postgres_sql.DELIVERED, *_columns(done)[:4])
            await connection.execute(postgres_sql.LATER, *_columns(later))

        await self._connections.transaction(work)

    async def sequence(self, limit: int) -> int:
        """Give log positions to at most ``limit`` committed events that have none; how many got one.

        Promised is the order within each account; across accounts it is the order of their keys, not of time. Of two
        sequencers at once one finds its positions taken, and reads again.
        """
        for _ in range(_ATTEMPTS):
            try:
                if self._in_steps:
                    return await self._connections.transaction(lambda each: _sequenced_in_steps(each, at_most(limit)))
                [row] = await self._connections.write(postgres_sql.SEQUENCE, at_most(limit))
                return int(row["taken"])
            except asyncpg.UniqueViolationError:
                continue
        raise StoreUnavailable("other sequencers took the same positions all the time")

    async def log(self, from_position: int, limit: int) -> list[LogEntry]:
        """The log in order of position."""
        rows = await self._connections.read(postgres_sql.LOG, from_position, at_most(limit))
        return [LogEntry(row["position"], codec.decode_recorded(row["payload"])) for row in rows]

    async def accounts(self, after: tuple[str, str] | None, limit: int) -> list[Account]:
        """All accounts in order of (tenant, id), after the given one: for checks over everything."""
        rows = await self._connections.read(postgres_sql.ALL_ACCOUNTS, *(after or ("", "")), at_most(limit))
        return [codec.decode_account(row["state"]) for row in rows]

    async def lease(self, name: str, holder: str, *, at: int, until: int) -> bool:
        """Whether ``holder`` has the lease ``name`` from ``at`` to ``until``: new, prolonged or taken over."""
        return bool(await self._connections.write(postgres_sql.LEASE, name, holder, until, at))

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back early, if this holder has it."""
        await self._connections.write(postgres_sql.RELEASE, name, holder)

    async def pin(self, name: str, value: str) -> str:
        """The value that was pinned first under this name, for ever; this one, if there was none."""
        await self._connections.write(postgres_sql.PIN, name, value)
        [row] = await self._connections.read(postgres_sql.PINNED, name)
        return str(row["value"])

    async def unfinished(self, before: int, limit: int) -> list[Challenge]:
        """Approved sign-ins that ended before Unix second ``before`` without their code, oldest first."""
        rows = await self._connections.read(postgres_sql.UNFINISHED, before, at_most(limit))
        return [codec.decode_challenge(row["payload"]) for row in rows]

    async def forget_answers(self, before: int, limit: int) -> int:
        """Drop at most ``limit`` answers, challenges and counters that ended before ``before``; how many."""
        left = at_most(limit)
        for statement in postgres_sql.FORGET:
            [row] = await self._connections.write(statement, before, left)
            left -= row["gone"]
        return limit - left

    async def mailbox(self, tenant: TenantId, mailbox_id: str) -> Mailbox | None:
        """The mailbox with this id, also one that has ended."""
        rows = await self._connections.read(postgres_sql.MAILBOX, tenant, mailbox_id)
        return codec.decode_mailbox(tenant, mailbox_id, tuple(rows[0])) if rows else None

    async def keep_mailbox(self, mailbox: Mailbox) -> bool:
        """Whether this mailbox is durable now: new, or in the place of the version before its own."""
        statement = postgres_sql.NEW_MAILBOX if mailbox.version == 1 else postgres_sql.CHANGED_MAILBOX
        values = (mailbox.tenant, mailbox.id, mailbox.version, mailbox.expires_at, codec.encode(mailbox))
        return bool(await self._connections.write(statement, *values))

    async def forget_mailboxes(self, ended_before: int, gone_before: int, limit: int) -> int:
        """Empty mailboxes that ended before the one second, drop those that did before the other; how many."""
        [emptied] = await self._connections.write(postgres_sql.EMPTY_MAILBOXES, ended_before, at_most(limit))
        [dropped] = await self._connections.write(postgres_sql.DROP_MAILBOXES, gone_before, at_most(limit))
        return int(emptied["gone"]) + int(dropped["gone"])

    async def addresses(self, tenant: TenantId, account: AccountId) -> list[Address]:
        """The kept addresses of an account, the oldest first."""
        rows = await self._connections.read(postgres_sql.ADDRESSES, tenant, account)
        return [address_of(tuple(row)) for row in rows]

    async def forget_addresses(self, before: int, limit: int) -> int:
        """Drop at most ``limit`` addresses that ended before ``before``; how many."""
        [dropped] = await self._connections.write(postgres_sql.DROP_ADDRESSES, before, at_most(limit))
        return int(dropped["gone"])

    async def line(self, tenant: TenantId, account: AccountId) -> tuple[KeptLine, Heard | None] | None:
        """The kept line of an account, and what operators last said of it."""
        rows = await self._connections.read(postgres_sql.LINE, tenant, account)
        return line_of(tuple(rows[0])) if rows else None

    async def accounts_of_line(self, tenant: TenantId, mac: Digest, limit: int) -> list[AccountId]:
        """At most ``limit`` accounts whose line has this keyed hash, in order."""
        rows = await self._connections.read(postgres_sql.ACCOUNTS_OF_LINE, tenant, mac, at_most(limit))
        return [AccountId(row["account"]) for row in rows]

    async def accounts_of_chip(self, tenant: TenantId, chip: Digest, limit: int) -> list[AccountId]:
        """At most ``limit`` accounts whose chip has this keyed hash, in order."""
        rows = await self._connections.read(postgres_sql.ACCOUNTS_OF_CHIP, tenant, chip, at_most(limit))
        return [AccountId(row["account"]) for row in rows]

    async def hear(self, tenant: TenantId, account: AccountId, heard: Heard) -> None:
        """Keep what operators said, unless something later is kept of the same line."""
        payload = codec.encode(heard)
        await self._connections.write(postgres_sql.HEAR, tenant, account, heard.esim, heard.asked_at, payload)

    async def close(self) -> None:
        """Release the database."""
        await self._connections.close()


def _columns(deliveries: Sequence[Delivery]) -> list[list[Any]]:
    """An array for each column, in the order of the rows' keys."""
    rows = sorted(map(delivery_row, deliveries))
    return [[row[place] for row in rows] for place in range(7)]


async def _told(connection: asyncpg.Connection, tenant: TenantId, tellings: Sequence[Telling]) -> None:
    told = [each for each in tellings if each.is_told]
    free = await connection.fetchval(postgres_sql.FREE_PLACE, tenant)
    places = list(range(free, free + len(told)))
    placed = await connection.fetch(
        postgres_sql.TELL, tenant, places, [each.account for each in told], [each.notice for each in told]
    )
    new = {(row["account"], row["id"]) for row in placed}
    deliveries = [each for telling in told if (telling.account, telling.notice) in new for each in telling.deliveries]
    await connection.execute(postgres_sql.DELIVERY, *_columns(deliveries))
    dealt_with = sorted((each.account, each.notice) for each in tellings)
    await connection.execute(
        postgres_sql.DEALT_WITH, tenant, [account for account, _ in dealt_with], [notice for _, notice in dealt_with]
    )


async def _sequenced_in_steps(connection: asyncpg.Connection, limit: int) -> int:
    keys = await connection.fetch(postgres_sql.UNSEQUENCED, limit)
    if keys:
        columns = list(zip(*keys, strict=True))
        free = await connection.fetchval(postgres_sql.FREE_POSITION)
        await connection.execute(postgres_sql.POSITIONED, list(range(free, free + len(keys))), *columns)
        await connection.execute(postgres_sql.UNMARKED, *columns)
    return len(keys)
