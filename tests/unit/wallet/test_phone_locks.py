"""The keys of a phone are open for minutes: what it says when they are not, and what is never lost by that."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backups import code_of
from phones import EMAIL, HOUR, Hand, client, empty_hand, let_in, linked
from pteri.core.guardians import Guardians
from pteri.core.ids import AccountId, Digest
from pteri.core.keys.secret import Secret
from pteri.wallet.ceremony import Review, ShownCode
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.phone import Phone
from pteri.wallet.server import Reply, Request
from pteri.wallet.session import OPEN_FOR_S
from world import ORIGIN, World

CASE = Digest("A" * 43)
ACCOUNT = AccountId("acct_00000000000000000000000000")

USES: dict[str, Callable[[Phone], object]] = {
    "devices": Phone.devices,
    "prompts": Phone.prompts,
    "freeze": Phone.freeze,
    "activate": Phone.activate,
    "object": lambda phone: phone.object_to(CASE),
    "remove": lambda phone: phone.revoke(phone.thumbprint),
    "protect": lambda phone: phone.protect(None),
    "protect with guardians": lambda phone: phone.protect(Guardians(2, ("a" * 30, "b" * 30))),
    "rotate": Phone.rotate,
    "confirm a backup": lambda phone: phone.confirm_backup(CASE),
    "unfreeze": lambda phone: phone.unfreeze(Secret(b"0" * 25)),
    "vouch": lambda phone: phone.vouch(ORIGIN, "bank", ACCOUNT, phone.thumbprint),
    "attest": lambda phone: phone.attest(ORIGIN, "bank", ACCOUNT, phone.thumbprint),
    "stop": lambda phone: phone.stop(ORIGIN, "bank"),
    "officer entry": Phone.officer_entry,
}


@pytest.mark.parametrize("use", USES)
def test_after_five_minutes_every_use_of_a_key_says_that_the_wallet_has_closed(world: World, use: str) -> None:
    held = linked(world)
    phone = held.phone()
    world.clock.advance(OPEN_FOR_S)
    before = len(held.wire.sent)
    with pytest.raises(WalletError, match="Open it again with its passphrase") as refused:
        USES[use](phone)
    assert refused.value.code is WalletCode.LOCKED_AGAIN
    assert len(held.wire.sent) == before


def test_until_then_it_works_and_opened_again_it_works_again(world: World) -> None:
    held = linked(world)
    phone = held.phone()
    world.clock.advance(OPEN_FOR_S - 1)
    assert phone.devices().phones
    world.clock.advance(1)
    assert code_of(phone.devices) is WalletCode.LOCKED_AGAIN
    assert phone.name == held.phone().name
    assert held.phone().devices().phones


def test_a_phone_that_is_locked_keeps_no_key(world: World) -> None:
    phone = linked(world).phone()
    session, wallet, device = phone._session, phone._session.wallet, phone._session.device
    passphrase = session.passphrase()
    phone.lock()
    for use in (wallet.mnemonic().reveal, device.secret.reveal, passphrase.reveal):
        with pytest.raises(ValueError, match="wiped"):
            use()
    for ask in (lambda: session.wallet, lambda: session.device, session.passphrase, phone.devices):
        assert code_of(ask) is WalletCode.LOCKED_AGAIN


def test_the_keys_of_a_move_are_forgotten_too(world: World) -> None:
    old, new = linked(world), empty_hand(world)
    let_in(old, new)
    phone = old.phone()
    world.clock.advance(HOUR)
    assert code_of(phone.hand_over) is WalletCode.LOCKED_AGAIN
    phone = old.phone()
    phone.hand_over()
    phone.lock()
    assert phone._notes._kept is None
    assert code_of(phone._notes.elder) is WalletCode.LOCKED_AGAIN


def test_a_yes_that_comes_after_five_minutes_signs_nothing(world: World) -> None:
    held = linked(world)
    waiting = client(world).start_sign_in(EMAIL)

    def thinks_it_over(_: Review) -> bool:
        world.clock.advance(OPEN_FOR_S)
        return True

    held.owner = thinks_it_over  # type: ignore[assignment]  # a person who lets the phone lie
    assert code_of(lambda: held.phone().approve(waiting.qr)) is WalletCode.LOCKED_AGAIN
    assert not [one for one in held.wire.responses if waiting.id in one.target_uri]


def test_what_the_server_accepted_is_told_also_when_the_wallet_has_closed_meanwhile(world: World) -> None:
    held = linked(world)
    waiting = client(world).start_sign_in(EMAIL)
    _slow_answers(held)
    shown = held.phone().approve(waiting.qr)
    assert isinstance(shown, ShownCode)
    world.clock.advance(-OPEN_FOR_S)
    assert client(world).enter_code(waiting.id, shown.code, waiting.session).state == "COMPLETED"


def test_a_wallet_that_was_replaced_meanwhile_is_taken_at_the_next_start(world: World) -> None:
    held = linked(world)
    code = held.phone().protect(None).codes[0]
    held.phone().codes_are_written_down()
    _slow_answers(held)
    assert held.phone().rotate(code=code).decision == "permit"
    held.wire.forge = lambda _: None
    assert held.phone().devices().wallet == held.phone()._wallet.address()


def _slow_answers(held: Hand) -> None:
    """The answer to what was signed takes five minutes."""

    def slow(request: Request) -> Reply | None:
        if request.target_uri.endswith("/response"):
            answer = held.wire._answer(request)
            held.world.clock.advance(OPEN_FOR_S)
            return answer
        return None

    held.wire.forge = slow
