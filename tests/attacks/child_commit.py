"""Processes that are there to die. One order a line on standard input, one answer a line on standard output.

The imports are paid once: each order runs in a fork, which is a process of its own to be killed. It opens its own
store, since SQLite's connections do not survive a fork.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import signal
import sys
import traceback
from pathlib import Path

import msgspec

import builders as b
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import ChallengeChange, Changeset, Outcome, StoreUnavailable
from pteri.domain.account import Account
from pteri.domain.challenge import ChallengeEvent


class Order(msgspec.Struct):
    what: str
    path: str
    number: int


def say(*words: object) -> None:
    # One write of a short line is whole or absent, also between two processes at one pipe.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def commit(store: SqliteStore, changeset: Changeset) -> Outcome:
    [outcome] = asyncio.run(store.commit([changeset]))
    return outcome


def die_before(store: SqliteStore, statement: int) -> None:
    """Kill this process before the n-th SQL statement from now, from 1; 0: never."""
    seen = itertools.count(1)

    def look(sql: str) -> None:
        if next(seen) == statement:
            say("dies before", sql.split(maxsplit=1)[0])
            os.kill(os.getpid(), signal.SIGKILL)

    store._connection.set_trace_callback(look)


def approve(store: SqliteStore, statement: int) -> None:
    die_before(store, statement)
    say(commit(store, b.approval(b.opened(), b.sign_in())))


def approve_and_die(store: SqliteStore, _: int) -> None:
    commit(store, b.approval(b.opened(), b.sign_in()))
    os.kill(os.getpid(), signal.SIGKILL)


def sequence(store: SqliteStore, statement: int) -> None:
    die_before(store, statement)
    say(asyncio.run(store.sequence(3)))


def sign_in(account: Account, number: int) -> Changeset:
    """A whole sign-in in one changeset, so that each one adds one of everything."""
    asked = b.sign_in(number)
    answered = ChallengeChange(0, asked.after(ChallengeEvent.VERIFY))
    return msgspec.structs.replace(b.response(account, asked, number), challenges=(answered,))


def current(store: SqliteStore) -> Account:
    account = asyncio.run(store.account(b.TENANT, b.account_id()))
    assert account is not None
    return account


def stream(store: SqliteStore, first: int) -> None:
    """Sign in for ever, sequencing now and then, and acknowledge what is durable."""
    for number in itertools.count(first):
        commit(store, sign_in(current(store), number))
        say("acknowledged", number)
        if number % 3 == 0:
            asyncio.run(store.sequence(2))


def fill_the_disk(store: SqliteStore, size: int) -> None:
    """Sign in until no file may grow any more, then again when there is room."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    for number in itertools.count(1):
        before = current(store)
        try:
            commit(store, sign_in(before, number))
        except StoreUnavailable:
            break
        say("acknowledged", number)
    say("full", current(store) == before)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    say(commit(store, sign_in(before, number)))


ORDERS = {work.__name__: work for work in (approve, approve_and_die, sequence, stream, fill_the_disk)}


def main() -> None:
    for line in sys.stdin:
        order = msgspec.json.decode(line, type=Order)
        started, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(started, 1)  # nothing is said before "born" is
            try:
                ORDERS[order.what](SqliteStore.open(Path(order.path)), order.number)
            except BaseException:  # noqa: BLE001 - a fork must never return into its parent's loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        say("born", child)
        os.close(go)
        os.close(started)
        _, status = os.waitpid(child, 0)
        say("ended", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
