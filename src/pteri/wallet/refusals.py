"""The two "no" of a ceremony: what this phone will not sign, and what the server will not do.

Both are :class:`~pteri.wallet.errors.WalletError`, so one ``except`` covers a whole ceremony. ``message`` is for the
person: what happened, and what to do next.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from pteri.wallet.errors import WalletError

__all__ = [
    "BAD_ANSWER",
    "PENDING_LOG",
    "UNREACHABLE",
    "SafetyCode",
    "ServerError",
    "UnsafeError",
    "instant_of",
    "utc_text",
]

UNREACHABLE: Final = "UNREACHABLE"
"""No answer: nobody knows whether the request arrived. The same request may be sent again."""
PENDING_LOG: Final = "PENDING_LOG"
"""It is done, and the service may not say so yet: the same request asks again."""
BAD_ANSWER: Final = "BAD_ANSWER"
"""An answer that no server of this protocol gives."""

_INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_REPEATABLE: Final = frozenset({429, 500, 502, 503, 504})


class SafetyCode(StrEnum):
    """Why the phone, or its owner, does not sign."""

    LOOKS_LIKE_STATEMENT = "LOOKS_LIKE_STATEMENT"
    """A text that a person could take for a sign-in, outside a ceremony."""
    NOT_TYPED_FIELDS = "NOT_TYPED_FIELDS"
    """A ready-made text where typed fields are expected: this wallet composes what it signs."""
    FIELD_MISMATCH = "FIELD_MISMATCH"
    """A field that is not what the phone knows; ``field`` names it."""
    OUT_OF_WINDOW = "OUT_OF_WINDOW"
    """Issued in the future, expired, or made to live too long, by this phone's clock."""
    NUMBER_NEEDED = "NUMBER_NEEDED"
    """Without a scanned code, the person must read the two digits from the other screen."""
    DECLINED = "DECLINED"
    """The person said no, or there was nobody to ask."""
    INSECURE_SERVER = "INSECURE_SERVER"
    """Not https, and not this very computer."""
    NOT_ENROLLED = "NOT_ENROLLED"
    """This phone is not connected to an account, or no longer."""
    ALREADY_ENROLLED = "ALREADY_ENROLLED"
    """This phone is connected already; a phone serves one account."""
    UNKNOWN_PHONE = "UNKNOWN_PHONE"
    """The account has no such phone."""
    NO_MOVE = "NO_MOVE"
    """This phone is in no move to another one, or from another one."""
    MOVE_UNDER_WAY = "MOVE_UNDER_WAY"
    """A move is not at its end: nothing is forgotten or wiped before that."""
    NOT_COMPARED = "NOT_COMPARED"
    """It is not known yet whether both phones of a move were shown one log: nothing is wiped before that."""
    NO_OFFLINE_CODES = "NO_OFFLINE_CODES"
    """No offline codes were prepared here, or they have run out."""
    NOTHING_SINGLE = "NOTHING_SINGLE"
    """Nothing waits, or more than one thing: the person must say which."""
    WALLET_IS_NEW = "WALLET_IS_NEW"
    """The wallet has been replaced already."""
    NO_ADDRESS = "NO_ADDRESS"
    """Not an address that warnings can go to, or the same one twice."""
    OTHER_LINE = "OTHER_LINE"
    """The account goes with another line than the one that was typed, or with none."""
    SOMEBODY_ELSE_FIRST = "SOMEBODY_ELSE_FIRST"
    """Another phone has answered the new phone before this one."""
    NEEDS_NETWORK = "NEEDS_NETWORK"
    """Without asking the service, this phone does not know enough to sign this."""
    WRONG_MOVE_CODE = "WRONG_MOVE_CODE"
    """Not the six digits that the old phone shows."""


class UnsafeError(WalletError):
    """This phone does not sign that. Nothing was signed."""

    def __init__(self, code: SafetyCode, message: str, *, field: str | None = None) -> None:
        super().__init__(code, message)
        self.field = field


class ServerError(WalletError):
    """The server said no, or nothing.

    ``code`` is the code of its problem (RFC 9457), :data:`UNREACHABLE` or :data:`BAD_ANSWER`; ``status`` the HTTP
    status, 0 without an answer; ``until`` the Unix second from which the same may succeed.
    """

    def __init__(self, code: str, message: str, *, status: int = 0, until: int | None = None) -> None:
        super().__init__(code, message)
        self.status = status
        self.until = until

    @property
    def may_repeat(self) -> bool:
        """Whether the outcome is unknown or may still come: the very same request should be sent again."""
        return self.status in _REPEATABLE or self.code in {UNREACHABLE, BAD_ANSWER}


def instant_of(text: str | None) -> int | None:
    """Unix seconds of ``YYYY-MM-DDThh:mm:ssZ``; None for anything else: a courtesy, nothing hangs on it."""
    if text is None or not _INSTANT.fullmatch(text):
        return None
    try:
        return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp())
    except ValueError:
        return None


def utc_text(at: int) -> str:
    """``YYYY-MM-DD hh:mm UTC`` for people."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
