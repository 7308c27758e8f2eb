"""The watch: it looks while there is something to see, in whichever loop the server runs."""

from __future__ import annotations

import asyncio

from pteri.http.watch import Watch


class Seen:
    def __init__(self) -> None:
        self.looks: list[int] = []
        self.seen = asyncio.Event()

    def look(self, now: int) -> None:
        self.looks.append(now)
        self.seen.set()


class Broken(Seen):
    def look(self, now: int) -> None:
        super().look(now)
        raise RuntimeError("a bug in one look")


def test_a_time_is_counted_in_whole_looks_and_never_too_short() -> None:
    assert [Watch(0.5).looks(seconds) for seconds in (0.1, 0.5, 0.6, 10)] == [1, 1, 2, 20]


def test_it_looks_again_and_again_until_nobody_is_there_and_again_when_somebody_comes() -> None:
    async def play() -> None:
        watch, loop = Watch(0.001), asyncio.get_running_loop()
        one, two = Seen(), Seen()
        watch.add(one, loop)
        while len(one.looks) < 3:
            one.seen.clear()
            await one.seen.wait()
        watch.discard(one)
        watch.discard(one)
        watch.add(two, loop)
        await two.seen.wait()
        assert one.looks == [1, 2, 3]
        assert two.looks[0] > 3

    asyncio.run(play())


def test_a_watch_of_a_loop_that_ended_watches_in_the_next_one() -> None:
    watch = Watch(0.001)
    old, new = Seen(), Seen()

    async def play(seen: Seen) -> None:
        watch.add(seen, asyncio.get_running_loop())
        await seen.seen.wait()

    asyncio.run(play(old))
    looked = len(old.looks)
    asyncio.run(play(new))
    assert new.looks
    assert len(old.looks) == looked, "what belonged to the first loop is gone with it"


def test_a_bug_in_one_look_is_not_the_last_look() -> None:
    told: list[object] = []

    async def play() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        watch, broken = Watch(0.001), Broken()
        watch.add(broken, loop)
        while len(broken.looks) < 2:
            broken.seen.clear()
            await broken.seen.wait()

    asyncio.run(play())
    assert len(told) >= 2
