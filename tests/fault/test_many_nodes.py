"""Abuse cases that need more than one machine: two service processes on one database, on both kinds of database."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from nodes import Node, Nodes, nodes
from postgres import PostgresServer, running
from pteri.app.fsck import fsck
from pteri.core import ids, wire
from pteri.core.httpsig import SignedRequest, Tag
from pteri.core.ids import AccountId, TenantId
from pteri.core.statement import Statement
from pteri.domain.events import DeviceSuspended, Event, MigrationExpired, SignedIn, SuspensionEnded
from pteri.settings import load_settings
from pteri.wiring import deployed
from world import ALICE_WORDS, TRANSCRIPT, Answered, Browser, SimPhone, SimWallet

pytestmark = pytest.mark.slow

HOUR, DAY = 3600, 86_400
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield "pteri.sqlite3"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    with server.database() as url:
        yield url


@pytest.fixture(scope="module")
def all_nodes(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Nodes]:
    """Four nodes: the clocks of the first two agree, the third is 80 seconds ahead, the fourth 100."""
    with nodes(tmp_path_factory.mktemp("nodes"), database, ahead_s=(0, 0, 80, 100)) as started:
        yield started


@pytest.fixture
def two(all_nodes: Nodes) -> Nodes:
    """Two nodes whose clocks agree."""
    return Nodes(all_nodes[:2])


@pytest.fixture
def apart(all_nodes: Nodes) -> Nodes:
    """A node, one that is 80 seconds ahead of it, and one that is 100 seconds ahead."""
    return Nodes([all_nodes[0], all_nodes[2], all_nodes[3]])


@pytest.fixture
def person(all_nodes: Nodes) -> Person:
    """Somebody whom no node knows yet."""
    return Person(all_nodes, next(_NUMBERS))


class Person:
    """A person with a login and a wallet of her own, and as many phones as she likes."""

    def __init__(self, everywhere: Nodes, number: int) -> None:
        self.login, self.nodes = f"person{number}@example.com", everywhere
        self._number, self._account = number, AccountId("")

    def phone(self, node: Node, label: str) -> SimPhone:
        phone = node.phone(f"{label} of {self.login}")
        phone.wallet = SimWallet(ALICE_WORDS, index=self._number)
        return phone

    def enrolled(self, node: Node) -> SimPhone:
        phone, browser = self.phone(node, "first phone"), Browser(f"first of {self.login}")
        started = node.site().start_binding(self.login, browser)
        shown = phone.bind(started)
        done = node.site().enter_code("bindings", started.id, shown.code, browser)
        self._account = done.as_(wire.SignedIn).account
        return phone

    def joined(self, node: Node, old: SimPhone, label: str) -> SimPhone:
        """One more verified phone, after its hour."""
        new = self.phone(node, label)
        assert old.approve_offer(new.offer(), revoke_old=False).decided.status == 202
        self.nodes.advance(HOUR)
        assert new.activate().decided.status == 200
        return new

    def history(self) -> list[Event]:
        """Everything that happened to her account. All accounts are whole."""

        async def look() -> list[Event]:
            async with deployed(load_settings(self.nodes[0].settings)) as deployment:
                report = await fsck(deployment, pause=asyncio.sleep, tell=lambda *_: None)
                assert report.findings == ()
                recorded = await deployment.store.history(TenantId("bank"), self._account, 0, 10_000)
            return [one.event for one in recorded]

        return asyncio.run(look())


def code_entry(person: Person, node: Node, phone: SimPhone, session: str) -> SignedRequest:
    """The site's last request of a sign-in that this phone has approved: to send it is all that is left."""
    browser = Browser(f"{session} of {person.login}")
    started = node.site().start_sign_in(person.login, browser)
    shown = phone.approve(started)
    assert shown.decided.status == 200, shown.decided.body
    return entry_of(node, started, shown.code, browser)


def entry_of(node: Node, started: wire.Started, code: str, browser: Browser) -> SignedRequest:
    body = msgspec.json.encode(wire.EnterCode(code, ids.to_base64url(browser.secret)))
    return node.sites["bank"].request(
        "POST", f"/v1/bank/logins/{started.id}/code", body, at=node.clock.now(), tag=Tag.CLIENT
    )


def removal(node: Node, by: SimPhone, target: SimPhone) -> SignedRequest:
    """The signed answer that removes a phone: to send it is all that is left."""
    claimed = node.seen_by(by).start_revocation(target.thumbprint).as_(wire.Claimed)
    return by.response(claimed.statement)


# --- SV-02: revoke and authenticate at the same instant ---------------------------------------------------------------


def test_sv_02_after_a_removal_on_one_node_no_sign_in_of_that_phone_is_accepted_on_the_other(
    two: Nodes, person: Person
) -> None:
    first, second = two
    old = person.enrolled(first)
    victim = person.joined(first, old, "victim")
    entry = code_entry(person, first, victim, "desk")
    assert second.send(removal(second, old, victim)).status == 200
    assert first.send(entry).status == 401
    assert [event.name for event in person.history()][-1] == "DeviceSuspended"


def test_sv_02_a_sign_in_on_one_node_before_the_removal_on_the_other_counts(two: Nodes, person: Person) -> None:
    first, second = two
    old = person.enrolled(first)
    victim = person.joined(first, old, "victim")
    entry, gone = code_entry(person, first, victim, "desk"), removal(second, old, victim)
    assert first.send(entry).status == 200
    assert second.send(gone).status == 200
    assert [event.name for event in person.history()][-2:] == ["SignedIn", "DeviceSuspended"]


def test_sv_02_of_sign_ins_and_a_removal_at_the_same_instant_on_two_nodes_none_is_accepted_after_it(
    two: Nodes, person: Person
) -> None:
    first, second = two
    old = person.enrolled(first)
    for round_ in range(3):
        victim = person.joined(first, old, f"victim {round_}")
        entries = [code_entry(person, first, victim, f"desk {round_} {number}") for number in range(4)]
        gone = removal(second, old, victim)
        with ThreadPoolExecutor(5) as people:
            answers = [people.submit(first.send, entry) for entry in entries[:2]]
            removed = people.submit(second.send, gone)
            answers += [people.submit(first.send, entry) for entry in entries[2:]]
        assert removed.result().status == 200
        accepted = [answer.result().status for answer in answers]
        assert set(accepted) <= {200, 401}
        of_victim = [event for event in person.history() if is_about(event, victim)]
        assert [type(event) for event in of_victim] == [SignedIn] * accepted.count(200) + [DeviceSuspended]
        person.nodes.advance(DAY)


def is_about(event: Event, phone: SimPhone) -> bool:
    return isinstance(event, SignedIn | DeviceSuspended) and event.device == phone.thumbprint


# --- SV-01, PR-03: the same bytes again, elsewhere and later ----------------------------------------------------------


def test_sv_01_a_repeated_request_reads_its_first_answer_on_every_node_and_after_a_restart(
    two: Nodes, person: Person
) -> None:
    first, second = two
    phone = person.enrolled(first)
    entry = code_entry(person, first, phone, "desk")
    told = [first.send(entry), second.send(entry)]
    first.kill()
    first.start()
    told.append(first.send(entry))
    assert told[0].status == 200
    assert [(answer.status, answer.body) for answer in told] == [(200, told[0].body)] * 3
    assert [event.name for event in person.history()] == ["AccountBound", "SignedIn"]


def test_sv_01_a_signature_is_refused_a_second_time_on_every_node_and_after_a_restart(
    two: Nodes, person: Person
) -> None:
    first, second = two
    phone = person.enrolled(first)
    browser = Browser(f"desk of {person.login}")
    started = first.site().start_sign_in(person.login, browser)
    shown = phone.approve(started)
    again = [phone.response(shown.statement) for _ in range(3)]
    refused = [second.send(again[0]), first.send(again[1])]
    first.kill()
    first.start()
    refused.append(first.send(again[2]))
    assert [(answer.status, answer.code) for answer in refused] == [(409, "CHALLENGE_CONSUMED")] * 3
    assert first.site().enter_code("logins", started.id, shown.code, browser).status == 200
    for node in two:
        assert node.site().enter_code("logins", started.id, shown.code, browser).status == 401
    assert [event.name for event in person.history()] == ["AccountBound", "SignedIn"]


# --- SV-08: clocks that differ ----------------------------------------------------------------------------------------


def test_sv_08_a_challenge_of_a_clock_80_s_ahead_is_answered_here_and_of_one_100_s_ahead_is_not(
    apart: Nodes, person: Person
) -> None:
    here, ahead, too_far = apart
    phone = person.enrolled(here)
    browser = Browser(f"desk of {person.login}")
    asked = ahead.site().start_sign_in(person.login, browser)
    shown = phone.approve(asked)
    assert shown.decided.status == 200
    assert here.site().enter_code("logins", asked.id, shown.code, browser).status == 200
    asked = too_far.site().start_sign_in(person.login, browser)
    assert phone.claim(asked.id).status == 401


def test_sv_08_a_scanned_sign_in_of_a_clock_80_s_ahead_is_answered_here_and_of_one_100_s_ahead_is_not(
    apart: Nodes, person: Person
) -> None:
    here, ahead, too_far = apart
    phone = person.enrolled(here)
    browser = Browser(f"desk of {person.login}")
    asked = ahead.site().start_sign_in(person.login, browser, prompt=False)
    shown = phone.scan(asked)
    assert shown.decided.status == 200
    assert here.site().enter_code("logins", asked.id, shown.code, browser).status == 200
    asked = too_far.site().start_sign_in(person.login, browser, prompt=False)
    assert phone.scan(asked).decided.status == 401


def test_sv_08_a_challenge_ends_for_each_node_by_its_own_clock_and_is_used_once(apart: Nodes, person: Person) -> None:
    here, ahead, _ = apart
    phone = person.enrolled(here)
    browser = Browser(f"desk of {person.login}")
    asked = here.site().start_sign_in(person.login, browser)
    statement = phone.claim(asked.id).as_(wire.Claimed).statement
    person.nodes.advance(60)  # 60 of its 120 seconds have gone here, and 140 there
    assert ahead.send(phone.response(statement)).status == 401
    shown = phone.answer(statement)
    assert shown.decided.status == 200
    assert ahead.send(phone.response(statement)).status in {401, 409}
    assert here.site().enter_code("logins", asked.id, shown.code, browser).status == 200


def test_sv_08_what_time_has_ended_is_recorded_once_though_one_clock_sees_it_80_s_earlier(
    apart: Nodes, person: Person
) -> None:
    here, ahead, _ = apart
    old = person.enrolled(here)
    victim = person.joined(here, old, "victim")
    assert old.revoke(victim.thumbprint).decided.status == 200
    third = person.phone(here, "third phone")
    assert old.approve_offer(third.offer(), revoke_old=False).decided.status == 202
    person.nodes.advance(DAY - 40)  # the day is over there, and not yet here
    for node in (ahead, here, ahead):
        assert node.send(code_entry(person, node, node.seen_by(old), f"desk {node.port}")).status == 200
    person.nodes.advance(DAY)
    assert here.send(code_entry(person, here, old, "late desk")).status == 200
    ended = [type(event) for event in person.history() if isinstance(event, SuspensionEnded | MigrationExpired)]
    assert sorted(ended, key=str) == [MigrationExpired, SuspensionEnded]


# --- DS-07: the database goes away in the middle of a migration -------------------------------------------------------


def test_ds_07_a_migration_goes_through_once_though_its_database_is_killed_at_every_step(tmp_path: Path) -> None:
    with running(durable=True) as server, server.database() as url, nodes(tmp_path, url) as both:

        def restart() -> None:
            server.kill()
            server.start()

        migrated(Person(both, 1), both, interrupt=restart)


def test_ds_07_a_migration_goes_through_once_though_its_node_is_killed_at_every_step(
    two: Nodes, person: Person
) -> None:
    def restart() -> None:
        two[0].kill()
        two[0].start()

    migrated(person, two, interrupt=restart)


def migrated(person: Person, both: Nodes, *, interrupt: Callable[[], None]) -> None:
    """A whole migration at the first node, each request of it interrupted, and then repeated at the second node."""
    steps = MigrationByHand(person, both[0])
    for step in steps.all_of_them():
        with ThreadPoolExecutor(1) as sending:
            answer = sending.submit(both[0].send_until_answered, step)
            interrupt()
        assert answer.result().status < 300, answer.result().body
        # As a client does that heard nothing: the same answer.
        assert both[1].send_until_answered(step).body == answer.result().body
        steps.told.append(answer.result())
    names = [event.name for event in person.history()]
    assert names == ["AccountBound", "MigrationApproved", "MigrationConfirmed", "DeviceActivated"]


class MigrationByHand:
    """Each request of a migration, one after the other, each made from the answer to the one before."""

    def __init__(self, person: Person, node: Node) -> None:
        self._person = person
        self._old, self._new = person.enrolled(node), person.phone(node, "new phone")
        self.told: list[Answered] = []

    def _statement(self) -> Statement:
        return self.told[-1].as_(wire.Claimed).statement

    def all_of_them(self) -> Iterator[SignedRequest]:
        old, new = self._old, self._new
        yield old.request_to("/migrations", msgspec.json.encode(wire.StartMigration(new.offer(), TRANSCRIPT, True)))
        statement = self._statement()
        yield old.response(statement)
        self._person.nodes.advance(HOUR)
        yield new.request_to("/activations", msgspec.json.encode(wire.Nothing()))
        yield new.response(self._statement())
