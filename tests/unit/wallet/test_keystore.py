from __future__ import annotations

import os
import pickle
import stat
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

import pteri
from pteri.core.ids import AccountId, TenantId, Thumbprint
from pteri.core.keys.secret import Secret
from pteri.wallet.envelope import LIGHT, Holds, open_sealed, read_envelope, seal
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.keystore import Keystore
from pteri.wallet.state import PhoneState

PASSPHRASE = Secret(b"correct horse battery staple")
OTHER = Secret(b"staple battery horse correct")
MNEMONIC = Secret(b"abandon " * 11 + b"about")
SCALAR = Secret(bytes(range(1, 33)))
STATE = PhoneState(
    server="https://id.bank.example",
    tenant=TenantId("bank"),
    network="main",
    address="LLDMii8GzCbbveb6aka78Go79cCX2BZ65t",
    tenant_index=0,
    device=Thumbprint("hf7qysoXwNytHln0sLG_9B2ZRkXo4GL9ZdAF9YuJDEY"),
)


class Counting:
    def __init__(self) -> None:
        self._next = 0

    def draw(self, size: int) -> bytes:
        first, self._next = self._next, self._next + 16
        return first.to_bytes(4, "big") + bytes(size - 4)


ENTROPY = Counting()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home" / "wallet"


@pytest.fixture
def store(home: Path) -> Keystore:
    keystore = Keystore(home)
    keystore.create_wallet(MNEMONIC, PASSPHRASE, entropy=ENTROPY, cost=LIGHT)
    keystore.create_device(SCALAR, PASSPHRASE, entropy=ENTROPY, cost=LIGHT)
    keystore.save_state(STATE)
    return keystore


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(WalletError) as caught:
        act()
    return caught.value.code


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def run_in_child(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        env={"PYTHONPATH": str(Path(pteri.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_wallet_device_and_state_come_back_after_a_restart(store: Keystore) -> None:
    again = Keystore(store.directory)
    assert again.open_wallet(PASSPHRASE) == MNEMONIC
    assert again.open_device(PASSPHRASE) == SCALAR
    assert again.load_state() == STATE


def test_looking_creates_nothing(home: Path) -> None:
    store = Keystore(home)
    assert not store.has_wallet()
    assert not store.has_device()
    assert code_of(lambda: store.open_wallet(PASSPHRASE)) is WalletCode.NOT_FOUND
    assert code_of(lambda: store.open_device(PASSPHRASE)) is WalletCode.NOT_FOUND
    assert code_of(store.load_state) is WalletCode.NOT_FOUND
    assert not home.exists()


def test_a_wallet_is_never_overwritten(store: Keystore) -> None:
    before = contents(store.directory)
    for create in (store.create_wallet, store.create_device):
        with pytest.raises(WalletError) as caught:
            create(Secret(b"another"), PASSPHRASE, entropy=ENTROPY, cost=LIGHT)
        assert caught.value.code is WalletCode.EXISTS
    assert contents(store.directory) == before


def test_even_a_dangling_link_under_its_name_is_not_overwritten(home: Path) -> None:
    home.mkdir(mode=0o700, parents=True)
    (home / "wallet.json").symlink_to("nowhere")
    store = Keystore(home)
    assert store.has_wallet()
    create = lambda: store.create_wallet(MNEMONIC, PASSPHRASE, entropy=ENTROPY, cost=LIGHT)  # noqa: E731
    assert code_of(create) is WalletCode.EXISTS
    assert not (home / "nowhere").exists()


def test_files_are_for_the_owner_alone_whatever_the_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        store = Keystore(home)
        store.create_wallet(MNEMONIC, PASSPHRASE, entropy=ENTROPY, cost=LIGHT)
        store.create_device(SCALAR, PASSPHRASE, entropy=ENTROPY, cost=LIGHT)
        store.save_state(STATE)
        store.save_state(STATE)
        store.backup(home)
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert len(contents(home)) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o720, 0o740, 0o750, 0o755, 0o777])
def test_a_directory_open_to_others_is_not_used(store: Keystore, mode: int) -> None:
    store.directory.chmod(mode)
    assert code_of(lambda: store.open_wallet(PASSPHRASE)) is WalletCode.EXPOSED
    assert code_of(lambda: store.open_device(PASSPHRASE)) is WalletCode.EXPOSED
    assert code_of(store.load_state) is WalletCode.EXPOSED
    assert code_of(lambda: store.save_state(STATE)) is WalletCode.EXPOSED
    store.directory.chmod(0o700)
    assert store.open_wallet(PASSPHRASE) == MNEMONIC


@pytest.mark.slow
def test_a_directory_that_may_not_be_read_is_an_error_and_not_an_empty_wallet(store: Keystore) -> None:
    # A child that gives up root first, for root may read everything.
    done = run_in_child(
        """
        import os, sys
        from pathlib import Path
        from pteri.core.keys.secret import Secret
        from pteri.wallet.errors import WalletError
        from pteri.wallet.keystore import LIGHT, Keystore
        from pteri.wallet.state import PhoneState

        class Zero:
            def draw(self, size): return bytes(size)

        home = Path(sys.argv[1])
        os.chmod(home.parent, 0o000)
        if os.geteuid() == 0:
            os.setgid(65534), os.setuid(65534)
        store, word = Keystore(home), Secret(b"word")
        for act in (
            store.has_wallet,
            store.has_device,
            store.load_state,
            lambda: store.open_wallet(word),
            lambda: store.create_wallet(word, word, entropy=Zero(), cost=LIGHT),
        ):
            try:
                print("went on", act())
            except WalletError as error:
                print(error.code)
        """,
        str(store.directory),
    )
    store.directory.parent.chmod(0o700)
    assert done.returncode == 0, done.stderr
    told = done.stdout.split()
    assert told[:4] == ["READ_FAILED"] * 4
    assert told[4] in {"READ_FAILED", "WRITE_FAILED"}
    assert store.open_wallet(PASSPHRASE) == MNEMONIC


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_not_used(store: Keystore) -> None:
    os.chown(store.directory, 65534, 65534)
    assert code_of(store.load_state) is WalletCode.EXPOSED


def test_a_file_in_place_of_the_directory_is_told_plainly(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    store = Keystore(path)
    assert code_of(lambda: store.save_state(STATE)) is WalletCode.EXISTS
    assert code_of(store.has_wallet) is WalletCode.READ_FAILED


def test_a_pipe_in_place_of_the_wallet_does_not_hang(store: Keystore) -> None:
    path = store.directory / "wallet.json"
    path.unlink()
    os.mkfifo(path)
    assert code_of(lambda: store.open_wallet(PASSPHRASE)) is WalletCode.READ_FAILED


def test_a_huge_file_in_place_of_the_wallet_is_not_read(store: Keystore) -> None:
    path = store.directory / "wallet.json"
    os.truncate(path, 1 << 40)  # sparse
    assert code_of(lambda: store.open_wallet(PASSPHRASE)) is WalletCode.TOO_LARGE


def test_a_damaged_state_says_that_the_wallet_is_not_touched(store: Keystore) -> None:
    (store.directory / "state.json").write_text("{}")
    with pytest.raises(WalletError, match="wallet itself is not touched") as caught:
        store.load_state()
    assert caught.value.code is WalletCode.NOT_A_STATE


def test_the_state_follows_the_account(store: Keystore) -> None:
    later = msgspec.structs.replace(STATE, account=AccountId("acct_5X3N8J2K7Q4M"), epoch=17)
    store.save_state(later)
    assert store.load_state() == later
    assert not list(store.directory.glob(".*.part"))


def test_a_second_writer_is_told_to_wait_and_a_reader_is_not(store: Keystore) -> None:
    second = Keystore(store.directory)
    with store.exclusive():
        assert code_of(lambda: second.save_state(STATE)) is WalletCode.LOCKED
        assert code_of(second.wipe) is WalletCode.LOCKED
        assert second.load_state() == STATE
        assert second.open_wallet(PASSPHRASE) == MNEMONIC
        store.save_state(STATE)  # the holder itself goes on
    second.save_state(STATE)


def test_a_ceremony_that_fails_lets_go_of_the_lock(store: Keystore) -> None:
    with pytest.raises(ZeroDivisionError), store.exclusive():
        raise ZeroDivisionError
    Keystore(store.directory).save_state(STATE)
    store.save_state(STATE)


@pytest.mark.slow
def test_the_lock_of_a_killed_program_is_no_lock(store: Keystore) -> None:
    script = """
        import sys
        from pathlib import Path
        from pteri.wallet.keystore import Keystore
        with Keystore(Path(sys.argv[1])).exclusive():
            print("held", flush=True)
            sys.stdin.read()
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(store.directory)],
        env={"PYTHONPATH": str(Path(pteri.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        assert code_of(lambda: store.save_state(STATE)) is WalletCode.LOCKED
        child.kill()
        child.wait(timeout=30)
    store.save_state(STATE)


def test_a_changed_passphrase_opens_both_and_the_old_one_neither(store: Keystore) -> None:
    wallet_id = read_envelope((store.directory / "wallet.json").read_bytes()).keystore_id
    store.change_passphrase(PASSPHRASE, OTHER, entropy=ENTROPY, cost=LIGHT)
    assert store.open_wallet(OTHER) == MNEMONIC
    assert store.open_device(OTHER) == SCALAR
    assert read_envelope((store.directory / "wallet.json").read_bytes()).keystore_id == wallet_id
    for act in (store.open_wallet, store.open_device):
        with pytest.raises(WalletError):
            act(PASSPHRASE)


def test_a_change_from_a_wrong_passphrase_changes_nothing(store: Keystore) -> None:
    before = contents(store.directory)
    change = lambda: store.change_passphrase(OTHER, Secret(b"third"), entropy=ENTROPY, cost=LIGHT)  # noqa: E731
    assert code_of(change) is WalletCode.WRONG_PASSPHRASE_OR_DAMAGED
    assert contents(store.directory) == before


def test_a_change_that_one_damaged_file_stops_changes_nothing(store: Keystore) -> None:
    (store.directory / "device.json").write_bytes((store.directory / "wallet.json").read_bytes())
    before = contents(store.directory)
    change = lambda: store.change_passphrase(PASSPHRASE, OTHER, entropy=ENTROPY, cost=LIGHT)  # noqa: E731
    assert code_of(change) is WalletCode.WRONG_CONTENT
    assert contents(store.directory) == before


def test_a_change_cut_between_its_two_files_is_finished_by_the_same_call(store: Keystore) -> None:
    old_device = (store.directory / "device.json").read_bytes()
    store.change_passphrase(PASSPHRASE, OTHER, entropy=ENTROPY, cost=LIGHT)
    (store.directory / "device.json").write_bytes(old_device)  # as if the second rename had not happened
    store.change_passphrase(PASSPHRASE, OTHER, entropy=ENTROPY, cost=LIGHT)
    assert store.open_wallet(OTHER) == MNEMONIC
    assert store.open_device(OTHER) == SCALAR


def test_there_is_no_passphrase_to_change_without_a_wallet(home: Path) -> None:
    change = lambda: Keystore(home).change_passphrase(PASSPHRASE, OTHER, entropy=ENTROPY)  # noqa: E731
    assert code_of(change) is WalletCode.NOT_FOUND


def test_a_backup_restored_elsewhere_has_the_wallet_and_no_device(store: Keystore, tmp_path: Path) -> None:
    copy = store.backup(tmp_path / "usb.json")
    other = Keystore(tmp_path / "other")
    assert other.restore(copy, PASSPHRASE) == MNEMONIC
    assert other.open_wallet(PASSPHRASE) == MNEMONIC
    assert not other.has_device()
    assert copy.read_bytes() == (store.directory / "wallet.json").read_bytes()
    assert SCALAR.reveal() not in copy.read_bytes()


def test_the_device_key_is_not_carried_away_under_the_wallets_name(store: Keystore, tmp_path: Path) -> None:
    (store.directory / "wallet.json").write_bytes((store.directory / "device.json").read_bytes())
    assert code_of(lambda: store.backup(tmp_path / "usb.json")) is WalletCode.WRONG_CONTENT
    assert not (tmp_path / "usb.json").exists()


def test_there_is_nothing_to_back_up_without_a_wallet(home: Path, tmp_path: Path) -> None:
    assert code_of(lambda: Keystore(home).backup(tmp_path / "usb.json")) is WalletCode.NOT_FOUND


def test_a_restore_does_not_overwrite_a_wallet(store: Keystore, tmp_path: Path) -> None:
    copy = store.backup(tmp_path / "usb.json")
    before = contents(store.directory)
    assert code_of(lambda: store.restore(copy, PASSPHRASE)) is WalletCode.EXISTS
    assert code_of(lambda: store.restore(copy, OTHER)) is WalletCode.EXISTS  # before the costly derivation
    assert contents(store.directory) == before


def test_a_backup_that_does_not_open_does_not_take_the_wallets_place(store: Keystore, tmp_path: Path) -> None:
    copy = store.backup(tmp_path / "usb.json")
    damaged = tmp_path / "damaged.json"
    damaged.write_bytes(copy.read_bytes()[:-9])
    device = tmp_path / "device.json"
    device.write_bytes(seal(SCALAR, PASSPHRASE, entropy=ENTROPY, cost=LIGHT, holds=Holds.DEVICE))
    other = Keystore(tmp_path / "other")
    for path, word, code in (
        (copy, OTHER, WalletCode.WRONG_PASSPHRASE_OR_DAMAGED),
        (damaged, PASSPHRASE, WalletCode.NOT_A_KEYSTORE),
        (device, PASSPHRASE, WalletCode.WRONG_CONTENT),
        (tmp_path / "nothing.json", PASSPHRASE, WalletCode.NOT_FOUND),
        (tmp_path, PASSPHRASE, WalletCode.READ_FAILED),
    ):
        with pytest.raises(WalletError) as caught:
            other.restore(path, word)
        assert caught.value.code is code
    assert not other.has_wallet()
    assert other.restore(copy, PASSPHRASE) == MNEMONIC


def test_a_wallet_set_aside_makes_room_and_can_come_back(store: Keystore) -> None:
    aside = store.set_aside_wallet()
    assert not store.has_wallet()
    store.create_wallet(Secret(b"another"), OTHER, entropy=ENTROPY, cost=LIGHT)
    store.set_aside_wallet()
    assert store.restore(aside, PASSPHRASE) == MNEMONIC


def test_a_removed_device_key_is_gone_and_makes_room(store: Keystore) -> None:
    store.remove_device()
    assert not store.has_device()
    store.remove_device()
    store.create_device(Secret(b"new"), PASSPHRASE, entropy=ENTROPY, cost=LIGHT)
    assert store.open_device(PASSPHRASE) == Secret(b"new")


def test_a_forgotten_state_leaves_the_wallet(store: Keystore) -> None:
    store.remove_state()
    store.remove_state()
    assert code_of(store.load_state) is WalletCode.NOT_FOUND
    assert store.open_wallet(PASSPHRASE) == MNEMONIC


def test_a_wiped_home_keeps_nothing_and_backups_elsewhere_stay(store: Keystore, tmp_path: Path) -> None:
    copy = store.backup(tmp_path / "usb.json")
    store.set_aside_wallet()
    store.restore(copy, PASSPHRASE)
    (store.directory / "journal.json").write_text("open requests")
    store.wipe()
    store.wipe()
    assert contents(store.directory) == {".lock": b""}
    assert open_sealed(copy.read_bytes(), PASSPHRASE) == MNEMONIC


def test_no_secret_shows_in_a_keystore_or_its_errors(store: Keystore) -> None:
    shown = repr(store) + str(vars(store)) + repr(STATE)
    with pytest.raises(WalletError) as caught:
        store.open_wallet(OTHER)
    shown += "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    pickled = pickle.dumps(caught.value) + pickle.dumps(store)
    for hidden in ("abandon", "battery", SCALAR.reveal().hex(), str(SCALAR.reveal())):
        assert hidden not in shown
        assert hidden.encode() not in pickled
    for path in store.directory.iterdir():
        assert b"abandon" not in path.read_bytes()


def test_a_backup_key_is_sealed_on_its_own_and_follows_the_passphrase(store: Keystore) -> None:
    private = Secret(bytes(range(32)))
    assert not store.has_backup_key()
    assert code_of(lambda: store.open_backup_key(PASSPHRASE)) is WalletCode.NOT_FOUND
    store.create_backup_key(private, PASSPHRASE, entropy=ENTROPY, cost=LIGHT)
    assert store.has_backup_key()
    again = lambda: store.create_backup_key(SCALAR, PASSPHRASE, entropy=ENTROPY, cost=LIGHT)  # noqa: E731
    assert code_of(again) is WalletCode.EXISTS
    store.change_passphrase(PASSPHRASE, OTHER, entropy=ENTROPY, cost=LIGHT)
    assert store.open_backup_key(OTHER) == private


def test_a_backup_key_under_the_name_of_the_wallet_is_not_carried_away(store: Keystore, tmp_path: Path) -> None:
    store.create_backup_key(SCALAR, PASSPHRASE, entropy=ENTROPY, cost=LIGHT)
    (store.directory / "wallet.json").write_bytes((store.directory / "backup.json").read_bytes())
    assert code_of(lambda: store.backup(tmp_path / "usb.json")) is WalletCode.WRONG_CONTENT
    assert code_of(store.wallet_id) is WalletCode.WRONG_CONTENT
    assert code_of(lambda: store.open_wallet(PASSPHRASE)) is WalletCode.WRONG_CONTENT


def test_a_wallet_of_a_backup_keeps_its_id(home: Path) -> None:
    store = Keystore(home)
    assert code_of(store.wallet_id) is WalletCode.NOT_FOUND
    store.require_no_wallet()
    store.create_wallet(MNEMONIC, PASSPHRASE, entropy=ENTROPY, cost=LIGHT, keystore_id=bytes(range(16)))
    assert store.wallet_id() == bytes(range(16))
    assert code_of(store.require_no_wallet) is WalletCode.EXISTS


def test_wiping_takes_the_backup_key_and_what_is_known_of_places(store: Keystore) -> None:
    store.create_backup_key(SCALAR, PASSPHRASE, entropy=ENTROPY, cost=LIGHT)
    for name in ("backups.toml", "backups.json"):
        (store.directory / name).write_text("a password")
    store.wipe()
    assert set(contents(store.directory)) == {".lock"}
