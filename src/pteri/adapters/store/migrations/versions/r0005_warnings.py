"""Where warnings go besides the phones: addresses, sealed, and gone when nothing is sent to them any more."""

from __future__ import annotations

from typing import Final

from pteri.adapters.store.migrations.steps import forward_only, run

revision: Final = "0005"
down_revision: Final = "0004"

_ADDRESSES: Final = """
    CREATE TABLE addresses (
        tenant {text} NOT NULL,
        account {text} NOT NULL,
        channel {text} NOT NULL,
        sealed {bytes} NOT NULL,
        since BIGINT NOT NULL,
        ends_at BIGINT,
        PRIMARY KEY (tenant, account, channel)
    )
    """
_ADDRESSES_BY_END: Final = "CREATE INDEX addresses_by_end ON addresses (ends_at) WHERE ends_at IS NOT NULL"


def upgrade() -> None:
    """Take this step."""
    run(_ADDRESSES, _ADDRESSES_BY_END)


downgrade = forward_only
