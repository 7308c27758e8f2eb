from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import pteri

CRASH = Path(__file__).with_name("keystore_crash.py")


def run_child(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={"PYTHONPATH": str(Path(pteri.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["create", "state", "passphrase", "backup", "set-aside", "restore", "clock"])
def test_a_writer_killed_at_any_line_leaves_the_old_file_or_the_new_one(tmp_path: Path, scenario: str) -> None:
    # The bound is there so that the test cannot go blind: a crash at no line at all would pass.
    assert int(run_child(str(CRASH), scenario, str(tmp_path))) >= 20


FULL = """
    import resource, signal, sys
    from pathlib import Path
    from pteri.core.keys.secret import Secret
    from pteri.wallet.errors import WalletError
    from pteri.wallet.keystore import LIGHT, Keystore
    from pteri.wallet.state import decode_state

    class Zero:
        def draw(self, size): return bytes(size)

    home, usb, word = Path(sys.argv[1]), Path(sys.argv[2]), Secret(b"word")
    store = Keystore(home)
    store.create_wallet(Secret(b"abandon about"), word, entropy=Zero(), cost=LIGHT)
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
    for act in (
        lambda: store.create_device(word, word, entropy=Zero(), cost=LIGHT),
        lambda: store.change_passphrase(word, Secret(b"new"), entropy=Zero(), cost=LIGHT),
        lambda: store.backup(usb),
        lambda: store.backup(usb / "mine.json"),
        lambda: store.set_aside_wallet(),
        lambda: Keystore(home / "second").restore(home / "wallet.json", word),
    ):
        try:
            print("went on", act())
        except WalletError as error:
            print(error.code)
    assert before == {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
    assert store.open_wallet(word) == Secret(b"abandon about")
    assert not list(usb.iterdir())
    assert [path.name for path in (home / "second").iterdir()] == [".lock"]
"""


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, 1, 100])
def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path, room: int) -> None:
    usb = tmp_path / "usb"
    usb.mkdir()
    told = run_child("-c", textwrap.dedent(FULL), str(tmp_path / "home"), str(usb), str(room))
    assert told.split("\n")[:-1] == ["WRITE_FAILED"] * 6


@pytest.mark.slow
def test_a_machine_too_small_for_the_derivation_says_so(tmp_path: Path) -> None:
    script = """
        import resource
        from pteri.core.keys.secret import Secret
        from pteri.wallet.errors import WalletError
        from pteri.wallet.keystore import KdfCost, seal

        class Zero:
            def draw(self, size): return bytes(size)

        resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
        try:
            seal(Secret(b"x"), Secret(b"word"), entropy=Zero(), cost=KdfCost(1 << 20, 1, 1))
        except WalletError as error:
            print(error.code, error)
    """
    told = run_child("-c", textwrap.dedent(script))
    assert told.startswith("KDF_COST This needs 1024 MiB of memory")
