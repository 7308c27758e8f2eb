"""The library for programs: wallet and client with this machine's clock, randomness and network filled in.

A composition root. The classes it fills in take all three as arguments and know nothing of machines; whoever needs
others, as tests do, uses ``pteri.wallet`` directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from pteri.adapters.system import SystemClock, SystemEntropy
from pteri.wallet import client, wallet
from pteri.wallet.transport import HttpTransport

if TYPE_CHECKING:
    from pteri.core.keys.device import DevicePrivateKey
    from pteri.wallet.ports import Clock, Entropy
    from pteri.wallet.server import Transport

__all__ = ["BrowserSession", "Client", "Wallet"]

_CLOCK: Final = SystemClock()
_ENTROPY: Final = SystemEntropy()


class Wallet(wallet.Wallet):
    """See :class:`pteri.wallet.wallet.Wallet`."""

    __slots__ = ()

    @classmethod
    def new(cls, *, entropy: Entropy = _ENTROPY, words: int = 12, network: str = "main") -> Self:
        """A new wallet of 12 or 24 words. Whoever has the words has the wallet: back it up, and keep it closed."""
        return super().new(entropy=entropy, words=words, network=network)


class BrowserSession(client.BrowserSession):
    """See :class:`pteri.wallet.client.BrowserSession`."""

    __slots__ = ()

    @classmethod
    def new(cls, *, entropy: Entropy = _ENTROPY) -> Self:
        """A session nobody can guess."""
        return super().new(entropy=entropy)


class Client(client.Client):
    """See :class:`pteri.wallet.client.Client`."""

    def __init__(
        self,
        origin: str,
        tenant: str,
        key: DevicePrivateKey | str,
        *,
        transport: Transport | None = None,
        clock: Clock = _CLOCK,
        entropy: Entropy = _ENTROPY,
    ) -> None:
        carrier = HttpTransport() if transport is None else transport
        super().__init__(origin, tenant, key, transport=carrier, clock=clock, entropy=entropy)
