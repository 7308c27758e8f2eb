"""How a phone watches what the service publishes of its account (docs/spec/log.md sections 15 and 16).

What is checked is in :mod:`pteri.wallet.watching`. Here: ask, check, remember, and keep what proves a lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pteri.core.errors import ProtocolError
from pteri.core.log.following import Suspicion, encode_suspicion
from pteri.core.log.leaf import parse_leaf
from pteri.core.log.page import MOST_RECORDS, AnchorAsked, AnchorTold, LogAsked, LogEntry, LogPage
from pteri.core.log.receipt import MAX_ENTRIES, Entry, Receipt
from pteri.wallet.anchored import Anchored, with_anchor
from pteri.wallet.answering import Answering, Network
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import create_file, read_file
from pteri.wallet.log_notes import LogNotes
from pteri.wallet.log_words import Alarm, AlarmCode, LogAlarm, alarm
from pteri.wallet.refusals import BAD_ANSWER, ServerError
from pteri.wallet.state import PhoneState
from pteri.wallet.watching import Given, News, Watched, Whose, check_page, check_receipt, last_head

__all__ = ["MOST_EVIDENCE", "Looked", "Watchful", "keep_evidence"]

MOST_EVIDENCE: Final = 64
"""Files of this kind. A service that lies anew each day must not fill the disk."""
_NOT_FOUND: Final = 404
_NEWEST: Final = 8
"""Among so many events of the account, one that was answered a moment ago is found."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the log found. ``alarm``: something is wrong; ``evidence``: the file that proves it.

    ``news``: events that this phone did not sign; ``older``: how many are from before it kept notes. ``size``: entries
    in the log, ``seen``: by how many known witnesses; ``handed_over``: to a new key. ``unanswered``: why nothing could
    be looked at; ``looked_at``: when something was last, by this phone's clock, 0 for never.
    """

    notes: LogNotes
    alarm: Alarm | None = None
    evidence: Path | None = None
    news: tuple[News, ...] = ()
    older: int = 0
    size: int = 0
    seen: int = 0
    handed_over: bool = False
    unanswered: WalletError | None = None

    @property
    def looked_at(self) -> int:
        """When a look at the log went well last; 0: never."""
        return self.notes.looked_at

    def as_error(self) -> LogAlarm:
        """The alarm, for a command that ends with it."""
        assert self.alarm is not None
        return LogAlarm(
            self.alarm.code, self.alarm.message, evidence=None if self.evidence is None else str(self.evidence)
        )


class Watchful(Answering):
    """A phone that holds the service to its log."""

    def look_at_log(self) -> Looked:
        """One request: the next page of the log about this account, checked and remembered.

        For after a sign-in: it raises nothing, and a service without a log or without an answer is no alarm.
        """
        at = self._clock.now()
        notes = LogNotes(since=at)
        try:
            with self._keystore.exclusive():
                notes = self._notebook.read(at)
                return self._look(self._linked_state(), notes, Given())[0]
        except WalletError as error:
            if error.code == WalletCode.NOT_A_STATE:
                return Looked(notes, Alarm(AlarmCode.NOTES_CHANGED, error.message))
            return Looked(notes, unanswered=error)

    def audit_log(self, given: Given | None = None) -> Looked:
        """Everything that is new in the log about this account, checked and remembered.

        ``given``: keys in place of those that are remembered. Raises ``ServerError`` when the service does not answer,
        and ``NOT_A_STATE`` when the phone's notes were changed; all else that is wrong is an alarm.
        """
        with self._keystore.exclusive():
            notes, state = self._notebook.read(self._clock.now()), self._linked_state()
            news: list[News] = []
            older, handed_over, has_more = 0, False, True
            while has_more:
                looked, has_more = self._look(state, notes, given or Given())
                notes, older, handed_over = looked.notes, older + looked.older, handed_over or looked.handed_over
                news += looked.news
            return Looked(
                notes, looked.alarm, looked.evidence, tuple(news), older, looked.size, looked.seen, handed_over
            )

    @property
    def log_key(self) -> str:
        """Key of the log that this phone believes, as ``name+id+key``; empty before it has seen one."""
        believed = self._notebook.read(self._clock.now()).believed
        return "" if believed is None else believed.log_key

    @property
    def network(self) -> Network:
        """The Litecoin network of this phone's wallet."""
        return self._network

    @property
    def index_key(self) -> str:
        """Index key of that log, as ``name+id+key``; empty before this phone has seen one."""
        believed = self._notebook.read(self._clock.now()).believed
        return "" if believed is None else believed.index_key

    def log_receipt(self, seq: int = 0) -> Receipt:
        """A receipt for this event of the account, 0: the newest that is in the log (docs/spec/log.md section 10).

        The log is audited first: ``LogAlarm`` if something is wrong with it, or with what the service hands out.
        ``NOT_FOUND`` if there is no such event in the log yet.
        """
        with self._keystore.exclusive():
            if (looked := self.audit_log()).alarm is not None:
                raise looked.as_error()
            state = self._linked_state()
            assert state.account is not None
            if not 0 <= seq <= MAX_ENTRIES or looked.notes.seq < max(seq, 1):
                raise WalletError(
                    WalletCode.NOT_FOUND,
                    f"Your account has {looked.notes.seq} events in the log. Give the number of one of them, or none "
                    "for the newest.",
                )
            entries, last = self._records(state, seq or looked.notes.seq)
            receipt = Receipt(
                tenant=state.tenant,
                account=state.account,
                index_proof=last.index_proof,
                entries=entries,
                rules=last.rules,
                leaf_index=last.leaf_index,
                path=last.path,
                checkpoint=last.checkpoint,
            )
            wrong = check_receipt(looked.notes, receipt, at=self._clock.now())
            if wrong is not None:
                raise LogAlarm(wrong.code, wrong.message)
            return receipt

    def anchored(self, receipt: Receipt) -> Anchored:
        """This receipt of the account, with the proof that its event was in Litecoin, where there is one by now.

        A request of its own. Without an answer, and from a service that is too old for it, the receipt stays as it is.
        """
        state = self._linked_state()
        try:
            told = self._server(state).post("/anchors", AnchorAsked(len(receipt.entries)), AnchorTold)
        except ServerError:
            return Anchored(receipt)
        return with_anchor(receipt, told.proof, network=state.network)

    def entry_of(self, statement: bytes) -> tuple[bytes, int]:
        """The entry of the event that this statement made, of the newest few, and its place; empty: not among them.

        Nothing is verified here: for whoever is told, and verifies it.
        """
        state, seq = self._linked_state(), self._notebook.read(self._clock.now()).seq
        after = max(0, seq - _NEWEST)
        page = self._server(state).post("/log", LogAsked(after_seq=after), LogPage)
        for number, entry in enumerate(page.entries, after + 1):
            if _statement_in(entry.leaf) == statement:
                alone = self._server(state).post("/log", LogAsked(after_seq=number - 1, upto_seq=number), LogPage)
                return entry.leaf, alone.leaf_index
        return b"", 0

    def _look(self, state: PhoneState, notes: LogNotes, given: Given) -> tuple[Looked, bool]:
        """One page, and whether there is a next one that should be looked at."""
        assert state.account is not None
        before = last_head(notes)
        asked = LogAsked(after_seq=notes.seq, seen_size=0 if before is None else before.size)
        at = self._clock.now()
        try:
            page = self._server(state).post("/log", asked, LogPage)
        except ServerError as error:
            wrong = _wrong_answer(error, notes)
            if wrong is None:
                raise
            return Looked(notes, wrong), False
        watched = check_page(notes, page, whose=Whose(state.tenant, state.account), at=at, given=given)
        # What proves a lie first: if the phone dies here it finds the same lie again, and keeps it then.
        evidence = None if watched.evidence is None else keep_evidence(self._keystore.directory, watched.evidence)
        if watched.notes != notes:
            self._notebook.write(watched.notes)
        return _looked(watched, evidence), page.more and watched.alarm is None

    def _records(self, state: PhoneState, seq: int) -> tuple[tuple[Entry, ...], LogPage]:
        """All events up to this one with what was recorded of them, and the page that has the last of them."""
        entries: list[Entry] = []
        while True:
            asked = LogAsked(after_seq=len(entries), upto_seq=seq, records=True)
            page = self._server(state).post("/log", asked, LogPage)
            entries += map(_entry, page.entries)
            if len(entries) == seq:
                return tuple(entries), page
            # A page before the last one is full.
            if len(page.entries) != MOST_RECORDS or len(entries) > seq:
                raise _not_told()


def keep_evidence(directory: Path, evidence: Suspicion) -> Path | None:
    """The file that has this evidence, which nobody overwrites; None if there is no room for one more."""
    content = encode_suspicion(evidence)
    for number in range(1, MOST_EVIDENCE + 1):
        path = directory / f"evidence-{number}.json"
        try:
            create_file(path, content)
        except WalletError as error:
            if error.code != WalletCode.EXISTS:
                return None
            if _is(path, content):
                return path
            continue
        return path
    return None


def _looked(watched: Watched, evidence: Path | None) -> Looked:
    return Looked(
        watched.notes,
        watched.alarm,
        evidence,
        watched.news,
        watched.older,
        watched.size,
        watched.seen,
        watched.handed_over,
    )


def _wrong_answer(error: ServerError, notes: LogNotes) -> Alarm | None:
    """The alarm in an answer that is no page; None for one that says nothing."""
    if error.status == _NOT_FOUND and notes.believed is not None:
        return alarm(AlarmCode.LOG_GONE)
    if error.code == BAD_ANSWER and 200 <= error.status < 300:
        return alarm(AlarmCode.UNREADABLE)
    return None


def _is(path: Path, content: bytes) -> bool:
    try:
        return read_file(path) == content
    except WalletError:
        return False


def _entry(told: LogEntry) -> Entry:
    if told.salt is None or told.record is None:
        raise _not_told()
    return Entry(told.leaf, told.salt, told.record)


def _statement_in(leaf: bytes) -> bytes:
    try:
        return parse_leaf(leaf).statement
    except ProtocolError:
        return b""


def _not_told() -> ServerError:
    return ServerError(
        BAD_ANSWER,
        "The service does not tell what it recorded of your account, so there is no receipt. Ask the people of the "
        "service; if they were told to forget your account, there is none any more.",
    )
