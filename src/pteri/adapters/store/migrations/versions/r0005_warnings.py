"""Who hears of what happens, besides the phones.

* ``addresses``: where warnings go, sealed, and gone when nothing is sent there any more.
* ``untold``: notices with which nobody has dealt yet, written with each of them, as ``unsequenced`` is with events.
* ``told``: the order in which a tenant's relying party reads them, as ``log`` is for events.
* ``deliveries``: notices on their way to an address, until another machine has taken them.

Notices of older programs stand in neither: what happened before this is told on the phones only.
"""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0005"
down_revision: Final = "0004"

_TABLES: Final = (
    """
    CREATE TABLE addresses (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        channel {text} NOT NULL,
        sealed {bytes} NOT NULL,
        since BIGINT NOT NULL,
        ends_at BIGINT,
        PRIMARY KEY (tenant, account, channel)
    )
    """,
    "CREATE INDEX addresses_by_end ON addresses (ends_at) WHERE ends_at IS NOT NULL",
    """
    CREATE TABLE untold (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        id {text} NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (tenant, account, id)
    ) {narrow}
    """,
    "CREATE INDEX untold_by_time ON untold (at)",
    """
    CREATE TABLE told (
        tenant {text} NOT NULL,
        place BIGINT NOT NULL,
        account {text} NOT NULL,
        id {text} NOT NULL,
        PRIMARY KEY (tenant, place),
        UNIQUE (tenant, account, id)
    ) {narrow}
    """,
    """
    CREATE TABLE deliveries (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        id {text} NOT NULL,
        channel {text} NOT NULL,
        next_at BIGINT NOT NULL,
        gives_up_at BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        PRIMARY KEY (tenant, account, id, channel)
    ) {narrow}
    """,
    "CREATE INDEX deliveries_by_time ON deliveries (next_at)",
)


def upgrade() -> None:
    """Take this step."""
    run(*_TABLES)


downgrade = forward_only
