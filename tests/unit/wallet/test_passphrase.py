from __future__ import annotations

import importlib.util
import os
import pty
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import pytest

import pteri
from pteri.core.keys.secret import Secret
from pteri.wallet import passphrase
from pteri.wallet.errors import WalletCode, WalletError
from pteri.wallet.passphrase import (
    Keychain,
    Prompt,
    find_passphrase,
    new_passphrase,
    passphrase_from_keychain,
    passphrase_from_text,
    read_passphrase_file,
    real_keychain,
    remember_passphrase,
    system_keychain,
)

WALLET = "alice"


class MemoryKeychain:
    """Keeps entries by service and name, as a system's keychain does."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str, /) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str, /) -> None:
        self.entries[service, username] = password


class LockedKeychain:
    """Says no, and quotes in its error what it was given."""

    def get_password(self, service: str, username: str, /) -> str | None:
        raise OSError(f"locked: {service} {username}")

    def set_password(self, service: str, username: str, password: str, /) -> None:
        raise RuntimeError(f"cannot store {password} for {service} {username}")


class ForgetfulKeychain(MemoryKeychain):
    """Takes everything and keeps nothing, as keyring's null backend does."""

    def set_password(self, service: str, username: str, password: str, /) -> None: ...


class PlaintextKeyring(MemoryKeychain):
    """Named and placed like an add-on that writes passphrases to a file in clear."""

    __module__ = "keyrings.alt.file"


class SystemKeyring(MemoryKeychain):
    """Placed like the keychain of a Mac."""

    __module__ = "keyring.backends.macOS"


class Lookalike(MemoryKeychain):
    __module__ = "keyring.backends.macOS.evil"


def answers(*words: str) -> Prompt:
    left: Iterator[str] = iter(words)
    return lambda _question: next(left)


def refusal(act: Callable[[], object]) -> WalletError:
    with pytest.raises(WalletError) as caught:
        act()
    return caught.value


def written(path: Path, data: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(data)
    path.chmod(mode)
    return path


# Text


@pytest.mark.parametrize(
    ("typed", "raw"),
    [
        ("correct horse", b"correct horse"),
        (" outer spaces count ", b" outer spaces count "),
        ("caf\u00e9", "caf\u00e9".encode()),
        ("cafe\u0301", "caf\u00e9".encode()),  # composed and decomposed are the same passphrase
        ("a\u00a0b\u3000c", b"a b c"),  # whatever space the keyboard makes
        ("\u2126", "\u03a9".encode()),
        ("\uff21", "\uff21".encode()),  # full width stays: width carries meaning to its writer
        ("x" * 1024, b"x" * 1024),
    ],
)
def test_the_same_passphrase_on_two_keyboards_is_the_same_bytes(typed: str, raw: bytes) -> None:
    assert passphrase_from_text(typed) == Secret(raw)


@pytest.mark.parametrize(
    "typed",
    ["", "tab\there", "line\nend", "nul\0", "\x1b[A", "\x7f", "\x85", "lone\ud800", "unassigned\u0378", "x" * 1025],
)
def test_what_cannot_be_typed_again_is_no_passphrase(typed: str) -> None:
    error = refusal(lambda: passphrase_from_text(typed))
    assert error.code is WalletCode.PASSPHRASE
    assert not typed or typed not in str(error)


# A new one


def test_a_new_passphrase_is_typed_twice() -> None:
    assert new_passphrase(answers("four unrelated words", "four unrelated words")) == Secret(b"four unrelated words")


def test_a_new_passphrase_typed_in_two_ways_is_refused() -> None:
    error = refusal(lambda: new_passphrase(answers("four unrelated words", "four unrelated word")))
    assert error.code is WalletCode.PASSPHRASE
    assert "unrelated" not in str(error)


@pytest.mark.parametrize("short", ["eleven char", "\u00e9" * 11, ""])
def test_a_new_passphrase_under_twelve_characters_is_refused(short: str) -> None:
    assert refusal(lambda: new_passphrase(answers(short, short))).code is WalletCode.PASSPHRASE


def test_twelve_characters_are_enough() -> None:
    assert new_passphrase(answers("\u00e9" * 12, "\u00e9" * 12)) == Secret(("\u00e9" * 12).encode())


# A file


@pytest.mark.parametrize("data", [b"correct horse", b"correct horse\n", b"correct horse\r\n"])
def test_a_passphrase_file_is_one_line_with_or_without_its_end(tmp_path: Path, data: bytes) -> None:
    assert read_passphrase_file(written(tmp_path / "word", data)) == Secret(b"correct horse")


def test_a_mounted_secret_may_be_a_link(tmp_path: Path) -> None:
    written(tmp_path / "word", b"correct horse\n", 0o400)
    (tmp_path / "link").symlink_to("word")
    assert read_passphrase_file(tmp_path / "link") == Secret(b"correct horse")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", WalletCode.PASSPHRASE),
        (b"\n", WalletCode.PASSPHRASE),
        (b"two\nlines\n", WalletCode.PASSPHRASE),
        (b"two ends\n\n", WalletCode.PASSPHRASE),
        (b"latin \xe9\n", WalletCode.PASSPHRASE),
        (b"nul\0\n", WalletCode.PASSPHRASE),
        (b"x" * 1025, WalletCode.PASSPHRASE),
        (b"x" * 5000, WalletCode.TOO_LARGE),
    ],
)
def test_a_file_that_is_not_one_line_of_text_is_refused(tmp_path: Path, data: bytes, code: WalletCode) -> None:
    path = written(tmp_path / "word", data)
    error = refusal(lambda: read_passphrase_file(path))
    assert error.code is code
    assert "latin" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o604, 0o620, 0o602, 0o601, 0o610])
def test_a_passphrase_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "word", b"correct horse\n", mode)
    error = refusal(lambda: read_passphrase_file(path))
    assert error.code is WalletCode.EXPOSED
    assert "chmod 600" in str(error)


def test_no_file_and_no_regular_file_are_told_apart(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert refusal(lambda: read_passphrase_file(tmp_path / "none")).code is WalletCode.NOT_FOUND
    assert refusal(lambda: read_passphrase_file(tmp_path / "pipe")).code is WalletCode.READ_FAILED
    assert refusal(lambda: read_passphrase_file(tmp_path)).code is WalletCode.READ_FAILED


# The keychain


def test_what_the_keychain_was_told_it_remembers_for_that_wallet_alone() -> None:
    keychain = MemoryKeychain()
    remember_passphrase(keychain, WALLET, Secret(b"correct horse"))
    assert passphrase_from_keychain(keychain, WALLET) == Secret(b"correct horse")
    assert passphrase_from_keychain(keychain, "bob") is None


def test_a_keychain_that_says_no_is_an_error_that_quotes_nothing() -> None:
    keychain = LockedKeychain()
    assert refusal(lambda: passphrase_from_keychain(keychain, WALLET)).code is WalletCode.KEYCHAIN
    word = Secret(b"marmalade")
    error = refusal(lambda: remember_passphrase(keychain, WALLET, word))
    assert error.code is WalletCode.KEYCHAIN
    assert "cannot store marmalade" not in "".join(traceback.format_exception(error))


def test_a_keychain_that_forgets_is_noticed_at_once() -> None:
    error = refusal(lambda: remember_passphrase(ForgetfulKeychain(), WALLET, Secret(b"correct horse")))
    assert error.code is WalletCode.KEYCHAIN


def test_only_keychains_known_to_keep_a_secret_are_used() -> None:
    unreal: list[Keychain] = [
        keyring.backends.fail.Keyring(),  # type: ignore[no-untyped-call]  # as the package has it
        keyring.backends.null.Keyring(),  # type: ignore[no-untyped-call]  # as the package has it
        keyring.backends.chainer.ChainerBackend(),  # type: ignore[no-untyped-call]  # as the package has it
        PlaintextKeyring(),
        Lookalike(),
        MemoryKeychain(),
    ]
    for candidate in unreal:
        assert real_keychain([candidate]) is None, type(candidate)
    real = SystemKeyring()
    assert real_keychain([*unreal, real, SystemKeyring()]) is real
    assert real_keychain([]) is None


def test_the_real_backends_of_the_package_are_known_by_where_they_live() -> None:
    for module in passphrase._REAL_KEYCHAINS:
        assert importlib.util.find_spec(module) is not None, module


@pytest.mark.slow
def test_a_backend_named_in_keyrings_own_configuration_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "clear.py").write_text(
        textwrap.dedent(
            """
            from keyring.backend import KeyringBackend
            class Keyring(KeyringBackend):
                priority = 99
                def get_password(self, service, username): return "written down in clear"
                def set_password(self, service, username, password): pass
                def delete_password(self, service, username): pass
            """
        )
    )
    script = """
        import keyring
        from pteri.wallet.passphrase import system_keychain
        print(type(keyring.get_keyring()).__module__, getattr(type(system_keychain()), "__module__", None))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={
            "PYTHONPATH": os.pathsep.join([str(Path(pteri.__file__).parents[1]), str(tmp_path)]),
            "PYTHON_KEYRING_BACKEND": "clear.Keyring",
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    named, taken = done.stdout.split()
    assert named == "clear"
    assert taken != "clear"


def test_the_keychain_of_this_computer_is_a_real_one_or_none() -> None:
    found = system_keychain()
    assert found is None or type(found).__module__.startswith("keyring.backends.")


# Finding it


def test_a_named_file_goes_before_the_keychain_and_the_keychain_before_asking(tmp_path: Path) -> None:
    keychain = MemoryKeychain()
    remember_passphrase(keychain, WALLET, Secret(b"from the keychain"))
    file = written(tmp_path / "word", b"from the file\n")
    ask = answers("from the person")
    assert find_passphrase(WALLET, file=file, keychain=keychain, prompt=ask) == Secret(b"from the file")
    assert find_passphrase(WALLET, file=None, keychain=keychain, prompt=ask) == Secret(b"from the keychain")
    assert find_passphrase("bob", file=None, keychain=keychain, prompt=ask) == Secret(b"from the person")


def test_without_a_keychain_the_person_is_asked() -> None:
    assert find_passphrase(WALLET, file=None, keychain=None, prompt=answers("typed")) == Secret(b"typed")


def test_a_named_file_that_cannot_be_used_is_not_passed_over(tmp_path: Path) -> None:
    ask = answers("from the person")
    error = refusal(lambda: find_passphrase(WALLET, file=tmp_path / "none", keychain=None, prompt=ask))
    assert error.code is WalletCode.NOT_FOUND


def test_with_nowhere_to_look_and_nobody_to_ask_it_says_so() -> None:
    error = refusal(lambda: find_passphrase(WALLET, file=None, keychain=MemoryKeychain(), prompt=None))
    assert error.code is WalletCode.NO_PASSPHRASE


# The terminal

ASK = """
    import sys
    from pteri.wallet.errors import WalletError
    from pteri.wallet.passphrase import passphrase_from_text, terminal_prompt
    try:
        print("length", len(passphrase_from_text(terminal_prompt("Passphrase: "))))
    except WalletError as error:
        print(error.code)
"""


def asking(stdin: int, stderr: int | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(ASK)],
        env={"PYTHONPATH": str(Path(pteri.__file__).parents[1])},
        stdout=subprocess.PIPE,
        start_new_session=True,  # no terminal to find behind our back
        stdin=stdin,
        stderr=stderr,
    )


@pytest.mark.slow
def test_without_a_terminal_nobody_is_asked() -> None:
    with asking(stdin=subprocess.DEVNULL) as child:
        assert child.communicate(timeout=60)[0] == b"NO_PASSPHRASE\n"


@pytest.mark.slow
def test_a_passphrase_is_not_taken_from_where_it_would_be_shown() -> None:
    with asking(stdin=subprocess.PIPE) as child:
        assert child.communicate(b"marmalade\n", timeout=60)[0] == b"NO_PASSPHRASE\n"


@pytest.mark.slow
def test_what_is_typed_in_a_terminal_is_not_shown() -> None:
    outer, inner = pty.openpty()
    with asking(stdin=inner, stderr=inner) as child:
        os.close(inner)
        shown = os.read(outer, 1024)  # the question comes after the echo is off
        os.write(outer, b"marmalade\n")
        assert child.communicate(timeout=60)[0] == b"length 9\n"
    os.set_blocking(outer, False)
    with suppress(OSError):  # a terminal that everybody has left
        shown += os.read(outer, 1024)
    os.close(outer)
    assert shown.startswith(b"Passphrase: ")
    assert b"marmalade" not in shown


@pytest.mark.slow
def test_a_terminal_that_hangs_up_is_told_plainly() -> None:
    outer, inner = pty.openpty()
    with asking(stdin=inner, stderr=inner) as child:
        os.close(inner)
        os.read(outer, 1024)
        os.write(outer, b"\x04")  # end of input
        assert child.communicate(timeout=60)[0] == b"NO_PASSPHRASE\n"
    os.close(outer)
