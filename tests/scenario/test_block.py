"""A service whose statements name a recent block: every way to sign, with it and without."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec
import pytest

from airgaps import offline
from chains import enter, prepared
from phones import EMAIL, Hand, client, honest, lie_about, linked, linked_also, unasked
from pteri.app.fsck import fsck
from pteri.core import wire
from pteri.core.errors import Code, Malformed
from pteri.core.ids import BlockId, block_id
from pteri.core.invitation import parse_invitation
from pteri.core.statement import Statement
from pteri.core.verify import Invited
from pteri.domain.rules import Rules
from pteri.wallet.refusals import ServerError
from statements import BLOCK, NEXT_BLOCK
from thieves import assert_denied, scanning
from world import Browser, SimBlocks, SimPhone, World
from worlds import Worlds

NAMES: Final = [pytest.param(BLOCK, id="with a block"), pytest.param(None, id="without a block")]
LINE: Final = f"\n- pteri:block:{BLOCK}"


def naming(worlds: Worlds, block: BlockId | None) -> World:
    return worlds(blocks=SimBlocks(block))


def last(held: Hand) -> Statement:
    """What the person was shown last."""
    return held.owner.shown[-1].statement


def prompted(world: World, phone: SimPhone) -> tuple[Statement, Invited | None]:
    started = world.site().start_sign_in(EMAIL, Browser("desk"))
    return phone.claim(started.id).as_(wire.Claimed).statement, None


def scanned(world: World, phone: SimPhone) -> tuple[Statement, Invited | None]:
    return phone.scanned(world.site().start_sign_in(EMAIL, Browser("desk"), prompt=False))


# --- every way ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", NAMES)
def test_a_scanned_sign_in_names_the_block_of_its_invitation_and_the_person_sees_it(
    worlds: Worlds, block: BlockId | None
) -> None:
    world = naming(worlds, block)
    held, site, waiting = linked(world), client(world), unasked(world)
    assert last(held).block == block
    shown = held.phone().approve(waiting.qr)
    assert last(held).block == block
    assert last(held).encode().decode().endswith(LINE) is (block is not None)
    assert site.enter_code(waiting.id, shown.code, waiting.session).account == last(held).act.account


@pytest.mark.parametrize("block", NAMES)
def test_a_prompted_sign_in_names_the_block_of_its_record(worlds: Worlds, block: BlockId | None) -> None:
    world = naming(worlds, block)
    held, site = linked(world), client(world)
    waiting = site.start_sign_in(EMAIL)
    shown = held.phone().approve(waiting.id, number=waiting.number)
    assert last(held).block == block
    site.enter_code(waiting.id, shown.code, waiting.session)


@pytest.mark.parametrize("block", NAMES)
def test_a_phone_without_a_network_names_it_too(worlds: Worlds, block: BlockId | None) -> None:
    world = naming(worlds, block)
    held, site, waiting = linked(world), client(world), unasked(world)
    held.wire.requests_to_lose = 1_000_000
    shown = held.phone().answer_offline(waiting.qr)
    assert shown.statement.block == block
    assert site.bring_answer(waiting.qr, shown.text, waiting.session).acr == "pteri:airgap"


@pytest.mark.parametrize("block", NAMES)
def test_an_offline_code_is_taken_with_an_invitation_that_names_it(worlds: Worlds, block: BlockId | None) -> None:
    world = worlds(blocks=SimBlocks(block), rules=Rules(offline_codes_s=7 * 86_400))
    phone, browser = world.enrolled(), Browser("desk")
    chain, shown = prepared(phone)
    assert shown.statement.block == block
    started = world.site().start_sign_in(EMAIL, browser, prompt=False)
    assert enter(world.site(), started, chain.shown(world.clock.now()), browser).status == 200


@pytest.mark.parametrize("block", NAMES)
def test_a_second_phone_comes_in_and_the_first_is_removed(worlds: Worlds, block: BlockId | None) -> None:
    world = naming(worlds, block)
    first = linked(world)
    second = linked_also(world, first)
    assert last(second).purpose == "accept"
    assert last(second).block == block
    first.phone().revoke(second.phone().thumbprint)
    assert last(first).purpose == "revoke"
    assert last(first).block == block


@pytest.mark.parametrize("block", NAMES)
def test_every_signature_of_that_history_verifies_again(worlds: Worlds, block: BlockId | None) -> None:
    world = naming(worlds, block)
    phone = world.enrolled()
    assert offline(world, phone).bring().status == 200
    offline(world, phone).bring()
    report = world.run(fsck(world.deployment, pause=_at_once, tell=lambda *_: None))
    assert report.findings == ()
    assert (report.proved, f"pteri:block:{BLOCK}" in str(world.rows())) == (3, block is not None)


async def _at_once(_: float) -> None:
    """Nobody is at work beside this."""


# --- which block -------------------------------------------------------------------------------------------------


def test_each_challenge_keeps_its_own_block_whatever_is_recent_later(worlds: Worlds) -> None:
    blocks = SimBlocks(BLOCK)
    world = worlds(blocks=blocks)
    phone = world.enrolled()
    stands = [scanned(world, phone), prompted(world, phone)]
    for later in (NEXT_BLOCK, None):
        blocks.block = later
        stands.append(prompted(world, phone))
    assert [statement.block for statement, _ in stands] == [BLOCK, BLOCK, NEXT_BLOCK, None]
    for statement, invited in stands:
        assert phone.answer(statement, invited=invited).decided.status == 200


def test_two_processes_that_name_two_blocks_take_each_other_s_invitations(worlds: Worlds) -> None:
    here = naming(worlds, BLOCK)
    there = worlds.beside(here, blocks=SimBlocks(NEXT_BLOCK))
    nowhere = worlds.beside(here)
    phone = here.enrolled()
    for maker, block in ((here, BLOCK), (there, NEXT_BLOCK), (nowhere, None)):
        for taker in (here, there, nowhere):
            browser = Browser(f"{block} at {id(taker)}")
            started = maker.site().start_sign_in(EMAIL, browser, prompt=False)
            statement, invited = phone.scanned(started)
            assert statement.block == block
            phone.world = taker
            shown = phone.answer(statement, invited=invited)
            phone.world = here
            assert taker.site().enter_code("logins", started.id, shown.code, browser).status == 200


def test_a_sign_in_goes_on_when_there_is_no_block_any_more(worlds: Worlds) -> None:
    blocks = SimBlocks(BLOCK)
    world = worlds(blocks=blocks)
    held, site = linked(world), client(world)
    blocks.block = None
    waiting = unasked(world)
    shown = held.phone().approve(waiting.qr)
    assert last(held).block is None
    assert site.enter_code(waiting.id, shown.code, waiting.session)


def test_a_start_writes_no_row_with_a_block_either(worlds: Worlds) -> None:
    world = naming(worlds, BLOCK)
    world.enrolled()
    was = world.rows()
    started = world.site().start_sign_in(EMAIL, Browser("desk"), prompt=False)
    terms = parse_invitation(started.qr).terms
    assert terms is not None
    assert terms.block == BLOCK
    assert world.rows() == was


def test_an_invitation_of_an_unknown_login_names_the_same_block(worlds: Worlds) -> None:
    world = naming(worlds, BLOCK)
    world.enrolled()
    known, unknown = (
        parse_invitation(world.site().start_sign_in(login, Browser(login), prompt=False).qr)
        for login in (EMAIL, "nobody@example.com")
    )
    assert known.terms is not None
    assert unknown.terms is not None
    assert known.terms.block == unknown.terms.block == BLOCK
    assert len(known.encode()) == len(unknown.encode())


# --- a block that somebody else chose ----------------------------------------------------------------------------

LIES: Final = [
    pytest.param(BLOCK, NEXT_BLOCK, id="another block"),
    pytest.param(BLOCK, block_id(BLOCK[:-1] + "3"), id="one digit"),
    pytest.param(BLOCK, None, id="none in its place"),
    pytest.param(None, BLOCK, id="one where there is none"),
]


@pytest.mark.parametrize(("true", "told"), LIES)
def test_terms_with_another_block_are_denied_and_write_nothing(
    worlds: Worlds, true: BlockId | None, told: BlockId | None
) -> None:
    """Whether the phone signed the true statement and tells other terms, or was shown other terms and signed those."""
    world = naming(worlds, true)
    stand = scanning(world, world.enrolled())
    assert stand.invited is not None
    was = world.rows()
    liar = replace(stand, invited=msgspec.structs.replace(stand.invited, block=told))
    fooled = msgspec.structs.replace(stand.statement, block=told)
    assert_denied(
        liar.submit(liar.payload(stand.statement)),
        liar.submit(liar.payload(fooled)),
        stand.submit(stand.payload(fooled)),
    )
    assert world.rows() == was
    assert stand.honest().status == 200


@pytest.mark.parametrize("told", ["", "none", BLOCK.upper(), BLOCK[:-1], f"{BLOCK}\n- pteri:code:42"])
def test_a_malformed_block_in_the_terms_is_denied(worlds: Worlds, told: str) -> None:
    world = naming(worlds, BLOCK)
    stand = scanning(world, world.enrolled())
    assert stand.invited is not None
    liar = replace(stand, invited=msgspec.structs.replace(stand.invited, block=BlockId(told)))
    was = world.rows()
    assert_denied(liar.submit(liar.payload(stand.statement)))
    assert world.rows() == was


@pytest.mark.parametrize(("true", "told"), LIES)
def test_an_answer_by_camera_counts_under_the_block_of_its_invitation_only(
    worlds: Worlds, true: BlockId | None, told: BlockId | None
) -> None:
    world = naming(worlds, true)
    at_desk = offline(world, world.enrolled())
    invitation = parse_invitation(at_desk.started.qr)
    assert invitation.terms is not None
    terms = msgspec.structs.replace(invitation.terms, block=told)
    fooled = replace(
        at_desk,
        statement=msgspec.structs.replace(at_desk.statement, block=told),
        invited=msgspec.structs.replace(at_desk.invited, block=told),
    )
    other = msgspec.structs.replace(invitation, terms=terms).encode()
    assert_denied(
        at_desk.bring(qr=other),
        fooled.bring(qr=other),
    )
    assert at_desk.bring().status == 200


def test_a_record_counts_more_than_the_block_that_a_phone_tells(worlds: Worlds) -> None:
    world = naming(worlds, BLOCK)
    phone = world.enrolled()
    started = world.site().start_sign_in(EMAIL, Browser("desk"))
    statement, invited = phone.scanned(started)
    lie = msgspec.structs.replace(invited, block=NEXT_BLOCK)
    told = phone.answer(msgspec.structs.replace(statement, block=NEXT_BLOCK), invited=lie)
    assert_denied(told.decided)
    assert phone.answer(statement, invited=lie).decided.status == 200


def test_the_code_of_another_block_is_a_wrong_code(worlds: Worlds) -> None:
    world = naming(worlds, BLOCK)
    phone, browser = world.enrolled(), Browser("desk")
    started = world.site().start_sign_in(EMAIL, browser, prompt=False)
    statement, invited = phone.scanned(started)
    others = [phone.answer(msgspec.structs.replace(statement, block=block)) for block in (NEXT_BLOCK, None)]
    shown = phone.answer(statement, invited=invited)
    for other in others:
        assert other.code != shown.code
        assert_denied(world.site().enter_code("logins", started.id, other.code, browser))
    assert world.site().enter_code("logins", started.id, shown.code, browser).status == 200


# --- a phone that is told something else -------------------------------------------------------------------------


@pytest.mark.parametrize("told", ["", "none", BLOCK.upper(), BLOCK[:-1], BLOCK + "0"])
def test_a_phone_signs_nothing_that_names_a_malformed_block(worlds: Worlds, told: str) -> None:
    world = naming(worlds, BLOCK)
    held = linked(world)
    shown = len(held.owner.shown)
    held.wire.lie = lie_about("freeze", block=told)
    with pytest.raises(Malformed) as refused:
        held.phone().freeze()
    assert refused.value.code is Code.FIELD
    assert len(held.owner.shown) == shown


def test_a_phone_takes_a_block_that_it_does_not_know(worlds: Worlds) -> None:
    """It cannot tell an old block from a recent one; what the server has not in mind counts for nothing."""
    world = naming(worlds, BLOCK)
    held = linked(world)
    held.wire.lie = lie_about("freeze", block=NEXT_BLOCK)
    with pytest.raises(ServerError) as denied:
        held.phone().freeze()
    assert denied.value.status == 401
    held.wire.lie = honest
    held.phone().freeze()
    assert last(held).block == BLOCK
