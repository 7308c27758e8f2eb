"""A phone that looks at pages of a log: the honest log of the tests, and what comes of a page of it."""

from __future__ import annotations

from typing import Any

from insiders import Insider
from leaves import ACCOUNT, INDEX, START, TENANT, chain, sha
from notes import NOW
from pteri.core.log.page import LogAsked, LogPage
from pteri.wallet.log_notes import LogNotes, SignedAct
from pteri.wallet.log_words import AlarmCode
from pteri.wallet.watching import Watched, Whose, check_page
from trees import leaf

__all__ = ["AROUND", "ASKED", "BEGUN", "HONEST", "ME", "MINE", "SEEN", "act", "asked", "code", "look"]

ME = Whose(TENANT, ACCOUNT)
AROUND = tuple(leaf(number) for number in range(5))
MINE = chain(4)
HONEST = Insider((*AROUND, MINE[0], leaf(7), MINE[1], *AROUND, MINE[2], MINE[3], leaf(8)), INDEX)
BEGUN = LogNotes(since=0)


def act(number: int, due_at: int = NOW) -> SignedAct:
    """What this phone signed as event ``number``."""
    return SignedAct(sha(f"statement {number}"), sha(f"wallet signature {number}"), START + number, due_at)


def look(notes: LogNotes, page: LogPage, **more: Any) -> Watched:
    return check_page(notes, page, whose=ME, **({"at": NOW} | more))


def asked(notes: LogNotes, size: int) -> LogAsked:
    return LogAsked(after_seq=notes.seq, seen_size=size)


def code(watched: Watched) -> AlarmCode | None:
    return None if watched.alarm is None else watched.alarm.code


SEEN = look(BEGUN, HONEST.page(size=8)).notes
"""Of a phone that saw the first eight entries, two of them its own."""
ASKED = asked(SEEN, 8)
