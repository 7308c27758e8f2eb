"""The tables of the first release, as they were: its files are recognised by ``schema_versions``.

Portable SQL: tenant first in every primary key and account second where there is one, so that accounts can be spread
over nodes; ids come from the application; no triggers, sequences or deferred constraints. The one key without a
tenant is the log's: it is one log over all tenants, written by the sequencer alone.
"""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0001"
down_revision: Final = None

_TABLES: Final = (
    """
    CREATE TABLE accounts (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        version BIGINT NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (tenant, account)
    )
    """,
    """
    CREATE TABLE events (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        seq BIGINT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, account, seq),
        FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, account)
    )
    """,
    # Written with each event and removed when it gets its position: so the sequencer never searches the events.
    """
    CREATE TABLE unsequenced (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        seq BIGINT NOT NULL,
        PRIMARY KEY (tenant, account, seq),
        FOREIGN KEY (tenant, account, seq) REFERENCES events (tenant, account, seq)
    ) {narrow}
    """,
    """
    CREATE TABLE log (
        position BIGINT NOT NULL PRIMARY KEY,
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        seq BIGINT NOT NULL,
        UNIQUE (tenant, account, seq),
        FOREIGN KEY (tenant, account, seq) REFERENCES events (tenant, account, seq)
    ) {narrow}
    """,
    # No foreign key on the account: a decoy has none, and a binding asks before there is one.
    """
    CREATE TABLE challenges (
        tenant {text} NOT NULL,
        id {text} NOT NULL,
        account {text},
        version BIGINT NOT NULL,
        waits SMALLINT NOT NULL,
        issued_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        nonce {text} NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, id),
        UNIQUE (tenant, nonce)
    )
    """,
    # "waits": a prompted sign-in that nobody has answered, so that this index holds the live few and not all.
    "CREATE INDEX challenges_waiting ON challenges (tenant, account, issued_at) WHERE waits = 1",
    "CREATE INDEX challenges_by_end ON challenges (expires_at)",
    "CREATE TABLE spent (tenant {text} NOT NULL, nonce {text} NOT NULL, PRIMARY KEY (tenant, nonce)) {narrow}",
    """
    CREATE TABLE claims (
        tenant {text} NOT NULL,
        kind {text} NOT NULL,
        value {text} NOT NULL,
        account {text} NOT NULL,
        PRIMARY KEY (tenant, kind, value),
        FOREIGN KEY (tenant, account) REFERENCES accounts (tenant, account)
    ) {narrow}
    """,
    """
    CREATE TABLE answers (
        tenant {text} NOT NULL,
        caller {text} NOT NULL,
        key {text} NOT NULL,
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
        tenant {text} NOT NULL,
        kind {text} NOT NULL,
        subject {text} NOT NULL,
        window_s BIGINT NOT NULL,
        ends_at BIGINT NOT NULL,
        total BIGINT NOT NULL,
        PRIMARY KEY (tenant, kind, subject, window_s, ends_at)
    ) {narrow}
    """,
    "CREATE INDEX counters_by_end ON counters (ends_at)",
    """
    CREATE TABLE notices (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        id {text} NOT NULL,
        at BIGINT NOT NULL,
        payload TEXT NOT NULL,
        PRIMARY KEY (tenant, account, id)
    )
    """,
    "CREATE INDEX notices_by_age ON notices (tenant, account, at)",
    # Facts of the whole deployment that must never change under it.
    "CREATE TABLE pins (name {text} NOT NULL PRIMARY KEY, value {text} NOT NULL)",
)

_LEGACY_NUMBER: Final = (
    "CREATE TABLE schema_versions (version BIGINT NOT NULL PRIMARY KEY)",
    "INSERT INTO schema_versions (version) VALUES (1)",
)
"""How the first release counted its steps. No other database than SQLite has ever seen it."""


def upgrade() -> None:
    """Take this step."""
    run(*_TABLES, sqlite=_LEGACY_NUMBER)


downgrade = forward_only
