"""Which operators are to tell the events of whose lines, and how an event that comes is known for theirs.

Nothing of a sink or of its token is kept: the address says itself for whom it is, sealed, and the token is derived from
that. So whoever has the address and no token has nothing, and a stranger's address is known for one without a look into
the store. Both are of one deployment key, which the generation names: when that writes no more, another subscription
takes the place of this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from pteri.app.ports import Vault
from pteri.app.subscription_ports import Subscriber
from pteri.core import ids
from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, Digest, TenantId
from pteri.core.keys.secret import Secret

__all__ = [
    "EventDesk",
    "EventNews",
    "Sink",
    "key_of",
    "new_generation",
    "opened_sink",
    "sink_of",
    "sink_token",
    "sink_url",
]

_MAX_SEALED: Final = 400
_KEY_ENDS: Final = "."
"""In no name of a key."""


class EventNews(StrEnum):
    """What whoever runs the service hears of subscriptions, once until it changes."""

    AWAY = "operator_events_wait"
    BACK = "operator_events_go_on"
    REFUSED = "operator_events_refused"


@dataclass(frozen=True, slots=True)
class EventDesk:
    """``subscribers``: by tenant and name, those that tell events; also one that told them before and shall no more.

    ``wanted``: the names of those that shall.
    """

    subscribers: Mapping[TenantId, Mapping[str, Subscriber]]
    wanted: frozenset[str]


class Sink(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What one subscription's address is for."""

    operator: str
    account: AccountId
    esim: Digest
    generation: str


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Sink)


def sink_url(vault: Vault, origin: str, tenant: TenantId, sink: Sink) -> str:
    """Where the operator sends its events."""
    sealed = ids.to_base64url(vault.seal(_encoder.encode(sink), _context(tenant)))
    return f"{origin}{_path(tenant)}{sealed}"


def opened_sink(vault: Vault, tenant: TenantId, sealed: str) -> Sink | None:
    """What was sealed here for this tenant; ``None`` for anything else."""
    if len(sealed) > _MAX_SEALED:
        return None
    try:
        return _decoder.decode(vault.open_token(ids.from_base64url(sealed), _context(tenant)))
    except (ProtocolError, ValueError):
        # Not ours, or touched. What opens was made by sink_url.
        return None


def sink_of(vault: Vault, origin: str, tenant: TenantId, url: str) -> Sink | None:
    """The same of a whole address, as an operator lists it."""
    before = f"{origin}{_path(tenant)}"
    return opened_sink(vault, tenant, url.removeprefix(before)) if url.startswith(before) else None


def sink_token(vault: Vault, tenant: TenantId, sink: Sink) -> Secret | None:
    """The bearer token of its events: the same every time, and for this deployment and this operator only.

    ``None`` where the key is not here that it was made with.
    """
    token = vault.spelled(key_of(sink.generation), "operator-events", tenant, _encoder.encode(sink).decode())
    return None if token is None else Secret(token.encode())


def new_generation(vault: Vault, drawn: bytes) -> str:
    """A name for one subscription that was never used before, by these random bytes. It says its key."""
    return f"{vault.name}{_KEY_ENDS}{ids.to_base64url(drawn)}"


def key_of(generation: str) -> str:
    """The name of the deployment key that this one was made with."""
    return generation.partition(_KEY_ENDS)[0]


def _path(tenant: TenantId) -> str:
    return f"/v1/{tenant}/operator-events/"


def _context(tenant: TenantId) -> str:
    return f"operator-events:{tenant}"
