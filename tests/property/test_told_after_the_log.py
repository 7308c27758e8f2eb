"""Invariant I8: nobody hears of a change of authority before a checkpoint that a quorum has seen has its leaf.

A real service in this process, a phone, and three witnesses who come and go. Whatever the order of acts, outages,
repeats and turns of the loops is: what was told is in the log that everybody sees.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from onlookers import caught_up, onlookers, sign_in, watched
from pteri.core.httpsig import SignedRequest
from pteri.domain.account import Account
from thieves import guarded_by
from world import LINE, OTHER_LINE, Answered, SimClock, World

QUICK = settings(max_examples=8, stateful_step_count=12, deadline=None, phases=[Phase.generate])


class ToldAfterTheLog(RuleBasedStateMachine):
    """``answers_wait``: the protection that is tried without."""

    answers_wait: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._directory = tempfile.TemporaryDirectory(prefix="pteri-told-")
        clock = SimClock()
        desk = watched(clock.now, answers_wait=self.answers_wait)
        self.world = World(Path(self._directory.name), clock=clock, log=desk)
        self.phone = self.world.enrolled()
        self.pending: list[tuple[SignedRequest, int]] = []
        self.told: list[int] = [1]
        self.lines = 0

    def teardown(self) -> None:
        self.world.close()
        self._directory.cleanup()

    def _account(self) -> Account:
        [account] = self.world.run(self.world.store.accounts(None, 2))
        return account

    def _heard(self, answer: Answered, request: SignedRequest, seq: int) -> None:
        """Either it is told, or it is done and waits, and the same request asks again."""
        if answer.status == 200:
            self.told.append(seq)
        else:
            assert (answer.status, answer.code) == (503, "PENDING_LOG")
            self.pending.append((request, seq))

    @rule(away=st.lists(st.booleans(), min_size=3, max_size=3))
    def witnesses_come_and_go(self, away: list[bool]) -> None:
        for each, is_away in zip(onlookers(self.world), away, strict=True):
            each.is_away = is_away

    @rule()
    def loops_have_a_turn(self) -> None:
        assert not any(refusal.is_alarm for refusal in caught_up(self.world))

    @rule()
    def somebody_signs_in(self) -> None:
        """Whoever is away: that goes on."""
        assert sign_in(self.world, self.phone) == 200

    @rule()
    def the_line_is_bound_anew(self) -> None:
        self.lines += 1
        shown = self.phone.rebind_line(OTHER_LINE if self.lines % 2 else LINE)
        self._heard(shown.decided, shown.request, self._account().version)

    @rule(friends=st.sampled_from([(), (4, 5), (4, 5, 6)]))
    def helpers_are_named(self, friends: tuple[int, ...]) -> None:
        before = self._account().version
        shown = self.phone.protect(guarded_by(self.world, *friends) if friends else None)
        after = self._account().version
        if shown.decided.status in {200, 503} and after > before:
            self._heard(shown.decided, shown.request, after)

    @rule(which=st.integers(0, 9))
    def a_request_is_sent_again(self, which: int) -> None:
        if self.pending:
            request, seq = self.pending.pop(which % len(self.pending))
            before = self._account().version
            self._heard(self.world.send(request), request, seq)
            assert self._account().version == before

    @invariant()
    def what_was_told_was_seen(self) -> None:
        state = self.world.run(self.world.store.book.state())
        assert state is not None
        account = self._account()
        logged = self.world.run(self.world.store.book.logged(account.tenant, account.id, 0, 1000))
        seen = {each.seq for each in logged if each.place < state.witnessed_size}
        assert set(self.told) <= seen, "somebody heard of what no quorum has seen"


class WithoutWaiting(ToldAfterTheLog):
    """The one protection removed."""

    answers_wait = False


def test_i8_no_change_of_authority_is_told_before_a_quorum_has_seen_its_leaf() -> None:
    run_state_machine_as_test(ToldAfterTheLog, settings=QUICK)


def test_i8_without_the_wait_the_model_finds_an_answer_that_nobody_has_seen() -> None:
    with pytest.raises(AssertionError, match="no quorum has seen"):
        run_state_machine_as_test(WithoutWaiting, settings=QUICK)
