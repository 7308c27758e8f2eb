"""The library as a program finds it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pteri
from pteri import sdk
from pteri.core.keys.device import DevicePrivateKey
from pteri.wallet import client, wallet

LIGHT_IMPORT = """
import sys, pteri
loaded = [name for name in sys.modules if name.startswith("pteri.")]
assert not loaded, loaded
made = pteri.Wallet.new()
assert pteri.verify_message(made.address(), b"hello", made.sign("hello"))
extras = {"httpx2", "keyring", "segno", "starlette", "uvicorn", "pteri.app", "pteri.domain", "pteri.http"}
assert not extras & set(sys.modules), extras & set(sys.modules)
"""


def test_importing_pteri_loads_nothing_and_a_wallet_needs_no_extra() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", LIGHT_IMPORT], check=True, timeout=60)


def test_a_wallet_in_five_lines() -> None:
    made = pteri.Wallet.new(words=24)
    signature = made.sign("hello")
    assert pteri.verify_message(made.address(), b"hello", signature).address == made.address()
    assert pteri.Wallet.from_mnemonic(made.mnemonic()).address() == made.address()
    assert isinstance(made, wallet.Wallet)
    assert pteri.Wallet.new().address() != made.address()


def test_a_client_needs_a_place_a_name_and_a_key() -> None:
    key = DevicePrivateKey.from_random(b"k" * 48)
    with pteri.Client("https://id.bank.example", "bank", key) as site:
        assert isinstance(site, client.Client)
    assert pteri.BrowserSession.new() != pteri.BrowserSession.new()


def test_errors_of_a_ceremony_have_one_parent() -> None:
    assert issubclass(pteri.UnsafeError, pteri.WalletError)
    assert issubclass(pteri.ServerError, pteri.WalletError)
    assert not issubclass(pteri.ProtocolError, pteri.WalletError)


def test_every_name_of_the_library_is_there_and_no_other() -> None:
    for name in pteri.__all__:
        assert getattr(pteri, name).__doc__
    assert set(pteri.__all__) <= set(dir(pteri))
    assert set(sdk.__all__) <= set(pteri.__all__)
    with pytest.raises(AttributeError, match="no attribute 'wallets'"):
        pteri.wallets  # noqa: B018 - reading it is the test
