"""The tables, as steps that only go forward (docs/spec section 9).

Portable SQL: tenant first in every primary key and account second where there is one, so that accounts can be spread
over nodes; ids come from the application; no triggers, sequences or deferred constraints. The one key without a
tenant is the log's: it is one log over all tenants, written by the sequencer alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["CREATE_VERSIONS", "NEWEST", "SQLITE", "Dialect", "step"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where databases spell one thing differently."""

    bytes_type: str
    narrow: str
    """Suffix of a table that is little more than its key."""


SQLITE: Final = Dialect(bytes_type="BLOB", narrow="WITHOUT ROWID")

CREATE_VERSIONS: Final = "CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY)"
"""One row for each step taken."""

_FIRST: Final = (
    """
    CREATE TABLE accounts (
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        version BIGINT NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (tenant, account)
    )
    """,
    """
    CREATE TABLE events (
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        seq BIGINT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, account, seq),
        FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, account)
    )
    """,
    # Written with each event and removed when it gets its position: so the sequencer never searches the events.
    """
    CREATE TABLE unsequenced (
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        seq BIGINT NOT NULL,
        PRIMARY KEY (tenant, account, seq),
        FOREIGN KEY (tenant, account, seq) REFERENCES events (tenant, account, seq)
    ) {narrow}
    """,
    """
    CREATE TABLE log (
        position BIGINT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        seq BIGINT NOT NULL,
        UNIQUE (tenant, account, seq),
        FOREIGN KEY (tenant, account, seq) REFERENCES events (tenant, account, seq)
    ) {narrow}
    """,
    # No foreign key on the account: a decoy has none, and a binding asks before there is one.
    """
    CREATE TABLE challenges (
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        account TEXT,
        version BIGINT NOT NULL,
        waits SMALLINT NOT NULL,
        issued_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        nonce TEXT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, id),
        UNIQUE (tenant, nonce)
    )
    """,
    # "waits": a prompted sign-in that nobody has answered, so that this index holds the live few and not all.
    "CREATE INDEX challenges_waiting ON challenges (tenant, account, issued_at) WHERE waits = 1",
    "CREATE INDEX challenges_by_end ON challenges (expires_at)",
    "CREATE TABLE spent (tenant TEXT NOT NULL, nonce TEXT NOT NULL, PRIMARY KEY (tenant, nonce)) {narrow}",
    """
    CREATE TABLE claims (
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        account TEXT NOT NULL,
        PRIMARY KEY (tenant, kind, value),
        FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, account)
    ) {narrow}
    """,
    """
    CREATE TABLE answers (
        tenant TEXT NOT NULL,
        caller TEXT NOT NULL,
        key TEXT NOT NULL,
        request_sha256 TEXT NOT NULL,
        status BIGINT NOT NULL,
        body {bytes} NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (tenant, caller, key)
    )
    """,
    "CREATE INDEX answers_by_age ON answers (at)",
    """
    CREATE TABLE counters (
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        window_s BIGINT NOT NULL,
        ends_at BIGINT NOT NULL,
        total BIGINT NOT NULL,
        PRIMARY KEY (tenant, kind, subject, window_s, ends_at)
    ) {narrow}
    """,
    "CREATE INDEX counters_by_end ON counters (ends_at)",
    """
    CREATE TABLE notices (
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        id TEXT NOT NULL,
        at BIGINT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, account, id)
    )
    """,
    "CREATE INDEX notices_by_age ON notices (tenant, account, at)",
    # Facts of the whole deployment that must never change under it.
    "CREATE TABLE pins (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
)

_STEPS: Final = (_FIRST,)
"""Step n makes version n from version n - 1. A step that was released is never edited: the next one mends it."""

NEWEST: Final = len(_STEPS)
"""The version this program knows."""


def step(version: int, dialect: Dialect) -> tuple[str, ...]:
    """Statements that make ``version`` out of the one before it."""
    return tuple(statement.format(bytes=dialect.bytes_type, narrow=dialect.narrow) for statement in _STEPS[version - 1])
