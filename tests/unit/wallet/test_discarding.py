"""A new wallet that came to nothing is let go of, and never one that an account has or is going to have."""

from __future__ import annotations

import pytest

from backups import code_of
from phones import HOUR, PASSPHRASE, Hand, hand, linked
from pteri.core.keys.secret import Secret
from pteri.wallet.copies import wallet_copies
from pteri.wallet.envelope import Holds, open_sealed
from pteri.wallet.errors import WalletCode
from pteri.wallet.refusals import UNREACHABLE, ServerError, UnsafeError
from pteri.wallet.server import Reply, Request
from world import ORIGIN, World

NEW_WORDS = Secret(b"legal winner thank year wave sausage worth useful legal winner thank yellow")


def has_successor(held: Hand) -> bool:
    return (held.directory / "successor.json").exists()


def discarding(held: Hand) -> str:
    return str(code_of(held.phone().discard_new_wallet))


def code_on_paper(held: Hand) -> Secret:
    code = held.phone().protect(None).codes[0]
    held.phone().codes_are_written_down()
    return code


def claimant(world: World, code: Secret) -> Hand:
    """Somebody with the words and a recovery code, whose claim is open."""
    new = hand(world, "new phone")
    new.phone().start_recovery(ORIGIN, "bank", evidence=("C", "W"), code=code, new_mnemonic=NEW_WORDS)
    return new


def test_without_a_new_wallet_there_is_nothing_to_discard(world: World) -> None:
    assert discarding(linked(world)) == WalletCode.NOT_FOUND


def test_a_new_wallet_that_nobody_has_heard_of_goes(world: World) -> None:
    held = linked(world)
    held.owner.refuses = "rotate"
    with pytest.raises(UnsafeError):
        held.phone().rotate(NEW_WORDS)
    done = held.phone().discard_new_wallet()
    assert (done.copy, has_successor(held), wallet_copies(held.directory)) == (None, False, [])
    held.owner.refuses = ""
    assert held.phone().rotate().decision == "hold"  # another one is made


def test_a_new_wallet_that_waits_for_its_time_stays(world: World) -> None:
    held = linked(world)
    held.phone().rotate()
    world.clock.advance(HOUR)
    assert discarding(held) == WalletCode.WALLET_IN_USE
    assert has_successor(held)


def test_after_its_owner_has_objected_it_goes_and_nothing_is_left_to_complete(world: World) -> None:
    held = linked(world)
    held.phone().rotate()
    case = held.phone().devices().recovery
    assert case is not None
    held.phone().object_to(case.case)
    world.clock.advance(HOUR)
    assert held.phone().discard_new_wallet().copy is None
    assert not has_successor(held)
    assert held.phone().finish_rotation() is None
    assert not held.phone().brings_wallet


def test_while_an_answer_is_on_its_way_it_stays(world: World) -> None:
    held = linked(world)
    code = code_on_paper(held)

    def loses_the_answer(request: Request) -> Reply | None:
        if not request.target_uri.endswith("/response"):
            return None
        held.wire._answer(request)
        raise ServerError(UNREACHABLE, "lost on the way back")

    held.wire.forge = loses_the_answer
    with pytest.raises(ServerError):
        held.phone().rotate(code=code)
    held.wire.forge = lambda _: None
    assert discarding(held) == WalletCode.WALLET_IN_USE
    world.clock.advance(HOUR)
    # Too late to repeat anything: now the account itself says that it has it.
    assert discarding(held) == WalletCode.WALLET_IN_USE
    assert has_successor(held)


def test_the_new_wallet_of_an_open_claim_stays(world: World) -> None:
    new = claimant(world, code_on_paper(linked(world)))
    world.clock.advance(HOUR)
    assert discarding(new) == WalletCode.WALLET_IN_USE


def test_where_the_service_does_not_know_the_phone_a_sealed_copy_stays(world: World) -> None:
    owner = linked(world)
    new = claimant(world, code_on_paper(owner))
    case = owner.phone().devices().recovery
    assert case is not None
    owner.phone().object_to(case.case)
    world.clock.advance(HOUR)
    done = new.phone().discard_new_wallet()
    assert done.copy is not None
    assert open_sealed(done.copy.read_bytes(), PASSPHRASE, expected=Holds.WALLET) == NEW_WORDS
    assert not has_successor(new)


def test_a_phone_without_an_account_keeps_a_sealed_copy_too(world: World) -> None:
    owner = linked(world)
    new = claimant(world, code_on_paper(owner))
    case = owner.phone().devices().recovery
    assert case is not None
    owner.phone().object_to(case.case)
    new.phone().forget()
    assert new.phone().discard_new_wallet().copy in wallet_copies(new.directory)


def test_when_the_service_is_not_there_nothing_is_discarded(world: World) -> None:
    held = linked(world)
    held.owner.refuses = "rotate"
    with pytest.raises(UnsafeError):
        held.phone().rotate(NEW_WORDS)
    held.wire.requests_to_lose = 9
    with pytest.raises(ServerError) as refused:
        held.phone().discard_new_wallet()
    assert refused.value.code == UNREACHABLE
    assert has_successor(held)
