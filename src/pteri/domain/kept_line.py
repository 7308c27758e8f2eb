"""A mobile line as it is kept so that its operator can be asked: sealed, one of an account (docs/spec section 9.6)."""

from __future__ import annotations

import msgspec

from pteri.core.ids import AccountId, Digest, TenantId
from pteri.domain.signals import Signal

__all__ = ["Heard", "KeptLine"]


class KeptLine(msgspec.Struct, frozen=True):
    """``esim``: the commitment that the account shows. ``sealed``: the line, under the deployment key.

    ``mac``: keyed hash of the line under the key named ``mac_key``, by which an operator's message finds the account.
    """

    tenant: TenantId
    account: AccountId
    esim: Digest
    sealed: bytes
    mac: Digest
    mac_key: str


class Heard(msgspec.Struct, frozen=True):
    """What operators last said of the line ``esim``. Unix seconds; ``answered_at``: when one last answered at all."""

    esim: Digest
    asked_at: int
    answered_at: int | None
    signals: tuple[Signal, ...] = ()
