"""One changeset on an open SQLite transaction: the first promise that would be broken names the outcome.

The order is part of the contract. The recorded answer comes first: a repeat must read its first answer back although
by now its nonce is spent and its versions are old. Counts come next: whoever is over a limit learns nothing else. The
caller undoes everything when the outcome is not ``Committed``.

Each statement sees what the ones before it wrote, also those of an earlier changeset in the same batch: a nonce or
key that comes twice in one batch meets itself in the table, like any other repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pteri.adapters.store import codec
from pteri.app.ports import (
    AccountChange,
    Answer,
    ChallengeChange,
    Changeset,
    Claim,
    Committed,
    Conflict,
    ConflictKind,
    Count,
    Limited,
    Outcome,
    Repeated,
)
from pteri.core.ids import Digest, IdempotencyKey, TenantId, Thumbprint
from pteri.domain.challenge import Challenge, ChallengeState, SignInAsked

if TYPE_CHECKING:
    from sqlite3 import Connection

__all__ = ["apply", "read_answer", "window_end"]

_NO_LIMIT: Final = 2**63 - 1


def apply(connection: Connection, changeset: Changeset) -> Outcome:
    """Write all of it, or say why not."""
    return (
        _repeated(connection, changeset)
        or _limited(connection, changeset)
        or _nonce_spent(connection, changeset)
        or _challenges_moved(connection, changeset)
        or _account_moved(connection, changeset)
        or _recorded(connection, changeset)
    )


def _repeated(connection: Connection, changeset: Changeset) -> Repeated | Conflict | None:
    answer = changeset.answer
    if answer is None:
        return None
    first = read_answer(connection, changeset.tenant, answer.caller, answer.key)
    if first is None:
        return None
    if first.request_sha256 != answer.request_sha256:
        return Conflict(ConflictKind.KEY_REUSED)
    return Repeated(first)


def _limited(connection: Connection, changeset: Changeset) -> Limited | None:
    for count in changeset.counts:
        if not _counted(connection, changeset.tenant, count):
            return Limited(count.kind, retry_at=window_end(count))
    return None


def _counted(connection: Connection, tenant: TenantId, count: Count) -> bool:
    limit = _NO_LIMIT if count.limit is None else count.limit
    if limit < 1:  # the statement below always lets the first one of a window in
        return False
    done = connection.execute(
        """
        INSERT INTO counters (tenant, kind, subject, window_s, ends_at, total) VALUES (?, ?, ?, ?, ?, 1)
        ON CONFLICT (tenant, kind, subject, window_s, ends_at)
        DO UPDATE SET total = counters.total + 1 WHERE counters.total < ?
        """,
        (tenant, count.kind, count.subject, count.window_s, window_end(count), limit),
    )
    return done.rowcount == 1


def window_end(count: Count) -> int:
    """First second after the window that holds this count."""
    return (count.at // count.window_s + 1) * count.window_s


def _nonce_spent(connection: Connection, changeset: Changeset) -> Conflict | None:
    if changeset.spent is None:
        return None
    done = connection.execute(
        "INSERT INTO spent (tenant, nonce) VALUES (?, ?) ON CONFLICT DO NOTHING", (changeset.tenant, changeset.spent)
    )
    return None if done.rowcount == 1 else Conflict(ConflictKind.NONCE_SPENT)


def _challenges_moved(connection: Connection, changeset: Changeset) -> Conflict | None:
    for change in changeset.challenges:
        conflict = (
            _issued(connection, changeset, change.challenge)
            if change.expected_version == 0
            else _changed(connection, change)
        )
        if conflict is not None:
            return conflict
    return None


def _issued(connection: Connection, changeset: Changeset, challenge: Challenge) -> Conflict | None:
    # The challenge of a spent nonce may be forgotten by now; its nonce never is. One that is issued and answered in
    # the same changeset has spent its own nonce a line ago.
    if (
        challenge.nonce != changeset.spent
        and connection.execute(
            "SELECT 1 FROM spent WHERE tenant = ? AND nonce = ?", (challenge.tenant, challenge.nonce)
        ).fetchall()
    ):
        return Conflict(ConflictKind.NONCE_SPENT)
    done = connection.execute(
        """
        INSERT INTO challenges
            (tenant, id, account, version, waits, issued_at, expires_at, nonce, payload)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
        """,
        (
            challenge.tenant,
            challenge.id,
            challenge.account,
            challenge.version,
            _waits(challenge),
            challenge.issued_at,
            challenge.expires_at,
            challenge.nonce,
            codec.encode(challenge),
        ),
    )
    if done.rowcount == 1:
        return None
    same_id = connection.execute(
        "SELECT 1 FROM challenges WHERE tenant = ? AND id = ?", (challenge.tenant, challenge.id)
    ).fetchall()
    return Conflict(ConflictKind.CHALLENGE_VERSION if same_id else ConflictKind.NONCE_SPENT)


def _changed(connection: Connection, change: ChallengeChange) -> Conflict | None:
    challenge = change.challenge
    # Id, nonce and the instant of issue are what the phone signs: they never change, so they are not written again.
    done = connection.execute(
        """
        UPDATE challenges SET version = ?, waits = ?, expires_at = ?, payload = ?
        WHERE tenant = ? AND id = ? AND version = ?
        """,
        (
            challenge.version,
            _waits(challenge),
            challenge.expires_at,
            codec.encode(challenge),
            challenge.tenant,
            challenge.id,
            change.expected_version,
        ),
    )
    return None if done.rowcount == 1 else Conflict(ConflictKind.CHALLENGE_VERSION)


def _waits(challenge: Challenge) -> int:
    asks_phones = challenge.prompted and isinstance(challenge.asked, SignInAsked)
    return int(asks_phones and challenge.state is ChallengeState.ISSUED)


def _account_moved(connection: Connection, changeset: Changeset) -> Conflict | None:
    change = changeset.account
    if change is None:
        return None
    if not _swapped(connection, change):
        return Conflict(ConflictKind.ACCOUNT_VERSION)
    for claim in change.claims:
        if not _claimed(connection, change, claim):
            return Conflict(ConflictKind.CLAIM_TAKEN, claim.kind)
    for recorded in change.events:
        key = (recorded.tenant, recorded.account, recorded.seq)
        connection.execute(
            "INSERT INTO events (tenant, account, seq, payload) VALUES (?, ?, ?, ?)", (*key, codec.encode(recorded))
        )
        connection.execute("INSERT INTO unsequenced (tenant, account, seq) VALUES (?, ?, ?)", key)
    return None


def _swapped(connection: Connection, change: AccountChange) -> bool:
    account = change.account
    if change.expected_version == 0:
        done = connection.execute(
            "INSERT INTO accounts (tenant, account, version, state) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (account.tenant, account.id, account.version, codec.encode(account)),
        )
    else:
        done = connection.execute(
            "UPDATE accounts SET version = ?, state = ? WHERE tenant = ? AND account = ? AND version = ?",
            (account.version, codec.encode(account), account.tenant, account.id, change.expected_version),
        )
    return done.rowcount == 1


def _claimed(connection: Connection, change: AccountChange, claim: Claim) -> bool:
    account = change.account
    done = connection.execute(
        "INSERT INTO claims (tenant, kind, value, account) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (account.tenant, claim.kind, claim.value, account.id),
    )
    if done.rowcount == 1:
        return True
    held = connection.execute(
        "SELECT 1 FROM claims WHERE tenant = ? AND kind = ? AND value = ? AND account = ?",
        (account.tenant, claim.kind, claim.value, account.id),
    )
    return bool(held.fetchall())


def _recorded(connection: Connection, changeset: Changeset) -> Committed:
    """Nothing can refuse any more: what is told and what is answered."""
    for notice in changeset.notices:
        connection.execute(
            "INSERT INTO notices (tenant, account, id, at, payload) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (notice.tenant, notice.account, notice.id, notice.at, codec.encode(notice)),
        )
    answer = changeset.answer
    if answer is not None:
        connection.execute(
            """
            INSERT INTO answers (tenant, caller, key, request_sha256, status, body, at) VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            (
                changeset.tenant,
                answer.caller,
                answer.key,
                answer.request_sha256,
                answer.status,
                answer.body,
                answer.at,
            ),
        )
    return Committed()


def read_answer(connection: Connection, tenant: TenantId, caller: Thumbprint, key: IdempotencyKey) -> Answer | None:
    """What was answered to this caller's request with this key."""
    rows: list[tuple[str, int, bytes, int]] = connection.execute(
        "SELECT request_sha256, status, body, at FROM answers WHERE tenant = ? AND caller = ? AND key = ?",
        (tenant, caller, key),
    ).fetchall()
    for request_sha256, status, body, at in rows:
        return Answer(caller, key, Digest(request_sha256), status, body, at)
    return None
