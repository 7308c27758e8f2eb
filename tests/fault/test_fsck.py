"""A registry is damaged behind its store's back, one row at a time; ``fsck`` finds each damage and names it."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from lived import Lived, lived, signed_in
from pteri.adapters.store.sqlite import SqliteStore
from pteri.app.findings import Acknowledged, Damage, Report
from pteri.app.fsck import fsck
from pteri.app.ports import StoreUnavailable
from pteri.audit.rechecking import Unchecked
from pteri.audit.refolding import Refolding
from pteri.core.ids import AccountId, RequestId, TenantId, Thumbprint
from pteri.domain.events import CodesSetUp, SignedIn, SignedInOffline, SignInApproved
from pteri.domain.records import RecordedEvent
from pteri.domain.rules import Rules

if TYPE_CHECKING:
    from pteri.app.ports import Store

BANK = TenantId("bank")
OTHER_RULES = Rules(probation_s=86_401)
Damaging = Callable[[sqlite3.Connection, Lived], object]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    return lived(tmp_path_factory.mktemp("lived"))


@pytest.fixture
def copy(registry: Lived, tmp_path: Path) -> Path:
    """The same registry, to be damaged."""
    path = tmp_path / "copy.sqlite3"
    original = registry.world.directory / "pteri.sqlite3"
    with closing(sqlite3.connect(original)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
    return path


async def at_once(_: float) -> None:
    """Nobody is at work on these files: waiting changes nothing."""


def looked_at(
    registry: Lived, path: Path, acknowledged: list[Acknowledged] | None = None, *, rules: Rules | None = None
) -> Report:
    async def look() -> Report:
        store = SqliteStore.open(path)
        try:
            deployment = replace(registry.deployment, store=store, rules=rules or registry.deployment.rules)
            return await fsck(deployment, acknowledged=acknowledged or (), pause=at_once, tell=lambda *_: None)
        finally:
            await store.close()

    return asyncio.run(look())


def found(registry: Lived, path: Path, damaging: Damaging) -> set[str]:
    """Codes of what is found after this damage."""
    damaged(registry, path, damaging)
    return {finding.code for finding in looked_at(registry, path).findings}


CLAIMS = "claims (tenant, kind, value, account)"


def damaged(registry: Lived, path: Path, damaging: Damaging) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        before = list(connection.iterdump())
        damaging(connection, registry)
        connection.commit()
        assert list(connection.iterdump()) != before, "nothing was damaged"


def run(statement: str) -> Damaging:
    """Damage by one statement; ``:alice`` and ``:bob`` are the two accounts."""
    return lambda connection, registry: connection.execute(statement, {"alice": registry.alice, "bob": registry.bob})


def edited(table: str, column: str, where: str, change: Callable[[Any], None]) -> Damaging:
    """Damage inside the JSON of one row."""

    def edit(connection: sqlite3.Connection, registry: Lived) -> None:
        names = {"alice": registry.alice, "bob": registry.bob}
        [(text,)] = connection.execute(f"SELECT {column} FROM {table} WHERE {where}", names).fetchall()
        tree = json.loads(text)
        change(tree)
        new = json.dumps(tree, separators=(",", ":"), ensure_ascii=False)
        connection.execute(f"UPDATE {table} SET {column} = :new WHERE {where}", {**names, "new": new})

    return edit


def swapped(table: str) -> Damaging:
    """Two rows of bob's have each other's place."""

    def swap(connection: sqlite3.Connection, registry: Lived) -> None:
        # By way of numbers that nobody uses, since two rows may not have one key even for a moment.
        for statement in (
            f"UPDATE {table} SET seq = CASE seq WHEN 2 THEN -3 ELSE -2 END WHERE account = ? AND seq IN (2, 3)",
            f"UPDATE {table} SET seq = -seq WHERE account = ? AND seq < 0",
        ):
            connection.execute(statement, (registry.bob,))

    return swap


def exchanged(connection: sqlite3.Connection, _: Lived) -> None:
    """Each of the two accounts stands in the other's row."""
    [(one, first), (two, second)] = connection.execute("SELECT account, state FROM accounts").fetchall()
    connection.executemany("UPDATE accounts SET state = ? WHERE account = ?", [(second, one), (first, two)])


def event(number: int, change: Callable[[Any], None], whose: str = "alice") -> Damaging:
    """Damage inside one event."""
    return edited("events", "payload", f"account = :{whose} AND seq = {number}", change)


def test_a_registry_that_has_lived_is_whole(registry: Lived, copy: Path) -> None:
    report = looked_at(registry, copy, registry.acknowledged)
    assert report.findings == ()
    assert report.clean
    assert (report.accounts, report.events, report.positions) == (2, 27, 27)
    assert report.acknowledged == len(registry.acknowledged) == 10
    # Left over: two migration approvals and the end of a suspension, which have no evidence of their own.
    assert report.proved == 27 - 3 - 1  # and the phone that nobody knew is counted below
    assert report.unchecked == {"PHONE_UNKNOWN": 1}


# --- rows that are gone, doubled or in another place ------------------------------------------------------------------

ROWS: dict[str, tuple[Damaging, set[str]]] = {
    "an event is gone": (run("DELETE FROM events WHERE account = :alice AND seq = 3"), {"EVENT_GAP", "LOG_GAP"}),
    "the event that let a phone in is gone": (
        run("DELETE FROM events WHERE account = :alice AND seq = 5"),
        {"EVENT_GAP", "EVENT_ILLEGAL"},
    ),
    "the first event is gone": (run("DELETE FROM events WHERE account = :bob AND seq = 1"), {"EVENT_GAP"}),
    "the last event is gone": (
        run("DELETE FROM events WHERE account = :bob AND seq = (SELECT MAX(seq) FROM events WHERE account = :bob)"),
        {"EVENT_GAP"},
    ),
    "all events of an account are gone": (run("DELETE FROM events WHERE account = :bob"), {"EVENT_GAP"}),
    "an event is there that no account counts": (
        run("INSERT INTO events SELECT tenant, account, seq + 1, payload FROM events WHERE account = :bob AND seq = 4"),
        {"EVENT_GAP"},
    ),
    "two events have changed places": (
        swapped("events"),
        {"EVENT_GAP"},
    ),
    "an event stands in another account": (
        run(
            "UPDATE events SET payload = (SELECT payload FROM events WHERE account = :alice AND seq = 2) "
            "WHERE account = :bob AND seq = 2"
        ),
        {"RECORD_MISPLACED"},
    ),
    "an account is gone": (run("DELETE FROM accounts WHERE account = :bob"), {"ACCOUNT_MISSING", "LOG_DIFFERS"}),
    "two accounts have changed places": (exchanged, {"RECORD_MISPLACED"}),
    "an account is a copy of another": (
        run(
            "UPDATE accounts SET state = (SELECT state FROM accounts AS other WHERE other.account = :alice) "
            "WHERE account = :bob"
        ),
        {"RECORD_MISPLACED"},
    ),
    "a log position is gone": (run("DELETE FROM log WHERE position = 5"), {"LOG_GAP", "POSITION_MISSING"}),
    "the first log position is gone": (run("DELETE FROM log WHERE position = 0"), {"LOG_GAP", "POSITION_MISSING"}),
    "the end of the log is gone": (run("DELETE FROM log WHERE position > 18"), {"POSITION_MISSING"}),
    "all of the log is gone": (run("DELETE FROM log"), {"POSITION_MISSING"}),
    "the log has a hole": (run("UPDATE log SET position = position + 1 WHERE position = 26"), {"LOG_GAP"}),
    "two events have changed their log positions": (
        swapped("log"),
        {"POSITION_ORDER"},
    ),
    "the sequencer's list names an event that has its position": (
        run("INSERT INTO unsequenced SELECT tenant, account, seq FROM log WHERE position = 2"),
        {"SEQUENCER_FAILS"},
    ),
    "a login belongs to nobody": (
        run("DELETE FROM claims WHERE account = :bob AND kind = 'LOGIN'"),
        {"CLAIM_DIFFERS"},
    ),
    "a wallet belongs to nobody": (
        run("DELETE FROM claims WHERE account = :bob AND kind = 'WALLET'"),
        {"CLAIM_DIFFERS"},
    ),
    "a phone belongs to somebody else": (
        run("UPDATE claims SET account = :alice WHERE account = :bob AND kind = 'DEVICE'"),
        {"CLAIM_DIFFERS"},
    ),
    "a phone that is in no account is claimed": (
        run(f"INSERT INTO {CLAIMS} SELECT tenant, kind, 'other', account FROM claims WHERE kind = 'DEVICE' LIMIT 1"),
        {"CLAIM_UNBACKED"},
    ),
    "a login has two claims": (
        run(f"INSERT INTO {CLAIMS} SELECT tenant, kind, 'other', account FROM claims WHERE kind = 'LOGIN' LIMIT 1"),
        {"CLAIM_UNBACKED"},
    ),
    "a wallet has two claims": (
        run(f"INSERT INTO {CLAIMS} SELECT tenant, kind, 'other', account FROM claims WHERE kind = 'WALLET' LIMIT 1"),
        {"CLAIM_UNBACKED"},
    ),
    "a claim is for an account that is not there": (
        run(f"INSERT INTO {CLAIMS} VALUES ('bank', 'LOGIN', 'somebody', 'acct_00000000000000000000')"),
        {"CLAIM_UNBACKED"},
    ),
    "a claim is of a tenant that no settings know": (
        run(f"INSERT INTO {CLAIMS} VALUES ('gone', 'WALLET', 'somebody', 'acct_00000000000000000000')"),
        {"CLAIM_UNBACKED"},
    ),
    "a claim cannot be read": (
        run(f"INSERT INTO {CLAIMS} SELECT tenant, 'ELSE', value, account FROM claims WHERE kind = 'LOGIN' LIMIT 1"),
        {"RECORD_UNREADABLE"},
    ),
    "the first claim cannot be read": (
        run(f"INSERT INTO {CLAIMS} VALUES ('a', 'ELSE', 'somebody', 'acct_00000000000000000000')"),
        {"RECORD_UNREADABLE"},
    ),
    "no nonce is spent": (run("DELETE FROM spent"), {"NONCE_NOT_SPENT"}),
    "an event cannot be read": (
        run("UPDATE events SET payload = substr(payload, 1, 40) WHERE account = :alice AND seq = 4"),
        {"RECORD_UNREADABLE"},
    ),
    "an account cannot be read": (
        run("UPDATE accounts SET state = substr(state, 1, 40) WHERE account = :alice"),
        {"RECORD_UNREADABLE"},
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_is_not_where_it_was_is_found(registry: Lived, copy: Path, name: str) -> None:
    damaging, expected = ROWS[name]
    codes = found(registry, copy, damaging)
    assert expected <= codes, codes


def test_an_event_that_cannot_be_read_is_found_from_both_sides_and_hides_no_other(registry: Lived, copy: Path) -> None:
    damaged(registry, copy, run("UPDATE events SET payload = '{' WHERE account = :alice AND seq = 4"))
    report = looked_at(registry, copy)
    assert [finding.code for finding in report.findings] == [Damage.UNREADABLE] * 2
    assert "log position" in report.findings[0].detail
    assert (report.findings[1].account, report.findings[1].seq) == (registry.alice, 4)
    assert (report.accounts, report.events) == (2, 26)


def test_a_nonce_that_is_not_spent_is_found_at_the_act_that_spent_it(registry: Lived, copy: Path) -> None:
    def unspent(connection: sqlite3.Connection, registry: Lived) -> None:
        [(text,)] = connection.execute(
            "SELECT payload FROM events WHERE account = ? AND seq = 2", (registry.bob,)
        ).fetchall()
        [nonce] = re.findall(r"^Nonce: (.+)$", json.loads(text)["evidence"]["statement"], re.MULTILINE)
        connection.execute("DELETE FROM spent WHERE nonce = ?", (nonce,))

    damaged(registry, copy, unspent)
    findings = looked_at(registry, copy).findings
    assert [(each.code, each.account, each.seq) for each in findings] == [("NONCE_NOT_SPENT", registry.bob, 2)]


@pytest.mark.parametrize("kind", ["LOGIN", "WALLET", "DEVICE"])
def test_a_claim_that_is_gone_is_found_at_its_account_and_nothing_else(registry: Lived, copy: Path, kind: str) -> None:
    damaged(registry, copy, run(f"DELETE FROM claims WHERE account = :bob AND kind = '{kind}'"))
    findings = looked_at(registry, copy).findings
    assert [(each.code, each.account) for each in findings] == [("CLAIM_DIFFERS", registry.bob)]


def test_a_claim_that_no_account_backs_is_named_with_the_account_it_is_for(registry: Lived, copy: Path) -> None:
    damaged(
        registry,
        copy,
        run(f"INSERT INTO {CLAIMS} VALUES ('bank', 'DEVICE', 'stranger', :bob)"),
    )
    [finding] = looked_at(registry, copy).findings
    assert (finding.code, finding.account) == ("CLAIM_UNBACKED", registry.bob)
    assert "stranger" in finding.detail


def test_an_approval_of_the_first_release_on_another_phone_than_its_sign_in_is_found(registry: Lived) -> None:
    history = asyncio.run(registry.deployment.store.history(BANK, registry.alice, 0, 100))
    first = registry.phone.thumbprint
    at, event = next(
        (at, each.event)
        for at, each in enumerate(history)
        if isinstance(each.event, SignedIn) and each.event.device != first
    )

    def retold(device: Thumbprint) -> tuple[list[str], Refolding]:
        """As the first release would have told it: the approval, then the sign-in."""
        approved = SignInApproved(event.at, event.request, device)
        before = msgspec.structs.replace(history[at], event=approved, evidence=None)
        return _folded(
            registry, registry.alice, [*history[:at], before, msgspec.structs.replace(history[at], seq=at + 2)]
        )

    notes, folding = retold(event.device)
    assert (notes, folding.unchecked[Unchecked.APPROVAL_ALONE]) == ([], 0)
    assert retold(Thumbprint(first))[0] == ["EFFECT_DIFFERS"]


def test_accounts_that_have_changed_places_are_named(registry: Lived, copy: Path) -> None:
    damaged(registry, copy, exchanged)
    assert any("under another key" in finding.detail for finding in looked_at(registry, copy).findings)


def test_a_decision_that_does_not_make_its_event_is_found_under_any_rules(registry: Lived, copy: Path) -> None:
    refused = {"decision": "refuse", "reason": "WRONG_LINE"}
    damaged(registry, copy, event(2, put("evidence", "decision", value=refused)))
    report = looked_at(registry, copy, rules=OTHER_RULES)
    assert [finding.code for finding in report.findings] == ["DECISION_DIFFERS"]


def test_a_log_position_that_is_doubled_is_found(registry: Lived, copy: Path) -> None:
    def doubled(connection: sqlite3.Connection, _: Lived) -> None:
        # The table's own rule against it has to be taken away first.
        connection.executescript(
            """
            CREATE TABLE free (position BIGINT NOT NULL PRIMARY KEY, tenant TEXT, account TEXT, seq BIGINT);
            INSERT INTO free SELECT position, tenant, account, seq FROM log;
            INSERT INTO free SELECT 27, tenant, account, seq FROM log WHERE position = 3;
            DROP TABLE log;
            ALTER TABLE free RENAME TO log;
            """
        )

    assert found(registry, copy, doubled) == {"POSITION_ORDER", "LOG_DIFFERS"}


# --- rows that say something else -------------------------------------------------------------------------------------


def another(text: str) -> str:
    """The same text but for its middle."""
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]


def signed(name: str) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        tree["evidence"]["signed"][name] = another(tree["evidence"]["signed"][name])

    return change


def put(*path: str, value: object) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        for name in path[:-1]:
            tree = tree[name]
        assert tree[path[-1]] != value
        tree[path[-1]] = value

    return change


def signed_by(phone: str) -> Callable[[Any], None]:
    def change(tree: Any) -> None:
        before, _, rest = tree["evidence"]["signed"]["signature_input"].partition('keyid="')
        tree["evidence"]["signed"]["signature_input"] = f'{before}keyid="{phone}{rest[43:]}'

    return change


def with_evidence_of(one: int, *, on: int) -> Damaging:
    """Alice's event ``on`` with the evidence of her event ``one``."""

    def damage(connection: sqlite3.Connection, registry: Lived) -> None:
        [(text,)] = connection.execute(
            "SELECT payload FROM events WHERE account = ? AND seq = ?", (registry.alice, one)
        ).fetchall()
        event(on, put("evidence", value=json.loads(text)["evidence"]))(connection, registry)

    return damage


CONTENT: dict[str, tuple[Damaging, str]] = {
    "a phone's signature is another": (event(2, signed("signature")), "EVIDENCE_SIGNATURE"),
    "the body with the wallet's signature is another": (event(2, signed("body")), "EVIDENCE_SIGNATURE"),
    "the signed address is another": (event(2, signed("target_uri")), "EVIDENCE_OF_ANOTHER_ACT"),
    "the statement is another": (
        event(2, lambda tree: tree["evidence"].update(statement=tree["evidence"]["statement"].replace("in", "on", 1))),
        "EVIDENCE_SIGNATURE",
    ),
    "the evidence is gone": (event(2, put("evidence", value=None)), "EVIDENCE_MISSING"),
    "evidence stands where none is": (
        event(5, lambda tree: tree.update(evidence={})),
        "RECORD_UNREADABLE",
    ),
    "the decision is another": (
        event(2, put("evidence", "decision", "reason", value="HOLD_OVER")),
        "DECISION_DIFFERS",
    ),
    "the circumstances are others": (
        event(2, put("evidence", "circumstances", "line", value="CONTINUOUS")),
        "DECISION_DIFFERS",
    ),
    "a sign-in happened on another phone": (
        event(2, lambda tree: tree["event"].update(device=another(tree["event"]["device"]))),
        "EVIDENCE_OF_ANOTHER_ACT",
    ),
    "a sign-in happened a day later": (
        event(2, lambda tree: tree["event"].update(at=tree["event"]["at"] + 86_400)),
        "EFFECT_DIFFERS",
    ),
    "a binding has another login": (
        event(1, lambda tree: tree["event"].update(login=another(tree["event"]["login"]))),
        "SNAPSHOT_DIFFERS",
    ),
    "a waiting time is shorter": (
        event(5, lambda tree: tree["event"].update(held_until=tree["event"]["held_until"] - 1)),
        "EFFECT_DIFFERS",
    ),
    "a sign-in was asked for by another request": (
        event(2, lambda tree: tree["event"].update(request=tree["event"]["request"][:-1] + "0")),
        "EVIDENCE_OF_ANOTHER_ACT",
    ),
    "a refusal is of another purpose": (event(8, put("event", "purpose", value="accept")), "EVIDENCE_OF_ANOTHER_ACT"),
    "a phone that nobody knew is another": (
        event(10, signed_by("A" * 43)),
        "EVIDENCE_OF_ANOTHER_ACT",
    ),
    "a binding makes another account": (
        event(1, lambda tree: tree["event"].update(account=another(tree["event"]["account"]))),
        "RECORD_MISPLACED",
    ),
    "a binding has a wallet that cannot be": (
        event(1, lambda tree: tree["event"]["wallet"].update(address="nowhere")),
        "CLAIM_DIFFERS",
    ),
    "a new phone's key is none": (event(5, put("event", "new_key", value="AAAA")), "EVIDENCE_UNREADABLE"),
    "evidence of something else stands where none is": (with_evidence_of(2, on=5), "EVIDENCE_UNEXPECTED"),
    "a migration was approved before the phone had signed in": (
        event(18, lambda tree: tree["event"].update(at=tree["event"]["at"] - 181)),
        "TIME_WENT_BACK",
    ),
    "a suspension ended of itself before its time": (
        event(15, lambda tree: tree["event"].update(at=tree["event"]["at"] - 100_000)),
        "NOTHING_LAPSED",
    ),
    "a probation is shorter": (
        event(7, lambda tree: tree["event"].update(probation_until=0)),
        "EFFECT_DIFFERS",
    ),
}


@pytest.mark.parametrize("name", CONTENT)
def test_an_event_that_says_something_else_is_found(registry: Lived, copy: Path, name: str) -> None:
    damaging, expected = CONTENT[name]
    codes = found(registry, copy, damaging)
    assert expected in codes, codes


SNAPSHOTS: dict[str, Callable[[Any], None]] = {
    "another epoch": lambda tree: tree.update(epoch=tree["epoch"] + 1),
    "another state of a phone": lambda tree: tree["devices"][1].update(state="ACTIVE"),
    "a phone less": lambda tree: tree["devices"].pop(),
    "another time of the last sign-in": lambda tree: tree["devices"][0].update(last_seen_at=1),
    "another address": lambda tree: tree["wallet"].update(address=another(tree["wallet"]["address"])),
    "an older version": lambda tree: tree.update(version=tree["version"] - 1),
}


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_a_stored_account_that_is_not_the_fold_of_its_events_is_found(registry: Lived, copy: Path, name: str) -> None:
    codes = found(registry, copy, edited("accounts", "state", "account = :alice", SNAPSHOTS[name]))
    assert codes & {"SNAPSHOT_DIFFERS", "EVENT_GAP"}, codes


def test_sv_09_a_phone_that_was_put_into_the_registry_without_an_event_is_found(registry: Lived, copy: Path) -> None:
    def put_in(tree: Any) -> None:
        tree["devices"].append({**tree["devices"][0], "thumbprint": another(tree["devices"][0]["thumbprint"])})

    assert "SNAPSHOT_DIFFERS" in found(registry, copy, edited("accounts", "state", "account = :bob", put_in))


def test_a_sign_in_that_was_copied_behind_itself_is_found(registry: Lived, copy: Path) -> None:
    def copied(connection: sqlite3.Connection, registry: Lived) -> None:
        [(text,)] = connection.execute(
            "SELECT payload FROM events WHERE account = ? AND seq = 4", (registry.bob,)
        ).fetchall()
        repeated = {**json.loads(text), "seq": 5}
        key = (repeated["tenant"], registry.bob, 5)
        connection.execute("INSERT INTO events VALUES (?, ?, ?, ?)", (*key, json.dumps(repeated)))
        connection.execute("INSERT INTO unsequenced VALUES (?, ?, ?)", key)
        raised = lambda tree: tree.update(version=5)  # noqa: E731 - a change, as the others are
        edited("accounts", "state", "account = :bob", raised)(connection, registry)

    assert found(registry, copy, copied) == {"ACT_TWICE"}


MAY_DIFFER = {("event", "at"), ("evidence", "circumstances", "at")}
"""Instants that the signatures leave open, within a window: the code may have come some seconds sooner."""


@pytest.mark.slow
def test_nearly_every_character_of_every_event_is_covered(registry: Lived) -> None:
    """Some hundred random characters of all events are changed, one at a time."""
    store, chance = registry.deployment.store, random.Random(7)
    histories = [
        asyncio.run(store.history(account.tenant, account.id, 0, 1000))
        for account in asyncio.run(store.accounts(None, 10))
    ]
    missed = []
    for _ in range(400):
        history = chance.choice(histories)
        number = chance.randrange(len(history))
        event = history[number].event
        if isinstance(event, CodesSetUp):
            continue  # by a phone that nobody knew then: said to be unchecked
        text = msgspec.json.encode(history[number]).decode()
        at = chance.randrange(len(text))
        changed = text[:at] + another(text[at]) + text[at + 1 :]
        if not _is_found(registry, history, number, changed):
            fields = _changed_fields(json.loads(text), json.loads(changed))
            if isinstance(event, SignedInOffline) and fields == ("event", "request"):
                continue  # an offline code names no sign-in: which one it opened is the server's word
            missed.append(fields)
    assert {fields for fields in missed if fields not in MAY_DIFFER} == set()


def _is_found(registry: Lived, history: list[RecordedEvent], number: int, changed: str) -> bool:
    """Whether this text in the place of one event is seen, by its reader or by folding the account again."""
    try:
        read = msgspec.json.decode(changed, type=RecordedEvent)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return True
    if read == history[number]:
        return True  # another spelling of the same record
    account = history[0].account
    notes, before = _folded(registry, account, history)
    assert notes == []
    notes, after = _folded(registry, account, [*history[:number], read, *history[number + 1 :]])
    # What could not be checked is told, too.
    return bool(notes) or after.account != before.account or after.unchecked != before.unchecked


def _folded(registry: Lived, account: AccountId, history: list[RecordedEvent]) -> tuple[list[str], Refolding]:
    notes: list[str] = []
    folding = Refolding(
        BANK,
        account,
        site=registry.deployment.tenants[BANK],
        rules=registry.deployment.rules,
        note=lambda code, *_: notes.append(code),
    )
    for recorded in history:
        folding.take(recorded)
    return notes, folding


def _changed_fields(before: Any, after: Any, path: tuple[str, ...] = ()) -> tuple[str, ...]:
    for name, value in before.items():
        if after.get(name) != value:
            return _changed_fields(value, after[name], (*path, name)) if isinstance(value, dict) else (*path, name)
    raise AssertionError("nothing differs")


# --- acknowledged acts ------------------------------------------------------------------------------------------------


def test_an_acknowledged_sign_in_that_is_not_there_is_found(registry: Lived, copy: Path) -> None:
    never = Acknowledged(RequestId("lgn_00000000000000000000000000"), registry.alice, 1)
    nobody = Acknowledged(never.request, AccountId("acct_00000000000000000000"), 1)
    for act in (never, nobody):
        assert [finding.code for finding in looked_at(registry, copy, [act]).findings] == [Damage.LOST]


def test_an_acknowledged_sign_in_that_happened_twice_is_found(registry: Lived, copy: Path) -> None:
    def twice(tree: Any) -> None:
        tree["event"]["request"] = registry.acknowledged[-1].request

    damaged(registry, copy, event(2, twice))
    codes = [finding.code for finding in looked_at(registry, copy, registry.acknowledged[-1:]).findings]
    assert Damage.DOUBLED in codes


# --- while the service runs -------------------------------------------------------------------------------------------


class Moving:
    """The real store, but that each time a history is read its reader first waits for ``move``."""

    def __init__(self, store: Store, move: Callable[[], object]) -> None:
        self._store, self._move = store, move

    async def history(self, *asked: Any) -> list[RecordedEvent]:
        self._move()
        return await self._store.history(*asked)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_an_account_that_moves_while_it_is_read_is_whole(tmp_path: Path) -> None:
    registry = lived(tmp_path)
    wanted: SimpleQueue[bool] = SimpleQueue()
    done: SimpleQueue[None] = SimpleQueue()

    def move() -> None:
        wanted.put(True)
        done.get(timeout=30)

    async def look() -> Report:
        store = SqliteStore.open(tmp_path / "pteri.sqlite3")
        deployment = replace(registry.deployment, store=cast("Store", Moving(store, move)))
        try:
            return await fsck(deployment, pause=at_once, tell=lambda *_: None)
        finally:
            await store.close()
            wanted.put(False)

    with ThreadPoolExecutor(1) as another:
        looking = another.submit(lambda: asyncio.run(look()))
        sign_ins = 0
        while wanted.get(timeout=30):
            signed_in(registry.world, registry.phone, "alice@example.com")
            sign_ins += 1
            done.put(None)
    report = looking.result()
    assert report.findings == ()
    assert sign_ins == 4  # before each read: the events of two accounts, and whether any come after them
    assert report.events >= 27


def test_a_database_that_fails_is_no_finding(registry: Lived, copy: Path) -> None:
    class Failing(Moving):
        async def owner(self, *_: object) -> None:
            raise StoreUnavailable("no database")

        async def history(self, *_: object) -> list[RecordedEvent]:
            raise StoreUnavailable("no database")

    async def look() -> None:
        inner = SqliteStore.open(copy)
        store = Failing(inner, lambda: None)
        try:
            await fsck(replace(registry.deployment, store=cast("Store", store)), pause=at_once, tell=lambda *_: None)
        finally:
            await inner.close()

    with pytest.raises(StoreUnavailable):
        asyncio.run(look())


def test_what_cannot_be_checked_is_counted_and_no_finding(registry: Lived, copy: Path) -> None:
    report = looked_at(registry, copy, rules=OTHER_RULES)
    assert report.clean
    assert report.unchecked["OTHER_RULES"] == 24
