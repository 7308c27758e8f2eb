"""The table ``[anchor]`` of the settings file: the node and the wallet that the log is anchored with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from pteri.node_settings import require_credentials, require_node

__all__ = ["AnchorSettings"]

_WALLET: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class AnchorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Without this table nothing is anchored, and no sign-in is different."""

    network: Literal["main", "test", "regtest"]
    """Of the node; one of another network is refused."""
    node_url: str
    """Its JSON-RPC: ``http://`` on loopback, ``https://`` elsewhere; host and port only."""
    wallet: str
    """Name of its wallet for anchors, which is for nothing else: 1 to 64 of A-Z, a-z, 0-9, - and _."""
    cookie_file: Path | None = None
    """The file ``.cookie`` that the node makes; or ``user`` and ``password_file``."""
    user: str | None = None
    password_file: Path | None = None
    """Where the password of ``user`` lies, mode 0600."""
    mode: Literal["wallet", "watch-only"] = "wallet"
    """``watch-only``: the node's wallet has no keys, and each transaction is signed elsewhere."""
    psbt_directory: Path | None = None
    """Where transactions wait to be signed, for ``watch-only``."""
    every_s: Annotated[int, msgspec.Meta(ge=60, le=86_400)] = 3600
    """Seconds between two anchors while the log grows."""
    at_least_every_s: Annotated[int, msgspec.Meta(ge=60, le=604_800)] = 86_400
    """Seconds after which an anchor is made although it did not."""
    raise_after_s: Annotated[int, msgspec.Meta(ge=600, le=86_400)] = 7200
    """After how many seconds without a block a child pays for it."""
    fee_rate: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 10
    """Lit for a virtual byte (1 lit is 1e-8 LTC)."""
    most_fee_rate: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 200
    """No more than that: above it anchors wait."""
    most_fee: Annotated[int, msgspec.Meta(ge=1000, le=100_000_000)] = 200_000
    """Lit for one anchor with all that is paid to hurry it."""
    timeout_s: Annotated[int, msgspec.Meta(ge=1, le=120)] = 20

    def __post_init__(self) -> None:
        require_node(self.node_url)
        # It stands in a path.
        if not _WALLET.fullmatch(self.wallet):
            raise ValueError("wallet is the name of a wallet of the node: 1 to 64 of A-Z, a-z, 0-9, - and _")
        require_credentials(self.cookie_file, self.user, self.password_file)
        if (self.mode == "watch-only") != (self.psbt_directory is not None):
            raise ValueError('psbt_directory is for mode = "watch-only", and needed there')
        if self.at_least_every_s < self.every_s:
            raise ValueError("at_least_every_s is no less than every_s")
        if self.most_fee_rate < self.fee_rate:
            raise ValueError("most_fee_rate is no less than fee_rate")
