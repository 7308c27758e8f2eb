"""How records are kept in rows: compact JSON text, which an auditor can read with the database's own tools.

Only what a query asks for has a column of its own; the rest of a record is its text. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from pteri.app.audit_ports import AuditPlace, Halt
from pteri.app.ports import RecordUnreadable
from pteri.core.ids import TenantId
from pteri.domain.account import Account
from pteri.domain.anchoring import Anchor
from pteri.domain.challenge import Challenge
from pteri.domain.kept_line import Heard
from pteri.domain.mailbox import Mailbox
from pteri.domain.records import Notice, RecordedEvent
from pteri.domain.subscription import Subscription

__all__ = [
    "decode_account",
    "decode_anchor",
    "decode_audit_place",
    "decode_challenge",
    "decode_halt",
    "decode_heard",
    "decode_mailbox",
    "decode_notice",
    "decode_recorded",
    "decode_subscription",
    "encode",
]

T = TypeVar("T")

_ENCODER: Final = msgspec.json.Encoder()
_ACCOUNT: Final = msgspec.json.Decoder(Account)
_ANCHOR: Final = msgspec.json.Decoder(Anchor)
_AUDIT_PLACE: Final = msgspec.json.Decoder(AuditPlace)
_CHALLENGE: Final = msgspec.json.Decoder(Challenge)
_HALT: Final = msgspec.json.Decoder(Halt)
_HEARD: Final = msgspec.json.Decoder(Heard)
_MAILBOX: Final = msgspec.json.Decoder(Mailbox)
_NOTICE: Final = msgspec.json.Decoder(Notice)
_RECORDED: Final = msgspec.json.Decoder(RecordedEvent)
_SUBSCRIPTION: Final = msgspec.json.Decoder(Subscription)


def encode(
    record: Account | Anchor | AuditPlace | Challenge | Halt | Heard | Mailbox | Notice | RecordedEvent | Subscription,
) -> str:
    """The text of a record."""
    return _ENCODER.encode(record).decode()


def decode_account(text: str) -> Account:
    """The account of this text."""
    return _decode(_ACCOUNT, text)


def decode_anchor(text: str) -> Anchor:
    """The anchor of this text."""
    return _decode(_ANCHOR, text)


def decode_audit_place(text: str) -> AuditPlace:
    """How far the audit had come by this text."""
    return _decode(_AUDIT_PLACE, text)


def decode_halt(text: str) -> Halt:
    """Which account is halted, and why, by this text."""
    return _decode(_HALT, text)


def decode_challenge(text: str) -> Challenge:
    """The challenge of this text."""
    return _decode(_CHALLENGE, text)


def decode_heard(text: str) -> Heard:
    """What was heard, of this text."""
    return _decode(_HEARD, text)


def decode_mailbox(tenant: TenantId, mailbox_id: str, row: Sequence[Any]) -> Mailbox:
    """The mailbox of version, end and text; one that was emptied has no text."""
    version, expires_at, text = row
    if text is None:
        return Mailbox(tenant, mailbox_id, expires_at, ended=True, version=version)
    return _decode(_MAILBOX, text)


def decode_notice(text: str) -> Notice:
    """The notice of this text."""
    return _decode(_NOTICE, text)


def decode_recorded(text: str) -> RecordedEvent:
    """The event of this text."""
    return _decode(_RECORDED, text)


def decode_subscription(text: str) -> Subscription:
    """The subscription of this text."""
    return _decode(_SUBSCRIPTION, text)


def _decode(decoder: msgspec.json.Decoder[T], text: str) -> T:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        # We wrote it, so the medium failed or somebody wrote past us: no answer is better than half of one.
        raise RecordUnreadable("the database holds a record that cannot be read") from error
