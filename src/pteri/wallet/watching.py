"""What a phone checks of a page about its account in the log (docs/spec/log.md section 16). Pure.

The service made the page, and is not believed: whatever it says is signed by the log, seen by witnesses, consistent
with what was seen before, and about this account; or it is an alarm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from pteri.core.errors import ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.checking import verify_inclusion
from pteri.core.log.checkpoint import Checkpoint, claimed_head, open_checkpoint
from pteri.core.log.following import Suspicion, SuspicionKind, follow
from pteri.core.log.index import parse_index_key, verify_index
from pteri.core.log.leaf import NOTHING, Leaf, parse_leaf, verify_account_chain
from pteri.core.log.note import parse_note, parse_verifier
from pteri.core.log.page import MOST_ENTRIES, LogPage
from pteri.core.log.receipt import Receipt
from pteri.core.log.tree import TreeHead, leaf_hash
from pteri.wallet.believing import (
    Alarming,
    Given,
    Seen,
    believed_by,
    believed_then,
    followed_keys,
    require_handovers,
    seen_checkpoint,
)
from pteri.wallet.log_notes import Believed, FollowedHandover, LogNotes
from pteri.wallet.log_words import Alarm, AlarmCode, alarm, words_of

__all__ = ["Given", "News", "Watched", "Whose", "check_page", "check_receipt", "last_head", "open_seen"]


_LAST_SECOND: Final = 253_402_300_799
"""Of the year 9999."""


_CRY_OF: Final = {
    SuspicionKind.SPLIT_VIEW: AlarmCode.SPLIT_VIEW,
    SuspicionKind.WENT_BACK: AlarmCode.LOG_WENT_BACK,
    SuspicionKind.NOT_SHOWN: AlarmCode.LOG_CHANGED,
}


class Whose(msgspec.Struct, frozen=True):
    """The account that the phone serves."""

    tenant: TenantId
    account: AccountId


class News(msgspec.Struct, frozen=True):
    """An event that this phone did not sign.

    ``by``: ``"phone"`` where a wallet signed it, so with another phone of the owner's or by a thief, and ``"service"``
    where nobody did.
    """

    seq: int
    kind: int
    at: int
    by: Literal["phone", "service"]

    @property
    def words(self) -> str:
        """What happened."""
        return words_of(self.kind)


class Watched(msgspec.Struct, frozen=True):
    """What came of it. ``notes``: what to remember now: after an alarm about the log itself, what it was before.

    ``evidence``: two checkpoints that do not follow each other, or two hand-overs by one key. ``older``: events from
    before the phone began to remember what it signs. ``seen``: how many of the witnesses saw it. ``handed_over``: the
    log has a new key.
    """

    notes: LogNotes
    alarm: Alarm | None = None
    evidence: Suspicion | None = None
    news: tuple[News, ...] = ()
    older: int = 0
    size: int = 0
    seen: int = 0
    handed_over: bool = False


def check_page(notes: LogNotes, page: LogPage, *, whose: Whose, at: int, given: Given | None = None) -> Watched:
    """Check a page that was asked for with what ``notes`` say. ``at``: now, by the phone's clock.

    1. the log signed it; 2. the witnesses saw it, and each hand-over to a new key is in it; 3. it begins with what was
    seen before; 4. the entries follow each other and the last one that is known; 5. they are of this account; 6. the
    last one is in the log; 7. what this phone signed has its own signature there; 8. and all of it is there that must
    be. Never raises for anything in a page.
    """
    try:
        return _checked(notes, page, whose, at, given or Given())
    except Alarming as found:
        return Watched(notes, alarm(found.code), found.evidence)
    except ProtocolError:
        return Watched(notes, alarm(AlarmCode.UNREADABLE))


def check_receipt(notes: LogNotes, receipt: Receipt, *, at: int) -> Alarm | None:
    """What is wrong with a receipt that the service made of the account in ``notes``; None: nothing that shows here.

    Whether records are what the leaves commit to, and signatures and decisions right, `pteri verify receipt` finds out.
    """
    assert notes.believed is not None, "a page was checked before"
    leaves = [entry.leaf for entry in receipt.entries]
    try:
        checkpoint = seen_checkpoint(receipt.checkpoint, notes.believed, at=at).checkpoint
        verify_account_chain(leaves, expected_index=notes.index)
        verify_inclusion(leaves[-1], receipt.path, expected_index=receipt.leaf_index, expected_head=checkpoint.head)
        _open_index(receipt.index_proof, notes.index, Whose(receipt.tenant, receipt.account), notes.believed)
    except Alarming as found:
        return alarm(found.code)
    except ProtocolError:
        return alarm(AlarmCode.CHAIN_BROKEN)
    if len(leaves) >= notes.seq and leaf_hash(leaves[notes.seq - 1]) != notes.leaf:
        return alarm(AlarmCode.CHAIN_BROKEN)
    return None


def open_seen(
    note: str, believed: Believed, *, at: int, handovers: Sequence[FollowedHandover] = ()
) -> Checkpoint | Alarm:
    """The checkpoint of a note that somebody tells: by the believed key, and seen by the believed witnesses.

    ``handovers``: that were followed to this key; a smaller tree is signed by the key before.
    """
    try:
        return seen_checkpoint(note, believed_then(believed, note, handovers), at=at).checkpoint
    except Alarming as found:
        return alarm(found.code)
    except ProtocolError:
        return alarm(AlarmCode.UNREADABLE)


def last_head(notes: LogNotes) -> TreeHead | None:
    """Size and root that the phone saw last."""
    return claimed_head(parse_note(notes.checkpoint.encode()))[1] if notes.checkpoint else None


def _checked(notes: LogNotes, page: LogPage, whose: Whose, at: int, given: Given) -> Watched:
    given_or_known = believed_by(notes, page, given)
    believed, handovers = followed_keys(notes, given_or_known, page)
    # 1. and 2.
    seen = seen_checkpoint(page.checkpoint, believed, at=at)
    checkpoint = seen.checkpoint
    require_handovers(page, checkpoint.head)
    # 3.
    _require_growth(notes, page, checkpoint)
    # 4. and 5.
    leaves = _require_chain(notes, page)
    _require_own(notes, page, leaves, whose, believed)
    # 6.
    if leaves:
        _require_inclusion(page, checkpoint.head)
    # 7.
    after, news, older = _matched(notes, leaves)
    after = msgspec.structs.replace(
        after,
        believed=believed,
        checkpoint=page.checkpoint,
        looked_at=at,
        has_caught_up=notes.has_caught_up or not page.more,
        handovers=handovers or msgspec.UNSET,
    )
    if leaves:
        last = leaves[-1]
        after = msgspec.structs.replace(
            after, index=last.index, seq=last.account_seq, leaf=leaf_hash(page.entries[-1].leaf), epoch=last.epoch
        )
    # 8. what is on a later page may be there
    wrong = None if page.more else _overdue(after, seen, at)
    return Watched(
        after,
        None if wrong is None else alarm(wrong),
        news=news,
        older=older,
        size=checkpoint.head.size,
        seen=seen.count,
        handed_over=believed.log_key != given_or_known.log_key,
    )


def _overdue(notes: LogNotes, seen: Seen, at: int) -> AlarmCode | None:
    """What is wrong with the time: acts that should be there, or a clock.

    That an act is missing is said by the clocks of the witnesses, where there are any, against the time that the
    service wrote into the statement itself. By its own clock alone a phone says that the log is old: the service cannot
    hide an act behind an old checkpoint, and a wrong clock accuses nobody of hiding one.
    """
    due = [act.due_at for act in notes.acts if act.due_at > 0]
    first = min(due, default=_LAST_SECOND)
    if first <= (at if seen.at is None or seen.is_ahead else seen.at):
        return AlarmCode.MISSING_ACT
    if seen.is_ahead:
        return AlarmCode.PHONE_CLOCK
    return AlarmCode.OLD_LOG if first <= at else None


def _require_growth(notes: LogNotes, page: LogPage, shown: Checkpoint) -> None:
    if notes.believed is None:
        return
    seen = open_checkpoint(notes.checkpoint.encode(), expected_log=parse_verifier(notes.believed.log_key))
    if seen.origin != shown.origin:
        raise Alarming(AlarmCode.OTHER_KEY)
    # Also a path that cannot be one is an alarm: whoever has a right one shows it.
    found = follow(seen, shown, page.consistency)
    if isinstance(found, Suspicion):
        raise Alarming(_CRY_OF[found.kind], found)


def _require_chain(notes: LogNotes, page: LogPage) -> list[Leaf]:
    if len(page.entries) > MOST_ENTRIES:
        raise Alarming(AlarmCode.UNREADABLE)
    if page.more and len(page.entries) < MOST_ENTRIES:
        # Else a service that always says that there is more would never have to show what is due.
        raise Alarming(AlarmCode.HELD_BACK)
    seq, previous, epoch = notes.seq, notes.leaf or NOTHING, notes.epoch
    leaves: list[Leaf] = []
    for entry in page.entries:
        leaf = parse_leaf(entry.leaf)
        if leaf.at > _LAST_SECOND:
            # No calendar has it, and it must be shown to somebody.
            raise Alarming(AlarmCode.UNREADABLE)
        if (leaf.account_seq, leaf.previous) != (seq + 1, previous) or leaf.epoch < epoch:
            raise Alarming(AlarmCode.CHAIN_BROKEN)
        leaves.append(leaf)
        seq, previous, epoch = leaf.account_seq, leaf_hash(entry.leaf), leaf.epoch
    return leaves


def _require_own(notes: LogNotes, page: LogPage, leaves: list[Leaf], whose: Whose, believed: Believed) -> None:
    """One index for all leaves, for ever; the first time with a proof that it is this account's."""
    index = notes.index or (leaves[0].index if leaves else b"")
    if any(leaf.index != index for leaf in leaves):
        raise Alarming(AlarmCode.NOT_MY_ACCOUNT)
    if index and (page.index_proof or not notes.index):
        try:
            _open_index(page.index_proof, index, whose, believed)
        except ProtocolError as error:
            raise Alarming(AlarmCode.NOT_MY_ACCOUNT) from error


def _open_index(proof: bytes, index: bytes, whose: Whose, believed: Believed) -> None:
    verify_index(
        proof,
        expected_key=parse_index_key(believed.index_key),
        expected_index=index,
        expected_tenant=whose.tenant,
        expected_account=whose.account,
    )


def _require_inclusion(page: LogPage, head: TreeHead) -> None:
    try:
        verify_inclusion(page.entries[-1].leaf, page.path, expected_index=page.leaf_index, expected_head=head)
    except ProtocolError as error:
        raise Alarming(AlarmCode.NOT_INCLUDED) from error


def _matched(notes: LogNotes, leaves: list[Leaf]) -> tuple[LogNotes, tuple[News, ...], int]:
    """The notes without the acts that were found, what this phone did not sign, and how much is older than its notes.

    A leaf is the only one of its statement: what is found is struck out, and would be news if it came again.
    """
    acts = {act.statement: act for act in notes.acts}
    news: list[News] = []
    older = found = 0
    for leaf in leaves:
        act = acts.pop(leaf.statement, None)
        if act is not None:
            if act.wallet_signature != leaf.wallet_signature:
                raise Alarming(AlarmCode.OTHER_SIGNATURE)
            found += 1
        elif leaf.at < notes.since and not notes.has_caught_up:
            older += 1
        else:
            by: Literal["phone", "service"] = "service" if leaf.statement == NOTHING else "phone"
            news.append(News(leaf.account_seq, leaf.kind, leaf.at, by))
    kept = tuple(acts.values())
    return msgspec.structs.replace(notes, acts=kept, found=notes.found + found), tuple(news), older
