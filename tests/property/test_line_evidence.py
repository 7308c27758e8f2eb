"""Whatever operators say, in whatever order and however often: it gives nothing to anybody (design of the eSIM)."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

import lines
import quarrels
from builders import thumbprint
from ledger import DAY, HOUR, Ledger, opened
from lines import hear, says, see
from pteri.domain.continuity import line_level, line_status, observed
from pteri.domain.decisions import Refuse, permissiveness
from pteri.domain.facts import LineStatus
from pteri.domain.line import LineState
from pteri.domain.policy import decide
from pteri.domain.signals import RECYCLED, Finding, Question
from stories import acts_on, grown, guarded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pteri.domain.signals import Signal

WAITS = st.sampled_from([0, 60, HOUR, DAY, 3 * DAY, 8 * DAY])
AGES = st.none() | st.sampled_from([0, 1, HOUR, DAY, 10 * DAY])
ANSWERS = st.tuples(st.sampled_from(Finding), st.sampled_from(Question), AGES, st.sampled_from(["operator-a", "b"]))
SILENCES = st.sampled_from([0, HOUR, 4 * DAY])
ACTS = st.one_of(
    st.tuples(st.just("hear"), st.lists(ANSWERS, max_size=4), SILENCES),
    st.tuples(st.just("see"), st.integers(1, 3), st.just(0)),
    st.tuples(st.just("wait"), WAITS, st.just(0)),
)
STORIES: dict[str, Callable[[], Ledger]] = {
    "two phones": grown,
    "claimed": lambda: _with_claim(grown()),
    "claimed with a code": lambda: _with_claim(guarded(), "WC"),
    "move announced": lambda: _with_move(grown()),
}


def _with_claim(ledger: Ledger, letters: str = "W") -> Ledger:
    quarrels.claim(ledger, 3, letters)
    return ledger


def _with_move(ledger: Ledger) -> Ledger:
    lines.announce(ledger, 1, 2)
    return ledger


def answers(at: int, drawn: Sequence[tuple[Finding, Question, int | None, str]]) -> list[Signal]:
    return [
        says(
            at,
            finding,
            question,
            changed_at=None if age is None else at - age,
            operator=operator,
            code=RECYCLED if (finding, question) == (Finding.CHANGED, Question.RECYCLING) else "",
        )
        for finding, question, age, operator in drawn
    ]


def lived(ledger: Ledger, acts: Sequence[tuple[str, object, int]]) -> Ledger:
    for what, how, silent_s in acts:
        if what == "hear":
            hear(ledger, *answers(ledger.at, how), silent_s=silent_s)  # type: ignore[arg-type]  # drawn together
        elif what == "see":
            see(ledger, how)  # type: ignore[arg-type]  # drawn together
        else:
            ledger.wait(how)  # type: ignore[arg-type]  # drawn together
    return ledger


@given(story=st.sampled_from(sorted(STORIES)), acts=st.lists(ACTS, max_size=8), last=st.lists(ANSWERS, max_size=3))
def test_no_evidence_raises_any_privilege(
    story: str, acts: list[tuple[str, object, int]], last: list[tuple[Finding, Question, int | None, str]]
) -> None:
    """Beside the same account at the same second of whose line nobody has ever heard and that looks its best."""
    heard = lived(STORIES[story](), acts)
    signals = answers(heard.at, last)
    hear(heard, *signals)
    quiet = STORIES[story]()
    quiet.wait(heard.at - quiet.at)
    account = heard.settled()[0]
    status = line_status(account.mobile_line, signals, heard.at)
    for attempt in acts_on(quiet):
        best = decide(attempt.act, attempt.facts(quiet, quiet.settled()[0], LineStatus.CONTINUOUS), quiet.rules)
        now = decide(attempt.act, attempt.facts(heard, account, status), heard.rules)
        assert permissiveness(now) <= permissiveness(best)
        # And it refuses nobody: a worse line delays or asks for more. Only about itself it has something to say.
        about_itself = attempt.act.purpose in {"announce-move", "rebind-esim"}
        assert about_itself or isinstance(now, Refuse) == isinstance(best, Refuse)


@given(acts=st.lists(ACTS, max_size=8))
def test_no_evidence_moves_a_phone_a_wallet_or_an_account(acts: list[tuple[str, object, int]]) -> None:
    heard, quiet = lived(_with_claim(grown()), acts), _with_claim(grown())
    quiet.wait(heard.at - quiet.at)
    one, other = heard.settled()[0], quiet.settled()[0]
    differs = {name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)}
    # That a case has run out is written down when somebody looks.
    assert differs <= {"line", "version", "recovery"}
    assert (one.recovery and one.recovery.state) == (other.recovery and other.recovery.state)


@given(drawn=st.lists(ANSWERS, min_size=2, max_size=4), announced=st.booleans())
def test_the_order_of_answers_does_not_matter(
    drawn: list[tuple[Finding, Question, int | None, str]], announced: bool
) -> None:
    """Neither within an act nor from one act to the next, which come in the same second."""
    together, apart = set(), set()
    for order in permutations(drawn):
        begun = _with_move(grown()) if announced else grown()
        begun.wait(HOUR)
        signals = answers(begun.at, order)
        once, each = begun.copy(), begun.copy()
        hear(once, *signals)
        for signal in signals:
            hear(each, signal)
        together.add(_shown(once))
        apart.add(_shown(each))
    assert len(together) == 1
    assert len({shown[0] for shown in apart}) == 1
    assert {shown[0] for shown in apart} == {shown[0] for shown in together}


def _shown(ledger: Ledger) -> tuple[LineState, int]:
    line = ledger.now().mobile_line
    assert line is not None
    return line.state, line.cooling_until


@given(acts=st.lists(ACTS, max_size=6), last=st.lists(ANSWERS, max_size=4))
def test_the_same_evidence_twice_is_once(
    acts: list[tuple[str, object, int]], last: list[tuple[Finding, Question, int | None, str]]
) -> None:
    ledger = lived(grown(), acts)
    hear(ledger, *answers(ledger.at, last))
    again = observed(
        ledger.settled()[0],
        answers(ledger.at, last) * 2,
        request=ledger.next_request(),
        at=ledger.at,
        answered_at=ledger.at,
        rules=ledger.rules,
    )
    assert again == ()


@given(acts=st.lists(ACTS, max_size=6), last=st.lists(ANSWERS, max_size=4))
def test_what_is_not_known_is_never_continuous(
    acts: list[tuple[str, object, int]], last: list[tuple[Finding, Question, int | None, str]]
) -> None:
    ledger = lived(grown(), acts)
    signals = [*answers(ledger.at, last), says(ledger.at, Finding.UNKNOWN)]
    hear(ledger, *signals)
    assert line_status(ledger.settled()[0].mobile_line, signals, ledger.at) is not LineStatus.CONTINUOUS
    assert line_status(None, signals, ledger.at) is not LineStatus.CONTINUOUS


@given(acts=st.lists(ACTS, max_size=8))
def test_every_confirmation_decays(acts: list[tuple[str, object, int]]) -> None:
    ledger = lived(grown(), acts)
    line = ledger.now().mobile_line
    assert line is not None
    assert line_level(line, ledger.at + ledger.rules.line_confirmed_s, ledger.rules) == 0
    hear(ledger.wait(ledger.rules.line_confirmed_s), says(ledger.at, Finding.CLEAR))
    assert line_level(ledger.settled()[0].mobile_line or line, ledger.at, ledger.rules) == 0


@given(acts=st.lists(ACTS, max_size=8))
def test_only_the_owner_clears_a_suspect_line(acts: list[tuple[str, object, int]]) -> None:
    ledger = opened().migrated(1, 2).wait(3 * DAY)
    hear(ledger, lines.swap(ledger))
    lived(ledger, acts)
    line = ledger.settled()[0].mobile_line
    assert line is not None
    assert line.state in {LineState.SUSPECT, LineState.DETACHED}
    assert line.confirmed_on in {None, thumbprint(1), thumbprint(2)}
