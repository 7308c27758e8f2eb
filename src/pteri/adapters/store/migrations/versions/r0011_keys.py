"""Which deployment key an identifier was hashed with, and which keys this database needs.

* ``claims.mac_key``: the name of the key; empty for what older programs wrote, and for phones. ``claims.bond``: of a
  login that is another spelling of the account's own, a keyed hash of both and of the account.
* ``deployment_keys``: from the first rotation on, every key that was ever used, in the order of their coming.
"""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0011"
down_revision: Final = "0010"

_STEPS: Final = (
    "ALTER TABLE claims ADD COLUMN mac_key {text} NOT NULL DEFAULT ''",
    "ALTER TABLE claims ADD COLUMN bond {text} NOT NULL DEFAULT ''",
    """
    CREATE TABLE deployment_keys (
        number BIGINT NOT NULL PRIMARY KEY,
        name {text} NOT NULL UNIQUE,
        mark {text} NOT NULL,
        retired SMALLINT NOT NULL
    )
    """,
)


def upgrade() -> None:
    """Take this step."""
    run(*_STEPS)


downgrade = forward_only
