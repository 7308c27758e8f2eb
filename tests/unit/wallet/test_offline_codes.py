"""A phone prepares offline codes while it has a network, and shows them when it has none."""

from __future__ import annotations

import pytest

from chains import DAY, OFFERED, STEP
from phones import PASSPHRASE, Hand, client, lie_about, linked, through, unasked
from pteri.core.ids import digest_text
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.files import read_file
from pteri.wallet.keystore import LIGHT, Keystore
from pteri.wallet.offline_notes import OfflineNotes, ShownOffline
from pteri.wallet.refusals import UNREACHABLE, SafetyCode, ServerError, UnsafeError
from pteri.wallet.server import Reply, Request
from world import SimEntropy, World
from worlds import Worlds


@pytest.fixture
def world(worlds: Worlds) -> World:
    return worlds(rules=OFFERED)


@pytest.fixture
def held(world: World) -> Hand:
    return linked(world)


def notes(held: Hand) -> OfflineNotes:
    return OfflineNotes(Keystore(held.directory), lambda: PASSPHRASE, entropy=SimEntropy("another start"), cost=LIGHT)


def signs_in(world: World, shown: ShownOffline) -> bool:
    waiting = unasked(world)
    try:
        return client(world).enter_offline_code(waiting.qr, shown.code, waiting.session).acr == "pteri:offline"
    except ServerError as error:
        if error.status != 401:
            raise
        return False


def test_a_phone_signs_in_without_sending_anything(world: World, held: Hand) -> None:
    signed = held.phone().prepare_offline_codes(7)
    assert signed.statement.act.purpose == "setup-otp"
    assert "PREPARE OFFLINE CODES" in signed.statement.encode().decode()
    sent = len(held.wire.sent)
    world.clock.advance(3 * DAY)
    shown = notes(held).code(world.clock.now())
    assert len(held.wire.sent) == sent
    assert signs_in(world, shown)
    assert not signs_in(world, shown)
    assert shown.code not in repr(shown)


def test_the_seed_lies_sealed_and_nowhere_else(world: World, held: Hand) -> None:
    held.phone().prepare_offline_codes(1)
    shown = notes(held).code(world.clock.now())
    for path in held.directory.iterdir():
        if path.is_file() and path.stat().st_size:
            assert shown.code.encode() not in read_file(path)
            if path.name != "offline.json":
                assert b'"seed"' not in read_file(path)
    assert b'"seed"' not in read_file(held.directory / "offline.json")


def test_without_preparing_there_is_nothing_to_show_and_it_says_what_to_do(world: World, held: Hand) -> None:
    with pytest.raises(UnsafeError, match="offline-codes prepare") as refused:
        held.phone().offline_code()
    assert refused.value.code is SafetyCode.NO_OFFLINE_CODES


@pytest.mark.parametrize("late", [-1, DAY])
def test_outside_their_time_it_says_which_that_is(world: World, held: Hand, late: int) -> None:
    held.phone().prepare_offline_codes(1)
    with pytest.raises(UnsafeError, match="its clock says") as refused:
        notes(held).code(world.clock.now() + late)
    assert refused.value.code is SafetyCode.NO_OFFLINE_CODES


def test_who_declines_keeps_the_codes_of_before(world: World, held: Hand) -> None:
    held.phone().prepare_offline_codes(1)
    held.owner.refuses = "setup-otp"
    with pytest.raises(UnsafeError):
        held.phone().prepare_offline_codes(2)
    assert signs_in(world, notes(held).code(world.clock.now()))


def test_who_declines_the_first_time_has_none(world: World, held: Hand) -> None:
    held.owner.refuses = "setup-otp"
    with pytest.raises(UnsafeError):
        held.phone().prepare_offline_codes(2)
    assert not (held.directory / "offline.json").exists()


@pytest.mark.parametrize(
    "fields",
    [{"chain_end": digest_text(bytes(32))}, {"length": 7}, {"start": 7}, {"step": 60}, {"chain_end": None}],
    ids=lambda fields: next(iter(fields)),
)
def test_a_server_that_asks_for_another_chain_gets_no_signature(held: Hand, fields: dict[str, object]) -> None:
    held.wire.lie = lie_about("setup-otp", **fields)
    with pytest.raises(UnsafeError) as refused:
        held.phone().prepare_offline_codes(1)
    assert refused.value.code is SafetyCode.FIELD_MISMATCH
    assert not (held.directory / "offline.json").exists()


def test_an_answer_that_was_lost_is_asked_for_again_and_then_the_codes_count(world: World, held: Hand) -> None:
    def lost_on_the_way_back(request: Request) -> Reply | None:
        if not request.target_uri.endswith("/response"):
            return None
        through(world, request)
        raise ServerError(UNREACHABLE, "lost on the way back")

    held.wire.forge = lost_on_the_way_back
    with pytest.raises(ServerError) as lost:
        held.phone().prepare_offline_codes(1)
    assert lost.value.code == UNREACHABLE
    with pytest.raises(UnsafeError):
        notes(held).code(world.clock.now())  # nobody knows yet whether they count
    held.wire.forge = lambda _: None
    held.phone().prepare_offline_codes(1)
    assert signs_in(world, notes(held).code(world.clock.now()))


def test_a_tenant_without_offline_codes_says_so(worlds: Worlds) -> None:
    held = linked(worlds())
    with pytest.raises(ServerError, match="does not offer") as refused:
        held.phone().prepare_offline_codes(1)
    assert (refused.value.status, refused.value.code) == (403, "NOT_OFFERED")
    assert not (held.directory / "offline.json").exists()


def test_a_phone_that_forgets_its_account_forgets_the_seed(held: Hand) -> None:
    held.phone().prepare_offline_codes(1)
    held.phone().forget()
    assert not (held.directory / "offline.json").exists()


def test_another_passphrase_opens_the_seed_after_a_change_of_it(world: World, held: Hand) -> None:
    held.phone().prepare_offline_codes(1)
    store = Keystore(held.directory)
    other = type(PASSPHRASE)(b"another passphrase of mine")
    store.change_passphrase(PASSPHRASE, other, entropy=SimEntropy("change"), cost=LIGHT)
    with pytest.raises(WalletError) as refused:
        notes(held).code(world.clock.now())
    assert refused.value.code is WalletCode.WRONG_PASSPHRASE_OR_DAMAGED
    changed = OfflineNotes(store, lambda: other, entropy=SimEntropy("x"), cost=LIGHT)
    assert signs_in(world, changed.code(world.clock.now()))


def test_codes_of_different_moments_are_different(world: World, held: Hand) -> None:
    phone = held.phone()
    phone.prepare_offline_codes(1)
    first = phone.offline_code()
    world.clock.advance(STEP)
    assert phone.offline_code().code != first.code
