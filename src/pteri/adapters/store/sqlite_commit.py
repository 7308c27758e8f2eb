"""The rows of a commit, on an open SQLite transaction, which is alone with the file.

One statement a table for all rows of the batch: the library then prepares it once and walks each tree in one go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.adapters.store.rows import Held, Key, Keys, Row, Writes, answer_of

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["READ_ANSWER", "READ_TOTAL", "read_held", "write"]

READ_ANSWER: Final = (
    "SELECT request_sha256, status, body, at, on_log FROM answers WHERE tenant = ?1 AND caller = ?2 AND key = ?3"
)
READ_TOTAL: Final = (
    "SELECT total FROM counters WHERE tenant = ? AND kind = ? AND subject = ? AND window_s = ? AND ends_at = ?"
)
_READ_SPENT: Final = "SELECT 1 FROM spent WHERE tenant = ? AND nonce = ?"
_READ_WAITING: Final = "SELECT id FROM challenges WHERE tenant = ? AND nonce = ? AND waits > 0"
_READ_CHALLENGE: Final = "SELECT version FROM challenges WHERE tenant = ? AND id = ?"
_READ_ACCOUNT: Final = "SELECT version FROM accounts WHERE tenant = ? AND account = ?"
_READ_HALTED: Final = "SELECT 1 FROM halted WHERE tenant = ? AND account = ?"
_READ_CLAIM: Final = "SELECT account FROM claims WHERE tenant = ? AND kind = ? AND value = ?"

_ANSWERED: Final = """
    INSERT INTO answers (tenant, caller, key, request_sha256, status, body, at, on_log) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING
    """
_COUNTED: Final = """
    INSERT INTO counters (tenant, kind, subject, window_s, ends_at, total) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (tenant, kind, subject, window_s, ends_at)
    DO UPDATE SET total = counters.total + excluded.total WHERE counters.total <= ?
    """
_SPENT: Final = "INSERT INTO spent (tenant, nonce) VALUES (?, ?) ON CONFLICT DO NOTHING"
# Id, nonce and the instant of issue are what the phone signs: they never change, so they are not written again.
_MOVED: Final = """
    UPDATE challenges SET version = ?4, waits = ?5, approved = ?6, expires_at = ?7, payload = ?8
    WHERE tenant = ?1 AND id = ?2 AND version = ?3 AND NOT EXISTS
        (SELECT 1 FROM halted WHERE halted.tenant = challenges.tenant AND halted.account = challenges.account)
    """
# One that waits is only a question; one that comes with its answer is refused for a halted account.
_ISSUED: Final = """
    INSERT INTO challenges (tenant, id, account, version, waits, approved, issued_at, expires_at, nonce, payload)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
    WHERE ?5 > 0 OR NOT EXISTS (SELECT 1 FROM halted WHERE tenant = ?1 AND account = ?3) ON CONFLICT DO NOTHING
    """
_EVOLVED: Final = """
    UPDATE accounts SET version = ?4, state = ?5 WHERE tenant = ?1 AND account = ?2 AND version = ?3
    AND NOT EXISTS (SELECT 1 FROM halted WHERE halted.tenant = ?1 AND halted.account = ?2)
    """
_OPENED: Final = "INSERT INTO accounts (tenant, account, version, state) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_CLAIMED: Final = """
    INSERT INTO claims (tenant, kind, value, account, mac_key, bond) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
    """
# Whoever wrote an event past us has broken the record: no condition, an error.
_EVENTS: Final = "INSERT INTO events (tenant, account, seq, payload) VALUES (?, ?, ?, ?)"
_UNSEQUENCED: Final = "INSERT INTO unsequenced (tenant, account, seq) VALUES (?, ?, ?)"
_NOTICES: Final = """
    INSERT INTO notices (tenant, account, id, at, payload) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
    """
# Again for one that was told already: its next telling finds that it has its place.
_UNTOLD: Final = "INSERT INTO untold (tenant, account, id, at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_ADDRESSES: Final = """
    INSERT INTO addresses (tenant, account, channel, sealed, since, ends_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (tenant, account, channel) DO UPDATE SET ends_at = excluded.ends_at
    """
_LINES: Final = """
    INSERT INTO lines (tenant, account, esim, sealed, mac, mac_key) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (tenant, account) DO UPDATE SET
        esim = excluded.esim, sealed = excluded.sealed, mac = excluded.mac, mac_key = excluded.mac_key
    """
_CHIPS: Final = """
    INSERT INTO chips (tenant, account, chip) VALUES (?, ?, ?)
    ON CONFLICT (tenant, account) DO UPDATE SET chip = excluded.chip
    """
_ENDED: Final = "UPDATE addresses SET ends_at = ?4 WHERE tenant = ?1 AND account = ?2 AND channel = ?3"


def read_held(connection: Connection, keys: Keys) -> Held:
    """What the database holds under these keys."""

    def found(query: str, wanted: set[Key]) -> dict[Key, Row]:
        return {key: row for key in wanted for row in connection.execute(query, key).fetchall()}

    def numbers(query: str, wanted: set[Key]) -> dict[Key, int]:
        return {key: number for key, (number,) in found(query, wanted).items()}

    return Held(
        answers={key: answer_of(key, row) for key, row in found(READ_ANSWER, keys.answers).items()},
        totals=numbers(READ_TOTAL, keys.counters),
        spent=dict.fromkeys(found(_READ_SPENT, keys.nonces), True),
        waiting={key: challenge for key, (challenge,) in found(_READ_WAITING, keys.nonces).items()},
        challenges=numbers(_READ_CHALLENGE, keys.challenges),
        accounts=numbers(_READ_ACCOUNT, keys.accounts),
        claims={key: account for key, (account,) in found(_READ_CLAIM, keys.claims).items()},
        halted=dict.fromkeys(found(_READ_HALTED, keys.accounts), True),
    )


def write(connection: Connection, writes: Writes) -> bool:
    """Write all of it; false as soon as a condition does not hold, and then the caller rolls back."""

    def all_written(statement: str, rows: list[Row]) -> bool:
        return not rows or connection.executemany(statement, rows).rowcount == len(rows)

    if not (
        _all_fresh(connection, writes.fresh)
        and all_written(_ANSWERED, writes.answers)
        and all_written(_COUNTED, writes.counted)
        and _none_full(connection, writes.looked)
        and all_written(_SPENT, writes.spent)
        and all_written(_MOVED, writes.moved)
        and all_written(_ISSUED, writes.issued)
        and all_written(_EVOLVED, writes.evolved)
        and all_written(_OPENED, writes.opened)
        and all_written(_CLAIMED, writes.claims)
    ):
        return False
    if writes.events:
        connection.executemany(_EVENTS, writes.events)
        connection.executemany(_UNSEQUENCED, [event[:3] for event in writes.events])
    if writes.notices:
        connection.executemany(_NOTICES, writes.notices)
        connection.executemany(_UNTOLD, [notice[:4] for notice in writes.notices])
    if writes.addresses:
        connection.executemany(_ADDRESSES, writes.addresses)
    if writes.lines:
        connection.executemany(_LINES, writes.lines)
    if writes.chips:
        connection.executemany(_CHIPS, writes.chips)
    if writes.ended:
        connection.executemany(_ENDED, writes.ended)
    return True


def _all_fresh(connection: Connection, nonces: list[Row]) -> bool:
    return not any(connection.execute(_READ_SPENT, nonce).fetchall() for nonce in nonces)


def _none_full(connection: Connection, looked: list[Row]) -> bool:
    # A ceiling is never below 0: where there is no row yet, there is room.
    return all(
        total <= ceiling for *key, ceiling in looked for (total,) in connection.execute(READ_TOTAL, key).fetchall()
    )
