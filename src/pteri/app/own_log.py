"""What the log has of one account, for its own phones: what they need to check the service, and to keep receipts."""

from __future__ import annotations

import msgspec

from pteri.app.callers import Asking, PhoneCall, phone_call
from pteri.app.deployment import Deployment
from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import Logged, Tail
from pteri.app.log_reading import Published, consistency, inclusion, is_by, published
from pteri.app.refusals import NotFound, PendingLog
from pteri.core.log.page import MOST_ENTRIES, MOST_RECORDS, LogAsked, LogEntry, LogPage
from pteri.core.log.salts import leaf_salt

__all__ = ["own_log"]


async def own_log(deployment: Deployment, asking: Asking, wanted: LogAsked) -> LogPage:
    """A page of the account's events in the log, for a verified phone of it.

    Only what a checkpoint has that may be shown; ``PendingLog`` while there is none, ``NotFound`` where no log is kept.
    """
    call = await phone_call(deployment, asking)
    desk, book = deployment.log, deployment.store.book
    if desk is None:
        raise NotFound
    state = await book.state()
    shown = None if state is None else published(state, desk)
    # After a hand-over the newest that witnesses have seen may be the old key's still: nothing is shown under two keys.
    if shown is None or not is_by(shown, desk):
        raise PendingLog
    found, more = await _entries(deployment, call, wanted, shown)
    handovers = [(place, leaf) for place, leaf in await book.own_leaves() if place < shown.size]
    tail = next(iter(await book.tails([(call.tenant.id, call.account.id)])), None)
    last = found[-1] if found else None
    return LogPage(
        log_key=desk.signer.verifier.text,
        witnesses=() if desk.quorum is None else tuple(each.text for each in desk.quorum.witnesses),
        needed=0 if desk.quorum is None else desk.quorum.needed,
        checkpoint=shown.checkpoint.decode(),
        # Who says that he saw more than there is, gets no path, and sees for himself.
        consistency=await consistency(book, min(wanted.seen_size, shown.size), shown.size),
        handovers=tuple(leaf for _, leaf in handovers),
        handover_paths=tuple([await inclusion(book, place, shown.size) for place, _ in handovers]),
        index_key=desk.indexes.public.text,
        index_proof=_index_proof(desk, tail),
        entries=tuple(_entry(each, tail, wanted) for each in found),
        leaf_index=0 if last is None else last.place,
        path=() if last is None else await inclusion(book, last.place, shown.size),
        rules=msgspec.json.encode(deployment.rules).decode() if wanted.records else "",
        more=more,
    )


async def _entries(
    deployment: Deployment, call: PhoneCall, wanted: LogAsked, shown: Published
) -> tuple[list[Logged], bool]:
    most = MOST_RECORDS if wanted.records else MOST_ENTRIES
    book = deployment.store.book
    found = await book.logged(call.tenant.id, call.account.id, wanted.after_seq, most + 1)
    within = [
        each for each in found if each.place < shown.size and (wanted.upto_seq == 0 or each.seq <= wanted.upto_seq)
    ]
    return within[:most], len(within) > most


def _index_proof(desk: LogDesk, tail: Tail | None) -> bytes:
    """Empty where the account has no leaf yet. One that was erased has its number still, and its phones may know."""
    return b"" if tail is None else desk.indexes.proof_of(tail.tenant, tail.account)


def _entry(each: Logged, tail: Tail | None, wanted: LogAsked) -> LogEntry:
    if not wanted.records or tail is None or tail.secret is None:
        return LogEntry(each.leaf)
    return LogEntry(each.leaf, leaf_salt(tail.secret, each.seq), each.record)
