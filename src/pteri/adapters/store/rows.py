"""What a commit reads and writes, as rows of tables: the common ground of all databases. Nothing here decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pteri.adapters.store import codec
from pteri.app.ports import Answer, Changeset, Claim, Claimed, ClaimKind, Count, RecordUnreadable
from pteri.core.ids import AccountId, Digest, IdempotencyKey, TenantId, Thumbprint
from pteri.domain.addresses import Address
from pteri.domain.kept_line import Heard, KeptLine
from pteri.domain.records import Delivery

__all__ = [
    "ANSWERED",
    "PENDING",
    "SHOWN",
    "UNLIMITED",
    "Held",
    "Key",
    "Keys",
    "Row",
    "Writes",
    "address_of",
    "answer_of",
    "claimed_of",
    "counter_key",
    "delivery_of",
    "delivery_row",
    "keys_of",
    "line_of",
    "window_end",
]

Key = tuple[str | int, ...]
"""Key of a row, tenant first."""
Row = tuple[Any, ...]
"""Values in the order of the columns that :class:`Writes` names."""

UNLIMITED: Final = 2**63 - 1

ANSWERED: Final = 0
PENDING: Final = 1
SHOWN: Final = 2
"""Column ``waits``: nobody can answer any more; its nonce waits to be spent; and phones are shown it, too.

Indexes hang on it, so it changes once. That an approved sign-in waits for its code stands in ``approved``, beside them.
"""


def answer_of(key: Key, row: Row) -> Answer:
    """The answer under this key (tenant, caller, idempotency key)."""
    _, caller, idempotency_key = key
    request_sha256, status, body, at, on_log = row
    return Answer(
        Thumbprint(str(caller)),
        IdempotencyKey(str(idempotency_key)),
        Digest(request_sha256),
        status,
        body,
        at,
        bool(on_log),
    )


def claimed_of(row: Row) -> Claimed:
    """The claim of this row: tenant, kind, value, account, mac_key, bond."""
    tenant, kind, value, account, key, bond = row
    try:
        return Claimed(TenantId(tenant), Claim(ClaimKind(kind), value, key, bond), AccountId(account))
    except ValueError as error:
        # As with any record: we wrote it, so the medium failed or somebody wrote past us.
        raise RecordUnreadable("the database holds a claim that cannot be read") from error


def address_of(row: Row) -> Address:
    """The address of this row: tenant, account, channel, sealed, since, ends_at."""
    tenant, account, channel, sealed, since, ends_at = row
    return Address(TenantId(tenant), AccountId(account), Digest(channel), sealed, since, ends_at)


def line_of(row: Row) -> tuple[KeptLine, Heard | None]:
    """tenant, account, esim, sealed, mac, mac_key, and what was last heard of it."""
    tenant, account, esim, sealed, mac, mac_key, heard = row
    kept = KeptLine(TenantId(tenant), AccountId(account), Digest(esim), sealed, Digest(mac), mac_key)
    return kept, None if heard is None else codec.decode_heard(heard)


def delivery_row(delivery: Delivery) -> Row:
    """tenant, account, id, channel, next_at, gives_up_at, attempts."""
    where = (delivery.tenant, delivery.account, delivery.notice, delivery.channel)
    return *where, delivery.next_at, delivery.gives_up_at, delivery.attempts


def delivery_of(row: Row) -> Delivery:
    """The delivery of a row that begins as :func:`delivery_row` says."""
    tenant, account, notice, channel, next_at, gives_up_at, attempts = row[:7]
    return Delivery(TenantId(tenant), AccountId(account), notice, Digest(channel), next_at, gives_up_at, attempts)


def window_end(count: Count) -> int:
    """First second after the window that holds this count."""
    return (count.at // count.window_s + 1) * count.window_s


def counter_key(tenant: str, count: Count) -> Key:
    """Key of the window that holds this count."""
    return tenant, count.kind.value, count.subject, count.window_s, window_end(count)


@dataclass(slots=True)
class Held:
    """What the database holds under the keys of a batch. ``hoped``: nobody has looked yet."""

    hoped: bool = False
    answers: dict[Key, Answer] = field(default_factory=dict)
    totals: dict[Key, int] = field(default_factory=dict)
    spent: dict[Key, bool] = field(default_factory=dict)
    waiting: dict[Key, str | None] = field(default_factory=dict)
    """Challenge that can still be answered, by its nonce."""
    challenges: dict[Key, int] = field(default_factory=dict)
    """Versions; so are ``accounts``."""
    accounts: dict[Key, int] = field(default_factory=dict)
    claims: dict[Key, str] = field(default_factory=dict)
    """Account by claim."""
    halted: dict[Key, bool] = field(default_factory=dict)
    """Accounts that nobody changes now."""


@dataclass(slots=True)
class Keys:
    """The keys that decide over a batch, each once."""

    answers: set[Key] = field(default_factory=set)
    counters: set[Key] = field(default_factory=set)
    nonces: set[Key] = field(default_factory=set)
    """Spent ones and those of challenges."""
    challenges: set[Key] = field(default_factory=set)
    accounts: set[Key] = field(default_factory=set)
    claims: set[Key] = field(default_factory=set)


def keys_of(batch: Sequence[Changeset]) -> Keys:
    """What must be read before this batch can be judged on what the database holds."""
    keys = Keys()
    for changeset in batch:
        tenant = changeset.tenant
        if changeset.answer is not None:
            keys.answers.add((tenant, changeset.answer.caller, changeset.answer.key))
        keys.counters.update(counter_key(tenant, count) for count in changeset.counts)
        if changeset.spent is not None:
            keys.nonces.add((tenant, changeset.spent))
        for moved in changeset.challenges:
            keys.challenges.add((tenant, moved.challenge.id))
            keys.nonces.add((tenant, moved.challenge.nonce))
            if moved.challenge.account is not None:
                keys.accounts.add((tenant, moved.challenge.account))
        if changeset.account is not None:
            keys.accounts.add((tenant, changeset.account.account.id))
            keys.claims.update((tenant, claim.kind.value, claim.value) for claim in changeset.account.claims)
    return keys


@dataclass(slots=True)
class Writes:
    """Rows to write, table by table; each under its condition, or none of them."""

    answers: list[Row] = field(default_factory=list)
    """tenant, caller, key, request_sha256, status, body, at, on_log: new."""
    counted: list[Row] = field(default_factory=list)
    """tenant, kind, subject, window_s, ends_at, adds, ceiling: a total that was not above its ceiling before."""
    looked: list[Row] = field(default_factory=list)
    """tenant, kind, subject, window_s, ends_at, ceiling: the same, and nothing is added."""
    spent: list[Row] = field(default_factory=list)
    """tenant, nonce: new."""
    fresh: list[Row] = field(default_factory=list)
    """tenant, nonce: not spent before this batch."""
    moved: list[Row] = field(default_factory=list)
    """tenant, id, expected, version, waits, approved, expires_at, payload: there in the expected version. These go
    before ``issued``."""
    issued: list[Row] = field(default_factory=list)
    """tenant, id, account, version, waits, approved, issued_at, expires_at, nonce, payload: new, and so is its nonce
    among those that wait."""
    evolved: list[Row] = field(default_factory=list)
    """tenant, account, expected, version, state: there in the expected version."""
    opened: list[Row] = field(default_factory=list)
    """tenant, account, version, state: new."""
    claims: list[Row] = field(default_factory=list)
    """tenant, kind, value, account, mac_key, bond: new."""
    events: list[Row] = field(default_factory=list)
    """tenant, account, seq, payload."""
    notices: list[Row] = field(default_factory=list)
    """tenant, account, id, at, payload: new, or told already."""
    addresses: list[Row] = field(default_factory=list)
    """tenant, account, channel, sealed, since, ends_at: new, or its end is this one now."""
    lines: list[Row] = field(default_factory=list)
    chips: list[Row] = field(default_factory=list)
    """tenant, account, esim, sealed, mac, mac_key: in the place of the one that the account had."""
    ended: list[Row] = field(default_factory=list)
    """tenant, account, channel, ends_at: of one that is kept."""
