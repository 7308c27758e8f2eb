"""One of several processes that all do the same thing to one store at the same moment, from many threads.

Arguments: what, path of the store, threads, and a number of its own. Says "ready", waits for a line, races, and
prints one outcome a line.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import builders as b
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import Changeset, Conflict

ASKED, REMOVAL = b.sign_in(1), b.removal_asked(b.opened(), 2)


def submission(store: SqliteStore, number: int) -> str:
    """Answer the same challenge, each time in a request of its own."""
    return "sign-in " + outcome(store, b.response(b.opened(), ASKED, number))


def repetition(store: SqliteStore, _: int) -> str:
    """Send one request again and again, like an impatient phone."""
    return "sign-in " + outcome(store, b.response(b.opened(), ASKED, 1))


def either(store: SqliteStore, number: int) -> str:
    """Half of them sign in, half of them remove the phone that signs in."""
    if number % 2:
        return submission(store, number)
    return "removal " + outcome(store, b.removal(b.opened(), REMOVAL, number))


def sequencing(store: SqliteStore, _: int) -> str:
    """Give out log positions until none is left to give."""
    total = 0
    while taken := asyncio.run(store.sequence(2)):
        total += taken
    return str(total)


def outcome(store: SqliteStore, changeset: Changeset) -> str:
    [found] = asyncio.run(store.commit([changeset]))
    return found.kind if isinstance(found, Conflict) else type(found).__name__


RACES = {race.__name__: race for race in (submission, repetition, either, sequencing)}


def main(what: str, path: str, threads: int, first: int) -> None:
    start = Barrier(threads + 1)

    def race(number: int) -> str:
        store = SqliteStore.open(Path(path))
        start.wait()
        said = RACES[what](store, number)
        asyncio.run(store.close())
        return said

    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(race, first + number) for number in range(threads)]
        print("ready", flush=True)
        sys.stdin.readline()
        start.wait()
        for each in running:
            print(each.result(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
