"""What a phone checks of a page about its account in the log (docs/spec/log.md section 16). Pure.

The service made the page, and is not believed: whatever it says is signed by the log, seen by witnesses, consistent
with what was seen before, and about this account; or it is an alarm.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from pteri.core.errors import NotAuthentic, ProtocolError
from pteri.core.ids import AccountId, TenantId
from pteri.core.log.checking import verify_inclusion
from pteri.core.log.checkpoint import Checkpoint, claimed_head, open_checkpoint
from pteri.core.log.following import Suspicion, SuspicionKind, follow
from pteri.core.log.index import parse_index_key, verify_index
from pteri.core.log.leaf import NOTHING, Leaf, parse_leaf, verify_account_chain
from pteri.core.log.note import parse_note, parse_verifier
from pteri.core.log.page import MOST_ENTRIES, LogPage
from pteri.core.log.receipt import Receipt
from pteri.core.log.rotation import LogKeys, parse_rotation
from pteri.core.log.tree import TreeHead, leaf_hash
from pteri.core.log.witness import Quorum, verify_witnesses
from pteri.wallet.log_notes import Believed, LogNotes
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


class Given(msgspec.Struct, frozen=True):
    """Keys that the person gives, in place of those that are remembered. Empty: as remembered."""

    log_key: str = ""
    witnesses: tuple[str, ...] = ()
    needed: int = 1


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

    ``evidence``: two checkpoints that do not follow each other. ``older``: events from before the phone began to
    remember what it signs. ``seen``: how many of the witnesses saw it. ``handed_over``: the log has a new key.
    """

    notes: LogNotes
    alarm: Alarm | None = None
    evidence: Suspicion | None = None
    news: tuple[News, ...] = ()
    older: int = 0
    size: int = 0
    seen: int = 0
    handed_over: bool = False


class _Alarming(Exception):
    """Ends a check; caught in :func:`check_page` and nowhere else."""

    def __init__(self, code: AlarmCode, evidence: Suspicion | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.evidence = evidence


def check_page(notes: LogNotes, page: LogPage, *, whose: Whose, at: int, given: Given | None = None) -> Watched:
    """Check a page that was asked for with what ``notes`` say. ``at``: now, by the phone's clock.

    1. the log signed it; 2. the witnesses saw it; 3. it begins with what was seen before; 4. the entries follow each
    other and the last one that is known; 5. they are of this account; 6. the last one is in the log; 7. what this phone
    signed has its own signature there; 8. and all of it is there that must be. Never raises for anything in a page.
    """
    try:
        return _checked(notes, page, whose, at, given or Given())
    except _Alarming as found:
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
        checkpoint, _ = _seen_checkpoint(receipt.checkpoint, notes.believed, at=at)
        verify_account_chain(leaves, expected_index=notes.index)
        verify_inclusion(leaves[-1], receipt.path, expected_index=receipt.leaf_index, expected_head=checkpoint.head)
        _open_index(receipt.index_proof, notes.index, Whose(receipt.tenant, receipt.account), notes.believed)
    except _Alarming as found:
        return alarm(found.code)
    except ProtocolError:
        return alarm(AlarmCode.CHAIN_BROKEN)
    if len(leaves) >= notes.seq and leaf_hash(leaves[notes.seq - 1]) != notes.leaf:
        return alarm(AlarmCode.CHAIN_BROKEN)
    return None


def open_seen(note: str, believed: Believed, *, at: int) -> Checkpoint | Alarm:
    """The checkpoint of a note that somebody tells: by the believed key, and seen by the believed witnesses."""
    try:
        return _seen_checkpoint(note, believed, at=at)[0]
    except _Alarming as found:
        return alarm(found.code)
    except ProtocolError:
        return alarm(AlarmCode.UNREADABLE)


def last_head(notes: LogNotes) -> TreeHead | None:
    """Size and root that the phone saw last."""
    return claimed_head(parse_note(notes.checkpoint.encode()))[1] if notes.checkpoint else None


def _checked(notes: LogNotes, page: LogPage, whose: Whose, at: int, given: Given) -> Watched:
    given_or_known = _believed(notes, page, given)
    believed = _handed_over(given_or_known, page)
    # 1. and 2.
    checkpoint, seen = _seen_checkpoint(page.checkpoint, believed, at=at)
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
    )
    if leaves:
        last = leaves[-1]
        after = msgspec.structs.replace(
            after, index=last.index, seq=last.account_seq, leaf=leaf_hash(page.entries[-1].leaf), epoch=last.epoch
        )
    # 8. what is on a later page may be there
    is_missing = not page.more and any(0 < act.due_at <= at for act in after.acts)
    return Watched(
        after,
        alarm(AlarmCode.MISSING_ACT) if is_missing else None,
        news=news,
        older=older,
        size=checkpoint.head.size,
        seen=seen,
        handed_over=believed.log_key != given_or_known.log_key,
    )


def _believed(notes: LogNotes, page: LogPage, given: Given) -> Believed:
    """Whom to believe: the person, else what is remembered, else, the first time, the service itself."""
    known = notes.believed or Believed(page.log_key, index_key=page.index_key)
    if known.index_key and page.index_key != known.index_key:
        raise _Alarming(AlarmCode.OTHER_KEY)
    if given.witnesses:
        witnesses, needed = given.witnesses, given.needed
    elif known.witnesses:
        # Never what the page says: it could name witnesses that nobody has heard of.
        witnesses, needed = known.witnesses, known.needed
    else:
        witnesses, needed = page.witnesses, page.needed
    return Believed(given.log_key or known.log_key, witnesses, needed, known.index_key or page.index_key)


def _handed_over(believed: Believed, page: LogPage) -> Believed:
    """The same, with the key to which the believed one has handed over for a tree of this size (section 12)."""
    keys = LogKeys.first(parse_verifier(believed.log_key))
    _, head = claimed_head(parse_note(page.checkpoint.encode("utf-8", "replace")))
    try:
        for raw in page.handovers:
            found = parse_rotation(raw)
            # Those before the believed key say nothing: it was believed without them.
            if (found.by.name, found.by.id) == (keys.current.name, keys.current.id):
                keys = keys.after(raw, place=found.place)
    except ProtocolError as error:
        raise _Alarming(AlarmCode.OTHER_KEY) from error
    return msgspec.structs.replace(believed, log_key=keys.key_for(head.size).text)


def _seen_checkpoint(note: str, believed: Believed, *, at: int) -> tuple[Checkpoint, int]:
    """The checkpoint of this note, and how many of the witnesses saw it."""
    try:
        checkpoint = open_checkpoint(note.encode("utf-8", "replace"), expected_log=parse_verifier(believed.log_key))
    except NotAuthentic as error:
        raise _Alarming(AlarmCode.OTHER_KEY) from error
    if not believed.witnesses and not believed.needed:
        return checkpoint, 0
    try:
        quorum = Quorum.of(believed.needed, [parse_verifier(each) for each in believed.witnesses])
        return checkpoint, len(verify_witnesses(checkpoint, expected_quorum=quorum, at=at).seen)
    except ProtocolError as error:
        raise _Alarming(AlarmCode.UNWITNESSED) from error


def _require_growth(notes: LogNotes, page: LogPage, shown: Checkpoint) -> None:
    if notes.believed is None:
        return
    seen = open_checkpoint(notes.checkpoint.encode(), expected_log=parse_verifier(notes.believed.log_key))
    if seen.origin != shown.origin:
        raise _Alarming(AlarmCode.OTHER_KEY)
    # Also a path that cannot be one is an alarm: whoever has a right one shows it.
    found = follow(seen, shown, page.consistency)
    if isinstance(found, Suspicion):
        raise _Alarming(_CRY_OF[found.kind], found)


def _require_chain(notes: LogNotes, page: LogPage) -> list[Leaf]:
    if len(page.entries) > MOST_ENTRIES or (page.more and not page.entries):
        raise _Alarming(AlarmCode.UNREADABLE)
    seq, previous, epoch = notes.seq, notes.leaf or NOTHING, notes.epoch
    leaves: list[Leaf] = []
    for entry in page.entries:
        leaf = parse_leaf(entry.leaf)
        if leaf.at > _LAST_SECOND:
            # No calendar has it, and it must be shown to somebody.
            raise _Alarming(AlarmCode.UNREADABLE)
        if (leaf.account_seq, leaf.previous) != (seq + 1, previous) or leaf.epoch < epoch:
            raise _Alarming(AlarmCode.CHAIN_BROKEN)
        leaves.append(leaf)
        seq, previous, epoch = leaf.account_seq, leaf_hash(entry.leaf), leaf.epoch
    return leaves


def _require_own(notes: LogNotes, page: LogPage, leaves: list[Leaf], whose: Whose, believed: Believed) -> None:
    """One index for all leaves, for ever; the first time with a proof that it is this account's."""
    index = notes.index or (leaves[0].index if leaves else b"")
    if any(leaf.index != index for leaf in leaves):
        raise _Alarming(AlarmCode.NOT_MY_ACCOUNT)
    if index and (page.index_proof or not notes.index):
        try:
            _open_index(page.index_proof, index, whose, believed)
        except ProtocolError as error:
            raise _Alarming(AlarmCode.NOT_MY_ACCOUNT) from error


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
        raise _Alarming(AlarmCode.NOT_INCLUDED) from error


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
                raise _Alarming(AlarmCode.OTHER_SIGNATURE)
            found += 1
        elif leaf.at < notes.since and not notes.has_caught_up:
            older += 1
        else:
            by: Literal["phone", "service"] = "service" if leaf.statement == NOTHING else "phone"
            news.append(News(leaf.account_seq, leaf.kind, leaf.at, by))
    kept = tuple(acts.values())
    return msgspec.structs.replace(notes, acts=kept, found=notes.found + found), tuple(news), older
