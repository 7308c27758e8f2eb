"""What telecom evidence does to an account, and what its owner may say of the line (docs/spec section 8.8).

Evidence of operators is recorded with the act that it came with, and the same answers always do the same: the greatest
change wins, whoever answered first, and what happened before the line was last bound counts for nothing. Nothing here
opens or shortens anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from pteri.core.acts import AnnounceMove, RebindLine
from pteri.core.euicc.notification import Operation
from pteri.core.ids import RequestId, Thumbprint
from pteri.domain.account import Account
from pteri.domain.chip import Chip
from pteri.domain.decisions import Decision, Permit, Reason, Refuse
from pteri.domain.device import DeviceState
from pteri.domain.events import ChipAnswered, ChipTold, Event, LineAged, LineObserved, LineRebound, MoveAnnounced
from pteri.domain.facts import LineStatus
from pteri.domain.line import Explained, Line, LineEvent, LineState, Move, is_fresh
from pteri.domain.migration import OPEN_MIGRATIONS, MigrationState
from pteri.domain.rules import Rules
from pteri.domain.seeing import Seen
from pteri.domain.signals import RECYCLED, Finding, Question, Signal, worst
from pteri.domain.tables import IllegalTransition

__all__ = [
    "announce_move",
    "chip_answered",
    "chip_told",
    "line_aged",
    "line_lapses",
    "line_level",
    "line_observed",
    "line_rebound",
    "line_status",
    "move_announced",
    "observed",
    "rebind_line",
    "seen_alive",
]

_SWAPS: Final = (Question.SIM_SWAP, Question.DEVICE_SWAP)
_HOUR_S: Final = 3600
_COUNTED_OUT: Final = frozenset({LineState.SUSPECT, LineState.DETACHED})
_UNBOUND: Final[Mapping[Finding, LineStatus]] = {
    Finding.CLEAR: LineStatus.CONTINUOUS,
    Finding.UNKNOWN: LineStatus.UNKNOWN,
    Finding.CHANGED: LineStatus.CHANGED,
    Finding.CONTRADICTED: LineStatus.CONTRADICTED,
}


# --- evidence -------------------------------------------------------------------------------------------------------


def observed(
    account: Account,
    signals: Iterable[Signal],
    *,
    request: RequestId,
    at: int,
    answered_at: int | None,
    rules: Rules,
) -> tuple[Event, ...]:
    """What these answers do to the line. ``answered_at``: when an operator last answered at all, Unix seconds.

    Each change is recorded once: a line that is suspect is not made suspect again with every act.
    """
    line = account.mobile_line
    if line is None:
        return ()
    fresh = tuple(signal for signal in signals if is_fresh(signal, at))
    move = _expected_move(account, line)
    happened, told = _happened(line, move, fresh, silent=_is_silent(answered_at, at, rules))
    if happened is None or not line.takes(happened):
        return ()
    cooling = at + rules.line_cooldown_s if happened is LineEvent.EXPLAIN else 0
    first = LineObserved(
        at=at, request=request, happened=happened, signals=told, answered_at=answered_at, cooling_until=cooling
    )
    return (first, *_arrived_already(line, move, first))


def _expected_move(account: Account, line: Line) -> Move | None:
    """Which change of the line its owner has announced: by ``announce-move``, else by letting a new phone in.

    A migration counts no more once the line was rebound after it.
    """
    migration = account.migration
    newcomer = None if migration is None else account.device(migration.new_device)
    if line.move is not None or migration is None or newcomer is None or line.since > newcomer.created_at:
        return line.move
    if migration.state in OPEN_MIGRATIONS:
        until = migration.expires_at
    elif migration.state is MigrationState.COMPLETED:
        until = newcomer.probation_until
    else:
        return None
    return Move(migration.request, migration.approval, migration.new_device, newcomer.created_at, until)


def _happened(
    line: Line, move: Move | None, fresh: tuple[Signal, ...], *, silent: bool
) -> tuple[LineEvent | None, tuple[Signal, ...]]:
    news = line.news(fresh)
    recycled = tuple(signal for signal in news if signal.code == RECYCLED)
    if recycled:
        return LineEvent.RECYCLE, recycled
    if news:
        is_explained = move is not None and line.explained_by(move, news) is not None
        return LineEvent.EXPLAIN if is_explained else LineEvent.CHANGE, news
    if any(signal.finding is Finding.CLEAR for signal in fresh):
        return LineEvent.ANSWER, fresh
    return (LineEvent.SILENCE, fresh) if silent else (None, ())


def _is_silent(answered_at: int | None, at: int, rules: Rules) -> bool:
    """Where nobody ever answered nobody is missed: a service without an operator would otherwise wait for ever."""
    return answered_at is not None and at - answered_at >= rules.line_silent_s


def _arrived_already(line: Line, move: Move | None, first: LineObserved) -> tuple[Event, ...]:
    """The line may be seen on its new phone before the operator tells of the change: that arrives in any order."""
    if first.happened is not LineEvent.EXPLAIN or move is None:
        return ()
    if line.confirmed_on != move.to_device or line.confirmed_at < move.at:
        return ()
    return (
        LineObserved(
            at=first.at,
            request=first.request,
            happened=LineEvent.CONFIRM,
            signals=(),
            device=move.to_device,
            confirmed_at=line.confirmed_at,
        ),
    )


def seen_alive(
    account: Account, signal: Signal, *, device: Thumbprint, request: RequestId, at: int
) -> tuple[Event, ...]:
    """What a proof of possession by this phone does: only a verified phone's counts, only while it is fresh."""
    line, phone = account.mobile_line, account.device(device)
    if line is None or phone is None or phone.state is not DeviceState.ACTIVE:
        return ()
    proves = signal.question is Question.POSSESSION and signal.finding is Finding.CLEAR and is_fresh(signal, at)
    if not proves or not line.takes(LineEvent.CONFIRM) or _arrives_elsewhere(line, device):
        return ()
    return (
        LineObserved(
            at=at,
            request=request,
            happened=LineEvent.CONFIRM,
            signals=(signal,),
            device=device,
            confirmed_at=signal.asked_at,
        ),
    )


def _arrives_elsewhere(line: Line, device: Thumbprint) -> bool:
    return line.state is LineState.PROBATION and line.move is not None and line.move.to_device != device


def line_status(line: Line | None, signals: Iterable[Signal], at: int) -> LineStatus:
    """What a decision sees, of a line to which :func:`observed` has happened; ``None``: of one not yet bound."""
    fresh = tuple(signal for signal in signals if is_fresh(signal, at))
    if any(signal.finding is Finding.CONTRADICTED for signal in fresh):
        return LineStatus.CONTRADICTED
    if line is None:
        return _UNBOUND[worst(fresh)]
    if line.state in _COUNTED_OUT:
        return LineStatus.CHANGED
    unsure = not fresh or any(map(_says_nothing_sure, fresh))
    # What was announced and has not arrived yet is neither for nor against anybody.
    return LineStatus.UNKNOWN if unsure or line.state is LineState.PROBATION else LineStatus.CONTINUOUS


def _says_nothing_sure(signal: Signal) -> bool:
    undated = signal.finding is Finding.CHANGED and signal.changed_at is None
    return undated or signal.finding is Finding.UNKNOWN


def line_level(line: Line, at: int, rules: Rules) -> int:
    """How well the line is known: 2 while it was seen alive lately, else 0. Every confirmation decays."""
    return 2 if at < line.confirmed_at + rules.line_confirmed_s else 0


# --- decisions ------------------------------------------------------------------------------------------------------


def rebind_line(act: RebindLine, seen: Seen) -> Decision:
    """Which line it is from now on: for wallet and verified phone to say, and for nobody else (abuse case TE-09)."""
    if (no := seen.may_not_change()) is not None:
        return no
    line = seen.account.mobile_line
    if line is not None and act.new_esim in line.gone:
        return Refuse(Reason.LINE_GONE)
    return Permit(Reason.BOTH_KEYS)


def announce_move(act: AnnounceMove, seen: Seen, rules: Rules) -> Decision:
    """The SIM will move. Said beforehand, the change is no alarm; it still makes the wallet alone wait longer."""
    if (no := seen.may_not_change()) is not None:
        return no
    line = seen.account.mobile_line
    if line is None:
        return Refuse(Reason.NO_LINE)
    if line.state in _COUNTED_OUT:
        # Afterwards there is nothing to announce: the owner says which line it is now.
        return Refuse(Reason.REBIND_INSTEAD)
    if not seen.at < act.until <= seen.at + rules.move_window_s:
        return Refuse(Reason.NOT_OFFERED)
    return Permit(Reason.BOTH_KEYS)


# --- the fold -------------------------------------------------------------------------------------------------------


def line_observed(account: Account, event: LineObserved) -> Account:
    """The line after what operators said."""
    line = _line(account)
    return replace(account, line=_OBSERVED[event.happened](line.after(event.happened), event, account))


def _changed(line: Line, _event: LineObserved, _account: Account) -> Line:
    return replace(line, move=None)


def _explained(line: Line, event: LineObserved, account: Account) -> Line:
    move = _expected_move(account, line)
    explained = None if move is None else line.explained_by(move, event.signals)
    if explained is None:
        raise IllegalTransition("a change that nobody announced has no explanation")
    return replace(line, cooling_until=event.cooling_until, cooling_by=event.request, move=move, explained=explained)


def _confirmed(line: Line, event: LineObserved, account: Account) -> Line:
    assert event.device is not None
    account.verified(event.device)
    if event.confirmed_at >= line.confirmed_at:
        return replace(line, confirmed_at=event.confirmed_at, confirmed_on=event.device)
    return line


def _recycled(line: Line, _event: LineObserved, account: Account) -> Line:
    assert account.esim is not None
    return replace(line, move=None, gone=(*line.gone, account.esim))


def _no_more(line: Line, _event: LineObserved, _account: Account) -> Line:
    return line


_OBSERVED: Final[Mapping[LineEvent, Callable[[Line, LineObserved, Account], Line]]] = {
    LineEvent.CHANGE: _changed,
    LineEvent.EXPLAIN: _explained,
    LineEvent.CONFIRM: _confirmed,
    LineEvent.RECYCLE: _recycled,
    LineEvent.SILENCE: _no_more,
    LineEvent.ANSWER: _no_more,
}


def line_aged(account: Account, event: LineAged) -> Account:
    """The line after what time alone did."""
    line = _line(account)
    if line_lapses(account, event.at) != (event,):
        raise IllegalTransition("a line does not age like that now")
    since = min(event.at, _known_until(line)) if event.happened is LineEvent.SETTLE else line.since
    aged = replace(line.after(event.happened), since=since, move=None, explained=(), cooling_until=0)
    return replace(account, line=aged)


def _known_until(line: Line) -> int:
    """After what second a change is none of those that were explained.

    Not the second of this act: whoever swapped the SIM between the explained change and it would go unnoticed. An
    operator without dates is asked in whole hours, so that its next answer reaches back by up to one more.
    """
    return max((known.at + _HOUR_S + 1 for known in line.explained), default=line.since)


def line_rebound(account: Account, event: LineRebound) -> Account:
    """Another line, or the same one as the owner knows it now. It has to be seen anew."""
    account.verified(event.device)
    before = account.mobile_line
    if before is None:
        line = Line(state=LineState.PROBATION, since=event.at)
    else:
        line = replace(before.after(LineEvent.REBIND), since=event.at + 1, move=None, confirmed_at=0, confirmed_on=None)
    if event.esim in line.gone:
        raise IllegalTransition("a line that was given to somebody else does not come back")
    # What brought the owner here may be told again, by an operator that gives no dates.
    explained = tuple(Explained(question, None, event.at) for question in _SWAPS)
    cooling = replace(line, cooling_until=event.cooling_until, cooling_by=event.request, explained=explained)
    return replace(account, esim=event.esim, line=cooling)


def move_announced(account: Account, event: MoveAnnounced) -> Account:
    """A move is expected; one that was announced before is not, any more."""
    account.verified(event.device)
    line = _line(account)
    if line.state in _COUNTED_OUT:
        raise IllegalTransition("nobody announces a move of a line that has changed already")
    move = Move(event.request, event.approval, event.to_device, event.at, event.until)
    return replace(account, line=replace(line, move=move))


def chip_answered(account: Account, event: ChipAnswered) -> Account:
    """It is this account's chip from now on. Another one starts anew; the same one keeps what it has told."""
    account.verified(event.device)
    before = account.chip
    known = before if before is not None and before.chip == event.chip else None
    chip = Chip(event.chip, event.key, event.ci_key_id, event.device, event.at, event.request)
    if known is not None:
        chip = replace(chip, told_at=known.told_at, enabled=known.enabled, profile=known.profile, ended=known.ended)
    return replace(account, chip=chip)


def chip_told(account: Account, event: ChipTold) -> Account:
    """What the account's chip did, by its own counter."""
    chip, operation = account.chip, Operation(event.operation)
    if chip is None or chip.chip != event.chip or not chip.takes(operation, event.profile, event.sequence):
        raise IllegalTransition("no news of this account's chip")
    return replace(account, chip=chip.after(operation, event.profile, event.sequence, event.at))


def line_lapses(account: Account, at: int) -> tuple[Event, ...]:
    """What time alone has done to the line by ``at``."""
    line = account.line
    if line is None or line.state not in {LineState.PROBATION, LineState.MOVED}:
        return ()
    if _is_settled(line, at):
        return (LineAged(at=at, request=line.cooling_by, happened=LineEvent.SETTLE),)
    if line.state is LineState.PROBATION and line.move is not None and _is_missed(line, line.move, at):
        return (LineAged(at=at, request=line.move.request, happened=LineEvent.RUN_OUT),)
    return ()


def _is_settled(line: Line, at: int) -> bool:
    arrived = line.move is None or line.state is LineState.MOVED
    never = line.move is not None and at >= line.move.until and not line.confirmed_at
    return at >= line.cooling_until and (arrived or never)


def _is_missed(line: Line, move: Move, at: int) -> bool:
    """Whether it should have been seen on its new phone by now: one that was never seen on any is not missed there.

    Most phones cannot show an operator's token to anybody, and their owners would hear of an alarm that is none.
    """
    return bool(line.confirmed_at) and at >= move.until


def _line(account: Account) -> Line:
    line = account.mobile_line
    if line is None:
        raise IllegalTransition("an account without a line")
    return line
