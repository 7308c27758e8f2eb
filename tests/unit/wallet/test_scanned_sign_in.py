"""A scanned sign-in: the phone composes the statement itself, and asks the service nothing."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from builders import digest
from phones import EMAIL, HOUR, Hand, client, hand, linked, linked_also, through, unasked
from pteri.core import wire
from pteri.core.acts import Authenticate
from pteri.core.httpsig import Tag, parse
from pteri.core.invitation import Invitation, parse_invitation
from pteri.core.verify import decode_payload
from pteri.wallet.client import Waiting
from pteri.wallet.journal import Journal
from pteri.wallet.phone import Phone
from pteri.wallet.refusals import UNREACHABLE, SafetyCode, ServerError, UnsafeError
from pteri.wallet.server import Reply, Request
from world import LINE, MALLORY_WORDS, ORIGIN, World

DENIAL = Reply(401, msgspec.json.encode({"code": "DENIED", "detail": "Not accepted."}))


def completes(world: World, waiting: Waiting, code: str) -> bool:
    return client(world).enter_code(waiting.id, code, waiting.session).state == "COMPLETED"


def sent_by(held: Hand, act: Callable[[], object]) -> list[str]:
    """The last word of the place of each request that the phone sent for this."""
    before = len(held.wire.sent)
    act()
    return held.wire.places[before:]


# --- composing ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [LINE, None], ids=["with a line", "without a line"])
def test_a_scanned_sign_in_is_one_request_of_the_phone(world: World, line: str | None) -> None:
    held, waiting = linked(world, line=line), unasked(world)
    codes: list[str] = []
    assert sent_by(held, lambda: codes.append(held.phone().approve(waiting.qr).code)) == ["response"]
    assert completes(world, waiting, codes[0])


def test_what_the_phone_composes_is_what_the_service_would_have_sent(world: World) -> None:
    """Of a prompted sign-in the service has a record and can say what it has in mind."""
    held = linked(world, line=LINE)
    waiting = client(world).start_sign_in(EMAIL)
    phone = held.phone()
    told = phone._server(phone._state()).post(f"/challenges/{waiting.id}/claim", wire.Claim(), wire.Claimed).statement
    shown = phone.approve(waiting.qr)
    assert shown.statement == held.owner.shown[-1].statement == told
    assert completes(world, waiting, shown.code)


def test_the_terms_go_back_as_they_were_scanned(world: World) -> None:
    held, waiting = linked(world), unasked(world)
    held.phone().approve(waiting.qr)
    terms, invited = parse_invitation(waiting.qr).terms, decode_payload(held.wire.responses[-1].body).invited
    assert terms is not None
    assert invited is not None
    assert (invited.session, invited.number) == (waiting.session.hash, waiting.number)
    assert (invited.issued_at, invited.expires_at, invited.ticket) == (terms.issued_at, terms.expires_at, terms.ticket)


def test_a_prompt_and_a_binding_bring_no_terms(world: World) -> None:
    held = linked(world)
    waiting = client(world).start_sign_in(EMAIL)
    held.phone().approve(waiting.id, number=waiting.number)
    assert [decode_payload(request.body).invited for request in held.wire.responses] == [None, None]


def test_an_invitation_without_terms_is_asked_about(world: World) -> None:
    held = linked(world)
    waiting = client(world).start_sign_in(EMAIL)
    bare = msgspec.structs.replace(parse_invitation(waiting.qr), terms=None).encode()
    assert sent_by(held, lambda: held.phone().approve(bare)) == ["claim", "response"]


def test_nothing_is_signed_or_sent_when_the_owner_says_no(world: World) -> None:
    held, waiting = linked(world), unasked(world)
    held.owner.refuses = "authenticate"
    sent = len(held.wire.sent)
    with pytest.raises(UnsafeError) as declined:
        held.phone().approve(waiting.qr)
    assert declined.value.code is SafetyCode.DECLINED
    assert len(held.wire.sent) == sent


def test_the_line_that_the_owner_names_is_compared_with_what_was_linked(world: World) -> None:
    held = linked(world, line=LINE)
    with pytest.raises(UnsafeError) as other:
        held.phone().approve(unasked(world).qr, line="+4915199999999")
    assert other.value.field == "esim"
    assert held.phone().approve(unasked(world).qr, line=LINE).code


# --- time --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_s", [-80, 80])
def test_a_clock_that_is_80_s_wrong_either_way_does_no_harm(world: World, ahead_s: int) -> None:
    held, waiting = linked(world), unasked(world)
    held.ahead_s = ahead_s
    assert completes(world, waiting, held.phone().approve(waiting.qr).code)


@pytest.mark.parametrize("ahead_s", [-600, 600])
def test_a_clock_that_is_ten_minutes_wrong_is_said_plainly(world: World, ahead_s: int) -> None:
    held, waiting = linked(world), unasked(world)
    held.ahead_s = ahead_s
    sent = len(held.wire.sent)
    with pytest.raises(UnsafeError) as refused:
        held.phone().approve(waiting.qr)
    assert refused.value.code is SafetyCode.OUT_OF_WINDOW
    assert "set this phone's clock" in refused.value.message
    assert len(held.wire.sent) == sent


WINDOWS = {"from the future": (91, 211), "too old": (-120, 0), "too long": (0, 301)}


@pytest.mark.parametrize("window", WINDOWS)
def test_terms_out_of_their_time_are_not_signed(world: World, window: str) -> None:
    held, invitation = linked(world), parse_invitation(unasked(world).qr)
    assert invitation.terms is not None
    issued, expires = (world.clock.now() + offset for offset in WINDOWS[window])
    terms = msgspec.structs.replace(invitation.terms, issued_at=issued, expires_at=expires)
    asked = len(held.owner.shown)
    with pytest.raises(UnsafeError) as refused:
        held.phone().approve(msgspec.structs.replace(invitation, terms=terms).encode())
    assert refused.value.code is SafetyCode.OUT_OF_WINDOW
    assert len(held.owner.shown) == asked


# --- an account that has changed ---------------------------------------------------------------------------------


def test_after_another_phone_came_the_owner_is_asked_once_more_and_then_no_longer(world: World) -> None:
    held = linked(world)
    second = linked_also(world, held)
    waiting = unasked(world)
    codes: list[str] = []
    went = sent_by(held, lambda: codes.append(held.phone().approve(waiting.qr).code))
    assert went == ["response", "devices", "response"]
    stale, fresh = held.owner.shown[-2:]
    assert (stale.is_again, fresh.is_again) == (False, True)
    assert fresh.statement.act.epoch == stale.statement.act.epoch + 1
    first, again = held.wire.responses[-2:]
    assert first.idempotency_key != again.idempotency_key
    assert parse(first, expected_tag=Tag.DEVICE).nonce != parse(again, expected_tag=Tag.DEVICE).nonce
    assert completes(world, waiting, codes[0])
    assert sent_by(held, lambda: held.phone().approve(unasked(world).qr)) == ["response"]
    # The one that came knows what its coming has changed.
    assert sent_by(second, lambda: second.phone().approve(unasked(world).qr)) == ["response"]


def test_a_phone_that_removed_another_one_knows_the_epoch_after_it(world: World) -> None:
    held = linked(world)
    other = linked_also(world, held)
    held.phone().revoke(other.phone().thumbprint)
    assert sent_by(held, lambda: held.phone().approve(unasked(world).qr)) == ["response"]
    assert held.phone().devices().epoch == held.phone()._state().epoch == 3


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "after a wait"])
def test_a_phone_knows_the_epoch_after_its_change_and_not_before_it(world: World, at_once: bool) -> None:
    held = linked(world)
    if not at_once:
        world.clock.advance(30 * 24 * 3600)
    done = held.phone().protect(None)
    assert (done.signed.decision == "permit") is at_once
    assert sent_by(held, lambda: held.phone().approve(unasked(world).qr)) == ["response"]
    assert held.phone().devices().epoch == held.phone()._state().epoch == (2 if at_once else 1)


def test_an_owner_who_says_no_the_second_time_has_said_no(world: World) -> None:
    held = linked(world)
    linked_also(world, held)
    waiting = unasked(world)

    def forge(request: Request) -> Reply | None:
        if request.target_uri.endswith("/devices"):
            held.owner.refuses = "authenticate"
        return None

    held.wire.forge = forge
    with pytest.raises(UnsafeError) as declined:
        held.phone().approve(waiting.qr)
    assert declined.value.code is SafetyCode.DECLINED
    assert held.wire.places[-1] == "devices"
    held.owner.refuses = ""
    # What it has learnt of the account stays, and the sign-in itself is as good as before.
    assert sent_by(held, lambda: held.phone().approve(waiting.qr)) == ["response"]


def test_a_phone_that_was_removed_is_told_so_and_asks_nobody_again(world: World) -> None:
    held = linked(world)
    second = linked_also(world, held)
    world.clock.advance(72 * HOUR)
    second.phone().revoke(held.phone().thumbprint)
    asked = len(held.owner.shown)
    with pytest.raises(ServerError) as gone:
        held.phone().approve(unasked(world).qr)
    assert (gone.value.code, gone.value.status) == ("DENIED", 401)
    assert "it was removed" in gone.value.message
    assert held.wire.places[-2:] == ["response", "devices"]
    assert len(held.owner.shown) == asked + 1


def test_a_phone_that_waits_to_be_let_in_asks_nobody_again_however_the_account_changes(world: World) -> None:
    linked(world)
    held = hand(world, "new phone")
    held.phone().start_recovery(ORIGIN, "bank")
    held.wire.forge = listed_as(world, epoch=9)
    asked = len(held.owner.shown)
    with pytest.raises(ServerError) as denied:
        held.phone().approve(unasked(world).qr)
    assert "it still waits" in denied.value.message
    assert len(held.owner.shown) == asked + 1


def test_a_phone_whose_link_was_never_finished_is_told_so(world: World) -> None:
    linked(world)
    held = hand(world, "mallory's phone", MALLORY_WORDS)
    held.phone().enroll(client(world).start_binding("mallory@example.com").qr)
    with pytest.raises(ServerError) as denied:
        held.phone().approve(unasked(world).qr)
    assert denied.value.status == 401
    assert "never finished" in denied.value.message


def test_a_denial_of_an_account_that_has_not_changed_stands(world: World) -> None:
    held = linked(world)
    nobodys = unasked(world, "nobody@example.com")
    asked = len(held.owner.shown)
    with pytest.raises(ServerError) as denied:
        held.phone().approve(nobodys.qr)
    assert (denied.value.code, denied.value.status) == ("DENIED", 401)
    assert "Start it again on the other screen" in denied.value.message
    assert held.wire.places[-2:] == ["response", "devices"]
    assert len(held.owner.shown) == asked + 1
    assert Journal(held.directory).unanswered(nobodys.id, world.clock.now()) is None


def listed_as(world: World, **changes: object) -> Callable[[Request], Reply | None]:
    """A service that denies every answer, and changes what it says of the account."""

    def forge(request: Request) -> Reply | None:
        if request.target_uri.endswith("/response"):
            return DENIAL
        told = through(world, request).json
        return Reply(200, msgspec.json.encode(told | changes))

    return forge


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"account": "acct_0000000000000000000A"}, "Start it again"),
        ({"epoch": 0}, "Start it again"),
        ({"epoch": "many"}, "Start it again"),
        ({"phones": [], "epoch": 9}, "it was removed"),
    ],
    ids=["another account", "an older account", "nonsense", "without this phone"],
)
def test_a_list_that_explains_nothing_lets_the_denial_stand(
    world: World, changes: dict[str, object], words: str
) -> None:
    held = linked(world)
    held.phone().approve(unasked(world).qr)
    asked = len(held.owner.shown)
    held.wire.forge = listed_as(world, **changes)
    with pytest.raises(ServerError) as denied:
        held.phone().approve(unasked(world).qr)
    assert (denied.value.code, denied.value.status) == ("DENIED", 401)
    assert words in denied.value.message
    assert len(held.owner.shown) == asked + 1
    assert held.phone()._state().epoch == 1


def test_a_list_that_calls_another_phone_this_one_is_not_believed(world: World) -> None:
    held = linked(world)
    second = linked_also(world, held)
    [theirs] = [seen for seen in second.phone().devices().phones if seen.this_phone]
    held.wire.forge = listed_as(world, phones=[msgspec.to_builtins(theirs)], epoch=9)
    with pytest.raises(ServerError) as denied:
        held.phone().approve(unasked(world).qr)
    assert "it was removed" in denied.value.message


def test_a_list_that_does_not_come_lets_the_denial_stand(world: World) -> None:
    held = linked(world)

    def forge(request: Request) -> Reply | None:
        if request.target_uri.endswith("/response"):
            return DENIAL
        raise ServerError(UNREACHABLE, "lost")

    held.wire.forge = forge
    with pytest.raises(ServerError) as denied:
        held.phone().approve(unasked(world).qr)
    assert (denied.value.code, denied.value.status) == ("DENIED", 401)


def test_an_account_that_changes_all_the_time_is_asked_of_twice_and_no_more(world: World) -> None:
    held = linked(world)
    held.wire.forge = listed_as(world, epoch=9)
    asked = len(held.owner.shown)
    with pytest.raises(ServerError) as denied:
        held.phone().approve(unasked(world).qr)
    assert denied.value.status == 401
    assert "Start it again" in denied.value.message
    assert [review.statement.act.epoch for review in held.owner.shown[asked:]] == [1, 9]
    assert held.wire.places[-3:] == ["response", "devices", "response"]


@pytest.mark.parametrize("status", [400, 403, 409, 429, 503])
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "the second time"])
def test_only_a_denial_is_looked_into(world: World, status: int, at_once: bool) -> None:
    held = linked(world)
    changed = listed_as(world, epoch=9)
    answers = [] if at_once else [DENIAL]

    def forge(request: Request) -> Reply | None:
        if not request.target_uri.endswith("/response"):
            return changed(request)
        return answers.pop() if answers else Reply(status, msgspec.json.encode({"code": "X", "detail": "No."}))

    held.wire.forge = forge
    asked = len(held.owner.shown)
    with pytest.raises(ServerError) as refused:
        held.phone().approve(unasked(world).qr)
    assert (refused.value.code, refused.value.status, refused.value.message) == ("X", status, "No.")
    assert len(held.owner.shown) == asked + (1 if at_once else 2)


# --- a phone that has lost its notes -----------------------------------------------------------------------------


def without_notes(held: Hand) -> Phone:
    """What its person is advised to do with a journal that another program spoilt."""
    (held.directory / "journal.json").unlink(missing_ok=True)
    return held.phone()


def test_a_phone_without_its_notes_asks_the_service_and_knows_again(world: World) -> None:
    held = linked(world, line=LINE)
    waiting = client(world).start_sign_in(EMAIL)
    assert sent_by(held, lambda: without_notes(held).approve(waiting.qr)) == ["claim", "response"]
    assert sent_by(held, lambda: held.phone().approve(unasked(world).qr)) == ["response"]


def test_a_phone_that_knows_its_website_again_but_not_its_line_asks_the_service(world: World) -> None:
    """A statement about a backup says nothing of the line."""
    held = linked(world, line=LINE)
    without_notes(held).confirm_backup(digest("a sealed file"))
    waiting = client(world).start_sign_in(EMAIL)
    assert sent_by(held, lambda: held.phone().approve(waiting.qr)) == ["claim", "response"]


def test_a_phone_without_its_notes_whose_repeat_is_denied_asks_the_service_again(world: World) -> None:
    held = linked(world)
    waiting = client(world).start_sign_in(EMAIL)

    def forge(request: Request) -> Reply | None:
        if request.target_uri.endswith("/response"):
            raise ServerError(UNREACHABLE, "lost")
        return None

    held.wire.forge = forge
    with pytest.raises(ServerError):
        without_notes(held).approve(waiting.id, number=waiting.number)
    held.wire.forge = lambda _: None
    held.phone().protect(None)  # changes the account, and says nothing of the line
    codes: list[str] = []
    went = sent_by(held, lambda: codes.append(held.phone().approve(waiting.qr).code))
    assert went == ["response", "devices", "claim", "response"]
    assert completes(world, waiting, codes[0])


def test_a_phone_without_its_notes_says_how_it_gets_them_back(world: World) -> None:
    held = linked(world)
    with pytest.raises(ServerError) as lost:
        without_notes(held).approve(unasked(world).qr)
    assert lost.value.status == 404
    assert "Sign in once by a prompt" in lost.value.message
    waiting = client(world).start_sign_in("nobody@example.com")
    with pytest.raises(ServerError) as denied:
        without_notes(held).approve(waiting.qr)
    assert denied.value.status == 401
    assert "prompt" not in denied.value.message


def test_a_memory_from_before_scanned_sign_ins_is_enough(world: World) -> None:
    """Written down by a release that asked the service for every statement: the very files it left."""
    held, waiting = linked(world, line=LINE), unasked(world)
    state = msgspec.json.decode((held.directory / "state.json").read_bytes())
    state = state | {"format": "pteri-phone-1", "log_seen": None}  # left away later
    (held.directory / "state.json").write_bytes(msgspec.json.encode(state) + b"\n")
    journal = msgspec.json.decode((held.directory / "journal.json").read_bytes())
    assert list(state) == [
        *("format", "server", "tenant", "network", "address", "tenant_index", "device"),
        *("account", "epoch", "line_salt", "log_seen"),
    ]
    assert journal["pinned"].pop("new_wallet_by") is None  # came later
    assert (list(journal), list(journal["pinned"])) == (
        ["format", "pinned", "codes", "unanswered"],
        ["domain", "is_line_known", "esim", "approval"],
    )
    assert completes(world, waiting, held.phone().approve(waiting.qr).code)


def test_a_statement_that_was_composed_names_what_the_phone_knows_itself(world: World) -> None:
    held = linked(world, line=LINE)
    phone, waiting = held.phone(), unasked(world)
    statement = phone.approve(waiting.qr).statement
    pinned, state, act = Journal(held.directory).pinned, phone._state(), statement.act
    assert pinned is not None
    assert isinstance(act, Authenticate)
    assert (statement.domain, act.esim) == (pinned.domain, pinned.esim)
    assert (statement.address, act.account, act.epoch) == (state.address, state.account, state.epoch)
    assert act.device == phone.thumbprint
    scanned = parse_invitation(waiting.qr)
    assert isinstance(scanned, Invitation)
    assert (statement.request_id, act.code, act.session) == (scanned.request, scanned.number, waiting.session.hash)
