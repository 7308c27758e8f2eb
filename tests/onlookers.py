"""Witnesses in the process of a test, who see what a real one sees and remember it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from notes import INDEXES, LOG, WITNESSES
from pteri.app.growing import grow
from pteri.app.log_desk import LogDesk
from pteri.app.log_ports import WitnessBehind, WitnessRefused, WitnessUnavailable
from pteri.app.sequence import give_positions
from pteri.app.witnessing import WitnessNews, show_to_witnesses
from pteri.core.log.add_checkpoint import AddCheckpoint
from pteri.core.log.checkpoint import Checkpoint
from pteri.core.log.note import Note, NoteSignature, NoteSigner, NoteVerifier
from pteri.core.log.witness import Quorum, cosign
from pteri.core.log.witnessing import Conflict, Contradiction, Cosign, Refused, TrustedLog, judge, read
from world import Browser, SimClock, SimPhone, World
from worlds import Worlds


@dataclass
class Onlooker:
    """One witness of one log."""

    signer: NoteSigner
    log: NoteVerifier
    now: Callable[[], int]
    is_away: bool = False
    asked: int = 0
    last: Checkpoint | None = field(default=None)

    @property
    def verifier(self) -> NoteVerifier:
        return self.signer.verifier

    async def cosign(self, checkpoint: Note, *, old_size: int, path: Sequence[bytes]) -> NoteSignature:
        self.asked += 1
        if self.is_away:
            raise WitnessUnavailable("nobody answers")
        raw = AddCheckpoint(old_size, tuple(path), checkpoint).encoded
        submitted = read(raw, expected_logs={self.log.name: TrustedLog.of([self.log])})
        answer = submitted if isinstance(submitted, Refused) else judge(submitted, last=self.last)
        match answer:
            case Cosign(shown):
                self.last = shown
                return cosign(shown, self.signer, at=self.now())
            case Conflict(size):
                raise WitnessBehind(size)
            case Contradiction(seen):
                raise WitnessRefused(f"it saw another tree of {seen.head.size} leaves")
            case Refused(_, _, detail):
                raise WitnessRefused(detail)


def watched(now: Callable[[], int], *, needed: int = 2, answers_wait: bool = True) -> LogDesk:
    """A log that three onlookers watch."""
    onlookers = tuple(Onlooker(signer, LOG.verifier, now) for signer in WITNESSES)
    quorum = Quorum.of(needed, [each.verifier for each in onlookers])
    return LogDesk(LOG, INDEXES, quorum=quorum, witnesses=onlookers, answers_wait=answers_wait)


def logged(worlds: Worlds, answers_wait: bool = True) -> World:
    """A service whose log three onlookers watch."""
    clock = SimClock()
    return worlds(clock=clock, log=watched(clock.now, answers_wait=answers_wait))


def desk_of(world: World) -> LogDesk:
    assert world.deployment.log is not None
    return world.deployment.log


def onlookers(world: World) -> list[Onlooker]:
    return [each for each in desk_of(world).witnesses if isinstance(each, Onlooker)]


def caught_up(world: World) -> list[WitnessNews]:
    """The loops have had their turns; what they told the operator."""
    told: list[WitnessNews] = []
    desk, store = desk_of(world), world.deployment.store
    world.run(give_positions(store))
    world.run(grow(store, desk, world.deployment.entropy))
    world.run(show_to_witnesses(store.book, desk, at=world.clock.now(), tell=told.append))
    return told


def sign_in(world: World, phone: SimPhone, login: str = "alice@example.com") -> int:
    browser = Browser("a browser")
    started = world.site().start_sign_in(login, browser)
    shown = phone.approve(started)
    return world.site().enter_code("logins", started.id, shown.code, browser).status
