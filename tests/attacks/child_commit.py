"""Processes that are there to die. One order a line on standard input, one answer a line on standard output.

The imports are paid once: each order runs in a fork, which is a process of its own to be killed. It opens its own
store, since no connection to a database survives a fork.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable

import msgspec

import builders as b
from pteri.adapters.store.opening import open_store
from pteri.adapters.store.postgres import PostgresStore
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.ports import ChallengeChange, Changeset, Committed, Outcome, Repeated, Store, StoreUnavailable
from pteri.domain.account import Account
from pteri.domain.challenge import ChallengeEvent

ALREADY_IMPORTED = PostgresStore  # or every fork would pay for it


class Order(msgspec.Struct):
    what: str
    place: str
    number: int
    account: int = 1


def say(*words: object) -> None:
    # One write of a short line is whole or absent, also between two processes at one pipe.
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def commit(store: Store, changeset: Changeset) -> Outcome:
    [outcome] = await store.commit([changeset])
    return outcome


def die_before(store: Store, statement: int) -> None:
    """Kill this process before the n-th SQL statement from now, from 1; 0: never. In a file; a database has wires."""
    seen = itertools.count(1)

    def look(sql: str) -> None:
        if next(seen) == statement:
            say("dies before", sql.split(maxsplit=1)[0])
            os.kill(os.getpid(), signal.SIGKILL)

    inner = getattr(store, "_inner", None)
    if isinstance(inner, SqliteStore):
        inner._connection.set_trace_callback(look)


async def approve(store: Store, order: Order) -> None:
    die_before(store, order.number)
    say(await commit(store, b.approval(b.opened(), b.sign_in())))


async def approve_and_die(store: Store, _: Order) -> None:
    await commit(store, b.approval(b.opened(), b.sign_in()))
    os.kill(os.getpid(), signal.SIGKILL)


async def sequence(store: Store, order: Order) -> None:
    die_before(store, order.number)
    say(await store.sequence(3))


def sign_in(account: Account, number: int) -> Changeset:
    """A whole sign-in in one changeset, so that each one adds one of everything."""
    asked = b.sign_in(number)
    answered = ChallengeChange(0, asked.after(ChallengeEvent.VERIFY))
    return msgspec.structs.replace(b.response(account, asked, number), challenges=(answered,))


async def current(store: Store, account: int) -> Account:
    found = await store.account(b.TENANT, b.account_id(account))
    assert found is not None
    return found


async def stream(store: Store, order: Order) -> None:
    """Sign in for ever, sequencing now and then, and acknowledge what is durable. An outage is waited for."""
    for number in itertools.count(order.number):
        while True:
            try:
                outcome = await commit(store, sign_in(await current(store, order.account), number))
                if number % 3 == 0:
                    await store.sequence(2)
            except StoreUnavailable:
                continue
            assert isinstance(outcome, Committed | Repeated)
            break
        say("acknowledged", number)


async def fill_the_disk(store: Store, order: Order) -> None:
    """Sign in until no file may grow any more, then again when there is room."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (order.number, most))
    for number in itertools.count(1):
        before = await current(store, 1)
        try:
            await commit(store, sign_in(before, number))
        except StoreUnavailable:
            break
        say("acknowledged", number)
    say("full", await current(store, 1) == before)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    say(await commit(store, sign_in(before, number)))


Work = Callable[[Store, Order], Awaitable[None]]
ORDERS: dict[str, Work] = {
    "approve": approve,
    "approve_and_die": approve_and_die,
    "sequence": sequence,
    "stream": stream,
    "fill_the_disk": fill_the_disk,
}


async def carry_out(order: Order) -> None:
    store = await open_store(order.place)
    await ORDERS[order.what](store, order)
    await store.close()


def main() -> None:
    for line in sys.stdin:
        order = msgspec.json.decode(line, type=Order)
        started, go = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(started, 1)  # nothing is said before "born" is
            try:
                asyncio.run(carry_out(order))
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
