"""A new wallet waits sealed beside the old one, and takes its place in steps that may each be the last."""

from __future__ import annotations

from pathlib import Path

import pytest

from phones import PASSPHRASE, hand, linked
from pteri.core.keys.secret import Secret
from pteri.wallet import succession
from pteri.wallet.copies import wallet_copies
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.keystore import LIGHT, Keystore
from pteri.wallet.refusals import SafetyCode, UnsafeError
from pteri.wallet.succession import Succession
from pteri.wallet.wallet import Wallet
from world import SimEntropy, World

NEW_WORDS = Secret(b"legal winner thank year wave sausage worth useful legal winner thank yellow")


def beside(directory: Path) -> Succession:
    return Succession(Keystore(directory), lambda: PASSPHRASE, entropy=SimEntropy("successor"), cost=LIGHT)


class Killed(BaseException):
    """The process ends on this line."""


def test_a_new_wallet_is_sealed_before_anybody_hears_of_it(world: World) -> None:
    held = linked(world)
    held.owner.refuses = "rotate"
    with pytest.raises(UnsafeError):
        held.phone().rotate(NEW_WORDS)
    kept = beside(held.directory).successor("main")
    assert kept is not None
    assert kept.mnemonic() == NEW_WORDS


def test_another_new_wallet_does_not_push_out_the_one_that_waits(world: World) -> None:
    waiting = beside(hand(world).directory)
    first = waiting.prepared(None, "main")
    assert waiting.prepared(first.mnemonic(), "main").mnemonic() == first.mnemonic()
    with pytest.raises(WalletError) as refused:
        waiting.prepared(NEW_WORDS, "main")
    assert refused.value.code is WalletCode.EXISTS
    assert waiting.prepared(None, "main").mnemonic() == first.mnemonic()


@pytest.mark.parametrize("step", ["save_copy", "replace_file", "remove_file"])
def test_a_change_of_wallet_that_dies_on_any_line_is_finished_by_the_next_start(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    held = linked(world)
    [code, _] = held.phone().protect(None).codes

    def dies(*_: object) -> None:
        raise Killed

    phone = held.phone()
    with monkeypatch.context() as patched:
        patched.setattr(succession, step, dies)
        with pytest.raises(Killed):
            phone.rotate(NEW_WORDS, code=code)
    assert held.phone().devices().wallet == Wallet.from_mnemonic(NEW_WORDS).address()
    assert Keystore(held.directory).open_wallet(PASSPHRASE) == NEW_WORDS
    assert len(wallet_copies(held.directory)) == 1
    assert not (held.directory / "successor.json").exists()
    assert held.phone().freeze().reason == "CONTESTED"


def test_codes_that_nobody_has_written_down_are_not_replaced(world: World) -> None:
    held = linked(world)
    codes = held.phone().protect(None).codes
    with pytest.raises(WalletError) as refused:
        held.phone().protect(None)
    assert refused.value.code is WalletCode.EXISTS
    assert held.phone().codes_to_write_down() == codes


def test_codes_of_a_change_that_was_declined_are_forgotten(world: World) -> None:
    held = linked(world)
    held.owner.refuses = "protect"
    with pytest.raises(UnsafeError) as declined:
        held.phone().protect(None)
    assert declined.value.code is SafetyCode.DECLINED
    assert held.phone().codes_to_write_down() == ()


def test_a_wiped_phone_keeps_neither_successor_nor_codes(world: World) -> None:
    held = linked(world)
    held.phone().protect(None)
    beside(held.directory).prepared(None, "main")
    Keystore(held.directory).wipe()
    assert {path.name for path in held.directory.iterdir()} == {".lock"}
