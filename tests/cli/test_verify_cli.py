"""``pteri verify message``: exit 0 valid, 1 not valid with the code, 2 usage."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ADDRESS = "LZaJcrXLPQAqUdjjjnuz7obyCP8hszgedX"
MESSAGE = b"Lets test Pteri Node sign a Signature"
SIGNATURE = "IAdyZtI2VXRpxi8pYwW29YJeimwwTNPlro1A1Ce9mTQXS1BO21Tb6j3BoXky4mOOPk/uPMV+BeT2JTC3nFsLBIA="


def _verify(tmp_path: Path, *more: str, message: bytes = MESSAGE, signature: str = SIGNATURE) -> tuple[int, str, str]:
    file = tmp_path / "message"
    file.write_bytes(message)
    arguments = ["--address", ADDRESS, "--signature", signature, "--message-file", str(file), *more]
    command = [sys.executable, "-m", "pteri", "verify", "message", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_published_example_is_valid(tmp_path: Path) -> None:
    status, out, _ = _verify(tmp_path)
    assert status == 0
    assert ADDRESS in out


def test_json_says_what_was_verified(tmp_path: Path) -> None:
    status, out, _ = _verify(tmp_path, "--json")
    told = json.loads(out)
    assert (status, told["valid"], told["kind"], told["signature_type"]) == (0, True, "p2pkh", "ltc-msg-p2pkh")


def test_one_changed_byte_is_not_valid_and_has_a_code(tmp_path: Path) -> None:
    status, out, _ = _verify(tmp_path, "--json", message=MESSAGE + b"\n")
    assert (status, json.loads(out)["valid"], json.loads(out)["code"]) == (1, False, "MISMATCH")


def test_another_network_is_not_valid(tmp_path: Path) -> None:
    status, out, _ = _verify(tmp_path, "--json", "--network", "regtest")
    assert (status, json.loads(out)["code"]) == (1, "ADDRESS")


def test_an_unknown_network_is_refused_with_its_code(tmp_path: Path) -> None:
    status, out, _ = _verify(tmp_path, "--json", "--network", "moon")
    assert (status, json.loads(out)["code"]) == (1, "NETWORK")


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    status, out, _ = _verify(tmp_path, "--json", message=b"x" * 5_000_000)
    assert (status, json.loads(out)["code"]) == (1, "MESSAGE_SIZE")


def test_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pteri", "verify", "message", "--address", ADDRESS, "--signature", SIGNATURE]
    done = subprocess.run(
        [*command, "--message-file", str(tmp_path / "none")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Cannot read" in done.stderr


@pytest.mark.parametrize("missing", ["--address", "--signature", "--message-file"])
def test_every_option_is_needed(tmp_path: Path, missing: str) -> None:
    options = {"--address": ADDRESS, "--signature": SIGNATURE, "--message-file": str(tmp_path)}
    arguments = [word for name, value in options.items() if name != missing for word in (name, value)]
    command = [sys.executable, "-m", "pteri", "verify", "message", *arguments]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2


def test_the_message_may_come_on_standard_input() -> None:
    arguments = ["--address", ADDRESS, "--signature", SIGNATURE, "--message-file", "-"]
    command = [sys.executable, "-m", "pteri", "verify", "message", *arguments]
    assert subprocess.run(command, input=MESSAGE, capture_output=True, check=False).returncode == 0
