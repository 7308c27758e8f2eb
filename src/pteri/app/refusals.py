"""Refusals of the application, each with a stable code: the web layer turns them into problems (docs/spec section 11).

``Denied`` is one answer for everything a stranger could learn from: unknown, wrong, expired, revoked, stale.
"""

from __future__ import annotations

from enum import StrEnum

from pteri.domain.decisions import Reason

__all__ = [
    "Clashes",
    "ClockJumped",
    "Denied",
    "Gone",
    "NotAllowed",
    "NotFound",
    "PendingLog",
    "Refusal",
    "RefusalCode",
    "SlowDown",
    "TooLarge",
]


class RefusalCode(StrEnum):
    """Why a request was refused, beside the reasons of policy. Closed; a name is never reused."""

    DENIED = "DENIED"
    NOT_FOUND = "NOT_FOUND"
    HELD = "HELD"
    CHALLENGE_CONSUMED = "CHALLENGE_CONSUMED"
    ALREADY_REGISTERED = "ALREADY_REGISTERED"
    KEY_REUSED = "KEY_REUSED"
    CHANGED_MEANWHILE = "CHANGED_MEANWHILE"
    SLOW_DOWN = "SLOW_DOWN"
    MAILBOX_ENDED = "MAILBOX_ENDED"
    MAILBOX_FULL = "MAILBOX_FULL"
    MESSAGE_SIZE = "MESSAGE_SIZE"
    PLACE_TAKEN = "PLACE_TAKEN"
    CLOCK_JUMPED = "CLOCK_JUMPED"
    PENDING_LOG = "PENDING_LOG"
    ACCOUNT_HALTED = "ACCOUNT_HALTED"


class Refusal(Exception):
    """``code`` is stable, ``detail`` says what happened and what to do next."""

    def __init__(self, code: RefusalCode | Reason, detail: str, *, until: int | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.until = until


class Denied(Refusal):
    """One answer for all. ``why`` is for the operator's log only and never reaches the caller."""

    def __init__(self, why: str) -> None:
        super().__init__(RefusalCode.DENIED, "This request was not accepted. Start again from the beginning.")
        self.why = why


class NotAllowed(Refusal):
    """The phone is known and its request authentic, but policy says no, or not before ``until``."""


class NotFound(Refusal):
    """No such thing in this tenant."""

    def __init__(self) -> None:
        super().__init__(RefusalCode.NOT_FOUND, "There is nothing with this id here.")


class Clashes(Refusal):
    """It would collide with something that is there already."""


class Gone(Refusal):
    """It was here, and is over."""


class TooLarge(Refusal):
    """More than is kept here."""


class SlowDown(Refusal):
    """A window is full until ``until``."""

    def __init__(self, until: int) -> None:
        super().__init__(
            RefusalCode.SLOW_DOWN, "Too many attempts. Wait, then try again; nothing is lost.", until=until
        )


class ClockJumped(Refusal):
    """Time would permit it, and the service's clock was set: nobody knows what time it is."""

    def __init__(self) -> None:
        super().__init__(
            RefusalCode.CLOCK_JUMPED,
            "The service is not sure of its clock, so nothing that waits ends now. Its operator has been told. Nothing "
            "is lost: try again later.",
        )


class PendingLog(Refusal):
    """It is done, and the log does not show it yet."""

    def __init__(self) -> None:
        super().__init__(
            RefusalCode.PENDING_LOG,
            "It is done, and its proof is not ready: the witnesses of the log have not seen it. Nothing is lost: send "
            "the same request again.",
        )
