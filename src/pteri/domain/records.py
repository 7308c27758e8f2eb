"""What is written down, for ever: events with their evidence, and notices to people (docs/spec section 9)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from pteri.core.ids import AccountId, Digest, TenantId
from pteri.domain.decisions import Decision
from pteri.domain.events import Event
from pteri.domain.facts import Circumstances

__all__ = ["Delivery", "Evidence", "Notice", "NoticeKind", "RecordedEvent", "SignedBytes", "Telling"]


class SignedBytes(msgspec.Struct, frozen=True):
    """The request as it was signed: with it and the statement, anyone re-verifies both signatures.

    The body carries the wallet signature; the three header values carry the device signature.
    """

    method: str
    target_uri: str
    body: bytes
    content_digest: str
    idempotency_key: str
    signature_input: str
    signature: str


class Evidence(msgspec.Struct, frozen=True):
    """Why an event happened: statement text, signatures, circumstances, rules, decision. An auditor re-decides it."""

    statement: str
    signed: SignedBytes
    circumstances: Circumstances
    rules: Digest
    decision: Decision


class RecordedEvent(msgspec.Struct, frozen=True):
    """An event at its place in its account: ``seq`` is the account's version after it, from 1 without gaps."""

    tenant: TenantId
    account: AccountId
    seq: int
    event: Event
    evidence: Evidence | None = None


class NoticeKind(StrEnum):
    """What people are told, on every verified phone. Closed; the text for people belongs to the wallet."""

    MIGRATION_APPROVED = "MIGRATION_APPROVED"
    RECOVERY_STARTED = "RECOVERY_STARTED"
    PHONE_ADDED = "PHONE_ADDED"
    PHONE_REMOVED = "PHONE_REMOVED"
    WALLET_WITHOUT_PHONE = "WALLET_WITHOUT_PHONE"
    CLAIM_STOPPED = "CLAIM_STOPPED"
    CLAIM_DELAYED = "CLAIM_DELAYED"
    ACCOUNT_FROZEN = "ACCOUNT_FROZEN"
    ACCOUNT_CONTESTED = "ACCOUNT_CONTESTED"
    ACCOUNT_UNFROZEN = "ACCOUNT_UNFROZEN"
    WALLET_CHANGE_STARTED = "WALLET_CHANGE_STARTED"
    WALLET_CHANGED = "WALLET_CHANGED"
    PROTECTION_CHANGE_STARTED = "PROTECTION_CHANGE_STARTED"
    PROTECTION_CHANGED = "PROTECTION_CHANGED"
    SPOKEN_FOR = "SPOKEN_FOR"
    OFFLINE_CODES_PREPARED = "OFFLINE_CODES_PREPARED"
    OFFLINE_CODE_USED = "OFFLINE_CODE_USED"
    CHANNELS_CHANGE_STARTED = "CHANNELS_CHANGE_STARTED"
    CHANNELS_CHANGED = "CHANNELS_CHANGED"
    FROZEN_BY_LINK = "FROZEN_BY_LINK"
    LINE_SUSPECT = "LINE_SUSPECT"
    LINE_REBOUND = "LINE_REBOUND"
    MOVE_ANNOUNCED = "MOVE_ANNOUNCED"


class Delivery(msgspec.Struct, frozen=True):
    """A notice on its way to one address: tried again at ``next_at``, and no more from ``gives_up_at`` on."""

    tenant: TenantId
    account: AccountId
    notice: str
    channel: Digest
    next_at: int
    gives_up_at: int
    attempts: int = 0


class Telling(msgspec.Struct, frozen=True):
    """What becomes of a notice whose time has come: told to the relying party, or not, since nothing waits any more.

    ``deliveries``: to whom else it goes from now on.
    """

    account: AccountId
    notice: str
    is_told: bool
    deliveries: tuple[Delivery, ...] = ()


class Notice(msgspec.Struct, frozen=True):
    """One notice. ``id`` is made in the application from the act it tells of, so that a retry makes no second one.

    ``phone``: four words, empty where no phone did it. ``at``: when it is to be told. ``case``: digest of the statement
    that began what waits until ``until``. A ``reminder`` is written when that begins, with a later ``at``, and counts
    only while it waits.
    """

    id: str
    tenant: TenantId
    account: AccountId
    at: int
    kind: NoticeKind
    phone: str
    until: int | None = None
    case: Digest | None = None
    reminder: bool = False
