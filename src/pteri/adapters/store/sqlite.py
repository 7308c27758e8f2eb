"""The registry in one SQLite file.

Every call runs to its end in the thread of the event loop. That is on purpose: a commit shared by many requests costs
less than handing it to another thread and back, and a method that never awaits cannot be cancelled inside its
transaction. Any number of stores, in any number of processes, may have the same file open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from pteri import durable
from pteri.adapters.store import codec, file
from pteri.adapters.store.consistency import at_most, check_consistency
from pteri.adapters.store.judging import judge
from pteri.adapters.store.rows import (
    Held,
    address_of,
    answer_of,
    claimed_of,
    counter_key,
    delivery_of,
    delivery_row,
    keys_of,
    line_of,
)
from pteri.adapters.store.sqlite_anchors import SqliteAnchors
from pteri.adapters.store.sqlite_audits import SqliteAudits
from pteri.adapters.store.sqlite_commit import READ_ANSWER, READ_TOTAL, read_held, write
from pteri.adapters.store.sqlite_keys import SqliteKeys
from pteri.adapters.store.sqlite_log import SqliteLogBook
from pteri.adapters.store.sqlite_subscriptions import SqliteSubscriptions
from pteri.app.ports import (
    Answer,
    Changeset,
    Claim,
    Claimed,
    Count,
    LogEntry,
    Outcome,
    RecordUnreadable,
    StoreUnavailable,
)
from pteri.core.ids import AccountId, Digest, IdempotencyKey, Nonce, RequestId, TenantId, Thumbprint
from pteri.domain.account import Account
from pteri.domain.addresses import Address
from pteri.domain.challenge import Challenge
from pteri.domain.kept_line import Heard, KeptLine
from pteri.domain.mailbox import Mailbox
from pteri.domain.records import Delivery, Notice, RecordedEvent, Telling

__all__ = ["SqliteStore"]

_BUSY_S: Final = 5.0
"""How long a writer waits for one that does not queue, as an operator's tool, before the store is unavailable."""
_MOST_PROMPTS: Final = 20

_BUGS: Final = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
)
"""What SQLite says when we are wrong and not the disk. Nobody catches these."""

_FORGET: Final = (
    """
    DELETE FROM answers WHERE (tenant, caller, key) IN
        (SELECT tenant, caller, key FROM answers WHERE at < ? ORDER BY at LIMIT ?)
    """,
    """
    DELETE FROM challenges WHERE (tenant, id) IN
        (SELECT tenant, id FROM challenges WHERE expires_at < ? AND NOT (approved = 1 AND EXISTS
            (SELECT 1 FROM halted WHERE halted.tenant = challenges.tenant AND halted.account = challenges.account))
        ORDER BY expires_at LIMIT ?)
    """,
    """
    DELETE FROM counters WHERE (tenant, kind, subject, window_s, ends_at) IN
        (SELECT tenant, kind, subject, window_s, ends_at FROM counters WHERE ends_at < ? ORDER BY ends_at LIMIT ?)
    """,
)
"""Never the spent nonces: what was signed once stays signed once."""

_NEW_MAILBOX: Final = """
    INSERT INTO mailboxes (tenant, id, version, expires_at, payload)
    VALUES (:tenant, :id, :version, :expires_at, :payload) ON CONFLICT DO NOTHING
    """
_CHANGED_MAILBOX: Final = """
    UPDATE mailboxes SET version = :version, payload = :payload, expires_at = :expires_at
    WHERE tenant = :tenant AND id = :id AND version = :version - 1 AND payload IS NOT NULL
    """
_EMPTY_MAILBOXES: Final = """
    UPDATE mailboxes SET payload = NULL WHERE (tenant, id) IN
        (SELECT tenant, id FROM mailboxes WHERE expires_at < ? AND payload IS NOT NULL LIMIT ?)
    """
_DROP_MAILBOXES: Final = """
    DELETE FROM mailboxes WHERE (tenant, id) IN (SELECT tenant, id FROM mailboxes WHERE expires_at < ? LIMIT ?)
    """
_UNTOLD: Final = """
    SELECT notices.payload FROM untold
    JOIN notices ON notices.tenant = untold.tenant AND notices.account = untold.account AND notices.id = untold.id
    WHERE untold.at <= ? ORDER BY untold.at, untold.tenant, untold.account, untold.id LIMIT ?
    """
_FREE_PLACE: Final = "SELECT COALESCE(MAX(place), 0) + 1 FROM told WHERE tenant = ?"
# A notice that has a place keeps it; a place that is taken is an error.
_TOLD: Final = """
    INSERT INTO told (tenant, place, account, id) VALUES (?, ?, ?, ?) ON CONFLICT (tenant, account, id) DO NOTHING
    """
_DEALT_WITH: Final = "DELETE FROM untold WHERE tenant = ? AND account = ? AND id = ?"
_DELIVERY: Final = """
    INSERT INTO deliveries (tenant, account, id, channel, next_at, gives_up_at, attempts) VALUES (?, ?, ?, ?, ?, ?, ?)
    """
_DELIVERIES: Final = """
    SELECT deliveries.tenant, deliveries.account, deliveries.id, deliveries.channel, deliveries.next_at,
        deliveries.gives_up_at, deliveries.attempts, notices.payload
    FROM deliveries
    JOIN notices ON notices.tenant = deliveries.tenant AND notices.account = deliveries.account
        AND notices.id = deliveries.id
    WHERE deliveries.next_at <= ?
    ORDER BY deliveries.next_at, deliveries.tenant, deliveries.account, deliveries.id, deliveries.channel LIMIT ?
    """
_DELIVERED: Final = "DELETE FROM deliveries WHERE tenant = ? AND account = ? AND id = ? AND channel = ?"
_LATER: Final = """
    UPDATE deliveries SET next_at = ?, attempts = ? WHERE tenant = ? AND account = ? AND id = ? AND channel = ?
    """
_TOLD_AFTER: Final = """
    SELECT told.place, notices.payload FROM told
    JOIN notices ON notices.tenant = told.tenant AND notices.account = told.account AND notices.id = told.id
    WHERE told.tenant = ? AND told.place > ? ORDER BY told.place LIMIT ?
    """
_LINE: Final = """
    SELECT lines.tenant, lines.account, lines.esim, lines.sealed, lines.mac, lines.mac_key, heard.payload FROM lines
    LEFT JOIN heard ON heard.tenant = lines.tenant AND heard.account = lines.account AND heard.esim = lines.esim
    WHERE lines.tenant = ? AND lines.account = ?
    """
_HEAR: Final = """
    INSERT INTO heard (tenant, account, esim, asked_at, payload) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (tenant, account) DO UPDATE SET
        esim = excluded.esim, asked_at = excluded.asked_at, payload = excluded.payload
    WHERE heard.esim <> excluded.esim OR heard.asked_at < excluded.asked_at
    """
_DROP_ADDRESSES: Final = """
    DELETE FROM addresses WHERE (tenant, account, channel) IN
        (SELECT tenant, account, channel FROM addresses WHERE ends_at < ? ORDER BY ends_at LIMIT ?)
    """


class SqliteStore:
    """Keeps the promises of :class:`pteri.app.ports.Store`. Belongs to the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection, turn: Path) -> None:
        self._connection = connection
        self._turn = turn
        self.anchors = SqliteAnchors(self._rows, self._transaction)
        self.subscriptions = SqliteSubscriptions(self._rows, self._transaction)
        self.keys = SqliteKeys(self._rows, self._transaction)
        self.book = SqliteLogBook(self._rows, self._transaction)
        self.audits = SqliteAudits(self._rows, self._transaction)

    @classmethod
    def open(cls, path: Path) -> SqliteStore:
        """Open the store in this file, made with mode 0600 where there is none.

        Raises ``StoreRefused`` for a file that is not a store or is one of a newer program.
        """
        with _translated():
            return cls(file.connect(path, busy_s=_BUSY_S), turn=path.with_name(f"{path.name}.lock"))

    async def commit(self, batch: Sequence[Changeset]) -> list[Outcome]:
        """Make these changesets durable in one transaction, in order, each with its own outcome."""
        for changeset in batch:
            check_consistency(changeset)
        hoped = judge(batch, Held(hoped=True))
        with self._transaction() as connection:
            if hoped.all_committed:
                if hoped.writes is None or write(connection, hoped.writes):
                    return hoped.outcomes
                self._roll_back()
                connection.execute("BEGIN IMMEDIATE")
            judged = judge(batch, read_held(connection, keys_of(batch)))
            if judged.writes is None:
                self._roll_back()  # nothing to keep: a flood of refused requests must not cost disk writes
            elif not write(connection, judged.writes):
                raise AssertionError("nobody else writes, and still a row was not as it was read")
            return judged.outcomes

    async def answer(self, tenant: TenantId, caller: Thumbprint, key: IdempotencyKey) -> Answer | None:
        """What was answered to this caller's request with this key."""
        asked = (tenant, caller, key)
        found = self._rows(READ_ANSWER, *asked)
        return answer_of(asked, found[0]) if found else None

    async def challenge(self, tenant: TenantId, request: RequestId) -> Challenge | None:
        """The challenge with this id."""
        found = self._texts("SELECT payload FROM challenges WHERE tenant = ? AND id = ?", tenant, request)
        return codec.decode_challenge(found[0]) if found else None

    async def prompts(self, tenant: TenantId, account: AccountId, at: int) -> list[Challenge]:
        """Live, prompted, unanswered sign-ins of an account, newest first, at most 20."""
        found = self._texts(
            """
            SELECT payload FROM challenges
            WHERE tenant = ? AND account = ? AND waits = 2 AND issued_at <= ? AND expires_at > ?
            ORDER BY issued_at DESC, id LIMIT ?
            """,
            *(tenant, account, at, at, _MOST_PROMPTS),
        )
        return [codec.decode_challenge(text) for text in found]

    async def account(self, tenant: TenantId, account: AccountId) -> Account | None:
        """The account as last committed."""
        found = self._texts("SELECT state FROM accounts WHERE tenant = ? AND account = ?", tenant, account)
        return codec.decode_account(found[0]) if found else None

    async def owner(self, tenant: TenantId, claim: Claim) -> AccountId | None:
        """Which account holds this claim."""
        found = self._texts(
            "SELECT account FROM claims WHERE tenant = ? AND kind = ? AND value = ?", tenant, claim.kind, claim.value
        )
        return AccountId(found[0]) if found else None

    async def claims(self, after: tuple[str, str, str] | None, limit: int) -> list[Claimed]:
        """All claims in order of (tenant, kind, value), after the given one: for checks over everything."""
        found = self._rows(
            """
            SELECT tenant, kind, value, account, mac_key, bond FROM claims
            WHERE (tenant, kind, value) > (?, ?, ?) ORDER BY tenant, kind, value LIMIT ?
            """,
            *(after or ("", "", "")),
            at_most(limit),
        )
        return [claimed_of(row) for row in found]

    async def is_spent(self, tenant: TenantId, nonce: Nonce) -> bool:
        """Whether this nonce was spent."""
        return bool(self._rows("SELECT 1 FROM spent WHERE tenant = ? AND nonce = ?", tenant, nonce))

    async def account_of(self, tenant: TenantId, claim: Claim) -> Account | None:
        """The account that holds this claim, as last committed."""
        found = self._texts(
            """
            SELECT accounts.state FROM claims
            JOIN accounts ON accounts.tenant = claims.tenant AND accounts.account = claims.account
            WHERE claims.tenant = ? AND claims.kind = ? AND claims.value = ?
            """,
            *(tenant, claim.kind, claim.value),
        )
        return codec.decode_account(found[0]) if found else None

    async def challenge_and_account(
        self, tenant: TenantId, request: RequestId, otherwise: AccountId | None = None
    ) -> tuple[Challenge | None, Account | None]:
        """The challenge with this id, and the account it is for; where there is none, the account ``otherwise``."""
        [(challenge, account)] = self._rows(
            """
            SELECT challenges.payload, accounts.state FROM (SELECT 1)
            LEFT JOIN challenges ON challenges.tenant = ?1 AND challenges.id = ?2
            LEFT JOIN accounts ON accounts.tenant = ?1
            AND accounts.account = CASE WHEN challenges.id IS NULL THEN ?3 ELSE challenges.account END
            """,
            *(tenant, request, otherwise or ""),
        )
        return (
            None if challenge is None else codec.decode_challenge(challenge),
            None if account is None else codec.decode_account(account),
        )

    async def count(self, tenant: TenantId, count: Count) -> int:
        """How many its window holds now."""
        found = self._rows(READ_TOTAL, *counter_key(tenant, count))
        return found[0][0] if found else 0

    async def history(self, tenant: TenantId, account: AccountId, after_seq: int, limit: int) -> list[RecordedEvent]:
        """Events of an account in order, after ``after_seq``."""
        found = self._texts(
            "SELECT payload FROM events WHERE tenant = ? AND account = ? AND seq > ? ORDER BY seq LIMIT ?",
            *(tenant, account, after_seq, at_most(limit)),
        )
        return [codec.decode_recorded(text) for text in found]

    async def positions(
        self, tenant: TenantId, account: AccountId, after_seq: int, limit: int
    ) -> list[tuple[int, int | None]]:
        """``seq`` of the events after ``after_seq`` in order, each with its log position or ``None``."""
        return self._rows(
            """
            SELECT events.seq, log.position FROM events
            LEFT JOIN log ON log.tenant = events.tenant AND log.account = events.account AND log.seq = events.seq
            WHERE events.tenant = ? AND events.account = ? AND events.seq > ? ORDER BY events.seq LIMIT ?
            """,
            *(tenant, account, after_seq, at_most(limit)),
        )

    async def notices(self, tenant: TenantId, account: AccountId, at: int, limit: int) -> list[Notice]:
        """Those that are to be told by ``at``, newest first."""
        found = self._texts(
            "SELECT payload FROM notices WHERE tenant = ? AND account = ? AND at <= ? ORDER BY at DESC, id LIMIT ?",
            *(tenant, account, at, at_most(limit)),
        )
        return [codec.decode_notice(text) for text in found]

    async def untold(self, at: int, limit: int) -> list[Notice]:
        """Notices whose time has come and that nobody dealt with, oldest first."""
        found = self._texts(_UNTOLD, at, at_most(limit))
        return [codec.decode_notice(text) for text in found]

    async def tell(self, tenant: TenantId, tellings: Sequence[Telling]) -> None:
        """Give those that are told the next places of this tenant; nobody deals with any of them again."""
        with self._transaction() as connection:
            [(free,)] = connection.execute(_FREE_PLACE, (tenant,)).fetchall()
            for place, each in enumerate((each for each in tellings if each.is_told), start=free):
                if connection.execute(_TOLD, (tenant, place, each.account, each.notice)).rowcount == 1:
                    connection.executemany(_DELIVERY, [delivery_row(delivery) for delivery in each.deliveries])
            connection.executemany(_DEALT_WITH, [(tenant, each.account, each.notice) for each in tellings])

    async def told(self, tenant: TenantId, after: int, limit: int) -> list[tuple[int, Notice]]:
        """Notices of a tenant with their places, in order, after this one."""
        found = self._rows(_TOLD_AFTER, tenant, after, at_most(limit))
        return [(place, codec.decode_notice(text)) for place, text in found]

    async def deliveries(self, at: int, limit: int) -> list[tuple[Delivery, Notice]]:
        """Deliveries that are due, the longest due first."""
        found = self._rows(_DELIVERIES, at, at_most(limit))
        return [(delivery_of(row), codec.decode_notice(row[-1])) for row in found]

    async def delivered(self, done: Sequence[Delivery], later: Sequence[Delivery]) -> None:
        """Those that are done are over; those for later are as they say now, where they are not over."""
        with self._transaction() as connection:
            connection.executemany(_DELIVERED, [delivery_row(each)[:4] for each in done])
            connection.executemany(_LATER, [(each.next_at, each.attempts, *delivery_row(each)[:4]) for each in later])

    async def sequence(self, limit: int) -> int:
        """Give log positions to at most ``limit`` committed events that have none; how many got one.

        Promised is the order within each account; across accounts it is the order of their keys, not of time.
        """
        with self._transaction() as connection:
            keys: list[tuple[str, str, int]] = connection.execute(
                "SELECT tenant, account, seq FROM unsequenced ORDER BY tenant, account, seq LIMIT ?",
                (at_most(limit),),
            ).fetchall()
            [(free,)] = connection.execute("SELECT COALESCE(MAX(position) + 1, 0) FROM log").fetchall()
            connection.executemany(
                "INSERT INTO log (position, tenant, account, seq) VALUES (?, ?, ?, ?)",
                [(position, *key) for position, key in enumerate(keys, start=free)],
            )
            connection.executemany("DELETE FROM unsequenced WHERE tenant = ? AND account = ? AND seq = ?", keys)
            return len(keys)

    async def log(self, from_position: int, limit: int) -> list[LogEntry]:
        """The log in order of position."""
        found = self._rows(
            """
            SELECT log.position, events.payload FROM log
            JOIN events ON events.tenant = log.tenant AND events.account = log.account AND events.seq = log.seq
            WHERE log.position >= ? ORDER BY log.position LIMIT ?
            """,
            *(from_position, at_most(limit)),
        )
        return [LogEntry(position, codec.decode_recorded(text)) for position, text in found]

    async def accounts(self, after: tuple[str, str] | None, limit: int) -> list[Account]:
        """All accounts in order of (tenant, id), after the given one: for checks over everything."""
        found = self._texts(
            "SELECT state FROM accounts WHERE (tenant, account) > (?, ?) ORDER BY tenant, account LIMIT ?",
            *(after or ("", "")),
            at_most(limit),
        )
        return [codec.decode_account(text) for text in found]

    async def lease(self, name: str, holder: str, *, at: int, until: int) -> bool:
        """Whether ``holder`` has the lease ``name`` from ``at`` to ``until``: new, prolonged or taken over."""
        with self._transaction() as connection:
            done = connection.execute(
                """
                INSERT INTO leases (name, holder, until) VALUES (?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
                WHERE leases.holder = excluded.holder OR leases.until <= ?
                """,
                (name, holder, until, at),
            )
            return done.rowcount == 1

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back early, if this holder has it."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM leases WHERE name = ? AND holder = ?", (name, holder))

    async def pin(self, name: str, value: str) -> str:
        """The value that was pinned first under this name, for ever; this one, if there was none."""
        with self._transaction() as connection:
            connection.execute("INSERT INTO pins (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value))
        [pinned] = self._texts("SELECT value FROM pins WHERE name = ?", name)
        return pinned

    async def unfinished(self, before: int, limit: int) -> list[Challenge]:
        """Approved sign-ins that ended before Unix second ``before`` without their code, oldest first."""
        found = self._texts(
            """
            SELECT payload FROM challenges WHERE expires_at < ? AND approved = 1 AND NOT EXISTS
                (SELECT 1 FROM halted WHERE halted.tenant = challenges.tenant AND halted.account = challenges.account)
            ORDER BY expires_at LIMIT ?
            """,
            *(before, at_most(limit)),
        )
        return [codec.decode_challenge(text) for text in found]

    async def forget_answers(self, before: int, limit: int) -> int:
        """Drop at most ``limit`` recorded answers and dead challenges older than Unix second ``before``; how many.

        Counters of windows that ended before then count among them: they can be asked for no more.
        """
        left = at_most(limit)
        with self._transaction() as connection:
            for statement in _FORGET:
                left -= connection.execute(statement, (before, left)).rowcount
        return limit - left

    async def mailbox(self, tenant: TenantId, mailbox_id: str) -> Mailbox | None:
        """The mailbox with this id, also one that has ended."""
        found = self._rows(
            "SELECT version, expires_at, payload FROM mailboxes WHERE tenant = ? AND id = ?", tenant, mailbox_id
        )
        return codec.decode_mailbox(tenant, mailbox_id, found[0]) if found else None

    async def keep_mailbox(self, mailbox: Mailbox) -> bool:
        """Whether this mailbox is durable now: new, or in the place of the version before its own."""
        statement = _NEW_MAILBOX if mailbox.version == 1 else _CHANGED_MAILBOX
        with self._transaction() as connection:
            done = connection.execute(
                statement,
                {
                    "tenant": mailbox.tenant,
                    "id": mailbox.id,
                    "version": mailbox.version,
                    "expires_at": mailbox.expires_at,
                    "payload": codec.encode(mailbox),
                },
            )
            return done.rowcount == 1

    async def forget_mailboxes(self, ended_before: int, gone_before: int, limit: int) -> int:
        """Empty mailboxes that ended before the one second, drop those that did before the other; how many."""
        with self._transaction() as connection:
            emptied = connection.execute(_EMPTY_MAILBOXES, (ended_before, at_most(limit)))
            dropped = connection.execute(_DROP_MAILBOXES, (gone_before, at_most(limit)))
            return emptied.rowcount + dropped.rowcount

    async def addresses(self, tenant: TenantId, account: AccountId) -> list[Address]:
        """The kept addresses of an account, the oldest first."""
        found = self._rows(
            """
            SELECT tenant, account, channel, sealed, since, ends_at FROM addresses
            WHERE tenant = ? AND account = ? ORDER BY since, channel
            """,
            *(tenant, account),
        )
        return [address_of(row) for row in found]

    async def forget_addresses(self, before: int, limit: int) -> int:
        """Drop at most ``limit`` addresses that ended before ``before``; how many."""
        with self._transaction() as connection:
            return connection.execute(_DROP_ADDRESSES, (before, at_most(limit))).rowcount

    async def line(self, tenant: TenantId, account: AccountId) -> tuple[KeptLine, Heard | None] | None:
        """The kept line of an account, and what operators last said of it."""
        rows = self._rows(_LINE, tenant, account)
        return line_of(rows[0]) if rows else None

    async def accounts_of_line(self, tenant: TenantId, mac: Digest, limit: int) -> list[AccountId]:
        """At most ``limit`` accounts whose line has this keyed hash, in order."""
        query = "SELECT account FROM lines WHERE tenant = ? AND mac = ? ORDER BY account LIMIT ?"
        return [AccountId(account) for (account,) in self._rows(query, tenant, mac, at_most(limit))]

    async def accounts_of_chip(self, tenant: TenantId, chip: Digest, limit: int) -> list[AccountId]:
        """At most ``limit`` accounts whose chip has this keyed hash, in order."""
        query = "SELECT account FROM chips WHERE tenant = ? AND chip = ? ORDER BY account LIMIT ?"
        return [AccountId(account) for (account,) in self._rows(query, tenant, chip, at_most(limit))]

    async def hear(self, tenant: TenantId, account: AccountId, heard: Heard) -> None:
        """Keep what operators said, unless something later is kept of the same line."""
        with self._transaction() as connection:
            connection.execute(_HEAR, (tenant, account, heard.esim, heard.asked_at, codec.encode(heard)))

    async def close(self) -> None:
        """Release the database."""
        with _translated():
            self._connection.close()

    def _rows(self, query: str, *values: str | int | bytes) -> list[tuple[Any, ...]]:
        # All rows at once: a cursor left in the middle would hold the write-ahead log back from its checkpoint.
        try:
            return self._connection.execute(query, values).fetchall()
        except _BUGS:
            raise
        except sqlite3.Error as error:
            raise _unavailable(error) from error

    def _texts(self, query: str, *values: str | int) -> list[str]:
        return [text for (text,) in self._rows(query, *values)]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable when the block is left; the one writer of the file meanwhile.

        Our writers queue at a lock file: SQLite's own waiting is a series of guesses at a free moment, and under load
        it leaves some writers out for seconds. Only speed depends on that file.
        """
        with _translated(), durable.locked(self._turn, wait=True):
            self._roll_back()  # only if an earlier roll-back failed with its disk
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # the first failure is the one to tell
                    self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:  # SQLite itself has rolled back after some failures
            self._connection.execute("ROLLBACK")


@contextmanager
def _translated() -> Iterator[None]:
    """The world failing, said once in the words of the port: disk full, locked for too long, input/output, corrupt."""
    try:
        yield
    except _BUGS:
        raise
    except (sqlite3.Error, OSError) as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> StoreUnavailable:
    # A page that is damaged, or bytes where we wrote text: nobody reads it better later.
    is_damage = getattr(error, "sqlite_errorname", "").startswith("SQLITE_CORRUPT") or "decode to UTF-8" in str(error)
    return (RecordUnreadable if is_damage else StoreUnavailable)(f"the database failed: {error}")
