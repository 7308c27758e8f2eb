"""Verification of all that is here in one turn of the loop: nobody waits in vain, and nobody pays for another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, TypeAlias, TypeVar, cast

import pytest
from msgspec.structs import replace

from pteri.app.verifying import VerifyTogether
from pteri.core.acts import StatementAct
from pteri.core.errors import Code, NotAuthentic
from pteri.core.verify import Question, Verified, submitted
from signing import URI, WALLET, named, payload, request
from statements import EXAMPLES, ISSUED_AT, NEW_PHONE, PHONE

Asked: TypeAlias = Question[StatementAct]
T = TypeVar("T")

SIGN_IN = named(EXAMPLES["sign in, with a line"])
RIGHT: Asked = Question(
    submitted=submitted(request(payload(SIGN_IN))),
    expected=SIGN_IN,
    expected_act=type(SIGN_IN.act),
    expected_wallet=WALLET.pinned,
    expected_device=PHONE.public,
    expected_network="main",
    expected_method="POST",
    expected_target_uri=URI,
    at=ISSUED_AT + 5,
)
WRONG = replace(RIGHT, submitted=submitted(request(payload(SIGN_IN), phone=NEW_PHONE)))


class Asking:
    """A question that notes when somebody looks at its answer, in the order of all looks."""

    looks = count()

    def __init__(self, asked: Asked = RIGHT) -> None:
        self._asked, self.looked_at = asked, list[int]()

    def __getattr__(self, name: str) -> Any:
        if name == "submitted":
            self.looked_at.append(next(Asking.looks))
        return getattr(self._asked, name)

    @property
    def was_checked(self) -> bool:
        return bool(self.looked_at)


def asking(asked: Asked = RIGHT) -> tuple[Asked, Asking]:
    noted = Asking(asked)
    return cast("Asked", noted), noted


class Broken:
    """A question that a bug makes impossible to check."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError("a bug")


def run(work: Callable[[VerifyTogether], Coroutine[Any, Any, T]]) -> T:
    async def bounded() -> T:
        async with asyncio.timeout(20):
            return await work(VerifyTogether())

    return asyncio.run(bounded())


def test_one_alone_is_verified_at_once() -> None:
    verified = run(lambda together: together.verify(RIGHT))
    assert isinstance(verified, Verified)
    assert verified.statement == SIGN_IN


def test_one_alone_is_refused_with_its_own_code() -> None:
    with pytest.raises(NotAuthentic) as refused:
        run(lambda together: together.verify(WRONG))
    assert refused.value.code is Code.DEVICE_SIGNATURE


@pytest.mark.parametrize("number", [2, 63, 64, 65, 128, 200])
def test_however_many_come_at_once_each_hears_its_own(number: int) -> None:
    async def work(together: VerifyTogether) -> list[object]:
        asked = [WRONG if place % 3 == 0 else RIGHT for place in range(number)]
        return list(await asyncio.gather(*map(together.verify, asked), return_exceptions=True))

    outcomes = run(work)
    assert [isinstance(outcome, NotAuthentic) for outcome in outcomes] == [place % 3 == 0 for place in range(number)]
    assert sum(isinstance(outcome, Verified) for outcome in outcomes) == number - len(range(0, number, 3))


Begun: TypeAlias = tuple[asyncio.Task[Verified[StatementAct]], Asking]


def one_each_turn(together: VerifyTogether, number: int) -> list[Begun]:
    """So many that ask one after the other, one in each turn of the loop; in the order in which they ask."""

    async def later(turns: int, asked: Asked) -> Verified[StatementAct]:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await together.verify(asked)

    begun = []
    # The last one first: so each asks before anybody looks in this turn who has come.
    for turns in reversed(range(number)):
        asked, noted = asking()
        begun.append((asyncio.create_task(later(turns, asked)), noted))
    return begun[::-1]


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def test_a_lone_one_waits_for_nobody() -> None:
    async def work(together: VerifyTogether) -> None:
        [(task, noted)] = one_each_turn(together, 1)
        await turns(1)  # it has asked
        await turns(1)  # nobody else has
        assert noted.was_checked
        await task

    run(work)


def test_as_long_as_each_turn_brings_more_they_are_checked_together() -> None:
    async def work(together: VerifyTogether) -> list[Asking]:
        begun = one_each_turn(together, 5)
        await turns(5)  # all have asked
        assert not any(noted.was_checked for _, noted in begun)
        await turns(2)
        assert all(noted.was_checked for _, noted in begun)
        await asyncio.gather(*(task for task, _ in begun))
        return [noted for _, noted in begun]

    checked = run(work)
    # All phones come first, then all wallets: the curves are not changed for each.
    assert max(noted.looked_at[0] for noted in checked) < min(noted.looked_at[-1] for noted in checked)


def test_a_stream_without_an_end_makes_nobody_wait_for_more_than_sixty_four() -> None:
    async def work(together: VerifyTogether) -> None:
        begun = one_each_turn(together, 100)
        await turns(66)
        assert [noted.was_checked for _, noted in begun] == [*[True] * 64, *[False] * 36]
        await asyncio.gather(*(task for task, _ in begun))

    run(work)


def test_who_hung_up_costs_no_verification_and_hurts_nobody() -> None:
    async def work(together: VerifyTogether) -> tuple[list[object], list[Asking]]:
        noted = [asking() for _ in range(5)]
        tasks = [asyncio.create_task(together.verify(asked)) for asked, _ in noted]
        await asyncio.sleep(0)
        for place in (0, 3):
            tasks[place].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        return list(outcomes), [one for _, one in noted]

    outcomes, noted = run(work)
    gone = [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes]
    assert gone == [True, False, False, True, False]
    assert [one.was_checked for one in noted] == [not left for left in gone]
    assert all(isinstance(outcome, Verified) for outcome, left in zip(outcomes, gone, strict=True) if not left)


def test_when_all_hang_up_the_next_ones_are_served() -> None:
    async def work(together: VerifyTogether) -> Verified[StatementAct]:
        tasks = [asyncio.create_task(together.verify(RIGHT)) for _ in range(3)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await together.verify(RIGHT)

    assert run(work).statement == SIGN_IN


def test_who_hangs_up_after_the_check_hears_nothing_and_leaves_nothing_unheard() -> None:
    async def work(together: VerifyTogether) -> list[object]:
        tasks = [asyncio.create_task(together.verify(asked)) for asked in (RIGHT, WRONG)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the outcomes are there, and nobody has read them
        for task in tasks:
            task.cancel()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in run(work))


def test_a_bug_in_one_reaches_everybody_who_waits_and_nobody_hangs() -> None:
    async def work(together: VerifyTogether) -> tuple[list[object], Verified[StatementAct]]:
        asked = [RIGHT, cast("Asked", Broken()), WRONG, RIGHT]
        outcomes = await asyncio.gather(*map(together.verify, asked), return_exceptions=True)
        return list[object](outcomes), await together.verify(RIGHT)

    outcomes, afterwards = run(work)
    assert [type(outcome) for outcome in outcomes] == [LookupError] * 4
    assert afterwards.statement == SIGN_IN


def test_questions_that_come_later_do_not_mix_with_the_ones_before() -> None:
    async def work(together: VerifyTogether) -> list[object]:
        first = asyncio.create_task(together.verify(WRONG))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = asyncio.create_task(together.verify(RIGHT))
        return list(await asyncio.gather(first, second, return_exceptions=True))

    wrong, right = run(work)
    assert isinstance(wrong, NotAuthentic)
    assert isinstance(right, Verified)
