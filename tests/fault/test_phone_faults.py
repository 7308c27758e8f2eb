"""A lost request, a lost answer, a phone that dies: one signature, one effect, and the same code in the end."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from phones import EMAIL, Hand, client, empty_hand, hand, lie_about, linked, linked_also, through, unasked
from pteri.wallet.ceremony import ShownCode
from pteri.wallet.client import Waiting
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.journal import Journal
from pteri.wallet.phone import Phone
from pteri.wallet.refusals import BAD_ANSWER, UNREACHABLE, SafetyCode, ServerError, UnsafeError
from pteri.wallet.server import Reply, Request
from world import ORIGIN, World

HOUR = 3600
Approve = Callable[[Phone], ShownCode]
Begun = Callable[[World], tuple[Waiting, Approve]]


def lose_answers(held: Hand, count: int, *, what: str = "/response", before: bool = False) -> None:
    """Lose the next requests of one kind, or their answers."""
    left = count

    def forge(request: Request) -> Reply | None:
        nonlocal left
        if not request.target_uri.endswith(what) or left == 0:
            return None
        left -= 1
        if not before:
            through(held.world, request)
        raise ServerError(UNREACHABLE, "lost")

    held.wire.forge = forge


def a_prompt(world: World) -> tuple[Waiting, Approve]:
    waiting = client(world).start_sign_in(EMAIL)
    return waiting, lambda phone: phone.approve(waiting.id, number=waiting.number)


def a_code_to_scan(world: World) -> tuple[Waiting, Approve]:
    waiting = unasked(world)
    return waiting, lambda phone: phone.approve(waiting.qr)


@pytest.mark.parametrize("begun", [a_prompt, a_code_to_scan])
@pytest.mark.parametrize("before", [True, False], ids=["request lost", "answer lost"])
def test_within_one_call_the_very_same_request_is_sent_up_to_three_times(
    world: World, begun: Begun, before: bool
) -> None:
    held, site = linked(world), client(world)
    lose_answers(held, 2, before=before)
    waiting, approve = begun(world)
    shown = approve(held.phone())
    first, *repeats = held.wire.responses[-3:]
    assert repeats == [first, first]
    assert len(held.owner.shown) == 2
    assert site.enter_code(waiting.id, shown.code, waiting.session).state == "COMPLETED"


@pytest.mark.parametrize("begun", [a_prompt, a_code_to_scan])
@pytest.mark.parametrize("before", [True, False], ids=["request lost", "answer lost"])
def test_after_a_restart_the_very_same_request_is_sent_again_and_the_code_is_right(
    world: World, begun: Begun, before: bool
) -> None:
    held, site = linked(world), client(world)
    lose_answers(held, 3, before=before)
    waiting, approve = begun(world)
    with pytest.raises(ServerError) as lost:
        approve(held.phone())
    assert (lost.value.code, lost.value.status) == (UNREACHABLE, 0)
    world.clock.advance(60)
    asked = len(held.owner.shown)
    shown = approve(held.phone())
    assert len(set(map(str, held.wire.responses[-4:]))) == 1
    assert len(held.owner.shown) == asked  # said yes once, asked once
    assert site.enter_code(waiting.id, shown.code, waiting.session).state == "COMPLETED"


def test_a_repeat_of_a_later_process_that_is_denied_is_asked_of_the_account_as_it_is_now(world: World) -> None:
    """The request was lost, and meanwhile another phone was let in."""
    held = linked(world)
    second = linked_also(world, held)
    waiting = unasked(world)
    lose_answers(held, 3, before=True)
    with pytest.raises(ServerError):
        held.phone().approve(waiting.qr)
    lost = held.wire.responses[-1]
    shown = held.phone().approve(waiting.qr)
    repeat, anew = held.wire.responses[-2:]
    assert repeat == lost
    assert anew.idempotency_key != lost.idempotency_key
    assert [review.is_again for review in held.owner.shown[-2:]] == [False, True]
    signed_in = client(world).enter_code(waiting.id, shown.code, waiting.session)
    assert (signed_in.device, signed_in.epoch) == (held.phone().thumbprint, second.phone().devices().epoch)


def test_an_answer_that_is_lost_after_the_second_asking_is_repeated_to_the_letter(world: World) -> None:
    held = linked(world)
    linked_also(world, held)
    waiting = unasked(world)
    seen: list[str] = []

    def forge(request: Request) -> Reply | None:
        if not request.target_uri.endswith("/response"):
            return None
        seen.append(request.idempotency_key)
        if len(set(seen)) < 2 or len(seen) > 4:
            return None
        through(world, request)
        raise ServerError(UNREACHABLE, "lost")

    held.wire.forge = forge
    with pytest.raises(ServerError) as lost:
        held.phone().approve(waiting.qr)
    assert lost.value.code == UNREACHABLE
    asked = len(held.owner.shown)
    shown = held.phone().approve(waiting.qr)
    assert len(held.owner.shown) == asked
    assert seen[1:] == [seen[1]] * 4
    assert client(world).enter_code(waiting.id, shown.code, waiting.session).state == "COMPLETED"


def test_an_enrolment_survives_a_lost_answer(world: World) -> None:
    held, site = hand(world), client(world)
    lose_answers(held, 3)
    waiting = site.start_binding(EMAIL)
    with pytest.raises(ServerError):
        held.phone().enroll(waiting.qr)
    shown = held.phone().enroll(waiting.qr)
    assert site.enter_code(waiting.id, shown.code, waiting.session).device == held.phone().thumbprint
    assert len(set(map(str, held.wire.responses))) == 1


def test_a_migration_survives_lost_answers_on_both_phones(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    offer = new.new_phone().offer(ORIGIN, "bank")
    old.phone().approve_offer(offer, revoke_old=True)
    new.new_phone().answer()
    new.new_phone().enter_code(old.phone().approve_offer(offer, revoke_old=True).spaced)
    lose_answers(old, 3)
    with pytest.raises(ServerError):
        old.phone().approve_offer(offer, revoke_old=True)
    assert old.phone().approve_offer(offer, revoke_old=True).step == "approved"
    world.clock.advance(HOUR)
    old.phone().hand_over()
    new.new_phone().receive()
    lose_answers(new, 3)
    with pytest.raises(ServerError):
        new.phone().activate()
    assert new.phone().activate().decision == "permit"
    assert len(set(map(str, new.wire.responses))) == 1


@pytest.mark.parametrize("what", ["/code-setups", "/recoveries", "/response"])
@pytest.mark.parametrize("before", [True, False], ids=["request lost", "answer lost"])
def test_a_recovery_goes_on_wherever_it_was_interrupted(world: World, what: str, before: bool) -> None:
    linked(world)
    new = hand(world, "new phone")
    lose_answers(new, 3, what=what, before=before)
    with pytest.raises(ServerError):
        new.phone().start_recovery(ORIGIN, "bank")
    if (what, before) == ("/recoveries", False):
        # The code was used and the answer lost: the phone finds that out, and sets up another.
        with pytest.raises(ServerError) as used:
            new.phone().start_recovery(ORIGIN, "bank")
        assert used.value.status == 401
    begun = new.phone().start_recovery(ORIGIN, "bank")
    assert begun.decision == "hold"
    world.clock.advance(72 * HOUR)
    assert new.phone().activate().decision == "permit"


def test_a_recovery_whose_second_answer_is_lost_is_not_asked_for_twice(world: World) -> None:
    linked(world)
    new = hand(world, "new phone")
    held_back: list[int] = [0]

    def forge(request: Request) -> Reply | None:
        if not request.target_uri.endswith("/response") or "/rec_" not in request.target_uri or held_back[0] == 3:
            return None
        held_back[0] += 1
        through(world, request)
        raise ServerError(UNREACHABLE, "lost")

    new.wire.forge = forge
    with pytest.raises(ServerError):
        new.phone().start_recovery(ORIGIN, "bank")
    assert new.phone().start_recovery(ORIGIN, "bank").decision == "hold"
    assert len({request.target_uri for request in new.wire.responses}) == 2


def test_codes_that_are_too_old_are_set_up_anew(world: World) -> None:
    linked(world)
    new = hand(world, "new phone")
    lose_answers(new, 3, what="/recoveries", before=True)
    with pytest.raises(ServerError):
        new.phone().start_recovery(ORIGIN, "bank")
    world.clock.advance(120)
    assert new.phone().start_recovery(ORIGIN, "bank").decision == "hold"
    assert sum(request.target_uri.endswith("/code-setups") for request in new.wire.sent) == 2


def test_a_recovery_of_another_account_than_the_set_up_spoke_of_is_not_signed(world: World) -> None:
    linked(world)
    new = hand(world, "new phone")
    new.wire.lie = lie_about("recover", account="acct_0000000000000000000A")
    with pytest.raises(UnsafeError) as caught:
        new.phone().start_recovery(ORIGIN, "bank")
    assert caught.value.field == "account"


def test_a_phone_that_died_after_the_answer_and_before_it_wrote_that_down_reads_the_same_answer(world: World) -> None:
    """Each of the three writes after an answer may be the one that never happens."""
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    journal, state = held.directory / "journal.json", held.directory / "state.json"
    before: dict[str, bytes] = {}

    def forge(request: Request) -> Reply | None:
        if request.target_uri.endswith("/response"):
            before.update(journal=journal.read_bytes(), state=state.read_bytes())
        return None

    held.wire.forge = forge
    shown = held.phone().approve(waiting.qr)
    for lost in (("journal", "state"), ("journal",)):
        for name in lost:
            (held.directory / f"{name}.json").write_bytes(before[name])
        assert held.phone().approve(waiting.qr).code == shown.code
    assert site.enter_code(waiting.id, shown.code, waiting.session).state == "COMPLETED"


def test_what_no_repeat_can_help_any_more_is_asked_for_anew(world: World) -> None:
    held, site = linked(world), client(world)
    lose_answers(held, 3)
    waiting = site.start_sign_in(EMAIL)
    with pytest.raises(ServerError):
        held.phone().approve(waiting.id, number=waiting.number)
    world.clock.advance(300)
    with pytest.raises(ServerError) as over:
        held.phone().approve(waiting.id, number=waiting.number)
    assert over.value.status == 401
    assert held.wire.sent[-1].target_uri.endswith("/claim")


def test_what_no_repeat_can_help_any_more_is_not_signed_anew_when_it_was_scanned(world: World) -> None:
    held = linked(world)
    lose_answers(held, 3)
    waiting = unasked(world)
    with pytest.raises(ServerError):
        held.phone().approve(waiting.qr)
    world.clock.advance(300)
    sent = len(held.wire.sent)
    with pytest.raises(UnsafeError) as over:
        held.phone().approve(waiting.qr)
    assert over.value.code is SafetyCode.OUT_OF_WINDOW
    assert len(held.wire.sent) == sent


@pytest.mark.parametrize(
    ("status", "repeats"),
    [(400, False), (401, False), (403, False), (409, False), (429, True), (500, True), (503, True)],
)
def test_a_final_no_is_struck_out_and_a_passing_one_is_repeated(world: World, status: int, repeats: bool) -> None:
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    problem = msgspec.json.encode({"code": "X", "detail": "No."})
    held.wire.forge = lambda request: Reply(status, problem) if request.target_uri.endswith("/response") else None
    with pytest.raises(ServerError) as refused:
        held.phone().approve(waiting.qr)
    assert (refused.value.status, refused.value.may_repeat) == (status, repeats)
    assert len(held.wire.responses) == 2  # the binding's and this one: a refusal is not asked again
    assert (Journal(held.directory).unanswered(waiting.id, world.clock.now()) is not None) == repeats


DECISIONS: list[Callable[[dict[str, object]], dict[str, object]]] = [
    lambda told: told | {"code_expected": False},
    lambda told: told | {"decision": "refuse"},
    lambda told: told | {"decision": "maybe"},
    lambda told: told | {"more": 1},
    lambda told: {name: value for name, value in told.items() if name != "reason"},
]


@pytest.mark.parametrize("change", DECISIONS)
def test_an_answer_that_does_not_fit_what_was_signed_shows_no_code(
    world: World, change: Callable[[dict[str, object]], dict[str, object]]
) -> None:
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)

    def forge(request: Request) -> Reply | None:
        if not request.target_uri.endswith("/response"):
            return None
        return Reply(200, msgspec.json.encode(change(through(world, request).json)))

    held.wire.forge = forge
    with pytest.raises(ServerError) as refused:
        held.phone().approve(waiting.qr)
    assert refused.value.code == BAD_ANSWER


def test_while_one_program_signs_another_one_waits(world: World) -> None:
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    other = held.phone()
    refusals: list[str] = []

    def forge(request: Request) -> Reply | None:
        if request.target_uri.endswith(("/claim", "/response")):
            with pytest.raises(WalletError) as locked:
                other.approve(waiting.qr)
            refusals.append(locked.value.code)
        return None

    held.wire.forge = forge
    assert held.phone().approve(waiting.id, number=waiting.number).code
    assert refusals == [WalletCode.LOCKED, WalletCode.LOCKED]


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b'{"format":"pteri-journal-2"}\n', b'{"format":"pteri-journal-1"}\n']
)
def test_a_journal_that_another_program_wrote_is_refused(world: World, content: bytes) -> None:
    held = linked(world)
    (held.directory / "journal.json").write_bytes(content)
    with pytest.raises(WalletError) as refused:
        held.phone().approve(client(world).start_sign_in(EMAIL).qr)
    assert refused.value.code in {WalletCode.NOT_A_STATE, WalletCode.NEWER_VERSION}
    assert "delete this file" in refused.value.message or "Update" in refused.value.message


def test_a_journal_that_cannot_be_read_is_not_taken_for_an_empty_one(world: World) -> None:
    held = linked(world)
    journal = held.directory / "journal.json"
    journal.unlink()
    journal.mkdir()
    with pytest.raises(WalletError) as refused:
        held.phone().approve(client(world).start_sign_in(EMAIL).qr)
    assert refused.value.code is WalletCode.READ_FAILED


def test_the_files_of_a_phone_are_its_owners_alone(world: World) -> None:
    held = linked(world)
    held.phone().approve(client(world).start_sign_in(EMAIL).qr)
    assert held.directory.stat().st_mode & 0o077 == 0
    for path in held.directory.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    journal = (held.directory / "journal.json").read_bytes()
    assert b'unanswered":[]' in journal
