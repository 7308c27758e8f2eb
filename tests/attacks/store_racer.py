"""One of several processes that all do the same thing to one store at the same moment, from many threads.

Arguments: what, path or URL of the store, threads, and a number of its own. Says "ready", waits for a line, races,
and prints one outcome a line.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import builders as b
from pteri.adapters.store.opening import open_store
from pteri.app.ports import Changeset, Conflict, Store

ASKED, REMOVAL = b.sign_in(1), b.removal_asked(b.opened(), 2)


async def submission(store: Store, number: int) -> str:
    """Answer the same challenge, each time in a request of its own."""
    return "sign-in " + await outcome(store, b.response(b.opened(), ASKED, number))


async def repetition(store: Store, _: int) -> str:
    """Send one request again and again, like an impatient phone."""
    return "sign-in " + await outcome(store, b.response(b.opened(), ASKED, 1))


async def either(store: Store, number: int) -> str:
    """Half of them sign in, half of them remove the phone that signs in."""
    if number % 2:
        return await submission(store, number)
    return "removal " + await outcome(store, b.removal(b.opened(), REMOVAL, number))


async def sequencing(store: Store, _: int) -> str:
    """Give out log positions until none is left to give."""
    total = 0
    while taken := await store.sequence(2):
        total += taken
    return str(total)


async def outcome(store: Store, changeset: Changeset) -> str:
    [found] = await store.commit([changeset])
    return found.kind if isinstance(found, Conflict) else type(found).__name__


RACES = {race.__name__: race for race in (submission, repetition, either, sequencing)}


def main(what: str, place: str, threads: int, first: int) -> None:
    opened, start = Barrier(threads + 1), Barrier(threads + 1)

    async def race(number: int) -> str:
        store = await open_store(place)
        opened.wait()
        start.wait()
        said = await RACES[what](store, number)
        await store.close()
        return said

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(asyncio.run, race(first + number)) for number in range(threads)]
        opened.wait()
        print("ready", flush=True)
        sys.stdin.readline()
        start.wait()
        for each in running:
            print(each.result(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
