"""PTERI: sign in with a wallet on your phone.

The names below are loaded when they are first used, so that ``import pteri`` costs nothing and needs no extra::

    import pteri

    wallet = pteri.Wallet.new()
    signature = wallet.sign("hello")
    pteri.verify_message(wallet.address(), b"hello", signature)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pteri.core.errors import Malformed, NotAuthentic, OutOfWindow, ProtocolError
    from pteri.core.keys.message import VerifiedMessage, verify_message
    from pteri.core.otp import one_time_code
    from pteri.sdk import BrowserSession, Client, Wallet
    from pteri.wallet.errors import WalletError
    from pteri.wallet.refusals import ServerError, UnsafeError

__all__ = [
    "BrowserSession",
    "Client",
    "Malformed",
    "NotAuthentic",
    "OutOfWindow",
    "ProtocolError",
    "ServerError",
    "UnsafeError",
    "VerifiedMessage",
    "Wallet",
    "WalletError",
    "one_time_code",
    "verify_message",
]

_HOMES: Final = {
    "BrowserSession": "pteri.sdk",
    "Client": "pteri.sdk",
    "Malformed": "pteri.core.errors",
    "NotAuthentic": "pteri.core.errors",
    "OutOfWindow": "pteri.core.errors",
    "ProtocolError": "pteri.core.errors",
    "ServerError": "pteri.wallet.refusals",
    "UnsafeError": "pteri.wallet.refusals",
    "VerifiedMessage": "pteri.core.keys.message",
    "Wallet": "pteri.sdk",
    "WalletError": "pteri.wallet.errors",
    "one_time_code": "pteri.core.otp",
    "verify_message": "pteri.core.keys.message",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
