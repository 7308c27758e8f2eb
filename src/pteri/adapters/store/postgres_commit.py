"""The rows of a commit as one statement, which is a transaction by itself: one journey, and all of it or nothing.

A part for each table that the batch touches, an array for each column. Each part counts the rows whose condition
held; at the end the counts are compared, and where one is short a division by zero ends the transaction with nothing
done. PostgreSQL has no other way to say "otherwise roll back" within a statement, and two more journeys for a
transaction around it cost as much as the statement.

The same parts also go one after the other, as an ordinary transaction, for databases that speak PostgreSQL's language
but change one table per statement only.

Rows stand in the order of their keys and tables are always met in one order, so that two batches do not wait for
each other in a circle. Where they still do, the server lets one of them lose, and it is sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pteri.adapters.store.rows import Held, Key, Keys, Row, Writes, answer_of

__all__ = ["READ_HELD", "Asked", "Step", "guarded", "steps"]


@dataclass(frozen=True, slots=True)
class _Part:
    """``does`` says ``{rows}`` where the arrays stand, and gives one row for each whose condition held."""

    columns: str
    """Name and type of each array, in the order of the columns of ``Writes``."""
    does: str
    before: str = ""
    """What else is done with the same arrays; in one statement it is called ``<table>_before``."""
    alone: str = ""
    """``does`` as a statement of its own, where it must be another one."""
    conditional: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A statement of a transaction. ``rows``: how many it must give, or the transaction is not to be; if any."""

    statement: str
    arrays: list[Any]
    rows: int | None


_PARTS: Final = {
    "answers": _Part(
        "tenant text, caller text, key text, request_sha256 text, status bigint, body bytea, at bigint, "
        "on_log smallint",
        """
        INSERT INTO answers (tenant, caller, key, request_sha256, status, body, at, on_log)
        SELECT * FROM {rows} ON CONFLICT DO NOTHING RETURNING 1
        """,
    ),
    "counted": _Part(
        "tenant text, kind text, subject text, window_s bigint, ends_at bigint, adds bigint, ceiling bigint",
        """
        SELECT 1 FROM counted_before AS done JOIN {rows} USING (tenant, kind, subject, window_s, ends_at)
        WHERE done.total - w.adds <= w.ceiling
        """,
        before="""
        INSERT INTO counters (tenant, kind, subject, window_s, ends_at, total)
        SELECT tenant, kind, subject, window_s, ends_at, adds FROM {rows}
        ON CONFLICT (tenant, kind, subject, window_s, ends_at)
        DO UPDATE SET total = counters.total + excluded.total
        RETURNING tenant, kind, subject, window_s, ends_at, total
        """,
        alone="""
        SELECT 1 FROM counters JOIN {rows} USING (tenant, kind, subject, window_s, ends_at)
        WHERE counters.total - w.adds <= w.ceiling
        """,
    ),
    "looked": _Part(
        "tenant text, kind text, subject text, window_s bigint, ends_at bigint, ceiling bigint",
        """
        SELECT 1 FROM {rows} LEFT JOIN counters USING (tenant, kind, subject, window_s, ends_at)
        WHERE COALESCE(counters.total, 0) <= w.ceiling
        """,
    ),
    # Read as of the beginning of the statement: a nonce that is spent at the very same moment is not seen. It is then
    # spent, and so nobody can answer with it.
    "fresh": _Part(
        "tenant text, nonce text",
        """
        SELECT 1 FROM {rows}
        WHERE NOT EXISTS (SELECT 1 FROM spent WHERE spent.tenant = w.tenant AND spent.nonce = w.nonce)
        """,
    ),
    "spent": _Part(
        "tenant text, nonce text",
        "INSERT INTO spent (tenant, nonce) SELECT * FROM {rows} ON CONFLICT DO NOTHING RETURNING 1",
    ),
    # Id, nonce and the instant of issue are what the phone signs: they never change, so they are not written again.
    "moved": _Part(
        "tenant text, id text, expected bigint, version bigint, waits smallint, approved smallint, "
        "expires_at bigint, payload text",
        """
        UPDATE challenges
        SET version = w.version, waits = w.waits, approved = w.approved, expires_at = w.expires_at, payload = w.payload
        FROM {rows}
        WHERE challenges.tenant = w.tenant AND challenges.id = w.id AND challenges.version = w.expected
        AND NOT EXISTS
            (SELECT 1 FROM halted WHERE halted.tenant = challenges.tenant AND halted.account = challenges.account)
        RETURNING 1
        """,
    ),
    # One that waits is only a question; one that comes with its answer is refused for a halted account.
    "issued": _Part(
        "tenant text, id text, account text, version bigint, waits smallint, approved smallint, issued_at bigint, "
        "expires_at bigint, nonce text, payload text",
        """
        INSERT INTO challenges (tenant, id, account, version, waits, approved, issued_at, expires_at, nonce, payload)
        SELECT * FROM {rows} WHERE (w.waits > 0 OR NOT EXISTS
            (SELECT 1 FROM halted WHERE halted.tenant = w.tenant AND halted.account = w.account)){after_moved}
        ON CONFLICT DO NOTHING RETURNING 1
        """,
    ),
    "evolved": _Part(
        "tenant text, account text, expected bigint, version bigint, state text",
        """
        UPDATE accounts SET version = w.version, state = w.state FROM {rows}
        WHERE accounts.tenant = w.tenant AND accounts.account = w.account AND accounts.version = w.expected
        AND NOT EXISTS (SELECT 1 FROM halted WHERE halted.tenant = w.tenant AND halted.account = w.account)
        RETURNING 1
        """,
    ),
    "opened": _Part(
        "tenant text, account text, version bigint, state text",
        """
        INSERT INTO accounts (tenant, account, version, state) SELECT * FROM {rows}
        ON CONFLICT DO NOTHING RETURNING 1
        """,
    ),
    "claims": _Part(
        "tenant text, kind text, value text, account text, mac_key text, bond text",
        """
        INSERT INTO claims (tenant, kind, value, account, mac_key, bond) SELECT * FROM {rows}
        ON CONFLICT DO NOTHING RETURNING 1
        """,
    ),
    # Whoever wrote an event past us has broken the record: no condition, an error.
    "events": _Part(
        "tenant text, account text, seq bigint, payload text",
        "INSERT INTO events (tenant, account, seq, payload) SELECT * FROM {rows}",
        before="INSERT INTO unsequenced (tenant, account, seq) SELECT tenant, account, seq FROM {rows}",
        conditional=False,
    ),
    "notices": _Part(
        "tenant text, account text, id text, at bigint, payload text",
        """
        INSERT INTO notices (tenant, account, id, at, payload) SELECT * FROM {rows} ON CONFLICT DO NOTHING
        """,
        # Again for one that was told already: its next telling finds that it has its place.
        before="""
        INSERT INTO untold (tenant, account, id, at) SELECT tenant, account, id, at FROM {rows} ON CONFLICT DO NOTHING
        """,
        conditional=False,
    ),
    "addresses": _Part(
        "tenant text, account text, channel text, sealed bytea, since bigint, ends_at bigint",
        """
        INSERT INTO addresses (tenant, account, channel, sealed, since, ends_at) SELECT * FROM {rows}
        ON CONFLICT (tenant, account, channel) DO UPDATE SET ends_at = excluded.ends_at
        """,
        conditional=False,
    ),
    "lines": _Part(
        "tenant text, account text, esim text, sealed bytea, mac text, mac_key text",
        """
        INSERT INTO lines (tenant, account, esim, sealed, mac, mac_key) SELECT * FROM {rows}
        ON CONFLICT (tenant, account) DO UPDATE SET
            esim = excluded.esim, sealed = excluded.sealed, mac = excluded.mac, mac_key = excluded.mac_key
        """,
        conditional=False,
    ),
    "chips": _Part(
        "tenant text, account text, chip text",
        """
        INSERT INTO chips (tenant, account, chip) SELECT * FROM {rows}
        ON CONFLICT (tenant, account) DO UPDATE SET chip = excluded.chip
        """,
        conditional=False,
    ),
    "ended": _Part(
        "tenant text, account text, channel text, ends_at bigint",
        """
        UPDATE addresses SET ends_at = w.ends_at FROM {rows}
        WHERE addresses.tenant = w.tenant AND addresses.account = w.account AND addresses.channel = w.channel
        """,
        conditional=False,
    ),
}


def guarded(writes: Writes) -> tuple[str, list[Any]] | None:
    """Statement and arrays that write all of this, or fail by dividing by zero; ``None`` where there is nothing."""
    tables: list[str] = []
    arrays: list[Any] = []
    for table in _PARTS:
        rows: list[Row] = getattr(writes, table)
        if rows:
            rows.sort()
            tables.append(table)
            arrays += zip(*rows, strict=True)
    return (_text(tuple(tables)), arrays) if tables else None


@cache
def _text(tables: tuple[str, ...]) -> str:
    parts, conditions, first = [], [], 1
    for table in tables:
        part = _PARTS[table]
        rows = _rows(part, first)
        # A nonce that a moved challenge no longer needs is free for a new one: its row goes first. No rule of SQL
        # says so; this reference does.
        after_moved = " AND (SELECT count(*) FROM moved) >= 0" if "moved" in tables else ""
        if part.before:
            parts.append(f"{table}_before AS ({part.before.format(rows=rows)})")
        parts.append(f"{table} AS ({part.does.format(rows=rows, after_moved=after_moved)})")
        if part.conditional:
            conditions.append(f"(SELECT count(*) FROM {table}) = cardinality(${first}::text[])")  # noqa: S608 - names of ours
        first += part.columns.count(",") + 1
    all_held = " AND ".join(conditions or ["true"])
    return f"WITH {', '.join(parts)} SELECT 1 / CASE WHEN {all_held} THEN 1 ELSE 0 END"


def _rows(part: _Part, first: int) -> str:
    """The arrays of this part as a table, the first of them being parameter ``first``."""
    columns = [column.split() for column in part.columns.split(", ")]
    arrays = ", ".join(f"${first + place}::{kind}[]" for place, (_, kind) in enumerate(columns))
    return f"unnest({arrays}) AS w ({', '.join(name for name, _ in columns)})"


def steps(writes: Writes) -> list[Step]:
    """The same as a transaction of statements that change one table each, in the order of the parts."""
    found: list[Step] = []
    for table, part in _PARTS.items():
        written: list[Row] = sorted(getattr(writes, table))
        if not written:
            continue
        arrays, rows = list(zip(*written, strict=True)), _rows(part, 1)
        if part.before:
            found.append(Step(part.before.format(rows=rows), arrays, None))
        does = (part.alone or part.does).format(rows=rows, after_moved="")
        found.append(Step(does, arrays, len(written) if part.conditional else None))
    return found


READ_HELD: Final = """
    SELECT 'answers', w.place, answers.status, answers.at, answers.request_sha256, answers.body, answers.on_log
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS w (tenant, caller, key, place)
    JOIN answers USING (tenant, caller, key)
    UNION ALL
    SELECT 'totals', w.place, counters.total, NULL, NULL, NULL, NULL
    FROM unnest($4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[]) WITH ORDINALITY
        AS w (tenant, kind, subject, window_s, ends_at, place)
    JOIN counters USING (tenant, kind, subject, window_s, ends_at)
    UNION ALL
    SELECT 'spent', w.place, NULL, NULL, NULL, NULL, NULL
    FROM unnest($9::text[], $10::text[]) WITH ORDINALITY AS w (tenant, nonce, place)
    JOIN spent USING (tenant, nonce)
    UNION ALL
    SELECT 'waiting', w.place, NULL, NULL, challenges.id, NULL, NULL
    FROM unnest($9::text[], $10::text[]) WITH ORDINALITY AS w (tenant, nonce, place)
    JOIN challenges USING (tenant, nonce) WHERE challenges.waits > 0
    UNION ALL
    SELECT 'challenges', w.place, challenges.version, NULL, NULL, NULL, NULL
    FROM unnest($11::text[], $12::text[]) WITH ORDINALITY AS w (tenant, id, place)
    JOIN challenges USING (tenant, id)
    UNION ALL
    SELECT 'accounts', w.place, accounts.version, NULL, NULL, NULL, NULL
    FROM unnest($13::text[], $14::text[]) WITH ORDINALITY AS w (tenant, account, place)
    JOIN accounts USING (tenant, account)
    UNION ALL
    SELECT 'halted', w.place, NULL, NULL, NULL, NULL, NULL
    FROM unnest($13::text[], $14::text[]) WITH ORDINALITY AS w (tenant, account, place)
    JOIN halted USING (tenant, account)
    UNION ALL
    SELECT 'claims', w.place, NULL, NULL, claims.account, NULL, NULL
    FROM unnest($15::text[], $16::text[], $17::text[]) WITH ORDINALITY AS w (tenant, kind, value, place)
    JOIN claims USING (tenant, kind, value)
    """
"""What the database holds under the keys of a batch, as of one moment: a refusal then never names a later promise
than the one that another batch broke first."""

_WIDTHS: Final = {"answers": 3, "counters": 5, "nonces": 2, "challenges": 2, "accounts": 2, "claims": 3}
"""Parts of each kind of key, in the order of the arrays of ``READ_HELD``."""


class Asked:
    """The keys of a batch in some order, which the rows of ``READ_HELD`` refer to."""

    def __init__(self, keys: Keys) -> None:
        self._keys: dict[str, list[Key]] = {kind: list(getattr(keys, kind)) for kind in _WIDTHS}

    def arrays(self) -> list[list[Any]]:
        """One array for each part of each kind of key."""
        return [[key[part] for key in self._keys[kind]] for kind, width in _WIDTHS.items() for part in range(width)]

    def held(self, rows: list[Any]) -> Held:
        """What these rows say that the database holds."""
        held = Held()
        for what, place, number, at, text, body, on_log in rows:
            key = self._keys[_KEYS_OF[what]][place - 1]
            match what:
                case "answers":
                    held.answers[key] = answer_of(key, (text, number, body, at, on_log))
                case "claims":
                    held.claims[key] = text
                case "waiting":
                    held.waiting[key] = text
                case "spent" | "halted":
                    getattr(held, what)[key] = True
                case _:
                    getattr(held, what)[key] = number
        return held


_KEYS_OF: Final = {
    "answers": "answers",
    "totals": "counters",
    "spent": "nonces",
    "waiting": "nonces",
    "challenges": "challenges",
    "accounts": "accounts",
    "halted": "accounts",
    "claims": "claims",
}
"""By which kind of key each row of ``READ_HELD`` was found."""
