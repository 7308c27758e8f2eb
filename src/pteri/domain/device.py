"""The life of a phone in an account.

``REVOKED`` and ``DROPPED`` are the ends: a thumbprint that was there once never comes back (tombstone). A phone
enters as ``PENDING`` by an approved migration or an open recovery and becomes ``ACTIVE`` only by its own ``accept``
statement; the first phone of an account enters ``ACTIVE`` with the code typed into the Web2 session.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from pteri.core.acts import phone_name
from pteri.core.ids import Digest, RequestId, Thumbprint
from pteri.domain.tables import step

__all__ = ["DEVICE_TABLE", "Device", "DeviceEvent", "DeviceState", "Suspension"]


class DeviceState(StrEnum):
    """Where a phone stands. A person sees ``ACTIVE`` as "verified phone"."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    DROPPED = "DROPPED"


class DeviceEvent(StrEnum):
    """What can happen to a phone."""

    ACTIVATE = "ACTIVATE"
    SUSPEND = "SUSPEND"
    REVOKE = "REVOKE"
    DROP = "DROP"
    REINSTATE = "REINSTATE"


DEVICE_TABLE: Final = {
    (DeviceState.PENDING, DeviceEvent.ACTIVATE): DeviceState.ACTIVE,
    (DeviceState.PENDING, DeviceEvent.REVOKE): DeviceState.REVOKED,
    (DeviceState.PENDING, DeviceEvent.DROP): DeviceState.DROPPED,
    (DeviceState.ACTIVE, DeviceEvent.SUSPEND): DeviceState.SUSPENDED,
    (DeviceState.ACTIVE, DeviceEvent.REVOKE): DeviceState.REVOKED,
    (DeviceState.SUSPENDED, DeviceEvent.REVOKE): DeviceState.REVOKED,
    (DeviceState.SUSPENDED, DeviceEvent.REINSTATE): DeviceState.ACTIVE,
}


class Suspension(msgspec.Struct, frozen=True):
    """Which request suspended a phone, and from when on (Unix seconds) it is revoked.

    ``approval``: digest of the statement that did it, by which the phone names it when it objects.
    """

    request: RequestId
    revoke_at: int
    approval: Digest = Digest("")


class Device(msgspec.Struct, frozen=True):
    """A phone: its public key (base64url SEC1), state, and instants in Unix seconds.

    ``probation_until``: until then it may sign in and nothing else. ``suspension`` is there while, and only while, it
    is suspended. The registry keeps no name, model or place of a phone.
    """

    thumbprint: Thumbprint
    key: str
    state: DeviceState
    created_at: int
    last_seen_at: int
    probation_until: int = 0
    suspension: Suspension | None = None

    @property
    def name(self) -> str:
        """Four words by which people recognise it."""
        return phone_name(self.thumbprint)

    def after(self, event: DeviceEvent, **changes: int | Suspension | None) -> Device:
        """This phone one transition later."""
        return msgspec.structs.replace(self, state=step(DEVICE_TABLE, self.state, event), **changes)

    def on_probation(self, at: int) -> bool:
        """Whether it is too new for anything but signing in."""
        return at < self.probation_until
