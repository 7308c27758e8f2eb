"""Lines that operators are asked about, and chips that speak for themselves.

* ``lines``: the line of an account, sealed, and a keyed hash by which an operator's message finds the account.
* ``chips``: a keyed hash of the number of its eSIM chip, by which the chip's message finds the account.
* ``heard``: what operators last said of it. Kept apart, since it changes without the account.

Accounts of older programs have none: their lines were never kept, and nobody is asked until they are bound again.
"""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0006"
down_revision: Final = "0005"

_TABLES: Final = (
    """
    CREATE TABLE lines (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        esim {text} NOT NULL,
        sealed {bytes} NOT NULL,
        mac {text} NOT NULL,
        mac_key {text} NOT NULL,
        PRIMARY KEY (tenant, account)
    )
    """,
    "CREATE INDEX lines_by_mac ON lines (tenant, mac)",
    """
    CREATE TABLE chips (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        chip {text} NOT NULL,
        PRIMARY KEY (tenant, account)
    )
    """,
    "CREATE INDEX chips_by_number ON chips (tenant, chip)",
    """
    CREATE TABLE heard (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        esim {text} NOT NULL,
        asked_at BIGINT NOT NULL,
        payload {text} NOT NULL,
        PRIMARY KEY (tenant, account)
    )
    """,
)


def upgrade() -> None:
    """Take this step."""
    run(*_TABLES)


downgrade = forward_only
