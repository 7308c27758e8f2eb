"""Fewer trees to write in a commit: each one that gets a row in a random place costs more than the row.

* The nonce of a challenge is unique among those that wait for an answer. Once answered, it stands in ``spent``. The
  column ``waits`` tells: 0 answered or ended, 1 waits, 2 waits and is shown to phones as a prompt.
* That an approved sign-in waits for its code stands in a column of its own, which no index hangs on: to complete it
  then changes its row and no index. Those of the first release are in the log already and need no mark.
* The key of an answer begins with the idempotency key: callers who begin theirs with the time all write in one place.
* No foreign keys. Each would be looked up for every row, and every one of them points at what the same changeset has
  just written under a condition. A distributed database cannot keep the log's at all.
"""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0003"
down_revision: Final = "0002"

_SHOWN: Final = "UPDATE challenges SET waits = 2 WHERE waits = 1"
_PENDING: Final = "UPDATE challenges SET waits = 1 WHERE waits = 0 AND {state} = 'ISSUED'"
_INDEXES: Final = (
    "CREATE INDEX challenges_shown ON challenges (tenant, account, issued_at) WHERE waits = 2",
    "CREATE UNIQUE INDEX challenges_waiting ON challenges (tenant, nonce) WHERE waits > 0",
)

_POSTGRESQL: Final = (
    "ALTER TABLE unsequenced DROP CONSTRAINT unsequenced_tenant_account_seq_fkey",
    "ALTER TABLE log DROP CONSTRAINT log_tenant_account_seq_fkey",
    "ALTER TABLE events DROP CONSTRAINT events_tenant_account_fkey",
    "ALTER TABLE claims DROP CONSTRAINT claims_tenant_account_fkey",
    "ALTER TABLE challenges DROP CONSTRAINT challenges_tenant_nonce_key",
    "DROP INDEX challenges_waiting",
    "ALTER TABLE answers DROP CONSTRAINT answers_pkey, ADD PRIMARY KEY (tenant, key, caller)",
    "ALTER TABLE challenges ADD COLUMN approved SMALLINT NOT NULL DEFAULT 0",
    _SHOWN,
    _PENDING.format(state="CAST(payload AS JSON) ->> 'state'"),
    *_INDEXES,
)

_COPIES: Final = {
    "unsequenced": """
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        seq BIGINT NOT NULL,
        PRIMARY KEY (tenant, account, seq)
    ) WITHOUT ROWID
    """,
    "log": """
        position BIGINT NOT NULL PRIMARY KEY,
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        seq BIGINT NOT NULL,
        UNIQUE (tenant, account, seq)
    ) WITHOUT ROWID
    """,
    "claims": """
        tenant TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        account TEXT NOT NULL,
        PRIMARY KEY (tenant, kind, value)
    ) WITHOUT ROWID
    """,
    "events": """
        tenant TEXT NOT NULL,
        account TEXT NOT NULL,
        seq BIGINT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, account, seq)
    )
    """,
    "answers": """
        tenant TEXT NOT NULL,
        caller TEXT NOT NULL,
        key TEXT NOT NULL,
        request_sha256 TEXT NOT NULL,
        status BIGINT NOT NULL,
        body BLOB NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (tenant, key, caller)
    )
    """,
    "challenges": """
        tenant TEXT NOT NULL,
        id TEXT NOT NULL,
        account TEXT,
        version BIGINT NOT NULL,
        waits SMALLINT NOT NULL,
        issued_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        nonce TEXT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, id)
    )
    """,
}
"""SQLite drops no constraint: each table is copied, in the order of its key."""

_SQLITE: Final = (
    *(
        statement
        for table, columns in _COPIES.items()
        for statement in (
            f"CREATE TABLE {table}_copy ({columns}",
            f"INSERT INTO {table}_copy SELECT * FROM {table}",  # noqa: S608 - names from the table above
            f"DROP TABLE {table}",
            f"ALTER TABLE {table}_copy RENAME TO {table}",
        )
    ),
    "ALTER TABLE challenges ADD COLUMN approved SMALLINT NOT NULL DEFAULT 0",
    "CREATE INDEX challenges_by_end ON challenges (expires_at)",
    "CREATE INDEX answers_by_age ON answers (at)",
    _SHOWN,
    _PENDING.format(state="json_extract(payload, '$.state')"),
    *_INDEXES,
)


def upgrade() -> None:
    """Take this step."""
    run(sqlite=_SQLITE, postgresql=_POSTGRESQL)


downgrade = forward_only
