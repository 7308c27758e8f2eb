"""What the application needs of the world (docs/spec section 9). A port is a list of promises, one test per promise.

Store:

* *atomic*: all of a changeset is visible, or none. *durable*: when ``commit`` returns, a power cut undoes nothing.
* *serial*: two commits from one account or challenge version: one wins, the other gets a ``Conflict``.
* *once*: a nonce is spent once, for ever; an idempotency key is answered once, a repeat reads the first answer.
* *apart*: in one batch each changeset has its own outcome; a refused one leaves nothing behind and hurts no other.
* *for ever*: no event is changed or removed. *complete*: every event gets exactly one log position, in order of its
  account, from the sequencer.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from pteri.app.anchor_ports import AnchorStore
from pteri.app.audit_ports import AuditBook
from pteri.app.key_ports import KeyBook
from pteri.app.log_ports import LogBook
from pteri.app.subscription_ports import SubscriptionStore
from pteri.core.ids import AccountId, Digest, IdempotencyKey, Nonce, RequestId, TenantId, Thumbprint
from pteri.core.keys.secret import Secret
from pteri.domain.account import Account
from pteri.domain.addresses import Address
from pteri.domain.challenge import Challenge
from pteri.domain.chip import KeptChip
from pteri.domain.kept_line import Heard, KeptLine
from pteri.domain.mailbox import Mailbox
from pteri.domain.records import Delivery, Notice, RecordedEvent, Telling
from pteri.domain.signals import Signal
from pteri.domain.spelling import Spelling

__all__ = [
    "AccountChange",
    "Answer",
    "ChallengeChange",
    "Changeset",
    "Claim",
    "ClaimKind",
    "Claimed",
    "Clock",
    "Committed",
    "Conflict",
    "ConflictKind",
    "Count",
    "CounterKind",
    "Courier",
    "CourierUnavailable",
    "Entropy",
    "Letter",
    "LetterRefused",
    "LetterRejected",
    "Limited",
    "LineAnswer",
    "LineEvidence",
    "LogEntry",
    "Outcome",
    "RecordUnreadable",
    "Repeated",
    "Store",
    "StoreUnavailable",
    "Vault",
]


class Clock(Protocol):
    """Server time: the only one that decides."""

    def now(self) -> int:
        """Unix seconds."""
        ...

    def stepped_s(self) -> int:
        """By how many seconds it has been set forward (or back, negative) since it was started.

        Measured against a counter of the machine that nobody can set; 0 while time just passes.
        """
        ...


class Entropy(Protocol):
    """Randomness for ids, nonces and salts."""

    def draw(self, size: int) -> bytes:
        """``size`` fresh random bytes."""
        ...


class Vault(Protocol):
    """Work with the deployment keys, which are not in the database. It can make no user's signature.

    What is kept for long has a spelling under each key (section 9.8). What lives for minutes, and what a stranger must
    see the same at every try, comes of the oldest key that is trusted.
    """

    @property
    def name(self) -> str:
        """Names the key that writes, and tells nothing of it: what was hashed under another one is known by that."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Of all keys, the one that writes first."""
        ...

    def is_outdated(self, name: str) -> bool:
        """Whether what was made under the key of this name is better made again: it wrote before, or is not here."""
        ...

    def mark(self, name: str) -> str:
        """By which a database knows the key of this name again."""
        ...

    def spellings(self, kind: str, tenant: TenantId, value: str) -> tuple[Spelling, ...]:
        """Keyed hashes of a personal identifier, one under each key, the one that writes first."""
        ...

    def spelled(self, name: str, kind: str, tenant: TenantId, value: str) -> Digest | None:
        """The same under the key of this name; ``None`` where there is none."""
        ...

    def salts(self, kind: str, tenant: TenantId, value: str) -> tuple[bytes, ...]:
        """32 bytes that only this deployment can derive again, under each key, the one that writes first."""
        ...

    def blind(self, kind: str, tenant: TenantId, value: str) -> Digest:
        """Keyed hash of what is compared for some minutes: HMAC-SHA-256 under a key of its own per kind."""
        ...

    def derive(self, kind: str, tenant: TenantId, value: str) -> bytes:
        """32 bytes that only this deployment can derive again, for some minutes or for a stranger's eyes."""
        ...

    def tag(self, kind: str, tenant: TenantId, value: str) -> bytes:
        """32 bytes that show, for some minutes, that this deployment made ``value``: compared, and kept nowhere."""
        ...

    def seal(self, plain: bytes, context: str) -> bytes:
        """Authenticated encryption; ``context`` must be the same to open. It says its key."""
        ...

    def header(self, name: str) -> bytes:
        """How everything begins that is sealed under the key of this name."""
        ...

    def open(self, sealed: bytes, context: str) -> bytes:
        """The inverse of :meth:`seal` for what is kept here; raises ``ValueError`` for anything else."""
        ...

    def open_token(self, sealed: bytes, context: str) -> bytes:
        """The same for what comes from outside: what a key made that others may have is ``ValueError``, too."""
        ...


class LineAnswer(msgspec.Struct, frozen=True):
    """What operators said of a line, or that none did. ``answered_at``: when one last answered at all, Unix seconds."""

    signals: tuple[Signal, ...] = ()
    answered_at: int | None = None


class LineEvidence(Protocol):
    """The mobile operators. Silence is an answer, and it is recorded like one."""

    async def heard(self, tenant: TenantId, account: AccountId, esim: Digest, *, since: int, at: int) -> LineAnswer:
        """What they say now of the line ``esim`` of this account, as it was bound at ``since``.

        Never raises for a failing operator, and does not wait long for one.
        """
        ...

    async def alive(self, tenant: TenantId, account: AccountId, esim: Digest, token: Secret, *, at: int) -> Signal:
        """Whether the phone that brought this temporary token uses the line now. The token is spent and wiped."""
        ...


class Letter(msgspec.Struct, frozen=True):
    """What one person is told by mail. ``to`` is a plain address; ``id`` is the same for the same letter sent again."""

    id: str
    to: str
    subject: str
    text: str
    at: int

    def __repr__(self) -> str:
        # An address is personal data.
        return f"Letter({self.id})"


class LetterRefused(Exception):
    """Whoever carries letters does not take this one now. Others may still go."""


class LetterRejected(Exception):
    """Whoever carries letters will never take this one. Others may still go."""


class CourierUnavailable(Exception):
    """Whoever carries letters does not answer, or not as agreed. Nothing is known of the letter."""


class Courier(Protocol):
    """Carries letters out of the house."""

    async def send(self, letter: Letter) -> None:
        """Return when another machine has taken the letter.

        Else ``LetterRefused``, ``LetterRejected`` or ``CourierUnavailable``. Whoever is
        not sure says ``LetterRefused``: a letter that was rejected is offered no more.
        """
        ...


class StoreUnavailable(Exception):
    """The database failed; nothing is known of the changeset, and a repeat with the same key finds out."""


class RecordUnreadable(StoreUnavailable):
    """It answered, and with something that it was never given: this record is damaged, whoever asks again."""


class ClaimKind(StrEnum):
    """What belongs to one account only in a tenant, for ever."""

    LOGIN = "LOGIN"
    WALLET = "WALLET"
    DEVICE = "DEVICE"


class Claim(msgspec.Struct, frozen=True):
    """``value`` is a keyed hash (login, wallet) or a thumbprint (device).

    ``key``: the name of the deployment key of the hash, empty for none, and where an older program wrote it. ``bond``:
    of a login that is another spelling of the account's own, a keyed hash that says so; else empty.
    """

    kind: ClaimKind
    value: str
    key: str = ""
    bond: str = ""


class Claimed(msgspec.Struct, frozen=True):
    """A claim with the account that holds it."""

    tenant: TenantId
    claim: Claim
    account: AccountId


class CounterKind(StrEnum):
    """What is counted for security, in the same transaction as what it limits."""

    PROMPT = "PROMPT"
    FAILED_SIGN_IN = "FAILED_SIGN_IN"
    WRONG_CODE = "WRONG_CODE"
    RECOVERY_START = "RECOVERY_START"
    AUTHORITY_CHANGE = "AUTHORITY_CHANGE"
    WALLET_ALONE = "WALLET_ALONE"
    LINE_GUESS = "LINE_GUESS"
    RECOVERY_CODE = "RECOVERY_CODE"
    OFFLINE_GUESS = "OFFLINE_GUESS"
    LINE_PROOF = "LINE_PROOF"
    WRONG_ANSWER = "WRONG_ANSWER"
    REFUSED_ACT = "REFUSED_ACT"


class Count(msgspec.Struct, frozen=True):
    """One more in the window of ``window_s`` seconds that holds ``at`` (windows start at multiples of their length).

    ``limit``: how many the window may hold; one more makes the whole changeset ``Limited``. ``None``: only count.
    ``adds`` false: only look. The changeset is ``Limited`` while the window is full, and adds nothing to it.
    """

    kind: CounterKind
    subject: str
    window_s: int
    at: int
    limit: int | None = None
    adds: bool = True


class Answer(msgspec.Struct, frozen=True):
    """The recorded answer to one request of one caller; ``request_sha256`` covers method, target and body.

    ``on_log``: it tells of a change of authority, and is given when the log has that.
    """

    caller: Thumbprint
    key: IdempotencyKey
    request_sha256: Digest
    status: int
    body: bytes
    at: int
    on_log: bool = False


class ChallengeChange(msgspec.Struct, frozen=True):
    """``expected_version`` 0: the challenge is new (its id and its nonce must be, too)."""

    expected_version: int
    challenge: Challenge


class AccountChange(msgspec.Struct, frozen=True):
    """``expected_version`` 0: the account is new. ``events`` are all since then; ``account`` is their fold."""

    expected_version: int
    account: Account
    events: tuple[RecordedEvent, ...]
    claims: tuple[Claim, ...] = ()


class Changeset(msgspec.Struct, frozen=True):
    """Everything one request changes: visible together or not at all."""

    tenant: TenantId
    answer: Answer | None = None
    spent: Nonce | None = None
    challenges: tuple[ChallengeChange, ...] = ()
    account: AccountChange | None = None
    notices: tuple[Notice, ...] = ()
    counts: tuple[Count, ...] = ()
    addresses: tuple[Address, ...] = ()
    line: KeptLine | None = None
    chip: KeptChip | None = None


class ConflictKind(StrEnum):
    """Which promise refused the changeset."""

    ACCOUNT_VERSION = "ACCOUNT_VERSION"
    CHALLENGE_VERSION = "CHALLENGE_VERSION"
    NONCE_SPENT = "NONCE_SPENT"
    CLAIM_TAKEN = "CLAIM_TAKEN"
    KEY_REUSED = "KEY_REUSED"
    ACCOUNT_HALTED = "ACCOUNT_HALTED"
    """The audit halted the account that would be changed, or whose challenge would be answered."""


class Committed(msgspec.Struct, frozen=True):
    """Durable now."""


class Repeated(msgspec.Struct, frozen=True):
    """The same request was committed before; this is what was answered then. Nothing changed now."""

    answer: Answer


class Conflict(msgspec.Struct, frozen=True):
    """Nothing changed. ``claim`` says which, for ``CLAIM_TAKEN``."""

    kind: ConflictKind
    claim: ClaimKind | None = None


class Limited(msgspec.Struct, frozen=True):
    """Nothing changed: the window is full until ``retry_at`` (Unix seconds)."""

    kind: CounterKind
    retry_at: int


Outcome = Committed | Repeated | Conflict | Limited


class LogEntry(msgspec.Struct, frozen=True):
    """An event and its log position, from 0 without gaps."""

    position: int
    recorded: RecordedEvent


class Store(Protocol):
    """The registry. See the promises above. Raises ``StoreUnavailable`` when the database fails."""

    @property
    def anchors(self) -> AnchorStore:
        """What is kept beside it of anchors: no account, and no history."""
        ...

    @property
    def subscriptions(self) -> SubscriptionStore:
        """What is kept beside it of subscriptions at operators: no account, and no history."""
        ...

    @property
    def audits(self) -> AuditBook:
        """How far the audit has come, and which accounts it halted."""
        ...

    @property
    def book(self) -> LogBook:
        """The tree over the log."""
        ...

    @property
    def keys(self) -> KeyBook:
        """Which deployment keys it needs, and what it keeps under each."""
        ...

    async def commit(self, batch: Sequence[Changeset]) -> list[Outcome]:
        """Make these changesets durable in one transaction, in order, each with its own outcome."""
        ...

    async def answer(self, tenant: TenantId, caller: Thumbprint, key: IdempotencyKey) -> Answer | None:
        """What was answered to this caller's request with this key."""
        ...

    async def challenge(self, tenant: TenantId, request: RequestId) -> Challenge | None:
        """The challenge with this id."""
        ...

    async def prompts(self, tenant: TenantId, account: AccountId, at: int) -> list[Challenge]:
        """Live, prompted, unanswered sign-ins of an account, newest first, at most 20."""
        ...

    async def account(self, tenant: TenantId, account: AccountId) -> Account | None:
        """The account as last committed."""
        ...

    async def owner(self, tenant: TenantId, claim: Claim) -> AccountId | None:
        """Which account holds this claim."""
        ...

    async def claims(self, after: tuple[str, str, str] | None, limit: int) -> list[Claimed]:
        """All claims in order of (tenant, kind, value), after the given one: for checks over everything."""
        ...

    async def is_spent(self, tenant: TenantId, nonce: Nonce) -> bool:
        """Whether this nonce was spent."""
        ...

    async def account_of(self, tenant: TenantId, claim: Claim) -> Account | None:
        """The account that holds this claim, as last committed."""
        ...

    async def challenge_and_account(
        self, tenant: TenantId, request: RequestId, otherwise: AccountId | None = None
    ) -> tuple[Challenge | None, Account | None]:
        """The challenge with this id, and the account it is for where that exists; both as of one moment.

        Where there is no such challenge, the account is ``otherwise``.
        """
        ...

    async def count(self, tenant: TenantId, count: Count) -> int:
        """How many its window holds now."""
        ...

    async def history(self, tenant: TenantId, account: AccountId, after_seq: int, limit: int) -> list[RecordedEvent]:
        """Events of an account in order, after ``after_seq``."""
        ...

    async def positions(
        self, tenant: TenantId, account: AccountId, after_seq: int, limit: int
    ) -> list[tuple[int, int | None]]:
        """``seq`` of the events after ``after_seq`` in order, each with its log position, or ``None``."""
        ...

    async def notices(self, tenant: TenantId, account: AccountId, at: int, limit: int) -> list[Notice]:
        """Those that are to be told by Unix second ``at``, newest first."""
        ...

    async def untold(self, at: int, limit: int) -> list[Notice]:
        """At most ``limit`` notices that are due by Unix second ``at`` and that nobody dealt with, oldest first."""
        ...

    async def tell(self, tenant: TenantId, tellings: Sequence[Telling]) -> None:
        """Give those that are told the next places of this tenant, in this order; nobody deals with any of them again.

        A place is given after its notice was committed, and no place before it is given later: whoever reads on from a
        place misses none, however late a notice was committed. One that has a place keeps it, and gets no deliveries
        again.
        """
        ...

    async def deliveries(self, at: int, limit: int) -> list[tuple[Delivery, Notice]]:
        """At most ``limit`` deliveries that are due by Unix second ``at``, the longest due first."""
        ...

    async def delivered(self, done: Sequence[Delivery], later: Sequence[Delivery]) -> None:
        """Those that are ``done`` are over; those for ``later`` are as they say now, where they are not over."""
        ...

    async def told(self, tenant: TenantId, after: int, limit: int) -> list[tuple[int, Notice]]:
        """Notices of a tenant with their places, in order, after place ``after``; the first place is 1."""
        ...

    async def sequence(self, limit: int) -> int:
        """Give log positions to at most ``limit`` committed events that have none; how many got one.

        Within an account positions follow ``seq``. Exactly one position per event, whatever dies in between.
        """
        ...

    async def log(self, from_position: int, limit: int) -> list[LogEntry]:
        """The log in order of position."""
        ...

    async def accounts(self, after: tuple[str, str] | None, limit: int) -> list[Account]:
        """All accounts in order of (tenant, id), after the given one: for checks over everything."""
        ...

    async def lease(self, name: str, holder: str, *, at: int, until: int) -> bool:
        """Whether ``holder`` has the lease ``name`` from ``at`` to ``until`` (Unix seconds): new, prolonged or taken.

        One that another holder has is free again from its own ``until`` on. Only economy may hang on a lease, never
        truth: the clocks of two machines differ, and a holder that sleeps does not see its lease end.
        """
        ...

    async def release(self, name: str, holder: str) -> None:
        """Give the lease back early, if this holder has it."""
        ...

    async def pin(self, name: str, value: str) -> str:
        """The value that was pinned first under this name, for ever; this one, if there was none."""
        ...

    async def unfinished(self, before: int, limit: int) -> list[Challenge]:
        """Approved sign-ins that ended before Unix second ``before`` without their code, oldest first.

        Those of halted accounts wait, and are not forgotten, until the halt is lifted.
        """
        ...

    async def forget_answers(self, before: int, limit: int) -> int:
        """Drop at most ``limit`` answers, challenges and counters that ended before Unix second ``before``; how many.

        Spent nonces stay: what was signed once stays signed once.
        """
        ...

    async def mailbox(self, tenant: TenantId, mailbox_id: str) -> Mailbox | None:
        """The mailbox with this id, also one that has ended."""
        ...

    async def keep_mailbox(self, mailbox: Mailbox) -> bool:
        """Whether this mailbox is durable now: a new one of version 1, or what follows the version before its own.

        False changes nothing: there is one of this id, or somebody else has changed it.
        """
        ...

    async def forget_mailboxes(self, ended_before: int, gone_before: int, limit: int) -> int:
        """Empty at most ``limit`` mailboxes that ended before the one second, drop as many that did before the other.

        How many rows that were. An emptied one is an ended one.
        """
        ...

    async def addresses(self, tenant: TenantId, account: AccountId) -> list[Address]:
        """The kept addresses of an account, the oldest first."""
        ...

    async def forget_addresses(self, before: int, limit: int) -> int:
        """Drop at most ``limit`` addresses that ended before Unix second ``before``; how many."""
        ...

    async def line(self, tenant: TenantId, account: AccountId) -> tuple[KeptLine, Heard | None] | None:
        """The kept line of an account, and what operators last said of this line."""
        ...

    async def accounts_of_line(self, tenant: TenantId, mac: Digest, limit: int) -> list[AccountId]:
        """At most ``limit`` accounts whose line has this keyed hash, in order."""
        ...

    async def accounts_of_chip(self, tenant: TenantId, chip: Digest, limit: int) -> list[AccountId]:
        """At most ``limit`` accounts whose chip has this keyed hash, in order."""
        ...

    async def hear(self, tenant: TenantId, account: AccountId, heard: Heard) -> None:
        """Keep what operators said, unless something later is kept of the same line."""
        ...

    async def close(self) -> None:
        """Release the database."""
        ...
