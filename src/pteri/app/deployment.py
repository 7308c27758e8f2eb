"""One running service: its ports, its rules and its tenants, handed to every use case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pteri.app.anchoring import Anchoring
from pteri.app.audit_ports import Pace
from pteri.app.chip_desk import ChipDesk
from pteri.app.event_desk import EventDesk
from pteri.app.log_desk import LogDesk
from pteri.app.ports import Clock, Courier, Entropy, LineEvidence, Store, Vault
from pteri.app.presented import Presented
from pteri.app.recent_block import Blocks
from pteri.app.refusals import NotFound
from pteri.app.shadowing import Shadow
from pteri.app.verifying import VerifyTogether
from pteri.core.errors import Malformed
from pteri.core.ids import BlockId, Domain, TenantId, Thumbprint, tenant_id
from pteri.core.keys.device import DeviceKey
from pteri.core.wallets import PinnedWallet
from pteri.domain.rules import Rules

__all__ = ["Deployment", "Officer", "Tenant"]


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody of the relying party who sees the papers of people; ``name`` is a pseudonym, and stands in the log.

    ``is_former``: speaks for nobody any more, and is known for what was said before.
    """

    name: str
    device: DeviceKey
    wallet: PinnedWallet
    is_former: bool = False


@dataclass(frozen=True, slots=True)
class Tenant:
    """A relying party. ``domain`` and ``network`` come from configuration, never from a request.

    ``client_keys`` are the keys its back ends sign with; an empty mapping lets nobody in. ``officers`` by their phones.
    """

    id: TenantId
    domain: Domain
    network: str
    chain: str
    client_keys: Mapping[Thumbprint, DeviceKey]
    officers: Mapping[Thumbprint, Officer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything a use case may touch. ``courier``: ``None`` where no mail is sent; ``shadow``: where none watches.

    ``anchoring``: ``None`` where the log is not anchored.
    ``log``: ``None`` where none is published. ``events``: ``None`` where no operator is to tell any.
    ``audit``: how fast the loop goes round all accounts. ``blocks``: ``None`` where statements name no block.
    """

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    line: LineEvidence
    rules: Rules
    tenants: Mapping[TenantId, Tenant]
    public_origin: str
    courier: Courier | None = None
    chips: ChipDesk | None = None
    shadow: Shadow | None = None
    anchoring: Anchoring | None = None
    log: LogDesk | None = None
    events: EventDesk | None = None
    audit: Pace = field(default_factory=Pace)
    blocks: Blocks | None = None
    verifying: VerifyTogether = field(default_factory=VerifyTogether)
    presented: Presented = field(default_factory=Presented)

    def tenant(self, text: str) -> Tenant:
        """The tenant of a path, or ``NotFound``."""
        try:
            return self.tenants[tenant_id(text)]
        except (KeyError, Malformed):
            raise NotFound from None

    def block_for(self, tenant: Tenant, at: int) -> BlockId | None:
        """The recent block that a statement of this tenant names, of its own chain; ``None`` where it names none."""
        if self.blocks is None or self.blocks.network != tenant.network:
            return None
        return self.blocks.at(at)
