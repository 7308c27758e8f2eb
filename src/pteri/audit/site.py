"""What an auditor must be told of a relying party, for no record says it: its network, and who its officers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pteri.core.ids import TenantId, Thumbprint
from pteri.core.wallets import PinnedWallet

__all__ = ["KnownOfficer", "Site"]


class KnownOfficer(Protocol):
    """Somebody of the relying party who sees the papers of people, under the pseudonym that the log has."""

    @property
    def name(self) -> str:
        """The pseudonym."""
        ...

    @property
    def wallet(self) -> PinnedWallet:
        """The wallet he signs with."""
        ...


class Site(Protocol):
    """A relying party as its own settings describe it."""

    @property
    def id(self) -> TenantId:
        """Its name in paths and records."""
        ...

    @property
    def network(self) -> str:
        """``main``, ``test`` or ``regtest``."""
        ...

    @property
    def officers(self) -> Mapping[Thumbprint, KnownOfficer] | None:
        """By their phones; ``None`` where nobody said who they are."""
        ...
