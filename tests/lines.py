"""What operators say and what owners say of their line, on a :class:`ledger.Ledger`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from builders import digest, thumbprint
from pteri.core.acts import AnnounceMove, RebindLine
from pteri.domain.continuity import observed, seen_alive
from pteri.domain.signals import RECYCLED, Finding, Question, Signal

if TYPE_CHECKING:
    from ledger import Ledger
    from pteri.domain.decisions import Decision
    from pteri.domain.events import Event

OTHER_LINE: Final = digest("another line")
DAY: Final = 24 * 3600


def says(
    at: int,
    finding: Finding,
    question: Question = Question.SIM_SWAP,
    *,
    changed_at: int | None = None,
    operator: str = "operator-a",
    code: str = "",
) -> Signal:
    """One answer of an operator, asked for at Unix second ``at``."""
    return Signal(
        operator=operator, question=question, finding=finding, code=code or finding, asked_at=at, changed_at=changed_at
    )


def swap(ledger: Ledger, question: Question = Question.SIM_SWAP, *, ago: int = 0) -> Signal:
    """The news that the SIM is another one since ``ago`` seconds."""
    return says(ledger.at, Finding.CHANGED, question, changed_at=ledger.at - ago)


def recycled(ledger: Ledger) -> Signal:
    return says(ledger.at, Finding.CHANGED, Question.RECYCLING, code=RECYCLED)


def clear(ledger: Ledger) -> Signal:
    return says(ledger.at, Finding.CLEAR)


def silence(ledger: Ledger) -> Signal:
    return says(ledger.at, Finding.UNKNOWN)


def hear(ledger: Ledger, *signals: Signal, silent_s: int = 0) -> tuple[Event, ...]:
    """Some act comes, and with it these answers. ``silent_s``: for so long nobody has answered."""
    account, lapsed = ledger.settled()
    heard = observed(
        account,
        signals,
        request=ledger.next_request(),
        at=ledger.at,
        answered_at=ledger.at - silent_s,
        rules=ledger.rules,
    )
    for event in (*lapsed, *heard):
        ledger.record(event)
    return heard


def see(ledger: Ledger, number: int) -> tuple[Event, ...]:
    """Phone ``number`` proves that it uses the line now."""
    account, lapsed = ledger.settled()
    proof = says(ledger.at, Finding.CLEAR, Question.POSSESSION)
    seen = seen_alive(account, proof, device=thumbprint(number), request=ledger.next_request(), at=ledger.at)
    for event in (*lapsed, *seen):
        ledger.record(event)
    return seen


def rebinding(ledger: Ledger, by: int, line: str = "another line") -> RebindLine:
    account = ledger.now()
    return RebindLine(account.id, thumbprint(by), account.epoch, account.esim, digest(line))


def rebind(ledger: Ledger, by: int, line: str = "another line") -> Decision:
    return ledger.submit(rebinding(ledger, by, line))


def announcing(ledger: Ledger, by: int, to: int, *, within: int = DAY) -> AnnounceMove:
    account = ledger.now()
    device = thumbprint(by)
    return AnnounceMove(account.id, device, account.epoch, account.esim, thumbprint(to), ledger.at + within)


def announce(ledger: Ledger, by: int, to: int, *, within: int = DAY) -> Decision:
    return ledger.submit(announcing(ledger, by, to, within=within))
