"""Law 4: one commit, one truth. Every mutating use case ends here (docs/spec section 9).

A repeated request reads the first answer back, word for word, and has no second effect.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from pteri.app.callers import Call
from pteri.app.deployment import Deployment
from pteri.app.halting import is_halted
from pteri.app.log_gate import wait_for_log
from pteri.app.ports import (
    AccountChange,
    Answer,
    Changeset,
    Claim,
    Committed,
    Conflict,
    ConflictKind,
    Limited,
    Repeated,
)
from pteri.app.refusals import Clashes, ClockJumped, Denied, NotAllowed, Refusal, RefusalCode, SlowDown
from pteri.core.wire import Decided
from pteri.domain.account import Account
from pteri.domain.decisions import Reason
from pteri.domain.events import AccountBound, Event
from pteri.domain.evolving import AUTHORITY_CHANGES, evolve, lapses
from pteri.domain.records import Evidence, RecordedEvent

__all__ = ["Done", "account_change", "answered", "commit", "first_answer", "settled", "with_retries"]

# One account's changes win one after another: many at once, a thief's flood say, must not starve the owner's.
_ATTEMPTS: Final = 16
_DENIED_STATUS: Final = 401
_SENTENCES: Final[Mapping[Reason, str]] = {
    Reason.DEVICE_ON_PROBATION: "This phone is new. Until its trial time is over it can sign in, and remove itself "
    "or a phone that waits. Use an older phone, or wait.",
    Reason.STALE_EPOCH: "The phones of the account have changed since this was asked. Do it again.",
    Reason.MIGRATION_OPEN: "Another new phone is waiting. Remove it first, or let it finish.",
    Reason.RECOVERY_OPEN: "A recovery is waiting already. Remove its phone first, or let it finish.",
    Reason.RECOVERY_STOPPED: "A recovery was stopped by a phone of the account. Add this one with that phone.",
    Reason.NOTHING_TO_ACCEPT: "Nothing waits for this phone any more. Start again.",
    Reason.UNKNOWN_TARGET: "This account has no such phone, or it is removed already. Look at the list.",
    Reason.NOT_OFFERED: "This service does not offer that. Ask its help desk what it offers instead.",
    Reason.LAST_DEVICE: "This is the only verified phone of the account. Add another one first, then remove this.",
}
"""What a person hears of a reason that they can do something about."""
_OTHERWISE: Final = "The rules of this service do not allow this from this phone now. Look at the list of phones."


class Done(msgspec.Struct, frozen=True):
    """What to answer: HTTP status and the encoded message."""

    status: int
    body: bytes


class _Overtaken(Exception):
    """Another request changed the same account or challenge first: read again and decide again."""


async def first_answer(deployment: Deployment, call: Call) -> Done | None:
    """The recorded answer to this request, if it was answered before."""
    answer = await deployment.store.answer(call.tenant.id, call.caller, call.key)
    if answer is None:
        return None
    if answer.request_sha256 != call.digest:
        raise _key_reused()
    return await _told_when_logged(deployment, answer)


def answered(call: Call, status: int, message: msgspec.Struct) -> Answer:
    """The answer to record with the changes it tells of."""
    return Answer(
        caller=call.caller,
        key=call.key,
        request_sha256=call.digest,
        status=status,
        body=msgspec.json.encode(message),
        at=call.at,
    )


async def commit(deployment: Deployment, changeset: Changeset, *, when_limited: Changeset | None = None) -> Done:
    """Make it durable, then say so; or say what was said before; or refuse.

    ``when_limited``: what to commit instead when a window is full, where that is no refusal.
    """
    if is_halted(deployment.clock, changeset.account):
        raise ClockJumped
    changeset = _marked(changeset)
    [outcome] = await deployment.store.commit([changeset])
    match outcome:
        case Committed():
            assert changeset.answer is not None
            return await _told_when_logged(deployment, changeset.answer)
        case Repeated(answer=answer):
            return await _told_when_logged(deployment, answer)
        case Limited(retry_at=retry_at):
            if when_limited is None:
                raise SlowDown(retry_at)
            return await commit(deployment, when_limited)
        case Conflict(kind=kind):
            raise _conflict(kind)


def _marked(changeset: Changeset) -> Changeset:
    """The same; and its answer is given when the log has it, where it moves authority (I8).

    Nothing that time alone ends does that, so no sign-in waits, whatever it records on its way.
    """
    if changeset.answer is None or changeset.account is None:
        return changeset
    happened = (type(each.event) for each in changeset.account.events)
    if not any(kind in AUTHORITY_CHANGES or kind is AccountBound for kind in happened):
        return changeset
    return msgspec.structs.replace(changeset, answer=msgspec.structs.replace(changeset.answer, on_log=True))


async def _told_when_logged(deployment: Deployment, answer: Answer) -> Done:
    if answer.on_log:
        await wait_for_log(deployment)
    return _told(answer)


def _conflict(kind: ConflictKind) -> Refusal | _Overtaken:
    match kind:
        case ConflictKind.KEY_REUSED:
            return _key_reused()
        case ConflictKind.CLAIM_TAKEN:
            return Clashes(RefusalCode.ALREADY_REGISTERED, "This account, wallet or phone is registered already.")
        case ConflictKind.ACCOUNT_HALTED:
            return NotAllowed(
                RefusalCode.ACCOUNT_HALTED,
                "What is stored of this account is not what was signed, so the service stopped it. No phone is at "
                "fault. Its operator has been told; ask the help desk.",
            )
        case ConflictKind.NONCE_SPENT | ConflictKind.CHALLENGE_VERSION | ConflictKind.ACCOUNT_VERSION:
            return _Overtaken()


def _key_reused() -> Refusal:
    return Clashes(RefusalCode.KEY_REUSED, "This Idempotency-Key was used for another request. Take a new one.")


def _told(answer: Answer) -> Done:
    """Recorded refusals are told as refusals again."""
    if answer.status == _DENIED_STATUS:
        raise Denied("recorded refusal")
    if answer.status >= 400:
        decided = msgspec.json.decode(answer.body, type=Decided)
        raise refused(decided)
    return Done(answer.status, answer.body)


def refused(decided: Decided) -> NotAllowed:
    """A decision against the phone, as it hears it."""
    if decided.decision == "hold":
        return NotAllowed(
            RefusalCode.HELD,
            "The waiting time is not over. Nothing is lost: come back when it is.",
            until=decided.until,
        )
    reason = Reason(decided.reason)
    return NotAllowed(reason, _SENTENCES.get(reason, _OTHERWISE))


async def with_retries(attempt: Callable[[], Awaitable[Done]]) -> Done:
    """Run a use case again from its reads when another request was faster; then give up with a conflict."""
    for _ in range(_ATTEMPTS):
        try:
            return await attempt()
        except _Overtaken:
            continue
    raise Clashes(RefusalCode.CHANGED_MEANWHILE, "Something changed at the same moment. Look, then try again.")


def settled(account: Account, at: int) -> tuple[Account, tuple[Event, ...]]:
    """The account after what time alone has ended, and those events: they are recorded with the next act."""
    ended = lapses(account, at)
    for event in ended:
        account = evolve(account, event)
    return account, ended


def account_change(
    before: Account | None,
    events: Sequence[tuple[Event, Evidence | None]],
    *,
    claims: tuple[Claim, ...] = (),
) -> AccountChange:
    """The fold of ``events`` on what is stored, ready to commit. At least one event."""
    account, recorded = before, []
    for event, evidence in events:
        account = evolve(account, event)
        recorded.append(
            RecordedEvent(
                tenant=account.tenant, account=account.id, seq=account.version, event=event, evidence=evidence
            )
        )
    assert account is not None
    return AccountChange(
        expected_version=0 if before is None else before.version,
        account=account,
        events=tuple(recorded),
        claims=claims,
    )
