"""A registry of many accounts: a few real ones, linked through the API, and as many copies of one as are wanted.

What a sign-in costs in a large registry hangs on the depth of the indexes and on where in them it lands. So the copies
have rows of their own in every table that has a row per account (account, its first event, its log position, the
claims of login, wallet and phone) under ids spread evenly over all there can be. They share the keys of the one they
are copied from, nobody can sign in as them, and their first event has no evidence beside it: 1.7 KiB of text less for
each, that no sign-in of anybody reads.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]  # it has no types of its own
import msgspec
from rich.progress import Progress

from bench.cache import cache
from bench.postgres import Postgres
from bench.service import TENANT, Place, Service, place, served
from pteri.adapters.store import codec
from pteri.adapters.store.migrations import versions
from pteri.adapters.system import SystemClock, SystemEntropy
from pteri.core.keys.device import DevicePrivateKey
from pteri.domain import account, events, records
from pteri.load.people import Person
from pteri.load.signing_in import enroll
from pteri.load.site import Site
from pteri.load.talk import Talk
from pteri.load.tally import Tally
from pteri.load.worker import read_client_key

__all__ = ["PEOPLE", "Ids", "Seeded", "cut", "seeded_postgres", "seeded_sqlite"]

PEOPLE: Final = 2048
"""Accounts with real keys, which sign in. One in each so many copies, wherever their random ids fall."""
_FORMAT: Final = 1
"""One more when what is written here changes: then registries of before are made anew."""
_BYTES_PER_COPY: Final = {"sqlite": 2600, "postgres": 3600}
_CHUNK: Final = 50_000
_AT_ONCE: Final = 32
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# The alphabet of base64url in the order of its bytes: numbers that grow become texts that grow.
_BASE64: Final = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

Row = tuple[str | int, ...]
Write = Callable[[str, tuple[str, ...], Iterator[list[Row]]], None]

_TABLES: Final = {
    "accounts": ("tenant", "account", "version", "state"),
    "events": ("tenant", "account", "seq", "payload"),
    "log": ("position", "tenant", "account", "seq"),
    "claims": ("tenant", "kind", "value", "account"),
}


class Seeded(msgspec.Struct, frozen=True):
    """A registry of ``accounts``; ``standings`` is a file with what the phones of the real ones know."""

    where: Place
    accounts: int
    standings: Path


def seeded_sqlite(accounts: int, progress: Progress) -> Seeded:
    """In a file that the next run finds again."""
    directory = _kept("sqlite", accounts)
    if not (directory / "ready").exists():
        _require_disk("sqlite", accounts)
        where = place(directory, "pteri.sqlite3")
        standings = _linked(where)
        with closing(sqlite3.connect(directory / "pteri.sqlite3", isolation_level=None)) as connection:
            # No promise to the disk while it is made: what is not finished is thrown away.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -400000")

            def one(query: str) -> str:
                return str(connection.execute(query).fetchone()[0])

            def write(table: str, columns: tuple[str, ...], chunks: Iterator[list[Row]]) -> None:
                marks = ", ".join("?" * len(columns))
                for rows in chunks:
                    connection.execute("BEGIN")
                    connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
                    connection.execute("COMMIT")

            _copies(accounts - PEOPLE, one, write, progress)
            connection.execute("PRAGMA optimize")
            connection.execute("PRAGMA journal_mode = WAL")
        _finish(directory, standings)
    return Seeded(place(directory, "pteri.sqlite3"), accounts, directory / "standings.json")


def seeded_postgres(accounts: int, server: Postgres, progress: Progress) -> Seeded:
    """In a database of this server, whose files stay between runs."""
    directory = _kept("postgres", accounts)
    name = f"bench_{directory.name.replace('-', '_')}"
    if not (directory / "ready").exists():
        _require_disk("postgres", accounts)
        asyncio.run(_new_database(server, name, others=f"bench_postgres_{accounts}_"))
        where = place(directory, server.url(name))
        standings = _linked(where)
        asyncio.run(_copy_in(server.url(name), accounts - PEOPLE, progress))
        _finish(directory, standings)
    return Seeded(Place(directory, server.url(name)), accounts, directory / "standings.json")


def _kept(store: str, accounts: int) -> Path:
    """The directory for this registry as this program would make it; those of other versions are removed."""
    modules = [Path(str(module.__file__)) for module in (codec, account, events, records)]
    steps = Path(str(versions.__file__)).parent.glob("r*.py")
    sources = b"".join(source.read_bytes() for source in (*modules, *sorted(steps)))
    marked = hashlib.sha256(b"%d" % _FORMAT + sources).hexdigest()[:10]
    wanted = cache() / "seeded" / f"{store}-{accounts}-{marked}"
    for other in wanted.parent.glob(f"{store}-{accounts}-*"):
        if other != wanted or not (other / "ready").exists():
            shutil.rmtree(other)
    wanted.mkdir(parents=True, exist_ok=True)
    return wanted


def _require_disk(store: str, accounts: int) -> None:
    needed, free = accounts * _BYTES_PER_COPY[store], shutil.disk_usage(cache()).free
    if needed * 1.3 > free:
        raise RuntimeError(
            f"{accounts} accounts need {needed / 1e9:.0f} GB in {cache()}, and {free / 1e9:.0f} are free"
        )


def _finish(directory: Path, standings: bytes) -> None:
    (directory / "standings.json").write_bytes(standings)
    (directory / "ready").touch()


def _linked(where: Place) -> bytes:
    """Link all real people through the API; what their phones know, as JSON."""
    with served(where) as service:
        people = asyncio.run(_link(service))
    return msgspec.json.encode([person.standing for person in people])


async def _link(service: Service) -> list[Person]:
    plan = service.plan(clients=_AT_ONCE, people=PEOPLE)
    secret = read_client_key(service.client_key_file)
    entropy = SystemEntropy()
    site = Site(plan, DevicePrivateKey(secret), clock=SystemClock(), entropy=entropy)
    people = [Person(number, of=secret, network=plan.network) for number in range(PEOPLE)]
    left = iter(people)

    async def linking() -> None:
        talk = Talk(site.target, Tally(), patience_s=30)
        for person in left:
            await enroll(site, talk, person, entropy)
        talk.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(linking())
    # Their positions are given after the fact, by a loop that the copies must not meet half-way.
    await asyncio.sleep(2)
    return people


def _copies(wanted: int, one: Callable[[str], str], write: Write, progress: Progress) -> None:
    """Write these copies, table by table in the order of its key."""
    state = one("SELECT state FROM accounts ORDER BY account LIMIT 1")
    seen = msgspec.json.decode(state)
    name = seen["id"]
    event = msgspec.json.decode(one(f"SELECT payload FROM events WHERE account = '{name}' AND seq = 1"))
    fresh = {**seen, "version": 1}
    state_parts = cut(msgspec.json.encode(fresh).decode(), name, seen["login"], seen["devices"][0]["thumbprint"])
    event_parts = cut(
        msgspec.json.encode({**event, "evidence": None}).decode(), name, seen["login"], seen["devices"][0]["thumbprint"]
    )
    position = int(one("SELECT COALESCE(MAX(position), -1) + 1 FROM log"))
    ids = Ids(wanted)
    bar = progress.add_task(f"{wanted:,} accounts", total=6 * wanted)

    def chunks(row: Callable[[int], Row]) -> Iterator[list[Row]]:
        for begin in range(0, wanted, _CHUNK):
            numbers = range(begin, min(begin + _CHUNK, wanted))
            yield [row(number) for number in numbers]
            progress.update(bar, advance=len(numbers))

    def filled(parts: list[tuple[str, int]], number: int) -> str:
        values = (ids.account(number), ids.login(number), ids.device(number), "")
        return "".join([text + values[which] for text, which in parts])

    write("accounts", _TABLES["accounts"], chunks(lambda n: (TENANT, ids.account(n), 1, filled(state_parts, n))))
    write("events", _TABLES["events"], chunks(lambda n: (TENANT, ids.account(n), 1, filled(event_parts, n))))
    write("log", _TABLES["log"], chunks(lambda n: (position + n, TENANT, ids.account(n), 1)))
    for kind, value in (("DEVICE", ids.device), ("LOGIN", ids.login), ("WALLET", ids.wallet)):
        write(
            "claims",
            _TABLES["claims"],
            chunks(lambda n, kind=kind, value=value: (TENANT, kind, value(n), ids.account(n))),  # type: ignore[misc]
        )
    progress.remove_task(bar)


class Ids:
    """Ids of copies: number ``n`` of ``wanted`` lies at that share of all ids there can be."""

    def __init__(self, wanted: int) -> None:
        self._crockford_step = 32**12 // max(wanted, 1)
        self._base64_step = 64**8 // max(wanted, 1)
        self._three = [f"{a}{b}{c}" for a in _CROCKFORD for b in _CROCKFORD for c in _CROCKFORD]
        self._two = [a + b for a in _BASE64 for b in _BASE64]

    def account(self, number: int) -> str:
        at, three = number * self._crockford_step, self._three
        return f"acct_{three[at >> 45]}{three[at >> 30 & 32767]}{three[at >> 15 & 32767]}{three[at & 32767]}00000000"

    def _digest(self, number: int, kind: str) -> str:
        at, two = number * self._base64_step, self._two
        return f"{two[at >> 36]}{two[at >> 24 & 4095]}{two[at >> 12 & 4095]}{two[at & 4095]}{kind * 34}A"

    def login(self, number: int) -> str:
        return self._digest(number, "l")

    def device(self, number: int) -> str:
        return self._digest(number, "d")

    def wallet(self, number: int) -> str:
        return self._digest(number, "w")


def cut(text: str, *values: str) -> list[tuple[str, int]]:
    """The text cut where one of the values stands: what comes before, and which value follows (or none)."""
    found = []
    while text:
        places = [(text.find(value), which) for which, value in enumerate(values) if value in text]
        at, which = min(places, default=(len(text), len(values)))
        found.append((text[:at], which))
        text = text[at + (len(values[which]) if which < len(values) else 0) :]
    return found


async def _new_database(server: Postgres, name: str, *, others: str) -> None:
    """An empty one, in place of all whose names begin with ``others``: they were made by other versions."""
    connection = await asyncpg.connect(server.url())
    try:
        found = await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", others)
        for row in found:
            await connection.execute(f"DROP DATABASE {row['datname']} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    finally:
        await connection.close()


async def _copy_in(url: str, wanted: int, progress: Progress) -> None:
    """By COPY, which takes rows as lines of text. The connection is another thread's: rows are made while it waits."""
    connection = await asyncpg.connect(url)
    loop = asyncio.get_running_loop()
    try:

        def one(query: str) -> str:
            return str(asyncio.run_coroutine_threadsafe(connection.fetchval(query), loop).result())

        def write(table: str, columns: tuple[str, ...], chunks: Iterator[list[Row]]) -> None:
            for rows in chunks:
                text = "".join(["\t".join(map(str, row)) + "\n" for row in rows])
                # In the text form of COPY a backslash begins an escape: no value of ours has one.
                if "\\" in text:
                    raise RuntimeError("a value that COPY would read differently")
                copying = connection.copy_to_table(table, source=io.BytesIO(text.encode()), columns=columns)
                asyncio.run_coroutine_threadsafe(copying, loop).result()

        await connection.execute("SET synchronous_commit = off")
        await asyncio.to_thread(_copies, wanted, one, write, progress)
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
