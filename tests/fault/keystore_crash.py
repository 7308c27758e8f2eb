"""Child of test_keystore_faults.py: kills a writer at each line that touches the disk, and looks what is left.

Run as ``keystore_crash.py SCENARIO DIRECTORY``. For n = 1, 2, 3... a fork of this process does the act and dies by
SIGKILL as it reaches the n-th line of the modules that write, until one survives. After each death the scenario looks
at the files as the next start would, then repeats the act as a person would. Prints the number of deaths.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Protocol

import msgspec

from pteri import durable
from pteri.adapters import system
from pteri.core.ids import TenantId, Thumbprint
from pteri.core.keys.secret import Secret
from pteri.wallet import copies, keystore
from pteri.wallet.envelope import open_sealed, read_envelope
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.keystore import LIGHT, Keystore
from pteri.wallet.state import PhoneState

WATCHED = frozenset(module.__file__ for module in (durable, copies))
OLD, NEW = Secret(b"old passphrase"), Secret(b"new passphrase")
MNEMONIC, SCALAR = Secret(b"abandon about"), Secret(bytes(range(32)))
STATE = PhoneState(
    server="https://id.bank.example",
    tenant=TenantId("bank"),
    network="main",
    address="LLDMii8GzCbbveb6aka78Go79cCX2BZ65t",
    tenant_index=0,
    device=Thumbprint("hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY"),
)
LATER = msgspec.structs.replace(STATE, epoch=1)


class FromSystem:
    def draw(self, size: int) -> bytes:
        return os.urandom(size)


class Act(Protocol):
    def __call__(self, home: Path) -> object: ...


class Scenario(NamedTuple):
    prepare: Act
    act: Act
    look: Act
    """What must hold after a death at any instant. The only asserts that allow two outcomes: old or new."""
    done: Act
    """What must hold once the act has been repeated."""


def seal_both(home: Path) -> None:
    store = Keystore(home)
    store.create_wallet(MNEMONIC, OLD, entropy=FromSystem(), cost=LIGHT)
    store.create_device(SCALAR, OLD, entropy=FromSystem(), cost=LIGHT)
    store.save_state(STATE)


def opens_with(data: bytes, kind: keystore.Holds, *words: Secret) -> Secret:
    for word in words:
        try:
            return open_sealed(data, word, expected=kind)
        except WalletError as error:
            if error.code is not WalletCode.WRONG_PASSPHRASE_OR_DAMAGED:
                raise
    raise AssertionError("neither passphrase opens it: a half-written file")


def wallet_opens(home: Path) -> None:
    data = (home / "wallet.json").read_bytes()
    assert opens_with(data, keystore.Holds.WALLET, OLD, NEW) == MNEMONIC


def both_open(home: Path) -> None:
    wallet_opens(home)
    assert opens_with((home / "device.json").read_bytes(), keystore.Holds.DEVICE, OLD, NEW) == SCALAR


def create_wallet(home: Path) -> None:
    try:
        Keystore(home).create_wallet(MNEMONIC, OLD, entropy=FromSystem(), cost=LIGHT)
    except WalletError as error:
        if error.code is not WalletCode.EXISTS:
            raise
        assert Keystore(home).open_wallet(OLD) == MNEMONIC


def wallet_absent_or_whole(home: Path) -> None:
    if (home / "wallet.json").exists():
        wallet_opens(home)


def state_old_or_new(home: Path) -> None:
    assert Keystore(home).load_state() in {STATE, LATER}


def state_new(home: Path) -> None:
    assert Keystore(home).load_state() == LATER


def change(home: Path) -> None:
    Keystore(home).change_passphrase(OLD, NEW, entropy=FromSystem(), cost=LIGHT)


def both_new(home: Path) -> None:
    assert Keystore(home).open_wallet(NEW) == MNEMONIC
    assert Keystore(home).open_device(NEW) == SCALAR


def seven_versions(home: Path) -> None:
    """A folder with six copies of which the next backup drops one."""
    seal_both(home)
    (home / "cloud").mkdir()
    words = [OLD, *(Secret(b"word %d" % number) for number in range(5)), OLD]
    for word, following in itertools.pairwise(words):
        Keystore(home).backup(home / "cloud")
        Keystore(home).change_passphrase(word, following, entropy=FromSystem(), cost=LIGHT)


def back_up(home: Path) -> None:
    Keystore(home).backup(home / "cloud")


def copies_whole(home: Path) -> None:
    whole = [read_envelope(path.read_bytes()) for path in (home / "cloud").glob("*.json")]
    assert 6 <= len(whole) <= 7, len(whole)


def newest_copy_is_the_wallet(home: Path) -> None:
    newest = max((home / "cloud").glob("*.json"))
    assert newest.read_bytes() == (home / "wallet.json").read_bytes()
    assert not list((home / "cloud").glob(".*"))


def set_aside(home: Path) -> None:
    try:
        Keystore(home).set_aside_wallet()
    except WalletError as error:
        if error.code is not WalletCode.NOT_FOUND:
            raise


def wallet_somewhere(home: Path) -> None:
    kept = [home / "wallet.json", *home.glob("pteri-wallet-*.json")]
    whole = [path.read_bytes() for path in kept if path.exists()]
    assert whole
    assert all(opens_with(data, keystore.Holds.WALLET, OLD) == MNEMONIC for data in whole)


def wallet_aside(home: Path) -> None:
    assert not (home / "wallet.json").exists()
    wallet_somewhere(home)


def restore(home: Path) -> None:
    try:
        Keystore(home / "second").restore(home / "wallet.json", OLD)
    except WalletError as error:
        if error.code is not WalletCode.EXISTS:
            raise


def second_absent_or_whole(home: Path) -> None:
    wallet_opens(home)
    if (home / "second" / "wallet.json").exists():
        second_whole(home)


def second_whole(home: Path) -> None:
    assert Keystore(home / "second").open_wallet(OLD) == MNEMONIC


def start_clock(home: Path) -> None:
    home.mkdir(mode=0o700)
    system.advance(home / "clock.json", 100)


def advance_clock(home: Path) -> None:
    system.advance(home / "clock.json", 10)


def clock_old_or_new(home: Path) -> None:
    assert msgspec.json.decode((home / "clock.json").read_bytes()) in ({"offset_s": 100}, {"offset_s": 110})


def clock_ahead(home: Path) -> None:
    assert msgspec.json.decode((home / "clock.json").read_bytes()) in ({"offset_s": 110}, {"offset_s": 120})


def nothing(home: Path) -> None:
    home.mkdir(mode=0o700)


SCENARIOS = {
    "create": Scenario(nothing, create_wallet, wallet_absent_or_whole, wallet_opens),
    "state": Scenario(seal_both, lambda home: Keystore(home).save_state(LATER), state_old_or_new, state_new),
    "passphrase": Scenario(seal_both, change, both_open, both_new),
    "backup": Scenario(seven_versions, back_up, copies_whole, newest_copy_is_the_wallet),
    "set-aside": Scenario(seal_both, set_aside, wallet_somewhere, wallet_aside),
    "restore": Scenario(seal_both, restore, second_absent_or_whole, second_whole),
    "clock": Scenario(start_clock, advance_clock, clock_old_or_new, clock_ahead),
}


def dies_at(line: int, act: Act, home: Path) -> bool:
    """Whether the act reached that line, and was killed there."""
    child = os.fork()
    if child == 0:
        _act_until(line, act, home)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}, status
    return status != 0


def _act_until(line: int, act: Act, home: Path) -> None:
    reached = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal reached
        if frame.f_code.co_filename not in WATCHED:
            return None
        if event in {"line", "return"}:  # "return": the last call of a function has had its effect
            reached += 1
            if reached == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    act(home)
    sys.settrace(None)


def main(name: str, directory: Path) -> None:
    scenario = SCENARIOS[name]
    template, home = directory / "template", directory / "home"
    scenario.prepare(template)
    line = 1
    while True:
        shutil.copytree(template, home)
        home.chmod(0o700)
        died = dies_at(line, scenario.act, home)
        scenario.look(home)
        scenario.act(home)
        scenario.done(home)
        assert not list(home.glob(".*.part")), "a leftover was not swept"
        if not died:
            break
        shutil.rmtree(home)
        line += 1
    print(line - 1)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
