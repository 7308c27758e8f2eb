"""While the service runs, a loop goes round all accounts and halts whoever is not the fold of what was signed."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from onlookers import caught_up, watched
from past_us import texts, written
from pteri.app.audit_ports import AuditPlace, Halt, Pace
from pteri.app.auditing import Auditing, Lifted, lift, look_at
from pteri.app.deployment import Deployment, Officer
from pteri.app.forget import forget_old
from pteri.app.fsck import fsck
from pteri.app.ports import Store, StoreUnavailable
from pteri.core.ids import TenantId, Thumbprint
from pteri.domain.account import Account
from pteri.domain.reminding import ends_of_waits
from rotation import Keys
from world import MALLORY_WORDS, NEW_WORDS, Browser, SimClock, SimPhone, World
from worlds import Worlds

DAY = 86_400


@dataclass
class Audited:
    """Two people, and what the operator hears."""

    world: World
    alices: SimPhone
    bobs: SimPhone
    told: list[Halt] = field(default_factory=list)
    rounds: list[AuditPlace] = field(default_factory=list)
    paused: list[float] = field(default_factory=list)

    @property
    def alice(self) -> Account:
        found: Account = self.world.account_of(self.alices)
        return found

    def worker(self, rate: int = 1000) -> Auditing:
        async def pause(seconds: float) -> None:
            self.paused.append(seconds)

        pace = Pace(every_s=3600, rate=rate)
        return Auditing(self.world.deployment, pace, pause, self.told.append, self.rounds.append)

    def round(self, worker: Auditing | None = None) -> None:
        """A whole round, by a process that has just started."""
        worker = worker or self.worker()
        while self.world.run(worker.turn(self.world.clock.now())):
            continue

    def halted(self) -> list[Halt]:
        return self.world.run(self.world.store.audits.halts(None, 100))

    def lifted(self, *, though_waits: bool = False) -> Lifted:
        """What `pteri audit lift` does for Alice's account."""
        alice = self.alice
        return self.world.run(lift(self.world.deployment, alice.tenant, alice.id, though_waits=though_waits))

    def signs_in(self, phone: SimPhone, login: str) -> list[tuple[int, str]]:
        """Statuses and codes of a sign-in: what the phone hears, and what the site does."""
        self.world.clock.advance(7)
        browser = Browser("desk")
        site = self.world.site(phone.tenant)
        started = site.start_sign_in(login, browser)
        shown = phone.approve(started)
        heard = [(shown.decided.status, shown.decided.code if shown.decided.status != 200 else "")]
        if shown.decided.status == 200:
            done = site.enter_code("logins", started.id, shown.code, browser)
            heard.append((done.status, done.code if done.status != 200 else ""))
        return heard


class Away:
    """The database of a service that is away for two questions now and then, which whoever asks carefully hears of."""

    def __init__(self, store: Store) -> None:
        self._store, self.audits, self.times = store, store.audits, 0
        self.book = Port(self, store.book)
        self._chance, self._left = random.Random(7), 0

    def look(self) -> None:
        if self._left == 0 and self._chance.random() < 0.1:
            self._left, self.times = 2, self.times + 1
        if self._left:
            self._left -= 1
            raise StoreUnavailable("away")

    def __getattr__(self, name: str) -> Any:
        return getattr(Port(self, self._store), name)


class Port:
    """A port of it."""

    def __init__(self, away: Away, part: object) -> None:
        self._away, self._part = away, part

    def __getattr__(self, name: str) -> Any:
        async def asked(*arguments: Any) -> Any:
            self._away.look()
            return await getattr(self._part, name)(*arguments)

        return asked


async def at_once(_: float) -> None:
    """Nobody is at work here."""


HALTED = [(403, "ACCOUNT_HALTED")]
SIGNED_IN = [(200, ""), (200, "")]


@pytest.fixture(params=[False, True], ids=["without a log", "with a log"])
def audited(worlds: Worlds, request: pytest.FixtureRequest) -> Audited:
    clock = SimClock()
    log = watched(clock.now, answers_wait=False) if request.param else None
    world = worlds(clock=clock, log=log)
    made = Audited(
        world,
        world.enrolled("alice's phone", "alice@example.com"),
        world.enrolled("bob's phone", "bob@example.com", words=MALLORY_WORDS),
    )
    for _ in range(3):
        assert made.signs_in(made.alices, "alice@example.com") == SIGNED_IN
        assert made.signs_in(made.bobs, "bob@example.com") == SIGNED_IN
    world.run(world.store.sequence(1000))
    if log is not None:
        assert caught_up(world) == []
    return made


def state_of(audited: Audited) -> str:
    alice = audited.alice.id
    [state] = [row for row in texts(audited.world, "accounts") if alice in row]
    return next(str(value) for value in state if str(value).startswith("{"))


def put_phone(audited: Audited) -> str:
    """An insider writes one more phone into Alice's snapshot; what was there before."""
    before = state_of(audited)
    tree = json.loads(before)
    tree["devices"].append({**tree["devices"][0], "thumbprint": "A" * 43})
    put_back(audited, json.dumps(tree, separators=(",", ":")))
    return before


def put_back(audited: Audited, state: str) -> None:
    written(audited.world, f"UPDATE accounts SET state = '{state}' WHERE account = '{audited.alice.id}'")


def test_sv_09_a_phone_put_into_a_snapshot_halts_this_account_at_the_next_round_and_nobody_elses(
    audited: Audited,
) -> None:
    put_phone(audited)
    audited.round()
    [halt] = audited.halted()
    assert (halt.tenant, halt.account, halt.code) == ("bank", audited.alice.id, "SNAPSHOT_DIFFERS")
    assert audited.told == [halt]
    assert audited.signs_in(audited.alices, "alice@example.com") == HALTED
    assert audited.signs_in(audited.bobs, "bob@example.com") == SIGNED_IN
    audited.round()
    assert audited.told == [halt], "an operator is told once"


def test_sv_09_an_event_that_was_dropped_halts_this_account(audited: Audited) -> None:
    for table in ("log", "events"):
        written(audited.world, f"DELETE FROM {table} WHERE account = '{audited.alice.id}' AND seq = 2")
    audited.round()
    [halt] = audited.halted()
    assert (halt.account, halt.code) == (audited.alice.id, "EVENT_GAP")
    assert audited.signs_in(audited.alices, "alice@example.com") == HALTED
    assert audited.signs_in(audited.bobs, "bob@example.com") == SIGNED_IN


def test_sv_09_a_record_that_nobody_can_read_halts_its_account_and_hides_no_other(audited: Audited) -> None:
    alice, bob = audited.alice.id, audited.world.account_of(audited.bobs).id
    written(audited.world, f"UPDATE accounts SET state = 'x' WHERE account = '{min(alice, bob)}'")
    written(audited.world, f"DELETE FROM claims WHERE account = '{max(alice, bob)}' AND kind = 'LOGIN'")
    audited.round()
    assert [(halt.account, halt.code) for halt in audited.halted()] == [
        (min(alice, bob), "RECORD_UNREADABLE"),
        (max(alice, bob), "CLAIM_DIFFERS"),
    ]


@pytest.mark.parametrize("version", [-1, 0, 1 << 53, 1 << 62, 1 << 70])
def test_an_account_that_says_nonsense_of_its_length_does_not_end_the_round(audited: Audited, version: int) -> None:
    alice, tree = audited.alice.id, json.loads(state_of(audited))
    put_back(audited, json.dumps({**tree, "version": version}, separators=(",", ":")))
    audited.round()
    assert [(halt.account, halt.code) for halt in audited.halted()] == [(alice, "SNAPSHOT_DIFFERS")]
    assert [done.accounts for done in audited.rounds] == [2]


def test_a_sign_in_under_way_when_its_account_is_halted_is_refused_at_its_code(audited: Audited) -> None:
    browser, site = Browser("desk"), audited.world.site("bank")
    started = site.start_sign_in("alice@example.com", browser)
    shown = audited.alices.approve(started)
    put_phone(audited)
    audited.round()
    done = site.enter_code("logins", started.id, shown.code, browser)
    assert (done.status, done.code) == (403, "ACCOUNT_HALTED")


def test_a_halt_is_lifted_after_a_repair_and_not_before(audited: Audited) -> None:
    before = put_phone(audited)
    audited.round()
    lifted = audited.lifted()
    assert ([each.code for each in lifted.findings], lifted.done) == (["SNAPSHOT_DIFFERS"], False)
    assert audited.signs_in(audited.alices, "alice@example.com") == HALTED
    put_back(audited, before)
    audited.round()
    assert audited.signs_in(audited.alices, "alice@example.com") == HALTED, "nobody lifts it but a person"
    assert audited.lifted() == Lifted(done=True)
    assert audited.lifted() == Lifted(done=False)
    assert audited.signs_in(audited.alices, "alice@example.com") == SIGNED_IN


def test_a_claim_that_ripened_during_a_halt_is_named_before_anybody_lifts_it(audited: Audited) -> None:
    thief = audited.world.phone("thief's phone")
    assert thief.start_recovery().decided.status == 202
    [ends_at] = ends_of_waits(audited.alice, audited.world.clock.now()).values()
    before = put_phone(audited)
    audited.round()
    put_back(audited, before)
    assert [each.account for each in audited.halted()] == [audited.alice.id]
    audited.world.clock.advance(3 * DAY)
    assert audited.lifted() == Lifted(done=False, waits=(ends_at,))
    assert audited.halted(), "it stays halted"
    assert audited.lifted(though_waits=True) == Lifted(done=True, waits=(ends_at,))
    assert audited.alices.veto().decided.status == 200


def test_what_is_whole_again_at_the_second_look_halts_nobody(audited: Audited) -> None:
    """One event a second: each turn ends in the middle of a look, and what is stored may change between any two."""
    before = put_phone(audited)
    worker, is_mended = audited.worker(rate=1), False
    while audited.world.run(worker.turn(audited.world.clock.now())):
        if worker._is_second_look and not is_mended:
            put_back(audited, before)
            is_mended = True
    assert is_mended, "she differed at the first look"
    assert audited.halted() == audited.told == []


def test_a_database_that_goes_away_and_comes_back_all_the_time_halts_nobody(audited: Audited) -> None:
    world, away = audited.world, Away(audited.world.store)
    deployment = dataclasses.replace(world.deployment, store=cast("Store", away))
    for _ in range(60):
        worker = Auditing(deployment, Pace(rate=1000), at_once, audited.told.append, audited.rounds.append)
        is_more = True
        while is_more:
            try:
                is_more = world.run(worker.turn(world.clock.now()))
            except StoreUnavailable:
                continue
    assert len(audited.rounds) == 60
    assert away.times > 100
    assert audited.halted() == audited.told == []


def test_a_rotation_of_the_deployment_key_halts_nobody_at_any_of_its_steps(audited: Audited) -> None:
    keys = Keys(audited.world)
    for step in (keys.new, keys.rotate, keys.rekey, keys.distrust, keys.settle, keys.retire):
        step()
        assert found_in(audited) == [], step.__name__
        if step not in (keys.settle, keys.retire):
            assert audited.signs_in(audited.alices, "alice@example.com") == SIGNED_IN


def test_who_was_erased_is_not_halted_for_it(audited: Audited) -> None:
    alice = audited.alice
    audited.world.run(audited.world.store.book.erase(alice.tenant, alice.id))
    assert found_in(audited) == []


def test_an_officer_who_left_halts_nobody_while_the_settings_name_them_as_former(audited: Audited) -> None:
    world, deployment = audited.world, audited.world.deployment
    bank = deployment.tenants[TenantId("bank")]
    claimant = world.phone("new phone", NEW_WORDS)
    assert world.officer("ofc-1").attest(audited.alice.id, claimant).decided.status == 200
    left = {key: dataclasses.replace(each, is_former=True) for key, each in bank.officers.items()}
    world.deployment = with_officers(deployment, left)
    assert found_in(audited) == []
    world.deployment = with_officers(deployment, {})
    assert found_in(audited) == ["DECISION_DIFFERS"], "nobody can tell a gone officer from a made-up one"


def with_officers(deployment: Deployment, officers: Mapping[Thumbprint, Officer]) -> Deployment:
    bank = dataclasses.replace(deployment.tenants[TenantId("bank")], officers=officers)
    return dataclasses.replace(deployment, tenants={**deployment.tenants, bank.id: bank})


def found_in(audited: Audited) -> list[str]:
    alice = audited.alice
    return [each.code for each in audited.world.run(look_at(audited.world.deployment, alice.tenant, alice.id))]


def test_fsck_names_who_is_halted(audited: Audited) -> None:
    put_phone(audited)
    audited.round()

    report = audited.world.run(fsck(audited.world.deployment, pause=at_once, tell=lambda *_: None))
    assert [halt.account for halt in report.halted] == [audited.alice.id]


def test_an_approved_sign_in_of_a_halted_account_waits_and_keeps_nobody_elses_from_being_forgotten(
    audited: Audited,
) -> None:
    world = audited.world
    for phone, login in ((audited.alices, "alice@example.com"), (audited.bobs, "bob@example.com")):
        assert phone.approve(world.site("bank").start_sign_in(login, Browser("left desk"))).decided.status == 200
    before = put_phone(audited)
    audited.round()
    world.clock.advance(2 * DAY)
    assert world.run(forget_old(world.deployment, world.clock.now())) == 1, "bob's is in his history"
    assert world.run(forget_old(world.deployment, world.clock.now())) > 0, "and what is old is forgotten"
    put_back(audited, before)
    assert audited.lifted() == Lifted(done=True)
    assert world.run(forget_old(world.deployment, world.clock.now())) == 1, "alice's was kept until then"


def test_whole_accounts_are_looked_at_and_nobody_is_halted(audited: Audited) -> None:
    audited.round()
    assert audited.halted() == audited.told == []
    [done] = audited.rounds
    assert (done.accounts, done.ended_at) == (2, audited.world.clock.now())


def test_a_worker_that_is_killed_goes_on_from_its_row(audited: Audited) -> None:
    put_phone(audited)
    for turn in range(40):
        # Each turn is another process; an account takes several of its turns at this rate, so it is not in the row yet.
        if not audited.world.run(audited.worker(rate=9).turn(audited.world.clock.now())):
            break
        place = audited.world.run(audited.world.store.audits.place())
        assert place is not None
        assert place.version <= turn + 1
    assert [halt.account for halt in audited.halted()] == [audited.alice.id]


def test_two_workers_at_once_halt_once_and_lose_nothing(audited: Audited) -> None:
    put_phone(audited)
    one, other = audited.worker(rate=4), audited.worker(rate=4)
    for _ in range(30):
        for worker in (one, other):
            audited.world.run(worker.turn(audited.world.clock.now()))
    assert [halt.account for halt in audited.told] == [audited.alice.id]


def test_a_round_begins_at_the_start_and_then_once_an_hour(audited: Audited) -> None:
    worker, clock = audited.worker(), audited.world.clock
    audited.round(worker)
    audited.round(worker)
    assert len(audited.rounds) == 1
    clock.advance(3599)
    audited.round(worker)
    assert len(audited.rounds) == 1
    clock.advance(1)
    audited.round(worker)
    assert len(audited.rounds) == 2
    audited.round()
    assert len(audited.rounds) == 3, "another process begins with one of its own"


def test_no_turn_looks_at_more_than_its_rate_and_it_pauses_between(audited: Audited) -> None:
    worker = audited.worker(rate=5)
    while audited.world.run(worker.turn(audited.world.clock.now())):
        # One second of pauses; and what the last piece was over that.
        assert sum(audited.paused) <= 1 + 10 / 5
        audited.paused.clear()


def test_a_clock_that_was_set_back_halts_nobody(audited: Audited) -> None:
    audited.world.clock.set(-2000)
    assert audited.signs_in(audited.alices, "alice@example.com") == SIGNED_IN
    audited.round()
    assert audited.halted() == []
