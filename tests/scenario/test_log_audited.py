"""The log that a service publishes, as an auditor reads it who knows its key and nothing else of it."""

from __future__ import annotations

from notes import LOG
from onlookers import caught_up, desk_of, logged, sign_in
from pteri.app.log_reading import shown_file
from pteri.app.refusals import NotFound
from pteri.audit import LogFindings, NotPublished, verify_log
from world import NEW_WORDS, World
from worlds import Worlds


def audited(world: World, state: bytes | None = None) -> LogFindings:
    desk = desk_of(world)

    def read(path: str, limit: int) -> bytes:
        try:
            return world.run(shown_file(world.deployment.store.book, desk, path))[:limit]
        except NotFound:
            raise NotPublished("is not there") from None

    return verify_log(read, expected_log=LOG.verifier, quorum=desk.quorum, at=world.clock.now(), state=state)


def test_an_auditor_reads_what_the_service_publishes_and_all_of_it_holds(worlds: Worlds) -> None:
    world = logged(worlds)
    phone = world.enrolled()
    world.enrolled("other", "bob@example.com", words=NEW_WORDS)
    caught_up(world)
    first = audited(world)
    assert first.is_sound, first.found
    assert (first.size, first.accounts) == (2, 2)
    assert sign_in(world, phone) == 200
    caught_up(world)
    later = audited(world, first.state)
    assert later.is_complete, later.found
    assert (later.first, later.size, later.accounts) == (2, 3, 2)
