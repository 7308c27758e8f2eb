from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from backups import PASSPHRASE, WORDS, code_of
from pteri.core.keys.secret import Secret
from pteri.wallet.envelope import LIGHT
from pteri.wallet.errors import WalletCode
from pteri.wallet.keystore import Keystore
from pteri.wallet.session import OPEN_FOR_S, Session
from pteri.wallet.wallet import Wallet
from world import SimEntropy


@dataclass
class Moving:
    at: int = 1000

    def now(self) -> int:
        return self.at


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def keystore(tmp_path: Path) -> Keystore:
    made = Keystore(tmp_path / "home")
    made.create_wallet(Secret(WORDS.encode()), PASSPHRASE, entropy=SimEntropy("session"), cost=LIGHT)
    return made


def test_a_wallet_stays_open_for_five_minutes_and_then_says_that_it_closed(keystore: Keystore, clock: Moving) -> None:
    session = Session.open(keystore, PASSPHRASE, clock=clock)
    assert OPEN_FOR_S == 300
    clock.at += 299
    assert session.wallet.address() == Wallet.from_mnemonic(WORDS).address()
    clock.at += 1
    assert code_of(lambda: session.wallet) is WalletCode.LOCKED_AGAIN
    assert not session.is_open
    clock.at -= 100
    assert code_of(lambda: session.wallet) is WalletCode.LOCKED_AGAIN


def test_use_does_not_keep_a_wallet_open(keystore: Keystore, clock: Moving) -> None:
    session = Session.open(keystore, PASSPHRASE, clock=clock, open_for_s=10)
    for _ in range(10):
        assert session.wallet.sign("hello")
        clock.at += 1
    assert code_of(lambda: session.wallet) is WalletCode.LOCKED_AGAIN


def test_a_clock_that_is_set_back_closes_the_wallet(keystore: Keystore, clock: Moving) -> None:
    session = Session.open(keystore, PASSPHRASE, clock=clock)
    clock.at -= 1
    assert code_of(lambda: session.wallet) is WalletCode.LOCKED_AGAIN


def test_a_closed_wallet_is_wiped_also_for_who_kept_it(keystore: Keystore, clock: Moving) -> None:
    with Session.open(keystore, PASSPHRASE, clock=clock) as session:
        kept = session.wallet
        assert session.is_open
    for use in (kept.mnemonic().reveal, kept.address, lambda: kept.sign("hello")):
        with pytest.raises(ValueError, match="wiped"):
            use()
    session.close()
    assert code_of(lambda: session.wallet) is WalletCode.LOCKED_AGAIN


def test_it_closes_when_the_block_ends_with_an_error(keystore: Keystore, clock: Moving) -> None:
    session = Session.open(keystore, PASSPHRASE, clock=clock)
    with pytest.raises(KeyError), session:
        raise KeyError
    assert not session.is_open


def test_a_closed_wallet_opens_again(keystore: Keystore, clock: Moving) -> None:
    Session.open(keystore, PASSPHRASE, clock=clock).close()
    assert Session.open(keystore, PASSPHRASE, clock=clock, network="regtest").wallet.network == "regtest"


@pytest.mark.parametrize("open_for_s", [0, -1, 3601])
def test_nobody_keeps_a_wallet_open_for_ever(keystore: Keystore, clock: Moving, open_for_s: int) -> None:
    with pytest.raises(ValueError, match="1 to 3600"):
        Session.open(keystore, PASSPHRASE, clock=clock, open_for_s=open_for_s)


def test_a_session_shows_nothing(keystore: Keystore, clock: Moving) -> None:
    session = Session.open(keystore, PASSPHRASE, clock=clock)
    assert repr(session) == "Session(open=True)"
    session.close()
    assert repr(session) == "Session(open=False)"
